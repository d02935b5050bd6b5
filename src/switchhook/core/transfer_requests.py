"""What may be asked of transfers, and when it is refused."""

from __future__ import annotations

from dataclasses import replace

from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core.dials import start
from switchhook.core.errors import Reason, Refused
from switchhook.core.ids import DialId, LegId, RoomId, TransferId
from switchhook.core.model import (
    DialPlan,
    Kind,
    Leg,
    LegState,
    Phase,
    Purpose,
    Room,
    RoomKind,
    RoomPlan,
    Transfer,
    Waiting,
)
from switchhook.core.rooms import join, need_leg, need_member, need_room, open_room, turn
from switchhook.core.transfer_steps import agent_out
from switchhook.core.transfers import Trigger, pull
from switchhook.core.work import Work


def start_transfer(work: Work, request: r.StartTransfer) -> r.Accepted:
    """Begins to hand everybody else in the room to the target."""
    room, agent = _may_start(work, request)
    plan = request.plan
    destination = agent.destination
    member = room.members[agent.id]
    transfer = Transfer(
        id=TransferId(work.state.ids.new()),
        room=room.id,
        agent=agent.id,
        plan=plan,
        phase=Phase.RINGING,
        started_at=work.now,
        agent_destination=destination,
        agent_role=member.role,
    )
    work.fact(f.TransferStarted(transfer))
    if plan.kind is Kind.COLD and not plan.keep_agent:
        work.fact(f.TransferAdvanced(transfer.id, Phase.FOLLOWING))
        agent_out(work, transfer)
        dial = _dial_target(work, room.id, replace(plan.dial, waiting=Waiting.MUSIC))
        _dialled(work, transfer.id, dial)
        _set_data(work, room, request)
        return r.Accepted(transfer=transfer.id, dial=dial, room=room.id, leg=_first(work, dial))
    consult = _open_consult(work, request, room)
    work.fact(f.TransferAdvanced(transfer.id, Phase.RINGING, consult=consult))
    join(work, consult, agent.id, member.role, talk=False)
    turn(work, agent.id, consult)
    dial = _dial_target(work, consult, _consult_dial(plan.dial, plan.consult_music))
    _dialled(work, transfer.id, dial)
    return r.Accepted(transfer=transfer.id, dial=dial, room=consult, leg=_first(work, dial))


def _dialled(work: Work, transfer: TransferId, dial: DialId) -> None:
    if transfer in work.state.transfers:
        work.fact(f.TransferDialled(transfer, dial))


def _consult_dial(plan: DialPlan, music: tuple[str, ...]) -> DialPlan:
    if music:
        return replace(plan, waiting=Waiting.CLIPS, waiting_clips=music)
    return replace(plan, waiting=Waiting.RINGBACK)


def _first(work: Work, dial: DialId) -> LegId | None:
    found = work.state.dials.get(dial)
    return found.legs[0] if found is not None and found.legs else None


def _dial_target(work: Work, room: RoomId, plan: DialPlan) -> DialId:
    return start(work, room, plan, Purpose.TRANSFER)


def _open_consult(work: Work, request: r.StartTransfer, room: Room) -> RoomId:
    plan = RoomPlan(
        kind=RoomKind.CONSULT,
        customer_music=room.plan.customer_music,
        agent_music=room.plan.agent_music,
        program=request.plan.program,
    )
    data = {**room.data, **(request.data or {})}
    return open_room(work, plan, account=room.account, call=room.call, main=room.id, data=data, inherited=room.data)


def _set_data(work: Work, room: Room, request: r.StartTransfer) -> None:
    if request.data and room.id in work.state.rooms:
        work.fact(f.DataChanged(room.id, {**room.data, **request.data}))


def _may_start(work: Work, request: r.StartTransfer) -> tuple[Room, Leg]:
    room = need_room(work, request.room)
    agent = need_leg(work, request.agent)
    member = need_member(work, request.room, request.agent)
    if room.transfer is not None or _hands_over(work, agent.id) or work.state.transfer_of(room) is not None:
        raise Refused(Reason.TRANSFER_RUNNING, "a transfer is under way")
    if agent.state is not LegState.UP:
        raise Refused(Reason.NOT_ANSWERED, "the agent has not answered")
    if member.held:
        raise Refused(Reason.MEMBER_HELD, "the agent is held")
    others = [m for m in room.members if m != agent.id]
    if not any(room.members[m].is_company for m in others):
        raise Refused(Reason.NOBODY_TO_TRANSFER, "nobody else is in the room")
    if not request.plan.dial.targets:
        raise Refused(Reason.NO_ROUTE, "nobody to dial")
    for target in request.plan.dial.targets:
        if target.key == agent.key:
            raise Refused(Reason.TARGET_IS_SELF, "the target is the agent")
        if any(work.state.legs[m].key == target.key for m in others):
            raise Refused(Reason.ALREADY_THERE, f"{target.address} is in the room already")
    return room, agent


def _hands_over(work: Work, agent: LegId) -> bool:
    """True while the leg is the agent of a transfer that it has not left yet."""
    transfer_id = work.state.agents.get(agent)
    main = work.state.rooms.get(work.state.transfers[transfer_id].room) if transfer_id is not None else None
    return main is not None and agent in main.members


def asked(work: Work, transfer_id: TransferId, trigger: Trigger) -> r.Accepted:
    """Lets a request pull a trigger; refuses one that the table has no row for."""
    transfer = work.state.transfers.get(transfer_id)
    if transfer is None:
        raise Refused(Reason.NO_TRANSFER, "no such transfer is under way")
    if not pull(work, transfer, trigger):
        raise Refused(Reason.WRONG_STATE, f"{trigger.value}: not while the transfer is {transfer.phase.value}")
    return r.Accepted(transfer=transfer_id, room=transfer.room)


def complete(work: Work, request: r.CompleteTransfer) -> r.Accepted:
    return asked(work, request.transfer, Trigger.COMPLETE)


def abort(work: Work, request: r.AbortTransfer) -> r.Accepted:
    return asked(work, request.transfer, Trigger.ABORT)


def join_asked(work: Work, request: r.JoinTransfer) -> r.Accepted:
    return asked(work, request.transfer, Trigger.JOIN)


def swap_asked(work: Work, request: r.SwapTransfer) -> r.Accepted:
    return asked(work, request.transfer, Trigger.SWAP)
