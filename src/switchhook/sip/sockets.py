"""SIP over real sockets: UDP by `add_reader` and a bounded receive loop, TCP by asyncio protocols.

Plain asyncio datagram endpoints were measured at eight times the cost of this. One wake-up reads at most 64 datagrams,
so that a flood cannot starve the loop. The receive buffer is 4 MB or what the system allows. How old a datagram is that
had to wait is known by the kernel's stamp (`sip.ages`), asked for only of the first of a wake-up that follows one which
did not read all: a stamp with every datagram would make each receive dearer. TCP connections are reused for both
directions (RFC 5923 in spirit): a flow names a remote address, and whoever connected first carries it.

All connections together have the share of a turn of the loop that one UDP socket has. A loop reads each of them as long
as anything comes, uvloop 8 MB at a time: a hundred that send as fast as they can held up everything else for minutes.
So they are read in pieces of 8 kB, and once 64 messages of a turn are through, a connection whose piece has come waits
for its turn, and is not read meanwhile. How long the first of them has waited counts as delay.

Strangers may connect, so everything about a connection has an end: how many there are (of one host, of all, and never
so many that no file descriptor is left for the rest of the server), how long one lives without a whole message, how
many bytes of unfinished messages all of them hold together (190 kB on each of 4,000 would be 800 MB), and how many that
nobody reads (whoever asks and does not read has each answer wait here).

Some 500 lines: both kinds of socket answer to one `flow.Transport`, and share its tables and its bounds.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from enum import Enum
from typing import cast

from switchhook.core.errors import Unavailable
from switchhook.sip.ages import NOTES_SIZE, Ages
from switchhook.sip.flow import Flow
from switchhook.sip.framing import Framer, Overlong
from switchhook.sip.uri import place_of

READ_AT_ONCE = 64  # datagrams of one socket, and messages of all connections
READ_SIZE = 8192  # bytes of a connection
PINGS = 32  # cost about as much as a message
RECEIVE_BUFFER = 4 * 1024 * 1024
MAX_CONNECTIONS = 4096
MAX_UNSENT = 1024 * 1024  # bytes that a slow reader may leave in our buffer
MAX_UNSENT_TOGETHER = 16 * 1024 * 1024  # that all of them may
MAX_OF_ONE_HOST = 1024
MAX_UNFINISHED = 16 * 1024 * 1024  # bytes of messages that have begun, on all connections together
SPARE_DESCRIPTORS = 256
MAX_FLOWS = 4096
FIRST_S = 32.0  # a connection that has carried no whole message by then is closed
IDLE_S = 600.0


class Dropped(Enum):
    """Why we closed a connection of somebody's."""

    BROKEN = "broken"  # its bytes cannot be cut into messages
    SILENT = "silent"  # no whole message came in the time it had
    UNFINISHED = "unfinished"  # all connections together hold too many bytes of messages that have begun
    SLOW = "slow"  # it does not read what we send


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
        self._udp: list[_Udp] = []
        self._serving: dict[str, _Udp] = {}  # by our own address; as many as we have
        self._servers: list[asyncio.Server] = []
        self._connections: dict[tuple[str, int], _Connection] = {}
        self._of_host: Counter[str] = Counter()
        self._most = most_connections()
        self._unfinished = self._unsent = 0  # bytes
        self.piece = memoryview(bytearray(READ_SIZE))
        self._behind: deque[_Connection] = deque()  # they wait for their turn, each with a piece
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
                    self._udp.append(_Udp(self, host, port))
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
        server = await loop.create_server(lambda: _Connection(self), host, port, reuse_address=True)
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

    def _find_serving(self, flow: Flow) -> _Udp | None:
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
                await loop.create_connection(lambda: _Connection(self, first), *key)
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

    def opened(self, connection: _Connection) -> bool:
        flow = connection.flow
        if len(self._connections) >= self._most or self._of_host[flow.host] >= MAX_OF_ONE_HOST:
            self.refused_connections += 1
            return False
        self._of_host[flow.host] += 1
        self._connections[flow.host, flow.port] = connection
        return True

    def closed(self, connection: _Connection) -> None:
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

    def wait(self, connection: _Connection) -> None:
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


class _Udp:
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


class _Connection(asyncio.BufferedProtocol):
    """One TCP connection, ours or theirs."""

    def __init__(self, owner: Sockets, flow: Flow | None = None) -> None:
        self._owner = owner
        self._wanted = flow
        self._framer = Framer()
        self._transport: asyncio.Transport | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._held = self._unsent = 0  # bytes, as counted by the owner
        self.flow = flow or Flow("tcp", "", 0, "")
        self.waits_since = 0.0
        self._piece = b""  # came when it was not our turn

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass of it
        peer, own = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        if self._wanted is None:
            self.flow = Flow("tcp", peer[0], peer[1], place_of(own[0], own[1]))
        if not self._owner.opened(self):
            transport.abort()
            return
        transport.set_write_buffer_limits(high=0)  # `resume_writing` when all has been read
        self._watch(self._owner.first_s if self._wanted is None else IDLE_S)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._owner.piece  # one for all: it is empty again before the next one is read

    def buffer_updated(self, nbytes: int) -> None:
        piece = bytes(self._owner.piece[:nbytes])
        if self._owner.has_turn() or self._transport is None:
            self._take(piece)
            return
        self._piece = piece
        self.waits_since = asyncio.get_running_loop().time()
        self._transport.pause_reading()
        self._owner.wait(self)

    def go_on(self) -> None:
        """Takes the piece that has waited, and reads on."""
        if self._transport is not None and not self._transport.is_closing():
            self._take(self._piece)
            self._piece = b""
            if not self._transport.is_closing():
                self._transport.resume_reading()

    def _take(self, piece: bytes) -> None:
        try:
            messages, pongs = self._framer.feed(piece)
        except Overlong:
            self._owner.took(1)
            self._drop(Dropped.BROKEN)
            return
        self._owner.took(len(messages) + pongs // PINGS)
        if messages or pongs:
            self._watch(IDLE_S)
        if self._framer.held != self._held:
            fits = self._owner.hold(self._framer.held - self._held)
            self._held = self._framer.held
            if not fits:
                self._drop(Dropped.UNFINISHED)
        if pongs:
            self.send(b"\r\n" * pongs)
        for wire in messages:
            self._owner.on_message(wire, self.flow)
        if self._framer.broken is not None:
            self._drop(Dropped.BROKEN)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._idle is not None:
            self._idle.cancel()
        self._owner.hold(-self._held)
        self._owner.owe(-self._unsent)
        self._held = self._unsent = 0
        self._owner.closed(self)

    def send(self, wire: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.write(wire)
        unsent = self._transport.get_write_buffer_size()
        if unsent != self._unsent:
            fits = self._owner.owe(unsent - self._unsent)
            self._unsent = unsent
            if not fits or unsent > MAX_UNSENT:
                self._drop(Dropped.SLOW)

    def resume_writing(self) -> None:
        self._owner.owe(-self._unsent)
        self._unsent = 0

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _drop(self, reason: Dropped) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._owner.dropped[reason] += 1
            self.close()

    def _watch(self, seconds: float) -> None:
        if self._idle is not None:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(seconds, self._drop, Dropped.SILENT)


def most_connections() -> int:
    """Returns how many connections may be open, so that half of what the system allows us stays for the rest."""
    try:
        import resource
    except ImportError:  # not there on Windows
        return MAX_CONNECTIONS
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return MAX_CONNECTIONS
    return max(16, min(MAX_CONNECTIONS, (soft - SPARE_DESCRIPTORS) // 2))
