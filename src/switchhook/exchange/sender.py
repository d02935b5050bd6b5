"""Outgoing HTTP: webhooks, documents and sounds, under one policy.

Names are resolved here, checked by the `Guard`, and the connection goes to the checked address, so that a name cannot
point elsewhere between check and use. Redirects are followed by us for the same reason, at most five: 301, 302 and 303
become GET, 307 and 308 keep method and body (plivo-xml 1.2).
"""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
import threading
import zlib
from base64 import b64encode
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING
from urllib.parse import unquote, urljoin, urlsplit

import structlog

from switchhook.core.errors import Unavailable
from switchhook.core.masking import masked
from switchhook.core.values import dataclass
from switchhook.exchange.guard import Forbidden, Guard
from switchhook.exchange.ports import Reply

if TYPE_CHECKING:
    import httpx2  # 100 ms, which no start waits for: `warm` imports it

Resolve = Callable[[str], Awaitable[Sequence[str]]]
MAX_REDIRECTS = 5
TOLD_S = 60.0
MOST_NAMES = 200  # behind TLS whose connections are kept

log = structlog.get_logger("exchange")


class TooLong(Unavailable):
    """An answer came, with `status`, but it is longer than wanted; asking again would not make it shorter."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


def redirected(method: str, url: str, body: bytes, reply: Reply) -> tuple[str, str, bytes] | None:
    """Returns method, URL and body of the request that `reply` sends us on to, or None when it is the answer.

    Raises `Unavailable` when it sends us on to what is no URL.
    """
    location = dict(reply.headers).get("location", "")
    if reply.status not in (301, 302, 303, 307, 308) or not location:
        return None
    try:
        to = urljoin(url, location)
    except ValueError as error:
        raise Unavailable(f"{masked(url)} redirects to what is no URL: {error}") from error
    return (method, to, body) if reply.status in (307, 308) else ("GET", to, b"")


async def system_resolve(host: str) -> Sequence[str]:
    """Resolves a name in a thread of the loop's executor; returns IP addresses, raises `Unavailable`."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=1)
    except OSError as error:
        raise Unavailable(f"{host} is not known: {error.strerror or error}") from error
    except UnicodeError as error:  # a label that is empty, or longer than a name can be
        raise Unavailable(f"{host[:80]} is no name of a host: {error}") from error
    return [str(each[4][0]) for each in found]


@dataclass(slots=True)
class _Named:
    client: httpx2.AsyncClient
    asked: int = 0  # requests under way


class HttpSender:
    """Implements `ports.Sender` with one pool of plain connections, and one for each name behind TLS.

    Connections go to addresses. Two names at one address would share a pool, and so a TLS connection whose certificate
    was checked for the other name.
    """

    def __init__(
        self,
        guard: Guard,
        *,
        user_agent: str = "Switchhook",
        verify: bool | ssl.SSLContext = True,
        resolve: Resolve = system_resolve,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._guard = guard
        self._resolve = resolve
        self._verify = verify
        self._transport = transport
        self._user_agent = user_agent
        self._made: httpx2.AsyncClient | None = None
        self._warming = threading.Lock()
        self._named: OrderedDict[str, _Named] = OrderedDict()  # by host, the one asked last at the end
        self._closing: set[asyncio.Task[None]] = set()
        self._told: dict[str, float] = {}  # hosts whose refusal stands in the log, until when

    @property
    def _client(self) -> httpx2.AsyncClient:
        if self._made is None:
            self._made = self._make()
        return self._made

    @contextmanager
    def _client_for(self, url: str) -> Iterator[httpx2.AsyncClient]:
        """Gives the client whose connections may serve a URL."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        if self._transport is not None or parts.scheme != "https" or _is_ip(host):
            yield self._client
            return
        named = self._named.get(host)
        if named is None:
            named = self._named[host] = _Named(self._make())
            self._forget_one()
        self._named.move_to_end(host)
        named.asked += 1
        try:
            yield named.client
        finally:
            named.asked -= 1

    @property
    def names(self) -> tuple[str, ...]:
        """The names behind TLS whose connections are kept, the one asked last at the end."""
        return tuple(self._named)

    def _forget_one(self) -> None:
        """Closes the client of the name that nobody asks and that was asked longest ago, when there are many."""
        if len(self._named) <= MOST_NAMES:
            return
        host = next((host for host, named in list(self._named.items())[:-1] if not named.asked), None)
        if host is not None:
            task = asyncio.get_running_loop().create_task(self._named.pop(host).client.aclose())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    def _make(self) -> httpx2.AsyncClient:
        import httpx2

        if self._verify is True:
            self._verify = httpx2.create_ssl_context(trust_env=False)  # read once for all clients
        return httpx2.AsyncClient(
            verify=self._verify,
            trust_env=False,
            follow_redirects=False,
            limits=httpx2.Limits(max_connections=500, max_keepalive_connections=100, keepalive_expiry=15),
            transport=self._transport,
            headers={"User-Agent": self._user_agent, "Accept-Encoding": "identity"},
        )

    def warm(self) -> None:
        """Makes the client, in a thread: library and certificates take 200 ms, for which no call should wait."""
        with self._warming:
            if self._made is None:
                import_module("anyio._backends._asyncio")  # what the first request would load otherwise
                self._made = self._make()

    async def close(self) -> None:
        if self._made is not None:
            await self._made.aclose()
        for named in self._named.values():
            await named.client.aclose()

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
        connect_s: float = 2.0,
        read_s: float = 40.0,
        max_bytes: int = 100 * 1024,
        follow: bool = True,
    ) -> Reply:
        """Sends a request and reads the whole answer; raises `Unavailable` with the reason in one line.

        Redirects are followed with the same headers, unless `follow` is off: then the caller sees them.
        """
        if self._made is None and self._transport is None:
            await asyncio.to_thread(self.warm)  # an import here would stop the event loop
        import httpx2

        timeout = httpx2.Timeout(read_s, connect=connect_s, pool=connect_s)
        for _ in range(MAX_REDIRECTS + 1):
            try:
                async with asyncio.timeout(connect_s + read_s):  # one byte now and then keeps no answer open for ever
                    reply = await self._once(method, url, headers, body, timeout, max_bytes)
            except TimeoutError:
                raise Unavailable(f"{masked(url)}: no whole answer within {connect_s + read_s:g} s") from None
            moved = redirected(method, url, body, reply) if follow else None
            if moved is None:
                return reply
            method, url, body = moved
            if not body:
                headers = [(name, value) for name, value in headers if name.lower() != "content-type"]
        raise Unavailable(f"{masked(url)}: more than {MAX_REDIRECTS} redirects")

    async def _once(
        self,
        method: str,
        url: str,
        headers: Sequence[tuple[str, str]],
        body: bytes,
        timeout: httpx2.Timeout,
        max_bytes: int,
    ) -> Reply:
        import httpx2

        target, host_header, extensions = await self._aim(url)
        sent = [("Host", host_header), *_credentials(url), *headers]
        try:
            with self._client_for(url) as client:
                request = client.build_request(
                    method, target, headers=sent, content=body or None, timeout=timeout, extensions=extensions
                )
                answer = await client.send(request, stream=True)
                try:
                    content = await _read(answer, max_bytes, url)
                finally:
                    await answer.aclose()
        except httpx2.HTTPError as error:
            raise Unavailable(f"{masked(url)}: {_words(error)}") from error
        except (httpx2.InvalidURL, ValueError) as error:
            raise Unavailable(f"{masked(url)}: {error}") from error
        pairs = tuple((name.lower(), value) for name, value in answer.headers.items())
        return Reply(answer.status_code, pairs, content, url)

    async def reach(self, host: str) -> str:
        """Returns the address to connect to for a host; raises `Unavailable` when the policy forbids any of its own."""
        addresses = [host] if _is_ip(host) else list(await self._resolve(host))
        if not addresses:
            raise Unavailable(f"{host} has no address")
        for address in addresses:
            try:
                self._guard.check(address, host)
            except Forbidden as refused:
                self._tell(host, refused)
                raise
        return addresses[0]

    def _tell(self, host: str, refused: Forbidden) -> None:
        """Logs what was refused, each host once a minute: the request's own reader sees a call's timeline at best."""
        now = asyncio.get_running_loop().time()
        if now >= self._told.get(host, 0.0):
            self._told = {known: until for known, until in self._told.items() if until > now}
            self._told[host] = now + TOLD_S
            log.warning("request refused by policy", host=host, reason=str(refused))

    async def _aim(self, url: str) -> tuple[str, str, dict[str, object]]:
        """Returns the URL with the checked address in place of the name, the Host header, and the TLS name."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise Unavailable(f"{masked(url)}: {error}") from error
        if parts.scheme not in ("http", "https") or not host:
            raise Unavailable(f"{masked(url)} is not an http(s) URL")
        netloc = parts.netloc.rpartition("@")[2]
        found = await self.reach(host)
        address = f"[{found}]" if ":" in found else found
        aimed = parts._replace(netloc=f"{address}:{port}" if port else address, fragment="").geturl()
        extensions: dict[str, object] = {} if _is_ip(host) else {"sni_hostname": host}
        return aimed, netloc, extensions


def _credentials(url: str) -> tuple[tuple[str, str], ...]:
    """Returns the header that user and password in a URL stand for (RFC 7617); none when there are none."""
    parts = urlsplit(url)
    if parts.username is None:
        return ()
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return (("Authorization", f"Basic {b64encode(pair.encode()).decode()}"),)


async def _read(answer: httpx2.Response, max_bytes: int, url: str) -> bytes:
    """Reads an answer of at most `max_bytes`, also when it is unpacked: a small one may be packed from a huge one."""
    if answer.is_stream_consumed:  # a transport that has no stream (a lab's) has unpacked it already
        if len(answer.content) > max_bytes:
            raise TooLong(f"{masked(url)}: the answer is longer than {max_bytes} bytes", answer.status_code)
        return answer.content
    coding = answer.headers.get("content-encoding", "").strip().lower()
    unpack = zlib.decompressobj(wbits=47) if coding in ("gzip", "x-gzip", "deflate") else None
    if unpack is None and coding not in ("", "identity"):
        raise Unavailable(f"{masked(url)}: the answer is packed as {coding}, which was not asked for")
    content = bytearray()
    async for chunk in answer.aiter_raw():
        try:
            content += chunk if unpack is None else unpack.decompress(chunk, max_bytes + 1 - len(content))
        except zlib.error as error:
            raise Unavailable(f"{masked(url)}: the answer cannot be unpacked: {error}") from error
        if len(content) > max_bytes:
            raise TooLong(f"{masked(url)}: the answer is longer than {max_bytes} bytes", answer.status_code)
    return bytes(content)


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _words(error: httpx2.HTTPError) -> str:
    import httpx2

    if isinstance(error, httpx2.ConnectTimeout):
        return "connect timeout"
    if isinstance(error, httpx2.TimeoutException):
        return "read timeout"
    return str(error) or type(error).__name__
