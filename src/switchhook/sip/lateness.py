"""How far the event loop and the sockets are behind, measured 20 times a second."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

PULSE_S = 0.05


class Lateness:
    """Tells `observe` the present delay and time (both seconds) every 50 ms; `standing` adds that of the sockets."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: Callable[[], float],
        observe: Callable[[float, float], None],
        standing: Callable[[], float],
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._observe = observe
        self._standing = standing
        self._due = loop.time() + PULSE_S
        self._next = loop.call_at(self._due, self._beat)

    def _beat(self) -> None:
        now = self._loop.time()
        self._observe(max(0.0, now - self._due, self._standing()), self._clock())
        self._due = now + PULSE_S
        self._next = self._loop.call_at(self._due, self._beat)

    def close(self) -> None:
        """Stops measuring."""
        self._next.cancel()
