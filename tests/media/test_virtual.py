"""What listeners get over any course of switches, kills, losses and doubles, on virtual time, packet by packet."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switchhook.media import g711, plays, rtp
from switchhook.media.shelf import Shelf
from switchhook.media.table import Table
from tests.media.virtual import PHASE_S, ZERO, Stage, small_table, voice, who

LEGS = 4
TABLE = small_table(LEGS)
SETTLED = 30  # phases (150 ms) after which a listener hears exactly what was stated

hearing = st.dictionaries(
    st.integers(0, LEGS - 1), st.lists(st.integers(0, LEGS - 1), unique=True, max_size=3), max_size=LEGS
)
acts = st.lists(st.tuples(st.one_of(hearing, st.just("kill")), st.integers(1, 70)), min_size=1, max_size=10)


class Talkers:
    """All legs' telephones: each sends its voice every 20 ms at a moment of its own; `fates` befall the packets."""

    def __init__(self, stage: Stage, starts: list[tuple[int, int, int]], fates: list[str]) -> None:
        self.stage, self.starts, self.fates = stage, starts, fates
        self.count = 0
        self.late: list[tuple[int, rtp.Packet]] = []

    def phase(self) -> None:
        stage = self.stage
        for row, packet in self.late:
            stage.arrive(row, packet)
        self.late = []
        for row, (offset, seq, ts) in enumerate(self.starts):
            if stage.number % 4 != offset:
                continue
            n = stage.number // 4
            packet = rtp.Packet(0, False, seq + n & 0xFFFF, ts + 160 * n & 0xFFFFFFFF, 70 + row, voice(row))
            fate = self.fates[self.count % len(self.fates)]
            self.count += 1
            if fate == "late":
                self.late.append((row, packet))
            elif fate != "lost":
                stage.arrive(row, packet)
                if fate == "doubled":
                    stage.arrive(row, packet)
        stage.phase()


starts = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 65_535), st.integers(0, 2**32 - 1)), min_size=LEGS, max_size=LEGS
)


def continuous(stage: Stage, *, whole: bool) -> None:
    """One SSRC per listener; timestamps within a frame and a phase of its clock; with `whole`, seq + 1 per packet."""
    for packets in stage.sent.values():
        assert len({packet.ssrc for _, packet in packets}) == 1
        at = packets[0][0]
        unwrapped = 0
        for (_, a), (then, b) in pairwise(packets):
            if whole:
                assert (b.seq - a.seq) & 0xFFFF == 1
            step = (b.ts - a.ts + 2**31 & 0xFFFFFFFF) - 2**31
            assert not whole or step > 0
            unwrapped += step
            assert abs(unwrapped - (then - at) * 8000) <= 2 * 160 + 40, (unwrapped, then - at)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(acts, starts)
def test_each_hears_exactly_who_was_stated_never_himself_over_any_switches_and_kills(
    found: list[tuple[dict[int, list[int]] | str, int]], begun: list[tuple[int, int, int]]
) -> None:
    stage = Stage(TABLE, LEGS)
    talkers = Talkers(stage, begun, ["ok"])
    stated: dict[int, set[int]] = {row: set() for row in range(LEGS)}
    for _ in range(20):
        talkers.phase()
    for act, phases in found:
        before = dict(stated)
        if isinstance(act, str):
            stage.kill()
        else:
            wanted = {row: [v for v in voices if v != row] for row, voices in act.items()}
            stage.hear(wanted)
            stated |= {row: set(voices) for row, voices in wanted.items()}
        for n in range(phases):
            known = {row: len(packets) for row, packets in stage.sent.items()}
            talkers.phase()
            for row, packets in stage.sent.items():
                for _, packet in packets[known.get(row, 0) :]:
                    heard = who(packet)
                    if heard is None:
                        assert not stated[row] or n < SETTLED
                        continue
                    assert row not in heard
                    assert heard <= (stated[row] if n >= 8 else stated[row] | before[row])
                    if n >= SETTLED:
                        assert heard == stated[row]
    continuous(stage, whole=True)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(acts, starts, st.lists(st.sampled_from(["ok"] * 6 + ["lost", "doubled", "late"]), min_size=7, max_size=40))
def test_streams_keep_their_ssrc_and_clock_whatever_is_lost_doubled_or_late(
    found: list[tuple[dict[int, list[int]] | str, int]], begun: list[tuple[int, int, int]], fates: list[str]
) -> None:
    stage = Stage(TABLE, LEGS)
    talkers = Talkers(stage, begun, fates)
    for act, phases in found:
        if isinstance(act, str):
            stage.kill()
        else:
            stage.hear({row: [v for v in voices if v != row] for row, voices in act.items()})
        for _ in range(phases):
            talkers.phase()
    continuous(stage, whole=False)


@pytest.mark.parametrize("voices", [[], [0]], ids=["alone", "with_a_voice"])
@pytest.mark.parametrize("row", range(1, LEGS))
def test_a_sound_begins_with_its_first_frame_however_soon_its_listener_is_served(row: int, voices: list[int]) -> None:
    stage = Stage(TABLE, LEGS)
    TABLE.clock[row] = TABLE.ts[row] - 8000 * (stage.now + 0.005 * (min(row, *voices, row) or 4) - 0.003)
    shelf = Shelf(TABLE)
    shelf.begin(0)
    shelf.add(0, np.repeat(np.arange(1, 6, dtype=np.int16) * 1_000, 160))
    shelf.finish(0)
    plays.begin(TABLE, 0, 1, [0], 1)
    stage.desk.state(row, voices, [0])
    stage.desk.settle()
    for _ in range(30):
        stage.phase()
    heard = [int(g711.decode(np.frombuffer(packet.payload, np.uint8), g711.ULAW)[0]) for _, packet in stage.sent[row]]
    assert heard[:5] == pytest.approx([1_000, 2_000, 3_000, 4_000, 5_000], rel=0.04)
    assert max(abs(sample) for sample in heard[5:]) < 100


@pytest.mark.parametrize("row", range(1, LEGS))
@pytest.mark.parametrize("offset", range(4))
def test_music_begins_half_a_frame_after_the_last_voice_and_then_every_20_ms(row: int, offset: int) -> None:
    for switched in range(40, 44):  # whenever the statement comes
        stage = Stage(TABLE, LEGS)
        talkers = Talkers(stage, [(offset, 0, 0)] * LEGS, ["ok"])
        stage.hear({row: [0], 0: [row]})
        _tone(0)
        while stage.number < switched:
            talkers.phase()
        stage.hear({}, {row: 0})
        for _ in range(60):
            talkers.phase()
        at = [round((when - ZERO) / PHASE_S) for when, _ in stage.sent[row]]
        music = [n for n, when in enumerate(at) if when > switched]
        waited, gap = at[music[0]] - switched, at[music[0]] - at[music[0] - 1]
        assert waited <= 3
        assert 2 <= gap <= 4
        assert {later - sooner for sooner, later in pairwise(at[music[0] :])} == {4}
        continuous(stage, whole=True)


def test_a_listener_whose_new_talker_says_nothing_gets_noise_every_40_ms_and_later_every_100() -> None:
    stage = Stage(TABLE, LEGS)
    talkers = Talkers(stage, [(0, 0, 0)] * LEGS, ["ok"])
    stage.hear({1: [0]})
    for _ in range(40):
        talkers.phase()
    stage.hear({1: [2]})
    for _ in range(400):
        stage.phase()
    at = [round((when - ZERO) / PHASE_S) - 40 for when, _ in stage.sent[1]]
    steps = [(later, later - sooner) for sooner, later in pairwise(at)]
    assert {step for place, step in steps if 12 < place < 100} == {8}
    assert {step for place, step in steps if place > 140} == {20}
    continuous(stage, whole=True)


def test_who_is_put_on_hold_at_once_is_spread_over_the_phases() -> None:
    legs = 400
    table = small_table(legs)
    stage = Stage(table, legs)
    stage.hear({row: [row ^ 1] for row in range(legs)})
    stage.number += 8
    _tone(0, table)
    stage.hear({}, dict.fromkeys(range(legs), 0))
    held = [len(stage.desk.sounds[phase]) for phase in range(4)]
    assert sum(held) == legs
    assert max(held) < 200


def _tone(play: int, table: Table = TABLE) -> None:
    """Makes a sound that goes on for ever."""
    shelf = Shelf(table)
    shelf.begin(0)
    shelf.add(0, np.repeat(np.array([8_000, -8_000], np.int16), 800))
    shelf.finish(0)
    plays.begin(table, play, play + 1, [0], 0)
