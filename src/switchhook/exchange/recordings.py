"""The recordings of all accounts: started, paused and stopped here, whoever wants them; and what is known of each.

The folder of `[media] recordings` holds one folder per account with one WAV file per recording, named by its id, so an
id is all that it takes to find a file again, also after a restart. Account and id come from HTTP paths, too: what is
not spelled like one never becomes part of a path. The audio engine makes folders and files (it may block, this loop may
not) and never writes over a file that is there. A file that cannot be written is a warning in the call's timeline; the
call goes on.

Who starts a recording may leave a word to be told by: `ended` is called once, when the file is finished, whatever ended
it (somebody's wish, the longest time, a hangup, a full disk). Recordings that are cut short are told like all others.

Every recording has a row in the archive from its beginning, which a restart does not touch. One that was cut short by
the end of the process is over when the next one looks: its file can be played, and says how long it is.

Who wants MP3 gets it where that can be made: the WAV file is turned into one when it is finished, and until then the
recording is not, though it is in the list. The WAV file goes last.
"""

from __future__ import annotations

import asyncio
import re
import wave
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core.errors import Refused, Unavailable
from switchhook.core.ids import LegId, RecordingId, RoomId
from switchhook.core.values import dataclass
from switchhook.exchange.archive import Archive, MemoryArchive, RecordingFilter, RecordingRow

if TYPE_CHECKING:
    from switchhook.exchange.switch import Exchange, Stamped

PATIENCE_S = 1.0  # how long a list waits for the rows of recordings that have just ended
CONVERTED_AT_A_TIME = 2  # the rest waits: calls need the machine more
LOOK_S = 0.1  # how often one looks whether a file has been made
READ_BYTES = 64 * 1024  # of a finished recording, at a time
AGAIN_S = (0.2, 1.0, 5.0, 25.0)  # when a row that the disk refused is written again
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
    duration_ms: int = 0  # what is in the file
    finished: bool = False
    error: str = ""  # why it ended, when nobody wanted it to
    leg: LegId | None = None  # what it is of: a leg and whom it hears, or
    room: RoomId | None = None  # a room
    room_name: str = ""
    wanted_format: str = "wav"  # what its client asked for
    paused_s: float = 0.0  # left out until now, or until `paused_at`
    paused_at: float | None = None  # paused since
    format: str = "wav"  # of its file, when it is finished

    @property
    def ended_at(self) -> float:
        """When the audio in the file ends; while it runs, when it began."""
        return self.started_at + (self.duration_ms / 1000 + self.paused_s if self.finished else 0.0)

    @property
    def has_file(self) -> bool:
        """True when it has finished with something to listen to."""
        return self.finished and not (self.error and not self.duration_ms)


Ended = Callable[[Recorded], None]
Read = Callable[[Path], Iterator[bytes]]  # 16 bit, little-endian, 8 kHz, one channel; blocks, may raise Unavailable
Convert = Callable[[Path, Path], None]  # makes a file of another format of one; blocks, may raise Unavailable


class Recordings:
    """Starts, pauses and stops recordings, and knows them by their ids."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._folder = Path(exchange.settings.media.recordings)
        self._running: dict[RecordingId, Recorded] = {}
        self._finished: OrderedDict[RecordingId, Recorded] = OrderedDict()
        self._turning: dict[RecordingId, Recorded] = {}  # over, and being made into MP3
        self._ended: dict[RecordingId, Ended] = {}
        self._begun: dict[RecordingId, RecordingRow] = {}
        self._starting: dict[RecordingId, asyncio.Task[None]] = {}
        self._keeping: set[asyncio.Task[None]] = set()
        self._archive: Archive = MemoryArchive()
        self._to_mp3: Convert | None = None
        self._read: Read | None = None
        self._converting = asyncio.Semaphore(CONVERTED_AT_A_TIME)
        exchange.subscribe(self._told, (f.RecordingPaused, f.RecordingFinished))

    def keep_in(self, archive: Archive, to_mp3: Convert | None = None) -> None:
        """Keeps the rows of recordings there from now on; `to_mp3` is how MP3 files are made, None: they are not.

        Finishes what an earlier process has left unfinished; blocks, and raises Unavailable.
        """
        self._archive, self._to_mp3 = archive, to_mp3
        for row in archive.unfinished():
            self._complete(row)

    def read_with(self, read: Read) -> None:
        """Reads what is said in finished recordings in this way from now on."""
        self._read = read

    def _complete(self, row: RecordingRow) -> None:
        path = self.path(row.account, row.id)
        length_s = _length_s(path) if path is not None else 0.0
        if path is None or not length_s:
            self._archive.remove(row.id)
            return
        ended = row.started_at + length_s
        over = max(ended, path.stat().st_mtime)
        self._archive.add(replace(row, duration_ms=round(length_s * 1000), ended_at=ended, added_at=over))

    # --- asked ------------------------------------------------------------------------------------------------------

    def start(
        self,
        account: str,
        *,
        room: RoomId | None = None,
        follow: LegId | None = None,
        only: LegId | None = None,
        id: RecordingId | None = None,
        cause: str = "",
        max_s: float | None = None,
        mono: bool = False,
        heard: bool = False,
        whispers: bool = True,
        wanted_format: str = "wav",
        ended: Ended | None = None,
    ) -> Recorded | None:
        """Begins to record a room, a leg and whom it hears, or `only` a leg; None, with a warning, when it cannot be.

        `id` is a name that somebody has been told already; it must be nobody else's.
        `max_s` is the longest time of audio in the file; `mono` puts both sides into one channel. `heard` takes
        all that the followed leg hears, prompts and music too; without `whispers` a room's recording leaves out what
        supervisors say to an agent alone. `ended` is told once, with what became of it.
        """
        leg = follow or only or next(iter(self._members(room)), None)
        recording = id or RecordingId(self._exchange.state.ids.new())
        path = self.path(account, recording)
        if path is None:
            self._warn(f"nothing is recorded: account {account!r} cannot name a folder", leg or "")
            return None
        found = Recorded(
            recording, account, path, self._exchange.clock.now(),
            leg=follow or only, room=room, room_name=self._name(room), wanted_format=wanted_format,
            format=self._format(wanted_format),
        )  # fmt: skip
        self._running[recording] = found
        if ended is not None:
            self._ended[recording] = ended
        max_ms = None if max_s is None else round(max_s * 1000)
        legs = (only,) if only is not None else ()
        request = r.StartRecording(
            legs, (), str(path), id=recording, max_ms=max_ms, room=room, follow=follow, mono=mono, heard=heard,
            whispers=whispers,
        )  # fmt: skip
        try:
            self._exchange.ask(request, cause=cause)
        except Refused as refused:
            del self._running[recording]
            self._ended.pop(recording, None)
            self._warn(f"nothing is recorded: {refused}", leg or "")
            return None
        row = self._begun[recording] = self._row(found, leg)
        self._starting[recording] = self._exchange.spawn(self._add(row), name=f"begin recording {recording}")
        return found

    def stop(self, recording: RecordingId, cause: str = "") -> bool:
        """Ends a recording; False when it does not run. Its file is finished a moment later."""
        return self._ask(r.StopRecording(recording), cause)

    def pause(self, recording: RecordingId, on: bool = True, cause: str = "") -> bool:
        """Leaves out of the file what is said from now on (`on`), or goes on; False when it does not run."""
        return self._ask(r.PauseRecording(recording) if on else r.ResumeRecording(recording), cause)

    def _ask(self, request: r.StopRecording | r.PauseRecording | r.ResumeRecording, cause: str) -> bool:
        if request.recording not in self._running:
            return False
        try:
            self._exchange.ask(request, cause=cause)
        except Refused:  # it has just ended
            return False
        return True

    # --- known ------------------------------------------------------------------------------------------------------

    def find(self, recording: str) -> Recorded | None:
        """Returns a recording that runs, or one of the latest that have finished."""
        name = RecordingId(recording)
        return self._running.get(name) or self._turning.get(name) or self._finished.get(name)

    async def made(self, recording: str, within_s: float) -> None:
        """Waits until the file of a recording that is over has been made, where that is under way."""
        until = self._exchange.clock.now() + within_s
        while RecordingId(recording) in self._turning and self._exchange.clock.now() < until:
            await asyncio.sleep(LOOK_S)

    def running(self, *, leg: LegId | None = None, room: RoomId | None = None) -> tuple[Recorded, ...]:
        """Returns the recordings under way of a leg or of a room, the oldest first."""
        return tuple(
            each
            for each in self._running.values()
            if (leg is not None and each.leg == leg) or (room is not None and each.room == room)
        )

    def url_to_be(self, account: str, recording: RecordingId, wanted_format: str) -> str:
        """Returns the URL of a recording that is going to begin."""
        public = self._exchange.settings.public_url
        return f"{public}/v1/Account/{account}/Recording/{recording}.{self._format(wanted_format)}"

    def _format(self, wanted: str) -> str:
        return "mp3" if wanted == "mp3" and self._to_mp3 is not None else "wav"

    def url(self, recorded: Recorded) -> str:
        """Returns where the file can be fetched by its account once it is finished."""
        public = self._exchange.settings.public_url
        return f"{public}/v1/Account/{recorded.account}/Recording/{recorded.id}.{recorded.format}"

    def path(self, account: str, recording: str, format: str = "wav") -> Path | None:
        """Returns where the file of a recording is or would be; None for what is no account or no UUID."""
        if not _ACCOUNT.fullmatch(account) or not _UUID.fullmatch(recording):
            return None
        return self._folder / account / f"{recording}.{format}"

    def _row(self, found: Recorded, leg: LegId | None) -> RecordingRow:
        state = self._exchange.state
        of, room = state.legs.get(leg) if leg else None, state.rooms.get(found.room) if found.room else None
        return RecordingRow(
            id=found.id, account=found.account, call=self._exchange.calls.of(leg or ""), leg=leg or "",
            room=found.room or "", room_kind=room.plan.kind.value if room is not None else "",
            room_name=found.room_name, caller=of.caller if of else "", called=of.called if of else "", format="wav",
            started_at=found.started_at, ended_at=found.started_at, duration_ms=0, added_at=0.0,
        )  # fmt: skip

    def _members(self, room: RoomId | None) -> tuple[LegId, ...]:
        found = self._exchange.state.rooms.get(room) if room is not None else None
        return tuple(found.members) if found is not None else ()

    def _name(self, room: RoomId | None) -> str:
        found = self._exchange.state.rooms.get(room) if room is not None else None
        return found.plan.name if found is not None else ""

    # --- told -------------------------------------------------------------------------------------------------------

    def _told(self, stamped: Stamped) -> None:
        fact = stamped.fact
        if isinstance(fact, f.RecordingPaused):
            self._paused(fact, stamped.at)
        elif isinstance(fact, f.RecordingFinished):
            self._over(fact, stamped.at)

    def _paused(self, fact: f.RecordingPaused, at: float) -> None:
        found = self._running.get(fact.recording)
        if found is not None:
            self._running[found.id] = replace(found, paused_at=at) if fact.on else _resumed(found, at)

    def _over(self, fact: f.RecordingFinished, at: float) -> None:
        found = self._running.pop(fact.recording, None)
        told = self._ended.pop(fact.recording, None)
        if found is None:
            return
        row = self._begun.pop(found.id, None)
        # What was left out behind the last word is after the end of the audio.
        ended = replace(found, duration_ms=fact.duration_ms, finished=True, error=fact.error, paused_at=None)
        if fact.error:
            self._warn(f"recording {found.id} to {found.path}: {fact.error}", call=self._exchange.calls.of(found.id))
        if row is not None:
            row = replace(row, ended_at=ended.ended_at, duration_ms=ended.duration_ms)
            self._begin_keeping(ended, replace(row, format=ended.format, added_at=at), told)
        if found.id not in self._turning:
            self._finish(ended, told)

    def _begin_keeping(self, ended: Recorded, row: RecordingRow, told: Ended | None) -> None:
        if ended.format != "wav" and ended.has_file:
            self._turning[ended.id] = replace(ended, finished=False)
        task = self._exchange.spawn(self._keep(ended, row, told), name=f"keep recording {ended.id}")
        self._keeping.add(task)
        task.add_done_callback(self._keeping.discard)

    async def _keep(self, ended: Recorded, row: RecordingRow, told: Ended | None) -> None:
        if (beginning := self._starting.pop(ended.id, None)) is not None:
            await asyncio.wait((beginning,))
        if not ended.has_file:
            await self._forget(row)
            return
        await self._add(row)
        if ended.id in self._turning:
            self._finish(await self._turned(ended, row), told)

    async def _turned(self, ended: Recorded, row: RecordingRow) -> Recorded:
        """Makes the file that was asked for; where that fails, the one that there is remains."""
        made = ended.path.with_suffix(f".{ended.format}")
        try:
            if self._to_mp3 is None:
                raise Unavailable("MP3 is not made any more")
            async with self._converting:
                await asyncio.to_thread(self._to_mp3, ended.path, made)
        except Unavailable as failed:
            self._warn(f"recording {ended.id} stays a WAV file: {failed}", call=row.call)
            await self._add(replace(row, format="wav"))
            return replace(ended, format="wav")
        await asyncio.to_thread(ended.path.unlink, missing_ok=True)
        return replace(ended, path=made)

    async def _add(self, row: RecordingRow) -> None:
        for pause_s in (*AGAIN_S, None):
            try:
                await asyncio.to_thread(self._archive.add, row)
            except Unavailable as failed:
                if pause_s is None:
                    self._warn(f"recording {row.id} is in no list: {failed}", call=row.call)
                else:
                    await asyncio.sleep(pause_s)
            else:
                return

    async def _forget(self, row: RecordingRow) -> None:
        try:
            await asyncio.to_thread(self._archive.remove, row.id)
        except Unavailable as failed:
            self._warn(f"recording {row.id}, of which nothing is left, stays in the archive: {failed}", call=row.call)

    def _finish(self, ended: Recorded, told: Ended | None) -> None:
        self._turning.pop(ended.id, None)
        self._finished[ended.id] = ended
        if len(self._finished) > KEPT:
            self._finished.popitem(last=False)
        if told is not None:
            told(ended)

    async def samples(self, recorded: Recorded) -> AsyncIterator[bytes]:
        """Yields what is said in a finished recording (16 bit, little-endian, 8 kHz, one channel).

        Raises Unavailable where its file cannot be read.
        """
        if self._read is None or not recorded.has_file:
            raise Unavailable(f"recording {recorded.id} cannot be read")
        blocks = self._read(recorded.path)
        while piece := await asyncio.to_thread(_some_of, blocks):
            yield piece

    # --- over -------------------------------------------------------------------------------------------------------

    async def row(self, recording: str) -> RecordingRow | None:
        """Returns what is known of a recording that is over, or None; raises Unavailable."""
        await self._kept()
        found = await asyncio.to_thread(self._archive.find, recording)
        return found if found is not None and found.added_at else None

    async def page(self, wanted: RecordingFilter, *, limit: int, offset: int) -> tuple[list[RecordingRow], int]:
        """Returns a page of recordings that are over, the newest first, and how many there are; raises Unavailable."""
        await self._kept()
        return await asyncio.to_thread(self._archive.page, wanted, limit=limit, offset=offset)

    async def delete(self, row: RecordingRow) -> None:
        """Removes a recording from the archive, then its file; raises Unavailable, and then it is still there."""
        await self._kept()
        if row.id in self._turning:
            raise Unavailable("its file is being made")
        await asyncio.to_thread(self._archive.remove, row.id)
        self._finished.pop(RecordingId(row.id), None)
        for format in ("wav", "mp3"):
            path = self.path(row.account, row.id, format)
            if path is not None:
                await asyncio.to_thread(path.unlink, missing_ok=True)

    def row_url(self, row: RecordingRow) -> str:
        """Returns where the file of a recording that is over can be fetched."""
        return f"{self._exchange.settings.public_url}/v1/Account/{row.account}/Recording/{row.id}.{row.format}"

    async def _kept(self) -> None:
        """Waits until the recordings that are over by now have their rows."""
        if self._keeping:
            await asyncio.wait(self._keeping, timeout=PATIENCE_S)

    def _warn(self, text: str, leg: str = "", call: str = "") -> None:
        self._exchange.write("Warning", {"text": text}, leg=leg, call=call)


def _resumed(found: Recorded, at: float) -> Recorded:
    paused_s = found.paused_s + (at - found.paused_at if found.paused_at is not None else 0.0)
    return replace(found, paused_s=paused_s, paused_at=None)


def _some_of(blocks: Iterator[bytes]) -> bytes:
    found = bytearray()
    for block in blocks:
        found += block
        if len(found) >= READ_BYTES:
            break
    return bytes(found)


def _length_s(path: Path) -> float:
    """Returns how long a WAV file is; nothing for what is none."""
    try:
        with wave.open(str(path)) as file:
            return float(file.getnframes() / file.getframerate())
    except (OSError, EOFError, wave.Error, ZeroDivisionError):
        return 0.0
