"""A pump without legs sleeps, and told before what is true; and how the audio processes end."""

from __future__ import annotations

import asyncio
import os
import signal

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


@pytest.mark.slow
@story
async def test_what_a_call_of_less_than_a_second_sent_is_counted_when_it_is_over() -> None:
    async with studio() as s:
        phone = s.phone("ann", 440.0)
        await s.until(lambda: len(phone.heard) > 5)
        s.engine.close(LegId("ann"))
        await s.until(lambda: s.engine.counters and s.engine.counters.received > 0, within_s=3.0)


@pytest.mark.slow
@story
async def test_who_is_to_end_gives_up_its_real_time_priority_first() -> None:
    """With it, closing thousands of sockets would keep the audio of another server on this core waiting."""
    async with studio(realtime=True) as s:
        keeper, pump = s.engine.pids["keeper"], s.child("pump")
        if os.sched_getscheduler(pump) != os.SCHED_FIFO:
            pytest.skip("no real-time priority is allowed here (CAP_SYS_NICE)")
        os.kill(pump, signal.SIGSTOP)  # so that it is still there when we look
        stopping = asyncio.create_task(s.engine.stop())
        await s.until(lambda: os.sched_getscheduler(pump) == os.SCHED_OTHER)
        await s.until(lambda: os.sched_getscheduler(keeper) == os.SCHED_OTHER)
        os.kill(pump, signal.SIGCONT)
        await stopping
