"""A wire that does one named thing to each message whose number is in `faults`; everything else arrives in order.

Messages are numbered from 1 in the order of their sending, retransmissions too, so that a set of faults and a flow
play the same way every time.

    lose    it never arrives
    double  it arrives twice, one network delay apart
    swap    it arrives behind the next message of the same direction (or after 3 s, when there is none)
    ghost   a copy of it arrives 4.5 s later (RFC 3261 17: the network forgets a message after T4, 5 s)
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from typing import Any

from switchhook.sip.flow import Flow
from tests.sip.link import DELAY_S, End, Wire

KINDS = ("lose", "double", "swap", "ghost")
GHOST_S = 4.5
HELD_S = 3.0


class Net(Wire):
    """The network and the clock of one run."""

    def __init__(self, faults: Mapping[int, str]) -> None:
        super().__init__()
        self.plan = faults
        self.sent = 0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = 0
        self._held: dict[tuple[str, str], list[Callable[[], None]]] = {}

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        self._order += 1
        heapq.heappush(self._events, (self.now + seconds, self._order, action))

    def carry(self, source: End, wire: bytes, flow: Flow) -> None:
        self.sent += 1
        fault = self.plan.get(self.sent)
        self.log.append((self.now, source.host, flow.host, wire))
        seen = Flow(flow.transport, source.host, source.port, f"{flow.host}:{flow.port}")
        target = self._ends.get((flow.host, flow.port))
        if target is None or fault == "lose":
            return
        way = (source.host, flow.host)

        def arrive() -> None:
            target.on_message(wire, seen)

        if fault == "swap":
            self._hold(way, arrive)
            return
        self.after(DELAY_S, arrive)
        overtaken = self._held.pop(way, None)
        for one in overtaken or ():
            self.after(DELAY_S, one)
        if fault == "double":
            self.after(2 * DELAY_S, arrive)
        elif fault == "ghost":
            self.after(DELAY_S + GHOST_S, arrive)

    def _hold(self, way: tuple[str, str], arrive: Callable[[], None]) -> None:
        held = self._held.setdefault(way, [])
        held.append(arrive)

        def release() -> None:
            if arrive in self._held.get(way, ()):
                self._held[way].remove(arrive)
                arrive()

        self.after(HELD_S, release)

    def run(self, seconds: float = 200.0) -> None:
        end = self.now + seconds
        events, tickers = self._events, self.tickers
        while True:
            soonest = events[0][0] if events else end + 1
            late: Any = None
            for one in tickers:
                due = one.engine.next_due()
                if due is not None and due < soonest:
                    soonest, late = due, one
            if soonest > end:
                self.now = end
                return
            self.now = max(self.now, soonest)
            if late is not None:
                late.tick()
            else:
                heapq.heappop(events)[2]()
