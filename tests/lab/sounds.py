"""Sounds and streams for tests of the ears."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from switchhook.lab.ears import Ears
from switchhook.lab.packets import PCMU, Packet, decode, encode
from switchhook.lab.tones import FRAME, FRAME_S, RATE, Samples, tone


def mix(*sounds: Samples) -> Samples:
    """Returns the clipped sum of sounds of one length."""
    return np.clip(sum(sound.astype(np.int32) for sound in sounds), -32768, 32767).astype(np.int16)


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * RATE), np.int16)


def noise(seconds: float, rms: float, seed: int = 1) -> Samples:
    """Returns white noise; `rms` in parts of full scale."""
    wave = np.random.default_rng(seed).normal(0, rms * 32767, round(seconds * RATE))
    return np.clip(wave, -32768, 32767).astype(np.int16)


def music(seconds: float) -> Samples:
    """Returns chords of several partials, changing every second."""
    count = np.arange(round(seconds * RATE)) / RATE
    wave = np.zeros(len(count))
    chords = [(261.6, 329.6, 392.0), (220.0, 261.6, 329.6), (174.6, 220.0, 261.6), (196.0, 246.9, 293.7)]
    for i in range(int(seconds) + 1):
        part = (count >= i) & (count < i + 1)
        for root in chords[i % 4]:
            for harmonic, level in ((1, 0.1), (2, 0.05), (3, 0.025), (4, 0.012)):
                wave[part] += level * np.sin(2 * np.pi * root * harmonic * count[part])
    return (wave * 20000).astype(np.int16)


def vowels(seconds: float) -> Samples:
    """Returns something like speech: a gliding pitch with formants, in syllables."""
    count = np.arange(round(seconds * RATE)) / RATE
    pitch = 130 + 25 * np.sin(2 * np.pi * 0.7 * count) + 10 * np.sin(2 * np.pi * 5 * count)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    wave = np.zeros(len(count))
    for harmonic in range(1, 24):
        at = harmonic * pitch
        level = np.exp(-(((at - 600) / 200) ** 2)) + 0.5 * np.exp(-(((at - 1700) / 250) ** 2)) + 0.03
        wave += level * np.sin(harmonic * phase)
    wave *= 0.55 + 0.45 * np.sin(2 * np.pi * 4 * count)
    return (wave / np.abs(wave).max() * 12000).astype(np.int16)


def through(law: int, samples: Samples) -> Samples:
    """Returns what is left after a codec."""
    return decode(law, encode(law, samples))


class Clock:
    """A clock that a test sets."""

    def __init__(self, now: float = 1_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Stream:
    """Sends samples to ears as an RTP stream, one packet per 20 ms, on a test's clock."""

    def __init__(self, ears: Ears, clock: Clock, *, law: int = PCMU, ssrc: int = 7, sequence: int = 65_500) -> None:
        self.ears, self.clock, self.law, self.ssrc = ears, clock, law, ssrc
        self.sequence, self.timestamp = sequence, 0xFFFFF000

    def play(self, samples: Samples, *, lose: Sequence[int] = (), jitter: Sequence[float] = (0.0,)) -> None:
        for i, frame in enumerate(samples.reshape(-1, FRAME)):
            packet = Packet(
                self.law, self.sequence & 0xFFFF, self.timestamp & 0xFFFFFFFF, self.ssrc, encode(self.law, frame)
            )
            self.sequence += 1
            self.timestamp += FRAME
            if i not in lose:
                self.ears.receive(packet.encode(), self.clock.now + jitter[i % len(jitter)])
            self.clock.now += FRAME_S

    def pause(self, seconds: float, *, clock_runs: bool = True) -> None:
        """Sends nothing; the timestamp follows the clock, or stands still."""
        self.clock.now += seconds
        if clock_runs:
            self.timestamp += round(seconds * RATE)


def voice(hz: float, seconds: float) -> Samples:
    return tone(hz, seconds)
