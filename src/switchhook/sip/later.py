"""Keys that are to be forgotten some time from now: one timer for all of them, not one each."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from switchhook.sip.timers import Timers

SWEEP_S = 1.0

K = TypeVar("K", bound=Hashable)


class Later(Generic[K]):
    """Calls `act` with each key `length_s` after it was put in, at most `SWEEP_S` late."""

    __slots__ = ("_act", "_length_s", "_timers", "_waiting")

    def __init__(self, timers: Timers, length_s: float, act: Callable[[K], object]) -> None:
        self._timers = timers
        self._length_s = length_s
        self._act = act
        self._waiting: deque[tuple[float, K]] = deque()

    def put(self, key: K) -> None:
        """Lets a key wait."""
        if not self._waiting:
            self._timers.start(self._length_s, self._sweep)
        self._waiting.append((self._timers.now + self._length_s, key))

    def _sweep(self) -> None:
        waiting, now = self._waiting, self._timers.now
        while waiting and waiting[0][0] <= now:
            self._act(waiting.popleft()[1])
        if waiting:
            self._timers.start(SWEEP_S, self._sweep)
