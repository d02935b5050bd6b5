"""A voicemail's beep among other things that are heard on a line (plivo-xml 2.3)."""

from __future__ import annotations

import numpy as np
import pytest

from switchhook.dialects.plivo.run.beeps import Beeps
from switchhook.dialects.plivo.xml import elements as e
from switchhook.dialects.plivo.xml.reading import read
from switchhook.lab.tones import tone

QUIET = np.zeros(1600, np.int16)


def beeps(*sounds: np.ndarray, wanted: e.BeepWanted | None = None, pieces: int = 800) -> bool:
    listener = Beeps(wanted or e.BeepWanted())
    audio = np.concatenate((QUIET, *sounds, QUIET)).astype("<i2").tobytes()
    return True in [listener.hear(audio[at : at + 2 * pieces]) for at in range(0, len(audio), 2 * pieces)]


def voice(seconds: float) -> np.ndarray:
    """Something like a vowel: harmonics of a pitch that glides."""
    t = np.arange(int(seconds * 8000)) / 8000
    phase = 2 * np.pi * np.cumsum(130 + 25 * np.sin(2 * np.pi * 1.3 * t)) / 8000
    wave = sum(np.sin(n * phase) / n for n in range(1, 14))
    return (wave * 4000).astype(np.int16)


def noise(seconds: float) -> np.ndarray:
    return np.random.default_rng(1).normal(0, 2000, int(seconds * 8000)).astype(np.int16)


@pytest.mark.parametrize("hz", [440, 620, 1000, 1017, 1400, 2000])
@pytest.mark.parametrize("seconds", [0.35, 0.5, 1.0, 2.5])
def test_a_beep_is_a_beep(hz: float, seconds: float) -> None:
    assert beeps(tone(hz, seconds))
    assert beeps(voice(1.0), tone(hz, seconds))
    assert beeps(tone(hz, seconds), pieces=333)


@pytest.mark.parametrize(
    "sound",
    [
        QUIET,
        voice(3.0),
        noise(2.0),
        tone(1000, 0.2),
        tone(1000, 4.0),
        tone(1000, 1.0, level=0.005),
        tone((697, 1209), 0.5),
        np.concatenate([tone(hz, 0.1) for hz in (400, 800, 1200, 1600, 2000)]),
        np.concatenate([tone(1000, 0.1), QUIET[:480]] * 5),
    ],
    ids=["silence", "voice", "noise", "short", "long", "faint", "key", "siren", "pulses"],
)
def test_and_everything_else_is_not(sound: np.ndarray) -> None:
    assert not beeps(sound)


def test_it_can_be_tuned() -> None:
    assert beeps(tone(1000, 0.2), wanted=e.BeepWanted(least_ms=150))
    assert not beeps(tone(1000, 0.5), wanted=e.BeepWanted(least_ms=800))
    assert beeps(tone(1000, 1.0, level=0.005), wanted=e.BeepWanted(level=100))


@pytest.mark.parametrize(
    ("beep", "wanted"),
    [
        ("true", e.BeepWanted()),
        ("false", None),
        ("duration=500,inter_silence=80,intra_silence=500,threshold=300", e.BeepWanted(500, 80, 300)),
        ("duration=500", e.BeepWanted(500)),
        ("duration=1; threshold: 20", e.BeepWanted(20, 50, 20)),
        ("loud", None),
    ],
)
def test_as_it_is_written(beep: str, wanted: e.BeepWanted | None) -> None:
    found = read(f"<Response><Wait length='9' beep='{beep}'/></Response>".encode())
    assert found.elements == (e.Wait(9, 0, wanted),)
    assert bool(found.warnings) == (beep == "loud")
