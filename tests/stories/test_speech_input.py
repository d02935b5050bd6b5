"""A caller talks to a document, with real audio: the recogniser gets it while it is said."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from websockets.asyncio.server import ServerConnection, serve

from switchhook.exchange.recognising import SocketRecogniser
from switchhook.lab.tones import VOICE_HZ, Utterance, read_wav, tone
from switchhook.lab.world_real import RealWorld

pytestmark = pytest.mark.slow
HZ = VOICE_HZ[15]


class Program:
    """A recogniser that knows one word: a tone of `HZ`."""

    def __init__(self) -> None:
        self.audio = b""
        self.first_at = 0.0
        self.url = ""

    async def hear(self, connection: ServerConnection) -> None:
        async for message in connection:
            if isinstance(message, bytes):
                self.first_at = self.first_at or asyncio.get_running_loop().time()
                self.audio += message
            elif json.loads(message)["event"] == "end":
                loud = hears(np.frombuffer(self.audio, "<i2"))
                await connection.send(json.dumps({"transcript": "beep" if loud > 0.4 else "", "confidence": loud}))


def hears(samples: np.ndarray) -> float:
    """Returns for how many seconds the tone is in the audio."""
    frames = samples[: len(samples) // 160 * 160].reshape(-1, 160).astype(np.float64)
    wave = np.exp(-2j * np.pi * HZ * np.arange(160) / 8000)
    return float((np.abs(frames @ wave) / 80 > 1_000).sum() * 0.02)


@asynccontextmanager
async def program() -> AsyncIterator[Program]:
    found = Program()
    async with serve(found.hear, "127.0.0.1", 0) as server:
        found.url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
        yield found


def say(seconds: float) -> Utterance:
    return Utterance(tone(HZ, seconds), loop=False)


async def test_words_are_recognised_while_they_are_said(real_world: RealWorld) -> None:
    world = real_world
    async with program() as ear:
        world.dialects["plivo"].recogniser = SocketRecogniser(ear.url, 5.0)
        ask = '<GetInput action="http://app.test/got" inputType="dtmf speech"><Wait length="20"/></GetInput>'
        world.web.on("http://app.test/start", f"<Response>{ask}</Response>")
        world.web.on("http://app.test/got", "<Response><Wait length='9'/></Response>")
        (customer,) = await world.phones("customer")
        customer.falls_silent()
        await world.plivo.call(customer, "http://app.test/start")
        await customer.answer()
        await world.passes(1.0)
        customer.say(say(1.2))
        began = asyncio.get_running_loop().time()
        while not world.web.to("http://app.test/got"):
            await asyncio.sleep(0.05)
            assert asyncio.get_running_loop().time() - began < 6
        told = world.web.to("http://app.test/got")[0].form
        assert (told["InputType"], told["Speech"], told["Digits"]) == ("speech", "beep", "")
        assert float(told["SpeechConfidenceScore"]) > 0.9
        assert ear.first_at - began < 0.6  # not at its end
        await customer.hang_up()


async def test_what_is_said_is_in_the_file_and_the_key_is_not(real_world: RealWorld) -> None:
    world = real_world
    record = '<Record action="http://app.test/done" fileFormat="wav" timeout="3" callbackUrl="http://app.test/file"/>'
    world.web.on("http://app.test/start", f"<Response>{record}</Response>")
    world.web.on("http://app.test/done", "<Response><Play loop='0'>http://app.test/thanks.wav</Play></Response>")
    world.web.on("http://app.test/file", "")
    (customer,) = await world.phones("customer")
    customer.falls_silent()
    await world.plivo.call(customer, "http://app.test/start")
    await customer.answer()
    await customer.hears("beep", within_s=3.0)
    await world.passes(0.6)
    customer.say(say(1.5))
    await world.passes(2.0)
    await customer.press("#")
    began = asyncio.get_running_loop().time()
    while not world.web.to("http://app.test/done"):
        await asyncio.sleep(0.05)
        assert asyncio.get_running_loop().time() - began < 5
    told = world.web.to("http://app.test/done")[0].form
    assert told["Digits"] == "#"
    assert 2_000 < int(told["RecordingDurationMs"]) < 4_000
    found = world.exchange.recordings.find(told["RecordingID"])
    assert found is not None
    samples = await asyncio.to_thread(read_wav, Path(found.path))
    assert 1.3 < hears(samples) < 1.7
    await customer.hang_up()


async def test_a_voicemail_is_spoken_to_behind_its_beep(real_world: RealWorld) -> None:
    world = real_world
    leave = '<Wait length="20" beep="true"/><DTMF>7</DTMF><Wait length="9"/>'
    world.web.on("http://app.test/start", f"<Response>{leave}</Response>")
    (machine,) = await world.phones("machine")
    machine.falls_silent()
    await world.plivo.call(machine, "http://app.test/start")
    await machine.answer()
    await world.passes(0.5)
    machine.say(Utterance(tone((400, 800, 1200), 1.0), loop=False))  # its greeting
    await world.passes(1.5)
    assert machine.keys == ""
    machine.say(Utterance(tone(1000, 0.6), loop=False))
    await machine.was_pressed("7", within_s=3.0)
    await machine.hang_up()
