"""RTP headers (RFC 3550 5.1): as columns for the many, as one value for the odd ones.

A packet is *ordinary* when its first byte is 0x80: version 2 and no padding, extension or contributing sources. Those
are read and written as arrays, a column per field. Anything else goes through `parse`, one at a time.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from switchhook.core.values import dataclass

Array = NDArray[Any]
HEADER = np.dtype([("first", "u1"), ("second", "u1"), ("seq", ">u2"), ("ts", ">u4"), ("ssrc", ">u4")])
HEADER_BYTES = 12
PCMU, PCMA, NOISE = 0, 8, 13  # static payload types (RFC 3551)
FRAME = 160  # samples and bytes of 20 ms of G.711
_FIXED = struct.Struct("!BBHII")


@dataclass(frozen=True, slots=True)
class Packet:
    payload_type: int
    marker: bool
    seq: int
    ts: int
    ssrc: int
    payload: bytes


def parse(packet: bytes) -> Packet | None:
    """Returns a packet with padding, extension and contributing sources taken off; None for what is not RTP."""
    if len(packet) < HEADER_BYTES:
        return None
    first, second, seq, ts, ssrc = _FIXED.unpack_from(packet)
    if first >> 6 != 2:
        return None
    start, end = HEADER_BYTES + 4 * (first & 0x0F), len(packet)
    if first & 0x10:
        if end < start + 4:
            return None
        start += 4 + 4 * int.from_bytes(packet[start + 2 : start + 4])
    if first & 0x20:
        if packet[-1] == 0 or end - packet[-1] < start:
            return None
        end -= packet[-1]
    if start > end:
        return None
    return Packet(second & 0x7F, second >= 0x80, seq, ts, ssrc, packet[start:end])


def build(packet: Packet) -> bytes:
    """Returns a packet as it goes on the wire."""
    second = packet.payload_type | (0x80 if packet.marker else 0)
    return _FIXED.pack(0x80, second, packet.seq, packet.ts & 0xFFFFFFFF, packet.ssrc) + packet.payload


def looks_like_rtcp(packet: bytes) -> bool:
    """True for RTCP on a port shared by both (RFC 5761 4): packet types 192 to 223."""
    return len(packet) >= 8 and packet[0] >> 6 == 2 and 192 <= packet[1] <= 223


def columns(rows: Array) -> Array:
    """Returns the headers of packets laid out one per row of a byte array."""
    return np.ascontiguousarray(rows[:, :HEADER_BYTES]).view(HEADER)[:, 0]


def headers(payload_type: Array, marker: Array, seq: Array, ts: Array, ssrc: Array) -> Array:
    """Returns headers as rows of twelve bytes."""
    made = np.empty(len(seq), HEADER)
    made["first"] = 0x80
    made["second"] = payload_type | marker.astype(np.uint8) << 7
    made["seq"] = seq  # cut to their width
    made["ts"] = ts
    made["ssrc"] = ssrc
    return made.view(np.uint8).reshape(len(seq), HEADER_BYTES)


def apart16(later: Any, earlier: Array) -> Array:
    """Returns how far one sequence number is ahead of another, across a wrap (-32768 to 32767)."""
    apart: Array = (later - earlier + 0x8000 & 0xFFFF) - 0x8000
    return apart


def apart32(later: Array, earlier: Array) -> Array:
    """Returns how far one timestamp is ahead of another, across a wrap."""
    return (later - earlier + 0x80000000 & 0xFFFFFFFF) - 0x80000000
