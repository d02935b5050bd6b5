"""The SIP line as a bare B2BUA: every call that arrives is answered by calling the trunk `out`, no audio, no journal.

    python bench/sip_b2bua.py --listen 5060 --out 127.0.0.1:5070 [--seconds 30] [--profile FILE]

Point SIPp at it (`sipp -sn uas -p 5070` behind, `sipp -sn uac 127.0.0.1:5060` before) and read the CPU per call that
it prints at the end. It measures the SIP layer alone; the whole server is measured elsewhere.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import gc
import itertools
import resource
from random import SystemRandom

from switchhook.core.events import Event, LegAnswered, LegArrived, LegFailed, LegGone, LegRang
from switchhook.core.ids import LegId
from switchhook.core.outcomes import Outcome
from switchhook.exchange.ports import Invitation, MediaAddress, Trunk
from switchhook.sip.line import Line
from switchhook.sip.settings import LineSettings, TrunkSettings
from switchhook.sip.sockets import Sockets
from switchhook.sip.ticking import Ticking


class Bridge:
    """Joins each arriving leg with one it calls."""

    def __init__(self) -> None:
        self.line: Line
        self.other: dict[LegId, LegId] = {}
        self.count = itertools.count(1)
        self.calls = self.failed = 0

    def new_leg(self) -> LegId:
        return LegId(f"leg-{next(self.count)}")

    def take(self, event: Event) -> None:
        line = self.line
        if isinstance(event, LegArrived):
            self.calls += 1
            called = self.new_leg()
            self.other[event.leg], self.other[called] = called, event.leg
            user = event.arrival.to_user or "service"
            line.invite(Invitation(called, Trunk("out", user), event.arrival.from_user))
        elif isinstance(event, LegRang):
            line.ring(self.other[event.leg])
        elif isinstance(event, LegAnswered):
            line.answer(self.other[event.leg])
        elif isinstance(event, LegFailed | LegGone):
            self.failed += isinstance(event, LegFailed)
            other = self.other.pop(event.leg, None)
            if other is not None:
                self.other.pop(other, None)
                line.end(other, event.outcome if isinstance(event, LegFailed) else Outcome.COMPLETED)


async def serve(listen: int, out: str, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    sockets = Sockets()
    await sockets.open([("udp", "127.0.0.1", listen), ("tcp", "127.0.0.1", listen)])
    trunks = (TrunkSettings("out", f"sip:{out}", match=("127.0.0.1",)),)
    bridge = Bridge()
    media = MediaAddress("127.0.0.1", 20000)
    bridge.line = line = Line(
        LineSettings(tuple(sockets.addresses), trunks=trunks, secret=b"bench" * 4),
        sockets,
        emit=bridge.take,
        on_session=lambda leg, session: None,
        media_address=lambda leg: media,
        new_leg=bridge.new_leg,
        clock=loop.time,
        defer=loop.call_soon,
        random=SystemRandom(),
    )
    ticking = Ticking(line.engine.timers, line.tick, loop)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 1_000)
    used_before = _cpu_s()
    await asyncio.sleep(seconds)
    used = _cpu_s() - used_before
    calls = max(1, bridge.calls)
    print(f"calls {bridge.calls}  failed {bridge.failed}  CPU {used:.2f} s  per call {used / calls * 1e6:.0f} us")
    print({name: count for name, count in line.counters.by_reason().items() if count})
    print(f"live: {line.live_legs} legs, {line.engine.transactions.live()} transactions")
    ticking.close()
    sockets.close()


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--listen", type=int, default=5060)
    parser.add_argument("--out", default="127.0.0.1:5070")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--profile", default="")
    parser.add_argument("--uvloop", action="store_true")
    chosen = parser.parse_args()
    story = serve(chosen.listen, chosen.out, chosen.seconds)
    profile = cProfile.Profile()
    if chosen.profile:
        profile.enable()
    if chosen.uvloop:
        import uvloop

        uvloop.run(story)
    else:
        asyncio.run(story)
    if chosen.profile:
        profile.disable()
        profile.dump_stats(chosen.profile)


if __name__ == "__main__":
    main()
