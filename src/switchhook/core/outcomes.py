"""How a leg ended, or why it was never reached: one closed list for every layer.

SIP answers and Q.850 causes come in here and leave from here (RFC 3261 21, RFC 3326, ITU-T Q.850, RFC 3398 for the
mapping between them). A dialect maps each outcome to its own words; a test fails where it misses one.
Busy, declined and no answer are outcomes, never exceptions.
"""

from __future__ import annotations

from enum import Enum

from switchhook.core.values import dataclass


class Outcome(Enum):
    """Why a leg is over. The value is the word used in the journal and in metrics."""

    __hash__ = object.__hash__  # not that of the name, which is a function call: it is a key in every call

    COMPLETED = "completed"  # it was answered, and somebody hung up
    BUSY = "busy"
    REJECTED = "rejected"  # the person or the far server said no
    NO_ANSWER = "no_answer"  # it rang until the time was over
    NOT_REGISTERED = "not_registered"  # an endpoint of ours with no telephone behind it
    NOT_FOUND = "not_found"  # no such number or user
    FORBIDDEN = "forbidden"  # a policy, ours or the far one
    UNACCEPTABLE = "unacceptable"  # no common codec, or an offer nobody can take
    TIMED_OUT = "timed_out"  # the far end never said anything
    CONGESTED = "congested"  # the far end or we have no room
    FAILED = "failed"  # anything else that went wrong
    CANCELLED = "cancelled"  # the caller gave up before the answer
    ANSWERED_ELSEWHERE = "answered_elsewhere"  # another telephone won the race
    MEDIA_LOST = "media_lost"  # no audio arrived for too long
    TIME_LIMIT = "time_limit"  # the longest time allowed is over
    OVER_LIMIT = "over_limit"  # the account may not have more calls now
    LOOPED = "looped"  # the call came back to us too often
    SHUT_DOWN = "shut_down"  # the server is stopping

    @property
    def reached(self) -> bool:
        """True when somebody had answered before the leg ended this way (as far as the outcome alone can tell)."""
        return self in _AFTER_ANSWER


_AFTER_ANSWER = frozenset({Outcome.COMPLETED, Outcome.MEDIA_LOST, Outcome.TIME_LIMIT})


@dataclass(frozen=True, slots=True)
class Wire:
    """The SIP status and reason phrase to answer with, and the Q.850 cause that goes into a Reason header."""

    status: int
    phrase: str
    q850: int


WIRE: dict[Outcome, Wire] = {
    Outcome.COMPLETED: Wire(480, "Temporarily Unavailable", 16),
    Outcome.BUSY: Wire(486, "Busy Here", 17),
    Outcome.REJECTED: Wire(603, "Decline", 21),
    Outcome.NO_ANSWER: Wire(480, "Temporarily Unavailable", 19),
    Outcome.NOT_REGISTERED: Wire(480, "Temporarily Unavailable", 20),
    Outcome.NOT_FOUND: Wire(404, "Not Found", 1),
    Outcome.FORBIDDEN: Wire(403, "Forbidden", 21),
    Outcome.UNACCEPTABLE: Wire(488, "Not Acceptable Here", 88),
    Outcome.TIMED_OUT: Wire(480, "Temporarily Unavailable", 18),
    Outcome.CONGESTED: Wire(503, "Service Unavailable", 42),
    Outcome.FAILED: Wire(480, "Temporarily Unavailable", 41),
    Outcome.CANCELLED: Wire(487, "Request Terminated", 16),
    Outcome.ANSWERED_ELSEWHERE: Wire(487, "Request Terminated", 26),
    Outcome.MEDIA_LOST: Wire(480, "Temporarily Unavailable", 27),
    Outcome.TIME_LIMIT: Wire(480, "Temporarily Unavailable", 102),
    Outcome.OVER_LIMIT: Wire(503, "Service Unavailable", 42),
    Outcome.LOOPED: Wire(482, "Loop Detected", 25),
    Outcome.SHUT_DOWN: Wire(503, "Service Unavailable", 38),
}

_BY_STATUS: dict[int, Outcome] = {
    401: Outcome.FORBIDDEN,
    403: Outcome.FORBIDDEN,
    404: Outcome.NOT_FOUND,
    407: Outcome.FORBIDDEN,
    408: Outcome.TIMED_OUT,
    410: Outcome.NOT_FOUND,
    415: Outcome.UNACCEPTABLE,
    480: Outcome.NO_ANSWER,
    481: Outcome.FAILED,
    482: Outcome.LOOPED,
    483: Outcome.LOOPED,
    484: Outcome.NOT_FOUND,
    486: Outcome.BUSY,
    487: Outcome.CANCELLED,
    488: Outcome.UNACCEPTABLE,
    503: Outcome.CONGESTED,
    504: Outcome.TIMED_OUT,
    600: Outcome.BUSY,
    603: Outcome.REJECTED,
    604: Outcome.NOT_FOUND,
    606: Outcome.UNACCEPTABLE,
    607: Outcome.REJECTED,
    608: Outcome.REJECTED,
}

_BY_Q850: dict[int, Outcome] = {
    1: Outcome.NOT_FOUND,
    3: Outcome.NOT_FOUND,
    17: Outcome.BUSY,
    18: Outcome.TIMED_OUT,
    19: Outcome.NO_ANSWER,
    20: Outcome.NOT_REGISTERED,
    21: Outcome.REJECTED,
    22: Outcome.NOT_FOUND,
    26: Outcome.ANSWERED_ELSEWHERE,
    28: Outcome.NOT_FOUND,
    34: Outcome.CONGESTED,
    38: Outcome.CONGESTED,
    42: Outcome.CONGESTED,
    88: Outcome.UNACCEPTABLE,
    102: Outcome.TIMED_OUT,
}


def from_sip(status: int, q850: int | None = None, *, rang: bool = False) -> Outcome:
    """Maps a final SIP failure (300 to 699) to an outcome; the status decides, Q.850 only where the status is vague.

    `rang` says whether the far end had sent 18x: 408 is a telephone that nobody picked up if it rang, and a dead
    network if it did not; 480 without a ring may carry the better word in its Reason header.
    """
    found = _BY_STATUS.get(status)
    if status == 408 and rang:
        return Outcome.NO_ANSWER
    if found is None or (status in (480, 500, 503) and q850 is not None and not rang):
        return _BY_Q850.get(q850 or 0, found or Outcome.FAILED)
    return found
