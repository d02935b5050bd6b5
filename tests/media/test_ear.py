"""Keys that come faster than they can be pressed are ignored, and counted; the next one in time is heard."""

from __future__ import annotations

from switchhook.media.digits import KEYS_PER_S, MOST_KEYS, Ear

END = bytes((5, 0x80 | 10, 1, 0x90))


def test_a_flood_of_keys_is_so_many_at_once_and_so_many_a_second_then():
    ear = Ear()
    heard = [len(ear.packet(1, n * 400, END, 100.0)) for n in range(1000)]
    assert heard == [1] * MOST_KEYS + [0] * (1000 - MOST_KEYS)
    assert ear.ignored == 1000 - MOST_KEYS
    later = sum(len(ear.packet(1, n * 400, END, 100.0 + (n - 1000) / 100)) for n in range(1001, 1401))
    assert later == 4 * KEYS_PER_S
    assert len(ear.packet(1, 1401 * 400, END, 110.0)) == 1


def test_the_fastest_dialler_loses_no_key():
    ear = Ear()
    assert sum(len(ear.packet(1, n * 640, END, 100.0 + n * 0.08)) for n in range(500)) == 500
    assert ear.ignored == 0
