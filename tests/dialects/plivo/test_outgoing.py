"""Requests that we send: tried again as the URL says, and told in the order in which things happened."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from urllib.parse import parse_qsl

import pytest

from switchhook.core.errors import Unavailable
from switchhook.dialects.plivo import signatures
from switchhook.dialects.plivo.outgoing import addressed
from switchhook.lab.virtual_time import in_virtual_time, run
from tests.dialects.plivo.common import APP, CUSTOMER, NUMBER, SIP, TOKEN, Hook, World, stage


def failing(times: int, failure: object, then: object = "") -> Callable[[Hook], object]:
    left = [failure] * times

    def answer(_hook: Hook) -> object:
        return left.pop() if left else then

    return answer


@pytest.mark.parametrize(
    ("fragment", "failure", "tries"),
    [
        ("", Unavailable("timeout"), 2),
        ("", (500, ""), 1),
        ("#rc=0", Unavailable("timeout"), 1),
        ("#rc=3", Unavailable("timeout"), 4),
        ("#rc=3&rp=5xx", (503, ""), 4),
        ("#rc=3&rp=5xx", Unavailable("timeout"), 1),
        ("#rc=3&rp=5xx", (404, ""), 1),
        ("#rc=2&rp=4xx,5xx", (404, ""), 3),
        ("#rc=5&rp=all", (302, ""), 6),
    ],
)
def test_how_often_a_url_is_tried(fragment: str, failure: object, tries: int) -> None:
    async def story() -> None:
        async with stage() as on:
            world = World(on)
            on.web.on(f"{APP}/cb", failing(99, failure))
            line, _ = await world.in_dial(f"callbackUrl='{APP}/cb{fragment.replace('&', '&amp;')}' hangupOnStar='true'")
            await on.passes(1)
            assert len(world.hooks("/cb")) == tries * 2  # answer and connected
            assert line.hears == {"1001"}  # a notification that fails changes nothing

    run(story())


@in_virtual_time
async def test_a_second_try_that_succeeds_is_enough() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/answer", "<Speak>hello</Speak>")
        on.web.on(f"{APP}/answer", failing(1, Unavailable("read timeout"), "<Response><Speak>yes</Speak></Response>"))
        line = on.phone("+14155550123").calls("+14155550100")
        await on.settled()
        assert line.hears == {"speak:en-US:WOMAN:yes"}
        hook = next(entry for entry in on.entries if entry.kind == "Webhook")
        assert (hook.body["tries"], hook.body["status"], hook.body["error"]) == (2, 200, "")


@in_virtual_time
async def test_the_total_time_bounds_all_tries() -> None:
    async with stage() as on:
        world = World(on)
        on.web.delay_s = 10
        world.page("/slow", "<Wait/>")
        line = on.phone("+14155550123").calls("+14155550100")
        on.web.on(
            f"{APP}/answer",
            f"<Response><Speak>Hi</Speak><Redirect>{APP}/slow#tt=4000&amp;rc=5&amp;rp=all</Redirect></Response>",
        )
        await on.passes(13)
        assert line.over is None
        await on.passes(2)
        assert line.over is not None
        hooks = [entry for entry in on.entries if entry.kind == "Webhook" and entry.body["url"] == f"{APP}/slow"]
        assert [(entry.body["status"], entry.body["error"]) for entry in hooks] == [(0, "no answer within 4 s")]


@in_virtual_time
async def test_notifications_of_one_call_wait_for_each_other() -> None:
    async with stage() as on:
        world = World(on)
        seen: list[str] = []

        async def slowly(hook: Hook) -> str:
            action = hook.form["DialAction"]
            await asyncio.sleep({"answer": 5.0, "connected": 0.1, "hangup": 1.0}[action])
            seen.append(action)
            return ""

        on.web.on(f"{APP}/cb", lambda hook: slowly(hook))
        line, _ = await world.in_dial(f"callbackUrl='{APP}/cb'")
        line.hangs_up()
        await on.settled()
        assert world.told("/cb", "DialAction") == [("answer",)]
        assert world.hooks("/hangup") == []
        await on.passes(10)
        assert seen == ["answer", "connected", "hangup"]
        assert world.paths()[-1] == "/hangup"


@in_virtual_time
async def test_a_document_waits_only_a_moment_for_slow_notifications_and_holds_up_none() -> None:
    async with stage() as on:
        world = World(on)

        async def slowly(_hook: Hook) -> str:
            await asyncio.sleep(20)
            return ""

        on.web.on(f"{APP}/cb", lambda hook: slowly(hook))
        world.page("/after", "<Speak>after the call</Speak>")
        line, at_agent = await world.in_dial(f"callbackUrl='{APP}/cb' action='{APP}/after'")
        at_agent.hangs_up()
        await on.passes(0.9)
        assert world.hooks("/after") == []
        await on.passes(0.2)
        assert line.hears == {"speak:en-US:WOMAN:after the call"}


@in_virtual_time
async def test_calls_do_not_wait_for_each_other() -> None:
    async with stage() as on:
        world = World(on)

        async def slowly(_hook: Hook) -> str:
            await asyncio.sleep(20)
            return ""

        on.web.on(f"{APP}/cb", lambda hook: slowly(hook))
        await world.in_dial(f"callbackUrl='{APP}/cb'")
        await world.in_dial(f"callbackUrl='{APP}/cb'", to="1002", caller="+14155550124")
        assert len(world.hooks("/cb")) == 2


@in_virtual_time
async def test_a_refusal_of_the_sender_ends_the_call_with_7011() -> None:
    async with stage() as on:
        world = World(on)
        on.web.on(f"{APP}/answer", Unavailable("10.0.0.1 is a private address; name its network in [webhooks] allow"))
        on.web.on(f"{APP}/fallback", Unavailable("10.0.0.1 is a private address; name its network in [webhooks] allow"))
        line = on.phone("+14155550123").calls("+14155550100")
        await on.settled()
        assert line.over is not None
        assert world.one("/hangup")["HangupCauseCode"] == "7011"
        assert any("private address" in text for text in world.warnings)


@in_virtual_time
async def test_documents_without_end_are_a_loop() -> None:
    async with stage(plivo={"max_documents": 5}) as on:
        world = World(on)
        world.page("/again", f"<Redirect>{APP}/again</Redirect>")
        line = await world.arrives(f"<Redirect>{APP}/again</Redirect>")
        await on.settled()
        assert line.over is not None
        assert len(world.hooks("/again")) == 4
        assert world.one("/hangup")["HangupCauseCode"] == "2060"


@in_virtual_time
async def test_a_long_document_does_not_fill_the_stack() -> None:
    async with stage() as on:
        world = World(on)
        line = await world.arrives("<Speak/>" * 5000, "<Speak>here at last</Speak>")
        assert line.hears == {"speak:en-US:WOMAN:here at last"}


@pytest.mark.parametrize(
    ("attributes", "code"),
    [("", "7024"), (f">{APP}/nowhere", "7014"), (">ftp://a/b", "7024"), (f" method='PUT'>{APP}/x", "7034")],
)
def test_a_redirect_that_cannot_be_followed_ends_the_call(attributes: str, code: str) -> None:
    async def story() -> None:
        async with stage() as on:
            world = World(on)
            text = attributes if ">" in attributes else attributes + ">"
            await world.arrives("<Speak>Hi</Speak>", f"<Redirect{text}</Redirect>")
            await on.passes(5)
            assert world.one("/hangup")["HangupCauseCode"] == code

    run(story())


@in_virtual_time
async def test_a_redirect_to_no_document_is_8014() -> None:
    async with stage() as on:
        world = World(on)
        on.web.on(f"{APP}/x", "OK")
        await world.arrives(f"<Redirect>{APP}/x</Redirect>")
        await on.settled()
        assert world.one("/hangup")["HangupCauseCode"] == "8014"


@in_virtual_time
async def test_a_sound_that_cannot_be_played_is_passed_over() -> None:
    async with stage() as on:
        world = World(on)
        line = await world.arrives(
            f"<Play>{APP}/gone.mp3</Play>", "<Play>gone</Play>", "<Play/>", "<Speak>still here</Speak>"
        )
        await on.passes(0.1)
        assert line.hears == {"speak:en-US:WOMAN:still here"}
        assert len(world.warnings) >= 2


@in_virtual_time
async def test_a_scheduled_hangup_lets_the_document_go_on_and_the_newest_counts() -> None:
    async with stage() as on:
        world = World(on)
        line = await world.arrives(
            "<Hangup schedule='10'/>", "<Hangup schedule='20'/>", f"<Dial><User>sip:1001@{SIP}</User></Dial>"
        )
        (await on.phone("1001").rings()).answers()
        await on.passes(15)
        assert line.hears == {"1001"}
        await on.passes(6)
        assert line.over is not None
        assert world.one("/hangup")["HangupCauseCode"] == "6000"


@in_virtual_time
async def test_a_scheduled_hangup_at_the_end_is_immediate() -> None:
    async with stage() as on:
        world = World(on)
        line = await world.arrives("<Speak>Hi</Speak>", "<Hangup schedule='10'/>")
        await on.passes(3)
        assert line.over is not None
        end = world.one("/hangup")
        assert (end["HangupCauseCode"], end["HangupSource"]) == ("4000", "Answer XML")


def test_a_get_carries_everything_in_the_query_and_a_post_leaves_it_alone() -> None:
    sent = {"To": "1", "CallUUID": "a b"}
    assert addressed("GET", "http://a/b?z=1&A=2", sent) == ("http://a/b?A=2&CallUUID=a%20b&To=1&z=1", b"")
    assert addressed("POST", "http://a/b?z=1&A=2", sent) == ("http://a/b?z=1&A=2", b"CallUUID=a%20b&To=1")


@in_virtual_time
async def test_a_bug_on_the_way_to_a_document_ends_the_call_instead_of_leaving_it_in_silence() -> None:
    async with stage() as on:
        world = World(on)
        on.web.on(f"{APP}/x", RuntimeError("a bug"))
        line = await world.arrives("<Speak>Hi</Speak>", f"<Redirect>{APP}/x</Redirect>")
        await on.passes(2)
        assert line.over is not None
        assert world.one("/hangup")["HangupCauseCode"] == "5010"


@in_virtual_time
async def test_when_the_server_stops_every_call_is_ended_and_told() -> None:
    async with stage() as on:
        world = World(on)
        line, at_agent = await world.in_dial(f"callbackUrl='{APP}/cb' action='{APP}/after'")
        world.page("/after", "<Hangup/>")
        assert await on.exchange.drain(1)
        await on.exchange.settle(5)
        assert line.over is not None
        assert at_agent.over is not None
        assert world.told("/cb", "DialAction")[-1] == ("hangup",)
        end = world.one("/hangup")
        assert (end["HangupSource"], end["CallStatus"]) == ("Plivo", "completed")
        assert world.one("/after")["DialStatus"] == "completed"


@in_virtual_time
async def test_a_scheduled_hangup_cannot_lengthen_a_call() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/start", "<Hangup schedule='900'/>", "<Speak loop='0'>on</Speak>")
        asked = {"from": "1", "to": f"sip:1001@{SIP}", "answer_url": f"{APP}/start", "time_limit": 60}
        await world.api("POST", "Call/", asked)
        line = await on.phone("1001").rings()
        line.answers()
        await on.passes(59)
        assert line.over is None
        await on.passes(2)
        assert line.over is not None


@in_virtual_time
async def test_each_hop_of_a_redirect_is_signed_for_its_own_url() -> None:
    async with stage() as on:
        world = World(on)
        on.web.on(f"{APP}/answer", (307, "/second?x=1"))
        on.web.on(f"{APP}/second", (302, f"{APP}/third?y=2"))
        on.web.on(f"{APP}/third", "<Response><Redirect>next</Redirect></Response>")
        world.page("/next", "<Hangup/>")
        on.phone(CUSTOMER).calls(NUMBER)
        await on.settled()
        hops = on.web.hooks[:4]
        assert [(hop.method, hop.url.removeprefix(APP)) for hop in hops] == [
            ("POST", "/answer"),
            ("POST", "/second?x=1"),
            ("GET", "/third?y=2"),
            ("POST", "/next"),  # relative to where the document came from
        ]
        assert hops[1].body == hops[0].body
        assert hops[2].body == b""
        for hop in hops:
            sent = parse_qsl(hop.body.decode(), keep_blank_values=True)
            nonce = hop.headers["x-plivo-signature-v3-nonce"]
            assert signatures.v3(TOKEN, hop.method, hop.url, sent, nonce) in hop.headers["x-plivo-signature-v3"]
            assert hop.headers["x-plivo-signature-v2"] == signatures.v2(TOKEN, hop.url, nonce)


@in_virtual_time
async def test_redirects_without_end_are_no_answer() -> None:
    async with stage() as on:
        world = World(on)
        on.web.on(f"{APP}/answer", (302, "/answer"))
        on.web.on(f"{APP}/fallback", (404, ""))
        on.phone(CUSTOMER).calls(NUMBER)
        await on.passes(1)
        assert world.one("/hangup")["HangupCauseCode"] == "7011"
        assert len(world.hooks("/answer")) == 6 * 2  # tried again once


@in_virtual_time
async def test_a_document_that_is_too_long_is_asked_for_once_and_is_no_document() -> None:
    async with stage() as on:
        world = World(on)
        on.web.on(f"{APP}/answer", "<Response><Hangup/></Response>" + " " * 102_400)
        on.web.on(f"{APP}/fallback", (404, ""))
        world.page("/long", "<Hangup/>" + " " * 102_400)
        await world.arrives("<Speak>Hi</Speak>", f"<Redirect>{APP}/long</Redirect>")
        await on.passes(1)
        assert world.one("/hangup")["HangupCauseCode"] == "8014"
        assert len(world.hooks("/long")) == 1
