"""Frames on a Unix stream: a length of four bytes, network order, then JSON: an object, or an array of objects.

Pure: bytes in, messages out."""

from __future__ import annotations

import struct
from typing import Any

import msgspec

from switchhook.core.errors import PeerBroke

Message = dict[str, Any]
LONGEST = 64 * 1024 * 1024
_LENGTH = struct.Struct("!I")
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def frame(message: Message) -> bytes:
    """Returns one message as it goes on the wire."""
    body = _encode(message)
    return _LENGTH.pack(len(body)) + body


def frame_all(messages: list[Message]) -> bytes:
    """Returns several messages as one frame, a JSON array, which is cheaper than a frame each."""
    body = _encode(messages)
    return _LENGTH.pack(len(body)) + body


def frame_encoded(bodies: list[bytes]) -> bytes:
    """Returns messages that are JSON already as one frame."""
    body = b"[" + b",".join(bodies) + b"]"
    return _LENGTH.pack(len(body)) + body


class Unframer:
    """Cuts a stream into messages; `feed` raises `PeerBroke` for what is not one, and is then of no more use."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, received: bytes | memoryview) -> list[Message]:
        self._held += received
        found: list[Message] = []
        start = 0
        while len(self._held) - start >= 4:
            (length,) = _LENGTH.unpack_from(self._held, start)
            if length > LONGEST:
                raise PeerBroke(f"a message of {length} bytes on the media link")
            if len(self._held) - start - 4 < length:
                break
            start += 4
            try:
                message = _decode(self._held[start : start + length])
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                raise PeerBroke("a message on the media link is not JSON") from error
            for one in message if isinstance(message, list) and message else (message,):
                if not isinstance(one, dict):
                    raise PeerBroke("a message on the media link is not an object")
                found.append(one)
            start += length
        if start:
            del self._held[:start]
        return found
