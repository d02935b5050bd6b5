"""The desk page in a real browser: every control, by its name, and what becomes of the call."""

from __future__ import annotations

import pytest

from switchhook.core.events import EndpointChanged
from switchhook.lab.stage import MUSIC
from tests.console.browser import Room

pytestmark = pytest.mark.slow


def test_a_call_is_answered_held_retrieved_and_transferred_in_two_steps(room: Room) -> None:
    async def story() -> None:
        async with room.office() as there:
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

    room.run(story())


def test_one_step_hands_the_caller_on_and_a_wrong_number_is_told_in_words(room: Room) -> None:
    async def story() -> None:
        async with room.office() as there:
            agent = await there.desk()
            await agent.logs_in()
            customer = there.stage.phone("1002").calls("5001")
            await agent.sees_calls("5002 Ringing")
            await agent.presses("Answer")
            await agent.sees_calls("5002 Established")
            await agent.presses("Transfer now")
            await agent.alerted("Transfer now: Type a number first.")
            await agent.types("nobody-there")
            await agent.presses("Transfer now")
            await agent.alerted("Transfer now: .*nobody-there.*")
            assert customer.hears == {"1001"}
            await agent.types("5003")
            await agent.presses("Transfer now")
            await agent.sees("No calls.")
            await agent.alerted("")
            await agent.sees("The call with 5002 has ended.")
            (await there.stage.phone("1003").rings()).answers()
            assert customer.hears == {"1003"}

    room.run(story())


@pytest.mark.parametrize("opened_by", ["Start conference", "Start transfer"])
def test_a_conference_is_made_and_two_calls_are_swapped(room: Room, opened_by: str) -> None:
    async def story() -> None:
        async with room.office() as there:
            agent, other = await there.desk(), await there.desk()
            await agent.logs_in()
            await other.logs_in("agent3")
            await other.sees("Connected")
            customer = there.stage.phone("1002").calls("5001")
            await agent.sees_calls("5002 Ringing")
            await agent.presses("Answer")
            await agent.sees_calls("5002 Established")
            await agent.types("5003")
            await agent.presses(opened_by)
            await agent.sees_calls("5002 Held", "5003 Dialing")
            await other.sees_calls("5001 Ringing")
            await other.presses("Answer")
            await agent.sees_calls("5002 Held", "5003 Established")
            await agent.presses("Swap")
            await agent.sees_calls("5002 Established", "5003 Held")
            assert customer.hears == {"1001"}
            await agent.presses("Swap")
            await agent.sees_calls("5002 Held", "5003 Established")
            await agent.presses("Complete conference")
            await agent.sees_calls("5002 and 5003 Established")
            await agent.sees("In conference with 5002 and 5003.")
            await other.sees_calls("5002 and 5001 Established")
            assert customer.hears == {"1001", "1003"}
            await agent.presses("Hang up")
            await agent.sees("No calls.")
            await other.sees_calls("5002 Established")

    room.run(story())


def test_everything_is_done_with_the_keyboard_alone(room: Room) -> None:
    async def story() -> None:
        async with room.office() as there:
            agent = await there.desk()
            keys = agent.page.keyboard
            assert await agent.focus() == "user"
            await keys.type("agent1")
            await keys.press("Tab")
            await keys.type("secret1")
            await keys.press("Enter")
            await agent.sees("Connected")
            assert await agent.focus() == "number"
            await keys.type("5002")
            await keys.press("Enter")  # no call yet: Dial; the agent's own telephone is rung first
            (await there.stage.phone("1001").rings()).answers()
            customer = await there.stage.phone("1002").rings()
            customer.answers()
            await agent.sees_calls("5002 Established")
            await keys.press("Shift+Tab")
            assert await agent.focus() == "Hold"
            await keys.press("Enter")
            await agent.sees_calls("5002 Held")
            assert await agent.focus() == "Retrieve"  # Hold cannot be pressed any more
            await keys.press("Space")
            await agent.sees_calls("5002 Established")
            assert await agent.focus() == "Hold"
            await keys.press("Tab")
            await keys.type("5003")
            await keys.press("Enter")  # a call is there: Start transfer
            await agent.sees_calls("5002 Held", "5003 Dialing")
            await keys.press("Tab")
            assert await agent.focus() == "Complete transfer"
            outline = "() => getComputedStyle(document.activeElement).outlineStyle"
            assert await agent.page.evaluate(outline) == "solid"
            await keys.press("Enter")
            await agent.sees("No calls.")
            (await there.stage.phone("1003").rings()).answers()
            assert customer.hears == {"1003"}

    room.run(story())


def test_a_call_is_chosen_among_several_with_the_arrow_keys(room: Room) -> None:
    async def story() -> None:
        async with room.office() as there:
            agent = await there.desk()
            await agent.logs_in()
            there.stage.phone("1002").calls("5001")
            await agent.sees_calls("5002 Ringing")
            await agent.presses("Answer")
            await agent.sees_calls("5002 Established")
            await agent.types("5003")
            await agent.presses("Start transfer")
            await agent.sees_calls("5002 Held", "5003 Dialing")
            await agent.sees("For the call with 5003")
            assert "Start transfer" not in await agent.may()
            await agent.page.get_by_role("radio", name="5003").focus()
            await agent.page.keyboard.press("ArrowUp")
            await agent.sees("For the call with 5002")
            assert await agent.page.get_by_role("radio", name="5002").is_checked()
            (await there.stage.phone("1003").rings()).rejects()
            await agent.sees_calls("5002 Held")
            await agent.sees("The call with 5003 has ended.")
            assert {"Retrieve", "Hang up", "Start transfer"} <= await agent.may()

    room.run(story())


def test_a_telephone_that_is_not_there_and_a_second_caller_are_told_in_words(room: Room) -> None:
    async def story() -> None:
        async with room.office() as there:
            agent = await there.desk()
            await agent.logs_in()
            await agent.sees("agent1 · 5001 · Not Ready")
            there.stage.exchange.tell(EndpointChanged("1001", False))
            await agent.sees("agent1 · 5001, telephone not connected · Not Ready")
            await agent.types("5002")
            await agent.presses("Dial")
            await agent.alerted("Dial: Device '5001' is not registered.")
            there.stage.exchange.tell(EndpointChanged("1001", True))
            there.stage.phone("1002").calls("5001")
            await agent.sees_calls("5002 Ringing")
            await agent.presses("Answer")
            await agent.sees_calls("5002 Established")
            there.stage.phone("1003").calls("5001")
            await agent.sees_calls("5002 Established", "5003 Ringing")
            await agent.sees("For the call with 5002")
            await agent.presses("Answer")  # the one that rings
            await agent.sees_calls("5002 Established", "5003 Established")  # to hold is the telephone's own affair
            await agent.sees("For the call with 5003")

    room.run(story())
