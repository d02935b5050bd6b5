"""Clocks, keys, strangers, NAT and stalled disks, on virtual time with the pump's own parts."""

from __future__ import annotations

import struct
from itertools import pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switchhook.media import jitter, rtcp, rtp
from switchhook.media.table import RECORDING_FRAMES
from tests.media.virtual import PHASE_S, STEP, Stage, small_table, taken, voice, who

TABLE = small_table(8)


def audio(row: int, n: int) -> rtp.Packet:
    return rtp.Packet(0, False, n & 0xFFFF, 160 * n & 0xFFFFFFFF, 70 + row, voice(row))


def run(stage: Stage, phases: int, talkers: tuple[int, ...]) -> None:
    """Lets time pass while these legs talk, each in the phase of its number."""
    for _ in range(phases):
        for row in talkers:
            if stage.number % 4 == row % 4:
                stage.arrive(row, audio(row, stage.number // 4))
        stage.phase()


# --- clocks


@pytest.mark.slow
@settings(max_examples=4, deadline=None)
@given(st.integers(0, 2**31 - 1), st.sampled_from([0.0, 4.0, 14.0]))
def test_without_loss_no_frame_is_ever_concealed_given_or_taken(seed: int, shake_ms: float) -> None:
    """20 s of 200 talkers at any moments of the 20 ms, packets shaken by less than a frame less a phase."""
    table, random = small_table(200), np.random.default_rng(seed)
    rows = np.arange(200)
    for row in rows.tolist():
        table.begin_leg(row, row + 1, 100.0)
        table.begin_ring(row)
    phase, offset = random.integers(0, 4, 200), random.uniform(0, 20, 200)
    begun = 0
    arrival = offset + random.uniform(0, shake_ms, 200)
    sent = np.zeros(200, np.int64)
    for number in range(4_000):
        here = np.flatnonzero(arrival <= number * 5.0)
        if len(here):
            tick = (number - phase[here] + 3) // 4
            samples = np.full((len(here), 160), 1_000, np.int16)
            length, early = np.full(len(here), 160), 4 * tick + phase[here] - number
            jitter.put(table, here, sent[here] * 160, samples, length, tick, early)
            sent[here] += 1
            arrival[here] = offset[here] + sent[here] * 20.0 + random.uniform(0, shake_ms, len(here))
        due = rows[phase == number % 4]
        heard = taken(table, due, number // 4)
        if number == 40:
            begun = 1
        assert not begun or (heard == 1_000).all()
        if number % 1_000 == 999:
            before = table.ring_half.copy()
            jitter.adapt(table, rows)
            assert (table.ring_half == before).all()
            assert not table.shift.any()
    assert not table.late.any()


@pytest.mark.parametrize("late_ticks", [0, 1, 3, 6])
@pytest.mark.parametrize(("quiet", "by"), [(range(120, 122), 122), (range(0), 250)], ids=["speech", "tone"])
def test_a_first_packet_that_came_late_delays_the_talker_until_his_first_pause(
    late_ticks: int, quiet: range, by: int
) -> None:
    table, rows = small_table(1), np.array([0])
    table.begin_leg(0, 1, 100.0)
    table.begin_ring(0)
    length, delays, loud = np.full(1, 160), [], []
    for tick in range(400):
        for number in [tick] if tick > late_ticks else range(late_ticks + 1) if tick == late_ticks else []:
            samples = np.full((1, 160), 100 if number in quiet else 1_000, np.int16)
            jitter.put(table, rows, np.full(1, 160 * number), samples, length, np.full(1, tick))
        delays.append(int(table.ring_half[0]) // 2 - tick)
        loud.append(bool((taken(table, rows, tick) == 1_000).all()))
        if tick % 50 == 49:
            jitter.begin(table, rows)
        if tick % 250 == 249:
            jitter.adapt(table, rows)
    assert delays[late_ticks] == 1 + late_ticks
    assert set(delays[by:]) == {1}
    assert loud.count(False) <= late_ticks + 1 + len(quiet)  # before the first frame, and the pause
    assert table.late[0] == 0


@pytest.mark.slow
def test_clocks_that_are_off_cost_quiet_frames_only() -> None:
    """A quarter of an hour of speech with pauses: no loud frame is concealed, dropped or doubled; delay stays."""
    ppm = np.array([200, -200, 100, -100, 0])
    table, rows = small_table(5), np.arange(5)
    for row in rows.tolist():
        table.begin_leg(row, row + 1, 100.0)
        table.begin_ring(row)
    sent, moved = np.zeros(5, np.int64), np.zeros(5, np.int64)
    last, length = np.zeros(5, np.int64), np.full(5, 480)
    frame = np.arange(480) // 160
    for tick in range(45_000):
        while len(here := np.flatnonzero(sent * 3 * (1 - ppm / 1e6) <= tick)):  # packets of 60 ms
            loud = sent[here] // 16 % 4 < 3  # every fourth second is a pause
            values = 1_000 + (3 * sent[here][:, None] + frame) % 20_000
            samples = np.where(loud[:, None], values, 0).astype(np.int16)
            jitter.put(table, here, sent[here] * 480, samples, length[: len(here)], np.full(len(here), tick))
            sent[here] += 1
        heard = taken(table, rows, tick)[:, 0].astype(np.int64)
        talks = (heard > 1_000) & (last > 0)
        assert tick < 8 or (heard[talks] == last[talks] + 1).all()
        last = heard
        if tick % 250 == 249:
            assert not table.shift[rows].any(), "no pause was used"
            jitter.adapt(table, rows)
            moved += np.abs(table.shift[rows])
            assert (table.ring_half[rows] - 2 * tick <= 12).all()
    assert not table.late[rows].any()
    assert moved[4] == 0
    assert ((moved[:2] >= 7) & (moved[:2] <= 11)).all(), moved  # 9 frames at 200 ppm
    assert ((moved[2:4] >= 3) & (moved[2:4] <= 6)).all(), moved


# --- keys


def press(stage: Stage, row: int, code: int, first: int, packets: list[tuple[int, bool]]) -> None:
    """Sends an event's packets (duration, end) in one phase, numbered from `first`."""
    for n, (duration, end) in enumerate(packets):
        payload = struct.pack("!BBH", code, 0x8A if end else 10, duration)
        stage.arrive(row, rtp.Packet(101, n == 0, first + n & 0xFFFF, 160 * first, 70 + row, payload))
    stage.phase()


def events(stage: Stage) -> list[dict[str, object]]:
    return [msgspec.json.decode(each) for each in stage.outbox.unsent()]


def test_a_switch_in_the_middle_of_a_key_ends_it_for_the_listener_and_reports_it_once() -> None:
    stage = Stage(TABLE, 3)
    stage.hear({0: [1], 1: [0], 2: [1]})
    run(stage, 40, (0, 1, 2))
    n = stage.number // 4
    press(stage, 1, 5, n, [(160, False), (320, False)])
    stage.sent.clear()
    stage.hear({0: [2], 2: [0]})
    ends = [p for _, p in stage.sent[0] if p.payload_type == 101]
    assert [p.payload[1] & 0x80 for p in ends] == [0x80] * 3
    assert len({p.ts for p in ends}) == 1
    run(stage, 40, (0, 2))
    stage.inbound.listen(stage.now + 1.0)
    assert [e["digit"] for e in events(stage) if e["is"] == "digit"] == ["5"]
    packets = [p for _, p in stage.sent[0]]
    assert all((b.seq - a.seq) & 0xFFFF == 1 for a, b in pairwise(packets))
    assert not any(p.payload_type == 101 for p in packets[3:])


def test_payload_types_of_keys_are_mapped_between_telephones() -> None:
    stage = Stage(TABLE, 2)
    stage.take({
        "say": "leg", "row": 1, "use": 2, "version": 2, "remote": list(stage.address(1)), "codec": 0, "payload": 0,
        "digits": 96, "noise": None, "direction": 0, "frame_ms": 20, "mux": False, "rtcp_port": 0, "latching": 0,
        "signalling": "10.0.0.1",
    })  # fmt: skip
    stage.hear({0: [1], 1: [0]})
    run(stage, 40, (0, 1))
    stage.sent.clear()
    press(stage, 0, 7, stage.number // 4, [(160, False), (320, False), (480, True), (480, True), (480, True)])
    run(stage, 8, ())
    assert {p.payload_type for _, p in stage.sent[1] if len(p.payload) == 4} == {96}
    assert [e["digit"] for e in events(stage) if e["is"] == "digit"] == ["7"]


# --- strangers and NAT


def test_a_report_on_the_audio_port_may_come_before_any_audio() -> None:
    stage = Stage(TABLE, 2)
    stage.take({
        "say": "leg", "row": 1, "use": 2, "version": 2, "remote": list(stage.address(1)), "codec": 0, "payload": 0,
        "digits": 96, "noise": None, "direction": 0, "frame_ms": 20, "mux": True, "rtcp_port": 0, "latching": 0,
        "signalling": "10.0.0.1",
    })  # fmt: skip
    block = rtcp.Block(int(TABLE.ssrc[1]), 0, 7, 100, 8)
    stage.wire.queue.append((1, stage.address(1), rtcp.build(rtcp.Report(99, (block,)), "phone")))
    run(stage, 4, ())
    assert (TABLE.strangers[1], TABLE.remote_lost[1], TABLE.latched_port[1]) == (0, 7, 0)
    run(stage, 4, (1,))
    assert (TABLE.latched_port[1], TABLE.received[1]) == (stage.address(1)[1], 1)


def test_nonsense_from_the_address_of_the_sdp_makes_it_nobodys() -> None:
    stage = Stage(TABLE, 1)
    before = int(TABLE.counters[3])
    for packet in (b"", b"\0\1\0\0" + bytes(16), b"\x80"):
        stage.wire.queue.append((0, stage.address(0), packet))
        run(stage, 1, ())
    assert (TABLE.latched_port[0], TABLE.received[0], TABLE.counters[3] - before) == (0, 0, 3)


def test_a_flood_of_strangers_is_counted_and_nobody_notices() -> None:
    stage = Stage(TABLE, 2)
    stage.hear({0: [1], 1: [0]})
    run(stage, 40, (0, 1))
    stage.sent.clear()
    for _ in range(200):
        for n in range(6):
            packet = rtp.Packet(0, False, n, n, 0xBAD, voice(3))
            stage.arrive(0, packet, ("203.0.113.9", 9_000 + n))
        run(stage, 1, (0, 1))
    assert int(TABLE.strangers[0]) == 1_200
    for row, other in ((0, 1), (1, 0)):
        packets = [p for _, p in stage.sent[row]]
        assert len(packets) >= 49
        assert all(who(p) == {other} for p in packets)
        assert all((b.seq - a.seq) & 0xFFFF == 1 for a, b in pairwise(packets))
    assert len(stage.inbound._candidates._seen) <= 2  # the flood left nothing behind


def test_two_telephones_behind_one_address_are_told_apart_and_each_may_move_its_port() -> None:
    stage = Stage(TABLE, 4)
    for row in (0, 1):  # private SDP; both are seen as the address that SIP came from
        stage.take({
            "say": "leg", "row": row, "use": row + 1, "version": 2, "remote": ["192.168.0.5", 5004], "codec": 0,
            "payload": 0, "digits": 101, "noise": None, "direction": 0, "frame_ms": 20, "mux": False, "rtcp_port": 0,
            "latching": 1, "signalling": "198.51.100.7",
        })  # fmt: skip
    stage.hear({0: [2], 2: [0], 1: [3], 3: [1]})

    def both(phases: int, ports: tuple[int, int]) -> None:
        for _ in range(phases):
            for row in (0, 1):
                if stage.number % 4 == row:
                    stage.arrive(row, audio(row, stage.number // 4), ("198.51.100.7", ports[row]))
            run(stage, 1, (2, 3))

    both(60, (31_000, 31_002))
    assert stage.wire.expected[0] == ("198.51.100.7", 31_000)
    assert stage.wire.expected[1] == ("198.51.100.7", 31_002)
    run(stage, 120, (2, 3))  # the NAT forgets both
    both(60, (40_001, 40_002))
    assert stage.wire.expected[0] == ("198.51.100.7", 40_001)
    assert stage.wire.expected[1] == ("198.51.100.7", 40_002)
    assert who(stage.sent[2][-1][1]) == {0}
    assert who(stage.sent[3][-1][1]) == {1}


def at(stage: Stage, row: int, sdp: tuple[str, int]) -> None:
    """Says where a telephone is whose SIP comes from 198.51.100.7."""
    stage.version += 1
    stage.take({
        "say": "leg", "row": row, "use": row + 1, "version": stage.version + 1, "remote": list(sdp), "codec": 0,
        "payload": 0, "digits": 101, "noise": None, "direction": 0, "frame_ms": 20, "mux": False, "rtcp_port": 0,
        "latching": 1, "signalling": "198.51.100.7",
    })  # fmt: skip
    stage.desk.settle()


def hears_from(stage: Stage, packets: int, source: tuple[str, int], ssrc: int) -> int:
    """Lets leg 1 send so many packets from there; returns how many were taken."""
    before = int(TABLE.received[1])
    for _ in range(packets):
        run(stage, 4, ())
        n = stage.number // 4
        stage.arrive(1, rtp.Packet(0, False, n, 160 * n, ssrc, voice(1)), source)
    stage.phase()
    return int(TABLE.received[1]) - before


@pytest.mark.parametrize("under_way", [0, 1, 2, 10])
@pytest.mark.parametrize("ssrc", [71, 99])
@pytest.mark.parametrize("nat", [True, False])
def test_what_is_under_way_when_new_sdp_comes_does_not_lock_the_telephone_out(
    nat: bool, ssrc: int, under_way: int
) -> None:
    stage = Stage(TABLE, 2)
    stage.hear({0: [1], 1: [0]})
    old, new = ("198.51.100.7", 31_000), ("198.51.100.7", 31_002)
    at(stage, 1, ("192.168.0.5", 5_004) if nat else old)
    assert hears_from(stage, 20, old, 71) >= 19
    at(stage, 1, ("192.168.0.5", 5_006) if nat else new)
    strangers = int(TABLE.strangers[1])
    assert hears_from(stage, under_way, old, 71) == 0
    assert int(TABLE.strangers[1]) == strangers + under_way
    assert hears_from(stage, 50, new, ssrc) >= 49
    assert stage.wire.expected[1] == new


def test_an_address_that_goes_on_speaking_after_new_sdp_is_the_telephones_after_all() -> None:
    stage = Stage(TABLE, 2)
    stage.hear({0: [1], 1: [0]})
    source = ("198.51.100.7", 31_000)
    at(stage, 1, ("192.168.0.5", 5_004))
    hears_from(stage, 20, source, 71)
    at(stage, 1, ("198.51.100.7", 40_000))  # a guess of its own that is wrong
    assert hears_from(stage, 100, source, 71) >= 48


def test_new_sdp_in_the_middle_of_a_key_neither_loses_nor_doubles_it_nor_passes_on_what_is_kept() -> None:
    stage = Stage(TABLE, 2)
    stage.hear({0: [1], 1: [0]})
    at(stage, 1, ("198.51.100.7", 31_000))
    hears_from(stage, 20, ("198.51.100.7", 31_000), 71)
    stage.take({"say": "keep_keys", "row": 1, "use": 2, "on": True})
    stage.sent.clear()
    for n, (duration, end) in enumerate([(160, False), (320, False), (480, True), (480, True), (480, True)]):
        payload = struct.pack("!BBH", 9, 0x8A if end else 10, duration)
        if n in (2, 4):
            at(stage, 1, ("198.51.100.7", 32_000 + n))
        source = ("198.51.100.7", 31_000 if n < 2 else 32_002 if n < 4 else 32_004)
        stage.arrive(1, rtp.Packet(101, n == 0, stage.number, 9_999, 71, payload), source)
        stage.phase()
    assert [e["digit"] for e in events(stage) if e["is"] == "digit"] == ["9"]
    assert not any(packet.payload_type == 101 for _, packet in stage.sent.get(0, []))


# --- a disk that stands still


@pytest.mark.parametrize(("stalled_s", "gap"), [(10.0, 0), (15.0, 110)])
def test_a_disk_may_stand_still_for_ten_seconds_and_longer_ones_are_told_as_a_gap(stalled_s: float, gap: int) -> None:
    stage = Stage(TABLE, 2)
    stage.hear({0: [1], 1: [0]})
    stage.take({
        "say": "record", "slot": 0, "use": 9, "left": [[0, 1]], "right": [[1, 2]], "limit": 0,
        "paused": False, "ears": [], "channels": 2,
    })  # fmt: skip
    stage.desk.settle()
    TABLE.rec_taken[0] = 0
    run(stage, round(stalled_s / PHASE_S), (0, 1))
    TABLE.rec_taken[0] = TABLE.rec_written[0]  # the disk is back
    run(stage, 40, (0, 1))
    assert int(TABLE.rec_dropped[0]) == gap
    assert int(TABLE.rec_written[0]) == round(stalled_s / 0.02) + 10 - gap
    assert int(TABLE.rec_written[0]) % RECORDING_FRAMES or gap
    said = TABLE.rec_ring[0, (int(TABLE.rec_written[0]) - 1) % RECORDING_FRAMES, :, 0]
    assert abs(int(said[0]) - STEP) < 20
    assert abs(int(said[1]) - 2 * STEP) < 40
