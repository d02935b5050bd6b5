"""`audio_back_ms`: the audio process is killed with 200 legs up; the longest gap that a listener hears.

Three kills in a run. The gap is between two packets at the same telephone, by the kernel's times of arrival.
"""

from __future__ import annotations

import asyncio
import os
import signal

from bench.measure import Reading
from bench.media_rig import engine_run, floor_run, partner, pump_of
from switchhook.core.ids import LegId
from switchhook.media.control import MediaEngine

LEGS, KILLS, APART_S = 200, 3, 1.2


async def kills(engine: MediaEngine, names: list[LegId]) -> None:
    """Kills the audio process again and again; one more within 10 s would clear the table."""
    for _ in range(KILLS):
        await asyncio.sleep(APART_S)
        os.kill(pump_of(engine), signal.SIGKILL)


def read(wire: str = "auto") -> Reading:
    run = asyncio.run(engine_run(LEGS, KILLS * APART_S + 2.0, partner, stamped=True, wire=wire, during=kills))
    floor = asyncio.run(floor_run(LEGS, 3.0))
    heard = run.heard
    lost = heard["missing"]
    return Reading(
        heard["gap"][3],
        how=(
            f"{run.wire}; {KILLS} kills, {LEGS} legs relayed; {lost} packets lost of {heard['sent']}; "
            f"gap p99.9 {heard['gap'][2]:.1f} ms"
        ),
        floor=floor.heard["gap"][3],
        floor_is="longest gap through a bare forwarder that nobody kills",
        holds=lost <= KILLS * LEGS / 30 and heard["legs_heard"] == LEGS,
        second={"packets_lost": float(lost)},
    )
