"""Stories told to the real engine are told over the wire that this machine would choose; with ALL_WIRES=1 over all.

The exam (`test_exam.py`), which says what an engine must do, is always taken on all of them.
"""

from __future__ import annotations

import os

import pytest

from switchhook.media.wire_choice import why_no_ring
from tests.media import studio

WIRES = ["epoll", "poll"] if why_no_ring("auto") else ["io_uring", "epoll", "poll"]


@pytest.fixture(params=WIRES if os.environ.get("ALL_WIRES") else WIRES[:1])
def wire(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Has `studio` start engines with this wire."""
    monkeypatch.setitem(studio.SETTINGS, "wire", request.param)
    return str(request.param)
