"""Generated pages are current: what they say is what the code says."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("script", ["configuration_page.py"])
def test_the_page_is_current(script: str) -> None:
    made = runpy.run_path(str(ROOT / "scripts" / script))
    assert made["PAGE"].read_text(encoding="utf-8") == made["page"]()


@pytest.mark.parametrize("name", ["plivo.md", "phlo.md", "genesys.md"])
def test_the_coverage_page_is_current_and_its_tests_exist(name: str) -> None:
    made = runpy.run_path(str(ROOT / "scripts" / "coverage_pages.py"))
    assert (made["FOLDER"] / name).read_text(encoding="utf-8") == made["page"](name)


PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} points to {target}"
