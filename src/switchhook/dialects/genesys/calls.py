"""A desktop's calls: what was told of each, and what must be told now, in the documented order.

After each fact the calls are read anew from the core (`memberships`) and compared with what the desktop knows. Because
the core has finished its step before anybody is told of it, one step gives one comparison, and the order of the
messages is made here (genesys 2 and 9): what was released, then what is talked on, then what went on hold, then what
changed otherwise, then what is new. So InitiateTransfer tells the held original before the consult that dials,
CompleteTransfer the original before the consult, and SwapCalls the established call first.

A call keeps its id, its parent and the number that was called for its life. When its leg moves from one room to
another, as the target's does when a transfer is completed, it stays the same call with other participants.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field, replace
from enum import Enum
from typing import Protocol

from switchhook.core.ids import LegId, RoomId
from switchhook.core.values import dataclass
from switchhook.dialects.genesys.capabilities import CallState, CallView, Recorder, Supervision, capabilities
from switchhook.dialects.genesys.memberships import CallType, Membership, Party, Stand

KEPT = 50  # released calls of a device of which something may still be said


class Notification(Enum):
    STATUS = "StatusChange"
    PARTICIPANTS = "ParticipantsUpdated"
    DATA = "AttachedDataChanged"
    DTMF = "DtmfSent"
    RECORDING = "CallRecordingStateChange"
    SILENCED = "MonitoredUserMutedStateChange"
    ERROR = "Error"


@dataclass(eq=False, slots=True)
class Call:
    """One call as one device sees it; `told` members are those of the last message."""

    id: str
    conn_id: str
    leg: LegId
    chain: str  # the call in the journal to which it belongs
    room: RoomId | None
    began_at: float
    state: CallState
    type: CallType
    parties: tuple[Party, ...]
    called: str
    caller: str
    data: Mapping[str, object]
    noted: Mapping[str, object] = field(default_factory=dict)  # user data that the room does not have yet
    parent: Call | None = None
    placed: bool = False  # this device dialled it
    answered: bool = False  # it was Established at some time
    met: bool = False
    muted: bool = False
    supervises: Supervision | None = None  # this device watches another's call
    supervised: Supervision | None = None  # another device watches this one's
    silenced: bool = False  # a supervisor has muted the agent
    owner: bool = False  # this device made the conference
    recorder: Recorder = Recorder.STOPPED
    capabilities: tuple[str, ...] = ()
    previous_conn_id: str = ""  # that of the room in which it was before

    @property
    def consult(self) -> bool:
        return self.type is CallType.CONSULT


@dataclass(frozen=True, slots=True)
class Change:
    """A message to be sent about a call."""

    call: Call
    notification: Notification
    plain: bool = False  # without `extensions`, as the newer samples show it (genesys 5.6)


@dataclass(frozen=True, slots=True)
class Options:
    """What the configuration offers on every call."""

    profile: str = "2016"
    mute: bool = False
    recorder: bool = False
    clear: bool = False


@dataclass(frozen=True, slots=True)
class _Told:
    """What a message about the call would show."""

    state: CallState
    type: CallType
    parties: tuple[Party, ...]
    capabilities: frozenset[str]
    data: Mapping[str, object]
    conn_id: str
    muted: bool
    recorder: Recorder
    supervision: tuple[Supervision | None, Supervision | None]
    silenced: bool


class Names(Protocol):
    """Where the ids of calls and connections come from."""

    def call_uuid(self) -> str: ...

    def conn_id(self, leg: LegId, room: RoomId | None) -> str:
        """Returns the id that all devices in that room share."""


@dataclass(eq=False, slots=True)
class Calls:
    """The calls of one device."""

    options: Options
    names: Names
    recorder: Callable[[RoomId | None], Recorder] = lambda room: Recorder.STOPPED
    live: dict[str, Call] = field(default_factory=dict)
    ended: dict[str, Call] = field(default_factory=dict)  # the latest, the oldest first

    def update(self, seen: Iterable[Membership], now: float) -> list[Change]:
        """Takes over what the core has now; returns the messages that tell it, in order."""
        before = {id(call): _told(call) for call in self.live.values()}
        gone, fresh = self._match(list(seen), now)
        for call in gone:
            call.state, call.capabilities, call.recorder = CallState.RELEASED, (), Recorder.STOPPED
            self.ended[call.id] = self.live.pop(call.id)
        while len(self.ended) > KEPT:
            del self.ended[next(iter(self.ended))]
        self._offer()
        changes = [Change(call, Notification.STATUS) for call in gone]
        kept = [call for call in self.live.values() if call not in fresh]
        consulted = {id(call.parent) for call in fresh if call.consult}
        for rank in (_went_to(CallState.ESTABLISHED), _went_to(CallState.HELD), _otherwise):
            for call in kept:
                told = before[id(call)]
                if rank(told, call):
                    changes += _changes(told, call, plain=id(call) in consulted)
        return changes + [Change(call, Notification.STATUS, plain=call.consult and _dials(call)) for call in fresh]

    # --- finding the call of a membership ---------------------------------------------------------------------------

    def _match(self, seen: list[Membership], now: float) -> tuple[list[Call], list[Call]]:
        left = {(call.leg, call.room): call for call in self.live.values()}
        unknown: list[Membership] = []
        for membership in seen:
            call = left.pop((membership.leg, membership.room), None)
            if call is None:
                unknown.append(membership)
            else:
                self._take_over(call, membership)
        fresh: list[Call] = []
        for membership in unknown:
            moved = next((key for key in left if key[0] == membership.leg), None)
            if moved is not None:
                call = left.pop(moved)
                self._take_over(call, membership)
            else:
                fresh.append(self._begin(membership, now))
        return list(left.values()), fresh

    def _begin(self, membership: Membership, now: float) -> Call:
        parent = next((call for call in self.live.values() if call.room == membership.main), None)
        call = Call(
            id=self.names.call_uuid(),
            conn_id=self.names.conn_id(membership.leg, membership.room),
            leg=membership.leg,
            chain=membership.chain,
            room=membership.room,
            began_at=now,
            state=CallState.DIALING,
            type=membership.type,
            parties=membership.parties,
            called=membership.called,
            caller=membership.caller,
            data=membership.data,
            parent=parent if membership.consult and membership.main is not None else None,
            placed=membership.stand in (Stand.PLACES, Stand.WAITS),
        )
        self.live[call.id] = call
        self._take_over(call, membership)
        call.noted = {key: value for key, value in membership.brought.items() if key not in call.data}
        call.data = {**call.noted, **call.data}
        return call

    def _take_over(self, call: Call, membership: Membership) -> None:
        settled = call.met and call.room == membership.room  # whoever comes or goes now, it keeps its type
        if call.room != membership.room:
            call.room = membership.room
            call.previous_conn_id, call.conn_id = call.conn_id, self.names.conn_id(membership.leg, membership.room)
        if membership.room is not None:
            call.data = membership.data
        if membership.present:
            call.parties = membership.parties or call.parties
            if not settled:
                call.type = membership.type
                call.caller = membership.caller or call.caller
        call.state = _state(call, membership)
        call.muted = membership.muted
        call.supervises, call.supervised = membership.supervises, membership.supervised
        call.silenced = membership.silenced
        call.answered = call.answered or call.state in (CallState.ESTABLISHED, CallState.HELD)
        call.met = membership.met
        call.recorder = self.recorder(call.room)

    # --- what may be done -------------------------------------------------------------------------------------------

    def _offer(self) -> None:
        for call in self.live.values():
            call.capabilities = capabilities(self.view(call))

    def partners(self, call: Call) -> list[Call]:
        """Returns the live calls that are related to this one: its parent, or its consults."""
        if call.parent is not None:
            return [call.parent] if call.parent.id in self.live else []
        return [other for other in self.live.values() if other.parent is call]

    def view(self, call: Call) -> CallView:
        partners = self.partners(call)
        consult = call if call.parent is not None else next(iter(partners), None)
        return CallView(
            state=call.state,
            consult=call.consult,
            related=bool(partners),
            consult_answered=bool(partners) and consult is not None and consult.met,
            alone=call.room is None,
            others=len(call.parties),
            owner=call.owner,
            supervises=call.supervises,
            mute_offered=self.options.mute,
            muted=call.muted,
            recorder=call.recorder if self.options.recorder else None,
            clear_offered=self.options.clear,
            profile=self.options.profile,
        )


def _state(call: Call, seen: Membership) -> CallState:
    if seen.stand is Stand.RINGS:
        return CallState.RINGING
    if seen.stand is Stand.PLACES or (seen.stand is Stand.WAITS and not call.answered):
        return CallState.DIALING
    return CallState.HELD if seen.away else CallState.ESTABLISHED


def _told(call: Call) -> _Told:
    offered = frozenset(call.capabilities)
    return _Told(
        call.state,
        call.type,
        call.parties,
        offered,
        call.data,
        call.conn_id,
        call.muted,
        call.recorder,
        (call.supervises, call.supervised),
        call.silenced,
    )


def _dials(call: Call) -> bool:
    return call.state is CallState.DIALING


def _went_to(state: CallState) -> Callable[[_Told, Call], bool]:
    return lambda told, call: call.state is state and told.state is not state


def _otherwise(told: _Told, call: Call) -> bool:
    return call.state is told.state or call.state not in (CallState.ESTABLISHED, CallState.HELD)


def _changes(told: _Told, call: Call, *, plain: bool) -> list[Change]:
    now = _told(call)
    if now.state is not told.state:
        return [Change(call, Notification.STATUS, plain and call.state is CallState.HELD)]
    found: list[Change] = []
    if now.parties != told.parties:
        found.append(Change(call, Notification.PARTICIPANTS))
    elif now.silenced is not told.silenced:
        found.append(Change(call, Notification.SILENCED))
    elif now.recorder is not told.recorder:
        found.append(Change(call, Notification.RECORDING))
    elif replace(now, data=told.data) != told:
        found.append(Change(call, Notification.STATUS, plain and call.state is CallState.HELD))
    if now.data != told.data:
        found.append(Change(call, Notification.DATA, plain=True))
    return found
