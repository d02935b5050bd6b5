"""The diagrams in docs/diagrams are what the tables of the core say."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from switchhook.core.transfers import FALLBACKS, TABLE

SCRIPT = Path(__file__).resolve().parent.parent / "scripts" / "diagrams.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = spec_from_file_location("diagrams", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules["diagrams"] = module
    spec.loader.exec_module(module)
    return module


def test_the_files_are_current(script: ModuleType) -> None:
    assert script.stale() == [], "run python scripts/diagrams.py"


def test_every_row_is_drawn(script: ModuleType) -> None:
    files = script.render()
    for (kind, phase, trigger), row in TABLE.items():
        text = files[f"transfer-{kind.value}.md"]
        to = row.to.value if row.to is not None else "over"
        assert f"| {phase.value} | {trigger.value} | {to} |" in text
    for fallback in FALLBACKS:
        assert f"| following | {fallback.value} |" in files["fallbacks.md"]


def test_the_pictures_are_well_formed(script: ModuleType) -> None:
    for name, text in script.render().items():
        if name.endswith(".svg"):
            assert ElementTree.fromstring(text).tag.endswith("svg")
