"""Walks the graphs: starts runs, lets each branch go from node to node, and waits for facts between them.

A node is entered by a function that returns the output state it leaves by at once, or None when it waits; then facts
about the branch's calls decide. A flow that stops at a state without a line has simply ended (plivo-phlo 6.2): the call
it carries is hung up. What happens to a call inside a node is asked of the exchange and decided by the core.

A branch that visits `MAX_VISITS` nodes without a wait worth the name (`WAIT_S`) is stopped, so that a loop of failing
calls does not spin for ever.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

import structlog

from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core.errors import Refused
from switchhook.core.ids import DialId, LegId
from switchhook.core.model import By, Leg, LegState, Side
from switchhook.core.outcomes import Outcome
from switchhook.exchange.switch import Exchange, Stamped
from switchhook.flows import dialling, liquid, party
from switchhook.flows.graph import Flow, Node
from switchhook.flows.nodes import clips
from switchhook.flows.parties import Parties, Party, Readers
from switchhook.flows.recording import Tapes
from switchhook.flows.runs import Branch, CallRecord, Run
from switchhook.flows.shelf import Shelf

log = structlog.get_logger("flows")

PROGRAM = "phlo"
MAX_VISITS = 1000
WAIT_S = 0.1  # a shorter wait does not count as one
KEPT_RUNS = 10_000  # ended runs that can still be asked for

Enter = Callable[["Walker", Branch, Node], str | None]


class Walker:
    """Runs the flows of one exchange."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.flows = Shelf()
        self.parties = Parties(exchange.directory.key, lambda leg: exchange.state.legs.get(leg))
        self.runs: dict[str, Run] = {}  # the live ones and the latest that have ended
        self._ended: deque[str] = deque()
        self._branches: dict[LegId, Branch] = {}  # by the call a branch carries, dials, or lets wait
        self._runs_of: dict[LegId, Run] = {}  # every live call of every run
        self.tapes = Tapes(self)
        self.attempts: dict[DialId, Branch] = {}  # who waits for a Call Forward
        self._held = (self._branches, self._runs_of, self.attempts, *self.parties.held)
        self._readers: list[Readers] = []
        self._by_kind: dict[type[f.Fact], tuple[Callable[[Any, float], object], ...]] = {}

    def start(self) -> None:
        """Begins to listen to the exchange: to the kinds of fact that somebody here reads, no others."""
        first, last = (self.parties.learnt, self.tapes.learnt), (self.parties.forgotten, self.tapes.forgotten)
        orders = (*first, *self._readers, self._own, *last)
        kinds = {kind for readers in orders for kind in readers}
        self._by_kind = {kind: tuple(each[kind] for each in orders if kind in each) for kind in kinds}
        self.exchange.subscribe(self._told, _WAKING & kinds)
        self.exchange.subscribe(self._told, kinds - _WAKING, held=self._held)  # while a live call belongs to a flow

    def read(self, readers: Readers) -> None:
        """Adds readers that are told their facts before the flows go on, with the parties still complete."""
        self._readers.append(readers)

    def sounds_of(self, flow: Flow) -> tuple[str, ...]:
        """Returns the sounds that a flow names without templates, to be fetched ahead."""
        found: list[str] = []
        for node in flow.nodes.values():
            for key in party.SOUNDS if node.type == "multi_party_call" else ():
                value = node.settings.get(key)
                if not liquid.is_template(str(value)):
                    found.extend(clips(value))
        return tuple(found)

    # --- starting ---------------------------------------------------------------------------------------------------

    def run_by_request(self, flow: Flow, parameters: Mapping[str, object], run_id: str) -> Run:
        """Starts a run at the state `http` and walks it up to the first node that waits."""
        start: dict[str, object] = {"request_type": "http", "http": {"params": payload(flow, parameters)}}
        return self._begin(flow, run_id, start, "http", None)

    def run_by_callback(self, flow: Flow, parameters: Mapping[str, object], run_id: str) -> Run:
        """Starts a run at the state `call` for a call told by its CallUUID; a live one of the account is taken over.

        An application whose URLs are all the run URL tells the end of the call there, too: that is no new call.
        """
        call_id = LegId(str(parameters.get("CallUUID", "")))
        leg = self.exchange.state.legs.get(call_id)
        if leg is not None and leg.account == flow.account and call_id not in self._branches:
            try:
                self.exchange.ask(r.Take((call_id,), PROGRAM), cause=run_id)
                return self._begin_with(flow, run_id, self.exchange.state.legs[call_id], payload(flow, parameters))
            except Refused as refused:
                log.info("call not taken over", call=call_id, reason=refused.reason.value)
        caller, called = str(parameters.get("From", "")), str(parameters.get("To", ""))
        record = CallRecord(call_id, called, caller, True, "ALeg", self.exchange.clock.now())
        params = {"from": caller, "to": called, **payload(flow, parameters)}
        start: dict[str, object] = {"request_type": "call", "call": record.show(), "http": {"params": params}}
        ended = str(parameters.get("Event", "")).lower() == "hangup"
        return self._begin(flow, run_id, start, "call_hangup" if ended else "call", None)

    def _run_by_call(self, leg: Leg) -> None:
        flow = self.flows.get(leg.program_ref)
        if flow is None or not flow.runs:
            self.warn(f"no flow {leg.program_ref} runs here: the call is refused", leg.id)
            self._hang_up(leg.id, Outcome.NOT_FOUND)
            return
        self._begin_with(flow, str(uuid4()), leg, {})

    def _begin_with(self, flow: Flow, run_id: str, leg: Leg, more: Mapping[str, object]) -> Run:
        record = CallRecord.of(leg)
        called: dict[str, object] = record.show()
        params: dict[str, object] = {"from": leg.caller, "to": leg.called, **more}
        for name, value in leg.arrival.headers if leg.arrival is not None else ():
            if name.lower().startswith("x-ph-"):
                for word in (name[5:], name[5:].lower()):
                    params.setdefault(word, value)
                    called.setdefault(word, value)
        start: dict[str, object] = {"request_type": "call", "call": called, "http": {"params": params}}
        return self._begin(flow, run_id, start, "call", record)

    def _begin(self, flow: Flow, run_id: str, start: dict[str, object], output: str, record: CallRecord | None) -> Run:
        run = Run(run_id, flow, flow.account, self.exchange.clock.now(), node=flow.start)
        self.runs[run_id] = run
        node = flow.nodes[flow.start]
        branch = Branch(run, node, {node.name: start}, entered_at=run.started_at)
        run.branches[branch] = None
        if record is not None:
            run.calls[record.leg] = record
            self._runs_of[record.leg] = run
            self.carry(branch, record.leg)
        self.go(branch, output)
        if not run.message:
            run.message = f"phlo run accepted: waiting at {run.flow.nodes[run.node].name}, run {run.id}"
        return run

    # --- from node to node ------------------------------------------------------------------------------------------

    def go(self, branch: Branch, output: str | None) -> None:
        """Leaves the branch's node by an output state and walks on to the next node that waits, or to the end."""
        if not self.exchange.accepting:  # the server stops: nobody new is dialled
            self.finish(branch)
            return
        now = self.exchange.clock.now()
        if now - branch.entered_at >= WAIT_S:
            branch.visits = 0
        branch.entered_at = now
        while output is not None and branch in branch.run.branches:
            node = branch.run.flow.after(branch.node.id, output)
            if node is None:
                self._stopped(branch, output)
                return
            branch.visits += 1
            if branch.visits > MAX_VISITS:
                self._looped(branch)
                return
            branch.node = node
            branch.run.node = node.id
            output = _enter(self, branch, node)

    def _stopped(self, branch: Branch, output: str) -> None:
        node, run = branch.node, branch.run
        text = f"no next node found after {node.type} b'{node.name}', output state {output}, run {run.id}"
        run.message = run.message or f"phlo stopped as {text}"
        self.finish(branch, failed=output in ("failed", "no_answer", "busy"))

    def _looped(self, branch: Branch) -> None:
        run = branch.run
        run.message = run.message or f"phlo stopped after {MAX_VISITS} nodes without a wait, run {run.id}"
        self.warn(f"run {run.id} of flow {run.flow.phlo_id} visited {MAX_VISITS} nodes without a wait", branch.leg)
        self.finish(branch, failed=True)

    def settings(self, branch: Branch, node: Node) -> dict[str, object]:
        """Returns a node's settings with their templates filled in; may raise `TemplateBroke`."""
        return {key: liquid.render(value, branch.variables) for key, value in node.settings.items()}

    def finish(self, branch: Branch, *, failed: bool = False) -> None:
        """Ends a branch and hangs up the call it carries; the run ends with its last branch."""
        run = branch.run
        if branch not in run.branches:
            return
        del run.branches[branch]
        waiting = branch.waiting.leg if branch.waiting is not None else None
        for leg in (branch.leg, branch.ringing, waiting):
            if leg is not None and leg in self._branches:
                self.hang_up(leg)
        branch.leg = branch.ringing = branch.waiting = None
        if failed:
            run.status = "failed"
        if not run.branches:
            run.ended_at = self.exchange.clock.now()
            run.status = "completed" if run.status == "running" else run.status
            for record in run.calls.values():
                record.shown.clear()  # no branch reads them any more; what can be asked for stays
            self._ended.append(run.id)
            if len(self._ended) > KEPT_RUNS:
                self.runs.pop(self._ended.popleft(), None)

    # --- calls of a branch ------------------------------------------------------------------------------------------

    def carry(self, branch: Branch, leg: LegId) -> None:
        """Makes a call the branch's current one."""
        branch.leg = leg
        self._branches[leg] = branch

    def follow(self, branch: Branch, leg: LegId) -> None:
        """Lets facts about a call (one that rings, one that waits) reach the branch."""
        self._branches[leg] = branch

    def branch_of(self, leg: LegId) -> Branch | None:
        """Returns the branch that carries, dials or lets wait a call."""
        return self._branches.get(leg)

    def let_be(self, leg: LegId) -> None:
        """Stops telling anybody about a call."""
        self._branches.pop(leg, None)

    def hang_up(self, leg: LegId, outcome: Outcome = Outcome.COMPLETED) -> None:
        """Ends a call of a flow; one that is over already stays so."""
        self.let_be(leg)
        self._hang_up(leg, outcome)

    def _hang_up(self, leg: LegId, outcome: Outcome) -> None:
        found = self.exchange.state.legs.get(leg)
        if found is not None and found.state is not LegState.OVER:
            try:
                self.exchange.ask(r.HangUp(leg, By.PROGRAM, outcome), cause="flow")
            except Refused:
                log.info("call was over already", leg=leg)

    def record(self, run: Run, leg: Leg) -> CallRecord:
        """Returns the run's record of a call, begun if it has none."""
        self._runs_of[leg.id] = run
        return run.calls.setdefault(leg.id, CallRecord.of(leg))

    def warn(self, text: str, leg: LegId | None = None) -> None:
        """Tells the operator, in the log and in the call's timeline."""
        log.warning("flow", text=text)
        self.exchange.write("Warning", {"text": text}, leg=leg or "")

    # --- what the exchange tells ------------------------------------------------------------------------------------

    def _told(self, stamped: Stamped) -> None:
        for reader in self._by_kind[type(stamped.fact)]:
            reader(stamped.fact, stamped.at)

    @property
    def _own(self) -> Readers:
        """What lets the flows go on."""
        return {
            f.LegCreated: self._leg_created,
            f.LegConnected: self._leg_connected,
            f.LegEnded: self._leg_ended,
            f.LegFreed: self._leg_freed,
            f.DialEnded: self._dial_ended,
            f.FallbackTaken: lambda fact, _: party.fallback_taken(self, fact),
            f.ProgramSet: self._program_set,
            f.MemberJoined: self._member_joined,
            f.RoomClosed: lambda fact, _: party.room_closed(self, fact.room),
        }

    def _leg_created(self, fact: f.LegCreated, _: float) -> None:
        leg = fact.leg
        found = self.parties.of_leg(leg.id)
        if found is not None:
            self.record(found.run, leg)
        elif leg.dial is not None:
            branch = self._branches.get(leg.parent) if leg.parent is not None else None
            if branch is not None and branch.leg == leg.parent and branch.node.type == "call_forward":
                dialling.attempt_rings(self, branch, leg)
        elif leg.side is Side.INBOUND and leg.program == PROGRAM and leg.id not in self._branches:
            self._run_by_call(leg)

    def _leg_connected(self, fact: f.LegConnected, _: float) -> None:
        leg = fact.leg
        self._each_record(leg, lambda record: record.answered(fact.at))
        branch = self._branches.get(leg)
        if branch is not None and branch.ringing == leg:
            dialling.answered(self, branch, leg)
            self.go(branch, party.first_answered(self, branch) if party.waits(branch) else "answered")

    def _dial_ended(self, fact: f.DialEnded, _: float) -> None:
        dialling.attempt_ended(self, fact.dial, fact.leg, fact.outcome)
        party.attempt_ended(self, fact.dial, fact.leg)

    def _program_set(self, fact: f.ProgramSet, _: float) -> None:
        if fact.program != PROGRAM:
            self._taken_away(fact.leg)

    def _member_joined(self, fact: f.MemberJoined, _: float) -> None:
        joined = self.parties.of_room(fact.room)
        if joined is not None and joined.options.record:
            self.tapes.member_joined(joined, fact.room)

    def _each_record(self, leg: LegId, change: Callable[[CallRecord], None]) -> None:
        run = self._runs_of.get(leg)
        if run is not None and leg in run.calls:
            change(run.calls[leg])

    def _leg_ended(self, fact: f.LegEnded, at: float) -> None:
        leg, outcome = fact.leg, fact.outcome
        self._each_record(leg, lambda record: record.ended(at, outcome))
        self._runs_of.pop(leg, None)
        branch = self._branches.pop(leg, None)
        if branch is None:
            return
        if branch.ringing == leg:
            dialling.not_answered(self, branch)
            first = party.waits(branch)
            self.go(branch, party.first_failed(self, branch) if first else dialling.state_of(outcome))
        elif branch.leg == leg or (branch.waiting is not None and branch.waiting.leg == leg):
            self._caller_gone(branch, leg)

    def _caller_gone(self, branch: Branch, leg: LegId) -> None:
        """The call that a branch carries is over: its node is cancelled; only a room goes on without it."""
        branch.leg = None if branch.leg == leg else branch.leg
        waiting = branch.waiting
        if waiting is not None:
            for other in tuple(branch.run.branches):
                if other.waiting is waiting:
                    self.finish(other)
            return
        found = self.party_of(branch)
        if found is None or found.room is None:
            self.finish(branch)

    def _leg_freed(self, fact: f.LegFreed, _: float) -> None:
        if fact.program != PROGRAM:
            return
        leg = fact.leg
        found = self.parties.of_leg(leg)
        branch = self._branches.get(leg)
        if found is not None and (branch is None or self.party_of(branch) is found):
            party.freed(self, found, leg)
        elif branch is not None and branch.leg == leg:
            dialling.freed(self, branch, fact.outcome)
        elif leg in self.exchange.state.legs and branch is None:
            self._hang_up(leg, Outcome.COMPLETED)

    def _taken_away(self, leg: LegId) -> None:
        """Another program has taken the call: the branch is over, the call is not."""
        branch = self._branches.pop(leg, None)
        if branch is not None and branch.leg == leg:
            branch.leg = None
            if self.party_of(branch) is None:
                self.finish(branch)

    def holds_nothing(self) -> bool:
        """True when no call, attempt or room is remembered: after the last call, nothing may be."""
        return not any(self._held) and self.tapes.empty

    def party_of(self, branch: Branch) -> Party | None:
        """Returns the party in which a branch waits."""
        if branch.node.type != "multi_party_call":
            return None
        return self.parties.of_branch(branch)


def payload(flow: Flow, parameters: Mapping[str, object]) -> dict[str, object]:
    """Returns the parameters of a run: what Start declares is the default, what the request says wins.

    A declared key that the request spells in snake_case (as the Node SDK does) is found too.
    """
    declared = declared_of(flow)
    found: dict[str, object] = {**declared, **parameters}
    for key in declared:
        if key not in parameters and (snake := _snake(key)) in parameters:
            found[key] = parameters[snake]
    return found


def declared_of(flow: Flow) -> dict[str, object]:
    """Returns the keys declared under Start's API Request with their static values."""
    given = flow.nodes[flow.start].settings.get("payload_format")
    if isinstance(given, Mapping):
        return {str(key): value for key, value in given.items()}
    pairs = given if isinstance(given, list) else []
    return {
        str(pair.get("key")): pair.get("value", "")
        for pair in pairs
        if isinstance(pair, Mapping) and pair.get("key") is not None
    }


def _snake(key: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in key).lstrip("_")


ENTER: dict[str, Enter] = {
    "initiate_call": dialling.enter_initiate_call,
    "call_forward": dialling.enter_call_forward,
    "multi_party_call": party.enter,
}


def _enter(walker: Walker, branch: Branch, node: Node) -> str | None:
    try:
        return ENTER[node.type](walker, branch, node)
    except liquid.TemplateBroke as error:
        walker.warn(f"node {node.name!r} of flow {branch.run.flow.phlo_id}: {error}", branch.leg)
        return "failed"


_WAKING = frozenset({f.LegCreated, f.RecordingFinished})
