"""The reply envelope: `statusCode`, its HTTP status, and how a refusal of the core is told (genesys 1.4).

An error means that nothing was changed, and its reply has no other members.
"""

from __future__ import annotations

from enum import IntEnum

from switchhook.core.errors import Reason, Refused


class Code(IntEnum):
    """`statusCode` of a reply."""

    SUCCESS = 0
    MISSING = 1  # a required parameter is missing
    INVALID = 2  # not valid in the present state
    FORBIDDEN = 3
    FAILED = 4  # something behind the API failed
    NO_PERMISSION = 5
    NOT_FOUND = 6
    PARTLY = 7
    OUT_OF_RANGE = 10
    IN_USE = 19
    NOT_AUTHENTICATED = 20


HTTP: dict[Code, int] = {
    Code.SUCCESS: 200,
    Code.MISSING: 400,
    Code.INVALID: 400,
    Code.FORBIDDEN: 403,
    Code.FAILED: 500,
    Code.NO_PERMISSION: 403,
    Code.NOT_FOUND: 404,
    Code.PARTLY: 200,
    Code.OUT_OF_RANGE: 400,
    Code.IN_USE: 409,
    Code.NOT_AUTHENTICATED: 403,
}

OF_REASON: dict[Reason, Code] = {
    Reason.UNKNOWN_LEG: Code.NOT_FOUND,
    Reason.UNKNOWN_ROOM: Code.NOT_FOUND,
    Reason.UNKNOWN_TRANSFER: Code.NOT_FOUND,
    Reason.NOT_A_MEMBER: Code.NOT_FOUND,
    Reason.NOT_ANSWERED: Code.INVALID,
    Reason.WRONG_STATE: Code.INVALID,
    Reason.TRANSFER_RUNNING: Code.INVALID,
    Reason.NO_TRANSFER: Code.INVALID,
    Reason.NOBODY_TO_TRANSFER: Code.INVALID,
    Reason.ALREADY_THERE: Code.INVALID,
    Reason.TARGET_IS_SELF: Code.INVALID,
    Reason.MEMBER_HELD: Code.INVALID,
    Reason.ROOM_FULL: Code.INVALID,
    Reason.NO_ROUTE: Code.INVALID,
    Reason.FORBIDDEN: Code.FORBIDDEN,
    Reason.NOT_REGISTERED: Code.FAILED,
    Reason.NOT_RELATED: Code.INVALID,
    Reason.NO_PROMPT: Code.INVALID,
    Reason.OVER_LIMIT: Code.FORBIDDEN,
}


class Failure(Exception):
    """Ends a request with this status code and message; nothing was changed."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    @property
    def http(self) -> int:
        return HTTP[self.code]

    def body(self) -> dict[str, object]:
        return {"statusCode": int(self.code), "statusMessage": self.message}


def of_refusal(refused: Refused) -> Failure:
    """Words a refusal of the core for this API."""
    text = str(refused)
    return Failure(OF_REASON[refused.reason], text[:1].upper() + text[1:] + ("" if text.endswith(".") else "."))


def missing(parameter: str) -> Failure:
    return Failure(Code.MISSING, f"Required parameter '{parameter}' is missing.")


def invalid(text: str) -> Failure:
    return Failure(Code.INVALID, text)
