"""The compatibility checklist (plivo-voice-api 15) and the conformance checks (plivo-xml 8): a test for each line.

A line is judged here, or it names the tests elsewhere that judge it; those must exist.
"""

from __future__ import annotations

import ast
import asyncio
from pathlib import Path
from typing import Any

import pytest

from switchhook.lab.virtual_time import in_virtual_time, run
from tests.dialects.plivo.common import ACCOUNT, APP, CUSTOMER, NUMBER, SIP, World, stage
from tests.dialects.plivo.house import Runner, runner
from tests.dialects.plivo.rest_table import ENDPOINTS, Endpoint
from tests.dialects.plivo.test_bad_input import arguments, path_of

TESTS = Path(__file__).parents[2]
ELSEWHERE = {
    "15.1 the official packages": ["sdks/test_plivo_everything.py::test_everything_that_is_claimed"],
    "15.4 errors": [
        "dialects/plivo/test_bad_input.py::test_unknown_names",
        "dialects/plivo/test_bad_input.py::test_other_accounts",
        "dialects/plivo/test_bad_input.py::test_wrong_methods",
    ],
    "15.5 request_uuid": ["dialects/plivo/test_field_types.py::test_answers"],
    "15.7 transfers": [
        "dialects/plivo/test_transfer_table.py::test_a_bridged_dial_loses_its_b_with_aleg",
        "dialects/plivo/test_transfer_table.py::test_a_bridged_dial_ends_completed_with_bleg_and_a_goes_on",
        "dialects/plivo/test_transfer_table.py::test_both_legs_of_a_bridged_dial_go_their_own_ways",
        "dialects/plivo/test_transfer_table.py::test_the_71st_transfer_ends_the_call_as_a_loop",
    ],
    "15.8 signatures": [
        "dialects/plivo/test_signatures.py::test_v2_vectors",
        "dialects/plivo/test_signatures.py::test_v3_vectors",
        "sdks/test_plivo_signatures.py::test_every_webhook_is_accepted",
    ],
    "15.9 retries": ["dialects/plivo/test_outgoing.py::test_how_often_a_url_is_tried"],
    "15.11 types": ["dialects/plivo/test_field_types.py::test_one", "dialects/plivo/test_field_types.py::test_lists"],
    "15.12 MPC": [
        "sdks/test_plivo_mpc.py::test_python_starts_records_and_plays",
        "dialects/plivo/mpc/test_by_api.py::test_hold_music_of_both_roles",
        "dialects/plivo/mpc/test_by_api.py::test_of_several_the_first_to_answer_comes_and_the_others_lost_the_race",
        "dialects/plivo/mpc/test_lists.py::test_a_name_is_free_again_and_the_uuid_stays",
    ],
    "8.2 what follows a Dial": [
        "dialects/plivo/test_dial.py::test_without_action_or_redirect_the_next_element_runs",
        "dialects/plivo/test_dial.py::test_a_redirecting_action_replaces_what_follows_and_must_be_a_document",
    ],
    "8.3 GetDigits": [
        "dialects/plivo/test_get_digits.py::test_nothing_after_all_tries_goes_on_with_the_next_element",
        "dialects/plivo/test_get_digits.py::test_keys_and_a_finish_key_that_is_not_among_them",
    ],
    "8.5 two targets": [
        "dialects/plivo/test_dial.py::test_the_first_of_several_wins_and_nothing_is_told_of_the_losers",
        "dialects/plivo/test_dial.py::test_with_confirmation_the_first_right_key_wins",
    ],
    "8.6 star and time limit": [
        "dialects/plivo/test_dial.py::test_star_hangs_up_the_other_and_the_caller_goes_on",
        "dialects/plivo/test_dial.py::test_the_time_limit_ends_the_other_and_the_caller_goes_on",
    ],
    "8.7 the caller gives up": [
        "dialects/plivo/test_dial.py::test_a_caller_who_gives_up_cancels_everything_and_the_action_is_told"
    ],
    "8.8 transfers": ["dialects/plivo/test_transfer_table.py::test_speak_play_and_wait_stop_at_once"],
    "8.9 an action in flight": ["dialects/plivo/test_transfer_table.py::test_an_action_under_way_is_cancelled"],
    "8.13 streams": [
        "sdks/test_plivo_streams.py::test_a_document_of_the_package_streams_and_its_validator_accepts_the_upgrade",
    ],
    "8.14 a bot that leaves": [
        "dialects/plivo/test_streams.py::test_a_program_and_a_customer_talk_until_the_program_hangs_up_and_the_document_goes_on",
        "dialects/plivo/test_streams.py::test_a_call_outlives_its_programs_end_by_half_a_second_where_nothing_follows",
        "dialects/plivo/test_streams.py::test_a_transfer_of_the_call_drops_its_stream_as_the_rules_say",
    ],
    "8.15 signature vectors": ["dialects/plivo/test_signatures.py::test_repeated_names_are_signed_once_per_value"],
    "8.16 documents of the packages": [
        "sdks/test_plivo_xml_classes.py::test_an_element_with_everything_is_read",
        "sdks/test_plivo_documents.py::test_as_the_node_package_writes_it",
    ],
}
HERE = {"15.2", "15.3", "15.6", "15.8 names", "15.10", "15.13", "8.1", "8.4", "8.10", "8.11", "8.12"}


@pytest.mark.parametrize("line", ELSEWHERE)
def test_what_is_judged_elsewhere_is(line: str) -> None:
    for reference in ELSEWHERE[line]:
        path, _, name = reference.partition("::")
        tree = ast.parse((TESTS / path).read_text())
        assert any(getattr(node, "name", "") == name for node in tree.body), reference


def test_no_line_is_forgotten() -> None:
    lines = {each.split()[0] for each in (*ELSEWHERE, *HERE)}
    assert lines == {f"15.{n}" for n in range(1, 14)} | {f"8.{n}" for n in range(1, 17)}


# --- 15.2, 15.3, 15.13: forms of requests ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def here() -> Any:
    with runner() as made:
        yield made


async def asked(here: Runner, endpoint: Endpoint, path: str, **how: Any) -> Any:
    house = here.house
    if endpoint.first[0]:
        await house.ask(endpoint.first[0], path_of(Endpoint("", endpoint.first[1], 0), house.names))
        await house.on.settled()
    before = asyncio.get_running_loop().time()
    answer = await house.ask(endpoint.method, path, **how)
    assert asyncio.get_running_loop().time() - before < 1.0, "SDKs wait 5 s and then ask again"
    return answer


@pytest.mark.parametrize("form", [str.upper, str.lower], ids=["UPPER with a slash", "lower without"])
@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)
def test_15_2_and_15_13_every_route_without_its_slash_and_in_any_case(
    here: Runner, endpoint: Endpoint, form: Any
) -> None:
    house = here.house
    path = "/".join(part if "{" in part else form(part) for part in endpoint.path.split("/"))
    path = path_of(Endpoint("", path, 0), house.names)
    if form is str.lower:
        path = path.rstrip("/")
    given = arguments(endpoint.given(), house.names)

    async def story() -> None:
        answer = await asked(here, endpoint, path, given=given)
        assert answer.status_code == endpoint.status, answer.text

    try:
        here(story())
    finally:
        if endpoint.method != "GET":
            here.rebuild()


DELETES = [each for each in ENDPOINTS if each.method == "DELETE"]
BODIES = {"none": b"", "empty object": b"{}",
          "as python": b'{"call_uuid": "x", "conference_name": "x", "member_id": 1, "friendly_name": "x"}'}  # fmt: skip


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("endpoint", DELETES, ids=str)
def test_15_3_a_delete_is_204_and_empty_whatever_its_body(here: Runner, endpoint: Endpoint, body: bytes) -> None:
    house = here.house

    async def story() -> None:
        headers = {"content-type": "application/json"}
        answer = await asked(here, endpoint, path_of(endpoint, house.names), content=body, headers=headers)
        assert (answer.status_code, answer.content) == (204, b""), answer.text
        assert "content-type" not in answer.headers

    try:
        here(story())
    finally:
        here.rebuild()


@in_virtual_time
async def test_15_6_request_uuid_and_call_uuid_are_one() -> None:
    async with stage() as on:
        world = World(on)
        for path in ("Call", "Request"):
            given = {"from": NUMBER, "to": f"sip:1001@{SIP}", "answer_url": world.page("/a", "<Wait length='60'/>")}
            made = (await world.api("POST", "Call/", given)).json()["request_uuid"]
            (await on.phone("1001").rings()).answers()
            await on.settled()
            assert world.hooks("/a")[-1]["CallUUID"] == world.hooks("/a")[-1]["RequestUUID"] == made
            assert (await world.api("GET", f"Call/{made}/?status=live")).json()["request_uuid"] == made
            assert (await world.api("DELETE", f"{path}/{made}/")).status_code == 204
            assert (await world.api("DELETE", f"{path}/{made}/")).status_code == 404


# --- 15.8: the fields of webhooks -----------------------------------------------------------------------------------

IDS = {"CallUUID", "RequestUUID", "ALegUUID", "ALegRequestUUID"}
PARTIES = {"From", "To", "CallerName", "Direction", "ParentAuthID", "SessionStart", "Event", "CallStatus", "BillRate"}
STIR = {"STIRVerification", "STIRAttestation"}
END = {"StartTime", "AnswerTime", "EndTime", "Duration", "BillDuration", "TotalCost", "HangupCause", "HangupCauseName",
       "HangupCauseCode", "HangupSource"}  # fmt: skip


@in_virtual_time
async def test_15_8_the_names_of_the_fields_of_webhooks() -> None:
    async with stage() as on:
        world = World(on)
        line = await world.arrives("<Wait length='9'/>")
        line.hangs_up()
        await on.settled()
        answer, end = world.one("/answer"), world.one("/hangup")
        assert set(answer) >= {"CallUUID"} | PARTIES | STIR
        assert set(end) >= {"CallUUID"} | PARTIES | STIR | END
        assert not {"AuthID"} & (set(answer) | set(end))
        assert (answer["From"], answer["To"], answer["Event"]) == (CUSTOMER[1:], NUMBER[1:], "StartApp")
        assert (end["Event"], end["CallStatus"], answer["ParentAuthID"]) == ("Hangup", "completed", ACCOUNT)
        given = {"from": NUMBER, "to": f"sip:1001@{SIP}", "answer_url": world.page("/out", "<Hangup/>"),
                 "ring_url": f"{APP}/ring", "hangup_url": f"{APP}/bye", "sip_headers": "Tier=gold"}  # fmt: skip
        on.web.on(f"{APP}/bye", "")
        await world.api("POST", "Call/", given)
        (await on.phone("1001").rings()).answers()
        await on.settled()
        ring, out, bye = world.one("/ring"), world.one("/out"), world.one("/bye")
        assert set(out) >= IDS | PARTIES
        assert set(ring) >= {"From", "To", "CallUUID", "RequestUUID", "ALegRequestUUID", "Direction", "SessionStart"}
        assert set(bye) >= IDS | PARTIES | END | {"CarrierFailoverTriggered"}
        assert all(each["X-PH-Tier"] == "gold" for each in (ring, out, bye))
        assert [each["Event"] for each in (ring, out, bye)] == ["Ring", "StartApp", "Hangup"]


# --- 15.10: lists ---------------------------------------------------------------------------------------------------

LISTED = [each for each in ENDPOINTS if each.method == "GET" and any(arg.name == "limit" for arg in each.args)]


@pytest.mark.parametrize("endpoint", LISTED, ids=str)
def test_15_10_lists_have_limits_and_ends(here: Runner, endpoint: Endpoint) -> None:
    house = here.house
    path, given = path_of(endpoint, house.names), arguments(endpoint.given(), house.names)

    async def story() -> None:
        for limit, status in ((0, 400), (1, 200), (20, 200), (21, 400)):
            assert (await house.ask("GET", path, {**given, "limit": limit})).status_code == status
        beyond = await house.ask("GET", path, {**given, "offset": 1000})
        assert (beyond.status_code, beyond.json()["objects"]) == (200, [])
        meta = beyond.json()["meta"]
        assert meta["count"] == meta["total_count"]
        assert (meta["next"], meta["limit"], meta["offset"]) == (None, 20, 1000)
        seen: list[str] = []
        offset = 0
        while page := (await house.ask("GET", path, {**given, "limit": 1, "offset": offset})).json()["objects"]:
            seen += [str(each) for each in page]
            offset += 1
        assert len(seen) == len(set(seen)) == meta["total_count"]

    here(story())


# --- 8.1, 8.4: documents --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("<Response/>", "4010"),
        ("<Response></Response>", "4010"),
        ("", "8011"),
        ("   \n", "8011"),
        ('{"a": 1}', "8011"),
        ("<html><body>hello</body></html>", "8011"),
        ('\n<?xml version="1.0"?><Response><Speak>hi</Speak></Response>', "8011"),
        ('<?xml version="1.0"?>\n<Response><Speak>hi</Speak></Response>', "4010"),
        ("\n<Response><Speak>hi</Speak></Response>", "4010"),
        ("<Response><Play>http://a/b?x=1&y=2</Play></Response>", "8011"),
        ("<Response><Play>http://a/b?x=1&amp;y=2</Play></Response>", "4010"),
        ("\ufeff<Response><Speak>hi</Speak></Response>", "4010"),
        ("<Response><Speak><![CDATA[a & b]]></Speak><!-- c --></Response>", "4010"),
        (f"<Response><!--{'x' * (100 * 1024)}--><Speak>hi</Speak></Response>", "8011"),
        (f"<Response><!--{'x' * (99 * 1024)}--><Speak>hi</Speak></Response>", "4010"),
        ('<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><Response><Speak>&x;</Speak></Response>', "8011"),
        ("<Response><Speak>hi</Speak><Dial><Number>1</Number></Response>", "8011"),
        ("<response><Speak>hi</Speak></response>", "8011"),
    ],
)
def test_8_1_what_is_a_document(text: str, code: str) -> None:
    async def story() -> None:
        async with stage() as on:
            world = World(on)
            on.web.on(f"{APP}/answer", text)
            on.web.on(f"{APP}/fallback", text)
            line = on.phone(CUSTOMER).calls(NUMBER)
            await asyncio.sleep(30)
            assert line.over is not None
            assert world.one("/hangup")["HangupCauseCode"] == code
            assert len(world.hooks("/fallback")) == (1 if code == "8011" else 0)

    run(story())


@pytest.mark.parametrize(
    ("elements", "status", "up", "early"),
    [
        ("<Wait length='5'/>", 0, False, False),
        ("<Hangup/>", 603, False, False),
        ("<Hangup reason='rejected'/>", 603, False, False),
        ("<Hangup reason='busy'/>", 486, False, False),
        ("<PreAnswer><Speak>hello</Speak></PreAnswer><Wait length='5'/>", 0, False, True),
        (f"<Dial><User>sip:1001@{SIP}</User></Dial>", 0, False, False),
        ("<Speak>hello</Speak><Wait length='5'/>", 0, True, False),
    ],
)
def test_8_4_how_the_first_element_answers(elements: str, status: int, up: bool, early: bool) -> None:
    async def story() -> None:
        async with stage() as on:
            line = await World(on).arrives(elements)
            await asyncio.sleep(0.5)
            assert (line.status, line.up, line.early) == (status, up, early)
            assert line.rang or early or up or status
            if status:
                assert line.over is not None

    run(story())


# --- 8.10, 8.11, 8.12: rooms ----------------------------------------------------------------------------------------


@in_virtual_time
async def test_8_10_both_legs_of_a_dial_meet_in_one_conference_within_a_second() -> None:
    async with stage() as on:
        world = World(on)
        line, agent = await world.in_dial()
        room = world.page("/room", "<Conference>three</Conference>")
        before = on.now
        assert (await world.transfer(line, legs="both", aleg_url=room, bleg_url=room)).status_code == 202
        assert (line.hears, agent.hears) == ({"1001"}, {CUSTOMER})
        assert on.now - before < 1.0
        assert {form["CallUUID"] for form in world.hooks("/room")} == {line.leg, agent.leg}


@in_virtual_time
async def test_8_11_a_conference_starts_ends_and_tells_who_was_last() -> None:
    async with stage() as on:
        world = World(on)
        told = f'callbackUrl="{APP}/conf"'
        sound = world.page("/moh", "<Speak>please wait</Speak>")
        waits = f'<Conference {told} startConferenceOnEnter="false" waitSound="{sound}">room</Conference>'
        first = await world.arrives(waits)
        assert first.hears == {"speak:en-US:WOMAN:please wait"}
        second = await world.arrives(
            f'<Conference {told} endConferenceOnExit="true">room</Conference>', caller="+14155550124"
        )
        assert first.hears == {"+14155550124"}
        second.hangs_up()
        await on.settled()
        assert first.over is not None
        names = ("ConferenceAction", "ConferenceFirstMember", "ConferenceLastMember")
        assert world.told("/conf", *names) == [
            ("enter", "true", ""), ("enter", "false", ""), ("exit", "", "false"), ("exit", "", "true"),
        ]  # fmt: skip


MPC_KEYS = {
    "EventName", "EventTimestamp", "SequenceNumber", "MPCUUID", "MPCName", "MemberID", "MemberAddress",
    "ParticipantCallUUID", "ParticipantRole", "ParticipantCoachMode", "ParticipantCallFrom", "ParticipantCallTo",
    "ParticipantCallDirection", "DigitInput", "MPCDuration", "MPCBilledDuration", "MPCBilledAmount",
    "MPCTerminationCause", "MPCTerminationCauseCode", "AddParticipantAPIRequestOutcome",
}  # fmt: skip


@in_virtual_time
async def test_8_12_every_status_of_a_multi_party_call_has_every_key() -> None:
    async with stage() as on:
        world = World(on)
        on.web.on(f"{APP}/mpc", "")
        every = ("mpc-state-changes,participant-state-changes,participant-digit-input-events,"
                 "add-participant-api-events,participant-speak-events")  # fmt: skip
        told = f'statusCallbackUrl="{APP}/mpc" statusCallbackEvents="{every}" enterSound="none" exitSound="none"'
        customer = await world.arrives(f'<MultiPartyCall role="Customer" {told}>desk</MultiPartyCall>')
        adding = {"role": "Agent", "from": NUMBER, "to": f"sip:1001@{SIP}", "end_mpc_on_exit": True,
                  "enter_sound": "none", "exit_sound": "none"}  # fmt: skip
        assert (await world.api("POST", "MultiPartyCall/name_desk/Participant/", adding)).status_code == 201
        agent = await on.phone("1001").rings()
        agent.answers()
        await on.settled()
        for change in ({"hold": True}, {"hold": False}, {"mute": True}, {"mute": False}):
            assert (await world.api("POST", "MultiPartyCall/name_desk/Participant/1/", change)).status_code == 202
            await on.settled()
        customer.presses("5")
        customer.talks()
        await asyncio.sleep(3)
        agent.hangs_up()
        await asyncio.sleep(5)
        assert customer.over is not None
        events = [form["EventName"] for form in world.hooks("/mpc")]
        assert set(events) >= {
            "MPCInitialized", "MPCStart", "MPCEnd", "ParticipantJoin", "ParticipantExit", "ParticipantMute",
            "ParticipantUnmute", "ParticipantHold", "ParticipantUnhold", "ParticipantDigitInput",
            "ParticipantSpeakStart", "AddParticipantByAPIActionInitiated", "AddParticipantByAPIActionCompleted",
        }  # fmt: skip
        for form in world.hooks("/mpc"):
            assert set(form) - {"RequestUUID", "Status"} == MPC_KEYS, form["EventName"]
