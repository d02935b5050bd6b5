"""`exchange.ports.Signalling` over SIP: the engine, the registrar and the callers' rules, put together for the server.

Still without clock and sockets: they come in as `clock` and `transport`. Events wait in an outbox until the engine has
finished with the message, timer or request that brought them about, so the exchange is never called from within its
own call, and may call back freely. What a message brings is told before `receive` returns; what a port method brings
is told by `defer` (the loop's `call_soon`).

Somewhat over 400 lines: it is where the parts of the SIP side meet, and each of them is in a file of its own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from random import Random
from typing import cast

import structlog

from switchhook.core.errors import Unavailable
from switchhook.core.events import EndpointChanged, Event, LegArrived
from switchhook.core.ids import LegId
from switchhook.core.outcomes import Outcome
from switchhook.exchange.ports import Contact, Endpoint, Invitation, Latching, MediaAddress, Session, Trunk
from switchhook.sip.arrivals import arrival_of
from switchhook.sip.call import Call
from switchhook.sip.callers import Callers, Refusal
from switchhook.sip.counters import Counters
from switchhook.sip.digest import Credentials, Responder
from switchhook.sip.engine import Engine, Tap
from switchhook.sip.flow import Flow, Locator, Transport
from switchhook.sip.guesses import Guesses
from switchhook.sip.headers import parse_address, quote_text, readable
from switchhook.sip.later import Later
from switchhook.sip.legs import ArrivedLeg, CalledLeg, Leg
from switchhook.sip.locate import literal, literal_place
from switchhook.sip.negotiation import Negotiation, acceptable, why_not
from switchhook.sip.outgoing import Outgoing, OutgoingCall
from switchhook.sip.overload import NEW, Admission, Reason
from switchhook.sip.registrar import Binding, Registrar
from switchhook.sip.settings import EndpointSettings, LineSettings, TrunkSettings
from switchhook.sip.transactions import ServerTransaction
from switchhook.sip.uri import SipUri, escape_user, parse_uri, place_of, without_headers

LegTap = Callable[[float, LegId | None, str, bytes, str], None]  # at, leg, "in" or "out", wire, peer

_LEAST_HALF_OPEN = 16
_JUDGED = (*NEW, b"ACK ")

REMEMBER_S = 60.0  # how long `hidden` knows a leg that is over

_log = structlog.get_logger("switchhook.sip")


class Line:
    """The server's SIP side. `media_address` may raise `Unavailable`: the leg then fails or is refused with 503."""

    def __init__(
        self,
        settings: LineSettings,
        transport: Transport,
        *,
        emit: Callable[[Event], None],
        on_session: Callable[[LegId, Session], None],
        media_address: Callable[[LegId], MediaAddress],
        new_leg: Callable[[], LegId],
        clock: Callable[[], float],
        defer: Callable[[Callable[[], None]], object],
        random: Random,
        locate: Locator | None = None,
        tap: LegTap | None = None,
        busy: Callable[[], Reason | None] = lambda: None,
        on_overload: Callable[[Reason, bool, str], None] = lambda _reason, _on, _text: None,
        on_note: Callable[[LegId, str], None] | None = None,
    ) -> None:
        self.settings = settings
        self.tell_session = on_session
        self._emit = emit
        self._media_address = media_address
        self._new_leg = new_leg
        self._clock = clock
        self._defer = defer
        self._random = random
        self._transport = transport
        self._legs: dict[LegId, Leg] = {}
        self._unanswered: set[LegId] = set()  # arrived legs that have no final answer of ours
        self._busy_outside = busy
        self._call_ids: dict[LegId, str] = {}
        self._outbox: deque[Event] = deque()
        self._busy = False  # the outbox is emptied when the present work is done
        self._flush_planned = False
        self.draining = False  # refuse new calls with 503
        self.engine = Engine(
            self,
            transport,
            locate or literal(transport),
            random=random,
            now=clock(),
            worker=settings.worker,
            name=settings.name,
            registers=True,
            tap=cast("Tap | None", tap),  # our labels are the ids of legs
        )
        if on_note is not None:
            self.engine.note = lambda leg, text: on_note(LegId(leg), text)
        self._forgetting = Later(self.engine.timers, REMEMBER_S, self._call_ids.pop)
        self.admission = Admission(
            self.counters, clock=clock, mark=self.engine.tokens.mark, busy=self._limit_reached, changed=on_overload
        )
        self.callers = Callers(settings, self.engine.counters, Guesses(self.engine.timers))
        self.registrar = Registrar(self.engine, settings, self._endpoint_changed)
        transport.on_message = self.receive
        transport.on_broken = self.broken

    @property
    def counters(self) -> Counters:
        return self.engine.counters

    @property
    def live_legs(self) -> int:
        """Counts the legs that are not over."""
        return len(self._legs)

    def registered(self) -> dict[str, int]:
        """Counts the contacts of every registered endpoint."""
        return self.registrar.registered()

    # --- telephones that come and go while we run (exchange.declared.Telephones)

    def admit(self, username: str, hashes: Mapping[str, str], latching: Latching) -> None:
        """Lets a telephone register and call from now on; `hashes` are by digest algorithm, for our realm."""
        self.callers.endpoints[username] = EndpointSettings(username, latching=latching, hashes=hashes)

    def expel(self, username: str) -> None:
        """Knows a telephone no longer: its registration ends, its calls go on."""
        self.callers.endpoints.pop(username, None)
        self.registrar.forget(username)

    def contacts(self, username: str) -> list[Contact]:
        """Returns where a telephone can be reached, preferred first."""
        bindings = self.registrar.bindings(username)
        return [Contact(readable(one.uri), one.expires_at, _clean(one.user_agent)) for one in bindings]

    # --- messages and time

    def receive(self, wire: bytes, flow: Flow) -> None:
        """Takes one message from the network; whatever it is, nothing is raised."""
        outermost = not self._busy
        self._busy = True
        try:
            if not (wire.startswith(_JUDGED) and self._kept_out(wire, flow)):
                self.engine.receive(wire, flow, self._clock())
        except Exception:
            self._bug(flow)
        finally:
            if outermost:
                if self._outbox:
                    self._flush()
                self._busy = False

    def _kept_out(self, wire: bytes, flow: Flow) -> bool:
        """True for a new request that is refused for an overload, which is answered here, and for its ACK."""
        if wire.startswith(b"ACK "):
            ours = self.admission.ours(wire)
            self.counters.received += ours
            return ours
        refusal = self.admission.refusal(wire, flow, self.engine.transactions)
        if refusal is not None and not self.admission.silent(flow):
            self.counters.sent += 1
            self._transport.send(*refusal)
        return refusal is not None

    def _limit_reached(self) -> Reason | None:
        most = self.settings.max_legs
        if most and len(self._legs) >= most:
            return Reason.LEGS
        if most and len(self._unanswered) >= max(_LEAST_HALF_OPEN, most // 2):
            return Reason.HALF_OPEN
        return self._busy_outside()

    def broken(self, flow: Flow) -> None:
        """A connection broke."""

        def tell() -> None:
            self.registrar.broken(flow)
            self.engine.broken(flow, self._clock())

        self._work(tell, flow)

    def tick(self) -> None:
        """Fires the timers that are due; see `sip.ticking`."""
        self._work(lambda: self.engine.tick(self._clock()), None)

    def _work(self, action: Callable[[], object], flow: Flow | None) -> None:
        outermost = not self._busy
        self._busy = True
        try:
            action()
        except Exception:
            self._bug(flow)
        finally:
            if outermost:
                self._flush()
                self._busy = False

    def _bug(self, flow: Flow | None) -> None:
        self.counters.bugs += 1
        _log.exception("a SIP message or timer brought about an error of ours", peer=flow.peer if flow else "")

    def emit(self, event: Event) -> None:
        """Takes an event of a leg; it is told when the present work is done."""
        self._outbox.append(event)
        if not self._busy and not self._flush_planned:
            self._flush_planned = True
            self._defer(self._deferred_flush)

    def _deferred_flush(self) -> None:
        self._flush_planned = False
        self._look_at_clock()
        outermost = not self._busy
        self._busy = True
        self._flush()
        self._busy = not outermost

    def _flush(self) -> None:
        outbox = self._outbox
        while outbox:
            event = outbox.popleft()
            try:
                self._emit(event)
            except Exception:
                self.counters.bugs += 1
                _log.exception("an event was not taken", event_kind=type(event).__name__)

    # --- exchange.ports.Signalling

    def invite(self, invitation: Invitation) -> None:
        self._look_at_clock()
        leg = CalledLeg(self, invitation.leg, invitation)
        self._legs[leg.id] = leg
        target = invitation.target
        if isinstance(target, Endpoint):
            if not self._ring_endpoint(leg, target.username):
                leg.failed(Outcome.NOT_REGISTERED, 480, "not registered")
        elif isinstance(target, Trunk):
            self._call_trunk(leg, target)
        else:
            self._call_uri(leg, target.uri, None)

    def ring(self, leg: LegId) -> None:
        found = self._arrived(leg)
        if found is not None:
            found.call.ring()

    def progress(self, leg: LegId) -> None:
        found = self._arrived(leg)
        if found is not None and found.call.waiting and found.open_media():
            found.call.progress()

    def answer(self, leg: LegId) -> None:
        found = self._arrived(leg)
        if found is not None and found.call.waiting and found.open_media():
            self._unanswered.discard(leg)
            found.call.answer()

    def end(self, leg: LegId, outcome: Outcome, *, status: int = 0) -> None:
        self._look_at_clock()
        found = self._legs.get(leg)
        if found is not None and not found.ended:
            found.end(outcome, status)
            self.forget(leg)

    def press_answer(self, leg: LegId) -> None:
        self._look_at_clock()
        found = self._legs.get(leg)
        if isinstance(found, CalledLeg):
            found.press_answer()

    def hidden(self, leg: LegId) -> str:
        found = self._legs.get(leg)
        return found.call_id if found is not None else self._call_ids.get(leg, "")

    def _arrived(self, leg: LegId) -> ArrivedLeg | None:
        self._look_at_clock()
        found = self._legs.get(leg)
        return found if isinstance(found, ArrivedLeg) else None

    def _look_at_clock(self) -> None:
        if not self._busy:  # else it is about a message or a timer, for which it was looked at
            self.engine.timers.at(self._clock())

    # --- outgoing

    def _ring_endpoint(self, leg: CalledLeg, username: str) -> bool:
        bindings = self.registrar.bindings(username)
        leg.visited.add(username)
        for binding in bindings:
            self._ring_contact(leg, username, binding)
        return bool(bindings)

    def _ring_contact(self, leg: CalledLeg, username: str, binding: Binding) -> None:
        callee = f"<sip:{escape_user(username)}@{self.settings.domain}>"
        endpoint = self.callers.endpoints.get(username)
        latching = endpoint.latching if endpoint is not None else Latching.SIGNALLING
        if binding.pinned is not None:
            self._place(leg, binding.uri, callee, [binding.pinned], None, latching, behind_nat=True)
            return
        hop = binding.uri
        if binding.path:
            first = parse_address(binding.path[0])
            hop = first.uri if first is not None else hop

        def found(flows: list[Flow]) -> None:
            over_udp = binding.flow is not None and not binding.flow.reliable
            self._place(leg, binding.uri, callee, flows, None, latching, binding.path, any_transport=not over_udp)

        self._locate(leg, hop, found)

    def _call_trunk(self, leg: CalledLeg, target: Trunk) -> None:
        trunk = self.callers.trunks.get(target.name)
        parsed = parse_uri(trunk.uri) if trunk is not None else None
        if trunk is None or parsed is None:
            leg.failed(Outcome.FAILED, 500, f"no trunk {target.name}")
            return
        uri = f"sip:{escape_user(target.user)}@{place_of(parsed.host, parsed.port)}{parsed.params}"
        self._call_uri(leg, uri, trunk)

    def _call_uri(self, leg: CalledLeg, uri: str, trunk: TrunkSettings | None) -> None:
        credentials = trunk.credentials if trunk is not None else None
        latching = trunk.latching if trunk is not None else Latching.SIGNALLING

        def found(flows: list[Flow]) -> None:
            self._place(leg, uri, f"<{uri}>", flows, credentials, latching, any_transport=True)

        self._locate(leg, uri, found)

    def _locate(self, leg: CalledLeg, uri: str, found: Callable[[list[Flow]], None]) -> None:
        place = literal_place(uri)
        flow = self._transport.flow(*place) if place is not None else None
        if flow is not None:
            found([flow])
            return
        leg.locating += 1

        def located(flows: list[Flow]) -> None:
            leg.locating -= 1
            self._look_at_clock()
            if not leg.ended and not leg.won:  # what is found later is not rung any more
                found(flows)

        self.engine.locate(uri, located)

    def _place(
        self,
        leg: CalledLeg,
        uri: str,
        callee: str,
        flows: list[Flow],
        credentials: Credentials | None,
        latching: Latching,
        routes: tuple[str, ...] = (),
        *,
        behind_nat: bool = False,
        any_transport: bool = False,
    ) -> None:
        if not flows:
            self.counters.unresolved += 1
            leg.failed(Outcome.CONGESTED, 503, "no address for the far end")
            return
        invitation = leg.invitation
        media = self.negotiation(leg.id, flows[0].host, latching)
        if media is None:
            leg.failed(Outcome.CONGESTED, 503, "no audio port is free")
            return
        if invitation.credentials is not None:
            credentials = Credentials(*invitation.credentials)
        responder = Responder(credentials, self._random) if credentials is not None else None
        outgoing = Outgoing(
            without_headers(uri), self._from(invitation), callee, tuple(flows), self._extra(invitation), routes,
            behind_nat=behind_nat, max_forwards=max(0, invitation.hops_left), any_transport=any_transport,
        )  # fmt: skip
        leg.add(self.engine.call(leg, outgoing, media, responder, label=leg.id))

    def _from(self, invitation: Invitation) -> str:
        uri = f"<sip:{escape_user(invitation.caller)}@{self.settings.domain}>"
        return f"{quote_text(_clean(invitation.caller_name))} {uri}" if invitation.caller_name else uri

    def _extra(self, invitation: Invitation) -> str:
        lines = [f"X-CallUUID: {invitation.leg}\r\n"]
        lines += [f"{_clean(name)}: {_clean(value)}\r\n" for name, value in invitation.headers]
        if invitation.answer_after is not None:
            lines.append(f"Call-Info: <sip:{self.settings.domain}>;answer-after={invitation.answer_after}\r\n")
        return "".join(lines)

    def redirected(self, leg: CalledLeg, call: Call, uri: str) -> str | None:
        """A 3xx named a URI: a telephone of ours rings under the same leg, other hosts only if they are a trunk's."""
        parsed = parse_uri(uri)
        if parsed is None or not isinstance(call, OutgoingCall):
            return None
        flow = call.outgoing.flows[0]
        if self.callers.ours(parsed, flow):
            if parsed.number in self.callers.endpoints and parsed.number not in leg.visited:
                self._ring_endpoint(leg, parsed.number)
            return None
        return uri if parsed.host == flow.host or self.callers.trunk_host(parsed.host) else None

    # --- incoming (engine.User)

    def invited(self, transaction: ServerTransaction) -> None:
        request, flow = transaction.request, transaction.source
        if self.draining:
            self.engine.refuse(transaction, 503, "Retry-After: 30\r\n")
            return
        caller = self.callers.identify(request, flow, self.engine.timers.now)
        called = parse_uri(request.uri)
        if isinstance(caller, Refusal):
            self.engine.refuse(transaction, caller.status, caller.extra)
        elif called is None or (isinstance(caller, EndpointSettings) and not self._callable(called, flow)):
            self.counters.not_served += 1
            self.engine.refuse(transaction, 404)
        elif request.body and not acceptable(request.body):
            self.counters.refused_offers += 1
            self.engine.refuse(transaction, 488, why_not(request.body))
        else:
            self._arrive(transaction, caller, called)

    def _callable(self, called: SipUri, flow: Flow) -> bool:
        return called.scheme == "tel" or self.callers.ours(called, flow) or self.callers.trunk_host(called.host)

    def _arrive(self, transaction: ServerTransaction, caller: EndpointSettings | TrunkSettings, called: SipUri) -> None:
        request, flow = transaction.request, transaction.source
        leg = ArrivedLeg(self, self._new_leg())
        leg.latching = caller.latching
        leg.call = self.engine.take(transaction, leg, label=leg.id)
        leg.call.headers_200 = f"X-CallUUID: {leg.id}\r\n"
        self._legs[leg.id] = leg
        self._unanswered.add(leg.id)
        self.emit(LegArrived(leg.id, arrival_of(request, flow, caller, called)))

    def registering(self, transaction: ServerTransaction) -> None:
        address = parse_address(transaction.request.first("to"))
        record = parse_uri(address.uri) if address is not None else None
        if record is None:
            self.engine.refuse(transaction, 400)
            return
        caller = self.callers.authenticated(
            transaction.request, record.number, transaction.source, self.engine.timers.now
        )
        if isinstance(caller, Refusal):
            self.engine.refuse(transaction, caller.status, caller.extra)
        else:
            self.registrar.register(transaction, caller.username)

    def _endpoint_changed(self, username: str, contacts: tuple[str, ...]) -> None:
        self.emit(EndpointChanged(username, bool(contacts), tuple(readable(one) for one in contacts)))
        self.callers.authenticator.forget(self.engine.timers.now)

    # --- shared with the legs

    def negotiation(self, leg: LegId, signalling_host: str, latching: Latching) -> Negotiation | None:
        """Makes the audio side of a call; None when no port is free."""
        try:
            address = self._media_address(leg)
        except Unavailable:
            return None
        return Negotiation(address, self.engine.tokens.number(), signalling_host=signalling_host, latching=latching)

    def forget(self, leg: LegId) -> None:
        """Takes a leg that is over out of the table; its Call-ID stays known for a minute."""
        found = self._legs.pop(leg, None)
        self._unanswered.discard(leg)
        if found is not None:
            self._call_ids[leg] = found.call_id
            self._forgetting.put(leg)


def _clean(text: str) -> str:
    if text.isprintable():
        return text
    text = text.encode("utf-8", "replace").decode()
    return "".join(char if char >= " " and char != "\x7f" else " " for char in text)
