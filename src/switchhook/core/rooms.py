"""Rooms: coming in, going out, turning away, and what becomes of those who stay.

Every departure goes through `leave` and every consequence through `settle`, so that "nobody who left is still in the
call" and "nobody waits for ever" are said once. A transfer that is concerned is told first (`transfers.party_left`):
its table may bring somebody else in before the room is judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from switchhook.core import actions as a
from switchhook.core import facts as f
from switchhook.core.errors import Reason, Refused
from switchhook.core.ids import DialId, LegId, RoomId
from switchhook.core.model import Alone, By, Closing, Leg, LegState, Member, Role, Room, RoomKind, RoomPlan, Seat
from switchhook.core.outcomes import Outcome
from switchhook.core.state import State
from switchhook.core.work import Work

PLAIN = Seat()


def need_leg(work: Work, leg: LegId) -> Leg:
    """Returns a live leg; refuses an unknown or ended one."""
    found = work.state.legs.get(leg)
    if found is None or found.state is LegState.OVER:
        raise Refused(Reason.UNKNOWN_LEG, f"no live leg {leg}")
    return found


def need_room(work: Work, room: RoomId) -> Room:
    found = work.state.rooms.get(room)
    if found is None:
        raise Refused(Reason.UNKNOWN_ROOM, f"no live room {room}")
    return found


def need_member(work: Work, room: RoomId, leg: LegId) -> Member:
    member = need_room(work, room).members.get(leg)
    if member is None:
        raise Refused(Reason.NOT_A_MEMBER, f"{leg} is not in room {room}")
    return member


def open_room(
    work: Work,
    plan: RoomPlan,
    *,
    account: str,
    call: str,
    lead: LegId | None = None,
    main: RoomId | None = None,
    started: bool = True,
    data: Mapping[str, object] | None = None,
    inherited: Mapping[str, object] | None = None,
) -> RoomId:
    """Opens an empty room."""
    room = plan.id if plan.id is not None and plan.id not in work.state.rooms else RoomId(work.state.ids.new())
    work.fact(
        f.RoomOpened(
            Room(
                id=room,
                call=call,
                account=account,
                plan=plan,
                opened_at=work.now,
                lead=lead,
                main=main,
                started=started,
                data=dict(data or {}),
                inherited=dict(inherited or {}),
            )
        )
    )
    if plan.limit_s is not None:
        work.act(a.Arm(f"room:{room}", work.now + plan.limit_s))
    return room


def join(work: Work, room: RoomId, leg: LegId, role: Role, *, talk: bool = True, seat: Seat = PLAIN) -> None:
    """Brings a leg in; with `talk` it turns to this room."""
    work.fact(f.MemberJoined(room, seat.member(leg, role)))
    if seat.relays_keys is not None:
        work.act(a.KeepKeys(leg, on=True))
    if talk:
        turn(work, leg, room)


def turn(work: Work, leg: LegId, room: RoomId | None) -> None:
    """Lets a leg talk in `room`, or nowhere; already so changes nothing."""
    found = work.state.legs.get(leg)
    if found is not None and found.focus != room:
        work.fact(f.FocusChanged(leg, room))


def leave(work: Work, room: RoomId, leg: LegId) -> None:
    """Takes a leg out of a room; the caller settles the room when it is done."""
    found = work.state.rooms.get(room)
    if found is not None and leg in found.members:
        if found.members[leg].relays_keys is not None:
            work.act(a.KeepKeys(leg, on=False))
        work.fact(f.MemberLeft(room, leg))


def depart(work: Work, room: RoomId, leg: LegId) -> None:
    """Takes a leg out of a room and judges the room; a member that `ends_room` lets everybody go."""
    found = work.state.rooms.get(room)
    member = found.members.get(leg) if found is not None else None
    if member is None:
        return
    leave(work, room, leg)
    if member.ends_room:
        end_room(work, room, Closing.LEADER)
    else:
        settle(work, room)


def let_go(
    work: Work,
    room: RoomId,
    leg: LegId,
    *,
    dial: DialId | None = None,
    outcome: Outcome = Outcome.COMPLETED,
    status: int = 0,
) -> None:
    """Takes a member out for good: another room holds it, its program goes on with it, or it is hung up."""
    members = work.state.rooms[room].members if room in work.state.rooms else {}
    if leg in members:
        leave(work, room, leg)
        free(work, room, leg, dial=dial, outcome=outcome, status=status)


def free(
    work: Work,
    room: RoomId,
    leg: LegId,
    *,
    dial: DialId | None = None,
    outcome: Outcome = Outcome.COMPLETED,
    status: int = 0,
) -> None:
    """Sees to a leg that has left `room`: nothing if another room holds it, else its program goes on, or it is hung up.

    Whoever is taken or asked out by the request of this step (`Work.spoken_for`) is that request's business.
    """
    from switchhook.core.legs import hang_up

    found = work.state.legs.get(leg)
    if found is None or found.state is LegState.OVER or found.rooms or leg in work.spoken_for:
        return
    if found.program:
        work.fact(f.LegFreed(leg, room, found.program, dial, outcome))
    else:
        hang_up(work, leg, outcome, By.PEER, status=status)


def settle(
    work: Work,
    room: RoomId,
    *,
    dial: DialId | None = None,
    outcome: Outcome = Outcome.COMPLETED,
    status: int = 0,
) -> None:
    """Judges a room after somebody left or nobody came: ends it, lets its last member go, or leaves it as it is.

    `dial` and `outcome` tell those who are let go of the attempt that failed.
    """
    from switchhook.core.dials import cancel

    found = work.state.rooms.get(room)
    if found is None:
        return
    if found.lead is not None and found.lead not in found.members:
        if not _barged_into(work.state, found):
            _end(work, found, Closing.LEADER, dial=dial, outcome=outcome, status=status)
            return
        work.fact(f.LeadChanged(room, None))
    if not found.members:
        for pending in found.dials:
            cancel(work, pending)
        _close(work, room, Closing.EMPTY)
        return
    if _have_company(work.state, found) or found.transfer is not None or awaited(work.state, found):
        return
    if found.plan.alone is Alone.LET_GO and not _may_wait(found):
        _end(work, found, Closing.ALONE, dial=dial, outcome=outcome, status=status)


def _have_company(state: State, room: Room) -> bool:
    """True when two are together who may talk; programs that are left among themselves are not."""
    company = [member.leg for member in room.members.values() if member.is_company]
    if len(company) < 2:
        return False
    legs = (state.legs.get(leg) for leg in company)
    return any(leg is not None and not leg.is_program for leg in legs)


def _barged_into(state: State, room: Room) -> bool:
    """True when a supervisor talks with the others: a conference, in which whoever leaves, the others talk on.

    With whoever has turned away, to a consult, the supervisor does not talk.
    """
    if len(room.members) < 2:
        return False
    here = [m for m in room.members.values() if m.is_company and m.leg in state.legs]
    talk = [m for m in here if state.legs[m.leg].focus == room.id]
    return _have_company(state, room) and len(talk) > 1 and any(m.role is Role.SUPERVISOR for m in talk)


def awaited(state: State, room: Room) -> tuple[DialId, ...]:
    """Returns the attempts to bring in somebody to talk to; nobody waits for a supervisor."""
    if not room.dials:
        return ()
    return tuple(each for each in room.dials if state.dials[each].plan.role is not Role.SUPERVISOR)


def _may_wait(room: Room) -> bool:
    """True when whoever is left alone in a room stays all the same: it wants to, or nobody has come to it yet."""
    if room.plan.waits_for_company and not room.met:
        return True
    return any(member.stays_alone and member.is_company for member in room.members.values())


def _end(
    work: Work,
    room: Room,
    why: Closing,
    *,
    dial: DialId | None = None,
    outcome: Outcome = Outcome.COMPLETED,
    status: int = 0,
) -> None:
    from switchhook.core.dials import cancel
    from switchhook.core.transfers import room_ends

    room_ends(work, room.id)
    now = work.state.rooms.get(room.id)
    if now is None:
        return
    for pending in now.dials:
        cancel(work, pending)
    for leg in tuple(now.members):
        let_go(work, room.id, leg, dial=dial, outcome=outcome, status=status)
    _close(work, room.id, why)


def end_room(work: Work, room: RoomId, why: Closing) -> None:
    """Lets everybody in the room go and closes it."""
    found = work.state.rooms.get(room)
    if found is not None:
        _end(work, found, why)


def _close(work: Work, room: RoomId, why: Closing) -> None:
    if room in work.state.rooms:
        for tape in work.state.rooms[room].tapes:
            work.act(a.StopRecord(tape))
        limited = work.state.rooms[room].plan.limit_s is not None
        work.fact(f.RoomClosed(room, why))
        if limited:
            work.act(a.Disarm(f"room:{room}"))


def relay_key(work: Work, room: RoomId, leg: LegId, digit: str) -> None:
    """Sends a key that a member pressed on to those who hear the member, if the member wants that."""
    found = work.state.rooms[room]
    member = found.members[leg]
    if member.relays_keys:
        press_for_hearers(work, found, member, digit)


def press_for_hearers(work: Work, room: Room, member: Member, digits: str) -> None:
    """Presses keys towards everybody who hears a member now."""
    if not room.started or member.held or member.muted:
        return
    for other in tuple(room.members.values()):
        there = work.state.legs[other.leg]
        listens = other.leg != member.leg and not other.held and not other.deaf and there.focus == room.id
        if listens and member.reaches(other):
            press(work, there, digits)


def press(work: Work, leg: Leg, digits: str, tone_ms: int = 160) -> None:
    """Presses keys towards a telephone; a program in its place is told of each (`w` and `W`, pauses, are none)."""
    work.fact(f.DigitsSent(leg.id, digits))
    if not leg.is_program:
        work.act(a.SendDigits(leg.id, digits, tone_ms))
        return
    for stream in leg.streams:
        for digit in digits.replace("w", "").replace("W", ""):
            work.act(a.TellStream(stream, digit))


def close_if_empty(work: Work, room: RoomId) -> None:
    """Closes a room that nobody is in and nobody is dialled into."""
    found = work.state.rooms.get(room)
    if found is not None and not found.members and not found.dials:
        _close(work, room, Closing.EMPTY)


@cache
def plain(kind: RoomKind = RoomKind.CALL) -> RoomPlan:
    """The plan of a two-party room."""
    return RoomPlan(kind=kind)
