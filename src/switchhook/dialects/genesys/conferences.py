"""Conferences of a desktop: two calls become one, a party is added, a party is taken out (genesys 2 and 9).

The device whose operation made the conference owns it: it may take the others out of it. Nobody leads a conference, so
whoever leaves it, the others talk on, and the last one of them is let go.
"""

from __future__ import annotations

from switchhook.core import requests as r
from switchhook.core.errors import Refused
from switchhook.core.ids import TransferId
from switchhook.dialects.genesys.asked import Asked, Line
from switchhook.dialects.genesys.calls import Call
from switchhook.dialects.genesys.desks import Awaited, Desks
from switchhook.dialects.genesys.plans import Plans
from switchhook.dialects.genesys.status import invalid


class Conferences:
    """Carries out the operations that make and change conferences."""

    def __init__(self, line: Line, desks: Desks, plans: Plans) -> None:
        self._line = line
        self._desks = desks
        self._plans = plans

    def complete(self, asked: Asked, original: Call, transfer: TransferId) -> None:
        """Brings the consulted party to `original`, whose device stays in it and owns the conference."""
        owned, original.owner = original.owner, True  # its capabilities are told before the request returns
        try:
            self._line.ask(asked, r.JoinTransfer(transfer))
        except Refused:
            original.owner = owned
            raise

    def add(self, asked: Asked) -> None:
        """Dials one more party into the call; if it does not come, that is told as an error."""
        number, data, location = asked.parameters.dialled()
        target = self._plans.destination(asked.user, number)
        data = {**asked.call.data, **data}
        plan = self._plans.joining(asked.user, target, data)
        accepted = self._line.ask(asked, r.AddParty(asked.room, plan, conference=True))
        if accepted.dial is not None:
            awaited = Awaited(asked.user, asked.call, asked.parameters.operation)
            self._desks.await_party(accepted.dial, awaited)
        self._line.keep_dial(asked, accepted.dial)
        self._line.note_location(asked, accepted.leg, location)
        self._line.ask(asked, r.SetData(asked.room, data))

    def remove(self, asked: Asked) -> None:
        """Takes a party out: it is hung up, or goes where its program sends it; the others talk on."""
        leg = self._desks.leg_of(asked.user, asked.call, asked.parameters.participant())
        if leg is None:
            raise invalid("Parameter 'participant' is no other party of the call.")
        self._line.ask(asked, r.LeaveRoom(asked.room, leg))
