"""Keys that are to be forgotten some time from now: one timer for those of each second, not one each."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from switchhook.sip.timers import Timers

SWEEP_S = 1.0

K = TypeVar("K", bound=Hashable)


class Later(Generic[K]):
    """Calls `act` with each key `length_s` after it was put in, at most `SWEEP_S` late."""

    __slots__ = ("_act", "_full_at", "_length_s", "_timers", "_waiting")

    def __init__(self, timers: Timers, length_s: float, act: Callable[[K], object]) -> None:
        self._timers = timers
        self._length_s = length_s
        self._act = act
        self._waiting: deque[list[K]] = deque()  # a list with a timer for each `SWEEP_S` in which something came
        self._full_at = 0.0  # when another one than the last is begun

    def put(self, key: K) -> None:
        """Lets a key wait."""
        now = self._timers.now
        if now >= self._full_at or not self._waiting:
            self._full_at = now + SWEEP_S
            self._waiting.append([])
            self._timers.start(self._length_s + SWEEP_S, self._sweep)
        self._waiting[-1].append(key)

    def _sweep(self) -> None:
        for key in self._waiting.popleft():
            self._act(key)
