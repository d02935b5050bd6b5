"""SetCallDisposition: what became of a call, as its agent says it, during the call or in the work after it.

It is a pair of the call's user data, which every desktop in the call sees, and a line in the call's timeline. A call
that is over tells its desktops nothing any more: there the line is all.
"""

from __future__ import annotations

from switchhook.core import requests as r
from switchhook.dialects.genesys.agents import User
from switchhook.dialects.genesys.calls import Call
from switchhook.dialects.genesys.desks import Desks
from switchhook.dialects.genesys.parameters import Data, Parameters
from switchhook.dialects.genesys.status import Code, Failure, invalid, missing
from switchhook.exchange.switch import Exchange

KEY = "DispositionCode"  # of the pair, where `dispositionKey` names no other


class Dispositions:
    """Carries out SetCallDisposition on a device."""

    def __init__(self, exchange: Exchange, desks: Desks) -> None:
        self._exchange = exchange
        self._desks = desks

    def set(self, user: User, parameters: Parameters, cause: str) -> None:
        """Notes the disposition; raises `Failure`, and then nothing has changed."""
        if not user.may("api-voice"):
            raise Failure(Code.NO_PERMISSION, "Feature 'api-voice' is required.")
        call = self._call(user, parameters)
        disposition = parameters.text("disposition")
        if not disposition:
            raise missing("disposition")
        key = parameters.text("dispositionKey") or KEY
        pairs: Data = {**parameters.user_data(), key: disposition}
        room = self._exchange.state.rooms.get(call.room) if call.room is not None else None
        if call.id not in self._desks.calls(user).live:
            call.data = {**call.data, **pairs}
        elif room is not None:
            self._exchange.ask(r.SetData(room.id, {**room.data, **pairs}), cause=cause)
        else:
            self._desks.note_data(user, call, {**call.data, **pairs}, self._exchange.clock.now())
        text = f"disposition {disposition[:200]} by {user.name}"
        self._exchange.write("Noted", {"leg": call.leg, "text": text}, leg=call.leg, call=call.chain, cause=cause)

    def _call(self, user: User, parameters: Parameters) -> Call:
        by_uri, by_uuid = parameters.call("callUri"), parameters.text("callUuid")
        named = by_uri or by_uuid
        if not named:
            raise missing("callUri")
        if by_uri and by_uuid and by_uri != by_uuid:
            raise invalid("Parameters 'callUri' and 'callUuid' name two calls.")
        calls = self._desks.calls(user)
        found = calls.live.get(named) or calls.ended.get(named)
        if found is None:
            raise Failure(Code.NOT_FOUND, f"Call '{named[:64]}' is not found.")
        return found
