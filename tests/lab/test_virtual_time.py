from __future__ import annotations

import asyncio
import threading
import time

import pytest

from switchhook.lab.virtual_time import START, WALL_START, Stuck, TimeRanOut, VirtualLoop, in_virtual_time, run, settle


def test_an_hour_passes_without_waiting() -> None:
    async def story() -> tuple[float, float]:
        loop = asyncio.get_running_loop()
        before = loop.time()
        await asyncio.sleep(3600)
        return before, loop.time()

    began = time.monotonic()
    before, after = run(story())
    assert before == START
    assert after == pytest.approx(START + 3600)
    assert time.monotonic() - began < 5


@in_virtual_time
async def test_time_stands_still_while_somebody_works() -> None:
    loop = asyncio.get_running_loop()

    async def work() -> None:
        for _ in range(1000):
            await asyncio.sleep(0)

    await work()
    assert loop.time() == START


@in_virtual_time
async def test_timers_come_in_order_and_at_their_time() -> None:
    loop = asyncio.get_running_loop()
    seen: list[tuple[str, float]] = []

    async def after(name: str, delay: float) -> None:
        await asyncio.sleep(delay)
        seen.append((name, round(loop.time() - START, 6)))

    await asyncio.gather(after("c", 30), after("a", 0.02), after("b", 5))
    assert seen == [("a", 0.02), ("b", 5.0), ("c", 30.0)]


def test_waiting_for_nothing_is_an_error_and_not_a_hang() -> None:
    async def story() -> None:
        await asyncio.Event().wait()

    with pytest.raises(Stuck):
        run(story(), limit_s=None)


def test_an_endless_story_runs_out_of_time() -> None:
    async def story() -> None:
        while True:
            await asyncio.sleep(10)

    with pytest.raises(TimeRanOut, match="60 s"):
        run(story(), limit_s=60)


def test_a_timeout_of_the_story_itself_stays_a_timeout() -> None:
    async def story() -> None:
        async with asyncio.timeout(1):
            await asyncio.sleep(2)

    with pytest.raises(TimeoutError):
        run(story())


@in_virtual_time
async def test_the_clock_waits_for_a_thread() -> None:
    gate = threading.Event()
    loop = asyncio.get_running_loop()
    late = loop.call_later(5, lambda: None)
    loop.call_soon(gate.set)
    assert await asyncio.to_thread(gate.wait, 10)
    assert loop.time() == START
    late.cancel()


@in_virtual_time
async def test_announced_outside_work_holds_the_clock() -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    done = asyncio.Event()
    loop.call_later(1, lambda: None)
    with loop.outside_work():
        threading.Timer(0.01, lambda: loop.call_soon_threadsafe(done.set)).start()
        await done.wait()
        assert loop.time() == START
    await asyncio.sleep(2)
    assert loop.time() == pytest.approx(START + 2)


@in_virtual_time
async def test_settle_lets_chains_of_tasks_finish() -> None:
    loop = asyncio.get_running_loop()
    count = 0

    async def chain(length: int) -> None:
        nonlocal count
        count += 1
        if length:
            await asyncio.create_task(chain(length - 1))

    task = asyncio.create_task(chain(300))
    await settle()
    assert count == 301
    assert loop.time() - START < 0.001
    await task


@in_virtual_time
async def test_wall_time_runs_with_virtual_time() -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    assert loop.wall() == WALL_START
    await asyncio.sleep(7)
    assert loop.wall() == pytest.approx(WALL_START + 7)
