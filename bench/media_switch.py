"""`switch_silence_p99_ms`: how long a listener hears nothing when it is switched to another source.

400 legs in pairs; every half second all of them are given another partner in one batch, 2,000 switches in all. A source
is told by the code it sends. The silence is the time between the last packet of the old source and the first of the new
one at the telephone, less the 20 ms that the last packet lasts. Old and new source send at any two moments, so half a
packet time on either side is in the nature of it: up to 20 ms with no server in between.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from bench.measure import Reading
from bench.media_rig import Run, engine_run, partner
from switchhook.core.ids import LegId
from switchhook.core.sources import Voice
from switchhook.media.control import MediaEngine

LEGS, SWITCHES, EVERY_S, WORST = 400, 5, 0.5, 40.0


async def switches(engine: MediaEngine, names: list[LegId]) -> None:
    """Gives everybody another partner, five times: one that says another code than the one before."""
    for turn in range(SWITCHES):
        await asyncio.sleep(EVERY_S)
        apart = (3, 1, 5, 1, 7)[turn]
        engine.hear([(name, (Voice(names[leg ^ apart]),)) for leg, name in enumerate(names)])


def silences(kept: Any) -> Any:
    """Returns the silence of each change of source in ms, from the columns that the load kept."""
    order = np.lexsort((kept["at"], kept["leg"]))
    codes = kept["codes"][order]
    spoken = (codes == codes[:, :1]).all(axis=1)  # the noise that fills a gap is nobody's voice
    leg, at, code = kept["leg"][order][spoken], kept["at"][order][spoken], codes[spoken, 0]
    same = leg[1:] == leg[:-1]
    changed = same & (code[1:] != code[:-1]) & (leg[1:] >= 0)
    return (at[1:] - at[:-1])[changed] / 1e6 - 20.0


def read(wire: str = "auto") -> Reading:
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "heard.npz")
        run: Run = asyncio.run(
            engine_run(
                LEGS,
                SWITCHES * EVERY_S + 1.0,
                partner,
                stamped=False,
                wire=wire,
                during=switches,
                keep=path,
                expect=False,
            )
        )
        with np.load(path) as kept:
            found = silences({name: kept[name] for name in ("leg", "at", "codes")})
    p99, worst = float(np.percentile(found, 99)), float(found.max())
    return Reading(
        p99,
        how=f"{run.wire}; {len(found)} switches, {run.heard['missing']} packets lost, {run.heard['breaks']} breaks",
        holds=worst <= WORST and run.heard["breaks"] == 0 and len(found) >= LEGS * SWITCHES * 0.9,
        second={"worst_ms": round(worst, 2), "switches": float(len(found))},
    )
