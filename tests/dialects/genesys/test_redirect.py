"""Redirect of the Workspace API: a call that rings is sent on to somebody else (genesys 8.1)."""

from __future__ import annotations

import pytest

from switchhook.lab.stage import MUSIC, RINGBACK, Stage
from switchhook.lab.virtual_time import in_virtual_time
from tests.dialects.genesys.office import ACCOUNT, OUTSIDE, SERVICE, Desktop, settings
from tests.dialects.genesys.worker import Worker, states, talking

APP, NUMBER = "http://app.example.com", "+14155550177"


@in_virtual_time
async def test_a_ringing_call_is_sent_on_to_a_colleague() -> None:
    async with Stage(settings(), dialects=("genesys",)) as stage:
        desk, other = await Worker(stage).opens(), await Worker(stage, "agent2").opens()
        await desk.told()
        await other.told()
        customer = stage.phone(OUTSIDE).calls(SERVICE)
        agent = await stage.phone("1001").rings()
        [ringing] = await desk.told()
        assert "redirect" in ringing["call"]["capabilities"]
        await desk.does(ringing["call"], "update-user-data", userData=[{"key": "k", "type": "str", "value": "v"}])
        assert states(await desk.does(ringing["call"], "redirect", destination="5002")) == [("Inbound", "Released")]
        assert agent.over is not None
        target = await stage.phone("1002").rings()
        [seen] = await other.told()
        assert (seen["call"]["state"], seen["call"]["callType"]) == ("Ringing", "Inbound")
        assert [each["number"] for each in seen["call"]["participants"]] == [OUTSIDE]
        assert seen["call"]["userData"] == [{"key": "k", "type": "str", "value": "v"}]
        assert seen["call"]["connId"] == ringing["call"]["connId"]
        assert customer.over is None
        target.answers()
        await stage.settled()
        assert (customer.hears, target.hears) == ({"1002"}, {OUTSIDE})


@in_virtual_time
async def test_a_consult_is_sent_on_and_who_asked_sees_to_whom() -> None:
    async with talking() as office:
        told = await office.desk.does(office.call, "initiate-transfer", destination="5002")
        consult = told[1]["call"]
        await office.stage.phone("1002").rings()
        [asked] = await office.other.told()
        assert states(await office.other.does(asked["call"], "redirect", destination="5003")) == [
            ("Consult", "Released")
        ]
        third = await office.stage.phone("1003").rings()
        seen = (await office.desk.told())[-1]
        assert (seen["notificationType"], seen["call"]["id"]) == ("ParticipantsUpdated", consult["id"])
        assert [each["number"] for each in seen["call"]["participants"]] == ["5003"]
        assert (office.customer.hears, office.agent.hears) == ({MUSIC}, {RINGBACK})
        third.answers()
        await office.stage.settled()
        await office.desk.does(consult, "complete-transfer", parentConnId=office.call["id"])
        assert (office.customer.hears, third.hears) == ({"1003"}, {OUTSIDE})


@in_virtual_time
@pytest.mark.parametrize("destination", ["", "5001", "+14155550123", "nobody"])
async def test_a_redirect_that_cannot_be_leaves_the_call_ringing(destination: str) -> None:
    async with Stage(settings(), dialects=("genesys",)) as stage:
        desk = await Worker(stage).opens()
        await desk.told()
        stage.phone(OUTSIDE).calls(SERVICE)
        agent = await stage.phone("1001").rings()
        [ringing] = await desk.told()
        assert await desk.fails(ringing["call"], "redirect", destination=destination) == 400
        assert agent.over is None


@in_virtual_time
async def test_what_does_not_ring_is_not_sent_on() -> None:
    async with talking() as office:
        assert "redirect" not in office.call["capabilities"]
        assert await office.desk.fails(office.call, "redirect", destination="5002") == 400
        [consult] = [
            each["call"] for each in await office.desk.does(office.call, "initiate-transfer", destination="5002")
        ][1:]
        assert await office.desk.fails(consult, "redirect", destination="5003") == 400  # its own end does not ring


@in_virtual_time
async def test_a_plivo_dial_goes_on_with_whom_the_call_was_sent_to() -> None:
    config = settings(
        application=[{"app_id": "app1", "account": ACCOUNT, "answer_url": f"{APP}/answer"}],
        number=[{"number": NUMBER, "account": ACCOUNT, "application": "app1"}],
    )
    async with Stage(config, dialects=("plivo", "genesys")) as stage:
        users = "<User>sip:1001@phone.plivo.com</User>"
        dial = f'<Dial action="{APP}/after" callbackUrl="{APP}/told">{users}</Dial>'
        stage.web.on(f"{APP}/answer", f"<Response>{dial}</Response>")
        for path in ("told", "after"):
            stage.web.on(f"{APP}/{path}", "<Response/>")
        desk, old = await Worker(stage).opens(), await Desktop(stage).opens()
        await desk.told()
        customer = stage.phone(OUTSIDE).calls(NUMBER)
        agent = await stage.phone("1001").rings()
        [ringing] = await desk.told()
        assert await old.post(f"/me/calls/{ringing['call']['callUuid']}", "Redirect") == (403, 3)  # not of that API
        await desk.does(ringing["call"], "redirect", destination="5002")
        assert agent.over is not None
        target = await stage.phone("1002").rings()
        target.answers()
        await stage.passes(1)
        assert customer.hears == {"1002"}
        told = [hook.form for hook in stage.web.to(f"{APP}/told")]
        [answered] = [form for form in told if form["DialAction"] == "answer"]
        assert "1002" in answered["DialBLegTo"]
        target.hangs_up()
        await stage.passes(1)
        [after] = stage.web.to(f"{APP}/after")
        assert (after.form["DialStatus"], after.form["DialBLegUUID"]) == ("completed", answered["DialBLegUUID"])


@in_virtual_time
async def test_who_dialled_sees_the_new_party_as_the_one_who_is_called() -> None:
    async with Stage(settings(), dialects=("genesys",)) as stage:
        desk, other = await Worker(stage).opens(), await Worker(stage, "agent2").opens()
        stage.phone("1001", answers_after_s=0.1)
        await other.told()
        assert await desk.post("/voice/make-call", destination="5002") == (200, 1)
        await stage.phone("1002").rings()
        [rung] = await other.told()
        assert rung["call"]["participants"] == [{"number": "5001", "role": "RoleOrigination"}]
        await other.does(rung["call"], "redirect", destination="5003")
        await stage.phone("1003").rings()
        call = (await desk.told())[-1]["call"]
        assert call["participants"] == [{"number": "5003", "role": "RoleDestination"}]
        assert (call["ani"], call["dnis"], call["state"]) == ("5001", "5002", "Dialing")
