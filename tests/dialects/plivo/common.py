"""What the Plivo stories share: settings, a user's web application, and short words for requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx2

from switchhook.lab.stage import Hook, Line, Stage
from switchhook.settings import Settings
from switchhook.settings.loading import load

ACCOUNT = "MASWITCHHOOK00000000"
TOKEN = "0123456789abcdef0123456789abcdef01234567"
SUB = "SASWITCHHOOK00000000"
SUB_TOKEN = "sub-token"
OTHER = "MAOTHERACCOUNT000000"
OTHER_TOKEN = "other-token"

CUSTOMER = "+14155550123"
NUMBER = "+14155550100"
APP = "http://app.example.com"
SIP = "switchhook.local"


def settings(**more: object) -> Settings:
    """One account with an application behind a number, a sub-account, a stranger, a trunk and five telephones."""
    tree: dict[str, object] = {
        "account": [
            {"auth_id": ACCOUNT, "auth_token": TOKEN, "name": "Tests"},
            {"auth_id": SUB, "auth_token": SUB_TOKEN, "parent": ACCOUNT},
            {"auth_id": OTHER, "auth_token": OTHER_TOKEN},
        ],
        "endpoint": [
            *(
                {"username": name, "password": f"secret-{name}", "account": ACCOUNT}
                for name in ("1001", "1002", "1003", "1004")
            ),
            {"username": "2001", "password": "secret-2001", "account": ACCOUNT, "application": "app1"},
        ],
        "trunk": [{"name": "carrier", "uri": "sip:127.0.0.1:5070", "match": ["127.0.0.1"], "prefixes": ["+"]}],
        "agent": [
            {"username": f"agent{n}", "password": f"pw{n}", "endpoint": f"100{n}", "number": f"100{n}"}
            for n in (1, 2, 3)
        ],
        "application": [
            {
                "app_id": "app1",
                "account": ACCOUNT,
                "answer_url": f"{APP}/answer",
                "hangup_url": f"{APP}/hangup",
                "fallback_answer_url": f"{APP}/fallback",
            }
        ],
        "number": [{"number": NUMBER, "account": ACCOUNT, "application": "app1"}],
        **more,
    }
    return load(None, environ={}, tree=tree)


def document(*elements: str) -> str:
    return f"<Response>{''.join(elements)}</Response>"


class World:
    """A stage with the Plivo dialect, the user's application, and its API client."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        for path in ("hangup", "ring", "cb", "conf"):
            stage.web.on(f"{APP}/{path}", "")

    def page(self, path: str, *elements: str) -> str:
        """Serves a document and returns its URL."""
        self.stage.web.on(f"{APP}{path}", document(*elements))
        return f"{APP}{path}"

    def hooks(self, path: str) -> list[dict[str, str]]:
        """Returns the fields of all requests to a path, in order."""
        return [hook.form for hook in self.stage.web.to(f"{APP}{path}")]

    def one(self, path: str) -> dict[str, str]:
        found = self.hooks(path)
        assert len(found) == 1, f"{path}: {len(found)} requests"
        return found[0]

    def paths(self) -> list[str]:
        """Returns the paths of all requests so far, in order."""
        return [hook.path for hook in self.stage.web.hooks]

    def told(self, path: str, *names: str) -> list[tuple[str, ...]]:
        """Returns chosen fields of all requests to a path."""
        return [tuple(form.get(name, "") for name in names) for form in self.hooks(path)]

    async def api(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        auth: tuple[str, str] = (ACCOUNT, TOKEN),
        account: str = ACCOUNT,
        **more: Any,
    ) -> httpx2.Response:
        url = f"/v1/Account/{account}/{path}"
        return await self.stage.http.request(method, url, json=body, auth=auth, **more)

    async def transfer(self, line: Line | str, **body: str) -> httpx2.Response:
        """Transfers a call and lets everything that follows at once happen."""
        uuid = line if isinstance(line, str) else line.leg
        answer = await self.api("POST", f"Call/{uuid}/", body)
        await self.stage.settled()
        return answer

    async def arrives(self, *elements: str, caller: str = CUSTOMER) -> Line:
        """A caller reaches the application, which answers with these elements."""
        self.page("/answer", *elements)
        line = self.stage.phone(caller).calls(NUMBER)
        await self.stage.settled()
        return line

    async def in_dial(self, dial: str = "", *after: str, to: str = "1001", caller: str = CUSTOMER) -> tuple[Line, Line]:
        """A caller talks with a telephone, put together by a Dial with these attributes."""
        line = await self.arrives(f"<Dial {dial}><User>sip:{to}@{SIP}</User></Dial>", *after, caller=caller)
        at_agent = await self.stage.phone(to).rings()
        at_agent.answers()
        await self.stage.settled()
        return line, at_agent

    @property
    def warnings(self) -> list[str]:
        return [str(entry.body["text"]) for entry in self.stage.entries if entry.kind == "Warning"]


def stage(**more: object) -> Stage:
    return Stage(settings(**more), dialects=("plivo",))


__all__ = ["Hook", "World", "document", "settings", "stage"]
