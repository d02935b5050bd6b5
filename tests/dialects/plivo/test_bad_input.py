"""Bad requests to every REST endpoint get the documented error, and nothing has changed: no call, object, or webhook.

The requests are generated from `rest_table`; an endpoint that is served and not in that table fails a test. All run in
one furnished house, which must look the same after each of them; each endpoint's right request, which proves that the
table's arguments are right, is made in a house that is taken down afterwards.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from switchhook.dialects.plivo.actions.feedback import FeedbackRoute
from switchhook.dialects.plivo.recordings import RecordingRoute
from switchhook.dialects.plivo.rest import RESOURCES, VoiceRoute
from tests.dialects.plivo.common import ACCOUNT, OTHER, SUB
from tests.dialects.plivo.house import MAIN_AUTH, OTHER_AUTH, SUB_AUTH, House, Runner, runner
from tests.dialects.plivo.rest_table import ABSENT, ENDPOINTS, JSON, NOBODY, RIGHT_URL, UNKNOWN, Arg, Endpoint

METHODS = ("GET", "POST", "DELETE", "PUT", "PATCH", "OPTIONS")
PHASES = (Phase.explicit, Phase.generate, Phase.shrink)


def sparing(examples: int) -> settings:
    """The same few examples each time."""
    return settings(max_examples=examples, deadline=None, derandomize=True, phases=PHASES, database=None)


every_endpoint = pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)


@pytest.fixture(scope="module")
def here() -> Iterator[Runner]:
    with runner() as made:
        yield made


def filled(value: Any, names: dict[str, str]) -> Any:
    """Returns a value with `{name}` replaced by what has that name in the house."""
    if isinstance(value, str) and "{" in value:
        return re.sub(r"\{(\w+)\}", lambda found: names.get(found[1], found[0]), value)
    return value


def path_of(endpoint: Endpoint, names: dict[str, str]) -> str:
    return str(filled(endpoint.path, names))


def arguments(given: dict[str, object], names: dict[str, str]) -> dict[str, object]:
    return {name: filled(value, names) for name, value in given.items() if value is not None}


def in_query(value: object) -> bool:
    """True for what a query can say as it is."""
    return isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool))


def is_error(answer: httpx2.Response, *statuses: int) -> None:
    """The documented error, and nothing else."""
    said = f"{answer.request.method} {answer.request.url} {answer.request.content[:300]!r}: {answer.text}"
    assert answer.status_code in statuses, f"{answer.status_code}: {said}"
    body = answer.json()
    assert set(body) == {"api_id", "error"}, said
    assert isinstance(body["error"], str), said
    assert "internal error" not in body["error"], said
    wanted = {400: ("missing", "invalid"), 404: ("not found",), 405: ("not allowed",)}.get(answer.status_code, ("",))
    assert any(word in body["error"] for word in wanted), said
    assert answer.headers["content-type"] == "application/json"
    assert "location" not in answer.headers


class Watched:
    """Makes bad requests in the house, in both slash forms, and sees that nothing has changed."""

    def __init__(self, here: Runner, endpoint: Endpoint) -> None:
        self.here, self.endpoint = here, endpoint
        self.house: House = here.house
        self.names = self.house.names

    async def _refused(self, requests: list[tuple[str, str, object, dict[str, Any], tuple[int, ...]]]) -> None:
        wrong, before, glance = [], self.house.look(), self.house.glance()
        for method, path, asked, how, statuses in requests:
            for form in (path, path.rstrip("/")):
                answer = await self.house.ask(method, form, asked, **how)
                try:
                    is_error(answer, *statuses)
                except AssertionError as error:
                    wrong.append(str(error))
            await self.house.on.settled()
            if self.house.glance() != glance:
                wrong.append(f"{method} {path} {asked} has changed something")
                break
        after = self.house.look()
        changed = {name for name in after if after[name] != before[name]}
        assert not wrong, "\n".join(wrong)
        assert not changed, f"one of {requests} has changed {changed}"

    def refused(self, *requests: tuple[str, str, object, dict[str, Any], tuple[int, ...]]) -> None:
        try:
            self.here(self._refused(list(requests)))
        except BaseException:
            self.here.rebuild()
            raise

    def base(self, **more: object) -> dict[str, object]:
        return arguments({**self.endpoint.given(), **more}, self.names)

    def ask(self, given: object, *statuses: int, **how: Any) -> Any:
        return self.endpoint.method, path_of(self.endpoint, self.names), given, how, statuses


def test_every_endpoint_that_is_served_is_in_the_table() -> None:
    served = {
        (method, re.sub(r"\(\?P<\w+>\[\^/\]\+\)", "{}", pattern.pattern.rstrip("$")).lower())
        for pattern, methods in RESOURCES
        for method in methods
    }
    listed = {(each.method, re.sub(r"\{\w+\}", "{}", each.path.strip("/").lower())) for each in ENDPOINTS}
    assert served == listed
    assert len(listed) == len(ENDPOINTS)


def test_every_route_is_known_here(here: Runner) -> None:
    routes = {type(route) for route in here.house.plivo.routes()}
    assert routes == {VoiceRoute, RecordingRoute, FeedbackRoute}


# --- the request is right -------------------------------------------------------------------------------------------


@every_endpoint
def test_a_right_request_with_every_argument_is_accepted(here: Runner, endpoint: Endpoint) -> None:
    """Those with the required ones alone are in test_checklists."""
    house = here.house

    async def story() -> None:
        asked = arguments(endpoint.given(all_of_them=True), house.names)
        if endpoint.first[0]:
            await house.ask(endpoint.first[0], filled(endpoint.first[1], house.names))
            await house.on.settled()
        answer = await house.ask(endpoint.method, path_of(endpoint, house.names), asked)
        later = "callback_url" in asked and not endpoint.synchronous
        wanted = (200 if endpoint.method == "DELETE" else 202) if later else endpoint.status
        assert answer.status_code == wanted, answer.text
        if later:
            assert answer.json()["message"] == "async api spawned"
        elif endpoint.status == 204:
            assert answer.content == b""
            assert "content-type" not in answer.headers
        else:
            assert answer.json()["api_id"]
            assert answer.json().get("message", "") == endpoint.message or not endpoint.message
        await house.on.settled()

    try:
        here(story())
    finally:
        if endpoint.method != "GET":
            here.rebuild()


# --- arguments ------------------------------------------------------------------------------------------------------


@every_endpoint
def test_missing_arguments(here: Runner, endpoint: Endpoint) -> None:
    watched = Watched(here, endpoint)
    requests = []
    for arg in endpoint.required:
        for nothing in ({}, {arg.name: None}, {arg.name: ""}):
            asked = {name: value for name, value in watched.base().items() if name != arg.name}
            if endpoint.method != "GET" or nothing != {arg.name: None}:
                requests.append(watched.ask({**asked, **nothing}, 400))
    if endpoint.required and endpoint.method != "GET":
        requests += [watched.ask({}, 400), watched.ask([], 400), watched.ask("", 400)]
    watched.refused(*requests)


@every_endpoint
def test_wrong_arguments(here: Runner, endpoint: Endpoint) -> None:
    watched = Watched(here, endpoint)
    requests = []
    for arg in endpoint.args:
        for value in arg.wrong:
            wrong = filled(value, watched.names)
            if endpoint.method != "GET" or in_query(wrong):
                asked = {**watched.base(), **_company(endpoint, arg, watched.names), arg.name: wrong}
                requests.append(watched.ask(asked, arg.status))
    watched.refused(*requests)


def _company(endpoint: Endpoint, arg: Arg, names: dict[str, str]) -> dict[str, object]:
    """Returns the arguments without which one is not read: the URL of a method."""
    if arg.name.startswith("bleg_"):
        return {"legs": "both", "bleg_url": RIGHT_URL}
    if not arg.name.endswith("_method"):
        return {}
    base = arg.name.removesuffix("_method")
    found = {each.name: each.right for each in endpoint.args}
    company = {name: found[name] for name in (base, f"{base}_url", f"{base}_answer_url") if name in found}
    return arguments(
        {
            **company,
        },
        names,
    ) | (
        {base: company[base] if str(company[base]).startswith("http") else "http://app.example.com/page"}
        if base in company
        else {}
    )


@every_endpoint
def test_arguments_that_are_wrong_together(here: Runner, endpoint: Endpoint) -> None:
    watched = Watched(here, endpoint)
    requests = []
    for given_, status in endpoint.together:
        asked = {**watched.base(), **arguments(given_, watched.names)}
        missing = [name for name, value in given_.items() if value is None]
        asked = {name: value for name, value in asked.items() if name not in missing}
        if given_ == {}:
            asked = {}
        requests.append(watched.ask(asked, status))
    watched.refused(*requests)


@every_endpoint
@sparing(5)
@given(data=st.data())
def test_generated_wrong_arguments(here: Runner, endpoint: Endpoint, data: st.DataObject) -> None:
    if not endpoint.args or endpoint.method == "GET":
        return
    arg = data.draw(st.sampled_from([each for each in endpoint.args if each.wrong]))
    wrong = data.draw(arg.more)
    watched = Watched(here, endpoint)
    asked = {**watched.base(), **_company(endpoint, arg, watched.names), arg.name: wrong}
    watched.refused(watched.ask(asked, arg.status))


@every_endpoint
@sparing(6)
@given(data=st.data())
def test_generated_arguments_about_what_is_not_there(here: Runner, endpoint: Endpoint, data: st.DataObject) -> None:
    """Whatever the arguments: what the path names does not exist."""
    if not endpoint.names:
        return
    asked = data.draw(st.dictionaries(st.sampled_from([each.name for each in endpoint.args] or ["x"]), JSON))
    watched = Watched(here, endpoint)
    if endpoint.method == "GET":
        asked = {name: value for name, value in asked.items() if in_query(value)}
    names = {
        **watched.names,
        endpoint.names[-1]: NOBODY,
        **({"mid": f"name_{NOBODY}"} if endpoint.names == ["mid"] else {}),
    }
    if endpoint.path == "MultiPartyCall/{mid}/Participant/" and endpoint.method == "POST":
        names["mid"] = f"uuid_{NOBODY}"
    watched.refused((endpoint.method, path_of(endpoint, names), asked, {}, (400, 403, 404)))


# --- what the path names --------------------------------------------------------------------------------------------


@every_endpoint
def test_unknown_names(here: Runner, endpoint: Endpoint) -> None:
    watched = Watched(here, endpoint)
    requests = []
    for name in endpoint.names:
        for value in UNKNOWN[name]:
            if (
                endpoint.path.endswith("/Participant/")
                and endpoint.method == "POST"
                and value.startswith("name_")
                and len(value) > 5
            ):
                continue  # that makes a new one
            names = {**watched.names, name: filled(value, watched.names)}
            requests.append((endpoint.method, path_of(endpoint, names), watched.base(), {}, (404,)))
    watched.refused(*requests)


@every_endpoint
def test_other_accounts(here: Runner, endpoint: Endpoint) -> None:
    watched = Watched(here, endpoint)
    path, asked = path_of(endpoint, watched.names), watched.base()
    requests = []
    for auth, account in ((OTHER_AUTH, ACCOUNT), (SUB_AUTH, ACCOUNT), (OTHER_AUTH, SUB), (MAIN_AUTH, OTHER)):
        requests.append((endpoint.method, path, asked, {"auth": auth, "account": account}, (401,)))
    for auth in (None, (ACCOUNT, "wrong"), ("", "")):
        requests.append((endpoint.method, path, asked, {"auth": auth}, (401,)))
    if endpoint.names and endpoint.names != ["for_rent"] and not (endpoint.message.startswith("add participant")):
        for auth, account in ((OTHER_AUTH, OTHER), (SUB_AUTH, SUB)):
            given_ = {name: value for name, value in asked.items() if name != "app_id"}
            requests.append((endpoint.method, path, given_, {"auth": auth, "account": account}, (404,)))
    watched.refused(*requests)


# --- bodies and methods ---------------------------------------------------------------------------------------------

BODIES = (
    (b'{"a":', "application/json"),
    (b'{"a": 1', "application/x-www-form-urlencoded"),
    (b"[1]", "application/json"),
    (b'"text"', "application/json"),
    (b"17", "application/json"),
    (b"\xff\xfe\x00\x01", "application/json"),
    (b"\xff\xfe\x00\x01", "image/png"),
    (b'{"a": "\\ud800"}', "application/json"),  # half a character
    (b'{"\\udfff": 1}', "application/json"),
    (b"a=1", "application/json"),
    (b"just words", "text/plain"),
    (b"[" * 100_000, "application/json"),
    (b'{"a":' * 100_000, "application/json"),
    (b"no parts", "multipart/form-data"),
    (b"no parts", "multipart/form-data; boundary="),
)


@every_endpoint
def test_bodies_that_nobody_can_read(here: Runner, endpoint: Endpoint) -> None:
    if endpoint.method == "GET":
        return
    watched = Watched(here, endpoint)
    requests = []
    for body, kind in BODIES:
        how = {"content": body, "headers": {"content-type": kind}}
        requests.append((*watched.ask(None)[:3], how, (400,)))
    large = {"content": json.dumps({"a": "x" * 1_000_001}).encode(), "headers": {"content-type": "application/json"}}
    requests.append((*watched.ask(None)[:3], large, (413,)))
    watched.refused(*requests)


@every_endpoint
def test_wrong_methods(here: Runner, endpoint: Endpoint) -> None:
    watched = Watched(here, endpoint)
    allowed = {
        each.method
        for each in ENDPOINTS
        if re.sub(r"\{\w+\}", "{}", each.path) == re.sub(r"\{\w+\}", "{}", endpoint.path)
    }
    path, asked = path_of(endpoint, watched.names), watched.base()
    watched.refused(*((method, path, asked, {}, (405,)) for method in METHODS if method not in allowed))


def test_what_is_not_served_is_not_found(here: Runner) -> None:
    watched = Watched(here, ENDPOINTS[0])
    watched.refused(*((method, path, {"a": 1}, {}, (404,)) for method in METHODS[:3] for path in ABSENT))


def test_generated_paths(here: Runner) -> None:
    watched = Watched(here, ENDPOINTS[0])
    word = st.sampled_from(["Call", "Conference", "Member", "Play", "MultiPartyCall", "Recording", "all", "%2F", ""])

    @sparing(60)
    @given(st.lists(word, min_size=1, max_size=7), st.sampled_from(METHODS))
    def story(parts: list[str], method: str) -> None:
        async def ask() -> None:
            answer = await watched.house.ask(method, "X/" + "/".join(parts))
            is_error(answer, 404)

        here(ask())

    story()


# --- what is served outside the account's table ---------------------------------------------------------------------


def test_feedback(here: Runner) -> None:
    house = here.house
    call = house.names["call_uuid"]
    right = {"rating": 4, "issues": ["ECHO"], "notes": "fine"}
    wrong = ({}, {"rating": 0}, {"rating": 6}, {"rating": "x"}, {"rating": True}, {"rating": 4, "issues": {"a": 1}},
             {"rating": 4, "issues": [1]}, {"rating": 4, "notes": {"a": 1}}, {"rating": None})  # fmt: skip

    async def story() -> None:
        async def ask(given_: object, status: int, uuid: str = call, method: str = "POST", **how: Any) -> None:
            for slash in ("", "/"):
                how.setdefault("auth", MAIN_AUTH)
                url = f"/v1/Call/{uuid}/Feedback{slash}"
                answer = await house.on.http.request(method, url, json=given_, **how)
                if status == 200:
                    assert answer.status_code == 200, answer.text
                else:
                    is_error(answer, status)

        before = house.look()
        for given_ in wrong:
            await ask(given_, 400)
        await ask(right, 401, auth=(ACCOUNT, "wrong"))
        for auth in (OTHER_AUTH, SUB_AUTH):
            await ask(right, 404, auth=auth)
        await ask(right, 404, NOBODY)
        for method in ("GET", "DELETE", "PUT"):
            await ask(right, 405, method=method)
        assert house.look() == before
        await ask(right, 200)

    here(story())


def test_recorded_files(here: Runner) -> None:
    house = here.house
    found = house.names["recording_id"]

    async def story() -> None:
        async def ask(name: str, status: int, method: str = "GET", **how: Any) -> None:
            is_error(await house.ask(method, f"Recording/{name}", None, **how), status)

        before = house.look()
        for name in (f"{NOBODY}.mp3", f"{NOBODY}.wav", "x.mp3", "..%2Fx.mp3", "%00.wav"):
            await ask(name, 404)
        await ask(f"{found}.wav", 401, auth=None)
        await ask(f"{found}.wav", 401, auth=OTHER_AUTH)
        await ask(f"{found}.wav", 404, auth=OTHER_AUTH, account=OTHER)
        for method in ("POST", "DELETE", "PUT"):
            await ask(f"{found}.wav", 405, method)
        assert house.look() == before

    here(story())
