"""The connections of the HTTP port: how many, for how long without a request, and how much of one is read.

uvicorn takes as many connections as come and keeps one that says nothing for ever; its faster parser (httptools) keeps
a head however long it grows. So a few hundred lines of anybody's script would take every file descriptor and the memory
of the machine. Here each connection has a time within which a whole head of a request must come, and a size that heads,
trailers and the framing of chunks may have; and who does not read what it is sent is left.

*When all places are taken*, whoever has waited longest without a request under way makes room: connections that do
nothing cannot keep a client, or the operator who wants to see `/metrics`, from being served. Only when every connection
has a request under way a new one is closed at once. Rejected: refusing the newest (idle ones then shut everybody out,
for as long as they like); a bound per host (all clients may stand behind one proxy).

What uvicorn would say of such connections is a line of the log for each; they are counted instead (`Refused`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from enum import Enum
from typing import Any

from switchhook import descriptors

MAX_CONNECTIONS = 5000
FIRST_S = 30.0  # within which a new connection brings the head of a request
KEEP_S = 75.0  # and one that was answered its next
UNREAD_S = 60.0  # so long a client may leave what it is sent
MAX_HEAD = 131_072  # bytes of a request that are not its body

_TOO_LONG = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_COUNTED = ("Invalid HTTP request received.", "Unsupported upgrade request.")


class Refused(Enum):
    """Why a request was refused before any dialect saw it, or a connection closed."""

    REQUESTS = "requests"  # 429: too many at a time
    BODIES = "bodies"  # 429: the bodies that are being read are too many bytes together
    LONG_BODY = "long_body"  # 413
    SLOW_BODY = "slow_body"  # 408: the body did not come in time
    GONE = "gone"  # the client left before its request was whole
    LONG_HEAD = "long_head"  # 431
    BROKEN = "broken"  # 400: no HTTP
    SILENT = "silent"  # closed: no whole head of a request came in time
    UNREAD = "unread"  # closed: does not read what it is sent
    IDLE = "idle"  # closed without a request under way, to make room for another
    CONNECTIONS = "connections"  # closed at once: all places are taken by requests under way


class Connections:
    """All connections of one port. `protocol` makes what serves one; `refused` counts those that were closed."""

    def __init__(self, refused: dict[Refused, int], *, most: int = 0, first_s: float = FIRST_S) -> None:
        self.refused = refused
        self.first_s = first_s
        self.most = most or descriptors.connections(MAX_CONNECTIONS)
        self.resting: dict[Any, None] = {}  # those without a request under way, the longest first
        self._class: Callable[..., asyncio.Protocol] | None = None

    def protocol(self, **given: Any) -> asyncio.Protocol:
        """Makes the protocol of a new connection, as uvicorn asks for it."""
        if self._class is None:
            self._class = _protocol_class()
            logging.getLogger("uvicorn.error").addFilter(_not_counted)
        return self._class(self, **given)

    def make_room(self, open_now: set[Any]) -> bool:
        """Says whether there is a place for one more connection, at the cost of one that rests if need be."""
        if len(open_now) < self.most:
            return True
        longest = next(iter(self.resting), None)
        if longest is None:
            return False
        longest.leave(Refused.IDLE)
        open_now.discard(longest)
        return True


def _not_counted(record: logging.LogRecord) -> bool:
    return record.msg not in _COUNTED


def _protocol_class() -> Callable[..., asyncio.Protocol]:
    """Returns uvicorn's protocol with our bounds; made late, since no start waits for what it imports."""
    from uvicorn.protocols.http.auto import AutoHTTPProtocol

    base: Any = AutoHTTPProtocol

    class Connection(base):  # type: ignore[misc]
        """One connection. What httptools calls is `on_body` and `on_message_complete`; h11 has a bound of its own."""

        def __init__(self, bounds: Connections, **given: Any) -> None:
            super().__init__(**given)
            self._bounds = bounds
            self._waits: asyncio.TimerHandle | None = None
            self._writes: asyncio.TimerHandle | None = None
            self._overhead = 0  # bytes of the present request that are not its body
            self._shut = False

        def connection_made(self, transport: asyncio.Transport) -> None:
            if not self._bounds.make_room(self.connections):
                self._shut = True
                self._bounds.refused[Refused.CONNECTIONS] += 1
                transport.abort()
                return
            super().connection_made(transport)
            self._rest(self._bounds.first_s)

        def data_received(self, data: bytes) -> None:
            if self._shut:
                return
            before = self.cycle
            self._overhead += len(data)
            super().data_received(data)
            if self.cycle is not before:
                self._work()
            if self._overhead > MAX_HEAD and not self._shut:
                if self.cycle is None or self.cycle.response_complete:
                    self.transport.write(_TOO_LONG)
                self._close(Refused.LONG_HEAD)

        def on_body(self, body: bytes) -> None:
            self._overhead -= len(body)
            super().on_body(body)

        def on_message_complete(self) -> None:
            self._overhead = 0
            super().on_message_complete()

        def on_response_complete(self) -> None:
            super().on_response_complete()
            if self.cycle.response_complete and not self.transport.is_closing():
                self._rest(KEEP_S)

        def handle_websocket_upgrade(self, *given: Any) -> None:
            self._work()  # from here on another protocol serves the connection
            super().handle_websocket_upgrade(*given)

        def send_400_response(self, msg: str) -> None:
            self._bounds.refused[Refused.BROKEN] += 1
            super().send_400_response(msg)

        def pause_writing(self) -> None:
            super().pause_writing()
            self._writes = self._writes or self.loop.call_later(UNREAD_S, self.leave, Refused.UNREAD)

        def resume_writing(self) -> None:
            super().resume_writing()
            self._written()

        def connection_lost(self, exc: Exception | None) -> None:
            self._work()
            self._written()
            if self.transport is not None:
                super().connection_lost(exc)

        def leave(self, reason: Refused) -> None:
            """Closes the connection at once."""
            if not self._shut:
                self._close(reason)
                self.transport.abort()

        def _close(self, reason: Refused) -> None:
            self._shut = True
            self._work()
            self._bounds.refused[reason] += 1
            self.transport.close()

        def _rest(self, seconds: float) -> None:
            """No request is under way."""
            self._work()
            self._bounds.resting[self] = None
            self._waits = self.loop.call_later(seconds, self.leave, Refused.SILENT)

        def _work(self) -> None:
            """A request is under way, or the connection is over."""
            self._bounds.resting.pop(self, None)
            if self._waits is not None:
                self._waits.cancel()
                self._waits = None

        def _written(self) -> None:
            if self._writes is not None:
                self._writes.cancel()
                self._writes = None

    return Connection
