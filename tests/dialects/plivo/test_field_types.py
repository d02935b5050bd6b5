"""Every field of every object has exactly the JSON type that the strictest client decodes (plivo-voice-api 13.3).

Go's SDK decodes into structs and fails on any other type, Java's enums throw on any other word. A key that is missing,
or null where the reference does not allow it, fails here too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from switchhook.stores.database import connect
from switchhook.stores.reading import Reader
from switchhook.stores.records import Complete, LegRecord, Recorder
from tests.dialects.plivo.common import ACCOUNT
from tests.dialects.plivo.house import House, Runner, runner

TEXT, WHOLE, TRUTH = (str,), (int,), (bool,)
NUMBER = (int, float)
MAYBE_TEXT, MAYBE_WHOLE = (str, type(None)), (int, type(None))
LIST, OBJECT = (list,), (dict,)
MONEY = re.compile(r"\d+\.\d{5}")
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
DECIMAL = re.compile(r"\d+")
ZONED = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{6})?[+-]\d\d:\d\d")
MICRO = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}")
ENUM = re.compile
Types = dict[str, Any]  # a tuple of types, or what a text looks like


def texts(*names: str) -> Types:
    return dict.fromkeys(names, TEXT)


API = {"api_id": UUID}
LIVE: Types = {
    **API, "call_uuid": UUID, "request_uuid": UUID, "call_status": ENUM("ringing|in-progress"),
    "direction": ENUM("inbound|outbound"), "session_start": MICRO, "stir_verification": ENUM(
        "Verified|Not Verified|Not Applicable"), **texts("from", "to", "caller_name", "stir_attestation"),
}  # fmt: skip
QUEUED: Types = {name: types for name, types in LIVE.items() if name != "session_start"} | {
    "call_status": ENUM("queued")
}
CDR: Types = {
    **API, "call_uuid": TEXT, "resource_uri": ENUM(r"/v1/Account/\w+/Call/[^/]+/"),
    "call_direction": ENUM("inbound|outbound"), "call_state": ENUM("ANSWER|BUSY|NO_ANSWER|FAILED|CANCEL"),
    "initiation_time": ZONED, "answer_time": MAYBE_TEXT, "end_time": ZONED, "call_duration": WHOLE,
    "bill_duration": WHOLE, "billed_duration": WHOLE, "total_amount": MONEY, "total_rate": MONEY,
    "parent_call_uuid": MAYBE_TEXT, "conference_uuid": MAYBE_TEXT, "hangup_cause_code": WHOLE,
    "hangup_source": ENUM("Caller|Callee|Plivo|Carrier|API Request|Answer XML|Error|Unknown"),
    **texts("from_number", "to_number", "hangup_cause_name", "stir_verification", "stir_attestation",
            "voice_network_group", "source_ip", "cnam_lookup"),
}  # fmt: skip
META: Types = {"limit": WHOLE, "offset": WHOLE, "next": MAYBE_TEXT, "previous": MAYBE_TEXT, "total_count": WHOLE,
               "count": WHOLE}  # fmt: skip
CONFERENCE: Types = {**API, "conference_name": TEXT, "conference_run_time": DECIMAL,
                     "conference_member_count": DECIMAL, "members": LIST}  # fmt: skip
MEMBER: Types = {"member_id": DECIMAL, "call_uuid": UUID, "muted": TRUTH, "deaf": TRUTH, "join_time": DECIMAL,
                 "direction": ENUM("inbound|outbound"), **texts("from", "to", "caller_name")}  # fmt: skip
PARTY: Types = {
    "mpc_uuid": UUID, "friendly_name": TEXT, "status": ENUM("Initialized|Active|Ended"),
    "recording": ENUM("recording|not-recording|paused"),
    "resource_uri": ENUM(r"/v1/Account/\w+/MultiPartyCall/uuid_.+/"),
    "participants": ENUM(r"/v1/Account/\w+/MultiPartyCall/.+/Participant/"), "creation_time": ZONED,
    "start_time": MAYBE_TEXT, "end_time": MAYBE_TEXT, "duration": MAYBE_WHOLE, "billed_duration": MAYBE_WHOLE,
    "billed_amount": MAYBE_TEXT, "stay_alone": TRUTH, "sub_account": MAYBE_TEXT, "termination_cause": MAYBE_TEXT,
    "termination_cause_code": MAYBE_WHOLE,
}  # fmt: skip
PARTICIPANT: Types = {
    "member_id": DECIMAL, "mpc_uuid": UUID, "call_uuid": UUID, "member_address": TEXT, "resource_uri": TEXT,
    "role": ENUM("agent|customer|supervisor|ai-agent"), "coach_mode": TRUTH, "mute": TRUTH, "hold": TRUTH,
    "start_mpc_on_enter": TRUTH, "end_mpc_on_exit": TRUTH, "join_time": MAYBE_TEXT, "exit_time": MAYBE_TEXT,
    "duration": MAYBE_WHOLE, "billed_duration": MAYBE_WHOLE, "billed_amount": MAYBE_TEXT, "exit_cause": MAYBE_TEXT,
}  # fmt: skip
GONE: Types = {**PARTICIPANT, "coach_mode": (type(None),), "mute": (type(None),), "hold": (type(None),),
               "exit_cause": ENUM("Kicked Out of Multiparty Call"), "exit_time": ZONED, "duration": WHOLE,
               "billed_duration": WHOLE, "billed_amount": MONEY}  # fmt: skip
STREAM: Types = {
    "stream_id": UUID, "call_uuid": UUID, "plivo_auth_id": ENUM(ACCOUNT), "bidirectional": TRUTH,
    "bill_duration": WHOLE,
    "rounded_bill_duration": DECIMAL, "billed_amount": MONEY, "created_at": MAYBE_TEXT, "start_time": MAYBE_TEXT,
    "end_time": MAYBE_TEXT, "status": ENUM("initiated|in-progress|completed|failed"),
    **texts("service_url", "resource_uri", "status_callback_url", "audio_track"),
}  # fmt: skip
APPLICATION: Types = {
    "app_id": DECIMAL, "default_app": TRUTH, "default_endpoint_app": TRUTH, "enabled": TRUTH, "public_uri": TRUTH,
    "sub_account": MAYBE_TEXT,
    **texts("app_name", "answer_url", "answer_method", "hangup_url", "hangup_method", "fallback_answer_url",
            "fallback_method", "message_url", "message_method", "resource_uri", "sip_uri"),
}  # fmt: skip
ENDPOINT: Types = {"endpoint_id": DECIMAL, "sip_registered": ENUM("true|false"), "application": MAYBE_TEXT,
                   "sub_account": MAYBE_TEXT, **texts("alias", "resource_uri", "sip_uri", "username")}  # fmt: skip
RENTED: Types = {
    "number": DECIMAL, "alias": MAYBE_TEXT, "application": MAYBE_TEXT, "sub_account": MAYBE_TEXT,
    "voice_enabled": TRUTH, "sms_enabled": TRUTH, "mms_enabled": TRUTH, "active": TRUTH, "renewal_date": MAYBE_TEXT,
    "compliance_application_id": MAYBE_TEXT, "compliance_status": MAYBE_TEXT, "tendlc_campaign_id": MAYBE_TEXT,
    "tendlc_registration_status": MAYBE_TEXT, "toll_free_sms_verification": MAYBE_TEXT,
    **dict.fromkeys(("monthly_rental_rate", "voice_rate", "sms_rate", "mms_rate"), MONEY),
    **texts("carrier", "region", "city", "country", "number_type", "added_on", "cnam_lookup", "resource_uri"),
}  # fmt: skip
OFFERED: Types = {
    "number": DECIMAL, "lata": MAYBE_WHOLE, "rate_center": MAYBE_TEXT, "restriction": MAYBE_TEXT,
    "restriction_text": MAYBE_TEXT, "sms_enabled": TRUTH, "voice_enabled": TRUTH, "prerequisites": LIST,
    **dict.fromkeys(("monthly_rental_rate", "setup_rate", "sms_rate", "voice_rate"), MONEY),
    **texts("prefix", "city", "region", "country", "type", "resource_uri"),
}  # fmt: skip
RECORDING: Types = {
    "recording_id": UUID, "add_time": ZONED, "rounded_recording_duration": WHOLE, "recording_storage_duration": WHOLE,
    "recording_storage_rate": NUMBER, "monthly_recording_storage_amount": NUMBER,
    "recording_type": ENUM("call|conference|normal"), "recording_format": ENUM("mp3|wav"),
    **dict.fromkeys(("recording_duration_ms", "recording_start_ms", "recording_end_ms"), MONEY),
    **texts("call_uuid", "conference_name", "recording_url", "resource_uri", "from_number", "to_number"),
}  # fmt: skip
OWN: Types = {"auto_recharge": TRUTH, "cash_credits": MONEY, "auth_id": ENUM(ACCOUNT), "timezone": ENUM("UTC"),
              **texts("account_type", "address", "billing_mode", "city", "name", "resource_uri", "state")}  # fmt: skip
SUBACCOUNT: Types = {"auth_id": ENUM("SA[A-Z0-9]{18}"), "auth_token": ENUM(".{20,}"), "enabled": TRUTH,
                     "created": MAYBE_TEXT, "modified": MAYBE_TEXT,
                     **texts("account", "name", "new_auth_token", "resource_uri")}  # fmt: skip

ONE = [  # what is shown alone
    ("Call/{call_uuid}/?status=live", LIVE),
    ("Call/{request_uuid}/?status=live", LIVE),
    ("Call/{queued}/?status=queued", QUEUED),
    ("Call/{past}/", CDR),
    ("Call/{never_answered}/", CDR),
    ("Conference/room/", CONFERENCE),
    ("MultiPartyCall/name_desk/", {**API, **PARTY}),
    ("MultiPartyCall/name_desk/Participant/{pid}/", {**API, **PARTICIPANT}),
    ("Call/{call_uuid}/Stream/{stream_id}/", {**API, **STREAM}),
    ("Application/{app_id}/", {**API, **APPLICATION}),
    ("Endpoint/{endpoint_id}/", {**API, **ENDPOINT}),
    ("Number/{number}/", {**API, **RENTED}),
    ("Recording/{recording_id}/", {**API, **RECORDING}),
    ("", {**API, **OWN}),
    ("Subaccount/{sub_id}/", {**API, **SUBACCOUNT}),
]
LISTS = [
    ("Call/", CDR),
    ("MultiPartyCall/", PARTY),
    ("MultiPartyCall/name_desk/Participant/", PARTICIPANT),
    ("Call/{call_uuid}/Stream/", STREAM),
    ("Application/", {**APPLICATION, "app_id": TEXT}),
    ("Endpoint/", ENDPOINT),
    ("Number/", RENTED),
    ("PhoneNumber/?country_iso=US", OFFERED),
    ("Recording/", RECORDING),
    ("Subaccount/", {**SUBACCOUNT, "auth_token": TEXT}),
]
ANSWERS = [  # of requests: method, path, arguments, status, types
    ("POST", "Call/", {"from": "1", "to": "sip:1003@switchhook.local", "answer_url": "http://a/b"}, 201,
     {**API, "message": ENUM("call fired"), "request_uuid": UUID}),
    ("POST", "Call/", {"from": "1", "to": "+14155550601<+14155550602", "answer_url": "http://a/b"}, 201,
     {**API, "message": ENUM("calls fired"), "request_uuid": LIST}),
    ("POST", "Call/{call_uuid}/Play/", {"urls": "http://a/b.mp3"}, 202, {**API, "message": ENUM("play started")}),
    ("POST", "Call/{call_uuid}/Speak/", {"text": "x"}, 202, {**API, "message": ENUM("speak started")}),
    ("POST", "Call/{call_uuid}/DTMF/", {"digits": "1"}, 202, {**API, "message": ENUM("digits sent")}),
    ("POST", "Call/{call_uuid}/Record/", {}, 202,
     {**API, "message": ENUM("call recording started"), "recording_id": UUID, "url": ENUM("https?://.*")}),
    ("POST", "Conference/room/Record/", {}, 202,
     {**API, "message": ENUM("conference recording started"), "recording_id": UUID, "url": ENUM("https?://.*")}),
    ("POST", "Conference/room/Member/{member_id}/Mute/", {}, 202,
     {**API, "message": ENUM("muted"), "member_id": DECIMAL}),
    ("POST", "Conference/room/Member/all/Deaf/", {}, 202, {**API, "message": ENUM("deaf"), "member_id": ENUM("all")}),
    ("POST", "MultiPartyCall/name_desk/Participant/",
     {"role": "agent", "from": "1", "to": "sip:1003@switchhook.local"}, 201,
     {**API, "message": ENUM("add participant action initiated"), "request_uuid": UUID, "calls": LIST}),
    ("POST", "MultiPartyCall/name_desk/Participant/{pid}/", {"mute": True, "hold": False}, 202,
     {**API, "mute": ENUM(r"MPC: desk mute/unmute member\(s\) succeeded"),
      "hold": ENUM(r"MPC: desk hold/unhold member\(s\) succeeded")}),
    ("POST", "MultiPartyCall/name_desk/Member/{pid}/Play/", {"url": "http://a/b.mp3"}, 202,
     {**API, "message": ENUM("play queued into MPC"), "mpcMemberId": LIST, "mpcName": ENUM("desk")}),
    ("POST", "Call/{call_uuid}/", {"aleg_url": "http://a/b"}, 202, {**API, "message": ENUM("call transfered")}),
]  # fmt: skip


def has_types(found: dict[str, Any], types: Types) -> None:
    for name, wanted in types.items():
        assert name in found, f"{name} is missing in {found}"
        value = found[name]
        if isinstance(wanted, re.Pattern):
            assert isinstance(value, str), (name, value)
            assert wanted.fullmatch(value), (name, value)
        else:
            assert type(value) in wanted, (name, value)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    engine = connect(f"sqlite:///{tmp_path_factory.mktemp('records') / 'journal.db'}")
    with runner() as made:
        house = made.house
        now = house.on.now
        more: dict[str, Any] = {"account": ACCOUNT, "caller": "+14155550123", "called": "sip:1001@switchhook.local"}
        records = [
            LegRecord("past", direction="inbound", started_at=now - 90, answered_at=now - 80, ended_at=now - 60,
                      outcome="completed", ended_by="phone", **more),
            LegRecord("never", direction="outbound", started_at=now - 90, answered_at=None, ended_at=now - 60,
                      outcome="busy", ended_by="phone", **more),
        ]  # fmt: skip
        with engine.begin() as connection:
            Recorder().write(connection, Complete(records, set(), {}, []))
        house.on.exchange.records = Reader(engine)
        house.names |= {"past": "past", "never_answered": "never"}
        yield made
    engine.dispose()


def asked(here: Runner, method: str, path: str, given: object = None) -> Any:
    house: House = here.house
    path = re.sub(r"\{(\w+)\}", lambda found: house.names[found[1]], path)
    return here(house.ask(method, path, given))


@pytest.mark.parametrize(("path", "types"), ONE, ids=[path for path, _ in ONE])
def test_one(here: Runner, path: str, types: Types) -> None:
    answer = asked(here, "GET", path)
    assert answer.status_code == 200, answer.text
    has_types(answer.json(), types)


@pytest.mark.parametrize(("path", "types"), LISTS, ids=[path for path, _ in LISTS])
def test_lists(here: Runner, path: str, types: Types) -> None:
    body = asked(here, "GET", path).json()
    has_types(body, {**API, "meta": OBJECT, "objects": LIST})
    has_types(body["meta"], META)
    assert body["objects"], "the house has one of each"
    for each in body["objects"]:
        has_types(each, types)


def test_members_of_a_conference(here: Runner) -> None:
    members = asked(here, "GET", "Conference/room/").json()["members"]
    assert len(members) == 2
    for member in members:
        has_types(member, MEMBER)


def test_lists_of_ids(here: Runner) -> None:
    for path, name in (
        ("Call/?status=live", "calls"),
        ("Call/?status=queued", "calls"),
        ("Conference/", "conferences"),
    ):
        body = asked(here, "GET", path).json()
        assert set(body) == {"api_id", name}
        assert all(isinstance(each, str) for each in body[name])


@pytest.mark.parametrize(
    ("method", "path", "given", "status", "types"), ANSWERS, ids=[f"{each[1]}{n}" for n, each in enumerate(ANSWERS)]
)
def test_answers(here: Runner, method: str, path: str, given: dict[str, object], status: int, types: Types) -> None:
    answer = asked(here, method, path, given)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-length"] == str(len(answer.content))
    has_types(answer.json(), types)
    for name in ("request_uuid", "mpcMemberId"):
        if isinstance(answer.json().get(name), list):
            assert all(isinstance(each, str) for each in answer.json()[name])
    for call in answer.json().get("calls", []):
        has_types(call, {"call_uuid": UUID, **texts("to", "from")})


def test_a_participant_who_has_left(here: Runner) -> None:
    """Runs last: it changes the house."""
    assert asked(here, "DELETE", "MultiPartyCall/name_desk/Participant/{pid}/").status_code == 204
    has_types(asked(here, "GET", "MultiPartyCall/name_desk/Participant/{pid}/").json(), GONE)
    assert asked(here, "DELETE", "MultiPartyCall/name_desk/").status_code == 204
    (ended,) = asked(here, "GET", "MultiPartyCall/?status=ended").json()["objects"]
    over = {"end_time": ZONED, "start_time": ZONED, "duration": WHOLE, "billed_duration": WHOLE, "billed_amount": MONEY,
            "termination_cause": ENUM("Hangup API Triggered"), "termination_cause_code": WHOLE}  # fmt: skip
    has_types(ended, {**PARTY, **over})
