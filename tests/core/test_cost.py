"""A step costs the same in any crowd: counted in byte codes, not in time.

The dictionaries of the state refuse to be walked through, and a call's whole life, transfer included, is run with 10
and with 1000 other calls: not one instruction more.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, NoReturn

import pytest

from switchhook.core import requests as r
from switchhook.core.model import FallbackKind, Kind
from tests.core.rig import Rig, dial, fallback, plan


class Unwalkable(dict[Any, Any]):
    """A dictionary for look-ups only."""

    def _walked(self, *_: object) -> NoReturn:
        raise AssertionError("a step walked through all there is")

    __iter__ = keys = values = items = copy = _walked


def _crowd(size: int) -> Rig:
    rig = Rig(check=False)
    for n in range(size):
        room = rig.talking(f"c{n}", f"a{n}")
        if n % 2:
            rig.ask(r.StartTransfer(room, rig.leg(f"a{n}"), plan(Kind.WARM, f"t{n}")))
    for part in ("legs", "rooms", "dials", "transfers", "tapes", "named", "agents"):
        setattr(rig.state, part, Unwalkable(getattr(rig.state, part)))
    return rig


def _life(rig: Rig) -> Iterator[Callable[[], object]]:
    yield lambda: rig.talking("customer", "agent")
    room = rig.room_of("agent").id
    how = {"fallbacks": (fallback(FallbackKind.RECALL),)}
    yield lambda: rig.ask(r.StartTransfer(room, rig.leg("agent"), plan(Kind.CONSULT, "target", **how)))
    yield lambda: rig.answers("target")
    transfer = rig.state.agents[rig.leg("agent")]
    yield lambda: rig.ask(r.SwapTransfer(transfer))
    yield lambda: rig.ask(r.JoinTransfer(transfer))
    yield lambda: rig.ask(r.HoldMember(room, rig.leg("customer"), True))
    yield lambda: rig.ask(r.AddParty(room, dial("one", "two")))
    yield lambda: rig.rejects("one")
    yield lambda: rig.ask(r.StartTransfer(room, rig.leg("agent"), plan(Kind.COLD, "other", **how)))
    yield lambda: rig.rejects("other")
    yield lambda: rig.answers("agent")
    for name in ("agent", "target", "customer"):
        yield lambda name=name: rig.hangs_up(name)  # type: ignore[misc]


def _counted(deed: Callable[[], object]) -> int:
    """Returns how many byte codes of the core are run."""
    count = 0

    def each(frame: FrameType, event: str, _: object) -> Callable[..., Any] | None:
        nonlocal count
        if "/core/" not in frame.f_code.co_filename or "/tests/" in frame.f_code.co_filename:
            return None
        frame.f_trace_opcodes = True
        count += event == "opcode"
        return each

    before = sys.gettrace()
    sys.settrace(each)
    try:
        deed()
    finally:
        sys.settrace(before)
    return count


def _costs(size: int) -> list[int]:
    rig = _crowd(size)
    rig._step = _uncopied(rig)  # type: ignore[assignment, method-assign]
    return [_counted(deed) for deed in _life(rig)]


def _uncopied(rig: Rig) -> Callable[[Any], r.Accepted]:
    """A step of the rig without the witness's copy, which does walk through everything."""
    from switchhook.core.step import step

    def stepped(given: Any) -> r.Accepted:
        done = step(rig.state, given, rig.now)
        for action in done.actions:
            rig.carry_out(action)
        return done.accepted

    return stepped


@pytest.mark.slow
def test_no_step_costs_more_in_a_larger_crowd() -> None:
    _costs(10)  # what is compiled when it is first used
    few, many = _costs(10), _costs(1000)
    assert few == many
    assert min(few) > 100  # something was counted
