"""Documents that fail, come late, or are no documents: what the caller hears, what is told (plivo-xml 1.6-1.8)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from switchhook.core.errors import Unavailable
from switchhook.lab.stage import Hook, Stage
from switchhook.lab.virtual_time import in_virtual_time, run
from tests.dialects.plivo.common import APP, CUSTOMER, NUMBER, SIP, World, settings, stage

NO_DOCUMENTS = ("", "OK", '{"a": 1}', "<html></html>", "<Response><Play>http://a/?b=1&c=2</Play></Response>")
ACTION = f'<Dial action="{APP}/after" %s><User>sip:1001@{SIP}</User></Dial>'


def code(world: World) -> str:
    return world.one("/hangup")["HangupCauseCode"]


def slow(text: str, after_s: float) -> Callable[[Hook], Any]:
    async def answer(hook: Hook) -> str:
        await asyncio.sleep(after_s)
        return text

    return answer


@pytest.mark.parametrize("body", NO_DOCUMENTS)
def test_an_answer_that_is_no_document_is_asked_for_at_the_fallback(body: str) -> None:
    async def story() -> None:
        async with stage() as on:
            world = World(on)
            on.web.on(f"{APP}/answer", body)
            world.page("/fallback", "<Speak>sorry</Speak>", "<Wait/>")
            line = on.phone(CUSTOMER).calls(NUMBER)
            await on.settled()
            assert line.hears == {"speak:en-US:WOMAN:sorry"}
        async with stage() as on:
            world = World(on)
            on.web.on(f"{APP}/answer", body)
            on.web.on(f"{APP}/fallback", body)
            on.phone(CUSTOMER).calls(NUMBER)
            await on.passes(1)
            assert code(world) == "8011"

    run(story())


@pytest.mark.parametrize("body", NO_DOCUMENTS)
def test_an_action_that_is_no_document_ends_the_call(body: str) -> None:
    async def story() -> None:
        async with stage() as on:
            world = World(on)
            on.web.on(f"{APP}/after", body)
            line = await world.arrives(
                f'<GetDigits numDigits="1" action="{APP}/after"/>', "<Speak>next</Speak>", "<Wait/>"
            )
            line.presses("1")
            await on.passes(1)
            assert line.over is not None
            assert code(world) == "8012"

    run(story())


@pytest.mark.parametrize("body", NO_DOCUMENTS)
def test_or_lets_the_next_element_run_where_the_application_wants_it(body: str) -> None:
    tree = {"app_id": "app1", "account": "MASWITCHHOOK00000000", "answer_url": f"{APP}/answer"}

    async def story() -> None:
        async with Stage(settings(application=[{**tree, "action_fallthrough": True}]), dialects=("plivo",)) as on:
            world = World(on)
            on.web.on(f"{APP}/after", body)
            line = await world.arrives(
                f'<GetDigits numDigits="1" action="{APP}/after"/>', "<Speak>next</Speak>", "<Wait/>"
            )
            line.presses("1")
            await on.settled()
            assert line.hears == {"speak:en-US:WOMAN:next"}

    run(story())


@in_virtual_time
async def test_but_not_when_the_action_cannot_be_reached() -> None:
    tree = {"app_id": "app1", "account": "MASWITCHHOOK00000000", "answer_url": f"{APP}/answer"}
    async with Stage(settings(application=[{**tree, "action_fallthrough": True}]), dialects=("plivo",)) as on:
        world = World(on)
        line = await world.arrives(f'<GetDigits numDigits="1" action="{APP}/gone"/>', "<Speak>next</Speak>")
        line.presses("1")
        await on.passes(1)
        assert line.over is not None


@in_virtual_time
async def test_unknown_elements_are_skipped_or_end_the_call_where_the_server_is_strict() -> None:
    async with stage() as on:
        world = World(on)
        line = await world.arrives("<Say>a</Say>", "<Speak>next</Speak>", "<Wait/>")
        assert line.hears == {"speak:en-US:WOMAN:next"}
        assert "element Say is skipped" in world.warnings
    async with stage(plivo={"strict": True}) as on:
        world = World(on)
        world.page("/fallback", "<Say>a</Say>")
        line = await world.arrives("<Speak>never</Speak>", "<Say>a</Say>")
        await on.passes(1)
        assert line.over is not None
        assert line.hears == set()
        assert code(world) == "8011"


@in_virtual_time
async def test_a_slow_answer_is_waited_for_with_ringing_and_a_slow_action_in_silence() -> None:
    async with stage() as on:
        world = World(on)
        on.web.on(f"{APP}/answer", slow(f'<Response><GetDigits numDigits="1" action="{APP}/after"/></Response>', 10))
        on.web.on(f"{APP}/after", slow("<Response><Speak>late</Speak><Wait/></Response>", 30))
        line = on.phone(CUSTOMER).calls(NUMBER)
        await on.passes(1)
        assert line.rang
        assert not line.up
        await on.passes(9.5)
        assert line.up
        line.presses("1")
        await on.passes(29)
        assert line.hears == set()
        await on.passes(1.1)
        assert line.hears == {"speak:en-US:WOMAN:late"}
        assert not world.hooks("/hangup")


@in_virtual_time
async def test_an_action_that_never_answers_ends_the_call_in_the_end() -> None:
    async with stage() as on:
        world = World(on)
        on.web.on(f"{APP}/after", slow("<Response/>", 1000))
        line = await world.arrives(f'<GetDigits numDigits="1" action="{APP}/after"/>')
        line.presses("1")
        await on.passes(54)
        assert line.over is None
        await on.passes(2)
        assert line.over is not None
        assert code(world) == "7012"


@in_virtual_time
async def test_a_hangup_while_an_action_is_fetched_wants_its_answer_no_more() -> None:
    async with stage() as on:
        world = World(on)
        on.web.on(f"{APP}/after", slow("<Response><Speak>late</Speak></Response>", 5))
        line = await world.arrives(f'<GetDigits numDigits="1" action="{APP}/after"/>')
        line.presses("1")
        await on.passes(1)
        line.hangs_up()
        await on.passes(10)
        assert code(world) == "4000"
        assert on.nothing_left()


@in_virtual_time
async def test_a_failing_webhook_is_tried_as_its_fragment_says() -> None:
    async with stage() as on:
        world = World(on)
        fails = [
            Unavailable("down"),
            Unavailable("down"),
            (500, ""),
            "<Response><Speak loop='0'>there</Speak></Response>",
        ]

        def answer(hook: Hook) -> Any:
            return fails.pop(0)

        on.web.on(f"{APP}/after", answer)
        line = await world.arrives(f'<GetDigits numDigits="1" action="{APP}/after#rc=3&amp;rp=all"/>')
        line.presses("1")
        await on.passes(1)
        assert line.hears == {"speak:en-US:WOMAN:there"}
        assert [hook.url for hook in on.web.to(f"{APP}/after")] == [f"{APP}/after"] * 4  # the fragment stays here


@pytest.mark.parametrize(
    ("element", "url"),
    [
        ("<Record playBeep='false' timeout='1' action='/x'/>", "/x"),
        ("<GetDigits numDigits='1' action='x'/>", "/x"),
        ("<GetInput inputType='dtmf' numDigits='1' action='./x?y=1'/>", "/x"),
        ("<PreAnswer><Redirect>x</Redirect></PreAnswer>", "/x"),
    ],
)
def test_relative_urls_are_those_of_the_document(element: str, url: str) -> None:
    async def story() -> None:
        async with stage() as on:
            world = World(on)
            world.page("/x", "<Wait/>")
            line = await world.arrives(element)
            line.presses("1")
            await on.passes(1.5)
            assert len(world.hooks(url)) == 1

    run(story())


@pytest.mark.parametrize("element", ["Record playBeep='false' timeout='1'", "GetDigits numDigits='1'"])
@pytest.mark.parametrize(("url", "method", "ends"), [("ftp://a/b", "POST", "7022"), (f"{APP}/x", "PUT", "7032")])
def test_an_invalid_action_ends_the_call_where_it_goes_on_and_is_a_warning_where_not(
    element: str, url: str, method: str, ends: str
) -> None:
    async def story() -> None:
        for redirect in ("true", "false"):
            async with stage() as on:
                world = World(on)
                line = await world.arrives(
                    f"<{element} action='{url}' method='{method}' redirect='{redirect}'/>",
                    "<Speak loop='0'>next</Speak>",
                )
                line.presses("1")
                await on.passes(1.1)
                if redirect == "true":
                    assert code(world) == ends
                else:
                    assert line.hears == {"speak:en-US:WOMAN:next"}
                    assert any("nobody can be told" in warning for warning in world.warnings)

    run(story())
