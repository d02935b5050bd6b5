"""What leaves by tick: noise, sounds, mixes and key presses, and the frames for recordings.

Each 5 ms phase serves a quarter of the listeners. Frames of all kinds are put together, encoded by table and sent as
one array. While a key is pressed towards a listener its audio is held (`hush`), relayed or not.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from switchhook.core.values import dataclass
from switchhook.media import forks, g711, jitter, plays, rtp, streams, voices
from switchhook.media.desk import Desk
from switchhook.media.digits import ENDS, Mouth, Step, event
from switchhook.media.mixer import Plan
from switchhook.media.outbox import Outbox
from switchhook.media.rtp import FRAME, Array, Packet
from switchhook.media.table import BROKEN, RECORDING, RECORDING_FRAMES, STOPPING, Table
from switchhook.media.wires import Wire

QUIET_S = 0.038  # a relay whose source has not begun is filled with noise after this
SILENT_S, SELDOM_S = 0.5, 0.098  # and when the source has been silent for so long, only so often: enough for NATs
SOONEST = 39.0  # samples (5 ms) on the stream's clock after what was sent before that a frame of ours may follow,
SOON_S, AHEAD = 0.0099, -40.0  # or half a frame by ours, if the stream is no more than this ahead of its clock then
NOISE_RMS = 15.8  # -60 dBm0
SENT = 1  # place in `counters`


@dataclass(slots=True)
class Passing:
    """A key that is being relayed to a listener."""

    talker: int
    ts: int  # the listener's
    payload: bytes = b""  # of its last packet
    ends: int = 0  # packets with the end bit


@cache
def comfort_noise() -> Array:
    """Returns 64 frames of noise near -60 dBm0, the same in every process; made once, by whoever forks them."""
    return np.random.default_rng(60).normal(0.0, NOISE_RMS, (64, FRAME)).round().astype(np.int16)


class Outbound:
    """Sends what is due; knows the keys being pressed and the recordings that run."""

    def __init__(self, table: Table, desk: Desk, wire: Wire, outbox: Outbox) -> None:
        self._table, self._desk, self._wire, self._outbox = table, desk, wire, outbox
        self._noise = comfort_noise()
        self._mouths: dict[int, Mouth] = {}
        self._event_ts: dict[int, int] = {}
        self.passing: dict[int, Passing] = {}  # keys being relayed, by listener
        self.recordings: dict[int, tuple[Array, Array]] = {}
        self.ears: dict[int, tuple[Array, int]] = {}  # whose ears go into which channel of a recording
        self._heard = np.zeros((table.legs + 1, FRAME), np.float32)  # by those whose ears are listened in to
        self.forks = forks.running(table)
        self._speakers: Array = np.empty(0, np.int64)
        self._spoken_by = np.full(table.legs + 1, -1, np.int64)

    # --- one phase ----------------------------------------------------------------------------------------------

    def tick(self, phase: int, tick: int, due: float) -> None:
        """Sends everything that this phase owes its listeners for this tick."""
        table, desk = self._table, self._desk
        if self._mouths:
            self._press(phase, due)
        said = jitter.said(table, tick)
        rows: list[Array] = []
        frames: list[Array] = []
        if len(desk.relays[phase]):
            relays = desk.relays[phase].rows
            quiet = relays[table.source.take(relays) == -1]
            if len(quiet):
                since = due - table.at.take(quiet)
                silent = due - table.arrival.take(table.voices[quiet, 0]) > SILENT_S
                quiet = quiet[since > np.where(silent, SELDOM_S, QUIET_S)]
                if len(quiet):
                    rows.append(quiet)
        if len(desk.noise[phase]):
            rows.append(desk.noise[phase].rows)
        frames += [self._noise[(noise * 7 + tick) % 64] for noise in rows]
        if len(desk.sounds[phase]):
            listeners = desk.sounds[phase].rows
            rows.append(listeners[_in_time(table.stream_rows.take(listeners), due)])
            frames.append(self._play(table.sounds[rows[-1], 0].astype(np.int64)))
        if len(desk.rings[phase]):
            ring = desk.rings[phase].rows
            jitter.complete(table, ring, tick)
            if len(self._speakers):
                self._speak(ring, said)
            if desk.noticed:
                self._voices(ring, said)
        plan = desk.plans[phase]
        if len(plan.listeners):
            rows.append(plan.listeners)
            frames.append(plan.mix(said, [self._besides(plan, *found, due) for found in plan.sounds]))
        if rows:
            one = len(rows) == 1
            self._send(rows[0] if one else np.concatenate(rows), frames[0] if one else np.concatenate(frames), due)
            if desk.overheard:
                for some, what in zip(rows, frames, strict=True):
                    self._heard[some] = what
        if phase == 3 and self.recordings:
            self._record(said, tick)
        if phase == 3 and len(self.forks):
            jitter.complete(table, table.fork_row[self.forks], tick)
            forks.send(table, self.forks, said, self._heard, tick)

    def speak(self, rows: Array, slots: Array) -> None:
        """States for which legs programs speak, each from its fork."""
        self._speakers = rows
        self._spoken_by[:] = -1
        self._spoken_by[rows] = slots

    def _speak(self, ring: Array, said: Array) -> None:
        """Puts what programs say in place of what their legs' telephones would."""
        slots = self._spoken_by[ring]
        places = np.flatnonzero(slots >= 0)
        if len(places):
            said[ring[places]] = forks.take(self._table, slots[places])

    def _send(self, rows: Array, frames: Array, due: float) -> None:
        table = self._table
        known = table.stream_rows.take(rows)
        good = (known["sends"] != 0) & (known["hush"] == 0) & _in_time(known, due)
        if not good.all():
            rows, frames, known = rows[good], frames[good], known[good]
        if not len(rows):
            return
        marker = streams.own_frames(known, due)
        known["sent"] += 1
        known["octets"] += FRAME
        table.stream_rows.put(rows, known)
        packets = self._wire.outgoing[: len(rows)]
        packets[:, : rtp.HEADER_BYTES] = rtp.headers(
            table.payload[rows], marker, known["seq"], known["ts"], known["ssrc"]
        )
        packets[:, rtp.HEADER_BYTES : rtp.HEADER_BYTES + FRAME] = g711.encode(
            frames.astype(np.int16, copy=False), table.codec[rows][:, None]
        )
        self._wire.send(rows, np.full(len(rows), rtp.HEADER_BYTES + FRAME))
        table.counters[SENT] += len(rows)

    def _besides(self, plan: Plan, places: Array, sounds: Array, due: float) -> Array:
        """Returns the next frame of each sound that is mixed with voices."""
        good = _in_time(self._table.stream_rows.take(plan.listeners[places]), due)
        if good.all():
            return self._play(sounds)
        frames = np.zeros((len(sounds), FRAME), np.int16)
        frames[good] = self._play(sounds[good])
        return frames

    def _play(self, sounds: Array) -> Array:
        """Returns the next frame of each sound; a number below zero is a fork's (-1 is slot 0)."""
        forked = sounds < 0
        if not forked.any():
            return self._sounds(sounds)
        frames = np.zeros((len(sounds), FRAME), np.int16)
        frames[~forked] = self._sounds(sounds[~forked])
        frames[forked] = forks.take(self._table, -1 - sounds[forked])
        return frames

    def _sounds(self, sounds: Array) -> Array:
        frames, ended = plays.take(self._table, sounds)
        for play in ended:
            event = {"is": "play_ended", "play": play, "use": int(self._table.play_use[play])}
            if self._table.play_state[play] == BROKEN:
                event["clip"] = int(self._table.play_clips[play, self._table.play_index[play]])
            self._outbox.add(event)
        return frames

    def _voices(self, rows: Array, said: Array) -> None:
        table = self._table
        rows = rows[table.noticed[rows] != 0]
        for change in voices.hear(table, rows, said[rows].astype(np.float32)) if len(rows) else ():
            use = int(table.use[change.row])
            self._outbox.add({"is": "voice", "row": change.row, "use": use, "on": change.on, "ms": change.after_ms})

    # --- keys ---------------------------------------------------------------------------------------------------

    def press(self, row: int, digits: str, tone_ms: int, order: int = -1) -> None:
        """Presses keys towards one telephone, after those already waiting."""
        self._mouths.setdefault(row, Mouth()).press(digits, tone_ms, order)

    def forget(self, row: int) -> None:
        """Drops the keys still to be pressed towards a leg."""
        self._mouths.pop(row, None)
        self._event_ts.pop(row, None)

    def _press(self, phase: int, due: float) -> None:
        """Moves keys on by a step; one that is relayed meanwhile is let out first, since keys cannot overlap."""
        table = self._table
        for row in [row for row in self._mouths if table.phase[row] == phase and row not in self.passing]:
            mouth = self._mouths[row]
            order = mouth.order
            step = mouth.step(bool(table.digits_pt[row] >= 0))
            table.hush[row] = step is not None
            if step is not None and table.sends[row]:
                if step.tone is not None:
                    table.hush[row] = 0
                    self._send(np.array([row]), step.tone[None, :], due)
                    table.hush[row] = 1
                else:
                    self._send_event(row, step, due, order)
            for done in mouth.finished():
                self._pressed(row, done)
            if not mouth.pressing:
                self._event_ts.pop(row, None)
            if mouth.idle:
                del self._mouths[row]
                table.hush[row] = 0

    def _pressed(self, row: int, order: int) -> None:
        """Tells that a key is over."""
        table = self._table
        table.press_ts[row] = -1
        if order >= 0:
            table.pressed[row] = order
            self._outbox.add({"is": "pressed", "row": row, "use": int(table.use[row]), "order": order})

    def take_over(self, row: int, now: float) -> None:
        """Lets go the key that a dead pump had down, as long as that was: pressed again, it would be a second one."""
        table, ts = self._table, int(self._table.press_ts[row])
        if ts < 0:
            return
        passed = round((float(table.clock[row]) + now * 8000.0 - ts) / FRAME) * FRAME
        length = min(0xFFFF, max(int(table.length[row]), passed))
        if table.sends[row] and table.digits_pt[row] >= 0:
            for _ in range(ENDS):
                self.send_event(row, ts, event(int(table.press_code[row]), length, end=True), False, length, now)
        self._pressed(row, int(table.press_order[row]))

    def _send_event(self, row: int, step: Step, due: float, order: int) -> None:
        table = self._table
        if step.ts_step:
            self._event_ts[row] += step.ts_step
        elif step.starts:
            self._event_ts[row] = int(streams.next_ts(table.stream_rows.take(np.array([row])), due)[0])
        ts = self._event_ts.get(row)
        if ts is None:
            return
        table.press_ts[row], table.press_order[row], table.press_code[row] = ts, order, step.payloads[0][0]
        for n, payload in enumerate(step.payloads):
            self.send_event(row, ts, payload, step.starts and n == 0, step.length, due)

    def send_event(self, row: int, ts: int, payload: bytes, marker: bool, length: int, now: float) -> None:
        """Sends one event packet of our own to a listener; `length` is the event's duration so far."""
        table = self._table
        table.seq[row] = (int(table.seq[row]) + 1) & 0xFFFF
        table.ts[row], table.at[row], table.length[row], table.source[row] = ts, now, length, -1
        packet = Packet(int(table.digits_pt[row]), marker, int(table.seq[row]), ts, int(table.ssrc[row]), payload)
        self._wire.send_one(row, rtp.build(packet))
        table.sent[row] += 1
        table.octets[row] += len(payload)
        table.counters[SENT] += 1

    # --- recordings ---------------------------------------------------------------------------------------------

    def _record(self, said: Array, tick: int) -> None:
        table = self._table
        jitter.complete(table, np.concatenate([rows for sides in self.recordings.values() for rows in sides]), tick)
        for slot, (left, right) in list(self.recordings.items()):
            if table.rec_state[slot] != RECORDING:
                del self.recordings[slot]
                self.ears.pop(slot, None)
                continue
            ears, channel = self.ears.get(slot, (None, 0))
            if table.rec_written[slot] - table.rec_taken[slot] >= RECORDING_FRAMES:
                continue  # the disk stands still; the gap is told with the next frame
            place = int(table.rec_written[slot]) % RECORDING_FRAMES
            gap = tick - int(table.rec_tick[slot]) - 1 if table.rec_tick[slot] else 0
            for side, rows in enumerate((left, right)):
                heard = said[rows].sum(axis=0)
                if ears is not None and side == channel:
                    heard = heard + self._heard[ears].sum(axis=0)
                table.rec_ring[slot, place, side] = np.clip(heard, -32_768, 32_767).astype(np.int16)
            table.rec_gap[slot, place] = max(0, gap)
            table.rec_dropped[slot] += max(0, gap)
            table.rec_tick[slot] = tick
            table.rec_written[slot] += 1
            limit = int(table.rec_limit[slot])
            if limit and int(table.rec_written[slot] + table.rec_dropped[slot]) >= limit:
                table.rec_state[slot] = STOPPING


def _in_time(known: Array, due: float) -> Array:
    """Who was just sent something (it was opened or switched, or its room has another phase now) waits for the next
    tick, and so does the sound that it hears: else its first frame would be lost."""
    passed = known["clock"] + due * 8000.0 - known["ts"]
    found: Array = passed >= SOONEST
    if not found.all():
        found |= (due - known["at"] >= SOON_S) & (passed >= AHEAD)
    return found
