"""One loop handle for all timers of an engine: a tick when one is due, at most every 20 ms, none while all is quiet."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from switchhook.sip.timers import Timers

TICK_S = 0.02


class Ticking:
    """Calls `tick` while `timers` has something to wait for. `close` ends it."""

    def __init__(self, timers: Timers, tick: Callable[[], None], loop: asyncio.AbstractEventLoop) -> None:
        self._timers = timers
        self._tick = tick
        self._loop = loop
        self._next: asyncio.TimerHandle | None = None
        self._closed = False
        timers.on_start = self._wake
        if timers.next_tick() is not None:
            self._wake()

    def _wake(self) -> None:
        """Looks again when the timers have planned it, or a little later."""
        if self._closed:
            return
        if self._next is not None:
            self._next.cancel()
        delay = self._timers.planned - self._timers.now
        self._next = self._loop.call_later(max(TICK_S, delay), self._due)

    def _due(self) -> None:
        self._next = None
        self._tick()
        if self._timers.next_tick() is not None:
            self._wake()

    def close(self) -> None:
        """Stops ticking for good."""
        self._closed = True
        self._timers.on_start = None
        if self._next is not None:
            self._next.cancel()
            self._next = None
