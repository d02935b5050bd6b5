"""The recordings of all accounts: how their files are named, which of them run, and what is known of the finished ones.

The folder of `[media] recordings` holds one folder per account with one WAV file per recording, named by its id, so an
id is all that it takes to find a file again, also after a restart. Account and id come from HTTP paths, too: what is
not spelled like one never becomes part of a path. The audio engine makes folders and files (it may block, this loop may
not) and never writes over a file that is there. A file that cannot be written is a warning in the call's timeline; the
call goes on.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core.errors import Refused
from switchhook.core.ids import LegId, RecordingId, RoomId

if TYPE_CHECKING:
    from switchhook.exchange.switch import Exchange, Stamped

KEPT = 10_000  # finished recordings that are still known; their files stay longer

_ACCOUNT = re.compile(r"[A-Za-z0-9_-]{1,64}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Recorded:
    """One recording; times in clock seconds."""

    id: RecordingId
    account: str
    path: Path
    started_at: float
    duration_ms: int = 0
    finished: bool = False
    error: str = ""  # why it ended, when nobody wanted it to

    @property
    def ended_at(self) -> float:
        """When the audio in the file ends; while it runs, when it began."""
        return self.started_at + self.duration_ms / 1000

    @property
    def has_file(self) -> bool:
        """True when it has finished with something to listen to."""
        return self.finished and not (self.error and not self.duration_ms)


class Recordings:
    """Starts recordings, and knows them by their ids."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._folder = Path(exchange.settings.media.recordings)
        self._running: dict[RecordingId, Recorded] = {}
        self._finished: OrderedDict[RecordingId, Recorded] = OrderedDict()
        exchange.subscribe(self._told, (f.RecordingFinished,))

    def start(
        self, account: str, *, room: RoomId | None = None, follow: LegId | None = None, cause: str = ""
    ) -> Recorded | None:
        """Begins to record a room, or a leg and whom it hears; None, with a warning, when that cannot be."""
        leg = follow or next(iter(self._members(room)), None)
        recording = RecordingId(self._exchange.state.ids.new())
        path = self.path(account, recording)
        if path is None:
            self._warn(f"nothing is recorded: account {account!r} cannot name a folder", leg or "")
            return None
        found = self._running[recording] = Recorded(recording, account, path, self._exchange.clock.now())
        request = r.StartRecording((), (), str(path), id=recording, room=room, follow=follow)
        try:
            self._exchange.ask(request, cause=cause)
        except Refused as refused:
            del self._running[recording]
            self._warn(f"nothing is recorded: {refused}", leg or "")
            return None
        return found

    def find(self, recording: str) -> Recorded | None:
        """Returns a recording that runs, or one of the latest that have finished."""
        name = RecordingId(recording)
        return self._running.get(name) or self._finished.get(name)

    def path(self, account: str, recording: str) -> Path | None:
        """Returns where the file of a recording is or would be; None for what is no account or no UUID."""
        if not _ACCOUNT.fullmatch(account) or not _UUID.fullmatch(recording):
            return None
        return self._folder / account / f"{recording}.wav"

    def _members(self, room: RoomId | None) -> tuple[LegId, ...]:
        found = self._exchange.state.rooms.get(room) if room is not None else None
        return tuple(found.members) if found is not None else ()

    def _told(self, stamped: Stamped) -> None:
        fact = stamped.fact
        if type(fact) is not f.RecordingFinished:
            return
        found = self._running.pop(fact.recording, None)
        if found is None:
            return
        ended = replace(found, duration_ms=fact.duration_ms, finished=True, error=fact.error)
        self._finished[found.id] = ended
        if len(self._finished) > KEPT:
            self._finished.popitem(last=False)
        if fact.error:
            self._warn(f"recording {found.id} to {found.path}: {fact.error}", call=self._exchange.calls.of(found.id))

    def _warn(self, text: str, leg: str = "", call: str = "") -> None:
        self._exchange.write("Warning", {"text": text}, leg=leg, call=call)
