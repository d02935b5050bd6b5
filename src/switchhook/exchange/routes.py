"""Where a called number goes, and who may dial what (architecture 6, "Numbers and addresses"; deny by default).

The order for a called number: an agent's `number`, an endpoint's user name, a `[[number]]`, then the trunk with the
longest matching prefix. The last step is for endpoints, API, flows and forwards only: a trunk's call to a number of
nobody gets 404, so the server is no open relay.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache

from switchhook.core.addresses import Destination, Endpoint, Trunk, Uri, address_key
from switchhook.core.errors import Reason, Refused
from switchhook.core.events import Arrival, CallerKind
from switchhook.core.model import DialPlan
from switchhook.core.outcomes import Outcome
from switchhook.core.requests import Route, ToNobody, ToParties, ToProgram
from switchhook.exchange.made import MadeApplication
from switchhook.settings import Account, Number, Settings
from switchhook.settings import Endpoint as EndpointSettings
from switchhook.settings import Trunk as TrunkSettings

_E164 = re.compile(r"\+?\d{7,15}")
_SCHEME = re.compile(r"^(sips?|tel):", re.IGNORECASE)
_NUMBER = re.compile(r"\+?[\d ().-]+")
PLIVO_DOMAIN = "phone.plivo.com"


class Directory:
    """The numbers, telephones and trunks of the configuration, looked up in constant time."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.accounts = {account.auth_id: account for account in settings.accounts}
        self.endpoints = {endpoint.username: endpoint for endpoint in settings.endpoints}
        self.numbers = {address_key(number.number): number for number in settings.numbers}
        self.agents = {address_key(agent.number): agent for agent in settings.agents}
        self.agent_names = {agent.username: agent for agent in settings.agents}
        self.trunks = {trunk.name: trunk for trunk in settings.trunks}
        self.applications = {application.app_id: application for application in settings.applications}
        self._prefixes = sorted(
            ((prefix, trunk) for trunk in settings.trunks for prefix in trunk.prefixes),
            key=lambda pair: -len(pair[0].lstrip("+")),
        )
        self.domains: frozenset[str] = frozenset()
        self.listening(tuple(f"{each.host}:{each.port}" for each in settings.sip_listen))

    def listening(self, addresses: Collection[str]) -> None:
        """States the `host:port` pairs that we listen on: URIs with them are ours."""
        ours = {self.settings.sip.domain.lower(), PLIVO_DOMAIN, *(address.lower() for address in addresses)}
        ours.update(address.rpartition(":")[0].lower() for address in addresses if address.endswith(":5060"))
        self.domains = frozenset(ours)

    def key(self, address: str) -> str:
        """Returns the form in which addresses are compared (`core.addresses.address_key` with our domains)."""
        return address_key(address, self.domains)

    # --- destinations of an API, a document, a flow or a forward ----------------------------------------------------

    def destination(self, account: str, address: str, *, trusted: bool = False) -> Destination:
        """Resolves an address for an account; raises Refused (NO_ROUTE, FORBIDDEN).

        `trusted` is for the configuration file, where any SIP URI is allowed.
        """
        text = address.strip()
        key = self.key(text)
        if not key:
            raise Refused(Reason.NO_ROUTE, "empty address")
        bare = _SCHEME.sub("", text)
        if "@" in bare and "@" in key:
            return self._foreign(account, text, key, trusted)
        agent = self.agents.get(key)
        if agent is not None:
            return self.agent_destination(agent.username, text)
        if key in self.endpoints:
            return Destination(text, Endpoint(key), key)
        number = self.numbers.get(key)
        if number is not None and number.forward:
            return self.destination(number.account, number.forward, trusted=True)
        if number is not None and number.agent:
            return self.agent_destination(number.agent, text)
        return self._outside(account, text, key, trusted)

    def agent_destination(self, username: str, address: str = "") -> Destination:
        """Returns where an agent's telephone is."""
        agent = self.agent_names[username]
        if agent.endpoint:
            return Destination(address or agent.number, Endpoint(agent.endpoint), agent.endpoint)
        found = self.destination("", agent.address, trusted=True)
        return Destination(address or agent.number, found.target, found.key)

    def _foreign(self, account: str, text: str, key: str, trusted: bool) -> Destination:
        """A URI at a trunk's host falls under the same policy as a number: it is no way round the prefixes."""
        if trusted:
            uri = text if text.lower().startswith(("sip:", "sips:")) else f"sip:{text}"
            return Destination(text, Uri(uri), key)
        user, _, host = key.partition("@")
        for trunk in self.settings.trunks:
            if _host_of(trunk.uri) == host or _host_of(trunk.uri).rpartition(":")[0] == host:
                number = address_key(user)
                barred = _is_e164(number) and not any(_matches(prefix, number) for prefix in trunk.prefixes)
                owner = self.accounts.get(account)
                if barred:
                    rule = f"[[trunk]] prefixes of {trunk.name}"
                    raise Refused(Reason.FORBIDDEN, f"{text} is outside what may be dialled there ({rule})")
                if owner is not None and not self.allowed(owner, number):
                    raise Refused(Reason.FORBIDDEN, f"account {account} may not dial {text} ([[account]] allow)")
                return Destination(text, Trunk(trunk.name, user), key)
        raise Refused(Reason.FORBIDDEN, f"{host} is not a trunk of this server")

    def _outside(self, account: str, text: str, key: str, trusted: bool) -> Destination:
        trunk = self.trunk_for(key)
        if trunk is None:
            raise Refused(Reason.NO_ROUTE, f"no trunk takes {text} ([[trunk]] prefixes)")
        allowed = self.accounts.get(account)
        if not trusted and allowed is not None and not self.allowed(allowed, key):
            raise Refused(Reason.FORBIDDEN, f"account {account} may not dial {text} ([[account]] allow)")
        user = f"+{key}" if _is_e164(key) else key
        return Destination(text, Trunk(trunk.name, user), key)

    def trunk_for(self, key: str) -> TrunkSettings | None:
        """Returns the trunk with the longest prefix that matches."""
        for prefix, trunk in self._prefixes:
            if _matches(prefix, key):
                return trunk
        return None

    def allowed(self, account: Account, key: str) -> bool:
        """True when the account's own allow list, if it has one, lets it dial the number; its parent's too."""
        if account.allow and not any(_matches(prefix, key) for prefix in account.allow):
            return False
        parent = self.accounts.get(account.parent) if account.parent else None
        return parent is None or self.allowed(parent, key)

    def caller_id(self, wanted: str, destination: Destination, endpoint: str = "") -> str:
        """Returns the number to show: what the request says, else the endpoint's, else the trunk's, else the user."""
        if not isinstance(destination.target, Trunk):
            return wanted or endpoint
        if wanted and wanted != endpoint:
            return _shown(wanted)
        telephone = self.endpoints.get(endpoint)
        if telephone is not None and telephone.caller_id:
            return _shown(telephone.caller_id)
        trunk = self.trunks.get(destination.target.name)
        if trunk is not None and trunk.caller_id:
            return _shown(trunk.caller_id)
        return wanted or endpoint

    def owns_caller_id(self, account: str, shown: str) -> bool:
        """True when a number or telephone that is to be shown is one of an account's own, or of its main account's."""
        key = self.key(shown)
        found = self.numbers.get(key) or self.endpoints.get(key)
        owner = self.accounts.get(account)
        return found is not None and found.account in (account, owner.parent if owner is not None else "")

    # --- calls that arrive ------------------------------------------------------------------------------------------

    def route(self, arrival: Arrival, registered: Collection[str]) -> Route:
        """Finds who takes an arriving call."""
        if arrival.caller_kind is CallerKind.ENDPOINT:
            return self._from_endpoint(arrival, registered)
        if arrival.caller_kind is CallerKind.STRANGER:
            return self._to_public(arrival, None, self.key(arrival.from_user)) or ToNobody(Outcome.FORBIDDEN)
        return self._from_trunk(arrival, registered)

    def is_public(self, user: str) -> bool:
        """True for the id of an application that anybody may call."""
        found = self.applications.get(user)
        return isinstance(found, MadeApplication) and found.public_uri

    def _to_public(self, arrival: Arrival, back: Destination | None, key: str, endpoint: str = "") -> Route | None:
        if not self.is_public(arrival.to_user):
            return None
        found = self.applications[arrival.to_user]
        return ToProgram(found.account, "plivo", found.app_id, back=back, endpoint=endpoint, key=key)

    def _from_trunk(self, arrival: Arrival, registered: Collection[str]) -> Route:
        called = self.key(arrival.to_user)
        caller = self.key(arrival.from_user)
        back = Destination(arrival.from_user, Trunk(arrival.caller_name, _shown(arrival.from_user)), caller)
        agent = self.agents.get(called)
        if agent is not None:
            account = self.account_of_agent(agent.username)
            return self._to(account, self.agent_destination(agent.username), arrival, back, caller, "", registered)
        if called in self.endpoints:
            destination = Destination(arrival.to_user, Endpoint(called), called)
            account = self.endpoints[called].account
            return self._to(account, destination, arrival, back, caller, "", registered)
        number = self.numbers.get(called)
        if number is None:
            return self._to_public(arrival, back, caller) or ToNobody(Outcome.NOT_FOUND)
        return self._to_number(number, arrival, back, caller, "", registered)

    def _from_endpoint(self, arrival: Arrival, registered: Collection[str]) -> Route:
        telephone = self.endpoints[arrival.caller_name]
        user = telephone.username
        back = Destination(user, Endpoint(user), user)
        if telephone.application:
            return ToProgram(telephone.account, *self._program(telephone), back=back, endpoint=user, key=user)
        called = self.key(arrival.to_user)
        number = self.numbers.get(called)
        if number is not None and called not in self.agents and called not in self.endpoints:
            return self._to_number(number, arrival, back, user, user, registered)
        application = self.applications.get(arrival.to_user)
        declared = called in self.agents or called in self.endpoints
        if application is not None and not declared and self._related(application.account, telephone.account):
            return ToProgram(telephone.account, "plivo", application.app_id, back=back, endpoint=user, key=user)
        if not declared and (public := self._to_public(arrival, back, user, user)) is not None:
            return public
        try:
            destination = self.destination(telephone.account, arrival.to_user)
        except Refused as refused:
            missing = refused.reason is Reason.NO_ROUTE
            outcome = Outcome.NOT_FOUND if missing else Outcome.FORBIDDEN
            return ToNobody(outcome, telephone.account, reason=str(refused))
        return self._to(telephone.account, destination, arrival, back, user, user, registered)

    def _related(self, one: str, other: str) -> bool:
        """True for an account and itself, its main account or its sub-account."""
        known = [self.accounts.get(each) for each in (one, other)]
        return len({(each.parent or each.auth_id) if each is not None else None for each in known}) == 1

    def _program(self, telephone: EndpointSettings) -> tuple[str, str]:
        if telephone.application in self.applications:
            return "plivo", telephone.application
        return "phlo", telephone.application

    def _to_number(
        self, number: Number, arrival: Arrival, back: Destination, key: str, endpoint: str, registered: Collection[str]
    ) -> Route:
        if number.application:
            return ToProgram(number.account, "plivo", number.application, back, endpoint, key)
        if number.flow:
            return ToProgram(number.account, "phlo", number.flow, back, endpoint, key)
        if number.agent:
            destination = self.agent_destination(number.agent)
        else:
            try:
                destination = self.destination(number.account, number.forward, trusted=True)
            except Refused:
                return ToNobody(Outcome.NOT_FOUND, number.account)
        return self._to(number.account, destination, arrival, back, key, endpoint, registered)

    def _to(
        self,
        account: str,
        destination: Destination,
        arrival: Arrival,
        back: Destination,
        key: str,
        endpoint: str,
        registered: Collection[str],
    ) -> Route:
        if destination.endpoint and destination.endpoint not in registered:
            return ToNobody(Outcome.NOT_REGISTERED, account)
        plan = DialPlan(
            targets=(destination,),
            caller=self.caller_id(arrival.from_user, destination, endpoint),
            caller_name=arrival.from_display,
            ring_s=self.settings.sip.ring_s,
            headers=tuple([each for each in arrival.headers if each[0].lower().startswith("x-ph-")]),
        )
        return ToParties(account, plan, back, endpoint, key)

    def account_of_agent(self, username: str) -> str:
        agent = self.agent_names[username]
        telephone = self.endpoints.get(agent.endpoint)
        if telephone is not None:
            return telephone.account
        number = self.numbers.get(self.key(agent.number))
        if number is not None:
            return number.account
        return self.settings.accounts[0].auth_id if self.settings.accounts else ""


def _matches(prefix: str, key: str) -> bool:
    """The prefix "+" means every E.164 number (7 to 15 digits); others are compared without a leading plus."""
    if prefix == "+":
        return _is_e164(key)
    return key.startswith(prefix.lstrip("+"))


@lru_cache(maxsize=4096)
def _is_e164(key: str) -> bool:
    return _E164.fullmatch(key) is not None


@lru_cache(maxsize=4096)
def _shown(number: str) -> str:
    """E.164 goes out with `+`; anything else as it is."""
    key = address_key(number)
    return f"+{key}" if _is_e164(key) else number


def _host_of(uri: str) -> str:
    host = re.sub(r"^sips?:", "", uri, flags=re.IGNORECASE).split(";", 1)[0]
    return host.rpartition("@")[2].lower()
