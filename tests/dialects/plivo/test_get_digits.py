"""GetDigits: keys that are asked for (plivo-xml 2.5)."""

from __future__ import annotations

import pytest
from plivo import plivoxml

from switchhook.lab.stage import Line, Stage
from switchhook.lab.virtual_time import in_virtual_time, run
from tests.dialects.plivo.common import APP, World, document, stage

ASK = f'<GetDigits action="{APP}/got" %s><Speak>press</Speak></GetDigits>'
PRESS = "speak:en-US:WOMAN:press"  # 0.3 s on the stage


async def asked(on: Stage, attributes: str = "", *after: str) -> tuple[World, Line]:
    """A caller hears the prompt of a GetDigits."""
    world = World(on)
    world.page("/got", "<Wait length='60'/>")
    line = await world.arrives(ASK % attributes, *(after or ("<Wait length='50'/>",)))
    assert line.up
    assert line.hears == {PRESS}
    return world, line


@in_virtual_time
async def test_keys_and_a_finish_key_that_is_not_among_them() -> None:
    async with stage() as on:
        world, line = await asked(on)
        line.presses("12")
        await on.settled()
        assert line.hears == set()  # the first key stops the prompt
        assert world.hooks("/got") == []
        line.presses("3#")
        await on.settled()
        told = world.one("/got")
        assert told["Digits"] == "123"
        assert (told["Event"], told["CallStatus"], told["CallUUID"]) == ("Redirect", "in-progress", line.leg)
        line.presses("4")
        await on.passes(70)
        assert len(world.hooks("/got")) == 1
        assert line.over is not None


@in_virtual_time
async def test_it_ends_with_the_last_key_or_when_no_more_come() -> None:
    async with stage() as on:
        world, line = await asked(on, 'numDigits="2"')
        line.presses("12")
        await on.settled()
        assert world.one("/got")["Digits"] == "12"
    async with stage() as on:
        world, line = await asked(on, 'digitTimeout="3"')
        line.presses("7")
        await on.passes(2.9)
        assert world.hooks("/got") == []
        await on.passes(0.2)
        assert world.one("/got")["Digits"] == "7"


@in_virtual_time
async def test_nothing_after_all_tries_goes_on_with_the_next_element() -> None:
    async with stage() as on:
        world, line = await asked(on, 'timeout="4" retries="2"', "<Speak>nobody</Speak>", "<Wait length='9'/>")
        await on.passes(4.2)  # 0.3 s of prompt, 4 s of patience
        assert line.hears == set()
        await on.passes(0.2)
        assert line.hears == {PRESS}
        await on.passes(4.3)
        assert line.hears == {"speak:en-US:WOMAN:nobody"}
        assert world.hooks("/got") == []


@in_virtual_time
async def test_the_finish_key_alone_is_no_input() -> None:
    async with stage() as on:
        world, line = await asked(on, 'retries="2"')
        await on.passes(1)
        line.presses("#")
        await on.settled()
        assert line.hears == {PRESS}
        line.presses("5#")
        await on.settled()
        assert world.one("/got")["Digits"] == "5"


@pytest.mark.parametrize("none", ["", "none"])
def test_without_a_finish_key_it_is_a_key_like_others(none: str) -> None:
    async def story() -> None:
        async with stage() as on:
            world, line = await asked(on, f'finishOnKey="{none}" numDigits="2"')
            line.presses("#*")
            await on.settled()
            assert world.one("/got")["Digits"] == "#*"

    run(story())


@in_virtual_time
async def test_an_invalid_key_is_told_and_takes_a_try() -> None:
    async with stage() as on:
        on.web.on(f"{APP}/no.wav", "RIFF")
        world, line = await asked(on, f'validDigits="12" retries="2" invalidDigitsSound="{APP}/no.wav"')
        line.presses("12")
        line.presses("9")
        await on.settled()
        assert len(line.hears) == 1
        assert next(iter(line.hears)).startswith("file:")
        line.presses("1")  # while it is told what is wrong nothing is taken
        await on.passes(3.1)
        assert line.hears == {PRESS}
        line.presses("2#")
        await on.settled()
        assert world.one("/got")["Digits"] == "2"


@in_virtual_time
async def test_the_beep_comes_behind_the_prompts() -> None:
    async with stage() as on:
        _, line = await asked(on, 'playBeep="true"')
        await on.passes(0.35)
        assert line.hears == {"builtin:beep"}
        await on.passes(0.25)
        assert line.hears == set()


@in_virtual_time
async def test_without_redirect_the_action_is_told_and_the_document_goes_on() -> None:
    async with stage() as on:
        world, line = await asked(on, 'redirect="false"', "<Speak>next</Speak>", "<Wait length='9'/>")
        line.presses("1#")
        await on.settled()
        assert world.one("/got")["Digits"] == "1"
        assert line.hears == {"speak:en-US:WOMAN:next"}


@in_virtual_time
async def test_a_hangup_or_a_transfer_tells_no_action() -> None:
    async with stage() as on:
        world, line = await asked(on)
        line.presses("1")
        line.hangs_up()
        await on.passes(10)
        assert world.hooks("/got") == []
        assert len(world.hooks("/hangup")) == 1
        assert on.nothing_left()
    async with stage() as on:
        world, line = await asked(on)
        line.presses("1")
        world.page("/to", "<Speak>elsewhere</Speak>", "<Wait length='9'/>")
        await world.transfer(line, legs="aleg", aleg_url=f"{APP}/to")
        assert line.hears == {"speak:en-US:WOMAN:elsewhere"}
        line.presses("2#")
        await on.passes(8)
        assert world.hooks("/got") == []


@in_virtual_time
async def test_keys_that_are_nobodys_business_are_not_written_down() -> None:
    async with stage() as on:
        world, line = await asked(on, 'log="false"')
        line.presses("42#")
        await on.settled()
        assert world.one("/got")["Digits"] == "42"
        line.presses("7")
        await on.settled()
        keys = [entry.body["digit"] for entry in on.entries if entry.kind == "DigitHeard"]
        assert keys == ["?", "?", "?", "7"]


@in_virtual_time
async def test_prompts_of_all_kinds_play_in_order_each_as_often_as_it_says() -> None:
    async with stage() as on:
        world = World(on)
        on.web.on(f"{APP}/a.wav", "RIFF")
        line = await world.arrives(
            '<GetDigits timeout="2"><Speak loop="2">hi</Speak><Wait length="2"/>'
            f"<Play>{APP}/a.wav</Play><Loud/></GetDigits>",
            "<Wait length='9'/>",
        )
        assert line.hears == {"speak:en-US:WOMAN:hi"}
        await on.passes(0.3)
        assert line.hears == {"silence:2000"}
        await on.passes(2)
        assert len(line.hears) == 1
        assert next(iter(line.hears)).startswith("file:")
        await on.passes(3)
        assert line.hears == set()
        assert any("Loud" in warning for warning in world.warnings)


@in_virtual_time
async def test_a_prompt_that_cannot_be_played_is_passed_over() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/got", "<Wait/>")
        line = await world.arrives(
            f'<GetDigits action="{APP}/got"><Play>{APP}/gone.wav</Play><Play/><Speak>press</Speak></GetDigits>'
        )
        assert line.hears == {PRESS}
        line.presses("1#")
        await on.settled()
        assert world.one("/got")["Digits"] == "1"


@in_virtual_time
async def test_as_the_official_sdk_writes_it() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/got", "<Wait/>")
        response = plivoxml.ResponseElement()
        ask = plivoxml.GetDigitsElement(
            action=f"{APP}/got", method="GET", timeout=10, digit_timeout=3, finish_on_key="*", num_digits=4, retries=2,
            redirect=True, play_beep=False, valid_digits="1234567890", log=True,
        )  # fmt: skip
        response.add(ask.add_speak("press", voice="MAN", language="de-DE").add_play(f"{APP}/b.wav"))
        on.web.on(f"{APP}/answer", response.to_string())
        line = on.phone("+14155550123").calls("+14155550100")
        await on.settled()
        assert line.hears == {"speak:de-DE:MAN:press"}
        line.presses("12*")
        await on.settled()
        assert world.one("/got")["Digits"] == "12"
        assert on.web.to(f"{APP}/got")[0].method == "GET"
        assert not world.warnings


def test_a_document_of_nothing_but_prompts_ends() -> None:
    async def story() -> None:
        async with stage() as on:
            world = World(on)
            on.web.on(f"{APP}/answer", document("<GetDigits timeout='1'>" + "<Play/>" * 2000 + "</GetDigits>"))
            line = on.phone("+14155550123").calls("+14155550100")
            await on.passes(2)
            assert line.over is not None
            assert world.one("/hangup")["HangupCauseCode"] == "4010"

    run(story())


@pytest.mark.parametrize("element", ["GetDigits", "GetInput"])
@pytest.mark.parametrize("on", [True, False])
def test_keys_pressed_during_the_sentence_before_count_where_that_is_configured(element: str, on: bool) -> None:
    async def story() -> None:
        async with stage(plivo={"type_ahead": on}) as where:
            world = World(where)
            world.page("/got", "<Wait length='60'/>")
            kind = "inputType='dtmf'" if element == "GetInput" else ""
            ask = f'<{element} {kind} action="{APP}/got" numDigits="3"><Speak>press</Speak></{element}>'
            line = await world.arrives("<Speak loop='40'>for sales press one</Speak>", ask, "<Wait length='60'/>")
            line.presses("9")  # too early
            await where.passes(41.5)  # the sentence lasts 45.6 s
            line.presses("1")
            await where.passes(3.5)
            line.presses("2")
            await where.passes(0.7)
            assert line.hears == (set() if on else {PRESS})
            line.presses("3")
            await where.passes(1)
            assert [told["Digits"] for told in world.hooks("/got")] == (["123"] if on else [])

    run(story())


@in_virtual_time
async def test_keys_of_a_sentence_long_ago_or_of_a_document_that_was_left_do_not_count() -> None:
    async with stage(plivo={"type_ahead": True}) as on:
        world = World(on)
        world.page("/got", "<Wait length='60'/>")
        line = await world.arrives("<Speak loop='5'>hello</Speak>", "<Wait length='9'/>", ASK % "numDigits='1'")
        line.presses("1")
        await on.passes(1.5 + 9 + 0.1)
        assert line.hears == {PRESS}
        world.page("/new", "<Speak loop='9'>hello</Speak>", ASK % "numDigits='1'")
        await world.transfer(line, legs="aleg", aleg_url=f"{APP}/new")
        line.presses("1")
        await world.transfer(line, legs="aleg", aleg_url=world.page("/other", ASK % "numDigits='1'"))
        assert line.hears == {PRESS}
        assert world.hooks("/got") == []
