"""`api_to_invite_p99_ms`: from a transfer's HTTP request arriving to the INVITE to its target leaving, at 50 a second.

Timed from outside on one clock, the system's: the moment before the request is sent on a connection that is idle, and
the kernel's stamp on the INVITE's datagram. Both are on loopback, where sending is arriving. Virtual telephones without
audio, each target answers at once and the agent hangs up, so the transfers are whole. With 10 and 1,000 other calls up.

The floor is a bare process in the server's place that reads such a request and sends a datagram (`http_floor`).
"""

from __future__ import annotations

import asyncio
import os

import numpy as np

from bench.http_floor import delays_ms
from bench.machine import cpu_s
from bench.measure import Reading, workshop
from bench.others import FEW, MANY
from bench.teams import Floor, Team, Transfer, standing

TEAMS, RATE, SECONDS = 50, 50.0, 10
COUNT = int(RATE * SECONDS)
LATE_SHARE = 0.02  # more that began late, and the rate was not what it should be


def read() -> Reading:
    return asyncio.run(_read())


async def _read() -> Reading:
    with workshop() as folder:
        async with standing(folder, [Team(number) for number in range(TEAMS)], audio=False) as floor:
            await floor.more_others(FEW)
            await floor.play(TEAMS, RATE)  # warms up
            few = await _timed(floor)
            await floor.more_others(MANY)
            many = await _timed(floor)
            late, repeated = floor.late / floor.asked, floor.stamped.repeated
    bare = await delays_ms(COUNT, RATE)
    return Reading(
        value=few["p99"],
        how=f"{COUNT} warm transfers at {RATE:.0f}/s by the PHLO API; {FEW} other calls up, then {MANY}; "
        f"worst {few['worst']:.1f} ms; {late:.1%} began late, {repeated} INVITEs sent again; the load's process used "
        f"{few['load']:.0%} of its core, and neither of the two moments depends on when it runs",
        floor=float(np.percentile(bare, 99)),
        floor_is="p99 of a bare process that reads the request and sends a datagram",
        holds=late <= LATE_SHARE,
        why=f"{late:.0%} of the transfers began late: the rate was not reached",
        second={"with_1000_others_ms": many["p99"], "p50_ms": few["p50"], "http_answer_p99_ms": few["answer"]},
    )


async def _timed(floor: Floor) -> dict[str, float]:
    used = cpu_s(os.getpid())
    found = await floor.play(COUNT, RATE)
    waits = np.array([waited_ms(each) for each in found])
    answers = np.array([each.answered_ms for each in found])
    return {
        "p50": float(np.percentile(waits, 50)), "p99": float(np.percentile(waits, 99)), "worst": float(waits.max()),
        "answer": float(np.percentile(answers, 99)), "load": (cpu_s(os.getpid()) - used) / (COUNT / RATE),
    }  # fmt: skip


def waited_ms(transfer: Transfer) -> float:
    """Returns the time from request to INVITE; raises SystemExit when the INVITE is of an earlier transfer."""
    waited = (transfer.invited_ns - transfer.asked_ns) / 1e6
    if waited <= 0:
        raise SystemExit("an INVITE left before its request: the clock was set, or it was not seen")
    return waited
