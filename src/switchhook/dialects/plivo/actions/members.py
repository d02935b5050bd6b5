"""Members of a conference: one, several (comma-joined numbers) or `all` (plivo-voice-api 9).

A number that nobody in the conference has is 404, and then nothing happens to the others either.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from switchhook.core import requests as r
from switchhook.core.errors import Refused
from switchhook.core.ids import LegId, RoomId
from switchhook.core.model import Clips, Room
from switchhook.dialects.plivo.actions.conference import conference, hang_up
from switchhook.dialects.plivo.actions.overlays import Layer
from switchhook.dialects.plivo.actions.sounds import needed, speech, warn, web_sound
from switchhook.dialects.plivo.asked import Answer, Asked, Resource, Resources, path
from switchhook.dialects.plivo.problems import not_found, of_refusal

if TYPE_CHECKING:
    from switchhook.dialects.plivo.rest import Rest

Change = Callable[[RoomId, LegId], r.Request]


def _chosen(rest: Rest, asked: Asked) -> tuple[Room, tuple[LegId, ...], str]:
    """Returns the conference, the legs that the path names, and how the answer names them."""
    room = conference(rest, asked)
    members = rest.dialect.conferences.members(room)
    if asked.words["ids"].strip().lower() == "all":
        return room, tuple(members.values()), "all"
    numbers = list(dict.fromkeys(part.strip() for part in asked.words["ids"].split(",") if part.strip()))
    if not numbers or any(number not in members for number in numbers):
        raise not_found("no such member is in this conference")
    return room, tuple(members[number] for number in numbers), ",".join(numbers)


def _change(rest: Rest, asked: Asked, change: Change) -> str:
    """Asks for a change of each member; one that has left with another before it is no error."""
    room, legs, named = _chosen(rest, asked)
    for leg in legs:
        try:
            rest.exchange.ask(change(room.id, leg), cause=asked.api_id)
        except Refused as refused:
            if len(legs) == 1:
                raise of_refusal(refused) from refused
    return named


def _said(asked: Asked, message: str, named: str) -> Answer:
    return Answer(202, {"api_id": asked.api_id, "message": message, "member_id": named})


def hang_up_members(rest: Rest, asked: Asked) -> Answer:
    """DELETE Member/{ids}/: ends their calls."""
    hang_up(rest, asked, _chosen(rest, asked)[1])
    return Answer(204)


def kick(rest: Rest, asked: Asked) -> Answer:
    """POST Member/{ids}/Kick/: out of the conference, on with their documents."""
    room, legs, named = _chosen(rest, asked)
    rest.dialect.kick(room.id, legs, asked.api_id)
    return _said(asked, "kicked", named)


def _switch(change: Callable[[RoomId, LegId, bool], r.Request], message: str) -> dict[str, Resource]:
    def on(rest: Rest, asked: Asked) -> Answer:
        return _said(asked, message, _change(rest, asked, lambda room, leg: change(room, leg, True)))

    def off(rest: Rest, asked: Asked) -> Answer:
        _change(rest, asked, lambda room, leg: change(room, leg, False))
        return Answer(204)

    return {"POST": on, "DELETE": off}


def play(rest: Rest, asked: Asked) -> Answer:
    """POST Member/{ids}/Play/: plays a file to these members, over the talk."""
    return _lay(rest, asked, (web_sound(needed(asked, "url"), "url"),), "play")


def speak(rest: Rest, asked: Asked) -> Answer:
    """POST Member/{ids}/Speak/: speaks a text to these members, over the talk."""
    clips, warnings = speech(asked)
    answer = _lay(rest, asked, clips, "speak")
    warn(rest, _chosen(rest, asked)[1][0], warnings)
    return answer


def _lay(rest: Rest, asked: Asked, clips: Clips, kind: str) -> Answer:
    room, legs, named = _chosen(rest, asked)
    try:
        rest.dialect.overlays.lay(legs, clips, Layer(kind, room.id), cause=asked.api_id)
    except Refused as refused:
        raise of_refusal(refused) from refused
    return _said(asked, f"{kind} queued into conference", named)


def _lift(kind: str) -> Resource:
    def stop(rest: Rest, asked: Asked) -> Answer:
        room, legs, _ = _chosen(rest, asked)
        rest.dialect.overlays.lift(Layer(kind, room.id), legs, cause=asked.api_id)
        return Answer(204)

    return stop


_MEMBER = "conference/{name}/member/{ids}"
RESOURCES: Resources = (
    (path(_MEMBER), {"DELETE": hang_up_members}),
    (path(_MEMBER + "/kick"), {"POST": kick}),
    (path(_MEMBER + "/mute"), _switch(r.MuteMember, "muted")),
    (path(_MEMBER + "/deaf"), _switch(r.DeafenMember, "deaf")),
    (path(_MEMBER + "/play"), {"POST": play, "DELETE": _lift("play")}),
    (path(_MEMBER + "/speak"), {"POST": speak, "DELETE": _lift("speak")}),
)
