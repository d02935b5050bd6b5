"""A program that is a participant of a Multi-Party Call by real audio: it talks to all and hands its caller over."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from switchhook.lab.tones import VOICE_HZ, tone
from switchhook.lab.world_real import RealWorld
from tests.media.bots import Bot, office
from tests.media.phones import amplitude

pytestmark = pytest.mark.slow
BOT_HZ = VOICE_HZ[12]
QUIET = 'enterSound="none" exitSound="none"'


def loud(bot: Bot, hz: float) -> bool:
    return bool(amplitude(bot.audio(last=20), hz) > 2_000)


async def until(found: Any) -> None:
    async with asyncio.timeout(5.0):
        while not found():
            await asyncio.sleep(0.05)


async def test_a_program_serves_a_caller_then_both_talk_to_a_person_and_it_leaves(real_world: RealWorld) -> None:
    world = real_world
    async with office() as desk:
        world.telephones.voices.assign("bot", BOT_HZ)
        program = f'<MultiPartyCall role="ai-agent" {QUIET} aiAgentStreamServiceUrl="{desk.url}">desk</MultiPartyCall>'
        pages = {
            "/caller": f'{program}<MultiPartyCall role="customer" {QUIET}>desk</MultiPartyCall>',
            "/person": f'<MultiPartyCall role="agent" {QUIET}>desk</MultiPartyCall>',
        }
        for path, document in pages.items():
            world.web.on(f"http://app.test{path}", f"<Response>{document}</Response>")
        customer, person = await world.phones("customer", "person")
        await world.plivo.call(customer, "http://app.test/caller")
        await customer.answer()
        bot = await desk.bot(0)
        await bot.play(tone(BOT_HZ, 20.0))
        await customer.hears_only("bot", within_s=4.0)
        voices = dict(world.telephones.voices)
        await until(lambda: loud(bot, voices["customer"]))
        assert not loud(bot, BOT_HZ)
        await world.plivo.call(person, "http://app.test/person")
        await person.answer()
        await person.hears_only("bot", "customer", within_s=4.0)
        await customer.hears_only("bot", "person", within_s=4.0)
        await until(lambda: loud(bot, voices["person"]) and loud(bot, voices["customer"]))
        assert not loud(bot, BOT_HZ)
        talking = world.now
        await bot.connection.close()
        await person.hears_only("customer", within_s=4.0)
        await customer.hears_only("person", within_s=4.0)
        assert customer.ears.gaps(400, talking) == person.ears.gaps(400, talking) == []
        assert bot.breaks() == []
        assert [frame["event"] for frame in bot.frames].count("start") == 1
        await person.hang_up()
        await customer.ended(within_s=4.0)


async def test_a_program_is_held_and_kicked_and_hears_what_a_participant_would(real_world: RealWorld) -> None:
    world = real_world
    async with office() as desk:
        world.telephones.voices.assign("bot", BOT_HZ)
        document = (
            f'<MultiPartyCall role="ai-agent" {QUIET} aiAgentStreamServiceUrl="{desk.url}" '
            'aiAgentStreamContentType="audio/x-mulaw;rate=8000">desk</MultiPartyCall>'
            f'<MultiPartyCall role="customer" {QUIET} stayAlone="true">desk</MultiPartyCall>'
        )
        world.web.on("http://app.test/caller", f"<Response>{document}</Response>")
        customer = (await world.phones("customer"))[0]
        await world.plivo.call(customer, "http://app.test/caller")
        await customer.answer()
        bot = await desk.bot(0)
        await bot.play(tone(BOT_HZ, 20.0), mulaw=True)
        await customer.hears_only("bot", within_s=4.0)
        own = dict(world.telephones.voices)["customer"]
        await until(lambda: loud(bot, own))
        members = (await world.plivo.ask("GET", "MultiPartyCall/name_desk/Participant/"))["objects"]
        which = next(each["member_id"] for each in members if each["role"] == "ai-agent")
        path = f"MultiPartyCall/name_desk/Participant/{which}/"
        await world.plivo.ask("POST", path, hold=True)
        await customer.hears_only(within_s=4.0)
        await until(lambda: not loud(bot, own) and abs(bot.audio(last=20)).max() > 500)  # music
        await world.plivo.ask("POST", path, hold=False)
        await customer.hears_only("bot", within_s=4.0)
        await until(lambda: loud(bot, own))
        await world.plivo.ask("DELETE", path)
        await until(lambda: bot.code == 1000)
        assert bot.frames[-1]["event"] == "stop"
        assert bot.breaks() == []
        await customer.hears_only("music", within_s=4.0)
        await customer.hang_up()
