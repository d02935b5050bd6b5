"""The witness of a busy machine: it says what the kernel counted, and no more."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.waits import Waits, family, waited_s

BUSY = "while True: pass"


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for each in started:
        each.kill()
        each.wait()


def test_who_is_gone_has_not_waited() -> None:
    assert waited_s(2**22 + 1) == 0.0
    assert os.getpid() in family(os.getpid())


def test_many_short_waits_in_a_stretch_count_together_and_those_apart_do_not() -> None:
    waits = Waits(list)
    waits._waits = {1: [(10.0, 0.01), (10.1, 0.02), (10.25, 0.02), (20.0, 0.03)], 2: [(10.2, 0.01)]}
    assert waits.longest_s() == 0.03
    assert waits.worst_s() == waits.worst_s(10.0, 10.1) == pytest.approx(0.05)
    assert waits.worst_s(15.0) == pytest.approx(0.03)
    assert waits.worst_s(15.0, 16.0) == 0.0
    assert waits.in_turn_s() == pytest.approx(0.06)


@pytest.mark.slow
@pytest.mark.skipif(not waited_s(os.getpid()), reason="the system does not count how long a process waits")
def test_two_on_one_core_wait_for_each_other_and_one_that_is_stopped_does_not(
    processes: list[subprocess.Popen[bytes]],
) -> None:
    for _ in range(2):
        processes.append(subprocess.Popen([sys.executable, "-c", BUSY]))
        os.sched_setaffinity(processes[-1].pid, {min(os.sched_getaffinity(0))})
    first, second = (each.pid for each in processes)
    assert {first, second} <= set(family(os.getpid()))
    with Waits(lambda: [first, second]) as waits:
        end = time.monotonic() + 30.0
        while not waits.longest_s():
            assert time.monotonic() < end
            time.sleep(0.01)
    now = time.time()
    assert waits.worst_s(now - 30.0, now) == waits.worst_s() >= waits.longest_s() > 0.0
    assert waits.in_turn_s() >= waits.worst_s()
    assert waits.worst_s(now + 1.0) == 0.0
    os.kill(second, signal.SIGSTOP)
    os.waitid(os.P_PID, second, os.WSTOPPED)
    stopped = waited_s(second)
    with Waits(lambda: [second]) as waits:
        time.sleep(0.1)
    assert waits.worst_s() == 0.0
    assert waited_s(second) == stopped
