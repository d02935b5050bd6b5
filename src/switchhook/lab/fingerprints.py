"""How a sound is known again: by the spectra of its 20 ms frames, whatever its loudness and wherever it is cut.

Music has no one frequency, so a single average spectrum says little about a frame of it. A fingerprint therefore
keeps a small book of unit spectra, taken every 10 ms of a sample and thinned out until no two are nearly the same; a
frame belongs to the sound as far as the best page agrees with it (the cosine, 0 to 1). Only magnitudes are
compared, so a frame cut elsewhere than in the sample still fits, and the square root keeps one strong partial from
speaking for all. Rejected: acoustic landmarks as in song search (need seconds, not 20 ms).
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from switchhook.lab.rhythm import TONE_425
from switchhook.lab.tones import BUSY, FRAME, RATE, RINGBACK, Floats, Samples, tone

BINS = FRAME // 2 + 1
BIN_HZ = RATE / FRAME
_WINDOW = np.hanning(FRAME + 1)[:FRAME].astype(np.float32)
_HOP = FRAME // 2
_MAX_LOOKED_AT = 6000  # spectra of a sample; longer samples are looked at less densely
_SAME = 0.985
_FLOOR = 0.004  # root mean square below which a frame of the sample is silence


def spectra(frames: Floats) -> Floats:
    """Returns one row of 81 compressed magnitudes per frame (samples from -1 to 1)."""
    return np.sqrt(np.abs(np.fft.rfft(frames * _WINDOW, axis=1))).astype(np.float32)


class Fingerprint:
    """The book of spectra of one sound."""

    def __init__(self, label: str, samples: Samples) -> None:
        self.label = label
        self.pages = _pages(samples.tobytes())

    def likeness(self, spectra: Floats, mask: npt.NDArray[np.bool_] | None = None) -> Floats:
        """Returns, per spectrum, how well the best page agrees with it, 0 to 1; only bins of `mask` count if given."""
        pages = self.pages
        if mask is not None:
            spectra, pages = spectra[:, mask], pages[:, mask]
        best: Floats = (_unit(spectra) @ _unit(pages).T).max(axis=1)
        return best

    def surplus(self, spectrum: Floats) -> Floats:
        """Returns by how much a frame's spectrum stands out above the best page, bin by bin (magnitudes)."""
        page = self.pages[int((self.pages @ spectrum).argmax())]
        expected = page * float(page @ spectrum)
        above: Floats = spectrum**2 - expected**2
        return above


@functools.lru_cache(maxsize=32)
def _pages(samples: bytes) -> Floats:
    wave = np.frombuffer(samples, np.int16).astype(np.float32) / 32768
    if len(wave) < FRAME:
        raise ValueError("a sound is learned from 20 ms of it at least")
    cuts = np.lib.stride_tricks.sliding_window_view(wave, FRAME)[::_HOP]
    cuts = cuts[:: max(1, len(cuts) // _MAX_LOOKED_AT)]
    loud = cuts[np.sqrt((cuts**2).mean(axis=1)) > _FLOOR]
    if not len(loud):
        raise ValueError("a sound is learned from a sample that is not silent")
    found = _unit(spectra(loud))
    kept: list[int] = []
    open_ = np.ones(len(found), bool)
    while open_.any():
        page = int(open_.argmax())
        kept.append(page)
        open_ &= found @ found[page] < _SAME
        open_[page] = False
    pages: Floats = found[kept]
    return pages


def _unit(rows: Floats) -> Floats:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: Floats = rows / np.maximum(lengths, 1e-9)
    return unit


def progress_tones() -> list[Fingerprint]:
    """Returns ringing and busy of North America, and the 425 Hz that most others use for both (`lab.rhythm`)."""
    return [
        Fingerprint(RINGBACK, tone((440, 480), 1.0)),
        Fingerprint(BUSY, tone((480, 620), 1.0)),
        Fingerprint(TONE_425, tone(425, 1.0)),
    ]
