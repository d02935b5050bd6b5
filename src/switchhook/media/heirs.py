"""Whom the heir of a killed pump takes over first, so that the gap that listeners hear does not grow with the legs.

Each leg costs some 20 us: its sockets are watched again, its place in the layout is found. With 2,000 legs on which
nobody speaks that was most of the silence of those on which somebody does. A leg can wait while nothing passes: it
hears one other leg, which has been as silent as itself, so nothing but comfort noise is owed to anybody, and that may
pause for some phases. What comes from it before its turn waits in the kernel. Legs in mixed rooms, with sounds, noise,
recordings or somebody who listens for their voice do not wait: they are sent something all the time, or others are laid
out together with them.

Rejected: legs in the order of their last packet (those who only listen, to music for example, send none).
"""

from __future__ import annotations

import numpy as np

from switchhook.media.rtp import Array
from switchhook.media.table import MIX, RELAY, Table

SPOKE_S = 2.0  # a leg from which something came so lately may go on speaking at any moment


def idle(table: Table, now: float) -> Array:
    """Returns the rows in use that can wait; `now` is the clock of `table.arrival`.

    Only what NumPy has loaded before the fork is used: `setdiff1d` imports half of it first, 50 ms.
    """
    rows = np.flatnonzero(table.use)
    spoke = now - table.arrival < SPOKE_S
    waits = (table.mode[rows] == RELAY) & (table.voice_count[rows] == 1) & ~spoke[rows]
    waits &= ~spoke[table.voices[rows, 0]] & (table.ring_on[rows] == 0) & (table.noticed[rows] == 0)
    mixed = rows[table.mode[rows] == MIX]
    count = table.voice_count[mixed]
    voices = table.voices[mixed, : count.max(initial=0)]
    heard = voices[np.arange(voices.shape[1]) < count[:, None]]
    waiting = np.zeros(table.legs + 1, np.bool_)
    waiting[rows[waits]] = True
    waiting[heard] = False
    return np.flatnonzero(waiting)
