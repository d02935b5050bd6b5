"""One agent's desktop of the Workspace API: a token, a session by cookie, one CometD session."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from switchhook.lab.stage import Line, Stage
from tests.dialects.genesys.office import OUTSIDE, SERVICE, settings

VOICE, INITIALIZATION = "/workspace/v3/voice", "/workspace/v3/initialization"
Message = dict[str, Any]


class Worker:
    """It keeps its cookie itself, because the stage has one HTTP client for everybody."""

    def __init__(self, stage: Stage, name: str = "agent1", *, key: str = "") -> None:
        self.stage = stage
        self.name = name
        self.number = f"500{name[-1]}"
        self.cookie = ""
        self.key = {"x-api-key": key} if key else {}
        self.client_id = ""

    async def send(self, method: str, path: str, **more: Any) -> tuple[int, Any]:
        headers = {**self.key, **({"Cookie": self.cookie} if self.cookie else {}), **more.pop("headers", {})}
        self.stage.http.cookies.clear()
        reply = await self.stage.http.request(method, path, headers=headers, **more)
        if "set-cookie" in reply.headers:
            self.cookie = reply.headers["set-cookie"].split(";")[0]
        return reply.status_code, reply.json()

    async def token(self) -> str:
        fields = {"grant_type": "password", "username": self.name, "password": f"secret{self.name[-1]}"}
        status, body = await self.send("POST", "/auth/v3/oauth/token", data=fields)
        assert (status, body["token_type"]) == (200, "bearer")
        token: str = body["access_token"]
        return token

    async def opens(self, *, activate: bool = True, **data: Any) -> Worker:
        bearer = {"Authorization": f"Bearer {await self.token()}"}
        assert await self.post("/initialize-workspace", headers=bearer) == (200, 1)
        shake = {"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": ["long-polling"]}
        [reply] = await self.bayeux(shake)
        self.client_id = reply["clientId"]
        for channel in (INITIALIZATION, VOICE):
            [reply] = await self.bayeux({"channel": "/meta/subscribe", "subscription": channel})
            assert reply["successful"]
        if activate:
            [initialized] = await self.fetched()
            assert initialized["channel"] == INITIALIZATION
            answer = await self.post("/activate-channels", agentId=self.name, dn=self.number, **data)
            assert answer == (200, 0)
        return self

    async def get(self, path: str) -> Any:
        status, body = await self.send("GET", f"/workspace/v3{path}")
        assert status == 200
        assert body["status"]["code"] == 0
        return body["data"]

    async def post(self, path: str, *, headers: dict[str, str] | None = None, **data: Any) -> tuple[int, int]:
        """Returns the HTTP status and the code."""
        body = {"data": data} if data else None
        status, reply = await self.send("POST", f"/workspace/v3{path}", json=body, headers=headers or {})
        assert set(reply) == {"status"}
        return status, reply["status"]["code"]

    async def does(self, call: Message | str, operation: str, **data: Any) -> list[Message]:
        """Carries out an operation on a call, which must be accepted; returns what was told."""
        conn_id = call if isinstance(call, str) else call["id"]
        assert await self.post(f"/voice/calls/{conn_id}/{operation}", **data) == (200, 1)
        return await self.told()

    async def fails(self, call: Message | str, operation: str, **data: Any) -> int:
        """Tries an operation that must be refused and change nothing; returns the HTTP status."""
        conn_id = call if isinstance(call, str) else call["id"]
        before = (await self.calls(), len(self.stage.facts))
        status, code = await self.post(f"/voice/calls/{conn_id}/{operation}", **data)
        assert status == code >= 400
        assert (await self.calls(), len(self.stage.facts)) == before
        assert await self.told() == []
        return status

    async def calls(self) -> list[Message]:
        found: list[Message] = (await self.get("/voice/calls"))["calls"]
        return found

    # --- CometD -----------------------------------------------------------------------------------------------------

    async def bayeux(self, message: Message) -> list[Message]:
        client = {"clientId": self.client_id} if self.client_id else {}
        status, found = await self.send("POST", "/workspace/v3/notifications", json=[{**message, **client}])
        assert status == 200
        replies: list[Message] = found
        return replies

    async def fetched(self) -> list[Message]:
        """Returns the messages that wait."""
        await self.stage.settled()
        connect = {"channel": "/meta/connect", "connectionType": "long-polling", "advice": {"timeout": 0}}
        *messages, reply = await self.bayeux(connect)
        assert reply["successful"]
        return messages

    async def told(self) -> list[Message]:
        """Returns the `data` of what waits on the voice channel."""
        return [message["data"] for message in await self.fetched() if message["channel"] == VOICE]


def states(told: list[Message]) -> list[tuple[str, str]]:
    """Shortens messages about calls to type and state."""
    return [(each["call"]["callType"], each["call"]["state"]) for each in told if "call" in each]


@dataclass
class Office:
    """A customer from outside talks to agent1, whose desktop this is; agent2 may be asked."""

    stage: Stage
    desk: Worker
    other: Worker
    customer: Line
    agent: Line
    call: Message

    async def consults(self, operation: str = "initiate-transfer") -> tuple[Message, Line, Message]:
        """Asks agent2, who answers; returns the consult as both see it, and agent2's telephone."""
        told = await self.desk.does(self.call, operation, destination="5002")
        assert states(told) == [("Inbound", "Held"), ("Consult", "Dialing")]
        assert told[1]["call"]["parentConnId"] == self.call["id"]
        target = await self.stage.phone("1002").rings()
        target.answers()
        consult = (await self.desk.told())[0]["call"]
        assert (consult["callType"], consult["state"]) == ("Consult", "Established")
        asked = (await self.other.told())[-1]["call"]
        assert asked["id"] == consult["id"]
        return consult, target, asked


@asynccontextmanager
async def talking(**sections: Any) -> AsyncIterator[Office]:
    async with Stage(settings(**sections), dialects=("genesys",)) as stage:
        desk = await Worker(stage).opens()
        other = await Worker(stage, "agent2").opens()
        await desk.told()
        await other.told()
        customer = stage.phone(OUTSIDE).calls(SERVICE)
        agent = await stage.phone("1001").rings()
        [ringing] = await desk.told()
        assert states([ringing]) == [("Inbound", "Ringing")]
        agent.answers()
        [established] = await desk.told()
        yield Office(stage, desk, other, customer, agent, established["call"])
        await stage.settled()
        for line in [line for phone in stage.phones.values() for line in phone.lines]:
            if line.over is None:
                line.hangs_up()
                await stage.settled()
        assert stage.nothing_left()
