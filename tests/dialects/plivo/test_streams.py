"""Audio streams of Plivo calls: <Stream>, the REST resource, status callbacks, and calls that move on meanwhile."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import httpx2
import pytest

from switchhook.core.facts import StreamEnded
from switchhook.core.model import StreamEnd
from switchhook.dialects.plivo.streaming.signing import forms_of, upgrade_headers, without_login
from switchhook.dialects.plivo.streaming.wishes import content_type, extra_headers
from switchhook.lab.bots import Bot
from switchhook.lab.phone import Phone
from switchhook.lab.world import MUSIC, SPEECH, World
from tests.dialects.plivo.common import ACCOUNT, TOKEN, settings

BOT = "ws://bot.test/agent"
APP = "http://app.test"
TOLD = 'statusCallbackUrl="http://app.test/stream"'


def answers(world: World, path: str, *elements: str) -> str:
    world.web.on(f"{APP}{path}", f"<Response>{''.join(elements)}</Response>")
    return f"{APP}{path}"


def told(world: World) -> list[dict[str, str]]:
    return [hook.form for hook in world.web.hooks if hook.url.startswith(f"{APP}/stream")]


async def calling(world: World, *elements: str, bot: str = BOT) -> tuple[Phone, Bot]:
    """A customer is called by API; the document is made of these elements."""
    program = world.bot(bot)
    world.web.on(f"{APP}/stream", "")
    url = answers(world, "/start", *elements)
    customer = (await world.phones("customer"))[0]
    await world.plivo.call(customer, url)
    await customer.answer()
    return customer, program


async def rest(world: World, method: str, path: str, **body: Any) -> httpx2.Response:
    auth = world.plivo.auth
    return await world.http.request(method, f"/v1/Account/{auth[0]}/{path}", auth=auth, json=body or None)


async def test_a_program_and_a_customer_talk_until_the_program_hangs_up_and_the_document_goes_on(world: World) -> None:
    stream = f'<Stream bidirectional="true" keepCallAlive="true" {TOLD}>{BOT}?who=1</Stream>'
    customer, bot = await calling(world, stream, "<Speak>Goodbye</Speak>")
    await customer.hears_only("bot")
    await bot.hears_only("customer")
    await customer.press("5")
    await world.passes(0.5)
    assert bot.streams[0].keys == "5"
    bot.presses("1")
    await customer.was_pressed("1")
    bot.has_played("greeting")
    bot.has_cleared()
    bot.falls_behind()
    bot.hangs_up()
    await customer.hears_only(SPEECH)
    await customer.ended(within_s=10.0)
    assert [each["Event"] for each in told(world)] == [
        "StartStream", "PlayedStream", "ClearedAudio", "DegradedStream", "StopStream",
    ]  # fmt: skip
    assert told(world)[3]["Error"] == "connection degraded"
    first = told(world)[0]
    assert first["ServiceURL"] == f"{BOT}?who=1"
    assert first["StreamID"] == bot.streams[0].forked.id
    assert first["bidirectional"] == "true"
    assert first["CallUUID"] == bot.streams[0].forked.leg
    assert told(world)[1]["Name"] == "greeting"


async def test_a_call_outlives_its_programs_end_by_half_a_second_where_nothing_follows(world: World) -> None:
    customer, bot = await calling(world, f'<Stream bidirectional="true" keepCallAlive="true">{BOT}</Stream>')
    await customer.hears_only("bot")
    bot.hangs_up()
    await world.passes(0.4)
    await world.plivo.transfer(customer, legs="aleg", aleg_url=answers(world, "/next", "<Wait length='5'/>"))
    await world.passes(2.0)
    assert customer.call_now is not None
    assert not customer.call_now.over


async def test_a_stream_in_the_background_hears_the_call_and_the_document_goes_on_at_once(world: World) -> None:
    agent = await world.phone("agent", endpoint="1001")
    dial = "<Dial><User>sip:1001@phone.plivo.com</User></Dial>"
    customer, bot = await calling(world, f'<Stream audioTrack="both" {TOLD}>{BOT}</Stream>', dial)
    await agent.answer()
    await customer.hears_only("agent")
    await bot.hears_only("customer", "agent")
    await customer.hang_up()
    await world.passes(1.0)
    assert [each["Event"] for each in told(world)] == ["StartStream", "StopStream"]
    assert bot.now is None


async def test_a_program_that_cannot_be_reached_is_tried_three_times_and_the_document_goes_on(world: World) -> None:
    program = world.bot(BOT)
    program.refusals = 3
    customer, bot = await calling(world, "<Wait length='1'/>", f'<Stream keepCallAlive="true" {TOLD}>{BOT}</Stream>',
                                  "<Speak>Sorry</Speak>")  # fmt: skip
    bot.refusals = 3
    await customer.hears_only(SPEECH, within_s=6.0)
    dropped = told(world)
    assert [each["Event"] for each in dropped] == ["DroppedStream"]
    assert dropped[0]["Error"] == "connection disconnected with the remote service"


@pytest.mark.parametrize(
    ("stream", "why"),
    [
        ("<Stream>http://bot.test/</Stream>", "no ws or wss URL"),
        (f'<Stream bidirectional="true" audioTrack="both">{BOT}</Stream>', "only audioTrack inbound"),
        (f'<Stream contentType="audio/opus">{BOT}</Stream>', "contentType"),
        (f'<Stream audioTrack="left">{BOT}</Stream>', "audioTrack"),
        (f'<Stream extraHeaders="k={"v" * 600}">{BOT}</Stream>', "extraHeaders"),
    ],
)
async def test_a_stream_that_cannot_be_is_skipped_with_a_warning(world: World, stream: str, why: str) -> None:
    customer, bot = await calling(world, stream, "<Wait length='3'/>")
    await world.passes(1.0)
    assert bot.streams == []
    assert any(why in str(entry.body.get("text")) for entry in world.entries if entry.kind == "Warning")
    assert customer.call_now is not None
    assert not customer.call_now.over


async def test_a_second_stream_of_a_call_is_ignored(world: World) -> None:
    stream = f'<Stream bidirectional="true">{BOT}</Stream>'
    customer, bot = await calling(world, stream, stream, "<Wait length='9'/>")
    await customer.hears_only("bot")
    assert len(bot.streams) == 1
    assert any("Stream is ignored" in str(entry.body.get("text")) for entry in world.entries)


async def test_a_stream_ends_when_its_time_is_over(world: World) -> None:
    stream = f'<Stream streamTimeout="5" keepCallAlive="true" {TOLD}>{BOT}</Stream>'
    customer, bot = await calling(world, stream, "<Wait length='9'/>")
    await bot.hears_only("customer")
    await world.passes(5.5)
    assert bot.now is None
    assert [each["Event"] for each in told(world)] == ["StartStream", "StopStream"]
    await customer.hang_up()


async def test_a_transfer_of_the_call_drops_its_stream_as_the_rules_say(world: World) -> None:
    customer, bot = await calling(world, f'<Stream bidirectional="true" keepCallAlive="true" {TOLD}>{BOT}</Stream>')
    await customer.hears_only("bot")
    await world.plivo.transfer(customer, legs="aleg", aleg_url=answers(world, "/next", "<Speak>Next</Speak><Wait/>"))
    await customer.hears_only(SPEECH)
    assert bot.now is None
    assert [each["Event"] for each in told(world)] == ["StartStream", "DroppedStream"]


@pytest.mark.world(settings={"plivo": {"keep_streams": True}})
async def test_a_stream_goes_on_through_a_transfer_where_that_is_configured(world: World) -> None:
    person = await world.phone("person", endpoint="1001")
    customer, bot = await calling(world, f'<Stream bidirectional="true" keepCallAlive="true" {TOLD}>{BOT}</Stream>')
    await customer.hears_only("bot")
    dial = "<Dial><User>sip:1001@phone.plivo.com</User></Dial>"
    await world.plivo.transfer(customer, legs="aleg", aleg_url=answers(world, "/next", dial))
    await person.answer()
    await customer.hears_only("bot", "person")
    await person.hears_only("customer")  # the program is heard by its own leg alone
    await bot.hears_only("customer")
    bot.talks(False)
    await customer.hears_only("person")
    assert len(bot.streams) == 1
    assert [each["Event"] for each in told(world)] == ["StartStream"]
    await customer.hang_up()


async def test_a_password_in_a_url_goes_to_the_program_and_into_no_journal(world: World) -> None:
    stream = "<Stream>ws://me:secret%21@bot.test/agent</Stream>"
    customer, bot = await calling(world, stream, "<Wait length='5'/>")
    forked = (await bot.joined()).forked
    assert forked.url == BOT
    assert dict(forked.headers)["Authorization"] == f"Basic {base64.b64encode(b'me:secret!').decode()}"
    assert without_login("wss://bot.test/x?y=1") == ("wss://bot.test/x?y=1", ())
    assert not any("secret" in str(entry.body) for entry in world.entries)
    await customer.hang_up()


async def test_the_rest_resource_starts_shows_lists_and_stops(world: World) -> None:
    customer, bot = await calling(world, "<Wait length='60'/>")
    call = world.plivo.uuid(customer)
    made = await rest(
        world, "POST", f"Call/{call}/Stream/", service_url=BOT, bidirectional="true", extra_headers="a=1,b=2",
        content_type="audio/x-mulaw;rate=8000", status_callback_url=f"{APP}/stream",
    )  # fmt: skip
    assert made.status_code == 202
    body = made.json()
    assert body["message"] == "audio streaming started"
    stream = body["stream_id"]
    await customer.hears_only("bot")
    forked = bot.streams[0].forked
    assert (forked.encoding, forked.rate) == ("mulaw", 8000)
    assert json.loads(dict(forked.opening)["extra_headers"]) == {"a": "1", "b": "2"}
    again = await rest(world, "POST", f"Call/{call}/Stream/", service_url=BOT)
    assert again.status_code == 409
    shown = (await rest(world, "GET", f"Call/{call}/Stream/{stream}/")).json()
    assert (shown["status"], shown["bidirectional"], shown["audio_track"]) == ("in-progress", True, "inbound")
    listed = (await rest(world, "GET", f"Call/{call}/Stream/")).json()
    assert [each["stream_id"] for each in listed["objects"]] == [stream]
    assert listed["meta"]["count"] == listed["meta"]["total_count"] == 1
    assert (await rest(world, "DELETE", f"Call/{call}/Stream/{stream}/")).status_code == 204
    assert bot.now is None
    assert (await rest(world, "DELETE", f"Call/{call}/Stream/{stream}/")).status_code == 404
    assert (await rest(world, "GET", f"Call/{call}/Stream/{stream}")).json()["status"] == "completed"
    await rest(world, "POST", f"Call/{call}/Stream/", service_url=BOT)
    await bot.joined()
    assert (await rest(world, "DELETE", f"Call/{call}/Stream/")).status_code == 204
    assert bot.now is None
    assert (await rest(world, "DELETE", f"Call/{call}/Stream/")).status_code == 204
    await world.passes(0.5)
    assert [each["Event"] for each in told(world)] == ["StartStream", "StopStream"]
    await customer.hang_up()


LONG = "x" * 2048
BAD: list[tuple[dict[str, Any], str]] = [
    ({}, "service_url parameter is missing"),
    *(
        ({"service_url": url}, "service_url")
        for url in ("http://bot.test/", "nonsense", "ws://", f"ws://b/{'x' * 2048}")
    ),
    *(({"service_url": BOT, "bidirectional": value}, "bidirectional") for value in ("maybe", 7, ["true"])),
    *(({"service_url": BOT, "audio_track": value}, "audio_track") for value in ("left", True, {"a": 1})),
    ({"service_url": BOT, "bidirectional": True, "audio_track": "both"}, "audio_track"),
    *(({"service_url": BOT, "stream_timeout": value}, "stream_timeout") for value in (0, -1, "x", 86_401, 1.5)),
    *(
        ({"service_url": BOT, "content_type": value}, "content_type")
        for value in ("audio/opus", "audio/x-l16;rate=24000")
    ),
    ({"service_url": BOT, "extra_headers": "k=" + "v" * 600}, "extra_headers"),
    ({"service_url": BOT, "status_callback_url": "nowhere"}, "status_callback_url"),
    (
        {"service_url": BOT, "status_callback_url": f"{APP}/x", "status_callback_method": "PUT"},
        "status_callback_method",
    ),
    ({"service_url": BOT, "noise_cancellation": "perhaps"}, "noise_cancellation"),
    ({"service_url": BOT, "noise_cancellation_level": 20}, "noise_cancellation_level"),
]


async def test_bad_arguments_are_refused_by_name_and_begin_nothing(world: World) -> None:
    customer, bot = await calling(world, "<Wait length='60'/>")
    call = world.plivo.uuid(customer)
    for body, name in BAD:
        answer = await rest(world, "POST", f"Call/{call}/Stream/", **body)
        assert answer.status_code == 400, body
        assert name in answer.json()["error"], body
    for method, path in (("GET", "Stream/unknown/"), ("DELETE", "Stream/unknown/")):
        assert (await rest(world, method, f"Call/{call}/{path}")).status_code == 404
    for method in ("POST", "GET", "DELETE"):
        body = {"service_url": BOT} if method == "POST" else {}
        assert (await rest(world, method, "Call/nobody/Stream/", **body)).status_code == 404
    assert (await rest(world, "PUT", f"Call/{call}/Stream/")).status_code == 405
    assert world.exchange.state.streams == {}
    assert bot.streams == []
    await customer.hang_up()
    await world.passes(1.0)
    assert (await rest(world, "POST", f"Call/{call}/Stream/", service_url=BOT)).status_code == 404


async def test_a_url_that_the_policy_forbids_is_a_dropped_stream_with_the_rule_in_the_timeline(world: World) -> None:
    customer, _ = await calling(world, f"<Stream {TOLD}>ws://10.1.2.3/x</Stream>", "<Wait length='5'/>")
    await world.passes(1.0)
    assert [each["Event"] for each in told(world)] == ["DroppedStream"]
    ended = [stamped.fact for stamped in world.facts if isinstance(stamped.fact, StreamEnded)]
    assert ended[0].end is StreamEnd.LOST
    assert "[webhooks] allow" in ended[0].error
    await customer.hang_up()


def test_an_upgrade_is_signed_for_each_recipe_that_receivers_know() -> None:
    headers = dict(upgrade_headers(settings(), ACCOUNT, "wss://bot.example/agent?b=2&a=1"))
    nonce = headers["X-Plivo-Signature-V3-Nonce"]
    given = headers["X-Plivo-Signature-V3"].split(",")

    def signed(message: str) -> str:
        return base64.b64encode(hmac.new(TOKEN.encode(), message.encode(), hashlib.sha256).digest()).decode()

    assert signed(f"wss://bot.example/agent?a=1&b=2.{nonce}") in given
    assert signed(f"https://bot.example/agent?a=1&b=2.{nonce}") in given
    assert signed(f"http://bot.example/agent?a=1/websocket&b=2.{nonce}") in given
    assert len(forms_of("ws://bot.example:99/x")) == 8


def test_extra_headers_and_content_types_are_read_in_every_form_that_clients_write() -> None:
    assert (
        extra_headers("a=1,b=2") == extra_headers("a=1;b=2") == extra_headers('{"a":1,"b":"2"}') == '{"a":"1","b":"2"}'
    )
    assert extra_headers("") == extra_headers("[" * 50_000) == "{}"
    assert content_type("audio/x-mulaw; rate=8000") == content_type("AUDIO/X-MULAW") == "audio/x-mulaw;rate=8000"
    assert content_type("audio/x-l16;rate=24000") == ""


async def test_a_voice_agent_hands_the_caller_warmly_to_a_person_and_takes_the_call_back(world: World) -> None:
    """The program rings the person itself, tells them what it is about, and then brings the two together."""
    bot = world.bot(BOT)
    agent_stream = f'<Stream bidirectional="true" keepCallAlive="true">{BOT}</Stream>'
    room = '<Conference endConferenceOnExit="true">handover</Conference>'
    start = answers(world, "/bot", agent_stream)
    answers(world, "/back", agent_stream)
    brief = answers(world, "/brief", "<Speak>A customer with a question about a bill</Speak>", room)
    together = answers(world, "/together", f'<Conference action="{APP}/back">handover</Conference>')
    customer, person = await world.phones("customer", "person")
    await world.plivo.call(customer, start)
    await customer.answer()
    await customer.hears_only("bot")
    mark = world.now
    await world.plivo.call(person, brief)
    await person.is_ringing()
    assert await customer.hears_only("bot")  # nobody waits in silence while the person is rung and told
    await person.answer()
    await person.hears_only(SPEECH)
    assert await customer.hears_only("bot")
    await world.passes(6.0)
    await world.plivo.transfer(customer, legs="aleg", aleg_url=together)
    await customer.hears_only("person")
    await person.hears_only("customer")
    assert bot.now is None
    await world.passes(3.0)
    await person.hang_up()
    await customer.hears_only("bot")
    await bot.hears_only("customer")
    assert len(bot.streams) == 2
    assert customer.ears.gaps(300, mark) == []
    await customer.hang_up()


async def test_a_stream_listens_through_hold_and_a_warm_transfer_of_the_person_it_listens_to(world: World) -> None:
    customer, agent, target = await world.phones("customer", "agent", "target")
    bot = world.bot(BOT)
    await world.talking(customer, agent)
    call = world.plivo.uuid(customer)
    answer = await rest(world, "POST", f"Call/{call}/Stream/", service_url=BOT, audio_track="both")
    assert answer.status_code == 202
    await bot.hears_only("customer", "agent")
    await world.phlo.warm_transfer(agent, target)
    await bot.hears_only("customer", MUSIC)
    await target.answer()
    await target.hears_only("agent")
    await bot.hears_only("customer", MUSIC)  # the consult is private, also to who listens in on the customer
    await agent.hang_up()
    await bot.hears_only("customer", "target")
    assert len(bot.streams) == 1
    assert bot.now is not None
    await customer.hang_up()
    await world.passes(0.5)
    assert bot.now is None


async def test_a_relative_callback_is_that_of_the_document(world: World) -> None:
    customer, _ = await calling(world, f"<Stream statusCallbackUrl='/stream'>{BOT}</Stream>", "<Wait length='9'/>")
    await world.passes(0.5)
    assert [each["Event"] for each in told(world)] == ["StartStream"]
    await customer.hang_up()


@pytest.mark.world(settings={"plivo": {"stream_header_prefix": True, "stream_grace_s": 2.0}})
async def test_prefixed_extra_headers_and_a_longer_grace(world: World) -> None:
    stream = f'<Stream bidirectional="true" keepCallAlive="true" extraHeaders="k=v;X=2">{BOT}</Stream>'
    customer, bot = await calling(world, stream)
    await customer.hears_only("bot")
    assert dict(bot.streams[0].forked.opening)["extra_headers"] == '{"X-PH-k":"v","X-PH-X":"2"}'
    bot.hangs_up()
    await world.passes(1.8)
    assert customer.call_now is not None
    assert not customer.call_now.over
    await customer.ended(within_s=1.0)


@pytest.mark.world(settings={"plivo": {"stream_transfer_wait_s": 3.0}})
@pytest.mark.parametrize("how", ["hangs up", "stays", "the caller leaves", "another transfer"])
async def test_a_transfer_may_wait_for_the_programs_goodbye(world: World, how: str) -> None:
    stream = f'<Stream bidirectional="true" keepCallAlive="true" {TOLD}>{BOT}</Stream>'
    customer, bot = await calling(world, stream, f"<Redirect>{APP}/stale</Redirect>")
    await customer.hears_only("bot")
    await world.plivo.transfer(customer, legs="aleg", aleg_url=answers(world, "/next", "<Speak loop='0'>hi</Speak>"))
    await world.passes(1.0)
    await customer.hears_only("bot")
    if how == "another transfer":
        other = answers(world, "/other", "<Wait length='60'/>")
        await world.plivo.transfer(customer, legs="aleg", aleg_url=other)
        await world.passes(2.5)
        await customer.hears_only("bot")
        bot.hangs_up()
        await world.passes(0.5)
        assert len(world.web.to(f"{APP}/other")) == 1
        assert world.web.to(f"{APP}/next") == []
        return
    if how == "the caller leaves":
        await customer.hang_up()
        await world.passes(4.0)
        assert world.web.to(f"{APP}/next") == []
        return
    if how == "hangs up":
        bot.hangs_up()
    else:
        await world.passes(1.8)
        await customer.hears_only("bot")
    await customer.hears_only(SPEECH, within_s=1.0)
    assert len(world.web.to(f"{APP}/next")) == 1
    assert world.web.to(f"{APP}/stale") == []
    assert [each["Event"] for each in told(world)] == [
        "StartStream", "StopStream" if how == "hangs up" else "DroppedStream"
    ]  # fmt: skip
