"""`overload_goodput_ratio`: what is still served when twice as many calls come as can be carried, by the best rate.

Best: a server without admission control (`bench.unguarded`) is offered more and more; the most calls that it completed
per second in any step is its best, whatever was sent again and however late. It does not matter that it collapses in
the last steps. Then a fresh server, as it is, is offered twice that for 15 s, and what it completes per second in that
time, its first two seconds left out, is compared with the best. A refusal does not count as served, must be a 503, and
must carry Retry-After: SIPp looks for it, and a call without it has failed.

In both servers 50 calls are up, with G.711 both ways through the audio process on the same core and re-INVITEs all the
time. In the second, while the flood goes on, they all hang up, and what they noticed is counted: see `bench.live`.

If the machine itself stood still meanwhile (`bench.stalls`), or the load sent its audio late, nobody could hear it in
time: a server is then flooded once more, and `how` says so.

Whether the load is the limit: what the same two SIPp make without a server between them is measured first, the rate
that was really offered is counted, and `how` says how busy the load's cores were.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import sipp
from bench.house import CALLED, SWITCHHOOK, UNGUARDED, Served
from bench.live import LiveCalls, Noticed
from bench.machine import Busy, cores
from bench.measure import Reading, workshop
from bench.stalls import SPOILS_MS, Stalls, Stood

SCENARIO = Path(__file__).parent / "scenarios" / "caller.xml"
FIRST, STEP, STEP_S, BELOW = 100, 1.35, 5, 0.8
OVER_S, LIVE = 15, 50


def read() -> Reading:
    with workshop() as folder:
        with sipp.Answering(folder) as behind:
            direct = sipp.direct(folder, behind)
        best = asyncio.run(_best(folder / "best"))
        with Stalls() as stalls:
            flood = asyncio.run(_flooded(folder / "flooded", round(2 * best), stalls))
            spoilt = flood.spoilt
            if spoilt:
                flood = asyncio.run(_flooded(folder / "again", round(2 * best), stalls))
    over, noticed = flood.load, flood.noticed
    offered, served = over.per_second("TotalCallCreated"), _served(over)
    early = noticed.ended_early
    return Reading(
        value=served / best if best else 0.0,
        how=f"best {best:.0f} calls/s completed without admission control; then with it {offered:.0f}/s offered for "
        f"{OVER_S} s, {served:.0f}/s completed, {over.refused} refused (503 with Retry-After; the server counts "
        f"{flood.refused:.0f}), {over.failed} failed otherwise; meanwhile {LIVE} calls with G.711: {noticed.packets} "
        f"packets, gaps p99.9 {noticed.gaps[2]:.1f} ms, {noticed.reinvites} re-INVITEs, {noticed.byes} BYEs, {early} "
        f"ended early; the two SIPp made {direct:.0f} calls/s without a server, the load's cores were {flood.busy:.0%} "
        f"busy, its voices {noticed.load_late[1]:.1f} ms late (p99), {noticed.load_late[3]:.0f} at most; {flood.stood}"
        + (f"; taken once more, since the first time {spoilt}" if spoilt else ""),
        holds=best > 0 and offered > 1.9 * best and direct > 2 * best and over.refused > 0 and not early,
        why=f"best {best:.0f}, offered {offered:.0f}, SIPp alone {direct:.0f} calls/s; {over.refused} refused; {early} "
        "live calls ended early",
        second={
            "audio_lost": float(noticed.lost), "audio_gap_ms": noticed.gaps[3],
            "reinvites_failed": float(noticed.reinvites_failed), "byes_failed": float(noticed.byes_failed),
            "failed_not_refused": over.failed / max(1, over.made),
        },
    )  # fmt: skip


@dataclass(frozen=True)
class Flood:
    """How it went: the flood, the calls that were up, the share of time the load's cores worked, 503s by the server,
    and whether the machine stood still."""

    load: sipp.Load
    noticed: Noticed
    busy: float
    refused: float
    stood: Stood

    @property
    def spoilt(self) -> str:
        """Says why the gaps in the audio cannot be the server's; empty when they can."""
        if self.stood.spoils:
            return str(self.stood)
        late_ms = self.noticed.load_late[3]
        return f"the load's own voices were {late_ms:.0f} ms late" if late_ms >= SPOILS_MS else ""


@asynccontextmanager
async def _peopled(folder: Path, program: tuple[str, ...]) -> AsyncIterator[tuple[Served, sipp.Answering, LiveCalls]]:
    """Gives a server with the live calls up, and the SIPp behind it."""
    folder.mkdir()
    live = LiveCalls(LIVE)
    try:
        tables = await live.open()
        with (
            sipp.Answering(folder) as behind,
            Served(folder, behind.port, more=tuple(tables), program=program) as server,
        ):
            await live.connect(server.sip)
            server.abandon = True
            yield server, behind, live
    finally:
        await live.close()


async def _best(folder: Path) -> float:
    """Returns the most calls per second that a server without admission control completes at any rate."""
    async with _peopled(folder, UNGUARDED) as (server, behind, live):
        found = asyncio.create_task(asyncio.to_thread(_climb, folder, server, behind))
        while not found.done():
            await live.during(1.0)
        return await found


def _climb(folder: Path, server: Served, behind: sipp.Answering) -> float:
    best, rate, missed = 0.0, float(FIRST), 0
    while missed < 2:  # other work may have had the core
        served = _served(_offer(folder, server, behind, round(rate), STEP_S))
        best = max(best, served)
        missed = missed + 1 if served < BELOW * rate else 0
        server.settled(2 * LIVE, 10.0)
        rate *= STEP if not missed else 1.1
    return best


def _offer(folder: Path, server: Served, behind: sipp.Answering, rate: int, seconds: int) -> sipp.Load:
    return sipp.calls(folder, server.sip, CALLED, rate=rate, count=rate * seconds, answering=behind, scenario=SCENARIO)


def _served(load: sipp.Load) -> float:
    """Returns the calls completed per second while calls were offered."""
    return load.per_second("SuccessfulCall(C)") - load.per_second("GenericCounter1(C)")


async def _flooded(folder: Path, rate: int, stalls: Stalls) -> Flood:
    async with _peopled(folder, SWITCHHOOK) as (server, behind, live):
        busy = Busy(cores()[1])
        stalls.since()
        flood = asyncio.create_task(asyncio.to_thread(_offer, folder, server, behind, rate, OVER_S))
        await live.during(OVER_S - 3.0)
        audio = await live.heard(folder)
        await live.hang_up()  # while the flood goes on
        share = busy.share()
        load = await flood
        stood = stalls.since()
        figures = server.metrics()
        refused = sum(value for name, value in figures.items() if name.startswith("switchhook_sip_refused_total{"))
        return Flood(load, live.noticed(audio), share, refused, stood)
