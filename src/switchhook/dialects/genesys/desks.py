"""Every agent's desk: its calls followed from fact to fact, and what changed told to its desktops.

A fact concerns a desk when it names a leg of its telephone or a room in which one of its calls is. Both are found in a
dictionary, so a call that no agent takes part in costs two look-ups per fact.

A call is shown as Ringing when the telephone says so, or when it has said nothing for `RINGS_AFTER_S`: its only 180 may
have been lost, and after 100 Trying nobody sends the INVITE again (RFC 3261 17.1.1.2). Not at once, because a busy
telephone would flash up on the desktop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol, get_args

from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core.ids import DialId, LegId, RoomId
from switchhook.core.model import Leg, LegState, Side
from switchhook.core.values import dataclass
from switchhook.dialects.genesys.agents import Roster, User
from switchhook.dialects.genesys.calls import Call, Calls, Change, Notification, Options
from switchhook.dialects.genesys.ids import CallIds
from switchhook.dialects.genesys.memberships import Membership, memberships, party
from switchhook.dialects.genesys.shapes import CALLS, CHANNELS, DEVICES, Shapes
from switchhook.dialects.genesys.status import Code
from switchhook.dialects.genesys.taping import Taping
from switchhook.exchange.switch import Exchange, Stamped

RINGS_AFTER_S = 1.0
CONCERNING = frozenset(get_args(f.Fact)) - {f.HearingChanged}  # facts that may change what a desk shows


class Outbox(Protocol):
    """Where messages to desktops go."""

    def listens(self, user: str, channel: str) -> bool:
        """True when somebody would get what is sent there."""

    def publish(self, user: str, channel: str, text: bytes) -> None: ...


class View(Protocol):
    """A second API that is told the same of a desk, in the same order."""

    def call_changed(self, user: User, change: Change, now: float) -> None: ...

    def call_failed(self, user: User, call: Call, text: str) -> None:
        """An operation failed after it was accepted."""

    def device_changed(self, user: User) -> None: ...


@dataclass(frozen=True, slots=True)
class Awaited:
    """An operation on a call that ended well, or not, when the party has come, or not."""

    user: User
    call: Call
    operation: str


class _Names:
    """Ids of calls, and one connection id for each room."""

    def __init__(self, ids: CallIds) -> None:
        self._ids = ids
        self._of_room: dict[RoomId, str] = {}

    def call_uuid(self) -> str:
        return self._ids.call_uuid()

    def conn_id(self, leg: LegId, room: RoomId | None) -> str:
        if room is None:
            return self._ids.conn_id()
        if room not in self._of_room:
            self._of_room[room] = self._ids.conn_id()
        return self._of_room[room]

    def forget(self, room: RoomId) -> None:
        self._of_room.pop(room, None)


class Desks:
    """Follows the facts; keeps what each device shows; publishes the differences."""

    def __init__(
        self, exchange: Exchange, roster: Roster, shapes: Shapes, options: Options, ids: CallIds, outbox: Outbox
    ) -> None:
        self._exchange = exchange
        self._state = exchange.state
        self._roster = roster
        self._shapes = shapes
        self._outbox = outbox
        self.views: list[View] = []
        self.silenced: dict[tuple[RoomId, LegId], str] = {}  # muted by a supervisor, by the name
        self.is_watched: Callable[[LegId], bool] = lambda leg: False
        self._names = _Names(ids)
        self.taping = Taping(exchange, self.look_again)
        self._calls = {name: Calls(options, self._names, self.taping.stand) for name in roster.users}
        self._legs: dict[str, dict[LegId, None]] = {name: {} for name in roster.users}
        self._at_leg: dict[LegId, tuple[User, ...]] = {}
        self._at_room: dict[RoomId, dict[str, User]] = {}
        self._patience: dict[LegId, asyncio.TimerHandle] = {}  # for telephones that have not said that they ring
        self._surely_ringing: set[LegId] = set()
        self._brought: set[RoomId] = set()  # rooms that have the user data of the INVITEs
        self._awaited: dict[DialId, Awaited] = {}  # parties that are being added to calls

    # --- reading ----------------------------------------------------------------------------------------------------

    def calls(self, user: User) -> Calls:
        return self._calls[user.name]

    def legs(self, user: User) -> list[Leg]:
        """Returns the live legs of the user's telephone."""
        return [self._state.legs[leg] for leg in self._legs[user.name] if leg in self._state.legs]

    def sharing(self, user: User) -> list[User]:
        """Returns the other users whose desks have the same telephone."""
        return [other for other in self._roster.at(user.agent.endpoint, user.key) if other is not user]

    def active(self, user: User) -> bool:
        """True when the telephone can be reached: registered, or not a telephone that registers."""
        return not user.agent.endpoint or user.agent.endpoint in self._state.registered

    # --- following --------------------------------------------------------------------------------------------------

    def heard(self, stamped: Stamped) -> None:
        """Takes a fact; a listener of the exchange."""
        fact = stamped.fact
        if isinstance(fact, f.LegCreated):
            self._leg_created(fact.leg)
        elif not self._at_leg and not self._at_room and not isinstance(fact, f.EndpointRegistered | f.DiversionSet):
            return  # no agent has a call
        awaited = self._awaited.pop(fact.dial, None) if isinstance(fact, f.DialEnded) else None
        if awaited is not None:
            self._party_decided(awaited, came=isinstance(fact, f.DialEnded) and fact.leg is not None)
        for user in self._concerned(fact):
            self.refresh(user, stamped.at)
        if isinstance(fact, f.LegEnded):
            self._leg_ended(fact.leg)
        elif isinstance(fact, f.RoomClosed):
            self._names.forget(fact.room)
            self._at_room.pop(fact.room, None)
            self._brought.discard(fact.room)
        elif isinstance(fact, f.AnswerNotPressed):
            self._not_answered(fact.leg)
        elif isinstance(fact, f.DiversionSet):
            self._diverted(fact)
        elif isinstance(fact, f.EndpointRegistered):
            for user in self._roster.at(fact.username, ""):
                self.tell_device(user)

    def _diverted(self, fact: f.DiversionSet) -> None:
        for user in self._roster.at(fact.key, fact.key):
            user.divert(fact.diversion)
            self.tell_device(user)

    def _leg_created(self, leg: Leg) -> None:
        users = tuple(self._roster.of(leg))
        if users:
            self._at_leg[leg.id] = users
            for user in users:
                self._legs[user.name][leg.id] = None
            if leg.side is Side.OUTBOUND and leg.state is LegState.DIALLING:
                wait = asyncio.get_running_loop().call_later
                self._patience[leg.id] = wait(RINGS_AFTER_S, self._patience_over, leg.id)

    def _patience_over(self, leg: LegId) -> None:
        del self._patience[leg]
        self._surely_ringing.add(leg)
        for user in self._at_leg.get(leg, ()):
            self.refresh(user, self._exchange.clock.now())

    def _leg_ended(self, leg: LegId) -> None:
        self._surely_ringing.discard(leg)
        waiting = self._patience.pop(leg, None)
        if waiting is not None:
            waiting.cancel()
        for user in self._at_leg.pop(leg, ()):
            self._legs[user.name].pop(leg, None)

    def _concerned(self, fact: f.Fact) -> list[User]:
        found: dict[str, User] = {}
        leg = fact.member.leg if isinstance(fact, f.MemberJoined) else getattr(fact, "leg", None)
        if isinstance(leg, Leg):
            leg = leg.id
        if leg in self._at_leg:
            found.update((user.name, user) for user in self._at_leg[leg])
        room = fact.dial.room if isinstance(fact, f.DialStarted) else getattr(fact, "room", None)
        if isinstance(fact, f.DialRang) and fact.dial in self._state.dials:
            room = self._state.dials[fact.dial].room
        if isinstance(room, str) and room in self._at_room:
            found.update(self._at_room[RoomId(room)])
        return list(found.values())

    def _not_answered(self, leg: LegId) -> None:
        for user in self._at_leg.get(leg, ()):
            for call in self._calls[user.name].live.values():
                if call.leg == leg:
                    text = "The telephone did not answer by itself; answer it by hand."
                    self._tell_failure(user, call, "Answer", text)

    def _tell_failure(self, user: User, call: Call, operation: str, text: str) -> None:
        error = self._shapes.call_error(user, call, operation, int(Code.FAILED), text)
        self._outbox.publish(user.name, CALLS, error)
        for view in self.views:
            view.call_failed(user, call, text)

    def await_party(self, dial: DialId, awaited: Awaited) -> None:
        """Tells the desktop if nobody comes of that attempt; somebody who comes makes its call a conference."""
        self._awaited[dial] = awaited

    def _party_decided(self, awaited: Awaited, *, came: bool) -> None:
        user, call = awaited.user, awaited.call
        if came:
            call.owner = True
        elif call.id in self._calls[user.name].live:
            self._tell_failure(user, call, awaited.operation, "The party was not reached.")

    def look_again(self, room: RoomId) -> None:
        """Tells the desktops in a room what the core alone does not know has changed."""
        for user in list(self._at_room.get(room, {}).values()):
            self.refresh(user, self._exchange.clock.now())

    def leg_of(self, user: User, call: Call, number: str) -> LegId | None:
        """Returns the other party of a call that is shown with that number."""
        room = self._state.rooms.get(call.room) if call.room is not None else None
        for leg in room.members if room is not None else ():
            found = self._state.legs[leg]
            if leg != call.leg and _digits(party(found, self._inside).number) == _digits(number):
                return leg
        return None

    def close(self) -> None:
        """Waits for nothing any more."""
        for waiting in self._patience.values():
            waiting.cancel()
        self._patience.clear()

    # --- telling ----------------------------------------------------------------------------------------------------

    def refresh(self, user: User, now: float) -> None:
        """Compares the user's calls with the core and publishes every difference."""
        calls = self._calls[user.name]
        changes = calls.update(self._seen(user), now)
        for call in calls.live.values():
            if call.room is not None:
                self._at_room.setdefault(call.room, {})[user.name] = user
        for change in changes:
            self.tell_call(user, change, now)
        for call in [call for call in calls.live.values() if call.noted and call.room is not None]:
            self._take_along(call)

    def note_data(self, user: User, call: Call, data: Mapping[str, object], now: float) -> None:
        """Keeps the user data of a call that no room holds yet; the room that it comes into gets them."""
        if dict(call.data) != data:
            call.data = call.noted = data
            self.tell_call(user, Change(call, Notification.DATA, plain=True), now)

    def _take_along(self, call: Call) -> None:
        data, call.noted = {**call.data, **call.noted}, {}
        if call.room is not None:
            self._exchange.ask(r.SetData(call.room, data), cause="user data of the call")

    def _seen(self, user: User) -> list[Membership]:
        found: list[Membership] = []
        for leg in self.legs(user):
            rings = leg.id in self._surely_ringing
            found += memberships(self._state, leg, user.number, self._inside, surely_rings=rings)
        return [self._overseen(self._brought_once(each) if each.brought else each) for each in found]

    def _overseen(self, seen: Membership) -> Membership:
        """Adds what only the supervisor's watch knows: whom it watches, and whether it has muted that agent."""
        room = seen.room
        if room is None or (seen.supervises is None and seen.supervised is None):
            return seen
        if seen.supervises is not None:
            return replace(seen, silenced=any(each == room for each, _ in self.silenced))
        silenced = (room, seen.leg) in self.silenced
        watched = seen.supervised if self.is_watched(seen.leg) else None
        return replace(seen, supervised=watched, silenced=silenced, muted=seen.muted and not silenced)

    def _brought_once(self, seen: Membership) -> Membership:
        """A pair that came with the call and was deleted from its user data does not come back with the next agent."""
        if seen.room is None or seen.room in self._brought:
            return replace(seen, brought={})
        self._brought.add(seen.room)
        return seen

    def _inside(self, endpoint: str, key: str) -> str:
        users = self._roster.at(endpoint, key)
        return users[0].number if users else ""

    def tell_call(self, user: User, change: Change, now: float) -> None:
        """Publishes a message about a call, and writes into the timeline that it was told."""
        for view in self.views:
            view.call_changed(user, change, now)
        if not self._outbox.listens(user.name, CALLS):
            return
        call = change.call
        name = f"{change.notification.value} {call.type.value} {call.state.value}"
        body: dict[str, object] = {"dialect": "genesys", "name": name, "channel": CALLS, "user": user.name}
        self._exchange.write("Notification", body, leg=call.leg, call=call.chain)
        self._outbox.publish(user.name, CALLS, self._shapes.call_message(user, change, now))

    def tell_dtmf(self, user: User, call: Call, now: float) -> None:
        self.tell_call(user, Change(call, Notification.DTMF), now)

    def tell_device(self, user: User) -> None:
        self._outbox.publish(user.name, DEVICES, self._shapes.device_message(user, self.active(user)))
        for view in self.views:
            view.device_changed(user)

    def tell_channels(self, user: User) -> None:
        self._outbox.publish(user.name, CHANNELS, self._shapes.channel_message(user))


def _digits(number: str) -> str:
    return number.strip().removeprefix("+")
