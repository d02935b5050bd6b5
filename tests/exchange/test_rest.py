"""Memory is given back when nobody has been on the telephone for a while, and only if something had been done."""

from __future__ import annotations

import asyncio

from switchhook.exchange.rest import LOOK_S, QUIET_S, Rest, give_back
from switchhook.lab.virtual_time import in_virtual_time

SOON_S = QUIET_S + 2 * LOOK_S + 1


class Server:
    def __init__(self) -> None:
        self.busy = False
        self.done = 0
        self.rested = 0
        self.rest = Rest(asyncio.get_running_loop(), busy=lambda: self.busy, done=lambda: self.done, works=(self.work,))

    def work(self) -> None:
        self.rested += 1


@in_virtual_time
async def test_it_rests_once_after_the_last_call() -> None:
    server = Server()
    await asyncio.sleep(100)
    assert server.rested == 0  # nothing had been done
    server.busy, server.done = True, 7
    await asyncio.sleep(100)
    assert server.rested == 0
    server.busy = False
    await asyncio.sleep(QUIET_S - 1)
    assert server.rested == 0
    await asyncio.sleep(SOON_S)
    assert server.rested == 1
    await asyncio.sleep(1000)
    assert server.rested == 1
    server.done += 1  # a call between two looks
    await asyncio.sleep(SOON_S + LOOK_S)
    assert server.rested == 2
    server.rest.close()


@in_virtual_time
async def test_what_is_done_without_a_call_puts_it_off() -> None:
    server = Server()
    for _ in range(50):
        server.done += 1
        await asyncio.sleep(LOOK_S)
    assert server.rested == 0
    server.rest.close()
    await asyncio.sleep(100)
    assert server.rested == 0


def test_giving_back_needs_no_particular_c_library() -> None:
    give_back()


@in_virtual_time
async def test_one_work_at_a_time() -> None:
    """What the database's thread lets go is free when free pages are returned."""
    told: list[tuple[str, float]] = []
    loop = asyncio.get_running_loop()
    server = Server()
    server.rest.close()
    works = tuple(lambda name=name: told.append((name, loop.time())) for name in ("database", "pages"))
    rest = Rest(loop, busy=lambda: False, done=lambda: server.done, works=works)
    server.done = 1
    await asyncio.sleep(SOON_S + LOOK_S)
    assert [name for name, _ in told] == ["database", "pages"]
    assert told[1][1] - told[0][1] == LOOK_S
    rest.close()
