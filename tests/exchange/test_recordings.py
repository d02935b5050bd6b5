"""The names of recordings' files, and what is known of recordings."""

from __future__ import annotations

from pathlib import Path

import pytest

from switchhook.core.ids import RoomId
from switchhook.exchange.recordings import Recorded, Recordings
from switchhook.lab.stage import Line, Stage
from switchhook.lab.virtual_time import in_virtual_time
from tests.stories.common import ACCOUNT, settings

ID = "6f1c1f2e-6c1b-4f52-9c55-9d3b1c0f7a10"


async def talking(stage: Stage) -> tuple[Line, Line]:
    customer = stage.phone("+14155550123").calls("+14155550100")
    agent = await stage.phone("1001").rings()
    agent.answers()
    await stage.settled()
    return customer, agent


@in_virtual_time
async def test_a_recording_is_known_while_it_runs_and_when_it_has_finished() -> None:
    async with Stage(settings(media={"recordings": "/var/tapes"})) as stage:
        known: Recordings = stage.exchange.recordings
        customer, agent = await talking(stage)
        began = stage.now
        running = known.start(ACCOUNT, room=next(iter(stage.exchange.state.rooms)), cause="test")
        assert running is not None
        assert known.find(running.id) == running
        assert (running.finished, running.has_file, running.ended_at) == (False, False, began)
        assert running.path == Path("/var/tapes") / ACCOUNT / f"{running.id}.wav"
        (tape,) = stage.media.recordings
        assert (tape.path, tape.left, tape.right) == (str(running.path), (customer.leg,), (agent.leg,))
        await stage.passes(2.5)
        customer.hangs_up()
        await stage.passes(0.1)
        ended = known.find(running.id)
        assert ended is not None
        assert (ended.finished, ended.has_file, ended.duration_ms) == (True, True, 2500)
        assert ended.ended_at == pytest.approx(began + 2.5)
        lines = [entry for entry in stage.entries if entry.kind.startswith("Recording")]
        assert [entry.kind for entry in lines] == ["RecordingStarted", "RecordingFinished"]
        assert {entry.call for entry in lines} == {stage.exchange.calls.of(customer.leg)}


@in_virtual_time
async def test_what_cannot_be_recorded_is_a_warning() -> None:
    async with Stage(settings()) as stage:
        customer, agent = await talking(stage)
        room = next(iter(stage.exchange.state.rooms))
        assert stage.exchange.recordings.start("../up", room=room) is None
        agent.hangs_up()
        customer.hangs_up()
        await stage.passes(1)
        assert stage.exchange.recordings.start(ACCOUNT, room=room) is None
        assert stage.exchange.recordings.start(ACCOUNT, follow=customer.leg) is None
        assert not stage.media.recordings
        assert len([entry for entry in stage.entries if entry.kind == "Warning"]) == 3


@pytest.mark.parametrize(
    ("account", "recording"),
    [
        ("..", ID),
        ("", ID),
        ("a/b", ID),
        ("a\\b", ID),
        (ACCOUNT, "../" + ID),
        (ACCOUNT, ID + "/.."),
        (ACCOUNT, ID + "\n"),
        (ACCOUNT, ID.upper()),
        (ACCOUNT, ""),
        (ACCOUNT, ".."),
        (ACCOUNT, ID[:-1]),
        (ACCOUNT, f"{ID}\0"),
    ],
)
def test_what_is_spelled_like_neither_account_nor_id_has_no_path(account: str, recording: str) -> None:
    @in_virtual_time
    async def story() -> None:
        async with Stage(settings()) as stage:
            assert stage.exchange.recordings.path(ACCOUNT, ID) is not None
            assert stage.exchange.recordings.path(account, recording) is None

    story()


@in_virtual_time
async def test_a_pause_is_cut_out_and_the_end_is_told_once() -> None:
    async with Stage(settings()) as stage:
        known = stage.exchange.recordings
        customer, agent = await talking(stage)
        began, told = stage.now, list[Recorded]()
        running = known.start(ACCOUNT, follow=customer.leg, mono=True, wanted_format="mp3", ended=told.append)
        assert running is not None
        assert known.running(leg=customer.leg) == (running,)
        assert known.running(leg=agent.leg) == known.running(room=RoomId("none")) == ()
        (stated,) = stage.media.recordings
        assert (stated.left, stated.right, stated.stereo) == ((customer.leg, agent.leg), (), False)
        await stage.passes(2)
        assert known.pause(running.id)
        assert stage.media.recordings[0].paused
        await stage.passes(3)
        assert known.pause(running.id, on=False)
        await stage.passes(4)
        assert known.pause(running.id)
        await stage.passes(5)
        assert not told
        assert known.stop(running.id)
        await stage.passes(0.1)
        (ended,) = told
        assert (ended.duration_ms, ended.wanted_format, ended.leg) == (6000, "mp3", customer.leg)
        assert ended.ended_at == pytest.approx(began + 9)
        assert known.find(running.id) == ended
        assert not known.stop(running.id)
        assert not known.pause(running.id)
        assert known.running(leg=customer.leg) == ()


@in_virtual_time
async def test_the_longest_time_counts_what_is_in_the_file() -> None:
    async with Stage(settings()) as stage:
        customer, _ = await talking(stage)
        told: list[Recorded] = []
        recordings = stage.exchange.recordings
        running = recordings.start(ACCOUNT, follow=customer.leg, max_s=5, ended=told.append)
        assert running is not None
        await stage.passes(1)
        recordings.pause(running.id)
        await stage.passes(60)
        recordings.pause(running.id, on=False)
        await stage.passes(3.9)
        assert not told
        await stage.passes(0.2)
        assert [each.duration_ms for each in told] == [5000]
        assert recordings.url(told[0]).endswith(f"/v1/Account/{ACCOUNT}/Recording/{running.id}.wav")
