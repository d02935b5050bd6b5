"""Record: what a caller says, or the whole call (plivo-xml 2.4)."""

from __future__ import annotations

from pathlib import Path

import pytest
from plivo import plivoxml

from switchhook.exchange.archive import MemoryArchive
from switchhook.lab.stage import Line, Stage
from switchhook.lab.virtual_time import in_virtual_time, run
from tests.dialects.plivo.common import ACCOUNT, APP, SIP, World, stage

URLS = f'action="{APP}/done" callbackUrl="{APP}/file"'
BEEP_S = 0.2


async def recording(on: Stage, attributes: str = URLS, *after: str) -> tuple[World, Line]:
    """A caller has heard the beep of a Record and is recorded."""
    world = World(on)
    world.page("/done", "<Speak>thanks</Speak>", "<Wait length='60'/>")
    world.page("/file")
    line = await world.arrives(f"<Record {attributes}/>", *(after or ("<Wait length='60'/>",)))
    assert line.up
    assert line.hears == {"builtin:beep"}
    assert on.media.recordings == ()
    await on.passes(BEEP_S)
    assert line.hears == set()
    return world, line


@in_virtual_time
async def test_a_key_ends_it_and_both_urls_are_told() -> None:
    async with stage() as on:
        world, line = await recording(on)
        tape = on.media.recordings[0]
        assert (tape.left, tape.right) == ((line.leg,), ())
        assert tape.max_ms == 60_000
        line.talks()
        await on.passes(3)
        line.presses("5")
        await on.passes(1)
        assert world.hooks("/done") == []  # only # ends it
        line.presses("#")
        await on.passes(0.1)
        told = world.one("/done")
        assert told["Digits"] == "#"
        assert told["RecordUrl"] == f"{on.settings.public_url}/v1/Account/{ACCOUNT}/Recording/{told['RecordingID']}.wav"
        assert (told["RecordingDuration"], told["RecordingDurationMs"]) == ("4", "4000")
        assert int(told["RecordingEndMs"]) - int(told["RecordingStartMs"]) == 4000
        assert told["Event"] == "Redirect"
        file = world.one("/file")
        assert file["Event"] == "RecordStop"
        assert {name: file[name] for name in told if name.startswith("Record")} == {
            name: value for name, value in told.items() if name.startswith("Record")
        }
        assert "Digits" not in file
        assert line.hears == {"speak:en-US:WOMAN:thanks"}
        assert on.media.recordings == ()
        assert on.exchange.state.legs[line.leg].listeners == ()


@in_virtual_time
async def test_nobody_waits_in_silence_until_an_mp3_is_made() -> None:
    async with stage() as on:
        made: list[str] = []

        def to_mp3(source: Path, target: Path) -> None:
            made.append(target.suffix)

        on.exchange.recordings.keep_in(MemoryArchive(), to_mp3)
        world, line = await recording(on)
        await on.passes(2)
        line.presses("#")
        await on.passes(1)
        told, file = world.one("/done"), world.one("/file")
        assert told["RecordUrl"] == file["RecordUrl"]
        assert told["RecordUrl"].endswith(".mp3")
        assert (told["RecordingDuration"], told["RecordingEndMs"]) == ("2", file["RecordingEndMs"])
        order = [hook.url for hook in on.web.hooks]
        assert order.index(f"{APP}/done") < order.index(f"{APP}/file")
        assert made == [".mp3"]


@in_virtual_time
async def test_silence_ends_it() -> None:
    async with stage() as on:
        world, line = await recording(on, URLS + ' timeout="5"')
        line.talks()
        await on.passes(7)
        line.talks(False)
        await on.passes(3)
        line.talks()
        await on.passes(1)
        line.talks(False)
        await on.passes(4.9)
        assert world.hooks("/done") == []
        await on.passes(0.2)
        told = world.one("/done")
        assert (told["RecordingDuration"], told["Digits"]) == ("16", "")


@in_virtual_time
async def test_who_says_nothing_is_silent_from_the_beginning() -> None:
    async with stage() as on:
        world, _ = await recording(on)
        await on.passes(14.9)
        assert world.hooks("/done") == []
        await on.passes(0.2)
        assert world.one("/done")["RecordingDurationMs"] == "15000"


@in_virtual_time
async def test_the_longest_time_ends_it() -> None:
    async with stage() as on:
        world, line = await recording(on, URLS + ' maxLength="8"')
        line.talks()
        await on.passes(8.1)
        assert world.one("/done")["RecordingDurationMs"] == "8000"


@in_virtual_time
async def test_a_hangup_ends_it_and_is_told_with_the_file() -> None:
    async with stage() as on:
        world, line = await recording(on)
        line.talks()
        await on.passes(2)
        line.hangs_up()
        await on.passes(1)
        assert world.one("/done")["RecordingDurationMs"] == "2000"
        assert world.one("/done")["CallStatus"] == "completed"
        assert world.one("/file")["RecordingDurationMs"] == "2000"
        assert [path for path in world.paths() if path in ("/hangup", "/done")] == ["/hangup", "/done"]
        assert on.nothing_left()


@in_virtual_time
async def test_a_transfer_keeps_the_file_and_tells_no_action() -> None:
    async with stage() as on:
        world, line = await recording(on)
        await on.passes(2)
        world.page("/to", "<Speak>elsewhere</Speak>", "<Wait length='60'/>")
        await world.transfer(line, legs="aleg", aleg_url=f"{APP}/to")
        await on.passes(0.1)
        assert world.one("/file")["RecordingDurationMs"] == "2000"
        assert world.hooks("/done") == []
        assert line.hears == {"speak:en-US:WOMAN:elsewhere"}
        line.presses("#")
        await on.passes(20)
        assert world.hooks("/done") == []
        assert on.exchange.state.legs[line.leg].listeners == ()


@in_virtual_time
async def test_without_action_or_redirect_the_document_goes_on() -> None:
    async with stage() as on:
        after = ("<Speak>next</Speak>", "<Wait length='60'/>")
        world, line = await recording(on, f'callbackUrl="{APP}/file"', *after)
        line.presses("#")
        await on.passes(0.1)
        assert line.hears == {"speak:en-US:WOMAN:next"}
        assert len(world.hooks("/file")) == 1
    async with stage() as on:
        world, line = await recording(on, URLS + ' redirect="false"', *after)
        line.presses("#")
        await on.passes(0.1)
        assert line.hears == {"speak:en-US:WOMAN:next"}
        assert len(world.hooks("/done")) == 1


@pytest.mark.parametrize(
    ("keys", "ends"), [("none", ""), ("", ""), ("*9", "*9"), ("1234567890*#", "1234567890*#"), ("x", "#")]
)
def test_which_keys_end_it(keys: str, ends: str) -> None:
    async def story() -> None:
        for key in "0123456789*#":
            async with stage() as on:
                world, line = await recording(on, f'{URLS} finishOnKey="{keys}"')
                line.presses(key)
                await on.passes(0.1)
                assert len(world.hooks("/done")) == (key in ends)

    run(story())


@in_virtual_time
async def test_any_key_ends_it_where_the_server_is_told_so() -> None:
    async with stage(plivo={"record_any_key": True}) as on:
        world, line = await recording(on)
        line.presses("4")
        await on.passes(0.1)
        assert world.one("/done")["Digits"] == "4"


@in_virtual_time
async def test_without_a_beep_it_begins_at_once() -> None:
    async with stage() as on:
        world = World(on)
        line = await world.arrives('<Record playBeep="false"/>', "<Wait/>")
        assert line.up
        assert line.hears == set()
        assert len(on.media.recordings) == 1


# --- in the background ----------------------------------------------------------------------------------------------


@in_virtual_time
async def test_the_whole_call_is_recorded_beside_its_document() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/done")
        world.page("/file")
        line = await world.arrives(
            f'<Record recordSession="true" redirect="false" maxLength="600" {URLS}/>',
            f"<Dial><User>sip:1001@{SIP}</User></Dial>",
        )
        told = world.one("/done")
        assert (told["RecordingDuration"], told["RecordingDurationMs"], told["RecordingEndMs"]) == ("-1", "-1", "-1")
        assert told["RecordUrl"].endswith(f"/Recording/{told['RecordingID']}.wav")
        assert line.up
        agent = await on.phone("1001").rings()
        agent.answers()
        await on.settled()
        tape = on.media.recordings[0]
        assert (tape.left, tape.right, tape.stereo, tape.max_ms) == ((line.leg,), (agent.leg,), True, 600_000)
        assert world.hooks("/file") == []
        world.page("/to", "<Wait length='60'/>")
        await on.passes(9)
        await world.transfer(line, legs="aleg", aleg_url=f"{APP}/to")
        assert on.media.recordings[0].right == ()  # it goes on through a transfer
        line.hangs_up()
        await on.passes(1)
        assert world.one("/file")["RecordingID"] == told["RecordingID"]
        assert len(world.hooks("/done")) == 1


@in_virtual_time
async def test_it_is_cut_after_sixty_seconds_where_nothing_else_is_said() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/file")
        await world.arrives(f'<Record recordSession="true" callbackUrl="{APP}/file"/>', "<Wait length='100'/>")
        await on.passes(61)
        assert world.one("/file")["RecordingDurationMs"] == "60000"


@in_virtual_time
async def test_a_redirecting_action_goes_on_at_once() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/done", "<Speak>next</Speak>", "<Wait length='60'/>")
        line = await world.arrives(f'<Record recordSession="true" action="{APP}/done"/>', "<Speak>never</Speak>")
        assert line.hears == {"speak:en-US:WOMAN:next"}
        assert len(on.media.recordings) == 1


@in_virtual_time
async def test_one_channel_for_both() -> None:
    async with stage() as on:
        world = World(on)
        await world.arrives('<Record recordSession="true" recordChannelType="mono"/>', "<Wait length='60'/>")
        assert on.media.recordings[0].stereo is False


@in_virtual_time
async def test_it_begins_when_a_dial_connects() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/done")
        world.page("/file")
        line = await world.arrives(
            f'<Record startOnDialAnswer="true" redirect="false" {URLS}/>',
            f"<Dial><User>sip:1001@{SIP}</User></Dial>",
        )
        agent = await on.phone("1001").rings()
        assert on.media.recordings == ()
        agent.answers()
        await on.settled()
        tape = on.media.recordings[0]
        assert (tape.left, tape.right) == ((line.leg,), (agent.leg,))
        assert tape.id == world.one("/done")["RecordingID"]
        await on.passes(4)
        agent.hangs_up()
        await on.passes(1)
        assert world.one("/file")["RecordingID"] == tape.id


@in_virtual_time
async def test_a_dial_that_never_connects_records_nothing() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/done")
        world.page("/file")
        line = await world.arrives(
            f'<Record startOnDialAnswer="true" {URLS} redirect="false"/>',
            f"<Dial timeout='5'><User>sip:1001@{SIP}</User></Dial>",
        )
        told = world.one("/done")
        assert told["RecordUrl"].endswith(f"/Recording/{told['RecordingID']}.wav")
        assert (told["RecordingDuration"], told["RecordingStartMs"]) == ("-1", "-1")
        await on.passes(7)
        assert line.over is not None
        assert world.hooks("/file") == []
        assert on.media.recordings == ()


@in_virtual_time
async def test_without_a_recogniser_that_is_reported() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/text")
        line = await world.arrives(f'<Record playBeep="false" transcriptionUrl="{APP}/text"/>', "<Wait/>")
        await on.passes(2)
        line.presses("#")
        await on.passes(0.1)
        told = world.one("/text")
        assert told["error"] == "transcription is not available"
        assert (told["transcription"], told["call_uuid"], told["duration"]) == ("", line.leg, "2")
        assert any("transcri" in warning for warning in world.warnings)


@in_virtual_time
async def test_as_the_official_sdk_writes_it() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/done", "<Wait/>")
        world.page("/file")
        response = plivoxml.ResponseElement()
        response.add(
            plivoxml.RecordElement(
                action=f"{APP}/done", method="GET", file_format="wav", redirect=True, timeout=5, max_length=30,
                play_beep=False, finish_on_key="*", record_session=False, start_on_dial_answer=False,
                callback_url=f"{APP}/file", callback_method="GET", record_channel_type="mono",
            )
        )  # fmt: skip
        on.web.on(f"{APP}/answer", response.to_string())
        line = on.phone("+14155550123").calls("+14155550100")
        await on.passes(1)
        line.presses("*")
        await on.passes(0.1)
        assert world.one("/done")["Digits"] == "*"
        assert on.web.to(f"{APP}/file")[0].method == "GET"
        assert not world.warnings
