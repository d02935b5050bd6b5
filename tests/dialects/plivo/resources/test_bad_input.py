"""Bad input for every resource, made from their arguments: the documented error, and nothing has changed.

Each argument of each operation gets every value that its kind forbids; each path an id of nobody, of another account
and of no form; each operation a wrong method and no credentials.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from switchhook.exchange.objects import MemoryObjects
from switchhook.lab.virtual_time import in_virtual_time
from tests.dialects.plivo.common import ACCOUNT, APP, OTHER, OTHER_TOKEN, SUB, World, settings, stage

OWN = "14155550190"
FOR_RENT = [{"number": "+14155550180", "country": "US"}]
STRANGER: dict[str, Any] = {"auth": (OTHER, OTHER_TOKEN), "account": OTHER}

NEEDED = "needed"  # may be neither absent nor empty
BAD: dict[str, list[Any]] = {
    "name": ["a b", "ä", "x" * 65, "a/b", {"a": 1}, True, "<b>"],
    "username": ["1abc", "a b", "a-b", "ä", "x" * 51, {"a": 1}, False],
    "password": ["1234", "x" * 129, {"a": "secret"}, ["secret"], True, "abc\u0007def"],
    "alias": ["a b", "ä", "a/b", "x" * 51, {"a": 1}, "a;b"],
    "text": ["x" * 256, {"a": 1}, True, "a\nb"],
    "url": ["ftp://a.example/", "/answer", "http://", "http:///x", "javascript:alert(1)", {"a": 1}, "http://a b/", 5],
    "method": ["PUT", "DELETE", "get it", {"a": 1}, True],
    "flag": ["maybe", "2", 7, {"a": 1}, [], [True], "trueish"],
    "app": ["nobody", "12345", {"a": 1}, "app1x", "theirs"],
    "sub": ["nobody", OTHER, "SA000000000000000009", {"a": 1}],
    "number": ["abc", "1", "14155550190,x", "1" * 16, "," , {"a": 1}, ",".join(str(10**9 + n) for n in range(101))],
    "type": ["landline", {"a": 1}, "LOCAL!"],
    "cnam": ["on", {"a": 1}],
    "country": ["U", "USA", "12", {"a": 1}],
    "pattern": ["abc", "1" * 16, "[0-9]+"],
    "limit": ["0", "21", "-1", "x", "1.5", "99999999999"],
    "offset": ["-1", "x", "1.5"],
    "time": ["yesterday", "2027-13-01", "2027-01-01 25:00", "1"],
    "whole": ["-1", "x", "1.5"],
}  # fmt: skip

PAGE = {"limit": "limit", "offset": "offset"}
APPLICATION = {
    "app_name": "name", "answer_url": "url", "answer_method": "method", "hangup_url": "url", "hangup_method": "method",
    "fallback_answer_url": "url", "fallback_method": "method", "message_url": "url", "message_method": "method",
    "default_number_app": "flag", "default_endpoint_app": "flag", "log_incoming_messages": "flag",
    "public_uri": "flag", "subaccount": "sub",
}  # fmt: skip
ENDPOINT = {"password": "password", "alias": "alias", "app_id": "app", "subaccount": "sub"}
NUMBER = {"app_id": "app", "subaccount": "sub", "alias": "text", "cnam_lookup": "cnam"}
TIMES = {f"add_time{suffix}": "time" for suffix in ("", "__gt", "__gte", "__lt", "__lte")}
DAYS = {f"recording_storage_duration{suffix}": "whole" for suffix in ("", "__gt", "__gte", "__lt", "__lte")}

# (method, path, a body that would do, arguments by kind, which of them are needed)
OPERATIONS: list[tuple[str, str, dict[str, Any], dict[str, str], tuple[str, ...]]] = [
    ("POST", "Application/", {"app_name": "new"}, APPLICATION, ("app_name",)),
    ("GET", "Application/", {}, PAGE, ()),
    ("POST", "Application/{app}/", {}, APPLICATION, ()),
    ("DELETE", "Application/{app}/", {}, {"cascade": "flag", "new_endpoint_application": "app"}, ()),
    ("POST", "Endpoint/", {"username": "new", "password": "secret", "alias": "new"},
     {**ENDPOINT, "username": "username"}, ("username", "password", "alias")),
    ("GET", "Endpoint/", {}, PAGE, ()),
    ("POST", "Endpoint/{endpoint}/", {}, ENDPOINT, ()),
    ("POST", "Number/", {"numbers": "14155550199"},
     {**NUMBER, "numbers": "number", "carrier": "text", "region": "text", "number_type": "type"}, ("numbers",)),
    ("GET", "Number/", {}, {**PAGE, "type": "type"}, ()),
    ("POST", "Number/{number}/", {}, NUMBER, ()),
    ("GET", "PhoneNumber/", {"country_iso": "US"},
     {**PAGE, "country_iso": "country", "type": "type", "pattern": "pattern"}, ("country_iso",)),
    ("POST", "PhoneNumber/14155550180/", {}, {"app_id": "app", "subaccount": "sub"}, ()),
    ("POST", "Subaccount/", {"name": "new"}, {"name": "text", "enabled": "flag"}, ("name",)),
    ("GET", "Subaccount/", {}, PAGE, ()),
    ("POST", "Subaccount/{sub}/", {}, {"name": "text", "enabled": "flag"}, ()),
    ("DELETE", "Subaccount/{sub}/", {}, {"cascade": "flag"}, ()),
    ("POST", "", {}, {"name": "text", "city": "text", "address": "text"}, ()),
    ("GET", "Recording/", {}, {**PAGE, **TIMES, **DAYS}, ()),
]  # fmt: skip

OBJECTS = {
    "Application": ("{app}", ("GET", "POST", "DELETE"), ["nobody", "app1x", "10000000000000000"]),
    "Endpoint": ("{endpoint}", ("GET", "POST", "DELETE"), ["nobody", "10000000000000", "zumba"]),
    "Number": ("{number}", ("GET", "POST", "DELETE"), ["nobody", "14155550000", "+"]),
    "PhoneNumber": ("", ("POST",), ["nobody", "14155550000", OWN, "14155550100"]),
    "Subaccount": ("{sub}", ("GET", "POST", "DELETE"), ["nobody", ACCOUNT, OTHER, "SA000000000000000009"]),
    "Recording": ("", ("GET", "DELETE"), ["nobody", "6f1c1f2e-6c1b-4f52-9c55-9d3b1c0f7a10", "%2e%2e"]),
}


class House:
    """A world with one object of each kind, and one of a stranger's."""

    def __init__(self, world: World, objects: MemoryObjects) -> None:
        self.world, self._objects = world, objects
        self.names: dict[str, str] = {}

    async def furnish(self) -> None:
        api = self.world.api
        made = {"app_name": "old", "answer_url": f"{APP}/old"}
        self.names["app"] = (await api("POST", "Application/", made)).json()["app_id"]
        self.names["theirs"] = (await api("POST", "Application/", made, **STRANGER)).json()["app_id"]
        endpoint = {"username": "old", "password": "secret", "alias": "old"}
        self.names["endpoint"] = (await api("POST", "Endpoint/", endpoint)).json()["endpoint_id"]
        assert (await api("POST", "Number/", {"numbers": OWN})).status_code == 202
        self.names["number"] = OWN
        self.names["sub"] = (await api("POST", "Subaccount/", {"name": "old"})).json()["auth_id"]

    def path(self, path: str) -> str:
        return path.format(**self.names)

    @property
    def everything(self) -> object:
        exchange = self.world.stage.exchange
        directory = exchange.directory
        return (
            self._objects.all(),
            dict(directory.accounts),
            dict(directory.applications),
            dict(directory.endpoints),
            dict(directory.numbers),
            exchange.settings,
            len(exchange.state.legs),
        )

    async def refused(self, status: int, method: str, path: str, body: dict[str, Any], **who: Any) -> str:
        """Asks, and returns the error: of this status, in the documented shape, with nothing changed."""
        before = self.everything
        told: dict[str, Any] = {"params": body} if method == "GET" else {}
        answer = await self.world.api(method, path, None if method == "GET" else body, **told, **who)
        said = f"{method} {path} {str(body)[:200]}: {answer.status_code} {answer.text}"
        assert answer.status_code == status, said
        assert set(answer.json()) == {"api_id", "error"}, said
        assert isinstance(answer.json()["error"], str), said
        assert self.everything == before, said
        return str(answer.json()["error"])


def in_a_house(story: Any) -> None:
    @in_virtual_time
    async def told() -> None:
        async with stage(inventory=FOR_RENT, account=_accounts()) as on:
            objects = MemoryObjects()
            on.exchange.declared.open(objects)
            house = House(World(on), objects)
            await house.furnish()
            await story(house)

    told()


def _accounts() -> list[dict[str, Any]]:
    """The usual accounts, of which nobody counts the requests."""
    return [
        {
            "auth_id": each.auth_id,
            "auth_token": each.auth_token,
            "parent": each.parent,
            "name": each.name,
            "api_rate": 0,
        }
        for each in settings().accounts
    ]


def bad_values(kind: str, method: str) -> Iterator[Any]:
    """In a query everything is a text."""
    yield from (each for each in BAD[kind] if method != "GET" or isinstance(each, str))


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: f"{each[0]} {each[1]}")
def test_a_bad_value_is_named_and_nothing_changes(operation: tuple[Any, ...]) -> None:
    method, path, good, kinds, needed = operation

    async def story(house: House) -> None:
        for name, kind in kinds.items():
            for value in bad_values(kind, method):
                given = house.names["theirs"] if value == "theirs" else value
                error = await house.refused(400, method, house.path(path), {**good, name: given})
                assert "invalid" in error
                assert name.partition("__")[0] in error
        for name in needed:
            without = {key: value for key, value in good.items() if key != name}
            for body in (without, {**good, name: ""}, *([{**good, name: None}] if method != "GET" else [])):
                error = await house.refused(400, method, house.path(path), body)
                assert error == f"{name} parameter is missing"

    in_a_house(story)


@pytest.mark.parametrize("noun", OBJECTS)
def test_an_object_of_nobody_or_of_others_is_not_found(noun: str) -> None:
    own, methods, unknown = OBJECTS[noun]

    async def story(house: House) -> None:
        for method in methods:
            for name in unknown:
                assert "not found" in await house.refused(404, method, f"{noun}/{name}/", {})
            if own:
                assert "not found" in await house.refused(404, method, f"{noun}/{house.path(own)}/", {}, **STRANGER)

    in_a_house(story)


@pytest.mark.parametrize("slash", ["", "/"])
def test_wrong_methods_and_no_credentials(slash: str) -> None:
    async def story(house: House) -> None:
        for method, path in (
            ("DELETE", "Application/"), ("PUT", "Application/{app}/"), ("DELETE", "Endpoint/"),
            ("PATCH", "Endpoint/{endpoint}/"), ("DELETE", "Number/"), ("PUT", "Number/{number}/"),
            ("POST", "PhoneNumber/"), ("GET", "PhoneNumber/1/"), ("POST", "Recording/"), ("POST", "Recording/1/"),
            ("DELETE", "Subaccount/"), ("PUT", "Subaccount/{sub}/"), ("DELETE", ""),
        ):  # fmt: skip
            asked = house.path(path).rstrip("/") + slash
            assert "not allowed" in await house.refused(405, method, asked, {})
        for method, path, good, _, _ in OPERATIONS:
            for who in ((OTHER, OTHER_TOKEN), (ACCOUNT, "wrong"), (SUB, "sub-token")):
                error = await house.refused(401, method, house.path(path), good, auth=who)
                assert error == "authentication credentials were not provided"

    in_a_house(story)


def test_time_spans_are_limited() -> None:
    async def story(house: House) -> None:
        span = {"add_time__gte": "2026-10-01", "add_time__lt": "2026-12-01"}
        assert "30 days" in await house.refused(400, "GET", "Recording/", span)
        both = {"conference_name": "a", "mpc_name": "b"}
        assert "invalid" in await house.refused(400, "GET", "Recording/", both)

    in_a_house(story)


def test_a_taken_name_is_invalid() -> None:
    async def story(house: House) -> None:
        assert "app_name" in await house.refused(400, "POST", "Application/", {"app_name": "old"})
        assert "app_name" in await house.refused(400, "POST", "Application/", {"app_name": "app1"})
        for number in (OWN, "14155550100", "1001"):
            assert "taken" in await house.refused(400, "POST", "Number/", {"numbers": number})
        same = {"new_endpoint_application": house.names["app"]}
        assert "invalid" in await house.refused(400, "DELETE", house.path("Application/{app}/"), same)

    in_a_house(story)
