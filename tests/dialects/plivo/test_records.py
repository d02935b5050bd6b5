"""Records of past calls: what the REST API shows of what is on disk."""

from __future__ import annotations

from typing import Any

import pytest

from switchhook.core.model import By, Side
from switchhook.core.outcomes import Outcome
from switchhook.dialects.plivo.records import record_view
from switchhook.exchange.ports import Entry
from switchhook.lab.virtual_time import in_virtual_time
from switchhook.stores.records import LegRecord
from tests.dialects.plivo.common import ACCOUNT, OTHER, OTHER_TOKEN, SUB, World, settings, stage

UUID = "5bd78c3c-5020-4a32-a495-3af5a765ded5"
START = 1_800_000_000.0


def record(**more: Any) -> LegRecord:
    given: dict[str, Any] = {
        "leg": UUID,
        "account": ACCOUNT,
        "direction": "inbound",
        "caller": "+14155550123",
        "called": "+14155550100",
        "started_at": START,
        "answered_at": START + 5,
        "ended_at": START + 66,
        "outcome": "completed",
        "ended_by": "phone",
        "source": "192.0.2.7:5060",
    }
    return LegRecord(**given | more)


class Shelf:
    """Implements `ports.Records` over a few records."""

    def __init__(self, *records: LegRecord) -> None:
        self._records = {each.leg: each for each in records}

    def leg_record(self, leg: str) -> Any:
        return self._records.get(leg)

    def call(self, call: str) -> list[Entry]:
        return []


@in_virtual_time
async def test_a_call_that_has_ended_is_shown_and_a_live_one_is_not() -> None:
    async with stage() as on:
        world = World(on)
        assert (await world.api("GET", f"Call/{UUID}/")).status_code == 404  # nothing is kept on this stage
        on.exchange.records = Shelf(record(), record(leg="sub", account=SUB))
        answer = await world.api("GET", f"Call/{UUID}/")
        assert answer.status_code == 200
        view = answer.json()
        expected = {
            "call_uuid": UUID,
            "resource_uri": f"/v1/Account/{ACCOUNT}/Call/{UUID}/",
            "call_direction": "inbound",
            "call_state": "ANSWER",
            "from_number": "+14155550123",
            "to_number": "14155550100",
            "initiation_time": "2027-01-15 08:00:00+00:00",
            "answer_time": "2027-01-15 08:00:05+00:00",
            "end_time": "2027-01-15 08:01:06+00:00",
            "call_duration": 66,
            "bill_duration": 61,
            "billed_duration": 120,
            "hangup_cause_code": 4000,
            "hangup_cause_name": "Normal Hangup",
            "hangup_source": "Caller",
            "parent_call_uuid": None,
            "source_ip": "192.0.2.7",
        }
        assert {name: view[name] for name in expected} == expected
        assert len(view) == 25
        assert (await world.api("GET", "Call/sub/")).status_code == 200
        stranger = await world.api("GET", f"Call/{UUID}/", auth=(OTHER, OTHER_TOKEN), account=OTHER)
        assert stranger.status_code == 404
        line, _ = await world.in_dial()
        assert (await world.api("GET", f"Call/{line.leg}/")).status_code == 404


@in_virtual_time
async def test_a_bug_is_never_a_5xx() -> None:
    """Official client libraries send a voice request again on any 5xx."""

    class Broken(Shelf):
        def leg_record(self, leg: str) -> Any:
            raise RuntimeError("a bug")

    async with stage() as on:
        on.exchange.records = Broken()
        answer = await World(on).api("GET", f"Call/{UUID}/")
        assert answer.status_code == 409
        assert set(answer.json()) == {"api_id", "error"}


@pytest.mark.parametrize(
    ("more", "state", "cause"),
    [
        ({"answered_at": None, "direction": "outbound", "outcome": "busy"}, "BUSY", (3010, "Callee")),
        (
            {"answered_at": None, "direction": "outbound", "outcome": "no_answer", "ended_by": "server"},
            "NO_ANSWER",
            (6010, "Plivo"),
        ),
        ({"answered_at": None, "outcome": "cancelled"}, "CANCEL", (1000, "Caller")),
        (
            {"answered_at": None, "direction": "outbound", "outcome": "not_found", "sip_status": 604},
            "FAILED",
            (3120, "Carrier"),
        ),
        ({"ended_by": "program", "reason": "End Of XML Instructions"}, "ANSWER", (4010, "Answer XML")),
        ({"ended_by": "program", "reason": "Error Reaching Action URL"}, "ANSWER", (7012, "Error")),
        ({"ended_by": "program", "reason": "Loop Detected"}, "ANSWER", (2060, "Plivo")),
        (
            {"answered_at": None, "outcome": "cancelled", "ended_by": "program", "reason": "Scheduled Hangup"},
            "CANCEL",
            (6000, "Plivo"),
        ),
        (
            {"answered_at": None, "direction": "outbound", "outcome": "no_answer", "sip_status": 408},
            "NO_ANSWER",
            (3070, "Carrier"),
        ),
        ({"ended_by": "api"}, "ANSWER", (4000, "API Request")),
    ],
)
def test_states_and_causes(more: dict[str, Any], state: str, cause: tuple[int, str]) -> None:
    view = record_view(settings(), record(**more), "id")
    assert view["call_state"] == state
    assert (view["hangup_cause_code"], view["hangup_source"]) == cause
    assert (view["answer_time"] is None) == (state != "ANSWER")


def test_every_outcome_can_be_shown() -> None:
    for outcome in Outcome:
        for side in Side:
            for by in By:
                shown = record(outcome=outcome.value, direction=side.value, ended_by=by.value, answered_at=None)
                assert record_view(settings(), shown, "id")["hangup_cause_name"]


def test_times_are_in_the_account_s_zone() -> None:
    tree = {"account": [{"auth_id": ACCOUNT, "auth_token": "t", "timezone": "Asia/Kolkata"}]}
    found = settings(**tree, endpoint=[], agent=[], application=[], number=[])
    assert record_view(found, record(), "id")["end_time"] == "2027-01-15 13:31:06+05:30"


def test_endpoints_are_shown_as_their_calls_showed_them() -> None:
    out = record_view(settings(), record(direction="outbound", caller="1002", called="sip:1001@phone.plivo.com"), "id")
    assert (out["from_number"], out["to_number"]) == ("1002", "sip:1001@switchhook.local")
    into = record_view(settings(), record(caller="1002", called="1001"), "id")
    assert (into["from_number"], into["to_number"]) == ("sip:1002@switchhook.local", "1001")
