"""baresip as a telephone: a configuration of its own in a folder, steered by its control port (JSON in netstrings)."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from tests.wire.rig import DOMAIN, Server, free_port, until

BARESIP = shutil.which("baresip") or ""
MODULES = next(iter(sorted(Path("/usr/lib").glob("**/baresip/modules"))), None)
_WANTED = ("account.so", "g711.so", "ausine.so", "aubridge.so", "menu.so", "ctrl_tcp.so")
_APPS = ("account.so", "menu.so", "ctrl_tcp.so")


class Telephone:
    """One baresip. Use as `with`; it registers when it starts, says a sine tone and throws away what it hears."""

    def __init__(self, folder: Path, server: Server, user: str) -> None:
        self.user = user
        self.events: list[dict[str, object]] = []
        self._folder = folder / f"baresip-{user}"
        self._folder.mkdir()
        self._control = free_port(socket.SOCK_STREAM)
        low = free_port() // 4 * 4 % 20_000 + 40_000
        (self._folder / "accounts").write_text(
            f"<sip:{user}@{DOMAIN}>;auth_pass=wire-{user};outbound=sip:127.0.0.1:{server.sip};regint=60\n"
        )
        plain = (name for name in _WANTED if name not in _APPS)
        modules = "".join(f"module\t\t{name}\n" for name in plain)
        apps = "".join(f"module_app\t\t{name}\n" for name in _APPS)
        (self._folder / "config").write_text(
            f"sip_listen\t\t127.0.0.1:0\nmodule_path\t\t{MODULES}\n{modules}{apps}"
            f"ctrl_tcp_listen\t\t127.0.0.1:{self._control}\naudio_source\t\tausine,440\naudio_player\t\taubridge,{user}\n"
            f"audio_alert\t\taubridge,{user}\nausrc_srate\t\t48000\nausrc_channels\t\t2\n"
            f"auplay_srate\t\t8000\nrtp_ports\t\t{low}-{low + 100}\n"
            "net_interface\t\t127.0.0.1\n"
        )

    def __enter__(self) -> Telephone:
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [BARESIP, "-4", "-f", str(self._folder)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        try:
            until(self._connected, 10.0, "baresip opens its control port")
            until(lambda: "binding]" in self.said(), 10.0, "baresip is registered")
        except AssertionError as late:
            self.__exit__(None, None, None)
            raise AssertionError(f"{late}\n{self.said()}") from None
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if hasattr(self, "_link"):
            self._link.close()
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def said(self) -> str:
        return (self._folder / "log").read_text(errors="replace")[-3000:]

    def order(self, command: str, params: str = "") -> None:
        """Sends a command of baresip's menu: dial, accept, hangup, hold, resume, sndcode."""
        text = json.dumps({"command": command, "params": params, "token": command}).encode()
        self._link.sendall(b"%d:%s," % (len(text), text))

    def wait(self, kind: str, within_s: float = 10.0) -> dict[str, object]:
        """Waits for an event of that type that was not waited for before, and returns it."""
        end = time.monotonic() + within_s
        while True:
            for place, event in enumerate(self.events):
                if event.get("type") == kind:
                    del self.events[: place + 1]
                    return event
            left = end - time.monotonic()
            if left <= 0:
                seen = [event.get("type") for event in self.events]
                raise AssertionError(
                    f"baresip {self.user}: no {kind} within {within_s:g} s, only {seen}\n{self.said()}"
                )
            self._link.settimeout(left)
            try:
                received = self._link.recv(65_536)
            except TimeoutError:
                continue
            assert received, f"baresip {self.user} went away\n{self.said()}"
            self._held += received
            self.events += list(self._messages())

    def _connected(self) -> bool:
        assert self._process.poll() is None, self.said()
        try:
            self._link = socket.create_connection(("127.0.0.1", self._control), 1.0)
        except OSError:
            return False
        self._held = b""
        return True

    def _messages(self) -> Iterator[dict[str, object]]:
        while b":" in self._held:
            length, _, rest = self._held.partition(b":")
            if len(rest) < int(length) + 1:
                return
            self._held = rest[int(length) + 1 :]
            yield json.loads(rest[: int(length)])
