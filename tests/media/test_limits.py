"""What the machine does not give: files, ports, priority. It is said aloud, and all goes on with what there is."""

from __future__ import annotations

import os
import socket

import pytest

from switchhook.media import keeper, pump
from switchhook.media.settings import MediaSettings
from switchhook.media.wires import Ports


def opened(settings: MediaSettings) -> tuple[list[Ports], list[str]]:
    """Opens and closes the ports; returns what was opened, and what was said."""
    pairs, warnings = keeper.open_pairs(settings, [])
    for sock in (sock for pair in pairs for sock in pair if sock is not None):
        sock.close()
    return pairs, warnings


@pytest.mark.parametrize(("wire", "sockets"), [("poll", 3), ("auto", 0)])
def test_too_few_files_are_fewer_legs_and_a_warning(wire: str, sockets: int, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(keeper.resource, "getrlimit", lambda _: (160, 160))
    monkeypatch.setattr(keeper.resource, "setrlimit", lambda _, limits: asked.append(limits))
    pairs, warnings = opened(MediaSettings(ports=(20_000, 29_998), max_legs=50, wire=wire))
    each = sockets or (2 if all(pair.own is None for pair in pairs) else 3)
    assert asked == [(160, 160)]  # as many as may be had
    assert len(pairs) == (160 - 100) // each
    assert warnings == [f"only {len(pairs)} of 50 legs can have audio: the limit of open files is 160"]


def test_enough_files_are_no_warning_and_ports_in_use_are_skipped() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        first = min(port - port % 2, 65_000)
        pairs, warnings = keeper.open_pairs(MediaSettings(ports=(first, first + 20), max_legs=4, wire="poll"), [])
        try:
            numbers = [pair.rtp.getsockname()[1] for pair in pairs]
            assert warnings == []
            assert all(number % 2 == 0 and pair.rtcp.getsockname()[1] == number + 1 for number, pair in
                       zip(numbers, pairs, strict=True))  # fmt: skip
            assert port - port % 2 not in numbers
        finally:
            for sock in (sock for pair in pairs for sock in pair if sock is not None):
                sock.close()


def refused(*_: object) -> None:
    raise PermissionError


def test_priority_is_real_time_else_nice_else_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[object] = []
    monkeypatch.setattr(os, "sched_setscheduler", lambda who, policy, _: given.append((who, policy)), raising=False)
    monkeypatch.setattr(os, "setpriority", lambda *wanted: given.append(wanted))
    assert pump.rank(False, -10) == ""
    assert given == []
    assert pump.rank(True, -10) == ""
    assert given == [(0, os.SCHED_FIFO)]
    monkeypatch.setattr(os, "sched_setscheduler", refused, raising=False)
    assert pump.rank(True, -10) == ""
    assert given[1:] == [(os.PRIO_PROCESS, 0, -10)]
    monkeypatch.setattr(os, "setpriority", refused)
    assert "without real-time priority" in pump.rank(True, -10)
