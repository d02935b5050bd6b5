"""RTCP (RFC 3550 6): sender and receiver reports, source description and goodbye; made and read, pure.

Reports end at us and are made anew for each outgoing stream. Compact timestamps are the middle 32 bits of NTP time, in
1/65536 s, so a round trip is a difference of three of them (6.4.1).
"""

from __future__ import annotations

import struct
from dataclasses import field

from switchhook.core.values import dataclass

NTP_1970 = 2_208_988_800
SR, RR, SDES, BYE = 200, 201, 202, 203
_HEAD = struct.Struct("!BBH")
_SENDER = struct.Struct("!IIIIII")
_BLOCK = struct.Struct("!IIIIII")


@dataclass(frozen=True, slots=True)
class Block:
    """What a receiver says of one stream."""

    ssrc: int
    fraction_lost: int  # of 256, since the report before
    lost: int
    highest: int  # extended sequence number
    jitter: int  # in timestamp units
    last_sr: int = 0
    delay: int = 0  # since that report, 1/65536 s


@dataclass(frozen=True, slots=True)
class Report:
    """One SR (`ntp` is set) or RR."""

    ssrc: int
    blocks: tuple[Block, ...] = ()
    ntp: int | None = None
    rtp_ts: int = 0
    packets: int = 0
    octets: int = 0


@dataclass(slots=True)
class Compound:
    reports: list[Report] = field(default_factory=list)
    names: dict[int, str] = field(default_factory=dict)
    gone: list[int] = field(default_factory=list)


def ntp(unix_s: float) -> int:
    """Returns a time as NTP's 64 bits."""
    return int((unix_s + NTP_1970) * 4_294_967_296)


def middle(ntp64: int) -> int:
    return ntp64 >> 16 & 0xFFFFFFFF


def build(report: Report, cname: str, *, bye: bool = False) -> bytes:
    """Returns a compound packet: the report, a source description, and a goodbye if asked."""
    blocks = b"".join(
        _BLOCK.pack(
            b.ssrc, (b.fraction_lost & 0xFF) << 24 | max(-0x800000, min(b.lost, 0x7FFFFF)) & 0xFFFFFF,
            b.highest & 0xFFFFFFFF, min(b.jitter, 0xFFFFFFFF), b.last_sr, b.delay & 0xFFFFFFFF,
        )
        for b in report.blocks
    )  # fmt: skip
    if report.ntp is None:
        parts = [_packet(RR, len(report.blocks), struct.pack("!I", report.ssrc) + blocks)]
    else:
        sender = _SENDER.pack(
            report.ssrc, report.ntp >> 32 & 0xFFFFFFFF, report.ntp & 0xFFFFFFFF, report.rtp_ts & 0xFFFFFFFF,
            report.packets & 0xFFFFFFFF, report.octets & 0xFFFFFFFF,
        )  # fmt: skip
        parts = [_packet(SR, len(report.blocks), sender + blocks)]
    name = cname.encode()[:255]
    chunk = struct.pack("!I", report.ssrc) + bytes((1, len(name))) + name + b"\0"
    parts.append(_packet(SDES, 1, chunk + b"\0" * (-len(chunk) % 4)))
    if bye:
        parts.append(_packet(BYE, 1, struct.pack("!I", report.ssrc)))
    return b"".join(parts)


def parse(packet: bytes) -> Compound | None:
    """Returns what a compound packet says; None for what is not RTCP. Unknown packets in it are passed over."""
    found = Compound()
    place = 0
    while place < len(packet):
        if len(packet) - place < 4:
            return None
        first, kind, words = _HEAD.unpack_from(packet, place)
        end = place + 4 + 4 * words
        if first >> 6 != 2 or end > len(packet):
            return None
        body = packet[place + 4 : end]
        count = first & 0x1F
        if kind in (SR, RR) and not _report(found, kind, count, body):
            return None
        if kind == SDES:
            _names(found, count, body)
        if kind == BYE and len(body) >= 4 * count:
            found.gone += struct.unpack_from(f"!{count}I", body)
        place = end
    return found if place else None


def _report(found: Compound, kind: int, count: int, body: bytes) -> bool:
    start = _SENDER.size if kind == SR else 4
    if len(body) < start + count * _BLOCK.size:
        return False
    blocks = []
    for n in range(count):
        ssrc, loss, highest, jitter, last_sr, delay = _BLOCK.unpack_from(body, start + n * _BLOCK.size)
        lost = loss & 0xFFFFFF
        blocks.append(Block(ssrc, loss >> 24, lost - (lost >> 23 << 24), highest, jitter, last_sr, delay))
    if kind == SR:
        ssrc, high, low, rtp_ts, packets, octets = _SENDER.unpack_from(body)
        found.reports.append(Report(ssrc, tuple(blocks), high << 32 | low, rtp_ts, packets, octets))
    else:
        (ssrc,) = struct.unpack_from("!I", body)
        found.reports.append(Report(ssrc, tuple(blocks)))
    return True


def _names(found: Compound, count: int, body: bytes) -> None:
    place = 0
    for _ in range(count):
        if len(body) - place < 4:
            return
        (ssrc,) = struct.unpack_from("!I", body, place)
        place += 4
        while place + 1 < len(body) and body[place]:
            kind, length = body[place], body[place + 1]
            if kind == 1:
                found.names[ssrc] = body[place + 2 : place + 2 + length].decode(errors="replace")
            place += 2 + length
        place += 4 - place % 4


def _packet(kind: int, count: int, body: bytes) -> bytes:
    return _HEAD.pack(0x80 | count, kind, len(body) // 4) + body
