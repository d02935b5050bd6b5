"""What is said in finished recordings, told to whoever asked for it (plivo-voice-api 7.6, plivo-xml 2.4)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from switchhook.core.errors import Unavailable
from switchhook.dialects.plivo.transcripts import LONGEST_S
from switchhook.exchange.recognising import HttpRecogniser, OnInterim, Recognised, Wanted
from switchhook.lab.stage import Line, Stage, StageWeb
from switchhook.lab.virtual_time import in_virtual_time
from tests.dialects.plivo.common import APP, World, stage
from tests.dialects.plivo.mpc.common import Mpc
from tests.dialects.plivo.test_get_input import Ear

WORDS = f"{APP}/text"
SAID = b"\1\0" * 50_000


class Scribe(Ear):
    """Remembers what audio it was given."""

    def __init__(self, *said: Recognised | Unavailable) -> None:
        super().__init__(*said)
        self.audio = b""

    async def recognise(
        self, audio: AsyncIterator[bytes], wanted: Wanted, interim: OnInterim | None = None
    ) -> Recognised:
        self.audio = b"".join([piece async for piece in audio])
        self.wanted.append(wanted)
        found = self.said.pop(0)
        if isinstance(found, Unavailable):
            raise found
        return found


def hired(on: Stage, *said: Recognised | Unavailable) -> tuple[World, Scribe]:
    """A world with a recogniser; the stage's recordings have no files, so what is in them is said here."""
    scribe, world = Scribe(*said), World(on)
    on.dialects["plivo"].transcripts.recogniser = scribe

    def read(path: Path) -> Iterator[bytes]:
        for at in range(0, len(SAID), 320):
            yield SAID[at : at + 320]

    on.exchange.recordings.read_with(read)
    world.page("/text")
    return world, scribe


async def recorded(world: World, attributes: str = "") -> Line:
    line = await world.arrives(
        f'<Record playBeep="false" fileFormat="wav" transcriptionUrl="{WORDS}" {attributes}/>', "<Wait length='60'/>"
    )
    await world.stage.passes(2)
    line.presses("#")
    await world.stage.passes(0.5)
    return line


@in_virtual_time
async def test_what_a_caller_said_is_told() -> None:
    async with stage() as on:
        world, scribe = hired(on, Recognised("please call me back", 0.9))
        line = await recorded(world)
        told = world.one("/text")
        recording = told.pop("recording_id")
        assert on.exchange.recordings.find(recording) is not None
        assert told == {
            "transcription": "please call me back",
            "transcription_charge": "0.00000",
            "transcription_rate": "0.00000",
            "duration": "2",
            "call_uuid": line.leg,
            "error": "",
        }
        assert scribe.audio == SAID
        assert world.warnings == []


@in_virtual_time
async def test_by_get_where_the_method_says_so() -> None:
    async with stage() as on:
        world, _ = hired(on, Recognised("yes"))
        await recorded(world, 'transcriptionMethod="GET"')
        assert [hook.method for hook in on.web.to(WORDS)] == ["GET"]
        assert "transcription=yes" in on.web.to(WORDS)[0].url


@in_virtual_time
async def test_a_recogniser_that_fails_is_told_without_its_reasons() -> None:
    async with stage() as on:
        world, _ = hired(on, Unavailable("the recogniser at ws://10.0.0.1/ is full"))
        await recorded(world)
        told = world.one("/text")
        assert (told["transcription"], told["error"]) == ("", "the recording could not be transcribed")
        assert any("is full" in warning for warning in world.warnings)


@in_virtual_time
async def test_a_recording_that_is_too_long_is_not_given_to_it() -> None:
    async with stage() as on:
        world, scribe = hired(on)
        line = await world.arrives(
            f'<Record recordSession="true" maxLength="{LONGEST_S + 5}" transcriptionUrl="{WORDS}"/>',
            "<Wait length='60'/>" * 70,
        )
        await on.passes(LONGEST_S + 6)
        assert f"more than {LONGEST_S} s" in world.one("/text")["error"]
        assert scribe.wanted == []
        line.hangs_up()


@in_virtual_time
async def test_of_a_recording_by_api() -> None:
    async with stage() as on:
        world, _ = hired(on, Recognised("hello agent"))
        line = await world.arrives("<Speak>speak</Speak>", "<Wait length='60'/>")
        asked = {"transcription_type": "auto", "transcription_url": WORDS, "file_format": "wav"}
        answer = await world.api("POST", f"Call/{line.leg}/Record/", asked)
        assert answer.status_code == 202
        await on.passes(3)
        await world.api("DELETE", f"Call/{line.leg}/Record/")
        await on.passes(0.5)
        told = world.one("/text")
        assert (told["transcription"], told["call_uuid"], told["duration"]) == ("hello agent", line.leg, "3")
        assert told["recording_id"] == answer.json()["recording_id"]
        assert told["api_id"] == answer.json()["api_id"]
        assert world.warnings == []


@in_virtual_time
async def test_of_a_conference_by_api_and_by_document() -> None:
    async with stage() as on:
        world, _ = hired(on, Recognised("first"), Recognised("second"))
        lines = [
            await world.arrives(
                f'<Conference record="true" recordFileFormat="wav" transcriptionUrl="{WORDS}">room</Conference>',
                caller=f"+1415555020{n}",
            )
            for n in (1, 2)
        ]
        answer = await world.api("POST", "Conference/room/Record/", {"transcription_url": WORDS, "file_format": "wav"})
        await on.passes(2)
        await world.api("DELETE", "Conference/room/Record/")
        for line in lines:
            line.hangs_up()
        await on.passes(0.5)
        told = {hook["transcription"]: hook for hook in world.hooks("/text")}
        assert set(told) == {"first", "second"}
        assert {hook["conference_name"] for hook in told.values()} == {"room"}
        assert answer.json()["recording_id"] in {hook["recording_id"] for hook in told.values()}


@in_virtual_time
async def test_of_a_multi_party_call_unless_transcript_is_false() -> None:
    async with stage() as on:
        world, _ = hired(on, Recognised("one"), Recognised("two"))
        mpc = Mpc(world)
        await mpc.comes(f'record="true" recordFileFormat="wav" transcript="true" transcriptionUrl="{WORDS}"')
        await mpc.agent()
        await on.passes(2)
        assert (await mpc.api("DELETE", "Record/")).status_code == 204
        await on.passes(0.5)
        first = world.one("/text")
        assert (first["transcription"], first["mpc_name"]) == ("one", "desk")
        others = Mpc(world, "other")
        await others.comes(f'record="true" transcript="false" transcriptionUrl="{WORDS}"', caller="+14155550188")
        line = await others.agent("1002")
        member = (await others.member(line))["member_id"]
        asked = {"transcription_url": WORDS, "transcript": True, "file_format": "wav"}
        assert (await others.api("POST", f"Participant/{member}/Record/", asked)).status_code == 202
        await on.passes(1)
        assert (await others.api("DELETE", f"Participant/{member}/Record/")).status_code == 204
        assert (await others.api("DELETE", "Record/")).status_code == 204
        await on.passes(2)
        assert [hook["transcription"] for hook in world.hooks("/text")] == ["one", "two"]
        assert world.hooks("/text")[1]["call_uuid"] == line.leg


@in_virtual_time
@pytest.mark.parametrize("bad", [{"transcription_url": "words"}, {"transcription_url": True}, {"transcript": "maybe"}])
async def test_bad_arguments_of_a_multi_party_call(bad: dict[str, Any]) -> None:
    async with stage() as on:
        mpc = Mpc(World(on))
        await mpc.comes()
        await mpc.agent()
        assert (await mpc.api("POST", "Record/", bad)).status_code == 400
        assert (await mpc.add("1002", **bad)).status_code == 400
        assert on.media.recordings == ()


@in_virtual_time
async def test_a_recognisers_key_is_in_no_sentence() -> None:
    async def samples() -> AsyncIterator[bytes]:
        yield b"\0\0"

    recogniser = HttpRecogniser("http://me:secret@ears.test/hear?key=hidden", StageWeb(lambda: 0.0), 5.0)
    with pytest.raises(Unavailable) as failed:
        await recogniser.recognise(samples(), Wanted())
    assert "ears.test/hear" in str(failed.value)
    assert "hidden" not in str(failed.value)
    assert "secret" not in str(failed.value)
