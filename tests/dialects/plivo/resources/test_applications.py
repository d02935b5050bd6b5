"""Application/: made, shown, changed and deleted by API; the next call is asked about at the URL of now."""

from __future__ import annotations

import json
from typing import Any

from switchhook.core import events as e
from switchhook.core.ids import LegId
from switchhook.core.outcomes import Outcome
from switchhook.core.requests import ToNobody
from switchhook.exchange.routes import Directory
from switchhook.lab.stage import Line
from switchhook.lab.virtual_time import in_virtual_time
from tests.dialects.plivo.common import ACCOUNT, APP, OTHER, OTHER_TOKEN, SIP, SUB, SUB_TOKEN, World, settings, stage

NEW = {"app_name": "shop", "answer_url": f"{APP}/shop"}
ENDPOINTS = [{"username": f"100{n}", "password": f"secret-{n}", "account": ACCOUNT} for n in (1, 2, 3)]
BOUGHT = "14155550177"


@in_virtual_time
async def test_made_shown_and_listed() -> None:
    async with stage() as on:
        world = World(on)
        made = await world.api("POST", "Application/", {**NEW, "hangup_url": f"{APP}/bye", "hangup_method": "GET"})
        assert made.status_code == 201
        body = made.json()
        assert set(body) == {"api_id", "app_id", "message"}
        assert body["message"] == "created"
        assert body["app_id"].isdigit()
        assert len(body["app_id"]) == 17
        for path in (f"Application/{body['app_id']}/", f"application/{body['app_id']}"):
            shown = await world.api("GET", path)
            assert shown.status_code == 200
            assert shown.json().pop("api_id")
            assert {name: value for name, value in shown.json().items() if name != "api_id"} == {
                "app_id": body["app_id"],
                "app_name": "shop",
                "answer_url": f"{APP}/shop",
                "answer_method": "POST",
                "hangup_url": f"{APP}/bye",
                "hangup_method": "GET",
                "fallback_answer_url": "",
                "fallback_method": "POST",
                "message_url": "",
                "message_method": "POST",
                "default_app": False,
                "default_endpoint_app": False,
                "enabled": True,
                "public_uri": False,
                "log_incoming_messages": True,
                "resource_uri": f"/v1/Account/{ACCOUNT}/Application/{body['app_id']}/",
                "sip_uri": f"sip:{body['app_id']}@{SIP}",
                "sub_account": None,
            }
        listed = (await world.api("GET", "Application/")).json()
        assert [each["app_id"] for each in listed["objects"]] == ["app1", body["app_id"]]
        assert listed["meta"]["total_count"] == listed["meta"]["count"] == 2
        named = (await world.api("GET", "Application/?app_name=shop")).json()["objects"]
        assert [each["app_name"] for each in named] == ["shop"]


@in_virtual_time
async def test_a_changed_answer_url_is_asked_at_the_next_call() -> None:
    async with stage() as on:
        world = World(on)
        app = (await world.api("POST", "Application/", NEW)).json()["app_id"]
        assert (await world.api("POST", "Number/", {"numbers": BOUGHT, "app_id": app})).status_code == 202
        world.page("/shop", "<Wait length='60'/>")
        world.page("/other", "<Wait length='60'/>")
        first = on.phone("+14155550123").calls(f"+{BOUGHT}")
        await on.settled()
        assert world.one("/shop")["CallUUID"] == first.leg
        changed = await world.api("POST", f"Application/{app}/", {"answer_url": f"{APP}/other", "answer_method": "GET"})
        assert (changed.status_code, changed.json()["message"]) == (202, "changed")
        second = on.phone("+14155550124").calls(f"+{BOUGHT}")
        await on.settled()
        assert world.one("/other")["CallUUID"] == second.leg
        first.hangs_up()
        await on.settled()
        assert [hook.method for hook in on.web.to(f"{APP}/shop")] == ["POST", "POST"]  # its own hangup, where it began


@in_virtual_time
async def test_deleting_leaves_numbers_and_telephones_or_gives_telephones_to_another() -> None:
    async with stage() as on:
        world = World(on)
        one, two, three = [
            (await world.api("POST", "Application/", {**NEW, "app_name": name})).json()["app_id"] for name in "abc"
        ]
        await world.api("POST", "Number/", {"numbers": BOUGHT, "app_id": one})
        made = {"username": "zumba", "password": "secret", "alias": "zumba"}
        telephone = (await world.api("POST", "Endpoint/", {**made, "app_id": one})).json()["endpoint_id"]
        gone = await world.api("DELETE", f"Application/{one}/", {"new_endpoint_application": two})
        assert (gone.status_code, gone.content) == (204, b"")
        assert (await world.api("GET", f"Application/{one}/")).status_code == 404
        assert (await world.api("GET", f"Number/{BOUGHT}/")).json()["application"] is None
        shown = (await world.api("GET", f"Endpoint/{telephone}/")).json()
        assert shown["application"] == f"/v1/Account/{ACCOUNT}/Application/{two}/"
        caller = on.phone("+14155550123").calls(f"+{BOUGHT}")
        await on.settled()
        assert caller.over is not None  # nobody answers the number any more
        assert (await world.api("DELETE", f"Application/{two}/", {})).status_code == 204
        assert (await world.api("GET", f"Endpoint/{telephone}/")).json()["application"] is None
        await world.api("POST", f"Endpoint/{telephone}/", {"app_id": three})
        assert (await world.api("DELETE", f"Application/{three}/?cascade=true")).status_code == 204
        assert (await world.api("GET", f"Endpoint/{telephone}/")).status_code == 404


@in_virtual_time
async def test_one_default_for_numbers_and_one_for_telephones() -> None:
    async with stage() as on:
        world = World(on)
        defaults = {"default_number_app": "true", "default_endpoint_app": True}
        apps = [
            (await world.api("POST", "Application/", {**NEW, "app_name": name, **defaults})).json()["app_id"]
            for name in ("first", "second")
        ]
        shown = [(await world.api("GET", f"Application/{app}/")).json() for app in apps]
        assert [(each["default_app"], each["default_endpoint_app"]) for each in shown] == [(False, False), (True, True)]
        await world.api("POST", "Number/", {"numbers": BOUGHT})
        assert (await world.api("GET", f"Number/{BOUGHT}/")).json()["application"].endswith(f"/{apps[1]}/")
        made = {"username": "zumba", "password": "secret", "alias": "zumba"}
        endpoint = (await world.api("POST", "Endpoint/", made)).json()["endpoint_id"]
        assert (await world.api("GET", f"Endpoint/{endpoint}/")).json()["application"].endswith(f"/{apps[1]}/")


@in_virtual_time
async def test_a_sub_account_has_its_own() -> None:
    async with stage() as on:
        world = World(on)
        app = (await world.api("POST", "Application/", {**NEW, "subaccount": SUB})).json()["app_id"]
        shown = (await world.api("GET", f"Application/{app}/")).json()
        assert shown["sub_account"] == f"/v1/Account/{ACCOUNT}/Subaccount/{SUB}/"
        theirs = await world.api("GET", "Application/", auth=(SUB, SUB_TOKEN), account=SUB)
        assert [each["app_id"] for each in theirs.json()["objects"]] == [app]
        mine = await world.api("GET", f"Application/?subaccount={SUB}")
        assert [each["app_id"] for each in mine.json()["objects"]] == [app]
        for path in ("Application/app1/", "Application/10/"):
            assert (await world.api("GET", path, auth=(SUB, SUB_TOKEN), account=SUB)).status_code == 404
        stranger: dict[str, Any] = {"auth": (OTHER, OTHER_TOKEN), "account": OTHER}
        for method in ("GET", "POST", "DELETE"):
            answer = await world.api(method, f"Application/{app}/", {"app_name": "mine"}, **stranger)
            assert (answer.status_code, "not found" in answer.json()["error"]) == (404, True)
        assert (await world.api("GET", f"Application/{app}/")).json() | {"api_id": ""} == shown | {"api_id": ""}


@in_virtual_time
async def test_what_the_file_declares_is_shown_and_stays() -> None:
    async with stage() as on:
        world = World(on)
        before = (await world.api("GET", "Application/app1/")).json()
        assert before["answer_url"] == f"{APP}/answer"
        for method in ("POST", "DELETE"):
            answer = await world.api(method, "Application/app1/", {"answer_url": f"{APP}/elsewhere"})
            assert answer.status_code == 403
            assert "configuration file" in answer.json()["error"]
        assert (await world.api("GET", "Application/app1/")).json() | {"api_id": ""} == before | {"api_id": ""}


@in_virtual_time
async def test_a_telephone_calls_an_application_by_its_sip_uri() -> None:
    async with stage() as on:
        world = World(on)
        app = (await world.api("POST", "Application/", NEW)).json()["app_id"]
        world.page("/shop", "<Wait length='60'/>")
        line = on.phone("1001").calls(app)
        await on.settled()
        assert world.one("/shop")["CallUUID"] == line.leg


@in_virtual_time
async def test_an_application_does_not_take_the_calls_of_a_telephone_of_its_name() -> None:
    file = {"app_id": "1002", "account": ACCOUNT, "answer_url": f"{APP}/answer"}
    async with stage(application=[file], number=[], endpoint=ENDPOINTS) as on:
        line = on.phone("1001").calls("1002")
        (await on.phone("1002").rings()).answers()
        await on.settled()
        assert line.hears == {"1002"}
        assert on.web.hooks == []


@in_virtual_time
async def test_an_application_of_strangers_is_not_reached() -> None:
    async with stage() as on:
        world = World(on)
        theirs: dict[str, Any] = {"auth": (OTHER, OTHER_TOKEN), "account": OTHER}
        app = (await world.api("POST", "Application/", NEW, **theirs)).json()["app_id"]
        line = on.phone("1001").calls(app)
        await on.settled()
        assert line.over is not None
        assert on.web.hooks == []


@in_virtual_time
async def test_an_application_with_a_public_uri_is_reached_by_anybody() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/answer", "<Speak>hello</Speak>", "<Wait length='60'/>")
        theirs: dict[str, Any] = {"auth": (OTHER, OTHER_TOKEN), "account": OTHER}
        new = {**NEW, "public_uri": True, "answer_url": f"{APP}/answer"}
        app = (await world.api("POST", "Application/", new, **theirs)).json()["app_id"]
        line = on.phone("1001").calls(app)
        await on.settled()
        assert line.hears == {"speak:en-US:WOMAN:hello"}
        carried = on.phone("+14155550123").calls(app)
        await on.settled()
        assert carried.hears == {"speak:en-US:WOMAN:hello"}
        eve = Line(on, on.phone("eve"), LegId("stranger"))
        on.signalling.lines[eve.leg] = eve
        on.media.open(eve.leg)
        source = "203.0.113.7:5062"
        arrival = e.Arrival(e.CallerKind.STRANGER, "", "sip:eve@elsewhere.net", "Eve", app, source=source)
        on.exchange.tell(e.LegArrived(eve.leg, arrival))
        await on.settled()
        assert eve.hears == {"speak:en-US:WOMAN:hello"}
        told = world.hooks("/answer")[-1]
        expected = {"From": "sip:eve@elsewhere.net", "To": app, "Direction": "inbound", "SIPSourceIP": "203.0.113.7"}
        assert {name: told.get(name) for name in expected} == expected
        assert "SIPAuthType" not in told
        await world.api("POST", f"Application/{app}/", {"public_uri": False}, **theirs)
        for name in ("1002", "+14155550124"):
            refused = on.phone(name).calls(app)
            await on.settled()
            assert refused.over is not None
        assert len(world.hooks("/answer")) == 3


def test_a_stranger_gets_nowhere_else() -> None:
    directory = Directory(settings())
    for user in ("+14155550100", "14155550100", "1001", "app1", "agent1", "+14155550123", ""):
        arrival = e.Arrival(e.CallerKind.STRANGER, "", "sip:eve@elsewhere.net", "", user)
        assert directory.route(arrival, {"1001"}) == ToNobody(Outcome.FORBIDDEN), user


@in_virtual_time
async def test_two_clients_who_want_one_name_do_not_both_get_it() -> None:
    import asyncio

    async with stage() as on:
        world = World(on)
        answers = await asyncio.gather(*(world.api("POST", "Application/", NEW) for _ in range(5)))
        assert sorted(answer.status_code for answer in answers) == [201, 400, 400, 400, 400]


@in_virtual_time
async def test_the_asynchronous_mode_tells_the_result_to_the_callback_url() -> None:
    async with stage() as on:
        world = World(on)
        asked = {**NEW, "callback_url": f"{APP}/cb"}
        answer = await world.api("POST", "Application/", asked)
        assert (answer.status_code, answer.json()["message"]) == (202, "async api spawned")
        await on.settled()
        told = world.one("/cb")
        assert json.loads(told["response"])["message"] == told["message"] == "created"
        assert (await world.api("GET", f"Application/{told['app_id']}/")).status_code == 200


@in_virtual_time
async def test_pages() -> None:
    async with stage() as on:
        world = World(on)
        for n in range(22):
            await world.api("POST", "Application/", {**NEW, "app_name": f"app-{n}"})
        first = (await world.api("GET", "Application/")).json()
        assert (len(first["objects"]), first["meta"]["total_count"]) == (20, 23)
        assert first["meta"]["previous"] is None
        then = (
            await on.http.get(first["meta"]["next"], auth=(ACCOUNT, "0123456789abcdef0123456789abcdef01234567"))
        ).json()
        assert [each["app_name"] for each in then["objects"]] == ["app-19", "app-20", "app-21"]
        beyond = await world.api("GET", "Application/?offset=100&limit=5")
        assert (beyond.status_code, beyond.json()["objects"]) == (200, [])
        for limit in ("0", "21", "x"):
            assert (await world.api("GET", f"Application/?limit={limit}")).status_code == 400
