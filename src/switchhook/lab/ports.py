"""Where a telephone's RTP goes out and comes in: a real socket on loopback, or an address of the fake network.

The real one asks the kernel when each packet arrived (SO_TIMESTAMPNS), since a test machine that is busy reads
packets late, and a gap that only the reader had is not a gap. The port beside it is held open for RTCP, which is
counted and otherwise left alone: a closed one would answer our own server with ICMP errors.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
import time
from collections.abc import Callable
from typing import Protocol

from switchhook.core.errors import Unavailable
from switchhook.lab.network import Address, Network

Arrived = Callable[[bytes, Address, float], None]  # datagram, source, how many seconds ago it arrived

_TIMESTAMPNS = 35  # SO_TIMESTAMPNS and SCM_TIMESTAMPNS of Linux; Python has no name for them
_TIMESPEC = struct.Struct("@qq")
_TRIES = 64
_BURST = 64


class RtpPort(Protocol):
    """A bound address for RTP."""

    address: Address

    def send(self, datagram: bytes, destination: Address) -> None:
        """Sends a datagram, or loses it."""

    def close(self) -> None:
        """Frees the address; may be called twice."""


OpenPort = Callable[[Arrived], RtpPort]


class UdpPort:
    """An even UDP port and the one above it, on a real interface; raises `Unavailable` when none is free."""

    def __init__(self, host: str, arrived: Arrived) -> None:
        self._loop = asyncio.get_running_loop()
        self._arrived = arrived
        self._rtp, self._rtcp = _pair(host)
        self.address: Address = self._rtp.getsockname()[:2]
        self.reports = 0  # RTCP datagrams received
        self._stamped = _ask_for_stamps(self._rtp)
        self._loop.add_reader(self._rtp, self._read)
        self._loop.add_reader(self._rtcp, self._read_report)

    def send(self, datagram: bytes, destination: Address) -> None:
        """Sends a datagram, or loses it."""
        try:
            self._rtp.sendto(datagram, destination)
        except OSError:
            pass  # a full buffer or nobody there: lost, as on any network

    def close(self) -> None:
        """Frees both ports; may be called twice."""
        for one in (self._rtp, self._rtcp):
            if one.fileno() >= 0:
                self._loop.remove_reader(one)
                one.close()

    def _read(self) -> None:
        for _ in range(_BURST):
            try:
                datagram, extra, _, source = self._rtp.recvmsg(2048, 64)
            except BlockingIOError:
                return
            except OSError:
                continue  # an ICMP error of an earlier send
            self._arrived(datagram, source[:2], _age(extra) if self._stamped else 0.0)
            if self._rtp.fileno() < 0:
                return

    def _read_report(self) -> None:
        try:
            self._rtcp.recv(2048)
            self.reports += 1
        except OSError:
            pass


def network_port(network: Network, host: str) -> OpenPort:
    """Returns what opens RTP ports of one host on a fake network."""

    def open_port(arrived: Arrived) -> RtpPort:
        return network.bind(host, 0, lambda datagram, source: arrived(datagram, source, 0.0))

    return open_port


def _pair(host: str) -> tuple[socket.socket, socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for _ in range(_TRIES):
        rtp, rtcp = (socket.socket(family, socket.SOCK_DGRAM) for _ in range(2))
        try:
            rtp.bind((host, 0))
            port = rtp.getsockname()[1]
            if port % 2:
                raise OSError("odd")
            rtcp.bind((host, port + 1))
        except OSError:
            rtp.close()
            rtcp.close()
            continue
        rtp.setblocking(False)
        rtcp.setblocking(False)
        return rtp, rtcp
    raise Unavailable(f"no pair of UDP ports is free on {host}")


def _ask_for_stamps(rtp: socket.socket) -> bool:
    if sys.platform != "linux":
        return False
    try:
        rtp.setsockopt(socket.SOL_SOCKET, _TIMESTAMPNS, 1)
    except OSError:
        return False
    return True


def _age(extra: list[tuple[int, int, bytes]]) -> float:
    for level, kind, value in extra:
        if level == socket.SOL_SOCKET and kind == _TIMESTAMPNS and len(value) >= _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack_from(value)
            return max(0.0, time.time() - float(seconds) - float(nanoseconds) / 1e9)
    return 0.0
