"""One B leg of a Dial, as its callbacks tell of it."""

from __future__ import annotations

from switchhook.core.ids import LegId
from switchhook.core.model import Leg, Side
from switchhook.core.outcomes import Outcome
from switchhook.core.values import dataclass
from switchhook.dialects.plivo import fields
from switchhook.dialects.plivo.calls import call_of
from switchhook.dialects.plivo.causes import Cause
from switchhook.dialects.plivo.xml.elements import Target
from switchhook.settings import Settings


@dataclass(slots=True)
class Branch:
    """Who is dialled, and how far it got. `told` says that `answer` was posted, so `hangup` has to be."""

    leg: LegId
    side: Side
    position: int
    sender: str
    receiver: str
    started_at: float
    target: Target | None = None
    answered_at: float | None = None
    told: bool = False
    connected: bool = False  # it talked to A
    outcome: Outcome | None = None  # once it is over
    cause: Cause | None = None


def branch_of(settings: Settings, leg: Leg, position: int, target: Target | None = None) -> Branch:
    """Returns the branch that a B leg is, at its start or as it is brought in."""
    call = call_of(settings, leg)
    return Branch(leg.id, leg.side, position, call.sender, call.receiver, leg.created_at, target, leg.answered_at)


def branch_fields(settings: Settings, branch: Branch, account: str, action: str) -> dict[str, str]:
    """Returns what every callback about the branch carries."""
    zone = fields.settings_zone(settings, account)
    return {
        "DialAction": action,
        "DialBLegStatus": action,
        "DialBLegUUID": branch.leg,
        "DialBLegFrom": branch.sender,
        "DialBLegTo": branch.receiver,
        "DialBLegPosition": str(branch.position),
        "DialBLegBillRate": "0",
        "StartTime": fields.local(branch.started_at, zone),
        "AnswerTime": fields.local(branch.answered_at, zone),
        "EndTime": "",
    }


def ended_fields(settings: Settings, branch: Branch, account: str, cause: Cause, at: float) -> dict[str, str]:
    """Returns what the hangup callback adds."""
    duration = fields.seconds(branch.answered_at, at)
    return {
        "EndTime": fields.local(at, fields.settings_zone(settings, account)),
        "DialBLegDuration": str(duration),
        "DialBLegBillDuration": str(fields.billed(duration)),
        "DialBLegHangupCause": cause.word,
        "DialBLegHangupCauseName": cause.name,
        "DialBLegHangupCauseCode": str(cause.code),
        "DialBLegHangupSource": cause.source,
    }
