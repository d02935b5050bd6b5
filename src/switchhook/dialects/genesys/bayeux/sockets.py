"""Bayeux over a web socket: the same arrays as text frames, in both directions (genesys 7.1).

The socket is one more way to carry requests. A session is not bound to it: a client may shake hands by long-polling and
connect here, or come back on another socket with the same clientId. Messages leave on connect replies only, as
everywhere, so a socket that breaks is a connect that was not answered, and its messages wait for the next one; what
could not be written goes back to the queue. Rejected: delivery beside the connect, which saves a round trip that the
client's next connect has already made, and would need a second way to know what arrived.

An idle socket costs the task that uvicorn keeps for it and one timer. Requests of one socket are carried out one after
the other, and who asks is looked at for each, as with HTTP: a login that ended ends its sockets.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial

from starlette.websockets import WebSocket, WebSocketDisconnect

from switchhook.dialects.genesys.bayeux.polling import BadRequest, Spawn, messages_of, rendered
from switchhook.dialects.genesys.bayeux.server import Bayeux
from switchhook.dialects.genesys.bayeux.session import Hold

BAD_FRAME, NOT_ADMITTED = 1007, 1008  # RFC 6455 7.4.1


class NotAdmitted(Exception):
    """Whoever opened this socket may not ask any more."""


class Socket:
    """One accepted web socket. `asker` names the user for each request, or raises `NotAdmitted`."""

    def __init__(
        self, bayeux: Bayeux, socket: WebSocket, asker: Callable[[], str], spawn: Spawn, after: Callable[[], None]
    ) -> None:
        self._bayeux = bayeux
        self._socket = socket
        self._asker = asker
        self._spawn = spawn
        self._after = after  # called after each request: the time of the next expiry may have changed
        self._held: dict[Hold, asyncio.TimerHandle] = {}
        self._due: deque[Hold] = deque()
        self._answering = False

    async def serve(self) -> None:
        """Carries out requests until the socket is closed; then its connects count as not answered."""
        try:
            while (frame := await self._socket.receive())["type"] == "websocket.receive":
                await self._take(frame.get("text") or frame.get("bytes") or "")
        except BadRequest as wrong:
            await self._close(BAD_FRAME, str(wrong))
        except NotAdmitted:
            await self._close(NOT_ADMITTED, "Access denied")
        except WebSocketDisconnect:
            pass  # found out while writing
        finally:
            self._abandon()

    async def _take(self, text: str | bytes) -> None:
        answer = self._bayeux.receive(self._asker(), messages_of([text]))
        self._after()
        if answer.hold is not None:
            self._keep(answer.hold)
        await self._answer()  # a connect that this request ended is answered before it, so that a client can go
        if answer.texts:
            await self._write(answer.texts)

    def _keep(self, hold: Hold) -> None:
        wake = partial(self._wake, hold)
        self._held[hold] = asyncio.get_running_loop().call_later(hold.timeout_s, wake)
        hold.wake = wake

    def _wake(self, hold: Hold) -> None:
        timer = self._held.pop(hold, None)
        if timer is None:
            return
        timer.cancel()
        hold.wake = None
        self._due.append(hold)
        if not self._answering:
            self._answering = True
            self._spawn(self._answer_soon())

    async def _answer_soon(self) -> None:
        try:
            await self._answer()
        except WebSocketDisconnect:
            pass  # `serve` learns of it as well
        finally:
            self._answering = False

    async def _answer(self) -> None:
        """Answers the connects that are due; what could not be written is kept for the next connect."""
        while self._due:
            hold = self._due.popleft()
            texts = self._bayeux.finish(hold)
            try:
                await self._write(texts)
            except BaseException:
                self._bayeux.give_back(hold, texts)
                raise

    async def _write(self, texts: list[bytes]) -> None:
        await self._socket.send_text(rendered(texts, "").decode())

    async def _close(self, code: int, reason: str) -> None:
        try:
            await self._socket.close(code, reason)
        except (WebSocketDisconnect, RuntimeError):
            pass  # it was closed from the other side meanwhile

    def _abandon(self) -> None:
        for hold, timer in self._held.items():
            timer.cancel()
            hold.wake = None
        for hold in (*self._held, *self._due):
            self._bayeux.abandon(hold)
        self._held.clear()
        self._due.clear()
        self._after()
