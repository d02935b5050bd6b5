"""An HTTPS proxy for client programs whose SDK pins its vendor's host names: what is meant for these comes to us.

A client speaks to it in one of two ways. Most ask for a tunnel (`CONNECT api.plivo.com:443`, RFC 9110 9.3.6); the proxy
answers as that host, with a certificate of its own authority, and copies bytes between the client and the server in
plain HTTP. Some send the whole URL to the proxy instead (`POST https://api.plivo.com/v1/...`, as older versions of
axios do); their request line is made relative and the rest is copied. Bytes are copied as they are, so keep-alive,
chunks and all headers arrive unchanged. Every other host is refused with 403 and nothing is connected.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import Awaitable, Iterable
from urllib.parse import urlsplit

import structlog

from switchhook.core.errors import Unavailable
from switchhook.lab.authority import Authority

HOSTS = ("api.plivo.com", "phlorunner.plivo.com")
HEAD_BYTES = 32_768
HEAD_S = 10.0
CONNECT_S = 5.0
IDLE_S = 300.0

log = structlog.get_logger("proxy")


class Proxy:
    """Listens for clients and hands what is meant for `hosts` to the server at `to` (`http://host:port`)."""

    def __init__(self, authority: Authority, to: str, hosts: Iterable[str] = HOSTS) -> None:
        target = urlsplit(to)
        if target.scheme not in ("http", "https") or not target.hostname:
            raise Unavailable(f"{to!r} is no address such as http://127.0.0.1:8080")
        self._secure = ssl.create_default_context() if target.scheme == "https" else None
        self._to = (target.hostname, target.port or (443 if self._secure else 80))
        self._contexts = {host: authority.context(host) for host in hosts}
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None]] = set()
        self.tunnels = self.refused = 0

    async def start(self, host: str, port: int) -> int:
        """Begins to listen and returns the port; raises `Unavailable`."""
        try:
            self._server = await asyncio.start_server(self._client, host, port, limit=HEAD_BYTES)
        except OSError as error:
            raise Unavailable(f"cannot listen on {host}:{port}: {error.strerror or error}") from error
        found: int = self._server.sockets[0].getsockname()[1]
        return found

    async def stop(self) -> None:
        """Closes every connection."""
        if self._server is not None:
            self._server.close()
        for task in self._clients:
            task.cancel()
        if self._clients:
            await asyncio.wait(self._clients, timeout=2)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        try:
            await self._serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError, ssl.SSLError) as error:
            log.info("a client went away", reason=str(error) or type(error).__name__)
        finally:
            self._clients.discard(task)
            await _close(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), HEAD_S)
        line, _, rest = head.partition(b"\r\n")
        words = line.decode("latin-1").split(" ")
        if len(words) != 3:
            await _say(writer, 400, "not an HTTP request")
        elif words[0] == "CONNECT":
            await self._tunnel(words[1], reader, writer)
        else:
            await self._whole_url(words, rest, reader, writer)

    async def _tunnel(self, asked: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, _, port = asked.rpartition(":")
        context = self._contexts.get(host.lower())
        if context is None or port != "443":
            await self._refuse(writer, asked)
            return
        self.tunnels += 1
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await writer.drain()
        await writer.start_tls(context)
        await self._copy(b"", reader, writer)

    async def _whole_url(
        self, words: list[str], rest: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        url = urlsplit(words[1])
        host = (url.hostname or "").lower()
        if url.scheme not in ("http", "https") or host not in self._contexts:
            await self._refuse(writer, url.netloc or words[1])
            return
        self.tunnels += 1
        path = (url.path or "/") + (f"?{url.query}" if url.query else "")
        # One request per connection: the next one may name another host.
        head = f"{words[0]} {path} {words[2]}\r\nConnection: close\r\n".encode("latin-1") + _without_connection(rest)
        await self._copy(head, reader, writer)

    async def _refuse(self, writer: asyncio.StreamWriter, asked: str) -> None:
        self.refused += 1
        log.info("refused", host=asked)
        await _say(writer, 403, f"this proxy serves {' and '.join(self._contexts)} only, not {asked[:200]}")

    async def _copy(self, first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            opening = asyncio.open_connection(*self._to, ssl=self._secure)
            upstream, out = await asyncio.wait_for(opening, CONNECT_S)
        except (OSError, TimeoutError):
            await _say(writer, 502, f"no server answers at {self._to[0]}:{self._to[1]}")
            return
        try:
            out.write(first)
            await _first_of(_pipe(reader, out), _pipe(upstream, writer))
        finally:
            await _close(out)


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await asyncio.wait_for(reader.read(65_536), IDLE_S):
        writer.write(data)
        await writer.drain()


async def _first_of(from_client: Awaitable[None], from_server: Awaitable[None]) -> None:
    """Ends when the server has said all, or when the client has gone and the server has had a moment to finish."""
    client, server = asyncio.ensure_future(from_client), asyncio.ensure_future(from_server)
    try:
        done, _ = await asyncio.wait((client, server), return_when=asyncio.FIRST_COMPLETED)
        if server not in done:
            await asyncio.wait((server,), timeout=1)
    finally:
        for task in (client, server):
            task.cancel()
        await asyncio.gather(client, server, return_exceptions=True)


async def _say(writer: asyncio.StreamWriter, status: int, text: str) -> None:
    body = json.dumps({"error": f"switchhook proxy: {text}"}).encode()
    words = {400: "Bad Request", 403: "Forbidden", 502: "Bad Gateway"}[status]
    writer.write(
        f"HTTP/1.1 {status} {words}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        "Connection: close\r\n\r\n".encode()
        + body
    )
    await writer.drain()


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError, ssl.SSLError, asyncio.CancelledError, TimeoutError):
        await asyncio.wait_for(writer.wait_closed(), 1)


def _without_connection(head: bytes) -> bytes:
    """Header lines without those that are meant for the proxy (RFC 9110 7.6.1)."""
    dropped = (b"connection:", b"proxy-connection:", b"proxy-authorization:", b"keep-alive:")
    lines = head.split(b"\r\n")
    return b"\r\n".join(line for line in lines if not line.lower().startswith(dropped))
