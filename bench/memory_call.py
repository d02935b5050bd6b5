"""`memory_call_kb`: what one held two-leg call adds to the memory of all processes of the server, journal included.

1,000 calls are held. Counted is the proportional share of every page of every process. The floor is what two more
sockets with their place in the tables cost a bare forwarder of audio.
"""

from __future__ import annotations

import json
import subprocess
import sys

from bench import sipp
from bench.house import CALLED, Served
from bench.machine import memory_kb
from bench.measure import Reading, workshop
from bench.others import Others

CALLS = 1000


def read() -> Reading:
    with (
        workshop() as folder,
        sipp.Answering(folder) as behind,
        Served(folder, behind.port) as server,
        Others(folder, server) as held,
    ):
        sipp.calls(folder, server.sip, CALLED, rate=50, count=100, answering=behind)
        server.settled()
        before = server.memory_kb()
        held.grow(CALLS)
        added = server.memory_kb() - before
    return Reading(
        added / CALLS,
        f"{CALLS} calls held (inactive), proportional share of all processes",
        floor=(_forwarder_kb(2 * CALLS) - _forwarder_kb(2)) / CALLS,
        floor_is="two legs of a bare forwarder",
    )


def _forwarder_kb(legs: int) -> float:
    """Returns the memory of a bare forwarder with so many legs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.media_floor"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps({"remotes": [9] * legs, "partners": [leg ^ 1 for leg in range(legs)]}) + "\n")
        process.stdin.flush()
        process.stdout.readline()
        return float(memory_kb(process.pid))
    finally:
        process.kill()
        process.wait()
