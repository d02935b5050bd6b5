"""How this dialect dials and transfers: the plans it hands to the core, from the request and the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from switchhook.core.addresses import Destination, Endpoint
from switchhook.core.errors import Reason, Refused
from switchhook.core.ids import LegId
from switchhook.core.model import Clips, DialPlan, Fallback, FallbackKind, Kind, Side, TransferPlan, Waiting
from switchhook.dialects.genesys.agents import User
from switchhook.exchange.switch import Exchange
from switchhook.exchange.user_data import headers

NOTHING: Mapping[str, object] = MappingProxyType({})
PROGRAM = "genesys"


class Plans:
    """Makes plans for one exchange; may raise `Refused` where an address leads nowhere."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def destination(self, user: User, number: str) -> Destination:
        """Resolves what an agent dials."""
        return self._exchange.directory.destination(user.account, number)

    def own(self, user: User) -> Destination:
        """Returns the telephone on the user's desk; refused while it is not registered."""
        found = self._exchange.directory.agent_destination(user.name)
        if isinstance(found.target, Endpoint) and found.target.username not in self._exchange.state.registered:
            raise Refused(Reason.NOT_REGISTERED, f"Device '{user.number}' is not registered.")
        return found

    def dial(
        self, user: User, target: Destination, *, shown: str = "", data: Mapping[str, object] = NOTHING
    ) -> DialPlan:
        """A call from the user to `target`; `shown` is the number to show in place of the user's own.

        The user data of the call go with it as headers, as far as headers can hold them.
        """
        directory = self._exchange.directory
        endpoint = user.agent.endpoint
        caller = directory.caller_id(shown, target, endpoint) if shown else self._own_caller(user, target)
        return DialPlan(
            targets=(target,),
            caller=caller,
            caller_name=self._name(user),
            ring_s=self._exchange.settings.sip.ring_s,
            headers=headers(data),
        )

    def _own_caller(self, user: User, target: Destination) -> str:
        """Inside, the agent's number; outside, what its telephone or the trunk is configured to show, else the same."""
        if isinstance(target.target, Endpoint):
            return user.number
        endpoint = user.agent.endpoint
        configured = self._exchange.directory.caller_id("", target, endpoint)
        return user.number if configured == endpoint else configured

    def _name(self, user: User) -> str:
        return f"{user.agent.first_name} {user.agent.last_name}".strip()

    def own_telephone(self, user: User, called: str) -> DialPlan:
        """The user's telephone, asked to pick up by itself, before the destination is dialled."""
        settings = self._exchange.settings.genesys
        return DialPlan(
            targets=(self.own(user),), caller=called, ring_s=settings.own_ring_s, answer_after=0, insistent=True
        )

    # --- transfers --------------------------------------------------------------------------------------------------

    def consult(self, user: User, target: Destination, data: Mapping[str, object], *, shown: str = "") -> TransferPlan:
        """The target is shown the agent's number, or `shown`."""
        return TransferPlan(
            kind=Kind.CONSULT,
            dial=self._transferring(self.dial(user, target, shown=shown, data=data)),
            fallbacks=self._fallbacks(user),
            rejoin=False,
            program=PROGRAM,
        )

    def joining(self, user: User, target: Destination, data: Mapping[str, object]) -> DialPlan:
        """One more party for a call, shown the agent's number."""
        return self.dial(user, target, data=data)

    def single_step(
        self, user: User, target: Destination, customer: LegId | None, data: Mapping[str, object]
    ) -> TransferPlan:
        """The call moves in one request; the target is shown the customer's number."""
        return TransferPlan(
            kind=Kind.COLD,
            dial=self._transferring(self.dial(user, target, shown=self._number(customer), data=data), Waiting.MUSIC),
            fallbacks=self._fallbacks(user),
            keep_agent=self._exchange.settings.transfers.cold_release == "on_answer",
            rejoin=True,
            program=PROGRAM,
        )

    def _number(self, customer: LegId | None) -> str:
        leg = self._exchange.state.legs.get(customer) if customer is not None else None
        if leg is None:
            return ""
        return leg.caller if leg.side is Side.INBOUND else leg.called

    def _transferring(self, plan: DialPlan, waiting: Waiting = Waiting.RINGBACK) -> DialPlan:
        transfers = self._exchange.settings.transfers
        return DialPlan(
            targets=plan.targets,
            caller=plan.caller,
            caller_name=plan.caller_name,
            ring_s=plan.ring_s,
            headers=plan.headers,
            waiting=waiting,
            brief=(spoken(transfers.brief),) if transfers.brief else (),
            accept_digit=transfers.accept_digit,
        )

    def _fallbacks(self, user: User) -> tuple[Fallback, ...]:
        """What becomes of the customer when the agent is gone and the target is not reached."""
        kind, _, rest = self._exchange.settings.transfers.fallback.partition(":")
        release = Fallback(FallbackKind.RELEASE)
        match kind:
            case "recall" | "return":
                return (Fallback(FallbackKind.RECALL), release)
            case "next":
                return (Fallback(FallbackKind.NEXT, self._trusted(user, rest)), release)
            case "voicemail":
                return (Fallback(FallbackKind.VOICEMAIL, self._trusted(user, rest)), release)
            case "announce":
                return (Fallback(FallbackKind.ANNOUNCE, clips=_clips(rest)), release)
            case "park":
                return (Fallback(FallbackKind.PARK),)
        if self._exchange.settings.genesys.recall:
            return (Fallback(FallbackKind.RECALL), release)
        return (release,)

    def _trusted(self, user: User, address: str) -> Destination:
        return self._exchange.directory.destination(user.account, address, trusted=True)


def spoken(text: str) -> str:
    """Returns the clip for a text to be spoken, or for the URL of a sound."""
    return text if text.startswith(("http://", "https://")) else f"speak:en-US:WOMAN:{text}"


def _clips(text: str) -> Clips:
    return (spoken(text),)
