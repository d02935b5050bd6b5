"""The desk page when the network or the server is not there for a while, and who is let in."""

from __future__ import annotations

import asyncio

import pytest

from tests.console.browser import Room

pytestmark = pytest.mark.slow


def test_a_cut_connection_recovers_by_itself_and_nothing_is_missed(room: Room) -> None:
    async def story() -> None:
        async with room.office() as there:
            agent = await there.desk()
            await agent.logs_in()
            await agent.sees("Connected")
            first = there.stage.phone("1002").calls("5001")
            await agent.sees_calls("5002 Ringing")
            await agent.presses("Answer")
            await agent.sees_calls("5002 Established")

            there.network.cut()
            await agent.sees("Connection lost, trying again")
            assert await agent.may() == set()
            first.hangs_up()  # what happens meanwhile is told afterwards
            there.stage.phone("1003").calls("5001")
            there.network.mend()

            await agent.sees("Connected again")
            await agent.sees_calls("5003 Ringing")
            await agent.presses("Answer")
            await agent.sees_calls("5003 Established")

    room.run(story())


def test_a_machine_without_network_is_noticed_at_once(room: Room) -> None:
    async def story() -> None:
        async with room.office() as there:
            agent = await there.desk()
            await agent.logs_in()
            await agent.sees("Connected")
            caller = there.stage.phone("1002").calls("5001")
            await agent.sees_calls("5002 Ringing")
            await agent.page.context.set_offline(True)
            await agent.sees("Connection lost, trying again")
            assert await agent.may() == set()
            caller.hangs_up()
            await agent.page.context.set_offline(False)
            await agent.sees("Connected again")
            await agent.sees("No calls.")

    room.run(story())


def test_a_server_that_has_forgotten_the_session_is_asked_for_a_new_one(room: Room) -> None:
    async def story() -> None:
        async with room.office(genesys={"max_interval_s": 2.0, "session_grace_s": 0.0}) as there:
            agent = await there.desk()
            await agent.logs_in()
            await agent.sees("agent1 · 5001 · Not Ready")
            there.network.cut()
            await agent.sees("Connection lost, trying again")
            user = there.stage.genesys.roster.users["agent1"]
            async with asyncio.timeout(20):
                while user.in_session:
                    await asyncio.sleep(0.02)
            there.stage.phone("1002").calls("5001")
            there.network.mend()
            await agent.sees("Connected again")
            await agent.sees_calls("5002 Ringing")
            assert user.in_session

    room.run(story())


def test_a_wrong_password_is_told_and_a_reload_keeps_the_agent_but_no_password(room: Room) -> None:
    async def story() -> None:
        async with room.office() as there:
            agent = await there.desk()
            await agent.logs_in(password="wrong")
            await agent.alerted("The user name or the password is wrong.")
            await agent.logs_in()
            await agent.sees("Connected")
            await agent.alerted("")
            there.stage.phone("1002").calls("5001")
            await agent.sees_calls("5002 Ringing")
            await agent.page.reload()
            await agent.sees_calls("5002 Ringing")
            await agent.presses("Answer")
            await agent.sees_calls("5002 Established")
            stored = await agent.page.evaluate("() => JSON.stringify([{...localStorage}, {...sessionStorage}])")
            assert "secret" not in stored
            second = await agent.page.context.new_page()  # another tab of the same browser is another desktop
            await second.goto(f"{there.network.base}/console/desk/")
            await second.get_by_role("button", name="Log in", exact=True).wait_for()
            await agent.presses("Log out")
            await agent.page.get_by_role("button", name="Log in", exact=True).wait_for()
            await agent.page.reload()
            await agent.page.get_by_role("button", name="Log in", exact=True).wait_for()

    room.run(story())


def test_it_works_where_the_server_wants_a_token_against_forged_requests(room: Room) -> None:
    async def story() -> None:
        async with room.office(genesys={"csrf": True}) as there:
            agent = await there.desk()
            await agent.logs_in()
            await agent.sees("Connected")
            there.stage.phone("1002").calls("5001")
            await agent.sees_calls("5002 Ringing")
            await agent.presses("Answer")
            await agent.sees_calls("5002 Established")

    room.run(story())


@pytest.mark.parametrize("width", [320, 1200])
def test_nothing_is_cut_off_on_any_screen(room: Room, width: int) -> None:
    async def story() -> None:
        async with room.office() as there:
            agent = await there.desk(viewport={"width": width, "height": 640})
            await agent.logs_in()
            there.stage.phone("1002").calls("5001")
            await agent.sees_calls("5002 Ringing")
            wide = "() => document.documentElement.scrollWidth"
            assert await agent.page.evaluate(wide) <= width

    room.run(story())
