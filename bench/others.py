"""Other calls that are up while something is measured: what one more call costs may not depend on how many there are.

SIPp calls a number that is forwarded to the SIPp behind the trunk, both are inactive (RFC 3264 6.1), and nobody hangs
up: a call that is held in this sense has its two dialogs, its timers, its open audio ports and its rows in the journal,
and makes no packets (to a leg that is merely silent, comfort noise is sent). So the control process and the memory
carry it, and the audio process only has its legs in the table. They end with the server, which is told to leave them
(`Served.abandon`).
"""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from types import TracebackType

from bench import sipp
from bench.house import CALLED, Served
from bench.machine import free_port

_SILENT = Path(__file__).parent / "scenarios" / "silent.xml"
FEW, MANY = 10, 1000
RATE = 100  # new ones per second
FOR_MS = 3_600_000
SLOW_S, TRIES = 4.0, 5


class Others:
    """Calls that stay up. Use as `with`; `grow` to a number of calls."""

    def __init__(self, folder: Path, server: Served, besides: int = 0) -> None:
        self.calls = 0
        self._folder = folder
        self._server = server
        self._besides = besides  # legs of calls that are not ours
        self._callers: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Others:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._server.abandon = True
        for caller in self._callers:
            caller.kill()
            caller.wait()

    def grow(self, calls: int) -> None:
        """Returns when so many calls are up and all is on disk; raises SystemExit when they do not come."""
        self.calls = calls
        for _ in range(TRIES):  # a busy machine may have some refused
            missing = (self.legs - round(self._server.metrics()["switchhook_legs_live"])) // 2
            if missing > 0:
                self._call(missing)
            if self._server.settled(self.legs, max(0, missing) / RATE + SLOW_S):
                time.sleep(0.5)
                return
        live = self._server.metrics()["switchhook_legs_live"]
        raise SystemExit(f"{calls} other calls did not come up: {live:.0f} legs of {self.legs}")

    def _call(self, count: int) -> None:
        command = [
            *sipp.command_line(["-sf", str(_SILENT)], free_port(), self._folder / f"others-{len(self._callers)}.stat"),
            f"127.0.0.1:{self._server.sip}", "-s", CALLED, "-r", str(RATE), "-m", str(count), "-l", str(count + 1),
            "-d", str(FOR_MS),
        ]  # fmt: skip
        quiet = subprocess.DEVNULL
        self._callers.append(subprocess.Popen(command, cwd=self._folder, stdin=quiet, stdout=quiet, stderr=quiet))

    @property
    def legs(self) -> int:
        """Counts all legs that must be live now."""
        return 2 * self.calls + self._besides
