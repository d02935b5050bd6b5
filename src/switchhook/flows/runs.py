"""One execution of a flow: its branches, its calls and its variables.

A run has one branch per call that goes through the graph; a second call to many numbers splits it (plivo-phlo 6.2).
Variables belong to a branch, so that every number has its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from datetime import UTC, datetime

from switchhook.core.ids import DialId, LegId, RecordingId
from switchhook.core.model import Leg, Side
from switchhook.core.outcomes import Outcome
from switchhook.core.values import dataclass
from switchhook.exchange.recordings import Recorded
from switchhook.flows.graph import Flow, Node
from switchhook.flows.nodes import Callback

Variables = dict[str, dict[str, object]]


def written(at: float) -> str:
    """Returns a time as Plivo's PHLO pages write it: `2024-03-05 10:15:30.123456+00:00`."""
    return datetime.fromtimestamp(at, UTC).isoformat(sep=" ", timespec="microseconds")


@dataclass(slots=True)
class CallRecord:
    """What templates may know of one call; `shown` are the variable sets that are kept up to date with it."""

    leg: LegId
    to: str
    caller: str
    inbound: bool
    side: str  # ALeg or BLeg
    started_at: float
    answered_at: float | None = None
    ended_at: float | None = None
    cause: str = ""
    shown: list[dict[str, object]] = field(default_factory=list)

    @classmethod
    def of(cls, leg: Leg) -> CallRecord:
        inbound = leg.side is Side.INBOUND
        side = "BLeg" if leg.dial is not None else "ALeg"
        return cls(leg.id, leg.called, leg.caller, inbound, side, leg.created_at)

    def show(self) -> dict[str, object]:
        """Returns the call's variables as a set of their own, which later facts keep current."""
        shown = self.variables()
        self.shown.append(shown)
        return shown

    def answered(self, at: float) -> None:
        self.answered_at = at
        self._refresh()

    def ended(self, at: float, outcome: Outcome) -> None:
        self.ended_at, self.cause = at, outcome.value
        self._refresh()

    def _refresh(self) -> None:
        for shown in self.shown:
            shown.update(self.variables())

    def variables(self) -> dict[str, object]:
        """Returns the variable set CALL of plivo-phlo 7, as it is now."""
        talked = self.ended_at - self.answered_at if self.ended_at is not None and self.answered_at is not None else 0.0
        return {
            "uuid": self.leg,
            "to": self.to,
            "from": self.caller,
            "start_time": written(self.started_at),
            "answer_time": written(self.answered_at) if self.answered_at is not None else "",
            "end_time": written(self.ended_at) if self.ended_at is not None else "",
            "direction": "inbound" if self.inbound else "outbound",
            "leg": self.side,
            "hangup_cause": self.cause,
            "duration": round(talked),
            "bill_duration": 0,
            "bill_rate": 0,
            "bill_amount": 0,
        }


@dataclass(slots=True)
class RecordingRecord:
    """What templates and the event `Record` may know of one recording; `shown` are the sets that are kept current."""

    recording: Recorded
    url: str
    node: Node
    callback: Callback
    about: Callable[[], Mapping[str, object]]  # the variables of the call or the room that was recorded
    lane: str  # a room or a leg: its events leave in order
    shown: list[dict[str, object]] = field(default_factory=list)

    def show(self, variables: dict[str, object]) -> None:
        """Adds the recording's variables to a set, which its end keeps current."""
        self.shown.append(variables)
        variables.update(self.variables())

    def finished(self, recording: Recorded) -> None:
        self.recording = recording
        for shown in self.shown:
            shown.update(self.variables())

    def variables(self) -> dict[str, object]:
        """Returns the URL and the id; with the end also length and times (plivo-voice-api 1.6)."""
        found = self.recording
        known: dict[str, object] = {"record_url": self.url, "recording_id": found.id}
        if found.finished:
            known["recording_duration"] = round(found.duration_ms / 1000)
            known["recording_duration_ms"] = f"{found.duration_ms:.5f}"
            known["recording_start_ms"] = f"{found.started_at * 1000:.5f}"
            known["recording_end_ms"] = f"{found.ended_at * 1000:.5f}"
        return known


@dataclass(slots=True, eq=False)
class Run:
    """One execution, identified by the api id of the request that started it."""

    id: str
    flow: Flow
    account: str
    started_at: float
    ended_at: float | None = None
    status: str = "running"  # then completed or failed
    node: str = ""  # the node entered last
    message: str = ""  # how far the first step came
    calls: dict[LegId, CallRecord] = field(default_factory=dict)
    recordings: dict[RecordingId, RecordingRecord] = field(default_factory=dict)
    branches: dict[Branch, None] = field(default_factory=dict)  # those still on their way, oldest first

    def shown_sets(self) -> Iterator[list[dict[str, object]]]:
        """Yields the lists of variable sets that each call and each recording keeps current."""
        yield from (record.shown for record in self.calls.values())
        yield from (record.shown for record in self.recordings.values())


@dataclass(slots=True, eq=False)
class Waiting:
    """A first call that waits while others are dialled in its flow."""

    leg: LegId | None  # None once another call was answered, or it has become current again
    pending: int  # how many are still being dialled


@dataclass(slots=True, eq=False)
class Branch:
    """One path through the graph, with the call it carries."""

    run: Run
    node: Node
    variables: Variables
    leg: LegId | None = None  # the current call
    ringing: LegId | None = None  # the call that the current node dials
    waiting: Waiting | None = None
    dial: DialId | None = None  # the attempt of a Call Forward
    won: bool = False  # somebody answered it
    outcome: Outcome = Outcome.FAILED  # why nobody did
    record: Callback | None = None  # the current node's call is to be recorded, and who is told
    visits: int = 0
    entered_at: float = 0.0

    def fork(self, leg: LegId | None) -> Branch:
        """Returns a new branch at the same node with its own variables."""
        variables: Variables = {}
        for name, values in self.variables.items():
            variables[name] = dict(values)
            for sets in self.run.shown_sets():
                if any(shown is values for shown in sets):
                    sets.append(variables[name])
        branch = Branch(self.run, self.node, variables, leg=leg, entered_at=self.entered_at)
        self.run.branches[branch] = None
        return branch
