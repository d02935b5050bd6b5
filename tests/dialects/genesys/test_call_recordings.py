"""Recordings that a desktop starts: what is in them, and what every desktop of the call is told (genesys 2 and 4.1)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from switchhook.lab.virtual_time import in_virtual_time
from tests.dialects.genesys.office import Desktop, settings, states
from tests.dialects.genesys.scene import Scene, parties, talking, to

AGENTS = [
    {
        "username": f"agent{n}",
        "password": f"secret{n}",
        "endpoint": f"100{n}",
        "number": f"500{n}",
        "features": ["api-voice", "api-voice-recording"] if n != 3 else ["api-voice"],
    }
    for n in (1, 2, 3)
]
START, STOP = "StartCallRecording", "StopCallRecording"
PAUSE, RESUME = "PauseCallRecording", "ResumeCallRecording"
RUNNING = {PAUSE, STOP}
EVERY = {START, STOP, PAUSE, RESUME}


@asynccontextmanager
async def recorded() -> AsyncIterator[Scene]:
    async with talking(genesys={"recorder": True}, agent=AGENTS) as scene:
        yield scene


def offered(call: dict[str, object]) -> set[str]:
    capabilities = call["capabilities"]
    assert isinstance(capabilities, list)
    return EVERY & set(capabilities)


@in_virtual_time
async def test_a_recording_from_its_start_to_its_stop() -> None:
    async with recorded() as scene:
        assert scene.call["recordingState"] == "Stopped"
        assert offered(scene.call) == {START}
        for operation, state, then in (
            (START, "Recording", RUNNING),
            (PAUSE, "Paused", {RESUME, STOP}),
            (RESUME, "Recording", RUNNING),
            (STOP, "Stopped", {START}),
        ):
            [told] = await scene.desk.does(scene.call, operation)
            assert told["notificationType"] == "CallRecordingStateChange"
            assert (told["call"]["state"], told["call"]["recordingState"]) == ("Established", state)
            assert offered(told["call"]) == then
            [tape] = scene.stage.media.recordings if operation != STOP else [None]
            if tape is not None:
                assert tape.paused == (operation == PAUSE)
                assert {*tape.left} == {scene.customer.leg}
                assert {*tape.right} == {scene.agent.leg}


@in_virtual_time
async def test_what_is_not_possible_now_changes_nothing() -> None:
    async with recorded() as scene:
        for operation in (STOP, PAUSE, RESUME):
            assert await scene.desk.fails(scene.call, operation) == 2
        await scene.desk.does(scene.call, START)
        for operation in (START, RESUME):
            assert await scene.desk.fails(scene.call, operation) == 2
        assert len(scene.stage.media.recordings) == 1


@in_virtual_time
async def test_it_ends_with_the_call() -> None:
    async with recorded() as scene:
        await scene.desk.does(scene.call, START)
        scene.customer.hangs_up()
        [released] = await scene.desk.told()
        assert (released["call"]["state"], released["call"]["recordingState"]) == ("Released", "Stopped")
        assert scene.stage.media.recordings == ()


@in_virtual_time
async def test_it_goes_on_with_the_customer_through_a_transfer_and_the_next_agent_may_stop_it() -> None:
    async with recorded() as scene:
        await scene.desk.does(scene.call, START)
        target = await scene.consults()
        [consult] = await scene.other.calls()
        assert consult["recordingState"] == "Stopped"
        await scene.desk.does(scene.second, "CompleteTransfer")
        [updated] = await scene.other.told()
        assert updated["notificationType"] == "ParticipantsUpdated"
        assert updated["call"]["recordingState"] == "Recording"
        assert offered(updated["call"]) == RUNNING
        [tape] = scene.stage.media.recordings
        assert ({*tape.left}, {*tape.right}) == ({scene.customer.leg}, {target.leg})
        [stopped] = await scene.other.does(updated["call"], STOP)
        assert stopped["call"]["recordingState"] == "Stopped"
        assert scene.stage.media.recordings == ()


@in_virtual_time
async def test_everybody_in_a_conference_is_told_and_recorded() -> None:
    async with recorded() as scene:
        target = await scene.consults()
        await scene.desk.does(scene.second, "CompleteConference")
        await scene.other.told()
        [own] = await scene.desk.does(scene.call, START)
        [theirs] = await scene.other.told()
        for told in (own, theirs):
            assert told["notificationType"] == "CallRecordingStateChange"
            assert told["call"]["recordingState"] == "Recording"
        [tape] = scene.stage.media.recordings
        assert {*tape.left, *tape.right} == {scene.customer.leg, scene.agent.leg, target.leg}


@in_virtual_time
async def test_a_user_without_the_feature_may_not() -> None:
    async with recorded() as scene:
        await scene.desk.does(scene.call, "SingleStepConference", **to("5003"))
        third = await scene.stage.phone("1003").rings()
        desk = await Desktop(scene.stage, "agent3").opens()
        third.answers()
        [established] = await desk.told()
        assert parties(established)[-1] == "5001"
        assert await desk.fails(established["call"], START) == 5


@in_virtual_time
async def test_without_the_option_there_is_no_recorder() -> None:
    async with talking(agent=AGENTS) as scene:
        assert "recordingState" not in scene.call
        assert await scene.desk.fails(scene.call, START) == 2
        assert settings().genesys.recorder is False


@in_virtual_time
async def test_a_held_call_is_recorded_on_and_offers_nothing_meanwhile() -> None:
    async with recorded() as scene:
        await scene.desk.does(scene.call, START)
        [held] = await scene.desk.does(scene.call, "Hold")
        assert held["call"]["recordingState"] == "Recording"
        assert offered(held["call"]) == set()
        assert states(await scene.desk.does(scene.call, "Retrieve")) == [("Inbound", "Established")]
        await scene.desk.does(scene.call, STOP)


@in_virtual_time
async def test_a_recording_is_stopped_on_the_device() -> None:
    async with recorded() as scene:
        device = f"/me/devices/{scene.desk.user.device}"
        assert await scene.desk.post(device, STOP) == (400, 2)
        await scene.desk.does(scene.call, START)
        assert await scene.other.post(f"/me/devices/{scene.other.user.device}", STOP) == (400, 2)  # of its own calls
        assert await scene.desk.post(device, STOP) == (200, 0)
        [told] = await scene.desk.told()
        assert (told["notificationType"], told["call"]["recordingState"]) == ("CallRecordingStateChange", "Stopped")
        assert scene.stage.media.recordings == ()
        third = Desktop(scene.stage, "agent3")
        assert await third.post(f"/me/devices/{third.user.device}", STOP) == (403, 5)
