"""Cutting a byte stream into messages (RFC 3261 18.3, RFC 5626 4.4.1 keepalives), however the network splits it.

On a stream Content-Length is the only frame: a message without a sound one ends the connection, since nothing behind
it can be trusted. A double CRLF between messages is a ping and wants a single CRLF back; a single one is a pong.
"""

from __future__ import annotations

from switchhook.core.errors import PeerBroke

MAX_HEADERS = 65_536
MAX_BODY = 131_072
MAX_MESSAGE = MAX_HEADERS + 4 + MAX_BODY  # bytes of the largest message that a stream lets through


class Overlong(PeerBroke):
    """The stream cannot be cut any further: no usable Content-Length, or more bytes than we keep."""


class Framer:
    """One direction of one connection."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self._looked = 0  # bytes already searched for the blank line
        self._need = 0  # whole length of the message whose headers are complete, 0 while unknown
        self.broken: Overlong | None = None  # nothing more can be had; what came before it has been returned

    @property
    def held(self) -> int:
        """How many bytes of an unfinished message are kept."""
        return len(self._kept)

    def feed(self, arrived: bytes) -> tuple[list[bytes], int]:
        """Takes bytes; returns the complete messages and how many pings want an answer. Raises `Overlong`.

        What came in good order before the trouble is returned first: then `broken` is set, and the next call raises.
        """
        messages: list[bytes] = []
        pings = 0
        try:
            if self.broken is None:
                self._kept += arrived
                while (found := self._next()) is not None:
                    if found:
                        messages.append(found)
                    else:
                        pings += 1
        except Overlong as error:
            self.broken = error
        if self.broken is not None and not messages and not pings:
            raise self.broken
        return messages, pings

    def _next(self) -> bytes | None:
        """Cuts off the next message, or a ping (empty); None when there is no whole one."""
        kept = self._kept
        while kept:
            if not self._need:
                if kept[0] in b"\r\n":
                    if kept[:4] == b"\r\n\r\n":
                        del kept[:4]
                        return b""
                    if b"\r\n\r\n".startswith(kept):
                        break  # perhaps half a ping
                    del kept[: 2 if kept[:2] == b"\r\n" else 1]
                    continue
                end = kept.find(b"\r\n\r\n", max(0, self._looked - 3))
                if end < 0:
                    self._looked = len(kept)
                    if len(kept) > MAX_HEADERS:
                        raise Overlong("headers without an end")
                    break
                if end > MAX_HEADERS:
                    raise Overlong("headers too long")
                self._need = end + 4 + content_length(bytes(kept[:end]))
                self._looked = 0
            if len(kept) < self._need:
                break
            message = bytes(kept[: self._need])
            del kept[: self._need]
            self._need = 0
            return message
        return None


def content_length(head: bytes) -> int:
    """Reads Content-Length out of a header block; raises `Overlong` when it is absent, doubled, wrong or too large."""
    found = None
    head = head.replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ")  # a fold is no header, whatever it looks like
    for line in head.split(b"\r\n")[1:]:
        name, colon, value = line.partition(b":")
        if colon and name.rstrip(b" \t").lower() in (b"content-length", b"l"):
            text = value.strip(b" \t")
            if not text.isdigit() or len(text) > 8 or (found is not None and found != int(text)):
                raise Overlong("bad Content-Length")
            found = int(text)
    if found is None or found > MAX_BODY:
        raise Overlong("no Content-Length" if found is None else "body too long")
    return found
