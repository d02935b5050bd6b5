"""Stories told to the real engine are told over every wire that this machine has."""

from __future__ import annotations

import pytest

from switchhook.media.wire_choice import why_no_ring
from tests.media import studio

WIRES = ["epoll"] if why_no_ring("auto") else ["io_uring", "epoll"]


@pytest.fixture(params=WIRES)
def wire(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Has `studio` start engines with this wire."""
    monkeypatch.setitem(studio.SETTINGS, "wire", request.param)
    return str(request.param)
