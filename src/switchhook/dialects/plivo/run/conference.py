"""Conference: puts the leg into a named room of its account, until it leaves (plivo-xml 2.8).

`enter` is told when the leg is in, `exit` when it is out, however that came about. The action is due when the leg is
out and still up, and no transfer took it; a leg that hung up gets `exit` only. Sounds of coming and going are laid
over the talk of those who are not listening to such a sound already.

The document that asks for a recording first has the room recorded, and is told by `record` when the file is finished,
also when its own leg is over by then.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core.errors import Reason, Refused
from switchhook.core.ids import RoomId
from switchhook.core.model import Alone, Clips, LegState, Room, RoomKind, RoomPlan, Seat
from switchhook.dialects.plivo.actions.delivery import deliver
from switchhook.dialects.plivo.actions.recording import document_facts_of
from switchhook.dialects.plivo.causes import Ending
from switchhook.dialects.plivo.links import Link
from switchhook.dialects.plivo.outgoing import Webhook
from switchhook.dialects.plivo.run.keys import Keys
from switchhook.dialects.plivo.run.step import Step
from switchhook.dialects.plivo.xml import elements as e
from switchhook.exchange.recordings import Recorded

if TYPE_CHECKING:
    from switchhook.dialects.plivo.run.session import Session

BEEP = "builtin:beep"


class ConferenceStep(Step):
    def __init__(self, session: Session, element: e.Conference) -> None:
        super().__init__(session)
        self._element = element
        self._keys = Keys(element.digits_match)
        self._room: RoomId | None = None
        self._member = ""  # ConferenceMemberID
        self._enter_clips: Clips = ()
        self._exit_clips: Clips = ()
        self._taped: dict[str, str] = {}  # RecordUrl and RecordingID, where the room is recorded
        self.kicked = False  # an API client takes the leg out of the room

    def start(self) -> None:
        element = self._element
        if any(isinstance(sound, Link) for sound in (element.wait_sound, element.enter_sound, element.exit_sound)):
            self.session.wait_for(self._with_sounds)
        else:
            self._exit_clips = beeps(element.exit_sound)
            self._enter_clips = beeps(element.enter_sound)
            self._enter(())

    async def _with_sounds(self) -> None:
        element = self._element
        wait = await self._clips(element.wait_sound, "waitSound")
        self._enter_clips = await self._clips(element.enter_sound, "enterSound")
        self._exit_clips = await self._clips(element.exit_sound, "exitSound")
        self.session.nothing_awaited()
        self._enter(wait)

    async def _clips(self, sound: Link | e.Beep | None, action: str) -> Clips:
        if not isinstance(sound, Link):
            return beeps(sound)
        about = {"ConferenceAction": action, "ConferenceName": self._element.name}
        return await self.session.sounds(sound, "ConferenceRemoteSounds", about)

    # --- in and out -------------------------------------------------------------------------------------------------

    def _enter(self, wait: Clips) -> None:
        element, session = self._element, self.session
        plan = RoomPlan(
            kind=RoomKind.CONFERENCE,
            name=element.name,
            program="plivo",
            alone=Alone.LET_GO if not element.stay_alone else Alone.MUSIC if wait else Alone.SILENCE,
            customer_music=wait,
            wait_sound=wait,
            max_members=element.max_members,
            limit_s=element.time_limit_s,
        )
        request = r.EnterRoom(
            session.call.leg,
            plan,
            seat=Seat(
                muted=element.muted,
                ends_room=element.ends,
                starts_room=element.starts,
                relays_keys=element.relay_keys,
            ),
        )
        try:
            session.dialect.exchange.ask(request, cause="XML")
        except Refused as refused:
            session.warn(f"Conference {element.name}: {refused}")
            if refused.reason is Reason.ROOM_FULL:
                session.follow(element.action, element.redirect, self._fields())
            else:
                session.done()

    def on_joined(self, fact: f.MemberJoined) -> None:
        conferences = self.session.dialect.conferences
        self._room = fact.room
        self.session.dialect.present[fact.room] += 1
        self._member = conferences.seat(fact.room, fact.member.leg).number
        room = self._live_room()
        if room is not None and self._element.record:
            conferences.record(
                room, wanted_format=self._element.record_format,
                when_alone=self._element.record_when_alone, ended=self._recorder(),
            )  # fmt: skip
        if room is not None and self._element.floor_event:
            conferences.watch_floor(room)
        first = room is None or len(room.members) <= 1
        self._tell("ConferenceEnter", "enter", {"ConferenceFirstMember": "true" if first else "false"})
        if room is not None and room.started:
            self._sound(room, self._enter_clips)

    def on_left(self, fact: f.MemberLeft) -> None:
        if fact.room != self._room:
            return
        room, present = self._live_room(), self.session.dialect.present
        self._fields()  # the recording is known for the last time when the room closes with this leg
        present[fact.room] -= 1
        # Of those who leave at one stroke, as when the host's leaving ends the room, one alone is the last.
        last = (room is None or not room.members) and not present[fact.room]
        if not present[fact.room]:
            del present[fact.room]
        self._tell("ConferenceExit", "exit", {"ConferenceLastMember": "true" if last else "false"})
        if room is not None and room.started:
            self._sound(room, self._exit_clips)

    def on_freed(self, fact: f.LegFreed) -> None:
        if fact.room != self._room:
            return
        action, redirect = self._element.action, self._element.redirect
        if self.kicked and self.session.at_end and (action is None or not redirect):
            if action is not None:
                self.session.notify(action, self.session.fields("Redirect") | self._fields())
            self.session.end(Ending(4030, "API Request"))
        else:
            self.session.follow(action, redirect, self._fields())

    def on_digit(self, fact: f.DigitHeard) -> None:
        if self._room is None:
            return
        found = self._keys.press(fact.digit, self.session.dialect.exchange.clock.now())
        if found:
            self._tell("ConferenceDigits", "digits", {"ConferenceDigitsMatch": found})
        if fact.digit == "*" and self._element.hangup_on_star:
            self.session.ask(r.LeaveRoom(self._room, self.session.call.leg))

    def on_floor(self) -> None:
        """This leg talks, and nobody else has the floor."""
        if self._element.floor_event:
            self._tell("ConferenceFloor", "floor", {})

    # --- telling ----------------------------------------------------------------------------------------------------

    def _fields(self) -> dict[str, str]:
        dialect = self.session.dialect
        tape = dialect.conferences.tape(self._room) if self._room is not None else None
        if tape is not None:
            self._taped = {"RecordUrl": dialect.exchange.recordings.url(tape), "RecordingID": tape.id}
        return {
            "ConferenceName": self._element.name,
            "ConferenceUUID": self._room or "",
            "ConferenceMemberID": self._member,
            **self._taped,
        }

    def _recorder(self) -> Callable[[Recorded], None]:
        """Returns what tells of the finished recording; the document may be long over by then."""
        session, callback, account = self.session, self._element.callback, self.session.call.account
        link = callback.against(session.base) if callback is not None else None
        about = self._fields()
        words_to = session.reachable(self._element.transcription)

        def words(to: Link, said: dict[str, str]) -> Webhook:
            named = {"call_uuid": session.call.leg, "conference_name": about["ConferenceName"]}
            return Webhook(session.call.leg, account, to, said | named)

        def ended(recorded: Recorded) -> None:
            session.dialect.transcripts.tell(words_to, recorded, words)
            if link is None or not recorded.has_file or not (link.valid_url and link.valid_method):
                return
            sent = session.fields("ConferenceRecord") | about | {"ConferenceAction": "record"}
            sent |= document_facts_of(session.dialect, recorded)
            deliver(session.dialect, Webhook(session.call.leg, account, link, sent))

        return ended

    def _tell(self, event: str, action: str, extra: dict[str, str]) -> None:
        sent = self.session.fields(event) | self._fields() | {"ConferenceAction": action} | extra
        self.session.notify(self._element.callback, sent)

    def _live_room(self) -> Room | None:
        return self.session.dialect.exchange.state.rooms.get(self._room) if self._room is not None else None

    def _sound(self, room: Room, clips: Clips) -> None:
        """Plays a short sound to everybody in the room, over the talk."""
        if not clips:
            return
        legs = self.session.dialect.exchange.state.legs
        for member in tuple(room.members):
            leg = legs.get(member)
            if leg is not None and leg.state is LegState.UP and leg.overlay is None:
                self.session.ask(r.PlayOver(member, clips))


def beeps(sound: Link | e.Beep | None) -> Clips:
    """Returns the clips of `beep:1` and `beep:2`."""
    if not isinstance(sound, e.Beep):
        return ()
    return (BEEP,) if sound.times == 1 else (BEEP, "silence:100", BEEP)
