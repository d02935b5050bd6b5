"""A WAV recording becomes an MP3 file of the same length, or nothing happens to it."""

from __future__ import annotations

import math
import wave
from pathlib import Path

import pytest

from switchhook.core.errors import Unavailable
from switchhook.media import mp3

av = pytest.importorskip("av")


def tone(path: Path, channels: int, seconds: float) -> Path:
    samples = b"".join(
        round(9000 * math.sin(n * 0.4)).to_bytes(2, "little", signed=True) * channels
        for n in range(round(8000 * seconds))
    )
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(samples)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 2])
def test_as_long_as_loud_and_with_as_many_channels(channels: int, tmp_path: Path) -> None:
    source, made = tone(tmp_path / "a.wav", channels, 3.0), tmp_path / "a.mp3"
    convert = mp3.converter()
    assert convert is not None
    convert(source, made)
    assert source.exists()  # whoever keeps the list says when it goes
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp3", "a.wav"]
    with av.open(str(made)) as file:
        sound = file.streams.audio[0]
        assert (sound.codec_context.name, sound.channels, sound.rate) == ("mp3float", channels, 8000)
        loud = [abs(frame.to_ndarray()).max() for frame in file.decode(sound)]
    assert len(loud) * 576 / 8000 == pytest.approx(3.0, abs=0.3)
    assert max(loud) == pytest.approx(9000 / 32768, abs=0.05)


@pytest.mark.slow
def test_what_is_no_sound_is_told_in_one_line_and_stays(tmp_path: Path) -> None:
    source = tmp_path / "a.wav"
    source.write_bytes(b"RIFF but no more")
    with pytest.raises(Unavailable, match=r"no MP3 of .*a\.wav: .+"):
        mp3.convert(source, tmp_path / "a.mp3")
    assert source.exists()
    assert not (tmp_path / "a.mp3").exists()
