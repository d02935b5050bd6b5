"""Audio on its way to a program and back: encodings, rates, and the queue of what a program has said ahead of time.

Inside, everything is frames of 20 ms at 8 kHz. L16 is little-endian here (in RTP it would not be; plivo-xml 4.4).
"""

from __future__ import annotations

from collections import deque

import numpy as np

from switchhook.core.values import dataclass
from switchhook.media import g711
from switchhook.media.resample import Resampler
from switchhook.media.rtp import FRAME, Array

MOST_S = 60  # of audio that waits to be played


class Upward:
    """Turns frames into what goes to a program: 160, 320 or 640 bytes each."""

    def __init__(self, *, mulaw: bool, rate: int) -> None:
        self._mulaw, self._size = mulaw, FRAME * rate // 8_000
        self._resampler = Resampler(8_000, rate) if rate != 8_000 else None
        # The filter looks ahead by some samples; silence put before them makes every frame come out whole.
        self._left = np.zeros(self._size // 5, np.int16)

    def encode(self, frame: Array) -> bytes:
        """Returns one int16 frame as the program gets it."""
        if self._resampler is not None:
            made = np.concatenate((self._left, self._resampler.feed(frame.astype(np.float32))))
            frame, self._left = made[: self._size], made[self._size :]
        return g711.encode(frame, g711.ULAW).tobytes() if self._mulaw else frame.astype("<i2").tobytes()


class Downward:
    """Turns what a program sends into samples at 8 kHz, whatever each piece is."""

    def __init__(self) -> None:
        self._rate = 8_000
        self._resampler = Resampler(8_000)

    def decode(self, audio: bytes, *, mulaw: bool, rate: int) -> Array:
        if mulaw:
            samples: Array = g711.decode(np.frombuffer(audio, np.uint8), g711.ULAW)
        else:
            samples = np.frombuffer(audio[: len(audio) // 2 * 2], "<i2").astype(np.int16)
        if rate != self._rate:
            self._rate, self._resampler = rate, Resampler(rate)
        if rate == 8_000:
            return samples
        resampled: Array = self._resampler.feed(samples.astype(np.float32))
        return resampled


@dataclass(frozen=True, slots=True)
class Mark:
    """A checkpoint."""

    name: str


class Playout:
    """What waits to be played: samples and checkpoints, first in, first out, a minute at most."""

    def __init__(self) -> None:
        self._waiting: deque[Array | Mark] = deque()
        self._samples = 0
        self._piece: Array = np.zeros(0, np.int16)

    @property
    def level(self) -> float:
        """Returns how full it is, from 0 to 1."""
        return self._samples / (MOST_S * 8_000)

    def add(self, samples: Array) -> bool:
        """Puts samples behind everything else; False when there was no room for all of them."""
        room = MOST_S * 8_000 - self._samples
        kept = samples[: max(0, room)]
        if len(kept):
            self._waiting.append(kept)
            self._samples += len(kept)
        return len(kept) == len(samples)

    def mark(self, name: str) -> None:
        self._waiting.append(Mark(name))

    def clear(self) -> None:
        """Forgets everything, checkpoints too."""
        self._waiting.clear()
        self._samples = 0
        self._piece = np.zeros(0, np.int16)

    def next(self) -> tuple[Array | None, list[str], list[str]]:
        """Returns the next frame, and the checkpoints that lie before and inside it; None when nothing is left.

        The last frame is filled up with silence.
        """
        before: list[str] = []
        inside: list[str] = []
        while self._waiting and len(self._piece) < FRAME:
            first = self._waiting.popleft()
            if isinstance(first, Mark):
                (inside if len(self._piece) else before).append(first.name)
            else:
                self._piece = np.concatenate((self._piece, first)) if len(self._piece) else first
        if not len(self._piece):
            return None, before, inside
        frame, self._piece = self._piece[:FRAME], self._piece[FRAME:]
        self._samples -= len(frame)
        return np.pad(frame, (0, FRAME - len(frame))), before, inside
