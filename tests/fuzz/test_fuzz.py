"""The corpus, the sound inputs, and a few damaged ones, the same each time. `make fuzz` looks for new ones."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from tests.fuzz.__main__ import asked
from tests.fuzz.shapes import CORPUS, SEEDS, at_random, damaged, inputs, kept, smaller
from tests.fuzz.targets import TARGETS


def test_every_target_has_inputs_and_no_corpus_is_of_nobody():
    assert set(SEEDS) == set(TARGETS)
    assert {path.name for path in CORPUS.iterdir() if path.is_dir()} <= set(TARGETS)
    assert all(path.suffix == ".bin" for folder in CORPUS.iterdir() if folder.is_dir() for path in folder.iterdir())


@pytest.mark.parametrize("name", TARGETS)
def test_what_once_was_wrong(name):
    for wrong in kept(name):
        TARGETS[name](wrong)


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_sound_and_damaged_inputs(name):
    chance = Random(name)
    for sound in SEEDS[name]:
        TARGETS[name](sound)
    make = at_random(name, chance)
    for _ in range(60):
        TARGETS[name](make())


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_inputs_of_hypothesis(name):
    @seed(1)
    @settings(max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(inputs(name))
    def play(example):
        TARGETS[name](example)

    play()


@given(st.binary(max_size=20), st.integers(0, 255))
@settings(max_examples=30, deadline=None, database=None)
def test_the_smallest_wrong_input_is_found(around, byte):
    wrong = around + bytes([byte, byte, byte]) + around
    assert smaller(wrong, lambda one: one.count(byte) >= 3) == bytes([byte] * 3)


def test_damage_is_counted_round_the_input():
    assert damaged(b"abc", [(4, 1, b"X")]) == b"Xbc"
    assert damaged(b"", [(7, 30, b"X")]) == b"X"


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"MINUTES": "abc"}, "MINUTES is a number above 0"),
        ({"MINUTES": "0"}, "MINUTES is a number above 0"),
        ({"MINUTES": "-1"}, "MINUTES is a number above 0"),
        ({"FUZZ_ONLY": "sdp,nothere"}, "no target nothere; there are message, "),
        ({"ENGINE": "afl"}, "no engine afl"),
    ],
)
def test_what_cannot_be_meant_is_refused(environment, said):
    with pytest.raises(SystemExit, match=said):
        asked(environment)


def test_what_is_asked_for():
    assert asked({"MINUTES": "", "FUZZ_ONLY": "", "ENGINE": ""}) == (list(TARGETS), 60.0)
    assert asked({"MINUTES": "0.5", "FUZZ_ONLY": "sdp,rtp uri", "ENGINE": "atheris"}) == (["sdp", "rtp", "uri"], 30.0)
