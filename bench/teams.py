"""Customers who are handed on and on: what every measure of transfers plays.

A team is a customer and two telephones, in a PHLO multi-party call of its own. Who talks with the customer asks for a
warm transfer to the other (one request: hold, dial, answer, consult), then leaves, by hanging up or by a second
request, and so completes it; the next transfer goes the other way. Transfers start at a fixed rate whether or not
earlier ones are done (an open load), each team in its turn.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench import sipp
from bench.api import Api
from bench.house import ACCOUNT, Served
from bench.others import Others
from bench.stamped import StampedSocket
from bench.talkers import Talkers
from bench.telephones import Telephone
from switchhook.lab.carrier import Carrier
from switchhook.lab.served import Table

LATE_S = 0.02  # a start later than this is counted
STEP_S = 15.0  # one step of a transfer never takes longer


@dataclass(frozen=True)
class Transfer:
    """One transfer as seen from outside. Times are the system's clock in ns."""

    team: Team
    agent: int  # which of the team's telephones left
    target: int
    asked_ns: int  # the request left
    invited_ns: int  # the INVITE to the target left the server
    completing_ns: int  # the request that completed it left; 0: the agent hung up
    answered_ms: float  # from the request to its HTTP answer


@dataclass
class Team:
    """A customer, the two who take turns, and the flow that brings the first two together."""

    number: int
    phones: list[Telephone] = field(default_factory=list)
    talks: int = 1  # which of the two talks with the customer

    def __post_init__(self) -> None:
        self.flow = f"5b1d7c0a-2c3e-4d5f-8a90-1b2c3d4e{self.number:04d}"
        self.node = f"8d7e6f50-1a2b-4c3d-9e8f-0a1b2c3d{self.number:04d}"
        self.called = f"+1415555{self.number:04d}"
        self.numbers = tuple(f"+1415{middle}{self.number:04d}" for middle in (666, 777, 888))
        self.busy = asyncio.Lock()

    def write(self, folder: Path) -> list[Table]:
        """Writes the flow's file and returns what the configuration says of it."""
        model = {"name": f"Room {self.called}", "dialing": "customer_dials_in", "to": self.numbers[1]}
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
        return [
            ("flow[]", {"file": f"{self.flow}.json", "account": ACCOUNT}),
            ("number[]", {"number": self.called, "account": ACCOUNT, "flow": self.flow}),
        ]

    async def meet(self) -> None:
        """The customer calls and is put together with the first of the two."""
        customer, agent, _ = self.phones
        customer.call(self.called)
        await asyncio.gather(customer.up.wait(), agent.up.wait())

    async def hand_over(self, api: Api, stamped: StampedSocket, consult_s: float, *, by_api: bool) -> Transfer:
        """Who talks with the customer hands them to the other, talks to that one for `consult_s`, and leaves."""
        leaves, stays = self.talks, 3 - self.talks
        agent, target = self.phones[leaves], self.phones[stays]
        path = f"/v1/phlo/{self.flow}/multi_party_call/{self.node}"
        body: dict[str, object] = {
            "action": "warm_transfer", "to": target.number, "role": "agent", "trigger_source": agent.number
        }  # fmt: skip
        asked = await api.post(path, body)
        async with asyncio.timeout(STEP_S):
            await target.up.wait()
        await asyncio.sleep(consult_s)
        completing_ns = 0
        if by_api:
            completing_ns = (await api.post(f"{path}/members/{agent.number}", {"action": "hangup"})).asked_ns
        else:
            agent.hang_up()
        async with asyncio.timeout(STEP_S):
            await agent.idle.wait()
        self.talks = stays
        invited_ns = stamped.invited_ns[target.number]
        return Transfer(
            self, leaves, stays, asked.asked_ns, invited_ns, completing_ns, (asked.answered_ns - asked.asked_ns) / 1e6
        )


@dataclass
class Floor:
    """Everything that stands when the transfers begin."""

    server: Served
    teams: list[Team]
    api: Api
    stamped: StampedSocket
    others: Others
    talkers: Talkers | None
    late: int = 0  # transfers that began late, because their team was not done
    asked: int = 0

    async def play(self, count: int, rate: float, consult_s: float = 0.0, *, by_api: bool = False) -> list[Transfer]:
        """Makes so many transfers at that rate per second, and returns them when all are done and on disk."""
        loop = asyncio.get_running_loop()
        start = loop.time() + 0.05
        under_way: list[asyncio.Task[Transfer]] = []
        for number in range(count):
            await asyncio.sleep(max(0.0, start + number / rate - loop.time()))
            due = start + number / rate
            team = self.teams[number % len(self.teams)]
            under_way.append(asyncio.create_task(self._one(team, due, consult_s, by_api)))
        found = await asyncio.gather(*under_way)
        await self.settled()
        return list(found)

    async def _one(self, team: Team, due: float, consult_s: float, by_api: bool) -> Transfer:
        async with team.busy:
            self.asked += 1
            self.late += asyncio.get_running_loop().time() - due > LATE_S
            return await team.hand_over(self.api, self.stamped, consult_s, by_api=by_api)

    async def settled(self) -> None:
        """Waits until just the standing legs are live and all is on disk."""
        legs = self.others.legs
        if not await asyncio.to_thread(self.server.settled, legs):
            raise SystemExit(f"not the {legs} legs that should be left are live, but another number")

    async def more_others(self, calls: int) -> None:
        """Lets so many other calls be up."""
        self.others = await asyncio.to_thread(self._grown, calls)
        await self.settled()

    def _grown(self, calls: int) -> Others:
        self.others.grow(calls)
        return self.others


@asynccontextmanager
async def standing(folder: Path, teams: Sequence[Team], *, audio: bool) -> AsyncIterator[Floor]:
    """Gives a server with all teams' customers talking to the first of the two, `audio` or none."""
    stamped = StampedSocket()
    carrier = Carrier(stamped)
    talkers = await Talkers.start(3 * len(teams)) if audio else None
    tables: list[Table] = [("trunk[]", {
        "name": "phones", "uri": f"sip:127.0.0.1:{stamped.port}", "prefixes": ["+1415666", "+1415777", "+1415888"],
    })]  # fmt: skip
    for team in teams:
        tables += team.write(folder)
    try:
        with (
            sipp.Answering(folder) as behind,
            Served(folder, behind.port, more=tuple(tables)) as server,
            Others(folder, server, 2 * len(teams)) as others,
        ):
            for team in teams:
                team.phones = [
                    Telephone(carrier, number, ("udp", "127.0.0.1", server.sip), talkers, 3 * team.number + voice)
                    for voice, number in enumerate(team.numbers)
                ]
            api = await Api.open(server.http)
            for start in range(0, len(teams), 5):
                async with asyncio.timeout(STEP_S):
                    await asyncio.gather(*(team.meet() for team in teams[start : start + 5]))
            yield Floor(server, list(teams), api, stamped, others, talkers)
            api.close()
    finally:
        if talkers is not None:
            await talkers.close()
        carrier.close()
