"""What may be asked of rooms and their members, apart from dialling and transfers."""

from __future__ import annotations

from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core.dials import need_free
from switchhook.core.errors import Reason, Refused
from switchhook.core.ids import LegId, RoomId
from switchhook.core.legs import answer, end_overlay, hang_up, start_sound, stop_sound
from switchhook.core.model import By, Closing, LegState, Member, Phase, Role, Seat, Side, StreamEnd
from switchhook.core.outcomes import Outcome
from switchhook.core.rooms import (
    depart,
    end_room,
    free,
    join,
    leave,
    need_leg,
    need_member,
    need_room,
    open_room,
    settle,
    turn,
)
from switchhook.core.streams import end_all as end_streams
from switchhook.core.transfer_requests import asked
from switchhook.core.transfers import Trigger, member_taken
from switchhook.core.work import Work


def enter(work: Work, request: r.EnterRoom) -> r.Accepted:
    """Puts a leg into a room, found by name or opened."""
    leg = need_leg(work, request.leg)
    need_free(leg)
    plan = request.plan
    account = request.account or leg.account
    room = work.state.named.get((account, plan.kind, plan.name)) if plan.name else None
    if room is not None and len(work.state.rooms[room].members) >= work.state.rooms[room].plan.max_members:
        raise Refused(Reason.ROOM_FULL, "the room is full")
    stop_sound(work, leg.id)
    answer(work, leg.id)
    if room is None:
        room = open_room(work, plan, account=account, call=leg.call, started=request.seat.starts_room)
    elif request.seat.starts_room and not work.state.rooms[room].started:
        work.fact(f.RoomStarted(room))
    join(work, room, leg.id, request.role, seat=request.seat)
    return r.Accepted(leg=leg.id, room=room)


def accompany(work: Work, request: r.Accompany) -> r.Accepted:
    """Brings a supervisor into one more room."""
    leg = need_leg(work, request.leg)
    room = need_room(work, request.room)
    seat = next((work.state.rooms[each].members[leg.id] for each in leg.rooms), None)
    if seat is None or seat.role is not Role.SUPERVISOR or leg.state is not LegState.UP:
        raise Refused(Reason.WRONG_STATE, "only a supervisor who is in a room can be brought into another")
    if leg.id in room.members:
        raise Refused(Reason.ALREADY_THERE, "the supervisor is in the room already")
    if len(room.members) + len(room.dials) >= room.plan.max_members:
        raise Refused(Reason.ROOM_FULL, "the room is full")
    if room.account != leg.account or (seat.coached is not None and seat.coached not in room.members):
        raise Refused(Reason.NOT_RELATED, "whom the supervisor watches is not in the room")
    join(work, room.id, leg.id, Role.SUPERVISOR, seat=_seat(seat))
    return r.Accepted(leg=leg.id, room=room.id)


def _seat(member: Member) -> Seat:
    return Seat(muted=member.muted, deaf=member.deaf, whispers=member.whispers, coached=member.coached)


def leave_asked(work: Work, request: r.LeaveRoom) -> r.Accepted:
    """Takes a member out; it goes to its program or is hung up."""
    member = need_member(work, request.room, request.leg)
    work.spoken_for.add(request.leg)
    member_taken(work, request.room, request.leg)
    leave(work, request.room, request.leg)
    work.spoken_for.discard(request.leg)
    free(work, request.room, request.leg)
    if member.ends_room:
        end_room(work, request.room, Closing.LEADER)
    else:
        settle(work, request.room)
    return r.Accepted(room=request.room, leg=request.leg)


def hold(work: Work, request: r.HoldMember) -> r.Accepted:
    member = need_member(work, request.room, request.leg)
    _not_while_ringing(work, request.room, request.leg)
    if member.held != request.on:
        work.fact(f.MemberHeld(request.room, request.leg, request.on))
    return r.Accepted(room=request.room, leg=request.leg)


def _not_while_ringing(work: Work, room: RoomId, leg: LegId) -> None:
    """An agent who waits for a target is in no talk that could be held (plivo-phlo 4.5)."""
    transfer_id = work.state.agents.get(leg)
    if transfer_id is not None and work.state.transfers[transfer_id].phase is Phase.RINGING:
        raise Refused(Reason.WRONG_STATE, "the member is waiting for the target of a transfer")


def mute(work: Work, request: r.MuteMember) -> r.Accepted:
    member = need_member(work, request.room, request.leg)
    if member.muted != request.on:
        work.fact(f.MemberMuted(request.room, request.leg, request.on))
        if member.role is Role.SUPERVISOR:
            settle(work, request.room)  # it may have been somebody's only company
    return r.Accepted(room=request.room, leg=request.leg)


def deafen(work: Work, request: r.DeafenMember) -> r.Accepted:
    member = need_member(work, request.room, request.leg)
    if member.deaf != request.on:
        work.fact(f.MemberDeafened(request.room, request.leg, request.on))
    return r.Accepted(room=request.room, leg=request.leg)


def whisper(work: Work, request: r.SetWhisper) -> r.Accepted:
    member = need_member(work, request.room, request.leg)
    coached = request.coached if request.on else None
    if coached is not None:
        need_member(work, request.room, coached)
    if (member.whispers, member.coached) != (request.on, coached):
        work.fact(f.WhisperSet(request.room, request.leg, request.on, coached))
        settle(work, request.room)
    return r.Accepted(room=request.room, leg=request.leg)


def begin(work: Work, request: r.StartRoom) -> r.Accepted:
    if not need_room(work, request.room).started:
        work.fact(f.RoomStarted(request.room))
    return r.Accepted(room=request.room)


def turn_asked(work: Work, request: r.TurnTo) -> r.Accepted:
    """Hold, retrieve and swap of a desktop; between the two rooms of a running transfer it is the table's swap."""
    leg = need_leg(work, request.leg)
    if leg.state is not LegState.UP:
        raise Refused(Reason.NOT_ANSWERED, "the leg has not been answered")
    if request.room is not None:
        need_member(work, request.room, request.leg)
    transfer_id = work.state.agents.get(leg.id)
    transfer = work.state.transfers.get(transfer_id) if transfer_id is not None else None
    if (
        transfer is not None
        and request.room is not None
        and leg.focus is not None
        and {leg.focus, request.room} == {transfer.room, transfer.consult}
    ):
        return asked(work, transfer.id, Trigger.SWAP)
    turn(work, leg.id, request.room)
    return r.Accepted(leg=leg.id, room=request.room)


def release(work: Work, request: r.ReleaseCall) -> r.Accepted:
    """A desktop hangs up one of its calls."""
    leg = need_leg(work, request.leg)
    need_member(work, request.room, request.leg)
    transfer_id = work.state.agents.get(leg.id)
    if transfer_id is not None:
        transfer = work.state.transfers[transfer_id]
        if request.room == transfer.consult:
            return asked(work, transfer_id, Trigger.ABORT)
        if request.room == transfer.room:
            return asked(work, transfer_id, Trigger.DROP_CUSTOMER)
    if len(leg.rooms) == 1:
        hang_up(work, leg.id, Outcome.COMPLETED, By.API)
        return r.Accepted(leg=leg.id, room=request.room)
    member_taken(work, request.room, request.leg)
    depart(work, request.room, leg.id)
    return r.Accepted(leg=leg.id, room=request.room)


def take(work: Work, request: r.Take) -> r.Accepted:
    """Pulls legs out of everything for their program; who stays behind is treated by the rooms' own rules."""
    legs = [need_leg(work, leg) for leg in dict.fromkeys(request.legs)]
    for leg in legs:
        if leg.is_program:
            raise Refused(Reason.WRONG_STATE, "a program without a telephone cannot be taken elsewhere")
        if leg.side is Side.OUTBOUND and (leg.state is not LegState.UP or leg.dial is not None):
            raise Refused(Reason.NOT_ANSWERED, "the leg has not been answered")
    work.spoken_for.update(leg.id for leg in legs)
    rooms: dict[RoomId, bool] = {}  # left by them, and whether one of them ends the room by leaving
    for leg in sorted(legs, key=lambda each: each.id in work.state.agents):  # no transfer completes to who leaves next
        if leg.program != request.program:
            work.fact(f.ProgramSet(leg.id, request.program))
        stop_sound(work, leg.id)
        end_overlay(work, leg.id)
        if request.end_streams:
            end_streams(work, leg.id, StreamEnd.TAKEN)
        for room in leg.rooms:
            rooms[room] = rooms.get(room, False) or _ends(work, room, leg.id)
            member_taken(work, room, leg.id)
            leave(work, room, leg.id)
    for room, over in rooms.items():
        if over:
            end_room(work, room, Closing.LEADER)
        else:
            settle(work, room)
    return r.Accepted(leg=legs[0].id if legs else None)


def _ends(work: Work, room: RoomId, leg: LegId) -> bool:
    found = work.state.rooms.get(room)
    member = found.members.get(leg) if found is not None else None
    return member is not None and member.ends_room


def drop_voicemail(work: Work, request: r.DropVoicemail) -> r.Accepted:
    """Cuts a member off from the others, plays to it alone, and hangs it up at the end."""
    need_member(work, request.room, request.leg)
    if not request.clips:
        raise Refused(Reason.NO_PROMPT, "there is nothing to play")
    room = need_room(work, request.room)
    if work.state.legs[request.leg].state is not LegState.UP:
        raise Refused(Reason.NOT_ANSWERED, "the leg has not been answered")
    if work.state.transfer_of(room) is not None:
        raise Refused(Reason.TRANSFER_RUNNING, "a transfer is under way")
    if room.lead == request.leg:
        work.fact(f.LeadChanged(room.id, None))
    leave(work, request.room, request.leg)
    sound = start_sound(work, request.leg, request.clips, hang_up_after=True)
    settle(work, request.room)
    return r.Accepted(leg=request.leg, room=request.room, sound=sound)


def set_data(work: Work, request: r.SetData) -> r.Accepted:
    room = need_room(work, request.room)
    if dict(room.data) != dict(request.data):
        work.fact(f.DataChanged(request.room, dict(request.data)))
    return r.Accepted(room=request.room)


def end(work: Work, request: r.EndRoom) -> r.Accepted:
    need_room(work, request.room)
    end_room(work, request.room, Closing.ASKED)
    return r.Accepted(room=request.room)
