"""Ears: received RTP goes in, what was heard and when comes out.

Where a packet belongs on the line of time is decided by its timestamp, anchored to the arrival of the first packet:
arrival alone wobbles by a few ms and would make silent slots that nobody hears. When a packet arrives more than 40 ms
away from where its timestamp says (a pause of the sender, a new stream), its arrival wins and becomes the new anchor,
so a pause is heard as the pause it was. This is what a telephone's jitter buffer does.

A slot counts as heard 60 ms after it began; a packet that is read even later, because this process was busy, still
corrects the answer. Audio is kept for `keep_s` seconds (for `save`), the labels for ever (one number per slot).
"""

from __future__ import annotations

import wave
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from switchhook.core.errors import Bug
from switchhook.lab.detector import Detector
from switchhook.lab.heard import Heard, Hearing
from switchhook.lab.judge import StreamJudge
from switchhook.lab.packets import COMFORT_NOISE, PCMA, PCMU, Packet, decode, parse
from switchhook.lab.rhythm import CONTEXT_SLOTS, TONE_425, named
from switchhook.lab.tones import FRAME, FRAME_S, KEYS, RATE, Samples, Voices

_OFF_S = 0.04  # a packet this far from its place moves the anchor
_LATE_S = 0.04  # how long after its end a slot counts as complete
_CHUNK_SLOTS = 250
_UNASKED_SLOTS = 3000


_KEYS: Heard = frozenset({KEYS})


class Ears(Hearing):
    """What one telephone hears. `clock` gives seconds; `voices` turns frequencies into names."""

    def __init__(
        self,
        clock: Callable[[], float],
        voices: Voices | None = None,
        *,
        detector: Detector | None = None,
        keep_s: float = 600.0,
    ) -> None:
        super().__init__(clock)
        self.judge = StreamJudge()
        self.judges = [self.judge]
        self._voices = voices or Voices()
        self._detector = detector or Detector()
        self._began = clock()
        self._keep = round(keep_s / FRAME_S)
        self._audio = np.zeros((_CHUNK_SLOTS, FRAME), np.int16)
        self._base = 0  # slot that `_audio` starts with
        self._known: list[Heard] = []
        self._keys: set[int] = set()  # slots in which a telephone event came instead of audio
        self._stream: tuple[int, int] | None = None  # SSRC and timestamp that the anchor belongs to
        self._anchor = 0  # sample position of that timestamp
        self.packets = 0

    @property
    def began_s(self) -> float:
        """Returns when these ears were made (clock seconds)."""
        return self._began

    def learn(self, label: str, samples: Samples) -> None:
        """Makes a sound known by a sample of it, 8 kHz mono: `hears(label)` works for what arrives from now on."""
        self._detector.learn(label, samples)

    def new_stream(self) -> None:
        """States that another call begins: its stream is judged on its own. `judges` keeps the earlier ones."""
        if self.judge.received:
            self.judge = StreamJudge()
            self.judges.append(self.judge)

    def receive(self, datagram: bytes, at: float | None = None) -> Packet | None:
        """Takes a datagram from the telephone's RTP socket and returns it parsed; None when it is not RTP."""
        packet = parse(datagram)
        if packet is not None:
            self.hear_packet(packet, self.clock() if at is None else at)
        return packet

    def hear_packet(self, packet: Packet, at: float) -> None:
        """Takes a packet that arrived at `at` (clock seconds)."""
        self.packets += 1
        young = self.judge.see(packet, at)
        if packet.payload_type not in (PCMU, PCMA, COMFORT_NOISE):
            self._keys.add(int((at - self._began) / FRAME_S))
            return
        if packet.payload_type == COMFORT_NOISE:
            samples = np.zeros(FRAME, np.int16)
        else:
            samples = decode(packet.payload_type, packet.payload)
        place = self._place(packet, at, young)
        if place is not None:
            self._write(place, samples)

    # --- the line of time -----------------------------------------------------------------------------------------

    def complete(self) -> int:
        """Returns how many slots have had the time to be filled."""
        return max(0, int((self.clock() - self._began - _LATE_S) / FRAME_S + 1e-6))

    def slots(self, first: int, last: int) -> list[Heard]:
        """Returns the labels of complete slots."""
        last = min(last, self.complete())
        if last > len(self._known):
            self._listen(last)
        wanted = self._known[first:last]
        if not any(TONE_425 in slot for slot in wanted):
            return wanted
        start, end = max(0, first - CONTEXT_SLOTS), min(len(self._known), last + CONTEXT_SLOTS)
        return named(self._known[start:end], to_now=end == len(self._known))[first - start : last - start]

    def audio(self, t0: float | None = None, t1: float | None = None) -> Samples:
        """Returns 8 kHz samples of what was heard between two times (of the last `keep_s`), zero where nothing came."""
        self._grow(self.complete())
        first = self._base if t0 is None else max(self._base, round((t0 - self._began) / FRAME_S))
        last = self.complete() if t1 is None else round((t1 - self._began) / FRAME_S)
        return self._audio[first - self._base : max(first, last) - self._base].reshape(-1).copy()

    def save(self, path: str | Path, t0: float | None = None, t1: float | None = None) -> None:
        """Writes what was heard as a WAV file, 16 bit mono 8 kHz."""
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(self.audio(t0, t1).astype("<i2").tobytes())

    def _place(self, packet: Packet, at: float, young: bool) -> int | None:
        arrived = round((at - self._began) * RATE)
        if self._stream is not None and self._stream[0] == packet.ssrc:
            ticks = (packet.timestamp - self._stream[1] + 0x80000000 & 0xFFFFFFFF) - 0x80000000
            place = self._anchor + ticks
            if abs(arrived - place) <= _OFF_S * RATE:
                return place
        if not young:
            return None  # one overtaken by others may fill its hole, but says nothing about the time
        self._stream = (packet.ssrc, packet.timestamp)
        # Packets fill whole slots: frames cut where the sender cut them tell voices apart best.
        self._anchor = max(0, round(arrived / FRAME) * FRAME)
        return self._anchor

    def _write(self, place: int, samples: Samples) -> None:
        first = place - self._base * FRAME
        if first < 0:
            return  # later than the audio is kept
        last = first + len(samples)
        self._grow(self._base + -(-last // FRAME))
        self._audio.reshape(-1)[first:last] = samples
        if place // FRAME - len(self._known) > _UNASKED_SLOTS:
            self._listen(self.complete())  # nobody asks; audio must not pile up
        del self._known[place // FRAME :]  # read late, after somebody had asked: the answer was not the last word

    def _grow(self, slots: int) -> None:
        missing = slots - self._base - len(self._audio)
        if missing > 0:
            more = max(missing, len(self._audio) // 2, _CHUNK_SLOTS)
            self._audio = np.vstack([self._audio, np.zeros((more, FRAME), np.int16)])

    def _listen(self, last: int) -> None:
        self._grow(last)
        first = len(self._known)
        # One frame from before helps to tell a voice from speech.
        start = max(first - 1, self._base)
        found = self._detector.detect(self._audio[start - self._base : last - self._base].reshape(-1))
        for labels in found[first - start :]:
            pressed = (
                self._keys
                and not labels
                and not self._keys.isdisjoint(range(len(self._known) - 1, len(self._known) + 2))
            )
            self._known.append(_KEYS if pressed else self._named(labels))
        self._forget()

    def _named(self, labels: Iterable[str | float]) -> Heard:
        return frozenset(label if isinstance(label, str) else self._voices.name(label) for label in labels)

    def _forget(self) -> None:
        spare = len(self._known) - self._base - self._keep
        if spare > _CHUNK_SLOTS:
            self._audio = self._audio[spare:].copy()
            self._base += spare
            self._keys = {slot for slot in self._keys if slot >= self._base}


class SymbolicEars(Hearing):
    """Ears without audio: `set` says what is heard from now on. For virtual time, where no packet is sent."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(clock)
        self._began = clock()
        self._changes: list[tuple[float, Heard]] = [(self._began, frozenset())]

    @property
    def began_s(self) -> float:
        """Returns when these ears were made (clock seconds)."""
        return self._began

    def set(self, *labels: str) -> None:
        """States what is heard from this moment on; nothing is silence."""
        now = self.clock()
        if now < self._changes[-1][0]:
            raise Bug("the clock of these ears went backwards")
        self._changes.append((now, frozenset(labels)))

    def complete(self) -> int:
        """Returns how many whole slots have passed."""
        return max(0, int((self.clock() - self._began) / FRAME_S + 1e-6))

    def lately(self) -> Heard:
        """Returns what is heard now: symbols need no time to be sure."""
        return self._changes[-1][1]

    def slots(self, first: int, last: int) -> list[Heard]:
        """Returns the labels in force at the middle of each slot."""
        found: list[Heard] = []
        at = 0
        for slot in range(first, min(last, self.complete())):
            middle = self._began + (slot + 0.5) * FRAME_S
            while at + 1 < len(self._changes) and self._changes[at + 1][0] <= middle:
                at += 1
            found.append(self._changes[at][1])
        return found
