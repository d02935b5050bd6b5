"""How much an account may use: live calls, calls that come in per second, minutes of outgoing calls per day.

The keys stand in `[[account]]`. A sub-account is held to its own and to its main account's, which counts the calls of
both. Every leg is a call, as it is in the records. A request that would dial is refused before anything happens, with
the rule in its text; a leg that the core dials by itself (a fallback, a second target) is checked when its INVITE is
due, and ends as OVER_LIMIT. So every dialect is held to the same limits and none has to know them.

Accounts without limits, and servers without any, pay nothing: what happens to calls is only listened to where a limit
is set.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core.errors import Reason, Refused
from switchhook.core.ids import LegId
from switchhook.core.model import Leg, Side
from switchhook.core.values import dataclass
from switchhook.settings import Account

if TYPE_CHECKING:
    from switchhook.exchange.switch import Exchange


@dataclass(slots=True)
class _Use:
    """What an account uses now; the answered time of live legs is kept as a sum, so that nobody counts legs."""

    account: Account
    calls: int = 0
    unsent: int = 0  # of them, those that the present step has made and not yet dialled
    arrived: deque[float] = field(default_factory=deque)  # calls that came in within the last second
    day_began: float = 0.0
    talked_s: float = 0.0  # today, by legs that are over
    talking: int = 0
    answered_at: float = 0.0  # the sum for those that talk

    def minutes(self, now: float) -> float:
        """Returns how many minutes the account's outgoing calls have been answered today."""
        zone = ZoneInfo(self.account.timezone)
        began = datetime.fromtimestamp(now, zone).replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
        if began != self.day_began:
            self.day_began, self.talked_s, self.answered_at = began, 0.0, began * self.talking
        return (self.talked_s + now * self.talking - self.answered_at) / 60


class Limits:
    """Counts what accounts use, and refuses what is too much."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._uses = {
            account.auth_id: _Use(account)
            for account in exchange.settings.accounts
            if account.max_calls or account.max_minutes or account.inbound_cps
        }
        self._of: dict[str, tuple[_Use, ...]] = {}
        self._legs: dict[LegId, tuple[Leg, float | None]] = {}  # who is live, and since when it is answered
        self._unsent: set[LegId] = set()
        self.counted: dict[type[f.Fact], Callable[[Any, float], None]] = {}  # what to do with which facts
        if self._uses:
            self.counted = {f.LegCreated: self._created, f.LegConnected: self._connected, f.LegEnded: self._ended}

    def _uses_of(self, name: str) -> tuple[_Use, ...]:
        """Returns what a call of an account counts for: its own limits and its main account's, where there are any."""
        found = self._of.get(name)
        if found is None:
            account = self._exchange.directory.accounts.get(name)
            if account is None:
                return ()
            found = tuple(self._uses[each] for each in (name, account.parent) if each in self._uses)
            self._of[name] = found
        return found

    def remember(self) -> None:
        """Reads how long accounts have talked today from the records; blocks."""
        records, now = self._exchange.records, self._exchange.clock.now()
        for use in self._uses.values():
            if use.account.max_minutes and records is not None:
                use.minutes(now)
                names = [name for name in self._exchange.directory.accounts if use in self._uses_of(name)]
                use.talked_s += sum(records.talked_s(name, use.day_began) for name in names)

    # --- asked ------------------------------------------------------------------------------------------------------

    def need(self, account: str, calls: int = 1) -> None:
        """Raises `Refused` OVER_LIMIT, naming the rule, when an account may not make so many more calls now."""
        rule = self._broken(account, calls)
        if rule:
            raise Refused(Reason.OVER_LIMIT, rule)

    def of_request(self, request: r.Request) -> None:
        """Raises `Refused` OVER_LIMIT for a request that would dial when its account may not."""
        account = self._dialling(request)
        if account:
            self.need(account)

    def of_invite(self, leg: LegId) -> str:
        """Returns the rule that the INVITE of a leg would break, or nothing; of legs made together the first go out."""
        found, _ = self._legs.get(leg, (None, None))
        if found is None:
            return ""
        self._goes_out(found)
        return self._broken(found.account, 0)

    def of_arrival(self, account: str) -> str:
        """Returns the rule that a call that comes in for an account would break, or nothing; if not, it is counted."""
        now = self._exchange.clock.now()
        uses = self._uses_of(account)
        for use in uses:
            wanted = use.account
            while use.arrived and use.arrived[0] <= now - 1.0:
                use.arrived.popleft()
            if wanted.max_calls and use.calls >= wanted.max_calls:
                return _calls(wanted)
            if wanted.inbound_cps and len(use.arrived) >= wanted.inbound_cps:
                return f"account {wanted.auth_id} takes {wanted.inbound_cps} calls a second ([[account]] inbound_cps)"
        for use in uses:
            if use.account.inbound_cps:
                use.arrived.append(now)
        return ""

    def _broken(self, account: str, calls: int) -> str:
        for use in self._uses_of(account):
            wanted = use.account
            if wanted.max_calls and use.calls - use.unsent + calls > wanted.max_calls:
                return _calls(wanted)
            if wanted.max_minutes and use.minutes(self._exchange.clock.now()) >= wanted.max_minutes:
                minutes = f"its {wanted.max_minutes} minutes of today"
                return f"account {wanted.auth_id} has used {minutes} ([[account]] max_minutes)"
        return ""

    def _dialling(self, request: r.Request) -> str:
        """Returns the account for which a request would dial, or nothing."""
        state = self._exchange.state
        match request:
            case r.Originate() | r.PlaceCall() | r.PlaceParty():
                return request.account
            case r.Connect() | r.PlaceSecondCall():
                leg = state.legs.get(request.leg)
                return leg.account if leg is not None else ""
            case r.AddParty() | r.StartTransfer():
                room = state.rooms.get(request.room)
                return room.account if room is not None else ""
        return ""

    # --- counted, at once: an INVITE of the same step is judged by it -----------------------------------------------

    def _created(self, fact: f.LegCreated, at: float) -> None:
        self._legs[fact.leg.id] = (fact.leg, None)
        if fact.leg.side is Side.OUTBOUND:
            self._unsent.add(fact.leg.id)
        for use in self._uses_of(fact.leg.account):
            use.calls += 1
            use.unsent += fact.leg.side is Side.OUTBOUND

    def _goes_out(self, leg: Leg) -> None:
        if leg.id in self._unsent:
            self._unsent.discard(leg.id)
            for use in self._uses_of(leg.account):
                use.unsent -= 1

    def _connected(self, fact: f.LegConnected, at: float) -> None:
        leg, _ = self._legs.get(fact.leg, (None, None))
        if leg is None or leg.side is not Side.OUTBOUND:
            return
        self._legs[fact.leg] = (leg, at)
        for use in self._uses_of(leg.account):
            use.minutes(at)
            use.talking += 1
            use.answered_at += at

    def _ended(self, fact: f.LegEnded, at: float) -> None:
        leg, answered_at = self._legs.pop(fact.leg, (None, None))
        if leg is not None:
            self._goes_out(leg)
        for use in self._uses_of(leg.account) if leg is not None else ():
            use.calls -= 1
            if answered_at is not None:
                use.minutes(at)
                counted = max(answered_at, use.day_began)
                use.talking -= 1
                use.answered_at -= counted
                use.talked_s += at - counted


def _calls(account: Account) -> str:
    return f"account {account.auth_id} may have {account.max_calls} calls at a time ([[account]] max_calls)"
