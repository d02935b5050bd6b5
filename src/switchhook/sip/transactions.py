"""Transactions (RFC 3261 17, RFC 6026, RFC 4320): the tables of `sip.machines` put to work.

One object per transaction, two timer slots each (retransmission and lifetime), no reference back from a timer to
anything but its transaction, and what a finished state no longer needs is dropped, since most objects live 32 s longer
than they are interesting. Client transactions are found by branch and method (17.1.3), server transactions by branch,
sent-by and method (17.2.3), or by the older rules when a branch has no magic cookie.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import Any

from switchhook.sip import machines
from switchhook.sip.build import Draft, stamped_via, via_value
from switchhook.sip.counters import Counters
from switchhook.sip.flow import Flow
from switchhook.sip.headers import Via, parse_via, split_list
from switchhook.sip.message import Message
from switchhook.sip.riders import Riders
from switchhook.sip.timers import T1, T2, T4, Timer, Timers
from switchhook.sip.tokens import COOKIE, Tokens

Send = Callable[[bytes, Flow, str], None]  # wire, flow, Call-ID (for the ladder)

_OPEN = (machines.CALLING, machines.TRYING, machines.PROCEEDING)
_WAITS = {**dict.fromkeys("BDFHJLM", 64 * T1), "I": T4, "K": T4}
_ZERO_WHEN_RELIABLE = frozenset("DIJK")


_Action = Callable[[Any, Message | None], None]
_Rows = dict[tuple[str, str], tuple[str, tuple[_Action, ...]]]


class Transaction:
    """What client and server transactions share: state, two timers, and the table of its machine."""

    __slots__ = (
        "_cap", "_interval", "_letter", "_life", "_resend", "_resend_letter", "_rows", "call_id", "flow", "key",
        "layer", "reliable", "state", "wire",
    )  # fmt: skip

    _rows: _Rows
    _resend_letter: str  # A, E or G
    _cap: float
    _interval: float
    _letter: str
    _life: Timer | None
    _resend: Timer | None
    call_id: str
    flow: Flow
    key: str
    layer: Transactions
    reliable: bool
    state: str
    wire: bytes

    def feed(self, stimulus: str, message: Message | None = None) -> bool:
        """Takes one step of the table; False when the table has no such row, and nothing changed."""
        row = self._rows.get((self.state, stimulus))
        if row is None:
            return False
        self.state, actions = row
        for action in actions:
            action(self, message)
        if self.state is machines.TERMINATED:
            self._forget()
        return True

    # --- actions

    def start_resending(self, _: Message | None = None) -> None:
        if not self.reliable:
            self._resend = self.layer.timers.start(self._interval, self._resend_due)

    def _resend_due(self) -> None:
        self.feed(self._resend_letter)

    def back_off(self, _: Message | None = None) -> None:
        self._interval = min(self._interval * 2, self._cap)
        if self._resend_letter == "E" and self.state is machines.PROCEEDING:
            self._interval = T2
        self.start_resending()

    def settle(self, _: Message | None = None) -> None:
        if self._resend is not None:
            self._resend.call = None
            self._resend = None

    def no_wait(self, _: Message | None = None) -> None:
        if self._life is not None:
            self._life.call = None
            self._life = None

    def wait(self, letter: str) -> None:
        """Starts B or F; the others are actions of the tables."""
        if self._life is not None:
            self._life.call = None
        self._letter = letter
        self._life = self.layer.timers.start(_WAITS[letter], self._life_due)

    def _life_due(self) -> None:
        self.feed(self._letter)

    def resend(self, _: Message | None = None) -> None:
        if self.wire:
            self.layer.counters.retransmissions_sent += 1
            self.send_first()

    def send_first(self, _: Message | None = None) -> None:
        self.layer.send(self.wire, self.flow, self.call_id)

    def _forget(self) -> None:
        self.settle()
        self.no_wait()


class ClientTransaction(Transaction):
    """A request of ours. `on_response` gets every response the table passes on, `on_failure` 408 or 503 of our own."""

    __slots__ = ("draft", "on_failure", "on_response", "via")

    def __init__(
        self,
        layer: Transactions,
        draft: Draft,
        flow: Flow,
        branch: str,
        on_response: Callable[[ClientTransaction, Message], None],
        on_failure: Callable[[ClientTransaction, int], None],
    ) -> None:
        if draft.method == "INVITE":
            self._rows, self.state = _INVITE_CLIENT, machines.CALLING
            self._resend_letter, self._cap = "A", 64 * T1
        else:
            self._rows, self.state = _NON_INVITE_CLIENT, machines.TRYING
            self._resend_letter, self._cap = "E", T2
        self.layer = layer
        self.key = branch + draft.method
        self.flow = flow
        self.reliable = flow.transport != "udp"
        self.call_id = draft.call_id
        self._interval = T1
        self._letter = ""
        self._resend = self._life = None
        self.draft = draft
        self.via = via_value(flow.transport, flow.local, branch)
        self.on_response = on_response
        self.on_failure = on_failure
        self.wire = draft.wire(self.via)

    def start(self) -> None:
        self.send_first()
        self.start_resending()
        self.wait("B" if self.draft.method == "INVITE" else "F")

    @property
    def open(self) -> bool:
        """True while no final response has come."""
        return self.state in _OPEN

    @property
    def sent_again(self) -> bool:
        """True when the request was sent more than once: only over UDP, and only while nothing came back."""
        return self._interval > T1

    def cancel(self, extra: str) -> None:
        """Sends CANCEL for a proceeding INVITE (RFC 3261 9.1), and gives up 64*T1 later if nothing final comes."""
        self.layer.send_cancel(self, extra)
        self.wait("B")

    def give_up(self) -> None:
        """Sends an INVITE no more, and waits 64*T1 for what may still come: nobody needs its answer any longer."""
        self.settle()
        self.wait("B")

    def _forget(self) -> None:
        super()._forget()
        self.on_response = self.on_failure = _ignore  # the call holds us; let us not hold the call
        self.layer.clients.pop(self.key, None)
        if self.reliable:
            self.layer.riders.leave(self)

    def hand_over(self, message: Message | None) -> None:
        assert message is not None
        state = self.state
        if state is machines.ACCEPTED or state is machines.COMPLETED:
            self.wire = b""
        self.on_response(self, message)
        if state is machines.COMPLETED and self._rows is _NON_INVITE_CLIENT:  # that was its last word to anybody
            self.on_response = self.on_failure = _ignore

    def acknowledge(self, message: Message | None) -> None:
        assert message is not None
        self.layer.send(self.draft.failure_ack(message.firsts.get("to", "")).wire(self.via), self.flow, self.call_id)

    def timed_out(self, _: Message | None) -> None:
        self.layer.counters.timeouts += 1
        self.on_failure(self, 408)

    def broke(self, _: Message | None) -> None:
        self.on_failure(self, 503)


_NO_REQUEST = Message(("", "", "", 0, "", ""), "", b"", "", {}, None, [])


class ServerTransaction(Transaction):
    """A request of theirs. `respond` sends; `on_ack` is set by whoever takes an INVITE."""

    __slots__ = ("again", "bound", "merge_key", "on_ack", "refusing", "request", "source", "tag", "user")

    def __init__(self, layer: Transactions, key: str, request: Message, flow: Flow, source: Flow) -> None:
        if request.verb == "INVITE":
            self._rows, self.state, self._resend_letter = _INVITE_SERVER, machines.PROCEEDING, "G"
        else:
            self._rows, self.state, self._resend_letter = _NON_INVITE_SERVER, machines.TRYING, ""
        self._cap = T2
        self.layer = layer
        self.key = key
        self.flow = flow
        self.reliable = flow.transport != "udp"
        self.call_id = request.call_id
        self.wire = b""
        self._interval = T1
        self._letter = ""
        self._resend = self._life = None
        self.request = request
        self.source = source
        self.user: object | None = None  # the call this belongs to, while it is not over
        self.tag = ""  # its tag, when it is
        self.merge_key = ""
        self.again = 0  # how often the request was seen again
        self.refusing = self.bound = False
        self.on_ack: Callable[[Message], None] | None = None

    @property
    def open(self) -> bool:
        """True while no final response was sent."""
        return self.state in _OPEN

    def reroute(self, lost: Flow) -> None:
        """Its connection closed: what is still to be said goes to the port that its Via names (RFC 3261 18.2.2)."""
        via = self.request.via
        if self.flow == lost and via is not None:
            self.flow = lost.at_port(via.port or 5060)

    def respond(self, status: int, wire: bytes) -> None:
        """Sends a response if the state still allows one; a second final response is not sent."""
        stimulus = "1xx" if status < 200 else "2xx" if status < 300 else "final"
        if (self.state, stimulus) in self._rows:
            self.wire = wire
            if status >= 300 and self.merge_key:
                self.layer.merges.pop(self.merge_key, None)
            self.feed(stimulus)
            if self.state is machines.ACCEPTED:
                self.wire = b""  # the dialog sends it again, not we

    def hand_over(self, message: Message | None) -> None:
        if self.on_ack is not None and message is not None:
            self.on_ack(message)

    def never_acknowledged(self, _: Message | None) -> None:
        self.layer.counters.never_acknowledged += 1
        self.layer.unacknowledged(self.call_id)

    def let_go(self, tag: str = "") -> None:
        """Drops the request and the call when nobody will ask for them: this object outlives them by up to 32 s."""
        if not self.open:
            self.request = _NO_REQUEST
            self.user = self.on_ack = None
            self.tag = tag

    def _forget(self) -> None:
        super()._forget()
        self.on_ack = None
        self.user = None
        self.layer.servers.pop(self.key, None)
        if self.refusing:
            self.refusing = False
            self.layer.refused -= 1
        if self.bound:
            self.bound = False
            self.layer.bound -= 1
        if self.merge_key:
            self.layer.merges.pop(self.merge_key, None)


_METHODS = {
    "send": "send_first", "resend": "resend", "pass": "hand_over", "ack": "acknowledge", "back_off": "back_off",
    "settle": "settle", "no_wait": "no_wait", "start_G": "start_resending", "timeout": "timed_out", "broken": "broke",
    "unacknowledged": "never_acknowledged",
}  # fmt: skip


def _waiting(letter: str) -> _Action:
    length_s = _WAITS[letter]
    zero = letter in _ZERO_WHEN_RELIABLE

    def wait(transaction: Transaction, _: Message | None) -> None:
        if transaction._life is not None:
            transaction._life.call = None
        transaction._letter = letter
        length = 0.0 if zero and transaction.reliable else length_s
        transaction._life = transaction.layer.timers.start(length, transaction._life_due)

    return wait


def _bound(table: machines.Table, owner: type[Transaction]) -> _Rows:
    """Puts the functions in the place of a table's names of actions."""

    def action(name: str) -> _Action:
        if name.startswith("wait_"):
            return _waiting(name[5:])
        found: _Action = getattr(owner, _METHODS[name])
        return found

    return {row: (state, tuple(map(action, names))) for row, (state, names) in table.items()}


_INVITE_CLIENT = _bound(machines.INVITE_CLIENT, ClientTransaction)
_NON_INVITE_CLIENT = _bound(machines.NON_INVITE_CLIENT, ClientTransaction)
_INVITE_SERVER = _bound(machines.INVITE_SERVER, ServerTransaction)
_NON_INVITE_SERVER = _bound(machines.NON_INVITE_SERVER, ServerTransaction)


class Transactions:
    """All transactions of one engine."""

    def __init__(self, timers: Timers, send: Send, counters: Counters, tokens: Tokens) -> None:
        self.timers = timers
        self.send = send
        self.counters = counters
        self.tokens = tokens
        self.clients: dict[str, ClientTransaction] = {}
        self.servers: dict[str, ServerTransaction] = {}
        self.merges: dict[str, ServerTransaction] = {}
        self.riders: Riders[ClientTransaction] = Riders()  # of those on connections
        self.refused = 0  # server transactions that refuse and are not over
        self.bound = 0  # those that have bound telephones
        self.unacknowledged: Callable[[str], None] = lambda _call_id: None  # told of refusals that got no ACK

    # --- client side

    def request(
        self,
        draft: Draft,
        flow: Flow,
        on_response: Callable[[ClientTransaction, Message], None],
        on_failure: Callable[[ClientTransaction, int], None],
    ) -> ClientTransaction:
        """Sends a request (not ACK) in a new transaction."""
        transaction = ClientTransaction(self, draft, flow, self.tokens.branch(), on_response, on_failure)
        self.begin(transaction)
        return transaction

    def begin(self, transaction: ClientTransaction) -> None:
        """Sends the request of a transaction made before."""
        self.clients[transaction.key] = transaction
        if transaction.reliable:
            self.riders.put(transaction, transaction.flow)
        transaction.start()

    def send_cancel(self, invite: ClientTransaction, extra: str) -> None:
        branch = invite.key[: -len("INVITE")]
        cancel = ClientTransaction(self, invite.draft.cancel(extra), invite.flow, branch, _ignore, _ignore)
        if cancel.key not in self.clients:
            self.begin(cancel)

    def response(self, message: Message) -> bool:
        """Gives a response to its transaction; False when it has none."""
        cseq = message.cseq
        if cseq is None:
            return False
        transaction = self.clients.get(message.top_branch() + cseq.method)
        if transaction is None or not _answers(message, transaction):
            return False
        status = message.status
        stimulus = "1xx" if status < 200 else "2xx" if status < 300 else "final"
        if not transaction.feed(stimulus, message):
            self.counters.retransmissions_received += 1
        return True

    def broken(self, flow: Flow) -> None:
        """A connection is gone: every open client transaction on it fails at once (RFC 3261 17.1.4)."""
        found = self.riders.on(flow) if flow.reliable else [t for t in self.clients.values() if t.flow == flow]
        for transaction in [t for t in found if t.open]:
            self.counters.transport_errors += 1
            transaction.feed("error")

    # --- server side

    def key_of(self, request: Message, via: Via, method: str) -> str:
        """Returns the key of the server transaction that a request belongs to (RFC 3261 17.2.3)."""
        _, host, port, branch, _, _ = via
        if branch.startswith(COOKIE) and branch != COOKIE:
            return f"{branch} {host}:{port} {method}"
        cseq = request.cseq
        number = cseq.number if cseq else 0
        return f"old {request.uri} {request.from_tag} {request.call_id} {number} {host}:{port} {method}"

    def seen(self, request: Message, via: Via) -> ServerTransaction | None:
        """Finds the transaction of a request seen again, or of the INVITE that an ACK belongs to."""
        method = "INVITE" if request.verb == "ACK" else request.verb
        return self.servers.get(self.key_of(request, via, method))

    def serve(self, request: Message, via: Via, source: Flow, key: str = "") -> ServerTransaction:
        """Opens a server transaction (of this `key_of`); the request's top Via gets received and rport."""
        key = key or self.key_of(request, via, request.verb)
        top = request.firsts.get("via", "")
        value = split_list(top)[0] if "," in top else top
        stamped = stamped_via(value, via, source.host, source.port)
        if stamped is not value:
            rport = None if via.rport is None else str(source.port)
            request.replace_top_via(stamped, via._replace(received=source.host, rport=rport))
        transaction = ServerTransaction(self, key, request, reply_flow(via, source), source)
        self.servers[key] = transaction
        return transaction

    def refuse(self, transaction: ServerTransaction, status: int, wire: bytes) -> None:
        """Sends a final answer to a request that begins nothing; `refused` counts it until it is forgotten."""
        if not transaction.refusing:
            transaction.refusing = True
            self.refused += 1
        transaction.respond(status, wire)

    def accept(self, transaction: ServerTransaction, wire: bytes) -> None:
        """Sends the 200 to a REGISTER; `bound` counts it until it is forgotten."""
        transaction.bound = True
        self.bound += 1
        transaction.respond(200, wire)

    def respond_and_forget(self, transaction: ServerTransaction, wire: bytes) -> None:
        """Answers once and keeps nothing: the request, sent again, is a new one, and its ACK a stray one."""
        self.send(wire, transaction.flow, transaction.request.call_id)
        transaction.state = machines.TERMINATED
        transaction._forget()

    def cancelled(self, cancel: Message, via: Via) -> ServerTransaction | None:
        """Finds the INVITE transaction that a CANCEL is for (RFC 3261 9.2)."""
        return self.servers.get(self.key_of(cancel, via, "INVITE"))

    def live(self) -> int:
        """Counts the transactions that are not over."""
        return sum(1 for _ in chain(self.clients, self.servers))


def reply_flow(via: Via, source: Flow) -> Flow:
    """Returns where responses go (RFC 3261 18.2.2, RFC 3581 4); maddr is ignored, it would let anyone aim us."""
    if source.transport != "udp" or via.rport is not None:
        return source
    return source.at_port(via.port or 5060)


def _answers(message: Message, transaction: ClientTransaction) -> bool:
    """False for a response whose Via names another place than ours (RFC 3261 18.1.2), or others as well (8.1.3.3)."""
    top, more = message.firsts["via"], message.repeated
    if "," in top or (more is not None and "via" in more):
        return False
    if top == transaction.via or top.startswith(f"{transaction.via.partition(';')[0]};"):
        return True
    via, ours = message.via, parse_via(transaction.via)  # written in another way, perhaps
    return via is not None and ours is not None and (via.host, via.port or 5060) == (ours.host, ours.port or 5060)


def _ignore(_transaction: ClientTransaction, _result: object) -> None:
    return None
