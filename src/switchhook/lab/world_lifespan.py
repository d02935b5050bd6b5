"""The life of a mounted application: what it does at its start and its end (the ASGI lifespan protocol, version 2)."""

from __future__ import annotations

import asyncio
from typing import Any

from switchhook.core.errors import Unavailable


class Lifespan:
    """Starts one application once and stops it again. One without a lifespan is simply served."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._in: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        self._out: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._started = False
        self.state: dict[str, Any] = {}  # what it keeps for its requests

    async def start(self) -> None:
        """Returns when it has started; raises `Unavailable` when it says that it cannot. Later calls do nothing."""
        if self._task is not None:
            return
        self._task = asyncio.get_running_loop().create_task(self._run(), name="lifespan")
        self._in.put_nowait({"type": "lifespan.startup"})
        said = await self._said()
        if said is not None and said["type"] == "lifespan.startup.failed":
            raise Unavailable(f"the web application did not start: {said.get('message', '')}".strip())
        self._started = said is not None

    async def stop(self) -> None:
        """Lets it end; does nothing where it never started."""
        if self._started:
            self._in.put_nowait({"type": "lifespan.shutdown"})
            await self._said()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self.state}
        await self._app(scope, self._in.get, self._out.put)

    async def _said(self) -> dict[str, str] | None:
        """Returns its next word; None when it returned or raised instead, which means: no lifespan here."""
        assert self._task is not None
        word = asyncio.ensure_future(self._out.get())
        await asyncio.wait({word, self._task}, return_when=asyncio.FIRST_COMPLETED)
        if word.done():
            return word.result()
        word.cancel()
        return None
