"""The steps of transfers: what a row of the tables does with agent, customer and target.

`main` is the room of agent and customer; `consult` is the private room of agent and target. Each step is small and
total: a party that is gone already is passed over, so a row reads as the order of things and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from switchhook.core import facts as f
from switchhook.core.ids import LegId, RoomId
from switchhook.core.model import (
    Alone,
    By,
    DialPlan,
    LegState,
    Purpose,
    RoomKind,
    Transfer,
    TransferOutcome,
    Waiting,
)
from switchhook.core.outcomes import Outcome
from switchhook.core.rooms import close_if_empty, join, leave, let_go, turn
from switchhook.core.work import Work


def target_into_consult(work: Work, transfer: Transfer) -> None:
    """The target comes into the private room."""
    assert transfer.consult is not None
    assert transfer.target is not None
    join(work, transfer.consult, transfer.target, transfer.plan.dial.role)


def target_into_main(work: Work, transfer: Transfer) -> None:
    """The target comes to the customer."""
    assert transfer.target is not None
    if transfer.consult is not None:
        _merge_data(work, transfer)
    join(work, transfer.room, transfer.target, transfer.plan.dial.role)
    if transfer.consult is not None:
        leave(work, transfer.consult, transfer.target)


def _merge_data(work: Work, transfer: Transfer) -> None:
    """What was noted in the consult goes into the surviving call (genesys 9, userData on transfer)."""
    main, consult = work.state.rooms.get(transfer.room), work.state.rooms.get(transfer.consult or RoomId(""))
    if main is None or consult is None:
        return
    merged = merged_data(main.data, consult.inherited, consult.data)
    if merged != dict(main.data):
        work.fact(f.DataChanged(main.id, merged))


def merged_data(
    main: Mapping[str, object], inherited: Mapping[str, object], consult: Mapping[str, object]
) -> dict[str, object]:
    """Returns `main` with the consult's own changes: pairs it added, changed or deleted since it began as `inherited`.

    A pair that the consult left alone keeps what the main call made of it meanwhile.
    """
    deleted = {key for key in inherited if key not in consult}
    changed = {key: value for key, value in consult.items() if key not in inherited or inherited[key] != value}
    return {**{key: value for key, value in main.items() if key not in deleted}, **changed}


def agent_out(work: Work, transfer: Transfer) -> None:
    """The agent leaves the customer, and is hung up if its telephone is still there and holds no other call."""
    from switchhook.core.legs import hang_up

    main = work.state.rooms.get(transfer.room)
    if main is not None and main.lead == transfer.agent:
        nobody_leads(work, transfer)
    leave(work, transfer.room, transfer.agent)
    if transfer.consult is not None:
        leave(work, transfer.consult, transfer.agent)
    agent = work.state.legs.get(transfer.agent)
    spoken_for = transfer.agent in work.spoken_for
    if agent is not None and agent.state is not LegState.OVER and not agent.rooms and not spoken_for:
        hang_up(work, transfer.agent, Outcome.COMPLETED, By.API)


def agent_back(work: Work, transfer: Transfer) -> None:
    """The agent is given back to the customer: they talk at once, or the customer stays held until retrieved."""
    agent = work.state.legs.get(transfer.agent)
    if agent is None or agent.state is LegState.OVER:
        return
    if transfer.plan.rejoin:
        turn(work, transfer.agent, transfer.room)
    elif agent.focus != transfer.room:
        turn(work, transfer.agent, None)


def agent_joins(work: Work, transfer: Transfer) -> None:
    turn(work, transfer.agent, transfer.room)


def swap(work: Work, transfer: Transfer) -> None:
    agent = work.state.legs[transfer.agent]
    turn(work, transfer.agent, transfer.room if agent.focus == transfer.consult else transfer.consult)


def drop_target(work: Work, transfer: Transfer) -> None:
    """The target is not needed any more: its ringing stops, or it is hung up."""
    from switchhook.core.dials import cancel
    from switchhook.core.legs import hang_up

    if transfer.dial is not None:
        cancel(work, transfer.dial)
    if transfer.target is not None:
        if transfer.consult is not None:
            leave(work, transfer.consult, transfer.target)
        hang_up(work, transfer.target, Outcome.COMPLETED, By.PEER)


def close_consult(work: Work, transfer: Transfer) -> None:
    """The private room is over; whoever is in it and nowhere else talks on elsewhere or has been seen to."""
    if transfer.consult is None:
        return
    leave(work, transfer.consult, transfer.agent)
    if transfer.target is not None:
        leave(work, transfer.consult, transfer.target)
    close_if_empty(work, transfer.consult)


def consult_goes_on(work: Work, transfer: Transfer) -> None:
    """Agent and target go on as an ordinary call, also while the target still rings."""
    if transfer.consult is not None:
        turn(work, transfer.agent, transfer.consult)
        _plain_dial(work, transfer)


def _plain_dial(work: Work, transfer: Transfer) -> None:
    if transfer.dial is not None and transfer.dial in work.state.dials:
        work.fact(f.DialKept(transfer.dial))


def both_into_main(work: Work, transfer: Transfer) -> None:
    """The customer is gone; agent and target go on in the room that was the customer's."""
    nobody_leads(work, transfer)
    target_into_main(work, transfer)
    turn(work, transfer.agent, transfer.room)
    close_consult(work, transfer)


def target_follows(work: Work, transfer: Transfer) -> None:
    """The target still rings and comes to the customer when it answers; the customer waits with music."""
    _merge_data(work, transfer)
    if transfer.dial is not None and transfer.dial in work.state.dials:
        work.fact(f.DialMoved(transfer.dial, transfer.room, Waiting.MUSIC))


def target_joins_later(work: Work, transfer: Transfer) -> None:
    """The target still rings and comes to agent and customer when it answers."""
    _merge_data(work, transfer)
    if transfer.dial is not None and transfer.dial in work.state.dials:
        work.fact(f.DialMoved(transfer.dial, transfer.room, Waiting.RINGBACK))


def customers_out(work: Work, transfer: Transfer) -> None:
    """The customer is let go on purpose."""
    main = work.state.rooms.get(transfer.room)
    for leg in [m for m in (main.members if main is not None else ()) if m != transfer.agent]:
        let_go(work, transfer.room, leg)
    let_go(work, transfer.room, transfer.agent)  # the consult holds it; without one its call is over too


def _dial_fallback(work: Work, transfer: Transfer, purpose: Purpose, plan: DialPlan) -> None:
    from switchhook.core.dials import start

    fallback = transfer.plan.fallbacks[transfer.fallback - 1]
    target = fallback.destination or transfer.agent_destination
    assert target is not None
    only = replace(
        plan,
        targets=(target,),
        target_headers=(),  # these three were meant for the first target
        credentials=(),
        send_digits="",
        waiting=Waiting.MUSIC,
    )
    dial = start(work, transfer.room, only, purpose)
    if transfer.id in work.state.transfers:
        work.fact(f.TransferDialled(transfer.id, dial))


def dial_next(work: Work, transfer: Transfer) -> None:
    _dial_fallback(work, transfer, Purpose.TRANSFER, transfer.plan.dial)


def dial_voicemail(work: Work, transfer: Transfer) -> None:
    """A voicemail presses no keys and needs no brief."""
    plan = replace(transfer.plan.dial, brief=(), accept_digit="")
    _dial_fallback(work, transfer, Purpose.TRANSFER, plan)


def dial_agent(work: Work, transfer: Transfer) -> None:
    asked = transfer.plan.dial  # whoever transferred the call gets it back, also with "do not disturb" set since
    plan = replace(asked, brief=(), accept_digit="", role=transfer.agent_role, insistent=True)
    _dial_fallback(work, transfer, Purpose.RECALL, plan)


def announce(work: Work, transfer: Transfer) -> None:
    """Tells everybody who waits that nobody came; they are let go when all of them have heard it to its end."""
    from switchhook.core.legs import start_sound

    clips = transfer.plan.fallbacks[transfer.fallback - 1].clips
    for leg in _listeners(work, transfer):
        start_sound(work, leg, clips)


def hush(work: Work, transfer: Transfer) -> None:
    """Stops the announcement."""
    from switchhook.core.legs import stop_sound

    for leg in _listeners(work, transfer):
        stop_sound(work, leg)


def _listeners(work: Work, transfer: Transfer) -> list[LegId]:
    room = work.state.rooms.get(transfer.room)
    return [leg for leg in room.members if work.state.legs[leg].focus == room.id] if room is not None else []


def nobody_leads(work: Work, transfer: Transfer) -> None:
    """Whoever leaves the customer's room now, the others talk on."""
    room = work.state.rooms.get(transfer.room)
    if room is not None and room.lead is not None:
        work.fact(f.LeadChanged(transfer.room, None))


def park(work: Work, transfer: Transfer) -> None:
    """The customer stays and hears music until somebody is added or its longest time ends."""
    room = work.state.rooms.get(transfer.room)
    nobody_leads(work, transfer)
    if room is not None and room.plan.alone is not Alone.MUSIC:
        work.fact(f.RoomParked(transfer.room))


def let_customers_go(work: Work, transfer: Transfer) -> None:
    """Nobody is left who could talk to the customer: its program goes on with it, or it is hung up.

    Several who are left go on talking with each other; a multi-party call's flow takes all of them along.
    """
    room = work.state.rooms.get(transfer.room)
    if room is None:
        return
    outcome = _OUTCOME_TOLD.get(transfer.failure or TransferOutcome.UNREACHABLE, Outcome.COMPLETED)
    company = sum(m.is_company for m in room.members.values()) > 1
    for leg in tuple(room.members):
        if company and not (room.plan.kind is RoomKind.PARTY and work.state.legs[leg].program):
            continue
        let_go(work, transfer.room, leg, dial=transfer.dial, outcome=outcome)
    close_if_empty(work, transfer.room)


_OUTCOME_TOLD = {
    TransferOutcome.BUSY: Outcome.BUSY,
    TransferOutcome.REJECTED: Outcome.REJECTED,
    TransferOutcome.NO_ANSWER: Outcome.NO_ANSWER,
    TransferOutcome.UNREACHABLE: Outcome.FAILED,
}
