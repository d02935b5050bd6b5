"""Who talks: voice activity of the legs that somebody listens for, measured on what their jitter buffers give out.

A frame of 20 ms is loud when its level is above a threshold that lies 9 dB over the leg's own noise, but never below
-48 dBm0 (line noise and comfort noise are at -50 to -65, ITU-T G.711 quantises to -60 at best) nor above -36 dBm0
(the quietest speech that networks carry; the active level of speech is near -20, ITU-T P.56). The noise is what the
quietest frames have: it follows downwards at once and upwards by 3 dB a second, so that a fan switched on is no voice
after a few seconds, while a steady loud tone stays one. Voice begins with 60 ms of loud frames in a row, since clicks
are shorter, and ends after 400 ms without one, since pauses inside and between words are shorter.

All legs of a phase are looked at as arrays; counts stand in the shared table, so a killed pump changes nothing.
Rejected: counting zero crossings and spectra, which tell music from speech a little better and cost ten times more.
"""

from __future__ import annotations

import numpy as np

from switchhook.core.events import VOICE_HANGOVER_MS, VOICE_ONSET_MS
from switchhook.core.values import dataclass
from switchhook.media.rtp import Array
from switchhook.media.table import Table

FRAME_MS = 20
ZERO_DBM0 = 15_800.0  # RMS of 0 dBm0 in 16 bit samples (3.14 dB below the largest sine of G.711)
_SOFTEST = (ZERO_DBM0 * 10 ** (-48 / 20)) ** 2
_LOUDEST = (ZERO_DBM0 * 10 ** (-36 / 20)) ** 2
_ABOVE = 10 ** (9 / 10)
_RISE = 10 ** (3 / 10 / 50)
_ONSET, _HANGOVER = VOICE_ONSET_MS // FRAME_MS, VOICE_HANGOVER_MS // FRAME_MS


@dataclass(frozen=True, slots=True)
class Change:
    """A leg began (`on`) or stopped to talk; `after_ms` is how long it was the other way before."""

    row: int
    on: bool
    after_ms: int


def begin(table: Table, row: int) -> None:
    """Begins to listen for a leg: it is taken to be silent until it is heard."""
    table.noticed[row] = 1
    table.talking[row] = table.loud_run[row] = table.quiet_run[row] = table.voice_frames[row] = 0
    table.noise_level[row] = _SOFTEST / _ABOVE


def hear(table: Table, rows: Array, frames: Array) -> list[Change]:
    """Takes the next frame of each of these legs (float32, 160 samples) and returns who began or stopped to talk."""
    level = np.einsum("ij,ij->i", frames, frames) / frames.shape[1]
    noise = np.minimum(table.noise_level[rows] * _RISE, np.maximum(level, 1.0))
    table.noise_level[rows] = np.minimum(noise, _LOUDEST)
    loud = level > np.clip(noise * _ABOVE, _SOFTEST, _LOUDEST)
    louds = np.where(loud, table.loud_run[rows] + 1, 0)
    quiets = np.where(loud, 0, table.quiet_run[rows] + 1)
    lasted = table.voice_frames[rows] + 1
    talking = table.talking[rows] != 0
    starts, stops = ~talking & (louds >= _ONSET), talking & (quiets >= _HANGOVER)
    table.loud_run[rows], table.quiet_run[rows], table.voice_frames[rows] = louds, quiets, lasted
    found: list[Change] = []
    for place in np.flatnonzero(starts | stops).tolist():
        row, on, turned = int(rows[place]), bool(starts[place]), _ONSET if starts[place] else _HANGOVER
        found.append(Change(row, on, int(lasted[place] - turned) * FRAME_MS))
        table.talking[row] = on
        table.voice_frames[row] = turned  # the new state began that long ago
    return found
