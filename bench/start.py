"""`start_ms`: from the command `switchhook serve` to the moment it takes calls and requests."""

from __future__ import annotations

from bench.house import Served
from bench.machine import free_port
from bench.measure import Reading, workshop


def read() -> Reading:
    with workshop() as folder, Served(folder, free_port(), max_legs=1000) as server:
        return Reading(server.started_s * 1e3, "a new database, 1,000 legs, until the ready file is there")
