"""WAV files: read in blocks (PCM of 8 to 32 bits, float, both laws of G.711), written with a header that is mended.

Own reader, because the standard library's `wave` knows neither G.711 nor the extensible format, and both are common in
telephony. A length that lies (a file still being written, a stream) is read to its end.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from switchhook.core.errors import Unavailable
from switchhook.core.values import dataclass
from switchhook.media import g711

PCM, FLOAT, ALAW, ULAW, EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
HEADER_BYTES = 44


@dataclass(frozen=True, slots=True)
class Format:
    kind: int
    channels: int
    rate: int
    bits: int

    @property
    def block(self) -> int:
        return self.channels * self.bits // 8


def read_format(file: BinaryIO) -> tuple[Format, int]:
    """Returns the format and the length of the audio in bytes, with the file standing at its first sample."""
    start = file.read(12)
    if len(start) < 12 or start[:4] not in (b"RIFF", b"RF64") or start[8:] != b"WAVE":
        raise Unavailable("not a WAV file")
    found: Format | None = None
    while True:
        head = file.read(8)
        if len(head) < 8:
            raise Unavailable("a WAV file without audio in it")
        name, length = struct.unpack("<4sI", head)
        if name == b"data":
            if found is None:
                raise Unavailable("a WAV file that does not say its format")
            return found, length
        body = file.read(min(length + length % 2, 1 << 20))
        if name == b"fmt ":
            found = _format(body)


def _format(body: bytes) -> Format:
    if len(body) < 16:
        raise Unavailable("a WAV file with a cut format")
    kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", body)
    if kind == EXTENSIBLE and len(body) >= 26:
        (kind,) = struct.unpack_from("<H", body, 24)
    wanted = {PCM: (8, 16, 24, 32), FLOAT: (32, 64), ALAW: (8,), ULAW: (8,)}.get(kind, ())
    if bits not in wanted or not 1 <= channels <= 32 or not 1_000 <= rate <= 400_000:
        raise Unavailable(f"a WAV file of a kind that is not played (format {kind}, {bits} bits, {rate} Hz)")
    return Format(kind, channels, rate, bits)


def blocks(file: BinaryIO, found: Format, length: int, seconds: float = 1.0) -> Iterator[NDArray[np.float32]]:
    """Yields the audio as float32 in the range of int16, one channel."""
    size = max(1, int(found.rate * seconds)) * found.block
    left = length if 0 < length < 0xFFFFFF00 else 1 << 62
    while left > 0 and (raw := file.read(min(size, left))):
        left -= len(raw)
        raw = raw[: len(raw) - len(raw) % found.block]
        samples = _samples(raw, found)
        yield samples.reshape(-1, found.channels).mean(axis=1, dtype=np.float32)


def _samples(raw: bytes, found: Format) -> NDArray[np.float32]:
    codes = np.frombuffer(raw, np.uint8)
    if found.kind in (ALAW, ULAW):
        return g711.decode(codes, g711.ALAW if found.kind == ALAW else g711.ULAW).astype(np.float32)
    if found.kind == FLOAT:
        return (np.frombuffer(raw, f"<f{found.bits // 8}") * 32_767.0).astype(np.float32)
    if found.bits == 8:
        return (codes.astype(np.float32) - 128.0) * 256.0
    if found.bits == 16:
        return np.frombuffer(raw, "<i2").astype(np.float32)
    if found.bits == 32:
        return (np.frombuffer(raw, "<i4") / 65_536.0).astype(np.float32)
    three = codes.reshape(-1, 3).astype(np.int32)
    return ((three[:, 0] | three[:, 1] << 8 | three[:, 2] << 16) << 8).astype(np.float32) / 65_536.0


def header(channels: int, audio_bytes: int, rate: int = 8_000) -> bytes:
    """Returns the header of a 16-bit PCM file with this much audio."""
    audio_bytes = min(audio_bytes, 0xFFFFFFFF - 36)
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + audio_bytes, b"WAVE", b"fmt ", 16, PCM, channels, rate,
        rate * channels * 2, channels * 2, 16, b"data", audio_bytes,
    )  # fmt: skip
