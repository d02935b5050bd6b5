"""Who is calling (architecture 6): one of our endpoints by digest, a trunk by its address, or nobody we serve.

Nobody we serve may call what anybody may call (`open_to`), and nothing else.

A From of our domain must authenticate, unless the user is none of ours and the address is a trunk's. Without
credentials a known and an unknown user get the same 401, with wrong ones the same 403; which of them it was, only the
log tells (`sip.guesses`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from switchhook.core.values import dataclass
from switchhook.sip.counters import Counters
from switchhook.sip.digest import Authenticator, Password, Verdict
from switchhook.sip.flow import Flow
from switchhook.sip.guesses import Guesses, Why
from switchhook.sip.message import Message
from switchhook.sip.settings import EndpointSettings, LineSettings, TrunkSettings
from switchhook.sip.uri import SipUri, parse_uri, place_of, split_host

ALWAYS_OURS = "phone.plivo.com"
STRANGER = TrunkSettings("", "")


@dataclass(frozen=True, slots=True)
class Refusal:
    """The answer to somebody who may not."""

    status: int
    extra: str = ""


class Callers:
    """Knows the endpoints, the trunks and our own names."""

    def __init__(self, settings: LineSettings, counters: Counters, guesses: Guesses) -> None:
        self._counters = counters
        self._guesses = guesses
        self.open_to: Callable[[str], bool] = lambda _user: False  # may anybody call this user of ours?
        self.endpoints: dict[str, EndpointSettings] = {one.username: one for one in settings.endpoints}
        self.trunks: dict[str, TrunkSettings] = {one.name: one for one in settings.trunks}
        self._names = {settings.domain.lower(), ALWAYS_OURS}
        self._places = {(host.lower(), port) for _, host, port in settings.listen}
        if any(host in ("127.0.0.1", "::1", "0.0.0.0", "::") for _, host, _ in settings.listen):
            self._places |= {("localhost", port) for _, _, port in settings.listen}
        self.authenticator = Authenticator(settings.domain, settings.secret, algorithms=settings.algorithms)
        self._matches = _networks(settings.trunks)
        self._sources: dict[tuple[str, int], TrunkSettings | None] = {}
        self._trunk_places = [(one, split_host(_place(one.uri))) for one in settings.trunks]

    def ours(self, uri: SipUri, flow: Flow) -> bool:
        """True when a URI's host is our domain or an address that we listen on."""
        if uri.host in self._names:
            return True
        port = uri.port or 5060
        return (uri.host, port) in self._places or place_of(uri.host, port) == flow.local

    def trunk_host(self, host: str) -> bool:
        """True when a host is that of a trunk's URI."""
        return any(place is not None and place[0] == host for _, place in self._trunk_places)

    def identify(self, request: Message, flow: Flow, now: float) -> EndpointSettings | TrunkSettings | Refusal:
        """Says who sent an INVITE, or how to refuse it."""
        address = request.sender
        origin = parse_uri(address.uri) if address is not None else None
        trunk = self._trunk_of(flow)
        local = origin is not None and origin.scheme != "tel" and self.ours(origin, flow)
        if origin is not None and local and (origin.number in self.endpoints or trunk is None):
            return self.authenticated(request, origin.number, flow, now)
        if trunk is not None:
            return trunk
        called = parse_uri(request.uri)
        if origin is not None and called is not None and self.ours(called, flow) and self.open_to(called.number):
            return STRANGER
        return self._forbidden(flow, Why.NOBODY, called.number if called is not None else "")

    def authenticated(self, request: Message, username: str, flow: Flow, now: float) -> EndpointSettings | Refusal:
        """Checks that a request carries the credentials of this user."""
        verdict, user = self.authenticator.check(request, self._secret_of, now)
        if verdict is Verdict.RIGHT and user == username:
            return self.endpoints[user]
        if verdict is Verdict.CHALLENGE or verdict is Verdict.STALE:
            stale = verdict is Verdict.STALE
            self._counters.challenges += 1
            self._counters.stale_nonces += stale
            if username not in self.endpoints:
                self._guesses.note(flow.host, Why.USER, username)
            return Refusal(401, self.authenticator.challenge(now, stale=stale))
        self._counters.wrong_credentials += 1
        return self._forbidden(flow, Why.PASSWORD if username in self.endpoints else Why.USER, username)

    def _secret_of(self, username: str) -> Password | None:
        endpoint = self.endpoints.get(username)
        return endpoint.secret if endpoint is not None else None

    def _forbidden(self, flow: Flow, why: Why, user: str) -> Refusal:
        self._counters.forbidden += 1
        self._guesses.note(flow.host, why, user)
        return Refusal(403)

    def _trunk_of(self, flow: Flow) -> TrunkSettings | None:
        """The trunk with the narrowest match of the source; among equals one whose URI names its port, or the first."""
        key = (flow.host, flow.port)
        if key not in self._sources:
            if len(self._sources) > 4096:
                self._sources.clear()
            self._sources[key] = self._match(flow)
        return self._sources[key]

    def _match(self, flow: Flow) -> TrunkSettings | None:
        try:
            source = ip_address(flow.host)
        except ValueError:
            return None
        best: tuple[int, bool] | None = None
        found = None
        for trunk, network in self._matches:
            if source.version != network.version or source not in network:
                continue
            rank = (network.prefixlen, any(t is trunk and p == (flow.host, flow.port) for t, p in self._trunk_places))
            if best is None or rank > best:
                best, found = rank, trunk
        return found


def _networks(trunks: Iterable[TrunkSettings]) -> list[tuple[TrunkSettings, IPv4Network | IPv6Network]]:
    found = []
    for trunk in trunks:
        for text in trunk.match:
            try:
                found.append((trunk, ip_network(text, strict=False)))
            except ValueError:
                continue  # a host name; the configuration check has warned about it
    return found


def _place(uri: str) -> str:
    parsed = parse_uri(uri)
    return place_of(parsed.host, parsed.port or 5060) if parsed is not None else ""
