"""The fields of webhooks, all texts (plivo-xml 1.3, plivo-voice-api 7)."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from switchhook.core.model import Side
from switchhook.dialects.plivo.auth import main_of
from switchhook.dialects.plivo.calls import Call, caller_name
from switchhook.dialects.plivo.causes import Cause
from switchhook.settings import Settings

Fields = dict[str, str]

FREE = "0.00000"


def standard(settings: Settings, call: Call, event: str, status: str) -> Fields:
    """Returns what goes with every request about a call."""
    main = main_of(settings, call.account)
    fields = {
        "CallUUID": call.leg,
        "From": call.sender,
        "To": call.receiver,
        "CallerName": caller_name(call),
        "Direction": call.side.value,
        "CallStatus": status,
        "Event": event,
        "BillRate": "0",
        "ParentAuthID": main.auth_id if main is not None else call.account,
        "SessionStart": utc(call.created_at),
        "STIRVerification": "Not Applicable",
        "STIRAttestation": "Not Applicable",
    }
    if call.from_api:
        fields |= dict.fromkeys(("RequestUUID", "ALegUUID", "ALegRequestUUID"), call.leg)
    elif call.aleg:
        fields["ALegUUID"] = call.aleg
    if call.machine and event in ("StartApp", "Hangup"):
        fields["Machine"] = call.machine
    if call.forwarded_from:
        fields["ForwardedFrom"] = call.forwarded_from
    fields.update(call.sip)
    fields.update(call.headers)
    fields.update(call.attached)
    return fields


def status_now(call: Call) -> str:
    """Returns CallStatus as of now; how a call failed is told by its hangup webhook alone."""
    if call.over:
        return "completed"
    return "in-progress" if call.answered_at is not None else "ringing"


def hangup(settings: Settings, call: Call, status: str, cause: Cause, ended_at: float) -> Fields:
    """Returns the fields of the hangup webhook."""
    fields = standard(settings, call, "Hangup", status)
    answered = call.answered_at
    zone = settings_zone(settings, call.account)
    fields |= {
        "HangupCause": cause.word,
        "HangupCauseName": cause.name,
        "HangupCauseCode": str(cause.code),
        "HangupSource": cause.source,
        "StartTime": local(call.created_at, zone),
        "AnswerTime": local(answered, zone),
        "EndTime": local(ended_at, zone),
        "Duration": str(seconds(answered, ended_at)),
        "BillDuration": str(billed(seconds(answered, ended_at))),
        "TotalCost": FREE,
    }
    if call.side is Side.OUTBOUND:
        fields["CarrierFailoverTriggered"] = "false"
    return fields


def seconds(start: float | None, end: float) -> int:
    """Returns the whole seconds between two moments; none when it never started."""
    return 0 if start is None else max(0, math.ceil(end - start - 1e-6))


def billed(duration_s: int) -> int:
    """Returns a duration rounded up to whole minutes, in seconds."""
    return math.ceil(duration_s / 60) * 60


def utc(at: float) -> str:
    """Returns a moment as `SessionStart` shows it: UTC with microseconds."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def local(at: float | None, zone: ZoneInfo) -> str:
    """Returns a moment in the account's zone, or an empty text."""
    return "" if at is None else datetime.fromtimestamp(at, zone).strftime("%Y-%m-%d %H:%M:%S")


def settings_zone(settings: Settings, account: str) -> ZoneInfo:
    found = settings.account(account)
    return ZoneInfo(found.timezone if found is not None else "UTC")
