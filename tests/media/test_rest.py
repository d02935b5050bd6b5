"""A pump without legs sleeps; what it told before must not be what was true before the last leg ended."""

from __future__ import annotations

import pytest

from switchhook.core.ids import LegId
from tests.media.studio import story, studio


@pytest.mark.slow
@story
async def test_the_counters_know_that_the_last_leg_has_ended() -> None:
    async with studio() as s:
        for name in ("ann", "bob"):
            s.phone(name, 440.0)
        await s.until(lambda: s.engine.counters and s.engine.counters.legs == 2)
        for name in ("ann", "bob"):
            s.engine.close(LegId(name))
        await s.until(lambda: s.engine.counters and s.engine.counters.legs == 0, within_s=3.0)
