"""The official `plivo` package from PyPI against a live server, and the request shapes of the other official SDKs.

The telephones are symbolic and pick up by themselves; HTTP is real, on a free port of 127.0.0.1.
"""

from __future__ import annotations

import asyncio
import base64
import json
import warnings
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import httpx2
import plivo
import pytest
from plivo.exceptions import AuthenticationError, InvalidRequestError, ResourceNotFoundError, ValidationError

from switchhook.dialects.plivo.phlo import Phlo
from switchhook.http import HttpServer, application, bind
from switchhook.lab.stage import Line
from tests.dialects.phlo.common import CUSTOMER, NODE, NUMBER, PHLO, party_flow
from tests.sdks.live import LiveStage
from tests.stories.common import ACCOUNT, TOKEN, settings

pytestmark = pytest.mark.slow


class Live:
    """The server, its telephones, and an SDK client that talks to it from a thread."""

    def __init__(self, stage: LiveStage, base: str) -> None:
        self.stage = stage
        self.base = f"{base}/v1"
        self._clients: list[Any] = []
        self.client = self.as_user(ACCOUNT, TOKEN)

    def as_user(self, auth_id: str, token: str) -> Any:
        client = plivo.phlo.RestClient(auth_id, token)
        client.phlo_base_uri = self.base
        self._clients.append(client)
        return client

    def hang_up_http(self) -> None:
        """Closes the SDK's kept connections, for which the server would wait when it stops."""
        for client in self._clients:
            client.session.close()

    async def sdk(self, call: Callable[[], Any]) -> Any:
        """Runs blocking SDK code beside the server, then lets the calls settle."""
        found = await asyncio.to_thread(call)
        await self.settled()
        return found

    async def settled(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)

    async def until(self, true: Callable[[], bool]) -> None:
        """Waits for a telephone to have done by itself what it does within milliseconds."""
        async with asyncio.timeout(5):
            while not true():
                await asyncio.sleep(0.002)

    async def talking(self) -> tuple[Line, Line]:
        customer = self.stage.phone(CUSTOMER).calls(NUMBER)
        await self.until(lambda: customer.hears == {"1001"})
        return customer, self.stage.phone("1001").line


@asynccontextmanager
async def live(folder: Path) -> AsyncIterator[Live]:
    file = folder / "flow.json"
    file.write_text(json.dumps(party_flow(voicemail_drop_prompt="Please call back.")))
    sock = bind("127.0.0.1", 0)
    stage = LiveStage(
        settings(
            agent=[],
            flow=[{"file": str(file), "account": ACCOUNT}],
            number=[{"number": NUMBER, "account": ACCOUNT, "flow": PHLO}],
        )
    )
    stage.open()
    for name in ("1001", "1002", "1003", "1004"):
        stage.phone(name, rings_after_s=None, answers_after_s=0.001)
    dialect = Phlo(stage.exchange)
    await dialect.start()
    server = HttpServer(application(dialect.routes()), stage.settings, sock)
    await server.start()
    found = Live(stage, f"http://127.0.0.1:{sock.getsockname()[1]}")
    try:
        yield found
    finally:
        found.hang_up_http()
        await server.stop()
        await stage.exchange.settle(1.0)
        stage.timers.stop()


Story = Callable[[Live], Coroutine[Any, Any, None]]


def on_a_live_server(story: Story) -> Callable[[Path], None]:
    @wraps(story)
    def test(tmp_path: Path) -> None:
        async def play() -> None:
            async with live(tmp_path) as server:
                await story(server)

        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"plivo(\..*)?")
            asyncio.run(play())

    del test.__wrapped__  # type: ignore[attr-defined]  # pytest would look for the story's own arguments
    return test


# --- the Python SDK -------------------------------------------------------------------------------------------------


@on_a_live_server
async def test_get_run_and_node(server: Live) -> None:
    phlo = await server.sdk(lambda: server.client.phlo.get(PHLO))
    assert phlo.phlo_id == PHLO
    assert phlo.name == "Support line"
    run = await server.sdk(lambda: phlo.run(from_="+14155550100", to="1002"))
    assert run["phlo_id"] == PHLO
    assert run["api_id"]
    walker_runs = await server.sdk(lambda: httpx2.get(f"{server.base}/phlo/{PHLO}/runs/{run['api_id']}", auth=BASIC))
    assert walker_runs.json()["run_id"] == run["api_id"]
    assert (await server.sdk(lambda: phlo.run()))["phlo_id"] == PHLO
    node = await server.sdk(lambda: phlo.multi_party_call(NODE))
    assert (node.phlo_id, node.node_id, node.node_type) == (PHLO, NODE, "multi_party_call")


BASIC = (ACCOUNT, TOKEN)


@on_a_live_server
async def test_call_warm_and_cold_transfer(server: Live) -> None:
    customer, agent = await server.talking()
    phlo = await server.sdk(lambda: server.client.phlo.get(PHLO))
    node = await server.sdk(lambda: phlo.multi_party_call(NODE))
    await server.sdk(lambda: node.call("1001", "1002", "agent"))
    await server.until(lambda: customer.hears == {"1001", "1002"})
    await server.sdk(lambda: node.member("1002").hangup())
    assert customer.hears == {"1001"}
    await server.sdk(lambda: node.warm_transfer("1001", "1003"))
    await server.until(lambda: agent.hears == {"1003"})
    assert customer.hears == {"music"}
    await server.sdk(lambda: node.member("1001").abort_transfer())
    assert customer.hears == {"1001"}
    await server.sdk(lambda: node.warm_transfer("1001", "1002"))
    await server.until(lambda: agent.hears == {"1002"})
    await server.sdk(lambda: node.member("1001").resume_call())
    assert customer.hears == {"1001", "1002"}
    await server.sdk(lambda: node.cold_transfer("1002", "1004"))
    await server.until(lambda: customer.hears == {"1001", "1004"})


@on_a_live_server
async def test_all_member_actions(server: Live) -> None:
    customer, agent = await server.talking()
    phlo = await server.sdk(lambda: server.client.phlo.get(PHLO))
    node = await server.sdk(lambda: phlo.multi_party_call(NODE))
    member = node.member(CUSTOMER)
    await server.sdk(member.hold)
    assert (customer.hears, agent.hears) == ({"music"}, set())
    await server.sdk(member.unhold)
    assert customer.hears == {"1001"}
    await server.sdk(member.mute)
    assert agent.hears == set()
    await server.sdk(member.unmute)
    assert agent.hears == {CUSTOMER}
    for refused in (member.abort_transfer, member.resume_call):
        with pytest.raises(ValidationError, match="transfer"):
            await server.sdk(refused)
    await server.sdk(member.voicemail_drop)
    assert customer.hears == {"speak:en-US:WOMAN:Please call back."}
    await server.sdk(node.member("1001").hangup)
    assert agent.over is not None
    with pytest.raises(ResourceNotFoundError):
        await server.sdk(node.member("1001").hangup)


@on_a_live_server
async def test_the_generic_ways_of_the_client(server: Live) -> None:
    customer, _ = await server.talking()
    phlos = server.client.phlo
    await server.sdk(lambda: phlos.member(PHLO, NODE, CUSTOMER, "hold", node_type="multi_party_call"))
    assert customer.hears == {"music"}
    await server.sdk(lambda: phlos.multi_party_call(PHLO, NODE, "call", trigger_source="1001", to="1002", role="agent"))
    await server.until(lambda: server.stage.phone("1002").lines != [] and server.stage.phone("1002").line.up)


@on_a_live_server
async def test_errors_reach_the_caller_with_their_text(server: Live) -> None:
    await server.talking()
    with pytest.raises(ResourceNotFoundError, match="PHLO not found"):
        await server.sdk(lambda: server.client.phlo.get("00000000-0000-4000-8000-000000000000"))
    with pytest.raises(AuthenticationError):
        await server.sdk(lambda: server.as_user(ACCOUNT, "wrong").phlo.get(PHLO))
    phlo = await server.sdk(lambda: server.client.phlo.get(PHLO))
    with pytest.raises(ResourceNotFoundError, match="Node not found"):
        await server.sdk(lambda: phlo.multi_party_call("unknown"))
    node = await server.sdk(lambda: phlo.multi_party_call(NODE))
    with pytest.raises(ValidationError, match="Invalid value provided for action"):
        await server.sdk(lambda: node.update("dance", "1001", "1002", "agent"))
    with pytest.raises(ValidationError, match="Invalid value provided for role"):
        await server.sdk(lambda: node.call("1001", "1002", "owner"))
    with pytest.raises(InvalidRequestError):
        await server.sdk(lambda: server.client.request("POST", ("phlo", PHLO), {}))


# --- the shapes of the others ---------------------------------------------------------------------------------------


async def send(server: Live, method: str, path: str, **how: Any) -> httpx2.Response:
    """Sends one raw request, redirects not followed."""
    async with httpx2.AsyncClient(auth=BASIC) as client:
        reply = await client.request(method, f"{server.base}{path}", **how)
    await server.settled()
    return reply


A, M = f"/account/{ACCOUNT}/phlo/{PHLO}", f"/phlo/{PHLO}/multi_party_call/{NODE}"


@on_a_live_server
async def test_the_shapes_of_the_node_sdk(server: Live) -> None:
    customer, agent = await server.talking()
    json_type = {"Content-Type": "application/json"}
    shown = await send(server, "GET", f"/phlo/{PHLO}?phlo_id={PHLO}")
    assert shown.json()["phlo_id"] == PHLO
    for body in ("{}", '""'):
        ran = await send(server, "POST", A, content=body, headers=json_type)
        assert ran.status_code == 201
        assert {"api_id", "phlo_id", "message"} <= set(ran.json())
    for action, heard in (("warm_transfer", {"music"}), ("cold_transfer", set())):
        body = {"action": action, "trigger_source": "1001", "to": "1002", "role": "agent"}
        reply = await send(server, "POST", M, json=body)
        assert reply.status_code == 201
        assert {"api_id", "error"} <= set(reply.json())
        if action == "warm_transfer":
            assert customer.hears == heard
            reply = await send(server, "POST", f"{M}/members/1001", json={"action": "abort_transfer"})
            assert reply.status_code == 201
            assert customer.hears == {"1001"}
    await server.until(lambda: customer.hears == {"1002"})
    assert agent.over is not None


@on_a_live_server
async def test_the_shapes_of_the_dotnet_sdk(server: Live) -> None:
    customer, _ = await server.talking()
    reply = await send(server, "POST", f"{M}/members/{CUSTOMER}?action=hold", json={})
    assert (reply.status_code, customer.hears) == (201, {"music"})
    query = "action=call&trigger_source=1001&to=1002&role=agent"
    body = {"action": "call", "trigger_source": "1001", "to": "1002", "role": "agent"}
    assert (await send(server, "POST", f"{M}/?{query}", json=body)).status_code == 201
    assert (await send(server, "POST", f"{A}?from=%2B14155550100", json={"from": "+14155550100"})).status_code == 201


@on_a_live_server
async def test_the_shapes_of_the_java_ruby_and_php_sdks(server: Live) -> None:
    customer, _ = await server.talking()
    java = {"action": "warm-transfer", "trigger_source": "1001", "to": "1002"}
    assert (await send(server, "POST", M, json=java)).status_code == 201
    encoded = "%2B14155550123"
    assert (await send(server, "POST", f"{M}/members/{encoded}", json={"action": "mute"})).status_code == 201
    assert (await send(server, "POST", f"{A}/")).status_code == 201
    php = await send(server, "POST", A, json={}, headers={"authId": ACCOUNT})
    assert php.status_code == 201
    assert customer.hears == {"music"}


@on_a_live_server
async def test_curl_without_a_content_type_and_with_its_default_one(server: Live) -> None:
    customer, _ = await server.talking()
    content = b'{"action": "hold"}'
    for headers in ({}, {"Content-Type": "application/x-www-form-urlencoded"}):
        reply = await send(server, "POST", f"{M}/members/{CUSTOMER}", content=content, headers=headers)
        assert reply.status_code == 201
    assert customer.hears == {"music"}


@on_a_live_server
async def test_member_addresses_on_the_wire(server: Live) -> None:
    await server.talking()
    written = ("1001", "sip:1001@phone.plivo.com", "sip%3A1001%40phone.plivo.com")
    numbers = (CUSTOMER, "%2B14155550123")
    for member in (*written, *numbers):
        for slash in ("", "/"):
            reader, writer = await asyncio.open_connection("127.0.0.1", int(server.base.split(":")[2].split("/")[0]))
            body = b'{"action":"mute"}'
            token = base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
            head = (
                f"POST /v1{M}/members/{member}{slash} HTTP/1.1\r\nHost: phlorunner.plivo.com\r\n"
                f"Authorization: Basic {token}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            )
            writer.write(head.encode() + body)
            answer = await reader.read()
            writer.close()
            await writer.wait_closed()
            assert answer.startswith(b"HTTP/1.1 201"), (member, slash, answer)
            assert b'"api_id"' in answer
