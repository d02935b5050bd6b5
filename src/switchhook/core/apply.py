"""The only way the state changes: `apply(state, fact)`. The journal's facts, applied in order, rebuild the state.

Nothing is decided here, and nothing is refused: a fact is true.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from switchhook.core import facts as f
from switchhook.core.ids import DialId, LegId, RoomId
from switchhook.core.model import Alone, Diversion, Leg, LegState, Purpose, Room, changed
from switchhook.core.state import State


def apply(state: State, fact: f.Fact) -> State:
    """Makes `fact` true in `state` and returns it."""
    APPLIERS[type(fact)](state, fact)
    return state


_new = object.__new__


def _leg(of: State, leg: LegId, **changes: Any) -> None:
    legs = of.legs
    if leg in legs:
        copy = _new(Leg)  # `model.changed` without handing the changes on: half of all facts pass here
        copy.__dict__ = legs[leg].__dict__ | changes
        legs[leg] = copy


def _room(state: State, room: RoomId, **changes: Any) -> None:
    rooms = state.rooms
    if room in rooms:
        copy = _new(Room)
        copy.__dict__ = rooms[room].__dict__ | changes
        rooms[room] = copy


def _leg_created(state: State, fact: f.LegCreated) -> None:
    state.legs[fact.leg.id] = fact.leg


def _leg_connected(state: State, fact: f.LegConnected) -> None:
    _leg(state, fact.leg, state=LegState.UP, answered_at=fact.at)


def _leg_ended(state: State, fact: f.LegEnded) -> None:
    found = state.legs.get(fact.leg)
    if found is not None and not found.rooms:
        del state.legs[fact.leg]
    else:  # the rooms see that it is over, and let it out
        _leg(state, fact.leg, state=LegState.OVER, playing=None, overlay=None, dial=None)


def _sound_finished(state: State, fact: f.SoundFinished) -> None:
    found = state.legs.get(fact.leg)
    if found is not None and found.playing is not None and found.playing.id == fact.sound:
        _leg(state, fact.leg, playing=None, hang_up_after_sound=False)


def _overlay_finished(state: State, fact: f.OverlayFinished) -> None:
    found = state.legs.get(fact.leg)
    if found is not None and found.overlay is not None and found.overlay.id == fact.sound:
        _leg(state, fact.leg, overlay=None)


def _listening_changed(state: State, fact: f.ListeningChanged) -> None:
    found = state.legs.get(fact.leg)
    if found is not None:
        _leg(state, fact.leg, listeners=fact.listeners, talking=found.talking and bool(fact.listeners))


def _room_opened(state: State, fact: f.RoomOpened) -> None:
    room = fact.room
    state.rooms[room.id] = room
    if room.plan.name:
        state.named[(room.account, room.plan.kind, room.plan.name)] = room.id


def _room_closed(state: State, fact: f.RoomClosed) -> None:
    room = state.rooms.pop(fact.room, None)
    if room is not None and room.plan.name:
        key = (room.account, room.plan.kind, room.plan.name)
        if state.named.get(key) == room.id:
            del state.named[key]


def _member_joined(state: State, fact: f.MemberJoined) -> None:
    leg = fact.member.leg
    room = state.rooms[fact.room]
    _room(state, fact.room, members={**room.members, leg: fact.member})
    if room.plan.waits_for_company and not room.met:
        _met(state, fact.room)
    found = state.legs[leg]
    if fact.room not in found.rooms:
        _leg(state, leg, rooms=(*found.rooms, fact.room))


def _member_left(state: State, fact: f.MemberLeft) -> None:
    room = state.rooms.get(fact.room)
    if room is not None and fact.leg in room.members:
        _room(state, fact.room, members={leg: m for leg, m in room.members.items() if leg != fact.leg})
    found = state.legs.get(fact.leg)
    if found is None:
        return
    rooms = tuple([r for r in found.rooms if r != fact.room])
    if found.state is LegState.OVER and not rooms:
        del state.legs[fact.leg]
    else:
        _leg(state, fact.leg, rooms=rooms, focus=None if found.focus == fact.room else found.focus)


def _member(state: State, room: RoomId, leg: LegId, **changes: Any) -> None:
    found = state.rooms.get(room)
    if found is not None and leg in found.members:
        _room(state, room, members={**found.members, leg: changed(found.members[leg], **changes)})

    if found is not None and found.plan.waits_for_company and not found.met:
        _met(state, room)


def _met(state: State, room: RoomId) -> None:
    if sum(member.is_company for member in state.rooms[room].members.values()) > 1:
        _room(state, room, met=True)


def _room_parked(state: State, fact: f.RoomParked) -> None:
    found = state.rooms.get(fact.room)
    if found is not None:
        _room(state, fact.room, plan=replace(found.plan, alone=Alone.MUSIC))


def _dial_started(state: State, fact: f.DialStarted) -> None:
    dial = fact.dial
    state.dials[dial.id] = dial
    room = state.rooms.get(dial.room)
    if room is not None:
        _room(state, dial.room, dials=(*room.dials, dial.id))


def _dial(state: State, dial: DialId, **changes: Any) -> None:
    found = state.dials.get(dial)
    if found is not None:
        state.dials[dial] = changed(found, **changes)


def _dial_rang(state: State, fact: f.DialRang) -> None:
    dial = state.dials[fact.dial]
    tried = dial.tried + (fact.instead is None)
    _dial(state, fact.dial, legs=(*[leg for leg in dial.legs if leg != fact.instead], fact.leg), tried=tried)


def _dial_accepting(state: State, fact: f.DialAccepting) -> None:
    dial = state.dials[fact.dial]
    _dial(state, fact.dial, accepting=(*dial.accepting, fact.leg))


def _dial_tried(state: State, fact: f.DialTried) -> None:
    dial = state.dials[fact.dial]
    _dial(
        state,
        fact.dial,
        legs=tuple(leg for leg in dial.legs if leg != fact.leg),
        accepting=tuple(leg for leg in dial.accepting if leg != fact.leg),
        outcome=fact.outcome,
        status=fact.status,
    )


def _dial_ended(state: State, fact: f.DialEnded) -> None:
    dial = state.dials.pop(fact.dial, None)
    if dial is None:
        return
    room = state.rooms.get(dial.room)
    if room is not None:
        _room(state, dial.room, dials=tuple([d for d in room.dials if d != dial.id]))
    for leg in dial.legs:
        _leg(state, leg, dial=None)


def _dial_moved(state: State, fact: f.DialMoved) -> None:
    dial = state.dials[fact.dial]
    old, new = state.rooms.get(dial.room), state.rooms.get(fact.room)
    if old is not None:
        _room(state, old.id, dials=tuple(d for d in old.dials if d != dial.id))
    if new is not None:
        _room(state, new.id, dials=(*state.rooms[new.id].dials, dial.id))
    _dial(state, dial.id, room=fact.room, plan=replace(dial.plan, waiting=fact.waiting, waiting_clips=()))


def _leg_ringing(state: State, fact: f.LegRinging) -> None:
    _leg(state, fact.leg, state=LegState.RINGING)
    if fact.early and fact.leg in state.legs:
        _leg(state, fact.leg, early=True)
    found = state.legs.get(fact.leg)
    if found is not None and found.dial is not None:
        _dial(state, found.dial, rang=True)


def _transfer_started(state: State, fact: f.TransferStarted) -> None:
    transfer = fact.transfer
    state.transfers[transfer.id] = transfer
    state.agents[transfer.agent] = transfer.id
    _room(state, transfer.room, transfer=transfer.id)


def _transfer(state: State, fact: f.TransferAdvanced) -> None:
    found = state.transfers[fact.transfer]
    state.transfers[fact.transfer] = changed(
        found,
        phase=fact.phase,
        target=fact.target or found.target,
        consult=fact.consult or found.consult,
    )


def _transfer_dialled(state: State, fact: f.TransferDialled) -> None:
    state.transfers[fact.transfer] = changed(state.transfers[fact.transfer], dial=fact.dial)


def _transfer_missed(state: State, fact: f.TransferMissed) -> None:
    state.transfers[fact.transfer] = changed(state.transfers[fact.transfer], failure=fact.failure)


def _fallback_taken(state: State, fact: f.FallbackTaken) -> None:
    found = state.transfers[fact.transfer]
    state.transfers[fact.transfer] = changed(found, fallback=found.fallback + 1, failure=fact.failure)


def _transfer_ended(state: State, fact: f.TransferEnded) -> None:
    found = state.transfers.pop(fact.transfer, None)
    if found is None:
        return
    if state.agents.get(found.agent) == found.id:
        del state.agents[found.agent]
    _room(state, found.room, transfer=None)


def _endpoint_registered(state: State, fact: f.EndpointRegistered) -> None:
    (state.registered.add if fact.on else state.registered.discard)(fact.username)


def _diversion_set(state: State, fact: f.DiversionSet) -> None:
    if fact.diversion == Diversion():
        state.diversions.pop(fact.key, None)
    else:
        state.diversions[fact.key] = fact.diversion


def _recording_started(state: State, fact: f.RecordingStarted) -> None:
    tape = fact.tape
    state.tapes[tape.id] = tape
    if tape.room is not None:
        _room(state, tape.room, tapes=(*state.rooms[tape.room].tapes, tape.id))
        return
    for leg in tape.left:
        found = state.legs.get(leg)
        if found is not None:
            _leg(state, leg, tapes=(*found.tapes, tape.id))


def _recording_turned(state: State, fact: f.RecordingTurned) -> None:
    state.tapes[fact.recording] = replace(state.tapes[fact.recording], left=fact.left, right=fact.right)


def _recording_paused(state: State, fact: f.RecordingPaused) -> None:
    state.tapes[fact.recording] = replace(state.tapes[fact.recording], paused=fact.on)


def _stream_started(state: State, fact: f.StreamStarted) -> None:
    plan = fact.stream.plan
    state.streams[fact.stream.id] = fact.stream
    _leg(state, fact.leg, streams=(fact.stream.id,), stream_heard=plan.bidirectional and not plan.is_leg)


def _stream_opened(state: State, fact: f.StreamOpened) -> None:
    found = state.streams.get(fact.stream)
    if found is not None:
        state.streams[fact.stream] = replace(found, connected=True)


def _stream_ended(state: State, fact: f.StreamEnded) -> None:
    state.streams.pop(fact.stream, None)
    _leg(state, fact.leg, streams=(), stream_heard=False)


def _recording_finished(state: State, fact: f.RecordingFinished) -> None:
    tape = state.tapes.pop(fact.recording, None)
    room = state.rooms.get(tape.room) if tape is not None and tape.room is not None else None
    if room is not None:
        _room(state, room.id, tapes=tuple(t for t in room.tapes if t != fact.recording))
    for leg in tape.left if tape is not None else ():
        found = state.legs.get(leg)
        if found is not None:
            _leg(state, leg, tapes=tuple(t for t in found.tapes if t != fact.recording))


def _nothing(state: State, fact: Any) -> None:
    """The fact is for readers; the state does not depend on it."""


APPLIERS: dict[type, Callable[[State, Any], None]] = {
    f.LegCreated: _leg_created,
    f.LegRinging: _leg_ringing,
    f.LegConnected: _leg_connected,
    f.LegEnded: _leg_ended,
    f.PhoneHeld: lambda s, x: _leg(s, x.leg, phone_held=x.on),
    f.FocusChanged: lambda s, x: _leg(s, x.leg, focus=x.room),
    f.LegFreed: _nothing,
    f.ProgramSet: lambda s, x: _leg(s, x.leg, program=x.program),
    f.SoundStarted: lambda s, x: _leg(s, x.leg, playing=x.sound, hang_up_after_sound=x.hang_up_after),
    f.SoundFinished: _sound_finished,
    f.OverlayStarted: lambda s, x: _leg(s, x.leg, overlay=x.sound, overlay_mixed=x.mixed),
    f.OverlayFinished: _overlay_finished,
    f.DigitHeard: _nothing,
    f.DigitsSent: _nothing,
    f.AnswerAsked: _nothing,
    f.AnswerNotPressed: _nothing,
    f.MediaSilent: _nothing,
    f.ListeningChanged: _listening_changed,
    f.VoiceHeard: lambda s, x: _leg(s, x.leg, talking=x.on),
    f.StreamStarted: _stream_started,
    f.StreamOpened: _stream_opened,
    f.StreamNoted: _nothing,
    f.StreamEnded: _stream_ended,
    f.LimitSet: lambda s, x: _leg(s, x.leg, ends_at=x.at),
    f.RoomOpened: _room_opened,
    f.RoomStarted: lambda s, x: _room(s, x.room, started=True),
    f.RoomClosed: _room_closed,
    f.MemberJoined: _member_joined,
    f.MemberLeft: _member_left,
    f.MemberHeld: lambda s, x: _member(s, x.room, x.leg, held=x.on),
    f.MemberMuted: lambda s, x: _member(s, x.room, x.leg, muted=x.on),
    f.MemberDeafened: lambda s, x: _member(s, x.room, x.leg, deaf=x.on),
    f.WhisperSet: lambda s, x: _member(s, x.room, x.leg, whispers=x.on, coached=x.coached),
    f.LeadChanged: lambda s, x: _room(s, x.room, lead=x.leg),
    f.RoomParked: _room_parked,
    f.DataChanged: lambda s, x: _room(s, x.room, data=dict(x.data)),
    f.DialStarted: _dial_started,
    f.DialRang: _dial_rang,
    f.DialAccepting: _dial_accepting,
    f.DialTried: _dial_tried,
    f.DialEnded: _dial_ended,
    f.DialMoved: _dial_moved,
    f.DialKept: lambda s, x: _dial(s, x.dial, purpose=Purpose.JOIN),
    f.TransferStarted: _transfer_started,
    f.TransferAdvanced: _transfer,
    f.TransferDialled: _transfer_dialled,
    f.TransferMissed: _transfer_missed,
    f.FallbackTaken: _fallback_taken,
    f.TransferEnded: _transfer_ended,
    f.HearingChanged: lambda s, x: _leg(s, x.leg, heard=x.sources),
    f.RecordingStarted: _recording_started,
    f.RecordingTurned: _recording_turned,
    f.RecordingPaused: _recording_paused,
    f.RecordingFinished: _recording_finished,
    f.EndpointRegistered: _endpoint_registered,
    f.DiversionSet: _diversion_set,
    f.Noted: _nothing,
}
