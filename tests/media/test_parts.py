"""The smaller nouns of the engine: mixing, keys, latching, sounds' places, kept events."""

from __future__ import annotations

import json
import struct
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switchhook.media import counters, mixer, plays
from switchhook.media.desk import Desk
from switchhook.media.digits import KEYS, Ear, Key, Mouth, two_tones
from switchhook.media.latch import Candidates, Known, Rule
from switchhook.media.outbox import Outbox
from switchhook.media.settings import MediaSettings
from switchhook.media.shelf import Shelf
from switchhook.media.sounds import Cupboard
from switchhook.media.table import BROKEN, ENDED, EVENT_SLOTS, FAILED, FRAME, MIX, NOISE, READY, RELAY, SOUND, Table
from tests.media.phones import amplitude

TABLE = Table(MediaSettings(max_legs=12, clip_memory_mb=4, max_recordings=1, max_clips=8))


def fresh() -> Table:
    TABLE.clear()
    TABLE.clip_state[:] = 0
    TABLE.event_numbers[:] = 0
    return TABLE


# --- mixing

hearing = st.dictionaries(
    st.integers(0, 11), st.lists(st.integers(0, 11), unique=True, max_size=11), min_size=1, max_size=12
)


@settings(max_examples=80, deadline=None)
@given(hearing, st.dictionaries(st.integers(0, 11), st.lists(st.integers(0, 3), max_size=3)), st.integers(0, 99))
def test_mixing_is_a_plain_sum_of_what_each_hears(
    stated: dict[int, list[int]], sounds: dict[int, list[int]], seed: int
) -> None:
    hears = {row: [voice for voice in voices if voice != row] for row, voices in stated.items()}
    random = np.random.default_rng(seed)
    said = random.integers(-12_000, 12_000, (13, FRAME)).astype(np.float32)
    said[12] = 0
    played = random.integers(-3_000, 3_000, (4, FRAME)).astype(np.int16)
    found = mixer.rooms(hears)
    assert sorted(row for listeners, _ in found for row in listeners) == sorted(hears)
    plan = mixer.plan([mixer.room(*group, hears, sounds, 12) for group in found])
    mixed = plan.mix(said, [played[which] for _, which in plan.sounds])
    for place, row in enumerate(plan.listeners.tolist()):
        expected = np.zeros(FRAME)
        for voice in hears[row]:
            expected += said[voice]
        for sound in sounds.get(row, []):
            expected += played[sound]
        assert np.abs(mixed[place] - np.clip(expected, -32_768, 32_767)).max() <= 1


def test_two_rooms_do_not_touch() -> None:
    found = mixer.rooms({1: [2], 2: [1], 5: [6, 7], 8: []})
    assert sorted(found) == [([1, 2], [1, 2]), ([5], [6, 7]), ([8], [])]


@pytest.mark.parametrize("size", [2, 3, 4, 8, 10, 16])
def test_rooms_of_any_size_have_all_phases_alike(size: int) -> None:
    rooms = 400
    held = [0] * 4
    for first in range(0, rooms * size, size):
        rows = list(range(first, first + size))
        hears = {row: [other for other in rows if other != row] for row in rows}
        held[mixer.room(rows, rows, hears, {row: [] for row in rows}, rooms * size).phase] += 1
    assert max(held) <= 1.15 * rooms / 4, held


def test_the_desk_chooses_the_cheapest_way_for_each_listener() -> None:
    table = fresh()
    for row in range(6):
        table.begin_leg(row, row + 1, 1.0)
        table.connected[row], table.frame_ms[row] = 1, 20
    table.codec[3] = 1
    desk = Desk(table)
    desk.state(0, [1], [])
    desk.state(1, [0, 2], [])
    desk.state(2, [], [0])
    desk.state(3, [1], [])
    desk.state(4, [1], [0])
    desk.settle()
    assert table.mode[:6].tolist() == [RELAY, MIX, SOUND, MIX, MIX, NOISE]
    places, listeners = desk.relay_pairs(np.array([1, 2]))
    assert (places.tolist(), listeners.tolist()) == ([0], [0])
    assert table.ring_on[:6].tolist() == [1, 1, 1, 0, 0, 0]
    desk.forget(1)
    desk.settle()
    assert table.mode[:5].tolist() == [NOISE, NOISE, SOUND, NOISE, SOUND]
    again = Desk(table)  # a pump that takes over lays out the same
    again.settle()
    assert [sorted(each.rows) for each in again.noise] == [sorted(each.rows) for each in desk.noise]


# --- keys


def event(code: int, duration: int, end: bool = False) -> bytes:
    return struct.pack("!BBH", code, 0x8A if end else 10, duration)


@given(st.lists(st.tuples(st.integers(0, 15), st.integers(2, 20)), max_size=6), st.data(), st.integers(0, 2**32 - 1))
def test_each_key_is_found_once_whatever_packets_are_lost(
    pressed: list[tuple[int, int]], data: st.DataObject, ts: int
) -> None:
    ear, found, now, expected = Ear(), [], 0.0, []
    for code, frames in pressed:
        packets = [event(code, n * 160) for n in range(1, frames + 1)] + [event(code, frames * 160, True)] * 3
        kept = data.draw(st.lists(st.sampled_from(range(len(packets))), min_size=1, unique=True).map(sorted))
        for n in kept:
            now += 0.02
            found += ear.packet(7, ts, packets[n], now)
        expected.append(KEYS[code])
        now += 0.3
        found += ear.waited(now)
        ts = ts + 40_000 & 0xFFFFFFFF
    assert [key.digit for key in found] == expected
    assert ear.quiet(now)


def test_a_key_held_for_nine_seconds_is_one_key() -> None:
    ear, mouth, found, ts = Ear(), Mouth(), [], 1000
    mouth.press("5", 9_000)
    now, packets = 0.0, 0
    while (step := mouth.step(events=True)) is not None:
        now += 0.02
        ts += step.ts_step
        for payload in step.payloads:
            packets += 1
            found += ear.packet(1, ts, payload, now)
    assert found == [Key("5", 9_000)]
    assert packets == 450 + 2
    assert mouth.finished() == [-1]


def test_pauses_and_letters() -> None:
    mouth, steps = Mouth(), []
    mouth.press("1w2x", 40)
    while not mouth.idle:
        steps.append(mouth.step(events=True))
    starts = [n for n, step in enumerate(steps) if step is not None and step.starts]
    assert len(starts) == 2
    assert 0.5 <= (starts[1] - starts[0] - 2) * 0.02 < 0.65


@pytest.mark.parametrize(
    ("digit", "low", "high"), [("1", 697, 1209), ("#", 941, 1477), ("D", 941, 1633), ("0", 941, 1336)]
)
def test_keys_as_tones_are_those_of_q23(digit: str, low: int, high: int) -> None:
    sound = np.concatenate([two_tones(digit, n) for n in range(10)]).astype(float)
    assert amplitude(sound, low) == pytest.approx(7_000, rel=0.03)
    assert amplitude(sound, high) == pytest.approx(7_000, rel=0.03)


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.binary(max_size=6))))
def test_no_event_bytes_make_the_ear_fail(packets: list[tuple[int, bytes]]) -> None:
    ear = Ear()
    for n, (ts, payload) in enumerate(packets):
        ear.packet(1, ts, payload, n * 0.02)


# --- latching

NEAR, NAT, FAR = ("10.0.0.1", 4000), ("192.0.2.1", 999), ("203.0.113.9", 5)


def known(rule: Rule, **changes: object) -> Known:
    wanted: dict[str, object] = {
        "rule": rule, "sdp": NEAR, "signalling_host": NAT[0], "connected_at": 0.0, "latched": None, "arrival": 0.0,
        "ssrc": 0, "seq": 0,
    }  # fmt: skip
    return Known(**{**wanted, **changes})  # type: ignore[arg-type]


def test_the_sdp_address_is_taken_at_once_others_after_two_in_sequence() -> None:
    for rule, nat, far in ((Rule.STRICT, False, False), (Rule.SIGNALLING, True, False), (Rule.ANY, True, True)):
        state = known(rule)
        assert Candidates().accepts(1, state, NEAR, 5, 1, 1.0)
        for source, wanted in ((NAT, nat), (FAR, far)):
            candidates = Candidates()
            assert not candidates.accepts(1, state, source, 5, 65_535, 1.0)
            assert candidates.accepts(1, state, source, 5, 0, 1.0) is wanted
        candidates = Candidates()
        assert not any(candidates.accepts(1, state, NAT, 5, n * 2, 1.0) for n in range(9))
        assert not any(Candidates().accepts(1, state, FAR, 5, n, 6.0) for n in range(9))


def test_once_found_it_is_kept_but_for_a_nat_that_forgot() -> None:
    state = known(Rule.ANY, latched=NAT, arrival=10.0, ssrc=5, seq=100)
    moved = (NAT[0], 1234)
    cases = [
        (moved, 5, 101, 10.3, False), (moved, 5, 101, 10.5, True), (moved, 6, 101, 10.5, False),
        (moved, 5, 99, 10.5, False), (FAR, 5, 101, 10.5, False), (NEAR, 8, 1, 10.3, False), (NEAR, 8, 1, 10.5, True),
    ]  # fmt: skip
    for source, ssrc, seq, now, wanted in cases:
        assert Candidates().accepts(1, state, source, ssrc, seq, now) is wanted, (source, ssrc, seq, now)
    strict = known(Rule.STRICT, latched=NEAR, arrival=10.0, ssrc=5, seq=100)
    assert not Candidates().accepts(1, strict, (NEAR[0], 1), 5, 101, 10.5)


# --- sounds


def clip(table: Table, place: int, frames: int, state: int = READY) -> None:
    table.clip_start[place] = place * 100
    table.clip_ready[place], table.clip_frames[place], table.clip_state[place] = frames, frames, state
    table.arena[place * 100 : place * 100 + frames] = (place * 100 + np.arange(frames))[:, None]


@given(st.lists(st.integers(0, 4), min_size=0, max_size=5), st.integers(1, 3))
def test_a_sound_gives_its_clips_in_order_as_often_as_asked_and_ends_once(lengths: list[int], repeat: int) -> None:
    table = fresh()
    for place, frames in enumerate(lengths):
        clip(table, place, frames)
    plays.begin(table, 3, 1, list(range(len(lengths))), repeat)
    heard, ends = [], 0
    for _ in range(80):
        frames, ended = plays.take(table, np.array([3]))
        ends += ended == [3]
        if table.play_state[3] != ENDED:
            heard.append(int(frames[0, 0]))
        else:
            assert not frames.any()
    assert ends == 1
    assert heard == [place * 100 + n for place, frames in enumerate(lengths) for n in range(frames)] * repeat


def test_an_endless_sound_of_nothing_is_silence_and_a_broken_clip_ends_it() -> None:
    table = fresh()
    clip(table, 0, 0)
    clip(table, 1, 2)
    clip(table, 2, 0, FAILED)
    plays.begin(table, 1, 1, [0], 0)
    plays.begin(table, 2, 2, [1, 2], 0)
    ended = [plays.take(table, np.array([1, 2]))[1] for _ in range(6)]
    assert ended == [[], [], [2], [], [], []]
    assert table.play_state[2] == BROKEN


def test_a_clip_that_is_still_being_decoded_is_waited_for() -> None:
    table = fresh()
    clip(table, 0, 3, state=1)
    table.clip_frames[0] = 0
    plays.begin(table, 1, 1, [0], 1)
    assert [int(plays.take(table, np.array([1]))[0][0, 0]) for _ in range(5)] == [0, 1, 2, 0, 0]
    table.arena[3] = 3
    table.clip_ready[0] = table.clip_frames[0] = 4
    table.clip_state[0] = READY
    assert int(plays.take(table, np.array([1]))[0][0, 0]) == 3
    assert plays.take(table, np.array([1]))[1] == [1]


def test_the_shelf_keeps_clips_apart_and_uses_room_again() -> None:
    table = fresh()
    shelf = Shelf(table)
    for place in range(3):
        shelf.begin(place)
        for piece in np.split(np.full(1_000, place + 1, np.int16), 4):
            shelf.add(place, piece)
        assert shelf.finish(place) == 7
    spans = sorted((int(table.clip_start[n]), int(table.clip_frames[n])) for n in range(3))
    assert all(a + length <= b for (a, length), (b, _) in pairwise(spans))
    for place in range(3):
        start = int(table.clip_start[place])
        assert (table.arena[start : start + 6] == place + 1).all()
        assert table.arena[start + 6].tolist() == [place + 1] * 40 + [0] * 120
    shelf.forget(1)
    shelf.begin(4)
    assert int(table.clip_start[4]) not in {int(table.clip_start[0]), int(table.clip_start[2])}


def test_clips_are_shared_and_the_longest_unused_goes_first() -> None:
    cupboard = Cupboard(20, 1_000)
    first, messages = cupboard.want("tone:440:20")
    assert [m["say"] for m in messages] == ["load"]
    assert cupboard.want("tone:440:20") == (first, [])
    first.done, first.frames = True, 900
    second, messages = cupboard.want("tone:441:20")
    assert [m["say"] for m in messages] == ["forget", "load"]
    second.users, second.done, second.frames = 1, True, 900
    assert [m["say"] for m in cupboard.want("tone:442:20")[1]] == ["load"]
    assert [m["spec"] for m in cupboard.all_wanted()] == ["tone:441:20", "tone:442:20"]


# --- events


def test_events_are_kept_until_acknowledged_also_over_a_restart() -> None:
    table = fresh()
    box = Outbox(table)
    for n in range(5):
        assert box.add({"is": "digit", "n": n})
    assert [json.loads(e)["n"] for e in box.unsent(3)] == [0, 1, 2]
    box.acknowledged(2)
    after = Outbox(table)
    again = [json.loads(e) for e in after.unsent()]
    assert [(e["number"], e["n"]) for e in again] == [(3, 2), (4, 3), (5, 4)]
    assert after.unsent() == []
    after.again()
    assert len(after.unsent()) == 3


def test_when_nobody_listens_the_box_fills_and_says_so() -> None:
    table = fresh()
    box = Outbox(table)
    kept = sum(box.add({"n": n}) for n in range(EVENT_SLOTS + 3))
    assert kept == EVENT_SLOTS
    box.acknowledged(10)
    assert box.add({"n": 0})
    assert not box.add({"n": "x" * 600})


# --- counters


def test_load_is_the_share_of_the_last_second_and_many_legs_make_it_full() -> None:
    def message(phases: int, work: int, legs: int) -> dict[str, object]:
        values = [0] * 16
        values[5], values[8] = phases, work
        return {"wire": "epoll", "legs": legs, "values": values, "missed": [0, 0, 0], "jitter_ms": 0.0}

    before = counters.read(message(200, 100_000, 500), None)
    assert before.load == 0.0
    now = counters.read(message(400, 1_000_000, 500), before)
    assert now.load == pytest.approx(0.9)
    assert now.full
    assert not counters.read(message(400, 1_000_000, 5), before).full
    assert not counters.read(message(400, 700_000, 500), before).full
