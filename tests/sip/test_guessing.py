"""Somebody tries passwords: each try is counted, none is told more than another, and a right one still works."""

from __future__ import annotations

from tests.sip.house import House, telephone
from tests.sip.link import Wire


def test_every_wrong_password_is_counted_and_nothing_piles_up():
    wire = Wire()
    house = House(wire)
    for number in range(50):
        guesser = telephone(wire, "1001" if number % 2 else "nobody", f"10.0.1.{number}", f"guess {number}")
        guesser.agent.register()
    wire.run(2)
    counters = house.line.counters
    assert counters.wrong_credentials == counters.forbidden == 50
    assert counters.challenges == 50
    owner = telephone(wire, "1001", "10.0.0.1", "red")
    owner.agent.register()
    wire.run(1)
    assert owner.events == ["registered 200"]
    assert counters.wrong_credentials == 50
    owner.agent.unregister()
    wire.run(100)
    assert house.clean()
