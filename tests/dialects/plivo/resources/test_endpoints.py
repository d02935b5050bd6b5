"""Endpoint/: a telephone that is made by API registers and is called at once, and is gone when it is deleted."""

from __future__ import annotations

import json

import pytest

from switchhook.core import events as e
from switchhook.core.errors import Unavailable
from switchhook.lab.virtual_time import in_virtual_time
from switchhook.lab.world import World as SipWorld
from tests.dialects.plivo.common import ACCOUNT, SIP, SUB, SUB_TOKEN, TOKEN, World, settings, stage

NEW = {"username": "zumba", "password": "a very secret one", "alias": "zumba.1@home"}


@in_virtual_time
async def test_made_shown_changed_and_deleted() -> None:
    async with stage() as on:
        world = World(on)
        made = await world.api("POST", "Endpoint/", NEW)
        assert made.status_code == 201
        body = made.json()
        assert set(body) == {"api_id", "username", "alias", "message", "endpoint_id"}
        assert body["username"].startswith("zumba")
        assert len(body["username"]) == len("zumba") + 12
        assert (len(body["endpoint_id"]), body["endpoint_id"].isdigit()) == (14, True)
        path = f"Endpoint/{body['endpoint_id']}/"
        shown = (await world.api("GET", path)).json()
        assert {name: value for name, value in shown.items() if name != "api_id"} == {
            "alias": "zumba.1@home",
            "application": None,
            "endpoint_id": body["endpoint_id"],
            "resource_uri": f"/v1/Account/{ACCOUNT}/{path}",
            "sip_registered": "false",
            "sip_uri": f"sip:{body['username']}@{SIP}",
            "sub_account": None,
            "username": body["username"],
        }
        changed = await world.api("POST", path, {"alias": "b", "app_id": "app1"})
        assert (changed.status_code, changed.json()["message"]) == (202, "changed")
        shown = (await world.api("GET", path)).json()
        assert (shown["alias"], shown["application"]) == ("b", f"/v1/Account/{ACCOUNT}/Application/app1/")
        listed = (await world.api("GET", "Endpoint/")).json()
        assert listed["meta"]["total_count"] == 6
        assert body["username"] in [each["username"] for each in listed["objects"]]
        assert (await world.api("DELETE", path)).status_code == 204
        assert (await world.api("GET", path)).status_code == 404


@in_virtual_time
async def test_it_is_called_and_no_longer_when_it_is_deleted() -> None:
    async with stage() as on:
        world = World(on)
        body = (await world.api("POST", "Endpoint/", NEW)).json()
        username = body["username"]
        telephone = on.phone(username)
        on.exchange.tell(e.EndpointChanged(username, True))
        assert (await world.api("GET", f"Endpoint/{body['endpoint_id']}/")).json()["sip_registered"] == "true"
        caller = on.phone("1001").calls(username)
        (await telephone.rings()).answers()
        await on.settled()
        assert caller.hears == {username}
        assert (await world.api("DELETE", f"Endpoint/{body['endpoint_id']}/")).status_code == 204
        await on.settled()
        assert caller.hears == {username}  # the call goes on
        assert username not in on.exchange.state.registered
        again = on.phone("1002").calls(username)
        await on.settled()
        assert again.over is not None


@in_virtual_time
async def test_the_password_is_in_no_line_and_no_document() -> None:
    async with stage() as on:
        world = World(on)
        body = (await world.api("POST", "Endpoint/", NEW)).json()
        await world.api("POST", f"Endpoint/{body['endpoint_id']}/", {"password": "a very secret other"})
        await world.api("POST", "Endpoint/", {**NEW, "alias": "no alias"})  # refused, and kept in the journal as well
        lines = json.dumps([[entry.kind, entry.body] for entry in on.entries], default=str)
        assert "Endpoint" in lines
        assert "a very secret" not in lines
        made = on.exchange.directory.endpoints[body["username"]]
        assert "secret" not in repr(made)
        assert all("a very secret" not in str(each) for each in on.exchange.declared._objects.all())


@in_virtual_time
async def test_it_registers_and_talks_over_sip_and_is_nobody_when_it_is_deleted() -> None:
    async with SipWorld(settings()) as world:
        auth, path = (ACCOUNT, TOKEN), f"/v1/Account/{ACCOUNT}/Endpoint/"
        body = (await world.http.post(path, json=NEW, auth=auth)).json()
        username, own = body["username"], f"{path}{body['endpoint_id']}/"
        telephone = await world.telephones.open("zumba", username=username, password="wrong")
        with pytest.raises(Unavailable):
            await telephone.register()
        await telephone.register(username, NEW["password"])
        shown = (await world.http.get(own, auth=auth)).json()
        assert shown["sip_registered"] == "true"
        assert shown["sip_contact"].startswith(f"sip:{username}@")
        assert shown["sip_expires"].startswith("20")
        assert shown["sip_user_agent"]
        agent = await world.phone("agent", endpoint="1001")
        await agent.call(username)
        await telephone.answer()
        await agent.hears("zumba")
        await telephone.hears("agent")
        await world.http.post(own, json={"password": "another one"}, auth=auth)
        with pytest.raises(Unavailable):
            await telephone.register()
        await telephone.register(username, "another one")
        assert (await world.http.delete(own, auth=auth)).status_code == 204
        await agent.hears("zumba")  # the call goes on
        await agent.hang_up()
        await telephone.ended()
        await agent.call(username)
        ending = (await agent.ended()).ending
        assert ending is not None
        assert ending.status == 404
        with pytest.raises(Unavailable):
            await telephone.register()


@in_virtual_time
async def test_the_suffix_can_be_turned_off_and_a_name_is_given_once() -> None:
    async with stage(plivo={"endpoint_suffix": False}) as on:
        world = World(on)
        assert (await world.api("POST", "Endpoint/", NEW)).json()["username"] == "zumba"
        answer = await world.api("POST", "Endpoint/", NEW)
        assert (answer.status_code, "taken" in answer.json()["error"]) == (400, True)


@in_virtual_time
async def test_a_sub_account_has_its_own() -> None:
    async with stage() as on:
        world = World(on)
        body = (await world.api("POST", "Endpoint/", NEW, auth=(SUB, SUB_TOKEN), account=SUB)).json()
        listed = (await world.api("GET", "Endpoint/", auth=(SUB, SUB_TOKEN), account=SUB)).json()["objects"]
        assert [each["username"] for each in listed] == [body["username"]]
        assert listed[0]["sub_account"] == f"/v1/Account/{ACCOUNT}/Subaccount/{SUB}/"
        assert (await world.api("GET", f"Endpoint/{body['endpoint_id']}/")).status_code == 200
        file = (await world.api("GET", "Endpoint/")).json()["objects"][0]["endpoint_id"]
        assert (await world.api("GET", f"Endpoint/{file}/", auth=(SUB, SUB_TOKEN), account=SUB)).status_code == 404


@in_virtual_time
async def test_what_the_file_declares_is_shown_and_stays() -> None:
    async with stage() as on:
        world = World(on)
        found = (await world.api("GET", "Endpoint/")).json()["objects"][0]
        assert (found["username"], found["sip_registered"]) == ("1001", "true")
        for method in ("POST", "DELETE"):
            answer = await world.api(method, f"Endpoint/{found['endpoint_id']}/", {"alias": "x"})
            assert answer.status_code == 403
            assert "configuration file" in answer.json()["error"]
        assert "1001" in on.exchange.state.registered
