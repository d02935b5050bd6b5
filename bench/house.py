"""The server under measurement: `lab.served` on a core of its own, with one trunk and a number forwarded to it."""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import TracebackType

from bench.machine import cores, cpu_s, descendants, end, memory_kb
from switchhook.core.errors import Unavailable
from switchhook.lab import served
from switchhook.lab.served import Table, on_loopback, written

ACCOUNT, TOKEN = "MABENCHBENCHBENCH000", "bench-token"
CALLED, BEHIND = "+14155550100", "+14155550199"  # who is called is forwarded to BEHIND, which is on the trunk
MAX_LEGS = 4000
PORTS = (12_000, 31_998)
SWITCHHOOK = ("-m", "switchhook")
UNGUARDED = ("-m", "bench.unguarded")  # the same without admission control


class Served:
    """A running server. Use as `with`; `trunk` is the UDP port where its calls go, `more` adds to its configuration."""

    def __init__(
        self, folder: Path, trunk: int, *, more: tuple[Table, ...] = (), max_legs: int = MAX_LEGS, pinned: bool = True,
        program: tuple[str, ...] = SWITCHHOOK,
    ) -> None:  # fmt: skip
        self.folder = folder
        before = ("taskset", "-c", str(cores()[0])) if pinned else ()
        text = written([*_tables(folder / "bench.db", trunk, max_legs), *more])
        self._served = served.Served(folder, text, name="bench", before=before, program=(*_profiler(), *program))
        self.abandon = False  # end it without ending its calls

    def __enter__(self) -> Served:
        try:
            self._served.start()
        except Unavailable as why:
            raise SystemExit(str(why)) from None
        self.http, self.sip = self._served.http_port, self._served.sip[1]
        self.pid, self.started_s = self._served.pid, self._served.started_s
        self.audio = descendants(self.pid)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self.abandon or kind is not None:
            audio = descendants(self.pid)
            self._served.kill()
            end(audio)
        else:
            self._served.stop()

    def said(self) -> str:
        """Returns what the server wrote."""
        return self._served.said()

    def control_cpu_s(self) -> float:
        """Returns the CPU time of the control process: SIP, exchange, core, journal, HTTP."""
        return cpu_s(self.pid)

    def audio_cpu_s(self) -> float:
        """Returns the CPU time of keeper, pump and workshop together."""
        return sum(cpu_s(pid) for pid in self.audio)

    def memory_kb(self) -> int:
        """Returns the memory of all processes of the server."""
        return sum(memory_kb(pid) for pid in (self.pid, *self.audio))

    def metrics(self) -> dict[str, float]:
        """Returns the figures of `/metrics` by their whole name, labels included."""
        return self._served.metrics()

    def settled(self, legs: int = 0, within_s: float = 20.0) -> bool:
        """Waits until so many legs are live and the journal has written everything; False when that did not come."""
        until = time.monotonic() + within_s
        while time.monotonic() < until:
            now = self.metrics()
            if now["switchhook_legs_live"] == legs and not now["switchhook_journal_waiting"]:
                return True
            time.sleep(0.05)
        return False


def _profiler() -> tuple[str, ...]:
    """BENCH_PROFILE=FILE runs the server under cProfile; the figures are then worth nothing."""
    file = os.environ.get("BENCH_PROFILE", "")
    return ("-m", "cProfile", "-o", file) if file else ()


def _tables(database: Path, trunk: int, max_legs: int) -> list[Table]:
    # Telephones that hold a call say nothing for minutes: no audio is not lost audio here.
    tables = on_loopback(database, domain="bench.local", ports=PORTS, max_legs=max_legs, media={"rtp_timeout_s": 0})
    return [
        *tables,
        ("log", {"format": "json"}),
        ("account[]", {"auth_id": ACCOUNT, "auth_token": TOKEN}),
        ("trunk[]", {"name": "load", "uri": f"sip:127.0.0.1:{trunk}", "match": ["127.0.0.1"], "prefixes": ["+"]}),
        ("number[]", {"number": CALLED, "account": ACCOUNT, "forward": BEHIND}),
    ]
