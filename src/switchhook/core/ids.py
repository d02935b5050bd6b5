"""Names of the things that live in a call, and where new names come from.

The core may not use randomness, so a new id is the next number of a counter, mixed with a seed that the shell
chose once. Mixing with an odd multiplier is a bijection: ids never repeat within a seed and do not look like a count.
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
_ODD = 0x9E3779B97F4A7C15


class Ids:
    """Makes ids in the shape of a UUID, unique for one `seed` (64 bits)."""

    __slots__ = ("_count", "_seed")

    def __init__(self, seed: int, count: int = 0) -> None:
        self._seed = seed & _MASK
        self._count = count

    def new(self) -> str:
        """Returns an id that this object has never returned before, such as `6f1c1f2e-6c1b-4f52-9c55-9d3b1c0f7a10`."""
        self._count += 1
        low = f"{(self._count * _ODD + self._seed) & _MASK:016x}"
        seed = f"{self._seed:016x}"
        # The version and variant digits of RFC 9562 stand where client libraries look for them.
        return f"{low[:8]}-{seed[:4]}-4{seed[4:7]}-8{seed[7:10]}-{low[8:]}{seed[10:14]}"
