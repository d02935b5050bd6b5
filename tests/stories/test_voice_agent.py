"""A voice agent behind an audio stream, with real audio: it hands its caller to a person, and takes the call back."""

from __future__ import annotations

import asyncio

import pytest

from switchhook.lab.tones import VOICE_HZ, tone
from switchhook.lab.world_real import RealWorld
from tests.media.bots import Bot, Office, office
from tests.media.phones import amplitude

pytestmark = pytest.mark.slow
BOT_HZ = VOICE_HZ[12]


async def agent(desk: Office, number: int) -> Bot:
    """The program talks, with two minutes of one tone, as soon as it is reached."""
    bot = await desk.bot(number)
    await bot.play(tone(BOT_HZ, 20.0))
    return bot


def loud(bot: Bot, hz: float) -> bool:
    return bool(amplitude(bot.audio(last=20), hz) > 2_000)


async def test_a_caller_is_handed_to_a_person_and_comes_back_to_the_program(real_world: RealWorld) -> None:
    world = real_world
    async with office() as desk:
        world.telephones.voices.assign("bot", BOT_HZ)
        stream = f'<Stream bidirectional="true" keepCallAlive="true">{desk.url}</Stream>'
        room = '<Conference endConferenceOnExit="true">handover</Conference>'
        pages = {
            "/bot": stream,
            "/brief": f"<Wait length='1'/>{room}",
            "/together": '<Conference action="http://app.test/bot">handover</Conference>',
        }
        for path, document in pages.items():
            world.web.on(f"http://app.test{path}", f"<Response>{document}</Response>")
        customer, person = await world.phones("customer", "person")
        await world.plivo.call(customer, "http://app.test/bot")
        await customer.answer()
        first = await agent(desk, 0)
        await customer.hears_only("bot", within_s=4.0)
        own = dict(world.telephones.voices)["customer"]
        while not loud(first, own):
            await asyncio.sleep(0.05)
        talking = world.now
        await world.plivo.call(person, "http://app.test/brief")
        await person.answer()
        assert await customer.hears_only("bot")  # the caller is kept company while the person is told
        await world.passes(1.6)
        await world.plivo.transfer(customer, legs="aleg", aleg_url="http://app.test/together")
        await customer.hears_only("person", within_s=4.0)
        await person.hears_only("customer")
        assert first.code == 1000
        assert first.frames[-1]["event"] == "stop"
        assert customer.ears.gaps(400, talking) == []
        await person.hang_up()
        second = await agent(desk, 1)
        await customer.hears_only("bot", within_s=4.0)
        while not loud(second, own):
            await asyncio.sleep(0.05)
        assert first.breaks() == second.breaks() == []
        assert first.frames[0]["start"]["callId"] == second.frames[0]["start"]["callId"]
        await customer.hang_up()
        await world.passes(0.3)
        assert second.code == 1000
