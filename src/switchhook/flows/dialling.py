"""The nodes that dial: Initiate Call starts a call of its own, Call Forward puts the current call through.

A branch that has a call already lets it wait in silence while Initiate Call dials; the first answer ends the waiting
call, and when nobody answers it is current again (plivo-phlo 6.2). Why a call was not reached is told by the core in
four causes; here they only choose the output state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from switchhook.core import requests as r
from switchhook.core.addresses import Destination
from switchhook.core.errors import Refused
from switchhook.core.ids import DialId, LegId
from switchhook.core.model import DialPlan, Leg, LegState, Role, TransferOutcome, Waiting, not_reached
from switchhook.core.outcomes import Outcome
from switchhook.flows.graph import Node
from switchhook.flows.nodes import CallForward, InitiateCall
from switchhook.flows.runs import Branch
from switchhook.flows.runs import Waiting as WaitingCall

if TYPE_CHECKING:
    from switchhook.flows.walk import Walker

PROGRAM = "phlo"

_STATES = {
    TransferOutcome.BUSY: "busy",
    TransferOutcome.REJECTED: "busy",
    TransferOutcome.NO_ANSWER: "no_answer",
}


def state_of(outcome: Outcome) -> str:
    """Returns the output state for a call that was not reached."""
    return _STATES.get(not_reached(outcome), "failed")


# --- Initiate Call --------------------------------------------------------------------------------------------------


def enter_initiate_call(walker: Walker, branch: Branch, node: Node) -> str | None:
    """Dials; every number gets its own branch."""
    options = InitiateCall.of(walker.settings(branch, node), walker.exchange.settings)
    if not options.to:
        return "failed"
    if branch.leg is not None:
        branch.waiting = WaitingCall(branch.leg, len(options.to))
        branch.leg = None
    branch.record = options.callback if options.record else None
    if len(options.to) == 1:
        return ring(walker, branch, options.to[0], options.caller, options.ring_s)
    branches = [branch.fork(None) for _ in options.to]
    branch.run.branches.pop(branch, None)
    for one in branches:
        one.waiting, one.record = branch.waiting, branch.record
    if branch.waiting is not None and branch.waiting.leg is not None:
        walker.follow(branches[0], branch.waiting.leg)
    for one, address in zip(branches, options.to, strict=True):
        walker.go(one, ring(walker, one, address, options.caller, options.ring_s))
    return None


def ring(walker: Walker, branch: Branch, address: str, caller: str, ring_s: float) -> str | None:
    """Calls one address on behalf of a branch; returns `failed` when there is no way to it."""
    exchange, run = walker.exchange, branch.run
    try:
        to = exchange.directory.destination(run.account, address)
        shown = exchange.directory.caller_id(caller, to)
        accepted = exchange.ask(r.Originate(run.account, to, shown, PROGRAM, ring_s=ring_s), cause=run.id)
    except Refused as refused:
        branch.variables[branch.node.name] = {"to": address, "from": caller, "hangup_cause": refused.reason.value}
        exchange.write("Warning", {"text": f"{address} is not dialled: {refused}"}, leg=branch.leg or "", cause=run.id)
        _go_back(walker, branch)
        return "failed"
    assert accepted.leg is not None
    branch.ringing = accepted.leg
    branch.variables[branch.node.name] = walker.record(run, exchange.state.legs[accepted.leg]).show()
    walker.follow(branch, accepted.leg)
    return None


def answered(walker: Walker, branch: Branch, leg: LegId) -> None:
    """The call that a branch dialled was answered and is its current one."""
    branch.ringing = None
    waiting, branch.waiting = branch.waiting, None
    if waiting is not None and waiting.leg is not None:
        before, waiting.leg = waiting.leg, None
        walker.hang_up(before)
    walker.carry(branch, leg)
    walker.tapes.call_answered(branch, leg)


def not_answered(walker: Walker, branch: Branch) -> None:
    """The call that a branch dialled was not answered: the one that waited, if any, is current again."""
    branch.ringing = None
    _go_back(walker, branch)


def _go_back(walker: Walker, branch: Branch) -> None:
    """The last of several attempts to fail makes the waiting call current again."""
    waiting, branch.waiting = branch.waiting, None
    if waiting is None:
        return
    waiting.pending -= 1
    if waiting.leg is None:
        return
    if waiting.pending == 0:
        walker.carry(branch, waiting.leg)
        waiting.leg = None
        return
    other = next((one for one in branch.run.branches if one.waiting is waiting), None)
    if other is not None:
        walker.follow(other, waiting.leg)


# --- Call Forward ---------------------------------------------------------------------------------------------------


def enter_call_forward(walker: Walker, branch: Branch, node: Node) -> str | None:
    """Puts the current call through to the first target that answers."""
    options = CallForward.of(walker.settings(branch, node), walker.exchange.settings)
    targets = _reachable(walker, branch, options.to)
    if branch.leg is None or not targets:
        return "failed"
    plan = DialPlan(
        targets=targets,
        caller=walker.exchange.directory.caller_id(options.caller, targets[0]),
        role=Role.AGENT,
        order=options.order,
        ring_s=options.ring_s,
        waiting=Waiting.RINGBACK,
        brief=options.screening,
        accept_digit=options.key,
        send_digits=options.digits,
    )
    branch.won, branch.outcome = False, Outcome.FAILED
    branch.record = options.callback if options.record else None
    try:
        accepted = walker.exchange.ask(r.Connect(branch.leg, plan), cause=branch.run.id)
    except Refused as refused:
        branch.variables[node.name] = {"hangup_cause": refused.reason.value}
        return "failed"
    branch.dial = accepted.dial
    if accepted.dial is not None:
        walker.attempts[accepted.dial] = branch
    return None


def _reachable(walker: Walker, branch: Branch, to: tuple[str, ...]) -> tuple[Destination, ...]:
    found = []
    for address in to:
        try:
            found.append(walker.exchange.directory.destination(branch.run.account, address))
        except Refused as refused:
            walker.warn(f"node {branch.node.name!r}: {address}: {refused}", branch.leg)
    return tuple(found)


def attempt_rings(walker: Walker, branch: Branch, leg: Leg) -> None:
    """A Call Forward rings one of its targets: the node's variables are those of the target rung last."""
    branch.variables[branch.node.name] = walker.record(branch.run, leg).show()


def attempt_ended(walker: Walker, dial: DialId, winner: LegId | None, outcome: Outcome) -> None:
    """A Call Forward has its answer, or nobody is left to try."""
    branch = walker.attempts.pop(dial, None)
    if branch is None or branch.dial != dial:
        return
    branch.dial = None
    branch.won, branch.outcome = winner is not None, outcome
    record = branch.run.calls.get(winner) if winner is not None else None
    if winner is not None and record is not None:
        branch.variables[branch.node.name] = record.show()
        walker.tapes.call_forwarded(branch, winner)


def freed(walker: Walker, branch: Branch, outcome: Outcome) -> None:
    """The current call is out of its Call Forward and goes on."""
    found = walker.exchange.state.legs.get(branch.leg) if branch.leg is not None else None
    if branch.node.type != "call_forward" or found is None or found.state is LegState.OVER:
        return
    state = "completed" if branch.won else state_of(outcome)
    if state == "no_answer" and branch.run.flow.after(branch.node.id, state) is None:
        state = "failed"
    walker.go(branch, state)
