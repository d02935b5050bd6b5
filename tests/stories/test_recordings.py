"""Recordings follow a room or a leg while people come and go."""

from __future__ import annotations

import pytest

from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core.addresses import Destination, Endpoint
from switchhook.core.errors import Refused
from switchhook.core.ids import RecordingId
from switchhook.core.model import DialPlan, Kind, TransferPlan
from switchhook.lab.stage import Line, Stage
from switchhook.lab.virtual_time import in_virtual_time
from tests.stories.common import settings


async def talking(stage: Stage) -> tuple[Line, Line]:
    customer = stage.phone("+14155550123").calls("+14155550100")
    agent = await stage.phone("1001").rings()
    agent.answers()
    await stage.settled()
    return customer, agent


@in_virtual_time
async def test_a_room_is_recorded_customers_left_and_the_others_right_whoever_comes() -> None:
    async with Stage(settings()) as stage:
        customer, agent = await talking(stage)
        room = next(iter(stage.exchange.state.rooms))
        stage.exchange.ask(r.StartRecording((), (), "room.wav", room=room))
        (tape,) = stage.media.recordings
        assert (tape.left, tape.right) == ((customer.leg,), (agent.leg,))
        target = Destination("1002", Endpoint("1002"), "1002")
        stage.exchange.ask(r.AddParty(room, DialPlan(targets=(target,), caller="1001")))
        third = await stage.phone("1002").rings()
        third.answers()
        await stage.settled()
        (tape,) = stage.media.recordings
        assert (tape.left, tape.right) == ((customer.leg,), (agent.leg, third.leg))
        agent.hangs_up()
        await stage.settled()
        (tape,) = stage.media.recordings
        assert (tape.left, tape.right) == ((customer.leg,), (third.leg,))
        customer.hangs_up()
        await stage.passes(0.1)
        assert not stage.media.recordings
        ended = [stamped.fact for stamped in stage.facts if isinstance(stamped.fact, f.RecordingFinished)]
        assert [fact.path for fact in ended] == ["room.wav"]
        assert stage.nothing_left()


@in_virtual_time
async def test_a_leg_is_recorded_with_whom_it_hears_until_it_ends() -> None:
    async with Stage(settings()) as stage:
        customer, agent = await talking(stage)
        stage.exchange.ask(r.StartRecording((), (), "leg.wav", follow=agent.leg))
        (tape,) = stage.media.recordings
        assert (tape.left, tape.right) == ((agent.leg,), (customer.leg,))
        agent.holds()
        await stage.settled()
        (tape,) = stage.media.recordings
        assert (tape.left, tape.right) == ((agent.leg,), ())
        agent.hangs_up()
        await stage.passes(0.1)
        assert not stage.media.recordings
        assert stage.nothing_left()


@in_virtual_time
async def test_who_is_not_heard_in_the_room_is_not_on_its_tape() -> None:
    async with Stage(settings()) as stage:
        customer, agent = await talking(stage)
        room = next(iter(stage.exchange.state.rooms))
        stage.exchange.ask(r.StartRecording((), (), "room.wav", room=room))

        def sides() -> tuple[set[str], set[str]]:
            (tape,) = stage.media.recordings
            assert tape.stereo
            names = {customer.leg: "customer", agent.leg: "agent"}
            return {names[leg] for leg in tape.left}, {names[leg] for leg in tape.right}

        assert sides() == ({"customer"}, {"agent"})
        stage.exchange.ask(r.MuteMember(room, agent.leg, True))
        assert sides() == ({"customer"}, set())
        stage.exchange.ask(r.HoldMember(room, customer.leg, True))
        assert sides() == (set(), set())
        stage.exchange.ask(r.MuteMember(room, agent.leg, False))
        stage.exchange.ask(r.HoldMember(room, customer.leg, False))
        assert sides() == ({"customer"}, {"agent"})
        agent.holds()
        assert sides() == ({"customer"}, set())
        agent.holds(False)
        assert sides() == ({"customer"}, {"agent"})
        customer.hangs_up()
        await stage.passes(0.1)
        assert not stage.media.recordings


@in_virtual_time
async def test_the_consult_is_not_on_the_tape_of_the_customers_room() -> None:
    async with Stage(settings()) as stage:
        customer, agent = await talking(stage)
        room = next(iter(stage.exchange.state.rooms))
        stage.exchange.ask(r.StartRecording((), (), "room.wav", room=room))
        target = Destination("1002", Endpoint("1002"), "1002")
        plan = TransferPlan(Kind.WARM, DialPlan(targets=(target,), caller="1001"))
        stage.exchange.ask(r.StartTransfer(room, agent.leg, plan))
        at_target = await stage.phone("1002").rings()
        at_target.answers()
        await stage.settled()
        assert agent.hears == {"1002"}
        (tape,) = stage.media.recordings
        assert (tape.left, tape.right) == ((customer.leg,), ())
        agent.hangs_up()
        await stage.settled()
        (tape,) = stage.media.recordings
        assert (tape.left, tape.right) == ((customer.leg,), (at_target.leg,))
        customer.hangs_up()
        await stage.passes(0.1)
        assert stage.nothing_left()


@in_virtual_time
async def test_nobody_to_record_is_refused_and_changes_nothing() -> None:
    async with Stage(settings()) as stage:
        with pytest.raises(Refused):
            stage.exchange.ask(r.StartRecording((), (), "nobody.wav"))
        with pytest.raises(Refused):
            stage.exchange.ask(r.StopRecording(RecordingId("none")))
        assert not stage.facts[len(settings().endpoints) :]
