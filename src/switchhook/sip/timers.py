"""Timers without event-loop handles: one first-in-first-out queue per timer length.

All timers of one length run out in the order they were started, so a queue per length needs no sorting and no heap.
SIP has about ten lengths (RFC 3261 17: 0.5, 1, 2, 4, 5, 8, 16, 32 s); a random back-off is rounded to 10 ms to stay
within a few hundred. Cancelling only empties the entry; it leaves the queue when its turn comes. One tick of 20 to
50 ms serves them all. Rejected: `loop.call_later` per timer (0.8 to 1.7 us each, and a heap of 200,000), sorted lists.

`now` moves only when `advance` or `at` is called: under virtual time a run is exactly repeatable, because timers that
are due together fire in the order of (due time, order of start).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

T1 = 0.5
T2 = 4.0
T4 = 5.0


class Timer:
    """One running timer; `cancel` may be called at any time, also after it fired."""

    __slots__ = ("call", "due", "order")

    def __init__(self, due: float, order: int, call: Callable[[], None]) -> None:
        self.due = due
        self.order = order
        self.call: Callable[[], None] | None = call

    def cancel(self) -> None:
        self.call = None


class Timers:
    """The timers of one engine. `now` is in seconds of whatever clock the caller uses."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now
        self._queues: dict[float, deque[Timer]] = {}
        self._order = 0
        self.on_start: Callable[[], None] | None = None  # told whenever a timer starts while none was queued

    def start(self, length_s: float, call: Callable[[], None]) -> Timer:
        """Runs `call` once, `length_s` seconds from `now`, unless cancelled before."""
        self._order += 1
        timer = Timer(self.now + length_s, self._order, call)
        queue = self._queues.get(length_s)
        if queue is None:
            if not self._queues and self.on_start is not None:
                self.on_start()
            queue = self._queues[length_s] = deque()
        queue.append(timer)
        return timer

    def at(self, now: float) -> None:
        """States the time without firing anything (a message arrived between two ticks)."""
        if now > self.now:
            self.now = now

    def advance(self, now: float) -> int:
        """Fires everything that is due at `now`, in order, and returns how many fired."""
        fired = 0
        while True:
            due: list[Timer] = []
            for length_s, queue in list(self._queues.items()):
                while queue and (queue[0].call is None or queue[0].due <= now):
                    timer = queue.popleft()
                    if timer.call is not None:
                        due.append(timer)
                if not queue:
                    del self._queues[length_s]
            if not due:
                break
            due.sort(key=lambda timer: (timer.due, timer.order))
            for timer in due:
                call, timer.call = timer.call, None
                if call is not None:
                    self.at(timer.due)
                    call()
                    fired += 1
        self.at(now)
        return fired

    def next_due(self) -> float | None:
        """Returns when the next live timer runs out, or None; a virtual clock jumps there."""
        soonest = None
        spent = []
        for length_s, queue in self._queues.items():
            while queue and queue[0].call is None:
                queue.popleft()
            if not queue:
                spent.append(length_s)
            elif soonest is None or queue[0].due < soonest:
                soonest = queue[0].due
        for length_s in spent:
            del self._queues[length_s]
        return soonest
