"""The floor under every figure of a switch: a bare forwarder that is told to change who hears whom.

`delays_ms` switches a pair at a time and returns how long after the word each listener heard the new voice;
`silences_ms` switches everybody at once and returns the silences between old and new voice, as `media_switch` has them.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np

from bench.media_rig import Hear, floor_run, voices

Array = Any
LEGS, SECONDS = 40, 5.0


async def delays_ms(rate: float) -> Array:
    """Returns the waits of listeners of a forwarder that is given `rate` switches of a pair per second."""
    codes, _ = voices(LEGS, lambda _leg, _legs: [])
    asked: list[tuple[int, int, int]] = []  # listener, source, when

    async def switching(hear: Hear) -> None:
        apart = 1
        for number in range(int(rate * (SECONDS - 1))):
            four = number % (LEGS // 4) * 4
            apart = 3 if number // (LEGS // 4) % 2 == 0 else 1
            pairs = [(four + n, four + (n ^ apart)) for n in range(4)]
            asked.extend((listener, source, time.time_ns()) for listener, source in pairs)
            hear(pairs)
            await asyncio.sleep(1 / rate)

    kept = await _kept(switching, LEGS, SECONDS)
    waits = []
    for listener, source, when in asked:
        mine = (kept["leg"] == listener) & (kept["at"] >= when) & (kept["codes"] == codes[source]).all(axis=1)
        if mine.any():
            waits.append((kept["at"][mine].min() - when) / 1e6)
    return np.array(waits)


async def silences_ms(
    legs: int, seconds: float, plan: Callable[[Hear], Awaitable[None]], silences: Callable[[Any], Array]
) -> Array:
    """Returns the silences that listeners of a forwarder hear while `plan` switches them."""
    return silences(await _kept(plan, legs, seconds))


async def _kept(during: Callable[[Hear], Awaitable[None]], legs: int, seconds: float) -> dict[str, Array]:
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "heard.npz")
        await floor_run(legs, seconds, during=during, keep=path)
        with np.load(path) as kept:
            return {name: kept[name] for name in ("leg", "at", "codes")}
