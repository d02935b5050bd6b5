"""Audio streams to programs over real WebSockets: frames keep their pace both ways, whatever happens."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest

from switchhook.core.events import StreamConnected, StreamOver, StreamPressed, StreamTold
from switchhook.core.ids import LegId, SoundId, StreamId
from switchhook.core.sources import Sound, Stream, Voice
from switchhook.exchange.ports import Codec, Forked
from switchhook.lab.authority import Authority
from tests.media.bots import Bot, Office, office
from tests.media.phones import amplitude
from tests.media.studio import Studio, story, studio

pytestmark = [pytest.mark.slow]
A = LegId("a")
LOUD = 8_000


def fork(s: Studio, o: Office, leg: str = "a", **how: Any) -> StreamId:
    stream = StreamId(f"stream-{leg}")
    opening = (("callId", leg), ("accountId", "MA"), ("extra_headers", '{"k":"v"}'))
    how = {"url": o.url, "address": "127.0.0.1", "retries": 2, **how}
    s.engine.fork(Forked(id=stream, leg=LegId(leg), opening=opening, **how))
    return stream


def tone(hz: float, seconds: float, rate: int = 8_000) -> np.ndarray:
    return (np.sin(2 * np.pi * hz * np.arange(int(seconds * rate)) / rate) * LOUD).astype(np.int16)


def level(bot: Bot, hz: float, track: str = "inbound", last: int = 20) -> float:
    audio = bot.audio(track, last)
    rate = bot.frames[0]["start"]["mediaFormat"]["sampleRate"]
    return amplitude(audio, hz * 8_000 / rate)


@story
@pytest.mark.parametrize(("encoding", "rate", "size"), [("mulaw", 8000, 160), ("l16", 8000, 320), ("l16", 16000, 640)])
async def test_frames_flow_at_once_in_each_encoding_and_silence_is_sent_too(
    encoding: str, rate: int, size: int
) -> None:
    async with studio() as s, office() as o:
        a = s.phone("a", 600)
        stream = fork(s, o, encoding=encoding, rate=rate, headers=(("X-Extra", "yes"),))
        bot = await o.bot(frames=30)
        start = bot.frames[0]
        assert start["event"] == "start"
        assert start["sequenceNumber"] == 1
        assert start["start"]["callId"] == "a"
        assert start["start"]["streamId"] == stream
        assert start["start"]["tracks"] == ["inbound"]
        kind = "audio/x-mulaw" if encoding == "mulaw" else "audio/x-l16"
        assert start["start"]["mediaFormat"] == {"encoding": kind, "sampleRate": rate}
        assert start["extra_headers"] == '{"k":"v"}'
        assert bot.headers["X-Extra"] == "yes"
        assert s.came(StreamConnected) == [StreamConnected(stream)]
        await s.until(lambda: len(bot.frames) > 60)
        assert level(bot, 600) == pytest.approx(LOUD, rel=0.05)
        assert len(bot.audio(last=1)) * (1 if encoding == "mulaw" else 2) == size
        a.hz = 0
        seen = len(bot.frames)
        await s.until(lambda: len(bot.frames) > seen + 40)
        assert abs(bot.audio(last=10)).max() < 20
        a.muted = True  # as a telephone that holds us: no packets at all are silence, too
        seen = len(bot.frames)
        await s.until(lambda: len(bot.frames) > seen + 40)
        assert abs(bot.audio(last=10)).max() < 20
        assert bot.breaks() == []
        s.engine.end_fork(stream)
        await s.until(lambda: bot.code == 1000)
        assert bot.frames[-1]["event"] == "stop"
        assert s.came(StreamOver) == []


@story
async def test_both_tracks_are_what_the_leg_says_and_what_it_hears() -> None:
    async with studio() as s, office() as o:
        s.phone("a", 600), s.phone("b", 900)
        fork(s, o, tracks=("inbound", "outbound"))
        s.hear(a="b", b="a")
        bot = await o.bot(frames=100)
        await s.until(lambda: level(bot, 900, "outbound") > 7_000)
        assert level(bot, 600) == pytest.approx(LOUD, rel=0.05)
        assert level(bot, 900) < 100
        assert level(bot, 600, "outbound") < 100
        s.hear(a=[Sound(SoundId("p"), ("tone:1500:4000",))])
        await s.until(lambda: level(bot, 1500, "outbound") > 2_000 and level(bot, 900, "outbound") < 100)
        assert bot.breaks() == []


@story
async def test_what_a_program_says_is_heard_in_its_order_with_checkpoints_and_cleared_at_once() -> None:
    async with studio() as s, office() as o:
        a = s.phone("a", 600)
        stream = fork(s, o, bidirectional=True)
        s.hear(a=[Stream(stream)])
        bot = await o.bot(frames=5)
        await bot.say(event="checkpoint", streamId=stream, name="nothing before")
        await bot.play(tone(1000, 0.6))
        await bot.say(event="checkpoint", streamId=stream, name="first")
        await bot.play(tone(1500, 0.6, 16_000), rate="16000")
        await bot.play(tone(700, 0.4), mulaw=True)
        await bot.say(event="checkpoint", name="last")
        await s.until(lambda: bot.of("playedStream"))
        await s.until(lambda: a.level(1000, 0.2) == pytest.approx(LOUD, rel=0.05))
        await s.until(lambda: a.level(1500, 0.2) == pytest.approx(LOUD, rel=0.05))
        await s.until(lambda: a.level(700, 0.2) == pytest.approx(LOUD, rel=0.05))
        await s.until(lambda: len(bot.of("playedStream")) == 3)
        assert [frame["name"] for frame in bot.of("playedStream")] == ["nothing before", "first", "last"]
        assert [told.text for told in s.came(StreamTold)] == ["nothing before", "first", "last"]
        await bot.play(tone(1000, 30.0))
        await bot.say(event="checkpoint", name="never")
        await s.until(lambda: a.level(1000, 0.2) > 7_000)
        await bot.say(event="clearAudio")
        await s.until(lambda: bot.of("clearedAudio"))
        heard = len(a.heard)
        await s.until(lambda: len(a.heard) > heard + 15)
        assert a.level(1000, 0.1) < 100
        assert len(bot.of("playedStream")) == 3
        await bot.say(event="sendDTMF", dtmf="1w2#")
        await s.until(lambda: s.came(StreamPressed) == [StreamPressed(stream, "1w2#")])
        s.engine.tell_fork(stream, "5")
        await s.until(lambda: bot.of("dtmf"))
        assert bot.of("dtmf")[0]["dtmf"]["digit"] == "5"
        assert bot.breaks() == []
        assert a.breaks() == []


@story
async def test_nonsense_changes_nothing_and_a_stream_of_one_way_plays_nothing() -> None:
    async with studio() as s, office() as o:
        a = s.phone("a", 0)
        stream = fork(s, o)
        s.hear(a=[Stream(stream)])
        bot = await o.bot(frames=5)
        await bot.connection.send("no json")
        await bot.connection.send(b"\xff\x00")
        media = {"contentType": "audio/x-l16", "sampleRate": 8000, "payload": "!!"}
        await bot.say(event="playAudio", media=media)
        for frame in ({"event": "dance"}, {"event": "stop", "streamId": "another"}, {"event": "sendDTMF", "dtmf": "?"}):
            await bot.say(**frame)
        await bot.connection.send("[1]")
        await bot.play(tone(1000, 0.5))
        seen = len(bot.frames)
        await s.until(lambda: len(bot.frames) > seen + 30)
        assert a.level(1000, 0.3) < 50
        assert s.came(StreamOver) == []
        await bot.say(event="stop", streamId=stream)
        await s.until(lambda: s.came(StreamOver) == [StreamOver(stream)])


@story
async def test_a_connection_that_fails_is_tried_three_times_and_one_that_breaks_again() -> None:
    async with studio() as s, office() as o:
        s.phone("a", 600)
        o.refuse = 3
        stream = fork(s, o)
        over = (await s.until(lambda: s.came(StreamOver)))[0]
        assert over.stream == stream
        assert "503" in over.error
        o.refuse = 1
        fork(s, o)
        bot = await o.bot(frames=5)
        bot.connection.transport.abort()
        again = await o.bot(1, frames=20)
        assert again.breaks() == []
        assert len(s.came(StreamOver)) == 1


@story
async def test_a_program_that_closes_ends_its_stream_and_a_leg_that_goes_closes_it() -> None:
    async with studio() as s, office() as o:
        s.phone("a", 600), s.phone("b", 700)
        stream = fork(s, o)
        other = fork(s, o, "b")
        first, second = await o.bot(0, 5), await o.bot(1, 5)
        if first.frames[0]["start"]["streamId"] == other:
            first, second = second, first
        await first.connection.close()
        await s.until(lambda: s.came(StreamOver) == [StreamOver(stream)])
        s.engine.close(LegId("b"))
        await s.until(lambda: second.code == 1000)
        assert s.came(StreamOver) == [StreamOver(stream)]


@story
async def test_several_streams_go_on_without_a_break_across_switches_and_a_killed_pump() -> None:
    """What the program sees of a killed pump: a moment of silence, no gap, no jump; its own voice pauses as long."""
    async with studio() as s, office() as o:
        names = [f"p{n}" for n in range(10)]
        for n, name in enumerate(names):
            s.phone(name, 500 + 100 * n)
            stream = fork(
                s, o, name, tracks=("inbound", "outbound") if n % 2 else ("inbound",), bidirectional=n % 2 == 0
            )
            s.hear(**{name: [Stream(stream)] if n % 2 == 0 else []})
        bots = [await o.bot(n, frames=30) for n in range(10)]
        for bot in bots:
            if "outbound" not in bot.frames[0]["start"]["tracks"]:
                await bot.play(tone(2500, 20.0))
        hold = Sound(SoundId("m"), ("builtin:hold",), 0)
        for _ in range(2):
            for n in range(0, 10, 2):
                stream = StreamId(f"stream-p{n}")
                s.hear(**{f"p{n}": [Voice(LegId(f"p{n + 1}")), Stream(stream)], f"p{n + 1}": [Voice(LegId(f"p{n}"))]})
            await asyncio.sleep(0.4)
            s.hear(**{f"p{n}": [hold] for n in range(1, 10, 2)})
            await asyncio.sleep(0.3)
        os.kill(s.child("pump"), signal.SIGKILL)
        await s.until(lambda: s.restarted == ["pump"])
        await asyncio.sleep(0.8)
        for bot in bots:
            assert bot.breaks() == []
            assert bot.longest_gap() < 0.15 + s.excuse_s  # by this test's own clock
        for bot in bots:
            hz = 500 + 100 * int(bot.frames[0]["start"]["callId"][1:])
            await s.until(lambda bot=bot, hz=hz: level(bot, hz) > 7_000)
        for n in range(0, 10, 2):
            await s.until(lambda n=n: s.phones[n].level(2500, 0.3) > 7_000)
        assert s.came(StreamOver) == []


@story
async def test_a_killed_workshop_costs_a_connection_and_the_stream_begins_anew() -> None:
    async with studio() as s, office() as o:
        s.phone("a", 600, codec=Codec.PCMA)
        stream = fork(s, o)
        await o.bot(frames=10)
        os.kill(s.child("workshop"), signal.SIGKILL)
        bot = await o.bot(1, frames=20)
        assert bot.frames[0]["start"]["streamId"] == stream
        assert bot.breaks() == []
        assert s.came(StreamOver) == []


@story
async def test_a_wss_program_is_reached_at_the_checked_address_and_its_certificate_counts() -> None:
    with TemporaryDirectory() as folder:
        authority = Authority.at(Path(folder) / "ca.pem", ("bot.example",))
        async with studio() as s, office(authority.context("bot.example")) as o:
            s.phone("a", 600)
            url = f"wss://bot.example:{o.port}/bot"
            stream = fork(s, o, url=url, verify=False)
            bot = await o.bot(frames=10)
            assert bot.headers["Host"] == f"bot.example:{o.port}"
            assert bot.breaks() == []
            s.engine.end_fork(stream)
            await s.until(lambda: bot.code == 1000)
            fork(s, o, url=url, retries=0)
            over = (await s.until(lambda: s.came(StreamOver)))[0]
            assert "certificate" in over.error
