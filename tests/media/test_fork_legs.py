"""Programs in place of telephones, on the real engine: heard, recorded and watched as a leg, and sent what it hears."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from switchhook.core.events import RecordingEnded, StreamOver, VoiceStarted, VoiceStopped
from switchhook.core.ids import LegId, RecordingId, SoundId, StreamId
from switchhook.core.sources import Sound, Voice
from switchhook.exchange.ports import Codec, Recording
from tests.media.bots import Bot, Office, office
from tests.media.phones import amplitude
from tests.media.studio import Studio, story, studio
from tests.media.test_forks import fork, level, tone
from tests.media.test_recording import read

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("wire")]
P, B = LegId("p"), LegId("b")


def program(s: Studio, o: Office, name: str = "p") -> StreamId:
    """A leg with nothing but a program at its end."""
    s.engine.open(LegId(name))
    return fork(s, o, name, bidirectional=True, is_leg=True)


async def talks(bot: Bot, hz: float, seconds: float = 8.0) -> None:
    await bot.play(tone(hz, seconds))


@story
async def test_a_telephone_and_a_program_hear_each_other_and_not_themselves() -> None:
    async with studio() as s, office() as o:
        a = s.phone("a", 600)
        stream = program(s, o)
        s.hear(a="p", p="a")
        bot = await o.bot(frames=10)
        await s.until(lambda: level(bot, 600) > 7_000)
        await talks(bot, 2_500)
        await s.until(lambda: a.level(2_500, 0.3) > 7_000)
        assert level(bot, 2_500) < 100
        assert a.level(600, 0.3) < 100
        await bot.say(event="checkpoint", streamId=stream, name="far")
        await bot.say(event="clearAudio", streamId=stream)
        await s.until(lambda: a.level(2_500, 0.1) < 100, within_s=2.0)
        assert len(bot.of("clearedAudio")) == 1
        assert bot.of("playedStream") == []
        s.hear(p=[Sound(SoundId("m"), ("tone:1500:60000",))])
        await s.until(lambda: level(bot, 1_500) > 2_000 and level(bot, 600) < 100)
        s.hear(p=[])
        await s.until(lambda: level(bot, 1_500) < 100)
        assert bot.breaks() == a.breaks() == []
        s.engine.close(P)
        await s.until(lambda: bot.code == 1000)
        await s.until(lambda: a.level(2_500, 0.1) < 100)
        assert s.came(StreamOver) == []


@story
async def test_four_in_a_room_two_of_them_programs() -> None:
    async with studio() as s, office() as o:
        a, b = s.phone("a", 600), s.phone("b", 900, codec=Codec.PCMA)
        program(s, o, "p"), program(s, o, "q")
        s.hear(a="b p q", b="a p q", p="a b q", q="a b p")
        bots = [await o.bot(n, frames=5) for n in (0, 1)]
        first, second = sorted(bots, key=lambda bot: str(bot.frames[0]["start"]["callId"]))
        await talks(first, 1_500)
        await talks(second, 2_500)
        await s.until(lambda: all(phone.level(hz, 0.3) > 7_000 for phone in (a, b) for hz in (1_500, 2_500)))
        assert a.level(900, 0.3) > 7_000
        assert b.level(600, 0.3) > 7_000
        await s.until(lambda: level(first, 2_500) > 7_000 and level(first, 900) > 7_000)
        assert level(first, 1_500) < 100
        await s.until(lambda: level(second, 1_500) > 7_000 and level(second, 600) > 7_000)
        assert level(second, 2_500) < 100
        assert first.breaks() == second.breaks() == []


@story
async def test_what_a_program_says_is_recorded_and_noticed(tmp_path: Path) -> None:
    async with studio() as s, office() as o:
        s.phone("a", 600)
        program(s, o)
        s.hear(a="p", p="a")
        s.engine.notice(P, on=True)
        bot = await o.bot(frames=5)
        await asyncio.sleep(0.3)
        assert s.came(VoiceStarted) == []
        await talks(bot, 2_500, 8.0)
        await s.until(lambda: s.came(VoiceStarted))
        path = str(tmp_path / "r.wav")
        s.engine.record(Recording(RecordingId("r"), path, (LegId("a"),), (P,)))
        await asyncio.sleep(0.8)
        s.engine.stop_recording(RecordingId("r"))
        await s.until(lambda: s.came(RecordingEnded))
        sound = read(Path(path))[1_000:4_000]
        assert amplitude(sound[:, 1], 2_500) > 7_000
        assert amplitude(sound[:, 0], 600) > 7_000
        assert amplitude(sound[:, 0], 2_500) < 60
        await bot.say(event="clearAudio")
        await s.until(lambda: s.came(VoiceStopped))
        assert {event.leg for event in s.came(VoiceStarted)} == {P}


@story
async def test_a_killed_pump_and_a_program_that_goes_on() -> None:
    async with studio() as s, office() as o:
        a = s.phone("a", 600)
        program(s, o)
        s.hear(a=[Voice(P)], p=[Voice(LegId("a"))])
        bot = await o.bot(frames=10)
        await talks(bot, 2_500, 12.0)
        await s.until(lambda: a.level(2_500, 0.3) > 7_000)
        os.kill(s.child("pump"), signal.SIGKILL)
        await s.until(lambda: s.restarted == ["pump"])
        await asyncio.sleep(0.6)
        await s.until(lambda: a.level(2_500, 0.3) > 7_000 and level(bot, 600) > 7_000)
        assert bot.breaks() == []
        assert a.breaks() == []
        assert s.came(StreamOver) == []


@story
async def test_a_program_that_hangs_up_is_told_and_silent() -> None:
    async with studio() as s, office() as o:
        a = s.phone("a", 600)
        stream = program(s, o)
        s.hear(a="p", p="a")
        bot = await o.bot(frames=10)
        await talks(bot, 2_500, 8.0)
        await s.until(lambda: a.level(2_500, 0.3) > 7_000)
        await bot.connection.close()
        await s.until(lambda: s.came(StreamOver))
        assert s.came(StreamOver) == [StreamOver(stream, "")]
        await s.until(lambda: a.level(2_500, 0.1) < 100)
