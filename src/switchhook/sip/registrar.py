"""The registrar (RFC 3261 10.3, RFC 3327 Path): which telephones stand behind a user name, and how to reach them.

A binding remembers the flow that its REGISTER came by. Calls take that flow when the Contact could not be reached
otherwise: over TCP while the connection lives, and over UDP when the Contact names another host than the packets come
from (a NAT). Expiry is looked at once a second while there is anything to expire.
"""

from __future__ import annotations

from collections.abc import Callable

from switchhook.core.values import dataclass
from switchhook.sip.build import response
from switchhook.sip.engine import Engine
from switchhook.sip.flow import Flow
from switchhook.sip.headers import Address, param, parse_address, whole_number
from switchhook.sip.message import Message
from switchhook.sip.riders import Riders
from switchhook.sip.settings import LineSettings
from switchhook.sip.timers import Timer
from switchhook.sip.transactions import ServerTransaction
from switchhook.sip.uri import parse_uri

DEFAULT_EXPIRES_S = 3600
MAX_KEPT = 20_000  # answers that are kept for retransmissions; as many as 600 telephones a second need


@dataclass(slots=True)
class Binding:
    """One contact of one user."""

    uri: str
    expires_at: float
    call_id: str
    cseq: int
    flow: Flow | None
    path: tuple[str, ...] = ()
    q: float = 1.0
    user_agent: str = ""

    @property
    def pinned(self) -> Flow | None:
        """The flow to use instead of what the Contact says, if any."""
        contact = parse_uri(self.uri)
        if self.path or self.flow is None or contact is None:
            return None
        return self.flow if self.flow.reliable or contact.host != self.flow.host else None


Changed = Callable[[str, tuple[str, ...]], None]


class Registrar:
    """All bindings. `changed(username, contacts)` is told when a contact comes or goes."""

    def __init__(self, engine: Engine, settings: LineSettings, changed: Changed) -> None:
        self._engine = engine
        self._settings = settings
        self._changed = changed
        self._users: dict[str, list[Binding]] = {}
        self._sweep: Timer | None = None
        self._riders: Riders[str] = Riders()  # users by the connections of their contacts

    def bindings(self, username: str) -> list[Binding]:
        """Returns the live contacts of a user, preferred first."""
        now = self._engine.timers.now
        live = [one for one in self._users.get(username, ()) if one.expires_at > now]
        return sorted(live, key=lambda one: -one.q)

    def registered(self) -> dict[str, int]:
        """Counts the contacts of every user that has any."""
        return {user: len(found) for user, found in self._users.items() if found}

    def register(self, transaction: ServerTransaction, username: str) -> None:
        """Carries out an authenticated REGISTER and answers it."""
        request = transaction.request
        contacts = request.listed("contact")
        before = self._names(username)
        if contacts == ["*"]:
            if whole_number(request.first("expires")) != 0:
                self._refuse(transaction, 400)
                return
            if any(_is_late(request, one) for one in self._users.get(username, ())):
                self._refuse(transaction, 500)
                return
            self._users.pop(username, None)
            self._note_connections(username)
        elif contacts:
            refusal = self._bind(transaction, username, contacts)
            if refusal is not None:
                self._refuse(transaction, *refusal)
                return
        self._accept(transaction, username)
        after = self._names(username)
        if after != before:
            self._changed(username, after)
        if self._users and self._sweep is None:
            self._sweep = self._engine.timers.start(1.0, self._expire)

    def _refuse(self, transaction: ServerTransaction, status: int, extra: str = "") -> None:
        self._engine.counters.refused_registrations += 1
        self._engine.refuse(transaction, status, extra)

    def forget(self, username: str) -> None:
        """Ends the registration of a user who is none any more."""
        if self._users.pop(username, None):
            self._changed(username, ())

    def _bind(self, transaction: ServerTransaction, username: str, contacts: list[str]) -> tuple[int, str] | None:
        request = transaction.request
        wanted: list[tuple[Address, int]] = []
        for text in contacts:
            address = parse_address(text)
            if address is None or parse_uri(address.uri) is None:
                return 400, ""
            expires = self._expires_of(request, address)
            if 0 < expires < self._settings.min_expires_s:
                return 423, f"Min-Expires: {self._settings.min_expires_s}\r\n"
            wanted.append((address, expires))
        found = list(self._users.get(username, ()))
        cseq = request.cseq.number if request.cseq else 0
        made: list[Binding] = []  # by this request, which may name a contact twice: the last word counts
        for address, expires in wanted:
            for known in (found, made):
                old = next((one for one in known if _same(one.uri, address.uri)), None)
                if old is None:
                    continue
                if known is found and _is_late(request, old):
                    return 500, ""
                known.remove(old)
            if expires:
                made.append(self._binding(transaction, address, expires, cseq))
        found += made
        if len(found) > self._settings.max_contacts:
            return 403, ""
        if found:
            self._users[username] = found
        else:
            self._users.pop(username, None)
        self._note_connections(username)
        return None

    def _note_connections(self, username: str) -> None:
        self._riders.leave(username)
        for binding in self._users.get(username, ()):
            if binding.flow is not None and binding.flow.reliable:
                self._riders.put(username, binding.flow)

    def _binding(self, transaction: ServerTransaction, address: Address, expires: int, cseq: int) -> Binding:
        request = transaction.request
        try:
            q = min(1.0, max(0.0, float(param(address.params, "q") or "1")))
        except ValueError:
            q = 1.0
        return Binding(
            uri=address.uri,
            expires_at=self._engine.timers.now + expires,
            call_id=request.call_id,
            cseq=cseq,
            flow=transaction.source,
            path=tuple(request.get_all("path")),
            q=q,
            user_agent=(request.get("user-agent") or "")[:200],
        )

    def _expires_of(self, request: Message, address: Address) -> int:
        for text in (param(address.params, "expires"), request.first("expires") or None):
            if text is not None:
                number = whole_number(text)
                return min(DEFAULT_EXPIRES_S if number is None else number, self._settings.max_expires_s)
        return min(DEFAULT_EXPIRES_S, self._settings.max_expires_s)

    def _accept(self, transaction: ServerTransaction, username: str) -> None:
        now = self._engine.timers.now
        lines = [f"Contact: <{one.uri}>;expires={round(one.expires_at - now)}\r\n" for one in self.bindings(username)]
        lines += [f"Path: {value}\r\n" for value in transaction.request.get_all("path")]
        extra = "".join(lines) + self._engine.server_line
        tag = self._engine.tokens.tag()
        wire = response(transaction.request, 200, tag=tag, extra=extra)
        layer = self._engine.transactions
        if layer.bound < MAX_KEPT:
            layer.accept(transaction, wire)
        else:
            self._engine.counters.stateless += 1
            layer.respond_and_forget(transaction, wire)

    def _names(self, username: str) -> tuple[str, ...]:
        return tuple(sorted(one.uri for one in self._users.get(username, ())))

    def _expire(self) -> None:
        now = self._engine.timers.now
        for username in list(self._users):
            found = self._users[username]
            live = [one for one in found if one.expires_at > now]
            if len(live) == len(found):
                continue
            if live:
                self._users[username] = live
            else:
                del self._users[username]
            self._note_connections(username)
            self._changed(username, self._names(username))
        self._sweep = self._engine.timers.start(1.0, self._expire) if self._users else None

    def broken(self, flow: Flow) -> None:
        """A connection is gone: its bindings are left to what their Contact says."""
        for username in self._riders.on(flow):
            for binding in self._users.get(username, ()):
                if binding.flow == flow:
                    binding.flow = None
            self._note_connections(username)


def _is_late(request: Message, binding: Binding) -> bool:
    """True for a request that was overtaken by the one that made the binding (RFC 3261 10.3, steps 6 and 7)."""
    cseq = request.cseq.number if request.cseq else 0
    return binding.call_id == request.call_id and cseq <= binding.cseq


def _same(one: str, other: str) -> bool:
    """Compares contacts as far as telephones differ in practice (RFC 3261 19.1.4): user, host, port and transport."""
    a, b = parse_uri(one), parse_uri(other)
    if a is None or b is None:
        return one == other
    return (a.scheme, a.user, a.host, a.port or 5060, a.transport or "udp") == (
        b.scheme, b.user, b.host, b.port or 5060, b.transport or "udp",
    )  # fmt: skip
