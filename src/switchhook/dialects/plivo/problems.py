"""How a request is refused: one status, one sentence (plivo-voice-api 1.3).

Client code searches the sentences: a 404 says `not found`, a missing argument `is missing`, a bad value `invalid`.
"""

from __future__ import annotations

from switchhook.core.errors import Reason, Refused


class Problem(Exception):
    """An answer other than success: HTTP status and the text of `error`."""

    def __init__(self, status: int, text: str, retry_s: float = 0.0) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.retry_s = retry_s  # for Retry-After


def missing(name: str) -> Problem:
    return Problem(400, f"{name} parameter is missing")


def invalid(name: str, why: str = "") -> Problem:
    return Problem(400, f"{name} parameter is invalid{': ' + why if why else ''}")


def not_found(what: str = "") -> Problem:
    return Problem(404, f"not found{': ' + what if what else ''}")


def unauthorized() -> Problem:
    return Problem(401, "authentication credentials were not provided")


def of_refusal(refused: Refused, name: str = "to") -> Problem:
    """Returns how a refusal of the core is told; `name` is the argument that held an address."""
    return PROBLEMS[refused.reason](refused, name)


def _gone(refused: Refused, name: str) -> Problem:
    return not_found(str(refused))


def _forbidden(refused: Refused, name: str) -> Problem:
    return Problem(403, f"{name} is not permitted: {refused}")


def _bad_address(refused: Refused, name: str) -> Problem:
    return invalid(name, str(refused))


def _conflict(refused: Refused, name: str) -> Problem:
    return Problem(409, f"not possible now: {refused}")


PROBLEMS = {
    Reason.UNKNOWN_LEG: _gone,
    Reason.UNKNOWN_ROOM: _gone,
    Reason.UNKNOWN_TRANSFER: _gone,
    Reason.NOT_A_MEMBER: _gone,
    Reason.NOT_ANSWERED: _gone,
    Reason.WRONG_STATE: _gone,
    Reason.TRANSFER_RUNNING: _conflict,
    Reason.NO_TRANSFER: _gone,
    Reason.NOBODY_TO_TRANSFER: _gone,
    Reason.ALREADY_THERE: _conflict,
    Reason.TARGET_IS_SELF: _bad_address,
    Reason.MEMBER_HELD: _conflict,
    Reason.ROOM_FULL: _conflict,
    Reason.NO_ROUTE: _bad_address,
    Reason.FORBIDDEN: _forbidden,
    Reason.NOT_REGISTERED: _conflict,
    Reason.NOT_RELATED: _gone,
    Reason.NO_PROMPT: _gone,
    Reason.OVER_LIMIT: _conflict,
}
