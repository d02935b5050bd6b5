"""Plays the flows and counts the interleavings: `python -m tests.sip.interleavings --help`."""

from __future__ import annotations

import argparse
import sys
import time

from tests.sip.interleavings import played
from tests.sip.interleavings.groups import EVERY, GROUPS, group_of, of_groups, processes, searched, tested

DEEP_TRIPLES = 20_000


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.sip.interleavings", description=__doc__)
    parser.add_argument("pairs", nargs="?", type=int, default=0, help="pairs of faults for each flow, -1: all")
    parser.add_argument("--triples", type=int, default=0, help="triples for each flow, -1: all (with all pairs only)")
    parser.add_argument("--deep", action="store_true", help=f"all pairs, and {DEEP_TRIPLES:,} triples of each flow")
    parser.add_argument("--tested", action="store_true", help="what `make test` plays; writes how many those are")
    parser.add_argument("--group", action="append", choices=GROUPS, help="only these flows")
    parser.add_argument("--flow", default="", help="only flows with this in their name")
    parser.add_argument("--jobs", type=int, default=0, help="processes; as many as there are cores")
    parser.add_argument("--nice", type=int, default=15)
    asked = parser.parse_args()
    pairs, triples = (-1, DEEP_TRIPLES) if asked.deep else (asked.pairs, asked.triples)
    names = [name for name in of_groups(asked.group or GROUPS) if asked.flow in name]
    print("| flow | single faults | pairs | of all pairs | triples | of all triples | wrong |")
    print("|---|---|---|---|---|---|---|")
    start, totals, wrong = time.monotonic(), dict.fromkeys(GROUPS, 0), []
    with processes(asked.jobs, asked.nice) as pool:
        jobs = {
            name: pool.submit(tested, name) if asked.tested else pool.submit(searched, name, pairs, triples)
            for name in names
        }
        plays: played.Counts = {}
        for name, job in jobs.items():
            found = job.result()
            totals[group_of(name)] += found.runs
            plays[name] = found.runs, found.all_runs
            wrong += found.wrong
            counts = (found.singles, found.pairs, found.all_pairs, found.triples, found.all_triples, found.wrongs)
            print(f"| {name} | {' | '.join(f'{count:,}' for count in counts)} |", flush=True)
    told = ", ".join(f"{group} {count:,}" for group, count in totals.items() if count)
    print(f"\n{sum(totals.values()):,} interleavings of {len(names)} of {len(EVERY)} flows ({told})")
    print(f"in {time.monotonic() - start:.0f} s; {len(wrong)} told as wrong")
    print("\n\n".join(wrong[:3]))
    if asked.tested and not wrong and len(names) == len(EVERY):
        played.write(plays)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
