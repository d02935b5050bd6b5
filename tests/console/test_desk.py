"""The desk page in a real browser: every control, by its name, and what becomes of the call."""

from __future__ import annotations

import asyncio

import pytest

from switchhook.lab.stage import MUSIC
from tests.console.browser import office

pytestmark = pytest.mark.slow


def test_a_call_is_answered_held_retrieved_and_transferred_in_two_steps() -> None:
    async def story() -> None:
        async with office() as there:
            agent = await there.desk()
            await agent.logs_in()
            await agent.sees("Connected")
            customer = there.stage.phone("1002").calls("5001")
            await agent.sees_calls("5002 Ringing")
            assert await agent.may() == {"Answer", "Hang up"}
            await agent.presses("Answer")
            await agent.sees_calls("5002 Established")
            assert customer.hears == {"1001"}
            await agent.presses("Hold")
            await agent.sees_calls("5002 Held")
            assert customer.hears == {MUSIC}
            await agent.presses("Retrieve")
            await agent.sees_calls("5002 Established")
            assert customer.hears == {"1001"}
            await agent.types("5003")
            await agent.presses("Start transfer")
            await agent.sees_calls("5002 Held", "5003 Dialing")
            target = await there.stage.phone("1003").rings()
            target.answers()
            await agent.sees_calls("5002 Held", "5003 Established")
            assert target.hears == {"1001"}
            await agent.presses("Complete transfer")
            await agent.sees("No calls.")
            assert customer.hears == {"1003"}
            assert target.hears == {"1002"}

    asyncio.run(story())
