"""User data goes where the call goes: to the next agent, into INVITEs, and into the webhooks of Plivo documents."""

from __future__ import annotations

from typing import Any

import pytest

from switchhook.exchange.user_data import MAX_PAIRS, brought, headers
from switchhook.lab.stage import Stage
from switchhook.lab.virtual_time import in_virtual_time
from tests.dialects.genesys.office import ACCOUNT, OUTSIDE, SERVICE, Desktop, settings
from tests.dialects.genesys.scene import talking, to

APP = "http://app.example.com"
NUMBER = "+14155550177"
CASE = {"case": "17", "tier": "gold"}


def custom(lines: tuple[tuple[str, str], ...]) -> dict[str, str]:
    return {name: value for name, value in lines if name.startswith("X-PH-")}


# --- between agents ---------------------------------------------------------------------------------------------------


@in_virtual_time
@pytest.mark.parametrize("end", ["CompleteTransfer", "CompleteConference"])
async def test_the_next_agent_has_it_from_ringing_on_and_keeps_what_either_added(end: str) -> None:
    async with talking() as scene:
        await scene.desk.does(scene.call, "UpdateUserData", userData=CASE)
        _, dialing = await scene.desk.does(scene.call, "InitiateConference", **to("5002"), userData={"why": "tax"})
        target = await scene.stage.phone("1002").rings()
        [ringing] = await scene.other.told()
        assert ringing["call"]["userData"] == {**CASE, "why": "tax"}
        assert target.invitation is not None
        assert custom(target.invitation.headers) == {"X-PH-case": "17", "X-PH-tier": "gold", "X-PH-why": "tax"}
        target.answers()
        [established] = await scene.other.told()
        await scene.other.does(established["call"], "DeleteUserDataPair", key="tier")
        await scene.other.does(established["call"], "UpdateUserData", userData={"seen": "yes"})
        await scene.desk.does(dialing["call"], end)
        [theirs] = await scene.other.calls()
        assert theirs["userData"] == {"case": "17", "why": "tax", "seen": "yes"}
        for call in await scene.desk.calls():
            assert call["userData"] == theirs["userData"]


@in_virtual_time
@pytest.mark.parametrize("operation", ["SingleStepTransfer", "SingleStepConference"])
async def test_one_step_takes_it_along_too(operation: str) -> None:
    async with talking() as scene:
        await scene.desk.does(scene.call, "UpdateUserData", userData=CASE)
        await scene.desk.does(scene.call, operation, **to("5002"), userData={"why": "tax"})
        target = await scene.stage.phone("1002").rings()
        assert target.invitation is not None
        assert custom(target.invitation.headers) == {"X-PH-case": "17", "X-PH-tier": "gold", "X-PH-why": "tax"}
        [ringing] = await scene.other.told()
        assert ringing["call"]["userData"] == {**CASE, "why": "tax"}
        target.answers()
        await scene.stage.settled()


@in_virtual_time
async def test_dial_sends_it_with_the_invite() -> None:
    async with Stage(settings(), dialects=("genesys",)) as stage:
        desk = await Desktop(stage).opens()
        stage.phone("1001", answers_after_s=0.0)
        called = stage.phone(OUTSIDE)
        await desk.dial(OUTSIDE, userData={"case": "17", "deep": {"no": "header"}, "two words": "no", "lines": "a\nb"})
        line = await called.rings()
        assert line.invitation is not None
        assert custom(line.invitation.headers) == {"X-PH-case": "17"}
        line.rejects()
        await stage.settled()


# --- from outside -----------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_what_the_invite_brought_is_on_the_desktop_and_does_not_come_back_once_deleted() -> None:
    async with Stage(settings(), dialects=("genesys",)) as stage:
        desk, other = await Desktop(stage).opens(), await Desktop(stage, "agent2").opens()
        customer = stage.phone(OUTSIDE).calls(SERVICE, headers=(("X-PH-case", "17"), ("X-PH-vip", "yes")))
        agent = await stage.phone("1001").rings()
        [ringing] = await desk.told()
        assert ringing["call"]["userData"] == {"case": "17", "vip": "yes"}
        agent.answers()
        [established] = await desk.told()
        assert established["call"]["userData"] == {"case": "17", "vip": "yes"}
        await desk.does(established["call"], "DeleteUserDataPair", key="vip")
        await desk.does(established["call"], "SingleStepConference", **to("5002"))
        target = await stage.phone("1002").rings()
        [theirs] = await other.told()
        assert theirs["call"]["userData"] == {"case": "17"}
        for line in (target, customer, agent):
            line.hangs_up()
        await stage.settled()
        assert stage.nothing_left()


# --- and a document ---------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_a_plivo_document_gives_it_to_the_agent_and_is_told_what_the_agent_attached() -> None:
    config = settings(
        application=[{"app_id": "app1", "account": ACCOUNT, "answer_url": f"{APP}/answer", "hangup_url": f"{APP}/bye"}],
        number=[{"number": NUMBER, "account": ACCOUNT, "application": "app1"}],
    )
    async with Stage(config, dialects=("plivo", "genesys")) as stage:
        user = "<User sipHeaders='tier=gold'>sip:1001@phone.plivo.com</User>"
        dial = f'<Dial sipHeaders="case=17" action="{APP}/after">{user}</Dial>'
        stage.web.on(f"{APP}/answer", f"<Response>{dial}</Response>")
        stage.web.on(f"{APP}/after", "<Response><Hangup/></Response>")
        stage.web.on(f"{APP}/bye", "")
        desk = await Desktop(stage).opens()
        stage.phone(OUTSIDE).calls(NUMBER, headers=(("X-PH-shop", "Oslo"),))
        agent = await stage.phone("1001").rings()
        [ringing] = await desk.told()
        data: dict[str, Any] = ringing["call"]["userData"]
        assert data["shop"] == "Oslo"
        assert {"case": data.get("case"), "tier": data.get("tier")} == CASE
        agent.answers()
        [established] = await desk.told()
        await desk.does(established["call"], "UpdateUserData", userData={"result": "sold"})
        assert await desk.does(established["call"], "Hangup")
        await stage.passes(1)
        for path in ("after", "bye"):
            [hook] = stage.web.to(f"{APP}/{path}")
            found = {name: value for name, value in hook.form.items() if name.startswith("X-PH-")}
            assert found["X-PH-result"] == "sold"
            assert found["X-PH-shop"] == "Oslo"
        assert stage.nothing_left()


# --- the form ---------------------------------------------------------------------------------------------------------


def test_only_what_fits_becomes_a_header_and_comes_back_the_same() -> None:
    data: dict[str, object] = {"a": "1", "n": 2, "yes": True, "no": False, "twice": ("old", "new"), "x": None}
    data |= {"bad name": "1", "empty": "", "long": "x" * 121, "lines": "1\r\nX: 2", "padded": " x"}
    lines = headers(data)
    assert brought(lines) == {"a": "1", "n": "2", "yes": "true", "no": "false", "twice": "new"}
    assert len(headers({f"k{n}": "v" for n in range(99)})) == MAX_PAIRS
    assert brought((("Diversion", "x"), ("x-ph-low", "1"), ("X-PH-empty", ""))) == {"low": "1"}
