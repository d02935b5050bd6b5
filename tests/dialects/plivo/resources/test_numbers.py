"""Number/ and PhoneNumber/: what is declared, rented or brought; where it is linked to, the next call goes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from switchhook.lab.virtual_time import in_virtual_time
from switchhook.settings import SettingsError
from tests.dialects.phlo.common import PHLO, party_flow
from tests.dialects.plivo.common import ACCOUNT, APP, NUMBER, OTHER, OTHER_TOKEN, SUB, World, settings, stage

FOR_RENT = [
    {"number": "+14155550180", "country": "US", "region": "California", "city": "San Francisco"},
    {"number": "+12125550181", "country": "US", "region": "New York"},
    {"number": "+18005550182", "country": "US", "type": "tollfree"},
    {"number": "+493055501830", "country": "DE"},
]
OWN = "14155550190"


@in_virtual_time
async def test_the_inventory_is_searched() -> None:
    async with stage(inventory=FOR_RENT) as on:
        world = World(on)

        async def found(query: str) -> list[str]:
            answer = await world.api("GET", f"PhoneNumber/?{query}")
            assert answer.status_code == 200
            return [each["number"] for each in answer.json()["objects"]]

        assert await found("country_iso=US") == ["14155550180", "12125550181", "18005550182"]
        assert await found("country_iso=us&type=tollfree") == ["18005550182"]
        assert await found("country_iso=US&pattern=212") == ["12125550181"]
        assert await found("country_iso=US&pattern=1*0180") == ["14155550180"]
        assert await found("country_iso=US&region=cali") == ["14155550180"]
        assert await found("country_iso=US&city=san%20francisco") == ["14155550180"]
        assert await found("country_iso=US&services=voice") == ["14155550180", "12125550181", "18005550182"]
        assert await found("country_iso=US&services=sms") == []
        assert await found("country_iso=FR") == []
        assert await found("country_iso=US&limit=1&offset=1") == ["12125550181"]
        first = (await world.api("GET", "PhoneNumber/?country_iso=US")).json()["objects"][0]
        assert (first["country"], first["region"], first["city"], first["type"]) == (
            "US", "California", "San Francisco", "local",
        )  # fmt: skip
        assert (first["voice_enabled"], first["monthly_rental_rate"], first["lata"]) == (True, "0.00000", None)
        assert first["resource_uri"] == f"/v1/Account/{ACCOUNT}/PhoneNumber/14155550180/"


@in_virtual_time
async def test_a_rented_number_answers_and_can_be_given_back() -> None:
    async with stage(inventory=FOR_RENT) as on:
        world = World(on)
        world.page("/answer", "<Wait length='60'/>")
        rented = await world.api("POST", "PhoneNumber/14155550180/", {"app_id": "app1"})
        assert rented.status_code == 201
        assert {name: value for name, value in rented.json().items() if name != "api_id"} == {
            "message": "created",
            "numbers": [{"number": "14155550180", "status": "Success"}],
            "status": "fulfilled",
        }
        assert (await world.api("POST", "PhoneNumber/14155550180/", {})).status_code == 404
        assert (await world.api("GET", "PhoneNumber/?country_iso=US")).json()["meta"]["total_count"] == 2
        shown = (await world.api("GET", "Number/14155550180/")).json()
        assert (shown["application"], shown["region"], shown["number_type"], shown["active"]) == (
            f"/v1/Account/{ACCOUNT}/Application/app1/", "California", "local", True,
        )  # fmt: skip
        line = on.phone("+14155550123").calls("+14155550180")
        await on.settled()
        assert world.one("/answer")["CallUUID"] == line.leg
        for value in ("", "null"):
            assert (await world.api("POST", "Number/+14155550180/", {"app_id": value})).status_code == 202
            assert (await world.api("GET", "Number/14155550180/")).json()["application"] is None
        nobody = on.phone("+14155550124").calls("+14155550180")
        await on.settled()
        assert nobody.over is not None
        assert line.over is None
        assert (await world.api("DELETE", "Number/14155550180/")).status_code == 204
        assert (await world.api("GET", "Number/14155550180/")).status_code == 404
        assert (await world.api("GET", "PhoneNumber/?country_iso=US")).json()["meta"]["total_count"] == 3


@in_virtual_time
async def test_numbers_are_listed_with_filters_and_changed() -> None:
    async with stage() as on:
        world = World(on)
        brought = await world.api(
            "POST",
            "Number/",
            {"numbers": f"{OWN},+14155550191", "carrier": "mine", "region": "Bavaria", "number_type": "mobile"},
        )
        assert (brought.status_code, brought.json()["message"]) == (202, "changed")
        changed = await world.api("POST", f"Number/{OWN}/", {"alias": "hot line", "cnam_lookup": "enabled"})
        assert changed.status_code == 202
        shown = (await world.api("GET", f"Number/{OWN}/")).json()
        assert (shown["alias"], shown["cnam_lookup"], shown["carrier"], shown["region"], shown["number_type"]) == (
            "hot line", "enabled", "mine", "Bavaria", "mobile",
        )  # fmt: skip

        async def found(query: str) -> list[str]:
            return [each["number"] for each in (await world.api("GET", f"Number/?{query}")).json()["objects"]]

        assert await found("") == [NUMBER[1:], OWN, "14155550191"]
        assert await found("type=mobile") == [OWN, "14155550191"]
        assert await found("number_startswith=%2B141555501") == [NUMBER[1:], OWN, "14155550191"]
        assert await found("number_startswith=1415555019") == [OWN, "14155550191"]
        assert await found("alias=hot%20line") == [OWN]
        assert await found("services=voice,sms") == []
        await world.api("POST", f"Number/{OWN}/", {"subaccount": SUB})
        assert await found(f"subaccount={SUB}") == [OWN]


@in_virtual_time
async def test_what_the_file_declares_stays_unless_nothing_would_change() -> None:
    async with stage() as on:
        world = World(on)
        same = await world.api("POST", f"Number/{NUMBER}/", {"app_id": "app1"})
        assert (same.status_code, same.json()["message"]) == (202, "changed")
        for method, body in (("POST", {"app_id": ""}), ("POST", {"alias": "x"}), ("DELETE", {})):
            answer = await world.api(method, f"Number/{NUMBER}/", body)
            assert answer.status_code == 403
            assert "configuration file" in answer.json()["error"]
        assert (await world.api("GET", f"Number/{NUMBER}/")).json()["application"].endswith("/app1/")


@pytest.mark.parametrize("number", [NUMBER, "1001", OWN])
def test_a_number_that_somebody_has_is_not_given_again(number: str) -> None:
    @in_virtual_time
    async def told() -> None:
        async with stage() as on:
            world = World(on)
            theirs: dict[str, Any] = {"auth": (OTHER, OTHER_TOKEN), "account": OTHER}
            await world.api("POST", "Number/", {"numbers": OWN})
            answer = await world.api("POST", "Number/", {"numbers": f"14155550199,{number}"}, **theirs)
            assert answer.status_code == 400
            assert (await world.api("GET", "Number/", **theirs)).json()["objects"] == []  # not even the first

    told()


def test_a_number_is_linked_to_a_flow_by_its_phlo_id(tmp_path: Path) -> None:
    file = tmp_path / "flow.json"
    file.write_text(json.dumps(party_flow()))

    @in_virtual_time
    async def told() -> None:
        async with stage(flow=[{"file": str(file), "account": ACCOUNT}]) as on:
            world = World(on)
            await world.api("POST", "Number/", {"numbers": OWN, "app_id": PHLO})
            assert on.exchange.directory.numbers[OWN].flow == PHLO
            assert (await world.api("GET", f"Number/{OWN}/")).json()["application"].endswith(f"/{PHLO}/")

    told()


def test_an_inventory_that_the_account_has_already_is_an_error() -> None:
    with pytest.raises(SettingsError, match="also that of a"):
        settings(inventory=[{"number": NUMBER, "country": "US"}])
    with pytest.raises(SettingsError, match="two capital letters"):
        settings(inventory=[{"number": "+1", "country": "USA"}])


@in_virtual_time
async def test_a_call_of_a_brought_number_is_its_accounts() -> None:
    async with stage() as on:
        world = World(on)
        app = {"app_name": "sub", "answer_url": f"{APP}/sub", "subaccount": SUB}
        app_id = (await world.api("POST", "Application/", app)).json()["app_id"]
        await world.api("POST", "Number/", {"numbers": OWN, "subaccount": SUB, "app_id": app_id})
        world.page("/sub", "<Wait length='60'/>")
        line = on.phone("+14155550123").calls(f"+{OWN}")
        await on.settled()
        assert world.one("/sub")["ParentAuthID"] == ACCOUNT
        found = line.found
        assert found is not None
        assert found.account == SUB
