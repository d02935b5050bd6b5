"""The npm package `genesys-workspace-client-js` as an agent's desktop of the Workspace API, over long-polling."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

from switchhook.settings import Settings
from tests.dialects.genesys.office import OUTSIDE, SERVICE, settings
from tests.dialects.genesys.test_call_recordings import AGENTS
from tests.sdks.live import LiveStage, live
from tests.sdks.nodejs import HERE, node_modules

pytestmark = pytest.mark.slow

KEY = "an-api-key"
Call = dict[str, Any]


class Desktop:
    """The package in its own process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.events: list[dict[str, Any]] = []

    async def asks(self, call: str, *given: object) -> dict[str, Any]:
        """Returns what came of it: `ok`, or `error` with `status`; events on the way are kept."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"call": call, "with": given}).encode() + b"\n")
        while True:
            line = await self._line()
            if "event" not in line:
                return line

    async def does(self, call: str, *given: object) -> Any:
        said = await self.asks(call, *given)
        assert "ok" in said, said
        return said["ok"]

    async def voice(self, operation: str, *given: object) -> None:
        """Asks for something that is accepted and told later."""
        assert (await self.does(f"voice.{operation}", *given))["status"]["code"] == 1

    async def call(self, kind: str, state: str) -> Call:
        """Returns the next call of that type and state that the package tells of."""
        found: Call = (await self._until(lambda each: _is(each, kind, state)))["message"]["call"]
        return found

    async def dn(self, state: str) -> Call:
        found = await self._until(
            lambda each: each["event"] == "DnStateChanged" and each["message"]["dn"]["agentState"] == state
        )
        dn: Call = found["message"]["dn"]
        return dn

    async def _until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        while True:
            for place, event in enumerate(self.events):
                if wanted(event):
                    del self.events[: place + 1]
                    return event
            self.events.clear()
            line = await self._line()
            assert "event" in line, line

    async def _line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        while True:
            line = await self._process.stdout.readline()
            assert line, "the desktop has ended"
            if line.startswith(b"> "):
                said: dict[str, Any] = json.loads(line[2:])
                if "event" in said:
                    self.events.append(said)
                return said


def _is(event: dict[str, Any], kind: str, state: str) -> bool:
    call = event["message"].get("call", {})
    return event["event"] == "CallStateChanged" and (call["callType"], call["state"]) == (kind, state)


@asynccontextmanager
async def desktop(base: str, name: str, *, activate: bool = True) -> AsyncIterator[Desktop]:
    """Starts the package for an agent, who logs in."""
    modules = node_modules()
    async with httpx2.AsyncClient() as web:
        fields = {"grant_type": "password", "username": name, "password": f"secret{name[-1]}"}
        reply = await web.post(f"{base}/auth/v3/oauth/token", data=fields, headers={"x-api-key": KEY})
    process = await asyncio.create_subprocess_exec(
        *("node", str(HERE / "workspace.js"), base, KEY),
        env={**os.environ, "SDK_MODULES": str(modules)},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        found = Desktop(process)
        await found.does("initialize", {"token": reply.json()["access_token"]})
        if activate:
            assert (await found.does("activateChannels", name, f"500{name[-1]}"))["status"]["code"] == 0
            await found.dn("NotReady")
        yield found
        await found.does("destroy")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def office(base: str) -> Settings:
    return settings(http={"public_url": base}, agent=AGENTS, genesys={"api_key": KEY, "recorder": True})


def play(story: Callable[[LiveStage, str], Awaitable[None]]) -> None:
    node_modules()

    async def whole() -> None:
        async with asyncio.timeout(15), live(office) as (stage, base):
            await story(stage, base)

    asyncio.run(whole())


async def rung(stage: LiveStage, desk: Desktop) -> Call:
    """A customer calls, the agent answers from the desktop."""
    stage.phone(OUTSIDE).calls(SERVICE)
    ringing = await desk.call("Inbound", "Ringing")
    await desk.voice("answerCall", ringing["id"])
    return await desk.call("Inbound", "Established")


def test_initialise_activate_and_agent_states() -> None:
    async def story(stage: LiveStage, base: str) -> None:
        async with desktop(base, "agent1", activate=False) as desk:
            known = await desk.does("known")
            assert known["user"]["userName"] == "agent1"
            assert known["configuration"]["actionCodes"] == []
            await desk.does("activateChannels")  # with what the package knows of the agent
            assert (await desk.dn("NotReady"))["number"] == "5001"
            await desk.voice("ready")
            await desk.dn("Ready")
            await desk.voice("notReady", "AfterCallWork", "Lunch")
            assert (await desk.dn("NotReady"))["agentWorkMode"] == "AfterCallWork"
            await desk.voice("logout")
            await desk.dn("LoggedOut")
            await desk.voice("login")
            await desk.dn("NotReady")
            await desk.voice("dndOn")
            assert (await desk.dn("NotReady"))["dnd"] == "on"
            await desk.voice("dndOff")
            assert (await desk.dn("NotReady"))["dnd"] == "off"
            await desk.voice("setForward", "5002")
            assert (await desk.dn("NotReady"))["forwardTo"]
            await desk.voice("cancelForward")
            assert "forwardTo" not in await desk.dn("NotReady")
            await desk.voice("sendUserEvent", [{"key": "a", "type": "str", "value": "b"}], "U1")
            wrong = await desk.asks("voice.holdCall", "0000000000000000")
            assert (wrong["status"], wrong["body"]["status"]["code"]) == (404, 404)

    play(story)


def test_make_a_call_answer_hold_retrieve_and_release() -> None:
    async def story(stage: LiveStage, base: str) -> None:
        async with desktop(base, "agent1") as desk, desktop(base, "agent2") as other:
            stage.phone("1001", answers_after_s=0.05)
            await desk.voice("makeCall", "5002", {"userData": [{"key": "case", "type": "str", "value": "7"}]})
            dialing = await desk.call("Internal", "Dialing")
            ringing = await other.call("Internal", "Ringing")
            assert ringing["id"] == dialing["id"]
            await other.voice("answerCall", ringing["id"])
            call = await desk.call("Internal", "Established")
            assert call["userData"] == [{"key": "case", "type": "str", "value": "7"}]
            assert (await other.call("Internal", "Established"))["userData"] == call["userData"]
            await desk.voice("holdCall", call["id"])
            await desk.call("Internal", "Held")
            await desk.voice("retrieveCall", call["id"])
            await desk.call("Internal", "Established")
            assert stage.phone("1002").line.hears == {"1001"}
            await desk.voice("releaseCall", call["id"])
            await desk.call("Internal", "Released")
            await other.call("Internal", "Released")
            assert (await desk.does("known"))["calls"] == []

    play(story)


def test_two_step_transfer_with_alternate_and_reconnect() -> None:
    async def story(stage: LiveStage, base: str) -> None:
        async with desktop(base, "agent1") as desk, desktop(base, "agent2") as other:
            call = await rung(stage, desk)
            await desk.voice("initiateTransfer", call["id"], "5002")
            await desk.call("Inbound", "Held")
            await desk.call("Consult", "Dialing")
            await other.voice("answerCall", (await other.call("Consult", "Ringing"))["id"])
            consult = await desk.call("Consult", "Established")
            assert consult["parentConnId"] == call["id"]
            await desk.voice("alternateCalls", consult["id"], call["id"])
            await desk.call("Consult", "Held")
            assert stage.phone("1001").line.hears == {OUTSIDE}
            await desk.voice("alternateCalls", call["id"], consult["id"])
            await desk.call("Consult", "Established")
            await desk.voice("reconnectCall", consult["id"], call["id"])
            await desk.call("Inbound", "Established")
            await other.call("Consult", "Released")

            await desk.voice("initiateTransfer", call["id"], "5002")
            second = await other.call("Consult", "Ringing")
            await other.voice("answerCall", second["id"])
            consult = await desk.call("Consult", "Established")
            await desk.voice("completeTransfer", consult["id"], call["id"])
            await desk.call("Consult", "Released")
            moved = await other.call("Inbound", "Established")
            assert (moved["id"], moved["previousConnId"]) == (call["id"], second["id"])
            assert (await other.does("known"))["calls"] == [call["id"]]
            assert stage.phone(OUTSIDE).line.hears == {"1002"}

    play(story)


def test_single_step_transfer_and_conference() -> None:
    async def story(stage: LiveStage, base: str) -> None:
        async with desktop(base, "agent1") as desk, desktop(base, "agent2") as other:
            call = await rung(stage, desk)
            stage.phone("1003", answers_after_s=0.05)
            await desk.voice("singleStepConference", call["id"], "5003")
            while len(call["participants"]) < 2:
                call = await desk.call("Inbound", "Established")
            assert stage.phone("1003").line.hears == {"1001", OUTSIDE}
            await desk.voice("deleteFromConference", call["id"], "5003")
            while len(call["participants"]) > 1:
                call = await desk.call("Inbound", "Established")
            await desk.voice("singleStepTransfer", call["id"], "5002")
            await desk.call("Inbound", "Released")
            await other.voice("answerCall", (await other.call("Inbound", "Ringing"))["id"])
            await other.call("Inbound", "Established")
            assert stage.phone(OUTSIDE).line.hears == {"1002"}

    play(story)


def test_two_step_conference() -> None:
    async def story(stage: LiveStage, base: str) -> None:
        async with desktop(base, "agent1") as desk, desktop(base, "agent2") as other:
            call = await rung(stage, desk)
            await desk.voice("initiateConference", call["id"], "5002")
            asked = await other.call("Consult", "Ringing")
            await other.voice("answerCall", asked["id"])
            consult = await desk.call("Consult", "Established")
            await desk.voice("completeConference", consult["id"], call["id"])
            await desk.call("Consult", "Released")
            conference = await desk.call("Inbound", "Established")
            assert {each["number"] for each in conference["participants"]} == {OUTSIDE, "5002"}
            assert stage.phone(OUTSIDE).line.hears == {"1001", "1002"}
            joined = await other.call("Inbound", "Established")
            assert (joined["id"], joined["previousConnId"]) == (call["id"], asked["id"])
            assert (await other.does("known"))["calls"] == [call["id"]]

    play(story)


def test_user_data_digits_and_recording() -> None:
    async def story(stage: LiveStage, base: str) -> None:
        async with desktop(base, "agent1") as desk:
            call = await rung(stage, desk)
            first = {"key": "case", "type": "str", "value": "7"}
            second = {"key": "order", "type": "kvlist", "value": [{"key": "lines", "type": "int", "value": 3}]}
            await desk.voice("attachUserData", call["id"], [first, second])
            call = await desk.call("Inbound", "Established")
            assert call["userData"] == [first, second]
            await desk.voice("updateUserData", call["id"], [{**first, "value": "8"}])
            call = await desk.call("Inbound", "Established")
            assert call["userData"] == [{**first, "value": "8"}, second]
            await desk.voice("deleteUserDataPair", call["id"], "order")
            call = await desk.call("Inbound", "Established")
            assert call["userData"] == [{**first, "value": "8"}]
            await desk.voice("sendDTMF", call["id"], "1#")
            await desk.call("Inbound", "Established")
            for operation, state in (("startRecording", "Recording"), ("pauseRecording", "Paused")):
                await desk.voice(operation, call["id"])
                assert (await desk.call("Inbound", "Established"))["recordingState"] == state
            for operation, state in (("resumeRecording", "Recording"), ("stopRecording", "Stopped")):
                await desk.voice(operation, call["id"])
                assert (await desk.call("Inbound", "Established"))["recordingState"] == state

    play(story)
