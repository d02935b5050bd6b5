"""Sounds from the web: fetched once; hold music may be one of them."""

from __future__ import annotations

from pathlib import Path

from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core.events import SoundEnded
from switchhook.core.sources import Sound
from switchhook.exchange.sounds import AGAIN_S, READ_S
from switchhook.lab.stage import Line, Stage
from switchhook.lab.virtual_time import in_virtual_time
from tests.stories.common import settings

MUSIC_URL = "http://music.test/hold.wav"
WAV = b"RIFF____WAVE"


def clips(stage: Stage, line: Line) -> list[str]:
    return [clip for s in stage.media.hears(line.leg) if isinstance(s, Sound) for clip in s.clips]


@in_virtual_time
async def test_hold_music_from_the_web_is_fetched_once_and_heard_by_everybody_who_waits() -> None:
    async with Stage(settings(media={"hold_music": MUSIC_URL})) as stage:
        stage.web.on(MUSIC_URL, WAV)
        for _ in range(2):
            line = stage.phone("+14155550123").calls("+14155550100")
            at_agent = await stage.phone("1001").rings()
            at_agent.answers()
            await stage.settled()
            at_agent.holds()
            await stage.passes(0.1)
            (clip,) = clips(stage, line)
            assert clip.startswith("file:")
            assert clip.endswith(".wav")
            line.hangs_up()
            await stage.settled()
        assert len(stage.web.to(MUSIC_URL)) == 1


@in_virtual_time
async def test_what_those_who_wait_hear_is_decoded_before_the_first_call(tmp_path: Path) -> None:
    own = tmp_path / "own.wav"
    own.write_bytes(WAV)
    async with Stage(settings()) as stage:
        stage.exchange.sounds.stock()
        assert stage.media.prepared == ["builtin:hold", "builtin:ringback"]
    async with Stage(settings(media={"hold_music": MUSIC_URL})) as stage:
        stage.web.on(MUSIC_URL, WAV)
        stage.exchange.sounds.stock()
        await stage.passes(0.1)
        assert stage.media.prepared == ["builtin:hold", "builtin:ringback"]
        assert len(stage.web.to(MUSIC_URL)) == 1
    async with Stage(settings(media={"hold_music": str(own)})) as stage:
        stage.exchange.sounds.stock()
        assert stage.media.prepared == ["builtin:hold", "builtin:ringback", f"file:{own}"]


@in_virtual_time
async def test_a_sound_that_cannot_be_fetched_ends_at_once_with_the_reason() -> None:
    async with Stage(settings()) as stage:
        line = stage.phone("+14155550123").calls("+14155550100")
        at_agent = await stage.phone("1001").rings()
        at_agent.answers()
        await stage.settled()
        for _ in range(2):
            sound = stage.exchange.ask(r.Play(line.leg, ("http://nowhere.test/x.mp3",))).sound
            await stage.passes(0.2)
            ended = [stamped.fact for stamped in stage.facts if isinstance(stamped.fact, f.SoundFinished)][-1]
            assert ended.sound == sound
            assert "nowhere.test" in ended.error
        assert line.hears == {"1001"}


@in_virtual_time
async def test_a_server_of_sounds_that_never_answers_holds_up_nobody_and_ends_the_sound_in_the_end() -> None:
    async with Stage(settings(media={"hold_music": MUSIC_URL})) as stage:
        stage.web.on(MUSIC_URL, WAV)
        stage.web.delay_s = 10_000.0
        line = stage.phone("+14155550123").calls("+14155550100")
        at_agent = await stage.phone("1001").rings()
        at_agent.answers()
        await stage.settled()
        at_agent.holds()
        await stage.passes(0.1)
        assert clips(stage, line) == ["builtin:hold"]
        at_agent.holds(False)
        await stage.passes(0.1)
        assert line.hears == {"1001"}
        sound = stage.exchange.ask(r.Play(line.leg, ("http://hangs.test/x.wav",))).sound
        await stage.passes(READ_S)
        assert not [stamped.fact for stamped in stage.facts if isinstance(stamped.fact, f.SoundFinished)]
        await stage.passes(READ_S + 1.0)
        (ended,) = [stamped.fact for stamped in stage.facts if isinstance(stamped.fact, f.SoundFinished)]
        assert (ended.sound, ended.error) == (sound, f"http://hangs.test/x.wav was not there within {READ_S:g} s")
        assert line.hears == {"1001"}


@in_virtual_time
async def test_who_waits_hears_the_built_in_music_until_the_own_one_is_there() -> None:
    async with Stage(settings(media={"hold_music": MUSIC_URL})) as stage:
        stage.web.on(MUSIC_URL, (500, ""))
        line = stage.phone("+14155550123").calls("+14155550100")
        at_agent = await stage.phone("1001").rings()
        at_agent.answers()
        await stage.settled()
        at_agent.holds()
        await stage.passes(0.1)
        assert clips(stage, line) == ["builtin:hold"]
        at_agent.holds(False)
        stage.web.on(MUSIC_URL, WAV)
        await stage.passes(AGAIN_S)
        at_agent.holds()
        await stage.passes(0.1)
        (clip,) = clips(stage, line)
        assert clip.endswith(".wav")


@in_virtual_time
async def test_music_that_cannot_be_played_gives_way_to_the_built_in_one(tmp_path: Path) -> None:
    (tmp_path / "hold.wav").write_bytes(WAV)
    async with Stage(settings(media={"hold_music": str(tmp_path / "hold.wav")})) as stage:
        line = stage.phone("+14155550123").calls("+14155550100")
        at_agent = await stage.phone("1001").rings()
        at_agent.answers()
        await stage.settled()
        at_agent.holds()
        await stage.settled()
        (sound,) = stage.media.hears(line.leg)
        assert isinstance(sound, Sound)
        assert sound.clips == (f"file:{tmp_path}/hold.wav",)

        stage.exchange.tell(SoundEnded(line.leg, sound.id, "no WAV"))
        await stage.settled()

        assert clips(stage, line) == ["builtin:hold"]
        at_agent.holds(False)
        await stage.settled()
        assert line.hears == {"1001"}
