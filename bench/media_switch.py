"""`switch_silence_p99_ms`: how long a listener hears nothing when it is switched to another source.

400 legs in pairs; every half second all of them are given another partner in one batch, 2,000 switches in all. A source
is told by the code it sends. The silence is the time between the last packet of the old source and the first of the new
one at the telephone, less the 20 ms that the last packet lasts. Old and new source send at any two moments, so half a
packet time on either side is in the nature of it: up to 20 ms with no server in between. With 10 and with 1,000 other
calls up, whose legs are in the table and say nothing. The floor is a bare forwarder that is switched at the same times.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from bench.floor_switches import silences_ms
from bench.measure import Reading
from bench.media_rig import Hear, Run, engine_run, partner
from bench.others import FEW, MANY
from switchhook.core.ids import LegId
from switchhook.core.sources import Voice
from switchhook.media.control import MediaEngine

LEGS, SWITCHES, EVERY_S = 400, 5, 0.5
SECONDS = SWITCHES * EVERY_S + 1.0
APART = (3, 1, 5, 1, 7)  # the partner of each turn: one that says another code than the one before


async def switches(engine: MediaEngine, names: list[LegId]) -> None:
    """Gives everybody another partner, five times."""
    for apart in APART:
        await asyncio.sleep(EVERY_S)
        engine.hear([(name, (Voice(names[leg ^ apart]),)) for leg, name in enumerate(names)])


async def floor_switches(hear: Hear) -> None:
    """Does the same to a bare forwarder."""
    for apart in APART:
        await asyncio.sleep(EVERY_S)
        hear([(leg, leg ^ apart) for leg in range(LEGS)])


def silences(kept: Any) -> Any:
    """Returns the silence of each change of source in ms, from the columns that the load kept."""
    order = np.lexsort((kept["at"], kept["leg"]))
    codes = kept["codes"][order]
    spoken = (codes == codes[:, :1]).all(axis=1)  # the noise that fills a gap is nobody's voice
    leg, at, code = kept["leg"][order][spoken], kept["at"][order][spoken], codes[spoken, 0]
    same = leg[1:] == leg[:-1]
    changed = same & (code[1:] != code[:-1]) & (leg[1:] >= 0)
    return (at[1:] - at[:-1])[changed] / 1e6 - 20.0


def switched(others: int, wire: str) -> tuple[Run, Any]:
    """Returns a run with so many other calls, and its silences in ms."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "heard.npz")
        run = asyncio.run(engine_run(
            LEGS, SECONDS, partner, stamped=False, wire=wire, during=switches, keep=path, expect=False, others=others,
        ))  # fmt: skip
        with np.load(path) as kept:
            return run, silences({name: kept[name] for name in ("leg", "at", "codes")})


def read(wire: str = "auto") -> Reading:
    run, few = switched(FEW, wire)
    crowded, many = switched(MANY, wire)
    bare = asyncio.run(silences_ms(LEGS, SECONDS, floor_switches, silences))
    breaks = run.heard["breaks"] + crowded.heard["breaks"]
    least = LEGS * SWITCHES * 0.9
    return Reading(
        float(np.percentile(few, 99)),
        how=f"{run.wire}; {len(few)} switches, {run.heard['missing']} packets lost, {breaks} breaks; "
        f"{FEW} other calls up, then {MANY}",
        floor=float(np.percentile(bare, 99)),
        floor_is="p99 of a bare forwarder switched at the same times",
        holds=not breaks and min(len(few), len(many)) >= least,
        why=f"{breaks} breaks, {min(len(few), len(many))} switches heard",
        second={
            "worst_ms": float(few.max()), "with_1000_others_ms": float(np.percentile(many, 99)),
            "with_1000_others_worst_ms": float(many.max()), "floor_worst_ms": float(bare.max()),
        },
    )  # fmt: skip
