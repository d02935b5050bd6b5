"""The wires by themselves: real sockets on the loopback, no engine."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import numpy as np
import pytest

from switchhook.core.errors import Unavailable
from switchhook.media import aio, wire_choice
from switchhook.media.aio import Aio
from switchhook.media.wire_batch import BatchWire
from switchhook.media.wire_choice import why_no_ring
from switchhook.media.wire_poll import PollWire
from switchhook.media.wire_ring import RingWire
from switchhook.media.wires import Ports, Wire

LEGS = 3
HOST = "127.0.0.1"


def why_no_aio() -> str:
    try:
        Aio(1).close()
    except Unavailable as error:
        return str(error)
    return ""


needs_aio = pytest.mark.skipif(why_no_aio() != "", reason=f"no native AIO here: {why_no_aio()}")


class House:
    """Ports of some legs and a telephone for each."""

    def __init__(self, sockets: ExitStack, *, own: bool) -> None:
        self._sockets = sockets
        self.phones = [self._open() for _ in range(LEGS)]
        self.ports = []
        for _ in range(LEGS):
            rtp, rtcp = self._open(), self._open()
            second = self._open(rtp) if own else None
            self.ports.append(Ports(rtp, rtcp, second))

    def _open(self, same: socket.socket | None = None) -> socket.socket:
        sock = self._sockets.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        sock.setblocking(False)
        if same is not None:
            for each in (same, sock):
                each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((HOST, 0) if same is None else same.getsockname())
        return sock

    def ring_up(self, wire: Wire) -> None:
        for row, phone in enumerate(self.phones):
            wire.watch(row, drain=True)
            wire.expect(row, phone.getsockname())
            wire.aim(row, phone.getsockname())

    def say(self, row: int, packet: bytes) -> None:
        self.phones[row].sendto(packet, self.ports[row].rtp.getsockname())

    def heard(self, row: int) -> list[bytes]:
        found = []
        while True:
            try:
                found.append(self.phones[row].recv(2048))
            except BlockingIOError:
                return found


@pytest.fixture
def sockets() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def wires(kind: str, ports: list[Ports]) -> Wire:
    if kind == "aio":
        return BatchWire(ports)
    return RingWire(ports) if kind == "io_uring" else PollWire(ports, kind)


KINDS = [
    pytest.param("aio", marks=needs_aio),
    "poll",
    pytest.param("io_uring", marks=pytest.mark.skipif(why_no_ring("auto") != "", reason="no io_uring here")),
]


@pytest.mark.parametrize("kind", KINDS)
def test_packets_come_and_go_and_strangers_are_told_apart(kind: str, sockets: ExitStack) -> None:
    house = House(sockets, own=kind != "io_uring")
    wire = wires(kind, house.ports)
    house.ring_up(wire)
    stranger = sockets.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    stranger.bind((HOST, 0))
    for row in range(LEGS):
        house.say(row, b"%d" % row * 172)
    stranger.sendto(b"let me in", house.ports[1].rtp.getsockname())
    found = wire.round()
    assert sorted(found.rows.tolist()) == [0, 1, 2]
    assert found.lengths.tolist() == [172] * LEGS
    for place, row in enumerate(found.rows.tolist()):
        assert found.packets[place, :172].tobytes() == b"%d" % row * 172
    assert [(odd.row, odd.source, odd.packet) for odd in found.odd] == [(1, stranger.getsockname(), b"let me in")]
    for place, size in enumerate((172, 100, 492)):
        wire.outgoing[place, :size] = place + 1
    assert wire.send(np.array([2, 0, 1]), np.array([172, 100, 492])) == 3
    assert [house.heard(row) for row in (2, 0, 1)] == [[b"\1" * 172], [b"\2" * 100], [b"\3" * 492]]


@pytest.mark.parametrize("kind", KINDS)
def test_what_lies_there_when_the_telephone_is_said_to_be_elsewhere_keeps_its_own_source(
    kind: str, sockets: ExitStack
) -> None:
    house = House(sockets, own=kind != "io_uring")
    wire = wires(kind, house.ports)
    house.ring_up(wire)
    house.say(0, b"a" * 172)
    house.say(0, b"b" * 172)
    wire.expect(0, house.phones[1].getsockname())
    house.phones[1].sendto(b"c" * 172, house.ports[0].rtp.getsockname())
    taken: list[tuple[object, bytes]] = []
    for _ in range(8):
        found = wire.round()
        assert not set(found.rows.tolist()) - {0}
        taken += [(house.phones[1].getsockname(), found.packets[n, :172].tobytes()) for n in range(len(found.rows))]
        taken += [(odd.source, odd.packet) for odd in found.odd]
    old, new = (house.phones[row].getsockname() for row in (0, 1))
    assert sorted(taken, key=lambda each: each[1]) == [(old, b"a" * 172), (old, b"b" * 172), (new, b"c" * 172)]


@pytest.mark.parametrize("kind", KINDS[:2])
def test_a_leg_without_a_connected_socket_is_sent_to_with_the_others(kind: str, sockets: ExitStack) -> None:
    house = House(sockets, own=True)
    wire = wires(kind, house.ports)
    house.ring_up(wire)
    wire.expect(1, None)
    wire.outgoing[:3, :172] = [[1], [2], [3]]
    assert wire.send(np.array([0, 1, 2]), np.array([172, 172, 172])) == 3
    assert [house.heard(row) for row in range(3)] == [[b"\1" * 172], [b"\2" * 172], [b"\3" * 172]]


@pytest.mark.parametrize("kind", KINDS[:2])
def test_a_telephone_whose_port_has_closed_harms_nobody_else(kind: str, sockets: ExitStack) -> None:
    house = House(sockets, own=True)
    wire = wires(kind, house.ports)
    house.ring_up(wire)
    house.phones[0].close()
    wire.outgoing[:3, :172] = 7
    everybody, size = np.arange(3), np.full(3, 172)
    for _ in range(2):
        assert wire.send(everybody, size) >= 2
    house.say(1, b"x" * 172)
    house.say(2, b"y" * 172)
    rows = {row for _ in range(3) for row in wire.round().rows.tolist()}
    assert rows == {1, 2}
    assert [len(house.heard(row)) for row in (1, 2)] == [2, 2]


@pytest.mark.skipif(why_no_ring("auto") != "", reason="no io_uring here")
def test_more_packets_than_buffers_all_come_in_their_order(sockets: ExitStack) -> None:
    house = House(sockets, own=False)
    wire = RingWire(house.ports)
    house.ring_up(wire)
    for number in range(80):  # 240 packets, 128 buffers
        for row in range(LEGS):
            house.say(row, number.to_bytes(2, "big") * 86)
    seen: dict[int, list[int]] = {row: [] for row in range(LEGS)}
    for _ in range(400):
        found = wire.round()
        for place, row in enumerate(found.rows.tolist()):
            seen[row].append(int.from_bytes(found.packets[place, :2].tobytes(), "big"))
    assert seen == {row: list(range(80)) for row in range(LEGS)}


@pytest.mark.skipif(why_no_ring("auto") != "", reason="no io_uring here")
@pytest.mark.parametrize("left", [True, False])
def test_what_waits_for_the_next_round_is_not_of_the_next_address_or_leg(left: bool, sockets: ExitStack) -> None:
    house = House(sockets, own=False)
    wire = RingWire(house.ports)
    house.ring_up(wire)
    for row in (0, 0, 0, 1, 1):
        house.say(row, b"%d" % row * 172)
    taken = [wire.round()]
    while not taken[-1].more:
        taken.append(wire.round())
    if left:
        wire.leave(0)
        wire.watch(0, drain=True)
    wire.expect(0, house.phones[2].getsockname())
    house.phones[2].sendto(b"n" * 172, house.ports[0].rtp.getsockname())
    rounds = [wire.round() for _ in range(6)]
    told = [(int(row), found.packets[n, :1].tobytes()) for found in rounds for n, row in enumerate(found.rows)]
    assert sorted(told) == [(0, b"n"), (1, b"1")]


@needs_aio
def test_a_batch_larger_than_the_context_is_carried_out_in_parts(sockets: ExitStack) -> None:
    house = House(sockets, own=False)
    files = np.array([phone.fileno() for phone in house.phones])
    for phone, port in zip(house.phones, house.ports, strict=True):
        phone.connect(port.rtp.getsockname())
    batch = Aio(2)
    memory = np.arange(LEGS * 8, dtype=np.uint8).reshape(LEGS, 8)
    places = memory.ctypes.data + np.arange(LEGS, dtype=np.uint64) * 8
    assert batch.write(files, places, np.array([8, 4, 6])).tolist() == [8, 4, 6]
    into = np.zeros((LEGS, 8), np.uint8)
    where = into.ctypes.data + np.arange(LEGS, dtype=np.uint64) * 8
    reading = np.array([port.rtp.fileno() for port in house.ports])
    assert batch.read(reading, where, 8).tolist() == [8, 4, 6]
    assert into[0].tolist() == list(range(8))
    assert into[1].tolist() == [8, 9, 10, 11, 0, 0, 0, 0]
    assert batch.read(reading, where, 8).tolist() == [-errno.EAGAIN] * LEGS


@needs_aio
def test_a_file_that_is_none_spoils_only_its_own_request(sockets: ExitStack) -> None:
    house = House(sockets, own=False)
    for phone, port in zip(house.phones, house.ports, strict=True):
        phone.connect(port.rtp.getsockname())
    files = np.array([house.phones[0].fileno(), 1_000_000, house.phones[2].fileno()])
    memory = np.zeros((LEGS, 8), np.uint8)
    places = memory.ctypes.data + np.arange(LEGS, dtype=np.uint64) * 8
    assert Aio(8).write(files, places, np.full(LEGS, 8)).tolist() == [8, -errno.EBADF, 8]


def test_without_native_aio_the_wire_goes_packet_by_packet_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aio, "_CALLS", {})
    wire, note = wire_choice.open_wire([], "epoll")
    assert type(wire) is PollWire
    assert "a system call per packet: no native AIO on this system" in note


def test_aio_that_the_kernel_refuses_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aio, "_CALLS", dict.fromkeys(aio._CALLS, (100_000, 100_001, 100_002, 100_003)))
    with pytest.raises(Unavailable, match="AIO"):
        Aio(8)
    assert why_no_aio()
