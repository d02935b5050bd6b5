"""`audio_back_ms`: the audio process is killed with 200 legs up; the longest gap that a listener hears.

Three kills in a run. The gap is between two packets at the same telephone, by the kernel's times of arrival. With 10
and with 1,000 other calls up, whose legs are in the table and say nothing.
"""

from __future__ import annotations

import asyncio
import os
import signal

from bench.measure import Reading
from bench.media_rig import Run, engine_run, floor_run, partner, pump_of
from bench.others import FEW, MANY
from switchhook.core.ids import LegId
from switchhook.media.control import MediaEngine

LEGS, KILLS, APART_S = 200, 3, 1.2


async def kills(engine: MediaEngine, names: list[LegId]) -> None:
    """Kills the audio process again and again; one more within 10 s would clear the table."""
    for _ in range(KILLS):
        await asyncio.sleep(APART_S)
        os.kill(pump_of(engine), signal.SIGKILL)


def killed(others: int, wire: str) -> Run:
    """Returns a run with so many other calls."""
    seconds = KILLS * APART_S + 2.0
    return asyncio.run(engine_run(LEGS, seconds, partner, stamped=True, wire=wire, during=kills, others=others))


def read(wire: str = "auto") -> Reading:
    few, many = killed(FEW, wire), killed(MANY, wire)
    floor = asyncio.run(floor_run(LEGS, 3.0))
    lost = max(few.heard["missing"], many.heard["missing"])
    legs = min(few.heard["legs_heard"], many.heard["legs_heard"])
    return Reading(
        few.heard["gap"][3],
        how=(
            f"{few.wire}; {KILLS} kills, {LEGS} legs relayed; {FEW} other calls up, then {MANY}; {lost} packets lost "
            f"of {few.heard['sent']}; gap p99.9 {few.heard['gap'][2]:.1f} ms"
        ),
        floor=floor.heard["gap"][3],
        floor_is="longest gap through a bare forwarder that nobody kills",
        holds=lost <= KILLS * LEGS / 30 and legs == LEGS,
        why=f"{lost} packets lost, {legs} of {LEGS} legs heard",
        second={"packets_lost": float(lost), "with_1000_others_ms": many.heard["gap"][3]},
    )
