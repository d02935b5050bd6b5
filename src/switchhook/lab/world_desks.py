"""Agents' desktops by Genesys Web Services: `desk = await world.genesys.login("agent1")`, then its buttons.

A desktop holds a CometD session and sends its operations by REST. An operation without a call means the one a person
would mean: `answer` the ringing one, `complete_transfer` the consult, anything else the newest established one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import httpx2

from switchhook.lab.demo.cometd import Desktop as Session
from switchhook.lab.heard import Missed
from switchhook.lab.phone import Phone
from switchhook.lab.world_clients import Who, number

_OVER = "Released"


class Desktop(Session):
    """One agent's desktop. `messages` are all notifications so far, `calls` the live calls as last told."""

    _found: Mapping[str, dict[str, Any]] = {}

    async def open(self) -> None:
        """Logs in, and looks which calls there are already."""
        await super().open()
        found = (await self.http.get("/api/v2/me/calls", params={"fields": "*"})).json()["calls"]
        self._found = {call["id"]: call for call in found}

    @property
    def calls(self) -> list[dict[str, Any]]:
        """Returns the calls that are not over, oldest first, each as its latest message described it."""
        latest = dict(self._found)
        for message in self.messages:
            call = message["data"].get("call")
            if call is not None:
                latest[call["id"]] = call
        return [call for call in latest.values() if call["state"] != _OVER]

    async def shows(self, state: str, *, call_type: str = "", within_s: float = 5.0) -> dict[str, Any]:
        """Waits until a live call is in `state` (of `call_type`, such as `Consult`) and returns it; raises `Missed`."""
        try:
            await self.until(lambda: self._in(state, call_type) is not None, within_s)
        except TimeoutError:
            raise Missed(f"the desktop showed no {state} call within {within_s:g} s, but {self.states()}") from None
        found = self._in(state, call_type)
        assert found is not None
        return found

    async def until(self, test: Callable[[], bool], within_s: float = 5.0) -> None:
        """Waits until notifications make `test` true; raises `TimeoutError`."""
        async with asyncio.timeout(within_s):
            while not test():
                self._arrived.clear()
                await self._arrived.wait()

    async def dial(self, to: Who) -> None:
        """Calls somebody from the agent's own telephone."""
        device = (await self.http.get("/api/v2/me/devices", params={"fields": "*"})).json()["devices"][0]["id"]
        await self.post(f"/api/v2/me/devices/{device}/calls", operationName="Dial", **_destination(to))

    async def answer(self) -> None:
        """Picks up the ringing call, through the agent's telephone."""
        await self.operate("Answer", await self.shows("Ringing"))

    async def hang_up(self, call: Mapping[str, Any] | None = None) -> None:
        """Ends a call."""
        await self.operate("Hangup", call)

    async def hold(self) -> None:
        """Lets the customer hear music."""
        await self.operate("Hold")

    async def retrieve(self) -> None:
        """Takes the held call back."""
        await self.operate("Retrieve", await self.shows("Held"))

    async def initiate_transfer(self, to: Who, **more: Any) -> dict[str, Any]:
        """Begins a two-step transfer and returns the consult call, as it was told last: it may be over already."""
        known = len(self.messages)

        def consults() -> list[dict[str, Any]]:
            told = [message["data"].get("call") or {} for message in self.messages[known:]]
            return [call for call in told if call.get("callType") == "Consult"]

        await self.operate("InitiateTransfer", **_destination(to), **more)
        await self.until(lambda: bool(consults()))
        return consults()[-1]

    async def complete_transfer(self) -> None:
        """Hands the customer to whom the agent consults, also before they answer."""
        consult = next((call for call in reversed(self.calls) if call["callType"] == "Consult"), None)
        await self.operate("CompleteTransfer", consult)

    async def complete_conference(self) -> None:
        """Brings the customer and whom the agent consults together, the agent among them."""
        consult = next((call for call in reversed(self.calls) if call["callType"] == "Consult"), None)
        await self.operate("CompleteConference", consult)

    async def single_step_conference(self, to: Who, **more: Any) -> None:
        """Has somebody rung into the call."""
        await self.operate("SingleStepConference", **_destination(to), **more)

    async def single_step_transfer(self, to: Who, **more: Any) -> None:
        """Hands the customer over at once."""
        await self.operate("SingleStepTransfer", **_destination(to), **more)

    async def swap(self) -> None:
        """Changes between customer and consult."""
        on, other = await self.shows("Established"), await self.shows("Held")
        await self.operate("SwapCalls", on, otherCallUri=other["uri"])

    async def operate(self, operation: str, call: Mapping[str, Any] | None = None, **more: Any) -> None:
        """Sends an operation on a call (the newest established one); raises `RuntimeError` when it is refused."""
        call = call or self._in("Established", "") or next(iter(reversed(self.calls)), None)
        if call is None:
            raise Missed(f"the desktop has no call to {operation}")
        await self.post(f"/api/v2/me/calls/{call['id']}", operationName=operation, **more)

    def _in(self, state: str, call_type: str) -> dict[str, Any] | None:
        calls = [call for call in self.calls if call["state"] == state and call_type in ("", call["callType"])]
        return calls[-1] if calls else None


class GenesysClient:
    """Logs agents in. `close` logs all of them out."""

    def __init__(
        self, base_url: str, transport: httpx2.AsyncBaseTransport | None, passwords: Mapping[str, str]
    ) -> None:
        self._base_url = base_url
        self._transport = transport
        self._passwords = passwords
        self.desktops: dict[str, Desktop] = {}

    async def login(self, username: str, password: str = "") -> Desktop:
        """Opens an agent's desktop, ready for calls; the password is that of the configuration."""
        known = password or self._passwords.get(username, "")
        desktop = Desktop(self._base_url, username, known, transport=self._transport)
        await desktop.open()
        self.desktops[username] = desktop
        return desktop

    async def close(self) -> None:
        """Closes all desktops."""
        for desktop in self.desktops.values():
            await desktop.close()


def _destination(to: Phone | str) -> dict[str, Any]:
    return {"destination": {"phoneNumber": number(to)}}
