"""Sounds that are made, not recorded: the tones of a telephone network and the hold music. int16, 8 kHz.

Ringback is 425 Hz, 2 s on and 4 s off; busy 425 Hz, 0.5 s on and 0.5 s off (the values most countries use, ITU-T
E.180). The beep is 1 kHz, 200 ms. The hold music is an 8 s loop of four chords under a slow arpeggio, composed for
this program. At every moment at least three notes of `HOLD_CHORDS` sound, all of them away from 425 Hz, and no sine
stands alone: that is how ears tell it from network tones and from a telephone that sends one pitch.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RATE = 8_000
FRAME = 160
NETWORK_HZ, BEEP_HZ = 425.0, 1_000.0
LEVEL = 6_500  # peak of a network tone: about -11 dBm0
# E flat, C minor, A flat, B flat with their sevenths and ninths, 2 s each; Hz, equal temperament
HOLD_CHORDS: tuple[tuple[float, ...], ...] = (
    (311.13, 392.00, 587.33, 698.46),
    (261.63, 311.13, 523.25, 587.33),
    (207.65, 261.63, 523.25, 622.25),
    (233.08, 349.23, 587.33, 698.46),
)
CHORD_S = 2.0

Samples = NDArray[np.int16]


def tone(hz: float, ms: int, level: float = LEVEL) -> Samples:
    """Returns one pitch, with 5 ms slopes so that it does not click."""
    count = ms * RATE // 1000
    wave = np.sin(2 * np.pi * hz * np.arange(count) / RATE) * level
    slope = min(40, count // 2)
    if slope:
        wave[:slope] *= np.linspace(0, 1, slope)
        wave[-slope:] *= np.linspace(1, 0, slope)
    return wave.astype(np.int16)


def silence(ms: int) -> Samples:
    return np.zeros(ms * RATE // 1000, np.int16)


def ringback() -> Samples:
    return np.concatenate((tone(NETWORK_HZ, 2_000), silence(4_000)))


def busy() -> Samples:
    return np.concatenate((tone(NETWORK_HZ, 500), silence(500)))


def beep() -> Samples:
    return tone(BEEP_HZ, 200)


def hold() -> Samples:
    """Returns the music loop; it begins where it ends, so that it goes round without a click."""
    count = int(CHORD_S * RATE)
    total = np.zeros(count * len(HOLD_CHORDS))
    for n, chord in enumerate(HOLD_CHORDS):
        time = np.arange(count + 800) / RATE
        swell = np.minimum(1.0, np.minimum(time / 0.1, (time[-1] - time) / 0.1))
        pad = sum(np.sin(2 * np.pi * hz * time) + 0.2 * np.sin(4 * np.pi * hz * time) for hz in chord[:3])
        _lay(total, n * count, pad * swell * 0.22)
        for beat in range(8):
            note = chord[(0, 2, 1, 3, 2, 3, 1, 2)[beat]] * (2 if beat % 2 else 1)
            when = np.arange(int(0.9 * RATE)) / RATE
            pluck = np.minimum(1.0, when / 0.008) * np.exp(-4.0 * when)
            _lay(total, n * count + beat * count // 8, np.sin(2 * np.pi * note * when) * pluck * 0.35)
    found: Samples = (total / np.abs(total).max() * 11_000).astype(np.int16)
    return found


def _lay(total: NDArray[np.float64], start: int, sound: NDArray[np.float64]) -> None:
    """Adds a sound to the loop; what goes over its end comes in at its beginning."""
    places = (start + np.arange(len(sound))) % len(total)
    np.add.at(total, places, sound)


def make(name: str) -> Samples:
    """Returns a built-in sound; raises KeyError for a name that is none."""
    return {"hold": hold, "ringback": ringback, "busy": busy, "beep": beep}[name]()
