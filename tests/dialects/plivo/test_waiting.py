"""Notifications to a server that does not answer: so many wait, one more is told as failed, and all goes on later."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from types import SimpleNamespace
from typing import Any

import pytest

from switchhook.core.ids import LegId
from switchhook.dialects.plivo import outgoing
from switchhook.dialects.plivo.links import Link
from switchhook.dialects.plivo.outgoing import Outgoing, Webhook
from switchhook.exchange.ports import Reply


class Dead:
    """An exchange whose webhooks hang until `go`."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.sent: list[str] = []
        self.lines: list[dict[str, Any]] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.clock = SimpleNamespace(now=lambda: 0.0)
        self.calls = SimpleNamespace(of=lambda _leg: "")
        self.sender = self
        self.settings = SimpleNamespace(webhooks=SimpleNamespace(user_agent="x", signature="off"))

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self.tasks.append(asyncio.ensure_future(work))

    async def send(self, _method: str, url: str, *, body: bytes, **_: object) -> Reply:
        await self.go.wait()
        self.sent.append(body.decode())
        return Reply(200, (), b"", url)

    def write(self, _kind: str, body: dict[str, Any], **_: object) -> None:
        self.lines.append(body)


def webhook(number: int, leg: str) -> Webhook:
    return Webhook(LegId(leg), "MA", Link("http://127.0.0.1/told", "POST"), {"Event": "Digits", "n": str(number)})


@pytest.mark.parametrize(("of_call", "of_all"), [(5, 1000), (1000, 6)])
def test_so_many_wait_and_one_more_is_told_as_failed(
    monkeypatch: pytest.MonkeyPatch, of_call: int, of_all: int
) -> None:
    monkeypatch.setattr(outgoing, "MOST_OF_CALL", of_call)
    monkeypatch.setattr(outgoing, "MOST_WAITING", of_all)

    async def story() -> None:
        dead = Dead()
        out = Outgoing(dead)  # type: ignore[arg-type]
        out.tell(webhook(0, "leg"))
        await asyncio.sleep(0)  # it is under way
        for number in range(1, 20):
            out.tell(webhook(number, "leg"))
        assert len(dead.lines) == 14  # five wait behind it
        assert {line["error"] for line in dead.lines} == {"not sent: too many wait for an answer"}
        assert len(dead.tasks) == 1
        dead.go.set()
        await asyncio.gather(*dead.tasks)
        assert dead.sent == [f"Event=Digits&n={number}" for number in range(6)]
        out.tell(webhook(99, "leg"))
        await dead.tasks[-1]
        assert dead.sent[-1] == "Event=Digits&n=99"
        assert not out._lanes

    asyncio.run(asyncio.wait_for(story(), 10))
