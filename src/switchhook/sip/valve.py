"""How much of one kind of new work is let through, by a rate that follows the delay.

*When it closes.* A machine, a garbage collection or a disk may hold the server up for some 100 ms: what came meanwhile
waits, and the delay is long until it is worked off, which at nine tenths of the load takes ten times as long as the
stall. That is no overload, and nobody is refused for it. An overload shows in how the delay *moves*: it grows. So a
valve closes when the delay has grown steeply in two periods one after the other, which a single stall cannot do; when
it was above 100 ms for half a second and has grown by 150 ms, or for a second and has grown by 20 ms; and when it was
for a second nearly so long that telephones send again (500 ms, RFC 3261 17.1.1.2), which is work that nobody needs.

*How far.* By how much the delay grows in a period is by how much too much was taken: 20 ms in 100 ms are a fifth. So
the rate is cut by just that, and then not again until what was waiting at the cut is through, because the cut cannot
show earlier. While a long delay does not shrink fast enough, a little more is taken off. When there is no delay the
rate rises, by a tenth in a period, by less the closer the delay comes to 50 ms. So the server works just below what it
can carry. What the loop did not run at all is not growth: a stall cuts nothing either.

Rejected: closing after two late periods (calls were refused at half of the load whenever the machine stalled); the
least delay of half a second, as CoDel has it (the same at nine tenths of the load); an on/off switch (swings between
nothing and too much); a period's requests at once (half the calls at five times the load: the lump is a delay itself).
"""

from __future__ import annotations

from collections import deque

PERIOD_S = 0.1  # of one decision
STOPPED = 2.0  # a decision that is due for longer has been held up by more than the reading of datagrams
HIGH_S = 0.1  # a delay that new work must not add to
EASE_S = 0.05  # a delay that nobody notices
RISE = 0.1  # of the rate, in a period without any delay
STEEP = 0.3  # growth at which more than a quarter too much is taken
RISEN_S = 0.15  # grown so much in half a second, a third too much is taken
CREEP_S = 0.02  # grown so much in a second, the delay will not go away
TOO_LATE_S = 0.4  # for a second: soon everybody sends again
DRAIN_S = 1.0  # within which a delay shall be gone, about
SHORT, LONG = 5, 10  # periods that are looked back at
QUIET_S = 3.0  # so long without a refusal, and the overload is over
FLOOR = 5.0  # requests per second that are always taken
BURST_S = 0.01  # what was not used may be caught up with, no longer: bursts are what fills queues


class Delays:
    """The delays of the last second, one a period."""

    def __init__(self) -> None:
        self.last_s = 0.0
        self.growth = self.growth_before = 0.0  # seconds per second; what the loop did not run is left out
        self._before = deque([0.0] * LONG, LONG)
        self._grown_s = deque([0.0] * SHORT, SHORT)  # in each period
        self._stopped_s = 0.0

    def add(self, delay_s: float, period_s: float) -> None:
        """Ends a period in which this was the longest delay."""
        stopped_s = period_s - PERIOD_S if period_s > STOPPED * PERIOD_S else 0.0
        # Who has been stopped finds the datagrams that came meanwhile now, or in the period after this.
        grown_s = delay_s - self.last_s - stopped_s - self._stopped_s
        self.growth_before = self.growth
        self.growth = grown_s / (period_s - stopped_s)
        self._grown_s.append(grown_s)
        self._stopped_s = stopped_s
        self.last_s = delay_s
        self._before.append(delay_s)

    @property
    def overload(self) -> bool:
        """True when more is taken than can be carried."""
        if self.last_s <= HIGH_S:
            return False
        if self.growth > STEEP and self.growth_before > STEEP:
            return True
        before = list(self._before)
        if min(before[-SHORT:]) > HIGH_S and sum(self._grown_s) > RISEN_S:
            return True
        least = min(before)
        return least > HIGH_S and (self.last_s - before[0] > CREEP_S or least > TOO_LATE_S)

    @property
    def drains(self) -> bool:
        """True when the delay shrinks fast enough."""
        return -self.growth * DRAIN_S > self.last_s


class Valve:
    """Lets one kind of request through: all, or a rate."""

    def __init__(self) -> None:
        self.rate: float | None = None  # per second; None: everything passes
        self.taken = 0  # in this period
        self.flow = 0.0  # taken per second, smoothed over about half a second
        self.lately = 0.0  # the same of the last period alone
        self._tokens = 0.0
        self._filled_at = 0.0
        self._refused_at = 0.0
        self._cut_until = 0.0  # the last cut has not shown before

    def passes(self, now: float) -> bool:
        """Takes one request, or says no."""
        if self.rate is not None:
            most = max(FLOOR, self.rate * BURST_S)
            self._tokens = min(most, self._tokens + self.rate * max(0.0, now - self._filled_at))
            self._filled_at = now
            if self._tokens < 1.0:
                self._refused_at = now
                return False
            self._tokens -= 1.0
        self.taken += 1
        return True

    def measure(self, period_s: float) -> None:
        """Ends a period."""
        self.lately = self.taken / period_s
        self.flow += (self.lately - self.flow) * min(1.0, 2 * period_s)
        self.taken = 0

    def adjust(self, delays: Delays, now: float, *, squeeze: bool) -> None:
        """Sets the rate of the next period; `squeeze` says whether this kind is to blame for an overload."""
        if self.rate is None:
            if not squeeze or not delays.overload:
                return
            self.rate, self._refused_at, self._cut_until = max(FLOOR, self.flow, self.lately), now, now
            self._tokens, self._filled_at = FLOOR, now
        if delays.last_s > EASE_S:
            if delays.growth > 0 and squeeze and now >= self._cut_until:
                self._cut(max(0.7, 1 / (1 + delays.growth)))
                self._cut_until = now + min(delays.last_s, 0.5)
            elif delays.last_s > HIGH_S and not delays.drains:
                self._cut(0.98)
        elif now - self._refused_at > QUIET_S:
            self.rate = None
        else:
            self.rate += max(1.0, self.rate * RISE * (1 - delays.last_s / EASE_S))

    def _cut(self, share: float) -> None:
        self.rate = max(FLOOR, (self.rate or 0.0) * share)
