"""The jitter buffer of legs that are mixed or recorded: shared rings of 10 ms halves, read by tick.

A packet's timestamp says on which tick it is played: the first packet of a talker is played `depth` frames after the
tick in which it came, later ones by their timestamps. Every half carries a stamp, the number of the half tick it is
meant for, so nothing has to be cleared: a wrong stamp is a missing half. Halves let frames of 10 to 60 ms in without
a loop over samples. Missing audio is the last frame at 0.7 of its level, and silence after three.

Three packets too late make the buffer a frame deeper at once (up to 3 frames). `adapt` looks at each talker every 5 s:
a buffer that nearly ran empty is given a frame, one that was never nearly empty loses one. That is also what follows a
clock that runs slow or fast.
Rejected: read positions per talker. With one position for all, a tick reads plain columns.
"""

from __future__ import annotations

import numpy as np

from switchhook.media.rtp import Array, apart32
from switchhook.media.table import FRAME, HALF, HALVES, Table

DEEPEST, OFTEN = 3, 3
_KEEP = HALVES - 4  # halves ahead of the reader that may be written


def put(table: Table, rows: Array, ts: Array, samples: Array, length: Array, tick: Array) -> None:
    """Stores one packet of each of these talkers (rows all different).

    `samples` is int16, one row each, `length` of them good (a multiple of 80); `tick` is the one that will be read
    next for that talker.
    """
    offset = apart32(ts.astype(np.int64), table.ring_ts[rows] & 0xFFFFFFFF)
    half = table.ring_half[rows] + offset // HALF
    margin = half - 2 * tick
    fresh = (table.ring_ready[rows] == 0) | (offset % HALF != 0) | (margin > _KEEP) | (margin < -50)
    if fresh.any():
        again = rows[fresh]
        table.ring_ready[again] = 1
        table.ring_ts[again] = ts[fresh]
        table.ring_half[again] = 2 * (tick[fresh] + table.depth[again])
        half = np.where(fresh, table.ring_half[rows], half)
        margin = half - 2 * tick
    late = margin < 0
    table.late[rows] += late
    table.late_lately[rows] += late
    table.least_margin[rows] = np.minimum(table.least_margin[rows], margin)
    often = late & (table.late_lately[rows] >= OFTEN)
    if often.any():  # at once: waiting for `adapt` would lose seconds
        again = rows[often]
        table.depth[again] = np.minimum(table.depth[again] + 1, DEEPEST)
        table.late_lately[again] = 0
        table.least_margin[again] = HALVES
        half = half + 2 * often
    halves = length // HALF
    for n in range(int(halves.max(initial=0))):
        good = (n < halves) & (margin + n >= 0) & (margin + n < HALVES)
        who, number = rows[good], half[good] + n
        slot = number % HALVES
        table.ring[slot, who] = samples[good, n * HALF : (n + 1) * HALF]
        table.ring_stamp[slot, who] = number
    # The anchor moves along, so that the distance never comes near half the range of a timestamp.
    table.ring_half[rows] = half
    table.ring_ts[rows] = ts


def take(table: Table, rows: Array, tick: int) -> Array:
    """Returns what these talkers say in this tick, float32, shape (rows, 160); missing audio is concealed."""
    slot = 2 * tick % HALVES
    first = table.ring_stamp[slot, rows] == 2 * tick
    second = table.ring_stamp[slot + 1, rows] == 2 * tick + 1
    frames = np.empty((len(rows), FRAME), np.float32)
    frames[:, :HALF] = table.ring[slot, rows]
    frames[:, HALF:] = table.ring[slot + 1, rows]
    whole = first & second
    if not whole.all():
        missed = np.flatnonzero(~whole)
        who = rows[missed]
        table.misses[who] += 1
        made = table.last_frame[who] * np.float32(0.7)
        made[table.misses[who] > 3] = 0.0
        frames[missed] = np.where(
            np.repeat(np.stack([first[missed], second[missed]], 1), HALF, axis=1), frames[missed], made
        )
    table.misses[rows[whole]] = 0
    table.last_frame[rows] = frames
    return frames


def adapt(table: Table, rows: Array) -> None:
    """Once in 5 s: moves these talkers' buffers by a frame where they run empty or are fuller than they need to be."""
    margin = table.least_margin[rows]
    known = margin < HALVES
    empty = known & (margin <= 0)
    full = known & (margin >= 2 * table.depth[rows] + 2)
    calm = known & (table.depth[rows] > 1) & (margin >= 3)
    table.depth[rows] -= calm.astype(np.int32)
    table.ring_half[rows] += 2 * (empty.astype(np.int64) - (full | calm).astype(np.int64))
    table.late_lately[rows] = 0
    table.least_margin[rows] = HALVES
