"""`hold_to_music_p99_ms` and `complete_to_heard_p99_ms`: from an API request until it is heard, at 20 transfers/s.

Everybody in the teams sends G.711 all the time and is sent audio all the time. A warm transfer is one request that
also puts the customer on hold: the first figure is the time from that request leaving us to the first packet of music
at the customer's telephone. After a moment's consult another request takes the agent out, which completes the
transfer: the second is the time from there to the first packet with the new talker's voice, at the customer and at the
target. The moments are that before the request is sent and the kernel's stamp on the packet, both by the system's
clock.

Packets leave every 20 ms, so half of that on average and all of it at worst is in the nature of it. The floor is a
bare forwarder that is told by a line on a pipe to change who hears whom (`media_floor`), measured in the same way.

A voice is one code from start to end of each packet, a different one for each in a team; music is neither constant nor
as quiet as the noise that fills a gap (-60 dBm0).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bench.floor_switches import delays_ms
from bench.measure import Reading, workshop
from bench.others import FEW, MANY
from bench.teams import Floor, Team, Transfer, standing
from switchhook.media import g711

Array = Any
TEAMS, RATE, SECONDS, CONSULT_S = 20, 20.0, 12, 0.3
COUNT = int(RATE * SECONDS)
LONGEST_MS = 5_000.0  # what takes longer was not heard at all
QUIET = 150  # noise stays below, music goes above
LATE_SHARE, LATE_MS = 0.02, 5.0


def hold() -> Reading:
    return asyncio.run(_read("music", lambda music, heard: music))


def complete() -> Reading:
    return asyncio.run(_read("the new voice", lambda music, heard: heard))


async def _read(what: str, of: Callable[[list[float], list[float]], list[float]]) -> Reading:
    with workshop() as folder:
        async with standing(folder, [Team(number) for number in range(TEAMS)], audio=True) as floor:
            await floor.more_others(FEW)
            await floor.play(TEAMS, RATE, CONSULT_S, by_api=True)  # warms up
            few = await _played(folder, floor, of)
            await floor.more_others(MANY)
            many = await _played(folder, floor, of)
            late = floor.late / floor.asked
    bare = await delays_ms(RATE)
    load_late = max(few["load_late"], many["load_late"])
    unheard = few["unheard"] + many["unheard"]
    return Reading(
        value=few["p99"],
        how=f"{COUNT} warm transfers at {RATE:.0f}/s by the PHLO API, {3 * TEAMS} telephones with G.711, first packet "
        f"with {what} by the kernel's stamp; {FEW} other calls up, then {MANY}; worst {few['worst']:.1f} ms; "
        f"{unheard:.0f} never heard; {late:.1%} began late; the load sent {load_late:.1f} ms late (p99) and dropped "
        f"{few['dropped']:.0f} packets",
        floor=float(np.percentile(bare, 99)),
        floor_is="p99 of a bare forwarder told to switch",
        holds=not unheard and late <= LATE_SHARE and load_late <= LATE_MS,
        why=f"{unheard:.0f} never heard, {late:.0%} began late, load {load_late:.1f} ms late",
        second={"with_1000_others_ms": many["p99"], "p50_ms": few["p50"]},
    )


async def _played(
    folder: Path, floor: Floor, of: Callable[[list[float], list[float]], list[float]]
) -> dict[str, float]:
    talkers = floor.talkers
    assert talkers is not None
    await talkers.keep("")
    found = await floor.play(COUNT, RATE, CONSULT_S, by_api=True)
    await asyncio.sleep(0.3)
    figures = await talkers.keep(str(folder / "heard.npz"))
    with np.load(folder / "heard.npz") as kept:
        heard = Heard({name: kept[name] for name in ("leg", "at", "codes", "second")})
    music = [heard.music_ms(each) for each in found]
    voices = [wait for each in found for wait in heard.voices_ms(each, talkers.codes)]
    waits = np.array(of(music, voices))
    good = waits[np.isfinite(waits)]
    if not len(good):
        raise SystemExit("nobody heard anything")
    return {
        "p50": float(np.percentile(good, 50)), "p99": float(np.percentile(good, 99)), "worst": float(good.max()),
        "unheard": float(len(waits) - len(good)), "load_late": figures["late_ms"][1], "dropped": figures["dropped"],
    }  # fmt: skip


class Heard:
    """All packets that the telephones got, by leg and in the order of their stamps."""

    def __init__(self, kept: dict[str, Array]) -> None:
        audio = (kept["leg"] >= 0) & (kept["second"] & 0x7F == 0)
        order = np.lexsort((kept["at"][audio], kept["leg"][audio]))
        self._leg, self._at = kept["leg"][audio][order], kept["at"][audio][order]
        self._codes = kept["codes"][audio][order]
        self._constant = (self._codes == self._codes[:, :1]).all(axis=1)
        loudest = np.abs(g711.decode(self._codes.astype(np.uint8), g711.ULAW).astype(np.int32)).max(axis=1)
        self._music = ~self._constant & (loudest > QUIET)

    def music_ms(self, transfer: Transfer) -> float:
        """Returns the wait of the customer for music after the request that began the transfer; infinite if none."""
        return self._first_ms(3 * transfer.team.number, transfer.asked_ns, lambda place: self._music[place])

    def voices_ms(self, transfer: Transfer, codes: list[int]) -> tuple[float, float]:
        """Returns the waits of customer and target for each other's voice after the request that completed it."""
        customer = 3 * transfer.team.number
        target = customer + transfer.target
        since = transfer.completing_ns
        return self._voice_ms(customer, codes[target], since), self._voice_ms(target, codes[customer], since)

    def _voice_ms(self, listener: int, code: int, since_ns: int) -> float:
        return self._first_ms(listener, since_ns, lambda place: self._constant[place] & (self._codes[place, 0] == code))

    def _first_ms(self, leg: int, since_ns: int, wanted: Callable[[slice], Array]) -> float:
        first, last = self._rows(leg)
        first += int(np.searchsorted(self._at[first:last], since_ns))
        last = min(last, first + int(LONGEST_MS / 20))
        place = slice(first, last)
        found = np.flatnonzero(wanted(place))
        return float((self._at[first + found[0]] - since_ns) / 1e6) if len(found) else float("inf")

    def _rows(self, leg: int) -> tuple[int, int]:
        return int(np.searchsorted(self._leg, leg)), int(np.searchsorted(self._leg, leg, side="right"))
