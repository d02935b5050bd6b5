"""How long processes had to wait for a core, as the kernel counts it: what is late for that is the machine's doing.

A test of real audio judges when packets come. On a machine that others use, too, a packet may come late because the
process that was to send it, or the one that was to receive it, was not given a core. Linux counts for each thread how
long it was ready to run and did not (`/proc/<pid>/schedstat`, the second figure): a wait shows as one jump when it is
over. What is counted so is no excuse for a process that slept, worked or hung; and where the system does not count,
there is no excuse.

Rejected: a thread of our own that looks how late it wakes up (it may be on the other core, and unlike the audio it has
no priority), the load (it says nothing of a moment).
"""

from __future__ import annotations

import os
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Event, Thread
from types import TracebackType

LOOK_S = 0.01  # between two looks
LEAST_S = 0.001  # what a look must find to be kept
STRETCH_S = 0.3
LOOKS_A_NAME = 20  # how many looks before it asks again which processes there are


def waited_s(pid: int) -> float:
    """Returns how long the main thread of a process has waited for a core so far; 0 where the system does not say."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0


def family(pid: int) -> list[int]:
    """Returns a process and all that it has started, and these; without those that let others go first (`nice`)."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        rank = os.getpriority(os.PRIO_PROCESS, pid)
    except OSError:
        return []
    if rank > os.getpriority(os.PRIO_PROCESS, 0):
        return []
    return [pid, *(each for child in children for each in family(int(child)))]


class Waits:
    """Use as `with`; `pids`, which is asked again now and then, says whom to look at. Times are of `time.time`."""

    def __init__(self, pids: Callable[[], Iterable[int]]) -> None:
        self._pids = pids
        self._waits: dict[int, list[tuple[float, float]]] = {}  # of each process: when a wait was over, how long it was
        self._over = Event()

    def __enter__(self) -> Waits:
        self._thread = Thread(target=self._look, name="waits", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()

    def longest_s(self) -> float:
        """Returns the longest that one of them waited at a stretch, as far as looks tell stretches apart."""
        return max((wait for waits in self._waits.values() for _, wait in waits), default=0.0)

    def worst_s(self, start: float = 0.0, end: float = float("inf")) -> float:
        """Returns the most that one of them waited within `STRETCH_S`, at any time that touches these.

        Who gets a core again and again, but each time for a moment, is as late as one that waits once and long.
        """
        return max((self._worst_of(pid, start, end) for pid in list(self._waits)), default=0.0)

    def in_turn_s(self) -> float:
        """Returns how late something can be that goes through all of them: the worst stretches of each, together."""
        return sum(self._worst_of(pid, 0.0, float("inf")) for pid in list(self._waits))

    def _worst_of(self, pid: int, start: float, end: float) -> float:
        waits = self._waits[pid]
        first = bisect_left(waits, (start - STRETCH_S,))
        last = bisect_left(waits, (end + STRETCH_S,))
        most = together = 0.0
        oldest = first
        for at, wait in waits[first:last]:
            together += wait
            while waits[oldest][0] < at - STRETCH_S:
                together -= waits[oldest][1]
                oldest += 1
            most = max(most, together)
        return most

    def _look(self) -> None:
        before: dict[int, float] = {}
        pids: list[int] = []
        looks, over = 0, False
        while not over:
            over = self._over.wait(LOOK_S if looks else 0.0)  # when it is over, it looks once more
            if looks % LOOKS_A_NAME == 0:
                pids = list(self._pids())
            looks += 1
            now = time.time()
            for pid in pids:
                waited = waited_s(pid)
                wait = waited - before.setdefault(pid, waited)
                before[pid] = waited
                if wait > LEAST_S:
                    self._waits.setdefault(pid, []).append((now, wait))
