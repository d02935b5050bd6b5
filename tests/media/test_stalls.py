"""What must not touch the audio: a disk that stands still, a pump that dies again and again."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from functools import partial
from pathlib import Path

import pytest

from switchhook.core.events import RecordingEnded
from switchhook.core.ids import LegId, RecordingId, SoundId
from switchhook.core.sources import Sound
from switchhook.exchange.ports import Recording
from tests.media.studio import MADE_UP_S, Studio, story, studio

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("wire")]


@story
async def test_a_disk_that_stands_still_does_not_touch_the_audio(tmp_path: Path) -> None:
    async with studio() as s:
        a, _, c = s.phone("a", 600), s.phone("b", 900), s.phone("c", 1500)
        s.hear(a="b", b="a", c="a b")
        await asyncio.sleep(0.4)
        path = tmp_path / "stalled.wav"
        os.mkfifo(path)
        reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # never read: the writer stands still
        try:
            s.engine.record(Recording(RecordingId("r"), str(path), (LegId("a"),), (LegId("b"),)))
            await asyncio.sleep(0.3)
            for phone in s.phones:
                phone.forget()
            await asyncio.sleep(1.5)
            for phone in s.phones:
                assert phone.breaks() == []
                assert phone.longest_step() <= s.most_step_ms
                assert len(phone.heard) > 60
            # A frame that the jitter buffer drops or doubles turns the tone's phase: one window without it is enough.
            await s.until(lambda: a.level(900, 0.3) > 7_000)
            await s.until(lambda: c.level(900, 0.3) > 7_000)
        finally:
            os.close(reading)
        s.engine.stop_recording(RecordingId("r"))
        ended = (await s.until(lambda: s.came(RecordingEnded)))[0]
        assert ended.error  # and it is told, not kept quiet
        good = tmp_path / "good.wav"
        s.engine.record(Recording(RecordingId("g"), str(good), (LegId("a"),), max_ms=200))
        await s.until(lambda: len(s.came(RecordingEnded)) == 2)
        assert s.came(RecordingEnded)[1].error == ""
        assert s.restarted == []


def _died(s: Studio, times: int) -> bool:
    return len(s.restarted) == times


@story
async def test_a_pump_that_dies_again_and_again_is_begun_anew_with_what_control_states() -> None:
    async with studio() as s:
        a, b, c = s.phone("a", 600), s.phone("b", 900), s.phone("c", 1500)
        s.hear(a="b", b="a", c="a b")
        await s.until(lambda: len(a.heard) > 20 and a.level(900, 0.2) > 7_000)
        for deaths in range(1, 5):  # the fourth within ten seconds: something in the table seems to kill
            os.kill(s.child("pump"), signal.SIGKILL)
            await s.until(partial(_died, s, deaths))
            await s.until(lambda: s.engine._pump.up)
            await asyncio.sleep(0.1)
        for phone in s.phones:
            phone.forget()
        await s.until(lambda: len(a.heard) > 40 and len(c.heard) > 40)
        assert a.level(900, 0.3) > 7_000
        assert b.level(600, 0.3) > 7_000
        assert c.level(900, 0.3) > 7_000
        for phone in s.phones:
            assert len({h.packet.ssrc for h in phone.heard[-20:]}) == 1


@story
async def test_a_flood_from_a_telephone_of_its_own_leg_harms_nobody_else() -> None:
    async with studio() as s:
        a, b, c, d = s.phone("a", 600), s.phone("b", 900), s.phone("c", 1500), s.phone("d", 700)
        s.hear(a="b", b="a", c="d", d="c")
        await asyncio.sleep(0.4)
        c.forget()
        d.forget()
        for _ in range(40):
            for _ in range(200):
                a.send(b"\xff" * 160, advance=160)
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.3)
        for phone in (c, d):
            assert phone.breaks() == []
            assert phone.longest_step() <= s.most_step_ms
        assert c.level(700, 0.3) > 7_000
        assert s.restarted == []
        await s.until(lambda: b.level(600, 0.2) > 7_000)


@pytest.mark.parametrize("stalled_s", [0.05, 0.4])
def test_a_pump_that_stood_still_makes_up_for_a_tenth_of_a_second_and_shows_the_rest_in_the_timestamps(
    stalled_s: float,
) -> None:
    @story
    async def run() -> None:
        async with studio() as s:
            a, b = s.phone("a", 600), s.phone("b", 900)
            music, noise = s.phone("music", 0, talks=False), s.phone("noise", 0, talks=False)
            s.hear(a="b", b="a", music=[Sound(SoundId("m"), ("builtin:hold",), 0)], noise=[])
            await s.until(lambda: len(music.heard) > 20 and len(a.heard) > 20)
            await s.until(lambda: s.engine.counters)
            assert s.engine.counters is not None
            before = s.engine.counters.skipped_phases
            for phone in s.phones:
                phone.forget()
            await asyncio.sleep(0.1)
            pump = s.child("pump")
            os.kill(pump, signal.SIGSTOP)
            stopped = time.monotonic()
            await asyncio.sleep(stalled_s)
            os.kill(pump, signal.SIGCONT)
            stood_s = time.monotonic() - stopped  # on a busy machine longer than was meant
            await asyncio.sleep(0.5)
            for phone in (a, b, music, noise):
                assert phone.breaks() == [], phone.leg  # late is not lost
            for phone in (a, b):  # what waited in the kernel is relayed with its own timestamps
                assert phone.longest_step() <= 40
            for phone in (music, noise):
                left_out = phone.longest_step() - 20
                assert left_out <= 20 or stood_s + s.excuse_s > MADE_UP_S
                assert left_out >= stalled_s * 1000 - 120
            after = await s.until(lambda: s.engine.counters)
            await s.until(lambda: s.engine.counters is not after)
            skipped = s.engine.counters.skipped_phases - before
            assert skipped > 40 if stalled_s > 0.1 else skipped <= 40 or stood_s + s.excuse_s > MADE_UP_S

    run()
