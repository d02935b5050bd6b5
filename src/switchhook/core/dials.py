"""Dials: ringing one party or several until one is in the room, or nobody is left to try.

    ringing --answered--> accepting --brief heard, digit pressed--> won
       |                     |
       +--failed, time over--+--> next target, or failed

Without a brief and without a digit an answer wins at once. The first to win ends the others (completed elsewhere,
RFC 3326). Nobody who is not in yet hears more than the brief: the others' private talk stays private (promise 3).
Whoever waits for the outcome is told by `DialEnded`, exactly once.
"""

from __future__ import annotations

from switchhook.core import actions as a
from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core.addresses import Destination
from switchhook.core.errors import Reason, Refused
from switchhook.core.ids import DialId, LegId, RoomId
from switchhook.core.legs import answer, create, hang_up, need_taken, open_early, start_sound, stop_sound
from switchhook.core.model import (
    By,
    Dial,
    DialPlan,
    Leg,
    LegState,
    Order,
    Purpose,
    Role,
    Room,
    RoomKind,
    RoomPlan,
    Side,
    Waiting,
)
from switchhook.core.outcomes import Outcome
from switchhook.core.rooms import join, need_leg, need_room, open_room, plain, press, settle
from switchhook.core.work import Work

ASK = ("builtin:beep", "silence:2000")  # who is asked for a digit without a brief hears this: nobody waits in silence
OWN_PHONE_S = 20.0  # a desktop's Dial rings the agent's own telephone this long (genesys 2, Dial)


# --- asked for ------------------------------------------------------------------------------------------------------


def connect(work: Work, request: r.Connect) -> r.Accepted:
    """Dials on behalf of a leg and puts it together with whoever answers."""
    leg = need_leg(work, request.leg)
    need_free(leg)
    _need_targets(request.plan)
    stop_sound(work, leg.id)
    room = open_room(work, request.room or plain(), account=leg.account, call=leg.call, lead=leg.id)
    join(work, room, leg.id, request.role)
    if request.plan.waiting is Waiting.CLIPS:
        open_early(work, leg.id)  # a caller who is not answered hears the music all the same
    dial = start(work, room, request.plan, Purpose.JOIN, lead=leg.id)
    return r.Accepted(leg=leg.id, room=room, dial=dial)


def add_party(work: Work, request: r.AddParty) -> r.Accepted:
    """Dials somebody into a room."""
    room = need_room(work, request.room)
    _need_targets(request.plan)
    if not room.members:
        raise Refused(Reason.WRONG_STATE, "nobody is in the room yet")
    if room.main is not None and work.state.transfer_of(room) is not None:
        raise Refused(Reason.TRANSFER_RUNNING, "agent and target talk in private")
    if len(room.members) + len(room.dials) >= room.plan.max_members:
        raise Refused(Reason.ROOM_FULL, f"the room holds {room.plan.max_members} at the most")
    for target in request.plan.targets:
        if any(work.state.legs[leg].key == target.key for leg in room.members):
            raise Refused(Reason.ALREADY_THERE, f"{target.address} is in the room already")
    dial = start(work, request.room, request.plan, Purpose.CONFER if request.conference else Purpose.JOIN)
    return r.Accepted(room=request.room, dial=dial, leg=_first_leg(work, dial))


def place_call(work: Work, request: r.PlaceCall) -> r.Accepted:
    """Rings the caller's own telephone, then the destination."""
    _need_targets(request.first)
    _need_targets(request.then)
    plan = RoomPlan(kind=RoomKind.CALL, program=request.program)
    room = open_room(work, plan, account=request.account, call=work.state.ids.new(), data=request.data)
    dial = start(work, room, request.first, Purpose.FIRST, then=request.then)
    return r.Accepted(room=room, dial=dial, leg=_first_leg(work, dial))


def place_second_call(work: Work, request: r.PlaceSecondCall) -> r.Accepted:
    """Dials from a leg that is up; it turns away from the room it talks in."""
    leg = need_leg(work, request.leg)
    _need_targets(request.plan)
    if leg.state is not LegState.UP or leg.dial is not None:
        raise Refused(Reason.NOT_ANSWERED, "the telephone is not on a call")
    room = open_room(work, plain(), account=leg.account, call=leg.call, data=request.data)
    join(work, room, leg.id, Role.AGENT)
    dial = start(work, room, request.plan, Purpose.JOIN)
    return r.Accepted(leg=leg.id, room=room, dial=dial)


def place_party(work: Work, request: r.PlaceParty) -> r.Accepted:
    """Opens a named room for whoever answers first, or dials into the one there is."""
    _need_targets(request.dial)
    plan = request.plan
    known = work.state.named.get((request.account, plan.kind, plan.name)) if plan.name else None
    if known is not None and work.state.rooms[known].members:
        return add_party(work, r.AddParty(known, request.dial))
    if known is not None:
        dial = start(work, known, request.dial, Purpose.FIRST)
        return r.Accepted(room=known, dial=dial, leg=_first_leg(work, dial))
    room = open_room(work, plan, account=request.account, call=request.call or work.state.ids.new(), started=False)
    dial = start(work, room, request.dial, Purpose.FIRST)
    return r.Accepted(room=room, dial=dial, leg=_first_leg(work, dial))


def cancel_asked(work: Work, request: r.CancelDial) -> r.Accepted:
    """Stops an attempt as if nobody had answered."""
    from switchhook.core.transfers import target_cancelled

    dial = work.state.dials.get(request.dial)
    if dial is None:
        raise Refused(Reason.WRONG_STATE, "nobody is being rung by this attempt")
    if dial.purpose in (Purpose.TRANSFER, Purpose.RECALL):
        target_cancelled(work, dial)
    else:
        cancel(work, dial.id)
        settle(work, dial.room, dial=dial.id, outcome=Outcome.CANCELLED)
    return r.Accepted(dial=request.dial)


def redirect(work: Work, request: r.Redirect) -> r.Accepted:
    """Rings another telephone in place of one that rings; nobody but the two notices more than the number."""
    leg = need_leg(work, request.leg)
    dial = work.state.dials.get(leg.dial) if leg.dial is not None else None
    if dial is None or leg.state not in (LegState.DIALLING, LegState.RINGING):
        raise Refused(Reason.WRONG_STATE, "the telephone does not ring for a call")
    room = need_room(work, dial.room)
    if (
        dial.purpose is Purpose.FIRST
        or dial.plan.role is Role.SUPERVISOR
        or room.plan.kind not in (RoomKind.CALL, RoomKind.CONSULT)
    ):
        raise Refused(Reason.WRONG_STATE, "the call is for this telephone alone")
    if request.to.key == leg.key:
        raise Refused(Reason.TARGET_IS_SELF, "the destination is the telephone itself")
    transfer = work.state.transfer_of(room)
    present = [*room.members, *dial.legs, *(work.state.rooms[transfer.room].members if transfer is not None else ())]
    if any(work.state.legs[other].key == request.to.key for other in present):
        raise Refused(Reason.ALREADY_THERE, f"{request.to.address} is in the call already")
    sent_on = _ring(work, dial, request.to, ring_s=dial.plan.ring_s)
    work.fact(f.DialRang(dial.id, sent_on, instead=leg.id))
    hang_up(work, leg.id, Outcome.CANCELLED, By.API)
    return r.Accepted(leg=sent_on, dial=dial.id, room=room.id)


def need_free(leg: Leg) -> None:
    """Refuses a leg that is in a room, is being asked whether it takes a call, or was never answered."""
    if leg.rooms:
        raise Refused(Reason.WRONG_STATE, "the leg is in a room already")
    if leg.side is Side.OUTBOUND and leg.state is not LegState.UP:
        raise Refused(Reason.NOT_ANSWERED, "the leg has not been answered")
    need_taken(leg)


def _need_targets(plan: DialPlan) -> None:
    if not plan.targets:
        raise Refused(Reason.NO_ROUTE, "nobody to dial")


def _first_leg(work: Work, dial: DialId) -> LegId | None:
    found = work.state.dials.get(dial)
    return found.legs[0] if found is not None and found.legs else None


# --- ringing --------------------------------------------------------------------------------------------------------


def start(
    work: Work,
    room: RoomId,
    plan: DialPlan,
    purpose: Purpose,
    *,
    lead: LegId | None = None,
    then: DialPlan | None = None,
) -> DialId:
    """Begins an attempt to bring one of the plan's targets into `room`."""
    dial = DialId(work.state.ids.new())
    work.fact(f.DialStarted(Dial(id=dial, room=room, plan=plan, purpose=purpose, lead=lead, then=then)))
    if plan.order is Order.PARALLEL:
        _ring_due(work, dial, 0.0)
    else:
        _ring_next(work, dial)
    return dial


def _ring_due(work: Work, dial_id: DialId, since_s: float) -> None:
    """Rings every target whose time has come, `since_s` after the start, and sees to the next."""
    plan = work.state.dials[dial_id].plan
    delays = plan.delays_s or (0.0,) * len(plan.targets)
    while (at := work.state.dials[dial_id].tried) < len(plan.targets) and delays[at] <= since_s:
        _ring_next(work, dial_id)
    if at < len(plan.targets):
        work.act(a.Arm(f"delay:{dial_id}", work.now + delays[at] - since_s))


def delay_over(work: Work, dial_id: DialId) -> None:
    """The next target's time has come; a timer of an attempt that is over changes nothing."""
    dial = work.state.dials.get(dial_id)
    if dial is not None and dial.tried < len(dial.plan.targets):
        _ring_due(work, dial_id, dial.plan.delays_s[dial.tried])


def _over(work: Work, dial: Dial) -> None:
    """Nobody more is rung for an attempt that has ended."""
    if dial.plan.delays_s and dial.tried < len(dial.plan.targets):
        work.act(a.Disarm(f"delay:{dial.id}"))


def _ring_next(work: Work, dial_id: DialId) -> None:
    dial = work.state.dials[dial_id]
    plan = dial.plan
    position = dial.tried
    leg = _ring(
        work,
        dial,
        plan.targets[position],
        shown=plan.callers[position] if position < len(plan.callers) else None,
        ring_s=plan.target_ring_s[position] if position < len(plan.target_ring_s) else plan.ring_s,
        headers=plan.target_headers[position] if position < len(plan.target_headers) else (),
        credentials=plan.credentials[position] if position < len(plan.credentials) else None,
        leg=plan.leg_ids[position] if position < len(plan.leg_ids) else None,
    )
    work.fact(f.DialRang(dial_id, leg))


def _ring(
    work: Work,
    dial: Dial,
    target: Destination,
    *,
    ring_s: float,
    shown: tuple[str, str] | None = None,
    headers: tuple[tuple[str, str], ...] = (),
    credentials: tuple[str, str] | None = None,
    leg: LegId | None = None,
) -> LegId:
    plan, room = dial.plan, work.state.rooms[dial.room]
    caller, caller_name = shown or (plan.caller, plan.caller_name)
    return create(
        work,
        target,
        account=room.account,
        caller=caller,
        caller_name=caller_name,
        call=room.call,
        parent=dial.lead,
        program=plan.program,
        dial=dial.id,
        ring_s=ring_s,
        limit_s=plan.limit_s,
        headers=plan.headers + headers,
        answer_after=plan.answer_after,
        credentials=credentials,
        hops_left=_hops_left(work, room),
        leg=leg,
        insistent=plan.insistent,
    )


def _hops_left(work: Work, room: Room) -> int:
    """One less than what the calls in the room came with: a call that comes back to us ends (RFC 3261 16.6)."""
    left = 70
    for member in room.members:
        leg = work.state.legs.get(member)
        if leg is not None and leg.arrival is not None:
            left = min(left, leg.arrival.hops_left - 1)
    return left


# --- answered -------------------------------------------------------------------------------------------------------


def won_by(work: Work, dial_id: DialId, leg: LegId) -> None:
    """A ringing leg answered: it is in, or asked first whether it takes the call."""
    dial = work.state.dials.get(dial_id)
    if dial is None:
        hang_up(work, leg, Outcome.ANSWERED_ELSEWHERE, By.SERVER)
        return
    plan = dial.plan
    if plan.brief or plan.accept_digit:
        work.fact(f.DialAccepting(dial_id, leg))
        if plan.accept_digit:
            work.act(a.Arm(f"accept:{leg}", work.now + plan.accept_s))
        start_sound(work, leg, plan.brief or ASK, repeat=0 if plan.accept_digit else 1)
        return
    win(work, dial, leg)


def brief_ended(work: Work, dial_id: DialId, leg: LegId) -> None:
    """The target has heard the brief; without a digit to press that is enough."""
    dial = work.state.dials.get(dial_id)
    if dial is None or leg not in dial.accepting:
        return
    if not dial.plan.accept_digit:
        win(work, dial, leg)
    elif work.state.legs[leg].playing is None:
        start_sound(work, leg, ASK, repeat=0)  # the brief could not be played; the question stands


def key_pressed(work: Work, dial_id: DialId, leg: LegId, digit: str) -> None:
    dial = work.state.dials.get(dial_id)
    if dial is not None and leg in dial.accepting and digit == dial.plan.accept_digit:
        win(work, dial, leg)


def accept_time_over(work: Work, leg: LegId) -> None:
    """Not accepted in time counts as declined."""
    found = work.state.legs.get(leg)
    if found is not None and found.dial is not None:
        hang_up(work, leg, Outcome.REJECTED, By.SERVER, reason="not accepted")


def win(work: Work, dial: Dial, leg: LegId) -> None:
    """Ends the attempt with a winner, ends the others, and brings the winner where it belongs."""
    from switchhook.core.transfers import target_answered

    if dial.plan.accept_digit:
        work.act(a.Disarm(f"accept:{leg}"))
    stop_sound(work, leg)
    others = [other for other in work.state.dials[dial.id].legs if other != leg]
    work.fact(f.DialEnded(dial.id, dial.room, leg, Outcome.COMPLETED))
    _over(work, dial)
    for other in others:
        hang_up(work, other, Outcome.ANSWERED_ELSEWHERE, By.SERVER)
    if dial.plan.send_digits:
        press(work, work.state.legs[leg], dial.plan.send_digits)
    if dial.purpose in (Purpose.TRANSFER, Purpose.RECALL):
        target_answered(work, dial, leg)
        return
    if dial.lead is not None:
        answer(work, dial.lead)
    if dial.purpose is Purpose.CONFER and work.state.rooms[dial.room].lead is not None:
        work.fact(f.LeadChanged(dial.room, None))
    join(work, dial.room, leg, dial.plan.role, seat=dial.plan.seat)
    if dial.plan.seat.starts_room and not work.state.rooms[dial.room].started:
        work.fact(f.RoomStarted(dial.room))
    if dial.then is not None:
        start(work, dial.room, dial.then, Purpose.JOIN)


# --- not reached ----------------------------------------------------------------------------------------------------


def leg_failed(work: Work, dial_id: DialId, leg: LegId, outcome: Outcome, status: int = 0) -> None:
    """One leg of an attempt was not reached; the next is rung, or the attempt has failed."""
    dial = work.state.dials.get(dial_id)
    if dial is None:
        return
    if outcome is Outcome.COMPLETED:  # it hung up while it was asked whether it takes the call
        outcome = Outcome.REJECTED
    work.fact(f.DialTried(dial_id, leg, _worse(dial, outcome), status))
    dial = work.state.dials[dial_id]
    if dial.legs:
        return
    if dial.plan.order is Order.SEQUENTIAL and dial.tried < len(dial.plan.targets):
        _ring_next(work, dial_id)
    elif dial.tried >= len(dial.plan.targets):
        _failed(work, dial)


# With several targets and no winner the most telling outcome speaks (plivo-xml 2.7): busy, no answer, time-out, failed.
_TELLING = (Outcome.BUSY, Outcome.REJECTED, Outcome.NO_ANSWER, Outcome.TIMED_OUT)


def _worse(dial: Dial, outcome: Outcome) -> Outcome:
    if dial.plan.order is Order.SEQUENTIAL or dial.tried <= 1 or dial.outcome not in _TELLING:
        return outcome
    if outcome not in _TELLING:
        return dial.outcome
    return min(dial.outcome, outcome, key=_TELLING.index)


def _failed(work: Work, dial: Dial) -> None:
    from switchhook.core.transfers import target_failed

    work.fact(f.DialEnded(dial.id, dial.room, None, dial.outcome))
    if dial.purpose in (Purpose.TRANSFER, Purpose.RECALL):
        target_failed(work, dial)
    else:
        outcome, status = _told(work, dial)
        settle(work, dial.room, dial=dial.id, outcome=outcome, status=status)


def _told(work: Work, dial: Dial) -> tuple[Outcome, int]:
    """What an unanswered caller without a program is told: 486, 600 and 603 as they are, all else is 480."""
    lead = work.state.legs.get(dial.lead) if dial.lead is not None else None
    if lead is None or lead.side is not Side.INBOUND or lead.program:
        return dial.outcome, 0
    if dial.outcome in (Outcome.BUSY, Outcome.REJECTED):
        return dial.outcome, dial.status if dial.status in (486, 600, 603) else 0
    return Outcome.NO_ANSWER, 0


def cancel(work: Work, dial_id: DialId) -> None:
    """Stops ringing everybody of an attempt; whoever waited for it is told by `DialEnded` and decides what follows."""
    dial = work.state.dials.get(dial_id)
    if dial is None:
        return
    work.fact(f.DialEnded(dial_id, dial.room, None, Outcome.CANCELLED))
    _over(work, dial)
    for leg in dial.legs:
        hang_up(work, leg, Outcome.CANCELLED, By.SERVER)
