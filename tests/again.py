"""A slow test that failed while the machine kept its processes waiting is told again, three times in all.

Most slow tests play in real time: they judge when a packet came, or wait for something for so many seconds. On a
machine that has no time for them they would fail for no fault of the server. The kernel's own count says so
(`tests/waits.py`): a test that failed and was not kept waiting has failed. One that was is told again from its start;
if it was kept waiting for very long each time, nobody can say what it shows, and it is skipped with the reason and with
what it said. A test that fails in itself fails each time, and on a machine that has time for it, it fails at once.

Rejected: wider limits (they hold for idle machines, too), telling every failed test again (a fault that comes now and
then would never be seen), reruns by a plugin (it cannot see why).
"""

from __future__ import annotations

import os
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from tests.waits import Waits, family

TIMES = 3
DISTURBED_S = 0.05  # kept waiting so long at a stretch: a failure may be the machine's
SPOILT_S = 0.15  # so long each time: it is the machine's; with two cores to themselves nobody waits like that
OFTEN_S = 0.1  # of 0.3 s, spent in many short waits, is nothing: so it is when several processes begin


def told(item: pytest.Item, nextitem: pytest.Item | None) -> list[pytest.TestReport]:
    """Runs a test, again if it failed while it was kept waiting; returns the reports of the last time."""
    waited_s: list[float] = []
    while True:
        with Waits(lambda: family(os.getpid())) as waits:
            reports = runtestprotocol(item, log=False, nextitem=nextitem)
        waited_s.append(max(waits.longest_s(), waits.worst_s() - OFTEN_S))
        if waited_s[-1] <= DISTURBED_S or not any(report.failed for report in reports):
            return reports
        if len(waited_s) == TIMES:
            spoilt = min(waited_s) > SPOILT_S
            return [_skipped(report, waited_s) if spoilt and report.failed else report for report in reports]
        _forget_what_failed(item)


def _forget_what_failed(item: Any) -> None:
    """Has the fixtures that could not be made be made anew."""
    item._initrequest()
    for definition in (each for those in item._fixtureinfo.name2fixturedefs.values() for each in those):
        if definition.cached_result is not None and definition.cached_result[2] is not None:
            definition.finish(item._request)


def _skipped(report: pytest.TestReport, waited_s: list[float]) -> pytest.TestReport:
    waits = ", ".join(f"{1000 * each:.0f}" for each in waited_s)
    return skipped(report, f"the machine kept it waiting for {waits} ms")


def skipped(report: pytest.TestReport, why: str) -> pytest.TestReport:
    """Makes of a failure that nobody can judge a skipped test that says why, and what it said itself."""
    said = getattr(getattr(report.longrepr, "reprcrash", None), "message", str(report.longrepr)).partition("\n")[0]
    path, line, _ = report.location
    report.outcome, report.longrepr = "skipped", (path, line or 0, f"Skipped: {why}; it said: {said}")
    return report
