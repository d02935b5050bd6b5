"""What the stories about Multi-Party Calls share: short words for requests, documents and status callbacks."""

from __future__ import annotations

from typing import Any

import httpx2

from switchhook.lab.stage import Line
from tests.dialects.plivo.common import APP, CUSTOMER, NUMBER, World

STATUS = f"{APP}/mpc"
ALL = (
    "mpc-state-changes,participant-state-changes,participant-speak-events,participant-digit-input-events,"
    "add-participant-api-events"
)
QUIET = 'enterSound="none" exitSound="none"'


class Mpc:
    """One Multi-Party Call of a world, called `desk`."""

    def __init__(self, world: World, name: str = "desk") -> None:
        self.world, self.name = world, name
        for path in ("mpc", "status", "rec", "exit"):
            world.stage.web.on(f"{APP}/{path}", "")

    async def comes(
        self, attributes: str = "", *after: str, role: str = "customer", caller: str = CUSTOMER, quiet: bool = True
    ) -> Line:
        """A caller comes in by a document."""
        noise = QUIET if quiet else ""
        element = f'<MultiPartyCall role="{role}" {noise} {attributes}>{self.name}</MultiPartyCall>'
        return await self.world.arrives(element, *after, caller=caller)

    async def api(
        self, method: str, path: str = "", body: dict[str, Any] | None = None, **more: Any
    ) -> httpx2.Response:
        answer = await self.world.api(method, f"MultiPartyCall/name_{self.name}/{path}", body, **more)
        await self.world.stage.settled()
        return answer

    async def add(self, to: str = "1001", role: str = "agent", **more: Any) -> httpx2.Response:
        """Asks to ring somebody."""
        quiet = {"enter_sound": "none", "exit_sound": "none"}
        return await self.api("POST", "Participant/", {"role": role, "from": NUMBER, "to": to, **quiet, **more})

    async def rings(self, name: str = "1001", role: str = "agent", **more: Any) -> Line:
        """Adds a telephone, which rings."""
        answer = await self.add(name, role, **more)
        assert answer.status_code == 201, answer.text
        return await self.world.stage.phone(name).rings()

    async def agent(self, name: str = "1001", role: str = "agent", **more: Any) -> Line:
        """Adds a telephone, which is picked up."""
        line = await self.rings(name, role, **more)
        line.answers()
        await self.world.stage.settled()
        return line

    async def pull(self, line: Line, role: str = "customer", **more: Any) -> httpx2.Response:
        quiet = {"enter_sound": "none", "exit_sound": "none"}
        return await self.api("POST", "Participant/", {"role": role, "call_uuid": line.leg, **quiet, **more})

    async def member(self, line: Line) -> dict[str, Any]:
        """Returns the latest participant of a call."""
        objects = (await self.api("GET", f"Participant/?call_uuid={line.leg}")).json()["objects"]
        found: dict[str, Any] = objects[-1]
        return found

    async def update(self, line: Line, **body: object) -> httpx2.Response:
        return await self.api("POST", f"Participant/{(await self.member(line))['member_id']}/", body)

    async def kick(self, line: Line) -> httpx2.Response:
        return await self.api("DELETE", f"Participant/{(await self.member(line))['member_id']}/")

    def events(self, path: str = "/mpc") -> list[str]:
        return [hook["EventName"] for hook in self.world.hooks(path)]

    def event(self, name: str, path: str = "/mpc") -> dict[str, str]:
        """Returns the last status callback of a kind."""
        return [hook for hook in self.world.hooks(path) if hook["EventName"] == name][-1]
