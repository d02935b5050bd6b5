"""`mixed_legs_core_rooms3`: how many G.711 legs one core mixes in rooms of three."""

from __future__ import annotations

from bench import media_legs
from bench.measure import Reading


def read() -> Reading:
    return media_legs.mixed(3)
