"""Floods on a real server, on loopback and of a bounded count: its memory stays, and a call made meanwhile works."""

from __future__ import annotations

import asyncio
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from switchhook.lab.demo.house import APPLICATION_NUMBER, CUSTOMER_NUMBER, DOMAIN, House
from switchhook.lab.heard import Missed
from switchhook.lab.soak.audit import MEMORY, read_figures

pytestmark = pytest.mark.slow
COUNT = 12_000
AT_ONCE = 100  # then the test's own telephones get their turn
MOST_GROWTH = 40_000_000  # bytes; 12,000 transactions kept for 32 s would be about 100 million
MOST_GROWTH_AGAIN = 12_000_000  # by the same flood once more: what is kept has a bound, and it is reached
AGAIN_S = 15.0
Make = Callable[[int, random.Random], bytes]


def request(method: str, number: int, user: str, more: str = "") -> bytes:
    return (
        f"{method} sip:{user}@{DOMAIN} SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP 127.0.0.1:9;rport;branch=z9hG4bK-f{method}{number}\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:{user}@{DOMAIN}>;tag=f{number}\r\nTo: <sip:{user}@{DOMAIN}>\r\n"
        f"Call-ID: flood-{number}-{method}\r\nCSeq: 1 {method}\r\nContact: <sip:{user}@127.0.0.1:9>\r\n"
        f"{more}Content-Length: 0\r\n\r\n"
    ).encode()


def noise(_: int, chance: random.Random) -> bytes:
    return chance.randbytes(chance.randrange(1, 1400))


def broken(number: int, chance: random.Random) -> bytes:
    whole = bytearray(request(chance.choice(["INVITE", "BYE", "OPTIONS", "NONSENSE"]), number, "1001"))
    for _ in range(5):
        whole[chance.randrange(len(whole))] = chance.randrange(256)
    return bytes(whole)


def half_open(number: int, _: random.Random) -> bytes:
    return request("INVITE", number, "1001")  # challenged; its ACK never comes


def registration(number: int, _: random.Random) -> bytes:
    return request("REGISTER", number, f"user{number}")


def spoofed_bye(number: int, _: random.Random) -> bytes:
    return request("BYE", number, "1001").replace(b"To: <sip:1001@", b"To: <sip:x@", 1)


def from_trunk(number: int, _: random.Random) -> bytes:
    """A call from the carrier to a number of ours: nobody has to say who they are."""
    known = request("INVITE", number, APPLICATION_NUMBER).decode()
    return known.replace(
        f"From: <sip:{APPLICATION_NUMBER}@{DOMAIN}>", f"From: <sip:+1555{number:07}@carrier.test>"
    ).encode()


async def scraped(house: House) -> dict[str, float]:
    return read_figures((await house.client.get("/metrics")).text)


async def memory(house: House) -> float:
    return (await scraped(house))[MEMORY]


async def flood(house: House, make: Make, start: int = 0, call: asyncio.Event | None = None) -> int:
    """Pours `COUNT` datagrams, and more as long as the call that is made meanwhile takes; returns the next number."""
    chance = random.Random(7 + start)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        number = start
        while number < start + COUNT or not (call is None or call.is_set()):
            sock.sendto(make(number, chance), house.server.sip)
            number += 1
            if number % AT_ONCE == 0:
                await asyncio.sleep(0.02)
    return number


async def a_call_works(house: House, again_s: float = 0.0) -> None:
    """Makes a call. On a starved machine the server may be overloaded: a caller who is told 503 calls again."""
    customer = await house.outside("customer", CUSTOMER_NUMBER)
    agent = await house.inside("agent", "1002", answers_after_s=0.0)
    last = time.monotonic() + again_s
    while True:
        await customer.call(APPLICATION_NUMBER)
        try:
            await customer.answered(within_s=8)
            break
        except Missed:
            if time.monotonic() > last:
                raise
            await asyncio.sleep(0.5)
    await customer.hears("agent", within_s=8)
    await agent.hears("customer", within_s=8)
    await customer.hang_up()
    await agent.ended(within_s=8)


async def never_acknowledged(folder: Path, poured: threading.Event) -> None:
    """They come from a trunk's address, so the first are taken; then there are too many unanswered ones."""
    async with House(folder) as house:
        await a_call_works(house)
        before = await memory(house)
        await flood(house, from_trunk)
        first = await memory(house)
        figures = await scraped(house)
        assert figures["switchhook_legs_live"] <= 60  # of the demo's `max_legs`
        assert figures['switchhook_sip_refused_total{reason="half_open"}'] > 100  # the others came too fast, too
        assert first - before < MOST_GROWTH
        await flood(house, from_trunk, COUNT)
        assert await memory(house) - first < MOST_GROWTH_AGAIN
        poured.set()
        async with asyncio.timeout(60):  # until they have rung, or waited for their ACK, for long enough
            while (await scraped(house))["switchhook_legs_live"]:
                await asyncio.sleep(0.2)
        await a_call_works(house)


@pytest.fixture(scope="module", autouse=True)
def unacknowledged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Future[None]]:
    """A flood of calls that wait half a minute for their ACK. While they wait the other floods have their turn."""
    poured = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        flooding = pool.submit(asyncio.run, never_acknowledged(tmp_path_factory.mktemp("unacknowledged"), poured))
        flooding.add_done_callback(lambda _: poured.set())
        poured.wait()
        yield flooding


@pytest.mark.parametrize("make", [noise, broken, half_open, registration, spoofed_bye])
def test_a_flood_of_datagrams(tmp_path: Path, make: Make) -> None:
    async def story() -> None:
        async with House(tmp_path) as house:
            await a_call_works(house)
            before = await memory(house)
            worked = asyncio.Event()
            pouring = asyncio.create_task(flood(house, make, call=worked))
            try:
                await asyncio.sleep(0.3)
                await a_call_works(house, AGAIN_S)
            finally:
                worked.set()
                poured = await pouring
            first = await memory(house)
            assert first - before < MOST_GROWTH
            await flood(house, make, poured)
            assert await memory(house) - first < MOST_GROWTH_AGAIN
            await a_call_works(house, AGAIN_S)

    asyncio.run(story())


def test_a_flood_of_connections(tmp_path: Path) -> None:
    """Each begins a long message and never ends it."""

    async def story() -> None:
        async with House(tmp_path) as house:
            await a_call_works(house)
            before = await memory(house)
            listening = house.server.sip_tcp
            writers = []
            for _ in range(1200):
                try:
                    _, writer = await asyncio.open_connection(*listening)
                except OSError:
                    continue
                writer.write(b"INVITE sip:1001 SIP/2.0\r\nX: " + b"x" * 60_000)
                writers.append(writer)
            await a_call_works(house)
            assert await memory(house) - before < MOST_GROWTH
            for writer in writers:
                writer.close()

    asyncio.run(story())


def test_a_flood_of_calls_that_are_never_acknowledged(unacknowledged: Future[None]) -> None:
    unacknowledged.result()
