"""The official `plivo` package drives calls on a live server, and a web application made with it runs them.

The application answers with documents made by the package's XML classes and refuses every webhook whose signature the
package's validators do not accept, V2 and V3, as GET and as POST. HTTP is real both ways, on free ports of 127.0.0.1;
the telephones are symbolic.
"""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import wraps
from typing import Any
from urllib.parse import parse_qsl

import plivo
import pytest
from plivo import plivoxml
from plivo.exceptions import AuthenticationError, ResourceNotFoundError, ValidationError
from plivo.utils import validate_signature, validate_v3_signature
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from switchhook.dialects.plivo import Plivo
from switchhook.exchange.guard import Guard
from switchhook.exchange.sender import HttpSender
from switchhook.http import HttpServer, application, bind
from switchhook.lab.stage import RINGBACK, Line
from tests.dialects.plivo.common import ACCOUNT, NUMBER, SIP, TOKEN, settings
from tests.sdks.live import LiveStage

pytestmark = pytest.mark.slow

CUSTOMER = "+14155550123"
VOICE = ("API_VOICE_BASE_URI", "API_VOICE_BASE_URI_FALLBACK_1", "API_VOICE_BASE_URI_FALLBACK_2", "PLIVO_API_BASE_URI")
Fields = dict[str, str]


class Application:
    """The user's web application."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.received: list[tuple[str, Fields]] = []
        self.refused: list[str] = []
        self.documents: dict[str, plivoxml.ResponseElement] = {}
        self.app = Starlette(routes=[Route("/{path:path}", self._answer, methods=["GET", "POST"])])

    def page(self, path: str, *elements: Any) -> str:
        response = plivoxml.ResponseElement()
        for element in elements:
            response.add(element)
        self.documents[path] = response
        return f"{self.base}{path}"

    async def _answer(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
        url, headers = str(request.url), request.headers
        signed = validate_v3_signature(
            request.method,
            url,
            headers["x-plivo-signature-v3-nonce"],
            TOKEN,
            headers["x-plivo-signature-v3"],
            dict(form),
        ) and validate_signature(url, headers["x-plivo-signature-v2-nonce"], headers["x-plivo-signature-v2"], TOKEN)
        if not signed:
            self.refused.append(url)
            return Response("who are you?", 403)
        sent = form if request.method == "POST" else dict(request.query_params)
        self.received.append((request.url.path, sent))
        document = self.documents.get(request.url.path)
        return Response(document.to_string() if document is not None else "", media_type="application/xml")

    def to(self, path: str) -> list[Fields]:
        return [fields for received, fields in self.received if received == path]


class Live:
    """The server, its telephones, the application, and an SDK client that runs in threads."""

    def __init__(self, stage: LiveStage, app: Application, client: Any) -> None:
        self.stage, self.app, self.client = stage, app, client

    async def sdk(self, call: Callable[[], Any]) -> Any:
        """Runs blocking SDK code beside the server."""
        return await asyncio.to_thread(call)

    async def until(self, true: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not true():
                await asyncio.sleep(0.002)

    async def in_dial(self) -> tuple[Line, Line]:
        """A caller talks with a telephone, put together by the application."""
        dial = plivoxml.DialElement(
            action=f"{self.app.base}/after", callback_url=f"{self.app.base}/cb", callback_method="GET"
        )
        self.app.page("/answer", dial.add(plivoxml.UserElement(f"sip:1001@{SIP}")))
        customer = self.stage.phone(CUSTOMER).calls(NUMBER)
        await self.until(lambda: customer.hears == {"1001"})
        return customer, self.stage.phone("1001").line


@asynccontextmanager
async def live(patch: pytest.MonkeyPatch, **more: object) -> AsyncIterator[Live]:
    web, api = bind("127.0.0.1", 0), bind("127.0.0.1", 0)
    app = Application(f"http://127.0.0.1:{web.getsockname()[1]}")
    url = {"answer_url": f"{app.base}/answer?tenant=7", "hangup_url": f"{app.base}/hangup", "hangup_method": "GET"}
    stage = LiveStage(settings(application=[{"app_id": "app1", "account": ACCOUNT, **url}], **more))
    stage.open()
    sender = HttpSender(Guard((), loopback=True))
    stage.exchange.sender = sender
    for name in ("1001", "1002", "1003"):
        stage.phone(name, rings_after_s=0.001, answers_after_s=0.005)
    dialect = Plivo(stage.exchange)
    await dialect.start()
    servers = [
        HttpServer(application(dialect.routes()), stage.settings, api),
        HttpServer(app.app, stage.settings, web),
    ]
    for server in servers:
        await server.start()
    for name in VOICE:
        patch.setattr(plivo.rest.client, name, f"http://127.0.0.1:{api.getsockname()[1]}/v1/Account")
    client = plivo.RestClient(ACCOUNT, TOKEN)
    try:
        yield Live(stage, app, client)
    finally:
        client.session.close()
        await stage.exchange.drain(1.0)
        await stage.exchange.settle(1.0)
        await sender.close()
        for server in servers:
            await server.stop()
        stage.timers.stop()


Story = Callable[[Live], Coroutine[Any, Any, None]]


def on_a_live_server(story: Story, **more: object) -> Callable[[pytest.MonkeyPatch], None]:
    """Runs a story as a test; `more` are tables of the configuration."""

    @wraps(story)
    def test(monkeypatch: pytest.MonkeyPatch) -> None:
        async def play() -> None:
            async with live(monkeypatch, **more) as server:
                await story(server)
                assert server.app.refused == []

        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"plivo(\..*)?")
            asyncio.run(play())

    del test.__wrapped__  # type: ignore[attr-defined]  # pytest would look for the story's own arguments
    return test


@on_a_live_server
async def test_make_show_and_hang_up_a_call(on: Live) -> None:
    start = on.app.page("/start", plivoxml.WaitElement(length=60))
    made = await on.sdk(
        lambda: on.client.calls.create(
            from_=NUMBER,
            to_=f"sip:1001@{SIP}",
            answer_url=f"{start}?order=17",
            ring_url=f"{on.app.base}/ring",
            hangup_url=f"{on.app.base}/hangup",
            hangup_method="GET",
            caller_name="Shop",
            sip_headers="Tier=gold",
        )
    )
    assert made.message == "call fired"
    uuid = made.request_uuid
    await on.until(lambda: on.app.to("/start"))
    assert on.app.to("/ring")[0]["Event"] == "Ring"
    assert (on.app.to("/start")[0]["Event"], on.app.to("/start")[0]["CallUUID"]) == ("StartApp", uuid)
    listed = await on.sdk(on.client.calls.live_call_list_ids)
    assert listed.calls == [uuid]
    call = await on.sdk(lambda: on.client.calls.live_call_get(uuid))
    assert (call.call_status, call.direction, call.call_uuid) == ("in-progress", "outbound", uuid)
    assert getattr(call, "from") == NUMBER
    assert (await on.sdk(on.client.calls.queued_call_list_ids)).calls == []
    assert await on.sdk(lambda: on.client.calls.delete(uuid)) is None
    await on.until(lambda: on.app.to("/hangup"))
    end = on.app.to("/hangup")[0]
    assert (end["HangupCauseCode"], end["HangupSource"], end["X-PH-Tier"]) == ("4000", "API Request", "gold")
    with pytest.raises(ResourceNotFoundError, match="not found"):
        await on.sdk(lambda: on.client.calls.delete(uuid))
    with pytest.raises(ResourceNotFoundError, match="not found"):
        await on.sdk(lambda: on.client.calls.live_call_get(uuid))


@on_a_live_server
async def test_several_destinations_and_cancel(on: Live) -> None:
    for name in ("1001", "1002"):
        on.stage.phone(name, answers_after_s=None)
    start = on.app.page("/start", plivoxml.HangupElement())
    to = f"sip:1001@{SIP}<sip:1002@{SIP}"
    made = await on.sdk(lambda: on.client.calls.create(from_=NUMBER, to_=to, answer_url=start))
    assert made.message == "calls fired"
    assert len(made.request_uuid) == 2
    for uuid in made.request_uuid:
        assert await on.sdk(lambda uuid=uuid: on.client.calls.cancel(uuid)) is None
    assert all(on.stage.phone(name).line.over is not None for name in ("1001", "1002"))
    assert (await on.sdk(on.client.calls.live_call_list_ids)).calls == []


@on_a_live_server
async def test_refusals_are_the_sdk_s_own_errors(on: Live) -> None:
    start = on.app.page("/start", plivoxml.HangupElement())
    with pytest.raises(ValidationError, match="invalid"):
        await on.sdk(lambda: on.client.calls.create(from_=NUMBER, to_="nobody", answer_url=start))
    stranger = plivo.RestClient(ACCOUNT, "wrong")
    with pytest.raises(AuthenticationError):
        await on.sdk(lambda: stranger.calls.create(from_=NUMBER, to_="1001", answer_url=start))
    stranger.session.close()
    assert on.stage.exchange.state.legs == {}


@on_a_live_server
async def test_transfer_of_one_leg(on: Live) -> None:
    customer, agent = await on.in_dial()
    assert on.app.to("/answer")[0]["CallUUID"] == customer.leg
    new = on.app.page("/new", plivoxml.DialElement(caller_id=NUMBER).add(plivoxml.UserElement(f"sip:1002@{SIP}")))
    moved = await on.sdk(lambda: on.client.calls.transfer(customer.leg, legs="aleg", aleg_url=new, aleg_method="GET"))
    assert moved.message == "call transfered"
    assert agent.over is not None
    await on.until(lambda: customer.hears == {"1002"} or customer.hears == {RINGBACK})
    await on.until(lambda: customer.hears == {"1002"})
    await on.until(lambda: len(on.app.to("/cb")) == 3)
    assert [fields["DialAction"] for fields in on.app.to("/cb")] == ["answer", "connected", "hangup"]
    assert on.app.to("/after") == []
    customer.hangs_up()
    await on.until(lambda: on.app.to("/hangup"))
    assert on.app.to("/hangup")[0]["HangupSource"] == "Caller"


@on_a_live_server
async def test_transfer_of_both_legs_into_one_room(on: Live) -> None:
    customer, agent = await on.in_dial()
    room = on.app.page("/room", plivoxml.ConferenceElement("three", callback_url=f"{on.app.base}/conf"))
    await on.sdk(lambda: on.client.calls.transfer(customer.leg, legs="both", aleg_url=room, bleg_url=room))
    await on.until(lambda: (customer.hears, agent.hears) == ({"1001"}, {CUSTOMER}))
    await on.until(lambda: len(on.app.to("/conf")) == 2)
    assert {fields["ConferenceAction"] for fields in on.app.to("/conf")} == {"enter"}
    third = f"sip:1003@{SIP}"
    await on.sdk(lambda: on.client.calls.create(from_=NUMBER, to_=third, answer_url=room))
    await on.until(lambda: customer.hears == {"1001", "1003"})


@on_a_live_server
async def test_transfer_of_the_b_leg_and_the_action(on: Live) -> None:
    customer, agent = await on.in_dial()
    on.app.page("/after", plivoxml.SpeakElement("Thank you for waiting"), plivoxml.WaitElement(length=9))
    away = on.app.page("/away", plivoxml.WaitElement(length=60))
    await on.sdk(lambda: on.client.calls.transfer(customer.leg, legs="bleg", bleg_url=away))
    await on.until(lambda: customer.hears == {"speak:en-US:WOMAN:Thank you for waiting"})
    assert on.app.to("/away")[0]["ALegUUID"] == customer.leg
    assert on.app.to("/after")[0]["DialStatus"] == "completed"
    with pytest.raises(ResourceNotFoundError, match="bleg"):
        await on.sdk(lambda: on.client.calls.transfer(customer.leg, legs="bleg", bleg_url=away))
    assert agent.over is None
