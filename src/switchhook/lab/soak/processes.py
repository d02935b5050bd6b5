"""The server's processes from outside: their memory and file descriptors, as `/proc` shows them (Linux).

Memory is what a process has in pages of its own and not in files (`RssAnon`): its objects, its caches, and what its C
library keeps. The table that the audio processes share is as large as it was made at the start, so it is not counted.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

# By how much a process at rest may be larger than it was at rest after the warm-up, however long the soak was.
# Control: lists of what ended lately fill up (ended PHLO runs, 3 kB each; what telephones' texts were parsed to),
# and some pages are left half used.
MOST_GROWTH_KB = {"control": 6_000, "keeper": 2_000, "pump": 4_000, "workshop": 4_000}


@dataclass(frozen=True, slots=True)
class Seen:
    """One process at one moment."""

    pid: int
    memory_kb: int
    descriptors: int  # of sockets, pipes and the like; those of the database come and go with its readers


def shows_processes() -> bool:
    """True where the system says which processes a process has started."""
    return Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").exists()


def children(pid: int) -> list[int]:
    """Returns the processes that a process has started; none where the system does not say."""
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def look(pid: int, database: Path) -> dict[str, Seen]:
    """Returns control, keeper, pump and workshop of a server, those that are there."""
    found = {"control": pid}
    for keeper in children(pid)[:1]:
        found["keeper"] = keeper
        # The pump holds all the audio sockets, the workshop has closed them.
        audio = sorted(children(keeper), key=lambda each: -len(_descriptors(each)))
        found |= dict(zip(("pump", "workshop"), audio, strict=False))
    seen = {name: _seen(each, str(database)) for name, each in found.items()}
    return {name: one for name, one in seen.items() if one.memory_kb}


def _seen(pid: int, database: str) -> Seen:
    opened = [name for name in _descriptors(pid) if not name.startswith(database)]
    return Seen(pid, _memory_kb(pid), len(opened))


def _memory_kb(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("RssAnon:")), 0)


def _descriptors(pid: int) -> list[str]:
    found = []
    try:
        for each in os.listdir(f"/proc/{pid}/fd"):
            try:
                found.append(os.readlink(f"/proc/{pid}/fd/{each}"))
            except OSError:  # closed since
                continue
    except OSError:
        return []
    return found


def grown(warm: dict[str, Seen], after: dict[str, Seen]) -> list[str]:
    """Returns what a process has more than after the warm-up, in words; both must have been taken at rest."""
    found = []
    for name, was in warm.items():
        now = after.get(name)
        if now is None:
            found.append(f"the {name} process is gone")
            continue
        if now.memory_kb > was.memory_kb + MOST_GROWTH_KB[name]:
            found.append(f"memory of {name} is {now.memory_kb / 1e3:.1f} MB, was {was.memory_kb / 1e3:.1f} MB")
        if now.descriptors > was.descriptors:
            found.append(f"{name} has {now.descriptors} file descriptors, had {was.descriptors}")
    return found


def alive(seen: dict[str, Seen]) -> list[str]:
    """Returns the names of those that still run."""
    return [name for name, one in seen.items() if Path(f"/proc/{one.pid}/status").exists() and not _zombie(one.pid)]


def _zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True
