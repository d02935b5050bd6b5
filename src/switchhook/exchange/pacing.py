"""Calls per second: an INVITE that is too early for its account waits in a queue and goes out in its turn.

Only the INVITE waits. The leg is there already, so whoever asked for it has its name, and a cancel, a hangup or a
caller who leaves takes it out of the queue like any other leg. Its ringing time begins when its INVITE goes out. All of
that is done here, at the doors: the core knows of no queue, and dialects only ask whether it `waits`, to show it.

A sub-account without `cps` of its own shares the queue of its main account.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import field
from typing import TYPE_CHECKING

from switchhook.core.errors import Unavailable
from switchhook.core.events import LegFailed
from switchhook.core.ids import LegId
from switchhook.core.outcomes import Outcome
from switchhook.core.requests import Note
from switchhook.core.values import dataclass
from switchhook.exchange.ports import Invitation, Signalling, Timers

if TYPE_CHECKING:
    from switchhook.exchange.switch import Exchange


@dataclass(slots=True)
class _Waiting:
    invitation: Invitation
    since: float
    ring_s: float | None = None  # how long it may ring once it is dialled


@dataclass(slots=True)
class _Queue:
    account: str
    pace: float  # calls per second
    next_at: float = 0.0
    waiting: OrderedDict[LegId, _Waiting] = field(default_factory=OrderedDict)
    handle: asyncio.TimerHandle | None = None


class Pacing:
    """The queues of all accounts, between the exchange and its doors."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._queues = {each.auth_id: _Queue(each.auth_id, each.cps) for each in exchange.settings.accounts if each.cps}
        self._queue_of: dict[LegId, _Queue] = {}
        self._signalling: Signalling
        self._timers: Timers

    def around(self, signalling: Signalling, timers: Timers) -> tuple[Signalling, Timers]:
        """Returns doors that hold back what waits; the same ones where no account has a pace."""
        if not self._queues:
            return signalling, timers
        self._signalling, self._timers = signalling, timers
        return PacedSignalling(signalling, self), PacedTimers(timers, self)

    def waits(self, leg: LegId) -> bool:
        """True for a leg whose INVITE has not gone out because others of its account go first."""
        return leg in self._queue_of

    def invite(self, invitation: Invitation) -> None:
        """Dials now, or queues."""
        leg = self._exchange.state.legs.get(invitation.leg)
        queue = self._queue(leg.account) if leg is not None else None
        now = self._exchange.clock.now()
        if queue is None:
            self._signalling.invite(invitation)
        elif not queue.waiting and now >= queue.next_at:
            queue.next_at = now + 1 / queue.pace
            self._signalling.invite(invitation)
        else:
            queue.waiting[invitation.leg] = _Waiting(invitation, now)
            self._queue_of[invitation.leg] = queue
            rule = f"account {queue.account} starts {queue.pace:g} calls a second ([[account]] cps)"
            asyncio.get_running_loop().call_soon(self._note, invitation.leg, f"queued: {rule}")
            self._wake(queue)

    def drop(self, leg: LegId) -> bool:
        """Takes a leg out of its queue; returns whether it was in one."""
        queue = self._queue_of.pop(leg, None)
        if queue is not None:
            del queue.waiting[leg]
        return queue is not None

    def rings_for(self, leg: LegId, ring_s: float) -> bool:
        """Keeps the ringing time of a leg that waits, until it is dialled; returns whether it does."""
        queue = self._queue_of.get(leg)
        if queue is not None:
            queue.waiting[leg].ring_s = ring_s
        return queue is not None

    def _queue(self, name: str) -> _Queue | None:
        account = self._exchange.directory.accounts.get(name)
        return self._queues.get(name) or (self._queues.get(account.parent) if account is not None else None)

    def now(self) -> float:
        return self._exchange.clock.now()

    def _wake(self, queue: _Queue) -> None:
        if queue.handle is None and queue.waiting:
            wait_s = max(0.0, queue.next_at - self.now())
            queue.handle = asyncio.get_running_loop().call_later(wait_s, self._next, queue)

    def _next(self, queue: _Queue) -> None:
        queue.handle, now = None, self.now()
        if not queue.waiting:
            return
        leg, waiting = queue.waiting.popitem(last=False)
        del self._queue_of[leg]
        queue.next_at = now + 1 / queue.pace
        self._note(leg, f"dialled after {now - waiting.since:.1f} s in the queue")
        if waiting.ring_s is not None:
            self._timers.arm(f"ring:{leg}", now + waiting.ring_s)
        try:
            self._signalling.invite(waiting.invitation)
        except Unavailable as error:
            self._exchange.soon(LegFailed(leg, Outcome.CONGESTED, reason=str(error)))
        self._wake(queue)

    def _note(self, leg: LegId, text: str) -> None:
        if leg in self._exchange.state.legs:
            self._exchange.ask(Note(leg, text), cause="cps")


class PacedSignalling:
    """Implements `ports.Signalling`: an INVITE waits for its turn; a leg that waits is ended without a message."""

    def __init__(self, door: Signalling, pacing: Pacing) -> None:
        self._door = door
        self._pacing = pacing
        self.invite = pacing.invite
        self.ring, self.progress, self.answer, self.hidden = door.ring, door.progress, door.answer, door.hidden

    def end(self, leg: LegId, outcome: Outcome, *, status: int = 0) -> None:
        if not self._pacing.drop(leg):
            self._door.end(leg, outcome, status=status)

    def press_answer(self, leg: LegId) -> None:
        if not self._pacing.waits(leg):
            self._door.press_answer(leg)


class PacedTimers:
    """Implements `ports.Timers`: the ringing time of a leg that waits does not run."""

    def __init__(self, door: Timers, pacing: Pacing) -> None:
        self._door = door
        self._pacing = pacing
        self.disarm = door.disarm

    def arm(self, timer: str, at: float) -> None:
        kind, _, leg = timer.partition(":")
        if kind != "ring" or not self._pacing.rings_for(LegId(leg), at - self._pacing.now()):
            self._door.arm(timer, at)
