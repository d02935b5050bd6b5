"""`python -m bench [MEASURE ...]`: takes the measures, prints the table, writes results.json."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from bench.machine import busy_share, cores
from bench.measure import Result, take
from bench.registry import chosen

RESULTS = Path(__file__).parent / "results.json"
HEAD = f"{'measure':<22}{'median':>10}  {'spread':<21}{'unit':<9}{'aim':>8}  {'met':<4}  {'x floor':>8}  peer"


def main() -> None:
    measures = chosen(sys.argv[1:])
    if not shutil.which("sipp"):
        raise SystemExit("SIPp is missing: install Debian's package sip-tester")
    own, load = cores()
    others = busy_share(1.0)
    print(
        f"{os.cpu_count()} cores ({_model()}), Python {platform.python_version()}; server on core {own}, load on",
        end=" ",
    )
    print(f"{', '.join(map(str, sorted(load)))}; other work takes {others:.0%} of the machine\n\n{HEAD}", flush=True)
    if load == {own}:
        print("(one core only: server and load share it, and the figures are worth little)")
    results, failed = [], 0
    for measure in measures:
        try:
            result = Result(measure, [take(measure) for _ in range(measure.runs)])
        except (SystemExit, subprocess.TimeoutExpired) as why:
            failed += 1
            print(f"{measure.name:<22}{'failed':>10}  {' '.join(str(why).split())[:300]}", flush=True)
            continue
        results.append(result)
        print(_row(result), flush=True)
    kept = {row["measure"]: row for row in _earlier()} if len(measures) < len(chosen([])) else {}
    kept.update({result.measure.name: result.json() for result in results})
    RESULTS.write_text(json.dumps(list(kept.values()), indent=1) + "\n", encoding="utf-8")
    print(f"\n{RESULTS} says how each was taken; docs/benchmarks.md explains.")
    if failed:
        raise SystemExit(1)


def _row(result: Result) -> str:
    measure = result.measure
    low, high = result.spread
    met = "yes" if result.met else "no"
    ratio = f"{result.ratio:.2f}" if result.ratio else ""
    apart = f"{_short(low)} .. {_short(high)}" if len(result.readings) > 1 else ""
    aim = ("≥ " if measure.more_is_better else "≤ ") + _short(measure.aim)
    row = f"{measure.name:<22}{_short(result.value):>10}  {apart:<21}{measure.unit:<9}{aim:>8}  {met:<4}  {ratio:>8}"
    return f"{row}  {measure.peer}"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _earlier() -> list[dict[str, object]]:
    try:
        found: list[dict[str, object]] = json.loads(RESULTS.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return found


def _model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


if __name__ == "__main__":
    main()
