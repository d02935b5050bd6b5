"""Do not disturb and forwarding, set on a desktop and obeyed by the switch for whoever dials."""

from __future__ import annotations

from typing import Any

from switchhook.core import requests as r
from switchhook.core.outcomes import Outcome
from switchhook.lab.stage import Stage
from switchhook.lab.virtual_time import in_virtual_time
from tests.dialects.genesys.office import ACCOUNT, OUTSIDE, SERVICE, TREE, Desktop, settings, states


def office(**sections: Any) -> Stage:
    return Stage(settings(**sections), dialects=("genesys",))


async def does(desk: Desktop, operation: str, **parameters: Any) -> tuple[int, int]:
    return await desk.post(f"/me/devices/{desk.user.device}", operation, **parameters)


async def device(desk: Desktop) -> dict[str, Any]:
    found: dict[str, Any] = (await desk.get(f"/me/devices/{desk.user.device}"))["device"]
    return found


async def told(desk: Desktop) -> list[dict[str, Any]]:
    """Returns the devices of the device messages that wait."""
    found = [m["data"] for m in await desk.fetched() if m["channel"] == "/v2/me/devices"]
    assert all(data["messageType"] == "DeviceStateChangeMessage" for data in found)
    return [data["devices"][0] for data in found]


@in_virtual_time
async def test_do_not_disturb_refuses_a_customer_as_busy_and_is_told_on_the_device() -> None:
    async with office() as stage:
        desk = await Desktop(stage).opens("/v2/me/calls", "/v2/me/devices")
        assert {"DoNotDisturbOn", "ForwardCallsOn"} == set((await device(desk))["capabilities"])
        assert await does(desk, "DoNotDisturbOn") == (200, 0)
        [shown] = await told(desk)
        assert shown["doNotDisturb"] == "On"
        assert set(shown["capabilities"]) == {"DoNotDisturbOff", "ForwardCallsOn"}
        customer = stage.phone(OUTSIDE).calls(SERVICE)
        await stage.passes(0.5)
        assert (customer.over, customer.status) == (Outcome.BUSY, 486)
        assert stage.phone("1001").lines == []
        assert await desk.told() == []
        assert await does(desk, "DoNotDisturbOn") == (200, 0)
        assert await told(desk) == []
        assert await does(desk, "DoNotDisturbOff") == (200, 0)
        [shown] = await told(desk)
        assert shown["doNotDisturb"] == "Off"
        stage.phone(OUTSIDE).calls(SERVICE)
        await stage.phone("1001").rings()
        assert states(await desk.told()) == [("Inbound", "Ringing")]


@in_virtual_time
async def test_a_desk_phone_and_a_program_get_busy_too_and_the_agent_may_still_dial() -> None:
    async with office() as stage:
        desk = await Desktop(stage).opens()
        await does(desk, "DoNotDisturbOn")
        caller = stage.phone("1002").calls("5001")
        await stage.passes(0.5)
        assert caller.over is Outcome.BUSY
        destination = stage.exchange.directory.destination(ACCOUNT, "1001")
        stage.exchange.ask(r.Originate(ACCOUNT, destination, "100", "program"), cause="test")
        await stage.passes(0.5)
        assert stage.phone("1001").lines == []
        stage.phone("1001", answers_after_s=0.1)
        assert states(await desk.dial("5002")) == [("Internal", "Dialing")]
        (await stage.phone("1002").rings()).answers()
        assert states(await desk.told()) == [("Internal", "Established")]


@in_virtual_time
async def test_a_transfer_to_who_is_not_to_be_disturbed_comes_back() -> None:
    async with office() as stage:
        desk, other = await Desktop(stage).opens(), Desktop(stage, "agent2")
        await does(other, "DoNotDisturbOn")
        stage.phone("1001", answers_after_s=0.1)
        stage.phone(OUTSIDE).calls(SERVICE)
        await stage.passes(1)
        call = (await desk.told())[-1]["call"]
        await desk.does(call, "InitiateTransfer", destination={"phoneNumber": "5002"})
        await stage.passes(0.5)
        assert [each["state"] for each in await desk.calls()] == ["Held"]
        assert stage.phone("1002").lines == []


@in_virtual_time
async def test_forwarded_calls_ring_elsewhere() -> None:
    async with office() as stage:
        desk = await Desktop(stage).opens("/v2/me/calls", "/v2/me/devices")
        other = await Desktop(stage, "agent2").opens()
        assert await does(desk, "ForwardCallsOn", destination="5002") == (200, 0)
        [shown] = await told(desk)
        assert shown["forwardTo"] == "5002"
        assert "ForwardCallsOff" in shown["capabilities"]
        assert "ForwardCallsOn" not in shown["capabilities"]
        customer = stage.phone(OUTSIDE).calls(SERVICE)
        rung = await stage.phone("1002").rings()
        assert rung.invitation is not None
        assert rung.invitation.headers == (("Diversion", "<sip:5001@switchhook.local>;reason=unconditional"),)
        rung.answers()
        assert states(await other.told()) == [("Inbound", "Ringing"), ("Inbound", "Established")]
        assert await desk.told() == []
        assert customer.hears == {"1002"}
        assert await does(desk, "ForwardCallsOff") == (200, 0)
        [shown] = await told(desk)
        assert "forwardTo" not in shown
        customer.hangs_up()
        stage.phone("1003").calls("5001")
        rung = await stage.phone("1001").rings()
        assert rung.invitation is not None
        assert rung.invitation.headers == ()


@in_virtual_time
async def test_a_forwarded_telephone_that_is_not_registered_sends_its_calls_on() -> None:
    async with office() as stage:
        desk, outside = Desktop(stage), stage.phone(OUTSIDE)
        stage.exchange.state.registered.discard("1001")
        assert await does(desk, "ForwardCallsOn", destination=OUTSIDE) == (200, 0)
        stage.phone("1002").calls("5001")
        await outside.rings()


@in_virtual_time
async def test_what_cannot_be_forwarded_to_is_refused_and_changes_nothing() -> None:
    async with office() as stage:
        desk = Desktop(stage)
        before = await device(desk)
        assert await does(desk, "ForwardCallsOn") == (400, 1)
        assert await does(desk, "ForwardCallsOn", destination=7) == (400, 2)
        assert await does(desk, "ForwardCallsOn", destination="5001") == (400, 2)
        assert await does(desk, "ForwardCallsOn", destination="nobody") == (400, 2)
        assert await device(desk) == before


@in_virtual_time
async def test_without_the_voice_feature_nothing_is_offered_or_done() -> None:
    agents = [{**TREE["agent"][0], "features": ["api-multimedia-chat"]}, *TREE["agent"][1:]]
    async with office(agent=agents) as stage:
        desk = Desktop(stage)
        assert (await device(desk))["capabilities"] == []
        for operation in ("DoNotDisturbOn", "ForwardCallsOn", "ListenIn", "CancelSupervisorMonitoring"):
            assert await does(desk, operation, destination="5002") == (403, 5)
