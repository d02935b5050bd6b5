"""The stream that each listener hears: one SSRC, sequence numbers without a gap, a timestamp that follows the clock.

Sequence number and timestamp of relayed packets are those of the source plus two offsets, which change only at a
*switch*: when the next packet comes from another source or SSRC, jumps by more than 1,000 packets or 2 s, when its
number goes back much further than its timestamp or the timestamp alone goes back (no late packet does that: the source
began anew), or when frames of our own went out in between. Then seq = last + 1 and the timestamp moves on by the time
that passed on the listener's clock, in whole frames, at least one packet's length; the marker is set. Packets older
than the first one after a switch are dropped, everything else is passed as it came: lost, doubled, out of order, so
that the telephone conceals and reports what is true.

`clock` holds (timestamp - 8000 * time) of the stream. In a relay it follows the source slowly, so that a source whose
crystal is off does not make the next switch jump; jitter is filtered out by the same averaging.
Rejected: rounding from the arrival of the last packet alone, where the jitter of each switch adds up.
"""

from __future__ import annotations

import numpy as np

from switchhook.media.rtp import FRAME, Array, apart16, apart32
from switchhook.media.table import HALF, Table

SEQ_JUMP, TS_JUMP = 1_000, 16_000
SEQ_BACK, TS_BACK = 64, 800  # further back than audio and key presses sent side by side may be out of step
_FOLLOW = 1 / 64


class Passed:
    """What a relay does with some packets: which go out, and the fields they go out with."""

    __slots__ = ("keep", "marker", "seq", "ts")

    def __init__(self, keep: Array, seq: Array, ts: Array, marker: Array) -> None:
        self.keep, self.seq, self.ts, self.marker = keep, seq, ts, marker


def next_ts(known: Array, now: float) -> Array:
    """Returns the timestamp of the next frame after a break: on in whole frames by the listener's clock.

    `known` are rows of `stream_rows`.
    """
    ts = known["ts"]
    frames = np.rint((known["clock"] + now * 8000.0 - ts) / FRAME).astype(np.int64)
    found: Array = ts + np.maximum(np.maximum(frames, 1) * FRAME, known["length"])
    return found


def relay(
    table: Table,
    listeners: Array,
    sources: Array,
    seq: Array,
    ts: Array,
    ssrc: Array,
    length: Array,
    marker: Array,
    now: float,
    *,
    event: bool = False,
    late: bool = False,
) -> Passed:
    """Carries packets over to their listeners and updates the listeners' rows.

    `listeners` are all different; `length` is in samples. In an `event` (RFC 4733) the timestamp stands still, so the
    clock is not taken from it; one of which packets came before (`late`) bears the time of its beginning, or of a
    segment of 8 s, which is no jump however long ago it was.
    """
    seq, ts = seq.astype(np.int64), ts.astype(np.int64)
    known = table.stream_rows.take(listeners)
    step = apart32(ts, known["source_ts"])
    out_seq = seq + known["seq_offset"] & 0xFFFF
    plain = (known["source"] == sources) & (known["source_ssrc"] == ssrc)
    plain &= apart16(seq, known["source_seq"].astype(np.int64)) == 1
    plain &= apart16(out_seq, known["seq"].astype(np.int64)) == 1
    plain &= (step >= 0) & (step <= TS_JUMP)
    age = apart16(seq, known["source_first"].astype(np.int64))
    plain &= (age >= 0) & (age <= 8_000)
    if event or not plain.all():
        return _relay_any(table, listeners, sources, seq, ts, ssrc, length, marker, now, event=event, late=late)
    known["source_ts"] += step
    out_ts = known["source_ts"] + known["ts_offset"]
    known["seq"], known["source_seq"], known["ts"] = out_seq, seq, out_ts
    known["length"], known["at"] = length, now
    known["clock"] += (out_ts - now * 8000.0 - known["clock"]) * _FOLLOW
    marked = marker | (known["mark"] != 0)
    known["mark"] = 0
    table.stream_rows.put(listeners, known)
    return Passed(plain, out_seq, out_ts, marked)


def _relay_any(
    table: Table, listeners: Array, sources: Array, seq: Array, ts: Array, ssrc: Array, length: Array, marker: Array,
    now: float, *, event: bool, late: bool,
) -> Passed:  # fmt: skip
    """Carries over packets among which some are not simply the next of their stream."""
    ahead_by = apart16(seq, table.source_seq[listeners].astype(np.int64))
    step = apart32(ts, table.source_ts[listeners])
    joined = (table.source[listeners] == sources) & (table.source_ssrc[listeners] == ssrc)
    joined &= (np.abs(ahead_by) <= SEQ_JUMP) & (late | (np.abs(step) <= TS_JUMP))
    if not event:
        joined &= ~((ahead_by < -SEQ_BACK) & (step > HALF * ahead_by) | (ahead_by > 0) & (step < -TS_BACK))
    switched = ~joined
    if switched.any():
        rows = listeners[switched]
        table.seq_offset[rows] = (table.seq[rows].astype(np.int64) + 1 - seq[switched]) & 0xFFFF
        table.ts_offset[rows] = next_ts(table.stream_rows.take(rows), now) - ts[switched]
        table.source[rows] = sources[switched]
        table.source_ssrc[rows] = ssrc[switched]
        table.source_first[rows] = seq[switched]
        table.source_seq[rows] = seq[switched]
        table.source_ts[rows] = ts[switched]
    age = apart16(seq, table.source_first[listeners].astype(np.int64))
    keep = age >= 0
    far = age > 8_000
    if far.any():
        table.source_first[listeners[far]] = (seq[far] - 4_000) & 0xFFFF
    out_seq = seq + table.seq_offset[listeners] & 0xFFFF
    out_ts = table.ts_offset[listeners] + table.source_ts[listeners] + apart32(ts, table.source_ts[listeners])
    newer = keep & (switched | (apart16(out_seq, table.seq[listeners].astype(np.int64)) > 0))
    ahead = newer & (apart32(ts, table.source_ts[listeners]) >= 0)
    rows = listeners[newer]
    table.seq[rows] = out_seq[newer]
    table.source_seq[rows] = seq[newer]
    rows = listeners[ahead]
    # `source_ts` never wraps: it runs on as the unwrapped timestamp of the source, and so does ours.
    table.source_ts[rows] += apart32(ts[ahead], table.source_ts[rows])
    table.ts[rows] = out_ts[ahead]
    table.length[rows] = length[ahead]
    table.at[rows] = now
    if not event:
        table.clock[rows] += (table.ts[rows] - now * 8000.0 - table.clock[rows]) * _FOLLOW
    marked = marker | switched | (table.mark[listeners] != 0)
    table.mark[listeners[keep]] = 0
    return Passed(keep, out_seq, out_ts, marked)


def swallow(table: Table, listeners: Array, seq: int, ssrc: int) -> None:
    """Takes out a packet that these listeners do not get, so that they see no loss: later ones move down by one."""
    ahead = apart16(np.int64(seq), table.source_seq[listeners].astype(np.int64))
    rows = listeners[(table.source_ssrc[listeners] == ssrc) & (ahead > 0) & (ahead <= SEQ_JUMP)]
    table.seq_offset[rows] -= 1


def own_frames(known: Array, due: float) -> Array:
    """Stamps one frame made by us for each of these streams, due at `due`; the relay's offsets end with it.

    `known` are rows of `stream_rows`, which are to be put back; returns which of the packets have the marker.
    """
    marker: Array = known["mark"] != 0
    known["ts"] = next_ts(known, due)
    known["seq"] += 1
    known["at"], known["length"], known["source"], known["mark"] = due, FRAME, -1, 0
    return marker
