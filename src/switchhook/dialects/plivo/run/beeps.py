"""Finds a voicemail's beep in what a leg says: one steady pure tone, and then an end (plivo-xml 2.3).

In frames of 20 ms. A frame is a tone when it is loud enough and nearly all of its power lies around one frequency; a
beep is a row of such frames at the same frequency, at least as long as wanted, ended by some frames that are none. A
voice has several harmonics (a second one takes a frame out), keys have two tones, a fax or a modem whistles longer.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from switchhook.dialects.plivo.xml.elements import BeepWanted

FRAME = 160  # samples in 20 ms at 8 kHz
FRAME_MS = 20
LOWEST_BIN, HIGHEST_BIN = 6, 60  # 300 to 3000 Hz, in steps of 50 Hz
PURE = 0.85  # the share of the power within one step of the strongest frequency
LONGEST_MS = 3_000
_WINDOW = np.hanning(FRAME)


class Beeps:
    """Listens to one leg."""

    def __init__(self, wanted: BeepWanted) -> None:
        self._wanted = wanted
        self._rest: NDArray[np.int16] = np.zeros(0, np.int16)
        self._bin = 0
        self._tone_ms = 0
        self._gap_ms = 0

    def hear(self, samples: bytes) -> bool:
        """Takes the next samples (16 bit, little-endian); True as soon as a beep is over."""
        heard = np.concatenate((self._rest, np.frombuffer(samples, "<i2")))
        whole = len(heard) // FRAME * FRAME
        self._rest = heard[whole:]
        return True in [self._frame(frame) for frame in heard[:whole].reshape(-1, FRAME)]

    def _frame(self, frame: NDArray[np.int16]) -> bool:
        pitch = _pitch(frame, self._wanted.level)
        if pitch and (not self._tone_ms or abs(pitch - self._bin) <= 1):
            self._bin, self._gap_ms = pitch, 0
            self._tone_ms += FRAME_MS
            return False
        if not self._tone_ms:
            return False
        self._gap_ms += FRAME_MS
        if self._gap_ms < self._wanted.gap_ms:
            return False
        found = self._wanted.least_ms <= self._tone_ms <= LONGEST_MS
        self._tone_ms, self._gap_ms = (FRAME_MS if pitch else 0), 0
        self._bin = pitch
        return found


def _pitch(frame: NDArray[np.int16], level: int) -> int:
    """Returns the step of the frequency of a frame that is a pure tone, else 0."""
    if int(np.abs(frame.astype(np.int32)).max()) < level:
        return 0
    power = np.abs(np.fft.rfft(frame * _WINDOW)) ** 2
    strongest = int(power[1:].argmax()) + 1
    if not LOWEST_BIN <= strongest <= HIGHEST_BIN:
        return 0
    near = float(power[strongest - 2 : strongest + 3].sum())  # the window spreads a tone over two steps each way
    return strongest if near >= PURE * float(power[1:].sum()) else 0
