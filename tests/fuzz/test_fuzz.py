"""The corpus, the sound inputs, and a few damaged ones, the same each time. `make fuzz` looks for new ones."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

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
