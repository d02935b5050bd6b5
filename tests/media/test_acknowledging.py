"""Events of the audio are acknowledged together: after a second, or when there are many."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from switchhook.lab.virtual_time import in_virtual_time
from switchhook.media.control import ACKNOWLEDGED_S, MOST_EVENTS, MediaEngine
from switchhook.media.settings import MediaSettings
from switchhook.media.table import EVENT_SLOTS


class Heard:
    """An engine whose pump is this test."""

    def __init__(self) -> None:
        self.said: list[dict[str, Any]] = []
        self.engine = MediaEngine(MediaSettings(), lambda _: None, None, None, None, None, None)
        self.engine._pump = SimpleNamespace(say=self.said.append)  # type: ignore[assignment]

    def events(self, first: int, last: int) -> None:
        for number in range(first, last + 1):
            self.engine._from_pump({"say": "event", "number": number, "is": "media_back", "row": 0, "use": 1})

    @property
    def acknowledged(self) -> list[int]:
        return [message["number"] for message in self.said if message["say"] == "ack"]


@in_virtual_time
async def test_some_events_are_acknowledged_once_after_a_second() -> None:
    heard = Heard()
    heard.events(1, 3)
    await asyncio.sleep(ACKNOWLEDGED_S * 0.9)
    heard.events(4, 5)
    assert heard.acknowledged == []
    await asyncio.sleep(ACKNOWLEDGED_S * 0.2)
    assert heard.acknowledged == [5]
    await asyncio.sleep(5 * ACKNOWLEDGED_S)
    assert heard.acknowledged == [5]
    heard.events(6, 6)
    await asyncio.sleep(ACKNOWLEDGED_S * 1.1)
    assert heard.acknowledged == [5, 6]


@in_virtual_time
async def test_many_events_are_acknowledged_before_the_pump_has_no_room_for_more() -> None:
    heard = Heard()
    heard.events(1, 3 * MOST_EVENTS + 5)
    assert heard.acknowledged == [MOST_EVENTS, 2 * MOST_EVENTS, 3 * MOST_EVENTS]
    assert 2 * MOST_EVENTS < EVENT_SLOTS
    await asyncio.sleep(ACKNOWLEDGED_S * 1.1)
    assert heard.acknowledged[-1] == 3 * MOST_EVENTS + 5


@in_virtual_time
async def test_events_that_come_again_are_acknowledged_again() -> None:
    """A pump that took another's place says all that it does not know to be acknowledged."""
    heard = Heard()
    heard.events(1, 2)
    await asyncio.sleep(ACKNOWLEDGED_S * 1.1)
    heard.events(1, 2)
    await asyncio.sleep(ACKNOWLEDGED_S * 1.1)
    assert heard.acknowledged == [2, 2]
