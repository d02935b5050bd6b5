"""The workbench of one step: it collects facts and actions, and at the end says who hears what from now on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, get_args

from switchhook.core import actions as a
from switchhook.core import facts as f
from switchhook.core.apply import APPLIERS
from switchhook.core.hearing import hearing
from switchhook.core.ids import LegId, RoomId, SoundId, TransferId
from switchhook.core.model import LegState
from switchhook.core.sources import Sound, Sources
from switchhook.core.state import State


class Work:
    """One step under way. A fact is true as soon as it is stated, so later decisions of the step see it."""

    __slots__ = ("_touched_legs", "_touched_rooms", "actions", "closing", "facts", "now", "spoken_for", "state")

    def __init__(self, state: State, now: float) -> None:
        self.state = state
        self.now = now
        self.facts: list[f.Fact] = []
        self.actions: list[a.Action] = []
        self.closing: set[TransferId] = set()  # transfers in their last row: their own steps trigger nothing more
        self.spoken_for: set[LegId] = set()  # legs that no rule may hang up in this step: the request sees to them
        self._touched_legs: dict[LegId, None] = {}
        self._touched_rooms: dict[RoomId, None] = {}

    def fact(self, fact: f.Fact) -> None:
        """States what became true."""
        kind = type(fact)
        self.facts.append(fact)
        if kind is f.DialMoved:
            _touch_room_of_dial(self, fact)  # the room that it leaves; the one it comes to is touched below
        APPLIERS[kind](self.state, fact)
        touch = _TOUCHES[kind]
        if touch is not None:
            touch(self, fact)

    def act(self, action: a.Action) -> None:
        """Asks the shell for something."""
        self.actions.append(action)

    def touch_leg(self, leg: LegId) -> None:
        """What this leg and the members of its rooms hear is looked at again when the step ends."""
        self._touched_legs[leg] = None
        found = self.state.legs.get(leg)
        if found is not None:
            for room in found.rooms:
                self._touched_rooms[room] = None

    def touch_room(self, room: RoomId) -> None:
        """What the members of this room hear is looked at again when the step ends."""
        self._touched_rooms[room] = None

    def finish(self) -> None:
        """Ends the step: states and asks for every change in who hears whom."""
        legs = dict(self._touched_legs)
        for room_id in self._touched_rooms:
            room = self.state.rooms.get(room_id)
            if room is not None:
                legs.update(dict.fromkeys(room.members))
        changes: list[tuple[LegId, Sources]] = []
        known, over = self.state.legs, LegState.OVER
        for leg_id in legs:
            leg = known.get(leg_id)
            if leg is None or leg.state is over:
                continue
            sources = self._named(hearing(self.state, leg))
            if sources != leg.heard:
                self.facts.append(heard := f.HearingChanged(leg_id, sources))
                APPLIERS[f.HearingChanged](self.state, heard)
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


Touch = Callable[[Work, Any], None]  # marks whose hearing a fact may have changed, once it is true


def _touch_room_of_dial(work: Work, fact: Any) -> None:
    dial = work.state.dials.get(fact.dial)
    if dial is not None:
        work.touch_room(dial.room)


def _touch_leg_and_room_of_dial(work: Work, fact: Any) -> None:
    work.touch_leg(fact.leg)
    _touch_room_of_dial(work, fact)


def _touch_leg(work: Work, fact: Any) -> None:
    work.touch_leg(fact.leg)


def _touch_ringing(work: Work, fact: f.LegRinging) -> None:
    work.touch_leg(fact.leg)
    leg = work.state.legs.get(fact.leg)
    if fact.early and leg is not None and leg.dial is not None:
        work.touch_room(work.state.dials[leg.dial].room)


def _touch_room(work: Work, fact: Any) -> None:
    if fact.room is not None:
        work.touch_room(fact.room)


def _touch_both(work: Work, fact: Any) -> None:
    if fact.leg is not None:
        work.touch_leg(fact.leg)
    if fact.room is not None:
        work.touch_room(fact.room)


def _touch_member(work: Work, fact: f.MemberJoined) -> None:
    work.touch_leg(fact.member.leg)
    work.touch_room(fact.room)


def _touch_of(kind: type) -> Touch | None:
    """Reads off a fact class where it names a leg and a room."""
    named = {each.name: str(each.type) for each in fields(kind)}
    leg, room = named.get("leg", "").startswith("LegId"), named.get("room", "").startswith("RoomId")
    if leg:
        return _touch_both if room or "None" in named["leg"] else _touch_leg
    return _touch_room if room else None


_TOUCHES: dict[type, Touch | None] = {kind: _touch_of(kind) for kind in get_args(f.Fact)} | {
    f.LegCreated: lambda work, fact: work.touch_leg(fact.leg.id),
    f.ListeningChanged: None,
    f.VoiceHeard: None,
    f.LegRinging: _touch_ringing,
    f.StreamOpened: None,
    f.StreamNoted: None,
    f.MemberJoined: _touch_member,
    f.DialStarted: lambda work, fact: work.touch_room(fact.dial.room),
    f.DialKept: _touch_room_of_dial,
    f.DialMoved: _touch_room_of_dial,
    f.DialTried: _touch_leg_and_room_of_dial,
    f.DialAccepting: _touch_leg_and_room_of_dial,  # its early audio is private from now on
}
