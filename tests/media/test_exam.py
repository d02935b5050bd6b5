"""The fake and the real engine sit the same exam."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from switchhook.media.fake import FakeMedia
from tests.media.conftest import WIRES
from tests.media.exam import QUESTIONS, Candidate
from tests.media.studio import story, studio
from tests.media.test_fake import Clock

Question = Callable[[Candidate], Awaitable[None]]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.__name__)
def test_the_fake(question: Question, tmp_path: Path) -> None:
    clock = Clock()

    async def passes(seconds: float) -> None:
        clock.run(seconds)

    candidate = Candidate(FakeMedia(lambda event: None), passes, str(tmp_path))
    candidate.media = FakeMedia(
        candidate.events.append,
        on_stats=lambda leg, stats: candidate.stats.append((leg, stats)),
        call_later=clock.call_later,
        now=lambda: clock.time,
        max_legs=3,
    )
    asyncio.run(question(candidate))  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.__name__)
def test_the_real_engine(question: Question, wire: str, tmp_path: Path) -> None:
    @story
    async def run() -> None:
        async with studio(max_legs=3, wire=wire) as s:
            candidate = Candidate(s.engine, asyncio.sleep, str(tmp_path), s.events)
            s.engine._on_stats = lambda leg, stats: candidate.stats.append((leg, stats))
            await question(candidate)

    run()
