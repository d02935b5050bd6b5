"""One TCP connection, ours or theirs, and why we close one.

It is read in pieces of 8 kB, and only when it has its turn among all connections (`sip.sockets`). It lives as long as
whole messages come, holds a bounded number of bytes of one that has begun, and of what its far end does not read.
"""

from __future__ import annotations

import asyncio
from enum import Enum
from typing import TYPE_CHECKING, cast

from switchhook.sip.flow import Flow
from switchhook.sip.framing import Framer, Overlong
from switchhook.sip.uri import place_of

if TYPE_CHECKING:
    from switchhook.sip.sockets import Sockets

PINGS = 32  # cost about as much as a message
MAX_UNSENT = 1024 * 1024  # bytes that a slow reader may leave in our buffer
IDLE_S = 600.0  # without a whole message


class Dropped(Enum):
    """Why we closed a connection of somebody's."""

    BROKEN = "broken"  # its bytes cannot be cut into messages
    SILENT = "silent"  # no whole message came in the time it had
    UNFINISHED = "unfinished"  # all connections together hold too many bytes of messages that have begun
    SLOW = "slow"  # it does not read what we send


class Connection(asyncio.BufferedProtocol):
    """One connection; `flow` is the one asked for, nothing for one that somebody opened."""

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
