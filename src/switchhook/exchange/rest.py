"""Memory is given back to the operating system when nobody has been on the telephone for a while.

What calls leave behind is small and bounded, but it lies between pages that are free again: the C library keeps those,
the database keeps its page cache, and the garbage collector's oldest generation is seldom looked at. Looking after all
that takes some 20 ms, which no call should wait for. So it is done once, `QUIET_S` after the last call, and again only
when there has been something to do since.
"""

from __future__ import annotations

import ctypes
import gc
from asyncio import AbstractEventLoop
from collections.abc import Callable

LOOK_S = 5.0
QUIET_S = 45.0  # until SIP has forgotten the last call: its transactions live for 32 s, their labels for 40


class Rest:
    """Runs every one of `works` when `busy()` has been false for `QUIET_S`, if `done()` has grown since the last time.

    They run one by one, `LOOK_S` apart, since a work may only ask another thread for something: what the database lets
    go must be free before free pages are returned.

    `done` counts what the server has done, in any unit, such as lines of its journal.
    """

    def __init__(
        self,
        loop: AbstractEventLoop,
        *,
        busy: Callable[[], bool],
        done: Callable[[], int],
        works: tuple[Callable[[], object], ...],
    ) -> None:
        self._loop = loop
        self._busy = busy
        self._done = done
        self._works = works
        self._seen = self._rested = done()
        self._since: float | None = None  # no call and no line since
        self._due: list[Callable[[], object]] = []
        self.times = 0
        self._next = loop.call_later(LOOK_S, self._look)

    def _look(self) -> None:
        self._next = self._loop.call_later(LOOK_S, self._look)
        done, now = self._done(), self._loop.time()
        if self._busy() or done != self._seen:
            self._seen, self._since = done, None
            self._due.clear()
        elif self._since is None:
            self._since = now
        elif done != self._rested and now - self._since >= QUIET_S:
            self._rested = done
            self.times += 1
            self._due = list(self._works)
        if self._due:
            self._due.pop(0)()

    def close(self) -> None:
        """Looks no more."""
        self._next.cancel()


def give_back() -> None:
    """Collects garbage and returns the pages that are free to the operating system; takes some milliseconds."""
    gc.collect()
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError):
        pass  # not the GNU C library: its pages stay
