"""What `make test` (`pytest -n auto`) does on more than one core; without `-n` nothing of this is used."""

from __future__ import annotations

import os
from typing import Any

import pytest

from tests.phases import Phases


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Two workers where there are two cores; none, so everything in this process, where there is one."""
    return 2 if len(os.sched_getaffinity(0)) > 1 else 0


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config) -> Any:
    """Gives the tests out in phases (`tests/phases.py`), unless `--dist` asks for something else."""
    return Phases(len(config.getoption("tx"))) if config.getoption("dist") == "load" else None
