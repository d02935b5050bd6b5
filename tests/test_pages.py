"""Generated pages are current: what they say is what the code says."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("script", ["configuration_page.py"])
def test_the_page_is_current(script: str) -> None:
    made = runpy.run_path(str(ROOT / "scripts" / script))
    assert made["PAGE"].read_text(encoding="utf-8") == made["page"]()
