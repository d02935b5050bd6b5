"""The mixing desk: what each listener's stream is made of now, laid out so that packets and ticks need no search.

A listener of one voice with the same codec and frame length is relayed; of one sound, played; of none, given noise;
anything else is mixed. The layout is mended, never made anew: a leg that comes, goes or hears somebody else is taken
out of one list and put into another (`Roster`), and only the rooms it touches are found again, so that a short call
costs the same whether ten or two thousand legs are up.

A listener has two phases. In `phase` its own frames go out: that of its room while it is mixed, else one that begins
soon: who is switched from voices to a sound gets the first frame in the first phase that is half a frame or more after
its last packet (sooner, and its stream would run ahead of its clock), not in one given by its row, which comes up to
25 ms later. In `ring_phase` its jitter ring is read; that moves with rooms only, since a move costs a frame.
Rejected: rebuilding the lists as arrays in each phase in which something changed, which cost a short call 0.5 ms.
"""

from __future__ import annotations

import math
from collections import deque

import numpy as np

from switchhook.media import mixer
from switchhook.media.roster import Roster
from switchhook.media.rtp import Array
from switchhook.media.table import MIX, NOISE, OFF, RELAY, SOUND, Table

_NONE = np.empty(0, np.int64)
_NOBODY, _SEVERAL = -1, -2  # in place of the one listener that a talker is relayed to
_EARLIEST, _PHASE = 79.0, 40.0  # samples after the packet before at which a sound may begin; samples of a phase
_AHEAD = -40.0  # by its own clock, which a switch may have left behind the stream: see `outbound`
_FEW = 64  # listeners that may begin in one phase however many begin in the others


class Desk:
    """Read by the packet path (`relay_pairs`) and by the ticks (`noise`, `sounds`, `relays`, `plans`, `rings`)."""

    def __init__(self, table: Table, idle: Array = _NONE) -> None:
        self._table = table
        self.idle: deque[int] = deque(idle.tolist())  # rows of a dead pump that are still to be taken over, by `adopt`
        rows = table.legs + 1
        self.hearers: dict[int, set[int]] = {}
        self.recorded: set[int] = set()
        self.noticed: set[int] = set()
        self.forked: set[int] = set()  # what they say goes to a program
        self.speakers: set[int] = set()  # a program speaks for them: no packets come that could be relayed
        self.overheard: set[int] = set()  # what they hear goes to one, too, or into a recording
        self._forked_ears: set[int] = set()
        self.taped_ears: set[int] = set()
        self._changed: set[int] = set()
        self.noise, self.sounds, self.relays, self.rings = ([Roster(rows) for _ in range(4)] for _ in range(4))
        self._rosters = {NOISE: self.noise, SOUND: self.sounds, RELAY: self.relays}
        self._in: list[Roster | None] = [None] * rows  # the list that a row stands in
        self._in_ring: list[Roster | None] = [None] * rows
        self.plans: list[mixer.Plan] = [mixer.Plan() for _ in range(4)]
        self._rooms: list[dict[mixer.Room, None]] = [{} for _ in range(4)]  # by phase, in the order they came
        self._room_of: dict[int, mixer.Room] = {}  # of every row that hears or is heard in one
        self._spoken: set[int] = set()  # rows that are heard in a room
        self._talker: dict[int, int] = {}  # of each relayed listener
        self._relayed: dict[int, list[int]] = {}  # by talker
        self._one = np.full(rows, _NOBODY, np.int64)
        self._voices: list[list[int]] = [[] for _ in range(rows)]  # what the table says, as plain lists
        self._sounds: list[list[int]] = [[] for _ in range(rows)]
        for row in np.flatnonzero(table.ring_on).tolist():
            ring = self._in_ring[row] = self.rings[int(table.ring_phase[row])]
            ring.add(row)
            self._changed.add(row)
        waiting = set(self.idle)
        for row in np.flatnonzero(table.use).tolist():
            if row not in waiting:
                self._take_over(row)

    def adopt(self) -> int:
        """Takes over the next of the rows that could wait, and returns it."""
        row = self.idle.popleft()
        self._take_over(row)
        return row

    def _take_over(self, row: int) -> None:
        """Goes on with a leg of a dead pump, as the table says that it was."""
        table = self._table
        self._voices[row] = table.voices[row, : table.voice_count[row]].tolist()
        self._sounds[row] = table.sounds[row, : table.sound_count[row]].tolist()
        self._index(row)
        self._changed.add(row)
        if table.noticed[row]:
            self.noticed.add(row)

    # --- what was stated ----------------------------------------------------------------------------------------

    def state(self, row: int, voices: list[int], sounds: list[int]) -> None:
        """Takes what a listener hears from now on; unchanged sources change nothing."""
        table, before = self._table, self._voices[row]
        if voices == before and sounds == self._sounds[row]:
            return
        if voices != before:
            for voice in before:
                self.hearers[voice].discard(row)
            self._voices[row] = voices
            table.voice_count[row] = len(voices)
            table.voices[row, : len(voices)] = voices
            self._index(row)
        self._sounds[row] = sounds
        table.sound_count[row] = len(sounds)
        if sounds:
            table.sounds[row, : len(sounds)] = sounds
        table.source[row] = -1
        table.mark[row] = 1
        self._changed.add(row)

    def voices(self, row: int) -> list[int]:
        return self._voices[row]

    def session_changed(self, row: int) -> None:
        """Says that a leg's codec, frame length or being there changed."""
        self._changed.add(row)
        hearers = self.hearers.get(row)
        if hearers:
            self._changed |= hearers

    def forget(self, row: int) -> None:
        """Takes a leg out: nobody hears it, it hears nothing."""
        for listener in list(self.hearers.get(row, ())):
            self.state(listener, [v for v in self._voices[listener] if v != row], self._sounds[listener])
        self.state(row, [], [])
        self.hearers.pop(row, None)
        self.noticed.discard(row)
        self._changed.add(row)

    def notice(self, row: int, on: bool) -> None:
        """States that somebody wants to know when a leg talks, which takes a jitter ring, or nobody any more."""
        (self.noticed.add if on else self.noticed.discard)(row)
        self._changed.add(row)

    def fork(self, forked: set[int], overheard: set[int], speakers: set[int]) -> None:
        """States whose voice goes to programs, what whose ears hear, and who is spoken for by a program.

        Those whose ears are listened in to, and those who hear a program, are mixed, never relayed.
        """
        self._changed |= (self.forked ^ forked) | (self._forked_ears ^ overheard)
        for row in self.speakers ^ speakers:
            self._changed |= {row, *self.hearers.get(row, ())}
        self.forked, self._forked_ears, self.speakers = forked, overheard, speakers
        self.overheard = self._forked_ears | self.taped_ears

    def record(self, rows: set[int], ears: set[int]) -> None:
        """States which legs are recorded, and so need a jitter ring, and whose ears; those are mixed, never relayed."""
        self._changed |= (self.recorded ^ rows) | (self.taped_ears ^ ears)
        self.recorded, self.taped_ears = rows, ears
        self.overheard = self._forked_ears | self.taped_ears

    # --- what follows from it -----------------------------------------------------------------------------------

    def settle(self, number: int = 0, due: float | None = None) -> None:
        """Brings the layout up to date; costs nothing when nothing changed.

        `number` is the phase that is served next, at `due`: with it, what begins now begins soon.
        """
        changed = self._changed
        if not changed:
            return
        mode_of, mixed = self._table.mode, False
        begin: set[int] = set()
        for row in changed:
            mode = self._mode(row)
            mixed = mixed or mode == MIX or row in self._room_of
            if mode_of[row] != mode:
                if mode in (NOISE, SOUND) and mode_of[row] in (RELAY, MIX):
                    begin.add(row)
                mode_of[row] = mode
                self._table.source[row] = -1
                self._table.mark[row] = 1
        if mixed:
            changed |= self._lay_out_rooms(changed)
        for row in changed:
            if due is not None and row in begin:
                self._table.phase[row] = self._soonest(row, number, due)
            self._put(row)
        changed.clear()

    def relay_pairs(self, rows: Array) -> tuple[Array, Array]:
        """Returns, for talkers all different, places in `rows` and the listeners relayed from them."""
        listeners = self._one.take(rows)
        places = np.flatnonzero(listeners != _NOBODY)
        if len(places) != len(rows):
            if not len(places):
                return _NONE, _NONE
            listeners = listeners[places]
        several = listeners == _SEVERAL
        if not several.any():
            return places, listeners
        who, into = [listeners[~several]], [places[~several]]
        for place in places[several].tolist():
            found = self._relayed[int(rows[place])]
            who.append(np.array(found, np.int64))
            into.append(np.full(len(found), place))
        return np.concatenate(into), np.concatenate(who)

    def _index(self, row: int) -> None:
        for voice in self._voices[row]:
            self.hearers.setdefault(voice, set()).add(row)

    def _mode(self, row: int) -> int:
        table = self._table
        if not table.use[row]:
            return OFF
        voices, sounds = self._voices[row], self._sounds[row]
        if not voices:
            return (NOISE, SOUND)[len(sounds)] if len(sounds) < 2 else MIX
        if len(voices) > 1 or sounds:
            return MIX
        talker = voices[0]
        if talker in self.speakers or row in self.speakers:
            return MIX
        if not table.connected[talker] or not table.connected[row]:
            return RELAY
        if row in self.overheard:
            return MIX
        same = table.codec[talker] == table.codec[row] and table.frame_ms[talker] == table.frame_ms[row]
        return RELAY if same else MIX

    def _soonest(self, row: int, number: int, due: float) -> int:
        """Returns the first phase in which a listener can be sent a frame of ours, passing over crowded ones."""
        table = self._table
        passed = float(table.clock[row]) + due * 8000.0 - float(table.ts[row])
        since = (due - float(table.at[row])) * 8000.0
        wait = min(_EARLIEST - passed, max(_EARLIEST - since, _AHEAD - passed))
        first = number + min(3, max(0, math.ceil(wait / _PHASE)))
        held = [len(self.noise[p]) + len(self.sounds[p]) + len(self.plans[p].listeners) for p in range(4)]
        most = _FEW + sum(held) * 5 // 16
        return next(phase for n in range(4) if held[phase := (first + n) % 4] <= most)

    def _put(self, row: int) -> None:
        """Puts one row into the lists where it belongs now."""
        table = self._table
        mode, phase = int(table.mode[row]), int(table.phase[row])
        rosters = self._rosters.get(mode)
        _move(row, self._in, rosters[phase] if rosters is not None else None)
        talker = self._voices[row][0] if mode == RELAY else None
        before = self._talker.get(row)
        if talker != before:
            if before is not None:
                self._relayed[before].remove(row)
                self._relay_known(before)
                del self._talker[row]
            if talker is not None:
                self._talker[row] = talker
                self._relayed.setdefault(talker, []).append(row)
                self._relay_known(talker)
        wanted = row in self._spoken or row in self.recorded or row in self.noticed or row in self.forked
        if wanted and self._in_ring[row] is None:
            table.begin_ring(row)
        elif not wanted and self._in_ring[row] is not None:
            table.ring_on[row] = 0
        _move(row, self._in_ring, self.rings[int(table.ring_phase[row])] if wanted else None)

    def _relay_known(self, talker: int) -> None:
        found = self._relayed[talker]
        if not found:
            del self._relayed[talker]
        self._one[talker] = _SEVERAL if len(found) > 1 else found[0] if found else _NOBODY

    def _lay_out_rooms(self, changed: set[int]) -> set[int]:
        """Finds the rooms anew that changed listeners are in or come into; all others stay as they are laid out.

        Returns the rows of the rooms that were or are now concerned.
        """
        table, touched = self._table, set(changed)
        for row in changed:
            if table.mode[row] == MIX:
                touched.update(self._voices[row])
        old = {id(found): found for row in touched if (found := self._room_of.get(row)) is not None}
        listeners = {row for row in changed if table.mode[row] == MIX}
        phases: set[int] = set()
        moved: set[int] = set()
        for found in old.values():
            listeners.update(row for row in found.listeners if table.mode[row] == MIX)
            phases.add(found.phase)
            del self._rooms[found.phase][found]
            self._spoken.difference_update(found.voices)
            for row in found.listeners + found.voices:
                self._room_of.pop(row, None)
                moved.add(row)
        hears = {row: self._voices[row] for row in sorted(listeners)}
        sounds = {row: self._sounds[row] for row in hears}
        for group, voices in mixer.rooms(hears):
            made = mixer.room(group, voices, hears, sounds, table.nobody)
            phases.add(made.phase)
            self._rooms[made.phase][made] = None
            self._spoken.update(voices)
            for row in group + voices:
                self._room_of[row] = made
                moved.add(row)
            table.phase[group] = table.ring_phase[voices] = made.phase
        for phase in phases:
            self.plans[phase] = mixer.plan(self._rooms[phase])
        return moved


def _move(row: int, places: list[Roster | None], to: Roster | None) -> None:
    """Moves a row from the list it stands in to another; None is no list."""
    held = places[row]
    if held is not to:
        if held is not None:
            held.remove(row)
        if to is not None:
            to.add(row)
        places[row] = to
