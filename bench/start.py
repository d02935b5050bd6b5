"""`start_ms`: from the command `switchhook serve` to the moment it takes calls and requests.

There is no load beside it, so it has all cores: the audio processes load while the server does. The floor is a bare
interpreter that imports NumPy, which the audio cannot do without, and ends.
"""

from __future__ import annotations

import compileall
import subprocess
import sys
import time
from pathlib import Path

import switchhook
from bench.house import Served
from bench.machine import cores, free_port
from bench.measure import Reading, workshop


def read() -> Reading:
    # As pip does when it installs: in a checkout the compiled files are older than what was edited, or not there.
    compileall.compile_dir(Path(switchhook.__file__).parent, quiet=2)
    with workshop() as folder, Served(folder, free_port(), max_legs=1000, pinned=False) as server:
        started_s = server.started_s
    return Reading(
        started_s * 1e3,
        "a new database, 1,000 legs, until the ready file is there",
        floor=_bare_ms(),
        floor_is="a bare interpreter that imports NumPy",
    )


def _bare_ms() -> float:
    began = time.monotonic()
    subprocess.run(["taskset", "-c", str(cores()[0]), sys.executable, "-c", "import numpy"], check=True)
    return (time.monotonic() - began) * 1e3
