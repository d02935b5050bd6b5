"""The exchange: the thin shell that turns the pure core into a running switch.

Events and requests go in one at a time, inside one asyncio loop; each is one `step`. Its facts are written to the
journal, its actions go to the ports, then listeners (dialects, metrics) are told, fact by fact, in order. A listener
may ask the exchange again at once: the new facts queue up behind the ones being told, so every listener sees the
same order (promise 11). Nothing here decides what becomes of a call.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Coroutine, Sized
from typing import Any, get_args

import structlog

from switchhook.core import actions as a
from switchhook.core import events, facts, requests
from switchhook.core.addresses import Program
from switchhook.core.diverting import reachable
from switchhook.core.errors import Refused, Unavailable
from switchhook.core.ids import Ids, LegId
from switchhook.core.model import By
from switchhook.core.outcomes import Outcome
from switchhook.core.state import State
from switchhook.core.step import Input, step
from switchhook.core.values import dataclass
from switchhook.exchange.declared import Declared
from switchhook.exchange.diversions import Diversions
from switchhook.exchange.ended_rooms import EndedRooms, MemoryEndedRooms
from switchhook.exchange.entries import LEARNT, Calls, Encode, LineByLine
from switchhook.exchange.forks import Forks
from switchhook.exchange.limits import Limits
from switchhook.exchange.pacing import Pacing
from switchhook.exchange.ports import (
    Clock,
    Entry,
    FactJournal,
    Invitation,
    Journal,
    Media,
    Recording,
    Records,
    Sender,
    Session,
    Signalling,
    Telephones,
)
from switchhook.exchange.ports import Timers as TimersPort
from switchhook.exchange.rates import Rates
from switchhook.exchange.recordings import Recordings
from switchhook.exchange.repeats import Repeats
from switchhook.exchange.routes import Directory
from switchhook.exchange.sounds import Sounds
from switchhook.settings import Settings

log = structlog.get_logger("exchange")


@dataclass(frozen=True, slots=True)
class Stamped:
    """A fact with the time at which it became true (clock seconds) and the word for what brought it about."""

    at: float
    fact: facts.Fact
    cause: str


Listener = Callable[[Stamped], None]
VEILED = "?"  # stands in the journal for a key that is nobody's business


class Exchange:
    """One switch: its state, its ports, and who listens."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock,
        journal: Journal,
        sender: Sender,
        encode: Encode,
        seed: int,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.journal: FactJournal = journal if isinstance(journal, FactJournal) else LineByLine(journal, encode)
        self.sender = sender
        self.state = State(Ids(seed))
        self.directory = Directory(settings)
        self.declared = Declared(self)
        self.repeats = Repeats(settings.http.repeat_window_s, clock)
        self.sounds = Sounds(self, settings.media.hold_music)
        self.calls = Calls()
        self.records: Records | None = None  # call records on disk, where there are any
        self.ended_rooms: EndedRooms = MemoryEndedRooms()
        self.accepting = True  # False while the server stops: new calls are refused
        self.signalling: Signalling
        self.media: Media
        self.timers: TimersPort
        self._veiled: set[LegId] = set()  # legs whose keys are nobody's business
        self._listeners: dict[type[facts.Fact], list[tuple[Listener, tuple[Sized, ...]]]]
        self._listeners = {kind: [] for kind in get_args(facts.Fact)}
        self._held: dict[type[facts.Fact], tuple[Sized, ...] | None]  # by all who hear of a kind; None: one always does
        self._held = dict.fromkeys(self._listeners, ())
        self._all_held: tuple[Sized, ...] = ()
        self._untold: deque[tuple[float, tuple[facts.Fact, ...], str]] = deque()  # what came of a step: when, and why
        self._telling = False
        self._tasks: set[asyncio.Task[Any]] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._busy = False
        self.recordings = Recordings(self)
        self.limits = Limits(self)
        self.pacing = Pacing(self)
        self.rates = Rates(clock)
        self.forks = Forks(self)
        self.diversions = Diversions(self)

    # --- wiring -----------------------------------------------------------------------------------------------------

    def plug(self, signalling: Signalling, media: Media, timers: TimersPort) -> None:
        """Connects the ports; before this nothing can be asked or told."""
        self.signalling, self.timers = self.pacing.around(signalling, timers)
        self.media = media
        if isinstance(signalling, Telephones):
            self.declared.follow(signalling)

    def subscribe(
        self, listener: Listener, kinds: Collection[type[facts.Fact]] | None = None, *, held: tuple[Sized, ...] = ()
    ) -> None:
        """Adds a listener for each later fact, or those of some kinds; it must return quickly and must not raise.

        With `held` it is told only while one of these holds something: a call that does not concern it pays for a look.
        """
        for kind in self._listeners if kinds is None else kinds:
            self._listeners[kind].append((listener, held))
            others = self._held[kind]
            self._held[kind] = (*others, *held) if held and others is not None else None
        self._all_held += tuple(each for each in held if not any(each is known for known in self._all_held))

    def spawn(self, work: Coroutine[Any, Any, None], name: str = "") -> asyncio.Task[None]:
        """Runs work beside the calls; an exception in it is logged, never lost."""
        task = asyncio.get_running_loop().create_task(work, name=name or None)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("task failed", task=task.get_name(), exc_info=task.exception())

    # --- in ---------------------------------------------------------------------------------------------------------

    def ask(self, request: requests.Request, cause: str = "") -> requests.Accepted:
        """Asks for something; raises `Refused`, and then nothing has changed. `cause` goes into the journal."""
        if self.limits.counted:
            self._need_limits(request, cause)
        return self._step(request, cause or type(request).__name__)

    def _need_limits(self, request: requests.Request, cause: str) -> None:
        try:
            self.limits.of_request(request)
        except Refused as refused:
            leg, room = getattr(request, "leg", ""), getattr(request, "room", "")
            call = self.calls.of(room) if isinstance(room, str) else ""
            self.write("Warning", {"text": f"not dialled: {refused}"}, leg=leg, call=call, cause=cause)
            raise

    def tell(self, event: events.Event, cause: str = "") -> None:
        """States what happened in the world."""
        if type(event) is events.LegArrived:
            event = self._routed(event)
        self._step(event, cause or type(event).__name__)
        if type(event) is events.SoundEnded:
            self.sounds.failed(event)
        elif type(event) is events.MediaLost and self.settings.media.on_media_lost == "end":
            self._end_silent(event.leg)

    def _end_silent(self, leg: LegId) -> None:
        if leg in self.state.legs:
            ended = requests.HangUp(leg, by=By.SERVER, outcome=Outcome.MEDIA_LOST, reason="no audio")
            self.ask(ended, cause="media timeout")

    def _routed(self, event: events.LegArrived) -> events.LegArrived:
        if not self.accepting:
            return events.LegArrived(event.leg, event.arrival, requests.ToNobody(Outcome.SHUT_DOWN))
        route = self.directory.route(event.arrival, reachable(self.state))
        rule = "" if isinstance(route, requests.ToNobody) else self.limits.of_arrival(route.account)
        if rule:
            route = requests.ToNobody(Outcome.OVER_LIMIT, route.account, reason=rule)
        return events.LegArrived(event.leg, event.arrival, route)

    def on_session(self, leg: LegId, session: Session) -> None:
        """Signalling agreed on (new) audio for a leg."""
        self.media.connect(leg, session)

    def _step(self, given: Input, cause: str) -> requests.Accepted:
        now = self.clock.now()
        done = step(self.state, given, now)
        if done.facts:
            self.journal.facts(now, done.facts if not self._veiled else self._veil(done.facts), cause)
            counted = self.limits.counted
            for fact in done.facts:
                kind = type(fact)
                if kind in LEARNT:
                    LEARNT[kind](self.calls, fact)
                if counted and kind in counted:
                    counted[kind](fact, now)
            self._untold.append((now, done.facts, cause))
        for action in done.actions:
            _CARRIERS[type(action)](self, action)
        if self._untold and not self._telling:
            self._tell_listeners()
        busy = bool(self.state.legs or self.state.tapes)
        if busy is not self._busy:
            self._busy = busy
            (self._idle.clear if busy else self._idle.set)()
        return done.accepted

    def veil_keys(self, leg: LegId, on: bool) -> None:
        """Keeps the keys that a leg presses out of the journal (`on`), or lets them in again; its end does, too."""
        if on:
            self._veiled.add(leg)
        else:
            self._veiled.discard(leg)

    def _veil(self, told: tuple[facts.Fact, ...]) -> tuple[facts.Fact, ...]:
        """Returns the facts as the journal may have them."""
        veiled = self._veiled
        shown = tuple(
            facts.DigitHeard(fact.leg, VEILED, fact.duration_ms)
            if isinstance(fact, facts.DigitHeard) and fact.leg in veiled
            else fact
            for fact in told
        )
        veiled.difference_update(fact.leg for fact in told if isinstance(fact, facts.LegEnded))
        return shown

    def _tell_listeners(self) -> None:
        self._telling = True
        try:
            while self._untold:
                at, told, cause = self._untold.popleft()
                awake = any(self._all_held)
                for fact in told:
                    held = self._held[type(fact)]
                    if held is None or (awake and any(held)):
                        self._tell_each(Stamped(at, fact, cause))
                        awake = any(self._all_held)
                    if type(fact) is facts.LegEnded:
                        self.media.close(fact.leg)
        finally:
            self._telling = False

    def _tell_each(self, stamped: Stamped) -> None:
        for listener, held in self._listeners[type(stamped.fact)]:
            if held and not any(held):
                continue
            try:
                listener(stamped)
            except Exception:  # one broken reader must not take the calls down
                log.exception("listener failed", fact=type(stamped.fact).__name__)

    # --- out --------------------------------------------------------------------------------------------------------

    def _invite(self, action: a.Invite) -> None:
        target = action.destination.target
        rule = self.limits.of_invite(action.leg) if self.limits.counted else ""
        if rule:
            self.soon(events.LegFailed(action.leg, Outcome.OVER_LIMIT, reason=rule))
            return
        if isinstance(target, Program):
            self._connect_program(action.leg)
            return
        invitation = Invitation(
            leg=action.leg,
            target=target,
            caller=action.caller,
            caller_name=action.caller_name,
            headers=action.headers if not self.state.diversions else (*action.headers, *self._sent_on(action.leg)),
            answer_after=action.answer_after,
            credentials=action.credentials,
            hops_left=action.hops_left,
        )
        try:
            self.signalling.invite(invitation)
        except Unavailable as error:
            self.soon(events.LegFailed(action.leg, Outcome.CONGESTED, reason=str(error)))

    def _sent_on(self, leg: LegId) -> tuple[tuple[str, str], ...]:
        """Tells whom the call was for, where a telephone forwards its calls to another (RFC 5806)."""
        found = self.state.legs.get(leg)
        if found is None or found.called == found.address:
            return ()
        is_uri = found.called.lower().startswith(("sip:", "sips:"))
        uri = found.called if is_uri else f"sip:{found.called}@{self.settings.sip.domain}"
        return (("Diversion", f"<{uri}>;reason=unconditional"),)

    def _connect_program(self, leg: LegId) -> None:
        found = self.state.legs.get(leg)
        for stream in found.streams if found is not None else ():
            self.forks.open(self.state.streams[stream])

    def soon(self, event: events.Event) -> None:
        """States an event after the caller has returned."""
        asyncio.get_running_loop().call_soon(self.tell, event)

    def _hear(self, action: a.Hear) -> None:
        self.media.hear(self.sounds.fetched(action.changes))

    def _record(self, action: a.Record) -> None:
        tape = action.tape
        following = tape.room is not None or tape.follows is not None
        ears = (tape.follows,) if tape.heard and tape.follows is not None else ()
        others = () if ears else tape.right
        left, right = ((*tape.left, *others), ()) if tape.mono else (tape.left, others)
        stereo = following and not tape.mono
        self.media.record(
            Recording(tape.id, tape.path, left, right, tape.max_ms, stereo=stereo, paused=tape.paused, ears=ears)
        )

    # --- around -----------------------------------------------------------------------------------------------------

    def write(self, kind: str, body: dict[str, object], *, leg: str = "", call: str = "", cause: str = "") -> None:
        """Writes a line that is not a fact (an HTTP request, a webhook, a SIP message) into the journal.

        A leg that is not known yet is an arriving one, which begins a call of its own id.
        """
        self.journal.append(Entry(self.clock.now(), kind, call or self.calls.of(leg) or leg, leg, body, cause))

    async def drain(self, timeout_s: float) -> bool:
        """Ends every call properly and waits for it and its recordings.

        Returns False if some were left after `timeout_s`.
        """
        self.accepting = False
        for leg in list(self.state.legs):
            if leg in self.state.legs:
                self.ask(requests.HangUp(leg, outcome=Outcome.SHUT_DOWN), cause="server stops")
        try:
            await asyncio.wait_for(self._idle.wait(), timeout_s)
        except TimeoutError:
            return False
        return True

    async def settle(self, timeout_s: float) -> None:
        """Waits for the work begun by `spawn` (webhooks under way), then cancels what is left."""
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        if not tasks:
            return
        _, left = await asyncio.wait(tasks, timeout=timeout_s)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=1)


Carrier = Callable[[Exchange, Any], None]

_CARRIERS: dict[type, Carrier] = {
    a.Invite: Exchange._invite,
    a.Ring: lambda x, act: x.signalling.ring(act.leg),
    a.Progress: lambda x, act: x.signalling.progress(act.leg),
    a.Answer: lambda x, act: x.signalling.answer(act.leg),
    a.End: lambda x, act: x.signalling.end(act.leg, act.outcome, status=act.status),
    a.PressAnswer: lambda x, act: x.signalling.press_answer(act.leg),
    a.Hear: Exchange._hear,
    a.SendDigits: lambda x, act: x.media.send_digits(act.leg, act.digits, act.tone_ms),
    a.Notice: lambda x, act: x.media.notice(act.leg, act.on),
    a.KeepKeys: lambda x, act: x.media.keep_keys(act.leg, act.on),
    a.OpenStream: lambda x, act: x.forks.open(act.stream),
    a.CloseStream: lambda x, act: x.forks.close(act.stream),
    a.TellStream: lambda x, act: x.forks.tell(act.stream, act.digit),
    a.Record: Exchange._record,
    a.StopRecord: lambda x, act: x.media.stop_recording(act.recording),
    a.Arm: lambda x, act: x.timers.arm(act.timer, act.at),
    a.Disarm: lambda x, act: x.timers.disarm(act.timer),
}
