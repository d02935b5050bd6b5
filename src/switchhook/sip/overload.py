"""Admission control: what of the work that strangers bring is taken, and what is refused early and cheaply.

A SIP server that takes more than it can carry serves fewer calls than its best: answers come late, everybody sends
again, and the queue fills with work that was done already. So new work is refused as soon as the server falls behind,
by a 503 with Retry-After that is built from the request alone (RFC 3261 8.2.7: no transaction, the tag is a function of
the request, its ACK is dropped unread), at a fiftieth of the cost of a call (see `sip.refusing`). What belongs to calls
that are up (BYE, CANCEL, ACK, re-INVITE, INFO, responses) is always served.

*How far behind.* The delay is the longer of how late the event loop is by its own work (see `sip.lateness`) and how
old the oldest datagram was that a socket had waiting (see `sip.sockets`).

*How much is taken.* A valve per kind of request lets a rate through that is decided every tenth of a second, and closes
for an overload only, not for a stall: see `sip.valve`.

*Who is squeezed.* Whichever kind makes the most work, INVITE at equal shares, and both beyond 200 ms, so that neither
a flood of registrations starves calls nor the other way round. OPTIONS are refused as long as any valve is closed. A
valve opens again when it has refused nothing for three seconds.

*Silence.* While the delay is longer than T1, every INVITE that waits has been sent again behind it, and to refuse them
all would be a multiple of the work. So over UDP they are dropped until the delay is shorter, for two seconds at most.
It takes ten times the load, or a stall of seconds, to come to that.

Besides the rate: the most legs, the audio's own limit, a journal that falls behind (`busy` says which), and INVITEs
without an answer of ours (`half_open`) refuse INVITEs alone, for the same answer.

Rejected: how long a socket has not been found empty, as the delay (at nine tenths of the load that is seconds, though
nobody waits for longer than some ms: a seventh of the calls was refused for nothing); the share of time that the loop
works, which on a shared machine says nothing about what is left.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from switchhook.sip.counters import Counters
from switchhook.sip.flow import Flow
from switchhook.sip.refusing import refusal
from switchhook.sip.timers import T1
from switchhook.sip.transactions import Transactions
from switchhook.sip.valve import PERIOD_S, QUIET_S, Delays, Valve

NEW = (b"INVITE ", b"REGISTER ", b"OPTIONS ")  # what may be refused early

SEVERE_S = 0.2  # a delay at which everything new is squeezed
SILENT_S = T1  # a delay at which what is refused gets no answer
SILENCE_S = 2.0  # for so long: then it is better to tell callers to go elsewhere, whatever it costs
WEIGHT = {b"I": 8.0, b"R": 2.0}  # what an INVITE's call and a REGISTER cost, in OPTIONS


class Reason(Enum):
    """Why a request was refused early."""

    DELAY = "delay"
    LEGS = "legs"
    AUDIO = "audio"
    JOURNAL = "journal"
    HALF_OPEN = "half_open"


_SAID = {
    Reason.DELAY: "the server is behind with its work",
    Reason.LEGS: "there are as many legs as are allowed",
    Reason.AUDIO: "the audio works at its limit",
    Reason.JOURNAL: "the journal is behind",
    Reason.HALF_OPEN: "too many calls wait for an answer",
}


class Admission:
    """Decides for one line. `busy` names another limit that is reached, `changed` is told when one begins or ends."""

    def __init__(
        self,
        counters: Counters,
        *,
        clock: Callable[[], float],
        mark: str,
        busy: Callable[[], Reason | None] = lambda: None,
        changed: Callable[[Reason, bool, str], None] = lambda _reason, _on, _text: None,
    ) -> None:
        self.refused: dict[Reason, int] = dict.fromkeys(Reason, 0)
        self.delay_s = 0.0  # the last one measured
        self.worst_delay_s = 0.0
        self._counters = counters
        self._busy = busy
        self._changed = changed
        self._mark = f"busy.{mark}"  # of this run, so that nobody's ACK is taken for one of ours
        self._ack_mark = f"tag={self._mark}".encode()
        self._delays = Delays()
        self._invites, self._registers = Valve(), Valve()
        self._since: dict[Reason, float] = {}
        self._last: dict[Reason, float] = {}
        self._before: dict[Reason, int] = {}
        self._clock = clock
        self._now = self._decided_at = clock()
        self._longest = 0.0
        self._late_since: float | None = None

    @property
    def overloaded(self) -> bool:
        """True while anything is refused."""
        return bool(self._since)

    @property
    def rate(self) -> float | None:
        """INVITEs per second that are taken at present; None: all."""
        return self._invites.rate

    # --- deciding

    def judge(self, kind: bytes) -> Reason | None:
        """Says why a new request (`kind`: first letter of its method) is refused; None takes it."""
        if kind == b"I":
            reason = self._busy()
            return reason if reason is not None else self._pass(self._invites)
        if kind == b"R":
            return self._pass(self._registers)
        return Reason.DELAY if self._invites.rate is not None or self._registers.rate is not None else None

    def _pass(self, valve: Valve) -> Reason | None:
        now = self._now if valve.rate is None else self._clock()
        return None if valve.passes(now) else Reason.DELAY

    def refusal(self, wire: bytes, flow: Flow, transactions: Transactions) -> tuple[bytes, Flow] | None:
        """Returns the 503 for a message that begins with one of `NEW`, and where it goes; None lets it in.

        Let in are also requests within a dialog and ones seen before.
        """
        reason = self.judge(wire[:1])
        if reason is None:
            return None
        answer = refusal(wire, flow, transactions, self._mark)
        if answer is None:
            return None
        self._counters.received += 1
        self._counters.refused_early += 1
        self._count(reason)
        return answer

    def _count(self, reason: Reason) -> None:
        self.refused[reason] += 1
        self._last[reason] = self._now
        if reason not in self._since:
            self._since[reason] = self._now
            self._before[reason] = self.refused[reason] - 1
            self._changed(reason, True, f"new calls are refused: {_SAID[reason]}")

    def silent(self, flow: Flow) -> bool:
        """True while what waits is older than a telephone waits before it sends again: what is refused is dropped.

        Its copy has come already or will come soon, and is refused aloud when the delay is shorter (17.1.1.2).
        """
        late_since = self._late_since
        return late_since is not None and self._now < late_since + SILENCE_S and not flow.reliable

    def ours(self, ack: bytes) -> bool:
        """True for the ACK of an early refusal, which is of no use."""
        return self._ack_mark in ack

    # --- measuring

    def observe(self, delay_s: float, now: float) -> None:
        """Takes a measure of the delay, about every 50 ms; decides anew every 100 ms."""
        self._now = now
        self.delay_s = delay_s
        self.worst_delay_s = max(self.worst_delay_s, delay_s)
        self._longest = max(self._longest, delay_s)
        period_s = now - self._decided_at
        if period_s < PERIOD_S * 0.9:
            return
        longest, self._longest, self._decided_at = self._longest, 0.0, now
        invites, registers = self._invites, self._registers
        invites.measure(period_s)
        registers.measure(period_s)
        calls_weigh_more = invites.flow * WEIGHT[b"I"] >= registers.flow * WEIGHT[b"R"]
        severe = longest > SEVERE_S
        self._delays.add(longest, period_s)
        if longest <= SILENT_S:
            self._late_since = None
        elif self._late_since is None:
            self._late_since = now
        invites.adjust(self._delays, now, squeeze=calls_weigh_more or severe)
        registers.adjust(self._delays, now, squeeze=not calls_weigh_more or severe)
        for reason, last in list(self._last.items()):
            if now - last > QUIET_S and not (reason is Reason.DELAY and invites.rate is not None):
                self._over(reason, now)

    def _over(self, reason: Reason, now: float) -> None:
        since, count = self._since.pop(reason), self.refused[reason] - self._before.pop(reason)
        del self._last[reason]
        self._changed(reason, False, f"new calls are taken again; {count} were refused within {now - since:.1f} s")
