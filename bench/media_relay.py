"""`relay_legs_core`: how many G.711 legs one core relays with the portable wire."""

from __future__ import annotations

from bench import media_legs
from bench.measure import Reading


def read() -> Reading:
    return media_legs.relay()
