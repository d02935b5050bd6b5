"""One operation that was asked of one call, and what happens if it is asked twice."""

from __future__ import annotations

from collections.abc import Callable

from switchhook.core import requests as r
from switchhook.core.ids import DialId, LegId, RoomId, TransferId
from switchhook.core.model import Phase
from switchhook.core.values import dataclass
from switchhook.dialects.genesys.agents import User
from switchhook.dialects.genesys.calls import Call
from switchhook.dialects.genesys.parameters import Parameters
from switchhook.dialects.genesys.status import invalid
from switchhook.exchange.switch import Exchange


@dataclass(frozen=True, slots=True)
class Asked:
    """One operation on one call."""

    user: User
    call: Call
    parameters: Parameters
    cause: str
    repeat: str  # the key by which a repeat of it is known

    @property
    def room(self) -> RoomId:
        if self.call.room is None:
            raise invalid("The call has no other party yet.")
        return self.call.room


class Line:
    """How operations ask the core."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def ask(self, asked: Asked, request: r.Request) -> r.Accepted:
        """Asks for something in the name of the operation; raises `Refused`."""
        return self._exchange.ask(request, cause=asked.cause)

    def note_location(self, asked: Asked, leg: LegId | None, location: str) -> None:
        """The location of the corresponding T-Server request is kept for the record, and not used otherwise."""
        if location and leg is not None:
            self.ask(asked, r.Note(leg, f"location {location}"))

    def keep_transfer(self, asked: Asked, transfer: TransferId | None, phases: tuple[Phase, ...]) -> None:
        """Lets an equal request get the same answer while the transfer waits for its target."""
        transfers = self._exchange.state.transfers

        def unresolved() -> bool:
            found = transfers.get(transfer) if transfer is not None else None
            return found is not None and found.phase in phases

        self._keep(asked, unresolved)

    def keep_dial(self, asked: Asked, dial: DialId | None) -> None:
        """Lets an equal request get the same answer while the party is being rung."""
        dials = self._exchange.state.dials
        self._keep(asked, lambda: dial in dials)

    def _keep(self, asked: Asked, unresolved: Callable[[], bool]) -> None:
        self._exchange.repeats.keep(asked.repeat, True, unresolved)
