"""The same request twice is one request: a POST that dials or transfers, sent again by a client that lost patience.

Official SDKs silently send a voice request again after an error; without this the customer would be dialled twice.
A repeat is one with the account, path and parameters of an earlier one that arrived less than the window ago and
whose leg or transfer is still unresolved. It gets the first answer again.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Mapping

from switchhook.core.values import dataclass
from switchhook.exchange.ports import Clock

_written = json.JSONEncoder(sort_keys=True, default=str).encode


@dataclass(frozen=True, slots=True)
class _Kept:
    until: float
    answer: object
    unresolved: Callable[[], bool]


class Repeats:
    """Remembers answers for `window_s` seconds (0 = off)."""

    def __init__(self, window_s: float, clock: Clock) -> None:
        self._window_s = window_s
        self._clock = clock
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    @staticmethod
    def key(account: str, path: str, parameters: Mapping[str, object], request_id: str = "") -> str:
        """Returns what makes two requests the same; a different `X-Request-Id` makes them different."""
        return _written([account, path, parameters, request_id])

    def find(self, key: str) -> object | None:
        """Returns the first answer if `key` is a repeat, else None."""
        self._forget()
        kept = self._kept.get(key)
        return kept.answer if kept is not None and kept.unresolved() else None

    def keep(self, key: str, answer: object, unresolved: Callable[[], bool]) -> None:
        """Remembers the answer to a request that was carried out; `unresolved()` says whether it still counts."""
        if self._window_s > 0:
            self._kept.pop(key, None)
            self._kept[key] = _Kept(self._clock.now() + self._window_s, answer, unresolved)

    def _forget(self) -> None:
        now = self._clock.now()
        while self._kept:
            key, kept = next(iter(self._kept.items()))
            if kept.until > now:
                return
            del self._kept[key]
