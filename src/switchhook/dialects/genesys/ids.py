"""Ids in the shapes that real servers show (genesys 5.5): clients copy them about, and people compare them by eye.

A `callUuid` is 26 characters base32hex of 128 bits fixed per process and 6 characters of a counter; a `connId` is 16
hex digits with a counter in its low part. Neither is read back: both are names, nothing else.
"""

from __future__ import annotations

from uuid import NAMESPACE_URL, uuid5

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUV"


def _base32hex(number: int, width: int) -> str:
    text = ""
    for _ in range(width):
        number, low = divmod(number, 32)
        text = _ALPHABET[low] + text
    return text


class CallIds:
    """Makes call ids and connection ids, unique for one `seed` (128 bits) of one process."""

    def __init__(self, seed: int) -> None:
        seed &= (1 << 128) - 1
        self._prefix = _base32hex(seed << 2, 26)
        self._connection = 0x007 << 52 | (seed & 0xFFFFFFF) << 24
        self._calls = 0
        self._connections = 0

    def call_uuid(self) -> str:
        """Returns 32 characters such as `01RCC3N118B1V0SL8O7GK2LAES00000M`; two in a row differ in the last ones."""
        self._calls += 1
        return self._prefix + _base32hex(self._calls, 6)

    def conn_id(self) -> str:
        """Returns 16 lower-case hex digits such as `0071027198180011`."""
        self._connections += 1
        return f"{self._connection + (self._connections & 0xFFFFFF):016x}"


def device_id(number: str) -> str:
    """Returns the UUID of the device with that number: the same after every restart."""
    return str(uuid5(NAMESPACE_URL, f"switchhook:device:{number}"))


VOICE_ENVIRONMENT = str(uuid5(NAMESPACE_URL, "switchhook:voice-environment"))  # every device is in this one


def user_id(username: str) -> str:
    """Returns the 32 hex digits of a user: the same after every restart."""
    return uuid5(NAMESPACE_URL, f"switchhook:user:{username}").hex


def state_id(operation: str) -> str:
    """Returns the UUID of an agent state of the configuration, in capitals like those of the built-in ones."""
    return str(uuid5(NAMESPACE_URL, f"switchhook:agent-state:{operation}")).upper()
