"""Transactions (RFC 3261 17, RFC 6026, RFC 4320): the tables of `sip.machines` put to work.

One object per transaction, two timer slots each (retransmission and lifetime), no reference back from a timer to
anything but its transaction, and what a finished state no longer needs is dropped, since most objects live 32 s longer
than they are interesting. Client transactions are found by branch and method (17.1.3), server transactions by branch,
sent-by and method (17.2.3), or by the older rules when a branch has no magic cookie.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain

from switchhook.sip import machines
from switchhook.sip.build import Draft, stamped_via, via_value
from switchhook.sip.counters import Counters
from switchhook.sip.flow import Flow
from switchhook.sip.headers import Via
from switchhook.sip.message import Message
from switchhook.sip.timers import T1, T2, T4, Timer, Timers
from switchhook.sip.tokens import COOKIE, Tokens

Send = Callable[[bytes, Flow, str], None]  # wire, flow, Call-ID (for the ladder)

_WAITS = {**dict.fromkeys("BDFHJLM", 64 * T1), "I": T4, "K": T4}
_ZERO_WHEN_RELIABLE = frozenset("DIJK")


class Transaction:
    """What client and server transactions share: state, table, two timers."""

    __slots__ = (
        "_cap", "_interval", "_letter", "_life", "_resend", "_resend_letter", "flow", "key", "layer", "reliable",
        "state", "table", "wire",
    )  # fmt: skip

    def __init__(
        self, layer: Transactions, key: str, flow: Flow, state: str, table: machines.Table, letter: str, cap: float = T2
    ) -> None:
        self.table = table
        self._resend_letter = letter  # A, E or G
        self._cap = cap
        self.layer = layer
        self.key = key
        self.flow = flow
        self.reliable = flow.transport != "udp"
        self.state = state
        self.wire = b""
        self._interval = T1
        self._letter = ""
        self._resend: Timer | None = None
        self._life: Timer | None = None

    def feed(self, stimulus: str, message: Message | None = None) -> bool:
        """Takes one step of the table; False when the table has no such row, and nothing changed."""
        row = self.table.get((self.state, stimulus))
        if row is None:
            return False
        self.state, actions = row
        for action in actions:
            _ACTIONS[action](self, message)
        if self.state is machines.TERMINATED:
            self._forget()
        return True

    # --- actions

    def start_resending(self) -> None:
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
            self._resend.cancel()
            self._resend = None

    def no_wait(self, _: Message | None = None) -> None:
        if self._life is not None:
            self._life.cancel()
            self._life = None

    def wait(self, letter: str) -> None:
        self.no_wait()
        self._letter = letter
        length = 0.0 if self.reliable and letter in _ZERO_WHEN_RELIABLE else _WAITS[letter]
        self._life = self.layer.timers.start(length, self._life_due)

    def _life_due(self) -> None:
        self.feed(self._letter)

    def resend(self, _: Message | None = None) -> None:
        if self.wire:
            self.layer.counters.retransmissions_sent += 1
            self._put(self.wire)

    def _put(self, wire: bytes) -> None:
        raise NotImplementedError

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
        invite = draft.method == "INVITE"
        key = branch + draft.method
        if invite:
            super().__init__(layer, key, flow, machines.CALLING, machines.INVITE_CLIENT, "A", 64 * T1)
        else:
            super().__init__(layer, key, flow, machines.TRYING, machines.NON_INVITE_CLIENT, "E")
        self.draft = draft
        self.via = via_value(flow.transport, flow.local, branch)
        self.on_response = on_response
        self.on_failure = on_failure
        self.wire = draft.wire(self.via)

    def start(self) -> None:
        self._put(self.wire)
        self.start_resending()
        self.wait("B" if self.draft.method == "INVITE" else "F")

    @property
    def open(self) -> bool:
        """True while no final response has come."""
        return self.state in (machines.CALLING, machines.TRYING, machines.PROCEEDING)

    def cancel(self, extra: str) -> None:
        """Sends CANCEL for a proceeding INVITE (RFC 3261 9.1), and gives up 64*T1 later if nothing final comes."""
        self.layer.send_cancel(self, extra)
        self.wait("B")

    def give_up(self) -> None:
        """Sends an INVITE no more, and waits 64*T1 for what may still come: nobody needs its answer any longer."""
        self.settle()
        self.wait("B")

    def _put(self, wire: bytes) -> None:
        self.layer.send(wire, self.flow, self.draft.call_id)

    def _forget(self) -> None:
        super()._forget()
        self.on_response = self.on_failure = _ignore  # the call holds us; let us not hold the call
        self.layer.clients.pop(self.key, None)

    def hand_over(self, message: Message | None) -> None:
        assert message is not None
        if self.state in (machines.COMPLETED, machines.ACCEPTED):
            self.wire = b""
        self.on_response(self, message)

    def acknowledge(self, message: Message | None) -> None:
        assert message is not None
        self._put(self.draft.failure_ack(message.first("to")).wire(self.via))

    def timed_out(self, _: Message | None) -> None:
        self.layer.counters.timeouts += 1
        self.on_failure(self, 408)

    def broke(self, _: Message | None) -> None:
        self.on_failure(self, 503)


class ServerTransaction(Transaction):
    """A request of theirs. `respond` sends; the three callbacks are set by whoever takes the request."""

    __slots__ = ("again", "merge_key", "on_ack", "on_unacknowledged", "refusing", "request", "source", "user")

    def __init__(self, layer: Transactions, key: str, request: Message, flow: Flow, source: Flow) -> None:
        invite = request.verb == "INVITE"
        if invite:
            super().__init__(layer, key, flow, machines.PROCEEDING, machines.INVITE_SERVER, "G")
        else:
            super().__init__(layer, key, flow, machines.TRYING, machines.NON_INVITE_SERVER, "")
        self.request = request
        self.source = source
        self.user: object | None = None  # the call this belongs to
        self.merge_key = ""
        self.again = 0  # how often the request was seen again
        self.refusing = False
        self.on_ack: Callable[[Message], None] | None = None
        self.on_unacknowledged: Callable[[], None] | None = None

    @property
    def open(self) -> bool:
        """True while no final response was sent."""
        return self.state in (machines.PROCEEDING, machines.TRYING)

    def respond(self, status: int, wire: bytes) -> None:
        """Sends a response if the state still allows one; a second final response is not sent."""
        stimulus = "1xx" if status < 200 else "2xx" if status < 300 else "final"
        if (self.state, stimulus) in self.table:
            self.wire = wire
            if status >= 300 and self.merge_key:
                self.layer.merges.pop(self.merge_key, None)
            self.feed(stimulus)

    def _put(self, wire: bytes) -> None:
        self.layer.send(wire, self.flow, self.request.call_id)

    def send_first(self, _: Message | None) -> None:
        self._put(self.wire)

    def hand_over(self, message: Message | None) -> None:
        if self.on_ack is not None and message is not None:
            self.on_ack(message)

    def never_acknowledged(self, _: Message | None) -> None:
        self.layer.counters.never_acknowledged += 1

    def broke(self, _: Message | None) -> None:
        pass

    def _forget(self) -> None:
        super()._forget()
        self.on_ack = None
        self.user = None
        self.layer.servers.pop(self.key, None)
        if self.refusing:
            self.refusing = False
            self.layer.refused -= 1
        if self.merge_key:
            self.layer.merges.pop(self.merge_key, None)


def _wait(letter: str) -> Callable[..., None]:
    return lambda transaction, _: transaction.wait(letter)


_ACTIONS: dict[str, Callable[..., None]] = {
    "send": lambda t, m: t.send_first(m),
    "resend": lambda t, m: t.resend(m),
    "pass": lambda t, m: t.hand_over(m),
    "ack": lambda t, m: t.acknowledge(m),
    "back_off": lambda t, m: t.back_off(m),
    "settle": lambda t, m: t.settle(m),
    "no_wait": lambda t, m: t.no_wait(m),
    "start_G": lambda t, m: t.start_resending(),
    "timeout": lambda t, m: t.timed_out(m),
    "broken": lambda t, m: t.broke(m),
    "unacknowledged": lambda t, m: t.never_acknowledged(m),
    **{f"wait_{letter}": _wait(letter) for letter in "DHIJKLM"},
}


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
        self.refused = 0  # server transactions that refuse and are not over

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
        self.clients[transaction.key] = transaction
        transaction.start()
        return transaction

    def send_cancel(self, invite: ClientTransaction, extra: str) -> None:
        branch = invite.key[: -len("INVITE")]
        cancel = ClientTransaction(self, invite.draft.cancel(extra), invite.flow, branch, _ignore, _ignore)
        if cancel.key not in self.clients:
            self.clients[cancel.key] = cancel
            cancel.start()

    def response(self, message: Message) -> bool:
        """Gives a response to its transaction; False when it has none."""
        cseq = message.cseq
        if cseq is None:
            return False
        transaction = self.clients.get(message.top_branch() + cseq.method)
        if transaction is None:
            return False
        status = message.status
        stimulus = "1xx" if status < 200 else "2xx" if status < 300 else "final"
        if not transaction.feed(stimulus, message):
            self.counters.retransmissions_received += 1
        return True

    def broken(self, flow: Flow) -> None:
        """A connection is gone: every open client transaction on it fails at once (RFC 3261 17.1.4)."""
        for transaction in [t for t in self.clients.values() if t.flow == flow and t.open]:
            self.counters.transport_errors += 1
            transaction.feed("error")

    # --- server side

    def key_of(self, request: Message, via: Via, method: str) -> str:
        """Returns the key of the server transaction that a request belongs to (RFC 3261 17.2.3)."""
        if via.branch.startswith(COOKIE) and len(via.branch) > len(COOKIE):
            return f"{via.branch} {via.host}:{via.port} {method}"
        cseq = request.cseq
        number = cseq.number if cseq else 0
        return f"old {request.uri} {request.from_tag} {request.call_id} {number} {via.host}:{via.port} {method}"

    def seen(self, request: Message, via: Via) -> ServerTransaction | None:
        """Finds the transaction of a request seen again, or of the INVITE that an ACK belongs to."""
        method = "INVITE" if request.verb == "ACK" else request.verb
        return self.servers.get(self.key_of(request, via, method))

    def serve(self, request: Message, via: Via, source: Flow) -> ServerTransaction:
        """Opens a server transaction; the request's top Via gets received and rport."""
        key = self.key_of(request, via, request.verb)
        top = request.first("via")
        value = top.partition(",")[0].strip(" \t") if "," in top else top
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
    return source._replace(port=via.port or 5060)


def _ignore(_transaction: ClientTransaction, _result: object) -> None:
    return None
