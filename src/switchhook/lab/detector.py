"""What is in 20 ms of sound: which voices, music, progress tones, speech, or nothing. Pure; many frames at once.

Voices are found by least squares on the sines and cosines of all twenty at once (a precomputed pseudo-inverse, one
matrix product for all frames). Unlike one Goertzel filter per frequency this keeps a loud tone from leaking into its
neighbours, which with 160 samples it would. If the voices found explain the frame, they are all there is. What they
do not explain is compared with the fingerprints of learned sounds: first the whole frame (music has partials near
some voice), then the rest without the voices (music and a voice mixed). A lone sine that is no voice is named by its
frequency. Anything else that is loud enough is speech, and beside it a voice counts only when its phase goes on
evenly into the neighbouring frames, which that of a vowel's harmonic does not.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from switchhook.lab.fingerprints import BIN_HZ, BINS, Fingerprint, progress_tones, spectra
from switchhook.lab.tones import FRAME, RATE, SPEECH, VOICE_HZ, Floats, Samples

FLOOR = 0.005  # root mean square of full scale (-46 dBov): below it is silence; comfort noise is near -66
_WEAKEST = 0.02  # amplitude of the weakest voice heard; telephones speak at 0.1
_BESIDE = 0.25  # and as a part of the loudest voice in the frame
_EXPLAINED = 0.8  # part of the energy that voices must explain to be all there is
_WHOLE = 0.95  # likeness of a whole frame to a learned sound
_REST = 0.90  # likeness of what is left without the voices
_SURPLUS = 0.04 * FRAME / 4  # how far a voice must stand out above music: an amplitude of 0.04, in a windowed bin
_LONE = 0.9  # part of the energy that one sine must explain to be named by its frequency
_EVEN = 0.85  # how even the phase of a voice beside speech must be

_ANGLES = 2 * np.pi * np.outer(np.arange(FRAME), VOICE_HZ) / RATE
_BASIS = np.hstack([np.cos(_ANGLES), np.sin(_ANGLES)])  # 160 x 40
_FIT = np.linalg.pinv(_BASIS).astype(np.float32)  # 40 x 160
_BASIS32 = _BASIS.astype(np.float32)
_TURN = np.exp(-2j * np.pi * np.asarray(VOICE_HZ) * FRAME / RATE)  # phase that a voice gains per frame, undone
_COUNT = len(VOICE_HZ)
_NEAR_HZ = 110.0

Labels = frozenset[str | float]  # a float is a frequency: a voice, or a lone sine


class Detector:
    """Names the sounds in frames; voices come out as their frequency, sounds as their label."""

    def __init__(self, learned: Iterable[Fingerprint] = ()) -> None:
        self._learned = [*progress_tones(), *learned]

    def learn(self, label: str, samples: Samples) -> None:
        """Adds a sound by a sample of it (8 kHz); later detections know it."""
        self._learned.append(Fingerprint(label, samples))

    def detect(self, samples: Samples) -> list[Labels]:
        """Returns what is in each 20 ms of `samples` (a whole number of frames of 160)."""
        frames = samples.reshape(-1, FRAME).astype(np.float32) / 32768
        frames = frames - frames.mean(axis=1, keepdims=True)
        power = (frames**2).mean(axis=1)
        found: list[Labels] = [frozenset()] * len(frames)
        loud = np.flatnonzero(power > FLOOR**2)
        if not len(loud):
            return found
        fit = frames @ _FIT.T
        voices = fit[:, :_COUNT] - 1j * fit[:, _COUNT:]
        strength = np.abs(voices)
        heard = strength > np.maximum(_WEAKEST, _BESIDE * strength.max(axis=1, keepdims=True))
        explained = ((strength**2) * heard).sum(axis=1) / 2 / np.maximum(power, 1e-12)
        plain = explained >= _EXPLAINED
        for i in loud[plain[loud]]:
            found[i] = _frequencies(heard[i])
        hard = loud[~plain[loud]]
        if len(hard):
            even = heard & (_evenness(voices) > _EVEN)
            for i, labels in zip(hard, self._harder(frames[hard], fit[hard], heard[hard], even[hard]), strict=True):
                found[i] = labels
        return found

    def _harder(self, frames: Floats, fit: Floats, heard: _Flags, even: _Flags) -> list[Labels]:
        whole = self._best(spectra(frames))
        return [
            frozenset({sound.label})
            if likeness >= _WHOLE and not _stands_out(sound, frames[i], heard[i])
            else self._mixed(frames[i], fit[i], heard[i], even[i])
            for i, (sound, likeness) in enumerate(whole)
        ]

    def _mixed(self, frame: Floats, fit: Floats, heard: _Flags, even: _Flags) -> Labels:
        lone = _lone_sine(frame)
        if lone is not None:
            return frozenset({lone})
        # A partial of the music may pass for a voice, so the loudest voice is tried alone first, then two...
        strength = np.hypot(fit[:_COUNT], fit[_COUNT:]) * heard
        voices = np.zeros(_COUNT, bool)
        for loudest in np.argsort(-strength)[: int(heard.sum())]:
            voices[loudest] = True
            rest = frame - _BASIS32 @ (fit * np.hstack([voices, voices]))
            if (rest**2).mean() <= FLOOR**2:
                return _frequencies(voices)
            sound, likeness = self._best(spectra(rest[None, :]), _away_from(voices))[0]
            if likeness >= _REST:
                return _frequencies(voices) | {sound.label}
        return _frequencies(even) | {SPEECH}

    def _best(self, spectra: Floats, mask: _Flags | None = None) -> list[tuple[Fingerprint, float]]:
        scores = np.stack([sound.likeness(spectra, mask) for sound in self._learned])
        best = scores.argmax(axis=0)
        return [(self._learned[sound], float(scores[sound, i])) for i, sound in enumerate(best)]


_Flags = npt.NDArray[np.bool_]


def _frequencies(heard: _Flags) -> Labels:
    return frozenset(VOICE_HZ[k] for k in np.flatnonzero(heard))


def _stands_out(sound: Fingerprint, frame: Floats, heard: _Flags) -> bool:
    """Whether a voice is louder than the sound it is mixed with explains: there may be music and a voice."""
    if not heard.any():
        return False
    surplus = sound.surplus(spectra(frame[None, :])[0])
    bins = np.rint(np.asarray(VOICE_HZ)[heard] / BIN_HZ).astype(int)
    return bool((surplus[bins] > _SURPLUS).any())


def _away_from(voices: _Flags) -> _Flags:
    bins = np.arange(BINS) * BIN_HZ
    near = np.abs(bins[:, None] - np.asarray(VOICE_HZ)[None, voices]) < _NEAR_HZ
    return np.asarray(~near.any(axis=1))


def _evenness(voices: npt.NDArray[np.complexfloating]) -> Floats:
    """Returns per frame and voice how well it goes on from the frame before, or into the next: 0 to 1."""
    if len(voices) < 2:
        return np.zeros(voices.shape, np.float32)
    steps = voices[1:] * _TURN  # as it would have been one frame earlier
    both = np.maximum(np.abs(steps), np.abs(voices[:-1]))
    agree = 1 - np.abs(steps - voices[:-1]) / np.maximum(both, 1e-9)
    agree = np.clip(agree, 0, 1)
    before = np.vstack([np.zeros((1, _COUNT)), agree])
    after = np.vstack([agree, np.zeros((1, _COUNT))])
    even: Floats = np.maximum(before, after).astype(np.float32)
    return even


def _lone_sine(frame: Floats) -> float | None:
    padded = np.abs(np.fft.rfft(frame * np.hanning(FRAME), 1024))
    peak = int(padded[1:-1].argmax()) + 1
    left, middle, right = padded[peak - 1 : peak + 2]
    shift = 0.5 * (left - right) / (left - 2 * middle + right) if left - 2 * middle + right else 0.0
    hz = (peak + shift) * RATE / 1024
    angle = 2 * np.pi * hz * np.arange(FRAME) / RATE
    basis = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    rest = frame - basis @ np.linalg.lstsq(basis, frame, rcond=None)[0]
    if (rest**2).sum() > (1 - _LONE) * (frame**2).sum():
        return None
    return float(round(hz / 10) * 10)
