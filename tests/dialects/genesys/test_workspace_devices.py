"""The Workspace API: do not disturb, forwarding, and supervisors, with what each party hears."""

from __future__ import annotations

from typing import Any

from switchhook.core.outcomes import Outcome
from switchhook.lab.stage import Stage
from switchhook.lab.virtual_time import in_virtual_time
from tests.dialects.genesys.office import OUTSIDE, SERVICE, settings
from tests.dialects.genesys.test_supervising import AGENTS
from tests.dialects.genesys.worker import Worker, states


def office(**sections: Any) -> Stage:
    return Stage(settings(**sections), dialects=("genesys",))


@in_virtual_time
async def test_do_not_disturb() -> None:
    async with office() as stage:
        worker = await Worker(stage).opens()
        assert (await worker.told())[-1]["dn"]["dnd"] == "off"
        assert await worker.post("/voice/dnd-on") == (200, 1)
        [changed] = await worker.told()
        assert (changed["messageType"], changed["dn"]["dnd"]) == ("DnStateChanged", "on")
        customer = stage.phone(OUTSIDE).calls(SERVICE)
        await stage.passes(0.5)
        assert customer.over is Outcome.BUSY or customer.status == 486
        assert await worker.post("/voice/dnd-off") == (200, 1)
        assert [each["dn"]["dnd"] for each in await worker.told()] == ["off"]
        stage.phone(OUTSIDE).calls(SERVICE)
        await stage.phone("1001").rings()
        assert states(await worker.told()) == [("Inbound", "Ringing")]


@in_virtual_time
async def test_forwarding() -> None:
    async with office() as stage:
        worker = await Worker(stage).opens()
        await worker.told()
        assert await worker.post("/voice/set-forward", forwardTo="5002") == (200, 1)
        [changed] = await worker.told()
        assert changed["dn"]["forwardTo"]
        stage.phone(OUTSIDE).calls(SERVICE)
        (await stage.phone("1002").rings()).hangs_up()
        await stage.settled()
        assert stage.phone("1001").lines == []
        for wrong in ({}, {"forwardTo": ""}, {"forwardTo": 5}):
            assert await worker.post("/voice/set-forward", **wrong) == (400, 400)
        assert await worker.post("/voice/cancel-forward") == (200, 1)
        [changed] = [each for each in await worker.told() if "dn" in each]
        assert "forwardTo" not in changed["dn"]


class Floor:
    """A customer talks to agent 1; agent 3 supervises, and its telephone answers by itself."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.agent, self.boss = Worker(stage), Worker(stage, "agent3")

    async def opens(self) -> Floor:
        for worker in (self.agent, self.boss):
            await worker.opens()
        for name in ("1001", "1003"):
            self.stage.phone(name, answers_after_s=0.1)
        self.customer = self.stage.phone(OUTSIDE).calls(SERVICE)
        await self.stage.passes(0.5)
        await self.boss.told()
        return self

    async def watches(self, **data: Any) -> dict[str, Any]:
        """Begins to monitor; returns the supervisor's call."""
        assert await self.boss.post("/voice/start-monitoring", phoneNumberToMonitor="5001", **data) == (200, 1)
        await self.stage.passes(0.5)
        call: dict[str, Any] = (await self.boss.told())[-1]["call"]
        return call

    def hear(self, customer: set[str], agent: set[str], boss: set[str]) -> None:
        lines = (self.customer, self.stage.phone("1001").line, self.stage.phone("1003").line)
        assert [line.hears for line in lines] == [customer, agent, boss]


@in_virtual_time
async def test_a_supervisor_listens_coaches_barges_in_and_leaves() -> None:
    async with office(agent=AGENTS) as stage:
        floor = await Floor(stage).opens()
        boss = floor.boss
        call = await floor.watches(monitoringMode="Coach", monitoringNextCallType="OneCall", monitoringScope="Agent")
        floor.hear({"1001"}, {OUTSIDE, "1003"}, {"1001", OUTSIDE})
        assert {"switch-to-listen-in", "switch-to-barge-in"} <= set(call["capabilities"])
        told = await boss.does(call, "switch-to-barge-in", monitoringScope="Call")
        assert "switch-to-listen-in" in [each for each in told if "call" in each][-1]["call"]["capabilities"]
        floor.hear({"1001", "1003"}, {OUTSIDE, "1003"}, {"1001", OUTSIDE})
        await boss.does(call, "switch-to-listen-in")
        floor.hear({"1001"}, {OUTSIDE}, {"1001", OUTSIDE})
        assert await boss.fails(call, "switch-to-coaching") == 400  # who has coached and listens cannot again
        assert await boss.fails(call, "switch-to-barge-in", monitoringScope="Everybody") == 400
        assert await boss.post("/voice/stop-monitoring", phoneNumber="5002") == (400, 400)
        assert await boss.post("/voice/stop-monitoring", phoneNumber="5001") == (200, 1)
        assert ("Inbound", "Released") in states(await boss.told())
        assert floor.customer.hears == {"1001"}
        assert await boss.post("/voice/stop-monitoring") == (400, 400)


@in_virtual_time
async def test_a_supervisor_listens_unless_told_otherwise_and_may_coach_then() -> None:
    async with office(agent=AGENTS) as stage:
        floor = await Floor(stage).opens()
        call = await floor.watches()
        floor.hear({"1001"}, {OUTSIDE}, {"1001", OUTSIDE})
        await floor.boss.does(call, "switch-to-coaching")
        floor.hear({"1001"}, {OUTSIDE, "1003"}, {"1001", OUTSIDE})


@in_virtual_time
async def test_monitoring_that_may_not_be_changes_nothing() -> None:
    async with office(agent=AGENTS) as stage:
        floor = await Floor(stage).opens()
        await floor.agent.told()
        wrong: tuple[tuple[dict[str, Any], int], ...] = (
            ({}, 400),
            ({"phoneNumberToMonitor": "5999"}, 404),
            ({"phoneNumberToMonitor": "5003"}, 400),
            ({"phoneNumberToMonitor": "5001", "monitoringMode": "Shout"}, 400),
            ({"phoneNumberToMonitor": "5001", "monitoringScope": "World"}, 400),
            ({"phoneNumberToMonitor": "5001", "monitoringNextCallType": "NoCalls"}, 400),
        )
        for data, status in wrong:
            assert await floor.boss.post("/voice/start-monitoring", **data) == (status, status)
        assert await floor.agent.post("/voice/start-monitoring", phoneNumberToMonitor="5003") == (403, 403)
        assert await floor.boss.told() == []
        assert stage.phone("1003").lines == []
