"""baresip is held, sent digits and transferred, warm, cold and in two steps, as customer, agent and target.

What each of eleven telephones heard is told from the packets that reached it, on the line of time, and again from the
file that baresip wrote behind its own jitter buffer. baresip 1.0.0 stops that file when its own user holds the call.
It sends digits by RFC 4733 only.
"""

from __future__ import annotations

from itertools import groupby, pairwise

import numpy as np
import pytest

from switchhook.lab.detector import Detector
from switchhook.lab.ears import Ears
from switchhook.lab.heard import Interval, steady
from switchhook.lab.packets import Packet
from switchhook.lab.rhythm import named
from switchhook.lab.tones import MUSIC, RINGBACK, SILENCE
from switchhook.media import tones
from tests.wire.capture import Rtp
from tests.wire.performance import TALK_S, Performance

pytestmark = [pytest.mark.wire, pytest.mark.slow]

STORIES = {
    "2101": ["a warm transfer's customer", MUSIC, "2102", MUSIC, "2103", MUSIC, "2103"],
    "2102": ["its agent", "2101", RINGBACK, "2103"],
    "2103": ["its target, who then holds", "2102", "2101", SILENCE, "2101"],
    "2201": ["a cold transfer's customer", MUSIC, "2202", MUSIC, "2203"],
    "2202": ["its agent", "2201"],
    "2203": ["its target", "2201"],
    "2301": ["a two-step transfer's customer", "2302", MUSIC, "2302", MUSIC, "2302", MUSIC, "2303"],
    "2302": ["its agent at the desktop", "2301", SILENCE, "2301", RINGBACK, "2303", "2301", "2303"],
    "2303": ["its target", "2302", MUSIC, "2302", "2301"],
    "2401": ["who holds", "2402", SILENCE, "2402"],
    "2402": ["who is held", "2401", MUSIC, "2401"],
}
HOLDERS = {"2103", "2401"}  # their files end with their hold
SHORT_S = 0.1  # what is shorter is not a part of the story
GAP_S = 0.06  # three slots: a frame and a phase, and where the slots happen to be cut

each_telephone = pytest.mark.parametrize("name", STORIES, ids=[f"{name} {who[0]}" for name, who in STORIES.items()])


@pytest.fixture(scope="module")
def detector() -> Detector:
    made = Detector()
    made.learn(MUSIC, tones.hold())
    return made


def _listen(performance: Performance, detector: Detector, packets: list[Rtp]) -> Ears:
    now = [packets[0].at]
    ears = Ears(lambda: now[0], performance.voices, detector=detector)
    for packet in packets:
        now[0] = packet.at
        read = Packet(
            packet.payload_type, packet.seq, packet.timestamp, packet.ssrc, packet.payload, packet.marker
        )  # fmt: skip
        ears.hear_packet(read, packet.at)
    now[0] += 0.04  # the last frame is complete
    return ears


def _told(intervals: list[Interval]) -> list[Interval]:
    """Leaves out what is short, and joins what it parted."""
    found: list[Interval] = []
    for one in intervals:
        if one.seconds < SHORT_S:
            continue
        if found and found[-1].label == one.label:
            found[-1] = Interval(one.label, found[-1].start_s, one.end_s)
        else:
            found.append(one)
    return found


@each_telephone
def test_what_reached_it_in_which_order_and_for_how_long(
    performance: Performance, detector: Detector, name: str
) -> None:
    ears = _listen(performance, detector, performance.heard[name])
    parts = _told(ears.intervals())
    assert [part.label for part in parts] == STORIES[name][1:], ears.story()
    for before, after in pairwise(parts):
        late = performance.excuse_s(before.end_s, after.start_s)
        assert abs(after.start_s - before.end_s) <= GAP_S + late, f"{before} and {after}: {ears.story()}"
    for part in parts:
        assert part.seconds >= TALK_S - 0.2, f"{part}: {ears.story()}"


@each_telephone
def test_no_silence_but_where_it_belongs(performance: Performance, detector: Detector, name: str) -> None:
    ears = _listen(performance, detector, performance.heard[name])
    meant = [part for part in _told(ears.intervals()) if part.label == SILENCE]
    for gap in ears.gaps(20):
        if not any(part.start_s - 0.03 <= gap.start_s and gap.end_s <= part.end_s + 0.03 for part in meant):
            late = performance.excuse_s(gap.start_s, gap.end_s)
            assert gap.seconds <= GAP_S + late, f"{1000 * gap.seconds:.0f} ms at {gap.start_s - ears.began_s:.2f} s"


@each_telephone
def test_what_it_wrote_down_behind_its_jitter_buffer(performance: Performance, detector: Detector, name: str) -> None:
    samples = performance.players[name].heard()
    found = [
        frozenset(label if isinstance(label, str) else performance.voices.name(label) for label in labels)
        for labels in detector.detect(samples)
    ]
    runs = [(label, len(list(run))) for label, run in groupby(steady(named(found, to_now=True)))]
    wanted = STORIES[name][1:]
    if name in HOLDERS:
        wanted = wanted[: wanted.index(SILENCE)]
    heard = [next(iter(label), SILENCE) for label, slots in runs if slots * 0.02 >= SHORT_S]
    assert [label for label, _ in groupby(heard)] == wanted, runs
    assert not [run for run in runs if len(run[0]) > 1], "nobody was heard beside another"
    loudness = np.abs(samples.astype(np.int32)).max()
    assert 1_000 < loudness < 32_000, "neither faint nor clipped"


def test_digits_reach_whom_the_sender_talks_to_and_nobody_else(performance: Performance) -> None:
    heard = {name: _digits(packets) for name, packets in performance.heard.items()}
    assert {name: digits for name, digits in heard.items() if digits} == {"2103": "7", "2402": "5#", "2401": "9"}
    names = {leg: name for name, leg in performance.legs.items()}
    told = [(names[entry.leg], entry.body["digit"]) for entry in performance.kind("DigitHeard")]
    assert sorted(told) == [("2102", "7"), ("2401", "#"), ("2401", "5"), ("2402", "9")]


def _digits(packets: list[Rtp]) -> str:
    events = {(packet.timestamp, packet.payload[0]): None for packet in packets if packet.payload_type != 0}
    return "".join("0123456789*#"[code] for _, code in events)


def test_each_transfer_has_one_outcome_and_nothing_is_left(performance: Performance) -> None:
    assert [entry.body["outcome"] for entry in performance.kind("TransferEnded")] == ["completed"] * 3
    started, ended = performance.kind("TransferStarted"), performance.kind("TransferEnded")
    assert len(started) == len({entry.body["transfer"] for entry in ended}) == 3
    assert sorted(set(performance.legs) - {"2501", "2502"}) == sorted(STORIES)
    for name in STORIES:
        (end,) = performance.kind("LegEnded", name)
        assert end.body["outcome"] == "completed"
    held = [entry.body["on"] for name in ("2103", "2401") for entry in performance.kind("PhoneHeld", name)]
    assert held == [True, False] * 2
