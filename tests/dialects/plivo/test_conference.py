"""Conference: who hears whom, when it starts and ends, and what is told."""

from __future__ import annotations

import pytest

from switchhook.lab.stage import MUSIC, Line
from switchhook.lab.virtual_time import in_virtual_time, run
from tests.dialects.plivo.common import APP, World, stage

SECOND, THIRD = "+14155550124", "+14155550125"
CALLBACK = f'callbackUrl="{APP}/conf"'
ACTION = f'action="{APP}/after"'


async def enters(world: World, caller: str, attributes: str = "", *after: str, name: str = "room") -> Line:
    return await world.arrives(f"<Conference {attributes}>{name}</Conference>", *after, caller=caller)


@in_virtual_time
async def test_members_of_one_name_hear_each_other_and_enter_and_exit_are_told() -> None:
    async with stage() as on:
        world = World(on)
        first = await enters(world, "+14155550123", CALLBACK)
        assert first.up
        assert first.hears == set()  # a started room, and nobody else
        second = await enters(world, SECOND, CALLBACK, name=" room\n")
        third = await enters(world, THIRD, CALLBACK, name="Room")
        assert first.hears == {SECOND}
        assert second.hears == {"+14155550123"}
        assert third.hears == set()
        second.hangs_up()
        await on.settled()
        assert first.hears == set()
        enter, _, _, leave = world.hooks("/conf")
        expected = {
            "ConferenceAction": "enter",
            "Event": "ConferenceEnter",
            "ConferenceName": "room",
            "ConferenceMemberID": "1",
            "ConferenceFirstMember": "true",
            "CallUUID": first.leg,
            "From": "14155550123",
            "To": "14155550100",
            "Direction": "inbound",
            "CallStatus": "in-progress",
        }
        assert {name: enter[name] for name in expected} == expected
        expected = {
            "ConferenceAction": "exit",
            "Event": "ConferenceExit",
            "ConferenceMemberID": "2",
            "ConferenceUUID": enter["ConferenceUUID"],
            "ConferenceLastMember": "false",
            "CallUUID": second.leg,
        }
        assert {name: leave[name] for name in expected} == expected
        assert world.hooks("/conf")[1]["ConferenceFirstMember"] == "false"
        first.hangs_up()
        await on.settled()
        assert world.hooks("/conf")[-1]["ConferenceLastMember"] == "true"
        assert world.paths()[-2:] == ["/conf", "/hangup"]


@in_virtual_time
async def test_the_room_starts_with_a_member_that_starts_it() -> None:
    async with stage() as on:
        world = World(on)
        first = await enters(world, "+14155550123", "startConferenceOnEnter='false'")
        second = await enters(world, SECOND, "startConferenceOnEnter='false'")
        assert first.hears == second.hears == {MUSIC}
        third = await enters(world, THIRD)
        assert first.hears == {SECOND, THIRD}
        assert third.hears == {"+14155550123", SECOND}


@in_virtual_time
async def test_the_wait_sound_is_heard_until_the_start_and_again_alone() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/moh", "<Speak loop='2'>wait</Speak>", f"<Redirect>{APP}/never</Redirect>")
        first = await enters(world, "+14155550123", f"startConferenceOnEnter='false' waitSound='{APP}/moh'")
        assert first.hears == {"speak:en-US:WOMAN:wait"}
        asked = world.one("/moh")
        assert (asked["Event"], asked["ConferenceAction"]) == ("ConferenceRemoteSounds", "waitSound")
        second = await enters(world, SECOND)
        assert first.hears == {SECOND}
        second.hangs_up()
        await on.settled()
        assert first.hears == {"speak:en-US:WOMAN:wait"}
        assert world.hooks("/never") == []


@in_virtual_time
async def test_a_muted_member_hears_and_is_not_heard() -> None:
    async with stage() as on:
        world = World(on)
        first = await enters(world, "+14155550123")
        second = await enters(world, SECOND, "muted='true'")
        assert second.hears == {"+14155550123"}
        assert first.hears == set()


@pytest.mark.parametrize("how", ["hangs up", "presses star", "api"])
def test_whoever_ends_the_room_lets_everybody_go_on(how: str) -> None:
    async def story() -> None:
        async with stage() as on:
            world = World(on)
            first = await enters(world, "+14155550123", CALLBACK, "<Speak>over</Speak>")
            second = await enters(world, SECOND, "endConferenceOnExit='true' hangupOnStar='true'", "<Speak>out</Speak>")
            if how == "hangs up":
                second.hangs_up()
            elif how == "presses star":
                second.presses("*")
            else:
                await world.api("DELETE", f"Call/{second.leg}/")
            await on.settled()
            assert first.hears == {"speak:en-US:WOMAN:over"}
            assert world.told("/conf", "ConferenceAction") == [("enter",), ("exit",)]
            assert (second.hears == {"speak:en-US:WOMAN:out"}) is (how == "presses star")

    run(story())


@in_virtual_time
async def test_star_leaves_the_room_and_the_action_is_asked() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/after", "<Speak>after</Speak>")
        first = await enters(world, "+14155550123", f"hangupOnStar='true' {ACTION} {CALLBACK}", "<Speak>never</Speak>")
        second = await enters(world, SECOND)
        first.presses("1*")
        await on.settled()
        assert first.hears == {"speak:en-US:WOMAN:after"}
        assert second.hears == set()
        after = world.one("/after")
        assert (after["ConferenceName"], after["ConferenceMemberID"], after["Event"]) == ("room", "1", "Redirect")
        assert after["ConferenceUUID"] == world.hooks("/conf")[0]["ConferenceUUID"]


@in_virtual_time
async def test_after_a_hangup_there_is_an_exit_and_no_action() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/after", "<Speak>never</Speak>")
        first = await enters(world, "+14155550123", f"{ACTION} {CALLBACK} redirect='false'")
        first.hangs_up()
        await on.passes(1)
        assert world.hooks("/after") == []
        assert world.told("/conf", "ConferenceAction") == [("enter",), ("exit",)]
        assert on.nothing_left()


@in_virtual_time
async def test_without_stay_alone_the_last_member_goes_on() -> None:
    async with stage() as on:
        world = World(on)
        first = await enters(world, "+14155550123", "stayAlone='false'", "<Speak>alone</Speak>")
        second = await enters(world, SECOND)
        second.hangs_up()
        await on.settled()
        assert first.hears == {"speak:en-US:WOMAN:alone"}


@in_virtual_time
async def test_nothing_left_to_run_after_the_room_is_4010() -> None:
    async with stage() as on:
        world = World(on)
        first = await enters(world, "+14155550123", "hangupOnStar='true'")
        first.presses("*")
        await on.settled()
        assert first.over is not None
        assert world.one("/hangup")["HangupCauseCode"] == "4010"


@in_virtual_time
async def test_a_full_room_lets_nobody_in() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/after", "<Speak>full</Speak>")
        await enters(world, "+14155550123", "maxMembers='1'")
        second = await enters(world, SECOND, f"{ACTION} {CALLBACK}")
        assert second.hears == {"speak:en-US:WOMAN:full"}
        assert world.one("/after")["ConferenceMemberID"] == ""
        assert world.hooks("/conf") == []


@in_virtual_time
async def test_the_time_limit_ends_the_room() -> None:
    async with stage() as on:
        world = World(on)
        first = await enters(world, "+14155550123", "timeLimit='30'", "<Speak>the room is over</Speak>")
        await on.passes(29)
        assert first.hears == set()
        await on.passes(1.01)
        assert first.hears == {"speak:en-US:WOMAN:the room is over"}


@in_virtual_time
async def test_key_sequences_are_told() -> None:
    async with stage() as on:
        world = World(on)
        first = await enters(world, "+14155550123", f"{CALLBACK} digitsMatch='#1'")
        first.presses("9#1")
        await on.settled()
        told = world.hooks("/conf")[-1]
        assert (told["ConferenceAction"], told["ConferenceDigitsMatch"], told["Event"]) == (
            "digits",
            "#1",
            "ConferenceDigits",
        )


@in_virtual_time
async def test_enter_and_exit_sounds_are_heard_by_everybody() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/bye", "<Speak>somebody left the room</Speak>")
        first = await enters(world, "+14155550123")
        second = await enters(world, SECOND, f"enterSound='beep:1' exitSound='{APP}/bye'")
        assert first.hears == {SECOND, "builtin:beep"}
        assert second.hears == {"+14155550123", "builtin:beep"}
        await on.passes(1)
        assert first.hears == {SECOND}
        second.hangs_up()
        await on.settled()
        assert first.hears == {"speak:en-US:WOMAN:somebody left the room"}


@in_virtual_time
async def test_a_name_is_the_account_s_own() -> None:
    """Two accounts may use the same name and never meet."""
    number = {"number": "+14155550200", "account": "MAOTHERACCOUNT000000", "application": "app2"}
    first = {"number": "+14155550100", "account": "MASWITCHHOOK00000000", "application": "app1"}
    apps = [
        {"app_id": f"app{n}", "account": account, "answer_url": f"{APP}/answer"}
        for n, account in ((1, "MASWITCHHOOK00000000"), (2, "MAOTHERACCOUNT000000"))
    ]
    async with stage(number=[first, number], application=apps) as on:
        world = World(on)
        line = await enters(world, "+14155550123")
        other = on.phone(SECOND).calls("+14155550200")
        await on.settled()
        assert other.up
        assert line.hears == other.hears == set()


@in_virtual_time
async def test_of_those_who_leave_at_one_stroke_one_is_the_last() -> None:
    async with stage() as on:
        world = World(on)
        await enters(world, "+14155550123", CALLBACK, "<Speak>over</Speak>")
        host = await enters(world, SECOND, f"{CALLBACK} endConferenceOnExit='true'")
        host.hangs_up()
        await on.settled()
        left = [form for form in world.hooks("/conf") if form["ConferenceAction"] == "exit"]
        assert sorted(form["ConferenceLastMember"] for form in left) == ["false", "true"]
        assert not on.dialects["plivo"].present
