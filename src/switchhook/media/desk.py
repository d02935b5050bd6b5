"""The mixing desk: what each listener's stream is made of now, laid out so that packets and ticks need no search.

A listener of one voice with the same codec and frame length is relayed; of one sound, played; of none, given noise;
anything else is mixed. The layout is worked out again only for listeners whose sources or whose talkers' codecs
changed, then the lists are rebuilt: per phase for what goes by tick, by talker for the relay.
"""

from __future__ import annotations

import numpy as np

from switchhook.media import mixer
from switchhook.media.rtp import Array
from switchhook.media.table import MIX, NOISE, OFF, RELAY, SOUND, Table

_NONE = np.empty(0, np.int64)


class Desk:
    """Read by the packet path (`relay_pairs`) and by the ticks (`noise`, `sounds`, `relays`, `plans`, `rings`)."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self.hearers: dict[int, set[int]] = {}
        self.recorded: set[int] = set()
        self._changed: set[int] = set()
        self._stale = True
        self.noise: list[Array] = [_NONE] * 4
        self.sounds: list[tuple[Array, Array]] = [(_NONE, _NONE)] * 4
        self.relays: list[Array] = [_NONE] * 4
        self.plans: list[mixer.Plan] = [mixer.Plan() for _ in range(4)]
        self._rooms: list[dict[mixer.Room, None]] = [{} for _ in range(4)]  # by phase, in the order they came
        self._room_of: dict[int, mixer.Room] = {}  # of every row that hears or is heard in one
        table.phase[:] = np.arange(table.legs + 1) % 4
        self.rings: list[Array] = [_NONE] * 4
        self._first = np.zeros(table.legs + 1, np.int64)
        self._count = np.zeros(table.legs + 1, np.int64)
        self._listeners = _NONE
        for row in np.flatnonzero(table.use):  # a pump that takes over from a dead one
            self._index(int(row))
            self._changed.add(int(row))

    # --- what was stated ----------------------------------------------------------------------------------------

    def state(self, row: int, voices: list[int], sounds: list[int]) -> None:
        """Takes what a listener hears from now on; unchanged sources change nothing."""
        table = self._table
        if voices == self.voices(row) and sounds == self.sound_list(row):
            return
        for voice in self.voices(row):
            self.hearers.get(voice, set()).discard(row)
        table.voice_count[row] = len(voices)
        table.voices[row, : len(voices)] = voices
        table.sound_count[row] = len(sounds)
        table.sounds[row, : len(sounds)] = sounds
        table.source[row] = -1
        table.mark[row] = 1
        self._index(row)
        self._changed.add(row)

    def voices(self, row: int) -> list[int]:
        found: list[int] = self._table.voices[row, : self._table.voice_count[row]].tolist()
        return found

    def sound_list(self, row: int) -> list[int]:
        found: list[int] = self._table.sounds[row, : self._table.sound_count[row]].tolist()
        return found

    def session_changed(self, row: int) -> None:
        """Says that a leg's codec, frame length or being there changed."""
        self._changed.add(row)
        self._changed |= self.hearers.get(row, set())

    def forget(self, row: int) -> None:
        """Takes a leg out: nobody hears it, it hears nothing."""
        for listener in list(self.hearers.get(row, ())):
            self.state(listener, [v for v in self.voices(listener) if v != row], self.sound_list(listener))
        self.state(row, [], [])
        self.hearers.pop(row, None)
        self._changed.add(row)

    def record(self, rows: set[int]) -> None:
        """States which legs are recorded, and so need a jitter ring."""
        self.recorded = rows
        self._stale = True

    # --- what follows from it -----------------------------------------------------------------------------------

    def settle(self) -> None:
        """Brings the layout up to date; costs nothing when nothing changed."""
        if not self._changed and not self._stale:
            return
        changed = self._changed
        for row in changed:
            mode = self._mode(row)
            if self._table.mode[row] != mode:
                self._table.mode[row] = mode
                self._table.source[row] = -1
                self._table.mark[row] = 1
        self._lay_out_rooms(changed)
        changed.clear()
        self._stale = False
        self._lay_out()

    def relay_pairs(self, rows: Array) -> tuple[Array, Array]:
        """Returns, for talkers all different, places in `rows` and the listeners relayed from them."""
        count = self._count[rows]
        if not count.any():
            return _NONE, _NONE
        if count.max() == 1:
            places = np.flatnonzero(count)
            return places, self._listeners[self._first[rows[places]]]
        places = np.repeat(np.arange(len(rows)), count)
        within = np.arange(len(places)) - np.repeat(np.cumsum(count) - count, count)
        return places, self._listeners[np.repeat(self._first[rows], count) + within]

    def _index(self, row: int) -> None:
        for voice in self.voices(row):
            self.hearers.setdefault(voice, set()).add(row)

    def _mode(self, row: int) -> int:
        table = self._table
        if not table.use[row]:
            return OFF
        voices, sounds = int(table.voice_count[row]), int(table.sound_count[row])
        if not voices:
            return (NOISE, SOUND)[sounds] if sounds < 2 else MIX
        if voices > 1 or sounds:
            return MIX
        talker = table.voices[row, 0]
        if not table.connected[talker] or not table.connected[row]:
            return RELAY
        same = table.codec[talker] == table.codec[row] and table.frame_ms[talker] == table.frame_ms[row]
        return RELAY if same else MIX

    def _lay_out(self) -> None:
        table = self._table
        rows = np.flatnonzero(table.mode[: table.legs])
        mode = table.mode[rows]
        phase = table.phase[rows]
        for n in range(4):
            mine = phase == n
            self.noise[n] = rows[mine & (mode == NOISE)]
            self.relays[n] = rows[mine & (mode == RELAY)]
            sounding = rows[mine & (mode == SOUND)]
            self.sounds[n] = (sounding, table.sounds[sounding, 0].astype(np.int64))
        listeners = rows[mode == RELAY]
        talkers = table.voices[listeners, 0]
        order = np.argsort(talkers, kind="stable")
        self._listeners = listeners[order]
        self._count = np.bincount(talkers, minlength=table.legs + 1)
        self._first = np.cumsum(self._count) - self._count
        ringing = np.zeros(table.legs + 1, np.uint8)
        for plan in self.plans:
            ringing[plan.voices] = 1
        ringing[list(self.recorded)] = 1
        started = (ringing == 1) & (table.ring_on == 0)
        table.ring_ready[started] = 0
        table.misses[started] = 4
        table.least_margin[started] = 1_000
        table.ring_on[:] = ringing
        on = np.flatnonzero(ringing)
        self.rings = [on[table.phase[on] == n] for n in range(4)]

    def _lay_out_rooms(self, changed: set[int]) -> None:
        """Finds the rooms anew that changed listeners are in or come into; all others stay as they are laid out."""
        table, touched = self._table, set(changed)
        for row in changed:
            if table.mode[row] == MIX:
                touched.update(self.voices(row))
        old = {id(found): found for row in touched if (found := self._room_of.get(row)) is not None}
        listeners = {row for row in changed if table.mode[row] == MIX}
        phases = set()
        for found in old.values():
            listeners.update(row for row in found.listeners if table.mode[row] == MIX)
            phases.add(found.phase)
            del self._rooms[found.phase][found]
            for row in found.listeners + found.voices:
                self._room_of.pop(row, None)
                table.phase[row] = row % 4
        hears = {row: self.voices(row) for row in sorted(listeners)}
        sounds = {row: self.sound_list(row) for row in hears}
        for group, voices in mixer.rooms(hears):
            made = mixer.room(group, voices, hears, sounds, table.nobody)
            phases.add(made.phase)
            self._rooms[made.phase][made] = None
            for row in group + voices:
                self._room_of[row] = made
                table.phase[row] = made.phase
        for phase in phases:
            self.plans[phase] = mixer.plan(self._rooms[phase])
