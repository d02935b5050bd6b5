"""How the multi-party call node dials and transfers: the plans it hands to the core (plivo-phlo 4.5, 7.16)."""

from __future__ import annotations

import re

from switchhook.core.addresses import Destination
from switchhook.core.errors import Refused
from switchhook.core.ids import LegId
from switchhook.core.model import (
    DialPlan,
    Fallback,
    FallbackKind,
    Kind,
    Role,
    TransferPlan,
)
from switchhook.exchange.switch import Exchange
from switchhook.flows.nodes import clips
from switchhook.flows.parties import Party
from switchhook.flows.party import invitation
from switchhook.flows.walk import PROGRAM

_E164 = re.compile(r"[0-9]{7,15}")


class Plans:
    """Makes plans for one exchange; raises `Refused` where the address of the target leads nowhere."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def dial(self, party: Party, to: str, role: Role, trigger: str, trigger_leg: LegId | None) -> DialPlan:
        target = self._exchange.directory.destination(party.run.account, to)
        shown = self._exchange.directory.caller_id(self._caller(party, trigger, trigger_leg), target)
        return invitation(party, (target,), shown, role)

    def _caller(self, party: Party, trigger: str, trigger_leg: LegId | None) -> str:
        """The node's From, else trigger_source if it is a phone number, else what the others dialled."""
        if party.options.caller:
            return party.options.caller
        key = self._exchange.directory.key(trigger)
        if _E164.fullmatch(key):
            return f"+{key}"
        others = (seat for leg, seat in party.seats.items() if leg != trigger_leg and seat.inbound)
        return next((seat.called for seat in others), trigger)

    def transfer(self, kind: Kind, party: Party, dial: DialPlan) -> TransferPlan:
        options = party.options
        return TransferPlan(
            kind=kind,
            dial=self._briefed(dial, party),
            fallbacks=self._fallbacks(party),
            keep_agent=options.cold_on_answer,
            rejoin=True,
            consult_music=options.agent_music,
            program=PROGRAM,
        )

    def _briefed(self, dial: DialPlan, party: Party) -> DialPlan:
        options = party.options
        return DialPlan(
            targets=dial.targets,
            caller=dial.caller,
            role=dial.role,
            ring_s=dial.ring_s,
            waiting=dial.waiting,
            brief=options.brief,
            accept_digit=options.accept_digit,
            program=dial.program,
        )

    def _fallbacks(self, party: Party) -> tuple[Fallback, ...]:
        """What was asked for, and at its end the dialect's own rule: leave by `failed` if it has a line, else wait."""
        last = Fallback(FallbackKind.RELEASE if party.has_failed_line else FallbackKind.PARK)
        kind, _, rest = party.options.fallback.partition(":")
        match kind.strip().lower():
            case "return" | "recall":
                return (Fallback(FallbackKind.RECALL), last)
            case "next":
                return (*self._address(FallbackKind.NEXT, party, rest), last)
            case "voicemail":
                return (*self._address(FallbackKind.VOICEMAIL, party, rest), last)
            case "announce":
                return (Fallback(FallbackKind.ANNOUNCE, clips=clips(rest)), last)
            case "park":
                return (Fallback(FallbackKind.PARK),)
        return (last,)

    def _address(self, kind: FallbackKind, party: Party, address: str) -> tuple[Fallback, ...]:
        try:
            return (Fallback(kind, self._trusted(party, address)),)
        except Refused as refused:
            self._exchange.write("Warning", {"text": f"fallback {kind.value}:{address}: {refused}"})
            return ()

    def _trusted(self, party: Party, address: str) -> Destination:
        """The definition is a file of the operator's, like the configuration."""
        return self._exchange.directory.destination(party.run.account, address, trusted=True)
