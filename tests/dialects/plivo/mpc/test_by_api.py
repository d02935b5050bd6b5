"""Participants added by the API: rung alone, together or one after the other, or pulled out of what they do."""

from __future__ import annotations

import pytest

from switchhook.core.events import LegRang
from switchhook.core.outcomes import Outcome
from switchhook.lab.stage import MUSIC, RINGBACK
from switchhook.lab.virtual_time import in_virtual_time, run
from tests.dialects.plivo.common import APP, CUSTOMER, NUMBER, SIP, World, stage
from tests.dialects.plivo.mpc.common import ALL, QUIET, STATUS, Mpc

SECOND = "+14155550124"


@in_virtual_time
async def test_an_agent_is_rung_and_talks() -> None:
    async with stage() as on:
        mpc = Mpc(World(on))
        customer = await mpc.comes()
        answer = await mpc.add(
            "1001", status_callback_url=STATUS, status_callback_events=ALL,
            call_status_callback_url=f"{APP}/status", caller_name="Desk", sip_headers="Order=17",
        )  # fmt: skip
        assert answer.status_code == 201
        said = answer.json()
        at_agent = await on.phone("1001").rings()
        assert said["message"] == "add participant action initiated"
        assert said["request_uuid"] == at_agent.leg
        assert said["calls"] == [{"to": "1001", "from": NUMBER, "call_uuid": at_agent.leg}]
        assert at_agent.invitation is not None
        assert (at_agent.invitation.caller, at_agent.invitation.caller_name) == (NUMBER, "Desk")
        assert ("X-PH-Order", "17") in at_agent.invitation.headers
        assert customer.hears == {RINGBACK}
        at_agent.answers()
        await on.settled()
        assert (customer.hears, at_agent.hears) == ({"1001"}, {CUSTOMER})
        assert mpc.events() == [
            "AddParticipantByAPIActionInitiated",
            "ParticipantJoin",
            "AddParticipantByAPIActionCompleted",
        ]
        done = mpc.event("AddParticipantByAPIActionCompleted")
        assert (done["RequestUUID"], done["AddParticipantAPIRequestOutcome"]) == (at_agent.leg, "success")
        member = await mpc.member(at_agent)
        expected = {
            "member_id": "2",
            "role": "agent",
            "member_address": f"sip:1001@{SIP}",
            "mute": False,
            "hold": False,
            "coach_mode": False,
            "start_mpc_on_enter": True,
            "end_mpc_on_exit": False,
            "exit_time": None,
            "exit_cause": None,
            "billed_amount": None,
        }
        assert {name: member[name] for name in expected} == expected
        at_agent.hangs_up()
        await on.settled()
        assert mpc.world.told("/status", "Event", "CallStatus") == [
            ("Ring", "ringing"),
            ("StartApp", "in-progress"),
            ("Hangup", "completed"),
        ]
        assert mpc.world.hooks("/status")[0]["X-PH-Order"] == "17"
        assert customer.over is not None  # it may not stay alone


@in_virtual_time
async def test_created_by_the_api_alone_it_exists_at_once() -> None:
    async with stage() as on:
        mpc = Mpc(World(on))
        at_agent = await mpc.rings(status_callback_url=STATUS)
        found = (await mpc.api("GET")).json()
        assert (found["status"], found["start_time"], found["friendly_name"]) == ("Initialized", None, "desk")
        at_agent.rejects()
        await on.settled()
        assert (await mpc.api("GET")).status_code == 404
        ended = (await mpc.world.api("GET", f"MultiPartyCall/uuid_{found['mpc_uuid']}/")).json()
        assert (ended["status"], ended["termination_cause"]) == ("Ended", "No Active Participants")
        assert mpc.events() == ["MPCInitialized", "MPCEnd"]
        assert on.nothing_left()


@in_virtual_time
async def test_without_a_single_participant_it_exists_when_somebody_answers() -> None:
    async with stage() as on:
        mpc = Mpc(World(on))
        at_agent = await mpc.rings(create_mpc_with_single_participant=False, status_callback_url=STATUS)
        assert (await mpc.api("GET")).status_code == 404
        at_agent.rejects()
        await on.settled()
        assert mpc.events() == []
        assert (await mpc.world.api("GET", "MultiPartyCall/")).json()["objects"] == []
        at_agent = await mpc.agent(create_mpc_with_single_participant=False, status_callback_url=STATUS)
        assert (await mpc.api("GET")).json()["status"] == "Active"
        assert mpc.events() == ["MPCInitialized", "ParticipantJoin", "MPCStart"]
        assert at_agent.hears == {MUSIC}


@in_virtual_time
async def test_of_several_the_first_to_answer_comes_and_the_others_lost_the_race() -> None:
    async with stage() as on:
        mpc = Mpc(World(on))
        customer = await mpc.comes()
        answer = await mpc.add("1001<1002<1003", call_status_callback_url=f"{APP}/status")
        calls = answer.json()["calls"]
        assert [call["to"] for call in calls] == ["1001", "1002", "1003"]
        assert answer.json()["request_uuid"] not in [call["call_uuid"] for call in calls]
        one, two = await on.phone("1001").rings(), await on.phone("1002").rings()
        assert [one.leg, two.leg] == [call["call_uuid"] for call in calls][:2]
        two.answers()
        await on.settled()
        assert customer.hears == {"1002"}
        assert one.over is Outcome.ANSWERED_ELSEWHERE
        ended = [hook for hook in mpc.world.hooks("/status") if hook["Event"] == "Hangup"]
        assert [(hook["HangupCauseCode"], hook["HangupCauseName"]) for hook in ended] == [("9000", "Lost Race")] * 2


@in_virtual_time
async def test_one_after_the_other_with_own_ring_times() -> None:
    async with stage() as on:
        mpc = Mpc(World(on))
        await mpc.comes()
        answer = await mpc.add("1001<1002<1003", delay_dial="0<10<20", ring_timeout="5<30")
        calls = {call["to"]: call["call_uuid"] for call in answer.json()["calls"]}
        at_first = await on.phone("1001").rings()
        await on.passes(6)
        assert at_first.over is Outcome.NO_ANSWER
        assert on.phone("1002").lines == []
        await on.passes(5)
        assert on.phone("1002").line.leg == calls["1002"]
        on.phone("1002").line.answers()
        await on.passes(60)
        assert on.phone("1003").lines == []
        assert (await mpc.member(on.phone("1002").line))["call_uuid"] == calls["1002"]


@in_virtual_time
async def test_nobody_reached_leaves_the_customer_where_it_is() -> None:
    async with stage() as on:
        mpc = Mpc(World(on))
        customer = await mpc.comes()
        events = {"status_callback_url": STATUS, "status_callback_events": ALL}
        at_agent = await mpc.rings(call_status_callback_url=f"{APP}/status", **events)
        at_agent.rejects()
        await on.settled()
        assert customer.hears == {MUSIC}
        end = mpc.world.hooks("/status")[-1]
        assert (end["Event"], end["HangupCause"], end["HangupCauseCode"]) == ("Hangup", "USER_BUSY", "3010")
        assert mpc.event("AddParticipantByAPIActionCompleted")["Status"] == "failed"
        agent = await mpc.agent("1002")
        assert agent.hears == {CUSTOMER}


@in_virtual_time
async def test_a_confirm_key_has_to_be_pressed() -> None:
    async with stage() as on:
        mpc = Mpc(World(on))
        sound = mpc.world.page("/press", "<Speak>press one</Speak>")
        customer = await mpc.comes()
        status = {"call_status_callback_url": f"{APP}/status"}
        at_agent = await mpc.rings(confirm_key="1", confirm_key_sound_url=sound, **status)
        at_agent.answers()
        await on.settled()
        assert at_agent.hears == {"speak:en-US:WOMAN:press one"}
        assert customer.hears == {RINGBACK}
        at_agent.presses("2")
        await on.settled()
        assert customer.hears == {RINGBACK}
        at_agent.presses("1")
        await on.settled()
        assert (customer.hears, at_agent.hears) == ({"1001"}, {CUSTOMER})
        other = await mpc.rings("1002", confirm_key="1", **status)
        other.answers()
        await on.passes(121)
        assert mpc.world.hooks("/status")[-1]["HangupCauseCode"] == "9110"


@pytest.mark.parametrize("music", ["none", "page", "Real"])
def test_what_those_who_wait_hear_meanwhile(music: str) -> None:
    async def story() -> None:
        async with stage() as on:
            mpc = Mpc(World(on))
            url = mpc.world.page("/dialling", "<Speak>we are looking for somebody</Speak>")
            customer = await mpc.comes()
            await mpc.rings(dial_music=url if music == "page" else music)
            heard = {"none": set(), "page": {"speak:en-US:WOMAN:we are looking for somebody"}, "Real": {RINGBACK}}
            assert customer.hears == heard[music]

    run(story())


@in_virtual_time
async def test_real_dial_music_is_the_early_audio_of_who_is_rung() -> None:
    async with stage() as on:
        mpc = Mpc(World(on))
        customer = await mpc.comes()
        ringing = await mpc.rings(dial_music="Real")
        assert customer.hears == {RINGBACK}
        on.exchange.tell(LegRang(ringing.leg, early=True))
        await on.settled()
        assert customer.hears == {"1001"}
        ringing.answers()
        await on.settled()
        assert (customer.hears, ringing.hears) == ({"1001"}, {CUSTOMER})


@in_virtual_time
async def test_keys_on_the_early_audio_or_after_the_answer() -> None:
    async with stage() as on:
        mpc = Mpc(World(on))
        await mpc.comes()
        early = await mpc.rings("1001", send_digits="12", send_on_preanswer=True)
        on.exchange.tell(LegRang(early.leg, early=True))
        await on.passes(6)
        assert on.media.digits_sent(early.leg) == "12"
        early.answers()
        await on.passes(6)
        assert on.media.digits_sent(early.leg) == "12"  # once
        late = await mpc.rings("1002", send_digits="34", send_on_preanswer=True)
        await on.passes(6)
        assert on.media.digits_sent(late.leg) == ""
        late.answers()
        await on.passes(6)
        assert on.media.digits_sent(late.leg) == "34"


@in_virtual_time
async def test_hold_music_of_both_roles() -> None:
    async with stage() as on:
        mpc = Mpc(World(on))
        agents = mpc.world.page("/agents", "<Speak>agent music</Speak>")
        customers = mpc.world.page("/customers", "<Speak>customer music</Speak>")
        agent = await mpc.agent(agent_hold_music_url=agents, customer_hold_music=customers)
        customer = await mpc.comes()
        assert agent.hears == {CUSTOMER}
        await mpc.update(customer, hold=True)
        assert (customer.hears, agent.hears) == ({"speak:en-US:WOMAN:customer music"}, set())
        await mpc.update(customer, hold=False)
        await mpc.update(agent, hold=True)
        assert (customer.hears, agent.hears) == (set(), {"speak:en-US:WOMAN:agent music"})
        assert on.web.to(agents)[0].method == "GET"


@in_virtual_time
async def test_an_unreachable_hold_music_is_the_server_s_own() -> None:
    async with stage() as on:
        mpc = Mpc(World(on))
        agent = await mpc.agent(agent_hold_music_url=f"{APP}/nowhere", hold=True)
        await mpc.comes()
        assert agent.hears == {MUSIC}
        assert any("nowhere" in warning for warning in mpc.world.warnings)


@in_virtual_time
async def test_a_bridged_call_is_pulled_in_and_its_partner_hung_up() -> None:
    async with stage() as on:
        world = World(on)
        mpc = Mpc(world)
        customer, partner = await world.in_dial(f'action="{APP}/after" callbackUrl="{APP}/cb"', "<Speak>never</Speak>")
        agent = await mpc.agent("1002")
        answer = await mpc.pull(customer)
        assert answer.status_code == 201
        assert answer.json()["calls"] == [{"to": "14155550100", "from": "14155550123", "call_uuid": customer.leg}]
        assert partner.over is not None
        assert world.hooks("/cb")[-1]["DialBLegHangupCauseCode"] == "4000"
        assert world.hooks("/after") == []
        assert (customer.hears, agent.hears) == ({"1002"}, {CUSTOMER})
        agent.hangs_up()
        await on.settled()
        assert world.hooks("/hangup")[-1]["HangupCauseCode"] == "4020"


@in_virtual_time
async def test_a_call_moves_from_one_to_another() -> None:
    async with stage() as on:
        world = World(on)
        first, second = Mpc(world), Mpc(world, "second")
        customer = await first.comes(f'stayAlone="true" statusCallbackUrl="{STATUS}" onExitActionUrl="{APP}/exit"')
        agent = await first.agent("1001", stay_alone=True)
        old = await first.member(customer)
        await second.pull(customer)
        assert agent.hears == {MUSIC}
        gone = (await first.api("GET", f"Participant/{old['member_id']}/")).json()
        assert gone["exit_cause"] == "Participant Call Transferred"
        assert (gone["mute"], gone["hold"], gone["coach_mode"]) == (None, None, None)
        assert world.hooks("/exit") == []
        assert (await second.member(customer))["exit_time"] is None
        assert (await second.pull(customer)).status_code == 409


@in_virtual_time
async def test_an_api_transfer_takes_a_participant_away() -> None:
    async with stage() as on:
        world = World(on)
        mpc = Mpc(world)
        world.page("/away", "<Speak>away</Speak>", "<Wait length='60'/>")
        customer = await mpc.comes(f'onExitActionUrl="{APP}/exit" statusCallbackUrl="{STATUS}"')
        agent = await mpc.agent(on_exit_action_url=world.page("/left", "<Speak>left</Speak>"))
        await world.transfer(customer, aleg_url=f"{APP}/away")
        assert customer.hears == {"speak:en-US:WOMAN:away"}
        assert world.hooks("/exit") == []
        assert agent.hears == {"speak:en-US:WOMAN:left"}
        causes = [m["exit_cause"] for m in await _everybody(mpc)]
        assert causes == ["Participant Call Transferred", "Multiparty Call Ended"]


async def _everybody(mpc: Mpc) -> list[dict[str, object]]:
    uuid = (await mpc.world.api("GET", "MultiPartyCall/")).json()["objects"][0]["mpc_uuid"]
    listed = await mpc.world.api("GET", f"MultiPartyCall/uuid_{uuid}/Participant/")
    found: list[dict[str, object]] = listed.json()["objects"]
    return found


@pytest.mark.parametrize("on_exit", [True, False])
def test_who_is_kicked(on_exit: bool) -> None:
    async def story() -> None:
        async with stage() as on:
            world = World(on)
            mpc = Mpc(world)
            customer = await mpc.comes("", "<Speak>next</Speak>")
            third = await mpc.comes(caller=SECOND)
            url = world.page("/exit", "<Speak>kicked</Speak>")
            more = {"on_exit_action_url": url, "on_exit_action_method": "GET"} if on_exit else {}
            agent = await mpc.agent(call_status_callback_url=f"{APP}/status", **more)
            assert (await mpc.kick(agent)).status_code == 204
            assert customer.hears == {SECOND}
            if on_exit:
                assert agent.hears == {"speak:en-US:WOMAN:kicked"}
            else:
                end = world.hooks("/status")[-1]
                assert (end["HangupCauseCode"], end["HangupCauseName"]) == ("4030", "Kicked Out Of Multiparty Call")
            assert (await mpc.member(agent))["exit_cause"] == "Kicked Out of Multiparty Call"
            await mpc.kick(customer)  # the other one is alone then
            assert customer.hears == {"speak:en-US:WOMAN:next"}
            assert third.over is not None

    run(story())


@in_virtual_time
async def test_everybody_is_kicked() -> None:
    async with stage() as on:
        mpc = Mpc(World(on))
        await mpc.comes()
        await mpc.agent()
        assert (await mpc.api("DELETE", "Participant/all/")).status_code == 204
        assert {m["exit_cause"] for m in await _everybody(mpc)} == {"Kicked Out of Multiparty Call"}
        assert on.nothing_left()


@in_virtual_time
async def test_started_and_ended_by_the_api() -> None:
    async with stage() as on:
        mpc = Mpc(World(on))
        customer = await mpc.comes(f'startMpcOnEnter="false" statusCallbackUrl="{STATUS}"', "<Speak>over</Speak>")
        agent = await mpc.agent(start_mpc_on_enter=False)
        assert (customer.hears, agent.hears) == ({MUSIC}, {MUSIC})
        assert (await mpc.api("POST", "", {"status": ["active"]})).status_code == 204
        assert (customer.hears, agent.hears) == ({"1001"}, {CUSTOMER})
        assert (await mpc.api("POST", "", {"status": "Active"})).status_code == 204
        assert mpc.events().count("MPCStart") == 1
        assert (await mpc.api("DELETE")).status_code == 204
        assert customer.hears == {"speak:en-US:WOMAN:over"}
        assert agent.over is not None
        assert mpc.event("MPCEnd")["MPCTerminationCause"] == "Hangup API Triggered"
        assert (await mpc.api("DELETE")).status_code == 404


@in_virtual_time
async def test_the_same_request_again_dials_once() -> None:
    async with stage() as on:
        mpc = Mpc(World(on))
        await mpc.comes()
        first, second = await mpc.add("1001"), await mpc.add("1001")
        assert first.json() == second.json()
        assert len(on.phone("1001").lines) == 1


@in_virtual_time
async def test_updates_of_one_several_and_all() -> None:
    async with stage() as on:
        mpc = Mpc(World(on))
        customer = await mpc.comes(f'statusCallbackUrl="{STATUS}"')
        agent = await mpc.agent()
        boss = await mpc.agent("1002", "supervisor")
        assert agent.hears == {CUSTOMER, "1002"}
        assert customer.hears == {"1001"}
        answer = await mpc.update(boss, coach_mode=False)
        assert answer.status_code == 202
        assert answer.json()["coach_mode"] == "MPC: desk coach_mode enable/disable succeeded"
        assert customer.hears == {"1001", "1002"}
        answer = await mpc.api("POST", "Participant/1,2/", {"mute": "true", "hold": False})
        assert set(answer.json()) == {"api_id", "mute", "hold"}
        assert boss.hears == set()
        await mpc.api("POST", "Participant/all/", {"mute": False})
        assert boss.hears == {CUSTOMER, "1001"}
        assert (await mpc.api("POST", "Participant/all/", {"coach_mode": True})).status_code == 400
        assert (await mpc.api("POST", "Participant/1,99/", {"mute": True})).status_code == 404
        assert (await mpc.member(customer))["mute"] is False
        changes = [name for name in mpc.events() if name.startswith("Participant") and name != "ParticipantJoin"]
        assert changes == ["ParticipantCoachModeStop"] + ["ParticipantMute"] * 2 + ["ParticipantUnmute"] * 2


@in_virtual_time
async def test_play_and_speak_to_members_over_the_talk() -> None:
    async with stage() as on:
        mpc = Mpc(World(on))
        customer = await mpc.comes()
        agent = await mpc.agent()
        answer = await mpc.api("POST", "Member/1/Speak/", {"text": "one minute left", "language": "en-GB"})
        assert answer.status_code == 202
        expected = {"message": "speak queued into MPC", "mpcMemberId": ["1"], "mpcName": "desk"}
        assert {name: answer.json()[name] for name in expected} == expected
        assert customer.hears == {"1001", "speak:en-GB:WOMAN:one minute left"}
        assert agent.hears == {CUSTOMER}
        assert (await mpc.api("DELETE", "Member/1/Speak/")).status_code == 204
        assert customer.hears == {"1001"}
        answer = await mpc.api("POST", "Member/all/Speak/", {"text": "alone", "mix": "false", "type": "text"})
        assert (customer.hears, agent.hears) == ({"speak:en-US:WOMAN:alone"}, {"speak:en-US:WOMAN:alone"})
        await mpc.api("DELETE", "Member/all/Speak/")
        answer = await mpc.api("POST", "Member/2/Play/", {"urls": [f"{APP}/a.wav", f"{APP}/b.wav"]})
        assert answer.json()["message"] == "play queued into MPC"


@in_virtual_time
async def test_as_many_as_are_allowed() -> None:
    async with stage() as on:
        mpc = Mpc(World(on))
        await mpc.comes('maxParticipants="2"')
        assert (await mpc.add("1001")).status_code == 201
        answer = await mpc.add("1002")
        assert answer.status_code == 409
        assert "participants at most" in answer.json()["error"]
        assert on.phone("1002").lines == []


@in_virtual_time
async def test_asynchronous_mode() -> None:
    async with stage() as on:
        mpc = Mpc(World(on))
        answer = await mpc.add("1001", callback_url=f"{APP}/cb")
        assert answer.status_code == 202
        await on.passes(1)
        assert mpc.world.one("/cb")["message"] == "add participant action initiated"
        assert on.phone("1001").line.found is not None


@in_virtual_time
async def test_a_call_on_two_ways_comes_by_the_newest() -> None:
    """Its document brings it in while the API's request still fetches a sound."""
    async with stage() as on:
        mpc = Mpc(World(on))
        agent = await mpc.agent(stay_alone=True, status_callback_url=STATUS, status_callback_events=ALL)
        sound = mpc.world.page("/sound", "<Speak>x</Speak>")
        mpc.world.page("/answer", f'<MultiPartyCall role="customer" {QUIET}>desk</MultiPartyCall>')
        on.web.delay_s = 1.0
        line = on.phone(CUSTOMER).calls(NUMBER)
        await on.passes(0.5)
        assert (await mpc.pull(line, enter_sound=sound)).status_code == 201
        await on.passes(5)
        assert (line.hears, agent.hears) == ({"1001"}, {CUSTOMER})
        assert (await mpc.api("GET", "Participant/")).json()["meta"]["count"] == 2
        assert mpc.event("AddParticipantByAPIActionCompleted")["Status"] == "failed"
        line.hangs_up()
        agent.hangs_up()
        await on.passes(5)
        assert on.dialects["plivo"].mpc.empty


@pytest.mark.parametrize("which", ["all", "1,2", "1"])
def test_one_that_everybody_is_kicked_out_of_is_over_for_lack_of_participants(which: str) -> None:
    async def story() -> None:
        async with stage() as on:
            mpc = Mpc(World(on))
            customer = await mpc.comes(f'statusCallbackUrl="{STATUS}"')
            agent = await mpc.agent()
            assert (await mpc.api("DELETE", f"Participant/{which}/")).status_code == 204
            await on.passes(1)
            assert customer.over is not None
            assert agent.over is not None
            code = "1010" if which == "1" else "1000"
            assert mpc.event("MPCEnd")["MPCTerminationCauseCode"] == code
            uuid = mpc.event("MPCEnd")["MPCUUID"]
            left = (await mpc.world.api("GET", f"MultiPartyCall/uuid_{uuid}/Participant/")).json()["objects"]
            kicked = "Kicked Out of Multiparty Call"
            other = "Multiparty Call Ended" if which == "1" else kicked
            assert [each["exit_cause"] for each in left] == [kicked, other]

    run(story())
