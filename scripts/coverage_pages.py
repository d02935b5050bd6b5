"""Writes docs/coverage/*.md from the dialects' own lists: one line per operation, element, attribute and channel."""

from __future__ import annotations

from collections import Counter
from importlib import import_module
from itertools import groupby
from os.path import normpath
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent.parent / "docs" / "coverage"
PAGES = {
    "plivo.md": ("Plivo Voice", "switchhook.dialects.plivo.coverage", "tests/dialects/plivo"),
    "phlo.md": ("Plivo PHLO", "switchhook.dialects.plivo.phlo.coverage", "tests/dialects/phlo"),
    "genesys.md": ("Genesys Web Services", "switchhook.dialects.genesys.coverage", "tests/dialects/genesys"),
}


def page(file: str) -> str:
    """Returns one page."""
    title, module, tests = PAGES[file]
    rows: list[Any] = list(import_module(module).lines())
    counts = Counter(row.state for row in rows)
    said = ", ".join(f"{counts[state]} {state}" for state in ("done", "partly", "absent"))
    parts = [f"# Coverage: {title}\n", f"{said}. What is absent is not pretended: it answers an error or is noted.\n"]
    parts.append("This page is generated (`make docs`); each line that is not absent is shown by the test it names.\n")
    for section, lines in groupby(rows, key=lambda row: row.section):
        parts.append(f"## {section}\n\n| | state | note | test |\n|---|---|---|---|")
        for row in lines:
            test = f"`{normpath(f'{tests}/{row.test}')}`" if row.test else ""
            parts.append(f"| `{_cell(row.part)}` | {row.state} | {_cell(row.note)} | {test} |")
        parts.append("")
    return "\n".join(parts)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    for name in PAGES:
        (FOLDER / name).write_text(page(name), encoding="utf-8")
