"""Transfers: an agent hands the customer to a target. The rules are the tables below; nothing else decides.

A row is (kind, phase, trigger) -> (next phase or None for over, outcome, steps). A trigger without a row changes
nothing when it is an event, and is refused when it is a request. Steps (`transfer_steps`) are functions on the
workbench; they run in order, *before* the transfer is said to be over, so that everybody who is told the outcome
finds it true.

The parts: `main` is the room of agent and customer; `consult` is the private room of agent and target. Holding,
consulting and swapping are turns of the agent between the two, merging is the target coming into `main`. Customer means
everybody in `main` but the agent. A telephone's own BYE is "agent left".

What is done with the customer when nobody was reached and the agent is gone is the list of fallbacks; each is a row
of its own table. The last resort is RELEASE: the customer goes to its program, or is hung up, after nobody was left
who could talk to it.

Sources: plivo-phlo reference 4.5 (warm, cold), genesys reference 3 and 9 (consult, single step).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from enum import Enum

from switchhook.core import facts as f
from switchhook.core import transfer_steps as do
from switchhook.core.ids import LegId, RoomId
from switchhook.core.model import (
    By,
    Closing,
    Dial,
    Fallback,
    FallbackKind,
    Kind,
    Leg,
    Phase,
    Transfer,
    TransferOutcome,
    not_reached,
)
from switchhook.core.outcomes import Outcome
from switchhook.core.rooms import leave, settle
from switchhook.core.values import dataclass
from switchhook.core.work import Work


class Trigger(Enum):
    """What can happen to a transfer."""

    TARGET_ANSWERED = "target answered"
    TARGET_FAILED = "target not reached"
    TARGET_LEFT = "target left"
    AGENT_LEFT = "agent left"
    CUSTOMER_LEFT = "customer left"
    COMPLETE = "agent completes"
    ABORT = "aborted"
    JOIN = "agent joins"
    SWAP = "agent swaps"
    DROP_CUSTOMER = "agent releases the customer"
    TOLD = "customer has been told"


Step = Callable[[Work, Transfer], None]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: where the transfer goes, how it ended if it did, and what is done."""

    to: Phase | None
    outcome: TransferOutcome | None
    steps: tuple[Step, ...]


RELEASE = Fallback(FallbackKind.RELEASE)
_NEED_ADDRESS = (FallbackKind.RECALL, FallbackKind.NEXT, FallbackKind.VOICEMAIL)


def _fresh(work: Work, transfer: Transfer) -> Transfer:
    return work.state.transfers.get(transfer.id, transfer)


def fall_back(work: Work, transfer: Transfer) -> None:
    """Takes the next fallback; the last resort lets the customer go."""
    plan = transfer.plan
    chosen = plan.fallbacks[transfer.fallback] if transfer.fallback < len(plan.fallbacks) else RELEASE
    if chosen.kind is FallbackKind.RECALL and chosen.destination is None:
        chosen = replace(chosen, destination=transfer.agent_destination)
    if chosen.kind in _NEED_ADDRESS and chosen.destination is None:
        chosen = RELEASE
    row = FALLBACKS.get(chosen.kind)
    if row is None:
        return
    work.fact(f.FallbackTaken(transfer.id, chosen, transfer.failure or TransferOutcome.UNREACHABLE))
    _go(work, _fresh(work, transfer), row)
    announced(work, transfer.room)  # nobody is there to listen: they are told already


# --- the tables -----------------------------------------------------------------------------------------------------

T, P, E = Trigger, Phase, TransferOutcome
Key = tuple[Kind, Phase, Trigger]


def _table() -> dict[Key, Row]:
    rows: dict[Key, Row] = {}

    def row(
        kinds: tuple[Kind, ...],
        phase: Phase,
        trigger: Trigger,
        to: Phase | None,
        outcome: TransferOutcome | None,
        *steps: Step,
    ) -> None:
        for kind in kinds:
            rows[(kind, phase, trigger)] = Row(to, outcome, steps)

    warm, consult, cold = (Kind.WARM,), (Kind.CONSULT,), (Kind.COLD,)
    talks = (Kind.WARM, Kind.CONSULT)
    every = (Kind.WARM, Kind.CONSULT, Kind.COLD)

    # The target rings, the agent waits for it.
    row(talks, P.RINGING, T.TARGET_ANSWERED, P.CONSULTING, None, do.target_into_consult)
    row(cold, P.RINGING, T.TARGET_ANSWERED, None, E.COMPLETED, do.target_into_main, do.agent_out, do.close_consult)
    row(every, P.RINGING, T.TARGET_FAILED, None, None, do.agent_back, do.close_consult)
    row(every, P.RINGING, T.ABORT, None, E.ABORTED, do.drop_target, do.agent_back, do.close_consult)
    row(every, P.RINGING, T.COMPLETE, P.FOLLOWING, None, do.target_follows, do.agent_out, do.close_consult)
    row(every, P.RINGING, T.AGENT_LEFT, P.FOLLOWING, None, do.target_follows, do.agent_out, do.close_consult)
    row(warm, P.RINGING, T.JOIN, P.JOINING, None, do.target_joins_later, do.agent_joins, do.close_consult)
    row(consult, P.RINGING, T.SWAP, P.RINGING, None, do.swap)
    row(
        (Kind.WARM, Kind.COLD),
        P.RINGING,
        T.CUSTOMER_LEFT,
        None,
        E.CUSTOMER_LEFT,
        do.drop_target,
        do.agent_back,
        do.close_consult,
    )
    row(consult, P.RINGING, T.CUSTOMER_LEFT, None, E.CUSTOMER_LEFT, do.consult_goes_on)
    row(every, P.RINGING, T.DROP_CUSTOMER, None, E.CUSTOMER_RELEASED, do.consult_goes_on, do.customers_out)

    # Agent and target talk in private.
    row(talks, P.CONSULTING, T.COMPLETE, None, E.COMPLETED, do.target_into_main, do.agent_out, do.close_consult)
    row(talks, P.CONSULTING, T.AGENT_LEFT, None, E.COMPLETED, do.target_into_main, do.agent_out, do.close_consult)
    row(warm, P.CONSULTING, T.JOIN, None, E.MERGED, do.target_into_main, do.agent_joins, do.close_consult)
    row(
        consult,
        P.CONSULTING,
        T.JOIN,
        None,
        E.MERGED,
        do.nobody_leads,
        do.target_into_main,
        do.agent_joins,
        do.close_consult,
    )
    row(talks, P.CONSULTING, T.ABORT, None, E.ABORTED, do.drop_target, do.agent_back, do.close_consult)
    row(talks, P.CONSULTING, T.TARGET_LEFT, None, E.TARGET_LEFT, do.agent_back, do.close_consult)
    row(talks, P.CONSULTING, T.SWAP, P.CONSULTING, None, do.swap)
    row(warm, P.CONSULTING, T.CUSTOMER_LEFT, None, E.CUSTOMER_LEFT, do.both_into_main)
    row(consult, P.CONSULTING, T.CUSTOMER_LEFT, None, E.CUSTOMER_LEFT, do.consult_goes_on)
    row(talks, P.CONSULTING, T.DROP_CUSTOMER, None, E.CUSTOMER_RELEASED, do.consult_goes_on, do.customers_out)

    # The agent has gone back to the customer; the target comes to both when it answers.
    row(warm, P.JOINING, T.TARGET_ANSWERED, None, E.MERGED, do.target_into_main)
    row(warm, P.JOINING, T.TARGET_FAILED, None, None)
    row(warm, P.JOINING, T.ABORT, None, E.ABORTED, do.drop_target)
    row(warm, P.JOINING, T.AGENT_LEFT, P.FOLLOWING, None, do.target_follows, do.agent_out)
    row(warm, P.JOINING, T.CUSTOMER_LEFT, None, E.CUSTOMER_LEFT, do.drop_target)
    row(warm, P.JOINING, T.DROP_CUSTOMER, None, E.CUSTOMER_RELEASED, do.drop_target, do.customers_out)

    # The agent is gone; the customer waits for the target.
    row(every, P.FOLLOWING, T.TARGET_ANSWERED, None, E.COMPLETED, do.target_into_main)
    row(every, P.FOLLOWING, T.TARGET_FAILED, P.FOLLOWING, None, fall_back)
    row(every, P.FOLLOWING, T.CUSTOMER_LEFT, None, E.CUSTOMER_LEFT, do.drop_target)
    row(every, P.FOLLOWING, T.ABORT, None, E.ABORTED, do.park, do.drop_target)

    # The agent is rung again.
    row(every, P.RECALLING, T.TARGET_ANSWERED, None, E.RETURNED, do.target_into_main)
    row(every, P.RECALLING, T.TARGET_FAILED, P.FOLLOWING, None, fall_back)
    row(every, P.RECALLING, T.CUSTOMER_LEFT, None, E.CUSTOMER_LEFT, do.drop_target)
    row(every, P.RECALLING, T.ABORT, None, E.ABORTED, do.park, do.drop_target)

    # The customer is told that nobody came.
    row(every, P.ANNOUNCING, T.TOLD, None, None, do.let_customers_go)
    row(every, P.ANNOUNCING, T.CUSTOMER_LEFT, None, E.CUSTOMER_LEFT)
    row(every, P.ANNOUNCING, T.ABORT, None, E.ABORTED, do.park, do.hush)
    return rows


TABLE: dict[Key, Row] = _table()

FALLBACKS: dict[FallbackKind, Row] = {
    FallbackKind.RECALL: Row(Phase.RECALLING, None, (do.dial_agent,)),
    FallbackKind.NEXT: Row(Phase.FOLLOWING, None, (do.dial_next,)),
    FallbackKind.VOICEMAIL: Row(Phase.FOLLOWING, None, (do.dial_voicemail,)),
    FallbackKind.ANNOUNCE: Row(Phase.ANNOUNCING, None, (do.announce,)),
    FallbackKind.PARK: Row(None, None, (do.park,)),
    FallbackKind.RELEASE: Row(None, None, (do.let_customers_go,)),
}


# --- running them ---------------------------------------------------------------------------------------------------


def pull(work: Work, transfer: Transfer, trigger: Trigger) -> bool:
    """Lets the table answer a trigger; returns False when it has no row for it, or is carrying out its last one."""
    if transfer.id in work.closing:
        return False
    row = TABLE.get((transfer.plan.kind, transfer.phase, trigger))
    if row is None:
        return False
    _go(work, transfer, row)
    return True


def _go(work: Work, transfer: Transfer, row: Row) -> None:
    if row.to is None:
        work.closing.add(transfer.id)
    elif row.to is not transfer.phase:
        work.fact(f.TransferAdvanced(transfer.id, row.to))
    for step in row.steps:
        step(work, _fresh(work, transfer))
    if row.to is None and transfer.id in work.state.transfers:
        now = work.state.transfers[transfer.id]
        outcome = row.outcome or now.failure or TransferOutcome.UNREACHABLE
        work.fact(f.TransferEnded(transfer.id, transfer.room, outcome, now.target))
        _after(work, now)


def _after(work: Work, transfer: Transfer) -> None:
    """A room that a transfer kept alive is judged by its own rules again."""
    if transfer.room in work.state.rooms:
        settle(work, transfer.room)
    if transfer.consult is not None and transfer.consult in work.state.rooms:
        settle(work, transfer.consult)


# --- what concerns a transfer ---------------------------------------------------------------------------------------


def target_answered(work: Work, dial: Dial, leg: LegId) -> None:
    """The party that a transfer rang is ready to talk."""
    transfer = _by_dial(work, dial)
    if transfer is None:
        from switchhook.core.legs import hang_up

        hang_up(work, leg, Outcome.CANCELLED, By.SERVER)
        return
    work.fact(f.TransferAdvanced(transfer.id, transfer.phase, target=leg))
    pull(work, _fresh(work, transfer), Trigger.TARGET_ANSWERED)


def target_failed(work: Work, dial: Dial) -> None:
    """The party that a transfer rang was not reached."""
    transfer = _by_dial(work, dial)
    if transfer is None:
        return
    if transfer.phase is not Phase.RECALLING or transfer.failure is None:
        work.fact(f.TransferMissed(transfer.id, not_reached(dial.outcome)))
    pull(work, _fresh(work, transfer), Trigger.TARGET_FAILED)


def target_cancelled(work: Work, dial: Dial) -> None:
    """Somebody stopped the ringing target on its own (a member action): as if it had declined."""
    from switchhook.core.dials import cancel
    from switchhook.core.legs import hang_up

    for leg in dial.legs:
        work.fact(f.DialTried(dial.id, leg, Outcome.REJECTED, 0))
    cancel(work, dial.id)
    for leg in dial.legs:
        hang_up(work, leg, Outcome.CANCELLED, By.SERVER)
    transfer = _by_dial(work, dial)
    if transfer is not None:
        if transfer.failure is None or transfer.phase is not Phase.RECALLING:
            work.fact(f.TransferMissed(transfer.id, TransferOutcome.REJECTED))
        pull(work, _fresh(work, transfer), Trigger.TARGET_FAILED)


def _by_dial(work: Work, dial: Dial) -> Transfer | None:
    room = work.state.rooms.get(dial.room)
    transfer = work.state.transfer_of(room) if room is not None else None
    return transfer if transfer is not None and transfer.dial == dial.id else None


def party_left(work: Work, leg: Leg) -> None:
    """A leg is over: if it had a part in a transfer, the table says what follows. It is still in its rooms' lists."""
    as_agent = work.state.agents.get(leg.id)
    if as_agent is not None:
        pull(work, work.state.transfers[as_agent], Trigger.AGENT_LEFT)
    for room_id in leg.rooms:
        room = work.state.rooms.get(room_id)
        transfer = work.state.transfer_of(room) if room is not None else None
        if room is None or transfer is None or leg.id == transfer.agent:
            continue
        if room_id == transfer.consult and leg.id == transfer.target:
            leave(work, room_id, leg.id)
            pull(work, transfer, Trigger.TARGET_LEFT)
        elif room_id == transfer.room:
            _customer_left(work, transfer, leg.id)


def _customer_left(work: Work, transfer: Transfer, leg: LegId) -> None:
    from switchhook.core.rooms import end_room

    member = work.state.rooms[transfer.room].members.get(leg)
    leave(work, transfer.room, leg)
    room = work.state.rooms[transfer.room]
    over = room.lead == leg or (member is not None and member.ends_room)
    if over or all(m.leg == transfer.agent or not m.is_company for m in room.members.values()):
        pull(work, transfer, Trigger.CUSTOMER_LEFT)
    else:
        announced(work, transfer.room)
    if member is not None and member.ends_room:
        end_room(work, transfer.room, Closing.LEADER)


def member_taken(work: Work, room: RoomId, leg: LegId) -> None:
    """A member leaves a room without hanging up; a transfer of that room counts it as having left.

    An agent who leaves the consult alone has not left the customer: that cancels.
    """
    found = work.state.rooms.get(room)
    transfer = work.state.transfer_of(found) if found is not None else None
    if transfer is None or found is None:
        return
    if leg == transfer.agent:
        pull(work, transfer, Trigger.AGENT_LEFT if room == transfer.room else Trigger.ABORT)
    elif room == transfer.consult:
        leave(work, room, leg)
        pull(work, transfer, Trigger.TARGET_LEFT)
    else:
        _customer_left(work, transfer, leg)


def room_ends(work: Work, room: RoomId) -> None:
    """A room is over for reasons of its own: a transfer has lost its customer, or its consult with its target."""
    found = work.state.rooms.get(room)
    transfer = work.state.transfer_of(found) if found is not None else None
    if transfer is not None:
        pull(work, transfer, Trigger.CUSTOMER_LEFT if transfer.room == room else Trigger.ABORT)


def announced(work: Work, room: RoomId) -> None:
    """A sound in a room came to its end: perhaps everybody has heard now that a transfer failed."""
    found = work.state.rooms.get(room)
    if found is None or found.transfer is None:
        return
    if all(work.state.legs[leg].playing is None for leg in found.members):
        pull(work, work.state.transfers[found.transfer], Trigger.TOLD)
