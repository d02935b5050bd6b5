"""The server under measurement: `switchhook serve` as a process of its own, pinned to one core with its audio."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from socket import SOCK_STREAM
from types import TracebackType

from bench.machine import cores, cpu_s, descendants, free_port, memory_kb

ACCOUNT, TOKEN = "MABENCHBENCHBENCH000", "bench-token"
CALLED, BEHIND = "+14155550100", "+14155550199"  # who is called is forwarded to BEHIND, which is on the trunk
START_S, STOP_S = 20.0, 12.0
MAX_LEGS = 4000
PORTS = (12000, 31998)


class Served:
    """A running server. Use as `with`; `trunk` is the UDP port where its calls go."""

    def __init__(
        self, folder: Path, trunk: int, *, more: str = "", max_legs: int = MAX_LEGS, pinned: bool = True
    ) -> None:
        self.folder = folder
        self.trunk = trunk
        self.database = folder / "bench.db"
        self._config = folder / "bench.toml"
        self._ready = folder / "ready.json"
        self._pinned = pinned
        self._process: subprocess.Popen[bytes] | None = None
        self.http = self.sip = 0
        self.started_s = 0.0  # from the command to ready
        self._config.write_text(_configuration(self.database, trunk, max_legs) + more, encoding="utf-8")

    def __enter__(self) -> Served:
        command = [sys.executable, *_PROFILER, "-m", "switchhook", "serve"]
        command += ["--config", str(self._config), "--ready-file", str(self._ready)]
        if self._pinned:
            command = ["taskset", "-c", str(cores()[0]), *command]
        began = time.monotonic()
        with (self.folder / "server.log").open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        while not self._ready.exists():
            if self._process.poll() is not None or time.monotonic() - began > START_S:
                self.stop()
                raise SystemExit(f"the server did not start: {self.said()[-800:]}")
            time.sleep(0.002)
        self.started_s = time.monotonic() - began
        listening = json.loads(self._ready.read_text(encoding="utf-8"))
        self.http = int(listening["http"])
        self.sip = next(int(port) for transport, _, port in listening["sip"] if transport == "udp")
        self.pid = int(listening["pid"])
        self.audio = descendants(self.pid)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """Asks the server to stop and waits; what does not, is killed."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def said(self) -> str:
        """Returns what the server wrote."""
        return (self.folder / "server.log").read_text(encoding="utf-8", errors="replace").strip()

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
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        pairs = (line.rpartition(" ") for line in lines if line and not line.startswith("#"))
        return {name: float(value) for name, _, value in pairs}

    def settled(self, within_s: float = 10.0) -> bool:
        """Waits until no leg is live and the journal has written everything; False when that did not come."""
        until = time.monotonic() + within_s
        while time.monotonic() < until:
            now = self.metrics()
            if not now["switchhook_legs_live"] and not now["switchhook_journal_waiting"]:
                return True
            time.sleep(0.05)
        return False

    def bugs(self) -> list[str]:
        """Returns lines of the log that tell of an error of ours."""
        return [
            line for line in self.said().splitlines() if re.search(r"error|Traceback|exception", line, re.IGNORECASE)
        ]


# SWITCHHOOK_BENCH_PROFILE=FILE runs the server under cProfile (the figures are then worth nothing).
_PROFILER = (
    ["-m", "cProfile", "-o", os.environ["SWITCHHOOK_BENCH_PROFILE"]] if "SWITCHHOOK_BENCH_PROFILE" in os.environ else []
)


def _configuration(database: Path, trunk: int, max_legs: int) -> str:
    return f"""\
[http]
listen = "127.0.0.1:{free_port(SOCK_STREAM)}"
[sip]
listen = ["udp:127.0.0.1:0", "tcp:127.0.0.1:0"]
domain = "bench.local"
[media]
ports = [{PORTS[0]}, {PORTS[1]}]
max_legs = {max_legs}
[store]
url = "sqlite:///{database}"
[log]
format = "json"
[[account]]
auth_id = "{ACCOUNT}"
auth_token = "{TOKEN}"
[[trunk]]
name = "load"
uri = "sip:127.0.0.1:{trunk}"
match = ["127.0.0.1"]
prefixes = ["+"]
[[number]]
number = "{CALLED}"
account = "{ACCOUNT}"
forward = "{BEHIND}"
"""
