"""Recordings of the real engine: who is in which channel, how long, and what a killed process leaves."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import time
import wave
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from switchhook.core.events import RecordingEnded
from switchhook.core.ids import LegId, RecordingId, SoundId
from switchhook.core.sources import Sound, Voice
from switchhook.exchange.ports import Codec, Recording
from tests.media.phones import amplitude
from tests.media.studio import Studio, story, studio

pytestmark = pytest.mark.slow


def read(path: Path) -> np.ndarray:
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getsampwidth()) == (8000, 2)
        raw = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        return raw.reshape(-1, file.getnchannels()).astype(float)


class Meant:
    """How long is recorded: from each `begin` to its `end`, by the clock of this process."""

    def __init__(self, s: Studio) -> None:
        self._studio, self._since, self._ms = s, 0.0, 0.0

    def begin(self, tape: Recording) -> None:
        self._since = time.monotonic()
        self._studio.engine.record(tape)

    def pause(self, tape: Recording) -> None:
        self._studio.engine.record(replace(tape, paused=True))
        self._ms += 1000 * (time.monotonic() - self._since)

    async def end(self, tape: Recording) -> RecordingEnded:
        """Ends a recording, and returns its end, which must tell as long a time as was meant."""
        s = self._studio
        s.engine.stop_recording(tape.id)
        self._ms += 1000 * (time.monotonic() - self._since)
        (ended,) = await s.until(lambda: s.came(RecordingEnded))
        assert isinstance(ended, RecordingEnded)
        assert abs(ended.duration_ms - self._ms) < 200 + 1000 * s.excuse_s
        return ended


@story
async def test_each_side_has_its_channel_while_they_are_relayed(tmp_path: Path) -> None:
    async with studio() as s:
        for name, hz, codec in (("a", 600, Codec.PCMU), ("b", 900, Codec.PCMU), ("c", 1500, Codec.PCMA)):
            s.phone(name, hz, codec=codec)
        s.hear(a="b", b="a")
        await asyncio.sleep(0.3)
        path = tmp_path / "deep" / "r.wav"
        meant, tape = Meant(s), Recording(RecordingId("r"), str(path), (LegId("a"),), (LegId("b"), LegId("c")))
        meant.begin(tape)
        await asyncio.sleep(1.2)
        ended = await meant.end(tape)
        sound = read(path)
        assert ended.error == ""
        assert ended.duration_ms == len(sound) / 8
        left, right = sound[2_000:7_000, 0], sound[2_000:7_000, 1]
        assert amplitude(left, 600) == pytest.approx(7_980, rel=0.03)
        assert amplitude(left, 900) < 60
        assert amplitude(right, 900) == pytest.approx(7_980, rel=0.03)
        assert amplitude(right, 1500) == pytest.approx(7_980, rel=0.03)
        assert amplitude(right, 600) < 60


def judged_by_sox(path: Path, channel: int) -> dict[str, float]:
    """Returns what sox says of one channel: `Rough frequency`, `RMS amplitude` and so on."""
    done = subprocess.run(
        ["sox", "-V1", str(path), "-n", "remix", str(channel), "stat"], capture_output=True, text=True, check=True
    )
    lines = (line.rpartition(":") for line in done.stderr.splitlines() if ":" in line)
    return {" ".join(name.split()): float(value) for name, _, value in lines}


@pytest.mark.skipif(shutil.which("sox") is None, reason="sox is not installed")
@story
async def test_sox_hears_each_side_at_its_level_for_as_long_as_it_was_recorded(tmp_path: Path) -> None:
    async with studio() as s:
        s.phone("a", 600)
        s.phone("b", 900)
        s.hear(a="b", b="a")
        await asyncio.sleep(0.3)
        path = tmp_path / "r.wav"
        s.engine.record(Recording(RecordingId("r"), str(path), (LegId("a"),), (LegId("b"),), max_ms=1_000))
        await s.until(lambda: s.came(RecordingEnded))
        for channel, hz in ((1, 600), (2, 900)):
            said = judged_by_sox(path, channel)
            assert said["Length (seconds)"] == 1.0
            assert said["Rough frequency"] == pytest.approx(hz, rel=0.05)
            assert said["Maximum amplitude"] == pytest.approx(8_000 / 32_768, rel=0.03)
            assert said["RMS amplitude"] == pytest.approx(8_000 / 32_768 / 2**0.5, rel=0.1)


@story
async def test_who_comes_to_the_right_later_has_a_channel_kept(tmp_path: Path) -> None:
    async with studio() as s:
        s.phone("a", 600)
        s.phone("b", 900)
        path = str(tmp_path / "r.wav")
        s.engine.record(Recording(RecordingId("r"), path, (LegId("a"),), stereo=True))
        await asyncio.sleep(0.4)
        s.engine.record(Recording(RecordingId("r"), path, (), (LegId("b"),), stereo=True))
        await asyncio.sleep(0.8)
        s.engine.stop_recording(RecordingId("r"))
        await s.until(lambda: s.came(RecordingEnded))
        late = read(tmp_path / "r.wav")[-4_000:-800]
        assert amplitude(late[:, 1], 900) > 7_000
        assert amplitude(late[:, 0], 600) < 60


@story
async def test_what_is_said_in_a_pause_is_not_in_the_file_and_leaves_no_gap(tmp_path: Path) -> None:
    async with studio() as s:
        phone = s.phone("a", 600)
        tape = Recording(RecordingId("r"), str(tmp_path / "r.wav"), (LegId("a"),))
        meant = Meant(s)
        meant.begin(tape)
        await asyncio.sleep(0.6)
        meant.pause(tape)
        await asyncio.sleep(0.1)
        phone.hz = 1_500
        await asyncio.sleep(0.8)
        phone.hz = 900
        await asyncio.sleep(0.3)
        meant.begin(tape)
        await asyncio.sleep(0.6)
        ended = await meant.end(tape)  # 1.2 s and not 2.4
        sound = read(tmp_path / "r.wav")[:, 0]
        assert ended.duration_ms == len(sound) / 8
        assert amplitude(sound[1_600:4_000], 600) > 7_000
        assert amplitude(sound[-3_200:-800], 900) > 7_000
        assert amplitude(sound, 1_500) < 200


@story
async def test_a_pause_outlives_the_pump(tmp_path: Path) -> None:
    async with studio() as s:
        s.phone("a", 600)
        tape = Recording(RecordingId("r"), str(tmp_path / "r.wav"), (LegId("a"),))
        meant = Meant(s)
        meant.begin(tape)
        await asyncio.sleep(0.5)
        meant.pause(tape)
        await asyncio.sleep(0.1)
        os.kill(s.child("pump"), signal.SIGKILL)
        await s.until(lambda: "pump" in s.restarted)
        await asyncio.sleep(0.8)
        meant.begin(tape)
        await asyncio.sleep(0.5)
        ended = await meant.end(tape)  # neither the pause nor the restart is in it
        assert ended.error == ""


@pytest.mark.parametrize("stereo", [True, False])
def test_what_a_leg_hears_is_recorded_with_prompts_and_music(stereo: bool, tmp_path: Path) -> None:
    async def told() -> None:
        async with studio() as s:
            s.phone("a", 600)
            s.phone("b", 900)
            s.hear(a="b", b="a")
            await asyncio.sleep(0.3)
            leg, path = LegId("a"), str(tmp_path / "r.wav")
            tape = Recording(RecordingId("r"), path, (leg,), stereo=stereo, ears=(leg,))
            s.engine.record(tape)
            begun = time.monotonic()
            await asyncio.sleep(0.6)
            prompt = Sound(SoundId("p"), ("tone:1500:5000",), repeat=0)
            changes = [0.0]
            for sources in ([Voice(LegId("b")), prompt], [prompt]):
                changes.append(time.monotonic() - begun)
                s.hear(a=sources)
                await asyncio.sleep(0.6)
            s.engine.stop_recording(RecordingId("r"))
            await s.until(lambda: s.came(RecordingEnded))
            sound = read(tmp_path / "r.wav")
            assert sound.shape[1] == 1 + stereo
            said, heard = sound[:, 0], sound[:, -1]
            parts = [slice(int(8_000 * at) + 1_600, int(8_000 * at) + 3_600) for at in changes]
            b_voice = [amplitude(heard[part], 900) > 5_000 for part in parts]
            tones = [amplitude(heard[part], 1_500) > 1_000 for part in parts]
            assert (b_voice, tones) == ([True, True, False], [False, True, True])
            assert all(amplitude(said[part], 600) > 5_000 for part in parts)
            assert (amplitude(heard[parts[0]], 600) < 100) == stereo

    asyncio.run(told())


@story
async def test_a_file_that_is_there_is_never_written_over(tmp_path: Path) -> None:
    async with studio() as s:
        s.phone("a", 600)
        (tmp_path / "r.wav").write_bytes(b"somebody's")
        s.engine.record(Recording(RecordingId("r"), str(tmp_path / "r.wav"), (LegId("a"),)))
        ended = (await s.until(lambda: s.came(RecordingEnded)))[0]
        assert (ended.duration_ms, bool(ended.error)) == (0, True)
        assert (tmp_path / "r.wav").read_bytes() == b"somebody's"


@story
async def test_the_longest_time_ends_a_recording_exactly(tmp_path: Path) -> None:
    async with studio() as s:
        s.phone("a", 600)
        s.engine.record(Recording(RecordingId("r"), str(tmp_path / "r.wav"), (LegId("a"),), max_ms=500))
        ended = (await s.until(lambda: s.came(RecordingEnded)))[0]
        assert ended.duration_ms == 500
        assert read(tmp_path / "r.wav").shape == (4_000, 1)
        s.engine.stop_recording(RecordingId("r"))
        await asyncio.sleep(0.2)
        assert len(s.came(RecordingEnded)) == 1


@story
async def test_a_file_that_cannot_be_written_ends_with_the_reason(tmp_path: Path) -> None:
    async with studio() as s:
        s.phone("a", 600)
        (tmp_path / "file").write_text("")
        s.engine.record(Recording(RecordingId("r"), str(tmp_path / "file" / "r.wav"), (LegId("a"),)))
        ended = (await s.until(lambda: s.came(RecordingEnded)))[0]
        assert ended.error
        s.engine.record(Recording(RecordingId("r2"), str(tmp_path / "r.wav"), (LegId("a"),), max_ms=200))
        await s.until(lambda: len(s.came(RecordingEnded)) == 2)


@story
async def test_a_recording_outlives_pump_and_workshop(tmp_path: Path) -> None:
    async with studio() as s:
        s.phone("a", 600)
        path = tmp_path / "r.wav"
        meant, tape = Meant(s), Recording(RecordingId("r"), str(path), (LegId("a"),))
        meant.begin(tape)
        await asyncio.sleep(0.5)
        for work in ("pump", "workshop"):
            os.kill(s.child(work), signal.SIGKILL)
            await s.until(lambda work=work: work in s.restarted)
            await asyncio.sleep(0.5)
        ended = await meant.end(tape)
        assert ended.error == ""
        sound = read(path)[:, 0]
        assert len(sound) == ended.duration_ms * 8
        assert amplitude(sound[-3_000:], 600) > 7_000


@story
async def test_stopping_the_engine_leaves_recordings_whole(tmp_path: Path) -> None:
    async with studio() as s:
        s.phone("a", 600)
        s.engine.record(Recording(RecordingId("r"), str(tmp_path / "r.wav"), (LegId("a"),)))
        await asyncio.sleep(0.5)
    assert [type(event) for event in s.events] == [RecordingEnded]
    assert len(read(tmp_path / "r.wav")) > 2_400
