"""The cast and the scenery of the PHLO stories: a customer behind the trunk, registered agents, one flow."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from switchhook.flows.graph import read
from switchhook.lab.stage import Line, Stage
from switchhook.settings import Settings
from tests.stories.common import ACCOUNT, TOKEN, settings

PHLO = "5b1d7c0a-2c3e-4d5f-8a90-1b2c3d4e5f60"
NODE = "8d7e6f50-1111-4222-8333-944455566677"
NUMBER = "+14155550100"
CUSTOMER = "+14155550123"
EVENTS_URL = "http://app.example.net/events"
AUTH = (ACCOUNT, TOKEN)
N = f"/v1/phlo/{PHLO}/multi_party_call/{NODE}"
R = f"/v1/account/{ACCOUNT}/phlo/{PHLO}"


def node(node_id: str, name: str, kind: str, **model: object) -> dict[str, object]:
    return {"id": node_id, "name": name, "type": kind, "config": {"model": {"name": name, **model}}}


def line(source: str, target: str) -> dict[str, object]:
    return {"source": source, "target": f"{target}.Input", "data": {"type": "output"}}


def flow(*nodes: dict[str, object], lines: tuple[tuple[str, str], ...], **head: object) -> dict[str, object]:
    """Returns a definition; the first node is Start."""
    return {
        "phlo": {"name": "Support line", "state": "ACTIVE", "enabled": True, "phlo_id": PHLO, **head},
        "nodes": list(nodes),
        "connections": [line(*pair) for pair in lines],
    }


START = node("n-start", "Start", "start")


def party_flow(*more: dict[str, object], lines: tuple[tuple[str, str], ...] = (), **model: object) -> dict[str, object]:
    """Start leads to a multi-party call, from an inbound call and from an API run alike."""
    given = {"from": NUMBER, "to": "1001", "event_callback_url": EVENTS_URL, **model}
    party = node(NODE, "Multi-Party Call_1", "multi_party_call", **given)
    both = (("n-start.call", NODE), ("n-start.http", NODE))
    return flow(START, party, *more, lines=(*both, *lines))


def phlo_settings(**more: object) -> Settings:
    """The numbers lead to flows by id; the flows themselves are put on the shelf by `phlo_stage`."""
    return settings(agent=[], number=[], **more)


@asynccontextmanager
async def phlo_stage(
    definition: Mapping[str, object], dialects: tuple[str, ...] = ("phlo",), **more: Any
) -> AsyncIterator[Cast]:
    """A stage whose number `NUMBER` leads to the flow of `definition`, written to a file like a user's."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "flow.json"
        file.write_text(json.dumps(definition))
        tree = {
            "agent": [],
            "flow": [{"file": str(file), "account": ACCOUNT}],
            "number": [{"number": NUMBER, "account": ACCOUNT, "flow": PHLO}],
            **more,
        }
        async with Stage(settings(**tree), dialects=dialects) as stage:
            stage.web.on(EVENTS_URL, "ok")
            yield Cast(stage)


def put(stage: Stage, definition: Mapping[str, object]) -> None:
    """Saves another flow on a running stage."""
    stage.dialects["phlo"].walker.flows.put(read(definition, account=ACCOUNT, created_on=1_700_000_000.0))


@dataclass
class Cast:
    """A stage with the words of the PHLO stories."""

    stage: Stage
    lines: dict[str, Line] = field(default_factory=dict)

    async def call_in(self, caller: str = CUSTOMER) -> Line:
        """The customer calls the flow's number."""
        found = self.stage.phone(caller).calls(NUMBER)
        await self.stage.settled()
        return found

    async def picks_up(self, name: str) -> Line:
        found = await self.stage.phone(name).rings()
        found.answers()
        await self.stage.settled()
        return found

    async def talking(self) -> tuple[Line, Line]:
        """Customer and agent 1001 talk in the room of the node."""
        customer = await self.call_in()
        agent = await self.picks_up("1001")
        return customer, agent

    async def act(self, action: str, to: str = "1002", trigger: str = "1001", **more: object) -> Any:
        reply = await self.stage.http.post(
            N, json={"action": action, "to": to, "trigger_source": trigger, "role": "agent", **more}, auth=AUTH
        )
        await self.stage.settled()
        return reply

    async def member(self, address: str, action: str) -> Any:
        reply = await self.stage.http.post(f"{N}/members/{address}", json={"action": action}, auth=AUTH)
        await self.stage.settled()
        return reply

    @property
    def events(self) -> list[str]:
        """The names of all event callbacks so far, ConferenceEnter and ConferenceExit left out."""
        names = [hook.form["event"] for hook in self.stage.web.to(EVENTS_URL)]
        return [name for name in names if not name.startswith("Conference")]

    def event(self, name: str) -> dict[str, str]:
        """The fields of the latest event of that name."""
        return next(hook.form for hook in reversed(self.stage.web.to(EVENTS_URL)) if hook.form["event"] == name)

    async def ended(self) -> None:
        """Lets what was begun come to its end, and requires that nothing is left."""
        await self.stage.passes(1)
        assert self.stage.nothing_left(), self.stage.exchange.state
