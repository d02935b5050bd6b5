"""Requests that we send: which addresses they may go to, and what an answer may cost."""

from __future__ import annotations

import asyncio
import gzip
import ssl
import zlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import structlog
from httpx2 import AsyncByteStream, MockTransport, Request, Response

from switchhook.core.errors import Unavailable
from switchhook.core.masking import masked
from switchhook.exchange.guard import Forbidden, Guard, refused_urls
from switchhook.exchange.sender import MOST_NAMES, HttpSender, TooLong
from switchhook.lab.authority import Authority
from switchhook.lab.virtual_time import in_virtual_time, run

PRIVATE = [
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",  # metadata of most clouds
    "168.63.129.16",  # of one: a public address by its number
    "192.0.0.192",
    "100.100.100.200",
    "100.64.0.1",
    "0.0.0.0",
    "255.255.255.255",
    "224.0.0.1",
    "239.1.2.3",
    "198.18.0.1",
    "240.0.0.1",
    "::",
    "::a00:1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "fd00:ec2::254",
    "ff02::1",
    "2001:db8::1",
    "2001:0:a00:1::1",
    "::ffff:10.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "2002:a00:1::1",
]
LOOPBACK = ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"]
PUBLIC = ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822", "::ffff:93.184.216.34"]


@pytest.mark.parametrize("address", PRIVATE)
@pytest.mark.parametrize("loopback", [True, False])
def test_private_addresses_are_refused_and_the_rule_is_named(address: str, loopback: bool) -> None:
    with pytest.raises(Forbidden, match=r"\[webhooks\] allow"):
        Guard((), loopback=loopback).check(address, "app.example.com")


@pytest.mark.parametrize("address", LOOPBACK)
def test_loopback_is_allowed_while_we_listen_there(address: str) -> None:
    Guard((), loopback=True).check(address, "localhost")
    with pytest.raises(Forbidden, match=r"http\.listen"):
        Guard((), loopback=False).check(address, "localhost")
    Guard(("127.0.0.0/8", "::1"), loopback=False).check(address, "localhost")


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_allowed(address: str) -> None:
    Guard((), loopback=False).check(address, "app.example.com")


def test_networks_that_are_named_are_allowed_and_no_others() -> None:
    guard = Guard(("10.1.0.0/16", "fd00::/8", "64:ff9b::/96"), loopback=False)
    for address in ("10.1.2.3", "::ffff:10.1.2.3", "fd00::1", "64:ff9b::c0a8:1"):
        guard.check(address, "app")
    for address in ("10.2.0.1", "fe80::1", "192.168.0.1"):
        with pytest.raises(Forbidden):
            guard.check(address, "app")


def test_configured_urls_that_will_never_be_asked_are_told_with_the_reason() -> None:
    urls = ["http://127.0.0.1:9/a", "https://localhost/b", "http://u:p@10.0.0.1/c", "http://app.example/d"]
    told = list(refused_urls(Guard((), loopback=False), urls))
    assert [each.partition(": ")[0] for each in told] == [urls[0], urls[1], "http://u:***@10.0.0.1/c"]
    assert all("[webhooks] allow" in each for each in told)
    assert [each[:25] for each in refused_urls(Guard((), loopback=True), urls)] == ["http://u:***@10.0.0.1/c: "]


# --- names, redirects -----------------------------------------------------------------------------------------------


class Net:
    """Names with their addresses, and servers that only note who asks."""

    def __init__(self, names: dict[str, Sequence[Sequence[str]]], answers: dict[str, Response]) -> None:
        self._names = {name: [list(each) for each in turns] for name, turns in names.items()}
        self._answers = answers
        self.asked: list[tuple[str, str]] = []
        self.sender = HttpSender(
            Guard((), loopback=False), resolve=self._resolve, transport=MockTransport(self._answer)
        )

    async def _resolve(self, host: str) -> Sequence[str]:
        turns = self._names[host]
        return turns.pop(0) if len(turns) > 1 else turns[0]

    def _answer(self, request: Request) -> Response:
        self.asked.append((request.url.host, request.headers["host"]))
        return self._answers.get(request.headers["host"], Response(200, text="ok"))


@in_virtual_time
async def test_the_connection_goes_to_the_address_that_was_checked() -> None:
    net = Net({"rebinds.example": [["93.184.216.34"], ["10.0.0.1"]]}, {})
    await net.sender.send("GET", "http://rebinds.example/")
    assert net.asked == [("93.184.216.34", "rebinds.example")]
    with pytest.raises(Forbidden):  # the next request resolves, and is checked, anew
        await net.sender.send("GET", "http://rebinds.example/")
    assert len(net.asked) == 1


@in_virtual_time
async def test_a_name_with_one_private_address_is_refused_whatever_the_others_are() -> None:
    net = Net({"both.example": [["93.184.216.34", "10.0.0.1"]]}, {})
    with pytest.raises(Forbidden):
        await net.sender.send("GET", "http://both.example/")
    assert net.asked == []


@pytest.mark.parametrize("to", ["http://10.0.0.1/", "http://inside.example/", "//inside.example/x", "http://[::1]/"])
def test_redirects_are_checked_again(to: str) -> None:
    async def story() -> None:
        names = {"app.example": [["93.184.216.34"]], "inside.example": [["192.168.0.9"]]}
        net = Net(names, {"app.example": Response(302, headers={"location": to})})
        with pytest.raises(Forbidden):
            await net.sender.send("GET", "http://app.example/")
        assert net.asked == [("93.184.216.34", "app.example")]

    run(story())


@pytest.mark.parametrize("to", ["file:///etc/passwd", "gopher://app.example/", "http://[", "http://app.example:x/"])
def test_redirects_to_what_is_no_web_address_are_refused(to: str) -> None:
    async def story() -> None:
        net = Net({"app.example": [["93.184.216.34"]]}, {"app.example": Response(307, headers={"location": to})})
        with pytest.raises(Unavailable):
            await net.sender.send("POST", "http://app.example/", body=b"a=b")
        assert len(net.asked) == 1

    run(story())


@pytest.mark.parametrize(
    "url",
    [
        "http://93.184.216.34@10.0.0.1/",
        "http://app.example\\@10.0.0.1/",
        "http://10.0.0.1#@app.example/",
        "http://[::ffff:10.0.0.1]/",
        "http://user:secret@10.0.0.1/",
    ],
)
def test_no_way_of_writing_hides_a_private_address(url: str) -> None:
    async def story() -> None:
        net = Net({"app.example": [["93.184.216.34"]]}, {})
        with pytest.raises(Unavailable) as caught:
            await net.sender.send("GET", url)
        assert "secret" not in str(caught.value)
        assert net.asked == []

    run(story())


@in_virtual_time
async def test_a_refusal_stands_in_the_log_once_a_minute_for_each_host() -> None:
    net = Net({"inside.example": [["10.0.0.1"]], "other.example": [["10.0.0.2"]]}, {})
    with structlog.testing.capture_logs() as lines:
        for host in ("inside.example", "inside.example", "other.example"):
            with pytest.raises(Forbidden):
                await net.sender.send("GET", f"http://{host}/answer")
    assert [(line["log_level"], line["host"]) for line in lines] == [
        ("warning", "inside.example"),
        ("warning", "other.example"),
    ]
    assert "[webhooks] allow" in lines[0]["reason"]


# --- what an answer may cost ----------------------------------------------------------------------------------------


class Stream(AsyncByteStream):
    def __init__(self, *chunks: bytes) -> None:
        self._chunks = chunks

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            yield chunk


async def answered(coding: str, *chunks: bytes, max_bytes: int = 1000) -> bytes:
    headers = {"content-encoding": coding} if coding else {}
    answers = {"app.example": Response(200, headers=headers, stream=Stream(*chunks))}
    net = Net({"app.example": [["93.184.216.34"]]}, answers)
    return (await net.sender.send("GET", "http://app.example/", max_bytes=max_bytes)).body


@in_virtual_time
async def test_answers_are_read_up_to_their_longest_packed_or_not() -> None:
    whole = b"x" * 1000
    assert await answered("", whole[:600], whole[600:]) == whole
    assert await answered("gzip", gzip.compress(whole)) == whole
    packed = gzip.compress(whole)
    assert await answered("gzip", packed[:10], packed[10:]) == whole
    assert await answered("deflate", zlib.compress(whole)) == whole
    for coding, chunks in (
        ("", (whole, b"x")),
        ("gzip", (gzip.compress(b"x" * 5_000_000),)),  # 5 kB
        ("deflate", (zlib.compress(whole + b"x"),)),
    ):
        with pytest.raises(TooLong):
            await answered(coding, *chunks)
    for coding, chunk in (("gzip", b"no gzip"), ("br", b"x")):
        with pytest.raises(Unavailable):
            await answered(coding, chunk)


@in_virtual_time
async def test_an_answer_that_drips_is_given_up() -> None:
    class Drips(AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            while True:
                await asyncio.sleep(1.0)
                yield b"x"

    net = Net({"app.example": [["93.184.216.34"]]}, {"app.example": Response(200, stream=Drips())})
    began = asyncio.get_running_loop().time()
    with pytest.raises(Unavailable, match="no whole answer within 12 s"):
        await net.sender.send("GET", "http://app.example/", read_s=10.0)
    assert asyncio.get_running_loop().time() - began == pytest.approx(12.0)


# --- passwords ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("http://u:p@h/x", "http://u:***@h/x"),
        ("see https://MA1:to%40k@h:8080/a?b=c@d and ws://:p@h", "see https://MA1:***@h:8080/a?b=c@d and ws://:***@h"),
        ('{"a":"http://u:p@h","b":"http://h:80/@x"}', '{"a":"http://u:***@h","b":"http://h:80/@x"}'),
        ("http://u@h/", "http://u@h/"),
        ("http://h:80/a:b@c", "http://h:80/a:b@c"),
        ("sip:1001@h", "sip:1001@h"),
        ("", ""),
    ],
)
def test_passwords_in_urls_are_masked(text: str, told: str) -> None:
    assert masked(text) == told


# --- certificates ---------------------------------------------------------------------------------------------------


async def _serve(context: ssl.SSLContext) -> asyncio.Server:
    """An HTTPS server that keeps connections open."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    async def quietly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    return await asyncio.start_server(quietly, "127.0.0.1", 0, ssl=context)


def test_a_certificate_of_one_name_is_good_for_no_other_at_the_same_address(tmp_path: Path) -> None:
    async def story() -> None:
        ca = tmp_path / "ca.pem"
        authority = Authority.at(ca, ["mine.example", "other.example"])
        trusting = ssl.create_default_context(cafile=str(ca))

        async def resolve(host: str) -> Sequence[str]:
            return ["127.0.0.1"]

        async with await _serve(authority.context("mine.example")) as server:
            port = server.sockets[0].getsockname()[1]
            sender = HttpSender(Guard((), loopback=True), verify=trusting, resolve=resolve)
            for _ in range(2):
                assert (await sender.send("GET", f"https://mine.example:{port}/")).status == 200
            with pytest.raises(Unavailable, match=r"other\.example"):
                await sender.send("GET", f"https://other.example:{port}/")
            assert (await sender.send("GET", f"https://mine.example:{port}/")).status == 200
            await sender.close()

    asyncio.run(story())


@pytest.mark.slow
def test_the_connections_of_names_that_were_asked_long_ago_are_given_up() -> None:
    async def story() -> None:
        async def resolve(host: str) -> Sequence[str]:
            return ["127.0.0.1"]

        sender = HttpSender(Guard((), loopback=True), verify=False, resolve=resolve)
        for number in range(MOST_NAMES + 5):
            with pytest.raises(Unavailable):  # nobody listens on port 1
                await sender.send("GET", f"https://host{number}.example:1/")
        assert sender.names == tuple(f"host{number}.example" for number in range(5, MOST_NAMES + 5))
        await sender.close()

    asyncio.run(story())
