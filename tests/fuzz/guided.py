"""Runs `tests.fuzz.deep` for one target in a process of its own, and reads what it left behind."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

MOST_BYTES_KEPT = 1000


class Guided:
    """A search led by coverage. Raises RuntimeError when atheris is not there or did not begin."""

    def __init__(self, target: str) -> None:
        self.target = target
        self._home = tempfile.TemporaryDirectory(prefix="switchhook-fuzz-")
        self.folder = Path(self._home.name)

    def search(self, seconds: int) -> tuple[int, bytes | None]:
        """Searches for so long, or until an input raises; returns how many inputs were fed, and the wrong one."""
        said = self._run(seconds)
        counted = re.search(r"number_of_executed_units: (\d+)", said)
        wrong = sorted((self.folder / "wrong").glob("*"), key=lambda path: path.stat().st_size)
        if counted is None and not wrong:
            raise RuntimeError(f"atheris did not run: {said[-600:]}")
        return int(counted[1]) if counted else 0, wrong[0].read_bytes() if wrong else None

    def news(self, most: int) -> list[bytes]:
        """Returns the smallest inputs that reached something that no seed and none of the corpus had reached."""
        new = sorted((path.read_bytes() for path in (self.folder / "found").iterdir()), key=lambda one: (len(one), one))
        return [one for one in new if 0 < len(one) <= MOST_BYTES_KEPT][:most]

    def _run(self, seconds: int) -> str:
        command = [sys.executable, "-m", "tests.fuzz.deep", self.target, str(self.folder), str(seconds)]
        return subprocess.run(command, capture_output=True, text=True, errors="replace").stderr
