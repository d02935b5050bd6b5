"""What a call, a registration and a closing connection cost at the SIP side, whoever else is on the line: byte codes.

The crowd's calls are up and their timers have run out; then one more call is made, answered and hung up, and all of
its own timers run out. Both ends are counted, the server's line and the telephone's agent.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from switchhook.core.events import LegArrived
from switchhook.core.outcomes import Outcome
from switchhook.sip.agent import Identity
from switchhook.sip.flow import Flow
from tests.sip.house import ENDPOINTS, SERVER, House, telephone
from tests.sip.link import Person, Wire

TRUNK = "10.0.0.50"


class Crowd:
    """A server with so many calls up, over UDP or a connection each."""

    def __init__(self, size: int, *, tcp: bool = False) -> None:
        self.wire = Wire()
        self.house = House(self.wire, on=self._told)
        self.carrier = Person(self.wire, "carrier", TRUNK, SERVER)
        self.carrier.agent.identity = Identity("+4930123", "carrier.net")
        self.tcp = tcp
        if tcp:
            receive = self.house.end.on_message
            self.house.end.on_message = lambda wire, flow: receive(wire, self.connection(flow))
        for _ in range(size):
            self.call()
            self.wire.run(0.1)
        self.wire.run(100)
        self.wire.log.clear()
        assert self.house.line.live_legs == size

    def connection(self, flow: Flow) -> Flow:
        return Flow("tcp", flow.host, flow.port, flow.local)

    def call(self) -> None:
        self.carrier.agent.call("sip:%2B14155550100@whatever.example", self.carrier.media)

    def _told(self, event: object) -> None:
        if isinstance(event, LegArrived):
            self.house.line.answer(event.leg)

    def life(self) -> None:
        """One call from its INVITE to its last timer."""
        self.call()
        self.wire.run(1)
        self.house.line.end(self.house.arrived.leg, Outcome.COMPLETED)
        self.wire.run(100)


def counted(deed: Callable[[], object]) -> int:
    """Returns how many byte codes of the SIP side are run."""
    count = 0

    def each(frame: FrameType, event: str, _: object) -> Callable[..., Any] | None:
        nonlocal count
        if "/switchhook/sip/" not in frame.f_code.co_filename:
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return each

    before = sys.gettrace()
    sys.settrace(each)
    try:
        deed()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.slow
def test_a_call_costs_the_same_in_any_crowd() -> None:
    Crowd(1).life()  # what is read once and remembered
    few, many = (counted(Crowd(size).life) for size in (5, 150))
    assert few > 1000
    assert abs(many - few) < few / 100  # where a timer's turn falls may differ


@pytest.mark.slow
def test_a_connection_that_closes_costs_what_was_on_it() -> None:
    few, many = (Crowd(size, tcp=True) for size in (5, 150))
    other = Flow("tcp", "10.0.0.77", 40_000, f"{SERVER}:5060")
    costs = [counted(lambda crowd=crowd: crowd.house.line.broken(other)) for crowd in (few, many)]  # type: ignore[misc]
    assert costs[0] == costs[1]
    theirs = few.connection(Flow("udp", TRUNK, 5060, f"{SERVER}:5060"))
    assert counted(lambda: many.house.line.broken(theirs)) > 10 * costs[1]
    assert many.house.line.counters.lost_connections == 150
    for leg in [event.leg for event in many.house.told(LegArrived)]:
        many.house.line.end(leg, Outcome.COMPLETED)
    many.wire.run(200)
    assert not len(many.house.line.engine.riders)
    assert not len(many.house.line.engine.transactions.riders)


def test_a_closing_connection_of_one_telephone_leaves_the_registrations_of_others_alone() -> None:
    wire = Wire()
    house = House(wire)
    receive = house.end.on_message
    house.end.on_message = lambda message, flow: receive(message, Flow("tcp", flow.host, flow.port, flow.local))
    people = [
        telephone(wire, each.username, f"10.0.0.{place}", each.password or "")
        for place, each in enumerate(ENDPOINTS, 1)
    ]
    for person in people:
        person.agent.register()
    wire.run(1)
    bindings = house.line.registrar.bindings
    assert all(bindings(each.username)[0].pinned is not None for each in ENDPOINTS)
    house.line.broken(Flow("tcp", "10.0.0.2", 5060, f"{SERVER}:5060"))
    assert [bindings(each.username)[0].pinned is not None for each in ENDPOINTS] == [True, False, True]
