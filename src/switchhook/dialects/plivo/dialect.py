"""The Plivo voice dialect: which leg runs documents, and which fact concerns which of them.

A leg has a `Session` when it runs documents or is made to: an inbound call of an application, a call made by API, a leg
that a transfer took. All other legs of the account are live calls too (`views`), only without documents.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from starlette.routing import BaseRoute

from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core.errors import Refused
from switchhook.core.ids import LegId, RoomId
from switchhook.core.model import By, Leg, LegState, Role, Side
from switchhook.core.outcomes import Outcome
from switchhook.dialects.plivo import fields
from switchhook.dialects.plivo.actions.feedback import FeedbackRoute
from switchhook.dialects.plivo.actions.overlays import Overlays
from switchhook.dialects.plivo.calls import Links, call_of, links_of
from switchhook.dialects.plivo.causes import NAMES, Ending, call_status, cause_of, outcome_of
from switchhook.dialects.plivo.conferences import Conferences
from switchhook.dialects.plivo.detection import Detections
from switchhook.dialects.plivo.mpc.book import Book
from switchhook.dialects.plivo.outgoing import Outgoing, Webhook
from switchhook.dialects.plivo.recordings import RecordingRoute
from switchhook.dialects.plivo.rest import Rest
from switchhook.dialects.plivo.run.conference import ConferenceStep
from switchhook.dialects.plivo.run.session import Session
from switchhook.dialects.plivo.run.step import Origin
from switchhook.dialects.plivo.run.tapes import Tapes
from switchhook.dialects.plivo.streaming.book import Streams
from switchhook.dialects.plivo.transcripts import Transcripts
from switchhook.dialects.plivo.watch import Watch
from switchhook.exchange.recognising import recogniser_of
from switchhook.exchange.user_data import headers

if TYPE_CHECKING:
    from switchhook.exchange.switch import Exchange, Stamped

PROGRAM = "plivo"


class Plivo:
    """REST API, documents and webhooks of Plivo's voice product over one exchange."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.outgoing = Outgoing(exchange)
        self.watch = Watch()
        self.detections = Detections()
        self.tapes = Tapes()
        own = exchange.settings.plivo
        self.recogniser = recogniser_of(own.recogniser, own.recogniser_timeout_s)
        self.transcripts = Transcripts(self)
        self.sessions: dict[LegId, Session] = {}
        self.endings: dict[LegId, Ending] = {}  # why this dialect ends a leg, until it has ended
        self.present: Counter[RoomId] = Counter()  # members of conferences of whose leaving nobody was told yet
        self.conferences = Conferences(self)
        self.overlays = Overlays(exchange)
        self.streams = Streams(self)
        self.mpc = Book(self)
        self._rest = Rest(self)

    def routes(self) -> list[BaseRoute]:
        """Returns the HTTP routes, all below /v1/Account/."""
        return [RecordingRoute(self.exchange), FeedbackRoute(self.exchange), *self._rest.routes()]

    async def start(self) -> None:
        """Begins to listen; calls that arrive from now on are asked about."""
        self.exchange.subscribe(self._heard, _WAKING)
        running = (self.sessions, self.endings, *self.watch.held)
        self.exchange.subscribe(self._heard, _TOLD.keys() - _WAKING, held=running)  # while a document runs
        self.mpc.start()
        self.conferences.start()
        self.overlays.start()
        self.streams.start()

    async def stop(self) -> None:
        """Stops running documents; webhooks that are queued still go out (the exchange waits for them)."""
        for session in list(self.sessions.values()):
            session.over()
        if self.recogniser is not None:
            await self.recogniser.close()
        await self.transcripts.close()

    # --- calls ------------------------------------------------------------------------------------------------------

    def session(self, leg: Leg, links: Links | None = None) -> Session:
        """Returns the session of a leg; a new one runs nothing yet."""
        found = self.sessions.get(leg.id)
        if found is None:
            call = call_of(self.exchange.settings, leg)
            call.links = links or Links()
            found = self.sessions[leg.id] = Session(self, call)
        return found

    def hang_up(self, leg: Leg, cause: str) -> None:
        """Ends a leg on behalf of an API client; raises `Refused` when it is over already."""
        ringing = leg.state is not LegState.UP
        ending = Ending(1000, "API Request", "ORIGINATOR_CANCEL") if ringing else Ending(4000, "API Request")
        self.endings[leg.id] = ending
        try:
            self.exchange.ask(r.HangUp(leg.id, by=By.API), cause=cause)
        except Refused:
            self.endings.pop(leg.id, None)
            raise

    def kick(self, room: RoomId, legs: tuple[LegId, ...], cause: str) -> None:
        """Takes members out of a conference on behalf of an API client; each goes on with its document."""
        for leg in legs:
            step = self._conference_step(leg)
            if step is not None:
                step.kicked = True
            try:
                self.exchange.ask(r.LeaveRoom(room, leg), cause=cause)
            except Refused:  # it has left with one before it
                continue

    def floor_taken(self, leg: LegId) -> None:
        """A member of a conference has begun to talk, and no other has the floor any more."""
        step = self._conference_step(leg)
        if step is not None:
            step.on_floor()

    def _conference_step(self, leg: LegId) -> ConferenceStep | None:
        session = self.sessions.get(leg)
        return session.step if session is not None and isinstance(session.step, ConferenceStep) else None

    def _arrived(self, leg: Leg) -> None:
        """A call for an application: its answer URL is asked while the caller still hears ringing."""
        application = self.exchange.directory.applications.get(leg.program_ref)
        links = links_of(application) if application is not None else Links()
        session = self.session(leg, links)
        if links.answer is None:
            session.end(Ending(7011, "Error"), Outcome.FAILED)
        else:
            session.begin(Origin.ANSWER, links.answer)

    # --- facts ------------------------------------------------------------------------------------------------------

    def _heard(self, stamped: Stamped) -> None:
        _TOLD[type(stamped.fact)](self, stamped.fact)

    def _leg_created(self, fact: f.LegCreated) -> None:
        leg = self.exchange.state.legs.get(fact.leg.id)
        if leg is not None and leg.program == PROGRAM and leg.side is Side.INBOUND and leg.state is not LegState.OVER:
            self._arrived(leg)

    def _leg_ringing(self, fact: f.LegRinging) -> None:
        for dial in self.watch.of_leg(fact.leg):
            dial.on_b_ringing(fact)
        session = self.sessions.get(fact.leg)
        if session is None or session.call.side is Side.INBOUND:
            return
        call = session.call
        if fact.early and call.digits_early:
            session.send_digits()
        if call.rang:
            return
        call.rang = True
        if call.links.ring is not None:
            session.notify(call.links.ring, session.fields("Ring"))
        if call.hangup_on_ring_s is not None:
            loop = asyncio.get_running_loop()
            loop.call_later(call.hangup_on_ring_s, self._rang_long_enough, fact.leg)

    def _rang_long_enough(self, leg: LegId) -> None:
        found = self.exchange.state.legs.get(leg)
        if found is not None and found.state in (LegState.DIALLING, LegState.RINGING):
            self.endings[leg] = Ending(6000, "Plivo", "ALLOTTED_TIMEOUT")
            over = r.HangUp(leg, by=By.PROGRAM, outcome=Outcome.CANCELLED, reason=NAMES[6000])
            self.exchange.ask(over, cause="hangup_on_ring")

    def _data_changed(self, fact: f.DataChanged) -> None:
        """What agents attach to a call is told with all that is told of the calls in it from now on."""
        room = self.exchange.state.rooms.get(fact.room)
        for leg in room.members if room is not None else ():
            if leg in self.sessions:
                self.sessions[leg].call.attached = headers(fact.data)

    def _leg_connected(self, fact: f.LegConnected) -> None:
        for dial in self.watch.of_leg(fact.leg):
            dial.on_b_up(fact)
        session = self.sessions.get(fact.leg)
        if session is not None:
            session.on_connected(fact.at)

    def _leg_ended(self, fact: f.LegEnded) -> None:
        for dial in self.watch.of_leg(fact.leg):
            dial.on_b_over(fact)
        session = self.sessions.get(fact.leg)
        if session is None:
            self.endings.pop(fact.leg, None)
            return
        session.call.over = True
        session.over()
        # What else came with the end (B hung up, a room left) is told first: its webhooks go before this call's own.
        asyncio.get_running_loop().call_soon(self._close, session, fact, self.exchange.clock.now())

    def _close(self, session: Session, fact: f.LegEnded, at: float) -> None:
        call = session.call
        self.sessions.pop(call.leg, None)
        step = session.closed()
        if step is not None:
            step.on_over()
        ending = self.endings.pop(call.leg, None)
        answered = call.answered_at is not None
        cause = cause_of(fact, call.side, answered=answered, ending=ending)
        if call.links.hangup is not None:
            status = call_status(outcome_of(fact), call.side, answered=answered)
            sent = fields.hangup(self.exchange.settings, call, status, cause, at)
            self.outgoing.tell(Webhook(call.leg, call.account, call.links.hangup, sent))
        if step is not None:
            step.last_words()

    def _sound_finished(self, fact: f.SoundFinished) -> None:
        session = self.sessions.get(fact.leg)
        if session is not None:
            session.on_sound(fact)

    def _digit_heard(self, fact: f.DigitHeard) -> None:
        for dial in self.watch.of_leg(fact.leg):
            dial.on_b_digit(fact)
        session = self.sessions.get(fact.leg)
        if session is not None:
            session.on_digit(fact)

    def _voice_heard(self, fact: f.VoiceHeard) -> None:
        self.detections.heard(fact)
        session = self.sessions.get(fact.leg)
        if session is not None:
            session.on_voice(fact)

    def _recording_finished(self, fact: f.RecordingFinished) -> None:
        self.tapes.finished(fact)

    def _member_joined(self, fact: f.MemberJoined) -> None:
        dial = self.watch.in_room(fact.room)
        if dial is not None and fact.member.role is not Role.SUPERVISOR:  # who watches the call is no B of it
            dial.on_b_joined(fact)
        session = self.sessions.get(fact.member.leg)
        if session is not None:
            session.on_joined(fact)

    def _member_left(self, fact: f.MemberLeft) -> None:
        session = self.sessions.get(fact.leg)
        if session is not None:
            session.on_left(fact)

    def _leg_freed(self, fact: f.LegFreed) -> None:
        session = self.sessions.get(fact.leg)
        if session is not None and fact.program == PROGRAM:
            session.on_freed(fact)

    def _program_set(self, fact: f.ProgramSet) -> None:
        """Another program has taken the leg out of its document; what is left for us is to tell of its end."""
        session = self.sessions.get(fact.leg)
        if session is not None and fact.program != PROGRAM:
            session.take()

    def _dial_started(self, fact: f.DialStarted) -> None:
        lead = self.sessions.get(fact.dial.lead) if fact.dial.lead is not None else None
        if lead is not None and lead.step is not None:
            lead.step.on_dial(fact)

    def _dial_rang(self, fact: f.DialRang) -> None:
        step = self.watch.of_dial(fact.dial)
        if step is not None:
            step.on_rang_out(fact)


_TOLD: dict[type, Callable[[Plivo, Any], None]] = {
    f.LegCreated: Plivo._leg_created,
    f.LegRinging: Plivo._leg_ringing,
    f.DataChanged: Plivo._data_changed,
    f.LegConnected: Plivo._leg_connected,
    f.LegEnded: Plivo._leg_ended,
    f.SoundFinished: Plivo._sound_finished,
    f.DigitHeard: Plivo._digit_heard,
    f.VoiceHeard: Plivo._voice_heard,
    f.RecordingFinished: Plivo._recording_finished,
    f.MemberJoined: Plivo._member_joined,
    f.MemberLeft: Plivo._member_left,
    f.LegFreed: Plivo._leg_freed,
    f.ProgramSet: Plivo._program_set,
    f.DialStarted: Plivo._dial_started,
    f.DialRang: Plivo._dial_rang,
}
_WAKING = frozenset({f.LegCreated, f.VoiceHeard, f.RecordingFinished})  # may concern legs that run no document
