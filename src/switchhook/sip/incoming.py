"""The called side of a call: an INVITE of theirs until our answer is acknowledged (RFC 3261 13.3)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from switchhook.core.outcomes import Outcome
from switchhook.sip.build import record_route_lines, response
from switchhook.sip.call import SDP, Call, Ending, Owner
from switchhook.sip.dialogs import of_request
from switchhook.sip.flow import Flow
from switchhook.sip.headers import parse_reason, whole_number
from switchhook.sip.negotiation import why_not
from switchhook.sip.timers import Timer
from switchhook.sip.transactions import ServerTransaction

if TYPE_CHECKING:
    from switchhook.sip.engine import Engine

REMIND_S = 60.0  # a provisional response is repeated each minute, so that no proxy gives up (13.3.1.1)
STEP_S = 32  # an Expires is waited for in steps: timers of few lengths (`sip.timers`), whatever it says


class IncomingCall(Call):
    """An INVITE of theirs. Made by `Engine.take`, which has sent 100. Set `media` before `progress` or `answer`."""

    __slots__ = ("_answer", "_bye_wanted", "_expiry", "_last", "_reminder", "invite", "offer")

    def __init__(self, engine: Engine, owner: Owner, transaction: ServerTransaction) -> None:
        request = transaction.request
        super().__init__(engine, owner, request.call_id, engine.tokens.tag(), transaction.source.local, caller=False)
        self.transport = transaction.source.transport
        self.invite = transaction
        self.dialog = of_request(request, self.local_tag, transaction.source)
        self.offer = request.body if request.content_type == SDP else b""
        self._answer = b""
        self._last: tuple[int, bytes] | None = None
        self._reminder: Timer | None = None
        self._bye_wanted: str | None = None
        self._expiry: Timer | None = None
        if "expires" in request.firsts and (lasts_s := whole_number(request.firsts["expires"])) is not None:
            self._expire_in(lasts_s)

    @property
    def waiting(self) -> bool:
        """True while the INVITE has no final response."""
        return not self.ended and self.invite.open

    def ring(self) -> None:
        """Sends 180."""
        self._announce(180, b"")

    def progress(self) -> bool:
        """Sends 183 with SDP; an INVITE without an offer cannot have it (100rel is not spoken) and gets 180.

        Returns whether early audio is possible.
        """
        if self.waiting and self.offer and self._prepare_answer():
            self._announce(183, self._answer)
            return True
        self._announce(180, b"")
        return False

    def answer(self) -> None:
        """Sends 200, again and again until its ACK; `Owner.answered` follows, or `Owner.over`."""
        if not self.waiting or self.media is None:
            return
        self._stop_waiting()
        if not self.offer:
            self._answer_invite(self.invite, self.media.offer(), offered=True)
        elif self._prepare_answer():
            self._answer_invite(self.invite, self._answer, offered=False)
        else:
            self.reject(488, why_not(self.offer, self.media.codecs), outcome=Outcome.UNACCEPTABLE)

    def reject(self, status: int, extra: str = "", *, outcome: Outcome = Outcome.REJECTED, phrase: str = "") -> None:
        """Sends a final failure."""
        if self.waiting:
            self.reply(self.invite, status, extra, phrase)
            self._end(Ending(outcome, False, ours=True, status=status))

    def hang_up(self, reason: str = "") -> None:
        if self.ended:
            return
        if self.confirmed:
            self._finish(Ending(Outcome.COMPLETED, True, ours=True), bye=True, reason=reason)
        elif self.invite.open:
            self.reject(480, reason, outcome=Outcome.FAILED)
        else:
            self._bye_wanted = reason  # BYE may not be sent before the ACK (15)

    def lost_connection(self, flow: Flow) -> None:
        self.invite.reroute(flow)
        super().lost_connection(flow)

    def cancelled(self, reasons: list[str]) -> None:
        """The caller gave up; a CANCEL after our final response changes nothing (9.2)."""
        if not self.waiting:
            self.engine.cancel_came_late(self.call_id)
            return
        self.reply(self.invite, 487)
        q850, sip, text = parse_reason(reasons)
        elsewhere = sip == 200 or q850 == 26
        self._end(Ending(Outcome.ANSWERED_ELSEWHERE if elsewhere else Outcome.CANCELLED, False, q850=q850, reason=text))

    def _expire_in(self, left_s: int) -> None:
        """Ends the invitation, unless it gets a final response before its Expires is over (13.3.1)."""
        step_s = min(left_s, STEP_S)
        rest_s = left_s - step_s
        then = partial(self._expire_in, rest_s) if rest_s else self._expired
        self._expiry = self.engine.timers.start(float(step_s), then)

    def _expired(self) -> None:
        if self.waiting:
            self.engine.remark(self.call_id, "the telephone's INVITE expired: nobody answered within its Expires (487)")
            self.reply(self.invite, 487)
            self._end(Ending(Outcome.CANCELLED, False))

    def _prepare_answer(self) -> bool:
        if self._answer:
            return True
        made = self.media.answer(self.offer) if self.media is not None else None
        if made is None:
            return False
        self._answer = made[0]
        self._agree(made[1])
        return True

    def _announce(self, status: int, sdp: bytes) -> None:
        if not self.waiting:
            return
        request = self.invite.request
        extra = record_route_lines(request) + self.contact_line() + self.engine.server_line + self.headers_200
        wire = response(request, status, tag=self.local_tag, extra=extra, body=sdp, kind=SDP)
        self._last = (status, wire)
        self.invite.respond(status, wire)
        self._stop_reminding()
        self._reminder = self.engine.timers.start(REMIND_S, self._remind)

    def _remind(self) -> None:
        if self.waiting and self._last is not None:
            self.invite.respond(*self._last)
            self._reminder = self.engine.timers.start(REMIND_S, self._remind)

    def _stop_reminding(self) -> None:
        if self._reminder is not None:
            self._reminder.cancel()
            self._reminder = None

    def _stop_waiting(self) -> None:
        self._stop_reminding()
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None

    def _confirmed_by_ack(self) -> None:
        if self.confirmed or self.ended:
            return
        self.confirmed = True
        if self._bye_wanted is not None:
            self._finish(Ending(Outcome.COMPLETED, True, ours=True), bye=True, reason=self._bye_wanted)
        else:
            self.owner.answered(self)

    def dropped(self) -> None:
        self.invite.let_go(self.local_tag)

    def _left(self, ending: Ending) -> None:
        if self.invite.open:  # BYE in an early dialog: the INVITE gets 487 (15.1.2)
            self.reply(self.invite, 487)
            ending = Ending(Outcome.CANCELLED, False, q850=ending.q850, reason=ending.reason)
        elif not self.confirmed and not self.ended:  # it overtook the ACK of our 2xx, or the ACK was lost
            self.confirmed = True
            if self._bye_wanted is None:
                self.owner.answered(self)
            ending = replace(ending, answered=True)
        self._end(ending)

    def _end(self, ending: Ending) -> None:
        self._stop_waiting()
        self._finish(ending)
