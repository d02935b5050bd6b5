"""SIP over real sockets: all of one element's, UDP (`sip.datagrams`) and TCP (`sip.connection`).

TCP connections are reused for both directions (RFC 5923 in spirit): a flow names a remote address, and whoever
connected first carries it.

All connections together have the share of a turn of the loop that one UDP socket has. A loop reads each of them as long
as anything comes, uvloop 8 MB at a time: a hundred that send as fast as they can held up everything else for minutes.
So they are read in pieces of 8 kB, and once 64 messages of a turn are through, a connection whose piece has come waits
for its turn, and is not read meanwhile. How long the first of them has waited counts as delay.

Strangers may connect, so everything about a connection has an end: how many there are (of one host, of all, and never
so many that no file descriptor is left for the rest of the server), how long one lives without a whole message, how
many bytes of unfinished messages all of them hold together (190 kB on each of 4,000 would be 800 MB), and how many that
nobody reads (whoever asks and does not read has each answer wait here).
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections import Counter, deque
from collections.abc import Callable, Sequence

from switchhook import descriptors
from switchhook.core.errors import Unavailable
from switchhook.sip.connection import Connection, Dropped
from switchhook.sip.datagrams import READ_AT_ONCE, Datagrams
from switchhook.sip.flow import Flow
from switchhook.sip.uri import place_of

READ_SIZE = 8192  # bytes of a connection
MAX_CONNECTIONS = 4096
MAX_UNSENT_TOGETHER = 16 * 1024 * 1024  # bytes that slow readers may leave in our buffers
MAX_OF_ONE_HOST = 1024
MAX_UNFINISHED = 16 * 1024 * 1024  # bytes of messages that have begun, on all connections together
FIRST_S = 32.0  # a connection that has carried no whole message by then is closed

Listen = tuple[str, str, int]  # "udp" or "tcp", IP, port (0: any free one)


def _ignore_message(_wire: bytes, _flow: Flow) -> None:
    return None


def _ignore_broken(_flow: Flow) -> None:
    return None


class Sockets:
    """All sockets of one SIP element; the real equal of the lab's fake network (`flow.Transport`)."""

    def __init__(self, *, first_s: float = FIRST_S) -> None:
        self.first_s = first_s
        self.on_message: Callable[[bytes, Flow], None] = _ignore_message
        self.on_broken: Callable[[Flow], None] = _ignore_broken
        self.addresses: list[Listen] = []  # what we really listen on
        self.refused_connections = 0
        self.dropped: dict[Dropped, int] = dict.fromkeys(Dropped, 0)
        self._udp: list[Datagrams] = []
        self._serving: dict[str, Datagrams] = {}  # by our own address; as many as we have
        self._servers: list[asyncio.Server] = []
        self._connections: dict[tuple[str, int], Connection] = {}
        self._of_host: Counter[str] = Counter()
        self._most = descriptors.connections(MAX_CONNECTIONS)
        self._unfinished = self._unsent = 0  # bytes
        self.piece = memoryview(bytearray(READ_SIZE))
        self._behind: deque[Connection] = deque()  # they wait for their turn, each with a piece
        self._taken = 0  # messages of connections in this turn of the loop
        self._turning = False
        self._connecting: dict[tuple[str, int], list[tuple[bytes, Flow]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._local_hosts: dict[str, str] = {}
        self._tcp_local: list[tuple[str, int]] = []

    async def open(self, listen: Sequence[Listen]) -> None:
        """Binds all addresses; raises `Unavailable` with a clear line when one is in use or not ours."""
        for transport, host, port in listen:
            try:
                if transport == "udp":
                    self._udp.append(Datagrams(self, host, port))
                    self.addresses.append(("udp", host, self._udp[-1].port))
                else:
                    await self._listen_tcp(host, port)
            except OSError as error:
                self.close()
                # asyncio wraps the reason of a failed TCP bind into a sentence of its own.
                reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
                raise Unavailable(f"sip.listen {transport}:{place_of(host, port)}: {reason}") from error

    async def _listen_tcp(self, host: str, port: int) -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Connection(self), host, port, reuse_address=True)
        self._servers.append(server)
        bound = server.sockets[0].getsockname()[1]
        self.addresses.append(("tcp", host, bound))
        self._tcp_local.append((host, bound))

    def close(self) -> None:
        """Closes everything at once."""
        for udp in self._udp:
            udp.close()
        for server in self._servers:
            server.close()
        for connection in list(self._connections.values()):
            connection.close()
        for task in self._tasks:
            task.cancel()

    # --- flow.Transport

    def send(self, wire: bytes, flow: Flow) -> None:
        if flow.transport != "udp":
            self._send_tcp(wire, flow)
            return
        udp = self._serving.get(flow.local) or self._find_serving(flow)
        if udp is not None:
            try:
                udp.sendto(wire, (flow.host, flow.port))
            except OSError as error:
                udp.not_sent(wire, flow, error)

    def _find_serving(self, flow: Flow) -> Datagrams | None:
        for udp in self._udp:
            if udp.serves(flow):
                self._serving[flow.local] = udp
                return udp
        return None

    def withdraw(self, wire: bytes, flow: Flow) -> bool:
        waiting = self._connecting.get((flow.host, flow.port), [])
        if (wire, flow) not in waiting:
            return False
        waiting.remove((wire, flow))
        return True

    def flow(self, transport: str, host: str, port: int) -> Flow | None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        if transport == "udp":
            for udp in self._udp:
                if udp.family == family:
                    return udp.flow_toward((host, port))
        elif transport == "tcp":
            known = self._connections.get((host, port))
            if known is not None:
                return known.flow
            for own, own_port in self._tcp_local:
                if (":" in own) == (":" in host):
                    return Flow("tcp", host, port, place_of(self.host_toward(own, host), own_port))
        return None

    # --- TCP

    def _send_tcp(self, wire: bytes, flow: Flow) -> None:
        key = (flow.host, flow.port)
        connection = self._connections.get(key)
        if connection is not None:
            connection.send(wire)
        elif key in self._connecting:
            self._connecting[key].append((wire, flow))
        elif len(self._connecting) >= self._most:
            self.refused_connections += 1
            asyncio.get_running_loop().call_soon(self.on_broken, flow)
        else:
            self._connecting[key] = [(wire, flow)]
            task = asyncio.get_running_loop().create_task(self._connect(key))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _connect(self, key: tuple[str, int]) -> None:
        loop = asyncio.get_running_loop()
        first = self._connecting[key][0][1]
        try:
            async with asyncio.timeout(10.0):
                await loop.create_connection(lambda: Connection(self, first), *key)
        except OSError:
            for flow in {flow for _, flow in self._connecting.pop(key, [])}:
                self.on_broken(flow)
            return
        connection = self._connections.get(key)
        for wire, flow in self._connecting.pop(key, []):
            if connection is not None:
                connection.send(wire)
            else:  # there are too many
                self.on_broken(flow)

    def opened(self, connection: Connection) -> bool:
        flow = connection.flow
        if len(self._connections) >= self._most or self._of_host[flow.host] >= MAX_OF_ONE_HOST:
            self.refused_connections += 1
            return False
        self._of_host[flow.host] += 1
        self._connections[flow.host, flow.port] = connection
        return True

    def closed(self, connection: Connection) -> None:
        flow = connection.flow
        if self._connections.get((flow.host, flow.port)) is connection:
            del self._connections[flow.host, flow.port]
            self._of_host[flow.host] -= 1
            if not self._of_host[flow.host]:
                del self._of_host[flow.host]
            self.on_broken(flow)

    def hold(self, more: int) -> bool:
        """Counts bytes of unfinished messages (less when negative); False when all hold too many together."""
        self._unfinished += more
        return more <= 0 or self._unfinished <= MAX_UNFINISHED

    def owe(self, more: int) -> bool:
        """Counts bytes that wait until somebody reads them, as `hold` does."""
        self._unsent += more
        return more <= 0 or self._unsent <= MAX_UNSENT_TOGETHER

    def has_turn(self) -> bool:
        """Says whether more of the connections is to be taken in this turn of the loop."""
        return self._taken < READ_AT_ONCE

    def took(self, messages: int) -> None:
        """Counts what was taken in this turn; a piece without a whole message counts as one."""
        self._taken += max(1, messages)
        self._turn_soon()

    def wait(self, connection: Connection) -> None:
        """Has a connection wait for its turn."""
        self._behind.append(connection)
        self._turn_soon()

    def _turn_soon(self) -> None:
        if not self._turning:
            self._turning = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        self._turning = False
        self._taken = 0
        while self._behind and self.has_turn():
            self._behind.popleft().go_on()

    @property
    def connections(self) -> int:
        """How many TCP connections there are."""
        return len(self._connections)

    def standing_s(self) -> float:
        """Returns how long the oldest datagram or piece has had to wait; 0 when all have been read."""
        now = asyncio.get_running_loop().time()
        waiting_s = now - self._behind[0].waits_since if self._behind else 0.0
        return max(
            waiting_s, *(udp.ages.oldest_s(now - udp.behind_since) for udp in self._udp if udp.behind_since), 0.0
        )

    def host_toward(self, own: str, remote: str) -> str:
        """Returns the address of ours that a remote host sees; a socket bound to all of them asks the routing table."""
        if own not in ("0.0.0.0", "::"):
            return own
        found = self._local_hosts.get(remote)
        if found is None:
            found = own
            family = socket.AF_INET6 if ":" in remote else socket.AF_INET
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                try:
                    probe.connect((remote, 9))  # connecting a datagram socket sends nothing
                    found = probe.getsockname()[0]
                except OSError:
                    pass
            if len(self._local_hosts) > 4096:
                self._local_hosts.clear()
            self._local_hosts[remote] = found
        return found
