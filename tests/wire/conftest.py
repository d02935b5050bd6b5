"""One server for all tests of this folder, one performance of the baresips; what the machine lacks is skipped."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

import pytest

from tests.again import skipped
from tests.wire.capture import unable
from tests.wire.performance import SPOILT_S, Performance, undisturbed
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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: Any) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Believes no failure in a performance that the machine has spoilt."""
    report = yield
    played = next((each for each in (item.funcargs or {}).values() if isinstance(each, Performance)), None)
    if report.when == "call" and report.failed and played is not None and played.disturbed_s > SPOILT_S:
        late = f"{1000 * played.disturbed_s:.0f} ms late by no fault of the server"
        return skipped(report, f"the machine is too busy to judge audio: {late}")
    return report
