"""Waiting for files to become readable, whatever their numbers: `select` ends at 1024, and audio holds thousands."""

from __future__ import annotations

import select
from collections.abc import Iterable
from typing import Protocol


class HasFileno(Protocol):
    def fileno(self) -> int: ...


def readable(files: Iterable[HasFileno | int], timeout_s: float | None) -> list[HasFileno | int]:
    """Returns those of `files` that have something to read or ended, after at most `timeout_s` (None: no limit)."""
    poll = select.poll()
    known: dict[int, HasFileno | int] = {}
    for file in files:
        number = file if isinstance(file, int) else file.fileno()
        known[number] = file
        poll.register(number, select.POLLIN | select.POLLHUP | select.POLLERR)
    timeout_ms = None if timeout_s is None else max(0.0, timeout_s) * 1000
    return [known[number] for number, _ in poll.poll(timeout_ms)]
