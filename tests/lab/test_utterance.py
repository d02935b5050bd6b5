"""What telephones say: files of any rate, and saying something else in mid-call."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from switchhook.core.errors import Unavailable
from switchhook.lab.detector import Detector
from switchhook.lab.manners import PICKS_UP
from switchhook.lab.network import Network
from switchhook.lab.phones import Phones
from switchhook.lab.tones import Utterance, read_wav
from switchhook.lab.virtual_time import in_virtual_time


def write(path: Path, hz: float, *, rate: int, channels: int, seconds: float = 1.0, width: int = 2) -> Path:
    """Writes a WAV file with one pitch, the same on all channels."""
    count = np.arange(round(seconds * rate))
    samples = (np.sin(2 * np.pi * hz * count / rate) * 6000).astype("<i2").repeat(channels)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(samples.tobytes() if width == 2 else bytes(len(samples)))
    return path


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (16000, 1), (44100, 2), (48000, 1), (11025, 2)])
def test_files_of_any_rate_keep_their_pitch_and_length(tmp_path: Path, rate: int, channels: int) -> None:
    samples = read_wav(write(tmp_path / "a.wav", 1500, rate=rate, channels=channels))
    assert abs(len(samples) - 8000) <= 1
    middle = samples[1600:4800]
    assert set(Detector().detect(middle)) == {frozenset({1500.0})}


def test_what_is_above_the_telephone_band_is_not_folded_into_it(tmp_path: Path) -> None:
    samples = read_wav(write(tmp_path / "a.wav", 5500, rate=44100, channels=1))
    assert np.abs(samples[800:-800].astype(int)).max() < 60


def test_files_that_cannot_be_played_say_why(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="No such file"):
        read_wav(tmp_path / "none.wav")
    (tmp_path / "text.wav").write_text("hello, this is no sound at all, only text")
    with pytest.raises(Unavailable, match="cannot read"):
        read_wav(tmp_path / "text.wav")
    with pytest.raises(Unavailable, match="8 bit"):
        read_wav(write(tmp_path / "b.wav", 500, rate=8000, channels=1, width=1))


@in_virtual_time
async def test_a_telephone_plays_a_file_once_and_then_says_something_else(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = write(tmp_path_factory.mktemp("said") / "a.wav", 1500, rate=16000, channels=1, seconds=0.8)
    async with Phones(network=Network()) as phones:
        ann = await phones.open("ann", utterance=Utterance.of_file(path, loop=False))
        bob = await phones.open("bob", manners=PICKS_UP)
        await ann.call(bob.uri)
        await bob.hears_only("tone 1500 Hz")
        await bob.ears.until_silent(500)
        ann.say(Utterance.of_tone(2300))
        await bob.hears_only("tone 2300 Hz")
        assert 0.78 <= bob.ears.seconds_of("tone 1500 Hz") <= 0.84
