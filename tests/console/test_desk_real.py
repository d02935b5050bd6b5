"""The desk page before the whole server: real telephones that are told to pick up, and what they hear."""

from __future__ import annotations

import pytest

from switchhook.lab.tones import MUSIC
from switchhook.lab.world_real import RealWorld
from tests.console.browser import chromium, sits_down

pytestmark = pytest.mark.slow


async def test_a_caller_is_answered_held_and_handed_on_by_the_page(real_world: RealWorld) -> None:
    world = real_world
    customer, agent, target = await world.phones("1004", "1001", "1003")
    async with chromium() as browser:
        desk = await sits_down(browser, f"http://127.0.0.1:{world.server.http.port}")
        await desk.logs_in("agent1", "pw1")
        await desk.sees("Connected")
        await customer.call("1001")
        await desk.sees_calls("1004 Ringing")
        await desk.presses("Answer")
        await desk.sees_calls("1004 Established")
        await customer.hears("1001", within_s=10)
        await agent.hears("1004", within_s=10)
        await desk.presses("Hold")
        await desk.sees_calls("1004 Held")
        await customer.hears_only(MUSIC, within_s=10)
        await desk.types("1003")
        await desk.presses("Start transfer")
        await desk.sees_calls("1003 Dialing", "1004 Held")
        await target.answer()
        await desk.sees_calls("1003 Established", "1004 Held")
        await target.hears_only("1001", within_s=10)
        await desk.presses("Complete transfer")
        await desk.sees("No calls.")
        await customer.hears_only("1003", within_s=10)
        await target.hears_only("1004", within_s=10)
        assert desk.wrong == []
    await world.everybody_hangs_up()
