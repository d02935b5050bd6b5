"""`overload_goodput`: what is still served when twice as many calls come as can be carried, as a share of the best.

The rate goes up until calls are refused or fail; the most that were served in any step is the best. Then calls held for
the whole time are set up, and twice the best rate is offered beside them. Refusals (503) count as not served. The held
calls must all end as they should, with their BYE: they may not notice. That SIPp is not the limit is shown by the same
pair without a server in between.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench import sipp
from bench.house import CALLED, Served
from bench.measure import Reading, workshop

FIRST, STEP, STEP_S = 300, 1.35, 4
OVER_S = 12
HELD, HELD_MS = 50, (OVER_S + 5) * 1000
DIRECT = 3000


def read() -> Reading:
    with workshop() as folder, sipp.Answering(folder) as behind:
        direct = sipp.calls(folder, behind.port, "service", rate=DIRECT, count=DIRECT * 2, answering=behind)
        with Served(folder, behind.port) as server:
            sipp.calls(folder, server.sip, CALLED, rate=50, count=100, answering=behind)
            best = _best(folder, server, behind)
            beside = folder / "held"
            beside.mkdir()
            with ThreadPoolExecutor(1) as pool:
                held = pool.submit(
                    sipp.calls, beside, server.sip, CALLED, rate=HELD, count=HELD, answering=behind, hold_ms=HELD_MS
                )
                time.sleep(2.0)  # they are up before the flood begins
                rate = round(2 * best)
                over = sipp.calls(folder, server.sip, CALLED, rate=rate, count=rate * OVER_S, answering=behind)
                kept = held.result()
            refused = server.metrics().get('switchhook_sip_refused_total{reason="delay"}', 0.0)
    return Reading(
        value=over.rate / best if best else 0.0,
        how=f"SIPp at both ends, {OVER_S} s at {rate} calls/s; best {best:.0f} calls/s, then served {over.rate:.0f}; "
        f"{kept.good} of {HELD} calls held meanwhile ended as they should; without a server the same two SIPp made "
        f"{direct.rate:.0f} calls/s",
        holds=kept.good == HELD and over.made > 1.8 * best * OVER_S,
        second={"refused_early": refused, "held_sent_again": float(kept.sent_again)},
    )


def _best(folder: Path, server: Served, behind: sipp.Answering) -> float:
    rate, best = FIRST, 0.0
    while True:
        load = sipp.calls(folder, server.sip, CALLED, rate=rate, count=rate * STEP_S, answering=behind)
        server.settled()
        best = max(best, load.rate)
        if load.good < 0.95 * load.made:
            return best
        rate = round(rate * STEP)
