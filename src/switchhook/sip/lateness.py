"""How far the event loop and the sockets are behind, measured 20 times a second.

A loop that is late because it worked has too much to do. One that is late because the machine gave it no time (another
process, a suspended laptop) has not: refusing calls would not make it less late, and the rate would fall to its floor
on any busy machine. So lateness counts only when this thread has worked for at least half of the time; a queue that
stands in the sockets counts always.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import thread_time

PULSE_S = 0.05
AT_WORK = 0.5  # share of the time


class Lateness:
    """Tells `observe` the present delay and time (both seconds) every 50 ms; `standing` adds that of the sockets."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: Callable[[], float],
        observe: Callable[[float, float], None],
        standing: Callable[[], float],
        *,
        worked: Callable[[], float] | None = thread_time,
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._observe = observe
        self._standing = standing
        self._worked = worked
        self._began = loop.time()
        self._worked_before = worked() if worked is not None else 0.0
        self._next = loop.call_at(self._began + PULSE_S, self._beat)

    def _beat(self) -> None:
        now = self._loop.time()
        late = now - self._began - PULSE_S
        if self._worked is not None:
            worked = self._worked()
            if worked - self._worked_before < AT_WORK * (now - self._began):
                late = 0.0
            self._worked_before = worked
        self._observe(max(0.0, late, self._standing()), self._clock())
        self._began = now
        self._next = self._loop.call_at(now + PULSE_S, self._beat)

    def close(self) -> None:
        """Stops measuring."""
        self._next.cancel()
