"""Each figure of our RTCP reports, reckoned here once more from what came and went (RFC 3550 6.4, A.3, A.8)."""

from __future__ import annotations

from random import Random
from types import SimpleNamespace
from unittest.mock import patch

import pytest

from switchhook.media import reporter, rtcp, rtp
from switchhook.media.rtp import FRAME
from switchhook.media.settings import MediaSettings
from switchhook.media.table import Table
from tests.media.virtual import ZERO, Stage

TIME_OF_DAY = 1_800_000_000.25
SSRC, FIRST = 0xFEDC_BA98, 65_500  # the numbers go round once


@pytest.fixture
def stage() -> Stage:
    made = Stage(Table(MediaSettings(max_legs=4, clip_memory_mb=1, max_recordings=1, max_clips=4)), 2)
    made.hear({0: [1], 1: [0]})
    return made


class Speaker:
    """A telephone that says a packet every 20 ms, of which some are lost, late by some phases, or come twice."""

    def __init__(self, stage: Stage) -> None:
        self._stage, self._chance, self._said = stage, Random(4), 0
        self.came: list[tuple[float, int, int]] = []  # when, which, timestamp

    def say(self, count: int, *, loss: float) -> None:
        waiting: list[tuple[int, int]] = []
        for n in range(4 * count):
            if n % 4 == 0:
                late = self._chance.choice((0, 0, 1, 2))
                if not self._said or self._chance.random() >= loss:
                    waiting.append((n + late, self._said))
                    if self._chance.random() < 0.05:
                        waiting.append((n + late, self._said))
                self._said += 1
            for _, which in [each for each in waiting if each[0] == n]:
                self._arrive(which)
            waiting = [each for each in waiting if each[0] != n]
            self._stage.phase()

    def _arrive(self, which: int) -> None:
        ts = 160 * which + 0xFFFF_F000 & 0xFFFF_FFFF
        self.came.append((self._stage.now + 0.005, which, ts))
        self._stage.arrive(0, rtp.Packet(0, which == 0, FIRST + which & 0xFFFF, ts, SSRC, bytes(160)))

    @property
    def jitter(self) -> float:
        """As in A.8."""
        jitter = 0.0
        for (before, _, said), (now, _, says) in zip(self.came, self.came[1:], strict=False):
            moved = (now - before) * 8_000 - ((says - said + 2**31 & 0xFFFF_FFFF) - 2**31)
            jitter += (abs(moved) - jitter) / 16
        return jitter

    def lost(self, since: int = -1, before: int = 0) -> tuple[int, int, int]:
        """Returns the highest number, how many are missing behind `since`, and how many were to come."""
        highest = max(which for _, which, _ in self.came)
        expected = highest - since
        return highest, expected - (len({which for _, which, _ in self.came}) - before), expected


def report(stage: Stage, row: int, *, after_s: float = 0.0, bye: bool = False) -> rtcp.Report:
    with patch.object(reporter, "time", SimpleNamespace(time=lambda: TIME_OF_DAY)):
        stage.reporter.send(row, stage.now + after_s, bye=bye)
    found = rtcp.parse(stage.wire.reports[-1])
    assert found is not None
    assert found.names == {int(stage.table.ssrc[row]): stage.table.settings.cname}
    assert found.gone == ([int(stage.table.ssrc[row])] if bye else [])
    (only,) = found.reports
    return only


def test_a_block_says_what_was_lost_how_far_it_came_and_how_unevenly(stage: Stage) -> None:
    speaker = Speaker(stage)
    speaker.say(100, loss=0.1)
    (block,) = report(stage, 0).blocks
    highest, missing, expected = speaker.lost()
    assert missing > 5
    assert (block.ssrc, block.highest, block.lost) == (SSRC, FIRST + highest, missing)
    assert block.fraction_lost == missing * 256 // expected
    assert block.jitter > 20
    assert abs(block.jitter - speaker.jitter) <= 1
    assert (block.last_sr, block.delay) == (0, 0)

    known = len({which for _, which, _ in speaker.came})
    speaker.say(50, loss=0.4)
    (block,) = report(stage, 0).blocks
    newest, lately, expected = speaker.lost(highest, known)
    assert (block.highest, block.lost) == (FIRST + newest, missing + lately)
    assert block.fraction_lost == lately * 256 // expected, "of the time since the report before"
    assert abs(block.jitter - speaker.jitter) <= 1


def test_a_block_names_the_last_sender_report_and_its_age(stage: Stage) -> None:
    speaker = Speaker(stage)
    speaker.say(10, loss=0.0)
    for second in (1.5, 2.75):
        theirs = rtcp.build(rtcp.Report(SSRC, (), rtcp.ntp(second), 0, 0, 0), "phone")
        stage.reporter.receive(0, theirs, stage.address(0), stage.now)
        speaker.say(10, loss=0.0)
    (block,) = report(stage, 0).blocks
    assert block.last_sr == (2_208_988_800 + 2 & 0xFFFF) << 16 | 0xC000
    assert abs(block.delay - 0.2 * 65_536) <= 1


def test_a_sender_report_counts_what_was_sent_and_says_when_that_is(stage: Stage) -> None:
    speaker = Speaker(stage)
    speaker.say(60, loss=0.1)
    stage.outbound.press(1, "5", 160)
    speaker.say(50, loss=0.0)
    found = report(stage, 1, after_s=0.0125, bye=True)
    sent = stage.sent[1]
    assert (found.packets, found.octets) == (len(sent), sum(len(packet.payload) for _, packet in sent))
    assert len({len(packet.payload) for _, packet in sent}) == 2, "audio and keys"
    assert found.ntp == rtcp.ntp(TIME_OF_DAY)
    at, last = sent[-1]
    assert abs(rtp_distance(found.rtp_ts, last.ts + round((stage.now + 0.0125 - at) * 8_000))) <= FRAME
    assert found.ssrc == last.ssrc
    assert stage.now > ZERO


def test_a_sender_report_during_a_key_says_what_time_it_is_by_then(stage: Stage) -> None:
    """All packets of a key bear the moment at which it went down (RFC 4733 2.1); the clock goes on meanwhile."""
    speaker = Speaker(stage)
    speaker.say(60, loss=0.0)
    at, last = stage.sent[1][-1]
    stage.outbound.press(1, "5", 400)
    for _ in range(8):
        speaker.say(2, loss=0.0)
        found = report(stage, 1)
        assert abs(rtp_distance(found.rtp_ts, last.ts + round((stage.now - at) * 8_000))) <= FRAME
    assert {len(packet.payload) for moment, packet in stage.sent[1] if moment > at} == {4}, "all of it in the key"


def rtp_distance(stamp: int, other: int) -> int:
    return (stamp - other + 2**31 & 0xFFFF_FFFF) - 2**31
