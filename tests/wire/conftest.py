"""One server for all tests of this folder, one performance of the baresips; what the machine lacks is skipped."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.wire.capture import unable
from tests.wire.performance import Performance, undisturbed
from tests.wire.rig import SIPP, Server
from tests.wire.telephone import BARESIP, MODULES


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


@pytest.fixture(scope="session")
def performance(tmp_path_factory: pytest.TempPathFactory) -> Performance:
    if not BARESIP or MODULES is None:
        pytest.skip("baresip is not installed (Debian's package baresip-core)")
    if why := unable():
        pytest.skip(why)
    return undisturbed(lambda: tmp_path_factory.mktemp("performance"))
