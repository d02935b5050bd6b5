"""SIP's TCP connections under a flood, over real sockets: they share a turn of the loop, and nobody's bytes pile up."""

from __future__ import annotations

import asyncio
from collections import Counter, deque

import pytest

from switchhook.sip import connection as one
from switchhook.sip import sockets as module
from switchhook.sip.connection import Dropped
from switchhook.sip.datagrams import READ_AT_ONCE
from switchhook.sip.flow import Flow
from switchhook.sip.sockets import READ_SIZE, Sockets

MESSAGE = b"OPTIONS sip:%d SIP/2.0\r\nContent-Length: 0\r\n\r\n"


async def listening(sockets: Sockets) -> tuple[str, int]:
    await sockets.open([("tcp", "127.0.0.1", 0)])
    return "127.0.0.1", sockets.addresses[0][2]


def test_a_flood_on_many_connections_leaves_each_turn_of_the_loop_to_others_and_loses_nothing():
    async def story() -> None:
        sockets, turn = Sockets(), 0
        in_turn: Counter[int] = Counter()
        came: dict[int, list[bytes]] = {}
        total, each, connections = 0, 1000, 8

        def took(wire: bytes, flow: Flow) -> None:
            nonlocal total
            in_turn[turn] += 1
            came.setdefault(flow.port, []).append(wire)
            total += 1

        def turns() -> None:
            nonlocal turn
            turn += 1
            if total < each * connections:
                loop.call_soon(turns)

        sockets.on_message = took
        place = await listening(sockets)
        loop = asyncio.get_running_loop()
        sent = [MESSAGE % number for number in range(each)]
        writers = [(await asyncio.open_connection(*place))[1] for _ in range(connections)]
        async with asyncio.timeout(20):
            for writer in writers:
                writer.write(b"".join(sent))
                writer.write_eof()  # what came before it is not lost
            turns()
            waited = 0.0
            while total < each * connections:
                waited = max(waited, sockets.standing_s())
                await asyncio.sleep(0)
        assert max(in_turn.values()) <= 2 * (READ_AT_ONCE + READ_SIZE // len(sent[0]))  # one turn of ours, or two
        assert list(came.values()) == [sent] * connections
        assert waited > 0
        assert sockets.standing_s() == 0
        for writer in writers:
            writer.transport.abort()
        sockets.close()

    asyncio.run(story())


class Unread:
    """A transport whose far end reads nothing."""

    def __init__(self) -> None:
        self.unsent = 0
        self.closed = False

    def get_extra_info(self, name: str) -> tuple[str, int]:
        return "127.0.0.1", 5060 if name == "sockname" else 40_000

    def set_write_buffer_limits(self, high: int) -> None:
        assert high == 0

    def write(self, wire: bytes) -> None:
        self.unsent += len(wire)

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def is_closing(self) -> bool:
        return self.closed

    def abort(self) -> None:
        self.closed = True


def test_pings_of_who_does_not_read_pile_up_nothing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(one, "MAX_UNSENT", 10_000)

    async def story() -> None:
        sockets, far = Sockets(), Unread()
        connection = one.Connection(sockets)
        connection.connection_made(far)
        for _ in range(4):
            connection._take(b"\r\n\r\n" * 2_000)
        assert sockets.dropped[Dropped.SLOW] == 1
        assert far.closed
        assert far.unsent <= 14_000  # the bound, and the pongs that broke it
        connection.connection_lost(None)
        assert sockets._unsent == 0
        assert sockets.connections == 0

    asyncio.run(story())


def test_all_that_nobody_reads_is_bounded_together_and_what_is_read_no_longer_counts(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "MAX_UNSENT_TOGETHER", 1_500_000)

    async def story() -> None:
        sockets, flows = Sockets(), deque[Flow]()
        sockets.on_message = lambda _wire, flow: flows.append(flow)
        place = await listening(sockets)
        pairs = [await asyncio.open_connection(*place, limit=1) for _ in range(3)]
        for _, writer in pairs:
            writer.write(MESSAGE % 1)
        async with asyncio.timeout(20):
            while len(flows) < 3:
                await asyncio.sleep(0)
            by_port = {flow.port: flow for flow in flows}
            mine = [by_port[writer.get_extra_info("sockname")[1]] for _, writer in pairs]
            for flow in mine[:2]:
                while sockets._connections[flow.host, flow.port]._unsent < 700_000:
                    sockets.send(b"x" * 60_000, flow)
            last = sockets._connections[mine[2].host, mine[2].port]
            while not sockets.dropped[Dropped.SLOW] and not last._unsent > 200_000:
                sockets.send(b"x" * 60_000, mine[2])
            assert sockets.dropped[Dropped.SLOW] == 1  # though it alone left less than a megabyte
            reader = pairs[0][0]
            while sockets._unsent > 800_000:  # the first begins to read
                await reader.read(1 << 20)
        for _, writer in pairs:
            writer.transport.abort()
        sockets.close()

    asyncio.run(story())
