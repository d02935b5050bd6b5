"""Conferences: listed, shown, hung up, recorded (plivo-voice-api 9). They come into being by documents only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from switchhook.core.errors import Refused
from switchhook.core.ids import LegId
from switchhook.core.model import LegState, Member, Room
from switchhook.dialects.plivo.actions.recording import start_of_room, stop_running
from switchhook.dialects.plivo.asked import Answer, Asked, Resources, path
from switchhook.dialects.plivo.problems import not_found

if TYPE_CHECKING:
    from switchhook.dialects.plivo.rest import Rest


def conference(rest: Rest, asked: Asked) -> Room:
    """Returns the conference that the path names; raises `Problem` 404 when the account has none of that name."""
    found = rest.dialect.conferences.find(asked.account.auth_id, asked.words["name"])
    if found is None:
        raise not_found("no conference of this name is live")
    return found


def list_conferences(rest: Rest, asked: Asked) -> Answer:
    """GET Conference/: the names of all."""
    names = [room.plan.name for room in rest.dialect.conferences.of(asked.account.auth_id)]
    return Answer(200, {"api_id": asked.api_id, "conferences": names})


def get_conference(rest: Rest, asked: Asked) -> Answer:
    """GET Conference/{name}/: what Plivo writes as text is text here."""
    room = conference(rest, asked)
    body: dict[str, object] = {
        "api_id": asked.api_id,
        "conference_name": room.plan.name,
        "conference_run_time": _seconds(rest, room.opened_at),
        "conference_member_count": str(len(room.members)),
        "members": [_member(rest, room, member) for member in room.members.values()],
    }
    return Answer(200, body)


def _member(rest: Rest, room: Room, member: Member) -> dict[str, object]:
    chair = rest.dialect.conferences.seat(room.id, member.leg)
    call = rest.call(rest.exchange.state.legs[member.leg])
    return {
        "member_id": chair.number,
        "call_uuid": member.leg,
        "muted": member.muted,
        "deaf": member.deaf,
        "from": call.sender,
        "to": call.receiver,
        "caller_name": call.caller_name or call.sender,
        "direction": call.side.value,
        "join_time": _seconds(rest, chair.since),
    }


def _seconds(rest: Rest, since: float) -> str:
    return str(max(0, int(rest.exchange.clock.now() - since + 1e-6)))


def hang_up_conference(rest: Rest, asked: Asked) -> Answer:
    """DELETE Conference/{name}/: ends the calls of all its members."""
    hang_up(rest, asked, tuple(conference(rest, asked).members))
    return Answer(204)


def hang_up_all(rest: Rest, asked: Asked) -> Answer:
    """DELETE Conference/: ends the calls of all members of all conferences."""
    for room in rest.dialect.conferences.of(asked.account.auth_id):
        hang_up(rest, asked, tuple(room.members))
    return Answer(204)


def hang_up(rest: Rest, asked: Asked, legs: tuple[LegId, ...]) -> None:
    """Ends calls; one that ended with another before it is no error."""
    for each in legs:
        leg = rest.exchange.state.legs.get(each)
        if leg is not None and leg.state is not LegState.OVER:
            try:
                rest.dialect.hang_up(leg, asked.api_id)
            except Refused:
                continue


def record(rest: Rest, asked: Asked) -> Answer:
    """POST Conference/{name}/Record/."""
    room = conference(rest, asked)
    return start_of_room(rest, asked, room.id, room.plan.name)


def stop_record(rest: Rest, asked: Asked) -> Answer:
    """DELETE Conference/{name}/Record/: ends all its recordings."""
    room = conference(rest, asked)
    stop_running(rest, asked, rest.exchange.recordings.running(room=room.id))
    return Answer(204, synchronous=True)


RESOURCES: Resources = (
    (path("conference"), {"GET": list_conferences, "DELETE": hang_up_all}),
    (path("conference/{name}"), {"GET": get_conference, "DELETE": hang_up_conference}),
    (path("conference/{name}/record"), {"POST": record, "DELETE": stop_record}),
)
