"""Calls as the REST API shows them (plivo-voice-api 3.2)."""

from __future__ import annotations

from collections.abc import Iterable

from switchhook.core.ids import LegId
from switchhook.core.model import Leg, LegState, RoomKind
from switchhook.core.state import State
from switchhook.dialects.plivo import fields
from switchhook.dialects.plivo.calls import Call

TALKING = frozenset({RoomKind.CALL, RoomKind.CONSULT})


def live_legs(state: State, account: str) -> list[Leg]:
    """Returns the account's legs that are not over, the oldest first: each is a call in this dialect."""
    return [leg for leg in state.legs.values() if leg.account == account and leg.state is not LegState.OVER]


def bridged(state: State, leg: Leg) -> LegId | None:
    """Returns the leg that `leg` is put together with in a two-party call, or None."""
    rooms = (leg.focus, *leg.rooms) if leg.focus is not None else leg.rooms
    for name in rooms:
        room = state.rooms.get(name)
        if room is None or room.plan.kind not in TALKING:
            continue
        others = [other for other in room.members if other != leg.id]
        if room.lead in others:
            return room.lead
        if others:
            return others[-1]
    return None


def live_call(state: State, leg: Leg, shown: Call, api_id: str, *, queued: bool = False) -> dict[str, object]:
    """Returns the live call object, or that of a call which waits to be dialled; `bridged_call_uuid` is ours."""
    partner = bridged(state, leg)
    view: dict[str, object] = {
        "api_id": api_id,
        "call_uuid": leg.id,
        "request_uuid": leg.id,
        "call_status": "in-progress" if leg.state is LegState.UP else "ringing",
        "direction": leg.side.value,
        "from": shown.as_asked or shown.sender,
        "to": shown.receiver,
        "caller_name": shown.caller_name,
        "session_start": fields.utc(leg.created_at),
        "stir_verification": "Not Applicable",
        "stir_attestation": "Not Applicable",
    }
    if queued:
        view["call_status"] = "queued"
        del view["session_start"]
    parent = shown.parent or shown.aleg
    if parent:
        view["parent_call_uuid"] = parent
    if partner is not None:
        view["bridged_call_uuid"] = partner
    return view


def selected(calls: Iterable[Call], direction: str, sender: str, receiver: str) -> list[Call]:
    """Returns the calls that pass the filters; numbers are compared by their leading digits, without `+`."""
    return [
        call
        for call in calls
        if (not direction or call.side.value == direction)
        and _starts(call.sender, sender)
        and _starts(call.receiver, receiver)
    ]


def _starts(shown: str, wanted: str) -> bool:
    return shown.removeprefix("sip:").startswith(wanted.strip().removeprefix("sip:").lstrip("+"))
