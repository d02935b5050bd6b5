"""The same examples in each run; and what `make test` (`pytest -n auto`) does on more than one core, and on busy ones.

Hypothesis makes up its examples from the test itself, so a test that fails, fails again. `HYPOTHESIS_PROFILE=default`
has it make up new ones; `make fuzz` and `SWITCHHOOK_EXAMPLES` (`tests/promises`) do so, too.

A slow test that fails while the machine kept it waiting is told again (`tests/again.py`).
"""

from __future__ import annotations

import os
import sys
from typing import Any

import pytest
from hypothesis import settings

from tests import again
from tests.phases import Phases

sys.modules.setdefault("sniffio", None)  # type: ignore[arg-type]  # httpx2 looks for it, all along the path, per request

settings.register_profile("same", derandomize=True, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Two workers where there are two cores; none, so everything in this process, where there is one."""
    return 2 if len(os.sched_getaffinity(0)) > 1 else 0


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config) -> Any:
    """Gives the tests out in phases (`tests/phases.py`), unless `--dist` asks for something else."""
    return Phases(len(config.getoption("tx"))) if config.getoption("dist") == "load" else None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Tells a slow test again where the machine had no time for it (`tests/again.py`)."""
    if item.get_closest_marker("slow") is None:
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for report in again.told(item, nextitem):
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True
