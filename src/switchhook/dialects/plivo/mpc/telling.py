"""Status callbacks of Multi-Party Calls (plivo-voice-api 10.7, plivo-xml 2.9): all keys always, empty where nothing is.

Events of the call itself go to every status callback that a participant brought; those of a participant to its own,
else to the first one there is. Those of one call leave one after the other, in the order in which things happened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from switchhook.core.ids import LegId
from switchhook.dialects.plivo import fields
from switchhook.dialects.plivo.actions.delivery import deliver
from switchhook.dialects.plivo.links import Link
from switchhook.dialects.plivo.mpc.party import TERMINATIONS, Hook, Participant, Party, Request
from switchhook.dialects.plivo.mpc.times import stamp
from switchhook.dialects.plivo.mpc.wishes import ADDING, DIGITS, PARTICIPANT, SPEAK, STATE
from switchhook.dialects.plivo.outgoing import Webhook

if TYPE_CHECKING:
    from switchhook.dialects.plivo.dialect import Plivo

Fields = dict[str, str]

_KEYS = (
    "MemberID",
    "MemberAddress",
    "ParticipantCallUUID",
    "ParticipantRole",
    "ParticipantCoachMode",
    "ParticipantCallFrom",
    "ParticipantCallTo",
    "ParticipantCallDirection",
    "DigitInput",
    "MPCDuration",
    "MPCBilledDuration",
    "MPCBilledAmount",
    "MPCTerminationCause",
    "MPCTerminationCauseCode",
    "AddParticipantAPIRequestOutcome",
    "RequestUUID",
    "Status",
)


class Telling:
    """Sends the status callbacks of all Multi-Party Calls."""

    def __init__(self, dialect: Plivo) -> None:
        self._dialect = dialect

    def state(self, party: Party, event: str) -> None:
        """Tells of MPCInitialized, MPCStart or MPCEnd."""
        extra = self._ended(party) if party.ended_at is not None else {}
        if party.first is not None and event == "MPCInitialized":
            extra |= about(party.first)
        for hook in party.hooks:
            self._send(party, hook, STATE, event, extra)

    def participant(self, member: Participant, event: str, group: str = PARTICIPANT, digit: str = "") -> None:
        """Tells of what a participant did, or what was done to it."""
        extra = about(member) | ({"DigitInput": digit} if digit else {})
        hook = _own(member)
        if hook is not None:
            self._send(member.party, hook, group, event, extra)

    def digit(self, member: Participant, digit: str) -> None:
        self.participant(member, "ParticipantDigitInput", DIGITS, digit)

    def speaks(self, member: Participant, on: bool) -> None:
        self.participant(member, "ParticipantSpeakStart" if on else "ParticipantSpeakStop", SPEAK)

    def adding(self, party: Party, request: Request, member: Participant, outcome: str = "") -> None:
        """Tells that an API request was begun, or how it came out."""
        event = "AddParticipantByAPIActionCompleted" if outcome else "AddParticipantByAPIActionInitiated"
        extra = about(member) | {
            "RequestUUID": request.id,
            "AddParticipantAPIRequestOutcome": outcome,
            "Status": outcome or "initiated",
        }
        hook = _own(member)
        if hook is not None:
            self._send(party, hook, ADDING, event, extra)

    def recording(self, party: Party, link: Link, sent: Fields, *, again: bool = False) -> None:
        """Tells of a recording; `again`: also when nobody takes it at first."""
        common = {"SequenceNumber": str(next(party.sequence)), "MPCName": party.name, "MPCUUID": party.uuid}
        webhook = self._webhook(party, link, sent | common)
        if again:
            deliver(self._dialect, webhook)
        else:
            self._dialect.outgoing.tell(webhook)

    def _ended(self, party: Party) -> Fields:
        duration = fields.seconds(party.started_at, party.ended_at or 0.0)
        code, cause = TERMINATIONS[party.cause] if party.cause is not None else (0, "")
        return {
            "MPCDuration": str(duration),
            "MPCBilledDuration": str(fields.billed(duration)),
            "MPCBilledAmount": fields.FREE,
            "MPCTerminationCause": cause,
            "MPCTerminationCauseCode": str(code or ""),
        }

    def _send(self, party: Party, hook: Hook, group: str, event: str, extra: Fields) -> None:
        if group not in hook.groups or party.hidden:
            return
        sent = dict.fromkeys(_KEYS, "") | {
            "EventName": event,
            "EventTimestamp": stamp(self._dialect.exchange.clock.now()),
            "SequenceNumber": str(next(party.sequence)),
            "MPCUUID": party.uuid,
            "MPCName": party.name,
        }
        self._dialect.outgoing.tell(self._webhook(party, hook.link, sent | extra))

    def _webhook(self, party: Party, link: Link, sent: Fields) -> Webhook:
        call = self._dialect.exchange.calls.of(party.room) if party.room is not None else ""
        return Webhook(LegId(party.uuid), party.account, link, sent, call=call)


def _own(member: Participant) -> Hook | None:
    hooks = member.party.hooks
    for hook in hooks:
        if hook.link == member.wishes.status:
            return Hook(hook.link, member.wishes.groups)
    return hooks[0] if hooks else None


def about(member: Participant) -> Fields:
    """Returns what is said of a participant."""
    return {
        "MemberID": member.member_id,
        "MemberAddress": member.address,
        "ParticipantCallUUID": member.leg,
        "ParticipantRole": member.wishes.role,
        "ParticipantCoachMode": "true" if member.coach else "false",
        "ParticipantCallFrom": member.caller,
        "ParticipantCallTo": member.called,
        "ParticipantCallDirection": member.direction,
    }
