"""Voice activity: what is taken for talk and what is not, and when it is told."""

from __future__ import annotations

import numpy as np
import pytest

from switchhook.media import voices
from switchhook.media.rtp import Array
from switchhook.media.settings import MediaSettings
from switchhook.media.table import Table

ROW = 1


@pytest.fixture(scope="module")
def table() -> Table:
    return Table(MediaSettings(max_legs=4, clip_memory_mb=1))


def frames(dbm0: float, ms: int, seed: int = 1) -> Array:
    """Noise of that level."""
    rms = voices.ZERO_DBM0 * 10 ** (dbm0 / 20)
    return np.random.default_rng(seed).normal(0.0, rms, (ms // 20, 160)).astype(np.float32)


def told(table: Table, *parts: Array) -> list[tuple[int, bool, int]]:
    """Returns (ms at which it was told, on, after_ms) for what a leg says from when it is listened for."""
    table.begin_leg(ROW, 1, 0.0)
    voices.begin(table, ROW)
    found = []
    for n, frame in enumerate(np.concatenate(parts)):
        for change in voices.hear(table, np.array([ROW]), frame[None, :]):
            found.append(((n + 1) * 20, change.on, change.after_ms))
    return found


def test_voice_is_told_with_its_onset_and_after_its_hangover(table: Table) -> None:
    said = told(table, frames(-60, 1000), frames(-20, 600), frames(-60, 1000), frames(-20, 100))
    assert said == [(1060, True, 1000), (2000, False, 600), (2660, True, 1000)]


def test_a_click_is_no_voice_and_a_pause_in_a_sentence_is_no_end(table: Table) -> None:
    click = told(table, frames(-60, 500), frames(-6, 40), frames(-60, 500))
    pause = told(table, frames(-20, 300), frames(-60, 380), frames(-20, 300), frames(-60, 500))
    assert click == []
    assert pause == [(60, True, 0), (1380, False, 980)]


def test_noise_of_the_line_is_no_voice_and_a_quiet_speaker_is_one(table: Table) -> None:
    assert told(table, frames(-50, 3000)) == []
    assert told(table, frames(-50, 1000), frames(-34, 200)) == [(1060, True, 1000)]


def test_a_noise_that_stays_is_voice_for_some_seconds_only(table: Table) -> None:
    said = told(table, frames(-60, 1000), frames(-42, 8000))
    assert [on for _, on, _ in said] == [True, False]
    assert said[1][0] < 7000


def test_a_loud_tone_stays_voice(table: Table) -> None:
    assert told(table, frames(-23, 20_000)) == [(60, True, 0)]
