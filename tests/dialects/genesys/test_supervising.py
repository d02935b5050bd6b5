"""Supervisors: who hears whom, what each desktop is told, and how the watch follows the agent's calls."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from switchhook.lab.stage import MUSIC, Stage, Telephone
from switchhook.lab.virtual_time import in_virtual_time
from tests.dialects.genesys.office import OUTSIDE, SERVICE, TREE, Desktop, settings, states

VOICE, WATCH = "api-voice", "api-supervisor-monitoring"
AGENTS = [*TREE["agent"][:2], {**TREE["agent"][2], "features": [VOICE, WATCH]}]
ESTABLISHED = {
    *("AttachUserData", "UpdateUserData", "DeleteUserData", "DeleteUserDataPair"),
    *("SingleStepTransfer", "SingleStepConference", "InitiateTransfer", "InitiateConference"),
    *("Hold", "Hangup", "SendDtmf"),
}


class Floor:
    """Agent 1, agent 2 and their supervisor (agent 3), whose telephone answers by itself."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.agent, self.other, self.boss = (Desktop(stage, f"agent{n}") for n in (1, 2, 3))
        self.customer: Any = None

    async def opens(self) -> Floor:
        for desk in (self.agent, self.other, self.boss):
            await desk.opens("/v2/me/calls", "/v2/me/devices")
        self.phone("1001", answers_after_s=0.1)
        self.phone("1002", answers_after_s=0.1)
        self.phone("1003", answers_after_s=0.1)
        return self

    def phone(self, name: str, **how: Any) -> Telephone:
        return self.stage.phone(name, **how)

    async def call(self) -> dict[str, Any]:
        """A customer talks to agent 1."""
        self.customer = self.stage.phone(OUTSIDE).calls(SERVICE)
        await self.stage.passes(0.5)
        found: dict[str, Any] = (await self.agent.told())[-1]["call"]
        assert found["state"] == "Established"
        return found

    async def watches(self, operation: str = "ListenIn", **how: Any) -> tuple[int, int]:
        target = f"http://127.0.0.1:8080/api/v2/devices/{self.agent.user.device}"
        path = f"/me/devices/{self.boss.user.device}"
        answer = await self.boss.post(path, operation, **{"targetDeviceUri": target, **how})
        await self.stage.passes(0.5)
        return answer

    async def cancels(self) -> tuple[int, int]:
        answer = await self.boss.post(f"/me/devices/{self.boss.user.device}", "CancelSupervisorMonitoring")
        await self.stage.settled()
        return answer

    async def device(self) -> dict[str, Any]:
        found: dict[str, Any] = (await self.boss.get(f"/me/devices/{self.boss.user.device}"))["device"]
        return found

    async def watched(self) -> dict[str, Any]:
        """Returns the supervisor's call."""
        [call] = await self.boss.calls()
        return call

    def hear(self, *, customer: set[str], agent: set[str], boss: set[str]) -> None:
        assert self.customer.hears == customer
        assert self.phone("1001").line.hears == agent
        assert self.phone("1003").line.hears == boss


def story(test: Callable[[Floor], Awaitable[None]]) -> Callable[[], None]:
    async def told() -> None:
        async with Stage(settings(agent=AGENTS), dialects=("genesys",)) as stage:
            await test(await Floor(stage).opens())

    told.__name__, told.__doc__ = test.__name__, test.__doc__
    return in_virtual_time(told)


CUSTOMER = OUTSIDE


@story
async def test_who_listens_in_is_heard_by_nobody_and_seen_by_the_watched_agent_alone(floor: Floor) -> None:
    call = await floor.call()
    assert await floor.watches() == (200, 0)
    floor.hear(customer={"1001"}, agent={CUSTOMER}, boss={"1001", CUSTOMER})
    device = await floor.device()
    assert device["supervisorMonitoringState"] == {
        "state": "ListenIn",
        "mode": "AllCalls",
        "scope": "Call",
        "targetDeviceUri": f"http://127.0.0.1:8080/api/v2/devices/{floor.agent.user.device}",
    }
    assert "CancelSupervisorMonitoring" in device["capabilities"]
    seen = await floor.watched()
    assert seen["state"] == "Established"
    assert seen["monitoring"] is True
    assert set(seen["capabilities"]) == ESTABLISHED | {"SwitchToBargeIn", "RemoveParticipantFromConference"}
    assert {party["digits"] for party in seen["participants"]} == {"5001", CUSTOMER.removeprefix("+")}
    [told] = await floor.agent.told()
    assert told["notificationType"] == "StatusChange"
    assert told["call"]["supervisorListeningIn"] is True
    assert told["call"]["supervisorMonitoringState"] == {"state": "ListenIn"}
    assert told["call"]["participants"] == call["participants"]
    assert told["call"]["capabilities"] == call["capabilities"]


@story
async def test_a_coach_is_heard_by_the_agent_alone(floor: Floor) -> None:
    await floor.call()
    assert await floor.watches("Coach") == (200, 0)
    floor.hear(customer={"1001"}, agent={CUSTOMER, "1003"}, boss={"1001", CUSTOMER})


@story
async def test_who_barges_in_is_heard_by_everybody_and_is_a_party(floor: Floor) -> None:
    await floor.call()
    assert await floor.watches("BargeIn") == (200, 0)
    floor.hear(customer={"1001", "1003"}, agent={CUSTOMER, "1003"}, boss={"1001", CUSTOMER})
    told = (await floor.agent.told())[-1]["call"]
    assert {party["digits"] for party in told["participants"]} == {"5003", CUSTOMER.removeprefix("+")}
    assert told["supervisorListeningIn"] is False
    seen = await floor.watched()
    assert set(seen["capabilities"]) == ESTABLISHED | {"SwitchToListenIn", "RemoveParticipantFromConference"}


@story
async def test_switching_changes_who_hears_the_supervisor_and_what_is_offered(floor: Floor) -> None:
    await floor.call()
    await floor.watches("Coach")
    call = await floor.watched()
    assert {"SwitchToListenIn", "SwitchToBargeIn"} <= set(call["capabilities"])
    await floor.boss.told()
    [told] = await floor.boss.does(call, "SwitchToListenIn")
    assert told["notificationType"] == "StatusChange"
    floor.hear(customer={"1001"}, agent={CUSTOMER}, boss={"1001", CUSTOMER})
    assert "SwitchToListenIn" not in told["call"]["capabilities"]
    assert await floor.boss.fails(call, "SwitchToCoach") == 2  # it has coached
    await floor.boss.does(call, "SwitchToBargeIn")
    floor.hear(customer={"1001", "1003"}, agent={CUSTOMER, "1003"}, boss={"1001", CUSTOMER})
    assert (await floor.device())["supervisorMonitoringState"]["state"] == "BargeIn"
    await floor.boss.does(call, "SwitchToListenIn")
    floor.hear(customer={"1001"}, agent={CUSTOMER}, boss={"1001", CUSTOMER})


@story
async def test_who_has_only_listened_may_begin_to_coach(floor: Floor) -> None:
    await floor.call()
    await floor.watches()
    await floor.boss.does(await floor.watched(), "SwitchToCoach")
    floor.hear(customer={"1001"}, agent={CUSTOMER, "1003"}, boss={"1001", CUSTOMER})


@story
async def test_the_supervisor_mutes_the_agent_and_leaving_unmutes_it(floor: Floor) -> None:
    await floor.call()
    await floor.watches("BargeIn")
    call = await floor.watched()
    await floor.boss.told()
    await floor.agent.told()
    [told] = await floor.boss.does(call, "MuteMonitoredUser")
    assert told["notificationType"] == "MonitoredUserMutedStateChange"
    assert told["call"]["monitoredUserMuted"] is True
    [other] = await floor.agent.told()
    assert (other["notificationType"], other["call"]["mute"]) == ("MonitoredUserMutedStateChange", "Off")
    floor.hear(customer={"1003"}, agent={CUSTOMER, "1003"}, boss={CUSTOMER})
    [told] = await floor.boss.does(call, "UnmuteMonitoredUser")
    assert told["call"]["monitoredUserMuted"] is False
    assert await floor.boss.fails(call, "UnmuteMonitoredUser") == 2
    floor.hear(customer={"1001", "1003"}, agent={CUSTOMER, "1003"}, boss={"1001", CUSTOMER})
    await floor.boss.does(call, "MuteMonitoredUser")
    assert await floor.cancels() == (200, 0)
    assert floor.customer.hears == {"1001"}


@story
async def test_every_call_of_the_agent_is_watched_until_it_is_cancelled(floor: Floor) -> None:
    assert await floor.watches() == (200, 0)
    assert await floor.boss.calls() == []
    for _ in range(2):
        await floor.call()
        await floor.stage.passes(0.5)
        floor.hear(customer={"1001"}, agent={CUSTOMER}, boss={"1001", CUSTOMER})
        floor.customer.hangs_up()
        await floor.stage.passes(0.5)
        assert await floor.boss.calls() == []
        await floor.agent.told()
    assert await floor.cancels() == (200, 0)
    assert "supervisorMonitoringState" not in await floor.device()
    await floor.call()
    await floor.stage.passes(0.5)
    assert await floor.boss.calls() == []


@story
async def test_the_next_call_alone_is_watched(floor: Floor) -> None:
    await floor.watches(supervisorMonitoringMode="NextCall")
    await floor.call()
    await floor.stage.passes(0.5)
    assert len(await floor.boss.calls()) == 1
    floor.customer.hangs_up()
    await floor.stage.passes(0.5)
    assert "supervisorMonitoringState" not in await floor.device()
    await floor.call()
    await floor.stage.passes(0.5)
    assert await floor.boss.calls() == []


@story
async def test_scope_agent_goes_into_the_consult_and_back(floor: Floor) -> None:
    call = await floor.call()
    await floor.watches(supervisorMonitoringScope="Agent")
    await floor.agent.does(call, "InitiateTransfer", destination={"phoneNumber": "5002"})
    await floor.stage.passes(0.5)
    floor.hear(customer={MUSIC}, agent={"1002"}, boss={"1001", "1002"})
    assert floor.phone("1002").line.hears == {"1001"}
    consult = next(each for each in await floor.agent.calls() if each["callType"] == "Consult")
    assert [party["digits"] for party in consult["participants"]] == ["5002"]
    await floor.agent.does(consult, "Hangup")
    await floor.agent.does(call, "Retrieve")
    floor.hear(customer={"1001"}, agent={CUSTOMER}, boss={"1001", CUSTOMER})
    assert [each["state"] for each in await floor.boss.calls()] == ["Established"]


@story
async def test_scope_agent_leaves_with_the_agent(floor: Floor) -> None:
    call = await floor.call()
    await floor.watches(supervisorMonitoringScope="Agent")
    await floor.agent.does(call, "InitiateTransfer", destination={"phoneNumber": "5002"})
    await floor.stage.passes(0.5)
    await floor.agent.does(call, "CompleteTransfer")
    await floor.stage.passes(0.5)
    assert floor.customer.hears == {"1002"}
    assert await floor.boss.calls() == []
    assert "supervisorMonitoringState" in await floor.device()  # for the agent's next call


@story
async def test_scope_call_stays_with_the_customer_after_a_transfer(floor: Floor) -> None:
    call = await floor.call()
    await floor.watches()
    await floor.agent.does(call, "InitiateTransfer", destination={"phoneNumber": "5002"})
    await floor.stage.passes(0.5)
    assert floor.phone("1003").line.hears == {CUSTOMER}
    await floor.agent.does(call, "CompleteTransfer")
    await floor.stage.passes(0.5)
    assert floor.customer.hears == {"1002"}
    assert floor.phone("1003").line.hears == {"1002", CUSTOMER}
    floor.customer.hangs_up()
    await floor.stage.passes(0.5)
    assert await floor.boss.calls() == []


@story
async def test_the_watch_goes_on_in_a_conference(floor: Floor) -> None:
    call = await floor.call()
    await floor.watches(supervisorMonitoringScope="Agent")
    await floor.agent.does(call, "InitiateConference", destination={"phoneNumber": "5002"})
    await floor.stage.passes(0.5)
    await floor.agent.does(call, "CompleteConference")
    await floor.stage.passes(0.5)
    floor.hear(customer={"1001", "1002"}, agent={CUSTOMER, "1002"}, boss={"1001", "1002", CUSTOMER})


@story
async def test_hold_lets_the_customer_hear_music_and_the_supervisor_waits(floor: Floor) -> None:
    call = await floor.call()
    await floor.watches()
    await floor.agent.does(call, "Hold")
    floor.hear(customer={MUSIC}, agent=set(), boss={CUSTOMER})
    await floor.agent.does(call, "Retrieve")
    floor.hear(customer={"1001"}, agent={CUSTOMER}, boss={"1001", CUSTOMER})


@story
async def test_nobody_notices_a_supervisor_whose_telephone_only_rings(floor: Floor) -> None:
    call = await floor.call()
    floor.phone("1003").answers_after_s = None
    await floor.watches()
    floor_line = await floor.phone("1003").rings()
    assert await floor.agent.told() == []
    await floor.agent.does(call, "Hold")
    assert floor.customer.hears == {MUSIC}
    await floor.agent.does(call, "Hangup")
    assert floor.customer.over is not None
    await floor.stage.passes(0.1)
    assert floor_line.over is not None


@story
async def test_a_supervisor_hangs_up_its_call_and_waits_for_the_next(floor: Floor) -> None:
    await floor.call()
    await floor.watches()
    await floor.boss.does(await floor.watched(), "Hangup")
    assert floor.customer.hears == {"1001"}
    assert await floor.boss.calls() == []
    assert "supervisorMonitoringState" in await floor.device()


@story
async def test_the_end_of_the_session_ends_the_watch(floor: Floor) -> None:
    await floor.call()
    await floor.watches()
    assert await floor.boss.post("/me", "EndContactCenterSession") == (200, 0)
    await floor.stage.settled()
    assert await floor.boss.calls() == []
    assert floor.customer.hears == {"1001"}


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ({"targetDeviceUri": None}, 1),
        ({"targetDeviceUri": "http://x/api/v2/devices/nobody"}, 6),
        ({"targetDeviceUri": 7}, 2),
        ({"supervisorMonitoringScope": "World"}, 10),
        ({"supervisorMonitoringMode": "Never"}, 10),
    ],
)
def test_bad_parameters_change_nothing(how: dict[str, Any], code: int) -> None:
    @story
    async def told(floor: Floor) -> None:
        before = await floor.device()
        assert (await floor.watches(**how))[1] == code
        assert await floor.device() == before

    told()


@story
async def test_the_device_may_be_named_by_its_number(floor: Floor) -> None:
    await floor.call()
    assert await floor.watches(targetDeviceUri=None, phoneNumber="5001") == (200, 0)
    floor.hear(customer={"1001"}, agent={CUSTOMER}, boss={"1001", CUSTOMER})


@story
async def test_who_listens_may_take_a_party_out(floor: Floor) -> None:
    call = await floor.call()
    await floor.watches()
    await floor.agent.does(call, "InitiateConference", destination={"phoneNumber": "5002"})
    await floor.stage.passes(0.5)
    await floor.agent.does(call, "CompleteConference")
    seen = await floor.watched()
    await floor.boss.does(seen, "RemoveParticipantFromConference", participant="5002")
    floor.hear(customer={"1001"}, agent={CUSTOMER}, boss={"1001", CUSTOMER})


@story
async def test_a_supervisor_who_talks_itself_comes_when_that_is_over(floor: Floor) -> None:
    await floor.boss.dial("5002")
    await floor.stage.passes(0.5)
    await floor.watches()
    await floor.call()
    [own] = await floor.boss.calls()
    assert own["monitoring"] is False
    await floor.boss.does(own, "Hangup")
    await floor.stage.passes(0.5)
    floor.hear(customer={"1001"}, agent={CUSTOMER}, boss={"1001", CUSTOMER})


@story
async def test_agents_who_talk_to_each_other_only_the_watched_one_is_told(floor: Floor) -> None:
    await floor.agent.dial("5002")
    await floor.stage.passes(0.5)
    for desk in (floor.agent, floor.other):
        await desk.told()
    await floor.watches("Coach")
    assert floor.phone("1001").line.hears == {"1002", "1003"}
    assert floor.phone("1002").line.hears == {"1001"}
    [told] = await floor.agent.told()
    assert told["call"]["supervisorMonitoringState"] == {"state": "Coach"}
    assert await floor.other.told() == []


@story
async def test_only_supervisors_may_and_only_once_at_a_time(floor: Floor) -> None:
    boss = floor.boss.user
    path = f"/me/devices/{floor.agent.user.device}"
    assert await floor.agent.post(path, "ListenIn", targetDeviceUri=f"x/devices/{boss.device}") == (403, 5)
    assert set((await floor.device())["capabilities"]) >= {"ListenIn", "Coach", "BargeIn"}
    assert await floor.cancels() == (400, 2)
    assert (await floor.watches(targetDeviceUri=f"x/devices/{boss.device}"))[1] == 2
    assert await floor.watches() == (200, 0)
    assert await floor.watches("Coach") == (400, 2)
    call = await floor.call()
    assert await floor.agent.fails(call, "MuteMonitoredUser") == 2
    assert states(floor.agent.seen)[-1] == ("Inbound", "Established")


@story
async def test_the_two_calls_of_a_consult_are_related_for_the_agent_alone(floor: Floor) -> None:
    call = await floor.call()
    await floor.watches(supervisorMonitoringScope="Agent")
    await floor.agent.does(call, "InitiateTransfer", destination={"phoneNumber": "5002"})
    await floor.stage.passes(0.5)
    for mine in await floor.boss.calls():
        assert "parentCallUri" not in mine
        assert not {"CompleteTransfer", "CompleteConference", "SwapCalls"} & set(mine["capabilities"])
        for operation in ("CompleteTransfer", "CompleteConference", "SwapCalls"):
            assert (await floor.boss.post(f"/me/calls/{mine['id']}", operation, otherCallUri=call["uri"]))[1] == 2
    floor.hear(customer={MUSIC}, agent={"1002"}, boss={"1001", "1002"})
    [original, consult] = await floor.agent.calls()
    assert consult["parentCallUri"] == original["uri"]
    assert "CompleteTransfer" in original["capabilities"]


@story
async def test_a_supervisors_own_consult_is_not_monitored(floor: Floor) -> None:
    await floor.call()
    await floor.watches("BargeIn")
    mine = await floor.watched()
    await floor.boss.does(mine, "InitiateTransfer", destination={"phoneNumber": "5002"})
    await floor.stage.passes(0.5)
    [original, consult] = await floor.boss.calls()
    assert consult["parentCallUri"] == original["uri"]
    assert (original["monitoring"], consult["monitoring"]) == (True, False)
    assert not {"SwitchToListenIn", "RemoveParticipantFromConference"} & set(consult["capabilities"])
    [asked] = await floor.other.calls()
    assert "supervisorMonitoringState" not in asked
    await floor.boss.does(consult, "CompleteTransfer")
    assert floor.customer.hears == {"1001", "1002"}


@story
async def test_who_has_barged_in_takes_the_customer_out_and_talks_on_with_the_agent(floor: Floor) -> None:
    await floor.call()
    await floor.watches("BargeIn")
    mine = await floor.watched()
    await floor.agent.told()
    await floor.boss.told()
    [told] = await floor.boss.does(mine, "RemoveParticipantFromConference", participant=CUSTOMER)
    assert (told["notificationType"], told["call"]["state"]) == ("ParticipantsUpdated", "Established")
    assert [party["digits"] for party in told["call"]["participants"]] == ["5001"]
    [seen] = await floor.agent.told()
    assert seen["notificationType"] == "ParticipantsUpdated"
    assert [party["digits"] for party in seen["call"]["participants"]] == ["5003"]
    assert floor.customer.over is not None
    assert floor.phone("1001").line.hears == {"1003"}
    assert floor.phone("1003").line.hears == {"1001"}
    assert states(await floor.boss.does(mine, "Hangup")) == [("Inbound", "Released")]
    assert states(await floor.agent.told()) == [("Inbound", "Released")]


@in_virtual_time
async def test_what_a_supervisor_whispers_is_not_recorded() -> None:
    taping = [{**each, "features": [VOICE, WATCH, "api-voice-recording"]} for each in TREE["agent"]]
    async with Stage(settings(agent=taping, genesys={"recorder": True}), dialects=("genesys",)) as stage:
        floor = await Floor(stage).opens()
        call = await floor.call()
        await floor.watches("Coach")
        floor.hear(customer={"1001"}, agent={CUSTOMER, "1003"}, boss={"1001", CUSTOMER})
        await floor.agent.does(call, "StartCallRecording")
        agent, boss = floor.phone("1001").line.leg, floor.phone("1003").line.leg
        mine = await floor.watched()

        def right() -> set[str]:
            [tape] = stage.media.recordings
            assert {*tape.left} == {floor.customer.leg}
            return {*tape.right}

        assert right() == {agent}
        await floor.boss.does(mine, "SwitchToBargeIn")
        assert right() == {agent, boss}
        await floor.boss.does(mine, "SwitchToListenIn")
        assert right() == {agent}


@story
async def test_after_a_transfer_the_next_agent_is_watched_coached_and_told(floor: Floor) -> None:
    call = await floor.call()
    await floor.watches("Coach")
    await floor.agent.does(call, "InitiateTransfer", destination={"phoneNumber": "5002"})
    await floor.stage.passes(0.5)
    await floor.agent.does(call, "CompleteTransfer")
    assert floor.customer.hears == {"1002"}
    assert floor.phone("1002").line.hears == {CUSTOMER, "1003"}
    told = (await floor.other.told())[-1]["call"]
    assert (told["supervisorListeningIn"], told["supervisorMonitoringState"]) == (True, {"state": "Coach"})
    mine = await floor.watched()
    await floor.boss.does(mine, "MuteMonitoredUser")
    assert floor.customer.hears == set()
    assert (await floor.other.told())[-1]["call"]["monitoredUserMuted"] is True
    await floor.boss.does(mine, "SwitchToListenIn")
    assert floor.phone("1002").line.hears == {CUSTOMER}
    assert await floor.cancels() == (200, 0)
    assert floor.customer.hears == {"1002"}
    assert (await floor.other.calls())[0]["supervisorListeningIn"] is False


@story
async def test_an_agent_who_was_muted_by_the_supervisor_does_not_leave_that_to_the_next(floor: Floor) -> None:
    call = await floor.call()
    await floor.watches()
    mine = await floor.watched()
    await floor.boss.does(mine, "MuteMonitoredUser")
    await floor.agent.does(call, "InitiateTransfer", destination={"phoneNumber": "5002"})
    await floor.stage.passes(0.5)
    await floor.agent.does(call, "CompleteTransfer")
    assert floor.customer.hears == {"1002"}
    assert (await floor.watched())["monitoredUserMuted"] is False
    await floor.boss.told()
    assert await floor.boss.fails(mine, "UnmuteMonitoredUser") == 2


@story
async def test_a_supervisor_who_is_called_before_it_picks_up_is_rung_again_afterwards(floor: Floor) -> None:
    boss = floor.phone("1003")
    boss.answers_after_s = None
    await floor.call()
    await floor.watches(supervisorMonitoringMode="NextCall")
    watching = await boss.rings()
    caller = floor.phone("1002").calls("5003")
    own = await boss.rings()
    await floor.stage.settled()
    assert watching.over is not None
    assert [call["callType"] for call in await floor.boss.calls()] == ["Internal"]
    own.answers()
    caller.hangs_up()
    await floor.stage.settled()
    again = await boss.rings()
    again.answers()
    await floor.stage.settled()
    floor.hear(customer={"1001"}, agent={CUSTOMER}, boss={"1001", CUSTOMER})
