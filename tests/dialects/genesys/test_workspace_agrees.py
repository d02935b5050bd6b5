"""Whatever happens, a desktop of the Workspace API was told what it can read, and what is offered works.

The same stories as in `test_desktops_agree`, seen through the other API.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switchhook.lab.stage import Stage
from switchhook.lab.virtual_time import run
from tests.dialects.genesys import office
from tests.dialects.genesys.test_desktops_agree import AFTER, AGENTS, OFFERS, Pick, everybody_hangs_up, happens
from tests.dialects.genesys.worker import Message, Worker

DIALS = (
    *("initiate-transfer", "single-step-transfer", "initiate-conference", "single-step-conference"),
    "redirect",
)
OTHER_CALL = {
    "complete-transfer": "parentConnId",
    "complete-conference": "parentConnId",
    "alternate": "heldConnId",
    "reconnect": "heldConnId",
    "merge": "otherConnId",
}
RARE = (*OTHER_CALL, "initiate-transfer", "initiate-conference", "redirect")
GIVEN: dict[str, dict[str, Any]] = {
    "send-dtmf": {"dtmfDigits": "1"},
    "delete-user-data-pair": {"key": "note"},
    "attach-user-data": {"userData": [{"key": "note", "type": "str", "value": "1"}]},
    "update-user-data": {"userData": [{"key": "note", "type": "str", "value": "2"}]},
}
LATER = ("retrieve", "send-dtmf")  # offered, and refused while another call is talked on or nobody has answered


class Screen:
    """One desktop that believes its messages; it knows calls by their uuid, since their ids change."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.calls: dict[str, Message] = {}
        self.over: set[str] = set()

    async def looks(self) -> None:
        for data in await self.worker.told():
            if data["messageType"] != "CallStateChanged":
                continue
            call = data["call"]
            before = self.calls.get(call["callUuid"])
            assert call["callUuid"] not in self.over
            assert call["state"] in AFTER[before["state"] if before else None]
            if before is not None and before["id"] != call["id"]:
                assert call["previousConnId"] == before["id"]
            self.calls[call["callUuid"]] = call
            if call["state"] == "Released":
                self.over.add(call["callUuid"])
                del self.calls[call["callUuid"]]
        assert self.calls == {call["callUuid"]: call for call in await self.worker.calls()}

    async def does(self, pick: Pick) -> None:
        """Carries out something that a call offers; it must be accepted."""
        offers = [(call, name) for call in self.calls.values() for name in sorted(call["capabilities"])]
        rare = [offer for offer in offers if offer[1] in RARE]
        if rare and pick(2):
            offers = rare
        if not offers:
            return
        call, name = offers[pick(len(offers))]
        status, _ = await self.worker.post(f"/voice/calls/{call['id']}/{name}", **self._given(call, name, pick))
        assert status == 200 or (name in (*DIALS, *LATER) and status == 400), name

    def _given(self, call: Message, name: str, pick: Pick) -> dict[str, Any]:
        if name in DIALS:
            return {"destination": ("5001", "5002", "5003", "1004")[pick(4)]}
        if name == "delete-from-conference":
            return {"dnToDrop": call["participants"][pick(len(call["participants"]))]["number"]}
        if name in OTHER_CALL:
            pairs = ((call.get("parentConnId"), other.get("parentConnId"), other) for other in self.calls.values())
            [other] = [each for mine, its, each in pairs if mine == each["id"] or its == call["id"]]
            return {OTHER_CALL[name]: other["id"]}
        return GIVEN.get(name, {})


async def _story(choices: list[int]) -> None:
    left = list(reversed(choices))

    def pick(below: int) -> int:
        return left.pop() % below if left else 0

    async with Stage(office.settings(genesys=OFFERS, agent=AGENTS), dialects=("genesys",)) as stage:
        screens = [Screen(await Worker(stage, f"agent{n}").opens()) for n in (1, 2, 3)]
        stage.phone(office.OUTSIDE).calls(office.SERVICE)
        (await stage.phone("1001").rings()).answers()
        for screen in screens:
            await screen.looks()
        while left:
            await happens(stage, screens, pick)
            for screen in screens:
                await screen.looks()
        await everybody_hangs_up(stage)
        for screen in screens:
            await screen.looks()
            assert screen.calls == {}
        assert stage.nothing_left()


@pytest.mark.slow
@settings(max_examples=20, deadline=None, derandomize=True)
@given(st.lists(st.integers(0, 1000), min_size=5, max_size=60))
def test_messages_and_resources_agree(choices: list[int]) -> None:
    run(_story(choices))
