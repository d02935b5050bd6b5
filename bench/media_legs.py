"""How many G.711 legs one core carries: the largest number of a ladder at which nothing is lost, wrong or late.

A run is clean when every packet came, with the right audio, in order, p99.9 of the added delay under 20 ms (mixed: of
the lateness against the stream's own clock), and the load process kept up. Not one frame may be concealed or doubled.
The search goes up the ladder from a number that is nearly sure; a step is tried twice, since the machine may be doing
something else for a moment. What the last step that was not clean was missing stands in `how`.
"""

from __future__ import annotations

import asyncio
import os
import time

from bench.measure import Reading
from bench.media_rig import Rooms, Run, engine_run, floor_run, partner, room_of

LADDER = (500, 750, 1000, 1250, 1500, 1750, 2000, 2250, 2500, 2750, 3000, 3250, 3500)
SECONDS, START, AIM_START = 6.0, 1000, 2000
TRIES = 2
BUDGET_S = 110.0  # a step begun before this may end 30 s after it


def carried(
    hears: Rooms, *, stamped: bool, wire: str, seconds: float = SECONDS, start: int = AIM_START
) -> tuple[Run | None, str]:
    """Returns a clean run of the largest number of legs that gave one (None when none was found in `BUDGET_S`), and
    what the last one that was not clean was missing."""
    until = time.monotonic() + BUDGET_S
    place, missed = LADDER.index(start), ""
    best: Run | None = None
    while 0 <= place < len(LADDER) and time.monotonic() < until:
        found = _tried(LADDER[place], hears, stamped=stamped, wire=wire, seconds=seconds)
        if found.clean:
            best, place = found, place + 1
            continue
        missed = f"{found.legs} legs: {found.fault}"
        if best is not None or place == 0:
            break
        place = max(0, place - 2)
    return best, missed


def _tried(legs: int, hears: Rooms, *, stamped: bool, wire: str, seconds: float) -> Run:
    """Returns the first clean run of some tries, else the last."""
    for seed in range(TRIES):
        run = asyncio.run(engine_run(legs, seconds, hears, stamped=stamped, wire=wire, seed=seed))
        if run.clean:
            break
    return run


def reading(hears: Rooms, *, stamped: bool, wire: str, start: int = AIM_START) -> Reading:
    """Returns the number of legs, with what they cost beside a bare forwarder at the same number of legs."""
    best, missed = carried(hears, stamped=stamped, wire=wire, start=start)
    if best is None:
        return Reading(0.0, how=f"no run was clean; {missed}", holds=False, why="no run was clean")
    floor = asyncio.run(floor_run(best.legs, 4.0))
    heard = best.heard
    late = "/".join(f"{value:.1f}" for value in heard.get("delay") or heard["late"])
    return Reading(
        float(best.legs),
        how=(
            f"{best.wire}; {'added delay' if stamped else 'lateness'} p50/p99/p99.9/max {late} ms; "
            f"the load process used {100 * heard['cpu']:.0f} % of its core, sent {heard['late_ms'][2]:.1f} ms late "
            f"(p99.9), dropped {heard['dropped']}; {heard['wrong']} frames concealed; not clean: {missed or 'none'}; "
            f"load average {os.getloadavg()[0]:.1f}"
        ),
        floor=100 * floor.cpu,
        floor_is="the CPU of a bare forwarder with as many legs",
        against=100 * best.cpu,
        second={"cpu_percent": round(100 * best.cpu, 1), "concealed": float(heard["wrong"])},
    )


def relay() -> Reading:
    return reading(partner, stamped=True, wire="epoll")


def mixed(size: int) -> Reading:
    return reading(room_of(size), stamped=False, wire="epoll", start=1500)
