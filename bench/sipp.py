"""SIPp as both ends of the load: one process that answers, one that calls, pinned away from the server.

Whether the load generator is the limit is measured, not believed: `direct` lets the two talk to each other without
a server in between, and every measure of a rate says what that gave.
"""

from __future__ import annotations

import csv
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from bench.machine import cores, cpu_s, free_port

_ANSWERS = Path(__file__).parent / "scenarios" / "answers.xml"
SIPP = shutil.which("sipp") or ""
SKIP_S = 2.0  # what is left out at the beginning of a load
DIRECT = (1500, 3000, 4500, 6000, 8000)  # offered without a server, until that is too much
_START_S = 10.0


@dataclass(frozen=True)
class Load:
    """What a run of calls came to, as the calling SIPp counted it."""

    made: int
    good: int
    failed: int
    sent_again: int
    seconds: float
    p99_ms: float  # INVITE to 200
    cpu_s: float  # of both SIPp processes
    offered_s: float = 0.0  # for how long new calls were made
    rows: tuple[dict[str, str], ...] = ()  # the figures of each second

    @property
    def rate(self) -> float:
        return self.good / self.seconds if self.seconds else 0.0

    @property
    def refused(self) -> int:
        """Counts what the scenario's first counter counted: refusals with 503, which are among the good ones."""
        return int(self.rows[-1].get("GenericCounter1(C)") or 0) if self.rows else 0

    def per_second(self, column: str) -> float:
        """Returns by how much a figure grew per second while calls were offered, the first two seconds left out."""
        inside = [row for row in self.rows if SKIP_S - 0.5 <= _elapsed_s(row) <= self.offered_s + 0.5]
        if len(inside) < 2:
            return 0.0
        seconds = _elapsed_s(inside[-1]) - _elapsed_s(inside[0])
        return (int(inside[-1].get(column) or 0) - int(inside[0].get(column) or 0)) / max(0.5, seconds)

    @property
    def unhurt(self) -> bool:
        """True while nothing has failed or been sent again."""
        return not self.failed and not self.sent_again

    @property
    def clean(self) -> bool:
        return self.made == self.good and self.unhurt


class Answering:
    """Takes every call until it is closed. Use as `with`."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._stat = folder / "uas.stat"
        self._command = command_line(["-sf", str(_ANSWERS)], self.port, self._stat)
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Answering:
        self._process = subprocess.Popen(
            self._command,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + _START_S
        while not _bound(self.port):
            if self._process.poll() is not None or time.monotonic() > until:
                raise SystemExit("SIPp did not start as the called side")
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    @property
    def cpu_s(self) -> float:
        return cpu_s(self._process.pid) if self._process is not None else 0.0

    @property
    def sent_again(self) -> int:
        """Returns how many messages it has sent again, as of its last line of figures (one a second)."""
        rows = _rows(self._stat)
        return int(rows[-1]["Retransmissions(C)"]) if rows else 0


def calls(
    folder: Path, to: int, user: str, *, rate: int, count: int, answering: Answering, scenario: Path | None = None,
    hold_ms: int = 0, limit: int = 20_000, until_bad: bool = False,
) -> Load:  # fmt: skip
    """Makes `count` calls at `rate` per second to `user` on port `to`, and returns how they went.

    `until_bad` makes no more of them when one has failed or a message was sent again.
    """
    stat = folder / "uac.stat"
    stat.unlink(missing_ok=True)
    kind = ["-sf", str(scenario)] if scenario is not None else ["-sn", "uac"]
    command = [
        *command_line(kind, free_port(), stat),
        f"127.0.0.1:{to}", "-s", user, "-r", str(rate), "-m", str(count), "-d", str(hold_ms), "-l", str(limit),
    ]  # fmt: skip
    before = answering.cpu_s
    began = time.monotonic()
    process = subprocess.Popen(
        command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    used, asked_to_end = 0.0, False
    while process.poll() is None:
        if until_bad and not asked_to_end and not _so_far(stat).unhurt:
            process.send_signal(signal.SIGUSR1)  # no new calls, and an end when those under way are over
            asked_to_end = True
        used = max(used, cpu_s(process.pid))
        if time.monotonic() - began > 40 + count / rate + hold_ms / 1000:
            process.kill()
            process.wait()
            break
        time.sleep(0.02)
    return _read(stat, time.monotonic() - began, used + answering.cpu_s - before, count / rate)


def direct(folder: Path, answering: Answering) -> float:
    """Returns the calls per second that the two SIPp make without a server between them: the most that they can."""
    best = 0.0
    for rate in DIRECT:
        load = calls(folder, answering.port, "service", rate=rate, count=rate * 3, answering=answering, until_bad=True)
        best = max(best, load.rate)
        if not load.unhurt or load.rate < 0.9 * rate:
            break
    return best


def _so_far(stat: Path) -> Load:
    return _read(stat, 0.0, 0.0, 0.0)


def command_line(kind: list[str], port: int, stat: Path) -> list[str]:
    pinned = ["taskset", "-c", ",".join(map(str, sorted(cores()[1])))]
    return [
        *pinned, SIPP, *kind, "-i", "127.0.0.1", "-p", str(port), "-cp", str(free_port()), "-nostdin",
        "-trace_stat", "-stf", str(stat), "-fd", "1", "-timer_resol", "10", "-buff_size", "4194304",
    ]  # fmt: skip


def _bound(port: int) -> bool:
    """True when some process has bound that UDP port."""
    lines = Path("/proc/net/udp").read_text().splitlines()[1:]
    return any(line.split()[1].endswith(f":{port:04X}") for line in lines)


def _read(stat: Path, seconds: float, cpu: float, offered_s: float) -> Load:
    rows = _rows(stat)
    if not rows:
        return Load(0, 0, 0, 0, seconds, 0.0, cpu)
    last = rows[-1]
    return Load(
        made=int(last["TotalCallCreated"]),
        good=int(last["SuccessfulCall(C)"]),
        failed=int(last["FailedCall(C)"]),
        sent_again=int(last["Retransmissions(C)"]),
        seconds=_elapsed_s(last) or seconds,
        p99_ms=_percentile(last, 0.99),
        cpu_s=cpu,
        offered_s=offered_s,
        rows=tuple(rows),
    )


def _rows(stat: Path) -> list[dict[str, str]]:
    """Reads the lines of figures that are whole."""
    if not stat.exists():
        return []
    with stat.open(encoding="utf-8") as lines:
        return [row for row in csv.DictReader(lines, delimiter=";") if row.get("Retransmissions(C)")]


def _elapsed_s(row: dict[str, str]) -> float:
    """Returns how long SIPp had run at that line; its own column of this has whole seconds only."""
    try:
        now, start = (float(row[column].rpartition("\t")[2]) for column in ("CurrentTime", "StartTime"))
    except ValueError:
        return 0.0
    return now - start


def _percentile(row: dict[str, str], share: float) -> float:
    """Reads the upper edge of the bucket in which the percentile of the response times lies."""
    buckets = [
        (name.rpartition("_<")[2], int(value))
        for name, value in row.items()
        if name and "ResponseTimeRepartition1_<" in name
    ]
    over = sum(int(value) for name, value in row.items() if name and "ResponseTimeRepartition1_>=" in name)
    whole = sum(count for _, count in buckets) + over
    seen = 0
    for edge, count in buckets:
        seen += count
        if whole and seen >= share * whole:
            return float(edge)
    return float("inf") if whole else 0.0
