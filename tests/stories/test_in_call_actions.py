"""What an API client does to live calls and conferences, judged by ears: in virtual time, and over real audio."""

from __future__ import annotations

import io
import wave

import numpy as np
import pytest

from switchhook.lab.phone import Phone
from switchhook.lab.tones import RATE, SPEECH
from switchhook.lab.world import NUMBER, World
from switchhook.lab.world_base import AnyWorld
from switchhook.lab.world_clients import Declined
from switchhook.lab.world_real import RealWorld

APP = "http://app.test"
SONG = "http://files.test/song.wav"
WITHIN_S = 8.0  # real audio on a busy machine


def song(hz: float, seconds: float) -> bytes:
    """A file with one pitch."""
    samples = (3_000 * np.sin(2 * np.pi * hz * np.arange(int(RATE * seconds)) / RATE)).astype("<i2")
    written = io.BytesIO()
    with wave.open(written, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())
    return written.getvalue()


async def bridged(world: AnyWorld) -> tuple[Phone, Phone]:
    """A caller and 1001, put together by a document."""
    world.web.on(f"{APP}/answer", "<Response><Dial><User>sip:1001@switchhook.local</User></Dial></Response>")
    world.web.on(f"{APP}/hangup", "")
    customer, agent = await world.phones("customer", "1001")
    await customer.call(NUMBER)
    await agent.answer()
    await customer.hears("1001", within_s=WITHIN_S)
    await agent.hears("customer", within_s=WITHIN_S)
    return customer, agent


async def play_over_the_talk(world: AnyWorld, label: str) -> None:
    customer, agent = await bridged(world)
    uuid = world.plivo.uuid(customer)
    await world.plivo.ask("POST", f"Call/{uuid}/Play/", urls=SONG, loop=True)
    await customer.hears_only("1001", label, within_s=WITHIN_S)
    await agent.hears_only("customer", within_s=WITHIN_S)
    await world.plivo.ask("POST", f"Call/{uuid}/Play/", urls=SONG, loop=True, mix=False, legs="both")
    await customer.hears_only(label, within_s=WITHIN_S)
    await agent.hears_only(label, within_s=WITHIN_S)
    await world.plivo.ask("DELETE", f"Call/{uuid}/Play/")
    await customer.hears_only("1001", within_s=WITHIN_S)
    await agent.hears_only("customer", within_s=WITHIN_S)
    start = world.now
    await world.plivo.ask("POST", f"Call/{uuid}/Play/", urls=SONG, legs="bleg", length=2)
    await agent.hears_only("customer", label, within_s=WITHIN_S)
    await customer.hears_only("1001", within_s=WITHIN_S)
    await agent.hears_only("customer", within_s=WITHIN_S)
    await world.passes(0.3)
    assert customer.ears.gaps(100, start) == []
    assert agent.ears.gaps(100, start) == []
    await customer.hang_up()
    await agent.ended(within_s=WITHIN_S)
    await world.everybody_hangs_up()


async def both_in(world: AnyWorld, conference: str) -> list[dict[str, str]]:
    """Returns the members when there are two: who heard each other before, hears nothing new when it begins."""
    for _ in range(100):
        try:
            members = (await world.plivo.ask("GET", conference))["members"]
        except Declined:  # it is not there yet
            members = []
        if len(members) == 2:
            break
        await world.passes(0.05)
    return list(members)


async def keys_and_a_conference(world: AnyWorld, label: str) -> None:
    customer, agent = await bridged(world)
    await world.plivo.ask("POST", f"Call/{world.plivo.uuid(customer)}/DTMF/", digits="42#", leg="bleg")
    await agent.was_pressed("42#", within_s=WITHIN_S)
    room = f"{APP}/room"
    world.web.on(room, "<Response><Conference>big room</Conference><Wait length='60'/></Response>")
    await world.plivo.transfer(customer, legs="both", aleg_url=room, bleg_url=room)
    await customer.hears_only("1001", within_s=WITHIN_S)
    await agent.hears_only("customer", within_s=WITHIN_S)
    here = "Conference/big%20room/"
    numbers = {member["call_uuid"]: member["member_id"] for member in await both_in(world, here)}
    mine = numbers[world.plivo.uuid(customer)]
    await world.plivo.ask("POST", f"{here}Member/{mine}/Play/", url=SONG)
    await customer.hears_only("1001", label, within_s=WITHIN_S)
    await agent.hears_only("customer", within_s=WITHIN_S)
    await world.plivo.ask("DELETE", f"{here}Member/all/Play/")
    await customer.hears_only("1001", within_s=WITHIN_S)
    await world.plivo.ask("POST", f"{here}Member/{mine}/Mute/")
    await agent.ears.until_silent(within_s=WITHIN_S)
    await customer.hears_only("1001", within_s=WITHIN_S)
    await world.plivo.ask("DELETE", f"{here}Member/{mine}/Mute/")
    await agent.hears_only("customer", within_s=WITHIN_S)
    await world.plivo.ask("POST", f"{here}Member/{mine}/Deaf/")
    await customer.ears.until_silent(within_s=WITHIN_S)
    await agent.hears_only("customer", within_s=WITHIN_S)
    await world.plivo.ask("DELETE", f"{here}Member/{mine}/Deaf/")
    await customer.hears_only("1001", within_s=WITHIN_S)
    await world.plivo.ask("POST", f"{here}Member/{mine}/Kick/")
    await customer.ears.until_silent(within_s=WITHIN_S)
    assert (await world.plivo.ask("GET", here))["conference_member_count"] == "1"
    await world.plivo.ask("DELETE", here)
    await agent.ended(within_s=WITHIN_S)
    await world.everybody_hangs_up()


STORIES = pytest.mark.parametrize("story", [play_over_the_talk, keys_and_a_conference])


@STORIES
async def test_in_virtual_time(world: World, story) -> None:  # type: ignore[no-untyped-def]
    world.web.on(SONG, song(1000, 3))
    await story(world, SPEECH)  # in virtual time every file is speech


@pytest.mark.slow
@STORIES
async def test_over_real_audio(real_world: RealWorld, story) -> None:  # type: ignore[no-untyped-def]
    hz = real_world.telephones.voices.assign("song")
    real_world.web.on(SONG, song(hz, 6))
    await story(real_world, "song")


@pytest.mark.slow
@pytest.mark.parametrize(("attributes", "keys"), [("", "7"), ('relayDTMF="false"', "")])
async def test_a_key_in_a_conference_arrives_once_or_not_at_all(
    real_world: RealWorld, attributes: str, keys: str
) -> None:
    world = real_world
    customer, agent = await bridged(world)
    await customer.press("1")
    await agent.was_pressed("1", within_s=WITHIN_S)
    await world.passes(0.5)  # the key is let go
    room = f"{APP}/room"
    world.web.on(room, f"<Response><Conference {attributes}>room</Conference></Response>")
    await world.plivo.transfer(customer, legs="both", aleg_url=room, bleg_url=room)
    await customer.hears_only("1001", within_s=WITHIN_S)
    await agent.hears_only("customer", within_s=WITHIN_S)
    await customer.press("7")
    await world.passes(1.0)
    assert agent.keys == "1" + keys
    await agent.press("8")
    await world.passes(1.0)
    assert customer.keys == keys.replace("7", "8")
    await world.everybody_hangs_up()


@pytest.mark.slow
async def test_a_recording_by_api_has_both_sides_and_is_fetched_at_its_url(real_world: RealWorld) -> None:
    world = real_world
    customer, _ = await bridged(world)
    uuid = world.plivo.uuid(customer)
    world.web.on(f"{APP}/rec", "")
    asked = {"file_format": "wav", "record_channel_type": "stereo", "callback_url": f"{APP}/rec"}
    begun = await world.plivo.ask("POST", f"Call/{uuid}/Record/", **asked)
    await world.passes(1.5)
    await customer.hang_up()
    for _ in range(100):
        told = [hook.form for hook in world.web.hooks if hook.path == "/rec"]
        if told:
            break
        await world.passes(0.05)
    assert told[0]["record_url"] == begun["url"]
    assert 1_000 <= int(told[0]["recording_duration_ms"]) <= 3_000
    path = begun["url"].partition("/v1/")[2]
    reply = await world.http.get(f"/v1/{path}", auth=world.plivo.auth)
    assert reply.status_code == 200
    with wave.open(io.BytesIO(reply.content)) as file:
        assert (file.getnchannels(), file.getframerate()) == (2, RATE)
        sides = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2).astype(float)
    middle = sides[RATE // 4 : RATE]
    for side, name in enumerate(("customer", "1001")):
        hz = world.telephones.voices.assign(name)
        turn = np.exp(-2j * np.pi * hz * np.arange(len(middle)) / RATE)
        levels = np.abs((middle * turn[:, None]).mean(axis=0))
        assert levels[side] > 10 * levels[1 - side]
        assert levels[side] > 500
    await world.everybody_hangs_up()
