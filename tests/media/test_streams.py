"""Properties of what a listener hears and of what is counted, under loss, reordering, doubles, wraps and switches."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switchhook.media import jitter, reception, streams
from switchhook.media.settings import MediaSettings
from switchhook.media.table import FRAME, Table
from tests.media.virtual import taken

TABLE = Table(MediaSettings(max_legs=8, clip_memory_mb=1, max_recordings=1))
LISTENER = 5


def fresh() -> Table:
    TABLE.clear()
    for row in range(8):
        TABLE.begin_leg(row, row + 1, 100.0)
        TABLE.begin_ring(row)
    return TABLE


@dataclass
class Talker:
    """A telephone with its own SSRC, counting and clock (`ppm`)."""

    row: int
    seq: int
    ts: int
    ppm: int
    ssrc: int = 0

    def frame(self, now: float) -> tuple[int, int]:
        number = round(now * 50)
        return (self.seq + number) & 0xFFFF, (self.ts + int(number * 160 * (1 + self.ppm / 1e6))) & 0xFFFFFFFF


@dataclass
class Heard:
    """What the listener got: (seq, ts, time, order sent at the source)."""

    packets: list[tuple[int, int, float]] = field(default_factory=list)

    def add(self, passed: streams.Passed, now: float) -> None:
        if passed.keep[0]:
            self.packets.append((int(passed.seq[0]) & 0xFFFF, int(passed.ts[0]) & 0xFFFFFFFF, now))


def relay_one(table: Table, talker: Talker, seq: int, ts: int, now: float) -> streams.Passed:
    one = np.array
    return streams.relay(
        table, one([LISTENER]), one([talker.row]), one([seq]), one([ts]), one([talker.ssrc], np.uint32), one([FRAME]),
        one([False]), now,
    )  # fmt: skip


def own_frame(table: Table, now: float) -> streams.Passed:
    known = table.stream_rows.take(np.array([LISTENER]))
    marker = streams.own_frames(known, now)
    table.stream_rows.put(np.array([LISTENER]), known)
    return streams.Passed(np.ones(1, bool), known["seq"], known["ts"], marker)


talkers = st.builds(Talker, st.just(0), st.integers(0, 65535), st.integers(0, 2**32 - 1), st.integers(-200, 200))
acts = st.lists(
    st.tuples(st.sampled_from(["first", "second", "music", "nothing", "new ssrc"]), st.integers(1, 40)),
    min_size=1, max_size=12,
)  # fmt: skip


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(talkers, talkers, acts, st.integers(0, 2**31 - 1), st.integers(0, 65535))
def test_across_any_switches_seq_is_contiguous_and_ts_follows_the_clock(
    first: Talker, second: Talker, found: list[tuple[str, int]], ts: int, seq: int
) -> None:
    table = fresh()
    table.ts[LISTENER], table.seq[LISTENER] = ts, seq
    table.clock[LISTENER] = ts - 8000 * 100.0
    first.row, second.row, first.ssrc, second.ssrc = 0, 1, 11, 22
    heard, now = Heard(), 100.0
    ssrc = int(table.ssrc[LISTENER])
    for act, frames in found:
        if act == "new ssrc":
            first.ssrc, first.seq, first.ts = first.ssrc + 1, first.seq + 30_000, first.ts + 123_456
        for _ in range(frames):
            now += 0.02
            if act == "music":
                heard.add(own_frame(table, now), now)
            elif act == "nothing":  # the telephones are silent: their clocks run on, their packets do not
                first.seq, second.seq = first.seq - 1, second.seq - 1
            else:
                talker = second if act == "second" else first
                heard.add(relay_one(table, talker, *talker.frame(now), now), now)
    assert int(table.ssrc[LISTENER]) == ssrc
    for a, b in pairwise(heard.packets):
        assert (b[0] - a[0]) & 0xFFFF == 1
        step = (b[1] - a[1]) & 0xFFFFFFFF
        assert 0 < step < 0x80000000
        assert abs(step - (b[2] - a[2]) * 8000) <= 1.5 * FRAME
    if heard.packets:
        first_packet = heard.packets[0]
        for packet in heard.packets:
            apart = ((packet[1] - first_packet[1] + 2**31) & 0xFFFFFFFF) - 2**31
            assert abs(apart - (packet[2] - first_packet[2]) * 8000) <= 1.5 * FRAME


@settings(max_examples=60, deadline=None)
@given(
    talkers,
    st.lists(st.sampled_from(["ok", "ok", "ok", "lost", "doubled", "swapped"]), min_size=5, max_size=80),
    st.booleans(),
)
def test_loss_doubles_and_order_are_passed_as_they_came(talker: Talker, fates: list[str], restart: bool) -> None:
    table = fresh()
    talker.ssrc = 9
    order: list[int] = []
    for n, fate in enumerate(fates):
        order += {"ok": [n], "lost": [], "doubled": [n, n], "swapped": [n + 1, n]}[fate] if n else [0]
    sent, now = [], 100.0
    for k, n in enumerate(order):
        now += 0.02
        if restart and k == len(order) // 2:
            table = table  # a new pump has nothing but the table: nothing else is carried from packet to packet
        seq, ts = (talker.seq + n) & 0xFFFF, (talker.ts + 160 * n) & 0xFFFFFFFF
        passed = relay_one(table, talker, seq, ts, now)
        if passed.keep[0]:
            sent.append((n, int(passed.seq[0]), int(passed.ts[0])))
    base_seq, base_ts = sent[0][1] - sent[0][0], sent[0][2] - 160 * sent[0][0]
    for n, out_seq, out_ts in sent:
        assert (out_seq - base_seq - n) & 0xFFFF == 0
        assert (out_ts - base_ts - 160 * n) & 0xFFFFFFFF == 0
    assert [n for n, _, _ in sent] == [n for n in order if n >= order[0]]


def test_late_packets_of_the_source_before_are_dropped() -> None:
    table, talker = fresh(), Talker(0, 500, 1000, 0, ssrc=3)
    relay_one(table, talker, 510, 2600, 100.1)
    assert not relay_one(table, talker, 509, 2440, 100.12).keep[0]
    assert relay_one(table, talker, 511, 2760, 100.14).keep[0]


@pytest.mark.slow
def test_a_slow_crystal_does_not_make_the_next_switch_jump() -> None:
    table, talker = fresh(), Talker(0, 0, 0, -200, ssrc=3)
    now = 100.0
    for _ in range(30_000):  # ten minutes
        now += 0.02
        relay_one(table, talker, *talker.frame(now), now)
    before = int(table.ts[LISTENER])
    after = int(own_frame(table, now + 0.02).ts[0])
    assert after - before == FRAME


def test_swallowed_packets_leave_no_hole() -> None:
    table, talker = fresh(), Talker(0, 0, 0, 0, ssrc=3)
    first = int(relay_one(table, talker, 10, 1600, 100.0).seq[0])
    streams.swallow(table, np.array([LISTENER]), 11, 3)
    streams.swallow(table, np.array([LISTENER]), 12, 4)  # another SSRC: not of this stream
    assert int(relay_one(table, talker, 12, 1920, 100.04).seq[0]) == (first + 1) & 0xFFFF


def test_overdue_ticks_are_frames_and_left_out_ones_show_in_the_timestamp() -> None:
    table = fresh()
    first = int(own_frame(table, 100.02).ts[0])
    assert int(own_frame(table, 100.04).ts[0]) == first + 160
    assert int(own_frame(table, 100.54).ts[0]) == first + 160 * 26


# --- reception -----------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 65535), st.lists(st.sampled_from(["ok", "ok", "ok", "lost", "doubled", "swapped"]), max_size=200))
def test_loss_and_doubles_are_counted_as_a_slow_reference_does(start: int, fates: list[str]) -> None:
    table = fresh()
    order = [0]
    for n, fate in enumerate(fates, 1):
        order += {"ok": [n], "lost": [], "doubled": [n, n], "swapped": [n + 1, n]}[fate]
    reception.begin(table, 2, start)
    table.has_ssrc[2] = 1
    for n in order:
        reception.count(table, np.array([2]), np.array([start + n & 0xFFFF]), np.array([n * 160]), 100 + n / 50)
    distinct = set(order)
    assert table.received[2] == len(order)
    assert table.duplicated[2] == len(order) - len(distinct)
    assert reception.lost(table, 2) == max(order) + 1 - len(distinct)


def test_jitter_is_that_of_rfc_3550() -> None:
    table = fresh()
    reception.begin(table, 2, 0)
    expected, last = 0.0, None
    random = np.random.default_rng(3)
    for n in range(400):
        now = 100 + n * 0.02 + random.uniform(0, 0.01)
        reception.count(table, np.array([2]), np.array([n]), np.array([n * 160]), now)
        transit = now * 8000 - n * 160
        if last is not None:
            expected += (abs(transit - last) - expected) / 16
        last = transit
    assert abs(float(table.jitter[2]) - expected) < 1e-6


def test_losses_of_an_older_ssrc_stay_counted() -> None:
    table = fresh()
    for start, seqs in ((10, (10, 12, 13)), (60_000, (60_000, 60_001))):
        reception.begin(table, 2, start)
        table.has_ssrc[2] = 1
        for seq in seqs:
            reception.count(table, np.array([2]), np.array([seq]), np.array([seq * 160]), 100.0)
    assert (int(table.received[2]), reception.lost(table, 2)) == (5, 1)


# --- jitter buffer -------------------------------------------------------------------------------------------------


def put(table: Table, ts: int, tick: int, value: int, length: int = FRAME) -> None:
    one = np.array
    samples = np.full((1, length), value, np.int16)
    jitter.put(table, one([1]), one([ts & 0xFFFFFFFF]), samples, one([length]), one([tick]))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.permutations(range(3)), st.integers(0, 1000))
def test_packets_of_one_tick_play_in_the_order_of_their_timestamps(ts: int, order: list[int], tick: int) -> None:
    table = fresh()
    put(table, ts, tick, 100)
    for n in order:
        put(table, ts + 160 * (n + 1), tick, 200 + n)
    heard = [taken(table, np.array([1]), tick + n)[0] for n in range(6)]
    assert heard[0].max() == 0
    assert [int(frame[0]) for frame in heard[1:5]] == [100, 200, 201, 202]
    assert abs(float(heard[5][0]) - 202 * 0.7) < 1


def test_missing_audio_fades_and_ends() -> None:
    table = fresh()
    put(table, 0, 0, 1000)
    heard = [float(taken(table, np.array([1]), n)[0, 0]) for n in range(7)]
    assert [round(x) for x in heard] == [0, 1000, 700, 490, 343, 0, 0]


def test_frames_of_10_30_and_60_ms_are_cut_into_ticks() -> None:
    for length in (80, 240, 480):
        table, ts = fresh(), 0
        for n in range(48):
            while ts < (n + 2) * FRAME:
                put(table, ts, n, 1 + ts // length, length)
                ts += length
            heard = taken(table, np.array([1]), n)[0]
            if n >= 2:
                place = (n - 1) * FRAME + np.arange(FRAME)
                assert (heard == 1 + place // length).all()


@pytest.mark.slow
def test_a_clock_that_is_off_for_an_hour_is_followed_without_growing_delay() -> None:
    for ppm in (-200, 200):
        table, worst = fresh(), 0
        for n in range(0, 180_000, 10):
            tick = int(n * (1 - ppm / 1e6))  # the ticks that have passed here when the telephone sends frame n
            put(table, n * FRAME, tick, 1)
            worst = max(worst, int(table.ring_half[1]) - 2 * tick)
            if n % 250 == 0:
                jitter.adapt(table, np.array([1]))
        assert worst <= 6
        assert table.late[1] == 0


def test_late_packets_make_the_buffer_deeper_and_quiet_ones_shallower() -> None:
    table = fresh()
    put(table, 0, 10, 1)
    for n in range(1, 5):
        put(table, n * FRAME, 12 + n, 1)
    assert table.late[1] == 3  # then the buffer is deeper, and the fourth is in time
    assert table.depth[1] == 2
    jitter.adapt(table, np.array([1]))
    for n in range(5, 200):
        put(table, n * FRAME, 10 + n - 2, 1)
    jitter.adapt(table, np.array([1]))
    assert table.depth[1] == 1
