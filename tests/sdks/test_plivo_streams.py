"""The official `plivo` package starts, shows and stops audio streams, and its validator accepts our upgrades."""

from __future__ import annotations

import pytest
from plivo import plivoxml
from plivo.exceptions import PlivoRestError, ResourceNotFoundError
from plivo.utils import validate_v3_signature

from switchhook.core import events as e
from tests.dialects.plivo.common import CUSTOMER, NUMBER, TOKEN
from tests.sdks.test_plivo_actions import node
from tests.sdks.test_plivo_calls import Live, on_a_live_server

pytestmark = pytest.mark.slow
BOT = "ws://127.0.0.1:9/agent"


async def waiting(on: Live) -> str:
    """A caller who waits; returns the call's uuid."""
    on.app.page("/answer", plivoxml.SpeakElement("Hello", loop=0))
    customer = on.stage.phone(CUSTOMER).calls(NUMBER)
    await on.until(lambda: customer.up)
    return customer.leg


@on_a_live_server
async def test_a_stream_is_started_shown_listed_and_stopped(on: Live) -> None:
    call = await waiting(on)
    streams = on.client.calls
    made = await on.sdk(
        lambda: streams.start_stream(
            call, BOT, bidirectional=True, audio_track="inbound", stream_timeout=60, extra_headers="a=1,b=2",
            content_type="audio/x-mulaw;rate=8000", status_callback_url=f"{on.app.base}/stream",
        )
    )  # fmt: skip
    assert made.message == "audio streaming started"
    stream = made.stream_id
    await on.until(lambda: stream in on.stage.media.forks)
    forked = on.stage.media.forks[stream]
    assert (forked.encoding, forked.rate, forked.bidirectional) == ("mulaw", 8000, True)
    shown = await on.sdk(lambda: streams.get_details_of_specific_stream(call, stream))
    assert (shown.stream_id, shown.status, shown.service_url, shown.bidirectional) == (stream, "initiated", BOT, True)
    on.stage.exchange.tell(e.StreamConnected(stream))
    listed = await on.sdk(lambda: streams.get_all_streams(call))
    assert [each["status"] for each in listed.objects] == ["in-progress"]
    await on.sdk(lambda: streams.delete_specific_stream(call, stream))
    assert stream not in on.stage.media.forks
    assert (await on.sdk(lambda: streams.start_stream(call, BOT))).stream_id != stream
    await on.sdk(lambda: streams.delete_all_streams(call))
    assert on.stage.exchange.state.streams == {}
    await on.until(lambda: len(on.app.to("/stream")) == 2)
    assert [each["Event"] for each in on.app.to("/stream")] == ["StartStream", "StopStream"]


@on_a_live_server
async def test_streams_that_cannot_be_are_refused(on: Live) -> None:
    call = await waiting(on)
    for wrong in ({"service_url": "http://127.0.0.1/"}, {"service_url": BOT, "content_type": "audio/opus"}):
        with pytest.raises(PlivoRestError, match="invalid"):
            await on.sdk(lambda wrong=wrong: on.client.calls.start_stream(call, **wrong))
    with pytest.raises(ResourceNotFoundError):
        await on.sdk(lambda: on.client.calls.start_stream("nobody", BOT))
    with pytest.raises(ResourceNotFoundError):
        await on.sdk(lambda: on.client.calls.delete_specific_stream(call, "unknown"))


@on_a_live_server
async def test_a_document_of_the_package_streams_and_its_validator_accepts_the_upgrade(on: Live) -> None:
    element = plivoxml.StreamElement(
        f"{BOT}?tenant=7", bidirectional=True, keepCallAlive=True, contentType="audio/x-l16;rate=16000",
        extraHeaders="k=v", statusCallbackUrl=f"{on.app.base}/stream", statusCallbackMethod="GET", streamTimeout=600,
    )  # fmt: skip
    on.app.page("/answer", element)
    on.stage.phone(CUSTOMER).calls(NUMBER)
    await on.until(lambda: on.stage.media.forks)
    (forked,) = on.stage.media.forks.values()
    assert (forked.url, forked.encoding, forked.rate) == (f"{BOT}?tenant=7", "l16", 16_000)
    headers = dict(forked.headers)
    nonce, signature = headers["X-Plivo-Signature-V3-Nonce"], headers["X-Plivo-Signature-V3"]
    rest = forked.url.partition("://")[2]
    for seen in (f"https://{rest}", f"http://{rest}", f"http://{rest}/websocket"):
        assert validate_v3_signature("GET", seen, nonce, TOKEN, signature)
    assert not validate_v3_signature("GET", "https://127.0.0.1:9/other", nonce, TOKEN, signature)
    on.stage.exchange.tell(e.StreamConnected(forked.id))
    await on.until(lambda: on.app.to("/stream"))
    assert on.app.to("/stream")[0]["Event"] == "StartStream"


@on_a_live_server
async def test_node_starts_shows_lists_and_stops_streams(on: Live) -> None:
    call = await waiting(on)
    async with node() as client:
        made = await client.ok("calls.stream", call, BOT, {"bidirectional": True, "extra_headers": "k=v"})
        stream = made["streamId"]
        await on.until(lambda: stream in on.stage.media.forks)
        shown = await client.ok("calls.getStream", call, stream)
        assert (shown["streamId"], shown["serviceUrl"], shown["bidirectional"]) == (stream, BOT, True)
        listed = await client.ok("calls.getAllStream", call)
        assert stream in str(listed)
        await client.ok("calls.stopStream", call, stream)
        await client.ok("calls.stream", call, BOT)
        await client.ok("calls.stopAllStream", call)
        assert on.stage.exchange.state.streams == {}
        assert (await client("calls.stream", call, "http://127.0.0.1/"))["status"] == 400
