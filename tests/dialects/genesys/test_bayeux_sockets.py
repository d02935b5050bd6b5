"""CometD over web sockets: who may open one, what travels on it, and that a break loses nothing (genesys 7.1)."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from switchhook.lab.stage import Stage
from switchhook.lab.virtual_time import in_virtual_time
from tests.dialects.genesys.bayeux_socket import TYPES, FakeSocket, connect
from tests.dialects.genesys.office import Desktop, settings


def office(**sections: Any) -> Stage:
    return Stage(settings(**sections), dialects=("genesys",))


def told(replies: list[dict[str, Any]]) -> list[str]:
    """Returns the states of the calls that were told of."""
    return [reply["data"]["call"]["state"] for reply in replies if reply["channel"] == "/v2/me/calls"]


async def rings(stage: Stage) -> Any:
    """A customer calls; returns the ringing line on the agent's desk."""
    stage.phone("1002").calls("5001")
    line = await stage.phone("1001").rings()
    await stage.settled()
    return line


# --- opening ----------------------------------------------------------------------------------------------------------


@in_virtual_time
@pytest.mark.parametrize("path", ["", "/", "/handshake"])
async def test_a_desktop_lives_on_a_web_socket(path: str) -> None:
    async with office() as stage:
        socket = await FakeSocket(stage, path=path).opened()
        assert socket.status == 101
        assert socket.reply["set-cookie"].startswith("JSESSIONID=")
        client = await socket.shakes()
        assert await socket.says(connect(client)) == []  # held
        line = await rings(stage)
        [message, reply] = socket.frames[-1]
        assert told([message]) == ["Ringing"]
        assert reply == {"channel": "/meta/connect", "successful": True, "clientId": client, "id": "c"}
        await socket.says(connect(client))
        line.answers()
        await stage.settled()
        assert told(socket.frames[-1]) == ["Established"]
        await socket.ends()


@in_virtual_time
async def test_the_handshake_names_web_sockets_where_they_are_offered() -> None:
    shake = {"channel": "/meta/handshake", "supportedConnectionTypes": TYPES, "id": "1"}
    async with office() as stage:
        [reply] = (await stage.http.post("/api/v2/notifications", json=[shake], auth=("agent1", "secret1"))).json()
        assert reply["supportedConnectionTypes"] == ["websocket", "long-polling", "callback-polling"]
    async with office(genesys={"websocket": False}) as stage:
        [reply] = (await stage.http.post("/api/v2/notifications", json=[shake], auth=("agent1", "secret1"))).json()
        assert reply["supportedConnectionTypes"] == ["long-polling", "callback-polling"]
        socket = await FakeSocket(stage).opened()
        assert socket.status == 403  # an HTTP error: the client falls back to long-polling


@in_virtual_time
@pytest.mark.parametrize("basic", [b"", b"Basic YWdlbnQxOndyb25n", b"Bearer x"])
async def test_nobody_in_particular_opens_no_socket(basic: bytes) -> None:
    async with office() as stage:
        socket = await FakeSocket(stage, basic=basic).opened()
        assert socket.status == 403
        assert json.loads(socket.body) == {"statusCode": 20, "statusMessage": "Access denied"}


@in_virtual_time
async def test_the_session_cookie_opens_a_socket_and_its_end_closes_it() -> None:
    async with office() as stage:
        login = await stage.http.get("/api/v2/me", auth=("agent1", "secret1"))
        cookie = (b"cookie", login.headers["set-cookie"].partition(";")[0].encode())
        socket = await FakeSocket(stage, cookie, basic=b"").opened()
        assert "set-cookie" not in socket.reply
        client = await socket.shakes()
        stage.http.cookies.set("JSESSIONID", login.cookies["JSESSIONID"])
        ended = await stage.http.post("/api/v2/me", json={"operationName": "EndContactCenterSession"})
        assert ended.json() == {"statusCode": 0}
        await socket.says(connect(client))
        assert socket.closed == 1008
        again = await FakeSocket(stage, cookie, basic=b"").opened()
        assert again.status == 403


@in_virtual_time
@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (b"http://desk.example", 101),  # the host of the request
        (b"http://127.0.0.1:8080", 101),  # the public address, whatever a proxy made of the host
        (b"https://crm.example.com", 101),  # let in by CORS
        (b"https://evil.example.org", 403),
        (b"http://desk.example.evil.org", 403),
        (b"null", 403),
    ],
)
async def test_a_page_of_another_server_opens_a_socket_only_where_cors_lets_it_in(origin: bytes, status: int) -> None:
    async with office(genesys={"allowed_origins": ["https://*.example.com"]}) as stage:
        socket = await FakeSocket(stage, (b"origin", origin)).opened()
        assert socket.status == status


# --- on it ------------------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_other_messages_pass_a_connect_that_is_held() -> None:
    async with office() as stage:
        socket = await FakeSocket(stage).opened()
        client = await socket.shakes()
        assert await socket.says(connect(client)) == []
        subscribe = {"channel": "/meta/subscribe", "clientId": client, "subscription": "/v2/me/devices", "id": "9"}
        [reply] = await socket.says(subscribe)
        assert (reply["id"], reply["successful"]) == ("9", True)
        await stage.passes(30)
        [reply] = socket.frames[-1]
        assert (reply["id"], reply["successful"]) == ("c", True)


@in_virtual_time
async def test_a_second_connect_releases_the_first() -> None:
    async with office() as stage:
        socket = await FakeSocket(stage).opened()
        client = await socket.shakes()
        await socket.says(connect(client, id="one"))
        [reply] = await socket.says(connect(client, id="two"))
        assert reply["id"] == "one"
        await rings(stage)
        assert [message.get("id") for message in socket.frames[-1]] == [None, "two"]


@in_virtual_time
async def test_a_disconnect_answers_the_held_connect_first_so_that_the_client_may_close() -> None:
    async with office() as stage:
        socket = await FakeSocket(stage).opened()
        client = await socket.shakes()
        await socket.says(connect(client))
        replies = await socket.says({"channel": "/meta/disconnect", "clientId": client, "id": "d"})
        assert [reply["channel"] for reply in replies] == ["/meta/connect", "/meta/disconnect"]
        assert replies[0]["advice"]["reconnect"] == "none"


@in_virtual_time
async def test_several_sessions_share_a_socket_and_each_is_told_once() -> None:
    async with office() as stage:
        socket = await FakeSocket(stage).opened()
        one, two = await socket.shakes(), await socket.shakes()
        await socket.says(connect(one, id="one"))
        await socket.says(connect(two, id="two"))
        before = len(socket.frames)
        await rings(stage)
        answered = {frame[-1]["id"]: told(frame) for frame in socket.frames[before:]}
        assert answered == {"one": ["Ringing"], "two": ["Ringing"]}


@in_virtual_time
@pytest.mark.parametrize("text", ["", "[", "[]", "7", "[1]", '"x"', b"\xff"])
async def test_a_frame_without_messages_closes_the_socket_and_harms_no_session(text: str | bytes) -> None:
    async with office() as stage:
        socket = await FakeSocket(stage).opened()
        client = await socket.shakes()
        await socket.says(connect(client))
        await socket.writes(text)
        assert socket.closed == 1007
        assert stage.dialects["genesys"].bayeux.held == 0
        await rings(stage)
        again = await FakeSocket(stage).opened()
        assert told(await again.says(connect(client))) == ["Ringing"]


@in_virtual_time
async def test_an_idle_socket_has_no_task_beside_its_own() -> None:
    async with office() as stage:
        before = len(asyncio.all_tasks())
        socket = await FakeSocket(stage).opened()
        await socket.says(connect(await socket.shakes()))
        assert len(asyncio.all_tasks()) == before + 1
        await socket.ends()
        assert len(asyncio.all_tasks()) == before


# --- breaks -----------------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_a_socket_that_ends_while_its_connect_is_held_loses_nothing() -> None:
    async with office() as stage:
        socket = await FakeSocket(stage).opened()
        client = await socket.shakes()
        await socket.says(connect(client))
        await socket.ends()
        line = await rings(stage)
        again = await FakeSocket(stage).opened()
        assert told(await again.says(connect(client))) == ["Ringing"]
        line.answers()
        await stage.settled()
        assert told(await again.says(connect(client))) == ["Established"]


@in_virtual_time
@pytest.mark.parametrize("ack", [False, True])
async def test_what_could_not_be_written_waits_for_the_next_connect(ack: bool) -> None:
    async with office() as stage:
        socket = await FakeSocket(stage).opened()
        seen: dict[str, Any] = {"ext": {"ack": 0}} if ack else {}
        client = await socket.shakes(**({"ext": {"ack": True}} if ack else {}))
        await socket.says(connect(client, **seen))
        socket.broken = True  # writing fails, and the server learns it only that way
        line = await rings(stage)
        line.answers()
        await stage.settled()
        again = await FakeSocket(stage).opened()
        replies = await again.says(connect(client, **seen))
        assert told(replies) == ["Ringing", "Established"]
        await socket.ends()  # harms nothing
        more = {"ext": replies[-1]["ext"]} if ack else {}
        assert await again.says(connect(client, **more)) == []


@in_virtual_time
async def test_a_session_goes_on_by_long_polling_and_back() -> None:
    async with office() as stage:
        socket = await FakeSocket(stage).opened()
        client = await socket.shakes()
        await socket.says(connect(client))
        await socket.ends()
        desk = Desktop(stage)
        desk.client_id = client
        line = await rings(stage)
        assert [data["call"]["state"] for data in await desk.told()] == ["Ringing"]
        line.answers()
        await stage.settled()
        again = await FakeSocket(stage).opened()
        assert told(await again.says(connect(client))) == ["Established"]


@in_virtual_time
async def test_the_server_answers_sockets_before_it_stops() -> None:
    async with office() as stage:
        socket = await FakeSocket(stage).opened()
        client = await socket.shakes()
        await socket.says(connect(client))
        await stage.dialects["genesys"].stop()
        await stage.settled()
        assert socket.frames[-1][-1]["successful"]


@in_virtual_time
async def test_a_session_whose_socket_does_not_come_back_ends_in_time() -> None:
    async with office(genesys={"max_interval_s": 60.0}) as stage:
        socket = await FakeSocket(stage).opened()
        client = await socket.shakes()
        await socket.says(connect(client))
        await stage.passes(29)
        await socket.ends()
        await stage.passes(61)
        assert stage.dialects["genesys"].bayeux.sessions == 0
        again = await FakeSocket(stage).opened()
        [reply] = await again.says(connect(client))
        assert reply["error"] == "402::session_unknown"
        assert reply["advice"] == {"reconnect": "handshake", "interval": 0}
