"""An office of baresips round one server: three flows, an agent's desktop, and two pairs who just call each other.

The user names say the part: 21xx, 22xx, 23xx and 26xx play a transfer each, ending in 1 for the customer, 2 for the
agent, 3 for the target; 2401 and 2402 call each other, and so do 2501 and 2502, over a line that loses packets. Each
has a tone of its own, so whoever hears whom can be told.
"""

from __future__ import annotations

import asyncio
import base64
import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from switchhook.exchange.ports import Entry
from switchhook.lab.served import Served, Table, on_loopback, written
from switchhook.lab.tones import Voices
from switchhook.stores.database import connect
from switchhook.stores.reading import Reader
from tests.wire.rig import ACCOUNT, AUDIO_AMONG, DOMAIN, free_block
from tests.wire.telephone import Telephone

WARM, COLD, DESK, PLAIN, LOSSY, MERGED = GROUPS = ("21", "22", "23", "24", "25", "26")
FLOWS = (WARM, COLD, MERGED)
PARTS = {"customer": "01", "agent": "02", "target": "03"}
TOKEN, AGENT_PASSWORD = "wire-token", "wire-agent"
WIDE = 80  # ports for the audio


def user(group: str, part: str) -> str:
    """Returns the telephone of a part in a group."""
    return group + PARTS[part]


def line_of(group: str) -> str:
    """Returns the number that the customers of a flow call."""
    return f"+141555500{group}"


def node_path(group: str) -> str:
    """Returns where programs steer a flow's multi-party call."""
    return f"/v1/phlo/{_phlo(group)}/multi_party_call/{_node(group)}"


class Office(Served):
    """The server, with a port block of its own for the audio so that a capture has nobody else's."""

    def __init__(self, folder: Path) -> None:
        audio = free_block(AUDIO_AMONG, WIDE)
        self.audio = audio.start, audio.stop - 2
        self.database = folder / "office.db"
        for group in FLOWS:
            (folder / f"flow-{group}.json").write_text(json.dumps(_flow(group)), encoding="utf-8")
        super().__init__(folder, written(_configuration(self.database, self.audio)), name="office")

    async def post(self, path: str, body: dict[str, str]) -> int:
        """Sends a request as the account; returns the status."""
        secret = base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
        headers = {"Content-Type": "application/json", "Authorization": f"Basic {secret}"}
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), headers)

        def send() -> int:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return int(answer.status)

        return await asyncio.to_thread(send)

    def journal(self) -> list[Entry]:
        """Returns all lines that are on disk."""
        engine = connect(f"sqlite:///{self.database}", migrate=False)
        try:
            found: list[tuple[int, Entry]] = []
            while lines := Reader(engine).since(found[-1][0] if found else 0):
                found += lines
            return [entry for _, entry in found]
        finally:
            engine.dispose()


class Player(Telephone):
    """A telephone whose waits leave the loop free."""

    async def does(self, command: str, params: str = "") -> None:
        """Gives an order."""
        await asyncio.to_thread(self.order, command, params)

    async def sees(self, kind: str) -> dict[str, object]:
        """Waits for an event and returns it."""
        return await asyncio.to_thread(self.wait, kind)

    async def calls(self, called: str) -> None:
        """Dials a number or a user name."""
        await self.does("dial", f"sip:{called}@{DOMAIN}")

    async def picks_up(self) -> None:
        """Waits until it rings, and answers."""
        await self.sees("CALL_INCOMING")
        await self.does("accept")
        await self.sees("CALL_ESTABLISHED")

    async def hangs_up(self) -> None:
        """Ends its call."""
        await self.does("hangup")
        await self.sees("CALL_CLOSED")


def players(folder: Path, sip: int, lossy_sip: int, voices: Voices) -> dict[str, Player]:
    """Returns all telephones of the office, not started, each with a tone of its own; one is on the lossy line."""
    lines = {user(LOSSY, "customer"): lossy_sip}
    return {name: Player(folder, lines.get(name, sip), name, hz=voices.assign(name)) for name in _names()}


def _names() -> Iterator[str]:
    everybody = (user(group, part) for group in GROUPS for part in PARTS)
    return (name for name in everybody if name not in (user(PLAIN, "target"), user(LOSSY, "target")))


def _phlo(group: str) -> str:
    return f"5b1d7c0a-2c3e-4d5f-8a90-0000000000{group}"


def _node(group: str) -> str:
    return f"8d7e6f50-1a2b-4c3d-9e8f-0000000000{group}"


def _flow(group: str) -> dict[str, object]:
    model = {"name": "Support", "dialing": "customer_dials_in", "to": user(group, "agent")}
    return {
        "phlo_id": _phlo(group),
        "phlo": {"name": f"Line {group}", "phlo_type": "voice", "state": "ACTIVE", "enabled": True},
        "nodes": [
            {"id": "n-start", "name": "Start", "type": "start", "config": {"model": {"name": "Start"}}},
            {"id": _node(group), "name": "Support", "type": "multi_party_call", "config": {"model": model}},
        ],
        "connections": [{"source": "n-start.call", "target": f"{_node(group)}.Input", "data": {"id": "c1"}}],
    }


def _configuration(database: Path, audio: tuple[int, int]) -> list[Table]:
    tables = on_loopback(database, domain=DOMAIN, ports=audio, max_legs=WIDE // 4)
    tables.append(("account[]", {"auth_id": ACCOUNT, "auth_token": TOKEN}))
    for name in _names():
        tables.append(("endpoint[]", {"username": name, "password": f"wire-{name}", "account": ACCOUNT}))
    desk = user(DESK, "agent")
    agent = {"username": f"agent{desk}", "password": AGENT_PASSWORD, "endpoint": desk, "number": desk}
    tables.append(("agent[]", agent))
    for group in FLOWS:
        tables.append(("number[]", {"number": line_of(group), "account": ACCOUNT, "flow": _phlo(group)}))
        tables.append(("flow[]", {"file": f"flow-{group}.json", "account": ACCOUNT}))
    return tables
