"""The voices of virtual telephones: each speaks one pure tone, and no two the same.

Twenty frequencies, 132 Hz apart, so that a 20 ms frame (bins of 50 Hz) tells any mix of them apart. They keep clear of
the progress tones (350, 425, 440, 480, 620 Hz), of 1000 Hz and 1400 Hz beeps, and of the edges of the telephone band.
A voice is quiet (0.1 of full scale, -23 dBov) so that ten of them mix without clipping.
"""

from __future__ import annotations

import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from switchhook.core.errors import Unavailable

RATE = 8000
FRAME = 160  # samples in 20 ms
FRAME_S = 0.02

SILENCE = "silence"  # no packets, or nothing above the noise floor
MUSIC = "music"
RINGBACK = "ringback"
BUSY = "busy"
BEEP = "beep"
KEYS = "keys"  # telephone events in place of audio
SPEECH = "speech"  # sound that is none of the known ones
NOT_NAMES = frozenset({SILENCE, MUSIC, RINGBACK, BUSY, BEEP, KEYS, SPEECH})

VOICE_HZ = tuple(670.0 + 132.0 * i for i in range(20))
VOICE_LEVEL = 0.1

Samples = npt.NDArray[np.int16]
Floats = npt.NDArray[np.float32]


class Voices:
    """Who speaks at which frequency, shared by the telephones that may ever hear each other."""

    def __init__(self) -> None:
        self._hz: dict[str, float] = {}

    def assign(self, name: str, hz: float | None = None) -> float:
        """Returns the frequency of `name`, the next free one at its first call; raises `Unavailable` after twenty.

        `hz` asks for a certain frequency; raises `Unavailable` when somebody else has it.
        """
        if name in NOT_NAMES:
            raise ValueError(f"{name!r} is the name of a sound, not of a telephone")
        if name in self._hz:
            return self._hz[name]
        taken = set(self._hz.values())
        chosen = hz if hz is not None else next((free for free in VOICE_HZ if free not in taken), None)
        if chosen is None:
            raise Unavailable(f"all {len(VOICE_HZ)} voices are taken; telephones that never meet can have their own")
        if chosen in taken:
            raise Unavailable(f"{chosen:g} Hz is the voice of {self.name(chosen)}")
        self._hz[name] = chosen
        return chosen

    def name(self, hz: float) -> str:
        """Returns who speaks at `hz`, or `tone 1040 Hz` for nobody known."""
        for name, at in self._hz.items():
            if at == hz:
                return name
        return f"tone {hz:g} Hz"

    def __iter__(self) -> Iterator[tuple[str, float]]:
        return iter(self._hz.items())


def tone(hz: float | tuple[float, ...], seconds: float, *, level: float = VOICE_LEVEL, start: int = 0) -> Samples:
    """Returns 8 kHz samples of one or more frequencies, each at `level` of full scale; `start` samples in."""
    count = np.arange(start, start + round(seconds * RATE))
    frequencies = hz if isinstance(hz, tuple) else (hz,)
    wave = sum((np.sin(2 * np.pi * one * count / RATE) for one in frequencies), np.zeros(len(count)))
    return np.clip(np.round(wave * level * 32767), -32768, 32767).astype(np.int16)


def read_wav(path: str | Path) -> Samples:
    """Returns a WAV file as 8 kHz mono samples; raises `Unavailable` with a sentence about what is wrong."""
    try:
        with wave.open(str(path), "rb") as file:
            channels, width, rate = file.getnchannels(), file.getsampwidth(), file.getframerate()
            raw = file.readframes(file.getnframes())
    except OSError as error:
        raise Unavailable(f"cannot read {path}: {error.strerror}") from error
    except (EOFError, wave.Error) as error:
        raise Unavailable(f"cannot read {path}: {str(error) or 'it ends too early'}") from error
    if width != 2:
        raise Unavailable(f"cannot read {path}: {8 * width} bit samples; only 16 bit WAV files are played")
    samples = np.frombuffer(raw, "<i2").reshape(-1, channels).astype(np.float32).mean(axis=1)
    if rate != RATE and len(samples):
        samples = _at_telephone_rate(samples, rate)
    whole: Samples = np.clip(np.round(samples), -32768, 32767).astype(np.int16)
    return whole


def _at_telephone_rate(samples: Floats, rate: int) -> Floats:
    """Returns samples at 8 kHz, what lies above the telephone band removed in the frequency domain."""
    count = max(1, round(len(samples) * RATE / rate))
    spectrum = np.fft.rfft(samples)
    kept = spectrum[: count // 2 + 1]
    if len(kept) < count // 2 + 1:
        kept = np.pad(kept, (0, count // 2 + 1 - len(kept)))
    resampled: Floats = (np.fft.irfft(kept, count) * (count / len(samples))).astype(np.float32)
    return resampled


class Utterance:
    """What a telephone says, cut into 20 ms frames without a break between them."""

    def __init__(self, samples: Samples, *, loop: bool = True) -> None:
        self._frames = np.pad(samples, (0, -len(samples) % FRAME)).reshape(-1, FRAME)
        self._loop = loop

    @classmethod
    def of_file(cls, path: str | Path, *, loop: bool = True) -> Utterance:
        """Reads a WAV file (16 bit, any rate, any channels); raises `Unavailable` saying what is wrong."""
        return cls(read_wav(path), loop=loop)

    @classmethod
    def of_tone(cls, hz: float) -> Utterance:
        """Returns an endless tone: one second of it, which holds whole periods of every whole-numbered frequency."""
        return cls(tone(round(hz), 1.0))

    @classmethod
    def of_silence(cls) -> Utterance:
        """Returns endless silence, in packets."""
        return cls(np.zeros(FRAME, np.int16))

    @property
    def is_silent(self) -> bool:
        """Returns whether there is nothing to be heard in it."""
        return not self._frames.any()

    @property
    def lasts_s(self) -> float | None:
        """Returns how long it is, or None when it begins again at its end."""
        return None if self._loop else len(self._frames) * FRAME_S

    @property
    def length(self) -> int:
        """Returns how many frames it has before it ends or begins again."""
        return len(self._frames)

    def frame(self, number: int) -> Samples | None:
        """Returns frame `number` (160 samples), or None when all has been said."""
        if not self._loop and number >= len(self._frames):
            return None
        frame: Samples = self._frames[number % len(self._frames)]
        return frame
