"""Each argument of a participant does what it says, given to the API or in a document; the page lists all of them."""

from __future__ import annotations

from typing import Any

import pytest

from switchhook.dialects.plivo.coverage import ABSENT, lines
from switchhook.dialects.plivo.mpc.coverage import ADD
from switchhook.dialects.plivo.mpc.shapes import add_participant
from switchhook.lab.stage import MUSIC
from switchhook.lab.virtual_time import in_virtual_time, run
from tests.dialects.plivo.common import APP, World, stage
from tests.dialects.plivo.mpc.common import QUIET, Mpc
from tests.dialects.plivo.test_coverage import Asked

SECOND, THIRD = "+14155550124", "+14155550125"


@in_virtual_time
async def test_mute_keys_and_the_end_with_one() -> None:
    async with stage() as on:
        mpc = Mpc(World(on))
        customer = await mpc.comes("", "<Speak>over</Speak>")
        second = await mpc.comes(caller=SECOND)
        agent = await mpc.agent(mute=True, end_mpc_on_exit="true", relay_dtmf_inputs=True, send_digits="12")
        assert customer.hears == {SECOND}
        assert on.media.digits_sent(agent.leg) == "12"
        await mpc.update(agent, mute=False)
        agent.presses("7")
        await on.settled()
        assert on.media.digits_sent(customer.leg) == on.media.digits_sent(second.leg) == "7"
        agent.hangs_up()
        await on.settled()
        assert customer.hears == {"speak:en-US:WOMAN:over"}
        listed = (await mpc.world.api("GET", "MultiPartyCall/")).json()["objects"][0]
        assert (listed["status"], listed["termination_cause_code"]) == ("Ended", 1000)


@in_virtual_time
async def test_the_first_decides_about_the_whole() -> None:
    async with stage() as on:
        mpc = Mpc(World(on))
        wait = mpc.world.page("/wait", "<Speak>wait</Speak>")
        more: dict[str, Any] = {"max_duration": 600, "max_participants": "2"}
        more |= {"wait_music_url": wait, "wait_music_method": "POST"}
        agent = await mpc.agent(start_mpc_on_enter=False, stay_alone=True, **more)
        assert agent.hears == {"speak:en-US:WOMAN:wait"}
        assert on.web.to(wait)[0].method == "POST"
        second = await mpc.agent("1002", max_duration=28_800, max_participants=10, stay_alone=True)
        assert second.hears == {"1001"}
        assert (await mpc.add("1003")).status_code == 409
        await on.passes(590)
        assert agent.over is None
        await on.passes(10)
        assert agent.over is not None
        listed = (await mpc.world.api("GET", "MultiPartyCall/")).json()["objects"][0]
        assert listed["termination_cause"] == "Max Duration Reached"


@in_virtual_time
async def test_recording_by_arguments() -> None:
    async with stage() as on:
        mpc = Mpc(World(on))
        start, stop = mpc.world.page("/start", "<Speak>starts</Speak>"), mpc.world.page("/stop", "<Speak>stops</Speak>")
        await mpc.agent(
            record="true", record_participant_track=True, record_min_member_count=2, record_file_format="wav",
            recording_callback_url=f"{APP}/rec", recording_callback_method="POST", start_recording_audio=start,
            stop_recording_audio=stop, start_recording_audio_method="POST", stop_recording_audio_method="POST",
        )  # fmt: skip
        assert mpc.events("/rec") == ["MPCRecordingInitiated"]  # the agent's own
        second = await mpc.agent("1002")
        assert mpc.events("/rec") == ["MPCRecordingInitiated"] * 3
        assert second.hears == {"1001", "speak:en-US:WOMAN:starts"}
        await on.passes(5)
        assert (await mpc.api("DELETE", "Record/")).status_code == 204
        assert second.hears == {"1001", "speak:en-US:WOMAN:stops"}
        assert {hook.method for hook in (*on.web.to(f"{APP}/rec"), *on.web.to(start), *on.web.to(stop))} == {"POST"}
        wanted = [on.exchange.recordings.find(tape) for tape in on.exchange.state.tapes]
        assert {each.wanted_format for each in wanted if each is not None} == {"wav"}


METHODS = {
    "wait_music_url": "wait_music_method",
    "agent_hold_music_url": "agent_hold_music_method",
    "customer_hold_music_url": "customer_hold_music_method",
    "confirm_key_sound_url": "confirm_key_sound_method",
    "enter_sound": "enter_sound_method",
    "exit_sound": "exit_sound_method",
    "start_recording_audio": "start_recording_audio_method",
    "stop_recording_audio": "stop_recording_audio_method",
    "status_callback_url": "status_callback_method",
    "recording_callback_url": "recording_callback_method",
    "call_status_callback_url": "call_status_callback_method",
    "on_exit_action_url": "on_exit_action_method",
}
POSTED = {"call_status_callback_url", "on_exit_action_url"}


@pytest.mark.parametrize("url", list(METHODS))
@pytest.mark.parametrize("method", ["", "get", "POST"])
def test_the_method_of_each_url(url: str, method: str) -> None:
    async def story() -> None:
        async with stage() as on:
            mpc = Mpc(World(on))
            address = mpc.world.page("/asked", "<Speak>x</Speak>")
            extra = {METHODS[url]: method} if method else {}
            agent = await mpc.agent(record=True, **{url: address, **extra})
            await on.passes(3)
            await mpc.kick(agent)
            await on.passes(1)
            asked = {hook.method for hook in on.web.to(address)}
            assert asked == {method.upper() or ("POST" if url in POSTED else "GET")}

    run(story())


@pytest.mark.parametrize(
    "attributes",
    [
        "waitMusicUrl='{}' waitMusicMethod='POST'",
        "agentHoldMusicUrl='{}' agentHoldMusicMethod='POST'",
        "customerHoldMusicUrl='{}' customerHoldMusicMethod='POST'",
        "startRecordingAudio='{}' startRecordingAudioMethod='POST'",
        "stopRecordingAudio='{}' stopRecordingAudioMethod='POST'",
        "enterSound='{}' enterSoundMethod='POST' exitSound='none'",
        "exitSound='{}' exitSoundMethod='POST' enterSound='none'",
        "recordingCallbackUrl='{}' recordingCallbackMethod='POST' recordFileFormat='wav'",
        "recordingCallbackUrl='{}'",
        "statusCallbackUrl='{}' statusCallbackMethod='POST'",
        "statusCallbackUrl='{}'",
        "onExitActionUrl='{}'",
    ],
)
def test_methods_in_documents(attributes: str) -> None:
    """Also of URLs that are relative to the document's own."""

    async def story() -> None:
        async with stage() as on:
            mpc = Mpc(World(on))
            address = mpc.world.page("/asked", "<Speak>x</Speak>")
            given = f"record='true' {attributes.format('/asked')}"
            await mpc.world.arrives(f"<MultiPartyCall role='agent' {given}>desk</MultiPartyCall>")
            await mpc.api("DELETE")
            await on.passes(1)
            assert {hook.method for hook in on.web.to(address)} == {"POST"}

    run(story())


@in_virtual_time
async def test_hold_music_in_documents() -> None:
    async with stage() as on:
        mpc = Mpc(World(on))
        one, two = mpc.world.page("/one", "<Speak>one</Speak>"), mpc.world.page("/two", "<Speak>two</Speak>")
        agent = await mpc.comes(f"agentHoldMusicUrl='{one}' customerHoldMusicUrl='{two}' hold='true'", role="agent")
        customer = await mpc.comes("hold='true'", caller=SECOND)
        assert (agent.hears, customer.hears) == ({"speak:en-US:WOMAN:one"}, {"speak:en-US:WOMAN:two"})
        assert on.web.to(one)[0].method == "GET"


@in_virtual_time
async def test_what_cannot_be_used_is_warned_about() -> None:
    async with stage() as on:
        mpc = Mpc(World(on))
        element = (
            f"<MultiPartyCall role='customer' {QUIET} maxDuration='7' maxParticipants='99' statusCallbackEvents='x' "
            "statusCallbackUrl='ftp://x' statusCallbackMethod='PUT' recordFileFormat='ogg' transcript='true' "
            "waitTime='1801' aiAgentStreamServiceUrl='wss://x'>desk<Speak>no</Speak></MultiPartyCall>"
        )
        line = await mpc.world.arrives(element)
        assert line.hears == {MUSIC}
        told = "\n".join(mpc.world.warnings)
        for word in (
            "maxDuration", "maxParticipants", "statusCallbackEvents", "ftp://x", "recordFileFormat", "transcript",
            "waitTime", "aiAgentStreamServiceUrl", "Speak",
        ):  # fmt: skip
            assert word in told, word


@in_virtual_time
async def test_callbacks_of_several_participants() -> None:
    """Of the call itself everybody is told; of a participant its own URL, else the first there is."""
    async with stage() as on:
        mpc = Mpc(World(on))
        on.web.on(f"{APP}/two", "")
        await mpc.comes(f"statusCallbackUrl='{APP}/mpc'")
        await mpc.comes(f"statusCallbackUrl='{APP}/two' statusCallbackEvents='mpc-state-changes'", caller=SECOND)
        await mpc.comes(caller=THIRD)
        await mpc.api("DELETE")
        assert mpc.events("/two") == ["MPCEnd"]
        joins = [hook["MemberID"] for hook in mpc.world.hooks("/mpc") if hook["EventName"] == "ParticipantJoin"]
        assert joins == ["1", "3"]
        assert mpc.events()[-1] == "MPCEnd"


def test_every_argument_that_is_read_is_on_the_page() -> None:
    given: dict[str, Any] = {
        "role": "agent",
        "from": "1",
        "to": "2",
        "dial_music": "http://a",
        "enter_sound": "http://a",
    }
    named = (url for url in METHODS if "hold_music" not in url)  # these have two names each
    links = dict.fromkeys(named, "http://a/b")
    asked = Asked({**given, **links})
    add_participant(asked)
    page = [line for line in lines() if line.section == ADD]
    listed = {part for line in page if line.state != ABSENT for part in line.part.split(", ")}
    read = {name for name in asked.names if not name.endswith("_method")}
    assert listed - {"callback_url", "callback_method", "the _method of each URL", "on_exit_action_method"} == read
