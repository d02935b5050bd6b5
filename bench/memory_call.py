"""`memory_call_kb`: what one held two-leg call adds to the memory of all processes of the server, journal included."""

from __future__ import annotations

import subprocess
import time

from bench import sipp
from bench.house import CALLED, Served
from bench.machine import free_port
from bench.measure import Reading, workshop

CALLS, RATE, HOLD_MS = 1000, 100, 25_000


def read() -> Reading:
    with workshop() as folder, sipp.Answering(folder) as behind, Served(folder, behind.port) as server:
        sipp.calls(folder, server.sip, CALLED, rate=50, count=100, answering=behind)
        server.settled()
        before = server.memory_kb()
        port = free_port()
        command = [
            *sipp.command_line(["-sn", "uac"], port, folder / "held.stat"), f"127.0.0.1:{server.sip}", "-s", CALLED,
            "-r", str(RATE), "-m", str(CALLS), "-d", str(HOLD_MS), "-l", "5000",
        ]  # fmt: skip
        quiet = subprocess.DEVNULL
        caller = subprocess.Popen(command, cwd=folder, stdin=quiet, stdout=quiet, stderr=quiet)
        try:
            until = time.monotonic() + CALLS / RATE + 8
            live = 0.0
            while live < 2 * CALLS and time.monotonic() < until:
                time.sleep(0.25)
                live = server.metrics()["switchhook_legs_live"]
            while server.metrics()["switchhook_journal_waiting"]:
                time.sleep(0.1)
            added = server.memory_kb() - before
        finally:
            caller.kill()
            caller.wait()
    return Reading(
        added / (live / 2), f"{live / 2:.0f} calls held, proportional share of all processes", holds=live == 2 * CALLS
    )
