"""A call that Plivo started, on an agent's desktop: it is shown like any call, and transferred from there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from switchhook.lab.stage import MUSIC, Line, Stage
from switchhook.lab.virtual_time import in_virtual_time
from tests.dialects.genesys.office import ACCOUNT, OUTSIDE, TREE, Desktop, settings, states

APP = "http://app.example.com"
NUMBER = "+14155550177"


@dataclass
class Scene:
    stage: Stage
    desk: Desktop
    customer: Line
    agent: Line
    call: dict[str, Any]


@asynccontextmanager
async def dialled() -> AsyncIterator[Scene]:
    """A customer calls an application, whose document dials agent1's telephone."""
    config = settings(
        application=[{"app_id": "app1", "account": ACCOUNT, "answer_url": f"{APP}/answer", "hangup_url": f"{APP}/bye"}],
        number=[{"number": NUMBER, "account": ACCOUNT, "application": "app1"}],
    )
    async with Stage(config, dialects=("plivo", "genesys")) as stage:
        dial = f'<Dial action="{APP}/after"><User>sip:1001@phone.plivo.com</User></Dial>'
        stage.web.on(f"{APP}/answer", f"<Response>{dial}</Response>")
        stage.web.on(f"{APP}/after", "<Response><Wait length='60'/></Response>")
        stage.web.on(f"{APP}/bye", "")
        desk = await Desktop(stage).opens()
        customer = stage.phone(OUTSIDE).calls(NUMBER)
        agent = await stage.phone("1001").rings()
        [ringing] = await desk.told()
        assert states([ringing]) == [("Inbound", "Ringing")]
        assert ringing["call"]["dnis"] == NUMBER
        assert [each["phoneNumber"] for each in ringing["call"]["participants"]] == [OUTSIDE]
        agent.answers()
        assert states(await desk.told()) == [("Inbound", "Established")]
        assert customer.hears == {"1001"}
        yield Scene(stage, desk, customer, agent, ringing["call"])


@in_virtual_time
async def test_the_desktop_transfers_it_in_two_steps() -> None:
    async with dialled() as scene:
        desk, stage = scene.desk, scene.stage
        told = await desk.does(scene.call, "InitiateTransfer", destination={"phoneNumber": "5002"})
        assert states(told) == [("Inbound", "Held"), ("Consult", "Dialing")]
        target = await stage.phone("1002").rings()
        target.answers()
        await desk.told()
        assert scene.customer.hears == {MUSIC}
        assert states(await desk.does(told[1]["call"], "CompleteTransfer")) == [
            ("Inbound", "Released"),
            ("Consult", "Released"),
        ]
        assert scene.customer.hears == {"1002"}
        assert stage.web.to(f"{APP}/after") == []
        target.hangs_up()
        await stage.passes(1)
        assert len(stage.web.to(f"{APP}/after")) == 1
        assert scene.customer.over is None


@in_virtual_time
async def test_hangup_ends_the_agents_part_and_the_document_goes_on() -> None:
    async with dialled() as scene:
        assert states(await scene.desk.does(scene.call, "Hangup")) == [("Inbound", "Released")]
        await scene.stage.passes(1)
        assert scene.agent.over is not None
        assert scene.customer.over is None
        assert len(scene.stage.web.to(f"{APP}/after")) == 1


@in_virtual_time
async def test_hold_and_retrieve_act_on_that_same_call() -> None:
    async with dialled() as scene:
        await scene.desk.does(scene.call, "Hold")
        assert scene.customer.hears == {MUSIC}
        await scene.desk.does(scene.call, "Retrieve")
        assert scene.customer.hears == {"1001"}


@in_virtual_time
async def test_a_target_that_is_not_reached_after_completion_lets_the_document_go_on() -> None:
    async with dialled() as scene:
        told = await scene.desk.does(scene.call, "InitiateTransfer", destination={"phoneNumber": "5002"})
        target = await scene.stage.phone("1002").rings()
        await scene.desk.does(told[1]["call"], "CompleteTransfer")
        target.rejects()
        await scene.stage.passes(1)
        assert scene.customer.over is None
        assert len(scene.stage.web.to(f"{APP}/after")) == 1


@in_virtual_time
async def test_the_customer_hangs_up_during_the_consult_and_the_agents_go_on() -> None:
    async with dialled() as scene:
        told = await scene.desk.does(scene.call, "InitiateTransfer", destination={"phoneNumber": "5002"})
        target = await scene.stage.phone("1002").rings()
        target.answers()
        await scene.desk.told()
        scene.customer.hangs_up()
        told = await scene.desk.told()
        assert states(told) == [("Inbound", "Released"), ("Consult", "Established")]
        assert scene.agent.hears == {"1002"}
        assert target.hears == {"1001"}


@in_virtual_time
async def test_a_call_of_a_program_alone_offers_what_can_be_done_and_takes_its_data_into_the_room() -> None:
    config = settings(application=[{"app_id": "app1", "account": ACCOUNT, "answer_url": f"{APP}/answer"}])
    async with Stage(config, dialects=("plivo", "genesys")) as stage:
        dial = "<Dial><User>sip:1002@phone.plivo.com</User></Dial>"
        stage.web.on(f"{APP}/answer", f"<Response><Wait length='5'/>{dial}</Response>")
        desk = await Desktop(stage).opens()
        body = {"from": OUTSIDE, "to": "sip:1001@phone.plivo.com", "answer_url": f"{APP}/answer"}
        reply = await stage.http.post(f"/v1/Account/{ACCOUNT}/Call/", json=body, auth=(ACCOUNT, "token"))
        assert reply.status_code == 201
        agent = await stage.phone("1001").rings()
        [ringing] = await desk.told()
        call = ringing["call"]
        user_data = {"AttachUserData", "UpdateUserData", "DeleteUserData", "DeleteUserDataPair"}
        assert set(call["capabilities"]) == user_data | {"Answer"}
        [told] = await desk.does(call, "UpdateUserData", userData={"Case": "7"})
        assert (told["notificationType"], told["call"]["userData"]) == ("AttachedDataChanged", {"Case": "7"})
        agent.answers()
        [established] = await desk.told()
        assert set(established["call"]["capabilities"]) == user_data | {"Hangup"}
        for operation in ("Hold", "SendDtmf", "InitiateTransfer", "SingleStepTransfer"):
            assert await desk.fails(call, operation, destination={"phoneNumber": "5002"}, digits="1") == 2
        target = await stage.phone("1002").rings()
        target.answers()
        await desk.told()
        [shown] = await desk.calls()
        assert (shown["id"], shown["state"], shown["userData"]) == (call["id"], "Established", {"Case": "7"})
        assert "InitiateTransfer" in shown["capabilities"]
        agent.hangs_up()
        target.hangs_up()
        await stage.settled()
        assert stage.nothing_left()


@in_virtual_time
async def test_a_document_that_dials_who_is_not_to_be_disturbed_is_told_busy_and_a_forward_is_followed() -> None:
    config = settings(
        application=[{"app_id": "app1", "account": ACCOUNT, "answer_url": f"{APP}/answer", "hangup_url": f"{APP}/bye"}],
        number=[{"number": NUMBER, "account": ACCOUNT, "application": "app1"}],
    )
    async with Stage(config, dialects=("plivo", "genesys")) as stage:
        dial = f'<Dial action="{APP}/after"><User>sip:1001@phone.plivo.com</User></Dial>'
        stage.web.on(f"{APP}/answer", f"<Response>{dial}</Response>")
        stage.web.on(f"{APP}/after", "<Response><Wait length='60'/></Response>")
        stage.web.on(f"{APP}/bye", "")
        desk, other = Desktop(stage), stage.phone("1002")
        path = f"/me/devices/{desk.user.device}"
        assert await desk.post(path, "DoNotDisturbOn") == (200, 0)
        stage.phone(OUTSIDE).calls(NUMBER)
        await stage.passes(2)
        [after] = stage.web.to(f"{APP}/after")
        assert after.form["DialStatus"] == "busy"
        assert stage.phone("1001").lines == []
        assert await desk.post(path, "ForwardCallsOn", destination="5002") == (200, 0)
        customer = stage.phone(OUTSIDE).calls(NUMBER)
        (await other.rings()).answers()
        await stage.settled()
        assert customer.hears == {"1002"}


@in_virtual_time
async def test_a_document_does_not_notice_that_a_supervisor_listens() -> None:
    agents = [*TREE["agent"][:2], {**TREE["agent"][2], "features": ["api-voice", "api-supervisor-monitoring"]}]
    config = settings(
        agent=agents,
        application=[{"app_id": "app1", "account": ACCOUNT, "answer_url": f"{APP}/answer", "hangup_url": f"{APP}/bye"}],
        number=[{"number": NUMBER, "account": ACCOUNT, "application": "app1"}],
    )
    async with Stage(config, dialects=("plivo", "genesys")) as stage:
        user = "<User>sip:1001@phone.plivo.com</User>"
        dial = f'<Dial action="{APP}/after" callbackUrl="{APP}/told">{user}</Dial>'
        stage.web.on(f"{APP}/answer", f"<Response>{dial}</Response>")
        stage.web.on(f"{APP}/after", "<Response><Wait length='60'/></Response>")
        for path in ("told", "bye"):
            stage.web.on(f"{APP}/{path}", "")
        boss, agent = Desktop(stage, "agent3"), Desktop(stage)
        for name in ("1001", "1003"):
            stage.phone(name, answers_after_s=0.1)
        customer = stage.phone(OUTSIDE).calls(NUMBER)
        await stage.passes(1)
        before = len(stage.web.hooks)
        target = f"http://127.0.0.1:8080/api/v2/devices/{agent.user.device}"
        answer = await boss.post(f"/me/devices/{boss.user.device}", "ListenIn", targetDeviceUri=target)
        assert answer == (200, 0)
        await stage.passes(1)
        assert stage.phone("1003").line.hears == {"1001", OUTSIDE}
        assert customer.hears == {"1001"}
        assert len(stage.web.hooks) == before
        stage.phone("1001").line.hangs_up()
        await stage.passes(1)
        [after] = stage.web.to(f"{APP}/after")
        assert after.form["DialStatus"] == "completed"
        assert stage.phone("1003").line.over is not None
        assert customer.over is None
