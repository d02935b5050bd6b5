"""`switchhook serve` as a process of its own: its configuration written, started, found ready, asked, ended.

The demo, the benchmarks and whoever tests from outside start the server this way. Everything listens on 127.0.0.1; SIP
takes the ports that the kernel gives and the ready file tells which; the HTTP port is asked for beforehand, since the
configuration names it. Waiting comes in two kinds, because some callers run an event loop and some do not.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from switchhook.core.errors import Unavailable

START_S, STOP_S = 30.0, 12.0  # a machine with much to do
LOOK_S = 0.002  # between two looks whether it is ready

Table = tuple[str, Mapping[str, object]]


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """Asks the system for a free port on loopback."""
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def written(tables: Iterable[Table]) -> str:
    """Returns TOML: each table by its name (`[[...]]` for a name that ends in `[]`), its keys with plain values."""
    lines: list[str] = []
    for name, keys in tables:
        lines.append(f"[[{name.removesuffix('[]')}]]" if name.endswith("[]") else f"[{name}]")
        # A JSON string, number, boolean or list of those is TOML as well.
        lines += [f"{key} = {json.dumps(value)}" for key, value in keys.items()]
    return "\n".join(lines) + "\n"


def on_loopback(
    database: Path, *, domain: str, ports: tuple[int, int], max_legs: int, media: Mapping[str, object] | None = None
) -> list[Table]:
    """Returns the tables that every server on loopback needs: HTTP, SIP on any free port, audio, an SQLite journal."""
    return [
        ("http", {"listen": f"127.0.0.1:{free_port()}"}),
        ("sip", {"listen": ["udp:127.0.0.1:0", "tcp:127.0.0.1:0"], "domain": domain}),
        ("media", {"ports": list(ports), "max_legs": max_legs, **(media or {})}),
        ("store", {"url": f"sqlite:///{database}"}),
    ]


class Served:
    """One server. `start` or `await come_up()`, then use the addresses, then `stop` or `await leave()`.

    `before` stands in front of the command (`taskset -c 0`), `program` is what Python runs.
    """

    def __init__(
        self,
        folder: Path,
        configuration: str,
        *,
        name: str = "switchhook",
        before: Sequence[str] = (),
        program: Sequence[str] = ("-m", "switchhook"),
    ) -> None:
        self.folder, self.name = folder, name
        self.config, self.log = folder / f"{name}.toml", folder / f"{name}.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.http_port = self.pid = 0
        self.sip: tuple[str, int] = ("127.0.0.1", 0)
        self.sip_tcp: tuple[str, int] = ("127.0.0.1", 0)
        self.started_s = 0.0  # from the command to ready
        self._ready = folder / f"{name}.ready"
        self._command = [*before, sys.executable, *program, "serve"]
        self._command += ["--config", str(self.config), "--ready-file", str(self._ready)]
        self._began = 0.0
        self.config.write_text(configuration, encoding="utf-8")

    @property
    def url(self) -> str:
        """Returns the base of its HTTP addresses."""
        return f"http://127.0.0.1:{self.http_port}"

    # --- beginning

    def start(self, within_s: float = START_S) -> None:
        """Returns when the server takes calls; raises `Unavailable` with what it said when it does not start."""
        self._launch()
        try:
            while not self._arrived(within_s):
                time.sleep(LOOK_S)
        except BaseException:  # an interrupt: nobody would end it later
            self.kill()
            raise

    async def come_up(self, within_s: float = START_S) -> None:
        """Does as `start`, and lets the event loop run meanwhile."""
        self._launch()
        try:
            while not self._arrived(within_s):
                await asyncio.sleep(LOOK_S)
        except BaseException:
            self.kill()
            raise

    def _launch(self) -> None:
        self._ready.unlink(missing_ok=True)
        self._began = time.monotonic()
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(self._command, stdout=log, stderr=log, start_new_session=True)

    def _arrived(self, within_s: float) -> bool:
        assert self.process is not None
        if self._ready.exists():
            self.started_s = time.monotonic() - self._began
            listening = json.loads(self._ready.read_text(encoding="utf-8"))
            self.http_port, self.pid = int(listening["http"]), int(listening["pid"])
            places = {transport: (str(host), int(port)) for transport, host, port in listening["sip"]}
            self.sip, self.sip_tcp = places["udp"], places["tcp"]
            return True
        if self.process.poll() is not None:
            raise Unavailable(f"the server did not start: {self.said()[-800:]}")
        if time.monotonic() - self._began > within_s:
            self.kill()
            raise Unavailable(f"the server was not ready within {within_s:g} s: {self.said()[-800:] or 'no word'}")
        return False

    # --- end

    def stop(self, within_s: float = STOP_S) -> None:
        """Asks it to stop and waits; one that does not is killed."""
        if self._asked_to_stop():
            assert self.process is not None
            try:
                self.process.wait(within_s)
            except subprocess.TimeoutExpired:
                self.kill()

    async def leave(self, within_s: float = STOP_S) -> None:
        """Does as `stop`, and lets the event loop run meanwhile."""
        if self._asked_to_stop():
            assert self.process is not None
            until = time.monotonic() + within_s
            while self.process.poll() is None and time.monotonic() < until:
                await asyncio.sleep(0.02)
            self.kill()

    def _asked_to_stop(self) -> bool:
        if self.process is None or self.process.poll() is not None:
            return False
        self.process.send_signal(signal.SIGTERM)
        return True

    def kill(self) -> None:
        """Ends it at once, its calls unfinished; its audio ends by itself seconds later, as after a crash."""
        if self.process is not None and self.process.poll() is None:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process.wait()

    # --- looking at it

    def said(self) -> str:
        """Returns what the server wrote to its standard output and error."""
        return self.log.read_text(encoding="utf-8", errors="replace").strip() if self.log.exists() else ""

    def metrics(self) -> dict[str, float]:
        """Returns the figures of `/metrics` by their whole name, labels included; raises OSError when it is away."""
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        pairs = (line.rpartition(" ") for line in lines if line and not line.startswith("#"))
        return {name: float(value) for name, _, value in pairs}
