"""A SIP telephone without a clock and without sockets: registers, calls, answers, holds, hangs up.

It is built on the same engine as the server's line, and is what the lab's virtual telephones and `switchhook phone`
are made of. The owner gives it a transport (real or fake), tells it the time through `clock`, and is told what happens
through `Phone`. Use it like this:

    agent = Agent(phone, transport, Identity("1001", "example.org", "secret"), clock=loop.time, random=Random(1),
                  server=("udp", "127.0.0.1", 5060))
    ticking = Ticking(agent.engine.timers, agent.tick, loop)     # or call agent.tick() yourself
    agent.register(300)                                          # Phone.registered follows
    line = agent.call("sip:1002@example.org", MediaAddress("127.0.0.1", 40000))
    line.hold(); line.resume(); line.send_digit("5"); line.hang_up()

    # in Phone.incoming(line):  line.ring(); line.progress(address); line.answer(address); line.reject(486)

All answers come through `Phone`; every line ends with exactly one `Phone.ended`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from random import Random
from typing import Protocol

from switchhook.core.values import dataclass
from switchhook.exchange.ports import Codec, Direction, Latching, MediaAddress, Session
from switchhook.sip.call import Call, Ending
from switchhook.sip.digest import Credentials, Responder
from switchhook.sip.engine import Engine, Tap
from switchhook.sip.flow import Flow, Located, Locator, Transport
from switchhook.sip.headers import parse_address, quote_text, readable, whole_number
from switchhook.sip.incoming import IncomingCall
from switchhook.sip.locate import literal
from switchhook.sip.message import Message
from switchhook.sip.negotiation import OUR_CODECS, Negotiation
from switchhook.sip.outgoing import Outgoing, OutgoingCall
from switchhook.sip.registration import Registration
from switchhook.sip.transactions import ServerTransaction
from switchhook.sip.uri import escape_user, parse_uri


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the telephone is: user part and domain of its address, digest password, name to show."""

    username: str
    domain: str
    password: str = field(default="", repr=False)
    display: str = ""

    @property
    def uri(self) -> str:
        return f"sip:{escape_user(self.username)}@{self.domain}"

    @property
    def address(self) -> str:
        return f"{quote_text(self.display)} <{self.uri}>" if self.display else f"<{self.uri}>"


class Phone(Protocol):
    """What a telephone is told, within `Agent.receive` or `Agent.tick`, or by the line's own methods."""

    def incoming(self, line: Line) -> None:
        """Somebody calls: `line.ring()`, `line.answer(...)` or `line.reject(...)`, now or later."""

    def rang(self, line: Line, early: bool) -> None: ...

    def answered(self, line: Line) -> None:
        """The call is up: their 2xx came, or the ACK of ours."""

    def session(self, line: Line, session: Session) -> None:
        """Offer and answer agreed; again after each change."""

    def held(self, line: Line, on: bool) -> None:
        """The far end put this line on hold, or took it back."""

    def digit(self, line: Line, digit: str, duration_ms: int) -> None: ...

    def talk(self, line: Line) -> None:
        """The far end asks to pick up by itself (`NOTIFY`, `Event: talk`)."""

    def ended(self, line: Line, ending: Ending) -> None: ...

    def registered(self, ok: bool, status: int) -> None:
        """A registration or unregistration got its final answer (408, 503: none came)."""


class Line:
    """One call of a telephone."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._call: Call | None = None
        self.remote_user = ""  # user part of the far end's address
        self.remote_display = ""
        self.called_user = ""  # user part of the Request-URI of an incoming call
        self.answer_after: int | None = None  # seconds, when the caller asks to pick up by itself
        self.invite: Message | None = None  # the INVITE of an incoming call

    @property
    def call(self) -> Call:
        assert self._call is not None
        self._agent.look_at_clock()
        return self._call

    @property
    def call_id(self) -> str:
        return self.call.call_id

    @property
    def up(self) -> bool:
        return self.call.confirmed and not self.call.ended

    @property
    def over(self) -> bool:
        return self.call.ended

    @property
    def session(self) -> Session | None:
        return self.call.media.session if self.call.media is not None else None

    def ring(self) -> None:
        """Sends 180."""
        self._incoming().ring()

    def progress(self, media: MediaAddress) -> None:
        """Sends 183 with SDP: early audio."""
        self._open(media)
        self._incoming().progress()

    def answer(self, media: MediaAddress) -> None:
        """Picks up."""
        self._open(media)
        self._incoming().answer()

    def reject(self, status: int = 486, extra: str = "") -> None:
        """Refuses an incoming call; `extra` is whole header lines, such as `Contact: <sip:...>` for a 302."""
        self._incoming().reject(status, extra)

    def hang_up(self, reason: str = "") -> None:
        """Ends the line in any state: CANCEL, BYE, or a refusal."""
        self.call.hang_up(reason)

    def hold(self, direction: Direction = Direction.SENDONLY) -> None:
        """Puts the far end on hold by re-INVITE."""
        if self.call.media is not None:
            self.call.media.wish = direction
            self.call.reinvite()

    def resume(self) -> None:
        """Takes the far end back."""
        self.hold(Direction.SENDRECV)

    def reoffer(self) -> None:
        """Sends a re-INVITE without an offer: the far end offers, our ACK answers."""
        self.call.reinvite(offerless=True)

    def send_digit(self, digit: str, duration_ms: int = 160) -> None:
        """Presses a key by INFO."""
        self.call.info(digit, duration_ms)

    def _incoming(self) -> IncomingCall:
        self._agent.look_at_clock()
        assert isinstance(self._call, IncomingCall)
        return self._call

    def _open(self, media: MediaAddress) -> None:
        if self.call.media is None:
            self.call.media = self._agent.negotiation(media, self._incoming().invite.source.host)


class Agent:
    """A telephone with any number of lines. `server` is where everything outside a dialog goes (an outbound proxy)."""

    def __init__(
        self,
        phone: Phone,
        transport: Transport,
        identity: Identity,
        *,
        clock: Callable[[], float],
        random: Random,
        server: tuple[str, str, int],
        locate: Locator | None = None,
        codecs: tuple[Codec, ...] = OUR_CODECS,
        latching: Latching = Latching.SIGNALLING,
        name: str = "Switchhook phone",
        tap: Tap | None = None,
    ) -> None:
        self.phone = phone
        self.identity = identity
        self.codecs = codecs
        self.latching = latching
        self.server = server
        self._clock = clock
        self._random = random
        self._transport = transport
        self._elsewhere = locate or literal(transport)
        self.engine = Engine(
            self, transport, self.locate, random=random, now=clock(), worker=identity.username, name=name, tap=tap
        )
        self._lines: dict[Call, Line] = {}
        self._registration: Registration | None = None
        transport.on_message = self.receive
        transport.on_broken = self.broken

    # --- time and messages

    def receive(self, wire: bytes, flow: Flow) -> None:
        """Takes one message from the network."""
        self.engine.receive(wire, flow, self._clock())

    def broken(self, flow: Flow) -> None:
        self.engine.broken(flow, self._clock())

    def tick(self) -> None:
        """Fires what is due; see `sip.ticking`."""
        self.engine.tick(self._clock())

    def look_at_clock(self) -> None:
        """States the time to the engine, before anything that starts a timer."""
        self.engine.timers.at(self._clock())

    @property
    def lines(self) -> tuple[Line, ...]:
        """The lines that are not over."""
        return tuple(self._lines.values())

    # --- what a person does

    def become(self, identity: Identity) -> None:
        """Is somebody else from now on: for the next registration and the next calls."""
        self.identity = identity
        if self._registration is not None:
            self._registration.stop()
            self._registration = None

    def register(self, expires_s: int = 300) -> None:
        """Registers, and again before it expires; `expires_s` 0 unregisters. `Phone.registered` follows each time."""
        self.look_at_clock()
        if self._registration is None:
            self._registration = Registration(self)
        self._registration.send(expires_s)

    def unregister(self) -> None:
        self.register(0)

    def call(
        self, uri: str, media: MediaAddress, *, extra: str = "", offerless: bool = False, display: str | None = None
    ) -> Line:
        """Calls a URI through the server; raises ValueError when the server's transport is not one of ours."""
        self.look_at_clock()
        flow = self.server_flow()
        line = Line(self)
        parsed = parse_uri(uri)
        line.remote_user = parsed.number if parsed is not None else ""
        caller = self.identity.address if display is None else f"{quote_text(display)} <{self.identity.uri}>"
        outgoing = Outgoing(uri, caller, f"<{uri}>", (flow,), extra=extra, offerless=offerless)
        call = OutgoingCall(self.engine, self, outgoing, self.negotiation(media, flow.host), self.responder())
        self.engine.enter(call)
        line._call = call
        self._lines[call] = line
        call.start()
        return line

    # --- engine.User

    def invited(self, transaction: ServerTransaction) -> None:
        request = transaction.request
        line = Line(self)
        call = self.engine.take(transaction, self)
        call.responder = self.responder()
        line._call = call
        line.invite = request
        caller = parse_address(request.first("from"))
        origin = parse_uri(caller.uri) if caller is not None else None
        line.remote_user = readable(origin.number) if origin is not None else ""
        line.remote_display = readable(caller.display) if caller is not None else ""
        called = parse_uri(request.uri)
        line.called_user = readable(called.number) if called is not None else ""
        line.answer_after = _answer_after(request)
        self._lines[call] = line
        self.phone.incoming(line)

    def registering(self, transaction: ServerTransaction) -> None:
        self.engine.refuse_method(transaction)

    # --- call.Owner

    def rang(self, call: Call, *, early: bool) -> None:
        self.phone.rang(self._lines[call], early)

    def answered(self, call: Call) -> None:
        self.phone.answered(self._lines[call])

    def agreed(self, call: Call, session: Session) -> None:
        self.phone.session(self._lines[call], session)

    def held(self, call: Call, on: bool) -> None:
        self.phone.held(self._lines[call], on)

    def pressed(self, call: Call, digit: str, duration_ms: int) -> None:
        self.phone.digit(self._lines[call], digit, duration_ms)

    def asked_to_talk(self, call: Call) -> None:
        self.phone.talk(self._lines[call])

    def over(self, call: Call, ending: Ending) -> None:
        line = self._lines.pop(call, None)
        if line is not None:
            self.phone.ended(line, ending)

    def redirected(self, call: Call, uri: str) -> str | None:
        return uri

    # --- shared with lines and registration

    def negotiation(self, media: MediaAddress, signalling_host: str) -> Negotiation:
        return Negotiation(
            media,
            self.engine.tokens.number(),
            user=self.identity.username or "-",
            signalling_host=signalling_host,
            latching=self.latching,
            codecs=self.codecs,
        )

    def responder(self) -> Responder | None:
        if not self.identity.password:
            return None
        return Responder(Credentials(self.identity.username, self.identity.password), self._random)

    def server_flow(self) -> Flow:
        flow = self._transport.flow(*self.server)
        if flow is None:
            raise ValueError(f"no transport for {self.server[0]}:{self.server[1]}:{self.server[2]}")
        return flow

    def locate(self, uri: str, found: Located) -> None:
        """Finds a URI's flows; what has no address goes to the server."""

        def fallback(flows: list[Flow]) -> None:
            found(flows or [self.server_flow()])

        self._elsewhere(uri, fallback)


def _answer_after(request: Message) -> int | None:
    """Reads the wish to be picked up by itself: `answer-after=N` in Call-Info or Alert-Info, `Answer-Mode: Auto`."""
    for name in ("call-info", "alert-info"):
        for value in request.get_all(name):
            _, found, rest = value.lower().partition("answer-after=")
            if found:
                return whole_number(rest.partition(";")[0].strip('" ')) or 0
    mode = request.get("answer-mode") or ""
    return 0 if mode.lower().startswith("auto") else None
