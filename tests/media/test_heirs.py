"""Whom the heir of a killed pump takes over first, and that those who wait lose nothing by it."""

from __future__ import annotations

import numpy as np
import pytest

from switchhook.media import heirs, rtp
from switchhook.media.table import MIX, NOISE, RELAY, Table
from tests.media.virtual import Stage, small_table, voice

FRAME_PHASES = 4


@pytest.fixture(scope="module")
def table() -> Table:
    return small_table(64)


def partners(stage: Stage) -> None:
    stage.hear({row: [row ^ 1] for row in range(stage.legs)})


def says(stage: Stage, row: int, count: int, first: int = 0) -> None:
    """A telephone sends so many packets, one each 20 ms."""
    for number in range(first, first + count):
        stage.arrive(row, rtp.Packet(0, False, number, number * 160, 7000 + row, voice(row % 5)))
        for _ in range(FRAME_PHASES):
            stage.phase()


def test_only_pairs_who_say_nothing_wait(table: Table) -> None:
    stage = Stage(table, 12)
    partners(stage)
    stage.hear({4: [5, 6], 8: []})  # 4 hears two, 8 nobody
    says(stage, 0, 5)
    assert table.mode[[0, 4, 8, 10]].tolist() == [RELAY, MIX, NOISE, RELAY]
    # 0 speaks and 1 hears it; 4 mixes 5 and 6; 8 is sent noise. 5 and 6 are heard in a room, 7 hears 6.
    assert heirs.idle(table, stage.now).tolist() == [2, 3, 7, 9, 10, 11]
    assert heirs.idle(table, stage.now + heirs.SPOKE_S).tolist() == [0, 1, 2, 3, 7, 9, 10, 11]


def test_who_is_listened_for_or_recorded_does_not_wait(table: Table) -> None:
    stage = Stage(table, 8)
    partners(stage)
    stage.take({"say": "notice", "row": 2, "use": 3, "on": True})
    table.begin_ring(4)  # as of a recording
    stage.desk.settle()
    assert heirs.idle(table, stage.now).tolist() == [0, 1, 3, 5, 6, 7]


@pytest.mark.parametrize("silent", [4, 60])
def test_those_who_speak_are_back_at_once_however_many_are_silent(table: Table, silent: int) -> None:
    stage = Stage(table, 4 + silent)
    partners(stage)
    for row in range(4):
        says(stage, row, 2)
    stage.kill()
    assert stage.wire.live == {0, 1, 2, 3}
    heard = len(stage.sent[1])
    stage.arrive(0, rtp.Packet(0, False, 2, 320, 7000, voice(0)))
    stage.phase()
    assert len(stage.sent[1]) == heard + 1
    for _ in range(silent):
        stage.phase()
    assert stage.wire.live == set(range(stage.legs))
    assert not stage.desk.idle


def test_who_begins_to_speak_before_its_turn_is_heard_a_little_later(table: Table) -> None:
    stage = Stage(table, 10)
    partners(stage)
    stage.kill()
    assert list(stage.desk.idle) == list(range(10))
    says(stage, 9, 6)
    got = [packet for _, packet in stage.sent[8] if packet.payload == voice(4)]
    assert len(got) == 6
    assert set(np.diff([packet.seq for packet in got])) == {1}


def test_a_statement_about_one_who_waits_finds_it_taken_over(table: Table) -> None:
    stage = Stage(table, 10)
    partners(stage)
    mode = table.mode[:10].tolist()
    source, marks = table.source[:10].tolist(), table.mark[:10].tolist()
    stage.kill()
    partners(stage)
    assert table.mode[:10].tolist() == mode
    assert (table.source[:10].tolist(), table.mark[:10].tolist()) == (source, marks)
    stage.hear({8: [9, 1]})
    assert table.mode[8] == MIX
    assert {8, 9, 1} <= stage.wire.live
