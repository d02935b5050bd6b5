"""CometD over HTTP: connections that wait, are woken, end, and come in the other shapes that clients use."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from switchhook.dialects.genesys.bayeux.polling import rendered
from switchhook.lab.stage import Stage
from switchhook.lab.virtual_time import in_virtual_time
from tests.dialects.genesys.office import Desktop, settings, states

AUTH = ("agent1", "secret1")
HANDSHAKE = {"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": ["long-polling"], "id": "1"}


def office(**sections: Any) -> Stage:
    return Stage(settings(**sections), dialects=("genesys",))


async def waits(stage: Stage, desk: Desktop, **more: Any) -> asyncio.Task[Any]:
    """Begins a connect and returns when the server holds it."""
    task = asyncio.ensure_future(desk.bayeux(desk.connect(**more), path="/connect"))
    await stage.settled()
    assert not task.done()
    return task


@in_virtual_time
@pytest.mark.parametrize("path", ["", "/", "/handshake", "/anything/at/all"])
async def test_every_sub_path_is_the_same_endpoint(path: str) -> None:
    async with office() as stage:
        reply = await stage.http.post(f"/api/v2/notifications{path}", json=[HANDSHAKE], auth=AUTH)
        assert reply.json()[0]["successful"]


@in_virtual_time
async def test_a_held_connect_is_answered_when_its_time_is_over() -> None:
    async with office() as stage:
        desk = await Desktop(stage).opens()
        await desk.told()
        began = stage.now
        [reply] = await desk.bayeux(desk.connect(), path="/connect")
        assert reply["successful"]
        assert stage.now - began == pytest.approx(30, abs=0.01)


@in_virtual_time
async def test_everything_one_step_tells_comes_in_one_reply() -> None:
    async with office() as stage:
        desk = await Desktop(stage).opens()
        await desk.told()
        stage.phone("1002").calls("5001")
        (await stage.phone("1001").rings()).answers()
        [*_, established] = await desk.told()
        waiting = await waits(stage, desk)
        path = f"/me/calls/{established['call']['id']}"
        began = stage.now
        await desk.post(path, "InitiateTransfer", destination={"phoneNumber": "5003"})
        replies = await waiting
        assert states([reply["data"] for reply in replies[:-1]]) == [("Internal", "Held"), ("Consult", "Dialing")]
        assert replies[-1]["channel"] == "/meta/connect"
        assert stage.now - began < 0.01


@in_virtual_time
async def test_the_timeline_shows_the_request_with_its_call_and_what_was_told_to_whom() -> None:
    async with office() as stage:
        desk = await Desktop(stage).opens()
        stage.phone("1002").calls("5001")
        (await stage.phone("1001").rings()).answers()
        [*_, established] = await desk.told()
        await desk.does(established["call"], "Hold")
        await desk.fails(established["call"], "Hold")
        shown = [entry for entry in stage.entries if entry.kind in ("Notification", "HttpRequest")]
        assert [entry.body.get("name") or (entry.body["body"], entry.body["status"]) for entry in shown] == [
            "StatusChange Internal Ringing",
            "StatusChange Internal Established",
            "StatusChange Internal Held",
            ("Hold", 200),
            ("Hold", 400),
        ]
        assert {entry.body.get("user", "agent1") for entry in shown} == {"agent1"}  # agent2 has no desktop
        assert len({entry.call for entry in shown}) == 1
        assert shown[0].call


@in_virtual_time
async def test_a_connection_that_ends_while_held_loses_nothing() -> None:
    async with office() as stage:
        desk = await Desktop(stage).opens()
        await desk.told()
        waiting = await waits(stage, desk)
        waiting.cancel()  # the client's TCP connection is gone
        await stage.settled()
        stage.phone("1002").calls("5001")
        await stage.phone("1001").rings()
        assert states(await desk.told()) == [("Internal", "Ringing")]


@in_virtual_time
async def test_two_windows_of_one_agent_see_the_same() -> None:
    async with office() as stage:
        one, two = await Desktop(stage).opens(), await Desktop(stage, ack=True).opens("/**")
        other = await Desktop(stage, "agent3").opens("/**")
        await one.post("/me", "StartContactCenterSession", channels=["voice"])
        line = stage.phone("1002").calls("5001")
        (await stage.phone("1001").rings()).answers()
        line.hangs_up()
        seen = await one.told()
        assert states(seen) == [("Internal", "Ringing"), ("Internal", "Established"), ("Internal", "Released")]
        messages = await two.fetched()
        assert [message["channel"] for message in messages[:2]] == ["/v2/me/devices", "/v2/me/channels"]
        assert [message["data"] for message in messages[2:]] == seen
        assert await other.fetched() == []


@in_virtual_time
async def test_a_second_connect_gets_what_the_first_waited_for() -> None:
    async with office() as stage:
        desk = await Desktop(stage).opens()
        await desk.told()
        first = await waits(stage, desk)
        second = await waits(stage, desk)
        await stage.settled()
        assert [reply["channel"] for reply in await first] == ["/meta/connect"]
        stage.phone("1002").calls("5001")
        await stage.phone("1001").rings()
        assert len(await second) == 2


@in_virtual_time
async def test_a_disconnect_answers_the_held_connect() -> None:
    async with office() as stage:
        desk = await Desktop(stage).opens()
        await desk.told()
        waiting = await waits(stage, desk)
        [reply] = await desk.bayeux(desk.message("/meta/disconnect"), path="/disconnect")
        assert reply["successful"]
        assert (await waiting)[-1]["channel"] == "/meta/connect"


@in_virtual_time
async def test_an_idle_desktop_has_no_task_of_its_own() -> None:
    async with office() as stage:
        desk = await Desktop(stage).opens()
        await desk.told()
        before = len(asyncio.all_tasks())
        waiting = await waits(stage, desk)
        assert len(asyncio.all_tasks()) == before + 1  # the request itself
        assert (await waiting)[-1]["successful"]


@in_virtual_time
async def test_the_server_answers_whoever_waits_before_it_stops() -> None:
    async with office() as stage:
        desk = await Desktop(stage).opens()
        await desk.told()
        waiting = await waits(stage, desk)
        await stage.dialects["genesys"].stop()
        assert (await waiting)[-1]["successful"]


# --- other shapes -----------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_a_lone_object_a_form_and_callback_polling() -> None:
    async with office() as stage:
        lone = await stage.http.post("/api/v2/notifications", json=HANDSHAKE, auth=AUTH)
        form = await stage.http.post("/api/v2/notifications", data={"message": json.dumps([HANDSHAKE])}, auth=AUTH)
        assert lone.json()[0]["successful"]
        assert form.json()[0]["successful"]
        query = {"message": json.dumps([HANDSHAKE]), "jsonp": "jQuery17_1"}
        called = await stage.http.get("/api/v2/notifications", params=query, auth=AUTH)
        assert called.headers["content-type"].startswith("text/javascript")
        assert called.text.startswith("jQuery17_1([")
        assert called.text.endswith("])")
        client = json.loads(called.text.removeprefix("jQuery17_1(")[:-1])[0]["clientId"]
        connect = {"channel": "/meta/connect", "clientId": client, "connectionType": "callback-polling", "id": "2"}
        for _ in range(2):  # at once, then held
            query = {"message": json.dumps([connect])}
            called = await stage.http.get("/api/v2/notifications/connect", params=query, auth=AUTH)
            assert json.loads(called.text.removeprefix("jsonpcallback(")[:-1])[-1]["successful"]


@in_virtual_time
@pytest.mark.parametrize("body", [b"", b"[", b"[]", b"7", b"[1]", b'"x"', b"[" * 100_000, b"\xff", b" " * 2_000_000])
async def test_a_body_without_messages_is_refused(body: bytes) -> None:
    async with office() as stage:
        reply = await stage.http.post("/api/v2/notifications", content=body, auth=AUTH)
        assert reply.status_code == 400
        assert reply.json()["statusCode"] == 2


@in_virtual_time
@pytest.mark.parametrize("callback", ["alert(1);x", "a b", "", "</script>"])
async def test_a_callback_must_be_the_name_of_a_function(callback: str) -> None:
    async with office() as stage:
        query = {"message": json.dumps([HANDSHAKE]), "jsonp": callback}
        assert (await stage.http.get("/api/v2/notifications", params=query, auth=AUTH)).status_code == 400


@in_virtual_time
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),  # no browser
        ({"referer": "http://127.0.0.1:8080/desk.html", "sec-fetch-site": "same-origin"}, 200),
        ({"referer": "https://crm.example.com/a?b"}, 200),
        ({"referer": "https://evil.example.org/"}, 403),
        ({"referer": "https://evil.example.org/127.0.0.1:8080"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),  # a page that hides its address
        ({"sec-fetch-site": "none"}, 200),
    ],
)
async def test_a_script_of_another_servers_page_runs_only_where_cors_lets_it_in(
    headers: dict[str, str], status: int
) -> None:
    async with office(genesys={"allowed_origins": ["https://*.example.com"]}) as stage:
        query = {"message": json.dumps([HANDSHAKE])}
        reply = await stage.http.get("/api/v2/notifications", params=query, auth=AUTH, headers=headers)
        assert reply.status_code == status


def test_what_ends_a_line_in_old_scripts_is_escaped_in_them() -> None:
    texts = [json.dumps("a\u2028b\u2029c", ensure_ascii=False).encode()]
    called = rendered(texts, "fn").decode()
    assert called == 'fn(["a\\u2028b\\u2029c"])'
    assert json.loads(called[3:-1]) == json.loads(rendered(texts, "")) == ["a\u2028b\u2029c"]


@in_virtual_time
async def test_nobody_in_particular_is_refused_before_any_bayeux() -> None:
    async with office() as stage:
        reply = await stage.http.post("/api/v2/notifications", json=[HANDSHAKE])
        assert reply.status_code == 403
        assert reply.json() == {"statusCode": 20, "statusMessage": "Access denied"}


# --- sessions and agents ----------------------------------------------------------------------------------------------


@in_virtual_time
async def test_a_session_ends_by_itself_and_the_agent_is_logged_out_only_after_a_grace() -> None:
    async with office(genesys={"max_interval_s": 60.0, "session_grace_s": 60.0}) as stage:
        desk = await Desktop(stage).opens()
        await desk.told()
        await desk.post("/me", "StartContactCenterSession", channels=["voice"])
        await desk.post("/me/channels/voice", "Ready")
        await stage.passes(61)
        [reply] = await desk.bayeux(desk.connect(), path="/connect")
        assert reply["error"] == "402::session_unknown"
        assert desk.user.activity.state == "Ready"
        await stage.passes(60)
        assert desk.user.activity.state == "LoggedOut"


@in_virtual_time
async def test_a_desktop_that_comes_back_in_time_finds_its_agent_logged_in() -> None:
    async with office(genesys={"max_interval_s": 60.0}) as stage:
        desk = await Desktop(stage).opens()
        await desk.told()
        await desk.post("/me", "StartContactCenterSession", channels=["voice"])
        await stage.passes(90)
        await desk.opens()
        for _ in range(5):
            await stage.passes(20)
            await desk.told()
        assert desk.user.activity.state == "NotReady"
        assert desk.user.in_session


@in_virtual_time
async def test_with_acknowledgement_a_lost_reply_comes_again() -> None:
    async with office() as stage:
        desk = await Desktop(stage, ack=True).opens()
        stage.phone("1002").calls("5001")
        await stage.phone("1001").rings()
        assert states(await desk.told()) == [("Internal", "Ringing")]
        desk.batch = 0  # as if that reply had never arrived
        stage.phone("1001").line.answers()
        assert states(await desk.told()) == [("Internal", "Ringing"), ("Internal", "Established")]
