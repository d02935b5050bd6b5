"""The Workspace API: tokens, sessions, activation, agent states, and what a desktop is told that comes late."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.requests import Request

from switchhook.dialects.genesys.agents import Roster, User
from switchhook.dialects.genesys.status import Failure
from switchhook.dialects.genesys.workspace.access import KEPT, TOKEN_S, Access
from switchhook.lab.stage import Stage
from switchhook.lab.virtual_time import in_virtual_time
from tests.dialects.genesys.office import OUTSIDE, SERVICE, Desktop, settings
from tests.dialects.genesys.worker import INITIALIZATION, Worker, states

USER = {
    "firstName": "",
    "lastName": "",
    "userName": "agent1",
    "employeeId": "agent1",
    "agentLogin": "5001",
    "defaultPlace": "5001",
    "userProperties": [],
}


def stage(**sections: object) -> Stage:
    return Stage(settings(**sections), dialects=("genesys",))


@in_virtual_time
async def test_a_token_for_the_agents_password_only() -> None:
    async with stage() as office:
        worker = Worker(office)
        for fields, error in (
            ({"grant_type": "password", "username": "agent1", "password": "secret2"}, "invalid_grant"),
            ({"grant_type": "password", "username": "nobody", "password": "secret1"}, "invalid_grant"),
            ({"grant_type": "password"}, "invalid_grant"),
            ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
            ({}, "unsupported_grant_type"),
        ):
            status, body = await worker.send("POST", "/auth/v3/oauth/token", data=fields)
            assert (status, body["error"]) == (400, error)
        assert len({await worker.token() for _ in range(3)}) == 3


@in_virtual_time
async def test_without_a_token_or_a_session_nothing_is_told() -> None:
    async with stage() as office:
        worker = Worker(office)
        for header in ("", "Bearer", "Bearer x", "Basic YWdlbnQxOnNlY3JldDE="):
            headers = {"Authorization": header} if header else {}
            assert await worker.post("/initialize-workspace", headers=headers) == (401, 401)
        assert await worker.post("/initialize-workspace?code=x") == (401, 401)
        assert worker.cookie == ""
        for path in ("/activate-channels", "/voice/ready", "/voice/make-call", "/voice/calls/1/answer", "/logout"):
            assert await worker.post(path) == (401, 401)
        for path in ("/voice/calls", "/current-session", "/configuration"):
            status, body = await worker.send("GET", f"/workspace/v3{path}")
            assert (status, body["status"]["code"]) == (401, 401)
        status, _ = await worker.send("POST", "/workspace/v3/notifications", json=[{"channel": "/meta/handshake"}])
        assert status == 401


@in_virtual_time
async def test_a_session_ends_when_nothing_is_asked() -> None:
    async with stage() as office:
        worker = await Worker(office).opens()
        await office.passes(1801.0)
        assert await worker.post("/voice/ready") == (401, 401)


def test_tokens_end_and_the_oldest_goes_when_there_are_too_many() -> None:
    now = [0.0]
    agent = settings().agents[0]
    user = User(agent, "account", "key")
    access = Access(Roster((user,)), lambda: now[0], "")

    def opens(text: str) -> bool:
        headers = [(b"authorization", f"Bearer {text}".encode())]
        try:
            return access.bearer(Request({"type": "http", "headers": headers})) is user
        except Failure:
            return False

    def token() -> str:
        found = access.token(agent.username, agent.password)
        assert found is not None
        return found.text

    first = token()
    assert opens(first)
    later = [token() for _ in range(KEPT)]
    assert [opens(each) for each in (first, *later)] == [False, *([True] * KEPT)]
    now[0] = TOKEN_S
    assert not any(map(opens, later))


@in_virtual_time
async def test_the_api_key_where_one_is_configured() -> None:
    async with stage(genesys={"api_key": "k1"}) as office:
        for key in ("", "k2"):
            status, body = await Worker(office, key=key).send("POST", "/auth/v3/oauth/token")
            assert (status, body["status"]["code"]) == (401, 401)
        worker = await Worker(office, key="k1").opens()
        worker.key = {}
        assert await worker.post("/voice/ready") == (401, 401)


@in_virtual_time
async def test_pages_of_other_servers() -> None:
    async with stage(genesys={"allowed_origins": ["http://*.example.com"]}) as office:
        for path in ("/workspace/v3/voice/ready", "/workspace/v3/notifications", "/auth/v3/oauth/token"):
            for origin, allowed in (("http://desk.example.com", True), ("http://example.org", False)):
                reply = await office.http.options(path, headers={"Origin": origin})
                assert reply.status_code == 200
                assert ("x-api-key" in reply.headers.get("access-control-allow-headers", "")) is allowed
                reply = await office.http.post(path, headers={"Origin": origin})
                assert (reply.headers.get("access-control-allow-origin") == origin) is allowed


@in_virtual_time
async def test_initialise_activate_and_the_current_session() -> None:
    async with stage() as office:
        worker = await Worker(office).opens(activate=False)
        [message] = await worker.fetched()
        assert message["channel"] == INITIALIZATION
        data = message["data"]
        assert (data["messageType"], data["state"]) == ("WorkspaceInitializationComplete", "Complete")
        user = data["data"]["user"]
        assert isinstance(user.pop("dbid"), int)
        assert user == USER
        configuration = await worker.get("/configuration")
        assert data["data"]["configuration"] == configuration
        assert "activeSession" not in (await worker.get("/current-session"))["user"]
        assert await worker.post("/activate-channels", agentId="agent1", dn="5001") == (200, 0)
        [changed] = await worker.told()
        dn = {"number": "5001", "agentId": "agent1", "agentState": "NotReady", "agentWorkMode": "Unknown"}
        assert {name: changed["dn"][name] for name in dn} == dn
        active = (await worker.get("/current-session"))["user"]["activeSession"]
        assert (active["currentPlace"], active["dn"], active["calls"]) == ("5001", changed["dn"], [])
        assert await worker.post("/logout") == (200, 0)
        assert await worker.post("/voice/ready") == (401, 401)
        assert not office.dialects["genesys"].roster.users["agent1"].in_session


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"agentId": "agent1"},
        {"agentId": "agent2", "dn": "5001"},
        {"agentId": "agent1", "dn": "5002"},
        {"agentId": "agent1", "placeName": "elsewhere"},
        {"agentId": "agent1", "dn": 5001},
        {"agentId": "agent1", "dn": "5001", "agentWorkMode": "Sometimes"},
        {"agentId": "agent1", "dn": "5001", "autoCompleteCall": "no"},
        {"agentId": "agent1", "dn": "5001", "channels": "voice"},
        {"agentId": "agent1", "dn": "5001", "extensions": {"a": 1}},
    ],
)
@in_virtual_time
async def test_an_activation_that_is_wrong_changes_nothing(data: dict[str, Any]) -> None:
    async with stage() as office:
        worker = await Worker(office).opens(activate=False)
        await worker.fetched()
        assert await worker.post("/activate-channels", **data) == (400, 400)
        assert await worker.fetched() == []
        assert not office.dialects["genesys"].roster.users["agent1"].in_session


@in_virtual_time
async def test_agent_states() -> None:
    async with stage() as office:
        worker = await Worker(office).opens(agentWorkMode="AutoIn")
        assert (await worker.told())[-1]["dn"]["agentState"] == "Ready"
        asked: tuple[tuple[str, dict[str, Any], str, str], ...] = (
            ("/voice/not-ready", {}, "NotReady", "Unknown"),
            ("/voice/not-ready", {"agentWorkMode": "AuxWork", "reasonCode": "Lunch"}, "NotReady", "AuxWork"),
            ("/voice/not-ready", {"agentWorkMode": "AfterCallWork"}, "NotReady", "AfterCallWork"),
            ("/voice/not-ready", {"agentWorkMode": "WalkAway"}, "NotReady", "Unknown"),
            ("/voice/ready", {}, "Ready", "ManualIn"),
            ("/voice/logout", {}, "LoggedOut", "Unknown"),
            ("/voice/login", {}, "NotReady", "Unknown"),
        )
        for path, data, state, mode in asked:
            assert await worker.post(path, **data) == (200, 1)
            [changed] = await worker.told()
            assert changed["messageType"] == "DnStateChanged"
            assert (changed["dn"]["agentState"], changed["dn"]["agentWorkMode"]) == (state, mode)
        assert await worker.post("/voice/not-ready", agentWorkMode="Lunch") == (400, 400)
        assert await worker.told() == []


@in_virtual_time
async def test_a_desktop_that_comes_late_is_told_the_call_that_is_there() -> None:
    async with stage() as office:
        worker = await Worker(office).opens()
        await worker.told()
        customer = office.phone(OUTSIDE).calls(SERVICE)
        (await office.phone("1001").rings()).answers()
        call = (await worker.told())[-1]["call"]
        second = await Worker(office).opens(activate=False)
        told = await second.told()
        assert [each["messageType"] for each in told] == ["DnStateChanged", "CallStateChanged"]
        assert (told[1]["notificationType"], told[1]["call"]) == ("CallRecovered", call)
        customer.hangs_up()
        assert states(await second.told()) == [("Inbound", "Released")]


@in_virtual_time
async def test_released_calls_that_the_agent_completes() -> None:
    async with stage() as office:
        worker = await Worker(office).opens(autoCompleteCall=False)
        await worker.told()
        customer = office.phone(OUTSIDE).calls(SERVICE)
        (await office.phone("1001").rings()).answers()
        call = (await worker.told())[-1]["call"]
        assert await worker.fails(call, "complete") == 404
        customer.hangs_up()
        [released] = await worker.told()
        assert (released["call"]["state"], released["call"]["capabilities"]) == ("Released", ["complete"])
        assert await worker.calls() == [released["call"]]
        [completed] = await worker.does(call, "complete")
        assert (completed["call"]["state"], completed["call"]["capabilities"]) == ("Completed", [])
        assert await worker.calls() == []
        assert await worker.fails(call, "complete") == 404


@in_virtual_time
async def test_both_apis_show_the_same_call() -> None:
    async with stage() as office:
        worker = await Worker(office).opens()
        desk = await Desktop(office).opens()
        await worker.told()
        office.phone(OUTSIDE).calls(SERVICE)
        (await office.phone("1001").rings()).answers()
        [_, here] = await worker.told()
        [_, there] = await desk.told()
        assert here["call"]["callUuid"] == there["call"]["id"]
        assert here["call"]["id"] == there["call"]["connId"]
        await worker.does(here["call"], "hold")
        assert [each["call"]["state"] for each in await desk.told()] == ["Held"]
        await desk.does(there["call"], "Hangup")
        assert states(await worker.told()) == [("Inbound", "Released")]


@in_virtual_time
async def test_an_agent_stays_logged_in_with_a_desktop_of_either_api() -> None:
    async with stage(genesys={"max_interval_s": 100.0, "session_grace_s": 10.0}) as office:
        worker = await Worker(office).opens()
        desk = await Desktop(office).opens()
        user = office.dialects["genesys"].roster.users["agent1"]
        for _ in range(3):
            await office.passes(60.0)
            await worker.fetched()
        assert office.dialects["genesys"].bayeux.sessions_of("agent1") == 0
        assert desk.client_id
        assert user.in_session
        await office.passes(120.0)
        assert not user.in_session


@in_virtual_time
async def test_make_a_call() -> None:
    async with stage() as office:
        worker = await Worker(office).opens()
        other = await Worker(office, "agent2").opens()
        await worker.told()
        await other.told()
        case = {"key": "case", "type": "str", "value": "7"}
        assert await worker.post("/voice/make-call", destination="5002", userData=[case]) == (200, 1)
        [dialing] = await worker.told()
        assert states([dialing]) == [("Internal", "Dialing")]
        assert dialing["call"]["participants"] == [{"number": "5002", "role": "RoleDestination"}]
        (await office.phone("1001").rings()).answers()
        target = await office.phone("1002").rings()
        [ringing] = await other.told()
        assert ringing["call"]["participants"] == [{"number": "5001", "role": "RoleOrigination"}]
        assert (ringing["call"]["userData"], ringing["call"]["ani"]) == ([case], "5001")
        assert ringing["call"]["id"] == dialing["call"]["id"]
        target.answers()
        assert states(await worker.told()) == [("Internal", "Established")]
        for wrong in ({}, {"destination": ""}, {"destination": 5}, {"destination": "5001"}):
            assert await worker.post("/voice/make-call", **wrong) == (400, 400)
        assert await worker.post("/voice/make-call", destination="5003", userData={"a": 1}) == (400, 400)


@in_virtual_time
async def test_a_user_event_comes_to_the_agents_own_desktops() -> None:
    async with stage() as office:
        worker = await Worker(office).opens()
        other = await Worker(office, "agent2").opens()
        await worker.told()
        await other.told()
        pairs = [{"key": "GSW", "type": "kvlist", "value": [{"key": "n", "type": "int", "value": 1}]}]
        assert await worker.post("/voice/send-user-event", userData=pairs, callUuid="U1") == (200, 1)
        assert await worker.told() == [{"userData": pairs, "callUuid": "U1", "messageType": "EventUserEvent"}]
        assert await other.told() == []
        assert await worker.post("/voice/send-user-event") == (400, 400)


@in_virtual_time
async def test_requests_that_are_no_requests() -> None:
    async with stage() as office:
        worker = await Worker(office).opens()
        for body in (b"{", b"[]", b'{"data": []}', b'{"operationId": 5}', b"\xff"):
            status, reply = await worker.send("POST", "/workspace/v3/voice/ready", content=body)
            assert (status, reply["status"]["code"]) == (400, 400)
        for method, path, wanted in (
            ("GET", "/voice/ready", 403),
            ("POST", "/voice/calls", 403),
            ("GET", "/media/chat", 404),
            ("GET", "", 404),
        ):
            status, reply = await worker.send(method, f"/workspace/v3{path}")
            assert (status, set(reply)) == (wanted, {"status"})
        status, _ = await worker.send("POST", "/workspace/v3/voice/ready/")
        assert status == 200


@in_virtual_time
async def test_an_answer_that_the_telephone_does_not_give_is_told_as_an_error() -> None:
    async with stage() as office:
        worker = await Worker(office).opens()
        await worker.told()
        office.phone(OUTSIDE).calls(SERVICE)
        await office.phone("1001").rings()
        [ringing] = await worker.told()
        assert await worker.post(f"/voice/calls/{ringing['call']['id']}/answer") == (200, 1)
        await office.passes(6.0)
        errors = [each["error"] for each in await worker.told() if each["messageType"] == "EventError"]
        assert [set(each) for each in errors] == [{"errorCode", "errorMessage"}]
        assert "by hand" in errors[0]["errorMessage"]
