"""The user's web application of the demo: answers with documents and keeps what it was told."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qsl, urlsplit

TARGET = "1001"


@dataclass
class Told:
    """One request that the server sent us."""

    method: str
    path: str
    form: dict[str, str] = field(default_factory=dict)


class WebApplication:
    """A small HTTP server on loopback: `/answer/<endpoint>` dials it, `/to-target` hands over, `/thanks` says so."""

    def __init__(self) -> None:
        self.told: list[Told] = []
        self.url = ""
        self._server: asyncio.Server | None = None

    @classmethod
    async def start(cls) -> WebApplication:
        web = cls()
        await web.listen()
        return web

    async def listen(self) -> None:
        """Opens its port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.split("\r\n")
            method, target, _ = first.split(" ", 2)
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            body = (await reader.readexactly(int(headers.get("content-length", "0")))).decode()
            parts = urlsplit(target)
            form = dict(parse_qsl(parts.query) + parse_qsl(body))
            self.told.append(Told(method, parts.path, form))
            status = await self.status(parts.path)
            if status:
                answer = self.document(parts.path).encode() if status == 200 else b""
                writer.write(
                    f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: application/xml\r\n".encode()
                    + f"Connection: close\r\nContent-Length: {len(answer)}\r\n\r\n".encode()
                    + answer
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, ValueError):
            pass
        finally:
            writer.close()

    async def status(self, path: str) -> int:
        """Returns the status of an answer, in its own time; 0 closes the connection without one."""
        return 200

    def document(self, path: str) -> str:
        """Returns the XML for a path."""
        match path.strip("/").split("/"):
            case ["answer", endpoint]:
                user = f"<User>sip:{endpoint}@phone.plivo.com</User>"
                return (
                    f'<Response><Dial callbackUrl="{self.url}/dial" action="{self.url}/after">{user}</Dial></Response>'
                )
            case ["to-target"]:
                return f"<Response><Dial><User>sip:{TARGET}@phone.plivo.com</User></Dial></Response>"
            case ["thanks"]:
                return "<Response><Conference>afterwards</Conference></Response>"
            case _:
                return "<Response><Hangup/></Response>"
