"""A leg of the server as its SIP calls see it: one incoming call, or all the forks of one outgoing call.

An endpoint with several telephones is called at all of them, each by an INVITE of its own with its own Call-ID (one
Call-ID would make a telephone that is reached twice refuse the second as merged). The first 2xx wins, the others are
cancelled with the reason that their telephones show as "answered elsewhere". When all have failed, the leg fails with
the most telling of the failures; a 6xx from one speaks for all (RFC 3261 16.7).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from switchhook.core.events import (
    DigitPressed,
    LegAnswered,
    LegFailed,
    LegGone,
    LegHeld,
    LegRang,
)
from switchhook.core.ids import LegId
from switchhook.core.outcomes import WIRE, Outcome
from switchhook.exchange.ports import Invitation, Latching, Session
from switchhook.sip.call import Call, Ending
from switchhook.sip.headers import readable
from switchhook.sip.incoming import IncomingCall
from switchhook.sip.negotiation import Negotiation
from switchhook.sip.outgoing import OutgoingCall

if TYPE_CHECKING:
    from switchhook.sip.line import Line

TALK_S = 5.0  # an early dialog that comes later is not asked to pick up any more: nobody waits for it
ELSEWHERE = 'Reason: SIP;cause=200;text="Call completed elsewhere"\r\n'

_TELLING = (
    Outcome.REJECTED,
    Outcome.BUSY,
    Outcome.FORBIDDEN,
    Outcome.UNACCEPTABLE,
    Outcome.NO_ANSWER,
    Outcome.NOT_FOUND,
)


def reason_lines(outcome: Outcome) -> str:
    """Returns the Reason header lines for an outcome (RFC 3326)."""
    if outcome is Outcome.ANSWERED_ELSEWHERE:
        return ELSEWHERE
    return f"Reason: Q.850;cause={WIRE[outcome].q850}\r\n"


class Leg:
    """Owner of the calls of one leg; turns what they say into events."""

    __slots__ = ("_line", "_told", "ended", "id", "latching")

    def __init__(self, line: Line, leg: LegId) -> None:
        self.id = leg
        self.ended = False  # the exchange knows, or asked for it
        self._line = line
        self._told: Session | None = None
        self.latching = Latching.SIGNALLING

    # --- what both kinds share (call.Owner)

    def answered(self, call: Call) -> None:
        self._line.emit(LegAnswered(self.id))

    def rang(self, call: Call, *, early: bool) -> None:
        """Only outgoing calls ring."""

    def agreed(self, call: Call, session: Session) -> None:
        told = self._told
        if not self.ended and session is not told and (told is None or session != told):
            self._told = session
            self._line.tell_session(self.id, session)

    def held(self, call: Call, on: bool) -> None:
        if not self.ended:
            self._line.emit(LegHeld(self.id, on))

    def pressed(self, call: Call, digit: str, duration_ms: int) -> None:
        if not self.ended:
            self._line.emit(DigitPressed(self.id, digit, duration_ms))

    def asked_to_talk(self, call: Call) -> None:
        """A telephone does not ask a server to pick up."""

    def redirected(self, call: Call, uri: str) -> str | None:
        return None

    def over(self, call: Call, ending: Ending) -> None:
        self._gone(ending)

    def _gone(self, ending: Ending) -> None:
        if not self.ended:
            self.ended = True
            self._line.emit(LegGone(self.id, ending.outcome, ending.q850, readable(ending.reason)))
            self._line.forget(self.id)

    def end(self, outcome: Outcome, status: int) -> None:
        raise NotImplementedError

    @property
    def call_id(self) -> str:
        return ""


class ArrivedLeg(Leg):
    """A telephone calls us."""

    __slots__ = ("call",)

    call: IncomingCall

    @property
    def call_id(self) -> str:
        return self.call.call_id

    def open_media(self) -> bool:
        """Reserves the audio address once; when there is none, refuses the call with 503 and says False."""
        if self.call.media is None:
            source = self.call.invite.source
            self.call.media = self._line.negotiation(self.id, source.host, self.latching)
        if self.call.media is None:
            self.call.reject(503, "Retry-After: 5\r\n", outcome=Outcome.CONGESTED)
            return False
        return True

    def end(self, outcome: Outcome, status: int) -> None:
        self.ended = True
        wire = WIRE[outcome]
        if self.call.waiting:
            phrase = wire.phrase if not status or status == wire.status else ""
            self.call.reject(status or wire.status, reason_lines(outcome), outcome=outcome, phrase=phrase)
        else:
            self.call.hang_up(reason_lines(outcome))


class CalledLeg(Leg):
    """We call a telephone, or several of one user."""

    __slots__ = (
        "_asked_to_talk", "_early", "_failures", "_first_call_id", "_rang", "_talk_until", "_winner", "calls",
        "invitation", "locating", "media", "visited",
    )  # fmt: skip

    def __init__(self, line: Line, leg: LegId, invitation: Invitation) -> None:
        super().__init__(line, leg)
        self.invitation = invitation
        self.media: Negotiation | None = None
        self.calls: list[OutgoingCall] = []
        self.locating = 0  # destinations whose address is being looked up
        self.visited: set[str] = set()  # endpoints that ring or rang already
        self._winner: OutgoingCall | None = None
        self._failures: list[Ending] = []
        self._rang = self._early = False
        self._talk_until: float | None = None
        self._asked_to_talk: set[Call] = set()
        self._first_call_id = ""

    @property
    def call_id(self) -> str:
        call = self._winner or (self.calls[0] if self.calls else None)
        return call.call_id if call is not None else self._first_call_id

    @property
    def won(self) -> bool:
        """True when one of its telephones has answered."""
        return self._winner is not None

    def add(self, call: OutgoingCall) -> None:
        self.calls.append(call)
        self._first_call_id = self._first_call_id or call.call_id

    def rang(self, call: Call, *, early: bool) -> None:
        if self.ended or self._winner is not None:
            return
        self._ask_to_talk(call)
        if not self._rang or (early and not self._early):
            self._line.emit(LegRang(self.id, early))
        self._rang = True
        self._early = self._early or early

    def agreed(self, call: Call, session: Session) -> None:
        if self._winner is None or self._winner is call:
            super().agreed(call, session)

    def answered(self, call: Call) -> None:
        if self._winner is not None or self.ended or not isinstance(call, OutgoingCall):
            call.hang_up(ELSEWHERE)
            return
        self._winner = call
        for other in [one for one in self.calls if one is not call]:
            other.hang_up(ELSEWHERE)
        if call.media is not None and call.media.session is not None:
            self.agreed(call, call.media.session)
        super().answered(call)

    def over(self, call: Call, ending: Ending) -> None:
        if call is self._winner:
            self._gone(ending)
            return
        self.calls = [one for one in self.calls if one is not call]
        self._failures.append(ending)
        if ending.status >= 600:
            for other in list(self.calls):
                other.hang_up(reason_lines(Outcome.CANCELLED))
        self.check_failed()

    def check_failed(self) -> None:
        """Fails the leg when nothing rings and nothing is being looked up any more."""
        if self.ended or self._winner is not None or self.calls or self.locating:
            return
        ending = self._most_telling()
        self.ended = True
        self._line.emit(LegFailed(self.id, ending.outcome, ending.status, ending.q850, readable(ending.reason)))
        self._line.forget(self.id)

    def failed(self, outcome: Outcome, status: int, reason: str) -> None:
        """Fails the leg before any call was made."""
        self._failures.append(Ending(outcome, False, status=status, q850=WIRE[outcome].q850, reason=reason))
        self.check_failed()

    def _most_telling(self) -> Ending:
        def rank(ending: Ending) -> tuple[bool, int]:
            told = _TELLING.index(ending.outcome) if ending.outcome in _TELLING else len(_TELLING)
            return ending.status < 600, told

        real = [one for one in self._failures if not one.ours] or self._failures
        return min(real, key=rank, default=Ending(Outcome.FAILED, False))

    def redirected(self, call: Call, uri: str) -> str | None:
        return self._line.redirected(self, call, uri)

    def press_answer(self) -> None:
        """Asks every telephone that rings to pick up, and within `TALK_S` those that say so only then."""
        if self._winner is not None:
            return
        self._talk_until = self._line.engine.timers.now + TALK_S
        self._asked_to_talk.clear()
        for call in self.calls:
            self._ask_to_talk(call)
            if call.dialog is None:
                call.ask_again()

    def _ask_to_talk(self, call: Call) -> None:
        """Sends the request once per call, and only within a dialog (before the first 18x there is none)."""
        wanted = self._talk_until is not None and self._line.engine.timers.now <= self._talk_until
        if wanted and call.dialog is not None and call not in self._asked_to_talk:
            self._asked_to_talk.add(call)
            call.notify_talk()

    def end(self, outcome: Outcome, status: int) -> None:
        self.ended = True
        for call in list(self.calls):
            call.hang_up(reason_lines(outcome))
        if self._winner is None:
            self._line.emit(LegFailed(self.id, outcome, status or WIRE[outcome].status))
