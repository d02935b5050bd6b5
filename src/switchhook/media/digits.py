"""Telephone events (RFC 4733): heard from a telephone, and made for one. Pure; times are arguments.

An event is known by (SSRC, timestamp) and reported once, at its end packet, or 120 ms after its last packet if the end
was lost, or when the next one begins. An event over 0xFFFF ticks goes on in a new segment whose timestamp is the old
one plus 0xFFFF (2.5.1.3): that is the same key press. Each key is work for the call logic, a line of the journal, and
perhaps a key that is pressed anew for who hears it: what comes faster than keys can be pressed is ignored.

A made event sends one packet each 20 ms, its duration growing, then the last packet three times with the end bit. The
audio in between is held; the next frame's timestamp is start + duration. For a telephone without events the same keys
are made as two tones.
"""

from __future__ import annotations

import struct
from collections import deque
from dataclasses import field

import numpy as np

from switchhook.core.values import dataclass
from switchhook.media.rtp import FRAME, Array

KEYS = "0123456789*#ABCD"
OFFERED_DIGITS = 101  # the payload type of events in every offer of ours
LOST_END_S, STRAGGLES_S = 0.12, 1.0
PAUSE_FRAMES = 4  # between two keys
MOST_KEYS, KEYS_PER_S = 40, 20.0  # of one telephone: at once, and a second ever after; the fastest dialler makes 12.5
VOLUME = 10  # -10 dBm0
ENDS = 3  # packets with the end bit (RFC 4733 2.5.1.4)
_EVENT = struct.Struct("!BBH")
_ROWS, _COLUMNS = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
_PAD = ("123A", "456B", "789C", "*0#D")


@dataclass(frozen=True, slots=True)
class Key:
    digit: str
    duration_ms: int
    given: set[int] = field(default_factory=set, compare=False)  # the listeners that its packets were passed on to


@dataclass(slots=True)
class _Heard:
    ssrc: int
    ts: int
    code: int
    duration: int
    seen: float
    before: int = 0  # ticks of segments already over
    reported: bool = False
    given: set[int] = field(default_factory=set)


class Ear:
    """Finds key presses in the event packets of one telephone."""

    __slots__ = ("_left", "_now", "_reported_at", "ignored", "late", "reported")

    def __init__(self, reported: tuple[int, int] = (0, -1)) -> None:
        self.reported = reported  # SSRC and timestamp of the key reported last, also by the pump before
        self._now: _Heard | None = None
        self.late = False  # whether another packet of its key came before the packet taken last
        self._left, self._reported_at = float(MOST_KEYS), 0.0
        self.ignored = 0  # keys that came too fast

    def packet(self, ssrc: int, ts: int, payload: bytes, now: float) -> list[Key]:
        """Takes one event packet; returns the keys that are now known to be over."""
        self.late = False
        if len(payload) < 4:
            return []
        code, flags, duration = _EVENT.unpack_from(payload)
        if code >= len(KEYS):
            return []
        found: list[Key] = []
        heard = self._now
        self.late = True
        if heard is None and self.reported == (ssrc, ts):
            return []
        if heard is None or (heard.ssrc, heard.ts) != (ssrc, ts):
            older = heard is not None and heard.ssrc == ssrc and (ts - heard.ts & 0xFFFFFFFF) > 0x7FFFFFFF
            if heard is not None and older and now - heard.seen < STRAGGLES_S:
                return []  # a straggler of an older event; later, it is a telephone whose clock began anew
            longer = (
                heard is not None
                and not heard.reported
                and (heard.ssrc, heard.code, heard.ts + 0xFFFF & 0xFFFFFFFF) == (ssrc, code, ts)
            )
            if heard is not None and longer:
                heard.before += 0xFFFF
                heard.ts, heard.duration = ts, 0
            else:
                found += self._over()
                heard = self._now = _Heard(ssrc, ts, code, 0, now)
                self.late = False
        heard.duration = max(heard.duration, duration)
        heard.seen = now
        if flags & 0x80:
            found += self._over()
        return found

    def waited(self, now: float) -> list[Key]:
        """Returns the key whose end was lost, once enough time has passed."""
        heard = self._now
        return self._over() if heard is not None and now - heard.seen >= LOST_END_S else []

    @property
    def given(self) -> set[int]:
        """The listeners that the packets of the key heard last were passed on to; for whoever passes one to add."""
        return self._now.given if self._now is not None else set()

    def quiet(self, now: float) -> bool:
        """True when nothing has come of any key for so long that nothing more will."""
        return self._now is None or now - self._now.seen >= LOST_END_S

    def _over(self) -> list[Key]:
        heard = self._now
        if heard is None or heard.reported:
            return []
        heard.reported, self.reported = True, (heard.ssrc, heard.ts)
        self._left = min(MOST_KEYS, self._left + (heard.seen - self._reported_at) * KEYS_PER_S)
        self._reported_at = heard.seen
        if self._left < 1.0:
            self.ignored += 1
            return []
        self._left -= 1.0
        return [Key(KEYS[heard.code], (heard.before + heard.duration) // 8, heard.given)]


@dataclass(frozen=True, slots=True)
class Step:
    """What one tick sends: event payloads (the first begins an event if `starts`), or a tone, or nothing."""

    payloads: tuple[bytes, ...] = ()
    starts: bool = False
    ts_step: int = 0  # how far the event's timestamp lies beyond the one before (a new segment)
    tone: Array | None = None
    length: int = FRAME  # samples that the event covers so far


@dataclass(slots=True)
class _Wanted:
    digit: str
    tone_ms: int
    order: int


class Mouth:
    """Presses keys towards one telephone, a step per tick. `step` returns None when the audio may go on."""

    __slots__ = ("_done", "_events", "_frame", "_pause", "_queue", "_segment")

    def __init__(self) -> None:
        self._queue: deque[_Wanted] = deque()
        self._frame = 0
        self._events = False  # how the key that is down began
        self._pause = 0
        self._segment = 0
        self._done: list[int] = []

    def press(self, digits: str, tone_ms: int, order: int = -1) -> None:
        """Queues keys; `w` is a pause of 0.5 s, `W` of 1 s, other letters are left out."""
        for digit in digits:
            if digit.upper() in KEYS or digit in "wW":
                self._queue.append(_Wanted(digit if digit in "wW" else digit.upper(), tone_ms, order))

    def step(self, events: bool) -> Step | None:
        """Moves on by one tick; `events` says whether the telephone takes RFC 4733 (a key that began as tones goes on
        as tones)."""
        if self._pause:
            self._pause -= 1
            return None
        if not self._queue:
            return None
        wanted = self._queue[0]
        if wanted.digit in "wW":
            self._finish(24 if wanted.digit == "w" else 49)
            return None
        last = max(2, round(wanted.tone_ms / 20))
        self._frame += 1
        self._events = events and (self._events or self._frame == 1)
        if not self._events:
            tone = two_tones(wanted.digit, self._frame - 1)
            if self._frame >= last:
                self._finish(PAUSE_FRAMES)
            return Step(tone=tone)
        starts, ts_step = self._frame == 1, 0
        duration = self._frame * FRAME - self._segment
        if duration > 0xFFFF:
            self._segment += 0xFFFF
            duration -= 0xFFFF
            ts_step, starts = 0xFFFF, True
        code = KEYS.index(wanted.digit)
        if self._frame < last:
            return Step((event(code, duration),), starts, ts_step, length=duration)
        self._finish(PAUSE_FRAMES)
        return Step((event(code, duration, end=True),) * ENDS, starts, ts_step, length=duration)

    @property
    def idle(self) -> bool:
        return not self._queue and not self._pause

    @property
    def order(self) -> int:
        """The order of the key that is down or comes next; -1 for none."""
        return self._queue[0].order if self._queue else -1

    @property
    def pressing(self) -> bool:
        """True while a key is down."""
        return self._frame > 0

    def finished(self) -> list[int]:
        """Returns the `order` of each key pressed since the last call."""
        done, self._done = self._done, []
        return done

    def _finish(self, pause: int) -> None:
        self._done.append(self._queue.popleft().order)
        self._frame = self._segment = 0
        self._pause = pause


def event(code: int, duration: int, *, end: bool = False) -> bytes:
    """Returns the payload of one event packet; `duration` in samples, up to 0xFFFF."""
    return _EVENT.pack(code, VOLUME | (0x80 if end else 0), duration)


def two_tones(digit: str, frame: int) -> Array:
    """Returns one frame of the tones of a key (ITU-T Q.23), each at about -9 dBm0."""
    row = next(n for n, keys in enumerate(_PAD) if digit in keys)
    time = (np.arange(FRAME) + frame * FRAME) / 8000.0
    low = np.sin(2 * np.pi * _ROWS[row] * time)
    high = np.sin(2 * np.pi * _COLUMNS[_PAD[row].index(digit)] * time)
    return ((low + high) * 7_000).astype(np.int16)
