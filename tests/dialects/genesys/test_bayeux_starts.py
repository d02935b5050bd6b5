"""The orders in which known clients start, each with its own way of saying who it is (genesys 6.5, 7.4)."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from switchhook.lab.stage import Stage
from switchhook.lab.virtual_time import in_virtual_time
from tests.dialects.genesys.bayeux_socket import FakeSocket
from tests.dialects.genesys.office import settings

AUTH = ("agent1", "secret1")
SESSION = {"operationName": "StartContactCenterSession", "channels": ["voice"]}
AT = "/api/v2/notifications"
OTHER_MEDIA = ["/v2/me/chats", "/v2/me/emails", "/v2/me/channels", "/v2/me/devices"]


class Client:
    """A client with its cookies; `auth` goes with a request only where it is given."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        transport = httpx2.ASGITransport(app=stage.app)
        self.http = httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080", timeout=None)
        self.id = ""

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    async def asks(self, path: str, *messages: dict[str, Any], auth: Any = None, lone: bool = False) -> Any:
        body = json.dumps(messages[0] if lone else messages)
        headers = {"content-type": "application/json;charset=UTF-8"}
        reply = await self.http.post(AT + path, content=body, headers=headers, auth=auth)
        assert reply.status_code == 200
        assert reply.headers["content-type"].partition(";")[0] == "application/json"
        replies = reply.json()
        assert [each["successful"] for each in replies if each["channel"].startswith("/meta/")] == [True] * len(
            messages
        )
        return replies

    async def shakes(self, path: str, types: list[str], auth: Any = None, **more: Any) -> dict[str, Any]:
        message = {"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": types, "id": "1", **more}
        [reply] = await self.asks(path, message, auth=auth)
        self.id = reply["clientId"]
        return dict(reply)

    def message(self, channel: str, **more: Any) -> dict[str, Any]:
        return {"channel": channel, "clientId": self.id, "id": "2", **more}

    def connect(self, **more: Any) -> dict[str, Any]:
        return self.message("/meta/connect", connectionType="long-polling", **more)

    async def rings(self) -> None:
        self.stage.phone("1002").calls("5001")
        await self.stage.phone("1001").rings()
        await self.stage.settled()


def states(replies: list[dict[str, Any]]) -> list[str]:
    return [each["data"]["call"]["state"] for each in replies if each["channel"] == "/v2/me/calls"]


def office() -> Stage:
    return Stage(settings(), dialects=("genesys",))


@in_virtual_time
async def test_ios_starts_its_session_when_all_five_subscriptions_are_there() -> None:
    async with office() as stage, Client(stage) as client:
        assert (await client.http.get("/api/v2/me", auth=AUTH)).json()["statusCode"] == 0
        await client.shakes("", ["long-polling"])  # at the bare address, with the cookie alone
        for channel in ("/v2/me/calls", *OTHER_MEDIA):
            [reply] = await client.asks("", client.message("/meta/subscribe", subscription=channel), lone=True)
            assert reply["subscription"] == channel
        assert (await client.http.post("/api/v2/me", json=SESSION)).json() == {"statusCode": 0}
        await client.asks("", client.connect())
        await client.rings()
        assert states(await client.asks("", client.connect())) == ["Ringing"]


@in_virtual_time
async def test_a_browser_logs_in_once_and_lives_from_its_cookie() -> None:
    async with office() as stage, Client(stage) as client:
        asked = "/api/v2/me?subresources=features,devices,channels,settings"
        me = (await client.http.get(asked, auth=AUTH)).json()
        assert me["statusCode"] == 0
        types = ["websocket", "long-polling", "callback-polling"]
        await client.shakes("/handshake", types, advice={"timeout": 60000, "interval": 0})
        await client.asks("/", client.message("/meta/subscribe", subscription="/v2/me/*"))
        [reply] = await client.asks("/connect", client.connect(advice={"timeout": 0}))
        assert reply["advice"] == {"reconnect": "retry", "interval": 0, "timeout": 30000}
        for path, body in (("/me", SESSION), ("/me/channels/voice", {"operationName": "Ready"})):
            assert (await client.http.post(f"/api/v2{path}", json=body)).json() == {"statusCode": 0}
        told = await client.asks("/connect", client.connect())
        assert {each["channel"] for each in told[:-1]} == {"/v2/me/devices", "/v2/me/channels"}
        await client.rings()
        assert states(await client.asks("/connect", client.connect())) == ["Ringing"]


@in_virtual_time
async def test_dotnet_tries_a_web_socket_without_login_and_goes_on_by_polling() -> None:
    async with office() as stage, Client(stage) as client:
        assert (await FakeSocket(stage, basic=b"").opened()).status == 403
        await client.shakes("/handshake", ["long-polling"], AUTH)
        client.http.cookies.clear()  # it says who it is with every request, and keeps no cookies
        await client.asks("/", client.message("/meta/subscribe", subscription="/**"), auth=AUTH)
        client.http.cookies.clear()
        me = (await client.http.get("/api/v2/me?subresources=*", auth=AUTH)).json()
        assert me["statusCode"] == 0
        client.http.cookies.clear()
        await client.asks("/connect", client.connect(), auth=AUTH)
        await client.rings()
        client.http.cookies.clear()
        assert states(await client.asks("/connect", client.connect(), auth=AUTH)) == ["Ringing"]


@in_virtual_time
async def test_the_web_desktop_starts_its_session_first_and_reads_what_it_missed() -> None:
    async with office() as stage, Client(stage) as client:
        await client.http.get("/api/v2/me", auth=AUTH)
        assert (await client.http.post("/api/v2/me", json=SESSION)).json() == {"statusCode": 0}
        await client.rings()
        await client.shakes("/handshake", ["long-polling"])
        await client.asks("/", client.message("/meta/subscribe", subscription="/v2/me/calls"))
        me = (await client.http.get("/api/v2/me/?subresources=devices,calls")).json()["user"]
        assert [call["state"] for call in me["calls"]] == ["Ringing"]
        stage.phone("1001").line.answers()
        await stage.settled()
        [told, _] = await client.asks("/connect", client.connect())
        calls = (await client.http.get("/api/v2/me/calls?fields=*")).json()["calls"]
        live = {key: value for key, value in told["data"]["call"].items() if key != "duration"}
        assert live == {key: value for key, value in calls[0].items() if key != "duration"}


@in_virtual_time
@pytest.mark.parametrize("first", [1, "1"])
async def test_aiocometd_subscribes_again_in_the_array_of_its_first_connect(first: Any) -> None:
    async with office() as stage, Client(stage) as client:
        reply = await client.shakes("", ["websocket", "long-polling"], AUTH)
        assert set(reply["advice"]) == {"reconnect", "interval", "timeout"}  # each replaces the one before as a whole
        again = [client.message("/meta/subscribe", subscription=each) for each in ("/v2/me/calls", "/v2/me/devices")]
        replies = await client.asks("", {**client.connect(), "id": first}, *again)
        assert [(each["channel"], each["id"]) for each in replies] == [
            ("/meta/connect", first),
            ("/meta/subscribe", "2"),
            ("/meta/subscribe", "2"),
        ]
        socket = await FakeSocket(stage).opened()  # the server lists web sockets: it takes one for what follows
        await client.rings()
        connect = {**client.connect(), "connectionType": "websocket"}
        assert states(await socket.says(connect)) == ["Ringing"]
