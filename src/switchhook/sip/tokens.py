"""Branches, tags and Call-IDs. Each begins with a mark of this worker, so that a datagram that the kernel gave to the
wrong process (`SO_REUSEPORT` sends one peer entirely to one worker) can be forwarded to the one whose call it is.

The mark is the configured worker id and 32 random bits of this run: a request that comes back with one of our own
branches has looped (RFC 3261 16.3), and one of another server never looks like it.
"""

from __future__ import annotations

from random import Random

COOKIE = "z9hG4bK"


class Tokens:
    """Makes tokens. Tags and Call-IDs carry 64 random bits (RFC 3261 19.3 asks for 32), branches a count."""

    def __init__(self, worker: str, random: Random) -> None:
        self._random = random
        self.worker = "".join(c for c in worker if c.isalnum()) or "w"
        self.mark = f"{self.worker}.{random.getrandbits(32):08x}."
        self.own_branch = COOKIE + self.mark
        self._count = 0

    def branch(self) -> str:
        self._count += 1
        return f"{self.own_branch}{self._count:x}"

    def tag(self) -> str:
        return f"{self.worker}.{self._random.randbytes(8).hex()}"

    def call_id(self) -> str:
        return f"{self.worker}.{self._random.randbytes(12).hex()}"

    def number(self) -> int:
        """Returns 31 random bits."""
        return int.from_bytes(self._random.randbytes(4), "big") >> 1

    def between_s(self, low_s: float, high_s: float) -> float:
        """Returns a random time rounded to 10 ms, for timers (RFC 3261 14.1)."""
        return round(self._random.uniform(low_s, high_s), 2)
