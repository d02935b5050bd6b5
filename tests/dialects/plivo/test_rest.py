"""The REST resources: who may ask, in which form, and how a bad request is refused without changing anything."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import urlencode

import pytest

from switchhook.lab.virtual_time import in_virtual_time, run
from tests.dialects.plivo.common import (
    ACCOUNT,
    APP,
    CUSTOMER,
    NUMBER,
    OTHER,
    OTHER_TOKEN,
    SIP,
    SUB,
    SUB_TOKEN,
    TOKEN,
    World,
    stage,
)

CALL = {"from": "+14155550100", "to": f"sip:1001@{SIP}", "answer_url": f"{APP}/start"}
UNKNOWN = "00000000-0000-4000-8000-000000000000"


# --- who asks -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("auth", "account"),
    [
        ((ACCOUNT, "wrong"), ACCOUNT),
        (("MANOBODY000000000000", TOKEN), ACCOUNT),
        ((OTHER, OTHER_TOKEN), ACCOUNT),
        ((SUB, SUB_TOKEN), ACCOUNT),
        ((ACCOUNT, TOKEN), "MANOBODY000000000000"),
    ],
)
def test_wrong_credentials_are_401(auth: tuple[str, str], account: str) -> None:
    async def story() -> None:
        async with stage() as on:
            answer = await World(on).api("POST", "Call/", CALL, auth=auth, account=account)
            assert answer.status_code == 401
            assert answer.json()["error"] == "authentication credentials were not provided"
            assert set(answer.json()) == {"api_id", "error"}
            assert "LegCreated" not in on.kinds()

    run(story())


@pytest.mark.parametrize(
    "header", [b"", b"Bearer abc", b"Basic", b"Basic !!!", b"Basic \xe9", b"Basic " + base64.b64encode(b"x")]
)
def test_no_readable_credentials_are_401(header: bytes) -> None:
    async def story() -> None:
        async with stage() as on:
            headers = {"Authorization": header} if header else {}
            answer = await on.http.get(f"/v1/Account/{ACCOUNT}/Call/?status=live", headers=headers)
            assert answer.status_code == 401

    run(story())


@in_virtual_time
async def test_a_main_account_reaches_its_sub_account_and_nobody_a_stranger() -> None:
    async with stage() as on:
        world = World(on)
        on.phone("+14155550171")
        asked = {**CALL, "to": "+14155550171"}
        mine = await world.api("POST", "Call/", asked, account=SUB)
        assert mine.status_code == 201
        uuid = mine.json()["request_uuid"]
        for auth, account, status in (
            ((SUB, SUB_TOKEN), SUB, 200),
            ((ACCOUNT, TOKEN), ACCOUNT, 200),
            ((OTHER, OTHER_TOKEN), OTHER, 404),
        ):
            answer = await world.api("GET", f"Call/{uuid}/?status=live", auth=auth, account=account)
            assert answer.status_code == status
        assert (await world.api("GET", "Call/?status=live")).json()["calls"] == []
        listed = await world.api("GET", f"Call/?status=live&subaccount={SUB}")
        assert listed.json()["calls"] == [uuid]
        stranger = await world.api("GET", f"Call/?status=live&subaccount={OTHER}")
        assert stranger.status_code == 404


# --- in which form --------------------------------------------------------------------------------------------------

MULTIPART = "multipart/form-data; boundary=xyz"


def multipart(fields: dict[str, str]) -> str:
    parts = [f'--xyz\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in fields.items()]
    return "".join(parts) + "--xyz--\r\n"


@pytest.mark.parametrize(
    ("content_type", "body", "query"),
    [
        ("application/json", json.dumps(CALL), ""),
        ("application/json; charset=utf-8", json.dumps({**CALL, "ring_timeout": None}), ""),
        ("text/plain", json.dumps(CALL), ""),
        ("application/x-www-form-urlencoded", json.dumps(CALL), ""),
        ("application/x-www-form-urlencoded", urlencode(CALL), ""),
        (MULTIPART, multipart(CALL), ""),
        ("", "", urlencode(CALL)),
        ("application/json", "{}", urlencode(CALL)),
        ("application/json", '""', urlencode(CALL)),
        ("application/json", "null", urlencode(CALL)),
        ("application/json", "[]", urlencode(CALL)),
        ("application/json", '{// a comment\n"from": "+14155550100" /* another */}', urlencode(CALL)),
        ("application/json", json.dumps(CALL), urlencode({"from": "5", "to": "6"})),
    ],
)
def test_arguments_are_read_in_every_form(content_type: str, body: str, query: str) -> None:
    async def story() -> None:
        async with stage() as on:
            answer = await on.http.post(
                f"/v1/Account/{ACCOUNT}/Call/" + (f"?{query}" if query else ""),
                content=body,
                headers={"Content-Type": content_type} if content_type else {},
                auth=(ACCOUNT, TOKEN),
            )
            assert answer.status_code == 201, answer.text
            line = await on.phone("1001").rings()
            assert line.invitation is not None
            assert line.invitation.caller == "+14155550100"

    run(story())


@pytest.mark.parametrize("body", ["{", '{"from": }', "[1]", '"text"', "7", "no form either", "\xff\xfe"])
def test_a_body_that_nobody_can_read_is_400(body: str) -> None:
    async def story() -> None:
        async with stage() as on:
            answer = await on.http.post(
                f"/v1/Account/{ACCOUNT}/Call/",
                content=body.encode("latin-1"),
                headers={"Content-Type": "application/json"},
                auth=(ACCOUNT, TOKEN),
            )
            assert answer.status_code == 400
            assert "invalid" in answer.json()["error"]

    run(story())


@pytest.mark.parametrize("path", ["Call/?status=live", "Call?status=live", "call/?status=live", "CALL?status=live"])
def test_both_slash_forms_and_any_case_of_resource_words(path: str) -> None:
    async def story() -> None:
        async with stage() as on:
            answer = await World(on).api("GET", path)
            assert (answer.status_code, answer.json()["calls"]) == (200, [])
            assert answer.headers["content-type"].startswith("application/json")

    run(story())


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "Call/"),
        ("PATCH", f"Call/{UNKNOWN}/"),
        ("GET", f"Request/{UNKNOWN}/"),
        ("DELETE", ""),
    ],
)
def test_a_wrong_method_is_405(method: str, path: str) -> None:
    async def story() -> None:
        async with stage() as on:
            answer = await World(on).api(method, path, {})
            assert answer.status_code == 405
            assert set(answer.json()) == {"api_id", "error"}

    run(story())


@pytest.mark.parametrize("path", ["Nothing/", f"Call/{UNKNOWN}/Fly/", "Call/a/b/c/d/", "Media/"])
def test_an_unknown_resource_is_404(path: str) -> None:
    async def story() -> None:
        async with stage() as on:
            answer = await World(on).api("POST", path, {})
            assert answer.status_code == 404
            assert "not found" in answer.json()["error"]

    run(story())


@in_virtual_time
async def test_phlo_paths_are_left_to_their_own_dialect() -> None:
    async with stage() as on:
        answer = await on.http.post(f"/v1/account/{ACCOUNT}/phlo/1", auth=(ACCOUNT, TOKEN))
        assert "api_id" not in answer.text


# --- bad values -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"from": None}, "from parameter is missing"),
        ({"to": ""}, "to parameter is missing"),
        ({"to": "<"}, "to parameter is invalid"),
        ({"answer_url": None}, "answer_url parameter is missing"),
        ({"answer_url": "none"}, "answer_url parameter is missing"),
        ({"answer_url": "/relative"}, "answer_url parameter is invalid"),
        ({"answer_url": "ftp://a/b"}, "answer_url parameter is invalid"),
        ({"answer_url": "http://"}, "answer_url parameter is invalid"),
        ({"answer_url": "http://a:999999/"}, "answer_url parameter is invalid"),
        ({"answer_method": "PUT"}, "answer_method parameter is invalid"),
        ({"hangup_url": "x"}, "hangup_url parameter is invalid"),
        ({"ring_url": "mailto:x"}, "ring_url parameter is invalid"),
        ({"fallback_url": "//x"}, "fallback_url parameter is invalid"),
        ({"time_limit": 0}, "time_limit parameter is invalid"),
        ({"time_limit": "soon"}, "time_limit parameter is invalid"),
        ({"time_limit": True}, "time_limit parameter is invalid"),
        ({"ring_timeout": -1}, "ring_timeout parameter is invalid"),
        ({"hangup_on_ring": 1.5}, "hangup_on_ring parameter is invalid"),
        ({"send_digits": "12x"}, "send_digits parameter is invalid"),
        ({"from": {"a": 1}}, "from parameter is invalid"),
        ({"to": f"sip:1001@{SIP}<sip:1001@{SIP}"}, "to parameter is invalid"),
        ({"to": f"sip:1001@{SIP}<sip:1002@{SIP}", "parent_call_uuid": "x"}, "parent_call_uuid parameter is invalid"),
        ({"to": "nobody"}, "to parameter is invalid"),
        ({"to": f"sip:1001@{SIP}<nobody"}, "to parameter is invalid"),
    ],
)
def test_a_bad_call_is_400_and_rings_nobody(change: dict[str, Any], says: str) -> None:
    async def story() -> None:
        async with stage() as on:
            answer = await World(on).api("POST", "Call/", {**CALL, **change})
            assert answer.status_code == 400
            assert says in answer.json()["error"]
            assert "LegCreated" not in on.kinds()

    run(story())


@in_virtual_time
async def test_a_destination_outside_the_policy_is_403_and_an_unknown_parent_404() -> None:
    async with stage() as on:
        world = World(on)
        answer = await world.api("POST", "Call/", {**CALL, "to": "sip:x@elsewhere.example"})
        assert answer.status_code == 403
        assert "not permitted" in answer.json()["error"]
        answer = await world.api(
            "POST", "Call/", {**CALL, "parent_call_uuid": UNKNOWN, "error_if_parent_not_found": "true"}
        )
        assert answer.status_code == 404
        assert "LegCreated" not in on.kinds()
        answer = await world.api("POST", "Call/", {**CALL, "parent_call_uuid": UNKNOWN})
        assert answer.status_code == 201


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({}, 400, "aleg_url parameter is missing"),
        ({"legs": "aleg"}, 400, "aleg_url parameter is missing"),
        ({"legs": "both", "aleg_url": f"{APP}/x"}, 400, "bleg_url parameter is missing"),
        ({"legs": "bleg", "aleg_url": f"{APP}/x"}, 400, "bleg_url parameter is missing"),
        ({"legs": "cleg", "aleg_url": f"{APP}/x"}, 400, "legs parameter is invalid"),
        ({"aleg_url": "/x"}, 400, "aleg_url parameter is invalid"),
        ({"aleg_url": f"{APP}/x", "aleg_method": "HEAD"}, 400, "aleg_method parameter is invalid"),
        ({"legs": "bleg", "bleg_url": "x"}, 400, "bleg_url parameter is invalid"),
    ],
)
def test_a_bad_transfer_is_refused_and_the_talk_goes_on(body: dict[str, str], status: int, says: str) -> None:
    async def story() -> None:
        async with stage() as on:
            world = World(on)
            line, _ = await world.in_dial()
            answer = await world.transfer(line, **body)
            assert answer.status_code == status
            assert says in answer.json()["error"]
            assert line.hears == {"1001"}

    run(story())


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", f"Call/{UNKNOWN}/"),
        ("DELETE", f"Call/{UNKNOWN}/"),
        ("DELETE", f"Request/{UNKNOWN}/"),
        ("GET", f"Call/{UNKNOWN}/?status=live"),
        ("GET", f"Call/{UNKNOWN}/?status=queued"),
        ("GET", f"Call/{UNKNOWN}/"),
    ],
)
def test_an_unknown_call_is_404(method: str, path: str) -> None:
    async def story() -> None:
        async with stage() as on:
            body = {"aleg_url": f"{APP}/x"} if method == "POST" else None
            answer = await World(on).api(method, path, body)
            assert answer.status_code == 404
            assert "not found" in answer.json()["error"]

    run(story())


# --- what is answered -----------------------------------------------------------------------------------------------


@in_virtual_time
async def test_several_destinations_give_several_uuids_in_order() -> None:
    async with stage() as on:
        world = World(on)
        to = f"sip:1002@{SIP}<sip:1001@{SIP}"
        answer = (await world.api("POST", "Call/", {**CALL, "to": to})).json()
        assert answer["message"] == "calls fired"
        first, second = await on.phone("1002").rings(), await on.phone("1001").rings()
        assert answer["request_uuid"] == [first.leg, second.leg]
        assert (await world.api("GET", "Call/?status=live")).json()["calls"] == [first.leg, second.leg]


@in_virtual_time
async def test_a_live_call_shows_both_parties_and_who_it_is_put_together_with() -> None:
    async with stage() as on:
        world = World(on)
        line, at_agent = await world.in_dial()
        a = (await world.api("GET", f"Call/{line.leg}/?status=live")).json()
        b = (await world.api("GET", f"Call/{at_agent.leg}?status=live")).json()
        expected = {
            "call_uuid": line.leg,
            "request_uuid": line.leg,
            "call_status": "in-progress",
            "direction": "inbound",
            "from": "+14155550123",
            "to": "14155550100",
            "caller_name": "",
            "stir_verification": "Not Applicable",
            "stir_attestation": "Not Applicable",
            "bridged_call_uuid": at_agent.leg,
        }
        assert {name: a[name] for name in expected} == expected
        assert a["session_start"].startswith("2027-01-15 08:00:00.")
        assert (b["direction"], b["to"], b["parent_call_uuid"], b["bridged_call_uuid"]) == (
            "outbound",
            f"sip:1001@{SIP}",
            line.leg,
            line.leg,
        )


@in_virtual_time
async def test_a_call_by_api_shows_from_as_given_and_ringing() -> None:
    async with stage() as on:
        world = World(on)
        first = (await world.api("POST", "Call/", {**CALL, "to": f"sip:1002@{SIP}"})).json()["request_uuid"]
        linked = (await world.api("POST", "Call/", {**CALL, "to": f"sip:1003@{SIP}", "parent_call_uuid": first})).json()
        assert on.exchange.state.legs[linked["request_uuid"]].parent == first  # as its record will say
        asked = {**CALL, "caller_name": "Shop", "parent_call_uuid": UNKNOWN}
        uuid = (await world.api("POST", "Call/", asked)).json()["request_uuid"]
        view = (await world.api("GET", f"Call/{uuid}/?status=live")).json()
        assert (view["from"], view["to"], view["call_status"]) == ("+14155550100", f"sip:1001@{SIP}", "ringing")
        assert (view["caller_name"], view["parent_call_uuid"]) == ("Shop", UNKNOWN)


@in_virtual_time
async def test_every_leg_of_the_account_is_a_live_call_whoever_answered_it() -> None:
    number = [{"number": NUMBER, "account": ACCOUNT, "forward": "1001"}]
    async with stage(number=number) as on:
        world = World(on)
        line = on.phone(CUSTOMER).calls(NUMBER)
        at_agent = await on.phone("1001").rings()
        at_agent.answers()
        await on.settled()
        calls = (await world.api("GET", "Call/?status=live")).json()["calls"]
        assert set(calls) == {line.leg, at_agent.leg}
        assert (await world.api("DELETE", f"Call/{line.leg}/")).status_code == 204
        await on.settled()
        assert at_agent.over is not None


@in_virtual_time
async def test_filters_of_the_live_list() -> None:
    async with stage() as on:
        world = World(on)
        line, at_agent = await world.in_dial()
        for query, expected in (
            ("call_direction=inbound", [line.leg]),
            ("call_direction=outbound", [at_agent.leg]),
            ("from_number=%2B14155550123", [line.leg, at_agent.leg]),
            ("to_number=1415", [line.leg]),
            ("to_number=1001", [at_agent.leg]),
            ("from_number=99", []),
            ("limit=1", [line.leg]),
            ("limit=1&offset=1", [at_agent.leg]),
            ("offset=5", []),
        ):
            answer = await world.api("GET", f"Call/?status=live&{query}")
            assert answer.json()["calls"] == expected, query
        for query in ("limit=0", "limit=21", "limit=x", "offset=-1"):
            answer = await world.api("GET", f"Call/?status=live&{query}")
            assert answer.status_code == 400
        assert (await world.api("GET", "Call/?status=queued")).json()["calls"] == []


@pytest.mark.parametrize("resource", ["Call", "Request"])
@pytest.mark.parametrize("body", [None, {}, {"call_uuid": "x"}])
def test_hanging_up_is_204_without_a_body_and_then_404(resource: str, body: dict[str, str] | None) -> None:
    async def story() -> None:
        async with stage() as on:
            world = World(on)
            asked = {**CALL, "hangup_url": f"{APP}/hangup"}
            uuid = (await world.api("POST", "Call/", asked)).json()["request_uuid"]
            line = await on.phone("1001").rings()
            answer = await world.api("DELETE", f"{resource}/{uuid}/", body)
            assert (answer.status_code, answer.content) == (204, b"")
            await on.settled()
            assert line.over is not None
            end = world.one("/hangup")
            assert (end["CallStatus"], end["HangupCauseCode"], end["HangupSource"]) == ("cancel", "1000", "API Request")
            assert (await world.api("DELETE", f"{resource}/{uuid}/", body)).status_code == 404

    run(story())


@in_virtual_time
async def test_all_calls_of_one_account_can_be_hung_up() -> None:
    async with stage() as on:
        world = World(on)
        line, at_agent = await world.in_dial()
        on.phone("+14155550171")
        await world.api("POST", "Call/", {**CALL, "to": "+14155550171"}, auth=(OTHER, OTHER_TOKEN), account=OTHER)
        stranger = await on.phone("+14155550171").rings()
        assert (await world.api("DELETE", "Call/")).status_code == 204
        await on.settled()
        assert line.over is not None
        assert at_agent.over is not None
        assert stranger.over is None


@in_virtual_time
async def test_the_account_itself() -> None:
    async with stage() as on:
        answer = (await World(on).api("GET", "")).json()
        assert (answer["auth_id"], answer["name"], answer["timezone"]) == (ACCOUNT, "Tests", "UTC")
        assert answer["resource_uri"] == f"/v1/Account/{ACCOUNT}/"
        bare = await on.http.get(f"/v1/Account/{ACCOUNT}", auth=(ACCOUNT, TOKEN))
        assert bare.status_code == 200


# --- asynchronous answers -------------------------------------------------------------------------------------------


@in_virtual_time
async def test_with_a_callback_url_the_answer_is_sent_there() -> None:
    async with stage() as on:
        world = World(on)
        on.web.on(f"{APP}/done", "")
        made = await world.api("POST", "Call/", {**CALL, "callback_url": f"{APP}/done", "callback_method": "GET"})
        assert made.status_code == 202
        assert made.json()["message"] == "async api spawned"
        uuid = made.json()["request_uuid"]
        ended = await world.api("DELETE", f"Call/{uuid}/", {"callback_url": f"{APP}/done"})
        assert (ended.status_code, ended.json()["message"]) == (200, "async api spawned")
        await on.settled()
        first, second = world.hooks("/done")
        assert (first["message"], first["request_uuid"]) == ("call fired", uuid)
        assert json.loads(first["response"]) == {name: first[name] for name in ("api_id", "message", "request_uuid")}
        assert json.loads(second["response"]) == {"api_id": second["api_id"]}
        refused = await world.api("POST", "Call/", {**CALL, "to": "", "callback_url": f"{APP}/done"})
        assert refused.status_code == 400
        wrong = await world.api("POST", "Call/", {**CALL, "callback_url": "x"})
        assert (wrong.status_code, "callback_url" in wrong.json()["error"]) == (400, True)
        assert len(world.hooks("/done")) == 2


# --- repeats --------------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_a_call_asked_for_again_while_it_rings_is_the_same_call() -> None:
    async with stage() as on:
        world = World(on)
        first = await world.api("POST", "Call/", CALL)
        again = await world.api("POST", "Call", CALL)
        assert again.json() == first.json()
        other = await world.api("POST", "Call/", CALL, headers={"X-Request-Id": "two"})
        assert other.json()["request_uuid"] != first.json()["request_uuid"]
        (await on.phone("1001").rings()).answers()
        await on.settled()
        after = await world.api("POST", "Call/", CALL)
        assert after.json()["request_uuid"] != first.json()["request_uuid"]


@in_virtual_time
async def test_a_transfer_asked_for_again_fetches_once() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/new", "<Wait length='60'/>")
        line, _ = await world.in_dial()
        on.web.delay_s = 1
        body = {"aleg_url": f"{APP}/new"}
        first = await world.transfer(line, **body)
        again = await world.transfer(line, **body)
        assert again.json() == first.json()
        await on.passes(3)
        assert len(world.hooks("/new")) == 1
        await world.transfer(line, **body)
        await on.passes(3)
        assert len(world.hooks("/new")) == 2


@in_virtual_time
async def test_requests_and_webhooks_are_in_the_journal() -> None:
    async with stage() as on:
        world = World(on)
        answer = await world.api("POST", "Call/", {**CALL, "ring_url": f"{APP}/ring"})
        await on.phone("1001").rings()
        await on.settled()
        request = next(entry for entry in on.entries if entry.kind == "HttpRequest")
        assert (request.body["method"], request.body["status"], request.body["api_id"]) == (
            "POST",
            201,
            answer.json()["api_id"],
        )
        assert request.leg == answer.json()["request_uuid"]
        assert "answer_url" in str(request.body["body"])
        assert {entry.cause for entry in on.entries if entry.kind == "LegCreated"} == {answer.json()["api_id"]}
        refused = await world.api("DELETE", f"Call/{UNKNOWN}/")
        entry = on.entries[-1]
        assert (entry.leg, entry.body["status"], entry.body["error"]) == ("", 404, refused.json()["error"])
        hook = next(entry for entry in on.entries if entry.kind == "Webhook")
        assert (hook.body["event"], hook.body["status"], hook.body["url"]) == ("Ring", 200, f"{APP}/ring")
        assert hook.leg == answer.json()["request_uuid"]


@pytest.mark.parametrize(
    ("to", "status"),
    [
        ("+14155550188", 201),
        ("+15555550188", 403),
        ("sip:+14155550188@127.0.0.1:5070", 201),
        ("sip:+15555550188@127.0.0.1:5070", 403),  # a trunk's host is no way round what the account may dial
        ("sip:desk@127.0.0.1:5070", 403),
        ("sip:desk@elsewhere.example", 403),
    ],
)
def test_an_account_dials_what_its_allow_list_says(to: str, status: int) -> None:
    async def story() -> None:
        account = {"auth_id": ACCOUNT, "auth_token": TOKEN, "allow": ["+1415"]}
        async with stage(account=[account, {"auth_id": OTHER, "auth_token": OTHER_TOKEN}]) as on:
            body = {"from": "+14155550100", "to": to, "answer_url": f"{APP}/answer"}
            assert (await World(on).api("POST", "Call/", body)).status_code == status

    run(story())


@pytest.mark.parametrize(("to", "status"), [("sip:+4930123@127.0.0.1:5070", 201), ("sip:+1415@127.0.0.1:5070", 201),
                                            ("sip:+14155550188@127.0.0.1:5070", 403)])  # fmt: skip
def test_a_trunk_takes_the_numbers_of_its_prefixes_alone(to: str, status: int) -> None:
    async def story() -> None:
        trunk = {"name": "carrier", "uri": "sip:127.0.0.1:5070", "prefixes": ["+49"]}
        async with stage(trunk=[trunk]) as on:
            body = {"from": "+14155550100", "to": to, "answer_url": f"{APP}/answer"}
            assert (await World(on).api("POST", "Call/", body)).status_code == status

    run(story())
