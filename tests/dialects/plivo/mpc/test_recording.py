"""Recordings of Multi-Party Calls and of single participants, and what is told of them."""

from __future__ import annotations

from typing import Any

import pytest

from switchhook.core.ids import RecordingId, RoomId
from switchhook.lab.virtual_time import in_virtual_time, run
from tests.dialects.plivo.common import ACCOUNT, APP, World, stage
from tests.dialects.plivo.mpc.common import Mpc

SECOND = "+14155550124"
REC = f"{APP}/rec"


@in_virtual_time
async def test_the_whole_is_recorded_paused_resumed_and_stopped() -> None:
    async with stage() as on:
        mpc = Mpc(World(on))
        await mpc.comes()
        await mpc.agent()
        assert (await mpc.api("GET")).json()["recording"] == "not-recording"
        answer = await mpc.api("POST", "Record/", {"file_format": "wav", "recording_callback_url": REC})
        assert answer.status_code == 202
        said = answer.json()
        assert said["message"] == "MPC: desk record started"
        assert said["recording_url"].endswith(f"/v1/Account/{ACCOUNT}/Recording/{said['recording_id']}.wav")
        room = on.exchange.recordings.running(room=RoomId((await mpc.api("GET")).json()["mpc_uuid"]))
        assert [(each.id, each.room_name) for each in room] == [(said["recording_id"], "desk")]
        assert (await mpc.api("POST", "Record/")).status_code == 409
        assert (await mpc.api("GET")).json()["recording"] == "recording"
        await on.passes(2)
        assert (await mpc.api("POST", "Record/Pause/")).status_code == 204
        assert (await mpc.api("GET")).json()["recording"] == "paused"
        assert (await mpc.api("POST", "Record/Resume/")).status_code == 204
        await on.passes(2)
        assert (await mpc.api("DELETE", "Record/")).status_code == 204
        await on.passes(1)
        assert mpc.events("/rec") == [
            "MPCRecordingInitiated",
            "MPCRecordingPaused",
            "MPCRecordingResumed",
            "MPCRecordingCompleted",
        ]
        done = mpc.event("MPCRecordingCompleted", "/rec")
        expected = {
            "MPCName": "desk",
            "RecordingUUID": said["recording_id"],
            "RecordingURL": said["recording_url"],
            "RecordingFormat": "wav",
            "RecordingDuration": "4",
        }
        assert {name: done[name] for name in expected} == expected
        assert done["RecordingEndTime"] > done["RecordingStartTime"] > ""
        for path in ("Record/", "Record/Pause/", "Record/Resume/"):
            method = "DELETE" if path == "Record/" else "POST"
            assert (await mpc.api(method, path)).status_code == 404


@in_virtual_time
async def test_a_recording_by_wish_begins_with_enough_members_and_ends_with_the_call() -> None:
    async with stage() as on:
        world = World(on)
        mpc = Mpc(world)
        now = world.page("/now", "<Speak>this call is recorded</Speak>")
        element = f'record="true" recordMinMemberCount="2" recordingCallbackUrl="{REC}" startRecordingAudio="{now}"'
        customer = await mpc.comes(element)
        assert mpc.events("/rec") == []
        await mpc.agent()
        assert mpc.events("/rec") == ["MPCRecordingInitiated"]
        assert customer.hears == {"1001", "speak:en-US:WOMAN:this call is recorded"}
        await on.passes(3)
        customer.hangs_up()
        await on.passes(1)
        assert mpc.events("/rec") == ["MPCRecordingInitiated", "MPCRecordingCompleted"]
        assert on.web.to(REC)[0].method == "POST"


@in_virtual_time
async def test_a_callback_that_nobody_takes_at_first_is_tried_again() -> None:
    async with stage() as on:
        mpc = Mpc(World(on))
        customer = await mpc.comes()
        await mpc.agent()
        await mpc.api("POST", "Record/", {"recording_callback_url": REC})
        on.web.on(REC, (500, "away"))
        customer.hangs_up()
        await on.passes(2)
        on.web.on(REC, "")
        await on.passes(40)
        assert mpc.events("/rec").count("MPCRecordingCompleted") == 2


@pytest.mark.parametrize("track", ["participant", "all", "both"])
def test_one_participant_is_recorded(track: str) -> None:
    async def story() -> None:
        async with stage() as on:
            mpc = Mpc(World(on))
            await mpc.comes()
            agent = await mpc.agent()
            more = {"record_track_type": track, "recording_callback_url": REC}
            answer = await mpc.api("POST", "Participant/2/Record/", more)
            assert answer.status_code == 202
            assert (await mpc.api("POST", "Participant/2/Record/", more)).status_code == 409
            tapes = list(on.exchange.state.tapes.values())
            assert [(tape.follows, tape.mono) for tape in tapes] == {
                "participant": [(agent.leg, False)],
                "all": [(agent.leg, True)],
                "both": [(agent.leg, True), (agent.leg, False)],
            }[track]
            assert (await mpc.api("POST", "Participant/2/Record/Pause/")).status_code == 204
            assert all(tape.paused for tape in on.exchange.state.tapes.values())
            assert (await mpc.api("POST", "Participant/2/Record/Resume/")).status_code == 204
            assert (await mpc.api("DELETE", "Participant/2/Record/", more)).status_code == 204
            await on.passes(1)
            assert on.exchange.state.tapes == {}
            assert mpc.events("/rec").count("MPCRecordingCompleted") == len(tapes)
            assert (await mpc.api("DELETE", "Participant/2/Record/")).status_code == 404

    run(story())


@in_virtual_time
async def test_each_participant_s_own_track() -> None:
    async with stage() as on:
        mpc = Mpc(World(on))
        customer = await mpc.comes(f'recordParticipantTrack="true" recordingCallbackUrl="{REC}"')
        agent = await mpc.agent()
        assert {tape.follows for tape in on.exchange.state.tapes.values()} == {customer.leg, agent.leg}
        agent.hangs_up()
        await on.passes(1)
        assert mpc.events("/rec").count("MPCRecordingCompleted") == 2
        assert on.exchange.state.tapes == {}


@in_virtual_time
async def test_nothing_to_record_and_wrong_words() -> None:
    async with stage() as on:
        mpc = Mpc(World(on))
        await mpc.rings()
        assert (await mpc.api("POST", "Record/")).status_code == 404  # nobody is in yet
        assert (await mpc.api("POST", "Record/", {"file_format": "ogg"})).status_code == 400
        assert (await mpc.api("POST", "Participant/all/Record/", {"record_track_type": "x"})).status_code == 400


@in_virtual_time
async def test_a_recording_that_was_stopped_makes_room_for_the_next_though_its_file_is_not_finished() -> None:
    async with stage() as on:
        world = World(on)
        await Mpc(world).comes()
        for path in ("MultiPartyCall/name_desk", "MultiPartyCall/name_desk/Participant/1"):
            assert (await world.api("POST", f"{path}/Record/")).status_code == 202
            assert (await world.api("DELETE", f"{path}/Record/")).status_code == 204
            assert (await world.api("GET", "MultiPartyCall/name_desk/")).json()["recording"] == "not-recording"
            assert (await world.api("DELETE", f"{path}/Record/")).status_code == 404
            assert (await world.api("POST", f"{path}/Record/")).status_code == 202
            assert (await world.api("DELETE", f"{path}/Record/")).status_code == 204


@pytest.mark.parametrize("wanted", ["true", "false", None])
def test_what_a_supervisor_says_is_recorded_or_not(wanted: str | None) -> None:
    """Coaching or not makes no difference to the recording; a track of the supervisor's own is its own."""

    async def story() -> None:
        async with stage() as on:
            mpc = Mpc(World(on))
            attribute = f"recordCoachVoice='{wanted}'" if wanted is not None else ""
            customer = await mpc.comes(f"record='true' recordParticipantTrack='true' {attribute}")
            agent = await mpc.agent()
            supervisor = await mpc.agent("1002", role="supervisor")
            whole = next(each for each in on.media.recordings if not each.ears and len(each.left + each.right) > 1)
            for coaching in (True, False):
                assert (supervisor.leg in on_tape(on, whole.id)) is (wanted != "false")
                assert {customer.leg, agent.leg} <= on_tape(on, whole.id)
                track = next(each for each in on.exchange.recordings.running(leg=agent.leg))
                assert (supervisor.leg in on_tape(on, track.id)) is (wanted != "false")
                own = next(each for each in on.exchange.recordings.running(leg=supervisor.leg))
                assert supervisor.leg in on_tape(on, own.id)
                await mpc.update(supervisor, coach_mode=not coaching)

    run(story())


def on_tape(on: Any, recording: str) -> set[str]:
    tape = on.exchange.state.tapes[RecordingId(recording)]
    return {*tape.left, *tape.right}
