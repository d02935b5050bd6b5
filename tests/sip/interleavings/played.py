"""How many interleavings there are: of each flow in `played.txt`, of each group in `docs/proofs.md`.

Both are written by `python -m tests.sip.interleavings --tested`, and `make test` counts what it plays against them: a
flow that loses its messages, or a search that leaves some out, is noticed, and the document says what was run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from tests.sip.interleavings.groups import GROUPS, group_of

Counts = dict[str, tuple[int, int]]  # by flow: played in `make test`; with single faults and all pairs

PLAYED = Path(__file__).with_name("played.txt")
PROOFS = Path(__file__).parents[3] / "docs/proofs.md"
_ROW = re.compile(r"(?m)^(\| (?P<what>[^|:]+):[^|]*)\| \d+ \| [\d,]+ \| [\d,]+ \|$")
_TOTAL = re.compile(r"(?<=`make test` plays \(its )[\d,]+(?= )")
TITLES = {
    "two telephones": "two telephones",
    "a proxy between three telephones": "forked",
    "the server in the middle": "server",
    "transfers": "transfer",
}


def read() -> Counts:
    """Returns what is written in `played.txt`."""
    rows = [line.split(maxsplit=2) for line in PLAYED.read_text(encoding="utf-8").splitlines()]
    return {name: (int(tested), int(all_pairs)) for tested, all_pairs, name in rows}


def write(counts: Counts) -> None:
    """Writes `played.txt` and the figures of `docs/proofs.md`."""
    lines = [f"{tested:5} {all_pairs:6} {name}\n" for name, (tested, all_pairs) in counts.items()]
    PLAYED.write_text("".join(lines), encoding="utf-8")
    PROOFS.write_text(told(PROOFS.read_text(encoding="utf-8"), counts), encoding="utf-8")


def told(page: str, counts: Mapping[str, tuple[int, int]]) -> str:
    """Returns the document with these figures in it."""
    sums = {group: [0, 0] for group in GROUPS}
    for name, found in counts.items():
        for place, count in enumerate(found):
            sums[group_of(name)][place] += count

    def row(match: re.Match[str]) -> str:
        group = TITLES.get(match["what"])
        if group is None:
            return match[0]
        tested, all_pairs = sums[group]
        return f"{match[1]}| {len(GROUPS[group])} | {tested:,} | {all_pairs:,} |"

    return _TOTAL.sub(f"{sum(tested for tested, _ in counts.values()):,}", _ROW.sub(row, page))
