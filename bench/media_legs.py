"""How many G.711 legs one core carries: the largest number of a ladder at which nothing is lost, wrong or late.

A run is clean when every packet came, with the right audio, in order, p99.9 of the added delay under 20 ms (mixed: of
the lateness against the stream's own clock), and the load process kept up. The search goes up the ladder from a number
that is nearly sure; a step is tried twice, since the machine may be doing something else for a moment.
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


def carried(hears: Rooms, *, stamped: bool, wire: str, seconds: float = SECONDS, start: int = AIM_START) -> Run | None:
    """Returns a clean run of the largest number of legs that gave one; None when none was found in `BUDGET_S`."""
    until = time.monotonic() + BUDGET_S
    place, best = LADDER.index(start), None
    while 0 <= place < len(LADDER) and time.monotonic() < until:
        found = _tried(LADDER[place], hears, stamped=stamped, wire=wire, seconds=seconds)
        if found is not None:
            best, place = found, place + 1
        elif best is not None or place == 0:
            break
        else:
            place = max(0, place - 2)
    return best


def _tried(legs: int, hears: Rooms, *, stamped: bool, wire: str, seconds: float) -> Run | None:
    for seed in range(TRIES):
        run = asyncio.run(engine_run(legs, seconds, hears, stamped=stamped, wire=wire, seed=seed))
        if run.clean:
            return run
    return None


def reading(hears: Rooms, *, stamped: bool, wire: str, start: int = AIM_START) -> Reading:
    """Returns the number of legs, with what they cost beside a bare forwarder at the same number of legs."""
    best = carried(hears, stamped=stamped, wire=wire, start=start)
    if best is None:
        return Reading(0.0, how=f"no run from {LADDER[0]} legs up was clean: the machine is too busy", holds=False)
    floor = asyncio.run(floor_run(best.legs, 4.0))
    heard = best.heard
    late = "/".join(f"{value:.1f}" for value in heard.get("delay") or heard["late"])
    return Reading(
        float(best.legs),
        how=(
            f"{best.wire}; {'added delay' if stamped else 'lateness'} p50/p99/p99.9/max {late} ms; "
            f"the load process used {100 * heard['cpu']:.0f} % of its core, sent {heard['late_ms'][2]:.1f} ms late "
            f"(p99.9), dropped {heard['dropped']}; {heard['wrong']} frames concealed; "
            f"load average {os.getloadavg()[0]:.1f}"
        ),
        second={"cpu_percent": round(100 * best.cpu, 1), "floor_cpu_percent": round(100 * floor.cpu, 1)},
    )


def relay() -> Reading:
    return reading(partner, stamped=True, wire="epoll")


def mixed(size: int) -> Reading:
    return reading(room_of(size), stamped=False, wire="auto", start=1500)
