"""Whose packets are a leg's: one telephone's, found once and then kept ("RTP bleed" is what happens otherwise).

Nothing is accepted before the leg's SDP is known. The SDP address is accepted at once; the address the SIP came from
after two packets of one SSRC in sequence; any other address only with `ANY`, the same way, within the first 5 s. After
400 ms of silence the same IP may go on from another port if SSRC and sequence number go on too (a NAT that forgot), and
the SDP address may speak; another IP needs new SDP. When new SDP has come, what is still under way from the address
before it is a stranger's for a second: taken for the telephone's, it would lock out where that speaks now. Strangers
are counted and never answered.
Rejected: answering whoever sent last, which gives the call away to a scanner.
"""

from __future__ import annotations

from enum import IntEnum

from switchhook.core.values import dataclass

ANY_S = 5.0
SILENT_S = 0.4
LEFT_S = 1.0

Address = tuple[str, int]


class Rule(IntEnum):
    STRICT = 0
    SIGNALLING = 1
    ANY = 2


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a leg when a packet comes from an address that is not (yet) its own."""

    rule: Rule
    sdp: Address | None
    signalling_host: str
    connected_at: float
    latched: Address | None
    arrival: float  # of the last accepted packet
    ssrc: int
    seq: int  # the last one accepted


class Candidates:
    """Remembers one candidate per leg, and the address that it left; a flood of strangers cannot grow it."""

    __slots__ = ("_left", "_seen")

    def __init__(self) -> None:
        self._seen: dict[int, tuple[Address, int, int]] = {}
        self._left: dict[int, tuple[Address, float]] = {}

    def accepts(self, row: int, known: Known, source: Address, ssrc: int, seq: int, now: float) -> bool:
        """True when this packet's source becomes the leg's own."""
        silent = known.latched is None or now - known.arrival >= SILENT_S
        if source == known.sdp and silent:
            return self._found(row)
        left, left_at = self._left.get(row, (None, 0.0))
        if source == left and now - left_at < LEFT_S:
            return False
        if known.latched is not None:
            goes_on = ssrc == known.ssrc and 0 < (seq - known.seq & 0xFFFF) < 3_000
            if known.rule is not Rule.STRICT and silent and source[0] == known.latched[0] and goes_on:
                return self._found(row)
            return False
        near = known.rule is not Rule.STRICT and source[0] == known.signalling_host
        far = known.rule is Rule.ANY and now - known.connected_at <= ANY_S
        if not near and not far:
            return False
        before = self._seen.get(row)
        self._seen[row] = (source, ssrc, seq)
        if before == (source, ssrc, seq - 1 & 0xFFFF):
            return self._found(row)
        return False

    def left(self, row: int, address: Address, now: float) -> None:
        """Says that new SDP took this address away from a leg."""
        self._left[row] = (address, now)

    def forget(self, row: int) -> None:
        self._seen.pop(row, None)
        self._left.pop(row, None)

    def _found(self, row: int) -> bool:
        self._seen.pop(row, None)
        return True
