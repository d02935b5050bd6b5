"""`desktop_kb`, and how soon a desktop is told: 2,000 agent desktops that wait, by long-polling and on web sockets.

Memory is what 2,000 connected desktops add to all processes of the server (proportional share), the TCP connection's
own share in the kernel not counted. Then they idle for as long as a connect is held, so that each comes round once: the
control process's share of its core is the cost of doing nothing. Then agents change their state, 100 a second, each by
a request on a connection that is idle; timed is from before the request leaves to the message's arrival at the desktop
of that agent, whose connect is held. The load's own delay is in it.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from bench.desktop_load import Asking, Desktop, OnSocket, Polling
from bench.house import Served
from bench.machine import free_port
from bench.measure import Reading, workshop
from switchhook.lab.served import Table

DESKTOPS, WARM = 2000, 100
IDLE_S = 30.0  # as long as a connect is held
RATE, TOLD = 100.0, 1000
TOGETHER = 50  # desktops that open at a time, and connections that ask


@dataclass(frozen=True)
class Taken:
    """What one kind of desktop cost, and the delays in ms."""

    kb: float
    idle_share: float
    delays: np.ndarray
    lost: int


def read() -> Reading:
    polling, sockets = (asyncio.run(_taken(kind)) for kind in (Polling, OnSocket))
    lost = polling.lost + sockets.lost
    return Reading(
        polling.kb,
        f"{DESKTOPS} desktops of as many agents, {TOLD} changes at {RATE:.0f}/s; idle: share of the core while "
        f"all come round once in {IDLE_S:.0f} s; worst {polling.delays.max():.0f} ms, on sockets "
        f"{sockets.delays.max():.0f} ms",
        holds=not lost,
        why=f"{lost} desktops lost their connection or were not told",
        second={
            "told_p99_ms": float(np.percentile(polling.delays, 99)), "told_p50_ms": float(np.median(polling.delays)),
            "idle_share": polling.idle_share, "socket_kb": sockets.kb,
            "socket_told_p99_ms": float(np.percentile(sockets.delays, 99)), "socket_idle_share": sockets.idle_share,
        },
    )  # fmt: skip


def _agents(count: int) -> tuple[Table, ...]:
    return tuple(
        (
            "agent[]",
            {"username": f"a{n}", "password": "secret", "number": f"{10000 + n}", "address": f"+1415777{n:04d}"},
        )
        for n in range(count)
    )


async def _taken(kind: type[Desktop]) -> Taken:
    with workshop() as folder:
        return await _on(folder, kind)


async def _on(folder: Path, kind: type[Desktop]) -> Taken:
    with Served(folder, free_port(), more=_agents(DESKTOPS + WARM)) as server:
        asking = [Asking(*await asyncio.open_connection("127.0.0.1", server.http)) for _ in range(TOGETHER)]
        warm = await _opened(kind, server.http, range(DESKTOPS, DESKTOPS + WARM))
        await _told(warm, asking, WARM)
        before = server.memory_kb()
        desktops = await _opened(kind, server.http, range(DESKTOPS))
        kb = (server.memory_kb() - before) / DESKTOPS
        used = server.control_cpu_s()
        await asyncio.sleep(IDLE_S)
        idle_share = (server.control_cpu_s() - used) / IDLE_S
        delays = await _told(desktops, asking, TOLD)
        lost = sum(desktop.lost for desktop in desktops) + TOLD - len(delays)
        for desktop in (*warm, *desktops):
            desktop.transport.close()
        for each in asking:
            each.writer.close()
        await asyncio.sleep(0.1)
    return Taken(kb, idle_share, np.array(delays), lost)


async def _opened(kind: type[Desktop], port: int, numbers: range) -> list[Desktop]:
    """Opens desktops, some at a time; returns when the connect of each is held."""
    loop = asyncio.get_running_loop()
    found: list[Desktop] = []
    for start in range(0, len(numbers), TOGETHER):
        some = [kind(f"a{number}") for number in numbers[start : start + TOGETHER]]
        async with asyncio.timeout(20):
            for desktop in some:
                await loop.create_connection(partial(_itself, desktop), "127.0.0.1", port)
            await asyncio.gather(*(desktop.ready.wait() for desktop in some))
        found += some
    return found


def _itself(desktop: Desktop) -> Desktop:
    return desktop


async def _told(desktops: list[Desktop], asking: list[Asking], count: int) -> list[float]:
    """Lets agents in any order log in or become ready; returns the delay of each first message in ms."""
    loop = asyncio.get_running_loop()
    chosen = random.Random(7).sample(desktops, count)
    for desktop, ask in zip(chosen, _again(asking), strict=False):
        await ask.asks(desktop.user, "/me", "StartContactCenterSession", channels=["voice"])
    await asyncio.sleep(1.0)  # they were told of that, and wait again

    async def one(desktop: Desktop, ask: Asking) -> float:
        desktop.waited = loop.create_future()
        asked_ns = await ask.asks(desktop.user, "/me/channels/voice", "Ready")
        return (await asyncio.wait_for(desktop.waited, 10) - asked_ns) / 1e6

    under_way: list[asyncio.Task[float]] = []
    began = loop.time()
    for number, (desktop, ask) in enumerate(zip(chosen, _again(asking), strict=False)):
        under_way.append(asyncio.create_task(one(desktop, ask)))
        await asyncio.sleep(max(0.0, began + (number + 1) / RATE - loop.time()))
    results = await asyncio.gather(*under_way, return_exceptions=True)
    return [each for each in results if isinstance(each, float)]


def _again(asking: list[Asking]) -> list[Asking]:
    return asking * (DESKTOPS // len(asking) + 1)
