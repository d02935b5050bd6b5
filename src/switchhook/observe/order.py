"""Puts HTTP requests before what they brought about.

A request is written into the journal when it is answered, after the facts that it caused. In a picture it has to come
first: at its beginning if the line says how long it took (`ms`), else just before the first line with its cause.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from switchhook.exchange.ports import Entry

_NEAR_S = 2.0  # the same cause may come again later, for another request


def in_order(entries: Sequence[Entry], *, split: bool = False) -> list[Entry]:
    """Returns the lines in the order in which things happened; with `split`, the answer is a line of its own."""
    keyed: list[tuple[float, int, Entry]] = []
    for entry in entries:
        if entry.kind != "HttpRequest":
            keyed.append((entry.at, 1, entry))
            continue
        began = _began(entry, entries)
        status = entry.body.get("status")
        if split and status:
            asked = {name: value for name, value in entry.body.items() if name != "status"}
            keyed.append((began, 0, replace(entry, at=began, body=asked)))
            keyed.append((entry.at, 2, replace(entry, kind="HttpReply", body={"status": status})))
        else:
            keyed.append((began, 0, replace(entry, at=began)))
    return [entry for _, _, entry in sorted(keyed, key=lambda key: key[:2])]


def _began(request: Entry, entries: Sequence[Entry]) -> float:
    ms = request.body.get("ms")
    if isinstance(ms, int | float):
        return request.at - ms / 1000
    names = {request.cause, request.body.get("api_id")} - {"", None}
    for entry in entries:
        if entry.cause in names and entry.kind != "HttpRequest" and 0 <= request.at - entry.at < _NEAR_S:
            return entry.at
    return request.at
