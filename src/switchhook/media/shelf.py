"""Where decoded clips lie in the shared memory: first fit over the places that the clip rows say are taken."""

from __future__ import annotations

import threading

import numpy as np

from switchhook.core.errors import Unavailable
from switchhook.media.rtp import FRAME, Array
from switchhook.media.table import LOADING, READY, Table

RESERVE_FRAMES = 180_000  # an hour; what is not needed is given back when the clip ends


class Shelf:
    """Puts samples of one clip at a time into frames of 20 ms; several clips may be filled at once."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._lock = threading.Lock()
        self._room: dict[int, int] = {}  # clip being filled: frames reserved
        self._rest: dict[int, Array] = {}
        for clip in np.flatnonzero(table.clip_state == LOADING):  # left half done by a workshop that died
            table.clip_state[clip] = 0

    def begin(self, clip: int) -> None:
        """Reserves room; raises `Unavailable` when there is none."""
        table = self._table
        with self._lock:
            start, room = self._largest_gap()
            if room < 50:
                raise Unavailable("the memory for sounds is full")
            self._room[clip] = min(room, RESERVE_FRAMES)
            self._rest[clip] = np.zeros(0, np.int16)
            table.clip_start[clip] = start
            table.clip_ready[clip] = table.clip_frames[clip] = 0
            table.clip_state[clip] = LOADING

    def add(self, clip: int, samples: Array) -> None:
        """Appends samples; whole frames can be played at once."""
        table = self._table
        if len(samples) == 0:
            return
        held = np.concatenate((self._rest[clip], samples))
        whole = len(held) // FRAME
        ready = int(table.clip_ready[clip])
        if ready + whole + 1 > self._room[clip]:
            raise Unavailable("the memory for sounds is full, or the sound is longer than an hour")
        start = int(table.clip_start[clip]) + ready
        table.arena[start : start + whole] = held[: whole * FRAME].reshape(-1, FRAME)
        table.clip_ready[clip] = ready + whole
        self._rest[clip] = held[whole * FRAME :]

    def finish(self, clip: int) -> int:
        """Ends a clip, its last frame filled up with silence; returns its length in frames."""
        table = self._table
        rest = self._rest.pop(clip)
        if len(rest):
            table.arena[int(table.clip_start[clip] + table.clip_ready[clip])] = np.pad(rest, (0, FRAME - len(rest)))
            table.clip_ready[clip] += 1
        with self._lock:
            table.clip_frames[clip] = table.clip_ready[clip]
            table.clip_state[clip] = READY
            self._room.pop(clip)
        return int(table.clip_frames[clip])

    def forget(self, clip: int, state: int = 0) -> None:
        """Takes a clip off the shelf; `state` FAILED leaves a mark that players see."""
        with self._lock:
            self._room.pop(clip, None)
            self._rest.pop(clip, None)
            self._table.clip_frames[clip] = self._table.clip_ready[clip] = 0
            self._table.clip_state[clip] = state

    def _largest_gap(self) -> tuple[int, int]:
        table = self._table
        taken = sorted(
            [(int(table.clip_start[n]), int(table.clip_frames[n])) for n in np.flatnonzero(table.clip_state == READY)]
            + [(int(table.clip_start[n]), room) for n, room in self._room.items()]
        )
        best, place = (0, 0), 0
        for start, frames in [*taken, (len(table.arena), 0)]:
            if start - place >= RESERVE_FRAMES:
                return place, start - place
            if start - place > best[1]:
                best = (place, start - place)
            place = max(place, start + frames)
        return best
