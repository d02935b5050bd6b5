"""Measures the audio engine under load: engine on one core, telephones on the other, CPU read from the kernel."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from switchhook.core.ids import LegId
from switchhook.core.sources import Sources, Voice
from switchhook.exchange.ports import Codec, Session
from switchhook.media.control import MediaEngine
from switchhook.media.settings import MediaSettings

Hears = Callable[[int, int], list[int]]  # (leg, number of legs) -> the legs it hears
SETTLE_S = 2.0


@dataclass(frozen=True, slots=True)
class Result:
    """One run; delays and gaps in ms as p50, p99, p99.9 and the most."""

    legs: int
    pump_cpu: float
    load_cpu: float
    delay: list[float]
    gap: list[float]
    sent: int
    received: int
    breaks: int
    late_phases: int
    most_work_us: int

    def line(self) -> str:
        delay = "/".join(f"{value:.1f}" for value in self.delay) or "-"
        gap = "/".join(f"{value:.1f}" for value in self.gap) or "-"
        lost = 100 * (1 - self.received / self.sent) if self.sent else 0.0
        return (
            f"{self.legs:6d} {100 * self.pump_cpu:7.1f} {100 * self.load_cpu:7.1f}  {delay:>24} {gap:>24} "
            f"{lost:7.3f} {self.breaks:7d} {self.late_phases:6d} {self.most_work_us:8d}"
        )


HEAD = (
    f"{'legs':>6} {'cpu %':>7} {'load %':>7}  {'added delay, ms':>24} {'gap at listener, ms':>24} "
    f"{'loss %':>7} {'breaks':>7} {'late':>6} {'work us':>8}\n"
    f"{'':22}  {'p50/p99/p99.9/max':>24} {'p50/p99/p99.9/max':>24}"
)


async def run(legs: int, seconds: float, hears: Hears, *, stamped: bool, realtime: bool) -> Result:
    """Runs the engine with this many legs for this long."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[0]})
    engine = await MediaEngine.start(
        MediaSettings(ports=(20_000, 59_998), max_legs=legs, realtime=realtime), emit=lambda event: None
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    os.sched_setaffinity(0, {cores[-1]})
    load = await asyncio.create_subprocess_exec(
        sys.executable, str(Path(__file__).with_name("media_load.py")),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 20,
    )  # fmt: skip
    assert load.stdin is not None
    assert load.stdout is not None
    names = [LegId(str(n)) for n in range(legs)]
    ports = [engine.open(name).port for name in names]
    for name in names:
        engine.connect(name, Session("127.0.0.1", port, Codec.PCMU, 0))
    batch: list[tuple[LegId, Sources]] = []
    for n, name in enumerate(names):
        batch.append((name, tuple(Voice(names[other]) for other in hears(n, legs))))
    engine.hear(batch)
    wanted = {"ports": ports, "port": port, "seconds": seconds, "settle": SETTLE_S, "stamped": stamped}
    load.stdin.write(json.dumps(wanted).encode())
    load.stdin.close()
    await load.stdout.readline()
    pump = _pump(engine.pids["keeper"])
    await asyncio.sleep(SETTLE_S)
    before, late = _cpu_s(pump), engine.counters.late_phases if engine.counters else 0
    await asyncio.sleep(seconds)
    used = (_cpu_s(pump) - before) / seconds
    found = json.loads(await load.stdout.readline())
    await load.wait()
    counters = engine.counters
    await engine.stop()
    os.sched_setaffinity(0, set(cores))
    return Result(
        legs, used, found["cpu"], found["delay"], found["gap"], found["sent"], found["received"], found["breaks"],
        (counters.late_phases if counters else 0) - late, counters.most_work_us if counters else 0,
    )  # fmt: skip


def _pump(keeper: int) -> int:
    children = Path(f"/proc/{keeper}/task/{keeper}/children").read_text().split()
    return max(map(int, children), key=lambda child: len(os.listdir(f"/proc/{child}/fd")))


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main(
    title: str, hears: Hears, *, stamped: bool, more: Callable[[argparse.ArgumentParser], object] | None = None
) -> None:
    """Reads the command line, measures each number of legs once, prints a table."""
    parser = argparse.ArgumentParser(description=title)
    parser.add_argument("legs", nargs="*", type=int, default=[500])
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--no-realtime", action="store_true")
    if more is not None:
        more(parser)
    asked = parser.parse_args()
    print(title, HEAD, sep="\n")
    for legs in asked.legs:
        found = asyncio.run(run(legs, asked.seconds, hears, stamped=stamped, realtime=not asked.no_realtime))
        print(found.line(), flush=True)
