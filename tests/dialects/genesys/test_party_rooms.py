"""A multi-party room that somebody else opened, seen from the desktops of the agents in it (genesys 9)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from switchhook.core import requests as r
from switchhook.core.ids import RoomId
from switchhook.core.model import Alone, DialPlan, Kind, Role, RoomKind, RoomPlan, TransferPlan
from switchhook.lab.stage import MUSIC, RINGBACK, Line, Stage
from switchhook.lab.virtual_time import in_virtual_time
from tests.dialects.genesys.office import ACCOUNT, OUTSIDE, Desktop, settings, states

NUMBER = "+14155550177"


@dataclass
class Scene:
    stage: Stage
    desk: Desktop
    customer: Line
    agent: Line
    room: RoomId
    call: dict[str, Any]

    def plan(self, agent: str) -> DialPlan:
        return DialPlan(targets=(self.stage.exchange.directory.agent_destination(agent),), caller=OUTSIDE)

    async def joins(self, agent: str) -> Line:
        """Brings one more agent into the room."""
        self.stage.exchange.ask(r.AddParty(self.room, self.plan(agent)))
        line = await self.stage.phone(f"100{agent[-1]}").rings()
        line.answers()
        await self.stage.settled()
        return line


@asynccontextmanager
async def party() -> AsyncIterator[Scene]:
    """A customer in a multi-party room, into which agent1 was dialled."""
    config = settings(
        application=[{"app_id": "app1", "account": ACCOUNT, "answer_url": "http://app.example.com/answer"}],
        number=[{"number": NUMBER, "account": ACCOUNT, "application": "app1"}],
    )
    async with Stage(config, dialects=("genesys",)) as stage:
        desk = await Desktop(stage).opens()
        customer = stage.phone(OUTSIDE).calls(NUMBER)
        opened = stage.exchange.ask(r.EnterRoom(customer.leg, RoomPlan(RoomKind.PARTY, Alone.MUSIC)))
        assert opened.room is not None
        scene = Scene(stage, desk, customer, customer, opened.room, {})
        scene.agent = await scene.joins("agent1")
        [ringing, established] = await desk.told()
        assert states([ringing, established]) == [("Inbound", "Ringing"), ("Inbound", "Established")]
        scene.call = established["call"]
        assert customer.hears == {"1001"}
        yield scene


def numbers(data: dict[str, Any]) -> list[str]:
    return [each["phoneNumber"] for each in data["call"]["participants"]]


@in_virtual_time
async def test_everybody_else_in_the_room_is_a_participant() -> None:
    async with party() as scene:
        other = await Desktop(scene.stage, "agent2").opens()
        second = await scene.joins("agent2")
        [updated] = await scene.desk.told()
        assert updated["notificationType"] == "ParticipantsUpdated"
        assert numbers(updated) == [OUTSIDE, "5002"]
        assert numbers((await other.told())[-1]) == [OUTSIDE, "5001"]
        second.hangs_up()
        [updated] = await scene.desk.told()
        assert (updated["notificationType"], numbers(updated)) == ("ParticipantsUpdated", [OUTSIDE])


@in_virtual_time
async def test_a_member_held_from_elsewhere_is_shown_held_and_can_be_retrieved() -> None:
    async with party() as scene:
        scene.stage.exchange.ask(r.HoldMember(scene.room, scene.agent.leg, on=True))
        assert states(await scene.desk.told()) == [("Inbound", "Held")]
        assert scene.agent.hears == {MUSIC}
        assert states(await scene.desk.does(scene.call, "Retrieve")) == [("Inbound", "Established")]
        assert scene.customer.hears == {"1001"}
        assert scene.agent.hears == {OUTSIDE}


@in_virtual_time
async def test_a_member_muted_from_elsewhere_is_shown_muted() -> None:
    async with party() as scene:
        scene.stage.exchange.ask(r.MuteMember(scene.room, scene.agent.leg, on=True))
        [muted] = await scene.desk.told()
        assert (muted["notificationType"], muted["call"]["mute"]) == ("StatusChange", "On")


@in_virtual_time
async def test_the_desktop_transfers_the_customer_of_a_party_room() -> None:
    async with party() as scene:
        told = await scene.desk.does(scene.call, "InitiateTransfer", destination={"phoneNumber": "5002"})
        assert states(told) == [("Inbound", "Held"), ("Consult", "Dialing")]
        target = await scene.stage.phone("1002").rings()
        target.answers()
        await scene.stage.settled()
        assert scene.customer.hears == {MUSIC}
        await scene.desk.told()
        await scene.desk.does(told[1]["call"], "CompleteTransfer")
        assert scene.customer.hears == {"1002"}
        assert target.hears == {OUTSIDE}


@in_virtual_time
async def test_a_warm_transfer_started_elsewhere_is_shown_as_original_and_consult() -> None:
    async with party() as scene:
        plan = TransferPlan(kind=Kind.WARM, dial=scene.plan("agent2"))
        started = scene.stage.exchange.ask(r.StartTransfer(scene.room, scene.agent.leg, plan))
        assert states(await scene.desk.told()) == [("Inbound", "Held"), ("Consult", "Dialing")]
        assert scene.agent.hears == {RINGBACK}
        (await scene.stage.phone("1002").rings()).answers()
        assert states(await scene.desk.told()) == [("Consult", "Established"), ("Inbound", "Held")]
        assert started.transfer is not None
        scene.stage.exchange.ask(r.JoinTransfer(started.transfer))
        told = await scene.desk.told()
        assert states(told) == [("Consult", "Released"), ("Inbound", "Established")]
        assert numbers(told[1]) == [OUTSIDE, "5002"]
        assert scene.agent.hears == {OUTSIDE, "1002"}


@in_virtual_time
async def test_digits_go_to_every_other_member() -> None:
    async with party() as scene:
        second = await scene.joins("agent2")
        await scene.desk.told()
        [sent] = await scene.desk.does(scene.call, "SendDtmf", digits="5")
        assert sent["notificationType"] == "DtmfSent"
        pressed = [each.fact for each in scene.stage.facts if type(each.fact).__name__ == "DigitsSent"]
        assert {getattr(each, "leg", "") for each in pressed} == {scene.customer.leg, second.leg}


@in_virtual_time
async def test_roles_do_not_matter_to_a_desktop() -> None:
    async with party() as scene:
        member = scene.stage.exchange.state.rooms[scene.room].members[scene.agent.leg]
        assert member.role is Role.AGENT
        assert states(await scene.desk.does(scene.call, "Hangup")) == [("Inbound", "Released")]
        assert scene.customer.over is None
        assert scene.customer.hears == {MUSIC}
