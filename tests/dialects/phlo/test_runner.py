"""The runner's HTTP face: every spelling of a request, every status, every reply (plivo-phlo 2, 3, 4.3, 9)."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote, unquote

import pytest

from switchhook.lab.stage import MUSIC
from switchhook.lab.virtual_time import in_virtual_time
from tests.dialects.phlo.common import (
    AUTH,
    CUSTOMER,
    NODE,
    NUMBER,
    PHLO,
    START,
    Cast,
    N,
    R,
    flow,
    party_flow,
    phlo_stage,
)
from tests.stories.common import ACCOUNT, TOKEN

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
WRITTEN = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}\+00:00")
SUB = "SASWITCHHOOK00000001"
OTHER = "MAOTHERACCOUNT000000"

# The bodies of the saved examples, with and without their comments.
COMMENTED = """{
    "action": "%s",
    "to": "+14152225555", // Phone number or SIP endpoint address of the user // to which
    "role": "agent", // Allowed values are 'customer' and 'agent'. Defaults to "agent".
    "trigger_source": "+14152223333" //Phone number or SIP endpoint address of the user (agent)
}"""
PLAIN = '{\n "action": "%s",\n "to": "+14152225555",\n "role": "agent",\n "trigger_source": "+14152223333"\n}'


async def post(cast: Cast, path: str, content: bytes | str = b"", **how: Any) -> Any:
    reply = await cast.stage.http.post(path, content=content, auth=how.pop("auth", AUTH), **how)
    await cast.stage.settled()
    return reply


def with_accounts() -> dict[str, object]:
    return {
        "account": [
            {"auth_id": ACCOUNT, "auth_token": TOKEN},
            {"auth_id": SUB, "auth_token": "sub-token", "parent": ACCOUNT},
            {"auth_id": OTHER, "auth_token": "other-token"},
        ]
    }


# --- the seeds ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [PLAIN, COMMENTED])
@pytest.mark.parametrize("action", ["call", "warm_transfer", "cold_transfer"])
@pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded", "text/plain", None])
def test_the_published_examples_work_on_a_live_call(body: str, action: str, content_type: str | None) -> None:
    @in_virtual_time
    async def story() -> None:
        async with phlo_stage(party_flow(to="+14152223333")) as cast:
            for number in ("+14152223333", "+14152225555"):
                cast.stage.phone(number)
            customer = await cast.call_in()
            agent = await cast.picks_up("+14152223333")
            headers = {"Content-Type": content_type} if content_type else {}
            reply = await post(cast, N, body % action, headers=headers)
            assert reply.status_code == 201
            assert reply.json()["error"] == ""
            assert UUID.fullmatch(reply.json()["api_id"])
            target = await cast.picks_up("+14152225555")
            others = {
                "call": ({"+14152223333", "+14152225555"}, {CUSTOMER, "+14152223333"}),
                "warm_transfer": ({MUSIC}, {"+14152223333"}),
                "cold_transfer": ({"+14152225555"}, {CUSTOMER}),
            }
            assert (customer.hears, target.hears) == others[action]
            assert (agent.over is not None) == (action == "cold_transfer")

    story()


# --- one request, many spellings ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "content", "query", "content_type"),
    [
        ("", '{"action": "hold"}', "", "application/json"),
        ("/", '{"action": "HOLD"}', "", "application/json"),
        ("/", "", "action=hold", "application/json"),  # .NET: only in the query
        ("", "{}", "action=hold", "application/json"),
        ("", '""', "action=hold", "application/json"),
        ("", "null", "action=hold", "application/json"),
        ("", '{"action": "hold"}', "action=dance", "application/json"),  # the body wins
        ("", '{"action": null}', "action=hold", "application/json"),
        ("", "action=hold", "", "application/x-www-form-urlencoded"),
        ("", "action=hold", "", "application/json"),
        ("", '{"action": "hold"}', "", "application/x-www-form-urlencoded"),
        ("", '\ufeff {"action": "hold", "to": "x", "role": null} ', "phlo_id=x", "text/plain"),
        ("", '// do it\n{"action": "hold" /* now */}', "", "application/json"),
    ],
)
def test_all_the_ways_to_say_it(path: str, content: str, query: str, content_type: str) -> None:
    @in_virtual_time
    async def story() -> None:
        async with phlo_stage(party_flow()) as cast:
            customer, _ = await cast.talking()
            where = f"{N}/members/{CUSTOMER}{path}?{query}"
            reply = await post(cast, where, content.encode(), headers={"Content-Type": content_type})
            if '"action": null' in content:
                assert reply.status_code == 400
            else:
                assert (reply.status_code, customer.hears) == (201, {MUSIC})

    story()


@in_virtual_time
async def test_a_chunked_body_without_a_length_is_read() -> None:
    async def chunks() -> Any:
        yield b'{"action"'
        yield b': "hold"}'

    async with phlo_stage(party_flow()) as cast:
        customer, _ = await cast.talking()
        reply = await cast.stage.http.post(f"{N}/members/{CUSTOMER}", content=chunks(), auth=AUTH)
        await cast.stage.settled()
        assert (reply.status_code, customer.hears) == (201, {MUSIC})


@pytest.mark.parametrize(
    "content",
    ['{"action": ', "[1, 2]", '"hold"', b"\xff\xfe\x00", "{" * 3000, "[" * 100_000, '{"action": "\\ud800"}'],
)
def test_bodies_that_nobody_can_read_get_400(content: str | bytes) -> None:
    @in_virtual_time
    async def story() -> None:
        async with phlo_stage(party_flow()) as cast:
            reply = await post(cast, N, content if isinstance(content, bytes) else content.encode())
            assert reply.status_code == 400
            assert set(reply.json()) == {"api_id", "error"}

    story()


@in_virtual_time
async def test_a_body_without_end_is_cut_off() -> None:
    async with phlo_stage(party_flow()) as cast:
        assert (await post(cast, R, b"{" + b" " * 1_000_001 + b"}")).status_code == 400


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize(
    "written",
    [
        "sip:1001@phone.plivo.com",
        "sip%3A1001%40phone.plivo.com",
        "sips:1001@PHONE.plivo.com;transport=udp",
        "sip%3A1001%40phone.plivo.com%3Btransport%3Dudp",
        "1001",
    ],
)
def test_sip_addresses_in_the_path(written: str, slash: str) -> None:
    @in_virtual_time
    async def story() -> None:
        async with phlo_stage(party_flow(to="sip:1001@phone.plivo.com")) as cast:
            _, agent = await cast.talking()
            reply = await post(cast, f"{N}/members/{written}{slash}", b'{"action": "hold"}')
            assert reply.status_code == 201
            assert agent.hears == {MUSIC}
            assert reply.json()["member_address"] == unquote(written)

    story()


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("written", [CUSTOMER, quote(CUSTOMER, safe=""), CUSTOMER[1:], "%2B1%20(415)%20555-0123"])
def test_numbers_in_the_path(written: str, slash: str) -> None:
    @in_virtual_time
    async def story() -> None:
        async with phlo_stage(party_flow()) as cast:
            customer, _ = await cast.talking()
            reply = await post(cast, f"{N}/members/{written}{slash}", b'{"action": "hold"}')
            assert (reply.status_code, customer.hears) == (201, {MUSIC})

    story()


@pytest.mark.parametrize("written", ["warm-transfer", "Warm_Transfer", "WARM-TRANSFER"])
def test_actions_are_normalised(written: str) -> None:
    @in_virtual_time
    async def story() -> None:
        async with phlo_stage(party_flow()) as cast:
            await cast.talking()
            assert (await cast.act(written)).status_code == 201
            assert (await cast.member("1001", "abort-transfer")).status_code == 201

    story()


@pytest.mark.parametrize("role", ["agent", "customer", "supervisor", "", None])
def test_roles(role: str | None) -> None:
    @in_virtual_time
    async def story() -> None:
        async with phlo_stage(party_flow()) as cast:
            await cast.talking()
            assert (await cast.act("call", role=role)).status_code == 201
            await cast.picks_up("1002")
            expected = "customer" if role == "customer" else "agent"
            assert cast.event("MemberJoined")["role"] == expected

    story()


# --- replies --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slash", ["", "/"])
def test_what_a_flow_and_a_node_look_like(slash: str) -> None:
    @in_virtual_time
    async def story() -> None:
        async with phlo_stage(party_flow()) as cast:
            shown = await cast.stage.http.get(f"/v1/phlo/{PHLO}{slash}?phlo_id={PHLO}", auth=AUTH)
            body = shown.json()
            assert (shown.status_code, shown.headers["content-type"]) == (200, "application/json")
            assert (body["phlo_id"], body["name"]) == (PHLO, "Support line")
            assert WRITTEN.fullmatch(body["created_on"])
            assert UUID.fullmatch(body["api_id"])
            body = (await cast.stage.http.get(N + slash, auth=AUTH)).json()
            assert {key: body[key] for key in ("node_id", "phlo_id", "name", "node_type")} == {
                "node_id": NODE,
                "phlo_id": PHLO,
                "name": "Multi-Party Call_1",
                "node_type": "multi_party_call",
            }
            assert WRITTEN.fullmatch(body["created_on"])
            body = (await cast.stage.http.get(f"/v1/phlo/{PHLO}/start/n-start{slash}", auth=AUTH)).json()
            assert body["node_type"] == "start"
            assert (await cast.stage.http.get(f"/v1/phlo/{PHLO}/initiate_call/{NODE}", auth=AUTH)).status_code == 404

    story()


@in_virtual_time
async def test_what_an_accepted_action_looks_like() -> None:
    async with phlo_stage(party_flow()) as cast:
        await cast.talking()
        body = (await cast.act("call")).json()
        assert set(body) == {"api_id", "error", "phlo_id", "node_id", "node_type", "name", "created_on"}
        body = (await cast.member(CUSTOMER, "hold")).json()
        assert body["member_address"] == CUSTOMER
        assert body["error"] == ""


@in_virtual_time
async def test_the_status_of_actions_is_an_option() -> None:
    async with phlo_stage(party_flow(), phlo={"action_status": 200}) as cast:
        await cast.talking()
        assert (await cast.act("call")).status_code == 200
        assert (await cast.member(CUSTOMER, "hold")).status_code == 200


@in_virtual_time
async def test_what_a_run_answers() -> None:
    async with phlo_stage(flow(START, lines=())) as cast:
        for content in ("", "{}", '""', "null", '{"from": "a", "extra": {"x": [1]}}'):
            reply = await post(cast, R, content.encode())
            body = reply.json()
            assert reply.status_code == 201
            assert (body["phlo_id"], body["error"]) == (PHLO, "")
            assert body["phlo_run_id"] == body["api_id"]
            for word in ("start", "b'Start'", "http", body["api_id"]):
                assert word in body["message"]
            run = (await cast.stage.http.get(f"/v1/phlo/{PHLO}/runs/{body['api_id']}/", auth=AUTH)).json()
            assert (run["run_id"], run["status"], run["call_uuids"]) == (body["api_id"], "completed", [])
            assert WRITTEN.fullmatch(run["started_on"])
            assert WRITTEN.fullmatch(run["ended_on"])
            assert (run["message_uuids"], run["recording_ids"], run["current_node_id"]) == ([], [], "n-start")


# --- refusals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/v1/phlo/unknown", "GET", 404),
        ("/v1/phlo/unknown/multi_party_call/x", "POST", 404),
        (f"/v1/phlo/{PHLO}/multi_party_call/unknown", "GET", 404),
        (f"/v1/phlo/{PHLO}/multi_party_call/n-start", "GET", 404),
        (f"/v1/phlo/{PHLO}/conference_bridge/{NODE}", "GET", 404),
        (f"/v1/phlo/{PHLO}/conference_bridge/{NODE}", "POST", 405),
        (f"/v1/phlo/{PHLO}/conference_bridge/{NODE}/members/1001", "POST", 404),
        (f"/v1/phlo/{PHLO}/runs/unknown", "GET", 404),
        (f"/v1/phlo/{PHLO}/multi_party_call/{NODE}/members", "POST", 404),
        (f"/v1/phlo/{PHLO}/multi_party_call/{NODE}/members/", "POST", 404),
        (f"/v1/phlo/{PHLO}/multi_party_call/{NODE}/what/1001", "POST", 404),
        ("/v1/phlo/", "GET", 404),
        (f"/v1/account/{ACCOUNT}/phlo", "GET", 404),
        (f"/v1/account/{ACCOUNT}/phlo/unknown", "POST", 404),
        (R, "GET", 405),
        (R, "DELETE", 405),
        (f"/v1/phlo/{PHLO}", "POST", 405),
        (f"/v1/phlo/{PHLO}/runs/x", "POST", 405),
        (N, "DELETE", 405),
        (N, "PUT", 405),
        (f"{N}/members/1001", "GET", 405),
        (f"{N}/members/1001", "PATCH", 405),
    ],
)
@pytest.mark.parametrize("slash", ["", "/"])
def test_paths_and_methods_that_are_not_there(path: str, method: str, status: int, slash: str) -> None:
    @in_virtual_time
    async def story() -> None:
        async with phlo_stage(party_flow()) as cast:
            content = b'{"action": "hold"}'
            reply = await cast.stage.http.request(method, path.rstrip("/") + slash, content=content, auth=AUTH)
            assert reply.status_code == status
            assert set(reply.json()) == {"api_id", "error"}
            assert reply.headers["content-type"] == "application/json"

    story()


@in_virtual_time
async def test_who_may_ask() -> None:
    async with phlo_stage(party_flow(), **with_accounts()) as cast:
        await cast.talking()
        wrong: list[Any] = [None, (ACCOUNT, "wrong"), ("MANOBODY000000000000", TOKEN), (SUB, TOKEN)]
        for auth in wrong:
            for path in (R, N, f"{N}/members/1001"):
                reply = await cast.stage.http.post(path, json={"action": "hold"}, auth=auth)
                assert (reply.status_code, set(reply.json())) == (401, {"api_id", "error"})
                assert reply.headers["www-authenticate"].startswith("Basic ")
        for header in ("Bearer x", "Basic", "Basic !!!", "Basic " + "eA==", "Basic /w==", b"Basic \xe9"):
            reply = await cast.stage.http.get(f"/v1/phlo/{PHLO}", headers={"Authorization": header})
            assert reply.status_code == 401
        for auth in ((OTHER, "other-token"), (SUB, "sub-token")):
            assert (await cast.stage.http.get(f"/v1/phlo/{PHLO}", auth=auth)).status_code == 404
            assert (await post(cast, R, b"{}", auth=auth)).status_code == 401
            assert (await post(cast, f"{N}/members/1001", b'{"action": "hangup"}', auth=auth)).status_code == 404
        for_sub = f"/v1/account/{SUB}/phlo/{PHLO}"
        assert (await post(cast, for_sub, b"{}")).status_code == 404
        own = f"/v1/account/{OTHER}/phlo/{PHLO}"
        assert (await post(cast, own, b"{}", auth=(OTHER, "other-token"))).status_code == 404


@in_virtual_time
async def test_a_main_account_acts_for_its_sub_account() -> None:
    more = with_accounts()
    async with phlo_stage(party_flow(), **more) as cast:
        from dataclasses import replace

        flows = cast.stage.dialects["phlo"].walker.flows
        flows.put(replace(flows.get(PHLO), account=SUB))
        for auth in ((SUB, "sub-token"), AUTH):
            assert (await post(cast, f"/v1/account/{SUB}/phlo/{PHLO}", b"{}", auth=auth)).status_code == 201
            assert (await post(cast, f"/v1/account/{OTHER}/phlo/{PHLO}", b"{}", auth=auth)).status_code == 401
            assert (await cast.stage.http.get(f"/v1/phlo/{PHLO}", auth=auth)).status_code == 200


@in_virtual_time
async def test_requests_are_in_the_journal_with_the_call_they_concern() -> None:
    async with phlo_stage(party_flow()) as cast:
        customer, _ = await cast.talking()
        reply = await cast.member(CUSTOMER, "hold")
        entry = next(entry for entry in cast.stage.entries if entry.kind == "HttpRequest")
        assert entry.leg == customer.leg
        assert entry.body["dialect"] == "phlo"
        assert (entry.body["status"], entry.body["api_id"]) == (201, reply.json()["api_id"])
        assert NUMBER not in str(entry.body["path"])
        held = next(entry for entry in cast.stage.entries if entry.kind == "MemberHeld")
        assert held.cause == reply.json()["api_id"]
