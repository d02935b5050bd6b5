"""What arrives from each leg, counted as RFC 3550 A.1, A.3 and A.8 say; arrays, one packet per leg and call.

A window of the last 64 sequence numbers tells a duplicate from a late packet. A jump of 3,000 or more is a new start
of the same sender: what came before stays counted, the numbering begins again.
"""

from __future__ import annotations

import numpy as np

from switchhook.media.rtp import Array, apart16
from switchhook.media.table import Table

JUMP = 3_000
_ONE = np.uint64(1)


def begin(table: Table, row: int, seq: int) -> None:
    """Starts counting a new SSRC; losses of the one before stay in the leg's sum."""
    table.lost_before[row] = lost(table, row)
    table.first_ext[row] = seq - int(table.received[row] - table.duplicated[row])
    table.last_ext[row] = seq - 1
    table.first_ext[row] -= table.lost_before[row]
    table.window[row] = 0
    table.transit[row] = np.nan
    table.report_expected[row] = expected(table, row)
    table.report_received[row] = table.received[row] - table.duplicated[row]


def expected(table: Table, row: int) -> int:
    """Returns how many packets should have come so far, over all SSRCs of the leg."""
    return int(table.last_ext[row] - table.first_ext[row] + 1)


def lost(table: Table, row: int) -> int:
    """Returns how many of the expected packets have not come (never below zero)."""
    if not table.has_ssrc[row]:
        return 0
    return max(0, expected(table, row) - int(table.received[row] - table.duplicated[row]))


def missed(table: Table, rows: Array) -> list[int]:
    """Returns what went wrong on the way from these legs so far: packets lost, late for their buffer, doubled."""
    heard = rows[table.has_ssrc[rows] != 0]
    came = table.received[heard] - table.duplicated[heard]
    lacking = np.maximum(0, table.last_ext[heard] - table.first_ext[heard] + 1 - came)
    return [int(lacking.sum()), int(table.late[rows].sum()), int(table.duplicated[rows].sum())]


def worst_jitter(table: Table, rows: Array, now: float) -> float:
    """Returns the largest jitter, in ms, among those of these legs that are sending."""
    sending = rows[now - table.arrival[rows] < 1.0]
    return float(table.jitter[sending].max(initial=0.0)) / 8


def count(table: Table, rows: Array, seq: Array, ts: Array, now: float, *, audio: bool = True) -> None:
    """Counts one packet of each of these legs, all different, that arrived about `now`."""
    count_in(table, table.arrival_rows.take(rows), rows, seq, ts, now, audio=audio)


def count_in(table: Table, known: Array, rows: Array, seq: Array, ts: Array, now: float, *, audio: bool = True) -> None:
    """Counts as `count` does; `known` are the legs' rows of arrivals, which are used up."""
    next_in_order = seq - known["last_ext"] & 0xFFFF == 1
    if not next_in_order.all():
        odd = ~next_in_order
        _count_any(table, rows[odd], seq[odd], ts[odd], now, audio=audio)
        rows, ts, known = rows[next_in_order], ts[next_in_order], known[next_in_order]
    window = known["window"]
    known["window"] = window << _ONE | _ONE
    known["last_ext"] += 1
    known["received"] += 1
    known["arrival"] = now
    if audio:
        transit = now * 8000.0 - ts
        moved_by = np.abs(transit - known["transit"])
        moved_by -= known["jitter"]
        # Nothing follows from a jump, nor from the first packet, whose transit is NaN.
        known["jitter"] += np.where(moved_by < 16_000.0, moved_by, 0.0) / 16.0
        known["transit"] = transit
    table.arrival_rows.put(rows, known)


def _count_any(table: Table, rows: Array, seq: Array, ts: Array, now: float, *, audio: bool) -> None:
    """Counts what was lost before, came late, twice or after a jump."""
    last = table.last_ext[rows]
    ahead = apart16(seq.astype(np.int64), last & 0xFFFF)
    jumped = np.abs(ahead) >= JUMP
    if jumped.any():
        table.first_ext[rows[jumped]] += ahead[jumped] - 1
        table.last_ext[rows[jumped]] = last[jumped] + ahead[jumped] - 1
        table.window[rows[jumped]] = 0
        last = table.last_ext[rows]
        ahead = np.where(jumped, 1, ahead)
    window = table.window[rows]
    forward = ahead > 0
    shift = np.clip(np.where(forward, ahead, -ahead), 0, 63).astype(np.uint64)
    behind = ~forward & (ahead > -64)
    doubled = behind & (window >> shift & _ONE != 0)
    moved = np.where(ahead > 63, np.uint64(0), window << shift) | _ONE
    table.window[rows] = np.where(forward, moved, np.where(behind, window | _ONE << shift, window))
    table.last_ext[rows] = np.maximum(last, last + ahead)
    table.received[rows] += 1
    table.duplicated[rows] += doubled
    table.arrival[rows] = now
    if audio:
        transit = now * 8000.0 - ts
        moved_by = np.abs(transit - table.transit[rows])
        good = moved_by < 16_000.0  # also false for the first packet, whose transit is NaN
        table.jitter[rows] += np.where(good, (np.where(good, moved_by, 0.0) - table.jitter[rows]) / 16.0, 0.0)
        table.transit[rows] = transit
