"""Subaccount/ and the account itself: who they are, what they see, and what is left when they are gone."""

from __future__ import annotations

from typing import Any

from switchhook.lab.virtual_time import in_virtual_time
from tests.dialects.plivo.common import ACCOUNT, APP, OTHER, OTHER_TOKEN, SUB, SUB_TOKEN, World, stage

CALL = {"from": "14155550100", "to": "+14155550123", "answer_url": f"{APP}/answer"}


@in_virtual_time
async def test_a_new_sub_account_authenticates_at_once_and_sees_its_own() -> None:
    async with stage() as on:
        world = World(on)
        made = (await world.api("POST", "Subaccount/", {"name": "Shop", "enabled": "true"})).json()
        assert made["message"] == "created"
        auth_id, token = made["auth_id"], made["auth_token"]
        assert (auth_id[:2], len(auth_id), len(token)) == ("SA", 20, 40)
        theirs: dict[str, Any] = {"auth": (auth_id, token), "account": auth_id}
        shown = (await world.api("GET", f"Subaccount/{auth_id}/")).json()
        assert (shown["name"], shown["enabled"], shown["auth_token"], shown["account"]) == (
            "Shop", True, token, f"/v1/Account/{ACCOUNT}/",
        )  # fmt: skip
        assert (await world.api("GET", "", **theirs)).json()["name"] == "Shop"
        assert (await world.api("GET", "Application/", **theirs)).json()["objects"] == []
        assert (await world.api("GET", "Application/", auth=(auth_id, token))).status_code == 401
        assert (await world.api("GET", "Subaccount/", **theirs)).json()["objects"] == []
        assert (await world.api("POST", "Subaccount/", {"name": "x"}, **theirs)).status_code == 403
        assert (await world.api("GET", "Subaccount/")).json()["meta"]["total_count"] == 2
        assert (await world.api("POST", "Call/", CALL, **theirs)).status_code == 201
        live = await world.api("GET", f"Call/?status=live&subaccount={auth_id}")
        assert len(live.json()["calls"]) == 1


@in_virtual_time
async def test_a_disabled_one_is_refused() -> None:
    async with stage() as on:
        world = World(on)
        made = (await world.api("POST", "Subaccount/", {"name": "Shop"})).json()
        theirs: dict[str, Any] = {"auth": (made["auth_id"], made["auth_token"]), "account": made["auth_id"]}
        for enabled, status in ((False, 401), ("True", 200)):
            changed = await world.api("POST", f"Subaccount/{made['auth_id']}/", {"enabled": enabled, "name": "Shop 2"})
            assert changed.status_code == 202
            assert (await world.api("GET", "", **theirs)).status_code == status
        assert (await world.api("GET", f"Subaccount/{made['auth_id']}/")).json()["name"] == "Shop 2"


@in_virtual_time
async def test_deleting_hands_its_objects_over_or_deletes_them() -> None:
    for cascade in (False, True):
        async with stage() as on:
            world = World(on)
            made = (await world.api("POST", "Subaccount/", {"name": "Shop"})).json()
            sub: dict[str, Any] = {"subaccount": made["auth_id"]}
            app = await world.api("POST", "Application/", {"app_name": "a", "answer_url": f"{APP}/a", **sub})
            await world.api("POST", "Number/", {"numbers": "14155550190", "app_id": app.json()["app_id"], **sub})
            deleted = await world.api("DELETE", f"Subaccount/{made['auth_id']}/", {"cascade": cascade})
            assert (deleted.status_code, deleted.content) == (204, b"")
            assert (await world.api("GET", f"Subaccount/{made['auth_id']}/")).status_code == 404
            theirs: dict[str, Any] = {"auth": (made["auth_id"], made["auth_token"]), "account": made["auth_id"]}
            assert (await world.api("GET", "", **theirs)).status_code == 401
            for path in (f"Application/{app.json()['app_id']}/", "Number/14155550190/"):
                answer = await world.api("GET", path)
                assert answer.status_code == (404 if cascade else 200)
                assert cascade or answer.json()["sub_account"] is None


@in_virtual_time
async def test_a_call_outlives_its_sub_account() -> None:
    async with stage() as on:
        world = World(on)
        made = (await world.api("POST", "Subaccount/", {"name": "Shop"})).json()
        theirs: dict[str, Any] = {"auth": (made["auth_id"], made["auth_token"]), "account": made["auth_id"]}
        world.page("/answer", "<Wait length='60'/>")
        asked, customer = {**CALL, "hangup_url": f"{APP}/hangup"}, on.phone("+14155550123")
        assert (await world.api("POST", "Call/", asked, **theirs)).status_code == 201
        line = await customer.rings()
        line.answers()
        await on.settled()
        assert (await world.api("DELETE", f"Subaccount/{made['auth_id']}/")).status_code == 204
        line.hangs_up()
        await on.settled()
        assert world.one("/hangup")["CallUUID"] == line.leg


@in_virtual_time
async def test_what_the_file_declares_is_shown_and_stays() -> None:
    async with stage() as on:
        world = World(on)
        shown = (await world.api("GET", f"Subaccount/{SUB}/")).json()
        assert (shown["auth_token"], shown["created"], shown["enabled"]) == (SUB_TOKEN, None, True)
        for method in ("POST", "DELETE"):
            answer = await world.api(method, f"Subaccount/{SUB}/", {"name": "x"})
            assert (answer.status_code, "configuration file" in answer.json()["error"]) == (403, True)
        stranger: dict[str, Any] = {"auth": (OTHER, OTHER_TOKEN), "account": OTHER}
        assert (await world.api("GET", f"Subaccount/{SUB}/", **stranger)).status_code == 404


@in_virtual_time
async def test_the_account_says_where_it_is() -> None:
    async with stage() as on:
        world = World(on)
        changed = await world.api("POST", "", {"city": "Munich", "address": "Marienplatz 1", "name": "Tests"})
        assert (changed.status_code, changed.json()["message"]) == (202, "changed")
        shown = (await world.api("GET", "")).json()
        assert (shown["name"], shown["city"], shown["address"]) == ("Tests", "Munich", "Marienplatz 1")
        refused = await world.api("POST", "", {"name": "Other", "city": "Berlin"})
        assert (refused.status_code, "configuration file" in refused.json()["error"]) == (403, True)
        assert (await world.api("GET", "")).json()["city"] == "Munich"
        stranger: dict[str, Any] = {"auth": (OTHER, OTHER_TOKEN), "account": OTHER}
        await world.api("POST", "", {"name": "Other"}, **stranger)  # which the file does not name
        assert (await world.api("GET", "", **stranger)).json()["name"] == "Other"


@in_virtual_time
async def test_no_token_is_in_the_journal() -> None:
    async with stage() as on:
        world = World(on)
        made = (await world.api("POST", "Subaccount/", {"name": "Shop", "auth_token": "mine-mine"})).json()
        lines = str([entry.body for entry in on.entries])
        assert made["auth_token"] not in lines
        assert "mine-mine" not in lines
        assert made["auth_token"] not in repr(on.exchange.settings)
