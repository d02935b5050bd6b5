"""The table on the terminal and `results.json`: what is shown and kept of the results."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from bench.measure import Measure, Result

HEAD = f"{'measure':<25}{'median':>10}  {'spread':<21}{'unit':<9}{'aim':>8}  {'met':<4}  {'x floor':>8}  peer"


def row(result: Result) -> str:
    """Returns a result as a line under `HEAD`, and below it, indented, what does not meet its aim."""
    measure = result.measure
    low, high = result.spread
    met = "yes" if result.met else "no"
    ratio = f"{result.ratio:.3g}" if result.ratio else ""
    apart = f"{short(low)} .. {short(high)}" if len(result.readings) > 1 else "one run"
    aim = ("≥ " if measure.more_is_better else "≤ ") + short(measure.aim)
    line = f"{measure.name:<25}{short(result.value):>10}  {apart:<21}{measure.unit:<9}{aim:>8}  {met:<4}  {ratio:>8}"
    missed = result.missed()
    below = f"\n{'':<25}  not met: {'; '.join(missed)}" if missed else ""
    return f"{line}  {measure.peer}".rstrip() + below


def short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def keep(file: Path, results: Iterable[Result], order: Iterable[Measure]) -> None:
    """Puts the results into the file in the order of the table; measures that were not taken now stay as they were."""
    kept = {str(entry["measure"]): entry for entry in _earlier(file)}
    kept.update({result.measure.name: result.json() for result in results})
    names = [measure.name for measure in order]
    entries = [kept[name] for name in names if name in kept]
    file.write_text(json.dumps(entries, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _earlier(file: Path) -> list[dict[str, object]]:
    try:
        found: list[dict[str, object]] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return found
