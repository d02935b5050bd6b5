"""How a leg's end is told in this dialect: HangupCause, name, code and source (plivo-voice-api 6.3 and 6.4).

The core's outcome decides; the SIP status makes some of them finer; and where the dialect itself ended the leg, its own
reason (`Ending`) goes first, such as 4010 for a document that ran out.
"""

from __future__ import annotations

from dataclasses import replace

from switchhook.core.facts import LegEnded
from switchhook.core.model import By, Side
from switchhook.core.outcomes import Outcome
from switchhook.core.values import dataclass

NAMES: dict[int, str] = {
    0: "Unknown",
    1000: "Canceled",
    2000: "Invalid Destination Address",
    2020: "Endpoint Not Registered",
    2060: "Loop Detected",
    3000: "No Answer",
    3010: "Busy Line",
    3020: "Rejected",
    3040: "Forbidden",
    3050: "Unallocated number",
    3070: "Request timeout",
    3080: "Internal server error from carrier",
    3090: "Network congestion from carrier",
    3100: "Busy everywhere",
    3110: "Declined",
    3120: "User does not exist anywhere",
    3130: "Spam block",
    4000: "Normal Hangup",
    4010: "End Of XML Instructions",
    4020: "Multiparty Call Ended",
    4030: "Kicked Out Of Multiparty Call",
    5000: "Network Error",
    5010: "Internal Error",
    5020: "Routing Error",
    5030: "Concurrency Limit Breached",
    6000: "Scheduled Hangup",
    6010: "Ring Timeout Reached",
    6020: "Media Timeout",
    7011: "Error Reaching Answer URL",
    7012: "Error Reaching Action URL",
    7013: "Error Reaching Transfer URL",
    7014: "Error Reaching Redirect URL",
    7022: "Invalid Action URL",
    7023: "Invalid Transfer URL",
    7024: "Invalid Redirect URL",
    7032: "Invalid Method For Action URL",
    7033: "Invalid Method For Transfer URL",
    7034: "Invalid Method For Redirect URL",
    8011: "Invalid Answer XML",
    8012: "Invalid Action XML",
    8013: "Invalid Transfer XML",
    8014: "Invalid Redirect XML",
    9000: "Lost Race",
    9100: "Machine Detected",
    9110: "Confirm Key Challenge Failed",
}


@dataclass(frozen=True, slots=True)
class Ending:
    """Why this dialect ends a leg; goes before what the core's outcome would say."""

    code: int
    source: str
    word: str = "NORMAL_CLEARING"


@dataclass(frozen=True, slots=True)
class Cause:
    """The four words for how a leg ended."""

    word: str
    name: str
    code: int
    source: str


WORDS: dict[Outcome, tuple[str, int]] = {
    Outcome.COMPLETED: ("NORMAL_CLEARING", 4000),
    Outcome.BUSY: ("USER_BUSY", 3010),
    Outcome.REJECTED: ("CALL_REJECTED", 3020),
    Outcome.NO_ANSWER: ("NO_ANSWER", 3000),
    Outcome.NOT_REGISTERED: ("USER_NOT_REGISTERED", 2020),
    Outcome.NOT_FOUND: ("UNALLOCATED_NUMBER", 3050),
    Outcome.FORBIDDEN: ("CALL_REJECTED", 3040),
    Outcome.UNACCEPTABLE: ("NORMAL_TEMPORARY_FAILURE", 5000),
    Outcome.TIMED_OUT: ("RECOVERY_ON_TIMER_EXPIRE", 3070),
    Outcome.CONGESTED: ("NORMAL_TEMPORARY_FAILURE", 3090),
    Outcome.FAILED: ("NORMAL_TEMPORARY_FAILURE", 5000),
    Outcome.CANCELLED: ("ORIGINATOR_CANCEL", 1000),
    Outcome.ANSWERED_ELSEWHERE: ("LOSE_RACE", 9000),
    Outcome.MEDIA_LOST: ("MEDIA_TIMEOUT", 6020),
    Outcome.TIME_LIMIT: ("ALLOTTED_TIMEOUT", 6000),
    Outcome.OVER_LIMIT: ("NORMAL_TEMPORARY_FAILURE", 5030),
    Outcome.LOOPED: ("NORMAL_TEMPORARY_FAILURE", 2060),
    Outcome.SHUT_DOWN: ("NETWORK_OUT_OF_ORDER", 5000),
}

_BY_STATUS: dict[int, tuple[str, int]] = {
    408: ("RECOVERY_ON_TIMER_EXPIRE", 3070),
    484: ("INVALID_NUMBER_FORMAT", 2000),
    500: ("NORMAL_TEMPORARY_FAILURE", 3080),
    600: ("USER_BUSY", 3100),
    603: ("CALL_REJECTED", 3110),
    604: ("UNALLOCATED_NUMBER", 3120),
    607: ("CALL_REJECTED", 3130),
    608: ("CALL_REJECTED", 3130),
}

CALL_STATUS: dict[Outcome, str] = {
    Outcome.COMPLETED: "completed",
    Outcome.BUSY: "busy",
    Outcome.REJECTED: "failed",
    Outcome.NO_ANSWER: "no-answer",
    Outcome.NOT_REGISTERED: "failed",
    Outcome.NOT_FOUND: "failed",
    Outcome.FORBIDDEN: "failed",
    Outcome.UNACCEPTABLE: "failed",
    Outcome.TIMED_OUT: "timeout",
    Outcome.CONGESTED: "failed",
    Outcome.FAILED: "failed",
    Outcome.CANCELLED: "cancel",
    Outcome.ANSWERED_ELSEWHERE: "cancel",
    Outcome.MEDIA_LOST: "completed",
    Outcome.TIME_LIMIT: "completed",
    Outcome.OVER_LIMIT: "failed",
    Outcome.LOOPED: "failed",
    Outcome.SHUT_DOWN: "failed",
}

# What a Dial says of a target that was not reached; the same words, and the order in which the best one is chosen.
DIAL_STATUS: dict[Outcome, str] = {**CALL_STATUS, Outcome.ANSWERED_ELSEWHERE: "failed"}
_BEST_FIRST = ("busy", "no-answer", "timeout", "cancel", "failed")


def best(outcomes: list[Outcome]) -> Outcome:
    """Returns the outcome that speaks for a Dial whose targets were all not reached; FAILED when there were none."""
    order = sorted(outcomes, key=lambda outcome: _BEST_FIRST.index(_rank(outcome)))
    return order[0] if order else Outcome.FAILED


def _rank(outcome: Outcome) -> str:
    found = DIAL_STATUS[outcome]
    return found if found in _BEST_FIRST else "failed"


def outcome_of(fact: LegEnded) -> Outcome:
    """Returns how a leg ended, in the eyes of this dialect: 408 is a network that gave no result, even if it rang."""
    return Outcome.TIMED_OUT if fact.sip_status == 408 and fact.outcome is Outcome.NO_ANSWER else fact.outcome


def cause_of(fact: LegEnded, side: Side, *, answered: bool, ending: Ending | None = None) -> Cause:
    """Returns how `fact` is told of a leg on `side`; `ending` is this dialect's own reason, if it had one."""
    if ending is not None:
        return Cause(ending.word, NAMES[ending.code], ending.code, ending.source)
    word, code = WORDS[fact.outcome]
    if not answered:
        fact = replace(fact, outcome=outcome_of(fact))
        if fact.outcome is not Outcome.OVER_LIMIT:  # whose status is ours
            word, code = _BY_STATUS.get(fact.sip_status, (word, code))
        if fact.outcome is Outcome.NO_ANSWER and fact.by is By.SERVER:
            code = 6010
        if fact.outcome is Outcome.COMPLETED:
            word, code = WORDS[Outcome.CANCELLED]
    elif fact.outcome is Outcome.REJECTED:
        word, code = "NO_ANSWER", 9110  # it answered, and did not press the key
    return Cause(word, NAMES[code], code, _source(fact, side, answered=answered))


def _source(fact: LegEnded, side: Side, *, answered: bool) -> str:
    if fact.outcome in (Outcome.SHUT_DOWN, Outcome.NOT_REGISTERED, Outcome.OVER_LIMIT):
        return "Plivo"
    far = "Caller" if side is Side.INBOUND else "Callee"
    near = "Callee" if side is Side.INBOUND else "Caller"
    if fact.by is By.API:
        return "API Request"
    if fact.by is By.PROGRAM:
        return "Answer XML"
    if fact.by is By.SERVER:
        return "Plivo"
    if fact.by is By.PEER:
        return near
    return far if answered or fact.outcome in _SAID_BY_PEOPLE else "Carrier"


_SAID_BY_PEOPLE = frozenset({Outcome.BUSY, Outcome.REJECTED, Outcome.NO_ANSWER, Outcome.CANCELLED, Outcome.COMPLETED})


def call_status(outcome: Outcome, side: Side, *, answered: bool) -> str:
    """Returns CallStatus of the hangup webhook: always `completed` for who was answered, and for inbound calls."""
    if answered or side is Side.INBOUND:
        return "completed"
    found = CALL_STATUS[outcome]
    return "cancel" if outcome is Outcome.COMPLETED else found
