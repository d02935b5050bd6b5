"""Runs documents on one leg: fetch, read, element after element, until it hangs up or is taken away.

At any moment a session does one thing: it waits for a document, runs one step, or nothing. `take` ends that one thing
whatever it is, so nothing stale can go on: a fetch is cancelled together with what would have become of its answer, a
step is told that it is over and never asked again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any

from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core.errors import Refused, Unavailable
from switchhook.core.ids import RecordingId, SoundId
from switchhook.core.model import By, Clips, Leg, LegState, Side
from switchhook.core.outcomes import Outcome
from switchhook.dialects.plivo import fields
from switchhook.dialects.plivo.calls import Call
from switchhook.dialects.plivo.causes import NAMES, Ending
from switchhook.dialects.plivo.links import Link, Tuning
from switchhook.dialects.plivo.outgoing import Webhook
from switchhook.dialects.plivo.run.build import step_of
from switchhook.dialects.plivo.run.clips import clips_of
from switchhook.dialects.plivo.run.record import start_session
from switchhook.dialects.plivo.run.step import Origin, Step
from switchhook.dialects.plivo.xml.elements import Document, Element, Record
from switchhook.dialects.plivo.xml.reading import NotADocument, read
from switchhook.exchange.sender import TooLong

if TYPE_CHECKING:
    from switchhook.dialects.plivo.dialect import Plivo

Fields = fields.Fields

EARLY_S = 30.0  # the longest that elements run before the answer (plivo-xml 2.12)
TYPED_AHEAD_S = 5.0  # keys pressed so long before a question may be meant for it (plivo-xml 2.5)
RINGING_AFTER_S = 0.5  # a caller hears ringing when its document is not there by then: nobody waits in silence


class Session:
    """One leg and the documents it runs."""

    def __init__(self, dialect: Plivo, call: Call) -> None:
        self.dialect = dialect
        self.call = call
        self.base = ""  # URL of the running document
        self.step: Step | None = None
        self.moving = False  # a transfer is taking the leg; the end of its sound is not for the old document
        self.transfer_pending = False  # a transfer's document is on its way
        self._rest: deque[Element] = deque()
        self._waiting: asyncio.Task[None] | None = None
        self._alarms: dict[str, asyncio.TimerHandle] = {}
        self._starting = False
        self._finished = False
        self.early = False  # elements of a PreAnswer run: sounds do not answer the call
        self._after_early = 0  # how many elements are behind them
        self._early_time: asyncio.TimerHandle | None = None
        self._on_dial: list[tuple[Record, RecordingId]] = []  # recordings that begin when a Dial connects
        self._typed: list[tuple[float, f.DigitHeard]] = []  # keys pressed before anybody asked for them, and when

    # --- the leg ----------------------------------------------------------------------------------------------------

    @property
    def leg(self) -> Leg | None:
        """The live leg, or None when it is over."""
        found = self.dialect.exchange.state.legs.get(self.call.leg)
        return found if found is not None and found.state is not LegState.OVER else None

    @property
    def up(self) -> bool:
        leg = self.leg
        return leg is not None and leg.state is LegState.UP

    def ask(self, request: r.Request) -> r.Accepted | None:
        """Asks the exchange on behalf of a document; None when it is refused, which is told in the timeline."""
        try:
            return self.dialect.exchange.ask(request, cause="XML")
        except Refused as refused:
            self.warn(f"{type(request).__name__} was refused: {refused}")
            return None

    def warn(self, text: str) -> None:
        """Tells the operator about a document, in the call's timeline."""
        self.dialect.exchange.write("Warning", {"dialect": "plivo", "text": text}, leg=self.call.leg)

    def answer(self) -> None:
        """Answers an inbound leg that is not up yet, unless elements run in early audio."""
        if not self.early and not self.up:
            self.ask(r.AnswerLeg(self.call.leg))

    def play(self, clips: Clips, loop: int) -> SoundId | None:
        """Plays to the leg alone, 0 times is for ever; answers it, but for early audio. None when it is refused."""
        accepted = self.ask(r.Play(self.call.leg, clips, repeat=loop, early=self.early))
        return accepted.sound if accepted is not None else None

    def veil_keys(self, on: bool) -> None:
        """Keeps the keys of the leg out of the journal (`on`), or lets them in again."""
        self.dialect.exchange.veil_keys(self.call.leg, on)

    def record_on_dial(self, element: Record) -> RecordingId:
        """Remembers a recording that begins when a Dial connects, also one of a later document; returns its id."""
        recording = RecordingId(self.dialect.exchange.state.ids.new())
        self._on_dial.append((element, recording))
        return recording

    def dial_connected(self) -> None:
        """A Dial has connected: the recordings that waited for that begin."""
        waiting, self._on_dial = self._on_dial, []
        for element, recording in waiting:
            start_session(self, element, recording)

    # --- documents --------------------------------------------------------------------------------------------------

    def begin(self, origin: Origin, link: Link, extra: Fields | None = None) -> None:
        """Fetches a document and runs it in place of whatever is left of the present one."""
        left = tuple(self._rest) if origin is Origin.ACTION and self._falls_through() else None
        self._stop()
        self.call.documents += 1
        if self.call.documents > self.dialect.exchange.settings.plivo.max_documents:
            self.end(Ending(2060, "Plivo"))
            return
        link = link.against(self.base)
        if not link.valid_url or not link.valid_method:
            code = origin.bad_method if link.valid_url else origin.bad_url
            # The reference names no code for a bad answer URL: it could not be reached.
            self.warn(f"{link.method} {link.url}: {'the method' if link.valid_url else 'the URL'} is invalid")
            self.end(Ending(code if code in NAMES else origin.unreachable, "Error"))
            return
        self.transfer_pending = origin is Origin.TRANSFER
        if not self.up:
            asyncio.get_running_loop().call_later(RINGING_AFTER_S, self.show_ringing)
        self.wait_for(lambda: self._fetch(origin, link, extra or {}, left))

    def wait_for(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Runs `work` as the one thing that the session waits for; a transfer or a hangup cancels it."""
        self._waiting = self.dialect.exchange.spawn(self._guarded(work), name=f"document {self.call.leg}")

    async def _guarded(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """A bug of ours ends the call; it must not leave the caller in silence until its longest time is over."""
        try:
            await work()
        except Exception:
            self._waiting = None
            self.end(Ending(5010, "Error"))
            raise

    def nothing_awaited(self) -> None:
        """What the session waited for has come."""
        self._waiting = None

    def _falls_through(self) -> bool:
        """True where the next element runs when an action answers no document, as the application wants it."""
        leg = self.leg
        application = self.dialect.exchange.directory.applications.get(leg.program_ref) if leg is not None else None
        return application is not None and application.action_fallthrough

    async def _fetch(self, origin: Origin, link: Link, extra: Fields, left: tuple[Element, ...] | None = None) -> None:
        event = "StartApp" if origin is Origin.ANSWER else "Redirect"
        try:
            document, base = await self._document(link, {**self.fields(event), **extra}, first=origin is Origin.ANSWER)
        except (Unavailable, NotADocument) as error:
            self.warn(f"{link.url}: {error}")
            fallback = self.call.links.fallback if origin is Origin.ANSWER else None
            if fallback is not None and fallback != link:
                await self._fetch(origin, fallback, extra)
                return
            code = origin.unreachable if isinstance(error, Unavailable) else origin.bad_document
            self._waiting = None
            if left is not None and code == origin.bad_document:
                self.run(Document(left))
                return
            self.end(Ending(code, "Error"))
            return
        self._waiting = None
        self.transfer_pending = False
        self.base = base
        self.run(document)

    async def _document(self, link: Link, sent: Fields, *, first: bool) -> tuple[Document, str]:
        """Returns a document and the URL that it came from; raises `Unavailable` or `NotADocument`."""
        settings = self.dialect.exchange.settings
        quick = first and self.call.side is Side.INBOUND
        tuning = Tuning(total_s=settings.plivo.answer_timeout_s) if quick else None
        try:
            reply = await self.dialect.outgoing.ask(Webhook(self.call.leg, self.call.account, link, sent, tuning))
        except TooLong as error:
            raise NotADocument(str(error)) from error
        content_type = next((value for name, value in reply.headers if name.lower() == "content-type"), "")
        document = read(reply.body, content_type, strict=settings.plivo.strict)
        for warning in document.warnings:
            self.warn(warning)
        return document, reply.url or link.url

    async def sounds(self, link: Link, event: str, extra: Fields | None = None) -> Clips:
        """Fetches a document of sounds; none, with a warning, when it cannot be had. It changes nothing in the call."""
        link = link.against(self.base)
        if not link.valid_url or not link.valid_method:
            self.warn(f"{link.url}: the URL of a sound is invalid")
            return ()
        try:
            document, base = await self._document(link, {**self.fields(event), **(extra or {})}, first=False)
        except (Unavailable, NotADocument) as error:
            self.warn(f"{link.url}: {error}")
            return ()
        return clips_of(document, base)

    # --- elements ---------------------------------------------------------------------------------------------------

    def run(self, document: Document) -> None:
        """Runs the elements from the first."""
        self._rest = deque(document.elements)
        self._next()

    def done(self) -> None:
        """The running step is over; the next element begins."""
        if self._starting:
            self._finished = True
        else:
            self._next()

    def _next(self) -> None:
        # A loop, not a recursion: a long document of elements that end at once must not fill the stack.
        self._end_alarms()
        while True:
            if self.early and len(self._rest) <= self._after_early:
                self._end_early()
            if not self._rest:
                break
            element = self._rest.popleft()
            step = self.step = step_of(self, element, last=not self._rest)
            self._finished, self._starting = False, True
            step.start()
            self._starting = False
            if not self._finished or self.step is not step:
                return
            self._end_alarms()
        self.step = None
        self.end(Ending(4010, "Answer XML"))

    def occupy(self, step: Step) -> None:
        """Lets the leg do something that no document said; what was left of a document is dropped."""
        self._stop()
        self.step = step
        step.start()

    def follow(self, link: Link | None, redirect: bool, extra: Fields) -> None:
        """Ends a step with its action: the action's document goes on, or it is only notified, or there is none."""
        if link is None:
            self.done()
        elif redirect:
            self.begin(Origin.ACTION, link, extra)
        else:
            self.notify(link, self.fields("Redirect") | extra)
            self.done()

    def pause(self, after_s: float) -> None:
        """Says `done` after a while."""
        self.alarm("done", after_s, self.done)

    def alarm(self, name: str, after_s: float, then: Callable[[], None]) -> None:
        """Lets something happen after a while, in place of an earlier alarm of that name; the step's end cancels it."""
        self.quiet(name)
        self._alarms[name] = asyncio.get_running_loop().call_later(after_s, then)

    def quiet(self, name: str) -> None:
        """Cancels an alarm; one that is not set changes nothing."""
        found = self._alarms.pop(name, None)
        if found is not None:
            found.cancel()

    def _end_alarms(self) -> None:
        for name in list(self._alarms):
            self.quiet(name)

    # --- early audio ------------------------------------------------------------------------------------------------

    def run_early(self, elements: Sequence[Element]) -> None:
        """Puts elements in front of what is left; they run in early audio where the call is not answered yet."""
        after = len(self._rest)
        self._rest.extendleft(reversed(elements))
        if not self.up:
            self.ask(r.TellRinging(self.call.leg, early=True))
            self.early, self._after_early = True, after
            self._early_time = asyncio.get_running_loop().call_later(EARLY_S, self._early_over)

    def _early_over(self) -> None:
        """The longest time of early audio is over: what follows the PreAnswer begins."""
        self.warn(f"PreAnswer took more than {EARLY_S:g} s; what was left of it is skipped")
        if self.step is not None:
            self.step.cancel()
        while len(self._rest) > self._after_early:
            self._rest.popleft()
        self._next()

    def _end_early(self) -> None:
        self.early = False
        if self._early_time is not None:
            self._early_time.cancel()
            self._early_time = None

    @property
    def at_end(self) -> bool:
        """True when the running element is the last of its document."""
        return not self._rest

    # --- telling ----------------------------------------------------------------------------------------------------

    def fields(self, event: str) -> Fields:
        """Returns the standard fields as of now."""
        return fields.standard(self.dialect.exchange.settings, self.call, event, fields.status_now(self.call))

    def notify(self, link: Link | None, sent: Fields) -> None:
        """Queues a notification; an invalid URL is only warned about."""
        found = self.reachable(link)
        if found is not None:
            self.dialect.outgoing.tell(Webhook(self.call.leg, self.call.account, found, sent))

    def reachable(self, link: Link | None) -> Link | None:
        """Returns the absolute link of one in the document; None, with a warning, when nobody can be told there."""
        if link is None:
            return None
        link = link.against(self.base)
        if not link.valid_url or not link.valid_method:
            self.warn(f"{link.method} {link.url}: nobody can be told there")
            return None
        return link

    # --- endings ----------------------------------------------------------------------------------------------------

    def end(self, ending: Ending, outcome: Outcome = Outcome.COMPLETED, status: int = 0) -> None:
        """Hangs the leg up for a reason of this dialect."""
        self._stop()
        leg = self.leg
        if leg is None:
            return
        if leg.state is not LegState.UP and outcome is Outcome.COMPLETED:
            outcome = Outcome.FAILED
        self.dialect.endings[self.call.leg] = ending
        self.ask(r.HangUp(self.call.leg, by=By.PROGRAM, outcome=outcome, status=status, reason=NAMES[ending.code]))

    def show_ringing(self) -> None:
        """Lets a caller who waits unanswered hear ringing; who hears it already notices nothing."""
        leg = self.leg
        if leg is not None and leg.side is Side.INBOUND and leg.state is LegState.DIALLING:
            self.ask(r.TellRinging(self.call.leg))

    def hang_up_in(self, after_s: float) -> None:
        """Hangs the leg up later; what runs goes on. The newest wish counts, within the call's longest time."""
        leg = self.leg
        if leg is None:
            return
        talked_s = self.dialect.exchange.clock.now() - leg.answered_at if leg.answered_at is not None else 0.0
        self.ask(r.SetLimit(self.call.leg, max(0.0, min(after_s, leg.limit_s - talked_s))))

    def _stop(self) -> None:
        """Ends the one thing the session does; what is left of the document is dropped."""
        self._rest.clear()
        self.step = None
        self.transfer_pending = False
        waiting, self._waiting = self._waiting, None
        if waiting is not None and waiting is not _current_task():
            waiting.cancel()
        self._end_alarms()
        self._end_early()

    # --- what happens -----------------------------------------------------------------------------------------------

    def on_connected(self, at: float) -> None:
        """The leg is up: the first document of a call that we made is asked for now."""
        self.call.answered_at = at
        if self.call.from_api and self.call.links.answer is not None and self.call.documents == 0:
            self.send_digits()
            if self.call.detect is not None:
                self.dialect.detections.begin(self, self.call.detect, self._first)
            else:
                self._first()

    def send_digits(self) -> None:
        """Presses the keys that came with the call, once."""
        digits, self.call.send_digits = self.call.send_digits, ""
        if digits:
            tone_ms = self.call.tone_ms
            leg = self.call.leg
            self.ask(r.SendKeys(leg, digits) if tone_ms is None else r.SendKeys(leg, digits, tone_ms))

    def _first(self) -> None:
        if self.leg is not None and self.call.links.answer is not None and self.call.documents == 0:
            self.begin(Origin.ANSWER, self.call.links.answer)

    def on_sound(self, fact: f.SoundFinished) -> None:
        if self.step is not None and not self.moving and self.leg is not None:
            self.step.on_sound(fact)

    def on_digit(self, fact: f.DigitHeard) -> None:
        if self.step is not None:
            if self.step.types_ahead and self.dialect.exchange.settings.plivo.type_ahead:
                self._typed.append((self.dialect.exchange.clock.now(), fact))
            self.step.on_digit(fact)

    def typed_ahead(self) -> list[f.DigitHeard]:
        """Returns the keys that were pressed lately for a question that is now asked, once."""
        since = self.dialect.exchange.clock.now() - TYPED_AHEAD_S
        found = [fact for at, fact in self._typed if at >= since]
        self._typed.clear()
        return found

    def on_voice(self, fact: f.VoiceHeard) -> None:
        if self.step is not None and self.leg is not None:
            self.step.on_voice(fact)

    def on_joined(self, fact: f.MemberJoined) -> None:
        if self.step is not None:
            self.step.on_joined(fact)

    def on_left(self, fact: f.MemberLeft) -> None:
        if self.step is not None:
            self.step.on_left(fact)

    def on_freed(self, fact: f.LegFreed) -> None:
        if self.step is not None:
            self.step.on_freed(fact)
        elif self._waiting is None:
            self.done()  # somebody else's room let it go and no document is left

    def take(self) -> None:
        """The leg has been taken away from its document by a transfer."""
        self.dialect.detections.over(self.call.leg)
        self._typed.clear()
        step = self.step
        self._stop()
        if step is not None:
            step.on_taken()

    def over(self) -> None:
        """The leg is over: nothing more is run. The step stays for what its room still says, until `closed`."""
        self.dialect.detections.over(self.call.leg)
        step = self.step
        self._stop()
        self.step = step

    def closed(self) -> Step | None:
        """Everything that came with the leg's end has been told; returns the step, which still has last words."""
        step, self.step = self.step, None
        return step


def _current_task() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None
