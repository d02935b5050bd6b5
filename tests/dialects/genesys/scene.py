"""The scene of the transfer tests: a customer from outside talks to agent1; agent2 may be asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from switchhook.lab.stage import Line, Stage
from tests.dialects.genesys.office import OUTSIDE, SERVICE, Desktop, settings, states

STEPS = {"SingleStepTransfer", "SingleStepConference", "InitiateTransfer", "InitiateConference"}


def to(number: str) -> dict[str, Any]:
    return {"destination": {"phoneNumber": number}}


@dataclass
class Scene:
    """Who is there, and what the desktop knows of them."""

    stage: Stage
    desk: Desktop
    other: Desktop  # agent2's
    customer: Line
    agent: Line
    call: dict[str, Any]
    consult: dict[str, Any] | None = None

    @property
    def original(self) -> str:
        found: str = self.call["id"]
        return found

    @property
    def second(self) -> str:
        assert self.consult is not None
        found: str = self.consult["id"]
        return found

    async def consults(self, *, answered: bool = True) -> Line:
        """Initiates a transfer to agent2."""
        told = await self.desk.does(self.call, "InitiateTransfer", **to("5002"))
        assert states(told) == [("Inbound", "Held"), ("Consult", "Dialing")]
        self.consult = told[1]["call"]
        target = await self.stage.phone("1002").rings()
        assert states(await self.other.told()) == [("Consult", "Ringing")]
        if answered:
            target.answers()
            assert states(await self.desk.told()) == [("Consult", "Established"), ("Inbound", "Held")]
            assert states(await self.other.told()) == [("Consult", "Established")]
        return target

    def hear(self) -> tuple[set[str], set[str]]:
        return self.customer.hears, self.agent.hears


@asynccontextmanager
async def talking(**sections: Any) -> AsyncIterator[Scene]:
    async with Stage(settings(**sections), dialects=("genesys",)) as stage:
        desk = await Desktop(stage).opens()
        other = await Desktop(stage, "agent2").opens()
        customer = stage.phone(OUTSIDE).calls(SERVICE)
        agent = await stage.phone("1001").rings()
        agent.answers()
        [ringing, established] = await desk.told()
        assert states([ringing, established]) == [("Inbound", "Ringing"), ("Inbound", "Established")]
        assert customer.hears == {"1001"}
        assert agent.hears == {OUTSIDE}
        yield Scene(stage, desk, other, customer, agent, established["call"])
        await stage.settled()
        for line in [line for phone in stage.phones.values() for line in phone.lines if line.over is None]:
            if line.over is None:
                line.hangs_up()
                await stage.settled()
        assert stage.nothing_left()


def parties(data: dict[str, Any]) -> list[str]:
    return [each["phoneNumber"] for each in data["call"]["participants"]]
