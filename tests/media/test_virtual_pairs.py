"""Whatever befalls a call while something else does: each listener's stream, its keys and its reports stay whole.

A seeded walk over legs on virtual time. Telephones speak, fall silent, begin anew with another SSRC and press keys;
meanwhile listeners are switched, mixed and recorded, sessions change their payload types, law and direction, the pump
is killed, legs end and others begin in their rows. Every packet is judged as it goes out, against what the telephones
did and what was stated, not against the engine. Each key of a walk has a code of its own, so that one which comes
twice, or to the wrong ear, is seen.
"""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from types import SimpleNamespace
from unittest.mock import patch

import msgspec
import numpy as np
import pytest

from switchhook.media import g711, plays, reporter, rtcp, rtp
from switchhook.media.digits import KEYS
from switchhook.media.rtp import FRAME
from switchhook.media.shelf import Shelf
from tests.media.virtual import STEP, Stage, small_table, who

LEGS = 4
TABLE = small_table(LEGS)
LAG = 16  # phases in which what was stated before may still be heard
SLACK = 3 * FRAME  # samples that a stream may be off its clock: each of two switches within 20 ms takes a frame


@dataclass
class Phone:
    """A telephone: what it sends in each phase follows from its fields."""

    row: int
    random: Random
    law: int = g711.ULAW
    frame_ms: int = 20
    digits: int | None = 101
    noise: int | None = None
    direction: int = 0
    silent: bool = False
    key: tuple[int, int, int] | None = None  # code, timestamp, phases in all
    key_begun: int = 0
    ends: int = 0
    marker: bool = True
    came: list[int] = field(default_factory=list)  # extended numbers of this SSRC

    def __post_init__(self) -> None:
        self.anew()
        self.offset = self.random.randrange(4)

    def anew(self) -> None:
        self.ssrc, self.seq = self.random.getrandbits(32), self.random.choice((65_530, self.random.randrange(65_536)))
        self.base = self.random.choice((0xFFFF_F000, self.random.getrandbits(32)))
        self.came = []

    def packets(self, number: int) -> list[rtp.Packet]:
        """Returns what it sends in this phase."""
        now = self.base + 40 * number
        if self.key is not None:
            return self._pressing(number)
        if (number - self.offset) % (self.frame_ms // 5):
            return []
        if self.silent:
            self.marker = True
            if self.noise is None or (number - self.offset) % 60:
                return []
            return [self._made(rtp.NOISE, now, b"\x40")]
        payload = g711.encode(np.full(8 * self.frame_ms, STEP << self.row, np.int16), self.law).tobytes()
        return [self._made(8 * self.law, now, payload)]

    def _pressing(self, number: int) -> list[rtp.Packet]:
        assert self.key is not None
        code, ts, phases = self.key
        if (number - self.key_begun) % 4:
            return []
        last = number - self.key_begun + 4 >= phases
        self.marker = number == self.key_begun
        duration = min(phases, number - self.key_begun + 4) * 40
        self.ends += last
        made = self._made(101, ts, struct.pack("!BBH", code, 0x8A if last else 10, duration))
        if self.ends == 3:
            self.key, self.ends, self.marker = None, 0, False
            self.offset = number % 4
        return [made]

    def press(self, code: int, phases: int, number: int) -> None:
        if self.key is None and self.digits is not None:
            self.key_begun = number
            self.key = code, self.base + 40 * number & 0xFFFFFFFF, phases

    def _made(self, kind: int, ts: int, payload: bytes) -> rtp.Packet:
        self.seq += 1
        made = rtp.Packet(kind, self.marker, self.seq & 0xFFFF, ts & 0xFFFFFFFF, self.ssrc, payload)
        self.marker = False
        if self.came or len(payload) != 4:  # keys with an SSRC of which no audio came are no stream of their own
            self.came.append(self.seq)
        return made


class Judge:
    """Hears one listener's stream, packet by packet."""

    def __init__(self, row: int) -> None:
        self.row, self.packets, self.octets = row, 0, 0
        self.last: rtp.Packet | None = None
        self.ts, self.begun = 0, 0.0  # unwrapped timestamp; that of the first packet as if it had come at 0
        self.key: tuple[int, int, int, int] | None = None  # code, timestamp, duration, ends
        self.keys: Counter[int] = Counter()
        self.cut = False  # something happened that may leave a key without its end
        self.free_until = 0
        self.story: list[tuple[int, int, bool, int, int, str]] = []  # what it heard last, for whoever has to mend it

    def hears(self, number: int, packet: rtp.Packet) -> None:
        told = number, packet.payload_type, packet.marker, packet.seq, packet.ts, packet.payload[:4].hex()
        self.story = [*self.story[-12:], told]
        self.packets += 1
        self.octets += len(packet.payload)
        last, self.last = self.last, packet
        if last is None:
            self.ts, self.begun = packet.ts, packet.ts - 40 * number
        else:
            assert packet.ssrc == last.ssrc
            assert (packet.seq - last.seq) & 0xFFFF == 1, "a hole"
        step = (packet.ts - self.ts + 2**31 & 0xFFFFFFFF) - 2**31
        off = self.ts + step - (self.begun + 40 * number)
        if len(packet.payload) == 4:
            self.free_until = max(self.free_until, number + 60)
            self._event(packet, step, last is None)
            return
        if self.key is not None:
            assert self.key[3] == 3 or self.cut, "audio in a key"
            assert step >= self.key[2] or self.cut, "audio that began in a key"
            self.key = None
        assert step > 0 or last is None, "backwards"
        assert abs(off) <= SLACK, ("off the clock", off)
        assert not packet.marker or number <= self.free_until or last is None, "a marker without a break"
        self.ts += step
        self.begun += off / 64  # as slowly as a telephone follows another's crystal

    def _event(self, packet: rtp.Packet, step: int, first: bool) -> None:
        code, flags, duration = struct.unpack("!BBH", packet.payload)
        end = flags >> 7
        if self.key is not None and (code, packet.ts) == self.key[:2]:
            assert duration >= self.key[2], "a key that grows shorter"
            assert end >= (self.key[3] > 0), "a key that goes on behind its end"
            self.key = code, packet.ts, duration, self.key[3] + end
            assert self.key[3] <= 3 or self.cut
        else:
            assert self.key is None or self.key[3] == 3 or self.cut, "a key in a key"
            assert step > 0 or first, "a key that began before"
            self.cut = False
            self.keys[code] += 1
            self.key = code, packet.ts, duration, end
            self.ts += step

    def clock(self, number: int) -> int:
        return round(self.begun) + 40 * number


class Walk:
    """One walk; `trace` says what was done, for whoever has to mend what it finds."""

    def __init__(self, seed: int) -> None:
        self.random, self.trace = Random(seed), [f"seed {seed}"]
        self.stage = stage = Stage(TABLE, LEGS)
        stage.number = 40
        shelf = Shelf(TABLE)
        shelf.begin(0)
        shelf.add(0, np.repeat(np.array([8_000, -8_000], np.int16), 800))
        shelf.finish(0)
        plays.begin(TABLE, 0, 1, [0], 0)
        self.phones = [Phone(row, self.random) for row in range(LEGS)]
        self.judges = [Judge(row) for row in range(LEGS)]
        self.heard: list[set[int]] = [set() for _ in range(LEGS)]
        self.before: list[tuple[int, set[int]]] = [(0, set())] * LEGS
        self.codes = iter(range(16))
        self.pressed: list[tuple[int, int]] = []  # who, which key
        self.told: Counter[str] = Counter()
        self.doubtful: set[int] = set()  # keys that were down when their telephone went or the pump died
        self.judge = self.judges[0]
        self.recorded = False
        self.upset = 0  # when somebody said something else than his voice last, or began anew

    def run(self, acts: int) -> None:
        self._hear({0: [1], 1: [0], 2: [3], 3: [2]})
        self._pass(20)
        for _ in range(acts):
            getattr(self, self.random.choice(ACTS))()
            self._pass(self.random.choice((1, 2, 3, 5, 9, 14, 40)))
        self._pass(200)
        self._keys_at_the_end()

    # --- time

    def _pass(self, phases: int) -> None:
        for _ in range(phases):
            stage = self.stage
            if any(phone.silent or phone.key is not None for phone in self.phones):
                self._moved(upset=True)
            for phone in self.phones:
                for packet in phone.packets(stage.number + 1):
                    stage.arrive(phone.row, packet)
            stage.phase()
            if stage.number % 10 == 0:
                stage.inbound.listen(stage.now)
            self._judge()

    def _judge(self) -> None:
        number = self.stage.number
        for row, packets in self.stage.sent.items():
            if TABLE.hush[row]:  # tones of a key, behind which there is a break
                self.judges[row].free_until = max(self.judges[row].free_until, number + 10)
            for _, packet in packets:
                self.judge = self.judges[row]
                self.judge.hears(number, packet)
                self._nobody_else(row, number, packet)
            packets.clear()
        for each in self.stage.outbox.unsent():
            event = msgspec.json.decode(each)
            self.stage.outbox.acknowledged(event["number"])
            if event["is"] == "digit":
                self.told[event["digit"]] += 1
                assert self.told[event["digit"]] == 1 or KEYS.index(event["digit"]) in self.doubtful

    def _nobody_else(self, row: int, number: int, packet: rtp.Packet) -> None:
        if len(packet.payload) < 5 or number - self.upset < 60:
            return  # keys; and what is concealed tells nobody's name
        found = who(packet)
        since, before = self.before[row]
        may = self.heard[row] | (before if number - since <= LAG else set())
        assert found is None or found - {row} == found, "hears himself"
        assert found is None or found & set(range(LEGS)) <= may, ("hears whom he should not", row, found, may)

    # --- what may happen

    def _hear(self, wanted: dict[int, list[int]], sounds: dict[int, int] | None = None) -> None:
        for row in {**wanted, **(sounds or {})}:
            self.before[row] = (self.stage.number, self.heard[row])
            self.heard[row] = set(wanted.get(row, []))
        self._moved()
        self.stage.hear(wanted, sounds)
        self._judge()

    def _moved(self, *, cut: bool = False, upset: bool = False) -> None:
        if upset:
            self.upset = self.stage.number
        for judge in self.judges:
            judge.free_until = self.stage.number + 60
            judge.cut = judge.cut or (cut and judge.key is not None)

    def switch(self) -> None:
        rows = self.random.sample(range(LEGS), 2)
        wanted = {row: [v for v in self.random.sample(range(LEGS), 2)[:1] if v != row] for row in rows}
        self.trace.append(f"{self.stage.number} switch {wanted}")
        self._hear(wanted)

    def pair(self) -> None:
        a, b, c, d = self.random.sample(range(LEGS), LEGS)
        self.trace.append(f"{self.stage.number} pairs {a}{b} {c}{d}")
        self._hear({a: [b], b: [a], c: [d], d: [c]})

    def mix(self) -> None:
        rows = self.random.sample(range(LEGS), 3)
        self.trace.append(f"{self.stage.number} room {rows}")
        self._hear({row: [v for v in rows if v != row] for row in rows})

    def music(self) -> None:
        row = self.random.randrange(LEGS)
        self.trace.append(f"{self.stage.number} music {row}")
        self._hear({}, {row: 0})

    def nothing(self) -> None:
        row = self.random.randrange(LEGS)
        self.trace.append(f"{self.stage.number} nothing {row}")
        self._hear({row: []})

    def key(self) -> None:
        phone = self.random.choice(self.phones)
        code = next(self.codes, None)
        if code is None or phone.key is not None or phone.digits is None:
            return
        phases = self.random.choice((8, 16, 24, 60, 120))
        self.trace.append(f"{self.stage.number} key {KEYS[code]} by {phone.row} for {phases}")
        phone.press(code, phases, self.stage.number + 1)
        self.pressed.append((phone.row, code))
        self._moved()

    def own_key(self) -> None:
        row, code = self.random.randrange(LEGS), next(self.codes, None)
        if code is None:
            return
        self.trace.append(f"{self.stage.number} key {KEYS[code]} pressed for {row}")
        self.doubtful.add(code)
        self.stage.outbound.press(row, KEYS[code], self.random.choice((80, 160, 400)))
        self._moved()

    def renew(self) -> None:
        phone = self.random.choice(self.phones)
        if phone.key is None:
            self.trace.append(f"{self.stage.number} another SSRC from {phone.row}")
            phone.anew()
            self._moved(upset=True)

    def hush(self) -> None:
        phone = self.random.choice(self.phones)
        phone.silent = not phone.silent
        self.trace.append(f"{self.stage.number} {phone.row} silent: {phone.silent}")
        self._moved()
        for judge in self.judges:
            judge.free_until = 1 << 30 if any(each.silent for each in self.phones) else self.stage.number + 60

    def invite(self) -> None:
        phone = self.random.choice(self.phones)
        what = self.random.choice(("digits", "law", "direction", "frame_ms", "noise"))
        if what == "digits":
            phone.digits = self.random.choice((None, 96, 101))
        elif what == "law":
            phone.law = 1 - phone.law
        elif what == "frame_ms":
            phone.frame_ms = self.random.choice((10, 20, 30, 60))
        elif what == "noise":
            phone.noise = self.random.choice((None, rtp.NOISE))
        else:
            phone.direction = self.random.choice((0, 0, 1, 2))
        self.trace.append(f"{self.stage.number} {phone.row} {what} {getattr(phone, what)}")
        self._restate(phone)

    def _restate(self, phone: Phone) -> None:
        self._moved(cut=True, upset=True)
        if phone.digits is None and phone.key is not None:
            self.doubtful.add(phone.key[0])
        self.stage.leg(
            phone.row, codec=phone.law, payload=8 * phone.law, digits=phone.digits, noise=phone.noise,
            direction=phone.direction, frame_ms=phone.frame_ms,
        )  # fmt: skip
        self.stage.desk.settle()
        self._judge()

    def record(self) -> None:
        self.recorded = not self.recorded
        self.trace.append(f"{self.stage.number} recorded: {self.recorded}")
        stage = self.stage
        self._moved()
        if self.recorded:
            stage.take({
                "say": "record", "slot": 0, "use": stage.version + 1, "left": [[0, stage.uses[0]]],
                "right": [], "ears": [[0, stage.uses[0]]], "limit": 0, "paused": False, "channels": 2,
            })  # fmt: skip
        else:
            stage.take({"say": "stop_record", "slot": 0, "use": int(TABLE.rec_use[0])})
        stage.desk.settle()

    def kill(self) -> None:
        self.trace.append(f"{self.stage.number} kill")
        self.doubtful |= {phone.key[0] for phone in self.phones if phone.key is not None}
        self.recorded = False
        TABLE.rec_state[0] = 0
        self._moved(cut=True, upset=True)
        self.stage.kill()

    def end(self) -> None:
        """A leg ends, and another begins in its row."""
        row, stage = self.random.randrange(LEGS), self.stage
        self.trace.append(f"{stage.number} {row} ends")
        key = self.phones[row].key
        if key is not None:
            self.doubtful.add(key[0])
        for listener, heard in enumerate(self.heard):
            if row in heard:
                self.before[listener], self.heard[listener] = (stage.number, heard), heard - {row}
        self._moved(upset=True)
        use = stage.uses[row]
        stage.take({"say": "end", "row": row, "use": use})
        self._judge()
        stage.uses[row] = use + LEGS
        self.phones[row], self.judges[row] = Phone(row, self.random), Judge(row)
        self.before[row], self.heard[row] = (0, set()), set()
        stage.leg(row)
        stage.desk.settle()

    def report(self) -> None:
        row = self.random.randrange(LEGS)
        judge, phone, stage = self.judges[row], self.phones[row], self.stage
        with patch.object(reporter, "time", SimpleNamespace(time=lambda: 1_800_000_000.0)):
            stage.reporter.send(row, stage.now)
        found = rtcp.parse(stage.wire.reports[-1])
        assert found is not None
        (told,) = found.reports
        assert (told.packets, told.octets) == (judge.packets, judge.octets)
        if judge.packets:
            assert judge.last is not None
            assert told.ssrc == judge.last.ssrc
            off = (told.rtp_ts - judge.clock(stage.number) + 2**31 & 0xFFFFFFFF) - 2**31
            assert abs(off) <= SLACK, ("a report that tells another time", off)
        for block in told.blocks:
            if phone.came and not stage.desk.idle:
                said = (block.ssrc, block.lost, block.highest & 0xFFFF)
                assert said == (phone.ssrc, 0, phone.came[-1] & 0xFFFF)

    # --- keys

    def _keys_at_the_end(self) -> None:
        for _, code in self.pressed:
            assert self.told[KEYS[code]] == 1 or code in self.doubtful, ("told", KEYS[code], self.told[KEYS[code]])
            for judge in self.judges:
                assert judge.keys[code] <= 1 or code in self.doubtful, ("heard twice", KEYS[code], judge.row)


ACTS = (
    "switch", "switch", "pair", "pair", "mix", "music", "nothing", "key", "key", "key", "own_key", "renew", "hush",
    "invite", "record", "kill", "end", "report", "report",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_streams_keys_and_reports_stay_whole_whatever_meets(seed: int) -> None:
    walk = Walk(seed)
    try:
        walk.run(60)
    except AssertionError as error:
        error.add_note("\n".join([*walk.trace, f"leg {walk.judge.row} heard", *map(str, walk.judge.story)]))
        raise
