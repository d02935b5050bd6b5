"""The far end of the trunk on a socket whose packets the kernel stamps: when did the INVITE to a number leave?

On loopback a packet is stamped by the sender's own system call, so the stamp is when it left, however busy we are.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable

from bench.media_load import SO_TIMESTAMPNS
from switchhook.sip.flow import Flow

_STAMP = struct.Struct("=qq")  # seconds, nanoseconds
_BUFFER = 4 << 20


class StampedSocket:
    """A UDP transport of SIP (`sip.flow.Transport`) that keeps when the last INVITE to each number came."""

    def __init__(self) -> None:
        self.on_message: Callable[[bytes, Flow], None] = lambda _wire, _flow: None
        self.on_broken: Callable[[Flow], None] = lambda _flow: None
        self.invited_ns: dict[str, int] = {}  # by the user part of the Request-URI; the first INVITE of its call
        self.repeated = 0  # requests that came twice
        self._seen: set[bytes] = set()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            self._socket.setsockopt(socket.SOL_SOCKET, option, _BUFFER)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.port = int(self._socket.getsockname()[1])
        self._local = f"127.0.0.1:{self.port}"
        asyncio.get_running_loop().add_reader(self._socket.fileno(), self._readable)

    def send(self, wire: bytes, flow: Flow) -> None:
        self._socket.sendto(wire, (flow.host, flow.port))

    def withdraw(self, wire: bytes, flow: Flow) -> bool:
        """There is no connection to wait for here."""
        return False

    def flow(self, transport: str, host: str, port: int) -> Flow | None:
        return Flow("udp", host, port, self._local) if transport == "udp" else None

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket.fileno())
        self._socket.close()

    def _readable(self) -> None:
        while True:
            try:
                wire, controls, _, address = self._socket.recvmsg(65_536, 256)
            except BlockingIOError:
                return
            if wire.startswith(b"INVITE "):
                self._note(wire, controls)
            self.on_message(wire, Flow("udp", address[0], address[1], self._local))

    def _note(self, wire: bytes, controls: list[tuple[int, int, bytes]]) -> None:
        branch = wire[wire.find(b"branch=") :].split(b"\r\n", 1)[0]
        if branch in self._seen:
            self.repeated += 1
            return
        self._seen.add(branch)
        user = wire[7 : wire.find(b"@")].rpartition(b":")[2].decode()
        for level, kind, stamp in controls:
            if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
                seconds, nanoseconds = _STAMP.unpack(stamp[:16])
                self.invited_ns[user] = seconds * 1_000_000_000 + nanoseconds
