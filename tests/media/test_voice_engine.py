"""Voice activity in the real engine: told for whoever is listened for, relayed or not, also across a killed pump."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from switchhook.core.events import VoiceStarted, VoiceStopped
from switchhook.core.ids import LegId
from tests.media.studio import story, studio

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("wire")]
A = LegId("a")


@story
async def test_a_telephone_that_begins_and_stops_to_talk_is_told_once_each() -> None:
    async with studio() as s:
        a, _, _ = s.phone("a", 600), s.phone("b", 900), s.phone("c", 0)
        s.hear(a="b", b="a")
        s.engine.notice(A, on=True)
        s.engine.notice(LegId("c"), on=True)
        await s.until(lambda: s.came(VoiceStarted))
        a.hz = 0
        stopped = (await s.until(lambda: s.came(VoiceStopped)))[0]
        assert s.came(VoiceStarted)[0].leg == stopped.leg == A
        assert stopped.after_ms < 2_000
        a.muted = True  # no packets are silence, too
        await asyncio.sleep(0.3)
        assert len(s.events) == 2
        s.engine.notice(A, on=False)
        a.muted, a.hz = False, 600
        await asyncio.sleep(0.4)
        assert len(s.events) == 2


@story
async def test_a_killed_pump_goes_on_listening() -> None:
    async with studio() as s:
        a = s.phone("a", 600)
        s.engine.notice(A, on=True)
        await s.until(lambda: s.came(VoiceStarted))
        os.kill(s.child("pump"), signal.SIGKILL)
        await s.until(lambda: s.restarted == ["pump"])
        a.hz = 0
        await s.until(lambda: s.came(VoiceStopped))
        assert len(s.came(VoiceStarted)) == 1
