"""A call that Plivo put together is transferred from elsewhere, as a desktop does: the Dial goes on (architecture 6).

The desktop is played by what its dialect asks of the exchange. A is the customer, B the agent, T the target.
"""

from __future__ import annotations

from dataclasses import replace

from switchhook.core import requests as r
from switchhook.core.ids import TransferId
from switchhook.core.model import DialPlan, Fallback, FallbackKind, Kind, TransferPlan
from switchhook.core.outcomes import Outcome
from switchhook.lab.stage import MUSIC, Line, Stage
from switchhook.lab.virtual_time import in_virtual_time
from tests.dialects.plivo.common import ACCOUNT, APP, CUSTOMER, World, stage

ATTRIBUTES = f'action="{APP}/after" callbackUrl="{APP}/cb"'


def start(on: Stage, agent: Line, kind: Kind, to: str = "1002", **more: object) -> TransferId:
    """The agent's desktop starts a transfer."""
    leg = agent.found
    assert leg is not None
    assert leg.focus is not None
    destination = on.exchange.directory.destination(ACCOUNT, to)
    dial = DialPlan(targets=(destination,), caller="1001", ring_s=20)
    plan = replace(TransferPlan(kind=kind, dial=dial, rejoin=False), **more)  # type: ignore[arg-type]
    transfer = on.exchange.ask(r.StartTransfer(leg.focus, agent.leg, plan), cause="desktop").transfer
    assert transfer is not None
    return transfer


def told(world: World) -> list[tuple[str, ...]]:
    return world.told("/cb", "DialAction", "DialBLegUUID")


@in_virtual_time
async def test_two_steps_the_target_takes_the_agents_place() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/after", "<Hangup/>")
        a, b = await world.in_dial(ATTRIBUTES)
        transfer = start(on, b, Kind.CONSULT)
        t = await on.phone("1002").rings()
        await on.settled()
        t.answers()
        await on.settled()
        assert a.hears == {MUSIC}
        assert (b.hears, t.hears) == ({"1002"}, {"1001"})
        assert told(world) == [("answer", b.leg), ("connected", b.leg)]  # it answered, and has not taken B's place
        on.exchange.ask(r.CompleteTransfer(transfer), cause="desktop")
        await on.settled()
        assert (a.hears, t.hears) == ({"1002"}, {CUSTOMER})
        assert sorted(told(world)[2:]) == sorted([("answer", t.leg), ("connected", t.leg), ("hangup", b.leg)])
        assert told(world).index(("answer", t.leg)) < told(world).index(("connected", t.leg))
        target = next(form for form in world.hooks("/cb") if form["DialBLegUUID"] == t.leg)
        assert (target["DialBLegPosition"], target["DialBLegTo"]) == ("2", "sip:1002@switchhook.local")
        assert world.hooks("/after") == []
        t.hangs_up()
        await on.settled()
        assert told(world)[-1] == ("hangup", t.leg)
        after = world.one("/after")
        assert (after["DialStatus"], after["DialBLegUUID"]) == ("completed", t.leg)
        assert on.nothing_left()


@in_virtual_time
async def test_the_agent_comes_back_and_nothing_is_told() -> None:
    async with stage() as on:
        world = World(on)
        a, b = await world.in_dial(ATTRIBUTES)
        transfer = start(on, b, Kind.CONSULT)
        t = await on.phone("1002").rings()
        t.answers()
        await on.settled()
        on.exchange.ask(r.AbortTransfer(transfer), cause="desktop")
        leg = b.found
        assert leg is not None
        on.exchange.ask(r.TurnTo(leg.id, leg.rooms[0]), cause="desktop")
        await on.settled()
        assert a.hears == {"1001"}
        assert told(world) == [("answer", b.leg), ("connected", b.leg)]


@in_virtual_time
async def test_completed_before_the_answer_the_hangup_of_the_agent_goes_first() -> None:
    async with stage() as on:
        world = World(on)
        a, b = await world.in_dial(ATTRIBUTES)
        transfer = start(on, b, Kind.CONSULT)
        t = await on.phone("1002").rings()
        on.exchange.ask(r.CompleteTransfer(transfer), cause="desktop")
        await on.settled()
        assert b.over is not None
        assert a.hears == {MUSIC}
        assert told(world)[2:] == [("hangup", b.leg)]
        assert world.hooks("/after") == []
        t.answers()
        await on.settled()
        assert told(world)[3:] == [("answer", t.leg), ("connected", t.leg)]
        assert a.hears == {"1002"}


@in_virtual_time
async def test_a_target_that_is_busy_after_the_completion_ends_the_dial_as_it_ended() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/after", "<Speak>nobody is there</Speak>")
        a, b = await world.in_dial(ATTRIBUTES)
        transfer = start(on, b, Kind.CONSULT)
        t = await on.phone("1002").rings()
        on.exchange.ask(r.CompleteTransfer(transfer), cause="desktop")
        await on.settled()
        t.rejects(Outcome.BUSY)
        await on.settled()
        after = world.one("/after")
        assert (after["DialStatus"], after["DialBLegUUID"]) == ("busy", b.leg)
        assert a.hears == {"speak:en-US:WOMAN:nobody is there"}
        assert told(world)[2:] == [("hangup", b.leg)]


@in_virtual_time
async def test_a_cold_transfer_of_the_agent() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/after", "<Hangup/>")
        a, b = await world.in_dial(ATTRIBUTES)
        start(on, b, Kind.COLD)
        await on.settled()
        t = await on.phone("1002").rings()
        t.answers()
        await on.settled()
        assert (a.hears, t.hears) == ({"1002"}, {CUSTOMER})
        assert told(world)[2:] == [("hangup", b.leg), ("answer", t.leg), ("connected", t.leg)]
        a.hangs_up()
        await on.settled()
        assert told(world)[-1] == ("hangup", t.leg)
        assert world.one("/after")["DialBLegUUID"] == t.leg
        assert on.nothing_left()


@in_virtual_time
async def test_when_a_ends_while_b_consults_b_is_no_longer_the_dial_s() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/after", "<Hangup/>")
        a, b = await world.in_dial(ATTRIBUTES)
        start(on, b, Kind.CONSULT)
        t = await on.phone("1002").rings()
        t.answers()
        await on.settled()
        a.hangs_up()
        await on.settled()
        assert (b.hears, t.hears) == ({"1002"}, {"1001"})
        assert told(world)[2:] == [("hangup", b.leg)]
        assert world.paths()[-3:] == ["/cb", "/hangup", "/after"]
        assert world.one("/after")["DialStatus"] == "completed"
        b.hangs_up()
        await on.settled()
        assert len(told(world)) == 3
        assert on.nothing_left()


@in_virtual_time
async def test_without_a_consult_the_agent_s_bye_ends_the_dial() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/after", "<Speak>on</Speak>")
        a, b = await world.in_dial(ATTRIBUTES)
        b.hangs_up()
        await on.settled()
        assert a.hears == {"speak:en-US:WOMAN:on"}
        assert world.one("/after")["DialStatus"] == "completed"


@in_virtual_time
async def test_a_merge_makes_two_bs_and_the_action_waits_for_the_last() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/after", "<Hangup/>")
        a, b = await world.in_dial(ATTRIBUTES)
        transfer = start(on, b, Kind.WARM)
        t = await on.phone("1002").rings()
        t.answers()
        await on.settled()
        on.exchange.ask(r.JoinTransfer(transfer), cause="desktop")
        await on.settled()
        assert a.hears == {"1001", "1002"}
        assert told(world)[2:] == [("answer", t.leg), ("connected", t.leg)]
        b.hangs_up()
        await on.settled()
        assert told(world)[-1] == ("hangup", b.leg)
        assert world.hooks("/after") == []
        assert a.hears == {"1002"}
        t.hangs_up()
        await on.settled()
        assert world.one("/after")["DialBLegUUID"] == t.leg


@in_virtual_time
async def test_in_a_merged_call_each_b_is_put_together_with_a() -> None:
    async with stage() as on:
        world = World(on)
        a, b = await world.in_dial(ATTRIBUTES)
        transfer = start(on, b, Kind.WARM)
        t = await on.phone("1002").rings()
        t.answers()
        await on.settled()
        on.exchange.ask(r.JoinTransfer(transfer), cause="desktop")
        await on.settled()
        for line, partner in ((a, t), (b, a), (t, a)):
            view = (await world.api("GET", f"Call/{line.leg}/?status=live")).json()
            assert view["bridged_call_uuid"] == partner.leg


@in_virtual_time
async def test_after_a_merge_the_agent_may_be_the_last_b() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/after", "<Hangup/>")
        a, b = await world.in_dial(ATTRIBUTES)
        transfer = start(on, b, Kind.WARM)
        t = await on.phone("1002").rings()
        t.answers()
        await on.settled()
        on.exchange.ask(r.JoinTransfer(transfer), cause="desktop")
        t.hangs_up()
        await on.settled()
        assert a.hears == {"1001"}
        b.hangs_up()
        await on.settled()
        assert world.one("/after")["DialBLegUUID"] == b.leg
        assert told(world)[-2:] == [("hangup", t.leg), ("hangup", b.leg)]


@in_virtual_time
async def test_a_hands_b_to_somebody_else_and_b_is_no_longer_the_dial_s() -> None:
    """The leg that ran the Dial is the desktop's: an agent whose telephone asks an application."""
    async with stage() as on:
        world = World(on)
        world.page("/answer", f"<Dial {ATTRIBUTES}><User>sip:1001@switchhook.local</User></Dial>")
        a = on.phone("2001").calls("+14155550199")
        await on.settled()
        b = await on.phone("1001").rings()
        b.answers()
        await on.settled()
        transfer = start(on, a, Kind.CONSULT)
        t = await on.phone("1002").rings()
        t.answers()
        await on.settled()
        on.exchange.ask(r.CompleteTransfer(transfer), cause="desktop")
        await on.settled()
        assert (b.hears, t.hears) == ({"1002"}, {"1001"})
        assert a.over is not None
        assert told(world).count(("hangup", b.leg)) == 1
        b.hangs_up()
        await on.settled()
        assert told(world).count(("hangup", b.leg)) == 1
        assert t.over is not None
        assert on.nothing_left()


@in_virtual_time
async def test_a_fallback_that_takes_over_keeps_the_dial_going() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/after", "<Hangup/>")
        a, b = await world.in_dial(ATTRIBUTES)
        voicemail = on.exchange.directory.destination(ACCOUNT, "1003")
        fallbacks = (Fallback(FallbackKind.VOICEMAIL, voicemail), Fallback(FallbackKind.RELEASE))
        start(on, b, Kind.COLD, fallbacks=fallbacks)
        (await on.phone("1002").rings()).rejects(Outcome.BUSY)
        v = await on.phone("1003").rings()
        v.answers()
        await on.settled()
        assert a.hears == {"1003"}
        assert world.hooks("/after") == []
        assert told(world)[2:] == [("hangup", b.leg), ("answer", v.leg), ("connected", v.leg)]


@in_virtual_time
async def test_a_plivo_transfer_during_the_consult_takes_the_customer_away() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/new", "<Speak loop='0'>new</Speak>")
        a, b = await world.in_dial(ATTRIBUTES)
        start(on, b, Kind.CONSULT)
        t = await on.phone("1002").rings()
        t.answers()
        await on.settled()
        await world.transfer(a, legs="aleg", aleg_url=f"{APP}/new")
        assert a.hears == {"speak:en-US:WOMAN:new"}
        assert (b.hears, t.hears) == ({"1002"}, {"1001"})
        assert told(world)[2:] == [("hangup", b.leg)]
        assert world.hooks("/after") == []


@in_virtual_time
async def test_a_plivo_transfer_takes_the_agent_out_of_its_consult() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/newb", "<Speak loop='0'>new</Speak>")
        world.page("/after", "<Hangup/>")
        a, b = await world.in_dial(ATTRIBUTES)
        start(on, b, Kind.CONSULT)
        t = await on.phone("1002").rings()
        t.answers()
        await on.settled()
        await world.transfer(b, aleg_url=f"{APP}/newb")
        assert b.hears == {"speak:en-US:WOMAN:new"}
        assert (a.hears, t.hears) == ({"1002"}, {CUSTOMER})  # the agent left: the target has the customer
