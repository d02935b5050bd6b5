"""baresip is held, sent digits and transferred, warm, cold and in two steps, as customer, agent and target.

What each of fourteen telephones heard is told from the packets that reached it, on the line of time, and again from the
file that baresip wrote behind its own jitter buffer. baresip 1.0.0 stops that file when its own user holds the call.
It sends digits by RFC 4733 only. In a room of three a digit takes the place of all voices while it lasts.
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
from switchhook.lab.tones import FRAME_S, KEYS, MUSIC, RINGBACK, SILENCE
from switchhook.media import tones
from tests.wire.capture import Rtp
from tests.wire.performance import PATIENCE_S, TALK_S, Performance

pytestmark = [pytest.mark.wire, pytest.mark.slow, pytest.mark.timeout(PATIENCE_S)]

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
    "2601": ["the customer of three", MUSIC, "2602", MUSIC, "2602+2603", KEYS, "2602+2603", "2603", MUSIC],
    "2602": ["the agent of three", "2601", RINGBACK, "2603", "2601+2603"],
    "2603": ["the target of three", "2602", "2601+2602", KEYS, "2601+2602", "2601"],
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


def _told(ears: Ears) -> list[Interval]:
    """Returns what was heard, one after the other; who is heard beside another is named with them."""
    found: list[Interval] = []
    place = 0
    for heard, run in groupby(steady(ears.slots(0, ears.complete()))):
        start, place = place, place + len(list(run))
        label = "+".join(sorted(heard)) or SILENCE
        if (place - start) * FRAME_S < SHORT_S:
            continue
        if found and found[-1].label == label:
            start_s = found.pop().start_s
        else:
            start_s = ears.began_s + start * FRAME_S
        found.append(Interval(label, start_s, ears.began_s + place * FRAME_S))
    return found


@each_telephone
def test_what_reached_it_in_which_order_and_for_how_long(
    performance: Performance, detector: Detector, name: str
) -> None:
    ears = _listen(performance, detector, performance.heard[name])
    parts = _told(ears)
    assert [part.label for part in parts] == STORIES[name][1:], ears.story()
    for before, after in pairwise(parts):
        late = performance.excuse_s(before.end_s, after.start_s)
        assert abs(after.start_s - before.end_s) <= GAP_S + late, f"{before} and {after}: {ears.story()}"
    for part in parts:
        late = performance.excuse_s(part.start_s, part.start_s) + performance.excuse_s(part.end_s, part.end_s)
        assert part.label == KEYS or part.seconds >= TALK_S - 0.2 - late, f"{part}: {ears.story()}"


@each_telephone
def test_no_silence_but_where_it_belongs(performance: Performance, detector: Detector, name: str) -> None:
    ears = _listen(performance, detector, performance.heard[name])
    meant = [part for part in _told(ears) if part.label == SILENCE]
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
    wanted = [label for label, _ in groupby(label for label in STORIES[name][1:] if label != KEYS)]
    if name in HOLDERS:
        wanted = wanted[: wanted.index(SILENCE)]
    heard = ["+".join(sorted(label)) or SILENCE for label, slots in runs if slots * FRAME_S >= SHORT_S]
    assert [label for label, _ in groupby(heard)] == wanted, runs
    loudness = np.abs(samples.astype(np.int32)).max()
    assert 1_000 < loudness < 32_000, "neither faint nor clipped"


def test_digits_reach_whom_the_sender_talks_to_and_nobody_else(performance: Performance) -> None:
    heard = {name: _digits(packets) for name, packets in performance.heard.items()}
    pressed = {"2103": "7", "2402": "5#", "2401": "9", "2601": "3", "2603": "3"}
    assert {name: digits for name, digits in heard.items() if digits} == pressed
    names = {leg: name for name, leg in performance.legs.items()}
    told = [(names[entry.leg], entry.body["digit"]) for entry in performance.kind("DigitHeard")]
    assert sorted(told) == [("2102", "7"), ("2401", "#"), ("2401", "5"), ("2402", "9"), ("2602", "3")]


def _digits(packets: list[Rtp]) -> str:
    events = {(packet.timestamp, packet.payload[0]): None for packet in packets if packet.payload_type != 0}
    return "".join("0123456789*#"[code] for _, code in events)


def test_each_transfer_has_one_outcome_and_nothing_is_left(performance: Performance) -> None:
    started, ended = performance.kind("TransferStarted"), performance.kind("TransferEnded")
    assert sorted(str(entry.body["outcome"]) for entry in ended) == ["completed"] * 3 + ["merged"]
    assert len(started) == len({entry.body["transfer"] for entry in ended}) == 4
    assert sorted(set(performance.legs) - {"2501", "2502"}) == sorted(STORIES)
    for name in STORIES:
        (end,) = performance.kind("LegEnded", name)
        assert end.body["outcome"] == "completed"
    held = [entry.body["on"] for name in ("2103", "2401") for entry in performance.kind("PhoneHeld", name)]
    assert held == [True, False] * 2
