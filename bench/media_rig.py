"""Measures the audio engine under load: engine on one core, telephones on the other, CPU read from the kernel."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bench.machine import cores, cpu_s, descendants
from switchhook.core.ids import LegId
from switchhook.core.sources import Sources, Voice
from switchhook.exchange.ports import Codec, Session
from switchhook.media import g711
from switchhook.media.control import MediaEngine
from switchhook.media.settings import MediaSettings

SETTLE_S, MIXED_SETTLE_S = 2.5, 8.0  # mixed: until most jitter buffers have found their depth
PORTS = (20_000, 59_998)
NOBODY_PORT = 9  # discard: nobody sends from there
Rooms = Callable[[int, int], list[int]]  # (leg, number of legs) -> the legs it hears
Hear = Callable[[list[tuple[int, int]]], None]  # tells the bare forwarder pairs of listener and source


@dataclass(frozen=True, slots=True)
class Run:
    """One run. Times in ms as p50, p99, p99.9 and the most; CPU as a share of one core."""

    legs: int
    wire: str
    cpu: float  # of the audio process, or of the bare forwarder
    heard: dict[str, Any] = field(default_factory=dict)
    late_phases: int = 0
    most_work_us: int = 0

    @property
    def clean(self) -> bool:
        """True when nothing was lost, doubled, wrong or late (p99.9 under 20 ms), and the load itself kept up.

        Wrong is also a frame that a jitter buffer concealed or doubled: who hears that hears no good audio.
        """
        heard = self.heard
        late = heard.get("delay") or heard.get("late") or [0, 0, 1e9, 0]
        return bool(
            heard["legs_heard"] == self.legs and heard["breaks"] == 0 and heard["dropped"] == 0
            and heard["wrong"] == 0 and late[2] < 20.0
        )  # fmt: skip

    @property
    def fault(self) -> str:
        """Says what a run was missing to be clean."""
        heard = self.heard
        late = heard.get("delay") or heard.get("late") or [0, 0, 1e9, 0]
        return (
            f"{self.legs - heard['legs_heard']} not heard, {heard['breaks']} breaks, {heard['wrong']} frames "
            f"concealed or wrong, p99.9 {late[2]:.1f} ms late, load dropped {heard['dropped']}"
        )

    def line(self) -> str:
        heard = self.heard

        def times(name: str) -> str:
            return "/".join(f"{value:.1f}" for value in heard.get(name) or []) or "-"

        return (
            f"{self.legs:6d} {self.wire:>9} {100 * self.cpu:6.1f} {100 * heard['cpu']:6.1f} {times('delay'):>20} "
            f"{times('late'):>20} {times('gap'):>20} {heard['sent'] - heard['received']:6d} "
            f"{heard.get('missing', 0):6d} {heard['breaks']:5d} {heard['wrong']:5d} "
            f"{self.late_phases:5d} {self.most_work_us:6d}  "
            f"load late {times('late_ms')} dropped {heard['dropped']}"
        )


HEAD = (
    f"{'legs':>6} {'wire':>9} {'cpu %':>6} {'load %':>6} {'delay':>20} {'late':>20} {'gap':>20} {'s-r':>6} {'miss':>6} "
    f"{'brk':>5} {'wrong':>5} {'late':>5} {'us':>6}"
)


class Phones:
    """The load process: `start` gives the telephones' ports, `go` begins, `result` waits for what they heard."""

    def __init__(self, process: asyncio.subprocess.Process, ports: list[int]) -> None:
        self._process, self.ports = process, ports

    @classmethod
    async def start(cls, legs: int, seed: int = 1) -> Phones:
        load = sorted(cores()[1])[-1]
        process = await asyncio.create_subprocess_exec(
            "taskset", "-c", str(load), sys.executable, "-m", "bench.media_load",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 24,
        )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps({"legs": legs, "seed": seed}).encode() + b"\n")
        ports = json.loads(await process.stdout.readline())["ports"]
        return cls(process, ports)

    def go(self, **wanted: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(wanted).encode() + b"\n")

    async def result(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        await self._process.wait()
        found: dict[str, Any] = json.loads(line)
        return found


def voices(legs: int, hears: Rooms) -> tuple[list[int], list[int]]:
    """Returns the code that each leg says all the time, and the code that it must hear (the sum of the others)."""
    said = 600 * (1 + np.arange(legs) % 12)
    codes = g711.encode(said.astype(np.int16), g711.ULAW)
    values = g711.decode(codes, g711.ULAW).astype(np.int64)
    heard = [sum(int(values[other]) for other in hears(leg, legs)) for leg in range(legs)]
    mixed = g711.encode(np.clip(np.array(heard), -32_768, 32_767).astype(np.int16), g711.ULAW)
    alone = [not hears(leg, legs) for leg in range(legs)]  # hears noise
    return codes.tolist(), np.where(alone, -1, mixed).tolist()


async def engine_run(
    legs: int, seconds: float, hears: Rooms, *, stamped: bool, wire: str = "auto", realtime: bool = True,
    during: Callable[[MediaEngine, list[LegId]], Awaitable[None]] | None = None, keep: str = "", expect: bool = True,
    seed: int = 1, others: int = 0,
) -> Run:  # fmt: skip
    """Runs the engine with this many legs for this long; `during` is carried out once the legs have settled.

    `others` are calls that are up besides: two legs each, connected, which hear each other and say nothing.
    """
    first, _ = cores()
    settle = SETTLE_S if stamped or during is not None else MIXED_SETTLE_S
    everywhere = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {first})
    engine = await MediaEngine.start(
        MediaSettings(ports=PORTS, max_legs=legs + 2 * others, realtime=realtime, wire=wire), emit=lambda event: None
    )
    os.sched_setaffinity(0, everywhere)
    phones = await Phones.start(legs, seed)
    names = [LegId(str(n)) for n in range(legs)]
    targets = [engine.open(name).port for name in names]
    for name, port in zip(names, phones.ports, strict=True):
        engine.connect(name, Session("127.0.0.1", port, Codec.PCMU, 0))
    batch: list[tuple[LegId, Sources]] = []
    for n, name in enumerate(names):
        batch.append((name, tuple(Voice(names[other]) for other in hears(n, legs))))
    engine.hear(batch)
    _hold_others(engine, others)
    codes, expected = voices(legs, hears)
    await asyncio.sleep(0.5)
    phones.go(
        targets=targets, codes=codes, expected=expected if expect else [-1] * legs, seconds=seconds, settle=settle,
        stamped=stamped, keep=keep,
    )  # fmt: skip
    await asyncio.sleep(settle + 0.1)
    pump = pump_of(engine)
    before, late = cpu_s(pump), engine.counters.late_phases if engine.counters else 0
    task = asyncio.ensure_future(during(engine, names)) if during is not None else None
    await asyncio.sleep(max(0.5, seconds - 0.2))
    used = (cpu_s(pump) - before) / max(0.5, seconds - 0.2)
    counters = engine.counters
    found = await phones.result()
    if task is not None:
        await task
    await engine.stop()
    return Run(
        legs, counters.wire if counters else "", used, found, (counters.late_phases if counters else 0) - late,
        counters.most_work_us if counters else 0,
    )  # fmt: skip


def _hold_others(engine: MediaEngine, calls: int) -> None:
    batch: list[tuple[LegId, Sources]] = []
    for number in range(calls):
        pair = LegId(f"other-{number}-a"), LegId(f"other-{number}-b")
        for leg, partner_leg in (pair, pair[::-1]):
            engine.open(leg)
            engine.connect(leg, Session("127.0.0.1", NOBODY_PORT, Codec.PCMU, 0))
            batch.append((leg, (Voice(partner_leg),)))
    engine.hear(batch)


def pump_of(engine: MediaEngine) -> int:
    """Returns the process id of the pump: the keeper's child with the most open files."""
    return max(descendants(engine.pids["keeper"]), key=_open_files)


def _open_files(pid: int) -> int:
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return 0


def partner(leg: int, legs: int) -> list[int]:
    """Pairs: who hears whom when two and two talk."""
    return [leg ^ 1] if leg ^ 1 < legs else []


def room_of(size: int) -> Rooms:
    """Rooms of `size`: everybody hears all the others. Who is left over is in the last of them: nobody is alone."""

    def mates(leg: int, legs: int) -> list[int]:
        rooms = max(1, legs // size)
        room = min(leg // size, rooms - 1)
        end = legs if room == rooms - 1 else (room + 1) * size
        return [other for other in range(room * size, end) if other != leg]

    return mates


async def floor_run(
    legs: int, seconds: float, *, during: Callable[[Hear], Awaitable[None]] | None = None, keep: str = ""
) -> Run:
    """Runs the bare forwarder (`media_floor`) with pairs of legs, in the engine's place."""
    phones = await Phones.start(legs)
    process = await asyncio.create_subprocess_exec(
        "taskset", "-c", str(cores()[0]), sys.executable, "-m", "bench.media_floor",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 22,
    )  # fmt: skip
    stdin = process.stdin
    assert stdin is not None
    assert process.stdout is not None
    try:
        partners = [(partner(leg, legs) or [leg])[0] for leg in range(legs)]
        stdin.write(json.dumps({"remotes": phones.ports, "partners": partners}).encode() + b"\n")
        targets = json.loads(await process.stdout.readline())
        codes, expected = voices(legs, partner)
        phones.go(
            targets=targets, codes=codes, expected=[-1] * legs if during is not None else expected, seconds=seconds,
            settle=SETTLE_S, stamped=during is None, keep=keep,
        )  # fmt: skip
        await asyncio.sleep(SETTLE_S + 0.1)
        before = cpu_s(process.pid)
        task = None
        if during is not None:
            task = asyncio.ensure_future(
                during(lambda pairs: stdin.write(json.dumps({"hear": pairs}).encode() + b"\n"))
            )
        await asyncio.sleep(max(0.5, seconds - 0.2))
        used = (cpu_s(process.pid) - before) / max(0.5, seconds - 0.2)
        found = await phones.result()
        if task is not None:
            await task
    finally:
        process.kill()
        await process.wait()
    return Run(legs, "floor", used, found)
