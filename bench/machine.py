"""What a measurement needs of the machine: cores to pin to, free ports, CPU time of processes. Linux `/proc`."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

TICKS_S = os.sysconf("SC_CLK_TCK")
_ALLOWED = sorted(os.sched_getaffinity(0))  # before a measure pins itself to the cores of the load


def cores() -> tuple[int, frozenset[int]]:
    """Returns the core of what is measured, and those of the load; on a machine with one core both are the same."""
    return _ALLOWED[0], frozenset(_ALLOWED[1:]) or frozenset(_ALLOWED)


def free_port(kind: socket.SocketKind = socket.SOCK_DGRAM) -> int:
    """Asks the system for a free port on loopback."""
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def cpu_s(pid: int) -> float:
    """Returns the CPU time that a process has used so far, all its threads, in seconds; 0 when it is gone.

    The clock of another process (clock_getcpuclockid) counts nanoseconds; `/proc/<pid>/stat` only hundredths.
    """
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return _cpu_by_ticks(pid)


def _cpu_by_ticks(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS_S


def memory_kb(pid: int) -> int:
    """Returns the resident memory that is a process's own (shared pages by their share), in kB; 0 when it is gone."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0


def descendants(pid: int) -> list[int]:
    """Returns the processes below `pid`, children before grandchildren."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found, wait = [], [pid]
    while wait:
        children = parents.get(wait.pop(0), [])
        found += children
        wait += children
    return found


def end(pids: Sequence[int], within_s: float = 10.0) -> None:
    """Kills processes that are no children of ours and waits until they are gone.

    The audio of a killed server ends by itself only after seconds. Closing its thousands of sockets takes a
    tenth of a second with real-time priority, so the next server on that core, measured by then, would be held up.
    """
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    until = time.monotonic() + within_s
    while any(_lives(pid) for pid in pids) and time.monotonic() < until:
        time.sleep(0.02)


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def busy_share(seconds: float) -> float:
    """Watches the machine for a moment and returns how busy its cores are with other work, from 0 to 1."""
    watch = Busy()
    time.sleep(seconds)
    return watch.share()


class Busy:
    """How busy cores are from now on: all of them, or those named."""

    def __init__(self, only: frozenset[int] = frozenset()) -> None:
        self._names = {f"cpu{core}" for core in only} or {"cpu"}
        self._before = self._idle_and_all()

    def share(self) -> float:
        """Returns the share of time since the beginning in which they worked, from 0 to 1."""
        idle, whole = (now - then for now, then in zip(self._idle_and_all(), self._before, strict=True))
        return 1 - idle / max(1, whole)

    def _idle_and_all(self) -> tuple[int, int]:
        idle = whole = 0
        for line in Path("/proc/stat").read_text().splitlines():
            name, *texts = line.split()
            if name in self._names:
                fields = [int(text) for text in texts]
                idle, whole = idle + fields[3] + fields[4], whole + sum(fields[:8])
        return idle, whole
