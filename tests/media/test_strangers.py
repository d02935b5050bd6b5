"""Which stranger's address is kept of a leg: the one that sent most, in no more than three numbers."""

from __future__ import annotations

from itertools import product
from random import Random

import pytest

from switchhook.media import rtcp, rtp, strangers
from switchhook.media.latch import SILENT_S, Candidates, Known, Rule
from switchhook.media.wires import Odd
from tests.media.virtual import Stage, small_table

TABLE = small_table(4)
ROW = 1
SCANNER = ("203.0.113.5", 4711)


@pytest.fixture(autouse=True)
def _nobody_yet() -> None:
    Stage(TABLE, 3)  # legs that have just begun
    TABLE.counters[:] = 0


def count(*sources: tuple[str, int]) -> str:
    for source in sources:
        strangers.count(TABLE, ROW, source)
    return strangers.named(TABLE, ROW)


def test_nobody_is_named_where_nobody_sent() -> None:
    assert strangers.named(TABLE, ROW) == ""


def test_one_host_is_named_with_the_port_that_it_used_last() -> None:
    assert count(SCANNER, ("203.0.113.5", 4712)) == "203.0.113.5:4712"


@pytest.mark.parametrize("seed", range(20))
def test_who_sent_more_than_all_others_is_named_in_whatever_order_they_came(seed: int) -> None:
    others = [(f"198.51.100.{n % 250 + 1}", n) for n in range(500)]
    sent = [SCANNER] * (len(others) + 1) + others
    Random(seed).shuffle(sent)
    assert count(*sent) == "203.0.113.5:4711 and others"
    assert (int(TABLE.strangers[ROW]), int(TABLE.counters[strangers.STRANGERS])) == (1_001, 1_001)


def test_without_a_majority_somebody_who_sent_is_named() -> None:
    assert count(SCANNER, ("198.51.100.1", 1)) == "203.0.113.5:4711 and others"
    assert count(("198.51.100.2", 2)) == "198.51.100.2:2 and others"
    assert count(("198.51.100.2", 3)) == "198.51.100.2:3 and others"


@pytest.mark.parametrize(
    ("report", "packet"),
    [
        (False, rtp.build(rtp.Packet(0, False, 1, 160, 0xBAD, b"\xff" * 160))),
        (False, b"nonsense"),
        (False, rtcp.build(rtcp.Report(0xBAD), "x")),
        (True, rtcp.build(rtcp.Report(0xBAD), "x")),
    ],
    ids=["audio", "nonsense", "a_report_among_audio", "a_report"],
)
def test_whatever_a_stranger_sends_its_address_is_kept(report: bool, packet: bytes) -> None:
    stage = Stage(TABLE, 3)
    stage.inbound._odd(Odd(ROW, report, SCANNER, packet), stage.number, stage.now)
    assert strangers.named(TABLE, ROW) == "203.0.113.5:4711"
    assert stage.reporter.summary(ROW)["stranger"] == "203.0.113.5:4711"


def test_while_the_telephone_talks_nobody_takes_its_place_and_when_it_is_silent_the_rules_are_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The short cut of `Inbound` says what `Candidates` would: no rule lets anybody in before 400 ms of silence."""
    audio = rtp.parse(rtp.build(rtp.Packet(0, False, 9, 1_440, 0xA, b"\xff" * 160)))
    assert audio is not None
    own, sdp, near = ("10.0.0.1", 4_000), ("10.0.0.7", 4_002), ("10.0.0.9", 4_004)
    for rule, source, has_left in product(Rule, (own, sdp, near, SCANNER), (False, True)):
        candidates = Candidates()
        if has_left:
            candidates.left(ROW, source, 9.9)
        for seq in (8, 9):
            talks = Known(rule, sdp, near[0], 9.5, own, 10.0 - SILENT_S + 0.001, 0xA, 7)
            assert not candidates.accepts(ROW, talks, source, 0xA, seq, 10.0)
    stage = Stage(TABLE, 3)
    stage.inbound._latch(ROW)
    asked: list[float] = []
    monkeypatch.setattr(Candidates, "accepts", lambda *known: bool(asked.append(known[-1])))
    TABLE.arrival[ROW] = stage.now
    times = [stage.now + after_s for after_s in (0.0, SILENT_S - 0.01, SILENT_S + 0.01)]
    for now in times:
        stage.inbound._accepts(ROW, audio, SCANNER, now)
    assert asked == times[2:]
