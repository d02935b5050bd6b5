"""The Record Audio option of the call nodes (plivo-phlo 7.12): when a recording begins, and what is known of it.

- Initiate Call: the call from its answer to its end, left what it says, right whom it hears.
- Call Forward: the room of the forwarded call from the moment in which both talk, left the caller, right the called.
- Multi-Party Call: the node's main room from its second member on, customers left, agents right, until it closes. A
  private talk during a transfer is in another room and on no tape.

What begins ends by itself, with the leg or the room. The node's variables `record_url` and `recording_id` are there at
once; length and times follow when the file is finished, a moment after the call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from switchhook.core import facts as f
from switchhook.core.ids import LegId, RecordingId, RoomId
from switchhook.flows.graph import Node
from switchhook.flows.nodes import Callback
from switchhook.flows.parties import Party, Readers
from switchhook.flows.runs import Branch, CallRecord, RecordingRecord, Run
from switchhook.settings import Settings

if TYPE_CHECKING:
    from switchhook.flows.walk import Walker

About = Callable[[], Mapping[str, object]]


class Tapes:
    """The recordings of all runs that are not finished yet."""

    def __init__(self, walker: Walker) -> None:
        self._walker = walker
        self._running: dict[RecordingId, tuple[Run, RecordingRecord]] = {}

    def of(self, recording: RecordingId) -> tuple[Run, RecordingRecord] | None:
        """Returns a recording of a flow, until its end has been told to everybody."""
        return self._running.get(recording)

    @property
    def empty(self) -> bool:
        return not self._running

    def call_answered(self, branch: Branch, leg: LegId) -> None:
        """An Initiate Call was answered."""
        callback, branch.record = branch.record, None
        record = branch.run.calls.get(leg)
        if callback is not None and record is not None:
            self._begin(branch.run, branch.node, callback, branch.variables, _of_call(record), leg=leg)

    def call_forwarded(self, branch: Branch, winner: LegId) -> None:
        """Somebody answered a Call Forward."""
        callback, branch.record = branch.record, None
        record = branch.run.calls.get(winner)
        leg = self._walker.exchange.state.legs.get(winner)
        if callback is not None and record is not None and leg is not None and leg.focus is not None:
            self._begin(branch.run, branch.node, callback, branch.variables, _of_call(record), room=leg.focus)

    def member_joined(self, party: Party, room: RoomId) -> None:
        """Somebody came into the room of a Multi-Party Call."""
        if not party.options.record or party.taped or party.room != room:
            return
        found = self._walker.exchange.state.rooms.get(room)
        if found is not None and len(found.members) >= 2:
            party.taped = True
            variables = party.branch.variables
            self._begin(party.run, party.node, party.options.callback, variables, _of_party(party), room=room)

    @property
    def learnt(self) -> Readers:
        """A finished file: its length is known from now on; one that was not written never was."""
        return {f.RecordingFinished: self._finished}

    @property
    def forgotten(self) -> Readers:
        """A recording that has been told to be finished."""
        return {f.RecordingFinished: lambda fact, _: self._running.pop(fact.recording, None)}

    def _finished(self, fact: f.RecordingFinished, _: float) -> None:
        found = self.of(fact.recording)
        if found is None:
            return
        run, record = found
        recorded = self._walker.exchange.recordings.find(record.recording.id)
        if recorded is not None:
            record.finished(recorded)
            if not recorded.has_file:
                del run.recordings[recorded.id]

    def _begin(
        self,
        run: Run,
        node: Node,
        callback: Callback,
        variables: dict[str, dict[str, object]],
        about: About,
        *,
        leg: LegId | None = None,
        room: RoomId | None = None,
    ) -> None:
        exchange = self._walker.exchange
        recorded = exchange.recordings.start(run.account, room=room, follow=leg, cause=run.id)
        if recorded is None:
            return
        url = record_url(exchange.settings, run.account, recorded.id)
        record = RecordingRecord(recorded, url, node, callback, about, leg or room or "")
        run.recordings[recorded.id] = record
        self._running[recorded.id] = (run, record)
        record.show(variables.setdefault(node.name, {}))


def record_url(settings: Settings, account: str, recording: str) -> str:
    """Returns where a recording can be fetched by its account."""
    return f"{settings.public_url}/v1/Account/{account}/Recording/{recording}.wav"


def _of_call(record: CallRecord) -> About:
    return lambda: {**record.variables(), "call_uuid": record.leg}


def _of_party(party: Party) -> About:
    """The room, and the call that came into it first."""
    first = next(iter(party.seats.values()), None)
    about: dict[str, object] = {"conference_name": party.name, "conference_uuid": party.room or ""}
    if first is not None:
        direction = "inbound" if first.inbound else "outbound"
        about |= {"call_uuid": first.leg, "from": first.caller, "to": first.called, "direction": direction}
    return lambda: about
