"""Key presses on a telephone: RFC 4733 event packets made, and read.

A press is packets of one timestamp, 20 ms apart, the first with the marker, each with a longer duration; the last
comes three times with the end bit. The audio is held while it lasts and goes on at start + duration.
"""

from __future__ import annotations

import struct
from collections import deque
from dataclasses import dataclass

from switchhook.lab.packets import Packet
from switchhook.lab.tones import FRAME

KEYS = "0123456789*#ABCD"
_EVENT = struct.Struct("!BBH")
_END, _VOLUME = 0x80, 10
_PAUSE_FRAMES = 4
_ENDS = 3


@dataclass(frozen=True, slots=True)
class Pressed:
    """One packet to send instead of a frame of audio: its payload, its place in the press, and whether it is new."""

    payload: bytes
    frames_in: int  # frames since the press began: the timestamp stands still
    first: bool
    copies: int = 1


class Presses:
    """The keys still to be pressed; one step each 20 ms."""

    def __init__(self) -> None:
        self._waiting: deque[Pressed | None] = deque()

    def add(self, digits: str, press_ms: int = 160) -> None:
        """Takes keys to press, `press_ms` each with 80 ms between; raises ValueError for what is not a key."""
        digits = digits.upper()
        for digit in digits:
            if digit not in KEYS:
                raise ValueError(f"{digit!r} is no key of a telephone")
        frames = max(2, round(press_ms / 20))
        for digit in digits:
            code = KEYS.index(digit)
            for i in range(frames):
                last = i == frames - 1
                event = _EVENT.pack(code, _VOLUME | (_END if last else 0), (i + 1) * FRAME)
                self._waiting.append(Pressed(event, i, i == 0, _ENDS if last else 1))
            self._waiting.extend([None] * _PAUSE_FRAMES)

    @property
    def busy(self) -> bool:
        """Returns whether keys are still being pressed."""
        return bool(self._waiting)

    def step(self) -> Pressed | None:
        """Returns the packet of this 20 ms, or None when audio goes out."""
        return self._waiting.popleft() if self._waiting else None


class KeyEar:
    """Finds key presses in received event packets: each reported once, however often its packets come."""

    def __init__(self) -> None:
        self._last: tuple[int, int] | None = None

    def hear(self, packet: Packet) -> str:
        """Returns the key that this packet begins, or an empty text."""
        press = (packet.ssrc, packet.timestamp)
        if len(packet.payload) < 4 or press == self._last or packet.payload[0] >= len(KEYS):
            return ""
        if self._last and self._last[0] == press[0] and (press[1] - self._last[1]) & 0x80000000:
            return ""  # a straggler of an older press
        self._last = press
        return KEYS[packet.payload[0]]
