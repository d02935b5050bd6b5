"""`calls_per_s_core`: the highest rate that is held for 30 s without one message sent again by anybody.

A rate is good when every call succeeded, neither SIPp nor the server sent a message again, and the 99th percentile from
INVITE to 200 is at most 50 ms. The rate goes up by a half per short step until a step, taken twice, is not good; then a
run of 30 s has to confirm the last good rate, or nine tenths of it, and so on. With 1,000 other calls up the same again
from there. Server, audio processes included, on one core; both SIPp on the others.

That SIPp is not the limit is shown by the same pair without a server in between. The floor is the echo of a call's
datagrams: how many calls per second a core could do nothing for.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from bench import sipp
from bench.floor import echo_ms
from bench.house import CALLED, Served
from bench.measure import Reading, workshop
from bench.others import FEW, MANY, Others
from bench.stalls import Stalls

FIRST, STEPS, STEP_S, HELD_S = 100, (1.5, 1.1), 3, 30
SHARES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3)
REST_S = 3.0  # until a refusal of the last step is no longer heard of
WORST_MS = 50.0


@dataclass
class Bench:
    """What the steps share."""

    folder: Path
    server: Served
    behind: sipp.Answering
    others: Others
    stalls: Stalls
    again: list[str] = field(default_factory=list)  # steps taken once more
    missed: str = "none"  # what the last step that was not good was missing

    def step(self, rate: int, seconds: int) -> sipp.Load | None:
        """Returns how calls at that rate went when they went well, else None; once more if the machine stood still."""
        self.stalls.since()
        load = self._once(rate, seconds)
        stood = self.stalls.since()
        if load is None and stood.spoils:
            self.again.append(f"{self.missed}, while {stood}")
            load = self._once(rate, seconds)
        return load

    def _once(self, rate: int, seconds: int) -> sipp.Load | None:
        before = self._sent_again()
        load = sipp.calls(
            self.folder, self.server.sip, CALLED, rate=rate, count=rate * seconds, answering=self.behind, until_bad=True
        )
        self.server.settled(self.others.legs)
        again = self._sent_again() - before
        if load.clean and load.p99_ms <= WORST_MS and not again and load.rate > 0.95 * rate:
            return load
        self.missed = (
            f"{rate}/s for {seconds} s: {load.failed} failed, {load.sent_again} and {again} messages sent again by the "
            f"calling SIPp and by the others, p99 {load.p99_ms:.0f} ms, {load.rate:.0f}/s made"
        )
        return None

    def climbed(self) -> int:
        """Returns the highest rate that goes well for a moment; 0 if none does."""
        reached = 0
        for up in STEPS:
            rate = round(reached * up) or FIRST
            while self.step(rate, STEP_S) or self.step(rate, STEP_S):  # once more: other work may have had the core
                reached, rate = rate, round(rate * up)
            if not reached:
                break
        return reached

    def held(self, most: float) -> tuple[int, sipp.Load | None]:
        """Returns the highest share of a rate that goes well for 30 s; 0 if none does."""
        for share in SHARES:
            rate = round(most * share)
            if not rate:
                break
            time.sleep(REST_S)
            load = self.step(rate, HELD_S)
            if load is not None:
                return rate, load
        return 0, None

    def _sent_again(self) -> int:
        """Counts what the answering SIPp and the server have sent again so far."""
        ours = self.server.metrics()['switchhook_sip_messages_by_reason_total{reason="retransmissions_sent"}']
        return self.behind.sent_again + round(ours)


def read() -> Reading:
    with workshop() as folder, sipp.Answering(folder) as behind:
        direct = sipp.direct(folder, behind)
        with Stalls() as stalls, Served(folder, behind.port) as server, Others(folder, server) as others:
            sipp.calls(folder, server.sip, CALLED, rate=50, count=100, answering=behind)
            server.settled()
            others.grow(FEW)
            bench = Bench(folder, server, behind, others, stalls)
            few, load = bench.held(bench.climbed() or FIRST * 0.7)  # a short step may have been lucky
            others.grow(MANY)
            many, crowded = bench.held(few)
    return Reading(
        value=float(few),
        how=f"SIPp at both ends, held {HELD_S} s without a failure or a message sent again; {FEW} other calls up, then "
        f"{MANY}; with no server between them the same two SIPp made {direct:.0f} calls/s; "
        f"last step that was not good: {bench.missed}; taken once more: {'; '.join(bench.again) or 'none'}",
        floor=1e3 / echo_ms(),
        floor_is="calls/s whose datagrams a core can echo",
        holds=few > 0 and direct > 1.5 * few,
        why=f"no rate was held, or SIPp itself was the limit ({direct:.0f} calls/s)",
        second={
            "with_1000_others": float(many), **({"p99_ms": load.p99_ms} if load else {}),
            **({"with_1000_others_p99_ms": crowded.p99_ms} if crowded else {}),
        },
    )  # fmt: skip
