"""`warm_transfer_cpu_ms`: CPU of the control process for a whole warm transfer by one request of the PHLO API.

Virtual telephones (SIP only, they send no audio) behind a carrier stand in `TEAMS` multi-party calls, one flow each: a
customer and an agent. Then each team's agent asks for a warm transfer: hold, dial, the target rings and answers,
consult, the agent hangs up, customer and target talk. Counted is from the first request until the last fact is on disk;
making the calls before and ending them afterwards is not.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from random import Random

import httpx2

from bench.house import ACCOUNT, TOKEN, Served
from bench.measure import Reading, workshop
from switchhook.exchange.ports import MediaAddress, Session
from switchhook.lab.carrier import Carrier
from switchhook.sip.agent import Agent, Identity, Line
from switchhook.sip.call import Ending
from switchhook.sip.ticking import Ticking

TEAMS, ROUNDS, BETWEEN_S = 20, 5, 0.05
LONGEST_S = 60.0
AUDIO = MediaAddress("127.0.0.1", 9)  # the discard port: nobody sends, nobody listens


class Telephone:
    """Rings and picks up at once; its present line is `line`."""

    def __init__(self, carrier: Carrier, number: str, server: tuple[str, str, int]) -> None:
        loop = asyncio.get_running_loop()
        self.line: Line | None = None
        self.up = asyncio.Event()
        self.idle = asyncio.Event()
        self.agent = Agent(
            self, carrier.line(number), Identity(number, "bench.local"), clock=loop.time, random=Random(), server=server
        )
        self.ticking = Ticking(self.agent.engine.timers, self.agent.tick, loop)

    def call(self, number: str) -> None:
        self.idle.clear()
        self.line = self.agent.call(f"sip:{number}@bench.local", AUDIO)

    def hang_up(self) -> None:
        if self.line is not None:
            self.line.hang_up()

    def incoming(self, line: Line) -> None:
        self.idle.clear()
        self.line = line
        line.ring()
        line.answer(AUDIO)

    def answered(self, line: Line) -> None:
        self.up.set()

    def ended(self, line: Line, ending: Ending) -> None:
        self.line = None
        self.up.clear()
        self.idle.set()

    def rang(self, line: Line, early: bool) -> None: ...
    def session(self, line: Line, session: Session) -> None: ...
    def held(self, line: Line, on: bool) -> None: ...
    def digit(self, line: Line, digit: str, duration_ms: int) -> None: ...
    def talk(self, line: Line) -> None: ...
    def registered(self, ok: bool, status: int) -> None: ...


class Team:
    """A customer, an agent, a target, and the flow that brings the first two together."""

    def __init__(self, number: int) -> None:
        self.flow = f"5b1d7c0a-2c3e-4d5f-8a90-1b2c3d4e{number:04d}"
        self.node = f"8d7e6f50-1a2b-4c3d-9e8f-0a1b2c3d{number:04d}"
        self.called, self.customer = f"+1415555{number:04d}", f"+1415666{number:04d}"
        self.agent, self.target = f"+1415777{number:04d}", f"+1415888{number:04d}"

    def write(self, folder: Path) -> str:
        """Writes the flow's file and returns what the configuration says of it."""
        model = {"name": f"Room {self.called}", "dialing": "customer_dials_in", "to": self.agent}
        flow = {
            "phlo_id": self.flow,
            "phlo": {"name": f"Team {self.called}", "phlo_type": "voice", "state": "ACTIVE", "enabled": True},
            "nodes": [
                {"id": "start", "name": "Start", "type": "start", "config": {"model": {"name": "Start"}}},
                {"id": self.node, "name": "Room", "type": "multi_party_call", "config": {"model": model}},
            ],
            "connections": [{"source": "start.call", "target": f"{self.node}.Input", "data": {"id": "c1"}}],
        }
        (folder / f"{self.flow}.json").write_text(json.dumps(flow), encoding="utf-8")
        return (
            f'[[flow]]\nfile = "{self.flow}.json"\naccount = "{ACCOUNT}"\n'
            f'[[number]]\nnumber = "{self.called}"\naccount = "{ACCOUNT}"\nflow = "{self.flow}"\n'
        )

    def open(self, carrier: Carrier, server: tuple[str, str, int]) -> None:
        self.phones = [Telephone(carrier, number, server) for number in (self.customer, self.agent, self.target)]

    async def meet(self) -> None:
        """The customer calls and is put together with the agent."""
        customer, agent, _ = self.phones
        customer.call(self.called)
        await asyncio.gather(customer.up.wait(), agent.up.wait())

    async def hand_over(self, client: httpx2.AsyncClient) -> None:
        """The agent hands the customer to the target."""
        _, agent, target = self.phones
        body = {"action": "warm_transfer", "to": self.target, "role": "agent", "trigger_source": self.agent}
        path = f"/v1/phlo/{self.flow}/multi_party_call/{self.node}"
        reply = await client.post(path, json=body, auth=(ACCOUNT, TOKEN))
        if reply.status_code not in (200, 201, 202):
            raise SystemExit(f"{path} answered {reply.status_code}: {reply.text}")
        await target.up.wait()
        agent.hang_up()
        await agent.idle.wait()

    async def part(self) -> None:
        for phone in self.phones:
            phone.hang_up()
        await asyncio.gather(*(phone.idle.wait() for phone in self.phones))


def read() -> Reading:
    with workshop() as folder:
        return asyncio.run(_bounded(folder))


async def _bounded(folder: Path) -> Reading:
    """A call that is refused (an overloaded machine) would be waited for without end."""
    try:
        async with asyncio.timeout(LONGEST_S):
            return await _read(folder)
    except TimeoutError:
        raise SystemExit(f"the transfers were not done within {LONGEST_S:g} s: the machine is too busy") from None


async def _read(folder: Path) -> Reading:
    carrier = await Carrier.real()
    trunk = int(carrier.local.rpartition(":")[2])
    teams = [Team(number) for number in range(TEAMS)]
    more = "".join(team.write(folder) for team in teams)
    spent = of_audio = 0.0
    with Served(folder, trunk, more=more) as server:
        for team in teams:
            team.open(carrier, ("udp", "127.0.0.1", server.sip))
        async with httpx2.AsyncClient(
            base_url=f"http://127.0.0.1:{server.http}", timeout=10, trust_env=False
        ) as client:
            for turn in range(ROUNDS + 1):
                await asyncio.gather(*(team.meet() for team in teams))
                await _settled(server, 2 * TEAMS)
                control, audio = server.control_cpu_s(), server.audio_cpu_s()
                waits = []
                for team in teams:
                    waits.append(asyncio.ensure_future(team.hand_over(client)))
                    await asyncio.sleep(BETWEEN_S)
                await asyncio.gather(*waits)
                await _settled(server, 2 * TEAMS)
                if turn:  # the first turn warms up
                    spent += server.control_cpu_s() - control
                    of_audio += server.audio_cpu_s() - audio
                await asyncio.gather(*(team.part() for team in teams))
        await asyncio.sleep(0.1)
        figures = await asyncio.to_thread(server.metrics)
    carrier.close()
    completed = figures.get('switchhook_transfers_ended_total{kind="warm",outcome="completed"}', 0.0)
    count = TEAMS * ROUNDS
    return Reading(
        value=spent / count * 1e3,
        how=f"{count} transfers at {1 / BETWEEN_S:.0f}/s by the PHLO API, virtual telephones without audio; "
        f"{completed:.0f} of {count + TEAMS} completed",
        holds=completed == count + TEAMS,
        second={"audio_cpu_ms": of_audio / count * 1e3},
    )


async def _settled(server: Served, legs: int) -> None:
    """Waits until so many legs are live and all is on disk."""
    async with asyncio.timeout(20):
        while True:
            figures = await asyncio.to_thread(server.metrics)
            if figures["switchhook_legs_live"] == legs and not figures["switchhook_journal_waiting"]:
                return
            await asyncio.sleep(0.05)
