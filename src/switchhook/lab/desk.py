"""What a telephone does by itself when the SIP agent says something: ring, answer, refuse, keep its log.

A person (or a test) acts through `lab.phone.Phone`; this is the part that acts without one, by the telephone's manners.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from switchhook.exchange.ports import Session
from switchhook.lab.audio import Audio, OnKey
from switchhook.lab.manners import Manners
from switchhook.lab.phone_call import PhoneCall, State
from switchhook.sip.agent import Line
from switchhook.sip.call import Ending

_REMEMBERED_CALLS = 200
_REMEMBERED_LINES = 5000

MakeAudio = Callable[[OnKey], Audio]


@dataclass(frozen=True, slots=True)
class Happened:
    """A line of a telephone's log: what, when (clock seconds), and more about it."""

    at: float
    what: str
    text: str = ""


class Desk:
    """The calls of one telephone, and what happened to it. Fits `sip.agent.Phone`."""

    def __init__(self, manners: Manners, make_audio: MakeAudio, clock: Callable[[], float]) -> None:
        self.manners = manners
        self.calls: list[PhoneCall] = []  # oldest first, ended ones too
        self.log: list[Happened] = []
        self.watchers: list[Callable[[Happened], None]] = []
        self.registration: int | None = None  # status of the last answer; None: none came yet
        self.tell_time: Callable[[], None] = lambda: None  # sets the engine's clock before a person acts
        self._make_audio = make_audio
        self._clock = clock
        self._changed = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def live(self) -> list[PhoneCall]:
        """Returns the calls that are not over."""
        return [call for call in self.calls[-_REMEMBERED_CALLS:] if not call.over]

    def new_call(self, *, incoming: bool) -> PhoneCall:
        """Makes a call with audio of its own, not yet known to anybody."""
        if len(self.calls) > 2 * _REMEMBERED_CALLS:
            del self.calls[:-_REMEMBERED_CALLS]
        made: list[PhoneCall] = []
        audio = self._make_audio(lambda key: made[0].key(key))
        made.append(PhoneCall(audio, self.note, incoming=incoming))
        return made[0]

    def note(self, what: str, text: str = "") -> None:
        """Writes into the log, and wakes whoever waits for something to happen."""
        if len(self.log) > 2 * _REMEMBERED_LINES:
            del self.log[:-_REMEMBERED_LINES]
        happened = Happened(self._clock(), what, text)
        self.log.append(happened)
        for watcher in self.watchers:
            watcher(happened)
        self._changed.set()

    async def change(self, within_s: float) -> bool:
        """Waits until something happens; returns False when nothing did within `within_s`."""
        self._changed.clear()
        try:
            async with asyncio.timeout(within_s):
                await self._changed.wait()
        except TimeoutError:
            return False
        return True

    # --- sip.agent.Phone

    def incoming(self, line: Line) -> None:
        if self.manners.rejects_with is not None or len(self.live()) >= self.manners.lines:
            self.note("refused", line.remote_user)
            line.reject(self.manners.rejects_with or 486)
            return
        call = self.new_call(incoming=True)
        call.line = line
        self.calls.append(call)
        call.rings_here()
        if self.manners.early_audio:
            line.progress(call.audio.address)
        elif self.manners.rings:
            line.ring()
        after = self.manners.answers_after_s
        if after is None and self.manners.obeys_answer_after and line.answer_after is not None:
            after = float(line.answer_after)
        if after is not None:
            self._answer_after(call, after)

    def rang(self, line: Line, early: bool) -> None:
        self._of(line).rang(early)

    def answered(self, line: Line) -> None:
        self._of(line).answered()

    def session(self, line: Line, session: Session) -> None:
        self._of(line).agreed(session)

    def held(self, line: Line, on: bool) -> None:
        self._of(line).far_end_holds(on)

    def digit(self, line: Line, digit: str, duration_ms: int) -> None:
        self._of(line).key(digit)

    def talk(self, line: Line) -> None:
        self.note("asked to talk")
        if self.manners.obeys_talk:
            # Not from within: the engine is still answering the NOTIFY.
            self._answer_after(self._of(line), 0.0)

    def ended(self, line: Line, ending: Ending) -> None:
        for call in self.calls:
            if call.line is line and call.state is not State.ENDED:
                call.ended(ending)

    def registered(self, ok: bool, status: int) -> None:
        self.registration = status
        self.note("registration" if ok else "registration refused", str(status))

    def _answer_after(self, call: PhoneCall, seconds: float) -> None:
        def answer() -> None:
            self.tell_time()
            call.answer()

        self._loop.call_later(seconds, answer)

    def _of(self, line: Line) -> PhoneCall:
        return next(call for call in reversed(self.calls) if call.line is line)
