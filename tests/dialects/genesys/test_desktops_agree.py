"""Whatever happens on the telephones and desks: what a desktop was told is what it can read, and what is offered works.

The stories are generated. After each event every desktop puts together its calls from the messages alone, as a client
does, and compares them with REST; a call never changes after `Released`, and its states follow genesys 5.3.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switchhook.lab.stage import Line, Stage
from switchhook.lab.virtual_time import run
from tests.dialects.genesys import office
from tests.dialects.genesys.office import OUTSIDE, SERVICE, Desktop

AFTER = {
    None: {"Ringing", "Dialing", "Established"},
    "Ringing": {"Ringing", "Established", "Released"},
    "Dialing": {"Dialing", "Established", "Held", "Released"},
    "Established": {"Established", "Held", "Released"},
    "Held": {"Held", "Established", "Released"},
}
BUILT = (
    *("Hold", "Retrieve", "Hangup", "SwapCalls", "InitiateTransfer", "CompleteTransfer", "SingleStepTransfer"),
    *("InitiateConference", "CompleteConference", "SingleStepConference", "RemoveParticipantFromConference"),
    *("UpdateUserData", "Answer", "MuteCall", "UnmuteCall", "ClearCall"),
    *("StartCallRecording", "PauseCallRecording", "ResumeCallRecording", "StopCallRecording"),
    *("SwitchToListenIn", "SwitchToBargeIn"),
)
UNLISTED = ("SwitchToCoach", "MuteMonitoredUser", "UnmuteMonitoredUser")  # of supervisors: in no set (genesys 4.1)
DIALS = ("InitiateTransfer", "SingleStepTransfer", "InitiateConference", "SingleStepConference")
RARE = ("InitiateTransfer", "CompleteTransfer", "SwapCalls", "InitiateConference", "CompleteConference")
FEATURES = ["api-voice", "api-voice-recording", "api-supervisor-monitoring"]
AGENTS = [{**agent, "features": FEATURES} for agent in office.TREE["agent"]]
OFFERS = {"mute": True, "recorder": True, "clear_call": True}
Pick = Callable[[int], int]


class Acting(Protocol):
    """A desktop that does something it may."""

    async def does(self, pick: Pick) -> None: ...


class Screen:
    """One desktop that believes its messages."""

    def __init__(self, desk: Desktop) -> None:
        self.desk = desk
        self.calls: dict[str, dict[str, Any]] = {}
        self.over: set[str] = set()

    async def looks(self) -> None:
        for data in await self.desk.told():
            if data["messageType"] != "CallStateChangeMessage":
                continue
            call = data["call"]
            before = self.calls.get(call["id"])
            assert call["id"] not in self.over
            assert call["state"] in AFTER[before["state"] if before else None]
            if before is not None:
                fixed = ("callUuid", "dnis", "deviceUri", "uri", "path", "parentCallUri")
                assert [call.get(key) for key in fixed] == [before.get(key) for key in fixed]
            self.calls[call["id"]] = call
            if call["state"] == "Released":
                self.over.add(call["id"])
                del self.calls[call["id"]]
        told = {
            key: {name: value for name, value in call.items() if name != "duration"} for key, call in self.calls.items()
        }
        assert told == {call["id"]: call for call in await self.desk.calls()}

    async def does(self, pick: Pick) -> None:
        """Carries out something that a call offers; it must be accepted."""
        offers = [
            (call, name) for call in self.calls.values() for name in sorted(call["capabilities"]) if name in BUILT
        ]
        rare = [offer for offer in offers if offer[1] in RARE]
        if rare and pick(2):
            offers = rare
        if not offers:
            return
        call, name = offers[pick(len(offers))]
        more = {
            "destination": {"phoneNumber": ("5001", "5002", "5003", "1004")[pick(4)]},
            "userData": {"note": str(pick(3))},
        }
        if name == "RemoveParticipantFromConference":
            more["participant"] = call["participants"][pick(len(call["participants"]))]["phoneNumber"]
        others = [each for each in self.calls.values() if each is not call and _related(each, call)]
        if name == "SwapCalls":
            more["otherCallUri"] = others[0]["uri"]
        answer = await self.desk.post(f"/me/calls/{call['id']}", name, **more)
        # A transfer may be refused for its target, or because one is under way (genesys 9); nothing else may.
        assert answer == (200, 0) or (name in DIALS and answer == (400, 2)), name

    async def supervises(self, pick: Pick) -> None:
        """Asks something of the own device, or of a call that it watches; what is impossible is refused as such."""
        mine = [call for call in self.calls.values() if call["monitoring"]]
        if mine and pick(2):
            answer = await self.desk.post(f"/me/calls/{mine[pick(len(mine))]['id']}", UNLISTED[pick(3)])
        else:
            [device] = (await self.desk.get("/me/devices?fields=*"))["devices"]
            number, name = f"500{1 + pick(3)}", sorted(device["capabilities"])[pick(len(device["capabilities"]))]
            more = {
                "phoneNumber": number,
                "destination": number,
                "supervisorMonitoringScope": ("Call", "Agent")[pick(2)],
                "supervisorMonitoringMode": ("AllCalls", "NextCall")[pick(2)],
            }
            answer = await self.desk.post(f"/me/devices/{device['id']}", name, **more)
        assert answer in ((200, 0), (400, 2))


def _related(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return bool(one.get("parentCallUri") == other["uri"] or other.get("parentCallUri") == one["uri"])


def live(stage: Stage) -> list[Line]:
    return [line for phone in stage.phones.values() for line in phone.lines if line.over is None]


async def happens(stage: Stage, screens: Sequence[Acting], pick: Pick) -> None:
    """Lets something happen on a telephone or at a desktop, or time pass."""
    lines = live(stage)
    waiting = [line for line in lines if line.invitation is not None and not line.up]
    what = pick(9)
    if what == 0 and len(lines) < 6:
        stage.phone(OUTSIDE).calls(SERVICE)
    elif what == 1 and len(lines) < 6:
        stage.phone("1002").calls("5001")
    elif what in (2, 3) and waiting:
        waiting[pick(len(waiting))].answers()
    elif what == 4 and waiting:
        waiting[pick(len(waiting))].rejects()
    elif what == 5 and lines:
        lines[pick(len(lines))].hangs_up()
    elif what == 6:
        await stage.passes(float(pick(40)))
    else:
        await screens[pick(len(screens))].does(pick)


async def everybody_hangs_up(stage: Stage) -> None:
    for _ in range(10):
        for line in live(stage):
            if line.over is None:
                line.hangs_up()
        await stage.passes(60)


async def _story(choices: list[int]) -> None:
    left = list(reversed(choices))

    def pick(below: int) -> int:
        return left.pop() % below if left else 0

    async with Stage(office.settings(genesys=OFFERS, agent=AGENTS), dialects=("genesys",)) as stage:
        screens = [Screen(await Desktop(stage, f"agent{n}").opens()) for n in (1, 2, 3)]
        stage.phone(OUTSIDE).calls(SERVICE)
        (await stage.phone("1001").rings()).answers()
        for screen in screens:
            await screen.looks()
        while left:
            if pick(6):
                await happens(stage, screens, pick)
            else:
                await screens[pick(3)].supervises(pick)
            for screen in screens:
                await screen.looks()
        for screen in screens:
            if screen.desk.user.watch is not None:
                device = f"/me/devices/{screen.desk.user.device}"
                assert await screen.desk.post(device, "CancelSupervisorMonitoring") == (200, 0)
        await everybody_hangs_up(stage)
        for screen in screens:
            await screen.looks()
            assert screen.calls == {}
        assert stage.nothing_left()


@pytest.mark.slow
@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.lists(st.integers(0, 1000), min_size=5, max_size=60))
def test_messages_and_resources_agree(choices: list[int]) -> None:
    run(_story(choices))
