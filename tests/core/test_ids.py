"""Ids are never the same twice, and those made in one moment stand side by side in an index."""

from __future__ import annotations

from itertools import pairwise
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from switchhook.core.ids import Ids

SEEDS = st.integers(0, (1 << 64) - 1)


@settings(max_examples=15)
@given(SEEDS, st.sampled_from([0, (1 << 32) - 500, (1 << 40) - 3]))
def test_no_id_comes_twice(seed: int, count: int) -> None:
    ids = Ids(seed, count)
    made = [ids.new() for _ in range(1000)]
    turned = Ids(seed, count + (1 << 32))  # where the beginnings come round again
    assert len({*made, *(turned.new() for _ in range(1000))}) == 2000
    assert all(UUID(each).version == 4 and str(UUID(each)) == each for each in made[:3])


@given(SEEDS)
def test_one_after_the_other_in_an_index(seed: int) -> None:
    ids = Ids(seed)
    made = [ids.new() for _ in range(200)]
    wrapped = sum(one > next for one, next in pairwise(made))
    assert wrapped <= 1  # once in 4 billion
