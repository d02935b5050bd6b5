"""One UDP socket, by `add_reader` and a bounded receive loop.

Plain asyncio datagram endpoints were measured at eight times the cost of this. One wake-up reads at most 64 datagrams,
so that a flood cannot starve the loop. The receive buffer is 4 MB or what the system allows. How old a datagram is that
had to wait is known by the kernel's stamp (`sip.ages`), asked for only of the first of a wake-up that follows one which
did not read all: a stamp with every datagram would make each receive dearer.
"""

from __future__ import annotations

import asyncio
import socket
import time
from typing import TYPE_CHECKING

from switchhook.sip.ages import NOTES_SIZE, Ages
from switchhook.sip.flow import Flow
from switchhook.sip.uri import place_of

if TYPE_CHECKING:
    from switchhook.sip.sockets import Sockets

READ_AT_ONCE = 64
RECEIVE_BUFFER = 4 * 1024 * 1024
MAX_FLOWS = 4096


class Datagrams:
    """One socket and the peers seen on it lately; raises `OSError` when the address is in use or not ours."""

    def __init__(self, owner: Sockets, host: str, port: int) -> None:
        self.owner = owner
        self.host = host
        self.family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._loop = asyncio.get_running_loop()
        self._socket = socket.socket(self.family, socket.SOCK_DGRAM)
        self.sendto = self._socket.sendto
        try:
            self._socket.setblocking(False)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, RECEIVE_BUFFER)
            self._socket.bind((host, port))
        except OSError:
            self._socket.close()
            raise
        self.port: int = self._socket.getsockname()[1]
        self.ages = Ages(self._socket)
        self.behind_since = 0.0  # when a wake-up left datagrams unread; 0 when the last one read all
        self._wildcard = host in ("0.0.0.0", "::")
        self._local = place_of(host, self.port)
        self._flows: dict[tuple[str, int], Flow] = {}  # of the peers seen lately
        self._refused: set[Flow] = set()  # peers that the system would not send to, still to be told of
        self._loop.add_reader(self._socket.fileno(), self._readable)

    def local_toward(self, remote: str) -> str:
        return place_of(self.owner.host_toward(self.host, remote), self.port) if self._wildcard else self._local

    def flow_toward(self, address: tuple[str, int]) -> Flow:
        """Returns the flow to a remote address, the same one each time."""
        flow = self._flows.get(address)
        if flow is None:
            if len(self._flows) >= MAX_FLOWS:
                self._flows.clear()
            flow = self._flows[address] = Flow("udp", address[0], address[1], self.local_toward(address[0]))
        return flow

    def serves(self, flow: Flow) -> bool:
        if (":" in flow.host) != (self.family == socket.AF_INET6):
            return False
        return flow.local == self._local or (self._wildcard and flow.local.endswith(f":{self.port}"))

    def not_sent(self, wire: bytes, flow: Flow, error: OSError) -> None:
        """Tells the owner; what a full send buffer refuses is lost like on the network, and a timer sends it again."""
        if wire and flow not in self._refused and not isinstance(error, BlockingIOError):
            self._refused.add(flow)
            self._loop.call_soon(self._tell_refused, flow)

    def _tell_refused(self, flow: Flow) -> None:
        """Once for all datagrams of a turn of the loop: whoever is told looks at every transaction."""
        self._refused.discard(flow)
        self.owner.on_broken(flow)

    def _readable(self) -> None:
        receive, on_message, flows = self._socket.recvfrom, self.owner.on_message, self._flows
        if self.behind_since:
            self._receive_oldest()
        for _ in range(READ_AT_ONCE):
            try:
                wire, address = receive(65_536)
            except (BlockingIOError, InterruptedError):
                self.behind_since = 0.0
                return
            except OSError:
                continue  # an ICMP error of an earlier datagram
            on_message(wire, flows.get(address) or self.flow_toward(address[:2]))
        if not self.behind_since:
            self.behind_since = self._loop.time()
            self.ages.begin()

    def _receive_oldest(self) -> None:
        """Reads one datagram and how long it has waited."""
        try:
            wire, notes, _, address = self._socket.recvmsg(65_536, NOTES_SIZE)
        except OSError:
            return  # none is left, or an ICMP error of an earlier one
        self.ages.note(notes, time.time())
        self.owner.on_message(wire, self._flows.get(address) or self.flow_toward(address[:2]))

    def close(self) -> None:
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()
