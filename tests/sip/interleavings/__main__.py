"""Plays the flows and counts the interleavings: `python -m tests.sip.interleavings [pairs of faults, -1: all]`."""

from __future__ import annotations

import sys
import time

from tests.sip.interleavings.flows import FLOWS
from tests.sip.interleavings.house_flows import PLAIN, TRANSFERS
from tests.sip.interleavings.search import search


def main() -> int:
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    wrong: list[str] = []
    total = 0
    print("| flow | single faults | pairs of faults | of all pairs |")
    print("|---|---|---|---|")
    start = time.monotonic()
    for flow in (*FLOWS, *PLAIN, *TRANSFERS):
        found = search(flow, pairs)
        total += found.runs
        wrong += found.wrong
        print(f"| {flow.name} | {found.singles} | {found.pairs} | {found.all_pairs} |", flush=True)
    print(f"\n{total} interleavings in {time.monotonic() - start:.0f} s, {len(wrong)} of them wrong")
    print("\n\n".join(wrong[:3]))
    return 1 if wrong else 0


sys.exit(main())
