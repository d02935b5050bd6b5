"""A minimal CometD client over long-polling (Bayeux 1.0): enough to watch an agent desktop's messages arrive."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import Any

import httpx2

PATH = "/api/v2/notifications"


class Desktop:
    """An agent's desktop: REST requests by Basic authentication, notifications by long-polling."""

    def __init__(
        self, base_url: str, user: str, password: str, *, transport: httpx2.AsyncBaseTransport | None = None
    ) -> None:
        auth = (user, password)
        self.http = httpx2.AsyncClient(
            base_url=base_url, auth=auth, timeout=40, trust_env=False, verify=False, transport=transport
        )
        self.messages: list[dict[str, Any]] = []
        self._ids = count(1)
        self._client_id = ""
        self._task: asyncio.Task[None] | None = None
        self._arrived = asyncio.Event()

    async def open(self) -> None:
        """Logs in: handshake, subscription, first connect, contact-centre session."""
        reply = await self._send(
            "handshake",
            channel="/meta/handshake",
            version="1.0",
            supportedConnectionTypes=["long-polling"],
        )
        self._client_id = reply[0]["clientId"]
        await self._send("", channel="/meta/subscribe", subscription="/v2/me/*")
        await self._send("connect", channel="/meta/connect", connectionType="long-polling", advice={"timeout": 0})
        self._task = asyncio.create_task(self._poll(), name="cometd")
        await self.post("/api/v2/me", operationName="StartContactCenterSession", channels=["voice"])

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
        await self.http.aclose()

    async def post(self, path: str, **body: Any) -> dict[str, Any]:
        """Sends an operation; raises when the reply is not statusCode 0."""
        reply = await self.http.post(path, json=body)
        answer: dict[str, Any] = reply.json()
        if answer.get("statusCode") != 0:
            raise RuntimeError(f"{path} {body}: {answer}")
        return answer

    async def call(self, state: str, *, call_type: str = "", within_s: float = 5.0, after: int = 0) -> dict[str, Any]:
        """Waits for a message about a call in that state (and type), not before number `after`; returns the call."""
        async with asyncio.timeout(within_s):
            while True:
                for message in self.messages[after:]:
                    call = message["data"].get("call", {})
                    if call.get("state") == state and call_type in ("", call.get("callType")):
                        return dict(call)
                self._arrived.clear()
                await self._arrived.wait()

    def states(self) -> list[str]:
        """Returns the calls' messages in short: `Held Inbound`, in order."""
        calls = [m["data"]["call"] for m in self.messages if "call" in m["data"]]
        return [f"{call['state']} {call['callType']}" for call in calls]

    async def _send(self, path: str, **message: Any) -> list[dict[str, Any]]:
        message["id"] = str(next(self._ids))
        if self._client_id:
            message["clientId"] = self._client_id
        reply = await self.http.post(f"{PATH}/{path}" if path else PATH, json=[message])
        answer: list[dict[str, Any]] = reply.json()
        for one in answer:
            if not one["channel"].startswith("/meta/"):
                self.messages.append(one)
                self._arrived.set()
        return [one for one in answer if one["channel"].startswith("/meta/")]

    async def _poll(self) -> None:
        while True:
            await self._send("connect", channel="/meta/connect", connectionType="long-polling")
