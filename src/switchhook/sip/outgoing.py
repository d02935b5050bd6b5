"""The calling side of a call: INVITE until its answer, with forks, redirections, credentials and CANCEL.

A fork shows as provisional or 2xx responses with different To tags. Each tag is an early dialog; the first 2xx wins,
and any further one is acknowledged and ended (13.2.2.4). A 2xx that comes after we gave up is treated the same, and
one that is seen again gets the same ACK again. CANCEL waits for the first provisional response (9.1).

An INVITE that is too large for a datagram is first tried over TCP (`sip.large`): that flow stands before the UDP one
in the list, which is left together with it unless the connection could not be had.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from switchhook.core.outcomes import Outcome
from switchhook.core.values import dataclass
from switchhook.sip.build import ALLOW, Draft
from switchhook.sip.call import SDP, Call
from switchhook.sip.dialogs import Dialog, of_response
from switchhook.sip.digest import Responder
from switchhook.sip.flow import Flow
from switchhook.sip.headers import parse_address, readable
from switchhook.sip.large import CONNECT_S, MAX_DATAGRAM
from switchhook.sip.message import Message
from switchhook.sip.negotiation import Negotiation
from switchhook.sip.owner import Ending, Owner, ending_of
from switchhook.sip.transactions import ClientTransaction
from switchhook.sip.uri import without_headers

if TYPE_CHECKING:
    from switchhook.sip.engine import Engine

MAX_REDIRECTIONS = 5

NOTHING_BACK = "nothing has come back to our INVITE to {}"
NEVER_ENDED = "the telephone did not end the INVITE that we cancelled"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What to call and how. `flows` are tried in turn when one does not answer or says 503 (RFC 3263 4.3)."""

    uri: str
    caller: str  # From value without tag, such as `"Ann" <sip:1001@example.org>`
    callee: str  # To value
    flows: tuple[Flow, ...]
    extra: str = ""  # whole header lines
    routes: tuple[str, ...] = ()
    offerless: bool = False
    behind_nat: bool = False
    max_forwards: int = 70
    any_transport: bool = False  # nobody chose UDP: a large INVITE goes over TCP where that can be had


class OutgoingCall(Call):
    """An INVITE of ours. Made by `Engine.call`."""

    __slots__ = (
        "_acks", "_caller", "_cancel", "_credentials_lines", "_cseq", "_early", "_flows", "_heard", "_invite", "_offer",
        "_redirects", "_stand_in", "_tried", "outgoing", "rang",
    )  # fmt: skip

    def __init__(
        self, engine: Engine, owner: Owner, outgoing: Outgoing, media: Negotiation | None, responder: Responder | None
    ) -> None:
        tag = engine.tokens.tag()
        super().__init__(engine, owner, engine.tokens.call_id(), tag, outgoing.flows[0].local, caller=True)
        self.transport = outgoing.flows[0].transport
        self.outgoing = outgoing
        self.media = media
        self.responder = responder
        self.rang = False
        self._caller = f"{outgoing.caller};tag={tag}"
        self._cseq = 0
        self._offer = b""
        self._credentials_lines = ""
        self._invite: ClientTransaction | None = None
        self._heard = False  # a provisional response came
        self._cancel: str | None = None  # header lines of a CANCEL that is wanted or was sent
        self._early: dict[str, Dialog] = {}
        self._acks: dict[tuple[int, str], tuple[Draft, Dialog]] = {}  # by CSeq and tag of the answer
        self._flows = outgoing.flows
        self._stand_in: Flow | None = None  # TCP in the place of the UDP flow behind it
        self._redirects: tuple[str, ...] = ()
        self._tried: tuple[str, ...] = (outgoing.uri,)

    def start(self) -> None:
        """Sends the INVITE. Called once, when the engine has entered the call into its table."""
        if not self.outgoing.offerless and self.media is not None:
            self._offer = self.media.offer()
        self._send_invite()

    def _send_invite(self) -> None:
        self._cseq += 1
        self._heard = False
        flow = self._flows[0]
        self.local, self.transport = flow.local, flow.transport
        out = self.outgoing
        extra = f"{self.contact_line()}{ALLOW}{self.engine.agent_line}{out.extra}{self._credentials_lines}"
        draft = Draft(
            "INVITE", out.uri, self._caller, out.callee, self.call_id, self._cseq, out.routes, extra,
            self._offer, SDP, out.max_forwards,
        )  # fmt: skip
        layer = self.engine.transactions
        invite = ClientTransaction(layer, draft, flow, self.engine.tokens.branch(), self._response, self._failure)
        if len(invite.wire) > MAX_DATAGRAM and self._goes_by_tcp(flow):
            self._cseq -= 1  # that one was never sent
            self._send_invite()
            return
        self._invite = invite
        if invite.reliable:
            self.engine.riders.put(self, flow)
        layer.begin(invite)

    def _goes_by_tcp(self, flow: Flow) -> bool:
        """Puts a TCP flow before the UDP flow that the INVITE is too large for; False when there is none."""
        out = self.outgoing
        stand_in = self.engine.streams.instead(flow, out.uri, out.routes) if out.any_transport else None
        if stand_in is None:
            return False
        self.engine.counters.large_by_tcp += 1
        self._stand_in = stand_in
        self._flows = (stand_in, *self._flows)
        self.engine.timers.start(CONNECT_S, self._look_at_connection)
        return True

    def _look_at_connection(self) -> None:
        """The connection for a large INVITE was not made in time: what waits for it goes by UDP."""
        invite = self._invite
        waits = invite is not None and invite.flow is self._stand_in and invite.open
        if invite is not None and waits and self.engine.transport.withdraw(invite.wire, invite.flow):
            invite.feed("error")

    def _next_flow(self, *, unheard: bool) -> bool:
        """Leaves the present flow; False when there is none behind it. `unheard`: nothing came back over it."""
        flow, *left = self._flows
        if flow is self._stand_in:
            self._stand_in = None
            if unheard:
                self.engine.streams.lacks(flow)
                self.engine.counters.without_tcp += 1
                self.engine.remark(self.call_id, f"no TCP at {flow.peer}: the large INVITE goes by UDP, in fragments")
            else:
                del left[0]
        self._flows = tuple(left)
        return bool(left)

    def ask_again(self) -> None:
        """Sends the unanswered INVITE once more, where its only 180 may have been lost.

        The far end repeats its last provisional response (RFC 3261 17.2.1); after 100 Trying nothing else makes it.
        """
        if self._invite is not None and self._invite.open and not self._invite.reliable and self._cancel is None:
            self._invite.resend()

    # --- responses

    def _response(self, transaction: ClientTransaction, message: Message) -> None:
        status = message.status
        if 200 <= status < 300:
            self._accepted(transaction, message)
        elif self.ended or transaction is not self._invite:
            if status < 200:
                transaction.cancel("")  # it rings where nobody waits any more
            return
        elif status < 200:
            self._provisional(transaction, message)
        else:
            self._rejected(transaction, message)

    def _provisional(self, transaction: ClientTransaction, message: Message) -> None:
        self._heard = True
        if self._cancel is not None:
            if transaction.state == "proceeding":
                transaction.cancel(self._cancel)
            return
        tag = message.to_tag
        if message.status == 100 or not tag:
            if message.status in (180, 183):
                self._tell_rang(early=False)
            return
        if message.status == 199:  # that fork has ended (RFC 6228)
            gone = self._early.pop(tag, None)
            if gone is self.dialog:
                self.dialog = next(reversed(self._early.values()), None)
            return
        dialog = self._early.get(tag)
        if dialog is None:
            dialog = of_response(transaction.draft, message, transaction.flow, behind_nat=self.outgoing.behind_nat)
            self._early[tag] = dialog
        else:
            dialog.refresh(message)
        self.dialog = dialog  # the newest early dialog is the one that INFO and NOTIFY go to
        early = bool(message.body) and message.content_type == SDP
        if early and self.media is not None and self._offer:
            session = self.media.take_answer(message.body)
            if session is not None:
                self._agree(session)
        if message.status in (180, 181, 182, 183):
            self._tell_rang(early=early)

    def _tell_rang(self, *, early: bool) -> None:
        self.rang = True
        self.owner.rang(self, early=early)

    def _accepted(self, transaction: ClientTransaction, message: Message) -> None:
        tag = message.to_tag
        known = self._acks.get((transaction.draft.cseq, tag))
        if known is not None:
            self._send_ack(*known)  # our ACK was lost
            self.answer_came_again()
            return
        dialog = of_response(transaction.draft, message, transaction.flow, behind_nat=self.outgoing.behind_nat)
        early = self._early.get(tag)
        if early is not None:
            dialog.local_cseq = max(dialog.local_cseq, early.local_cseq)
            dialog.remote_cseq = early.remote_cseq
        if self.ended or self.confirmed or self._cancel is not None or transaction is not self._invite:
            self._accepted_in_vain(transaction, message, dialog)
            return
        self.dialog = dialog
        self.confirmed = True
        answer, fits = self._negotiated(message)
        self._acknowledge(transaction, dialog, answer)
        self.settled()
        if not fits:
            self._finish(Ending(Outcome.UNACCEPTABLE, False, status=488, reason="no usable answer"), bye=True)
            return
        self._early.clear()
        self.owner.answered(self)

    def _accepted_in_vain(self, transaction: ClientTransaction, message: Message, dialog: Dialog) -> None:
        """Ends a further fork, or an answer that crossed our CANCEL."""
        answer = b""
        if not transaction.draft.body and self.media is not None and message.body:
            made = self.media.answer(message.body)
            answer = made[0] if made else b""
        self._acknowledge(transaction, dialog, answer)
        if self.confirmed:
            self.engine.counters.extra_answers += 1
            self.engine.remark(self.call_id, "a second telephone answered as well: acknowledged and hung up")
            self.bye(dialog)
            return
        self.engine.counters.late_answers += 1
        self.engine.remark(self.call_id, "it answered when we had given up: acknowledged and hung up")
        self.bye(dialog, self._cancel or "")
        if transaction is self._invite:  # otherwise an INVITE that failed, in whose place another was sent
            self._finish(Ending(Outcome.CANCELLED, False, ours=True, status=487))

    def _negotiated(self, message: Message) -> tuple[bytes, bool]:
        media = self.media
        if media is None:
            return b"", True
        if self._offer:
            session = media.take_answer(message.body) if message.body else media.session
            if session is not None:
                self._agree(session)
            return b"", session is not None
        answered = media.answer(message.body)
        if answered is None:
            return b"", False
        self._agree(answered[1])
        return answered[0], True

    def _acknowledge(self, transaction: ClientTransaction, dialog: Dialog, answer: bytes) -> None:
        cseq = transaction.draft.cseq
        ack = dialog.draft("ACK", cseq=cseq, extra=self._credentials_lines, body=answer, kind=SDP)
        self._acks[cseq, dialog.remote_tag] = ack, dialog
        self._send_ack(ack, dialog)

    def _send_ack(self, ack: Draft, dialog: Dialog) -> None:
        self.engine.toward(dialog, lambda flow: self.engine.send_alone(ack, flow), lambda: None)

    # --- failures

    def _rejected(self, transaction: ClientTransaction, message: Message) -> None:
        status = message.status
        if self._cancel is not None:
            self._finish(replace(ending_of(message, rang=self.rang), outcome=Outcome.CANCELLED, ours=True))
        elif status in (401, 407) and self._answer_challenge(transaction, message):
            self._send_invite()
        elif 300 <= status < 400 and self._take_redirections(message):
            self._next_redirection()
        elif status == 503 and self._next_flow(unheard=False):
            self._send_invite()
        elif self._redirects and status < 600:
            self._next_redirection()
        else:
            self._finish(ending_of(message, rang=self.rang))

    def _answer_challenge(self, transaction: ClientTransaction, message: Message) -> bool:
        lines = self.credentials(message, "INVITE", transaction.draft.uri, transaction.draft.body)
        self._credentials_lines = lines
        return bool(lines)

    def _take_redirections(self, message: Message) -> bool:
        for contact in message.listed("contact"):
            address = parse_address(contact)
            if address is None or len(self._tried) > MAX_REDIRECTIONS:
                continue
            uri = self.owner.redirected(self, without_headers(address.uri))
            if uri is not None and uri not in self._tried:
                self._tried += (uri,)
                self._redirects += (uri,)
        return bool(self._redirects)

    def _next_redirection(self) -> None:
        uri, *left = self._redirects
        self._redirects = tuple(left)
        self.engine.counters.redirections += 1
        self.engine.remark(self.call_id, f"redirected to {readable(uri)}")

        def found(flows: list[Flow]) -> None:
            if self.ended:
                return
            if self._cancel is not None:
                self._finish(Ending(Outcome.CANCELLED, False, ours=True, status=487))
            elif flows:
                self.outgoing = replace(self.outgoing, uri=uri, flows=tuple(flows), routes=(), behind_nat=False)
                self._flows = self.outgoing.flows
                self._stand_in = None
                self._send_invite()
            elif self._redirects:
                self._next_redirection()
            else:
                self._finish(Ending(Outcome.FAILED, False, status=502, reason="redirected to nowhere"))

        self._invite = None
        self.settled()
        self._credentials_lines = ""
        self.engine.locate(uri, found)

    def _failure(self, transaction: ClientTransaction, status: int) -> None:
        if self.ended or transaction is not self._invite:
            return
        if self._cancel is not None:
            self.engine.remark(self.call_id, NEVER_ENDED if self._heard else NOTHING_BACK.format(transaction.flow.peer))
            self._finish(Ending(Outcome.CANCELLED, False, ours=True, status=487))
        elif self._next_flow(unheard=not self._heard):
            self._send_invite()
        elif self._redirects:
            self._next_redirection()
        else:
            silent = status == 408
            outcome = Outcome.TIMED_OUT if silent else Outcome.CONGESTED
            reason = "no answer from the far end" if silent else "the far end cannot be reached: nothing could be sent"
            self._finish(Ending(outcome, False, status=status, reason=reason))

    # --- our end

    def hang_up(self, reason: str = "") -> None:
        if self.ended:
            return
        if self.confirmed:
            self._finish(Ending(Outcome.COMPLETED, True, ours=True), bye=True, reason=reason)
        elif self._cancel is None:
            self._cancel = reason
            invite = self._invite
            if invite is not None and self._heard and invite.state == "proceeding":
                invite.cancel(reason)
            elif invite is not None and invite.sent_again and not self._heard:
                self.engine.remark(self.call_id, NOTHING_BACK.format(invite.flow.peer))

    def dropped(self) -> None:
        if self._offer:  # without one, a late 2xx brings an offer that must be answered
            self.media = None

    def _left(self, ending: Ending) -> None:
        """A BYE before the answer, which the called side may not send (15), leaves its INVITE without an end."""
        invite = self._invite
        if not self.confirmed:
            self.engine.remark(self.call_id, "the telephone hung up before it had answered: its INVITE is cancelled")
            ending = replace(ending, outcome=Outcome.REJECTED)
            if invite is not None and invite.state == "proceeding":
                invite.cancel("")
        self._finish(ending)

    def _dialog_of(self, request: Message) -> Dialog | None:
        if self.dialog is not None and self.dialog.remote_tag == request.from_tag:
            return self.dialog
        return self._early.get(request.from_tag)
