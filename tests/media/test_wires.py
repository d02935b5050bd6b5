"""Which wire runs, and that it is said aloud."""

from __future__ import annotations

import os
import signal
import socket
from contextlib import ExitStack
from unittest.mock import patch

import pytest

from switchhook.core.errors import Unavailable
from switchhook.media import uring, wire_choice
from switchhook.media.pump import Pump
from switchhook.media.settings import MediaSettings
from switchhook.media.table import Table
from tests.media.studio import Studio, story, studio


def test_the_reason_is_said_for_a_wire_that_was_not_asked_for() -> None:
    assert wire_choice.why_no_ring("epoll") == "not asked for: wire = epoll"
    wire, note = wire_choice.open_wire([], "poll")
    assert wire.name == "poll"
    assert note


@pytest.mark.parametrize(("asked", "warned"), [("io_uring", True), ("auto", False), ("epoll", False)])
def test_a_wire_that_was_asked_for_and_cannot_be_had_is_warned_of(
    asked: str, warned: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise Unavailable("io_uring: Operation not permitted")

    monkeypatch.setattr(uring, "Ring", refused)
    settings = MediaSettings(max_legs=2, clip_memory_mb=1, max_recordings=1, wire=asked)
    with socket.socket(socket.AF_UNIX) as listener:
        pump = Pump(Table(settings), [], listener)
    assert any("was asked for" in text and "not permitted" in text for text in pump._warnings) is warned


def test_a_phase_takes_statements_before_what_arrived_and_before_what_is_due() -> None:
    """So what they change is so for both: no packet of a new voice is lost, music waits for no other tick."""
    settings = MediaSettings(max_legs=2, clip_memory_mb=1, max_recordings=1, wire="poll")
    with socket.socket(socket.AF_UNIX) as listener:
        pump = Pump(Table(settings), [], listener)
    order: list[str] = []
    names = {"_link": "receive", "_inbound": "receive", "_outbound": "tick"}
    with ExitStack() as stack:
        for part, method in names.items():
            stack.enter_context(patch.object(getattr(pump, part), method, lambda *_, part=part: order.append(part)))
        pump._phase(8, 0.04, 0.04)
    assert order[:3] == ["_link", "_inbound", "_outbound"]


@pytest.mark.slow
@story
async def test_the_counters_name_the_wire_also_after_the_pump_was_replaced() -> None:
    async with studio(wire="epoll") as s:
        await s.until(lambda: _wire(s) == ("epoll", "not asked for: wire = epoll"))
        os.kill(s.child("pump"), signal.SIGKILL)
        s.engine.counters = None  # before the next pump says its own, which it does once: without legs it sleeps
        await s.until(lambda: s.engine.restarts == 1)
        await s.until(lambda: _wire(s) == ("epoll", "not asked for: wire = epoll"))


def _wire(s: Studio) -> tuple[str, str] | None:
    return (s.engine.counters.wire, s.engine.counters.wire_note) if s.engine.counters else None
