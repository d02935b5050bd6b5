"""What was made by API lasts over a restart, and the configuration file goes before it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from switchhook.core.errors import Unavailable
from switchhook.exchange.declared import Changes
from switchhook.exchange.made import MadeAccount, MadeEndpoint, MadeNumber, document, of_document
from switchhook.exchange.objects import MemoryObjects
from switchhook.exchange.ports import Document
from switchhook.lab.stage import Stage
from switchhook.lab.virtual_time import in_virtual_time
from switchhook.stores.database import connect
from switchhook.stores.objects import SqlObjects
from tests.dialects.plivo.common import ACCOUNT, APP, TOKEN, World, settings, stage

OWN = "14155550190"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    found = connect(f"sqlite:///{tmp_path / 'objects.db'}")
    yield found
    found.dispose()


async def made_by(world: World) -> dict[str, str]:
    """Makes one of each by API; returns their paths."""
    sub = (await world.api("POST", "Subaccount/", {"name": "Shop"})).json()
    app = (await world.api("POST", "Application/", {"app_name": "a", "answer_url": f"{APP}/a"})).json()["app_id"]
    endpoint = {"username": "zumba", "password": "secret", "alias": "z", "app_id": app}
    telephone = (await world.api("POST", "Endpoint/", {**endpoint, "subaccount": sub["auth_id"]})).json()
    assert (await world.api("POST", "Number/", {"numbers": OWN, "app_id": app})).status_code == 202
    assert (await world.api("POST", "", {"city": "Munich"})).status_code == 202
    return {
        "sub": f"Subaccount/{sub['auth_id']}/",
        "app": f"Application/{app}/",
        "endpoint": f"Endpoint/{telephone['endpoint_id']}/",
        "number": f"Number/{OWN}/",
        "account": "",
    }


async def shown(world: World, paths: dict[str, str]) -> dict[str, Any]:
    return {name: (await world.api("GET", path)).json() | {"api_id": ""} for name, path in paths.items()}


def test_all_of_it_is_there_after_a_restart(engine: Engine) -> None:
    @in_virtual_time
    async def told() -> None:
        async with stage() as on:
            on.exchange.declared.open(SqlObjects(engine))
            paths = await made_by(World(on))
            before = await shown(World(on), paths)
        async with stage() as on:
            on.exchange.declared.open(SqlObjects(engine))
            world = World(on)
            assert await shown(world, paths) == before
            world.page("/a", "<Wait length='60'/>")
            line = on.phone("+14155550123").calls(f"+{OWN}")
            await on.settled()
            assert world.one("/a")["CallUUID"] == line.leg
            for name in ("number", "endpoint", "app", "sub"):
                assert (await world.api("DELETE", paths[name])).status_code == 204
        async with stage() as on:
            on.exchange.declared.open(SqlObjects(engine))
            for name in ("number", "endpoint", "app", "sub"):
                assert (await World(on).api("GET", paths[name])).status_code == 404
            assert (await World(on).api("GET", "")).json()["city"] == "Munich"

    told()


def test_what_the_file_declares_goes_before_what_was_made(engine: Engine) -> None:
    @in_virtual_time
    async def told() -> None:
        async with stage() as on:
            on.exchange.declared.open(SqlObjects(engine))
            await made_by(World(on))
        number = {"number": f"+{OWN}", "account": ACCOUNT, "forward": "1001"}
        async with stage(number=[number]) as on:
            on.exchange.declared.open(SqlObjects(engine))
            assert on.exchange.directory.numbers[OWN].forward == "1001"
            assert not isinstance(on.exchange.directory.numbers[OWN], MadeNumber)
        async with stage() as on:  # and comes back when the file lets it go
            on.exchange.declared.open(SqlObjects(engine))
            assert isinstance(on.exchange.directory.numbers[OWN], MadeNumber)

    told()


@pytest.mark.parametrize(
    "more",
    [
        {"sip": {"domain": "elsewhere.example"}},  # the password is no longer the one that was set
        {"account": [{"auth_id": "MAOTHERACCOUNT000000", "auth_token": "x"}], "application": [], "number": [],
         "endpoint": [], "agent": []},
    ],
)  # fmt: skip
def test_what_cannot_be_any_more_is_set_aside(engine: Engine, more: dict[str, Any]) -> None:
    @in_virtual_time
    async def told() -> None:
        async with stage() as on:
            on.exchange.declared.open(SqlObjects(engine))
            await made_by(World(on))
        async with Stage(settings(**more), dialects=("plivo",)) as on:
            on.exchange.declared.open(SqlObjects(engine))
            assert not any(isinstance(each, MadeEndpoint) for each in on.exchange.directory.endpoints.values())
        async with stage() as on:
            on.exchange.declared.open(SqlObjects(engine))
            assert any(isinstance(each, MadeEndpoint) for each in on.exchange.directory.endpoints.values())

    told()


class Full(MemoryObjects):
    """A disk on which nothing can be written any more."""

    def write(self, put: Sequence[Document], remove: Sequence[tuple[str, str]]) -> None:
        raise Unavailable("the store cannot be written: disk full")


@in_virtual_time
async def test_a_disk_that_refuses_is_told_and_nothing_changes() -> None:
    async with stage() as on:
        on.exchange.declared.open(Full())
        world = World(on)
        for path, body in (
            ("Application/", {"app_name": "a"}),
            ("Endpoint/", {"username": "zumba", "password": "secret", "alias": "z"}),
            ("Number/", {"numbers": OWN}),
            ("Subaccount/", {"name": "Shop"}),
            ("", {"city": "Munich"}),
        ):
            before = (await world.api("GET", path)).json() | {"api_id": ""}
            answer = await world.api("POST", path, body)
            assert (answer.status_code, "disk full" in answer.json()["error"]) == (409, True)
            assert (await world.api("GET", path)).json() | {"api_id": ""} == before


@in_virtual_time
async def test_the_settings_say_what_there_is_too() -> None:
    async with stage() as on:
        new = MadeAccount(auth_id="SA000000000000000001", auth_token="t", parent=ACCOUNT)
        await on.exchange.declared.change(lambda: Changes(put=[new]))
        assert on.exchange.settings.account(new.auth_id) == new
        assert on.exchange.settings.account(ACCOUNT) is not None
        await on.exchange.declared.change(lambda: Changes(remove=[new]))
        assert on.exchange.settings.account(new.auth_id) is None


def test_a_document_of_another_version_is_read_as_far_as_it_is_known() -> None:
    kept = document(MadeNumber(number="+1415", account=ACCOUNT))
    newer = Document(kept.kind, kept.id, kept.account, {**kept.body, "colour": "red"})
    assert of_document(newer) == MadeNumber(number="+1415", account=ACCOUNT)
    older = Document(kept.kind, kept.id, kept.account, {"number": "+1415", "account": ACCOUNT})
    assert of_document(older) == MadeNumber(number="+1415", account=ACCOUNT)
    for bad in (Document("colour", "x", "", {}), Document(kept.kind, kept.id, "", {"number": 5})):
        assert of_document(bad) is None


@in_virtual_time
async def test_what_cannot_be_read_does_not_keep_the_server_from_starting() -> None:
    async with stage() as on:
        kept = MemoryObjects()
        kept.write([Document("colour", "x", ACCOUNT, {}), Document("number", "y", ACCOUNT, {"number": None})], [])
        on.exchange.declared.open(kept)
        answer = await on.http.get(f"/v1/Account/{ACCOUNT}/Number/", auth=(ACCOUNT, TOKEN))
        assert answer.json()["meta"]["total_count"] == 1
