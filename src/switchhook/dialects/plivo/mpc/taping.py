"""Recordings of Multi-Party Calls: of the whole, and of single participants, with their callbacks.

`track` says what a participant's recording is of: `participant` what it says, with whom it hears on the other side;
`all` the same in one channel; `both` one of each.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core.errors import Refused
from switchhook.core.ids import LegId, RecordingId
from switchhook.core.model import Clips
from switchhook.dialects.plivo.links import Link
from switchhook.dialects.plivo.mpc.party import Participant, Party
from switchhook.dialects.plivo.mpc.telling import Telling
from switchhook.dialects.plivo.mpc.times import stamp
from switchhook.dialects.plivo.outgoing import Webhook
from switchhook.exchange.recordings import Recorded

if TYPE_CHECKING:
    from switchhook.dialects.plivo.dialect import Plivo
    from switchhook.exchange.switch import Stamped

TRACKS = {"participant": (False,), "all": (True,), "both": (True, False)}  # one channel, or two
RECORDING, PAUSED, NOTHING = "recording", "paused", "not-recording"


class Taping:
    """Begins, pauses and ends the recordings, and has them told."""

    def __init__(self, dialect: Plivo, telling: Telling) -> None:
        self._exchange = dialect.exchange
        self._telling = telling
        self._transcripts = dialect.transcripts
        self._tapes: dict[RecordingId, tuple[Party, Link | None, Link | None]] = {}
        dialect.exchange.subscribe(self._heard, (f.RecordingPaused,))

    @property
    def running(self) -> int:
        """How many recordings are under way."""
        return len(self._tapes)

    def status(self, party: Party) -> str:
        """Returns what the recording of the whole is doing."""
        found = self._exchange.recordings.find(party.tape) if party.tape is not None else None
        if found is None or found.finished:
            return NOTHING
        return PAUSED if found.paused_at is not None else RECORDING

    # --- by wish of who created it ----------------------------------------------------------------------------------

    def due(self, party: Party) -> None:
        """Begins the recording that was wished for, once enough are in and the call has started."""
        wishes = party.wishes
        if party.started_at is None or party.taped or not wishes.record or len(party.inside) < wishes.record_from:
            return
        party.taped = True
        self.start(party, party.recording_callback, wishes.record_format)

    def joined(self, member: Participant) -> None:
        """Begins a participant's own track, if that was wished for."""
        party = member.party
        if party.wishes.record_tracks:
            self.start_member(member, party.recording_callback, party.wishes.record_format, "all")

    def left(self, member: Participant) -> None:
        """Ends the tracks of who has left."""
        for tape in member.tapes:
            self._exchange.recordings.stop(tape, cause="MPC")

    # --- the whole --------------------------------------------------------------------------------------------------

    def start(
        self, party: Party, callback: Link | None, wanted: str, cause: str = "MPC", words: Link | None = None
    ) -> Recorded | None:
        """Records everybody; None when that cannot be."""
        if party.room is None:
            return None
        found = self._exchange.recordings.start(
            party.account, room=party.room, cause=cause, mono=True, wanted_format=wanted, ended=self._over
        )
        if found is not None:
            party.tape = found.id
            self._begun(party, found, callback, words)
            self._announce(party, party.starting_sound)
        return found

    def stop(self, party: Party, cause: str = "MPC") -> bool:
        """Ends the recording of the whole; False when none runs."""
        if self.status(party) == NOTHING or party.tape is None:
            return False
        self._announce(party, party.stopping_sound)
        tape, party.tape = party.tape, None  # what is left to do for its file is no recording any more
        return self._exchange.recordings.stop(tape, cause)

    def pause(self, party: Party, on: bool, cause: str = "MPC") -> bool:
        """Leaves out what is said from now on, or goes on; False when nothing is recorded."""
        if self.status(party) == NOTHING or party.tape is None:
            return False
        return self._exchange.recordings.pause(party.tape, on, cause)

    # --- a participant ----------------------------------------------------------------------------------------------

    def start_member(
        self, member: Participant, callback: Link | None, wanted: str, track: str, cause: str = "MPC",
        words: Link | None = None,
    ) -> Recorded | None:  # fmt: skip
        """Records a participant; None when that cannot be."""
        first: Recorded | None = None
        for mono in TRACKS[track]:
            found = self._exchange.recordings.start(
                member.party.account, follow=member.leg, cause=cause, mono=mono, wanted_format=wanted, ended=self._over
            )
            if found is not None:
                member.tapes.append(found.id)
                self._begun(member.party, found, callback, words)
                first = first or found
        return first

    def stop_member(self, member: Participant, cause: str = "MPC") -> bool:
        done = self._each(member, lambda tape: self._exchange.recordings.stop(tape, cause))
        member.tapes.clear()
        return done

    def pause_member(self, member: Participant, on: bool, cause: str = "MPC") -> bool:
        return self._each(member, lambda tape: self._exchange.recordings.pause(tape, on, cause))

    def records(self, member: Participant) -> bool:
        """True while something of that participant is recorded."""
        return any((found := self._exchange.recordings.find(tape)) and not found.finished for tape in member.tapes)

    def _each(self, member: Participant, does: Callable[[RecordingId], bool]) -> bool:
        done = [does(tape) for tape in member.tapes]
        return any(done)

    # --- telling ----------------------------------------------------------------------------------------------------

    def _begun(self, party: Party, found: Recorded, callback: Link | None, words: Link | None) -> None:
        wished = (callback or party.recording_callback, words or party.wishes.transcription)
        self._tapes[found.id] = (party, *wished)
        self._tell(found, "MPCRecordingInitiated")

    def _over(self, found: Recorded) -> None:
        """Nothing else tells of a finished recording: this is tried again for some minutes."""
        self._tell(found, "MPCRecordingCompleted" if found.has_file else "MPCRecordingFailed", again=True)
        party, _, words = self._tapes.pop(found.id, (None, None, None))
        if party is not None:
            mpc = {"mpc_uuid": party.uuid, "mpc_name": party.name}
            about = {"call_uuid": found.leg or "", **mpc}
            key = found.leg or LegId(party.uuid)
            self._transcripts.tell(words, found, lambda link, said: Webhook(key, party.account, link, said | about))

    def _heard(self, stamped: Stamped) -> None:
        fact = stamped.fact
        found = self._exchange.recordings.find(fact.recording) if isinstance(fact, f.RecordingPaused) else None
        if found is not None and isinstance(fact, f.RecordingPaused):
            self._tell(found, "MPCRecordingPaused" if fact.on else "MPCRecordingResumed")

    def _tell(self, found: Recorded, event: str, *, again: bool = False) -> None:
        party, link, _ = self._tapes.get(found.id, (None, None, None))
        if party is None or link is None:
            return
        sent = {
            "EventName": event,
            "EventTimestamp": stamp(self._exchange.clock.now()),
            "RecordingUUID": found.id,
            "RecordingURL": self._exchange.recordings.url(found),
            "RecordingFormat": found.path.suffix.removeprefix("."),
            "RecordingDuration": str(round(found.duration_ms / 1000)) if found.finished else "",
            "RecordingStartTime": stamp(found.started_at),
            "RecordingEndTime": stamp(found.ended_at) if found.finished else "",
        }
        self._telling.recording(party, link, sent, again=again)

    def _announce(self, party: Party, sound: Clips) -> None:
        room = self._exchange.state.rooms.get(party.room) if party.room is not None else None
        for leg in room.members if sound and room is not None else ():
            try:
                self._exchange.ask(r.PlayOver(leg, sound), cause="MPC")
            except Refused:
                continue  # who cannot hear it now
