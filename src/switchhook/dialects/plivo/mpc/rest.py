"""The resources below MultiPartyCall/ (plivo-voice-api 10.3 to 10.6).

`name_<friendly name>` names the live Multi-Party Call of that name, `uuid_<mpc_uuid>` any, also one that has ended.
Participants are named by member ids, several joined by commas, or `all`; one that nobody inside has is 404, and then
nothing happens to the others either.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from switchhook.core import requests as r
from switchhook.core.errors import Refused
from switchhook.core.model import Clips, Role
from switchhook.dialects.plivo import shapes
from switchhook.dialects.plivo.actions.overlays import Layer
from switchhook.dialects.plivo.actions.sounds import speech, web_sound
from switchhook.dialects.plivo.asked import Answer, Asked, Resource, Resources, path
from switchhook.dialects.plivo.auth import owns
from switchhook.dialects.plivo.mpc import shapes as s
from switchhook.dialects.plivo.mpc.adding import Adding
from switchhook.dialects.plivo.mpc.lists import chosen, ended
from switchhook.dialects.plivo.mpc.party import ENDED, Participant, Party
from switchhook.dialects.plivo.mpc.views import member_view, party_view
from switchhook.dialects.plivo.paging import page_of
from switchhook.dialects.plivo.problems import Problem, invalid, not_found, of_refusal
from switchhook.dialects.plivo.transfer import takable
from switchhook.exchange.repeats import Repeats

if TYPE_CHECKING:
    from switchhook.core.ids import RoomId
    from switchhook.dialects.plivo.rest import Rest

MAX_NAME = 255


# --- which one ------------------------------------------------------------------------------------------------------


def _named(rest: Rest, asked: Asked) -> tuple[str, str]:
    """Returns how the path names a Multi-Party Call: `name` or `uuid`, and which."""
    how, _, which = asked.words["mid"].partition("_")
    if how.lower() not in ("name", "uuid") or not which.strip():
        raise not_found("no such multiparty call: name_ or uuid_ is expected")
    return how.lower(), which.strip()


def _find(rest: Rest, asked: Asked) -> Party | None:
    how, which = _named(rest, asked)
    book, settings, account = rest.dialect.mpc, rest.exchange.settings, asked.account
    if how == "uuid":
        party = book.find(which)
        return party if party is not None and not party.hidden and owns(settings, account, party.account) else None
    own = book.named(account.auth_id, which)
    found = [own, *(book.named(each, which) for each in _accounts(rest, asked))]
    return next((party for party in found if party is not None and not party.hidden), None)


def _accounts(rest: Rest, asked: Asked) -> list[str]:
    """Returns the accounts whose Multi-Party Calls the caller may see."""
    settings = rest.exchange.settings
    return [each.auth_id for each in settings.accounts if owns(settings, asked.account, each.auth_id)]


async def _ever(rest: Rest, asked: Asked) -> Party:
    """Returns the Multi-Party Call that the path names, also one that ended long ago; raises `Problem` 404."""
    party = _find(rest, asked)
    how, which = _named(rest, asked)
    if party is None and how == "uuid":
        party = await rest.dialect.mpc.shelf.find(which, _accounts(rest, asked))
    if party is None:
        raise not_found("no such multiparty call")
    return party


def _need(rest: Rest, asked: Asked) -> Party:
    party = _find(rest, asked)
    if party is None:
        raise not_found("no such multiparty call")
    return party


def _live(rest: Rest, asked: Asked) -> Party:
    party = _need(rest, asked)
    if party.status == ENDED:
        raise not_found("the multiparty call has ended")
    return party


def _members(rest: Rest, asked: Asked) -> tuple[Party, list[Participant]]:
    """Returns the participants inside that the path names."""
    party = _live(rest, asked)
    which = asked.words["pid"].strip()
    if which.lower() == "all":
        return party, party.inside
    ids = list(dict.fromkeys(part.strip() for part in which.split(",") if part.strip()))
    found = [member for each in ids if (member := party.members.get(each)) is not None and member.inside]
    if not ids or len(found) < len(ids):
        raise not_found("no such member is in this multiparty call")
    return party, found


def _room(party: Party) -> RoomId:
    if party.room is None:
        raise not_found("nobody is in the multiparty call yet")
    return party.room


def _ask(rest: Rest, asked: Asked, request: r.Request, alone: bool = True) -> None:
    try:
        rest.exchange.ask(request, cause=asked.api_id)
    except Refused as refused:
        if alone:
            raise of_refusal(refused) from refused


# --- the whole ------------------------------------------------------------------------------------------------------


async def list_parties(rest: Rest, asked: Asked) -> Answer:
    """GET MultiPartyCall/: live and ended ones, the newest first."""
    page = page_of(asked.given)
    settings, wanted = rest.exchange.settings, shapes.text(asked.given, "sub_account")
    if wanted and not owns(settings, asked.account, wanted):
        raise not_found("sub_account")
    accounts = tuple(each for each in _accounts(rest, asked) if wanted in ("", each))
    every = rest.dialect.mpc.every()
    found = chosen([each for each in every if each.account in accounts], asked.given)
    old: list[Party] = []
    total = 0
    if (over := ended(asked.given, accounts)) is not None:
        old, total = await rest.dialect.mpc.shelf.newest(over, page.offset + page.limit)
    there = {party.uuid for party in old}
    found = [party for party in found if party.uuid not in there]
    part = sorted([*found, *old], key=lambda party: -party.created_at)[page.offset : page.offset + page.limit]
    objects = [_view(rest, party) for party in part]
    meta = page.meta(asked.path, asked.given, len(found) + total)
    return Answer(200, {"api_id": asked.api_id, "meta": meta, "objects": objects})


def _view(rest: Rest, party: Party) -> dict[str, object]:
    return party_view(rest.exchange.settings, party, rest.dialect.mpc.taping.status(party))


async def get_party(rest: Rest, asked: Asked) -> Answer:
    """GET MultiPartyCall/{mid}/: also one that has ended."""
    return Answer(200, {"api_id": asked.api_id, **_view(rest, await _ever(rest, asked))})


def start_party(rest: Rest, asked: Asked) -> Answer:
    """POST MultiPartyCall/{mid}/: who waits for its start talks from now on; one that has started stays as it is."""
    s.start(asked.given)
    party = _live(rest, asked)
    if party.room is None:
        party.start_asked = True
    else:
        _ask(rest, asked, r.StartRoom(party.room))
    return Answer(204)


def end_party(rest: Rest, asked: Asked) -> Answer:
    """DELETE MultiPartyCall/{mid}/."""
    party = _live(rest, asked)
    if party.room is None:
        rest.dialect.mpc.end(party)
    else:
        _ask(rest, asked, r.EndRoom(party.room))
    return Answer(204)


# --- participants ---------------------------------------------------------------------------------------------------


def add(rest: Rest, asked: Asked) -> Answer:
    """POST MultiPartyCall/{mid}/Participant/."""
    wanted = s.add_participant(asked.given)
    how, which = _named(rest, asked)
    party = _find(rest, asked)
    if how == "uuid" and (party is None or party.status == ENDED):
        raise not_found("no live multiparty call has this uuid")
    if len(which) > MAX_NAME:
        raise invalid("friendly_name", f"at most {MAX_NAME} characters")
    account, name = (party.account, party.name) if party is not None else (asked.account.auth_id, which)
    key = Repeats.key(asked.account.auth_id, asked.path.rstrip("/").lower(), asked.given, asked.request_id)
    repeated = rest.exchange.repeats.find(key)
    if isinstance(repeated, Answer):
        return repeated
    adding = Adding(rest.dialect, wanted, asked.api_id)
    if wanted.call:
        leg = rest.live(asked, wanted.call)
        if leg is None or not takable(rest.dialect, leg.id):
            raise not_found("no live call has this call_uuid")
        call = rest.call(leg)
        request = adding.take(account, name, leg)
        calls = [{"to": call.receiver, "from": call.sender, "call_uuid": leg.id}]
    else:
        request, rung = adding.ring(account, name)
        calls = [{"to": each.target.address, "from": wanted.caller, "call_uuid": each.leg} for each in rung]
    body: dict[str, object] = {
        "api_id": asked.api_id,
        "message": "add participant action initiated",
        "request_uuid": request.id,
        "calls": calls,
    }
    answer = Answer(201, body, request.legs[0])
    rest.exchange.repeats.keep(key, answer, lambda: request.pending)
    return answer


async def list_members(rest: Rest, asked: Asked) -> Answer:
    """GET MultiPartyCall/{mid}/Participant/: who is in and who was, in order of coming."""
    party, page = await _ever(rest, asked), page_of(asked.given)
    call = shapes.text(asked.given, "call_uuid")
    found = [member for member in party.members.values() if not call or member.leg == call]
    objects = [member_view(member) for member in found[page.offset : page.offset + page.limit]]
    meta = page.meta(asked.path, asked.given, len(found))
    return Answer(200, {"api_id": asked.api_id, "meta": meta, "objects": objects})


async def get_member(rest: Rest, asked: Asked) -> Answer:
    """GET MultiPartyCall/{mid}/Participant/{member_id}/: also of who has left."""
    member = (await _ever(rest, asked)).members.get(asked.words["pid"])
    if member is None:
        raise not_found("no such participant")
    return Answer(200, {"api_id": asked.api_id, **member_view(member)})


def update(rest: Rest, asked: Asked) -> Answer:
    """POST MultiPartyCall/{mid}/Participant/{pid}/: mute, hold, coach mode."""
    wanted = s.update(asked.given, asked.words["pid"].strip().lower() == "all")
    party, members = _members(rest, asked)
    if wanted.coach is not None and any(member.wishes.place is not Role.SUPERVISOR for member in members):
        raise invalid("coach_mode", "only supervisors coach")
    said: dict[str, object] = {"api_id": asked.api_id}
    for member in members:
        room, alone = _room(party), len(members) == 1
        if wanted.mute is not None:
            _ask(rest, asked, r.MuteMember(room, member.leg, wanted.mute), alone)
        if wanted.hold is not None:
            _ask(rest, asked, r.HoldMember(room, member.leg, wanted.hold), alone)
        if wanted.coach is not None:
            _ask(rest, asked, r.SetWhisper(room, member.leg, wanted.coach), alone)
    if wanted.mute is not None:
        said["mute"] = f"MPC: {party.name} mute/unmute member(s) succeeded"
    if wanted.hold is not None:
        said["hold"] = f"MPC: {party.name} hold/unhold member(s) succeeded"
    if wanted.coach is not None:
        said["coach_mode"] = f"MPC: {party.name} coach_mode enable/disable succeeded"
    return Answer(202, said)


def kick(rest: Rest, asked: Asked) -> Answer:
    """DELETE MultiPartyCall/{mid}/Participant/{pid}/: out of it; each goes on as `mpc.step` says."""
    party, members = _members(rest, asked)
    room = _room(party)
    party.emptied = len(members) == len(party.inside)
    for member in members:
        member.kicked = True
    for member in members:
        _ask(rest, asked, r.LeaveRoom(room, member.leg), len(members) == 1)
    party.emptied = party.emptied and room not in rest.exchange.state.rooms  # somebody may still be on the way
    return Answer(204)


# --- recording ------------------------------------------------------------------------------------------------------


def start_record(rest: Rest, asked: Asked) -> Answer:
    """POST MultiPartyCall/{mid}/Record/."""
    wanted = s.start_record(asked.given)
    party, taping = _live(rest, asked), rest.dialect.mpc.taping
    if taping.status(party) != "not-recording":
        raise Problem(409, "not possible now: the multiparty call is being recorded")
    found = taping.start(party, wanted.callback, wanted.wanted, asked.api_id, wanted.transcription)
    if found is None:
        raise not_found("nobody is there to record")
    return _recorded(rest, asked, party, found.id, rest.exchange.recordings.url(found))


def _recorded(rest: Rest, asked: Asked, party: Party, recording: str, url: str) -> Answer:
    body: dict[str, object] = {
        "api_id": asked.api_id,
        "message": f"MPC: {party.name} record started",
        "recording_id": recording,
        "recording_url": url,
    }
    return Answer(202, body)


def stop_record(rest: Rest, asked: Asked) -> Answer:
    """DELETE MultiPartyCall/{mid}/Record/."""
    if not rest.dialect.mpc.taping.stop(_live(rest, asked), asked.api_id):
        raise not_found("the multiparty call is not being recorded")
    return Answer(204)


def _pause(on: bool) -> Resource:
    def resource(rest: Rest, asked: Asked) -> Answer:
        if not rest.dialect.mpc.taping.pause(_live(rest, asked), on, asked.api_id):
            raise not_found("the multiparty call is not being recorded")
        return Answer(204)

    return resource


def start_member_record(rest: Rest, asked: Asked) -> Answer:
    """POST MultiPartyCall/{mid}/Participant/{pid}/Record/."""
    wanted = s.start_record(asked.given)
    party, members = _members(rest, asked)
    taping = rest.dialect.mpc.taping
    if any(taping.records(member) for member in members):
        raise Problem(409, "not possible now: the participant is being recorded")
    found = [
        recorded
        for member in members
        if (
            recorded := taping.start_member(
                member, wanted.callback, wanted.wanted, wanted.track, asked.api_id, wanted.transcription
            )
        )
    ]
    if not found:
        raise not_found("nobody is there to record")
    return _recorded(rest, asked, party, found[0].id, rest.exchange.recordings.url(found[0]))


def stop_member_record(rest: Rest, asked: Asked) -> Answer:
    """DELETE MultiPartyCall/{mid}/Participant/{pid}/Record/."""
    taping = rest.dialect.mpc.taping
    return _tapes(rest, asked, lambda member: taping.stop_member(member, asked.api_id))


def _pause_member(on: bool) -> Resource:
    def resource(rest: Rest, asked: Asked) -> Answer:
        taping = rest.dialect.mpc.taping
        return _tapes(rest, asked, lambda member: taping.pause_member(member, on, asked.api_id))

    return resource


def _tapes(rest: Rest, asked: Asked, does: Callable[[Participant], bool]) -> Answer:
    done = [does(member) for member in _members(rest, asked)[1]]
    if not any(done):
        raise not_found("the participant is not being recorded")
    return Answer(204)


# --- sounds ---------------------------------------------------------------------------------------------------------


def play(rest: Rest, asked: Asked) -> Answer:
    """POST MultiPartyCall/{mid}/Member/{pid}/Play/."""
    return _lay(rest, asked, tuple(web_sound(url, "url") for url in s.urls(asked.given)), "play", mixed=True)


def speak(rest: Rest, asked: Asked) -> Answer:
    """POST MultiPartyCall/{mid}/Member/{pid}/Speak/."""
    mixed = s.flag(asked.given, "mix", True)
    spoken, warnings = speech(asked)
    answer = _lay(rest, asked, spoken, "speak", mixed=mixed)
    for text in warnings:
        rest.exchange.write("Warning", {"dialect": "plivo", "text": text}, leg=answer.leg)
    return answer


def _lay(rest: Rest, asked: Asked, clips: Clips, kind: str, *, mixed: bool) -> Answer:
    party, members = _members(rest, asked)
    layer = Layer(kind, _room(party))
    try:
        rest.dialect.overlays.lay([each.leg for each in members], clips, layer, mixed=mixed, cause=asked.api_id)
    except Refused as refused:
        raise of_refusal(refused) from refused
    body: dict[str, object] = {
        "api_id": asked.api_id,
        "message": f"{kind} queued into MPC",
        "mpcMemberId": [member.member_id for member in members],
        "mpcName": party.name,
    }
    return Answer(202, body, members[0].leg if members else "")


def _lift(kind: str) -> Resource:
    def stop(rest: Rest, asked: Asked) -> Answer:
        party, members = _members(rest, asked)
        legs = [member.leg for member in members]
        rest.dialect.overlays.lift(Layer(kind, _room(party)), legs, cause=asked.api_id)
        return Answer(204)

    return stop


_PARTY = "multipartycall/{mid}"
_PARTICIPANT = f"{_PARTY}/participant/{{pid}}"
_MEMBER = f"{_PARTY}/member/{{pid}}"
RESOURCES: Resources = (
    (path("multipartycall"), {"GET": list_parties}),
    (path(_PARTY), {"GET": get_party, "POST": start_party, "DELETE": end_party}),
    (path(f"{_PARTY}/participant"), {"GET": list_members, "POST": add}),
    (path(_PARTICIPANT), {"GET": get_member, "POST": update, "DELETE": kick}),
    (path(f"{_PARTY}/record"), {"POST": start_record, "DELETE": stop_record}),
    (path(f"{_PARTY}/record/pause"), {"POST": _pause(True)}),
    (path(f"{_PARTY}/record/resume"), {"POST": _pause(False)}),
    (path(f"{_PARTICIPANT}/record"), {"POST": start_member_record, "DELETE": stop_member_record}),
    (path(f"{_PARTICIPANT}/record/pause"), {"POST": _pause_member(True)}),
    (path(f"{_PARTICIPANT}/record/resume"), {"POST": _pause_member(False)}),
    (path(f"{_MEMBER}/play"), {"POST": play, "DELETE": _lift("play")}),
    (path(f"{_MEMBER}/speak"), {"POST": speak, "DELETE": _lift("speak")}),
)
