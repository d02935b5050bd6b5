"""Names of the things that live in a call, and where new names come from.

The core may not use randomness, so a new id is the next number of a counter, told twice: it begins with the count
itself, from a place that the shell's seed gives, and ends with the count mixed by an odd multiplier, which is a
bijection: ids never repeat within a seed. They begin with the count because every id stands in an index of the journal:
what is written in one moment then lies in one page, not in a hundred, however much is in the database already.
"""

from __future__ import annotations

from typing import NewType

LegId = NewType("LegId", str)
RoomId = NewType("RoomId", str)
TransferId = NewType("TransferId", str)
DialId = NewType("DialId", str)
SoundId = NewType("SoundId", str)
RecordingId = NewType("RecordingId", str)
StreamId = NewType("StreamId", str)

_MASK = (1 << 64) - 1
_HALF = (1 << 32) - 1
_ODD = 0x9E3779B97F4A7C15


class Ids:
    """Makes ids in the shape of a UUID, unique for one `seed` (64 bits)."""

    __slots__ = ("_count", "_end", "_middle", "_seed")

    def __init__(self, seed: int, count: int = 0) -> None:
        self._seed = seed & _MASK
        self._count = count
        seed_text = f"{self._seed:016x}"
        # The version and variant digits of RFC 9562 stand where client libraries look for them.
        self._middle = f"-{seed_text[:4]}-4{seed_text[4:7]}-8{seed_text[7:10]}-"
        self._end = seed_text[10:14]

    def new(self) -> str:
        """Returns an id that this object has never returned before, such as `6f1c1f2e-6c1b-4f52-9c55-9d3b1c0f7a10`."""
        self._count += 1
        mixed = (self._count * _ODD + self._seed) & _MASK
        return f"{(self._seed + self._count) & _HALF:08x}{self._middle}{mixed >> 32:08x}{self._end}"
