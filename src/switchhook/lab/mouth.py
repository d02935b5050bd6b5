"""What a telephone says, as an RTP stream: one SSRC, a frame each 20 ms, keys pressed in between.

Frames of a tone are encoded once and kept (a second of it repeats), so that speaking costs a header and a send.
"""

from __future__ import annotations

import random

from switchhook.lab.keys import Presses
from switchhook.lab.packets import Packet, encode
from switchhook.lab.tones import FRAME, Utterance


class Mouth:
    """The sending half of a telephone's audio; `frame` is called each 20 ms."""

    def __init__(self, seed: int, utterance: Utterance) -> None:
        chance = random.Random(seed)
        self.ssrc = chance.getrandbits(32)
        self.presses = Presses()
        self._sequence = chance.getrandbits(16)
        self._timestamp = chance.getrandbits(32)
        self._utterance = utterance
        self._number = 0
        self._encoded: dict[tuple[int, int], bytes] = {}
        self._marker = True

    def say(self, utterance: Utterance) -> None:
        """Says something else from the next frame on."""
        self._utterance, self._number = utterance, 0
        self._encoded.clear()

    @property
    def done(self) -> bool:
        """Returns whether all has been said (never, for a loop)."""
        return self._utterance.frame(self._number) is None

    def frame(self, law: int, digits_payload: int | None) -> list[Packet]:
        """Returns the packets of the next 20 ms; none when there is nothing left to say."""
        self._timestamp = (self._timestamp + FRAME) & 0xFFFFFFFF
        pressed = self.presses.step() if digits_payload is not None else None
        if pressed is not None and digits_payload is not None:
            self._number += 1
            started = (self._timestamp - pressed.frames_in * FRAME) & 0xFFFFFFFF
            return [
                self._packet(digits_payload, started, pressed.payload, pressed.first) for _ in range(pressed.copies)
            ]
        payload = self._audio(law)
        if payload is None:
            self._marker = True  # a talk spurt begins after this pause (RFC 3551 4.1)
            return []
        marker, self._marker = self._marker, False
        return [self._packet(law, self._timestamp, payload, marker)]

    def rest(self) -> None:
        """Lets 20 ms pass without a packet: the timestamp runs on."""
        self._timestamp = (self._timestamp + FRAME) & 0xFFFFFFFF
        self._number += 1
        self._marker = True

    def _packet(self, payload_type: int, timestamp: int, payload: bytes, marker: bool) -> Packet:
        self._sequence = (self._sequence + 1) & 0xFFFF
        return Packet(payload_type, self._sequence, timestamp, self.ssrc, payload, marker)

    def _audio(self, law: int) -> bytes | None:
        frame = self._utterance.frame(self._number)
        if frame is None:
            return None
        key = (law, self._number % self._utterance.length)
        self._number += 1
        found = self._encoded.get(key)
        if found is None:
            found = self._encoded[key] = encode(law, frame)
        return found
