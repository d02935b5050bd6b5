"""A server on one core in virtual time: datagrams in order of arrival, six to a call, at most 64 read per wake-up.

What it works at is what calls are made of: only the INVITE is judged, the rest follows when it was answered. INVITEs
without an answer come again (RFC 3261 17.1.1.2). It can be stopped for a while, by itself (work that is no call's) or
by the machine. What admission control sees is what the real one sees: the loop's lateness, the oldest datagram's age.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from heapq import heappop, heappush
from random import Random

from switchhook.sip.counters import Counters
from switchhook.sip.datagrams import READ_AT_ONCE
from switchhook.sip.flow import Flow
from switchhook.sip.lateness import AT_WORK, PULSE_S
from switchhook.sip.overload import Admission

COSTS = {"INVITE": 0.37, "180": 0.1, "200": 0.23, "ACK": 0.07, "BYE": 0.16, "200 of BYE": 0.07}  # shares of a call
AGAIN = "INVITE again"
NETWORK_S = 0.0002
EVERY_S = 0.01  # SIPp makes its calls a hundred times a second
DROPPED = 0.3  # of a refusal, when it is not sent: no sending, and no ACK comes
_UDP = Flow("udp", "10.9.9.9", 5060, "10.0.0.1:5060")
JOURNAL_S, JOURNAL = 0.1, 0.05  # so often it takes such a share of that time


@dataclass
class Call:
    answered: bool = False  # with a 100 or a 503
    taken: bool = False
    wait_s: float = 0.5  # until its INVITE is sent again


class OneCore:
    """`stops` are (when, for how long, by its own work); `served` and `refused` are moments, `waits` of calls taken."""

    def __init__(self, *, call_s: float = 0.0015, refusal: float = 0.02, seed: int = 1) -> None:
        self.now = 0.0
        self.call_s, self.refusal_s = call_s, call_s * refusal
        self.best = (1 - JOURNAL) / call_s  # calls per second
        self.admission = Admission(Counters(), clock=lambda: self.now, mark="m")
        self.stops: list[tuple[float, float, bool]] = []
        self.served: list[float] = []
        self.refused: list[float] = []
        self.waits: list[tuple[float, float]] = []
        self._random = Random(seed)
        self._coming: list[tuple[float, int, str, Call]] = []
        self._number = 0
        self._queue: deque[tuple[float, str, Call]] = deque()
        self._behind = False
        self._oldest_s = self._worked_s = self._worked_before_s = self._began = 0.0
        self._beat, self._journal = PULSE_S, JOURNAL_S

    def goodput(self, since: float) -> float:
        """Returns the calls served per second since a moment, by the best rate."""
        return sum(at >= since for at in self.served) / (self.now - since) / self.best

    def offer(self, per_s: float, seconds: float) -> None:
        """Offers calls for a while, and works meanwhile."""
        end, at, due = self.now + seconds, self.now, 0.0
        while at < end:
            due += per_s * EVERY_S
            while due >= 1:
                due -= 1
                call = Call()
                self._send(at, "INVITE", call)
                self._send(at + call.wait_s, AGAIN, call)
            at += EVERY_S
        while self.now < end:
            self._turn(end)

    # --- the server

    def _turn(self, end: float) -> None:
        if self.stops and self.stops[0][0] <= self.now:
            _, seconds, own = self.stops.pop(0)
            self.now += seconds
            self._worked_s += seconds * own
        if self.now >= self._journal:
            self._work(JOURNAL_S * JOURNAL)
            self._journal = self.now + JOURNAL_S
        if self.now >= self._beat:
            self._measure()
        self._arrive()
        if self._queue:
            self._read()
            return
        self._behind = False
        next_one = self._coming[0][0] if self._coming else end
        self.now = max(self.now, min(next_one, self._beat, end, *(at for at, _, _ in self.stops[:1])))

    def _read(self) -> None:
        if self._behind:
            self._oldest_s = self.now - self._queue[0][0]
        for _ in range(READ_AT_ONCE):
            if not self._queue:
                self._behind = False
                return
            self._take(*self._queue.popleft())
            self._arrive()
        if not self._behind:
            self._behind, self._oldest_s = True, 0.0

    def _take(self, arrived: float, what: str, call: Call) -> None:
        cost = COSTS[what] * self.call_s * self._random.uniform(0.5, 1.5)
        if what == "INVITE":
            passes = self.admission.judge(b"I") is None
            if call.taken:
                cost /= 5
            elif not passes:
                silent = self.admission.silent(_UDP)
                call.answered, cost = not silent, self.refusal_s * (DROPPED if silent else 1)
                self.refused.append(self.now)
            else:
                call.answered = call.taken = True
                self.waits.append((arrived, self.now - arrived))
                self._answer(cost, call, "180", "200")
                return
        self._answer(cost, call, *{"200": ("ACK", "BYE"), "BYE": ("200 of BYE",)}.get(what, ()))
        if what == "BYE":
            self.served.append(self.now)

    def _answer(self, cost: float, call: Call, *what: str) -> None:
        self._work(cost)
        for each in what:
            self._send(self.now + NETWORK_S, each, call)

    def _work(self, seconds: float) -> None:
        self.now += seconds
        self._worked_s += seconds

    def _measure(self) -> None:
        late = self.now - self._began - PULSE_S
        if self._worked_s - self._worked_before_s < AT_WORK * (self.now - self._began):
            late = 0.0
        self.admission.observe(max(0.0, late, self._oldest_s if self._behind else 0.0), self.now)
        self._worked_before_s, self._began, self._beat = self._worked_s, self.now, self.now + PULSE_S

    # --- the network

    def _send(self, at: float, what: str, call: Call) -> None:
        self._number += 1
        heappush(self._coming, (at, self._number, what, call))

    def _arrive(self) -> None:
        coming = self._coming
        while coming and coming[0][0] <= self.now:
            at, _, what, call = heappop(coming)
            if what != AGAIN:
                self._queue.append((at, what, call))
            elif not call.answered:
                self._queue.append((at, "INVITE", call))
                call.wait_s *= 2
                self._send(at + call.wait_s, AGAIN, call)
