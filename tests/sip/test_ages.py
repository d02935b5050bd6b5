"""How long datagrams have waited: by the kernel's stamps, and by a bound where those say too little."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
import time

import pytest

from switchhook.sip.ages import NOTES_SIZE, STEP_S, UNDATED_S, Ages
from switchhook.sip.datagrams import READ_AT_ONCE
from switchhook.sip.sockets import Sockets

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux notes times and losses like this")


def noted(at: float, lost: int = 0) -> list[tuple[int, int, bytes]]:
    stamp = struct.pack("@ll", int(at), int(at % 1 * 1e9))
    return [(socket.SOL_SOCKET, 35, stamp), *([(socket.SOL_SOCKET, 40, struct.pack("@I", lost))] if lost else [])]


@pytest.fixture
def ages():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        yield Ages(sock)


@linux
def test_the_kernel_says_when_a_datagram_came():
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as there,
    ):
        here.bind(("127.0.0.1", 0))
        ages = Ages(here)
        before = time.time()
        there.sendto(b"one", here.getsockname())
        _, notes, _, _ = here.recvmsg(100, NOTES_SIZE)
        after = time.time()
        ages.note(notes, after + 0.25)
        assert 0.25 <= ages.oldest_s(10.0) <= 0.25 + after - before


@linux
def test_an_age_counts_whatever_the_time_that_the_socket_was_not_empty(ages):
    ages.note(noted(999.9), 1000.0)
    assert ages.oldest_s(30.0) == pytest.approx(0.1)
    ages.begin()
    assert ages.oldest_s(0.01) == 0.0


@linux
def test_while_the_buffer_overflows_the_bound_counts(ages):
    ages.note(noted(999.95, lost=5), 1000.0)
    assert ages.oldest_s(0.4) == 0.4
    ages.note(noted(999.95, lost=5), 1000.0)  # none since
    assert ages.oldest_s(0.5) == pytest.approx(0.05)
    ages.note(noted(999.95, lost=6), 1000.0)
    assert ages.oldest_s(0.6) == 0.6


@linux
def test_a_clock_that_was_set_makes_no_overload(ages):
    ages.note(noted(1000.0), 4600.0)
    assert ages.oldest_s(0.1) == pytest.approx(0.1 + STEP_S)
    ages.note(noted(4600.0), 1000.0)
    assert ages.oldest_s(0.1) == 0.0


def test_without_stamps_it_is_the_bound_less_half_a_second(ages):
    ages.note([], 1000.0)
    assert ages.oldest_s(0.4) == 0.0
    assert ages.oldest_s(0.9) == pytest.approx(0.9 - UNDATED_S)


@linux
def test_a_socket_tells_how_old_what_waits_in_it_is():
    async def story() -> tuple[float, float, float, int]:
        sockets, came = Sockets(), []
        await sockets.open([("udp", "127.0.0.1", 0)])
        sockets.on_message = lambda wire, _flow: came.append(wire)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as there:
            for _ in range(3 * READ_AT_ONCE):
                there.sendto(b"x", sockets.addresses[0][1:])
        udp = sockets._udp[0]
        before = time.time()
        udp._readable()
        unknown = sockets.standing_s()
        udp._readable()
        aged, most = sockets.standing_s(), time.time() - before + 1.0
        udp._readable()
        empty = sockets.standing_s()
        sockets.close()
        assert aged < most
        return unknown, aged, empty, len(came)

    unknown, aged, empty, came = asyncio.run(story())
    assert unknown == 0.0
    assert aged > 0.0
    assert empty == 0.0
    assert came == 3 * READ_AT_ONCE
