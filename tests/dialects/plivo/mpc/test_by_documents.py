"""MultiPartyCall in documents: who hears whom, when it starts and ends, and how each call goes on."""

from __future__ import annotations

import pytest

from switchhook.core import requests as r
from switchhook.core.model import Alone, RoomKind, RoomPlan
from switchhook.lab.stage import MUSIC
from switchhook.lab.virtual_time import in_virtual_time, run
from tests.dialects.plivo.common import APP, CUSTOMER, World, stage
from tests.dialects.plivo.mpc.common import ALL, STATUS, Mpc

SECOND, THIRD = "+14155550124", "+14155550125"
TOLD = f'statusCallbackUrl="{STATUS}" statusCallbackEvents="{ALL}"'


@in_virtual_time
async def test_those_of_one_name_talk_and_the_callbacks_tell() -> None:
    async with stage() as on:
        mpc = Mpc(World(on))
        customer = await mpc.comes(TOLD)
        assert customer.up
        assert customer.hears == {MUSIC}
        agent = await mpc.comes(role="Agent", caller=SECOND)
        assert (customer.hears, agent.hears) == ({SECOND}, {CUSTOMER})
        assert mpc.events() == ["MPCInitialized", "MPCStart", "ParticipantJoin", "ParticipantJoin"]
        joined = mpc.world.hooks("/mpc")[2]
        expected = {
            "MPCName": "desk",
            "MemberID": "1",
            "MemberAddress": "14155550123",
            "ParticipantCallUUID": customer.leg,
            "ParticipantRole": "customer",
            "ParticipantCoachMode": "false",
            "ParticipantCallFrom": "14155550123",
            "ParticipantCallTo": "14155550100",
            "ParticipantCallDirection": "inbound",
            "SequenceNumber": "3",
            "DigitInput": "",
        }
        assert {name: joined[name] for name in expected} == expected
        assert mpc.world.hooks("/mpc")[0]["ParticipantCallFrom"] == "14155550123"
        await on.passes(59.5)
        agent.hangs_up()
        await on.settled()
        assert mpc.events()[4:] == ["ParticipantExit", "ParticipantExit", "MPCEnd"]
        end = mpc.event("MPCEnd")
        expected = {
            "MPCDuration": "60",
            "MPCBilledDuration": "60",
            "MPCBilledAmount": "0.00000",
            "MPCTerminationCause": "Stay Alone Not Permitted",
            "MPCTerminationCauseCode": "1010",
        }
        assert {name: end[name] for name in expected} == expected
        assert mpc.world.hooks("/hangup")[-1]["HangupCauseCode"] == "4020"
        assert on.nothing_left()


@in_virtual_time
async def test_it_starts_with_somebody_who_starts_it_and_until_then_there_is_wait_music() -> None:
    async with stage() as on:
        world = World(on)
        mpc = Mpc(world)
        wait = world.page("/wait", "<Speak>wait</Speak>", "<Wait length='2'/>", "<Hangup/>")
        first = await mpc.comes(f"startMpcOnEnter='false' waitMusicUrl='{wait}' {TOLD}")
        heard = {"speak:en-US:WOMAN:wait", "silence:2000"}
        assert first.hears == heard
        second = await mpc.comes("startMpcOnEnter='false'", caller=SECOND)
        assert second.hears == heard
        assert (await mpc.api("GET")).json()["status"] == "Initialized"
        third = await mpc.comes(role="agent", caller=THIRD)
        assert (first.hears, third.hears) == ({SECOND, THIRD}, {CUSTOMER, SECOND})
        assert (await mpc.api("GET")).json()["status"] == "Active"
        assert "MPCStart" in mpc.events()
        assert on.web.to(wait)[0].method == "GET"
        assert world.one("/wait")["MPCName"] == "desk"


@in_virtual_time
async def test_a_flow_s_room_of_the_same_name_is_another() -> None:
    async with stage() as on:
        flow = RoomPlan(RoomKind.PARTY, alone=Alone.MUSIC, name="run/node", program="phlo")
        world = World(on)
        there = await world.arrives("<Wait length='60'/>", caller=SECOND)
        on.exchange.ask(r.Take((there.leg,), "phlo"))
        on.exchange.ask(r.EnterRoom(there.leg, flow))
        here = await Mpc(world, "run/node").comes()
        assert (here.hears, there.hears) == ({MUSIC}, {MUSIC})
        assert len(on.exchange.state.rooms) == 2


@in_virtual_time
async def test_wait_for_agent() -> None:
    async with stage() as on:
        mpc = Mpc(World(on))
        await mpc.comes("waitForAgent='true'")
        await mpc.comes(caller=SECOND)
        assert (await mpc.api("GET")).json()["status"] == "Initialized"
        await mpc.comes(role="agent", caller=THIRD)
        assert (await mpc.api("GET")).json()["status"] == "Active"


@pytest.mark.parametrize("how", ["next", "on exit", "nothing left"])
def test_how_calls_go_on_when_it_is_over(how: str) -> None:
    async def story() -> None:
        async with stage() as on:
            world = World(on)
            mpc = Mpc(world)
            world.page("/exit", "<Speak>bye</Speak>")
            attributes = f"onExitActionUrl='{APP}/exit' onExitActionMethod='GET'" if how == "on exit" else ""
            after = () if how == "nothing left" else ("<Speak>next</Speak>",)
            customer = await mpc.comes(attributes, *after)
            agent = await mpc.comes("endMpcOnExit='true'", role="agent", caller=SECOND)
            third = await mpc.comes("", caller=THIRD)
            assert third.hears == {CUSTOMER, SECOND}
            agent.hangs_up()
            await on.settled()
            if how == "nothing left":
                assert customer.over is not None
                assert world.hooks("/hangup")[0]["HangupCauseCode"] in ("4000", "4020")
            else:
                assert customer.hears == {f"speak:en-US:WOMAN:{'bye' if how == 'on exit' else 'next'}"}
            if how == "on exit":
                left = world.one("/exit")
                assert (left["MPCFriendlyName"], left["MemberID"], left["ParticipantRole"]) == ("desk", "1", "customer")
                assert left["ParticipantCallUUID"] == left["CallUUID"] == customer.leg
                assert left["ParticipantEndTime"] >= left["ParticipantJoinTime"] > ""

    run(story())


@in_virtual_time
async def test_after_a_hangup_the_on_exit_url_is_told_and_its_document_ignored() -> None:
    async with stage() as on:
        world = World(on)
        mpc = Mpc(world)
        world.page("/exit", f"<Redirect>{APP}/never</Redirect>")
        customer = await mpc.comes(f"onExitActionUrl='{APP}/exit'")
        customer.hangs_up()
        await on.passes(1)
        assert world.one("/exit")["CallStatus"] == "completed"
        assert world.hooks("/never") == []
        assert on.nothing_left()


@in_virtual_time
async def test_beeps_tell_of_who_comes_and_goes_over_the_talk() -> None:
    async with stage() as on:
        mpc = Mpc(World(on))
        customer = await mpc.comes(quiet=True)
        agent = await mpc.comes(role="agent", caller=SECOND, quiet=False)
        assert customer.hears == {SECOND, "builtin:beep"}
        assert agent.hears == {CUSTOMER, "builtin:beep"}
        await on.passes(1)
        third = await mpc.comes("stayAlone='true'", caller=THIRD)
        agent.hangs_up()
        await on.settled()
        assert customer.hears == third.hears | {THIRD} - {CUSTOMER} or "builtin:beep" in customer.hears
        assert "silence:100" in customer.hears
        await on.passes(1)
        assert customer.hears == {THIRD}


@in_virtual_time
async def test_a_sound_of_coming_in_from_the_web() -> None:
    async with stage() as on:
        world = World(on)
        mpc = Mpc(world)
        hello = world.page("/hello", "<Speak>hello</Speak>")
        customer = await mpc.comes()
        await world.arrives(
            f'<MultiPartyCall role="agent" enterSound="{hello}" exitSound="none">desk</MultiPartyCall>', caller=SECOND
        )
        assert customer.hears == {SECOND, "speak:en-US:WOMAN:hello"}


@in_virtual_time
async def test_a_supervisor_coaches_and_is_no_company() -> None:
    async with stage() as on:
        mpc = Mpc(World(on))
        customer = await mpc.comes()
        agent = await mpc.comes(role="agent", caller=SECOND)
        boss = await mpc.comes(role="supervisor", caller=THIRD)
        assert customer.hears == {SECOND}
        assert agent.hears == {CUSTOMER, THIRD}
        assert boss.hears == {CUSTOMER, SECOND}
        agent.hangs_up()
        await on.settled()
        assert customer.over is not None
        assert boss.over is not None


@in_virtual_time
async def test_mute_hold_and_keys_that_are_relayed() -> None:
    async with stage() as on:
        mpc = Mpc(World(on))
        customer = await mpc.comes(f"relayDTMFInputs='true' {TOLD}")
        agent = await mpc.comes("mute='true'", role="agent", caller=SECOND)
        third = await mpc.comes("hold='true'", caller=THIRD)
        assert (customer.hears, agent.hears, third.hears) == (set(), {CUSTOMER}, {MUSIC})
        customer.presses("5")
        await on.settled()
        sent = [(s.fact.leg, s.fact.digits) for s in on.facts if type(s.fact).__name__ == "DigitsSent"]  # type: ignore[union-attr]
        assert sent == [(agent.leg, "5")]
        told = mpc.event("ParticipantDigitInput")
        assert (told["DigitInput"], told["MemberID"]) == ("5", "1")


@in_virtual_time
async def test_who_talks_is_told_to_those_who_want_it() -> None:
    async with stage() as on:
        mpc = Mpc(World(on))
        customer = await mpc.comes(TOLD)
        agent = await mpc.comes(role="agent", caller=SECOND)
        agent.talks()
        await on.passes(1)
        agent.talks(False)
        await on.passes(1)
        spoke = [(h["EventName"], h["MemberID"]) for h in mpc.world.hooks("/mpc") if "Speak" in h["EventName"]]
        assert spoke == [("ParticipantSpeakStart", "2"), ("ParticipantSpeakStop", "2")]
        assert customer.up


@in_virtual_time
async def test_full_nameless_and_roleless() -> None:
    async with stage() as on:
        world = World(on)
        mpc = Mpc(world)
        await mpc.comes("maxParticipants='2'")
        await mpc.comes(caller=SECOND)
        third = await mpc.comes("", "<Speak>full</Speak>", caller=THIRD)
        assert third.hears == {"speak:en-US:WOMAN:full"}
        for element in ("<MultiPartyCall role='agent'/>", "<MultiPartyCall>x</MultiPartyCall>"):
            line = await world.arrives(element, "<Speak>on</Speak>", caller="+14155550126")
            assert line.hears == {"speak:en-US:WOMAN:on"}
        assert len((await world.api("GET", "MultiPartyCall/")).json()["objects"]) == 1


@in_virtual_time
async def test_the_longest_time_counts_from_the_beginning() -> None:
    async with stage() as on:
        mpc = Mpc(World(on))
        customer = await mpc.comes(f"maxDuration='300' stayAlone='true' {TOLD}", "<Speak>over</Speak>")
        await on.passes(299)
        assert customer.hears == {MUSIC}
        await on.passes(1.01)
        assert customer.hears == {"speak:en-US:WOMAN:over"}
        assert mpc.event("MPCEnd")["MPCTerminationCauseCode"] == "2000"


@in_virtual_time
async def test_whoever_hangs_up_while_the_sounds_are_fetched_leaves_nothing_behind() -> None:
    async with stage() as on:
        world = World(on)
        mpc = Mpc(world)
        on.web.delay_s = 5.0
        wait = world.page("/wait", "<Speak>wait</Speak>")
        world.page("/answer", f'<MultiPartyCall role="customer" waitMusicUrl="{wait}" {TOLD}>desk</MultiPartyCall>')
        line = on.phone(CUSTOMER).calls("+14155550100")
        await on.passes(7)
        line.hangs_up()
        await on.passes(30)
        assert on.nothing_left()
        assert mpc.events() == ["MPCInitialized", "MPCEnd"]
        ended = (await world.api("GET", "MultiPartyCall/")).json()["objects"][0]
        assert (ended["status"], ended["termination_cause_code"]) == ("Ended", 1000)


@in_virtual_time
async def test_one_that_waits_in_vain_for_its_start_is_over_after_its_wait_time() -> None:
    async with stage() as on:
        mpc = Mpc(World(on))
        first = await mpc.comes(f"startMpcOnEnter='false' waitTime='30' {TOLD}", "<Speak>nobody</Speak>")
        await on.passes(20)
        second = await mpc.comes("startMpcOnEnter='false' waitTime='900'", caller=SECOND)
        await on.passes(9)
        assert mpc.events()[-1] == "ParticipantJoin"
        await on.passes(1.1)
        assert first.hears == {"speak:en-US:WOMAN:nobody"}
        assert second.over
        assert mpc.event("MPCEnd")["MPCTerminationCauseCode"] == "1000"
        assert mpc.event("MPCEnd")["MPCDuration"] == "0"
        await on.passes(5)
        assert on.nothing_left()


@in_virtual_time
async def test_the_wait_time_does_not_count_once_it_has_started() -> None:
    async with stage() as on:
        mpc = Mpc(World(on))
        first = await mpc.comes("startMpcOnEnter='false' waitTime='30'")
        second = await mpc.comes(caller=SECOND)
        await on.passes(60)
        assert (first.hears, second.hears) == ({SECOND}, {CUSTOMER})
        alone = Mpc(mpc.world, "other")
        third = await alone.comes("waitTime='30'", caller=THIRD)
        await on.passes(60)
        assert third.hears == {MUSIC}
