"""One server for all tests of this folder; without SIPp they are skipped."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.wire.rig import SIPP, Server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    started = Server(tmp_path_factory.mktemp("wire"))
    try:
        started.start()
        yield started
    finally:
        started.stop()


@pytest.fixture
def sipp() -> str:
    if not SIPP:
        pytest.skip("SIPp is not installed (Debian's package sip-tester)")
    return SIPP
