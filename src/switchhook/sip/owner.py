"""Who a call belongs to, and how it is told that the call has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from switchhook.core.outcomes import Outcome, from_sip
from switchhook.core.values import dataclass
from switchhook.exchange.ports import Session
from switchhook.sip.headers import parse_reason
from switchhook.sip.message import Message

if TYPE_CHECKING:
    from switchhook.sip.call import Call


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a call is over. `answered` says whether it had been; `ours` whether we ended it."""

    outcome: Outcome
    answered: bool
    ours: bool = False
    status: int = 0  # final SIP status of a call that was not answered
    q850: int | None = None
    reason: str = ""


class Owner(Protocol):
    """Who a call belongs to (a leg of the server, a line of a telephone). Called from within the engine."""

    def rang(self, call: Call, *, early: bool) -> None:
        """The far telephone rings; `early` when it sends audio already."""

    def answered(self, call: Call) -> None:
        """Our INVITE got its 2xx, or our 2xx its ACK."""

    def agreed(self, call: Call, session: Session) -> None:
        """Offer and answer are complete, or were changed."""

    def held(self, call: Call, on: bool) -> None:
        """The far telephone put us on hold, or took us back."""

    def pressed(self, call: Call, digit: str, duration_ms: int) -> None:
        """A digit came by INFO."""

    def asked_to_talk(self, call: Call) -> None:
        """`NOTIFY` with `Event: talk` came: pick up."""

    def over(self, call: Call, ending: Ending) -> None:
        """The call has ended; exactly once, and the last word."""

    def redirected(self, call: Call, uri: str) -> str | None:
        """A 3xx named this URI: returns the URI to call instead, or None to refuse it."""


class Nobody:
    """Whom an ended call belongs to: it has said its last word."""

    def rang(self, call: Call, *, early: bool) -> None:
        """Not told."""

    def answered(self, call: Call) -> None:
        """Not told."""

    def agreed(self, call: Call, session: Session) -> None:
        """Not told."""

    def held(self, call: Call, on: bool) -> None:
        """Not told."""

    def pressed(self, call: Call, digit: str, duration_ms: int) -> None:
        """Not told."""

    def asked_to_talk(self, call: Call) -> None:
        """Not told."""

    def over(self, call: Call, ending: Ending) -> None:
        """Not told."""

    def redirected(self, call: Call, uri: str) -> str | None:
        """Nobody follows a redirection any more."""
        return None


NOBODY = Nobody()


def ending_of(message: Message, *, rang: bool) -> Ending:
    """Maps a final failure response to the ending of a call that was never answered."""
    q850, _, text = parse_reason(message.get_all("reason"))
    outcome = from_sip(message.status, q850, rang=rang)
    return Ending(outcome, False, status=message.status, q850=q850, reason=text or message.phrase)
