"""Who answered is judged by the lengths of what is said: each rule at its edge."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switchhook.core.events import VOICE_HANGOVER_MS, VOICE_ONSET_MS
from switchhook.exchange.greeting import AFTER_S, Answerer, Greeting, Thresholds

ONSET, HANGOVER = VOICE_ONSET_MS / 1000, VOICE_HANGOVER_MS / 1000
HUMAN, MACHINE, NOT_SURE = Answerer.HUMAN, Answerer.MACHINE, Answerer.NOT_SURE


def judged(*talks: tuple[float, float], **thresholds: float) -> tuple[Answerer, float]:
    """Returns who answered and when that was known, of an answering side that talks from .. to, times (s) from 0."""
    wanted = Thresholds(**thresholds)  # type: ignore[arg-type]
    greeting = Greeting(wanted, 0.0)
    events = sorted(
        [(start + ONSET, True) for start, _ in talks] + [(end + HANGOVER, False) for _, end in talks],
    )
    while True:
        at = greeting.decided_at
        if events and events[0][0] < at:
            at, on = events.pop(0)
            greeting.heard(on, at)
        found = greeting.verdict(at)
        if found is not None:
            return found, at


@pytest.mark.parametrize(
    ("talks", "thresholds", "who", "at"),
    [
        ([], {}, MACHINE, 4.5),
        ([], {"silence_s": 2.0}, MACHINE, 2.0),
        ([], {"silence_s": 10.0}, NOT_SURE, 5.0),
        ([(0.5, 1.1)], {}, HUMAN, 1.1 + AFTER_S),
        ([(4.0, 4.1)], {}, HUMAN, 4.9),
        ([(4.0, 4.3)], {}, NOT_SURE, 5.0),
        ([(0.5, 1.9)], {}, HUMAN, 2.7),
        ([(0.5, 9.0)], {}, MACHINE, 2.4),
        ([(0.5, 2.4)], {"greeting_s": 2.0}, HUMAN, 3.2),
        ([(0.5, 9.0)], {"greeting_s": 5.0, "speech_s": 1.0}, MACHINE, 1.9),
        ([(0.1, 0.5), (1.0, 9.0)], {"speech_s": 2.0}, MACHINE, 3.4),
        ([(0.1, 0.5), (1.0, 9.0)], {}, NOT_SURE, 5.0),
        ([(0.1, 0.4), (1.0, 1.3), (1.9, 2.2), (2.8, 3.1)], {}, MACHINE, 2.8 + ONSET),
        ([(0.1, 0.4), (1.0, 1.3), (1.9, 2.2)], {}, HUMAN, 3.0),
        ([(0.1, 0.4), (1.0, 1.3), (1.9, 2.2)], {"words": 2}, MACHINE, 1.9 + ONSET),
        ([(0.0, 0.3)], {"total_s": 2.0}, HUMAN, 1.1),
        ([(0.5, 2.05)], {}, MACHINE, 2.4),
    ],
)
def test_rules(talks: list[tuple[float, float]], thresholds: dict[str, float], who: Answerer, at: float) -> None:
    found, when = judged(*talks, **thresholds)
    assert found is who
    assert when == pytest.approx(at)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(0.05, 3.0), max_size=12), st.floats(2.0, 10.0))
def test_there_is_always_a_verdict_and_never_after_the_time(lengths: list[float], total: float) -> None:
    talks, at = [], 0.0
    for silence, talk in zip(lengths[::2], lengths[1::2], strict=False):
        talks.append((at + silence + 0.5, at + silence + 0.5 + talk))
        at = talks[-1][1]
    found, when = judged(*talks, total_s=total)
    assert found in Answerer
    assert when <= total + 1e-9
