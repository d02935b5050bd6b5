"""The Multi-Party Call node: one room per run, into which the node's own `to` and later node actions bring people.

Whoever comes by the flow sits down with the node's caller role, then `to` is dialled, each target an attempt of its
own. When none of them comes, the one who waits leaves by `failed` if a line is drawn from it, and else hears music
until somebody is added (plivo-phlo 7.16). The node is over with its room.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core.addresses import Destination
from switchhook.core.errors import Refused
from switchhook.core.ids import DialId, LegId, RoomId
from switchhook.core.model import Alone, DialPlan, FallbackKind, Role, RoomKind, RoomPlan, Side, Waiting
from switchhook.flows import dialling, liquid
from switchhook.flows.graph import Node
from switchhook.flows.nodes import MultiParty
from switchhook.flows.parties import Party
from switchhook.flows.runs import Branch

if TYPE_CHECKING:
    from switchhook.flows.walk import Walker

SOUNDS = ("customer_hold_music", "agent_hold_music", "voicemail_drop_prompt", "brief")


def enter(walker: Walker, branch: Branch, node: Node) -> str | None:
    """Brings the branch's call into the run's room; without a call the first participant is dialled."""
    literal = not any(liquid.is_template(str(node.settings.get(key, ""))) for key in SOUNDS)
    options = MultiParty.of(walker.settings(branch, node), walker.exchange.settings, literal)
    party = walker.parties.open(branch.run, node, options, branch)
    branch.variables[node.name] = {"conference_name": party.name, "from": options.caller, "to": ", ".join(options.to)}
    if branch.leg is not None:
        return _sit_down(walker, party, branch, branch.leg)
    first = options.caller.split(",")[0].strip()
    output = dialling.ring(walker, branch, first, options.caller, options.ring_s) if first else "failed"
    if output is not None:
        walker.parties.drop(party)
    return output


def waits(branch: Branch) -> bool:
    """Returns whether the call that a branch dials is the first participant of a room."""
    return branch.node.type == "multi_party_call"


def first_answered(walker: Walker, branch: Branch) -> str | None:
    party = walker.parties.of_branch(branch)
    if party is None or branch.leg is None:
        return "failed"
    return _sit_down(walker, party, branch, branch.leg)


def first_failed(walker: Walker, branch: Branch) -> str:
    party = walker.parties.of_branch(branch)
    if party is not None and party.room is None:
        walker.parties.drop(party)
    return "failed"


def _sit_down(walker: Walker, party: Party, branch: Branch, leg: LegId) -> str | None:
    opens = party.room is None
    try:
        accepted = walker.exchange.ask(
            r.EnterRoom(leg, room_plan(party), role=party.options.caller_role), cause=party.run.id
        )
    except Refused as refused:
        walker.warn(f"node {party.node.name!r}: {refused}", leg)
        if opens:
            walker.parties.drop(party)
        return "failed"
    party.room = accepted.room
    branch.variables[party.node.name]["conference_uuid"] = accepted.room or ""
    branch.variables[party.node.name]["call_uuid"] = leg
    if opens and party.options.to:
        _dial_all(walker, party, _caller_id(walker, party, leg))
    return None


def room_plan(party: Party) -> RoomPlan:
    """Returns how the node wants its room."""
    options = party.options
    return RoomPlan(
        kind=RoomKind.PARTY,
        alone=Alone.MUSIC,
        customer_music=options.customer_music,
        agent_music=options.agent_music,
        hold_audience=options.hold_audience,
        max_members=options.max_members,
        limit_s=options.limit_s,
        name=party.name,
        program=dialling.PROGRAM,
        ref=party.node.id,
    )


def _caller_id(walker: Walker, party: Party, leg: LegId) -> str:
    """The node's From, else the address that the waiting party dialled."""
    found = walker.exchange.state.legs.get(leg)
    return party.options.caller or (found.called if found is not None and found.side is Side.INBOUND else "")


def invitation(party: Party, to: tuple[Destination, ...], caller: str, role: Role) -> DialPlan:
    """Returns how somebody is dialled into the party."""
    return DialPlan(
        targets=to,
        caller=caller,
        role=role,
        ring_s=party.options.ring_s,
        waiting=Waiting.MUSIC,
        program=dialling.PROGRAM,
    )


def _dial_all(walker: Walker, party: Party, caller: str) -> None:
    exchange, room = walker.exchange, party.room
    assert room is not None
    for address in party.options.to:
        try:
            to = exchange.directory.destination(party.run.account, address)
            shown = exchange.directory.caller_id(caller, to)
            plan = invitation(party, (to,), shown, party.options.callee_role)
            accepted = exchange.ask(r.AddParty(room, plan), cause=party.run.id)
        except Refused as refused:
            walker.warn(f"node {party.node.name!r}: {address}: {refused}", party.branch.leg)
            continue
        if accepted.dial is not None:
            party.pending.add(accepted.dial)
    if not party.pending:
        _nobody_came(walker, party)


# --- what happens in it ---------------------------------------------------------------------------------------------


def attempt_ended(walker: Walker, dial: DialId, winner: LegId | None) -> None:
    """One of the node's own `to` came, or did not."""
    found = walker.parties.of_dial(dial)
    party = found[0] if found is not None else None
    if party is None or dial not in party.pending:
        return
    party.pending.discard(dial)
    party.reached = party.reached or winner is not None
    if not party.pending and not party.reached:
        _nobody_came(walker, party)


def _nobody_came(walker: Walker, party: Party) -> None:
    """Takes the one who waits out of the room when the flow goes on by `failed`."""
    room = walker.exchange.state.rooms.get(party.room) if party.room is not None else None
    if room is None or not party.has_failed_line:
        return
    if len(room.members) > 1 or room.dials or room.transfer is not None:
        return
    party.leaving = True
    for leg in room.members:
        walker.exchange.ask(r.LeaveRoom(room.id, leg), cause=party.run.id)


def fallback_taken(walker: Walker, fact: f.FallbackTaken) -> None:
    """Nobody took the customer over: whoever is let go now goes on by `failed`."""
    party = walker.parties.of_transfer(fact.transfer)
    if party is not None and fact.fallback.kind is FallbackKind.RELEASE and party.has_failed_line:
        party.leaving = True


def freed(walker: Walker, party: Party, leg: LegId) -> None:
    """The room let a call go: it leaves by `failed`, or it has no business here any more and is hung up."""
    if not party.leaving:
        walker.hang_up(leg)
        return
    branch = walker.branch_of(leg)
    if branch is None:
        branch = party.branch.fork(leg)
    walker.carry(branch, leg)
    walker.go(branch, "failed")


def room_closed(walker: Walker, room: RoomId) -> None:
    """Nobody is left: the branches that waited here end, since only nodes without a call could follow."""
    party = walker.parties.of_room(room)
    if party is None or party.room != room:
        return
    for branch in tuple(party.run.branches):
        if waits(branch) and walker.parties.of_branch(branch) is party and branch.ringing is None:
            walker.finish(branch)
