"""Thin clients of a world's public HTTP APIs: they send the request that the vendor documents, and nothing else.

A telephone may be given wherever an API wants its number or the id of its call. What the server refuses raises
`Declined` with its status and sentence; `world.http` sends anything else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx2

from switchhook.core.errors import SwitchhookError
from switchhook.flows.graph import Flow
from switchhook.lab.phone import Phone
from switchhook.lab.phone_call import PhoneCall

Who = Phone | str
LegOf = Callable[[PhoneCall], str]


class Declined(SwitchhookError):
    """The server answered a request with a failure."""

    def __init__(self, request: str, status: int, text: str) -> None:
        super().__init__(f"{request} was answered {status}: {text}")
        self.status = status


async def ask(http: httpx2.AsyncClient, method: str, path: str, auth: tuple[str, str], **body: Any) -> dict[str, Any]:
    """Sends a JSON request and returns the answer; raises `Declined`."""
    reply = await http.request(method, path, json=body or None, auth=auth)
    if reply.status_code >= 300:
        raise Declined(f"{method} {path}", reply.status_code, reply.text)
    answer: dict[str, Any] = reply.json() if reply.content else {}
    return answer


def number(who: Who) -> str:
    """Returns what is dialled to reach somebody."""
    return who.number if isinstance(who, Phone) else who


class PlivoClient:
    """The Plivo voice API: calls by telephone or by id."""

    def __init__(self, http: httpx2.AsyncClient, auth: tuple[str, str], leg_of: LegOf) -> None:
        self.auth = auth
        self._http = http
        self._leg_of = leg_of

    async def call(self, to: Who, answer_url: str, *, caller: str = "+14155550100", **more: Any) -> str:
        """Rings `to` and returns the call's uuid; `answer_url` is asked when it answers."""
        body = {"from": caller, "to": number(to), "answer_url": answer_url, **more}
        answer = await self._ask("POST", "Call/", **body)
        return str(answer["request_uuid"])

    async def transfer(self, call: Who, **body: Any) -> dict[str, Any]:
        """Sends a live call to other documents: `legs`, `aleg_url`, `bleg_url`, ..."""
        return await self._ask("POST", f"Call/{self.uuid(call)}/", **body)

    async def hang_up(self, call: Who) -> None:
        """Ends a live call."""
        await self._ask("DELETE", f"Call/{self.uuid(call)}/")

    async def ask(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        """Does anything else of the API; `path` is below the account, such as `Conference/`."""
        return await self._ask(method, path, **body)

    async def live(self) -> list[str]:
        """Returns the uuids of the live calls."""
        return list((await self._ask("GET", "Call/?status=live"))["calls"])

    def uuid(self, call: Who) -> str:
        """Returns the uuid of a telephone's present call, as the `X-CallUUID` header tells it."""
        if isinstance(call, str):
            return call
        if call.call_now is None:
            raise ValueError(f"{call.name} has no call")
        return self._leg_of(call.call_now)

    async def _ask(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        return await ask(self._http, method, f"/v1/Account/{self.auth[0]}/{path}", self.auth, **body)


class PhloClient:
    """The PHLO runner. Without `flow` and `node` the actions mean the first multi-party call of the first flow."""

    def __init__(self, http: httpx2.AsyncClient, auth: tuple[str, str], flows: Callable[[], list[Flow]]) -> None:
        self.auth = auth
        self._http = http
        self._flows = flows

    async def run(self, flow: str = "", **parameters: Any) -> dict[str, Any]:
        """Runs a flow by API."""
        path = f"/v1/account/{self.auth[0]}/phlo/{flow or self._place('', '')[0]}/"
        return await ask(self._http, "POST", path, self.auth, **parameters)

    async def call(self, trigger_source: Who, to: Who, **more: Any) -> dict[str, Any]:
        """Dials somebody into the multi-party call in which `trigger_source` is."""
        return await self.action("call", trigger_source, to, **more)

    async def warm_transfer(self, trigger_source: Who, to: Who, **more: Any) -> dict[str, Any]:
        """Lets the agent `trigger_source` talk to `to` in private, then hand the customer over."""
        return await self.action("warm_transfer", trigger_source, to, **more)

    async def cold_transfer(self, trigger_source: Who, to: Who, **more: Any) -> dict[str, Any]:
        """Hands the customer of the agent `trigger_source` to `to` at once."""
        return await self.action("cold_transfer", trigger_source, to, **more)

    async def action(
        self, action: str, trigger_source: Who, to: Who, *, role: str = "agent", flow: str = "", node: str = ""
    ) -> dict[str, Any]:
        """Sends a node action."""
        body = {"action": action, "trigger_source": number(trigger_source), "to": number(to), "role": role}
        return await ask(self._http, "POST", self._path(flow, node), self.auth, **body)

    async def member(self, who: Who, action: str, *, flow: str = "", node: str = "") -> dict[str, Any]:
        """Sends a member action: `hold`, `unhold`, `mute`, `abort_transfer`, `resume_call`, `hangup`, ..."""
        path = f"{self._path(flow, node)}/members/{number(who)}"
        return await ask(self._http, "POST", path, self.auth, action=action)

    def _path(self, flow: str, node: str) -> str:
        flow, node = self._place(flow, node)
        return f"/v1/phlo/{flow}/multi_party_call/{node}"

    def _place(self, flow: str, node: str) -> tuple[str, str]:
        for each in self._flows():
            if flow in ("", each.phlo_id):
                found = [one.id for one in each.nodes.values() if one.type == "multi_party_call"]
                return each.phlo_id, node or (found[0] if found else "")
        raise ValueError("this world has no such flow")
