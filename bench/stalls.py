"""Stalls of the machine itself: moments at which not even the most urgent process on a core was run.

A virtual machine on a shared host stands still now and then for 50 to 400 ms. Then everybody is late, the server, the
load and who measures, and it says nothing about the server. A process on each core with a real-time priority above all
others (the audio's included) sleeps for 10 ms at a time; when it wakes up much later, the machine stood still. Where
that priority is not allowed nothing is seen, since it could as well be the work of others. The share of time that the
host took (steal, in `/proc/stat`) is told besides; many hosts do not count it.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from bench.machine import TICKS_S, cores

_SLEEP_S = 0.01
LATE_S = 0.02  # less is the usual trouble of a virtual machine's clock
SPOILS_MS = 30.0
_PRIORITY = 80


@dataclass(frozen=True)
class Stood:
    """How often and how long (together, and the longest) the machine stood still; what the host took."""

    times: int
    ms: float
    longest_ms: float
    stolen_ms: float
    seen: bool = True  # False: without that priority nothing can be told

    @property
    def spoils(self) -> bool:
        """True when a call or a packet may have been late by it."""
        return self.longest_ms >= SPOILS_MS

    def __str__(self) -> str:
        if not self.seen:
            return "whether the machine itself stalled cannot be told (no real-time priority)"
        if not self.times:
            return "the machine itself did not stall"
        took = f"{self.ms:.0f} ms in all, {self.longest_ms:.0f} at most (the host took {self.stolen_ms:.0f})"
        return f"the machine itself stalled {self.times} times, {took}"


class Stalls:
    """Watches all cores. Use as `with`; `since` returns what was seen since the last time."""

    def __enter__(self) -> Stalls:
        core, others = cores()
        self._watchers = [
            subprocess.Popen(
                ["taskset", "-c", str(each), sys.executable, "-m", "bench.stalls"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )
            for each in sorted({core, *others})
        ]  # fmt: skip
        self._stolen_ms = _stolen_ms()
        self.since()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        for each in self._watchers:
            each.communicate()

    def since(self) -> Stood:
        """Returns what was seen since the last time; a stall of several cores counts on each."""
        seen: list[float] = []
        blind = False
        for each in self._watchers:
            assert each.stdin is not None
            assert each.stdout is not None
            each.stdin.write("\n")
            each.stdin.flush()
            stalls: list[float] | None = json.loads(each.stdout.readline())
            seen += stalls or []
            blind |= stalls is None
        before, self._stolen_ms = self._stolen_ms, _stolen_ms()
        return Stood(len(seen), sum(seen), max(seen, default=0.0), self._stolen_ms - before, not blind)


def _stolen_ms() -> float:
    return int(Path("/proc/stat").read_text().split(maxsplit=9)[8]) / TICKS_S * 1e3


def watch() -> None:
    """Writes the stalls seen so far, in ms (null where it is not urgent), for each line on standard input."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_PRIORITY))
        urgent = True
    except OSError:
        urgent = False
    seen: list[float] = []
    while True:
        before = time.monotonic()
        ready, _, _ = select.select([0], [], [], _SLEEP_S)
        late = time.monotonic() - before - _SLEEP_S
        if late > LATE_S and urgent:
            seen.append(round(late * 1e3, 1))
        if ready:
            if not os.read(0, 100):
                return
            os.write(1, json.dumps(seen if urgent else None).encode() + b"\n")
            seen.clear()


if __name__ == "__main__":
    watch()
