"""On a line that loses packets, the reports of both ends say how many: as many as tshark misses.

RFC 3550 6.4.1: the cumulative number is that of the expected packets less those received, late ones and duplicates
included; the fraction is that of the time since the report before.
"""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.wire.capture import Rtcp, Rtp
from tests.wire.performance import LOSS, PATIENCE_S, Performance

pytestmark = [pytest.mark.wire, pytest.mark.slow, pytest.mark.timeout(PATIENCE_S)]

CALLER, CALLEE = "2501", "2502"
EARLY = 2  # counting begins with the first packet that is accepted; one of the first may have been lost


def _blocks(performance: Performance, about: int, towards: int) -> list[Rtcp]:
    """Returns the reports about a stream; those that the line passes on are counted once, at their first hop."""
    return [r for r in performance.rtcp if r.about == about and r.destination == towards]


def _missing(stream: list[Rtp], report: Rtcp) -> int:
    """Returns how many packets up to the report's highest had not come when it was sent."""
    first = stream[0].seq
    expected = (report.highest - first & 0xFFFF) + 1
    came = {packet.seq for packet in stream if packet.at <= report.at and packet.seq - first & 0xFFFF < expected}
    return expected - len(came)


def _agree(reports: list[Rtcp], stream: list[Rtp]) -> None:
    assert len(reports) >= 2, "long enough for two"
    for report in reports:
        assert abs(report.lost - _missing(stream, report)) <= EARLY
    assert reports[-1].lost > 5
    for before, after in pairwise([None, *reports]):
        assert after is not None
        expected = (after.highest - (stream[0].seq - 1 if before is None else before.highest)) & 0xFFFF
        lost = after.lost - (0 if before is None else before.lost)
        if expected > 25:  # the last two may lie close together
            assert abs(after.fraction - 256 * max(0, lost) / expected) <= 1 + 256 / expected


def test_tshark_misses_what_the_line_lost(performance: Performance) -> None:
    for sent, came in (
        (performance.before_the_line, performance.said[CALLER]),
        (performance.heard[CALLER], performance.behind_the_line),
    ):
        (judged,) = [s for s in performance.streams if s.ssrc == came[0].ssrc and s.destination == came[0].destination]
        assert judged.packets == len(came)
        within = [p for p in sent if came[0].seq <= p.seq + (65_536 if p.seq < sent[0].seq else 0) <= _last(came)]
        assert judged.lost == len(within) - len(came)
        assert 0.2 * LOSS < judged.lost / len(sent) < 3 * LOSS


def _last(stream: list[Rtp]) -> int:
    return stream[-1].seq + (65_536 if stream[-1].seq < stream[0].seq else 0)


def test_our_reports_say_what_was_lost_on_the_way_to_us(performance: Performance) -> None:
    came = performance.said[CALLER]
    _agree(_blocks(performance, came[0].ssrc, performance.line + 1), came)


def test_its_reports_say_what_was_lost_on_the_way_to_it(performance: Performance) -> None:
    came = performance.behind_the_line
    _agree(_blocks(performance, came[0].ssrc, performance.line + 1), came)


def test_the_journal_says_both(performance: Performance) -> None:
    (entry,) = performance.kind("MediaStats", CALLER)
    came = performance.said[CALLER]
    ours, theirs = (
        _blocks(performance, stream[0].ssrc, performance.line + 1)[-1] for stream in (came, performance.behind_the_line)
    )
    assert entry.body["lost"] == ours.lost
    assert entry.body["remote_lost"] == theirs.lost


def test_who_hears_it_is_told_of_no_break_but_the_loss(performance: Performance) -> None:
    """A relayed stream keeps the holes: the telephone conceals them and reports them truly."""
    heard = performance.heard[CALLEE]
    assert len({packet.ssrc for packet in heard}) == 1
    audio = performance.said[CALLER]
    missing = sum((after.seq - before.seq & 0xFFFF) - 1 for before, after in pairwise(heard))
    lost = (audio[-1].seq - audio[0].seq & 0xFFFF) + 1 - len(audio)
    assert abs(missing - lost) <= 2, "those lost before the relay began are not in it"
    for before, after in pairwise(heard[5:]):
        steps = after.seq - before.seq & 0xFFFF
        assert after.timestamp - before.timestamp & 0xFFFFFFFF == 160 * steps
