"""PreAnswer: elements in early audio, before the call is answered (plivo-xml 2.12)."""

from __future__ import annotations

from plivo import plivoxml

from switchhook.lab.virtual_time import in_virtual_time
from tests.dialects.plivo.common import APP, World, stage

HELLO = {"speak:en-US:WOMAN:hello"}
NEXT = {"speak:en-US:WOMAN:next"}


@in_virtual_time
async def test_it_plays_in_early_audio_and_what_follows_answers() -> None:
    async with stage() as on:
        world = World(on)
        line = await world.arrives(
            "<PreAnswer><Speak>hello</Speak><Wait length='2'/></PreAnswer>", "<Speak>next</Speak>", "<Wait/>"
        )
        assert line.early
        assert not line.up
        assert line.hears == HELLO
        await on.passes(0.3)
        assert line.hears == {"silence:2000"}
        await on.passes(1.9)
        assert not line.up
        await on.passes(0.2)
        assert line.up
        assert line.hears == NEXT


@in_virtual_time
async def test_it_takes_thirty_seconds_at_the_longest() -> None:
    async with stage() as on:
        world = World(on)
        line = await world.arrives(
            "<PreAnswer><Speak loop='0'>hello</Speak><Speak>never</Speak></PreAnswer>", "<Speak>next</Speak>"
        )
        await on.passes(29.9)
        assert line.hears == HELLO
        assert not line.up
        await on.passes(0.2)
        assert line.up
        assert line.hears == NEXT
        assert any("more than 30 s" in warning for warning in world.warnings)


@in_virtual_time
async def test_keys_pressed_before_the_answer() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/got", "<Hangup reason='busy'/>")
        line = await world.arrives(
            f"<PreAnswer><GetDigits action='{APP}/got'><Speak>hello</Speak></GetDigits></PreAnswer>", "<Wait/>"
        )
        assert line.hears == HELLO
        line.presses("5#")
        await on.settled()
        told = world.one("/got")
        assert (told["Digits"], told["CallStatus"]) == ("5", "ringing")
        assert line.status == 486  # still unanswered: it can be refused


@in_virtual_time
async def test_keys_messages_and_a_redirect_inside() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/more", "<Speak>next</Speak>", "<Wait/>")
        line = await world.arrives(
            f"<PreAnswer><DTMF>7</DTMF><Message src='1' dst='2'>hi</Message><Redirect>{APP}/more</Redirect>"
            "<Speak>never</Speak></PreAnswer>",
            "<Speak>never</Speak>",
        )
        assert on.media.digits_sent(line.leg) == "7"
        assert line.up
        assert line.hears == NEXT


@in_virtual_time
async def test_elements_that_do_not_belong_there_are_skipped() -> None:
    async with stage() as on:
        world = World(on)
        line = await world.arrives(
            "<PreAnswer><Conference>room</Conference><Speak>hello</Speak></PreAnswer>", "<Wait length='5'/>"
        )
        assert line.hears == HELLO
        assert "PreAnswer: element Conference inside is skipped" in world.warnings
        await on.passes(1)
        assert not line.up  # a Wait does not answer


@in_virtual_time
async def test_on_a_call_that_is_up_its_elements_run_as_everywhere() -> None:
    async with stage() as on:
        world = World(on)
        line = await world.arrives(
            "<Speak>next</Speak>", "<PreAnswer><Speak loop='0'>hello</Speak></PreAnswer>", "<Wait/>"
        )
        await on.passes(40)
        assert line.hears == HELLO


@in_virtual_time
async def test_who_hangs_up_or_is_transferred_meanwhile() -> None:
    async with stage() as on:
        world = World(on)
        line = await world.arrives("<PreAnswer><Speak loop='0'>hello</Speak></PreAnswer>", "<Speak>next</Speak>")
        line.hangs_up()
        await on.passes(40)
        assert world.one("/hangup")["HangupCause"] == "ORIGINATOR_CANCEL"
        assert on.nothing_left()
    async with stage() as on:
        world = World(on)
        line = await world.arrives("<PreAnswer><Speak loop='0'>hello</Speak></PreAnswer>", "<Speak>never</Speak>")
        world.page("/to", "<Wait length='35'/>", "<Speak>next</Speak>", "<Wait/>")
        await world.transfer(line, legs="aleg", aleg_url=f"{APP}/to")
        assert not line.up  # it stops; the leg stays unanswered
        assert line.hears == set()
        await on.passes(35.1)
        assert line.up
        assert line.hears == NEXT


@in_virtual_time
async def test_as_the_official_sdk_writes_it() -> None:
    async with stage() as on:
        world = World(on)
        response = plivoxml.ResponseElement()
        response.add(plivoxml.PreAnswerElement().add_speak("hello").add_wait(length=1))
        response.add(plivoxml.SpeakElement("next"))
        on.web.on(f"{APP}/answer", response.to_string())
        line = on.phone("+14155550123").calls("+14155550100")
        await on.settled()
        assert line.hears == HELLO
        await on.passes(1.5)
        assert line.hears == NEXT
        assert not world.warnings
