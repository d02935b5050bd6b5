"""The official packages, Python's and Node's, do things to live calls and conferences on a live server."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import plivo
import pytest
from plivo import plivoxml
from plivo.exceptions import ResourceNotFoundError

from switchhook.lab.stage import Line
from tests.dialects.plivo.common import ACCOUNT, NUMBER, TOKEN
from tests.sdks.nodejs import HERE, node_modules
from tests.sdks.test_plivo_calls import CUSTOMER, Live, on_a_live_server

pytestmark = pytest.mark.slow

TONES = "http://127.0.0.1:9/none.wav"  # nobody is there; the sound ends with a warning
LONG = "hello " * 400


def spoken(line: Line) -> list[str]:
    return [heard.rpartition(":")[2].split()[0] for heard in line.hears if heard.startswith("speak:")]


class Node:
    """The npm package in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def __call__(self, call: str, *arguments: Any) -> dict[str, Any]:
        """Does one operation and returns what the package made of it, `ok` or `error`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"call": call, "with": arguments}).encode() + b"\n")
        line = await self._process.stdout.readline()
        assert line, "the node process has ended"
        found = json.loads(line)
        assert isinstance(found, dict)
        return found

    async def ok(self, call: str, *arguments: Any) -> Any:
        """Does one operation that must succeed."""
        found = await self(call, *arguments)
        assert "ok" in found, (call, found)
        return found["ok"]


@asynccontextmanager
async def node() -> AsyncIterator[Node]:
    base = plivo.rest.client.API_VOICE_BASE_URI.removesuffix("/v1/Account")
    process = await asyncio.create_subprocess_exec(
        *("node", str(HERE / "plivo.js"), base, ACCOUNT, TOKEN),
        env={**os.environ, "SDK_MODULES": str(node_modules())},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield Node(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


async def three(on: Live) -> tuple[Line, Line, Line]:
    """Three callers in one conference."""
    room = plivoxml.ConferenceElement("big room", callback_url=f"{on.app.base}/conf")
    on.app.page("/answer", room, plivoxml.WaitElement(length=60))
    lines = []
    for caller in (CUSTOMER, "+14155550124", "+14155550125"):
        lines.append(on.stage.phone(caller).calls(NUMBER))
        await on.until(lambda: lines[-1].up)
    await on.until(lambda: len(lines[0].hears) == 2)
    return lines[0], lines[1], lines[2]


# --- Python ---------------------------------------------------------------------------------------------------------


@on_a_live_server
async def test_python_plays_speaks_presses_and_records(on: Live) -> None:
    customer, agent = await on.in_dial()
    calls, uuid = on.client.calls, customer.leg
    answer = await on.sdk(lambda: calls.play(uuid, [TONES], length=5, legs="both", loop=True, mix=False))
    assert answer.message == "play started"
    assert await on.sdk(lambda: calls.play_stop(uuid)) is None
    answer = await on.sdk(lambda: calls.speak(uuid, LONG, voice="MAN", language="en-GB", legs="bleg", loop=True))
    assert answer.message == "speak started"
    assert spoken(agent) == ["hello"]
    assert customer.hears == {"1001"}
    assert await on.sdk(lambda: calls.speak_stop(uuid)) is None
    assert agent.hears == {CUSTOMER}
    answer = await on.sdk(lambda: calls.send_digits(uuid, "12#", leg="bleg"))
    assert answer.message == "digits sent"
    assert on.stage.media.digits_sent(agent.leg) == "12#"
    answer = await on.sdk(
        lambda: calls.record(
            uuid, time_limit=600, file_format="wav", record_channel_type="stereo", callback_url=f"{on.app.base}/rec"
        )
    )
    assert answer.message == "call recording started"
    assert answer.url.endswith(f"/{answer.recording_id}.wav")
    assert len(on.stage.media.recordings) == 1
    assert await on.sdk(lambda: calls.record_stop(uuid)) is None
    await on.until(lambda: on.app.to("/rec"))
    sent = on.app.to("/rec")[0]
    assert (sent["recording_id"], sent["call_uuid"], sent["api_id"]) == (answer.recording_id, uuid, answer.api_id)
    customer.hangs_up()
    for late in (
        lambda: calls.play(uuid, [TONES]),
        lambda: calls.speak(uuid, "hello"),
        lambda: calls.send_digits(uuid, "1"),
        lambda: calls.record(uuid),
    ):
        with pytest.raises(ResourceNotFoundError, match="not found"):
            await on.sdk(late)


@on_a_live_server
async def test_python_steers_a_conference(on: Live) -> None:
    ann, bob, cat = await three(on)
    rooms = on.client.conferences
    assert (await on.sdk(rooms.list)).conferences == ["big room"]
    room = await on.sdk(lambda: rooms.get("big room"))
    assert (room.conference_name, room.conference_member_count) == ("big room", "3")
    numbers = [member["member_id"] for member in room.members]
    assert [member["call_uuid"] for member in room.members] == [ann.leg, bob.leg, cat.leg]
    answer = await on.sdk(lambda: rooms.member_mute("big room", numbers[0]))
    assert (answer.message, answer.member_id) == ("muted", numbers[0])
    assert bob.hears == {cat.phone.name}
    await on.sdk(lambda: rooms.member_mute_stop("big room", numbers[0]))
    answer = await on.sdk(lambda: rooms.member_deaf("big room", ",".join(numbers[:2])))
    assert (answer.message, answer.member_id) == ("deaf", ",".join(numbers[:2]))
    assert ann.hears == bob.hears == set()
    await on.sdk(lambda: rooms.member_deaf_stop("big room", "all"))
    answer = await on.sdk(lambda: rooms.member_speak("big room", numbers[0], LONG, voice="WOMAN", language="en-US"))
    assert answer.message == "speak queued into conference"
    assert (spoken(ann), spoken(bob)) == (["hello"], [])
    await on.sdk(lambda: rooms.member_speak_stop("big room", numbers[0]))
    answer = await on.sdk(lambda: rooms.member_play("big room", "all", TONES))
    assert answer.message == "play queued into conference"
    await on.sdk(lambda: rooms.member_play_stop("big room", "all"))
    answer = await on.sdk(lambda: rooms.record("big room", file_format="wav", callback_url=f"{on.app.base}/rec"))
    assert answer.message == "conference recording started"
    await on.sdk(lambda: rooms.record_stop("big room"))
    await on.until(lambda: on.app.to("/rec"))
    assert on.app.to("/rec")[0]["conference_name"] == "big room"
    answer = await on.sdk(lambda: rooms.member_kick("big room", numbers[2]))
    assert answer.message == "kicked"
    assert (cat.hears, cat.over) == (set(), None)
    await on.sdk(lambda: rooms.member_hangup("big room", numbers[1]))
    assert bob.over is not None
    await on.sdk(lambda: rooms.delete("big room"))
    await on.until(lambda: ann.over is not None)
    with pytest.raises(ResourceNotFoundError, match="not found"):
        await on.sdk(lambda: rooms.get("big room"))
    await on.sdk(rooms.delete_all)


# --- Node -----------------------------------------------------------------------------------------------------------


@on_a_live_server
async def test_node_plays_speaks_presses_and_records(on: Live) -> None:
    customer, agent = await on.in_dial()
    uuid = customer.leg
    async with node() as js:
        answer = await js.ok("calls.playMusic", uuid, TONES, {"legs": "both", "loop": "true", "mix": "false"})
        assert answer["message"] == "play started"
        await js.ok("calls.stopPlayingMusic", uuid)
        answer = await js.ok("calls.speakText", uuid, LONG, {"legs": "bleg", "voice": "MAN", "language": "en-GB"})
        assert answer["message"] == "speak started"
        assert spoken(agent) == ["hello"]
        await js.ok("calls.stopSpeakingText", uuid)
        assert agent.hears == {CUSTOMER}
        assert (await js.ok("calls.sendDigits", uuid, "7*", {"leg": "bleg"}))["message"] == "digits sent"
        assert on.stage.media.digits_sent(agent.leg) == "7*"
        begun = await js.ok("calls.record", uuid, {"timeLimit": 600, "callbackUrl": f"{on.app.base}/rec"})
        assert begun["message"] == "call recording started"
        assert begun["recordingId"] in begun["url"]
        await js.ok("calls.stopRecording", uuid)
        await on.until(lambda: on.app.to("/rec"))
        assert on.app.to("/rec")[0]["recording_id"] == begun["recordingId"]
        customer.hangs_up()
        assert "not found" in (await js("calls.speakText", uuid, "hello", {}))["error"]


@on_a_live_server
async def test_node_steers_a_conference(on: Live) -> None:
    ann, bob, cat = await three(on)
    async with node() as js:
        assert (await js.ok("conferences.list"))["conferences"] == ["big room"]
        room = await js.ok("conferences.get", "big room")
        assert room["conferenceMemberCount"] == "3"
        numbers = [member["memberId"] for member in room["members"]]
        answer = await js.ok("conferences.muteMember", "big room", numbers[0])
        assert (answer["message"], answer["memberId"]) == ("muted", numbers[0])
        assert bob.hears == {cat.phone.name}
        await js.ok("conferences.unmuteMember", "big room", numbers[0])
        assert (await js.ok("conferences.deafMember", "big room", "all"))["memberId"] == "all"
        assert ann.hears == bob.hears == set()
        await js.ok("conferences.undeafMember", "big room", "all")
        answer = await js.ok("conferences.speakTextToMember", "big room", numbers[0], LONG, {"voice": "MAN"})
        assert answer["message"] == "speak queued into conference"
        assert (spoken(ann), spoken(bob)) == (["hello"], [])
        await js.ok("conferences.stopSpeakingTextToMember", "big room", numbers[0])
        answer = await js.ok("conferences.playAudioToMember", "big room", numbers[0], TONES)
        assert answer["message"] == "play queued into conference"
        await js.ok("conferences.stopPlayingAudioToMember", "big room", numbers[0])
        begun = await js.ok("conferences.record", "big room", {"fileFormat": "wav"})
        assert begun["message"] == "conference recording started"
        await js.ok("conferences.stopRecording", "big room")
        await js.ok("conferences.kickMember", "big room", numbers[2])
        assert (cat.hears, cat.over) == (set(), None)
        await js.ok("conferences.hangupMember", "big room", numbers[1])
        assert bob.over is not None
        assert "not found" in (await js("conferences.get", "no room"))["error"]
        await js.ok("conferences.hangupAll")
        await on.until(lambda: ann.over is not None)
