"""What a measurement needs of the machine: cores to pin to, free ports, CPU time of processes. Linux `/proc`."""

from __future__ import annotations

import os
import socket
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
    """Returns the CPU time that a process has used so far, all its threads, in seconds; 0 when it is gone."""
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


def busy_share(seconds: float) -> float:
    """Watches the machine for a moment and returns how busy its cores are with other work, from 0 to 1."""
    import time

    def idle_and_all() -> tuple[int, int]:
        fields = [int(text) for text in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
        return fields[3] + fields[4], sum(fields[:8])

    idle, whole = idle_and_all()
    time.sleep(seconds)
    idle_then, whole_then = idle_and_all()
    return 1 - (idle_then - idle) / max(1, whole_then - whole)
