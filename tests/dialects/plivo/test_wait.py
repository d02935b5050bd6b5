"""Wait: silence for a while, or until the far side is silent (plivo-xml 2.3)."""

from __future__ import annotations

from plivo import plivoxml

from switchhook.lab.virtual_time import in_virtual_time
from tests.dialects.plivo.common import APP, World, stage

NEXT = ("<Speak>next</Speak>", "<Wait length='60'/>")
HEARD = {"speak:en-US:WOMAN:next"}
HELLO = "<Speak>hello</Speak>"  # answers; 0.3 s on the stage


@in_virtual_time
async def test_it_ends_with_a_silence_that_is_long_enough() -> None:
    async with stage() as on:
        world = World(on)
        line = await world.arrives(HELLO, '<Wait length="20" silence="true" minSilence="3000"/>', *NEXT)
        await on.passes(0.3)
        line.talks()
        await on.passes(5)
        line.talks(False)
        await on.passes(1)
        line.talks()
        await on.passes(2)
        line.talks(False)
        await on.passes(2.9)
        assert line.hears == set()
        await on.passes(0.2)
        assert line.hears == HEARD
        leg = on.exchange.state.legs[line.leg]
        assert leg.listeners == ()


@in_virtual_time
async def test_who_never_talks_is_silent_from_the_beginning() -> None:
    async with stage() as on:
        world = World(on)
        line = await world.arrives(HELLO, '<Wait length="20" silence="true"/>', *NEXT)
        await on.passes(0.3 + 1.9)
        assert line.hears == set()
        await on.passes(0.2)
        assert line.hears == HEARD


@in_virtual_time
async def test_who_talks_on_is_waited_for_no_longer_than_it_says() -> None:
    async with stage() as on:
        world = World(on)
        line = await world.arrives(HELLO, '<Wait length="5" silence="true" minSilence="1000"/>', *NEXT)
        line.talks()
        await on.passes(5.2)
        assert line.hears == set()
        await on.passes(0.2)
        assert line.hears == HEARD


@in_virtual_time
async def test_before_the_answer_nobody_is_listened_to() -> None:
    async with stage() as on:
        world = World(on)
        line = await world.arrives('<Wait length="6" silence="true" minSilence="1000"/>', *NEXT)
        await on.passes(5)
        assert not line.up
        assert line.rang
        await on.passes(1.1)
        assert line.up


@in_virtual_time
async def test_a_length_that_is_too_short_for_the_silence_is_waited_out() -> None:
    async with stage() as on:
        world = World(on)
        line = await world.arrives(HELLO, '<Wait length="2" silence="true" minSilence="2000"/>', *NEXT)
        await on.passes(2.2)
        assert line.hears == set()
        await on.passes(0.2)
        assert line.hears == HEARD
        assert any("more than minSilence" in warning for warning in world.warnings)


@in_virtual_time
async def test_a_transfer_ends_the_listening() -> None:
    async with stage() as on:
        world = World(on)
        line = await world.arrives(HELLO, '<Wait length="20" silence="true"/>', *NEXT)
        await on.passes(0.5)
        world.page("/to", "<Wait length='30'/>")
        await world.transfer(line, legs="aleg", aleg_url=f"{APP}/to")
        assert on.exchange.state.legs[line.leg].listeners == ()
        await on.passes(20)
        assert line.hears == set()


@in_virtual_time
async def test_as_the_official_sdk_writes_it() -> None:
    async with stage() as on:
        world = World(on)
        response = plivoxml.ResponseElement()
        response.add(plivoxml.SpeakElement("hello"))
        response.add(plivoxml.WaitElement(length=10, silence=True, min_silence=1500))
        response.add(plivoxml.SpeakElement("next"))
        response.add(plivoxml.WaitElement(length=10))
        on.web.on(f"{APP}/answer", response.to_string())
        line = on.phone("+14155550123").calls("+14155550100")
        await on.passes(2)
        assert line.hears == HEARD
        assert not world.warnings
