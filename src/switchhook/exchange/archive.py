"""The door to what is known of recordings that are over: one row each, whose file lies in the recordings' folder."""

from __future__ import annotations

from typing import Protocol

from switchhook.core.addresses import address_key
from switchhook.core.values import dataclass


@dataclass(frozen=True, slots=True)
class RecordingRow:
    """One recording that is over; times in seconds since 1970."""

    id: str
    account: str
    call: str  # the chain of rooms that it belongs to
    leg: str  # what it is of, or whoever was in the room first
    room: str  # "" for a recording of a leg
    room_kind: str  # a core.model.RoomKind value, or ""
    room_name: str
    caller: str  # of the leg
    called: str
    format: str  # of the file: wav or mp3
    started_at: float
    ended_at: float
    duration_ms: int
    added_at: float  # when it was over; 0: it is not


@dataclass(frozen=True, kw_only=True)
class RecordingFilter:
    """Which recordings are wanted; unset fields do not restrict. Numbers match by their first digits."""

    accounts: tuple[str, ...]
    leg: str = ""
    room: str = ""
    room_name: str = ""
    room_kind: str = ""
    caller: str = ""
    called: str = ""
    added_from: float | None = None  # inclusive
    added_before: float | None = None  # exclusive

    def fits(self, row: RecordingRow) -> bool:
        """True when the row is one of those wanted."""
        same = ((self.leg, row.leg), (self.room, row.room), (self.room_name, row.room_name))
        return (
            row.added_at > 0
            and row.account in self.accounts
            and all(wanted in ("", found) for wanted, found in (*same, (self.room_kind, row.room_kind)))
            and address_key(row.caller).startswith(address_key(self.caller))
            and address_key(row.called).startswith(address_key(self.called))
            and (self.added_from is None or row.added_at >= self.added_from)
            and (self.added_before is None or row.added_at < self.added_before)
        )


class Archive(Protocol):
    """Rows of recordings; each method blocks, so call it in a thread, and raises Unavailable when the disk fails."""

    def add(self, row: RecordingRow) -> None:
        """Keeps a row; the same id again replaces it."""

    def find(self, recording: str) -> RecordingRow | None: ...

    def page(self, wanted: RecordingFilter, *, limit: int, offset: int) -> tuple[list[RecordingRow], int]:
        """Returns a page of rows, the newest first, and how many there are in all."""

    def unfinished(self) -> list[RecordingRow]:
        """Returns the rows of recordings that are not over; in no page are they."""

    def remove(self, recording: str) -> None:
        """Forgets a row; one that is not there is no error."""


class MemoryArchive:
    """An archive that ends with the process."""

    def __init__(self) -> None:
        self._rows: dict[str, RecordingRow] = {}

    def add(self, row: RecordingRow) -> None:
        self._rows[row.id] = row

    def find(self, recording: str) -> RecordingRow | None:
        return self._rows.get(recording)

    def page(self, wanted: RecordingFilter, *, limit: int, offset: int) -> tuple[list[RecordingRow], int]:
        found = sorted(
            (row for row in self._rows.values() if wanted.fits(row)), key=lambda row: (-row.added_at, row.id)
        )
        return found[offset : offset + limit], len(found)

    def unfinished(self) -> list[RecordingRow]:
        return [row for row in self._rows.values() if not row.added_at]

    def remove(self, recording: str) -> None:
        self._rows.pop(recording, None)
