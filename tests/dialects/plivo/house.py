"""A house with one of everything that the REST API knows, and a look at all of it, for comparing two moments."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import httpx2

from switchhook.core.ids import LegId
from switchhook.lab.stage import Stage
from switchhook.lab.virtual_time import VirtualLoop
from tests.dialects.plivo.common import (
    ACCOUNT,
    APP,
    NUMBER,
    OTHER,
    OTHER_TOKEN,
    SUB,
    SUB_TOKEN,
    TOKEN,
    World,
    settings,
)

T = TypeVar("T")
MAIN_AUTH, SUB_AUTH, OTHER_AUTH = (ACCOUNT, TOKEN), (SUB, SUB_TOKEN), (OTHER, OTHER_TOKEN)
NOT_STATE = ("HttpRequest",)  # what the journal is told of every request


class House:
    """Two accounts, a sub-account, and what they have; `names` are the values that paths and arguments are made of."""

    def __init__(self, on: Stage) -> None:
        self.on, self.world = on, World(on)
        self.names: dict[str, str] = {"sub": SUB, "other": OTHER}

    @property
    def plivo(self) -> Any:
        return self.on.dialects["plivo"]

    async def ask(self, method: str, path: str, given: object = None, **how: Any) -> httpx2.Response:
        """Asks, with arguments as JSON, or in the query where there is no body."""
        how.setdefault("auth", MAIN_AUTH)
        account = how.pop("account", ACCOUNT)
        if method == "GET" and isinstance(given, Mapping):
            how["params"], given = given, None
        if given is not None:
            how["json"] = given
        return await self.on.http.request(method, f"/v1/Account/{account}/{path}", **how)

    async def made(self, path: str, given: Mapping[str, object], name: str = "", **how: Any) -> Any:
        answer = await self.ask("POST", path, given, **how)
        assert answer.status_code in (201, 202), answer.text
        return answer.json().get(name, "")

    async def furnish(self) -> None:
        """Puts everything in its place."""
        world, on, names = self.world, self.on, self.names
        for path in ("page", "mpc"):
            on.web.on(f"{APP}/{path}", "")
        dead = await world.arrives("<Wait length='60'/>", caller="+14155550199")
        dead.hangs_up()
        await on.settled()
        names["dead"] = dead.leg
        line, _ = await world.in_dial()
        names["call_uuid"] = line.leg
        waits = {"from": "1", "to": "+14155550778", "answer_url": f"{APP}/page"}
        for name in ("paced", "queued"):  # the sub-account's calls go out one after the other
            names[name] = await self.made("Call/", waits | {"caller_name": name}, "request_uuid", account=SUB)
        ringing = {
            "from": NUMBER,
            "to": f"sip:1004@{on.settings.sip.domain}",
            "answer_url": world.page("/wait", "<Wait/>"),
        }
        names["request_uuid"] = await self.made("Call/", ringing, "request_uuid")
        seats = [await world.arrives("<Conference>room</Conference>", caller=f"+1415555020{n}") for n in (1, 2)]
        names["conference_name"] = "room"
        room = (await self.ask("GET", "Conference/room/")).json()
        names["member_id"] = room["members"][0]["member_id"]
        assert len(room["members"]) == len(seats)
        for n, role in ((3, "customer"), (4, "agent"), (5, "supervisor")):
            quiet = 'enterSound="none" exitSound="none"'
            await world.arrives(
                f"<MultiPartyCall role='{role}' {quiet}>desk</MultiPartyCall>", caller=f"+1415555020{n}"
            )
        party = (await self.ask("GET", "MultiPartyCall/name_desk/Participant/")).json()["objects"]
        names["mid"], names["pid"] = "name_desk", party[-1]["member_id"]
        await self._objects()
        await self._others()
        names["recording_id"] = await self.made(f"Call/{line.leg}/Record/", {}, "recording_id")
        await self.ask("DELETE", f"Call/{line.leg}/Record/")
        await on.settled()
        for path in (f"Call/{line.leg}", "Conference/room", "MultiPartyCall/name_desk",
                     f"MultiPartyCall/name_desk/Participant/{names['pid']}"):  # fmt: skip
            await self.made(f"{path}/Record/", {"time_limit": 80_000})
        stream = {"service_url": "ws://bot.test/agent"}
        names["stream_id"] = await self.made(f"Call/{line.leg}/Stream/", stream, "stream_id")
        await on.settled()

    async def _objects(self) -> None:
        names = self.names
        app = {"app_name": "made-app", "answer_url": f"{APP}/answer"}
        names["app_id"] = await self.made("Application/", app, "app_id")
        telephone = {"username": "desk", "password": "secret-enough", "alias": "desk", "app_id": names["app_id"]}
        names["endpoint_id"] = await self.made("Endpoint/", telephone, "endpoint_id")
        await self.made("Number/", {"numbers": "15550000001", "carrier": "own", "region": "US"})
        names["number"], names["for_rent"] = "15550000001", "15550000100"
        names["sub_id"] = await self.made("Subaccount/", {"name": "made"}, "auth_id")

    async def _others(self) -> None:
        """What the stranger has."""
        names, other = self.names, {"auth": OTHER_AUTH, "account": OTHER}
        app = {"app_name": "their-app", "answer_url": f"{APP}/answer"}
        names["other_app"] = await self.made("Application/", app, "app_id", **other)
        await self.made("Number/", {"numbers": "15550000002", "carrier": "own", "region": "US"}, **other)
        names["other_number"] = "15550000002"
        self.on.phone("+14155550777")
        call = {"from": "1", "to": "+14155550777", "answer_url": f"{APP}/page"}
        names["other_call"] = await self.made("Call/", call, "request_uuid", **other)

    def glance(self) -> tuple[int, int]:
        """Returns what any change would move, cheaply; `look` sees the rest."""
        return len(self.on.facts), len(self.on.web.hooks)

    def look(self) -> dict[str, object]:
        """Returns everything that a request could change."""
        exchange, plivo = self.on.exchange, self.plivo
        state, directory, declared = exchange.state, exchange.directory, exchange.declared
        return {
            **{name: repr(getattr(state, name)) for name in state.__slots__ if name != "ids"},
            "facts": len(self.on.facts),
            "journal": [entry.kind for entry in self.on.entries if entry.kind not in NOT_STATE],
            "webhooks": len(self.on.web.hooks),
            "objects": repr(declared._made),
            "kept": repr(declared._objects.all()),
            "directory": [
                repr(getattr(directory, each)) for each in ("accounts", "applications", "numbers", "endpoints")
            ],
            "recordings": (repr(exchange.recordings._running), repr(exchange.recordings._archive)),
            "sessions": repr({leg: each.call for leg, each in plivo.sessions.items()}),
            "endings": repr(plivo.endings),
            "parties": [repr(vars(each)) if hasattr(each, "__dict__") else repr(each) for each in plivo.mpc.every()],
            "telephones": {key: (line.up, line.over, line.rang) for key, line in self.on.signalling.lines.items()},
            "heard": {key: self._heard(key) for key in state.legs},
        }

    def _heard(self, leg: LegId) -> list[str] | None:
        """A call that still waits for its turn has no audio yet."""
        try:
            return sorted(map(repr, self.on.media.hears(leg)))
        except KeyError:
            return None


ACCOUNTS = [
    {"auth_id": ACCOUNT, "auth_token": TOKEN, "name": "Tests", "api_rate": 0},
    {"auth_id": SUB, "auth_token": SUB_TOKEN, "parent": ACCOUNT, "api_rate": 0, "cps": 0.01},
    {"auth_id": OTHER, "auth_token": OTHER_TOKEN, "api_rate": 0},
]
FOR_RENT = [{"number": "+15550000100", "country": "US", "type": "local"}]


class Runner:
    """Runs pieces of one story, test after test, in one virtual loop."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner(loop_factory=VirtualLoop)
        self._on: Stage | None = None
        self._house: House | None = None

    def __call__(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    @property
    def house(self) -> House:
        """The house, as it was furnished."""
        if self._house is None:
            self._house = self(self._open())
        return self._house

    async def _open(self) -> House:
        tree = settings(account=ACCOUNTS, inventory=FOR_RENT)
        self._on = await Stage(tree, dialects=("plivo",)).__aenter__()
        house = House(self._on)
        await house.furnish()
        return house

    def rebuild(self) -> None:
        """Takes the house down: somebody has changed something in it. The next that asks gets a new one."""
        if self._on is not None:
            self(self._on.__aexit__(None, None, None))
        self._on = self._house = None

    def close(self) -> None:
        self.rebuild()
        self._runner.close()


@contextmanager
def runner() -> Iterator[Runner]:
    made = Runner()
    try:
        yield made
    finally:
        made.close()
