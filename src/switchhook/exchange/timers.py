"""Timers by name on one asyncio loop: one handle for all of them, the earliest first.

A handle of the loop for each timer of each call would cost more than the calls (sip-engineering, rule 1). Disarmed
and moved timers stay in the heap until their time and are passed over then.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable

from switchhook.core.events import TimerFired
from switchhook.exchange.ports import Clock

GRAIN_S = 0.02  # timers that fall due within this time fire together


class LoopTimers:
    """Implements `ports.Timers`; `tell` receives `TimerFired` inside the loop."""

    def __init__(self, clock: Clock, tell: Callable[[TimerFired], None]) -> None:
        self._clock = clock
        self._tell = tell
        self._due: dict[str, float] = {}
        self._heap: list[tuple[float, str]] = []
        self._handle: asyncio.TimerHandle | None = None
        self._handle_at = 0.0

    def arm(self, timer: str, at: float) -> None:
        self._due[timer] = at
        heapq.heappush(self._heap, (at, timer))
        if self._handle is None or at < self._handle_at:
            self._wake_at(at)

    def disarm(self, timer: str) -> None:
        self._due.pop(timer, None)
        if len(self._heap) > 64 and len(self._heap) > 4 * len(self._due):
            self._heap = [(at, name) for name, at in self._due.items()]
            heapq.heapify(self._heap)

    @property
    def armed(self) -> int:
        """How many timers are waiting."""
        return len(self._due)

    def _wake_at(self, at: float) -> None:
        if self._handle is not None:
            self._handle.cancel()
        loop = asyncio.get_running_loop()
        self._handle_at = at
        self._handle = loop.call_later(max(0.0, at - self._clock.now()), self._fire)

    def _fire(self) -> None:
        self._handle = None
        now = self._clock.now() + GRAIN_S / 2
        while self._heap and self._heap[0][0] <= now:
            at, timer = heapq.heappop(self._heap)
            if self._due.get(timer) == at:
                del self._due[timer]
                self._tell(TimerFired(timer))
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        if self._heap:
            self._wake_at(self._heap[0][0])

    def stop(self) -> None:
        """Forgets all timers."""
        self._due.clear()
        self._heap.clear()
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
