"""The variables of a run: what a call shows, kept current, and a copy of its own for every branch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from switchhook.core.ids import DialId, LegId, RecordingId
from switchhook.core.model import Leg, LegState, Side
from switchhook.core.outcomes import Outcome
from switchhook.exchange.recordings import Recorded
from switchhook.flows.graph import Flow, read
from switchhook.flows.nodes import Callback
from switchhook.flows.runs import Branch, CallRecord, RecordingRecord, Run, written
from switchhook.flows.walk import payload
from tests.stories.common import ACCOUNT


def flow(**start: object) -> Flow:
    nodes = [{"id": "s", "name": "Start", "type": "start", "config": {"model": start}}]
    return read({"phlo_id": "p", "nodes": nodes}, account=ACCOUNT, created_on=0.0)


def leg(side: Side = Side.OUTBOUND, dial: DialId | None = None) -> Leg:
    return Leg(
        id=LegId("leg-1"),
        call="leg-1",
        account=ACCOUNT,
        side=side,
        state=LegState.DIALLING,
        address="1001",
        key="1001",
        caller="+14155550100",
        called="1001",
        created_at=1_709_633_730.123456,
        dial=dial,
    )


def test_times_are_written_as_on_the_wire() -> None:
    assert written(1_709_633_730.123456) == "2024-03-05 10:15:30.123456+00:00"
    assert written(0) == "1970-01-01 00:00:00.000000+00:00"


def test_a_call_shows_its_life_as_it_goes_on() -> None:
    record = CallRecord.of(leg())
    shown = record.show()
    assert (shown["uuid"], shown["to"], shown["from"]) == ("leg-1", "1001", "+14155550100")
    assert (shown["direction"], shown["leg"], shown["answer_time"]) == ("outbound", "ALeg", "")
    record.answered(1_709_633_740.0)
    assert shown["answer_time"] == "2024-03-05 10:15:40.000000+00:00"
    record.ended(1_709_633_752.4, Outcome.COMPLETED)
    assert (shown["duration"], shown["hangup_cause"]) == (12, "completed")
    assert shown["end_time"] == "2024-03-05 10:15:52.400000+00:00"
    assert (shown["bill_duration"], shown["bill_rate"], shown["bill_amount"]) == (0, 0, 0)


def test_a_call_that_was_never_answered_lasted_no_time() -> None:
    record = CallRecord.of(leg(Side.INBOUND))
    record.ended(1_709_633_800.0, Outcome.BUSY)
    shown = record.show()
    assert (shown["duration"], shown["hangup_cause"], shown["direction"]) == (0, "busy", "inbound")
    assert CallRecord.of(leg(dial=DialId("d"))).show()["leg"] == "BLeg"


def test_branches_have_variables_of_their_own_that_stay_current() -> None:
    run = Run("r", flow(), ACCOUNT, 0.0)
    record = run.calls[LegId("leg-1")] = CallRecord.of(leg())
    node = run.flow.nodes["s"]
    branch = Branch(run, node, {"Dial": record.show()})
    other = branch.fork(None)
    other.variables["Dial"]["mine"] = True
    assert "mine" not in branch.variables["Dial"]
    record.ended(1_709_633_800.0, Outcome.REJECTED)
    assert branch.variables["Dial"]["hangup_cause"] == other.variables["Dial"]["hangup_cause"] == "rejected"
    assert list(run.branches) == [other]


def test_the_length_of_a_recording_reaches_the_branches_that_split_while_it_ran() -> None:
    run = Run("r", flow(), ACCOUNT, 0.0)
    node = run.flow.nodes["s"]
    began = Recorded(RecordingId("tape"), ACCOUNT, Path("tape.wav"), 1_709_633_730.5)
    tape = run.recordings[began.id] = RecordingRecord(began, "http://x/tape.wav", node, Callback(), dict, "leg-1")
    branch = Branch(run, node, {"Dial": {"to": "1001"}})
    tape.show(branch.variables["Dial"])
    assert branch.variables["Dial"] == {"to": "1001", "record_url": "http://x/tape.wav", "recording_id": "tape"}
    other = branch.fork(None)
    tape.finished(replace(began, duration_ms=345_100, finished=True))
    assert branch.variables["Dial"] == other.variables["Dial"]
    assert other.variables["Dial"] == {
        "to": "1001",
        "record_url": "http://x/tape.wav",
        "recording_id": "tape",
        "recording_duration": 345,
        "recording_duration_ms": "345100.00000",
        "recording_start_ms": "1709633730500.00000",
        "recording_end_ms": "1709634075600.00000",
    }


def test_payload_in_all_its_shapes() -> None:
    declared = flow(payload_format={"to": "1", "phoneMe": "2"})
    assert payload(declared, {}) == {"to": "1", "phoneMe": "2"}
    assert payload(declared, {"to": "9", "more": 3}) == {"to": "9", "phoneMe": "2", "more": 3}
    assert payload(declared, {"phone_me": "7"})["phoneMe"] == "7"
    assert payload(declared, {"phone_me": "7", "phoneMe": "8"})["phoneMe"] == "8"
    pairs = flow(payload=[{"key": "a", "value": 1}, {"key": "b"}, "x", {"value": 2}])
    assert payload(pairs, {"b": 5}) == {"a": 1, "b": 5}
    assert payload(flow(), {"x": None}) == {"x": None}
