"""Forks, the pump's side: a leg's audio to a program at the end of a WebSocket, and that program's audio to the leg.

The pump writes one frame per tick and track of every fork into a ring in the shared table, each with the number of its
tick; the workshop reads the frame of a tick when its time has come (`forking`). A missing number is a missing frame, so
nothing has to be counted, a killed pump leaves a hole of known place and length, and the reader can never be told
anything wrong. Backwards the workshop writes frames ahead (`fork_put`), the pump takes one per tick (`fork_got`);
what lies before `fork_void` was cleared and is passed over, so clearing takes effect within one tick.

A fork may be a leg's far end, in place of a telephone: what the program says is then what the leg says, for everybody
who hears, records or watches it, and what goes to the program is what the leg hears.

All forks are one fancy index each way: no Python per packet.
"""

from __future__ import annotations

import numpy as np

from switchhook.media.rtp import FRAME, Array
from switchhook.media.table import FORK_BACK, FORK_FRAMES, Table

INBOUND, OUTBOUND = 0, 1  # tracks: what the leg says, what it hears


def begin(table: Table, slot: int, use: int, row: int, row_use: int, both: bool, is_leg: bool = False) -> None:
    """Takes a slot into use; what is left in it of an older fork is void."""
    table.fork_use[slot] = 0
    table.fork_row[slot], table.fork_row_use[slot], table.fork_both[slot] = row, row_use, both
    table.fork_is_leg[slot] = is_leg
    table.fork_tick[slot] = -1
    table.fork_got[slot] = table.fork_put[slot]
    table.fork_use[slot] = use


def running(table: Table) -> Array:
    """Returns the slots in use, also those that a dead pump has left."""
    return np.flatnonzero(table.fork_use)


def send(table: Table, slots: Array, said: Array, heard: Array, tick: int) -> None:
    """Writes this tick's frames of all forks; `said` and `heard` hold the legs' frames by row."""
    place = tick % FORK_FRAMES
    rows = table.fork_row[slots]
    gone = table.use[rows] != table.fork_row_use[slots]
    if gone.any():
        slots, rows = slots[~gone], rows[~gone]
    table.fork_tick[slots, place] = -1
    table.fork_up[slots, place, INBOUND] = np.clip(said[rows], -32_768, 32_767)
    speaks = table.fork_is_leg[slots] != 0
    if speaks.any():
        table.fork_up[slots[speaks], place, INBOUND] = np.clip(heard[rows[speaks]], -32_768, 32_767)
    both = table.fork_both[slots] != 0
    if both.any():
        table.fork_up[slots[both], place, OUTBOUND] = np.clip(heard[rows[both]], -32_768, 32_767)
    table.fork_tick[slots, place] = tick


def take(table: Table, slots: Array) -> Array:
    """Returns the next frame that each program says, int16; silence where it says nothing."""
    frames = np.zeros((len(slots), FRAME), np.int16)
    got = np.maximum(table.fork_got[slots], table.fork_void[slots])
    some = (got < table.fork_put[slots]) & (table.fork_use[slots] != 0)
    frames[some] = table.fork_down[slots[some], got[some] % FORK_BACK]
    table.fork_got[slots] = got + some
    return frames
