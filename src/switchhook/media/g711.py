"""G.711 as tables: 256 codes to 16-bit samples and 65,536 samples to codes, for both laws (ITU-T G.711).

The decoding tables follow the segment formulas; the encoding tables hold, for every sample, the code that the
standard's decision values give. A sample indexes them as its unsigned 16-bit pattern, so arrays need no offset.
A look-up costs the same whatever is found, so two codes that follow each other are decoded with one.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

ULAW, ALAW = 0, 1  # index into the tables; the values are the static payload types 0 and 8 divided by 8
SILENCE = (0xFF, 0xD5)


def _ulaw_value(code: int) -> int:
    code = ~code & 0xFF
    magnitude = (((code & 0x0F) << 3) + 0x84 << (code >> 4 & 7)) - 0x84
    return -magnitude if code & 0x80 else magnitude


def _alaw_value(code: int) -> int:
    code ^= 0x55
    segment, step = code >> 4 & 7, code & 0x0F
    magnitude = (step << 4) + 8 if segment == 0 else (step << 4) + 0x108 << segment - 1
    return magnitude if code & 0x80 else -magnitude


@cache
def decoding() -> NDArray[np.int16]:
    """Returns the samples of all codes, shape (2, 256)."""
    return np.array([[_ulaw_value(c) for c in range(256)], [_alaw_value(c) for c in range(256)]], np.int16)


@cache
def decoding_pairs() -> NDArray[np.uint32]:
    """Returns both samples of each two codes, shape (2, 65536), indexed by the codes as they lie in memory."""
    codes = np.arange(65_536, dtype=np.uint16).view(np.uint8).reshape(-1, 2)
    return decoding().take(codes, axis=1).view(np.uint32)[..., 0]


@cache
def encoding() -> NDArray[np.uint8]:
    """Returns the codes of all samples, shape (2, 65536), indexed by the sample's unsigned pattern."""
    samples = np.arange(65_536, dtype=np.uint16).view(np.int16).astype(np.int32)
    return np.stack([_ulaw_codes(samples), _alaw_codes(samples)])


def _ulaw_codes(samples: NDArray[Any]) -> NDArray[np.uint8]:
    magnitude = np.minimum(np.abs(samples), 32_635) + 0x84
    segment = np.floor(np.log2(magnitude)).astype(np.int32) - 7
    step = magnitude >> segment + 3 & 0x0F
    sign = np.where(samples < 0, 0x80, 0)
    codes: NDArray[np.uint8] = (~(sign | segment << 4 | step) & 0xFF).astype(np.uint8)
    return codes


def _alaw_codes(samples: NDArray[Any]) -> NDArray[np.uint8]:
    magnitude = np.where(samples >= 0, samples, -samples - 1) >> 3  # 13 bits; the negative side is one below
    segment = np.maximum(np.floor(np.log2(np.maximum(magnitude, 1))).astype(np.int32) - 4, 0)
    step = np.where(segment == 0, magnitude >> 1, magnitude >> np.maximum(segment, 1)) & 0x0F
    sign = np.where(samples >= 0, 0x80, 0)
    codes: NDArray[np.uint8] = ((sign | segment << 4 | step) ^ 0x55).astype(np.uint8)
    return codes


def encode(samples: NDArray[np.int16], law: int | NDArray[Any]) -> NDArray[np.uint8]:
    """Returns codes for samples; `law` is one for all, or an array that broadcasts against the samples."""
    return _look_up(encoding(), samples.view(np.uint16), law)


def decode(codes: NDArray[np.uint8], law: int | NDArray[Any]) -> NDArray[np.int16]:
    """Returns samples for codes; `law` as in `encode`."""
    if codes.shape[-1] % 2:
        return _look_up(decoding(), codes, law)
    return _look_up(decoding_pairs(), np.ascontiguousarray(codes).view(np.uint16), law).view(np.int16)


def _look_up(tables: NDArray[Any], places: NDArray[Any], law: int | NDArray[Any]) -> NDArray[Any]:
    """`take` of a flat table is four times faster than an index of two arrays; nearly always all laws are the same."""
    if not isinstance(law, int):
        first = int(law.flat[0]) if law.size else ULAW
        if (law == first).all():
            law = first
        else:
            both: NDArray[Any] = tables.reshape(-1).take(places + law.astype(np.uint32) * np.uint32(tables.shape[1]))
            return both
    found: NDArray[Any] = tables[law].take(places)
    return found
