"""Recordings that desktops start: one at a time of a call, which every device in the call sees and may stop.

A recording is of the room, so it goes on through hold, conference and transfer with whoever stays, and ends with the
call. What a supervisor whispers to the agent is not said in the call, and not in the file. Recordings that others make
of the same call, such as those of a Plivo document, are not shown and not touched.
"""

from __future__ import annotations

from collections.abc import Callable

from switchhook.core.ids import RecordingId, RoomId
from switchhook.dialects.genesys.capabilities import Recorder
from switchhook.dialects.genesys.status import Code, Failure, invalid
from switchhook.exchange.recordings import Recorded
from switchhook.exchange.switch import Exchange


class Taping:
    """Starts, pauses and stops; `changed` is told of the room whose recording did something."""

    def __init__(self, exchange: Exchange, changed: Callable[[RoomId], None]) -> None:
        self._exchange = exchange
        self._changed = changed
        self._of: dict[RoomId, RecordingId] = {}

    def stand(self, room: RoomId | None) -> Recorder:
        """Returns what `recordingState` of a call in that room is."""
        recording = self._of.get(room) if room is not None else None
        if recording is None:
            return Recorder.STOPPED
        tape = self._exchange.state.tapes.get(recording)
        return Recorder.PAUSED if tape is not None and tape.paused else Recorder.RECORDING

    def start(self, account: str, room: RoomId, cause: str) -> None:
        """Begins to record; raises `Failure` where no file can be made."""
        if room in self._of:
            raise invalid("The call is being recorded.")

        def ended(recorded: Recorded) -> None:
            if self._of.get(room) == recorded.id:
                self._over(room)

        found = self._exchange.recordings.start(account, room=room, cause=cause, whispers=False, ended=ended)
        if found is None:
            raise Failure(Code.FAILED, "The call cannot be recorded.")
        self._of[room] = found.id
        self._changed(room)

    def stop(self, room: RoomId, cause: str) -> None:
        self._exchange.recordings.stop(self._need(room), cause)
        self._over(room)

    def pause(self, room: RoomId, cause: str, *, on: bool) -> None:
        """Leaves out of the file what is said from now on (`on`), or goes on."""
        self._exchange.recordings.pause(self._need(room), on, cause)
        self._changed(room)

    def _need(self, room: RoomId) -> RecordingId:
        recording = self._of.get(room)
        if recording is None:
            raise invalid("The call is not being recorded.")
        return recording

    def _over(self, room: RoomId) -> None:
        self._of.pop(room, None)
        self._changed(room)
