"""Multi-Party Calls and their participants as the REST API shows them (plivo-voice-api 10.2)."""

from __future__ import annotations

from switchhook.dialects.plivo import fields
from switchhook.dialects.plivo.mpc.party import ENDED, TERMINATIONS, Participant, Party
from switchhook.dialects.plivo.mpc.times import maybe
from switchhook.settings import Settings


def party_view(settings: Settings, party: Party, recording: str) -> dict[str, object]:
    """Returns the object of a Multi-Party Call."""
    uri = f"/v1/Account/{party.account}/MultiPartyCall/uuid_{party.uuid}/"
    owner = settings.account(party.account)
    ended = party.status == ENDED
    duration = fields.seconds(party.started_at, party.ended_at) if party.ended_at is not None else None
    code, cause = TERMINATIONS[party.cause] if party.cause is not None else (None, None)
    parent = owner.parent if owner is not None else ""
    return {
        "mpc_uuid": party.uuid,
        "friendly_name": party.name,
        "status": party.status,
        "creation_time": maybe(party.created_at),
        "start_time": maybe(party.started_at),
        "end_time": maybe(party.ended_at),
        "duration": duration,
        "billed_duration": fields.billed(duration) if duration is not None else None,
        "billed_amount": fields.FREE if ended else None,
        "stay_alone": party.stay_alone,
        "recording": recording,
        "sub_account": f"/v1/Account/{parent}/Subaccount/{party.account}/" if parent else None,
        "participants": f"{uri}Participant/",
        "resource_uri": uri,
        "termination_cause": cause,
        "termination_cause_code": code,
    }


def member_view(member: Participant) -> dict[str, object]:
    """Returns the object of a participant."""
    party = member.party
    uri = f"/v1/Account/{party.account}/MultiPartyCall/uuid_{party.uuid}/Participant/{member.member_id}/"
    gone = member.left_at is not None
    duration = fields.seconds(member.joined_at, member.left_at) if member.left_at is not None else None
    return {
        "member_id": member.member_id,
        "mpc_uuid": party.uuid,
        "call_uuid": member.leg,
        "member_address": member.address,
        "role": member.wishes.role,
        "coach_mode": None if gone else member.coach,
        "mute": None if gone else member.mute,
        "hold": None if gone else member.hold,
        "start_mpc_on_enter": member.wishes.starts,
        "end_mpc_on_exit": member.wishes.ends,
        "join_time": maybe(member.joined_at),
        "exit_time": maybe(member.left_at),
        "duration": duration,
        "billed_duration": fields.billed(duration) if duration is not None else None,
        "billed_amount": fields.FREE if gone else None,
        "exit_cause": member.exit_cause or None,
        "resource_uri": uri,
    }
