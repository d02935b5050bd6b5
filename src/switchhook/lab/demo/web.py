"""The user's web application of the demo: answers with documents and keeps what it was told."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
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
        web._server = await asyncio.start_server(web._serve, "127.0.0.1", 0)
        port = web._server.sockets[0].getsockname()[1]
        web.url = f"http://127.0.0.1:{port}"
        return web

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
            answer = self._document(parts.path).encode()
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nConnection: close\r\n"
                + f"Content-Length: {len(answer)}\r\n\r\n".encode()
                + answer
            )
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, ValueError):
            pass
        finally:
            writer.close()

    def _document(self, path: str) -> str:
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
