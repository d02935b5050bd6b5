"""The jitter buffer of legs that are mixed or recorded: shared rings of 20 ms slots, read by tick.

A packet's timestamp says on which tick it is played: the first packet of a talker is played `depth` frames after the
tick in which it came, later ones by their timestamps. Every slot carries a stamp, the tick it is meant for and which of
its two halves of 10 ms are there, so nothing has to be cleared: a wrong stamp is missing audio. Halves let frames of 10
to 60 ms in without a loop over samples; a frame of 20 ms fills a slot, which is one copy. Missing audio is the last
frame at 0.7 of its level, and silence after three; it is put into the slot as if it had come, for the next one to be
made of.

Three packets too late make the buffer a frame deeper at once (up to 3 frames). Every 5 s `adapt` looks at each talker's
*slack*: how many phases of 5 ms before its reading a packet came. A buffer where several came in the very last phase is
given a frame, one whose packets all lay there for longer than the first one was meant to loses one. Between the two lie
40 ms, so that without loss and with clocks that agree nothing is ever given or taken. That is also what follows a clock
that runs slow or fast; it is done behind a quiet frame, which nobody hears, or after 5 s behind any.

The first packet may be the worst measure there is: a telephone, a network or this machine that was busy when the call
began makes it late, and all others seem early after it. So `begin` looks once when a second has passed since the stream
began, at another second without the first packets, and whatever is too much goes behind the next quiet frame, all of
it.
Rejected: judging by whole ticks, where a first packet 1 ms before a tick made its stream look late for ever.
Rejected: read positions per talker. With one position for all, a tick reads plain columns.
"""

from __future__ import annotations

import numpy as np

from switchhook.media.rtp import Array, apart32
from switchhook.media.table import FRAME, HALF, SLOTS, Table

DEEPEST, OFTEN = 3, 3
QUIET = 260  # samples below it (-42 dBm0) can be given or taken unheard
TIGHT = 10  # packets in 5 s that came in the last phase: fewer are a disturbance that is over
UNKNOWN = 1_000  # slack of who said nothing
NEW, YOUNG, GROWN = 2, 1, 0
_TICK, _WHOLE = 5, 3  # a stamp: the tick, three bits for how many were concealed in a row, one bit for each half
_KEEP = 2 * SLOTS - 4  # halves ahead of the reader at which a stream begins anew
_AHEAD = 2 * SLOTS - 2  # halves ahead of the reader that may be written: the slot read last stays as it is


def put(
    table: Table, rows: Array, ts: Array, samples: Array, length: Array, tick: Array, early: Array | int = 0
) -> None:
    """Stores one packet of each of these talkers (rows all different).

    `samples` is int16, one row each, `length` of them good (a multiple of 80, not 0); `tick` is the one that will be
    read next for that talker, and `early` how many phases from now.
    """
    known = table.ring_rows.take(rows)
    ts = ts.astype(np.int64)
    offset = apart32(ts, known["ring_ts"])
    half = known["ring_half"] + offset // HALF
    margin = half - 2 * tick
    fresh = (known["ring_ready"] == 0) | (offset % HALF != 0) | (margin > _KEEP) | (margin < -50)
    if fresh.any():
        known["ring_ready"] = 1
        known["young"] = np.where(fresh, NEW, known["young"])
        half = np.where(fresh, 2 * (tick + known["depth"]), half)
        margin = half - 2 * tick
    slack = 2 * margin + early
    known["least_slack"] = np.minimum(known["least_slack"], slack)
    known["tight"] += slack <= 0
    if margin.min() < 0:
        late = margin < 0
        table.late[rows] += late
        known["late_lately"] += late
        often = late & (known["late_lately"] >= OFTEN)
        if often.any():  # at once: waiting for `adapt` would lose seconds
            known["depth"] = np.where(often, np.minimum(known["depth"] + 1, DEEPEST), known["depth"])
            known["late_lately"][often] = known["shift"][often] = known["tight"][often] = 0
            known["least_slack"][often] = UNKNOWN
            half = half + 2 * often
            margin = half - 2 * tick
    if (length == FRAME).all() and not (half & 1).any() and margin.min() >= 0 and margin.max() < _AHEAD:
        number = half >> 1
        place = number % SLOTS * len(table.use) + rows
        table.ring_frames.put(place, np.ascontiguousarray(samples[:, :FRAME]))
        table.ring_stamps[place] = (number << _TICK) + _WHOLE
    else:
        _put_halves(table, rows, samples, length // HALF, half, margin)
    if known["shift"].any():
        shifting = np.flatnonzero(known["shift"])
        quiet = shifting[np.abs(samples[shifting]).max(axis=1) < QUIET]
        half[quiet] += 2 * known["shift"][quiet]
        known["shift"][quiet] = known["tight"][quiet] = 0
        known["least_slack"][quiet] = UNKNOWN  # what was seen before tells nothing of how it is now
    # The anchor moves along, so that the distance never comes near half the range of a timestamp.
    known["ring_half"], known["ring_ts"] = half, ts
    table.ring_rows.put(rows, known)


def _put_halves(table: Table, rows: Array, samples: Array, halves: Array, half: Array, margin: Array) -> None:
    """Stores packets of any length, each from its `half` on."""
    for n in range(int(halves.max(initial=0))):
        good = np.flatnonzero((n < halves) & (margin + n >= 0) & (margin + n < _AHEAD))
        who, number = rows[good], half[good] + n
        tick, bit = number >> 1, 1 + (number & 1)
        slot = tick % SLOTS
        table.ring_halves[slot, who, number & 1] = samples[good, n * HALF : (n + 1) * HALF]
        held = table.ring_stamp[slot, who]
        table.ring_stamp[slot, who] = np.where(held >> _TICK == tick, held | bit, (tick << _TICK) + bit)


def complete(table: Table, rows: Array, tick: int) -> None:
    """Conceals what is missing of the frames that these talkers say in this tick, so that `said` is all there."""
    stamp = table.ring_stamp[tick % SLOTS].take(rows)
    whole = stamp == (tick << _TICK) + _WHOLE
    if not whole.all():
        missed = np.flatnonzero(~whole)
        _conceal(table, rows[missed], stamp[missed], tick)


def said(table: Table, tick: int) -> Array:
    """Returns the frames of this tick by row, int16, shape (rows, 160): good for who was completed, until the next."""
    found: Array = table.ring[tick % SLOTS]
    return found


def _conceal(table: Table, rows: Array, stamp: Array, tick: int) -> None:
    """Makes the halves of these frames that did not come of the frame before."""
    here, before = tick % SLOTS, (tick - 1) % SLOTS
    last = table.ring_stamp[before, rows]
    count = np.where(last >> _TICK == tick - 1, (last >> 2 & 7) + 1, 4)  # in a row; nothing before: nothing to go on
    made = table.ring[before, rows] * np.float32(0.7)
    made[count > 3] = 0.0
    of_tick = stamp >> _TICK == tick
    came = np.repeat(np.stack([of_tick & (stamp & 1 != 0), of_tick & (stamp & 2 != 0)], 1), HALF, axis=1)
    table.ring[here, rows] = np.where(came, table.ring[here, rows], np.rint(made))
    table.ring_stamp[here, rows] = (tick << _TICK) + (np.minimum(count, 4) << 2) + _WHOLE


def begin(table: Table, rows: Array) -> None:
    """Once a second: has the buffers of streams that began lately give up what they hold too much."""
    young = table.young[rows]
    rows, young = rows[young != GROWN], young[young != GROWN]
    if not len(rows):
        return
    slack, depth = table.least_slack[rows], table.depth[rows]
    judged = (young == YOUNG) & (slack < UNKNOWN)
    table.shift[rows] = np.where(judged, -np.maximum(0, (slack - 4 * depth) // 4), table.shift[rows])
    table.young[rows] = np.where(judged, GROWN, YOUNG)
    table.least_slack[rows] = UNKNOWN
    table.tight[rows] = 0


def adapt(table: Table, rows: Array) -> None:
    """Once in 5 s: moves these talkers' buffers by a frame where they run empty or are fuller than they need to be."""
    slack, depth, overdue = table.least_slack[rows], table.depth[rows], table.shift[rows]
    table.ring_half[rows] += 2 * overdue  # no quiet frame came by
    known = (slack < UNKNOWN) & (overdue == 0)
    empty = known & (table.tight[rows] >= TIGHT)
    full = known & (slack >= 4 * depth + 4)
    calm = known & (depth > 1) & (slack >= 6)
    table.depth[rows] = depth - calm
    table.shift[rows] = empty.astype(np.int32) - (full | calm)
    table.late_lately[rows] = table.tight[rows] = 0
    table.least_slack[rows] = UNKNOWN
