"""The workbench of one step: it collects facts and actions, and at the end says who hears what from now on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from operator import attrgetter
from typing import Any, get_args

from switchhook.core import actions as a
from switchhook.core import facts as f
from switchhook.core.apply import APPLIERS
from switchhook.core.hearing import hearing
from switchhook.core.ids import LegId, RoomId, SoundId, TransferId
from switchhook.core.model import Dial, LegState
from switchhook.core.sources import Sound, Sources
from switchhook.core.state import State


class Work:
    """One step under way. A fact is true as soon as it is stated, so later decisions of the step see it."""

    __slots__ = ("_touched_legs", "_touched_rooms", "act", "actions", "closing", "facts", "now", "spoken_for", "state")

    def __init__(self, state: State, now: float) -> None:
        self.state = state
        self.now = now
        self.facts: list[f.Fact] = []
        self.actions: list[a.Action] = []
        self.act: Callable[[a.Action], None] = self.actions.append  # asks the shell for something
        self.closing: set[TransferId] = set()  # transfers in their last row: their own steps trigger nothing more
        self.spoken_for: set[LegId] = set()  # legs that no rule may hang up in this step: the request sees to them
        self._touched_legs: dict[LegId, None] = {}
        self._touched_rooms: dict[RoomId, None] = {}

    def fact(self, fact: f.Fact) -> None:
        """States what became true; what a leg it names and the members of its rooms hear is judged at the end."""
        kind = type(fact)
        state, rooms = self.state, self._touched_rooms
        self.facts.append(fact)
        make_true, leg_of, room_of, dial_of = _STATED[kind]
        if kind is _MOVED:
            self._touch_room_of(_dial_of(state, fact))  # which it leaves; the one it comes to is touched below
        make_true(state, fact)
        if leg_of is not None and (leg := leg_of(fact)) is not None:
            self._touched_legs[leg] = None
            if leg in state.legs:
                for its_room in state.legs[leg].rooms:
                    rooms[its_room] = None
        if room_of is not None and (room := room_of(fact)) is not None:
            rooms[room] = None
        if dial_of is not None:
            self._touch_room_of(dial_of(state, fact))

    def _touch_room_of(self, dial: Dial | None) -> None:
        """What those hear who wait for this dial is looked at again when the step ends."""
        if dial is not None:
            self._touched_rooms[dial.room] = None

    def finish(self) -> None:
        """Ends the step: states and asks for every change in who hears whom."""
        legs, known, rooms = self._touched_legs, self.state.legs, self.state.rooms
        for room in self._touched_rooms:
            if room in rooms:
                for member in rooms[room].members:
                    legs[member] = None
        changes: list[tuple[LegId, Sources]] = []
        for leg_id in legs:
            if leg_id not in known or (leg := known[leg_id]).state is _OVER:
                continue
            sources = hearing(self.state, leg)
            if sources != leg.heard:  # a new sound has no name yet, and is in nobody's ear
                sources = self._named(sources)
                self.facts.append(heard := f.HearingChanged(leg_id, sources))
                _hear(self.state, heard)
                changes.append((leg_id, sources))
        if changes:
            self.actions.append(a.Hear(tuple(changes)))
        if self.state.tapes:
            from switchhook.core.tapes import follow

            follow(self, list(self._touched_rooms), [leg for leg, _ in changes])

    def _named(self, sources: Sources) -> Sources:
        for source in sources:
            if type(source) is Sound and not source.id:
                break
        else:
            return sources
        return tuple(
            replace(source, id=SoundId(self.state.ids.new())) if type(source) is Sound and not source.id else source
            for source in sources
        )


# Where a fact says whose hearing it may have changed, read once it is true: a leg, a room, an attempt.
LegOf = Callable[[Any], LegId | None]
RoomOf = Callable[[Any], RoomId | None]
DialOf = Callable[[State, Any], Dial | None]
Touch = tuple[LegOf | None, RoomOf | None, DialOf | None]


def _touch(leg: LegOf | None = None, room: RoomOf | None = None, dial: DialOf | None = None) -> Touch:
    return leg, room, dial


_leg_of, _room_of = attrgetter("leg"), attrgetter("room")


def _dial_of(state: State, fact: Any) -> Dial | None:
    return state.dials.get(fact.dial)


def _dial_heard_early(state: State, fact: f.LegRinging) -> Dial | None:
    """The attempt that rings a leg, where those who wait may hear it already."""
    leg = state.legs.get(fact.leg) if fact.early else None
    return state.dials[leg.dial] if leg is not None and leg.dial is not None else None


def _touch_of(kind: type) -> Touch:
    """Reads off a fact class where it names a leg and a room."""
    named = {each.name: str(each.type) for each in fields(kind)}
    leg, room = named.get("leg", "").startswith("LegId"), named.get("room", "").startswith("RoomId")
    return _touch(_leg_of if leg else None, _room_of if room else None)


_TOUCHES: dict[type, Touch] = {kind: _touch_of(kind) for kind in get_args(f.Fact)} | {
    f.LegCreated: _touch(leg=attrgetter("leg.id")),
    f.ListeningChanged: _touch(),
    f.VoiceHeard: _touch(),
    f.LegRinging: _touch(leg=_leg_of, dial=_dial_heard_early),
    f.StreamOpened: _touch(),
    f.StreamNoted: _touch(),
    f.MemberJoined: _touch(leg=attrgetter("member.leg"), room=_room_of),
    f.DialStarted: _touch(room=attrgetter("dial.room")),
    f.DialKept: _touch(dial=_dial_of),
    f.DialMoved: _touch(dial=_dial_of),
    f.DialTried: _touch(leg=_leg_of, dial=_dial_of),
    f.DialAccepting: _touch(leg=_leg_of, dial=_dial_of),  # its early audio is private from now on
}
_STATED = {kind: (APPLIERS[kind], *touch) for kind, touch in _TOUCHES.items()}
_MOVED = f.DialMoved
_OVER = LegState.OVER
_hear = APPLIERS[f.HearingChanged]
