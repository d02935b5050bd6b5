"""The worked transfers of plivo-xml 3.6: K is the customer, G the agent, T a third party."""

from __future__ import annotations

from switchhook.core.outcomes import Outcome
from switchhook.lab.stage import RINGBACK, Line
from switchhook.lab.virtual_time import in_virtual_time
from tests.dialects.plivo.common import APP, CUSTOMER, SIP, World, stage

T = "+14155550188"
MOH = "speak:en-US:WOMAN:please wait"


async def k_and_g(world: World) -> tuple[Line, Line]:
    world.page("/after-k", f"<Redirect>{APP}/stale</Redirect>")
    world.stage.phone(T)
    return await world.in_dial(f'action="{APP}/after-k" callbackUrl="{APP}/cb"')


@in_virtual_time
async def test_cold_the_agent_leaves_and_the_customer_rings_the_third() -> None:
    async with stage() as on:
        world = World(on)
        k, g = await k_and_g(world)
        world.page("/to-t", f'<Dial callerId="+14155550100"><Number>{T}</Number></Dial>')
        answer = await world.transfer(k, legs="aleg", aleg_url=f"{APP}/to-t")
        assert answer.status_code == 202
        assert g.over is Outcome.COMPLETED
        assert world.told("/cb", "DialAction", "DialBLegUUID")[-1] == ("hangup", g.leg)
        assert world.hooks("/after-k") == []
        assert world.one("/to-t")["Event"] == "Redirect"
        assert k.hears == {RINGBACK}
        t = await on.phone(T).rings()
        assert t.invitation is not None
        assert t.invitation.caller == "+14155550100"
        t.answers()
        await on.settled()
        assert (k.hears, t.hears) == ({T}, {CUSTOMER})


@in_virtual_time
async def test_cold_a_busy_third_party_ends_the_customer_s_call() -> None:
    async with stage() as on:
        world = World(on)
        k, _ = await k_and_g(world)
        on.phone(T, refuses=(Outcome.BUSY, 486))
        world.page("/to-t", f"<Dial><Number>{T}</Number></Dial>")
        await world.transfer(k, legs="aleg", aleg_url=f"{APP}/to-t")
        await on.passes(1)
        assert k.over is not None
        assert world.one("/hangup")["HangupCauseCode"] == "4010"
        assert world.hooks("/stale") == []
        assert on.nothing_left()


async def consulting(world: World) -> tuple[Line, Line, Line]:
    """The customer waits in a room with music, the agent talks with the third party in private."""
    on = world.stage
    k, g = await k_and_g(world)
    world.page("/moh", "<Speak>please wait</Speak>")
    world.page(
        "/hold",
        f"<Conference startConferenceOnEnter='false' waitSound='{APP}/moh'"
        f" callbackUrl='{APP}/conf'>room-1</Conference>",
    )
    world.page("/consult", f'<Dial action="{APP}/back" callbackUrl="{APP}/cb2"><Number>{T}</Number></Dial>')
    world.page("/join", '<Conference startConferenceOnEnter="true" endConferenceOnExit="true">room-1</Conference>')
    world.page("/back", "<Hangup/>")
    on.web.on(f"{APP}/cb2", "")
    await world.transfer(k, legs="both", aleg_url=f"{APP}/hold", bleg_url=f"{APP}/consult")
    t = await on.phone(T).rings()
    assert g.hears == {RINGBACK}
    t.answers()
    await on.settled()
    return k, g, t


@in_virtual_time
async def test_two_steps_consult() -> None:
    async with stage() as on:
        world = World(on)
        k, g, t = await consulting(world)
        assert k.hears == {MOH}
        assert (g.hears, t.hears) == ({T}, {"1001"})
        assert world.told("/conf", "ConferenceAction", "ConferenceFirstMember") == [("enter", "true")]
        assert world.told("/cb", "DialAction") == [("answer",), ("connected",)]
        assert world.told("/cb2", "DialAction", "CallUUID") == [("answer", g.leg), ("connected", g.leg)]
        consult = world.one("/consult")
        assert (consult["CallUUID"], consult["ALegUUID"]) == (g.leg, k.leg)


@in_virtual_time
async def test_two_steps_complete() -> None:
    async with stage() as on:
        world = World(on)
        k, g, t = await consulting(world)
        await world.transfer(g, legs="bleg", bleg_url=f"{APP}/join")
        assert (k.hears, t.hears) == ({T}, {CUSTOMER})
        back = world.one("/back")
        assert (back["DialStatus"], back["CallUUID"]) == ("completed", g.leg)
        assert g.over is Outcome.COMPLETED
        assert world.hooks("/after-k") == []
        t.hangs_up()
        await on.settled()
        assert k.over is not None  # T's exit ends the room, and nothing is left to run
        assert on.nothing_left()


@in_virtual_time
async def test_two_steps_cancel_by_the_third_party() -> None:
    async with stage() as on:
        world = World(on)
        k, g, t = await consulting(world)
        join = '<Conference startConferenceOnEnter="true" endConferenceOnExit="true">room-1</Conference>'
        world.page("/back", join)
        t.hangs_up()
        await on.settled()
        assert world.one("/back")["DialStatus"] == "completed"
        assert (k.hears, g.hears) == ({"1001"}, {CUSTOMER})


@in_virtual_time
async def test_two_steps_cancel_while_the_third_party_rings() -> None:
    async with stage() as on:
        world = World(on)
        k, g = await k_and_g(world)
        world.page("/hold", "<Conference startConferenceOnEnter='false'>room-1</Conference>")
        world.page("/consult", f'<Dial action="{APP}/back"><Number>{T}</Number></Dial>')
        world.page("/join", "<Conference>room-1</Conference>")
        await world.transfer(k, legs="both", aleg_url=f"{APP}/hold", bleg_url=f"{APP}/consult")
        t = await on.phone(T).rings()
        await world.transfer(g, legs="aleg", aleg_url=f"{APP}/join")
        assert t.over is Outcome.CANCELLED
        assert (k.hears, g.hears) == ({"1001"}, {CUSTOMER})
        assert world.hooks("/back") == []


@in_virtual_time
async def test_two_steps_merge() -> None:
    async with stage() as on:
        world = World(on)
        k, g, t = await consulting(world)
        await world.transfer(g, legs="both", aleg_url=f"{APP}/join", bleg_url=f"{APP}/join")
        assert k.hears == {"1001", T}
        assert g.hears == {CUSTOMER, T}
        assert t.hears == {CUSTOMER, "1001"}
        assert world.hooks("/back") == []


@in_virtual_time
async def test_two_steps_the_customer_abandons() -> None:
    async with stage() as on:
        world = World(on)
        k, g, t = await consulting(world)
        k.hangs_up()
        await on.settled()
        assert world.told("/conf", "ConferenceAction")[-1] == ("exit",)
        assert world.one("/hangup")["CallUUID"] == k.leg
        assert (g.hears, t.hears) == ({T}, {"1001"})
        g.hangs_up()
        await on.settled()
        assert t.over is not None
        assert on.nothing_left()


@in_virtual_time
async def test_warm_through_a_call_that_the_application_makes() -> None:
    async with stage() as on:
        world = World(on)
        k, g = await k_and_g(world)
        world.page("/join", "<Conference>room-1</Conference>")
        on.web.on(f"{APP}/t-result", "")
        asked = {"from": "+14155550100", "to": T, "answer_url": f"{APP}/join", "hangup_url": f"{APP}/t-result"}
        await world.api("POST", "Call/", asked)
        t = await on.phone(T).rings()
        assert k.hears == {"1001"}
        t.answers()
        await on.settled()
        assert t.hears == set()
        await world.transfer(k, legs="aleg", aleg_url=f"{APP}/join")
        assert g.over is not None
        assert (k.hears, t.hears) == ({T}, {CUSTOMER})


@in_virtual_time
async def test_warm_nobody_answers_and_the_customer_never_notices() -> None:
    async with stage() as on:
        world = World(on)
        k, g = await k_and_g(world)
        on.web.on(f"{APP}/t-result", "")
        asked = {"from": "1", "to": T, "answer_url": f"{APP}/join", "hangup_url": f"{APP}/t-result", "ring_timeout": 9}
        await world.api("POST", "Call/", asked)
        await on.passes(10)
        assert world.one("/t-result")["HangupCause"] == "NO_ANSWER"
        assert (k.hears, g.hears) == ({"1001"}, {CUSTOMER})


@in_virtual_time
async def test_both_legs_meet_again_in_one_room_and_a_third_is_dialled_in() -> None:
    async with stage() as on:
        world = World(on)
        k, g = await k_and_g(world)
        url = world.page("/room", "<Conference>three</Conference>")
        await world.transfer(k, legs="both", aleg_url=url, bleg_url=url)
        assert (k.hears, g.hears) == ({"1001"}, {CUSTOMER})
        on.phone("1002")
        await world.api("POST", "Call/", {"from": "1", "to": f"sip:1002@{SIP}", "answer_url": url})
        (await on.phone("1002").rings()).answers()
        await on.settled()
        assert k.hears == {"1001", "1002"}
