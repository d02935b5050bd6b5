"""`python -m bench [--runs N] [MEASURE ...]`: takes the measures, prints the table, writes results.json as it goes."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bench.machine import busy_share, cores
from bench.measure import Measure, Reading, Result, take
from bench.registry import MEASURES, chosen
from bench.table import HEAD, keep, row

RESULTS = Path(__file__).parent / "results.json"
NEEDED = {"sipp": "sip-tester", "taskset": "util-linux"}
PREPARING_S = 3.0  # of each run: a new process


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measures, and compares with the aims.",
        epilog=f"Measures: {', '.join(measure.name for measure in MEASURES)}.",
    )
    parser.add_argument("measures", nargs="*", metavar="MEASURE", help="those to take; all without any")
    parser.add_argument("--runs", type=_count, default=0, metavar="N", help="of each, instead of three")
    parser.add_argument("--into", type=Path, default=RESULTS, metavar="FILE", help="where the results are kept")
    given = parser.parse_args()
    measures = chosen(given.measures)
    if given.runs > 0:
        measures = tuple(replace(measure, runs=given.runs) for measure in measures)
    for program, package in NEEDED.items():
        if not shutil.which(program):
            raise SystemExit(f"{program} is missing: install Debian's package {package}")
    if given.into.is_dir() or not os.access(given.into if given.into.exists() else given.into.parent, os.W_OK):
        raise SystemExit(f"{given.into} cannot be written: name another file with --into")
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it
            signal.signal(number, signal.default_int_handler)
    print(_machine(), HEAD, sep="\n\n", flush=True)
    results: list[Result] = []
    try:
        failed = _taken(measures, results, given.into)
    except KeyboardInterrupt:
        kept = f"{given.into} has the {len(results)} taken before" if results else "nothing was taken"
        print(f"\nStopped; {kept}.", flush=True)
        raise SystemExit(130) from None
    met = sum(result.met for result in results)
    print(f"\n{met} of {len(measures)} meet every aim of their row. {given.into} says how each was taken; ", end="")
    print("docs/benchmarks.md explains.")
    if failed:
        raise SystemExit(1)


def _taken(measures: tuple[Measure, ...], results: list[Result], into: Path) -> int:
    """Takes, shows and keeps one measure after the other; returns how many could not be taken."""
    failed = 0
    for place, measure in enumerate(measures):
        try:
            result = Result(measure, list(_runs(place, measures)))
        except SystemExit as why:
            failed += 1
            print(f"{measure.name:<25}{'failed':>10}  {' '.join(str(why).split())[-300:]}", flush=True)
            continue
        results.append(result)
        print(row(result), flush=True)
        keep(into, results, MEASURES)
    return failed


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number, 1 or more, and not {text!r}")
    return int(text)


def _runs(place: int, measures: tuple[Measure, ...]) -> Iterator[Reading]:
    """Takes one measure as often as it wants to be, and says on standard error what is going on."""
    measure = measures[place]
    later = sum(each.runs * (each.seconds + PREPARING_S) for each in measures[place + 1 :])
    for number in range(measure.runs):
        left = later + (measure.runs - number) * (measure.seconds + PREPARING_S)
        print(
            f"[{place + 1}/{len(measures)}] {measure.name}: run {number + 1} of {measure.runs}, about "
            f"{measure.seconds:.0f} s; about {max(1, round(left / 60))} min until all is done",
            file=sys.stderr,
            flush=True,
        )
        yield take(measure)


def _machine() -> str:
    """Says what machine it is, and how busy with other things: on a busy one the figures are worth little."""
    own, load = cores()
    others = busy_share(1.0)
    text = (
        f"{os.cpu_count()} cores ({_model()}), Python {platform.python_version()}; other work takes {others:.0%} "
        f"of the machine; server on core {own}, load on {', '.join(map(str, sorted(load)))}"
    )
    if load == {own}:
        text += "\n(one core only: server and load share it, and the figures are worth little)"
    return text


def _model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


if __name__ == "__main__":
    main()
