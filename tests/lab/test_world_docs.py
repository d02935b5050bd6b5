"""The guide shows the example as it is."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"<!-- (examples/\S+) -->\n```python\n(.*?)```", re.DOTALL)


def test_the_example_in_the_guide_is_the_one_that_is_tested() -> None:
    shown = BLOCK.findall((ROOT / "docs/lab.md").read_text(encoding="utf-8"))
    assert [path for path, _ in shown] == [
        "examples/front_desk/front_desk.py",
        "examples/front_desk/test_front_desk.py",
    ]
    for path, text in shown:
        assert text == (ROOT / path).read_text(encoding="utf-8"), f"docs/lab.md shows an old {path}"
