"""Who would be hit when a connection closes: found by the connection, not by asking everybody there is.

A telephone on TCP comes and goes with its network, and a server has thousands of them: a close that looked through all
calls, transactions and registrations would cost the more the more of them live. Over UDP nothing is kept here.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

from switchhook.sip.flow import Flow

K = TypeVar("K", bound=Hashable)


class Riders(Generic[K]):
    """Things by the connections that their messages took."""

    __slots__ = ("_flows", "_on")

    def __init__(self) -> None:
        self._on: dict[Flow, dict[K, None]] = {}
        self._flows: dict[K, set[Flow]] = {}

    def __len__(self) -> int:
        """Counts the things that ride on anything."""
        return len(self._flows)

    def put(self, key: K, flow: Flow) -> None:
        """Notes that a thing uses a connection, maybe besides others."""
        self._on.setdefault(flow, {})[key] = None
        self._flows.setdefault(key, set()).add(flow)

    def leave(self, key: K) -> None:
        """Forgets a thing; one that rides on nothing is no error."""
        for flow in self._flows.pop(key, ()):
            others = self._on[flow]
            del others[key]
            if not others:
                del self._on[flow]

    def on(self, flow: Flow) -> list[K]:
        """Returns what uses a connection, in the order it came."""
        return list(self._on.get(flow, ()))
