"""The judge of one received RTP stream: is it continuous, whatever was switched behind it?

A telephone that hears one call must see one SSRC, sequence numbers without a jump, and timestamps that follow its
own clock (promise 12). Packets that the network lost, doubled or reordered are told apart from breaks made by the
sender as far as the numbers can tell: a jump forward is called loss up to 1000 packets, a step back is an old packet.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from switchhook.lab.packets import Packet
from switchhook.lab.tones import RATE

_LARGEST_LOSS = 1000
_FIRST_DYNAMIC = 96
_CLOCK_TOLERANCE_S = 0.1  # a timestamp may stand this far from the arrival clock before it is a break


@dataclass(frozen=True, slots=True)
class Break:
    """One break: what it was, and when the packet arrived (clock seconds)."""

    kind: str  # "ssrc", "sequence", "timestamp"
    at: float
    text: str


@dataclass(slots=True)
class StreamJudge:
    """Counts and breaks of a stream, packet by packet."""

    received: int = 0
    lost: int = 0
    old: int = 0  # duplicates and packets overtaken by others
    max_gap_ms: float = 0.0  # longest time between two arrivals
    jitter_ms: float = 0.0  # RFC 3550 A.8
    ssrcs: list[int] = field(default_factory=list)
    payload_types: set[int] = field(default_factory=set)
    breaks: list[Break] = field(default_factory=list)
    long_gaps: list[tuple[float, float]] = field(default_factory=list)  # (end, ms) of each gap over `long_gap_ms`
    long_gap_ms: float = 60.0
    _last: Packet | None = None
    _last_at: float = 0.0
    _anchor: float = 0.0  # arrival clock minus media clock, of the earliest packet since the last break

    def see(self, packet: Packet, at: float) -> bool:
        """Takes a packet that arrived at `at`; returns False for one that is old and should not be played."""
        self.received += 1
        self.payload_types.add(packet.payload_type)
        last, self_at = self._last, self._last_at
        if last is None or packet.ssrc != last.ssrc:
            if last is not None:
                self._break("ssrc", at, f"{last.ssrc:08x} became {packet.ssrc:08x}")
            self.ssrcs.append(packet.ssrc)
            self._start(packet, at)
            if last is not None:
                self._gap(at - self_at, at)
            return True
        step = (packet.sequence - last.sequence) & 0xFFFF
        if step == 0 or step > 0xFFFF - _LARGEST_LOSS:
            self.old += 1
            return False
        self._gap(at - self_at, at)
        if step > _LARGEST_LOSS:
            self._break("sequence", at, f"{last.sequence} became {packet.sequence}")
            self._start(packet, at)
            return True
        self.lost += step - 1
        self._judge_time(last, packet, at)
        self._last, self._last_at = packet, at
        return True

    @property
    def last_at(self) -> float:
        """Returns when the newest packet arrived (clock seconds)."""
        return self._last_at

    @property
    def continuous(self) -> bool:
        """Returns whether there was never a break."""
        return not self.breaks

    def _judge_time(self, last: Packet, packet: Packet, at: float) -> None:
        ticks = _signed(packet.timestamp - last.timestamp)
        if ticks == 0 and packet.payload_type == last.payload_type >= _FIRST_DYNAMIC:
            return  # a telephone event keeps its timestamp while it lasts (RFC 4733 2.2)
        drift = at - self._anchor - _signed(packet.timestamp - self._zero) / RATE
        transit = abs((at - self._last_at) - ticks / RATE) * 1000
        self.jitter_ms += (transit - self.jitter_ms) / 16
        if ticks <= 0 or abs(drift) > _CLOCK_TOLERANCE_S:
            self._break("timestamp", at, f"{last.timestamp} became {packet.timestamp} after {at - self._last_at:.3f} s")
            self._start(packet, at)
        elif drift < 0:  # came faster than any before: the anchor was a late packet
            self._anchor += drift

    def _start(self, packet: Packet, at: float) -> None:
        self._last, self._last_at, self._anchor, self._zero = packet, at, at, packet.timestamp

    def _gap(self, seconds: float, at: float) -> None:
        ms = seconds * 1000
        self.max_gap_ms = max(self.max_gap_ms, ms)
        if ms > self.long_gap_ms:
            self.long_gaps.append((at, ms))

    def _break(self, kind: str, at: float, text: str) -> None:
        self.breaks.append(Break(kind, at, text))

    _zero: int = 0


def _signed(difference: int) -> int:
    difference &= 0xFFFFFFFF
    return difference - (1 << 32) if difference & 0x80000000 else difference
