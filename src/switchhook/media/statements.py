"""What control states, put into the table. Statements say how things are to be, so each may be repeated.

A leg row holds the number of its present use; statements about an older use change nothing. A version not above the
held one changes nothing and is answered with what is held; all else is taken without a word. `state ... state_end`
restates everything; legs that were not named in between are over. `hear` is one batch, so it is taken whole; the desk
is brought up to date by the pump, once after all that it takes in one phase.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from switchhook.media import forks, plays
from switchhook.media.address import host_of, number_of
from switchhook.media.desk import Desk
from switchhook.media.inbound import Inbound
from switchhook.media.link import Message
from switchhook.media.outbound import Outbound
from switchhook.media.outbox import Outbox
from switchhook.media.reporter import Reporter
from switchhook.media.roster import Roster
from switchhook.media.table import MAX_SOUNDS, MAX_VOICES, RECORDING, STOPPING, WRITING, Table
from switchhook.media.voices import begin as begin_voice
from switchhook.media.wires import Wire

MISSED = ((11, "lost"), (12, "late"), (13, "duplicated"))  # places in `counters`, of the legs that have ended
SENDS_TO = (0, 2)  # directions (as numbered in `control`) in which the telephone takes audio: sendrecv, recvonly


class Statements:
    """Takes messages of the control link; `answer` sends one back."""

    def __init__(
        self, table: Table, desk: Desk, wire: Wire, outbox: Outbox, outbound: Outbound, inbound: Inbound,
        reporter: Reporter, answer: Callable[[Message], None],
    ) -> None:  # fmt: skip
        self._table, self._desk, self._wire, self._outbox = table, desk, wire, outbox
        self._outbound, self._inbound, self._reporter, self._answer = outbound, inbound, reporter, answer
        self.live = Roster(table.legs + 1)  # the rows in use
        waiting = set(desk.idle)
        for row in np.flatnonzero(table.use).tolist():
            if row not in waiting:
                self.live.add(row)
        self._named: set[int] | None = None
        self._pressed: dict[tuple[int, int], int] = {}  # (row, use): the last order of keys taken
        self._does: dict[str, Callable[[Message], None]] = {
            "leg": self._leg, "play": self._play, "hear": self._hear, "record": self._record,
            "stop_record": self._stop_record, "digits": self._digits, "end": self._end, "state": self._state,
            "state_end": self._state_end, "notice": self._notice, "keep_keys": self._keep_keys, "fork": self._fork,
            "end_fork": self._end_fork,
            "ack": lambda m: self._outbox.acknowledged(int(m["number"])),
        }  # fmt: skip

    def take(self, message: Message) -> None:
        """Carries out one statement; one that makes no sense is a bug of control and is left out, with a warning."""
        try:
            self._does[message["say"]](message)
        except (LookupError, ValueError, TypeError, AttributeError, ArithmeticError, OSError) as error:
            self._answer({"say": "warning", "text": f"media statement {message.get('say')!r} refused: {error!r}"})

    def take_over(self) -> None:
        """Continues the legs found in the table, after the pump before has died."""
        table = self._table
        for row in self.live.rows.tolist():
            self._wire.watch(row, drain=False)
            self._aim(row)
            self._outbound.take_over(row, time.monotonic())
        table.hush[:] = 0
        self._forked()

    def catch_up(self, until: float) -> None:
        """Continues legs that could wait, at least one and no further ones after `until` (monotonic seconds)."""
        idle = self._desk.idle
        while idle:
            row = self._desk.adopt()
            self.live.add(row)
            self._wire.watch(row, drain=False)
            self._aim(row)
            self._outbound.take_over(row, time.monotonic())
            if time.monotonic() > until:
                return

    # --- legs ---------------------------------------------------------------------------------------------------

    def _leg(self, m: Message) -> None:
        row, use, now = int(m["row"]), int(m["use"]), time.monotonic()
        table = self._table
        if use <= 0 or not 0 <= row < table.legs:
            raise ValueError(f"no leg {row}, {use}")
        if self._named is not None:
            self._named.add(row)
        held = int(table.use[row])
        if held != use:
            if held:
                self._over(row)
            table.begin_leg(row, use, now)
            self.live.add(row)
            self._wire.watch(row, drain=True)
            self._desk.session_changed(row)
        if int(m["version"]) > int(table.version[row]):
            self._fill(row, m, now)
        else:
            self._answer({"say": "held", "row": row, "version": int(table.version[row])})

    def _fill(self, row: int, m: Message, now: float) -> None:
        table = self._table
        table.version[row] = WRITING
        if m.get("remote") is not None:
            host, port = m["remote"]
            ip = number_of(host)
            if ip != table.sdp_ip[row] or port != table.sdp_port[row]:
                self._inbound.moved(row, now)
                self._reporter.moved(row)
                table.latched_ip[row] = table.latched_port[row] = 0
                table.sdp_ip[row], table.sdp_port[row] = ip, port
                table.connected_at[row] = now
            if table.codec[row] != m["codec"]:
                table.ring_ready[row] = 0
            connected = bool(table.connected[row])
            if not connected or (table.direction[row] != 0 and m["direction"] == 0):
                table.waits_since[row] = now
            if not connected:
                self._reporter.begin(row, now)
            for name in ("codec", "payload", "direction", "frame_ms", "latching", "mux", "rtcp_port"):
                getattr(table, name)[row] = m[name]
            table.digits_pt[row] = -1 if m["digits"] is None else m["digits"]
            table.noise_pt[row] = -1 if m["noise"] is None else m["noise"]
            table.signalling_ip[row] = number_of(m["signalling"])
            table.connected[row] = 1
            self._aim(row)
            self._desk.session_changed(row)
        table.version[row] = int(m["version"])

    def _aim(self, row: int) -> None:
        """Tells the wire whom the leg hears from and sends to: the latched address, until then that of the SDP."""
        table = self._table
        ip, port = int(table.latched_ip[row]), int(table.latched_port[row])
        latched = port != 0
        if not latched:
            ip, port = int(table.sdp_ip[row]), int(table.sdp_port[row])
        address = (host_of(ip), port) if ip and port else None
        awaited = not latched and address is not None and bool(table.connected[row])
        self._inbound.awaits(row, awaited)
        self._wire.expect(row, address if latched or awaited else None)
        self._wire.aim(row, address)
        sends = address is not None and bool(table.connected[row]) and int(table.direction[row]) in SENDS_TO
        if sends and not table.sends[row]:
            table.mark[row] = 1
            table.source[row] = -1  # what was said meanwhile is no loss
        table.sends[row] = sends

    def _end(self, m: Message) -> None:
        row, use = int(m["row"]), int(m["use"])
        if self._table.use[row] != use:
            # Never begun, or ended before the answer came through: say so again, with what is left to say.
            self._outbox.add({"is": "stats", "row": row, "use": use, "stats": {}})
            return
        self._over(row)

    def _over(self, row: int) -> None:
        table, use = self._table, int(self._table.use[row])
        self._reporter.send(row, time.monotonic(), bye=True)
        stats = self._reporter.summary(row)
        self._outbox.add({"is": "stats", "row": row, "use": use, "stats": stats})
        for place, name in MISSED:
            table.counters[place] += stats[name]
        self._pressed.pop((row, use), None)
        self._wire.leave(row)
        self._reporter.forget(row)
        self._inbound.forget(row)
        self._outbound.forget(row)
        self._desk.forget(row)
        for slot, sides in self._outbound.recordings.items():
            left, right = (side[side != row] for side in sides)
            self._outbound.recordings[slot] = (left, right)
        for slot, (ears, side) in self._outbound.ears.items():
            self._outbound.ears[slot] = (ears[ears != row], side)
        self._recorded()
        table.end_leg(row)
        self.live.remove(row)
        if row in self._desk.forked:
            self._forked()

    # --- who hears what -----------------------------------------------------------------------------------------

    def _play(self, m: Message) -> None:
        if self._table.play_use[m["play"]] != m["use"]:
            plays.begin(self._table, int(m["play"]), int(m["use"]), m["clips"], int(m["repeat"]))

    def _hear(self, m: Message) -> None:
        table, now = self._table, time.monotonic()
        for row, use, version, voices, sounds in m["batch"]:
            if table.use[row] != use or version <= table.heard_version[row]:
                continue
            table.heard_version[row] = WRITING
            known = [voice for voice, its_use in voices if table.use[voice] == its_use and voice != row]
            if known != self._desk.voices(row):
                self._inbound.sources_changed(row, now)
            heard = [int(sound) for sound in sounds[:MAX_SOUNDS]]
            self._desk.state(row, known[:MAX_VOICES], heard)
            table.heard_version[row] = version

    def _digits(self, m: Message) -> None:
        key = (int(m["row"]), int(m["use"]))
        if self._table.use[key[0]] != key[1]:
            return
        for digit, order in m["keys"]:
            if order > max(self._pressed.get(key, -1), int(self._table.pressed[key[0]])):
                self._pressed[key] = order
                self._outbound.press(key[0], digit, int(m["tone_ms"]), order)

    def _fork(self, m: Message) -> None:
        slot, use, row, table = int(m["slot"]), int(m["use"]), int(m["row"]), self._table
        if table.fork_use[slot] != use and table.use[row] == m["row_use"]:
            forks.begin(table, slot, use, row, int(m["row_use"]), bool(m["both"]), bool(m["is_leg"]))
        self._forked()

    def _end_fork(self, m: Message) -> None:
        if self._table.fork_use[m["slot"]] == m["use"]:
            self._table.fork_use[m["slot"]] = 0
            self._forked()

    def _forked(self) -> None:
        table = self._table
        slots = self._outbound.forks = forks.running(table)
        alive = slots[table.use[table.fork_row[slots]] == table.fork_row_use[slots]]
        both = alive[table.fork_both[alive] != 0]
        speaking = alive[table.fork_is_leg[alive] != 0]
        speakers = set(table.fork_row[speaking].tolist())
        self._outbound.speak(table.fork_row[speaking], speaking)
        self._desk.fork(set(table.fork_row[alive].tolist()), set(table.fork_row[both].tolist()) | speakers, speakers)

    def _keep_keys(self, m: Message) -> None:
        if self._table.use[m["row"]] == m["use"]:
            self._inbound.keep_keys(int(m["row"]), m["on"], time.monotonic())

    def _notice(self, m: Message) -> None:
        row, table = int(m["row"]), self._table
        if table.use[row] != m["use"] or bool(table.noticed[row]) == m["on"]:
            return
        if m["on"]:
            begin_voice(table, row)
        table.noticed[row] = m["on"]
        self._desk.notice(row, m["on"])

    # --- recordings ---------------------------------------------------------------------------------------------

    def _record(self, m: Message) -> None:
        table, slot, use = self._table, int(m["slot"]), int(m["use"])
        if table.rec_use[slot] == use and table.rec_state[slot] != RECORDING:
            return
        sides = [
            np.array([row for row, its_use in m[side] if table.use[row] == its_use], np.int64)
            for side in ("left", "right", "ears")
        ]
        self._outbound.ears.pop(slot, None)
        if table.rec_use[slot] != use:
            table.rec_use[slot] = 0
            for name in ("rec_written", "rec_taken", "rec_dropped", "rec_tick"):
                getattr(table, name)[slot] = 0
            table.rec_gap[slot] = 0
            table.rec_limit[slot] = m["limit"]
            table.rec_state[slot] = RECORDING
            table.rec_use[slot] = use
        if m["paused"]:
            self._outbound.recordings.pop(slot, None)
            table.rec_tick[slot] = 0  # the first frame after the pause follows the last one before it
        else:
            self._outbound.recordings[slot] = (sides[0], sides[1])
            if m["ears"]:
                self._outbound.ears[slot] = (sides[2], m["channels"] - 1)
        self._recorded()

    def _stop_record(self, m: Message) -> None:
        slot, table = int(m["slot"]), self._table
        if table.rec_use[slot] == m["use"] and table.rec_state[slot] == RECORDING:
            table.rec_state[slot] = STOPPING
            self._outbound.recordings.pop(slot, None)
            self._outbound.ears.pop(slot, None)
            self._recorded()

    def _recorded(self) -> None:
        if not self._outbound.recordings and not self._desk.recorded:
            return
        rows = {int(row) for sides in self._outbound.recordings.values() for side in sides for row in side}
        ears = {int(row) for found, _ in self._outbound.ears.values() for row in found}
        if (rows, ears) != (self._desk.recorded, self._desk.taped_ears):
            self._desk.record(rows, ears)

    # --- everything at once -------------------------------------------------------------------------------------

    def _state(self, m: Message) -> None:
        self._named = set()
        self._outbox.again()

    def _state_end(self, m: Message) -> None:
        for row in self.live.rows.tolist():
            if self._named is not None and row not in self._named:
                self._over(row)
        self._named = None
