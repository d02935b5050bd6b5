"""How far the event loop and the sockets are behind, measured 20 times a second while there is work, else 6 times.

A loop that is late because it worked has too much to do. One that is late because the machine gave it no time (another
process, a suspended laptop) has not: refusing calls would not make it less late, and the rate would fall to its floor
on any busy machine. So lateness counts only when this thread has worked for at least half of the time; a queue that
stands in the sockets counts always.

A loop with hardly any work is looked at less often: each look wakes it, and 20 of them a second cost more than a call.
A flood that begins then is seen as soon as before, since two decisions are needed to close a valve, and the pause is
shorter than them (and than what `sip.valve` takes for a stop).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import thread_time

PULSE_S = 0.05
REST_S = 0.16  # between two looks at a loop that has hardly any work
AT_WORK = 0.5  # share of the time
AT_REST = 0.1


class Lateness:
    """Tells `observe` the present delay and time (both seconds) every 50 ms; `standing` adds that of the sockets.

    Without work, every 160 ms. `worked` returns the seconds that this thread has worked; None: it is always at work.
    """

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
        self._worked_before = worked() if worked is not None else 0.0
        self._began = loop.time()
        self._due = self._began + PULSE_S
        self._next = loop.call_at(self._due, self._beat)

    def _beat(self) -> None:
        now = self._loop.time()
        late, pause_s = now - self._due, PULSE_S
        if self._worked is not None:
            worked = self._worked()
            share = (worked - self._worked_before) / (now - self._began)
            self._worked_before = worked
            if share < AT_WORK:
                late = 0.0
            if share < AT_REST:
                pause_s = REST_S
        delay_s = max(0.0, late, self._standing())
        self._observe(delay_s, self._clock())
        self._began = now
        self._due = now + (pause_s if not delay_s else PULSE_S)
        self._next = self._loop.call_at(self._due, self._beat)

    def close(self) -> None:
        """Stops measuring."""
        self._next.cancel()
