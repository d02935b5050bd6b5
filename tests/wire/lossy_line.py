"""A bad line between one telephone that calls and the server: SIP passes, of the audio a part is lost both ways.

The telephone takes the line for its server. The line changes only what the SDP says of where audio goes, so that RTP
and RTCP pass through its own pair of ports; the rest of each message goes through as it is. What the server asks of
the telephone by its Contact (a BYE) goes past the line, so use it for the caller. RTCP is never lost: it is what is
to be judged.
"""

from __future__ import annotations

import re
import selectors
import socket
import threading
from types import TracebackType

from switchhook.lab.faults import Faults, Link

Address = tuple[str, int]
_HOST = "127.0.0.1"
_AUDIO = re.compile(rb"^m=audio (\d+) ", re.MULTILINE)
_RTCP = re.compile(rb"^a=rtcp:(\d+)", re.MULTILINE)
_LENGTH = re.compile(rb"^Content-Length: *\d+", re.MULTILINE | re.IGNORECASE)


class LossyLine:
    """Use as `with`; `sip` is the port for the telephone, `audio` what both ends are told."""

    def __init__(self, server: int, loss: float) -> None:
        self._server: Address = (_HOST, server)
        self._sip = _bound(0)
        self.sip = int(self._sip.getsockname()[1])
        self._rtp, self._rtcp = _pair()
        self.audio = int(self._rtp.getsockname()[1])
        self._phone: Address | None = None  # where its SIP comes from
        self._ends: dict[str, int] = {}  # the audio ports of both, by their SDP
        self.links = {end: Link(Faults(delay_ms=0, loss=loss), 1, end) for end in ("phone", "server")}
        self._stop, self._stopped = socket.socketpair()

    def __enter__(self) -> LossyLine:
        self._thread = threading.Thread(target=self._carry, name="lossy line")
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._stop.send(b".")
        self._thread.join()
        for sock in (self._sip, self._rtp, self._rtcp, self._stop, self._stopped):
            sock.close()

    def _carry(self) -> None:
        with selectors.DefaultSelector() as ready:
            for sock in (self._sip, self._rtp, self._rtcp, self._stopped):
                ready.register(sock, selectors.EVENT_READ)
            while True:
                for key, _ in ready.select():
                    if key.fileobj is self._stopped:
                        return
                    if key.fileobj is self._sip:
                        self._signalling()
                    else:
                        self._audio(self._rtp if key.fileobj is self._rtp else self._rtcp)

    def _signalling(self) -> None:
        message, source = self._sip.recvfrom(65_535)
        if source != self._server:
            self._phone = source
        target = self._phone if source == self._server else self._server
        if target is not None:
            self._sip.sendto(self._through_here(message, "server" if source == self._server else "phone"), target)

    def _through_here(self, message: bytes, end: str) -> bytes:
        head, blank, body = message.partition(b"\r\n\r\n")
        found = _AUDIO.search(body)
        if found is None:
            return message
        self._ends[end] = int(found[1])
        body = _AUDIO.sub(b"m=audio %d " % self.audio, body)
        body = _RTCP.sub(b"a=rtcp:%d" % (self.audio + 1), body)
        return _LENGTH.sub(b"Content-Length: %d" % len(body), head) + blank + body

    def _audio(self, sock: socket.socket) -> None:
        datagram, source = sock.recvfrom(65_535)
        rtcp = int(sock is self._rtcp)
        end = next((end for end, port in self._ends.items() if port + rtcp == source[1]), "")
        other = self._ends.get({"phone": "server", "server": "phone"}.get(end, ""))
        if other is not None and (rtcp or self.links[end].carry(0.0)):
            sock.sendto(datagram, (_HOST, other + rtcp))


def _bound(port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.bind((_HOST, port))
    except OSError:
        sock.close()
        raise
    return sock


def _pair() -> tuple[socket.socket, socket.socket]:
    """Returns sockets on an even port and the next one."""
    while True:
        first = _bound(0)
        port = int(first.getsockname()[1])
        if port % 2 == 0:
            try:
                return first, _bound(port + 1)
            except OSError:
                pass
        first.close()
