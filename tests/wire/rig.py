"""The server as a process, SIPp at both its ends, and what the journal says when a story is over.

Everything listens on 127.0.0.1 on ports that the kernel gave; only processes started here are ended.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from switchhook.exchange.ports import Entry
from switchhook.stores.database import connect
from switchhook.stores.reading import Reader

SCENARIOS = Path(__file__).parent / "scenarios"
SIPP = shutil.which("sipp") or ""
ACCOUNT = "MAWIREWIREWIREWIRE00"
CALLED, BEHIND = "+14155550100", "+14155550199"
DOMAIN = "wire.local"
START_S, STOP_S = 20.0, 10.0


def free_port(kind: socket.SocketKind = socket.SOCK_DGRAM) -> int:
    """Asks the system for a free port on loopback."""
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def until(true: Callable[[], bool], within_s: float, what: str) -> None:
    """Waits until something is true; fails with `what` when it does not become so in time."""
    end = time.monotonic() + within_s
    while not true():
        if time.monotonic() > end:
            raise AssertionError(f"waited {within_s:g} s in vain: {what}")
        time.sleep(0.01)


def listens(port: int) -> bool:
    """True when some process has bound that UDP port."""
    return any(line.split()[1].endswith(f":{port:04X}") for line in Path("/proc/net/udp").read_text().splitlines()[1:])


class Server:
    """`switchhook serve` with one trunk on loopback, a forwarded number, and two telephones that may register."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.trunk = free_port()
        self._database = folder / "wire.db"
        self._config = folder / "wire.toml"
        self._ready = folder / "ready.json"
        self._process: subprocess.Popen[bytes] | None = None
        self._config.write_text(_configuration(self._database, self.trunk), encoding="utf-8")

    def start(self) -> None:
        command = [sys.executable, "-m", "switchhook", "serve"]
        command += ["--config", str(self._config), "--ready-file", str(self._ready)]
        with (self.folder / "server.log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        self._process = process
        until(lambda: self._ready.exists() or process.poll() is not None, START_S, "the server is ready")
        assert process.poll() is None, self.said()
        listening = json.loads(self._ready.read_text(encoding="utf-8"))
        self.http = int(listening["http"])
        self.sip = next(int(port) for transport, _, port in listening["sip"] if transport == "udp")

    def stop(self) -> None:
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
        return (self.folder / "server.log").read_text(encoding="utf-8", errors="replace")

    def metrics(self) -> dict[str, float]:
        """Returns the figures of `/metrics` by their whole name."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        pairs = (line.rpartition(" ") for line in lines if line and not line.startswith("#"))
        return {name: float(value) for name, _, value in pairs}

    def last_line(self) -> int:
        """Returns the number of the newest line of the journal."""
        return max((number for number, _ in self.since(0)), default=0)

    def story(self, after: int) -> Story:
        """Waits until no leg is left and all is on disk; returns what the journal has since line `after`."""

        def over() -> bool:
            now = self.metrics()
            return not now["switchhook_legs_live"] and not now["switchhook_journal_waiting"]

        until(over, 10.0, "every leg is over and written")
        return Story([entry for _, entry in self.since(after)])

    def since(self, after: int) -> list[tuple[int, Entry]]:
        engine = connect(f"sqlite:///{self._database}", migrate=False)
        try:
            found: list[tuple[int, Entry]] = []
            while lines := Reader(engine).since(found[-1][0] if found else after):
                found += lines
            return found
        finally:
            engine.dispose()


@dataclass(frozen=True)
class Story:
    """The lines of the journal that a test brought about."""

    lines: list[Entry]

    def kind(self, kind: str) -> list[dict[str, object]]:
        return [line.body for line in self.lines if line.kind == kind]

    @property
    def legs(self) -> dict[str, str]:
        """Returns the legs that came into being, with their direction, in order."""
        created = [body["leg"] for body in self.kind("LegCreated")]
        return {leg["id"]: leg["side"] for leg in created if isinstance(leg, dict)}

    @property
    def endings(self) -> list[tuple[str, str, str]]:
        """Returns (direction, outcome, ended by) of every leg, in the order in which the legs came into being."""
        ended = {str(body["leg"]): body for body in self.kind("LegEnded")}
        return [(side, str(ended[leg]["outcome"]), str(ended[leg]["by"])) for leg, side in self.legs.items()]

    def sip(self, side: str) -> list[str]:
        """Returns the messages of the first leg in that direction: `> INVITE`, `< 200 INVITE` (from us, to us)."""
        leg = next(leg for leg, direction in self.legs.items() if direction == side)
        return [_short(line.body) for line in self.lines if line.kind == "SipMessage" and line.leg == leg]


def _short(body: dict[str, object]) -> str:
    first, cseq = str(body["first_line"]).split(), str(body["cseq"]).split()
    arrow = ">" if body["direction"] == "out" else "<"
    return f"{arrow} {first[1]} {cseq[-1]}" if first[0] == "SIP/2.0" else f"{arrow} {first[0]}"


class Sipp:
    """One SIPp process for one call. Use as `with`; `finish` waits for its verdict."""

    def __init__(
        self, folder: Path, scenario: str, port: int, remote: int = 0, *options: str, user: str = CALLED
    ) -> None:
        self.scenario = scenario
        self._folder = folder
        own = ["-sn", scenario] if not scenario.endswith(".xml") else ["-sf", str(SCENARIOS / scenario)]
        self._port = port
        self._command = [
            SIPP, *own, "-i", "127.0.0.1", "-p", str(port), "-cp", str(free_port()), "-m", "1", "-nostdin",
            "-trace_err", "-error_file", str(folder / f"{scenario}.{port}.err"), "-timeout", "50", "-timeout_error",
            *([f"127.0.0.1:{remote}", "-s", user] if remote else []), *options,
        ]  # fmt: skip

    def __enter__(self) -> Sipp:
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(self._command, cwd=self._folder, stdin=quiet, stdout=quiet, stderr=quiet)
        until(lambda: listens(self._port) or self._process.poll() is not None, 5.0, f"{self.scenario} listens")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def finish(self, within_s: float = 10.0) -> None:
        """Waits for the end of the scenario; fails with what SIPp found wrong."""
        try:
            verdict = self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.scenario} did not come to its end\n{self._found()}") from None
        assert verdict == 0, f"{self.scenario} ended with {verdict}\n{self._found()}"

    def _found(self) -> str:
        file = self._folder / f"{self.scenario}.{self._port}.err"
        return file.read_text(errors="replace")[-3000:] if file.exists() else "it says nothing"


def play(
    server: Server,
    folder: Path,
    caller: str,
    called: str = "answers_called.xml",
    *,
    within_s: float = 10.0,
    options: Sequence[str] = (),
) -> Story:
    """Plays one call from one SIPp through the server to another; both must find all as their scenario wants it."""
    after = server.last_line()
    with (
        Sipp(folder, called, server.trunk) as behind,
        Sipp(folder, caller, free_port(), server.sip, *options) as before,
    ):
        before.finish(within_s)
        behind.finish(5.0)
    return server.story(after)


def _configuration(database: Path, trunk: int) -> str:
    telephones = "".join(
        f'[[endpoint]]\nusername = "{user}"\npassword = "wire-{user}"\naccount = "{ACCOUNT}"\n' for user in (1001, 1002)
    )
    return f"""\
[http]
listen = "127.0.0.1:{free_port(socket.SOCK_STREAM)}"
[sip]
listen = ["udp:127.0.0.1:0", "tcp:127.0.0.1:0"]
domain = "{DOMAIN}"
[media]
ports = [30000, 31998]
max_legs = 40
[store]
url = "sqlite:///{database}"
[[account]]
auth_id = "{ACCOUNT}"
auth_token = "wire-token"
{telephones}
[[trunk]]
name = "wire"
uri = "sip:127.0.0.1:{trunk}"
match = ["127.0.0.1"]
prefixes = ["+"]
[[number]]
number = "{CALLED}"
account = "{ACCOUNT}"
forward = "{BEHIND}"
"""
