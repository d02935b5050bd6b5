"""The door to what is known of named rooms that are over, as the dialect whose rooms they were tells of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from switchhook.core.values import dataclass


@dataclass(frozen=True, slots=True)
class EndedRoom:
    """One room that is over; times in seconds since 1970."""

    id: str
    account: str
    name: str
    created_at: float
    ended_at: float
    code: int  # why it ended, in the dialect's own numbers
    body: Mapping[str, Any]  # all else: JSON types only


@dataclass(frozen=True, kw_only=True)
class EndedRoomFilter:
    """Which rooms are wanted; unset fields do not restrict. `from` is inclusive, `before` exclusive."""

    accounts: tuple[str, ...]
    name: str = ""
    code: int | None = None
    created_from: float | None = None
    created_before: float | None = None
    ended_from: float | None = None
    ended_before: float | None = None

    def fits(self, room: EndedRoom) -> bool:
        """True when the room is one of those wanted."""
        return (
            room.account in self.accounts
            and self.name in ("", room.name)
            and self.code in (None, room.code)
            and _within(room.created_at, self.created_from, self.created_before)
            and _within(room.ended_at, self.ended_from, self.ended_before)
        )


def _within(at: float, first: float | None, before: float | None) -> bool:
    return (first is None or at >= first) and (before is None or at < before)


class EndedRooms(Protocol):
    """Rooms that are over; each method blocks, so call it in a thread, and raises Unavailable when the disk fails."""

    def add(self, room: EndedRoom) -> None:
        """Keeps a room; the same id again replaces it."""

    def find(self, room: str) -> EndedRoom | None: ...

    def newest(self, wanted: EndedRoomFilter, most: int) -> tuple[list[EndedRoom], int]:
        """Returns those that were created last, the newest first, `most` at the most, and how many there are in all."""


class MemoryEndedRooms:
    """Rooms that are forgotten with the process."""

    def __init__(self) -> None:
        self._rooms: dict[str, EndedRoom] = {}

    def add(self, room: EndedRoom) -> None:
        self._rooms[room.id] = room

    def find(self, room: str) -> EndedRoom | None:
        return self._rooms.get(room)

    def newest(self, wanted: EndedRoomFilter, most: int) -> tuple[list[EndedRoom], int]:
        found = sorted(
            (room for room in self._rooms.values() if wanted.fits(room)), key=lambda room: (-room.created_at, room.id)
        )
        return found[:most], len(found)
