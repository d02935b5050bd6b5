"""Recordings: which legs a tape takes, also while the room or the leg that it follows changes company.

A tape of a room takes who is heard in it, and nobody else: an agent who has turned away to a consult, a held or a muted
member are on no tape of the room, because what they say is not said there. While nobody is heard the tape runs on in
silence. What supervisors say is on it unless the room wants it otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from switchhook.core import actions as a
from switchhook.core import events as e
from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core.errors import Reason, Refused
from switchhook.core.hearing import heard_in
from switchhook.core.ids import LegId, RecordingId, RoomId
from switchhook.core.model import Role, Tape
from switchhook.core.rooms import need_leg, need_room
from switchhook.core.sources import Voice
from switchhook.core.state import State
from switchhook.core.work import Work

Sides = tuple[tuple[LegId, ...], tuple[LegId, ...]]


def start_recording(work: Work, request: r.StartRecording) -> r.Accepted:
    """Begins a recording of certain legs, of a room, or of a leg and whom it hears."""
    for leg in (*request.legs_left, *request.legs_right):
        need_leg(work, leg)
    left, right = request.legs_left, request.legs_right
    if request.room is not None:
        room = need_room(work, request.room)
        if not room.members:
            raise Refused(Reason.UNKNOWN_LEG, "nobody to record")
        left, right = _of_room(work.state, request.room, request.whispers)
    elif request.follow is not None:
        need_leg(work, request.follow)
        left, right = _of_leg(work.state, request.follow)
    elif not left and not right:
        raise Refused(Reason.UNKNOWN_LEG, "nobody to record")
    tape = Tape(
        id=request.id or RecordingId(work.state.ids.new()),
        path=request.path,
        left=left,
        right=right,
        max_ms=request.max_ms,
        room=request.room,
        follows=request.follow,
        mono=request.mono,
        heard=request.heard and request.follow is not None,
        whispers=request.whispers,
    )
    work.fact(f.RecordingStarted(tape))
    work.act(a.Record(tape))
    return r.Accepted(recording=tape.id)


def stop_recording(work: Work, request: r.StopRecording) -> r.Accepted:
    if request.recording not in work.state.tapes:
        raise Refused(Reason.WRONG_STATE, "no such recording is running")
    work.act(a.StopRecord(request.recording))
    return r.Accepted(recording=request.recording)


def pause_recording(work: Work, request: r.PauseRecording | r.ResumeRecording) -> r.Accepted:
    """Leaves out of the file what is said from now on, or takes it in again; the file has no gap where it was."""
    tape = work.state.tapes.get(request.recording)
    if tape is None:
        raise Refused(Reason.WRONG_STATE, "no such recording is running")
    on = isinstance(request, r.PauseRecording)
    if tape.paused != on:
        work.fact(f.RecordingPaused(tape.id, on))
        work.act(a.Record(work.state.tapes[tape.id]))
    return r.Accepted(recording=tape.id)


def recording_ended(work: Work, event: e.RecordingEnded) -> None:
    if event.recording in work.state.tapes:
        work.fact(f.RecordingFinished(event.recording, event.path, event.duration_ms, event.error))


def follow(work: Work, rooms: Iterable[RoomId], legs: Iterable[LegId]) -> None:
    """Turns the recordings that follow these rooms and legs to whoever is there now."""
    for room_id in rooms:
        room = work.state.rooms.get(room_id)
        for tape in room.tapes if room is not None else ():
            _turn(work, tape, _of_room(work.state, room_id, work.state.tapes[tape].whispers))
    for leg_id in legs:
        leg = work.state.legs.get(leg_id)
        for tape in leg.tapes if leg is not None else ():
            if work.state.tapes[tape].follows == leg_id:
                _turn(work, tape, _of_leg(work.state, leg_id))


def _turn(work: Work, recording: RecordingId, sides: Sides) -> None:
    tape = work.state.tapes[recording]
    if (tape.left, tape.right) != sides:
        work.fact(f.RecordingTurned(recording, *sides))
        work.act(a.Record(replace(tape, left=sides[0], right=sides[1])))


def _of_room(state: State, room: RoomId, whispers: bool) -> Sides:
    found = state.rooms[room]
    members = [m for m in heard_in(state, found) if found.plan.tapes_supervisors or m.role is not Role.SUPERVISOR]
    members = [m for m in members if whispers or not m.whispers]
    customers = tuple(member.leg for member in members if member.role is Role.CUSTOMER)
    return customers, tuple(member.leg for member in members if member.role is not Role.CUSTOMER)


def _of_leg(state: State, leg: LegId) -> Sides:
    heard = (source.leg for source in state.legs[leg].heard if isinstance(source, Voice))
    return (leg,), tuple(other for other in heard if not _left_out(state, leg, other))


def _left_out(state: State, leg: LegId, other: LegId) -> bool:
    """True for a supervisor whom no recording of the room takes, in which `leg` hears it."""
    focus = state.legs[leg].focus
    room = state.rooms.get(focus) if focus is not None else None
    if room is None or room.plan.tapes_supervisors:
        return False
    member = room.members.get(other)
    return member is not None and member.role is Role.SUPERVISOR
