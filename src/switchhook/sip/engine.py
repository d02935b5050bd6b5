"""The SIP engine: transactions, dialogs and calls put together, without a clock and without a socket.

Bytes and time go in by `receive`, `tick` and `broken`; bytes come out by `transport.send`, events by the callbacks of
`User` (requests outside a dialog) and `call.Owner` (everything about a call). The server's line and the virtual
telephones are both users of this one engine. Nothing is called back from within `Engine.call` or `IncomingCall.ring`
and the like, except `Owner.agreed` (while answering) and `Owner.over` (while rejecting or hanging up).

Somewhat over 400 lines: what a message can turn out to be is decided here, in one place.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Protocol

from switchhook.sip.build import (
    ACCEPT,
    ALLOW,
    KNOWN_METHODS,
    METHODS,
    PHRASES,
    Draft,
    broken_refusal,
    response,
    stamped_via,
    via_value,
)
from switchhook.sip.counters import Counters
from switchhook.sip.dialogs import Dialog
from switchhook.sip.flow import Flow, Locator, Transport
from switchhook.sip.framing import MAX_MESSAGE
from switchhook.sip.headers import Via, parse_via, readable
from switchhook.sip.incoming import IncomingCall
from switchhook.sip.large import Streams
from switchhook.sip.later import Later
from switchhook.sip.locate import literal_place
from switchhook.sip.message import Malformed, Message, parse
from switchhook.sip.outgoing import Outgoing, OutgoingCall
from switchhook.sip.pace import Pace
from switchhook.sip.riders import Riders
from switchhook.sip.timers import Timers
from switchhook.sip.tokens import Tokens
from switchhook.sip.transactions import ClientTransaction, ServerTransaction, Transactions, reply_flow
from switchhook.sip.uri import parse_uri
from switchhook.sip.validate import verdict

if TYPE_CHECKING:
    from switchhook.sip.call import Call, Owner
    from switchhook.sip.digest import Responder
    from switchhook.sip.negotiation import Negotiation

MAX_REFUSED = 2000  # refused requests whose transaction is kept for retransmissions
MAX_KEPT = 8192  # bytes of such a request
MAX_REMARKS = 20  # in the timeline of one call: strangers may not fill the journal
MAX_REMARK = 200  # characters of one, which may contain a stranger's words
MAX_TOLD, TOLD_PER_S = 500, 2.0  # messages of one call in its timeline: at once, and a second ever after
LABELLED_S = 40.0  # so long the messages of a call that is over are known as its
STORM = 12  # a request seen so often is a fault: 17.1 sends it 7 (INVITE) or 11 times

Tap = Callable[[float, str | None, str, bytes, str], None]  # at, label, "in" or "out", wire, peer


class User(Protocol):
    """Who owns the engine: takes requests outside any dialog."""

    def invited(self, transaction: ServerTransaction) -> None:
        """A valid new INVITE: `Engine.take` it, or refuse it with `Engine.refuse`."""

    def registering(self, transaction: ServerTransaction) -> None:
        """A valid REGISTER; answer it with `ServerTransaction.respond`."""


class Engine:
    """One SIP element. `locate` resolves URIs to flows; `random` is the only source of chance."""

    def __init__(
        self,
        user: User,
        transport: Transport,
        locate: Locator,
        *,
        random: Random,
        now: float,
        worker: str = "w0",
        name: str = "Switchhook",
        registers: bool = False,
        tap: Tap | None = None,
    ) -> None:
        self.user = user
        self.transport = transport
        self.locate = locate
        self.timers = Timers(now)
        self.tokens = Tokens(worker, random)
        self.counters = Counters()
        self.transactions = Transactions(self.timers, self.send, self.counters, self.tokens)
        self.transactions.unacknowledged = self._never_acknowledged
        self.streams = Streams(transport, self.timers)
        self.calls: dict[str, Call] = {}  # by our tag
        self.riders: Riders[Call] = Riders()  # calls by the connections that they use or used
        self.server_line = f"Server: {name}\r\n"
        self.agent_line = f"User-Agent: {name}\r\n"
        self.registers = registers
        self.allow = ALLOW if not registers else ALLOW[:-2] + ", REGISTER\r\n"
        self.tap = tap
        self.note: Callable[[str, str], None] | None = None  # label, what an operator should see in its timeline
        self._labels: dict[str, str] = {}  # Call-ID -> leg, for the ladder
        self._remarks: dict[str, list[str]] = {}  # by Call-ID, what was noted
        self._told: dict[str, Pace] = {}  # by Call-ID
        self._unlabelling = Later(self.timers, LABELLED_S, self._unlabel)
        self._untold: tuple[bytes, Flow, str] | None = None  # a request that came, until its leg is known

    # --- in

    def receive(self, wire: bytes, flow: Flow, now: float) -> None:
        """Takes one datagram, or one message of a stream. Anything at all may be in it."""
        timers, counters = self.timers, self.counters
        if now > timers.now:
            timers.now = now
        counters.received += 1
        if not 20 <= len(wire) <= MAX_MESSAGE:
            if wire.strip(b"\r\n\0 "):
                counters.malformed += 1
            return
        try:
            message = parse(wire)
        except Malformed:
            counters.malformed += 1
            return
        status, call_id = message.status, message.call_id
        via = None if status else message.via
        if (via is None and not status) or not call_id or message.cseq is None:
            counters.malformed += 1
            if via is not None:
                self._refuse_broken(message, via, flow)
            return
        if self.tap is not None:
            label = self._labels.get(call_id)
            if label is not None:
                if self._tells(call_id):
                    self.tap(timers.now, label, "in", wire, flow.peer)
            elif status:
                self.tap(timers.now, None, "in", wire, flow.peer)
            else:
                self._untold = (wire, flow, call_id)
        if status:
            if message.flaw:
                counters.malformed += 1
            elif not self.transactions.response(message):
                counters.stray_response += 1
                self.remark(call_id, f"an answer came that none of our requests waits for: {status}")
        elif via is not None:
            self._request(message, via, flow)
        if self._untold is not None:
            self._flush_tap()

    def tick(self, now: float) -> None:
        """Fires the timers that are due; call it every 20 to 50 ms, or when `next_due` says."""
        self.timers.advance(now)

    def next_due(self) -> float | None:
        """Returns when the next timer runs out."""
        return self.timers.next_due()

    def broken(self, flow: Flow, now: float) -> None:
        """A connection broke or could not be made."""
        self.timers.at(now)
        self.transactions.broken(flow)
        for call in self.riders.on(flow):
            call.lost_connection(flow)

    # --- out

    def send(self, wire: bytes, flow: Flow, call_id: str) -> None:
        self.counters.sent += 1
        if self.tap is not None:
            if self._untold is not None:
                self._flush_tap()
            label = self._labels.get(call_id)
            if label is None or self._tells(call_id):
                self.tap(self.timers.now, label, "out", wire, flow.peer)
        self.transport.send(wire, flow)

    def start(
        self,
        draft: Draft,
        flow: Flow,
        on_response: Callable[[ClientTransaction, Message], None],
        on_failure: Callable[[ClientTransaction, int], None],
    ) -> ClientTransaction:
        """Sends a request in a transaction of its own."""
        return self.transactions.request(draft, flow, on_response, on_failure)

    def send_alone(self, draft: Draft, flow: Flow) -> None:
        """Sends an ACK for a 2xx: no transaction, a branch of its own (13.2.2.4)."""
        self.send(draft.wire(via_value(flow.transport, flow.local, self.tokens.branch())), flow, draft.call_id)

    def toward(self, dialog: Dialog, go: Callable[[Flow], object], lost: Callable[[], None]) -> None:
        """Calls `go` with the flow that the dialog's requests take, or `lost` when there is none."""
        flow = dialog.pinned
        if flow is None:
            place = literal_place(dialog.next_hop())
            flow = self.transport.flow(*place) if place is not None else None
        if flow is not None:
            go(flow)
            return

        def found(flows: list[Flow]) -> None:
            if flows:
                go(flows[0])
            else:
                self.counters.unresolved += 1
                self.remark(dialog.call_id, f"there is no way to {readable(dialog.next_hop())}: a request was not sent")
                lost()

        self.locate(dialog.next_hop(), found)

    def call(
        self,
        owner: Owner,
        outgoing: Outgoing,
        media: Negotiation | None,
        responder: Responder | None = None,
        label: str = "",
    ) -> OutgoingCall:
        """Makes an outgoing call and sends its INVITE."""
        call = OutgoingCall(self, owner, outgoing, media, responder)
        self.enter(call, label)
        call.start()
        return call

    def enter(self, call: Call, label: str = "") -> None:
        """Puts a call into the table, so that messages find it."""
        self.calls[call.local_tag] = call
        self._label(call, label)

    def take(self, transaction: ServerTransaction, owner: Owner, label: str = "") -> IncomingCall:
        """Accepts an INVITE as a call: sends 100 and returns it."""
        call = IncomingCall(self, owner, transaction)
        transaction.user = call
        self.enter(call, label)
        if transaction.reliable:
            self.riders.put(call, transaction.source)
        transaction.respond(100, response(transaction.request, 100))
        return call

    def refuse(self, transaction: ServerTransaction, status: int, extra: str = "", phrase: str = "") -> None:
        """Answers a request outside any dialog with a final response."""
        wire = response(
            transaction.request, status, tag=self.tokens.tag(), extra=extra + self.server_line, phrase=phrase
        )
        self.refuse_with(transaction, status, wire)

    def refuse_with(self, transaction: ServerTransaction, status: int, wire: bytes) -> None:
        """Sends the final response to a request that begins nothing."""
        layer = self.transactions
        if layer.refused >= MAX_REFUSED or len(transaction.request.head) > MAX_KEPT:
            # A flood of what we refuse must not be kept for 32 s each (RFC 3261 26.3.2.4: challenge statelessly).
            self.counters.stateless += 1
            layer.respond_and_forget(transaction, wire)
        else:
            layer.refuse(transaction, status, wire)

    def refuse_method(self, transaction: ServerTransaction) -> None:
        """405 for a method that exists and is not for us, 501 for one that does not."""
        self.counters.unknown_method += 1
        self.refuse(transaction, 405 if transaction.request.verb in KNOWN_METHODS else 501, self.allow)

    def answer_options(self, transaction: ServerTransaction) -> None:
        """Says what we can do (RFC 3261 11.2)."""
        supported = "Supported: path\r\n" if self.registers else "Supported: \r\n"
        extra = f"{self.allow}{ACCEPT}Accept-Encoding: identity\r\n{supported}Accept-Language: en\r\n"
        self.refuse(transaction, 200, extra)

    def drop(self, call: Call) -> None:
        """Forgets a call; what still comes for it is of an unknown dialog."""
        self.calls.pop(call.local_tag, None)
        self.riders.leave(call)
        call.dropped()
        if self.tap is not None:
            self._unlabelling.put(call.call_id)

    # --- requests

    def _request(self, request: Message, via: Via, flow: Flow) -> None:
        transactions = self.transactions
        verb = request.verb
        key = transactions.key_of(request, via, "INVITE" if verb == "ACK" else verb)
        known = transactions.servers.get(key)
        if known is not None:
            if verb != "ACK":
                self.counters.retransmissions_received += 1
                known.again += 1
                self.remark(request.call_id, f"the telephone's {readable(verb)} came again: no answer had reached it")
                if known.again == STORM:
                    self._stormed(request)
                known.feed("request")
                return
            if known.state != "accepted":
                known.feed("ack", request)
                return
        if verb == "ACK":
            self._acknowledged(request)
            return
        status, extra = verdict(request, self.registers)
        transaction = transactions.serve(request, via, flow, key)
        if status:
            self.counters.rejected_malformed += 1
            self.remark(request.call_id, f"the telephone's {readable(verb)} was refused: {status} {PHRASES[status]}")
            self.refuse(transaction, status, extra)
        elif verb == "CANCEL":
            self._cancelled(transaction, via)
        elif request.to_tag:
            self._within_dialog(transaction)
        else:
            self._outside_dialog(transaction)
        if transaction.user is None and not transaction.open:
            transaction.let_go()

    def _refuse_broken(self, request: Message, via: Via, flow: Flow) -> None:
        """Answers 400 once, without a transaction, where Via and CSeq let the sender find its request (8.2.7)."""
        if request.verb == "ACK" or not request.first("cseq") or not via.branch:
            return
        top = stamped_via(request.listed("via")[0], via, flow.host, flow.port)
        wire = broken_refusal(request, top, self.tokens.worker)
        self.send(wire, reply_flow(via, flow), request.call_id)

    def _acknowledged(self, ack: Message) -> None:
        call = self.calls.get(ack.to_tag)
        if call is None or call.call_id != ack.call_id or ack.flaw:
            self.counters.stray_ack += 1
            if self.transactions.refused < MAX_REFUSED:  # else it may be that of a stateless refusal
                self.remark(ack.call_id, "an ACK came for which there is no answer any more")
        else:
            call.acknowledged(ack)

    def _never_acknowledged(self, call_id: str) -> None:
        self.remark(call_id, "our refusal was never acknowledged")

    def _stormed(self, request: Message) -> None:
        self.counters.storms += 1
        self.remark(request.call_id, f"the telephone sends its {request.verb} again and again ({STORM} times)")

    def remark(self, call_id: str, text: str) -> None:
        """Tells an operator what happened to a call: each text once, and at most `MAX_REMARKS` of them."""
        label = self._labels.get(call_id)
        if not label or self.note is None:
            return
        said, text = self._remarks.setdefault(call_id, []), text[:MAX_REMARK]
        if text not in said and len(said) < MAX_REMARKS:
            said.append(text)
            self.note(label, text)

    def _cancelled(self, transaction: ServerTransaction, via: Via) -> None:
        invite = self.transactions.cancelled(transaction.request, via)
        if invite is None:
            self.counters.stray_cancel += 1
            self.remark(transaction.request.call_id, "a CANCEL came for no call of ours (481)")
            self.refuse(transaction, 481)
            return
        call = invite.user
        tag = call.local_tag if isinstance(call, IncomingCall) else invite.tag or self.tokens.tag()
        transaction.respond(200, response(transaction.request, 200, tag=tag, extra=self.server_line))
        if isinstance(call, IncomingCall):
            call.cancelled(transaction.request.get_all("reason"))
        else:  # a re-INVITE, which was answered at once, or an INVITE that we refused
            self.cancel_came_late(transaction.request.call_id)

    def cancel_came_late(self, call_id: str) -> None:
        """Counts a CANCEL of an INVITE that has its final answer (9.2)."""
        self.counters.late_cancels += 1
        self.remark(call_id, "a CANCEL came after our final answer and changed nothing")

    def _within_dialog(self, transaction: ServerTransaction) -> None:
        request = transaction.request
        call = self.calls.get(request.to_tag)
        if call is None or call.call_id != request.call_id:
            self.counters.unknown_dialog += 1
            self.remark(request.call_id, f"a {readable(request.verb)} came for no call of ours (481)")
            self.refuse(transaction, 481)
            return
        call.took(transaction)

    def _outside_dialog(self, transaction: ServerTransaction) -> None:
        request = transaction.request
        verb = request.verb
        if self._merged(transaction):
            self.counters.merged += 1
            self.remark(request.call_id, f"the {readable(verb)} came again by another way, and was refused with 482")
            self.refuse(transaction, 482)
        elif verb == "INVITE":
            if self._looped(request):
                self.counters.looped += 1
                self.remark(request.call_id, "our own INVITE came back to us: a loop, refused with 482")
                self.refuse(transaction, 482)
            else:
                self.user.invited(transaction)
        elif verb == "OPTIONS":
            self.answer_options(transaction)
        elif verb == "REGISTER" and self.registers:
            self.user.registering(transaction)
        elif verb in METHODS:
            self.counters.unknown_dialog += 1
            self.refuse(transaction, 481)  # BYE, INFO, NOTIFY of no dialog
        else:
            self.refuse_method(transaction)

    def _merged(self, transaction: ServerTransaction) -> bool:
        """The same request by two ways (RFC 3261 8.2.2.2)."""
        request = transaction.request
        key = f"{request.from_tag} {request.call_id} {request.firsts['cseq']}"
        other = self.transactions.merges.get(key)
        if other is not None and other is not transaction:
            return True
        transaction.merge_key = key
        self.transactions.merges[key] = transaction
        return False

    def _looped(self, request: Message) -> bool:
        """One of our own INVITEs came back with the same user in its URI; with another one it is a spiral, and fine."""
        own = self.tokens.own_branch
        if request.repeated is None and own not in request.firsts["via"]:
            return False
        for value in request.listed("via"):
            if own in value:
                via = parse_via(value)
                ours = self.transactions.clients.get(via.branch + "INVITE") if via else None
                sent, came = parse_uri(ours.draft.uri) if ours else None, parse_uri(request.uri)
                if sent is None or came is None or sent.user == came.user:
                    return True
        return False

    # --- the ladder

    def _label(self, call: Call, label: str) -> None:
        """Names the leg that a call's messages belong to, for the tap."""
        call.label = label
        if self.tap is not None and label:
            self._labels[call.call_id] = label

    def _unlabel(self, call_id: str) -> None:
        self._labels.pop(call_id, None)
        self._told.pop(call_id, None)
        self._remarks.pop(call_id, None)

    def _tells(self, call_id: str) -> bool:
        """Says whether one more message of a call goes into its timeline: nobody may fill the journal."""
        pace = self._told.get(call_id)
        if pace is None:
            pace = self._told[call_id] = Pace(MAX_TOLD, self.timers.now)
        if pace.lets(self.timers.now, MAX_TOLD, TOLD_PER_S):
            return True
        self.counters.untold += 1
        self.remark(call_id, "more messages came than a timeline keeps; the rest is counted")
        return False

    def _flush_tap(self) -> None:
        if self._untold is not None and self.tap is not None:
            wire, flow, call_id = self._untold
            self._untold = None
            self.tap(self.timers.now, self._labels.get(call_id), "in", wire, flow.peer)
