"""The office of these tests: three agents with telephones, a trunk, and desktops that speak REST and CometD."""

from __future__ import annotations

import json
from typing import Any

from switchhook.lab.stage import Stage
from switchhook.settings import Settings, load

ACCOUNT = "MASWITCHHOOK00000000"
OUTSIDE = "+14155550123"  # a customer behind the trunk
SERVICE = "+14155550100"  # the number that outsiders call; agent1's telephone rings

TREE: dict[str, Any] = {
    "http": {"public_url": "http://127.0.0.1:8080"},
    "account": [{"auth_id": ACCOUNT, "auth_token": "token"}],
    "endpoint": [{"username": user, "password": "x", "account": ACCOUNT} for user in ("1001", "1002", "1003", "1004")],
    "trunk": [{"name": "carrier", "uri": "sip:127.0.0.1:5070", "match": ["127.0.0.1"], "prefixes": ["+"]}],
    "agent": [
        {"username": f"agent{n}", "password": f"secret{n}", "endpoint": f"100{n}", "number": f"500{n}"}
        for n in (1, 2, 3)
    ],
    "number": [{"number": SERVICE, "account": ACCOUNT, "agent": "agent1"}],
}


def settings(**sections: Any) -> Settings:
    """The office's configuration with sections added or replaced."""
    patient = {"max_interval_s": 3600.0}  # these desktops fetch only when they are told to
    return load(environ={}, tree={**TREE, **sections, "genesys": {**patient, **sections.get("genesys", {})}})


class Desktop:
    """One agent's desktop: Basic credentials on every request, one CometD session."""

    def __init__(self, stage: Stage, name: str = "agent1", *, ack: bool = False) -> None:
        self.stage = stage
        self.name = name
        self.auth = (name, f"secret{name[-1]}")
        self.user = stage.dialects["genesys"].roster.users[name]
        self.client_id = ""
        self.ack = ack
        self.batch = -1
        self.seen: list[dict[str, Any]] = []

    # --- REST -------------------------------------------------------------------------------------------------------

    async def get(self, path: str) -> dict[str, Any]:
        reply = await self.stage.http.get(f"/api/v2{path}", auth=self.auth)
        body: dict[str, Any] = reply.json()
        return {**body, "http": reply.status_code}

    async def post(self, path: str, operation: str | None, **parameters: Any) -> tuple[int, int]:
        """Returns the HTTP status and the statusCode."""
        body = parameters if operation is None else {"operationName": operation, **parameters}
        reply = await self.stage.http.post(f"/api/v2{path}", json=body, auth=self.auth)
        assert reply.headers["content-type"] == "application/json"
        answer = reply.json()
        expected = {"statusCode"} if answer["statusCode"] == 0 else {"statusCode", "statusMessage"}
        assert answer["statusCode"] == 7 or set(answer) == expected
        return reply.status_code, answer["statusCode"]

    async def does(self, call: dict[str, Any] | str, operation: str, **parameters: Any) -> list[dict[str, Any]]:
        """Carries out an operation on a call, which must succeed; returns the messages about calls that came of it."""
        call_id = call if isinstance(call, str) else call["id"]
        assert await self.post(f"/me/calls/{call_id}", operation, **parameters) == (200, 0)
        return await self.told()

    async def fails(self, call: dict[str, Any] | str, operation: str, **parameters: Any) -> int:
        """Tries an operation that must be refused and must change nothing; returns the statusCode."""
        call_id = call if isinstance(call, str) else call["id"]
        before = (await self.calls(), len(self.stage.facts))
        _, code = await self.post(f"/me/calls/{call_id}", operation, **parameters)
        assert code != 0
        assert (await self.calls(), len(self.stage.facts)) == before
        assert await self.told() == []
        return code

    async def dial(self, number: str, **parameters: Any) -> list[dict[str, Any]]:
        path = f"/me/devices/{self.user.device}/calls"
        answer = await self.post(path, "Dial", destination={"phoneNumber": number}, **parameters)
        assert answer == (200, 0)
        return await self.told()

    async def calls(self) -> list[dict[str, Any]]:
        """Returns the live calls as REST shows them, without what only time changes."""
        found = (await self.get("/me/calls?fields=*"))["calls"]
        return [{key: value for key, value in call.items() if key != "duration"} for call in found]

    # --- CometD -----------------------------------------------------------------------------------------------------

    async def bayeux(self, *messages: dict[str, Any], path: str = "") -> list[dict[str, Any]]:
        reply = await self.stage.http.post(f"/api/v2/notifications{path}", json=list(messages), auth=self.auth)
        assert reply.status_code == 200
        assert reply.headers["content-type"] == "application/json"
        found: list[dict[str, Any]] = reply.json()
        return found

    async def opens(self, *channels: str) -> Desktop:
        """Shakes hands, subscribes and starts a session."""
        ext = {"ext": {"ack": True}} if self.ack else {}
        types = ["websocket", "long-polling", "callback-polling"]
        shake = {"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": types, "id": "1", **ext}
        [reply] = await self.bayeux(shake, path="/handshake")
        assert reply["successful"]
        self.client_id = reply["clientId"]
        for channel in channels or ("/v2/me/calls",):
            [reply] = await self.bayeux(self.message("/meta/subscribe", subscription=channel))
            assert reply["successful"]
        return self

    def message(self, channel: str, **more: Any) -> dict[str, Any]:
        return {"channel": channel, "clientId": self.client_id, "id": "7", **more}

    def connect(self, **more: Any) -> dict[str, Any]:
        ext = {"ext": {"ack": self.batch}} if self.ack else {}
        return self.message("/meta/connect", connectionType="long-polling", **ext, **more)

    async def fetched(self) -> list[dict[str, Any]]:
        """Returns the messages that wait, at once."""
        await self.stage.settled()
        replies = await self.bayeux(self.connect(advice={"timeout": 0}), path="/connect")
        assert replies[-1]["channel"] == "/meta/connect"
        assert replies[-1]["successful"]
        if self.ack:
            self.batch = replies[-1]["ext"]["ack"]
        return replies[:-1]

    async def told(self) -> list[dict[str, Any]]:
        """Returns the `data` of the messages about calls that wait."""
        found = [message["data"] for message in await self.fetched() if message["channel"] == "/v2/me/calls"]
        self.seen += found
        return found


def brief(messages: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """Shortens messages to what they are about: notification, last characters of the call's id, state."""
    return [(data["notificationType"], data["call"]["id"][-1:], data["call"]["state"]) for data in messages]


def states(messages: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(data["call"]["callType"], data["call"]["state"]) for data in messages]


def pretty(messages: list[dict[str, Any]]) -> str:
    return json.dumps(messages, indent=1)
