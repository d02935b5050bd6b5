"""A call after its INVITE was answered: what both sides of it share (RFC 3261 12 to 15, 14.1 glare, RFC 3264, 6337).

`sip.outgoing` and `sip.incoming` make a call; from then on requests of either end travel within its dialog. One call
is one INVITE usage with at most one confirmed dialog; further forks are acknowledged and ended at once.

Rules that are easy to get wrong, and where they come from:
- A 2xx to an INVITE, first or later, is sent again (T1 doubling to T2) until its ACK, for 64*T1; then the call ends
  with BYE (13.3.1.4, 14.2). The ACK is found by CSeq number, its branch means nothing.
- A re-INVITE that meets one of ours gets 491; ours, answered 491, is tried again after 2.1 to 4 s by the side that
  made the Call-ID and 0 to 2 s by the other (14.1).
- A failed re-INVITE changes nothing, except that 481 and 408 end the dialog (12.2.1.2). A 481 mostly means that the
  far end has hung up and its BYE was lost or overtaken, so we wait `BYE_DUE_S` for it: the call then ended as they say.
- BYE may cross anything: it is answered 200 while our own is under way.
- A 2xx seen again gets the ACK of its own INVITE again, also when a later one is under way; and who sends the next
  INVITE has had our 2xx to the one before, whatever became of its ACK.
- The called side must not send BYE before the ACK or the give-up of its 2xx (15).

Over 400 lines, because these rules are about each other: every one of them asks what the others are doing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from switchhook.core.outcomes import Outcome
from switchhook.exchange.ports import Session
from switchhook.sip.asking import Asking
from switchhook.sip.build import ALLOW, Draft, record_route_lines, response
from switchhook.sip.dialogs import Dialog
from switchhook.sip.digest import Responder
from switchhook.sip.flow import Flow
from switchhook.sip.headers import parse_reason, readable
from switchhook.sip.info import ACCEPT_INFO, digit_of, readable_info
from switchhook.sip.message import Message
from switchhook.sip.negotiation import Negotiation, on_hold, why_not
from switchhook.sip.owner import NOBODY
from switchhook.sip.owner import Ending as Ending
from switchhook.sip.owner import Owner as Owner
from switchhook.sip.pace import Pace
from switchhook.sip.timers import T1, T2, Timer
from switchhook.sip.transactions import ClientTransaction, ServerTransaction
from switchhook.sip.unacked import Unacked

if TYPE_CHECKING:
    from switchhook.sip.engine import Engine

SDP = "application/sdp"
MAX_ASKED, ASKED_PER_S = 50, 20.0  # requests of the far end within the call: at once, and a second ever after
BYE_DUE_S = 4.0  # a BYE is sent again after 0.5, 1.5 and 3.5 s
_KEPT_ACKS = 8


class Call:
    """One INVITE usage, with its dialog once there is one."""

    __slots__ = (
        "_acks_again", "_again", "_bye_due", "_byes", "_offerless", "_pace", "_reinvite", "_unacked", "_wanted",
        "call_id", "caller", "confirmed", "dialog", "ended", "engine", "headers_200", "label", "local", "local_tag",
        "media", "owner", "responder", "transport",
    )  # fmt: skip

    def __init__(self, engine: Engine, owner: Owner, call_id: str, local_tag: str, local: str, *, caller: bool) -> None:
        self.engine = engine
        self.owner = owner
        self.call_id = call_id
        self.local_tag = local_tag
        self.local = local  # "host:port" of ours that the far end sees
        self.caller = caller
        self.transport = "udp"
        self.media: Negotiation | None = None
        self.dialog: Dialog | None = None
        self.confirmed = False
        self.ended = False  # the owner has been told
        self.headers_200 = ""  # extra lines of our 2xx, such as X-CallUUID
        self.responder: Responder | None = None
        self.label = ""
        self._unacked: dict[int, Unacked] = {}
        self._reinvite: ClientTransaction | None = None
        self._acks_again: dict[int, Draft] = {}  # by CSeq, of our latest re-INVITEs
        self._again: Timer | None = None
        self._wanted = False  # a re-INVITE waits for its turn
        self._offerless = False  # the one that waits is without an offer
        self._bye_due: Timer | None = None  # they have no such dialog any more
        self._byes = 0
        self._pace: Pace | None = None  # of the far end's requests, once there is one

    # --- what the owner may ask for

    def hang_up(self, reason: str = "") -> None:
        """Ends the call in whatever state it is; `reason` is whole header lines (`Reason: ...`)."""
        raise NotImplementedError

    def reinvite(self, *, offerless: bool = False) -> None:
        """Offers our present wish anew (hold, resume, refresh); waits for its turn when an INVITE is under way."""
        if self.ended or self._bye_due is not None:
            return
        waiting = self._reinvite is not None or self._again is not None or self._unacked
        if waiting or not self.confirmed or self.dialog is None:
            self._wanted, self._offerless = True, offerless
            return
        self._wanted = False
        body = b"" if offerless or self.media is None else self.media.offer()
        self._send_reinvite(self.dialog, body, "")

    def info(self, digit: str, duration_ms: int = 160) -> None:
        """Sends a digit by INFO (application/dtmf-relay)."""
        body = f"Signal={digit}\r\nDuration={duration_ms}\r\n".encode()
        self.ask("INFO", body=body, kind="application/dtmf-relay")

    def notify_talk(self) -> None:
        """Asks the far telephone to pick up by itself; needs a dialog, early or not."""
        self.ask("NOTIFY", extra=f"Event: talk\r\nSubscription-State: active\r\n{self.contact_line()}")

    def ask(
        self,
        method: str,
        *,
        extra: str = "",
        body: bytes = b"",
        kind: str = "",
        dialog: Dialog | None = None,
        answer: Callable[[int], None] | None = None,
    ) -> None:
        """Sends a request within the dialog; `answer` gets its final status (408 and 503 may be our own)."""
        within = dialog or self.dialog
        if within is not None:
            Asking(self, within, method, extra, body, kind, answer).send()

    def asked(self, method: str, dialog: Dialog, status: int, answer: Callable[[int], None] | None) -> None:
        """Takes the final status of a request within the dialog."""
        if status == 408:
            self.engine.remark(self.call_id, f"the telephone does not answer to our {method}")
        if answer is not None:
            answer(status)
        elif status in (408, 481) and dialog is self.dialog and self.confirmed:
            self._lost(f"{method} got {status}", status)

    # --- requests of the far end within the dialog

    def took(self, transaction: ServerTransaction) -> None:
        """Answers a request that belongs to this call; its To tag is known to be ours."""
        request = transaction.request
        dialog = self._dialog_of(request)
        if dialog is None or (self.ended and request.verb != "BYE"):
            self.engine.counters.unknown_dialog += 1
            whose, when = ("somebody", "with a wrong tag") if dialog is None else ("the telephone", "after the end")
            self.engine.remark(self.call_id, f"{whose}'s {readable(request.verb)} came {when} (481)")
            self._refuse(transaction, 481)
            return
        cseq = request.cseq
        number = cseq.number if cseq else 0
        if number <= dialog.remote_cseq:
            self.engine.counters.out_of_order += 1
            text = f"{readable(request.verb)} came with an old CSeq, and was refused with 500"
            self.engine.remark(self.call_id, f"the telephone's {text}")
            self._refuse(transaction, 500)  # out of order (12.2.2)
            return
        dialog.remote_cseq = number
        if request.verb != "BYE" and not self._in_time():
            self.engine.counters.too_fast += 1
            self.engine.remark(self.call_id, "the telephone asks too fast, and was refused with 500")
            wire = self._final(transaction, 500, "Retry-After: 1\r\n")
            self.engine.transactions.respond_and_forget(transaction, wire)
            return
        if transaction.reliable:
            self.engine.riders.put(self, transaction.source)
        if dialog.pinned is not None and dialog.follow(transaction.source):
            self._moved(transaction.source.peer)
        take = _TAKES.get(request.verb)
        if take is None:
            self.engine.remark(self.call_id, f"the telephone asked for {readable(request.verb)}, which was refused")
            self.engine.refuse_method(transaction)
        else:
            take(self, transaction)

    def _in_time(self) -> bool:
        """False for a request that comes faster than any telephone has something to ask."""
        now = self.engine.timers.now
        if self._pace is None:
            self._pace = Pace(MAX_ASKED, now)
        return self._pace.lets(now, MAX_ASKED, ASKED_PER_S)

    def _refuse(self, transaction: ServerTransaction, status: int) -> None:
        """Answers a request that is not the call's, or comes too late: however many come, few are kept."""
        self.engine.refuse_with(transaction, status, self._final(transaction, status))

    def _dialog_of(self, request: Message) -> Dialog | None:
        if self.dialog is not None and self.dialog.remote_tag == request.from_tag:
            return self.dialog
        return None

    def _moved(self, place: str) -> None:
        self.engine.counters.moved += 1
        self.engine.remark(self.call_id, f"the telephone has moved to {readable(place)}")

    def lost_connection(self, flow: Flow) -> None:
        """A connection closed; a call whose requests took it goes on, and its next one goes to the Contact."""
        for waiting in self._unacked.values():
            waiting.transaction.reroute(flow)
        if self.dialog is not None and self.dialog.unpin(flow) and not self.ended:
            self.engine.counters.lost_connections += 1
            self.engine.remark(self.call_id, "the telephone's connection closed")

    def _take_bye(self, transaction: ServerTransaction) -> None:
        self.reply(transaction, 200)
        if self.ended:
            self.engine.counters.crossed_byes += 1
            self.engine.remark(self.call_id, "both ends hung up at once: two BYEs crossed")
            return
        if self._unacked:
            self.engine.counters.early_byes += 1
            self.engine.remark(self.call_id, "the telephone hung up before it had acknowledged our answer")
        q850, _, text = parse_reason(transaction.request.get_all("reason"))
        self._left(Ending(Outcome.COMPLETED, self.confirmed, q850=q850, reason=text))

    def _left(self, ending: Ending) -> None:
        self._finish(ending)

    def _take_info(self, transaction: ServerTransaction) -> None:
        request = transaction.request
        if not readable_info(request):
            self.reply(transaction, 415, ACCEPT_INFO)
            return
        digit, duration_ms = digit_of(request)
        self.reply(transaction, 200)
        if digit:
            self.owner.pressed(self, digit, duration_ms)

    def _take_notify(self, transaction: ServerTransaction) -> None:
        event = (transaction.request.get("event") or "").partition(";")[0].strip().lower()
        if event != "talk":
            self.reply(transaction, 489, "Allow-Events: talk\r\n")
            return
        self.reply(transaction, 200)
        self.owner.asked_to_talk(self)

    def _take_options(self, transaction: ServerTransaction) -> None:
        self.engine.answer_options(transaction)

    def _take_invite(self, transaction: ServerTransaction) -> None:
        request, media = transaction.request, self.media
        if self._reinvite is not None or any(one.offered for one in self._unacked.values()):
            self.engine.counters.glare += 1
            self.engine.remark(self.call_id, "two re-INVITEs met: the telephone's was refused with 491")
            self.reply(transaction, 491)
            return
        if not self.confirmed and not self._unacked:
            after = round(self.engine.tokens.between_s(0.0, 10.0))
            self.reply(transaction, 500, f"Retry-After: {after}\r\n")  # the first INVITE is not answered yet (14.2)
            return
        self._presume_acknowledged()
        if self.ended:
            self.reply(transaction, 481)
            return
        if media is not None and not request.body:
            self._refresh(transaction)
            self._answer_invite(transaction, media.offer(), offered=True)
            return
        answered = media.answer(request.body) if media is not None else None
        if answered is None:
            self._refused_change()
            self.reply(transaction, 488, why_not(request.body))
            return
        sdp, session = answered
        self._refresh(transaction)
        self._answer_invite(transaction, sdp, offered=False)
        self._agree(session)

    def _refused_change(self) -> None:
        self.engine.counters.refused_changes += 1
        self.engine.remark(self.call_id, "a re-INVITE with nothing that we could take was refused; the call goes on")

    def _refresh(self, transaction: ServerTransaction) -> None:
        if self.dialog is not None and self.dialog.refresh(transaction.request, transaction.source):
            self._moved(self.dialog.target)

    def _answer_invite(self, transaction: ServerTransaction, sdp: bytes, *, offered: bool) -> None:
        request = transaction.request
        extra = record_route_lines(request) + self.contact_line() + ALLOW + self.engine.server_line + self.headers_200
        wire = response(request, 200, tag=self.local_tag, extra=extra, body=sdp, kind=SDP)
        number = request.cseq.number if request.cseq else 0
        if offered:
            self.engine.counters.offerless += 1
            self.engine.remark(self.call_id, "an INVITE came without an offer: ours is in the answer")
        waiting = Unacked(transaction, wire, offered=offered)
        self._unacked[number] = waiting
        transaction.on_ack = self.acknowledged
        transaction.respond(200, wire)
        timers = self.engine.timers
        waiting.again = timers.start(T1, lambda: self._send_again(number))
        waiting.give_up = timers.start(64 * T1, lambda: self._never_acknowledged(number))

    def _send_again(self, number: int) -> None:
        waiting = self._unacked.get(number)
        if waiting is None:
            return
        self.engine.counters.retransmissions_sent += 1
        self.engine.send(waiting.wire, waiting.transaction.flow, self.call_id)
        waiting.interval = min(waiting.interval * 2, T2)
        waiting.again = self.engine.timers.start(waiting.interval, lambda: self._send_again(number))

    def _never_acknowledged(self, number: int) -> None:
        waiting = self._unacked.pop(number, None)
        if waiting is not None:
            waiting.stop()
            self.engine.counters.never_acknowledged += 1
            answered = self.confirmed
            self._finish(Ending(Outcome.TIMED_OUT, answered, reason="the answer was never acknowledged"), bye=True)

    def _presume_acknowledged(self) -> None:
        """Stops our 2xx, none of which carried an offer: the far end went on to its next INVITE."""
        for waiting in self._unacked.values():
            waiting.stop()
        self._unacked.clear()
        self._confirmed_by_ack()

    def acknowledged(self, ack: Message) -> None:
        """Takes the ACK of a 2xx of ours."""
        number = ack.cseq.number if ack.cseq else 0
        waiting = self._unacked.pop(number, None)
        if waiting is None:
            return  # an ACK seen again
        waiting.stop()
        if waiting.interval > T1:
            self.engine.counters.late_acks += 1
            self.engine.remark(self.call_id, "an ACK came late: our answer had been sent again")
        session = None
        if waiting.offered and not self.ended:
            session = self.media.take_answer(ack.body) if self.media is not None else None
            if session is None:
                if not self.confirmed:
                    self._finish(Ending(Outcome.UNACCEPTABLE, False, reason="no usable answer in ACK"), bye=True)
                    return
            else:
                self._agree(session)
        self._confirmed_by_ack()
        self._retry()

    def _confirmed_by_ack(self) -> None:
        """The ACK of a re-INVITE's answer confirms nothing new; an incoming call's first one does."""

    def reply(self, transaction: ServerTransaction, status: int, extra: str = "", phrase: str = "") -> None:
        """Sends a response without a body."""
        transaction.respond(status, self._final(transaction, status, extra, phrase))

    def _final(self, transaction: ServerTransaction, status: int, extra: str = "", phrase: str = "") -> bytes:
        line = extra + self.engine.server_line
        return response(transaction.request, status, tag=self.local_tag, extra=line, phrase=phrase)

    def _lost(self, reason: str, status: int) -> None:
        """The far end does not know the dialog (481) or does not answer (408): the call failed, unless it says more."""
        ending = Ending(Outcome.FAILED, True, reason=reason)
        if self.ended or self._bye_due is not None:
            return
        if status == 408:
            self._finish(ending, bye=True)
        else:
            self._bye_due = self.engine.timers.start(BYE_DUE_S, lambda: self._finish(ending, bye=True))

    # --- our re-INVITE

    def _try_again(self) -> None:
        self._again = None
        self._retry()

    def _retry(self) -> None:
        if self._wanted:
            self.reinvite(offerless=self._offerless)

    def _send_reinvite(self, dialog: Dialog, body: bytes, credentials: str) -> None:
        draft = dialog.draft(
            "INVITE",
            extra=self.contact_line() + ALLOW + self.engine.agent_line + credentials,
            body=body,
            kind=SDP,
        )

        def start(flow: Flow) -> None:
            self._reinvite = self.engine.start(draft, flow, self._reinvite_response, self._reinvite_failure)

        self.engine.toward(dialog, start, lambda: None)

    def _reinvite_response(self, transaction: ClientTransaction, message: Message) -> None:
        dialog, status = self.dialog, message.status
        if dialog is None or status < 200:
            return
        if status < 300:
            self._reinvite_accepted(dialog, transaction, message)
            return
        self._reinvite = None
        if self.ended:
            return
        if status == 491:
            self.engine.counters.glare += 1
            self.engine.remark(self.call_id, "two re-INVITEs met: ours was refused with 491 and is tried again")
            low, high = (2.1, 4.0) if self.caller else (0.0, 2.0)
            self._wanted, self._offerless = True, not transaction.draft.body
            self._again = self.engine.timers.start(self.engine.tokens.between_s(low, high), self._try_again)
        elif status in (401, 407):
            lines = self.credentials(message, "INVITE", transaction.draft.uri, transaction.draft.body)
            if lines:
                self._send_reinvite(dialog, transaction.draft.body, lines)
            else:
                self._retry()
        elif status in (408, 481):
            self._lost(f"re-INVITE got {status}", status)
        else:
            self._retry()

    def _reinvite_accepted(self, dialog: Dialog, transaction: ClientTransaction, message: Message) -> None:
        first = self._reinvite is transaction
        self.settled()
        answer = b""
        if first:
            self._reinvite = None
            if dialog.refresh(message):
                self._moved(dialog.target)
            media = self.media
            if media is not None and not self.ended:
                if transaction.draft.body:
                    session = media.take_answer(message.body)
                    if session is not None:
                        self._agree(session)
                else:
                    answered = media.answer(message.body)
                    if answered is not None:
                        answer = answered[0]
                        self._agree(answered[1])
            self._keep_ack(dialog.draft("ACK", cseq=transaction.draft.cseq, body=answer, kind=SDP))
        else:
            self.answer_came_again()
        ack = self._acks_again.get(transaction.draft.cseq)
        if ack is not None:
            self.engine.toward(dialog, lambda flow: self.engine.send_alone(ack, flow), lambda: None)
        if first:
            self._retry()

    def answer_came_again(self) -> None:
        """Counts a 2xx of theirs that was acknowledged before."""
        self.engine.counters.repeated_answers += 1
        self.engine.remark(self.call_id, "an answer came again, as if our ACK had been lost: acknowledged again")

    def _keep_ack(self, ack: Draft) -> None:
        self._acks_again[ack.cseq] = ack
        if len(self._acks_again) > _KEPT_ACKS:
            del self._acks_again[min(self._acks_again)]

    def _reinvite_failure(self, _: ClientTransaction, status: int) -> None:
        self._reinvite = None
        if not self.ended:
            self._finish(Ending(Outcome.TIMED_OUT, True, reason=f"re-INVITE: {status} of our own"), bye=True)

    # --- shared

    def _agree(self, session: Session) -> None:
        media = self.media
        if media is None:
            return
        before = media.session
        media.agree(session)
        if before is None or session != before:
            self.owner.agreed(self, session)
        if before is not None and on_hold(before) != on_hold(session):
            self.engine.counters.holds += on_hold(session)
            self.owner.held(self, on_hold(session))

    def contact_line(self) -> str:
        """Our Contact: the worker's id as user, the address that the far end can reach."""
        transport = "" if self.transport == "udp" else f";transport={self.transport}"
        return f"Contact: <sip:{self.engine.tokens.worker}@{self.local}{transport}>\r\n"

    def credentials(self, challenge: Message, method: str, uri: str, body: bytes) -> str:
        """Returns the header lines that answer a challenge, or nothing when we have no password or it was refused."""
        if self.responder is None:
            return ""
        return self.responder.answer(challenge, method, uri, body)

    def settled(self) -> None:
        """A request was let through: the next challenge is a new one."""
        if self.responder is not None:
            self.responder.settled()

    def bye(self, dialog: Dialog, reason: str = "", *, last: bool = False) -> None:
        """Ends one dialog; `last` drops the call when the BYE is answered."""

        def answered(_status: int) -> None:
            self._byes -= 1
            if self.ended and not self._byes:
                self.engine.drop(self)

        self._byes += 1
        self.ask("BYE", extra=reason + self.engine.agent_line, dialog=dialog, answer=answered)

    def dropped(self) -> None:
        """Lets go what nobody asks for once the call is out of the table: its transactions outlive it by 32 s."""

    def _finish(self, ending: Ending, *, bye: bool = False, reason: str = "") -> None:
        """Tells the owner once, stops what is still running, and leaves the table when no BYE is under way."""
        if self.ended:
            return
        self.ended = True
        for waiting in self._unacked.values():
            waiting.stop()
        self._unacked.clear()
        if self._reinvite is not None and self._reinvite.open:
            self._reinvite.give_up()
        for timer in (self._again, self._bye_due):
            if timer is not None:
                timer.cancel()
        self._wanted = False
        if bye and self.dialog is not None:
            self.bye(self.dialog, reason)
        if not self._byes:
            self.engine.drop(self)
        owner, self.owner = self.owner, NOBODY  # they hold each other, and this is the last word
        owner.over(self, ending)


_TAKES: dict[str, Callable[[Call, ServerTransaction], None]] = {
    "INVITE": Call._take_invite,
    "BYE": Call._take_bye,
    "INFO": Call._take_info,
    "NOTIFY": Call._take_notify,
    "OPTIONS": Call._take_options,
}
