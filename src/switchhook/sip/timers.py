"""Timers without event-loop handles: one first-in-first-out queue per timer length.

All timers of one length run out in the order they were started, so a queue per length needs no sorting and no heap.
SIP has about ten lengths (RFC 3261 17: 0.5, 1, 2, 4, 5, 8, 16, 32 s); a random back-off is rounded to 10 ms to stay
within a few hundred. Cancelling only empties the entry; it leaves the queue when its turn comes. One tick of 20 to
50 ms serves them all. Rejected: `loop.call_later` per timer (0.8 to 1.7 us each, and a heap of 200,000), sorted lists.

`now` moves only when `advance` or `at` is called: under virtual time a run is exactly repeatable, because timers that
are due together fire in the order of (due time, order of start): of two that are due together the longer began first.

Whoever ticks says in `planned` when it will look again, and is told by `on_start` of a timer that is due before that.
Most timers of a call are lifetimes that nobody waits for, 5 s and longer; `next_tick` lets them be a little late, so
that one tick serves many of them and a quiet server sleeps.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable

T1 = 0.5
T2 = 4.0
T4 = 5.0


PATIENT_S = 5.0  # timers of this length and longer may be late
SLACK_S = 0.25  # by so much
_NEVER = float("inf")


class Timer:
    """One running timer; `cancel` may be called at any time, also after it fired."""

    __slots__ = ("call", "due")

    due: float
    call: Callable[[], None] | None  # None: cancelled, or it has fired

    def cancel(self) -> None:
        self.call = None


class Timers:
    """The timers of one engine. `now` is in seconds of whatever clock the caller uses."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now
        self.planned = _NEVER  # when `advance` will be called next
        self.on_start: Callable[[], None] | None = None  # told of a timer that is due before `planned`
        self._queues: defaultdict[float, deque[Timer]] = defaultdict(deque)

    @property
    def waiting(self) -> int:
        """Counts the timers whose time has not come, those that were cancelled since included."""
        return sum(map(len, self._queues.values()))

    def start(self, length_s: float, call: Callable[[], None]) -> Timer:
        """Runs `call` once, `length_s` seconds from `now`, unless cancelled before."""
        timer = Timer()  # it has no constructor, which would cost as much as all of this: a call starts eleven
        timer.due = due = self.now + length_s
        timer.call = call
        self._queues[length_s].append(timer)
        if due < self.planned:
            self.planned = due
            if self.on_start is not None:
                self.on_start()
        return timer

    def at(self, now: float) -> None:
        """States the time without firing anything (a message arrived between two ticks)."""
        if now > self.now:
            self.now = now

    def advance(self, now: float) -> int:
        """Fires everything that is due at `now`, in order, and returns how many fired."""
        fired = 0
        while True:
            due: list[tuple[float, float, int, Timer]] = []
            for length_s, queue in list(self._queues.items()):
                while queue and (queue[0].call is None or queue[0].due <= now):
                    timer = queue.popleft()
                    if timer.call is not None:
                        due.append((timer.due, -length_s, len(due), timer))
                if not queue:
                    del self._queues[length_s]
            if not due:
                break
            due.sort()
            for at, _, _, timer in due:
                call, timer.call = timer.call, None
                if call is not None:
                    self.at(at)
                    call()
                    fired += 1
        self.at(now)
        return fired

    def next_tick(self) -> float | None:
        """Returns when `advance` should be called next, in the interest of all, or None."""
        soonest = _NEVER
        if self.next_due() is not None:
            for length_s, queue in self._queues.items():
                soonest = min(soonest, queue[0].due + (SLACK_S if length_s >= PATIENT_S else 0.0))
        self.planned = soonest
        return soonest if soonest < _NEVER else None

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
        if soonest is None:
            self.planned = _NEVER
        return soonest
