"""The twelve promises, as predicates over what the witness saw (`core.witness`).

Each function yields a sentence for every way in which its promise is broken at this moment; nothing yielded is kept.
They are written without `hearing` and without the transfer tables on purpose: a promise that asks the code under test
whether the code is right promises nothing. Tests check all of them after each step of generated sequences and of
every story; deleting any row of a transfer table breaks one of them or a story.

"Somebody could talk" and "on the line" are read from the telephones; who holds whom, and which wait is whose, from
the call's belief. While news or orders about a telephone are under way, the two may differ (`Telephone.under_way`).
The file is long because it is the list of all twelve; each stands alone.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator

from switchhook.core import actions as a
from switchhook.core import events as e
from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core.ids import LegId
from switchhook.core.model import (
    Alone,
    By,
    HoldAudience,
    Kind,
    Leg,
    LegState,
    Member,
    Phase,
    Purpose,
    Role,
    Room,
    Side,
    Transfer,
    TransferOutcome,
    Waiting,
    not_reached,
)
from switchhook.core.sources import Sources, Stream, Voice
from switchhook.core.state import State
from switchhook.core.witness import Ending, Moment, difference

Breaches = Iterator[str]
Packet = tuple[int, int, int]  # RTP sequence number, timestamp, SSRC

_LIVE = (Phase.RINGING, Phase.JOINING, Phase.FOLLOWING, Phase.RECALLING)


# --- 1: the customer is never dropped while someone could talk to them ----------------------------------------------


def customer_kept(moment: Moment) -> Breaches:
    for ended in _ended(moment):
        leg = moment.before.legs.get(ended.leg)
        if leg is None or leg.state is not LegState.UP or ended.by not in (By.SERVER, By.PEER, By.API):
            continue
        if leg.id in _handing_over(moment.before) or _asked_to_end(moment, leg):
            continue
        for room_id in leg.rooms:
            room = moment.before.rooms[room_id]
            if room.members[leg.id].role is Role.CUSTOMER and (who := _could_talk(moment, room, leg.id)):
                yield f"customer {leg.address} was dropped while {who} could talk"


def _handing_over(state: State) -> set[LegId | None]:
    """Agents and targets of running transfers are no customers of them, whatever their role is called."""
    return set(state.agents) | {transfer.target for transfer in state.transfers.values()}


def _asked_to_end(moment: Moment, leg: Leg) -> bool:
    """True when the step was asked to end exactly this: the documented exceptions."""
    match moment.given:
        case r.HangUp(who) | r.LeaveRoom(_, who) | r.DropVoicemail(_, who) | r.StopSound(who):
            return who == leg.id or _ended_with(moment, who, leg)
        case r.EndRoom() | r.ReleaseCall():
            return True
        case r.StartTransfer(_, agent):
            return agent == leg.id
        case r.Take(legs):
            return any(_ended_with(moment, who, leg) for who in legs)
        case e.TimerFired(timer):
            return timer == f"limit:{leg.id}" or timer.startswith("room:") or _ended_with(moment, timer[6:], leg)
        case e.SoundEnded(who):
            return leg.hang_up_after_sound and who == leg.id
        case e.LegGone(who) | e.LegFailed(who):
            return _ended_with(moment, who, leg)
        case _:
            return False


def _ended_with(moment: Moment, gone: str, leg: Leg) -> bool:
    """True when `gone` was the A leg or the moderator of a room of `leg`: its leaving ends that room."""
    for room_id in leg.rooms:
        room = moment.before.rooms[room_id]
        member = room.members.get(LegId(gone))
        if gone != leg.id and member is not None and (room.lead == gone or member.ends_room):
            return True
    return False


def _could_talk(moment: Moment, room: Room, customer: LegId) -> str:
    """Names somebody of the same call who is on the line after the step and has not been pulled away."""
    call = set(room.members)
    transfer = moment.before.transfer_of(room)
    if transfer is not None:
        consult = moment.before.rooms.get(transfer.consult) if transfer.consult is not None else None
        call |= set(consult.members) if consult is not None else set()
    call -= {m.leg for m in room.members.values() if not m.is_company}
    taken = set(moment.given.legs) if isinstance(moment.given, r.Take) else set()
    if isinstance(moment.given, r.DropVoicemail | r.LeaveRoom):
        taken.add(moment.given.leg)
    for leg_id in call - taken - {customer}:
        leg = moment.after.legs.get(leg_id)
        phone = moment.world.telephones.get(leg_id)
        if leg is not None and leg.state is LegState.UP and phone is not None and phone.on_line:
            return leg.address
    return ""


# --- 2: nobody waits in silence -------------------------------------------------------------------------------------


def no_silence(moment: Moment) -> Breaches:
    for leg in moment.after.legs.values():
        phone = moment.world.telephones.get(leg.id)
        if leg.state is not LegState.UP or phone is None or phone.under_way or not phone.on_line:
            continue
        if phone.hears != leg.heard:
            yield f"{leg.address} was sent {phone.hears}, not {leg.heard}"
        elif all(isinstance(each, Stream) for each in phone.hears) and not _may_be_silent(moment.after, leg):
            yield f"{leg.address} waits in silence"


def _may_be_silent(state: State, leg: Leg) -> bool:
    if leg.phone_held:
        return True  # it put us on hold
    room = state.rooms.get(leg.focus) if leg.focus is not None else None
    if room is None:
        return leg.dial is None and (bool(leg.rooms) or bool(leg.program))  # it put all others on hold, or its program
    member = room.members[leg.id]
    if not room.started:
        return False
    audience = room.plan.hold_audience
    if member.held:
        return audience is HoldAudience.OTHERS
    overseen = member.role is Role.SUPERVISOR
    others = [m for m in room.members.values() if m.leg != leg.id and (overseen or m.is_company)]
    talking = [m for m in others if not m.held and _talks(state, m, room)]
    if talking:
        return member.deaf or all(
            m.muted or not m.reaches(member) or state.legs[m.leg].playing is not None for m in talking
        )
    waited = [state.dials[d].plan for d in room.dials if state.dials[d].plan.role is not Role.SUPERVISOR]
    if waited:
        return any(plan.waiting is Waiting.SILENCE for plan in waited)
    if others:
        return all(m.held for m in others) and audience is HoldAudience.HELD
    return room.plan.alone is Alone.SILENCE


def _talks(state: State, member: Member, room: Room) -> bool:
    leg = state.legs.get(member.leg)
    return leg is not None and leg.state is LegState.UP and leg.focus == room.id and not leg.phone_held


# --- 3: the consult is private --------------------------------------------------------------------------------------


def consult_private(moment: Moment) -> Breaches:
    state = moment.after
    for leg in state.legs.values():
        for speaker in _voices(leg.heard):
            if why := _may_not_hear(state, leg, speaker):
                yield f"{leg.address} hears {speaker}: {why}"
    for transfer in state.transfers.values():
        main = state.rooms.get(transfer.room)
        if main is not None and transfer.target is not None and transfer.target in main.members:
            yield "the target is with the customer before the transfer is over"


def _may_not_hear(state: State, listener: Leg, speaker_id: LegId) -> str:
    speaker = state.legs.get(speaker_id)
    if speaker is not None and _rings_aloud(state, listener, speaker):
        return ""
    if speaker is None or speaker.state is not LegState.UP:
        return "who has left"
    room = state.rooms.get(listener.focus) if listener.focus is not None else None
    if room is None or speaker.focus != room.id or speaker_id not in room.members or listener.id not in room.members:
        return "who talks elsewhere"
    if listener.dial is not None or speaker.dial is not None:
        return "before the call was taken"
    member = room.members[speaker_id]
    if member.held or member.muted or speaker.phone_held:
        return "who is held or muted"
    if room.members[listener.id].held:
        return "while it is held itself"
    if not member.reaches(room.members[listener.id]):
        return "who whispers to somebody else"
    return ""


def _rings_aloud(state: State, listener: Leg, speaker: Leg) -> bool:
    """True for early audio of somebody who is rung for the listener's room, where that is wanted."""
    dial = state.dials.get(speaker.dial) if speaker.dial is not None else None
    wanted = dial is not None and dial.plan.waiting is Waiting.REAL and dial.room == listener.focus
    return wanted and speaker.state is LegState.RINGING and speaker.early


def _voices(sources: Sources) -> list[LegId]:
    return [source.leg for source in sources if isinstance(source, Voice)]


# --- 4: nobody who left is still in the call; no telephone rings for a call that has ended --------------------------


def nobody_left_behind(moment: Moment) -> Breaches:
    state = moment.after
    for room in state.rooms.values():
        for leg_id in room.members:
            leg = state.legs.get(leg_id)
            if leg is None or leg.state is LegState.OVER or room.id not in leg.rooms:
                yield f"{leg_id} is in a room that it has left"
        if not room.members and not room.dials:
            yield "a room is open with nobody in it and nobody called"
    for leg in state.legs.values():
        if leg.state is LegState.OVER:
            yield f"{leg.address} is over and still known"
        if any(room not in state.rooms or leg.id not in state.rooms[room].members for room in leg.rooms):
            yield f"{leg.address} believes it is in a room that does not know it"
        if leg.focus is not None and leg.focus not in leg.rooms:
            yield f"{leg.address} talks in a room that it is not in"
        if leg.dial is not None and leg.dial not in state.dials:
            yield f"{leg.address} rings for an attempt that is over"
    for dial in state.dials.values():
        room_of = state.rooms.get(dial.room)
        if room_of is None or dial.id not in room_of.dials:
            yield "somebody is rung for a room that is closed"
        elif not room_of.members and dial.purpose is not Purpose.FIRST:
            yield "somebody is rung for an empty room"
    yield from _telephones(moment)


def _telephones(moment: Moment) -> Breaches:
    for phone in moment.world.telephones.values():
        if phone.under_way or phone.deserted:
            continue
        leg = moment.after.legs.get(phone.leg)
        if leg is None:
            if phone.on_line or phone.rings:
                yield f"{phone.name} {'is on the line' if phone.on_line else 'rings'} and the call is over"
        elif phone.gone:
            yield f"{phone.name} is gone and still in the call"
        elif (leg.state is LegState.UP) != phone.on_line:
            yield f"{phone.name} is {leg.state.value} for us and {'on' if phone.on_line else 'not on'} the line"


# --- 5: whoever answers hears a person or is told why not -----------------------------------------------------------


def answers_are_met(moment: Moment) -> Breaches:
    if not isinstance(moment.given, e.LegAnswered):
        return
    leg_id = moment.given.leg
    known, now = moment.before.legs.get(leg_id), moment.after.legs.get(leg_id)
    if known is not None and (known.side is Side.INBOUND or known.state is LegState.UP):
        return
    if now is None:
        if not any(isinstance(action, a.End) and action.leg == leg_id for action in moment.actions):
            yield f"{leg_id} answered and nothing was done about it"
    elif now.state is not LegState.UP:
        yield f"{now.address} answered and is not up"
    elif not now.heard and not now.program and not _may_be_silent(moment.after, now):
        yield f"{now.address} answered and hears nothing"
    elif now.focus is None and now.dial is None and not now.program:
        yield f"{now.address} answered and is nowhere"


# --- 6: the agent is kept until the rules say otherwise -------------------------------------------------------------


def agent_kept(moment: Moment) -> Breaches:
    for ended in _ended(moment):
        transfer_id = moment.before.agents.get(ended.leg)
        leg = moment.before.legs.get(ended.leg)
        if transfer_id is None or leg is None or ended.by is By.PHONE:
            continue
        transfer = moment.before.transfers[transfer_id]
        main = moment.after.rooms.get(transfer.room)
        known = moment.before.rooms[transfer.room].members
        waits = [m for m in (main.members if main is not None else ()) if m in known]
        if ended.leg in known and waits and not _agent_released(moment, leg, transfer.plan.kind):
            yield f"agent {leg.address} was dropped while the customer waits"


def _agent_released(moment: Moment, agent: Leg, kind: Kind) -> bool:
    match moment.given:
        case r.CompleteTransfer() | r.EndRoom() | r.ReleaseCall():
            return True
        case r.HangUp(who) | r.LeaveRoom(_, who):
            return who == agent.id
        case e.TimerFired(timer):
            return timer == f"limit:{agent.id}" or timer.startswith("room:")
        case e.SoundEnded(who) | r.StopSound(who) if agent.hang_up_after_sound:
            return who == agent.id
        case e.LegAnswered() | e.SoundEnded() | e.DigitPressed():
            return kind is Kind.COLD
        case _:
            return False


# --- 7: every wait has an end ---------------------------------------------------------------------------------------


def waits_end(moment: Moment) -> Breaches:
    state, timers = moment.after, moment.world.timers
    for leg in state.legs.values():
        if leg.state in (LegState.DIALLING, LegState.RINGING) and f"ring:{leg.id}" not in timers:
            yield f"{leg.address} may ring for ever"
        if leg.state is LegState.UP and f"limit:{leg.id}" not in timers:
            yield f"{leg.address} may stay on the line for ever"
        if leg.state is LegState.UP and not (leg.rooms or leg.program or leg.dial or leg.hang_up_after_sound):
            yield f"{leg.address} is on the line and nobody cares"
    for dial in state.dials.values():
        if not dial.legs and f"delay:{dial.id}" not in timers:
            yield "an attempt rings nobody"
        for leg_id in dial.accepting:
            if f"accept:{leg_id}" not in timers and state.legs[leg_id].playing is None:
                yield "somebody is asked for ever whether it takes the call"
    for transfer in state.transfers.values():
        if why := _stuck(state, transfer):
            yield f"a transfer that is {transfer.phase.value} {why}"
    for timer in timers:
        what, _, name = timer.partition(":")
        if name not in _TIMED.get(what, _legs)(state):
            yield f"timer {timer} is armed for something that is over"


def _legs(state: State) -> Container[str]:
    return state.legs


_TIMED: dict[str, Callable[[State], Container[str]]] = {
    "room": lambda state: state.rooms,
    "delay": lambda state: state.dials,
    "stream": lambda state: state.streams,
}


def _stuck(state: State, transfer: Transfer) -> str:
    main = state.rooms.get(transfer.room)
    if main is None or main.transfer != transfer.id:
        return "has lost its room"
    if transfer.phase in _LIVE and transfer.dial not in state.dials:
        return "rings nobody"
    if transfer.phase is Phase.CONSULTING:
        consult = state.rooms.get(transfer.consult) if transfer.consult is not None else None
        if consult is None or not {transfer.agent, transfer.target} <= set(consult.members):
            return "has lost a party"
    if transfer.phase is Phase.ANNOUNCING and not any(state.legs[m].playing for m in main.members):
        return "tells nobody anything"
    if not [m for m in main.members if m != transfer.agent]:
        return "has no customer"
    return ""


# --- 8: every request gets exactly one answer -----------------------------------------------------------------------


def one_answer(moment: Moment) -> Breaches:
    if isinstance(moment.given, r.Request):
        if (moment.accepted is None) == (moment.refused is None):
            yield "a request was not answered exactly once"
    elif moment.refused is not None:
        yield "an event was refused"
    if moment.refused is not None and (moment.facts or moment.actions):
        yield "a refused request changed something"
    if moment.refused is not None and (part := difference(moment.before, moment.after)):
        yield f"a refused request changed the {part}"


# --- 9: every transfer has exactly one outcome, and it is true ------------------------------------------------------


def outcome_true(moment: Moment) -> Breaches:
    for transfer_id in moment.history.started:
        ended, running = moment.history.ended.get(transfer_id, 0), transfer_id in moment.after.transfers
        if ended + running != 1:
            yield f"a transfer has {ended} outcomes and is {'' if running else 'not '}running"
    for ending in moment.history.endings:
        yield from _truth(moment, ending)


def _truth(moment: Moment, ending: Ending) -> Breaches:
    told, transfer, state = ending.fact.outcome, ending.transfer, ending.state
    main = state.rooms.get(transfer.room)
    members = set(main.members) if main is not None else set()
    customers = members - {transfer.agent, transfer.target}
    if told.succeeded or told is TransferOutcome.RETURNED:
        target = state.legs.get(transfer.target) if transfer.target is not None else None
        if target is None or target.state is not LegState.UP or target.focus != transfer.room or not customers:
            yield f"{told.value}, and target and customer are not together"
        if (transfer.agent in members) != (told is TransferOutcome.MERGED):
            yield f"{told.value}, and the agent is {'still there' if transfer.agent in members else 'gone'}"
        return
    if transfer.dial in state.dials and state.dials[transfer.dial].purpose is not Purpose.JOIN:
        yield f"{told.value}, and the target still rings"
    if told is TransferOutcome.CUSTOMER_LEFT and customers and main is not None and not _ends(moment, main):
        yield "the customer left, and is still there"
    if told is TransferOutcome.CUSTOMER_RELEASED and customers:
        yield "the customer was released, and is still there"
    if told is TransferOutcome.TARGET_LEFT and transfer.target in state.legs:
        leg = state.legs[transfer.target] if transfer.target is not None else None
        if leg is not None and leg.state is not LegState.OVER and leg.rooms:
            yield "the target left, and is still there"
    if told in _NOT_REACHED and not_reached(moment.history.missed[transfer.id]) is not told:
        yield f"the target was {moment.history.missed[transfer.id].value}, not {told.value}"


_NOT_REACHED = (
    TransferOutcome.BUSY,
    TransferOutcome.REJECTED,
    TransferOutcome.NO_ANSWER,
    TransferOutcome.UNREACHABLE,
)


def _ends(moment: Moment, main: Room) -> bool:
    """True when the customers' room ends as a whole."""
    before = moment.before.rooms.get(main.id, main)
    left = set(before.members) - set(main.members)
    asked = isinstance(moment.given, r.EndRoom) or moment.given == e.TimerFired(f"room:{main.id}")
    return asked or before.lead in left or any(before.members[m].ends_room for m in left)


# --- 10: one request dials at most once -----------------------------------------------------------------------------


def dials_once(moment: Moment) -> Breaches:
    invited = [action.leg for action in moment.actions if isinstance(action, a.Invite)]
    created = {fact.leg.id for fact in moment.facts if isinstance(fact, f.LegCreated)}
    if len(invited) != len(set(invited)) or not set(invited) <= created:
        yield "a telephone was invited twice"
    for dial_id, addresses in moment.history.rung.items():
        if addresses != moment.history.wanted[dial_id][: len(addresses)]:
            yield f"an attempt rang {addresses}, which is not what was asked for"
    for transfer_id, too_many in moment.history.attempts.items():
        if too_many > 0 and transfer_id in moment.after.transfers:
            yield "a transfer dialled more often than it was asked to"


# --- 11: events leave in the order things happened ------------------------------------------------------------------


def facts_tell_all(moment: Moment) -> Breaches:
    yield from moment.history.disorder
    if part := difference(moment.history.replayed, moment.after):
        yield f"the facts, applied in order, give other {part}"


# --- 12: each listener's audio stream is continuous -----------------------------------------------------------------


def continuous(packets: Iterable[Packet], *, step: int = 160, lost: int = 0) -> Breaches:
    """Judges one RTP stream (RFC 3550 5.1): one SSRC, contiguous sequence numbers, a timestamp that follows the clock.

    `step` is the timestamp per packet (160 = 20 ms at 8 kHz); up to `lost` packets may be missing in all.
    """
    last: Packet | None = None
    for packet in packets:
        if last is not None:
            if packet[2] != last[2]:
                yield f"SSRC {last[2]} became {packet[2]}"
            ahead = (packet[0] - last[0]) & 0xFFFF
            if ahead == 0 or ahead > 1 + lost:
                yield f"sequence {last[0]} was followed by {packet[0]}"
            else:
                lost -= ahead - 1
            if (packet[1] - last[1]) & 0xFFFFFFFF != (ahead * step) & 0xFFFFFFFF:
                yield f"timestamp {last[1]} was followed by {packet[1]} after {ahead} packets"
        last = packet


# --- all of them ----------------------------------------------------------------------------------------------------

Promise = Callable[[Moment], Breaches]

PROMISES: dict[int, Promise] = {
    1: customer_kept,
    2: no_silence,
    3: consult_private,
    4: nobody_left_behind,
    5: answers_are_met,
    6: agent_kept,
    7: waits_end,
    8: one_answer,
    9: outcome_true,
    10: dials_once,
    11: facts_tell_all,
}


def broken(moment: Moment) -> list[str]:
    """Returns a sentence for every promise that does not hold at this moment; 12 is judged on packets."""
    return [f"promise {number}: {why}" for number, promise in PROMISES.items() for why in promise(moment)]


def _ended(moment: Moment) -> Iterator[f.LegEnded]:
    return (fact for fact in moment.facts if isinstance(fact, f.LegEnded))
