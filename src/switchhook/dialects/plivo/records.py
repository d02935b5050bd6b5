"""Records of past calls as the REST API shows them (plivo-voice-api 6.1), made from the neutral records of legs."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from switchhook.core.addresses import address_key
from switchhook.core.facts import LegEnded
from switchhook.core.ids import LegId
from switchhook.core.model import By, Side
from switchhook.core.outcomes import Outcome
from switchhook.dialects.plivo import fields
from switchhook.dialects.plivo.calls import numbered, shown
from switchhook.dialects.plivo.causes import NAMES, Cause, Ending, cause_of
from switchhook.exchange.records import EndedAs
from switchhook.exchange.routes import PLIVO_DOMAIN
from switchhook.settings import Settings


class Record(Protocol):
    """What is read of a leg's record."""

    @property
    def leg(self) -> str: ...
    @property
    def parent(self) -> str: ...
    @property
    def account(self) -> str: ...
    @property
    def direction(self) -> str: ...
    @property
    def caller(self) -> str: ...
    @property
    def called(self) -> str: ...
    @property
    def started_at(self) -> float: ...
    @property
    def answered_at(self) -> float | None: ...
    @property
    def ended_at(self) -> float: ...
    @property
    def outcome(self) -> str: ...
    @property
    def ended_by(self) -> str: ...
    @property
    def sip_status(self) -> int: ...
    @property
    def reason(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def conference(self) -> str: ...


_CODES = {name: code for code, name in NAMES.items()}
_OURS = frozenset({2060, 4020, 6000, 9100})  # limits of the platform, not of the document

_STATES = {
    Outcome.BUSY: "BUSY",
    Outcome.NO_ANSWER: "NO_ANSWER",
    Outcome.TIMED_OUT: "NO_ANSWER",
    Outcome.CANCELLED: "CANCEL",
    Outcome.ANSWERED_ELSEWHERE: "CANCEL",
}


def record_view(settings: Settings, record: Record, api_id: str) -> dict[str, object]:
    """Returns the call detail record; every key is there, null only where the reference allows it."""
    zone = fields.settings_zone(settings, record.account)
    outcome, side = Outcome(record.outcome), Side(record.direction)
    answered = record.answered_at is not None
    how = (record.direction, record.outcome, record.ended_by, answered, record.sip_status, record.reason)
    cause = cause_of_record(EndedAs(*how))
    talked_s = fields.seconds(record.answered_at, record.ended_at)
    return {
        "api_id": api_id,
        "call_uuid": record.leg,
        "resource_uri": f"/v1/Account/{record.account}/Call/{record.leg}/",
        "call_direction": side.value,
        "call_state": "ANSWER" if answered else _STATES.get(outcome, "FAILED"),
        "from_number": numbered(_party(settings, record.caller, side is Side.INBOUND), record.caller),
        "to_number": _party(settings, record.called, side is Side.OUTBOUND),
        "initiation_time": _time(record.started_at, zone),
        "answer_time": _time(record.answered_at, zone),
        "end_time": _time(record.ended_at, zone),
        "call_duration": fields.seconds(record.started_at, record.ended_at),
        "bill_duration": talked_s,
        "billed_duration": fields.billed(talked_s),
        "total_amount": fields.FREE,
        "total_rate": fields.FREE,
        "parent_call_uuid": record.parent or None,
        "conference_uuid": record.conference or None,
        "hangup_cause_name": cause.name,
        "hangup_cause_code": cause.code,
        "hangup_source": cause.source,
        "stir_verification": "Not Applicable",
        "stir_attestation": "",
        "voice_network_group": "",
        "source_ip": record.source.rpartition(":")[0].strip("[]"),
        "cnam_lookup": "",
    }


def cause_of_record(ended: EndedAs) -> Cause:
    """Returns how a leg's end is told, of what its record keeps."""
    fact = LegEnded(LegId(""), Outcome(ended.outcome), By(ended.ended_by), ended.sip_status)
    return cause_of(fact, Side(ended.direction), answered=ended.answered, ending=_ending(ended))


def _ending(ended: EndedAs) -> Ending | None:
    """A document's own reason to hang up is kept in the record by its name."""
    code = _CODES.get(ended.reason)
    if code is None or ended.ended_by != By.PROGRAM.value:
        return None
    if code == 4030:
        return Ending(code, "API Request")  # nothing else takes somebody out of a Multi-Party Call
    return Ending(code, "Plivo" if code in _OURS else "Answer XML" if code < 5000 else "Error")


def _party(settings: Settings, address: str, telephone: bool) -> str:
    """Shows a party as the webhooks of its call did; `telephone` says that it may be one of our endpoints."""
    key = address_key(address, frozenset((settings.sip.domain.lower(), PLIVO_DOMAIN)))
    ours = telephone and any(endpoint.username == key for endpoint in settings.endpoints)
    return shown(settings, address, key if ours else "")


def _time(at: float | None, zone: ZoneInfo) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, zone).isoformat(" ", "seconds")
