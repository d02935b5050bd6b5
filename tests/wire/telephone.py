"""baresip as a telephone: a configuration of its own in a folder, steered by its control port (JSON in netstrings).

It says a pure tone from a file (`aufile`) and writes down what came out of its jitter buffer (`sndfile`). It has no
player: nothing needs a sound card, and a player that nobody drives costs nothing.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import wave
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import numpy as np

from switchhook.lab.tones import FRAME, RATE, Samples, read_wav, tone
from tests.wire.rig import DOMAIN, free_port, until

BARESIP = shutil.which("baresip") or ""
MODULES = next(iter(sorted(Path("/usr/lib").glob("**/baresip/modules"))), None)
SAYS_S = 60.0  # how long its tone lasts
_WANTED = ("account.so", "g711.so", "aufile.so", "aubridge.so", "sndfile.so", "menu.so", "ctrl_tcp.so")
_APPS = ("account.so", "menu.so", "ctrl_tcp.so")


class Telephone:
    """One baresip. Use as `with`; it registers at SIP port `sip` when it starts, and says a tone of `hz`."""

    def __init__(self, folder: Path, sip: int, user: str, *, hz: float = 440.0) -> None:
        self.user = user
        self.events: list[dict[str, object]] = []
        self.folder = folder / f"baresip-{user}"
        self.folder.mkdir()
        self._control = free_port()
        (self.folder / "accounts").write_text(
            f"<sip:{user}@{DOMAIN}>;auth_pass=wire-{user};outbound=sip:127.0.0.1:{sip};regint=60\n"
        )
        (self.folder / "config").write_text(self._configuration())
        _write_tone(self.folder / "says.wav", hz)

    def _configuration(self) -> str:
        low = free_port() // 4 * 4 % 20_000 + 40_000
        modules = "".join(f"module\t\t{name}\n" for name in _WANTED if name not in _APPS)
        apps = "".join(f"module_app\t\t{name}\n" for name in _APPS)
        return (
            f"sip_listen\t\t127.0.0.1:0\nmodule_path\t\t{MODULES}\n{modules}{apps}"
            f"ctrl_tcp_listen\t\t127.0.0.1:{self._control}\naudio_source\t\taufile,{self.folder / 'says.wav'}\n"
            f"audio_player\t\taubridge,{self.user}\naudio_alert\t\taubridge,{self.user}\n"
            f"ausrc_srate\t\t{RATE}\nausrc_channels\t\t1\nauplay_srate\t\t{RATE}\nauplay_channels\t\t1\n"
            f"rtp_ports\t\t{low}-{low + 100}\nnet_interface\t\t127.0.0.1\nsnd_path\t\t{self.folder}\n"
        )

    def __enter__(self) -> Telephone:
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [BARESIP, "-4", "-f", str(self.folder)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
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
        return (self.folder / "log").read_text(errors="replace")[-3000:]

    def heard(self) -> Samples:
        """Returns what came out of its jitter buffer in all its calls, one frame after the other, pauses left out."""
        found = [read_wav(file) for file in sorted(self.folder.glob("dump-*-dec.wav")) if file.stat().st_size > 44]
        samples = np.concatenate(found) if found else np.zeros(0, np.int16)
        whole: Samples = samples[: len(samples) // FRAME * FRAME]
        return whole

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


def _write_tone(path: Path, hz: float) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(tone(hz, SAYS_S).astype("<i2").tobytes())
