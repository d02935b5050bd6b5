"""The four kinds of error, and nothing else:

    SwitchhookError
    ├── Refused       the asker may not, or not now; nothing changed
    ├── PeerBroke     the far end broke its protocol
    ├── Unavailable   something we depend on is away or full
    └── Bug           we broke a rule of our own

Busy, declined and no answer are outcomes (`core.outcomes`), never exceptions.
"""

from __future__ import annotations

from enum import Enum


class Reason(Enum):
    """Why a request was refused; each dialect words it in its own way."""

    UNKNOWN_LEG = "unknown_leg"
    UNKNOWN_ROOM = "unknown_room"
    UNKNOWN_TRANSFER = "unknown_transfer"
    NOT_A_MEMBER = "not_a_member"
    NOT_ANSWERED = "not_answered"
    WRONG_STATE = "wrong_state"
    TRANSFER_RUNNING = "transfer_running"
    NO_TRANSFER = "no_transfer"
    NOBODY_TO_TRANSFER = "nobody_to_transfer"
    ALREADY_THERE = "already_there"
    TARGET_IS_SELF = "target_is_self"
    MEMBER_HELD = "member_held"
    ROOM_FULL = "room_full"
    NO_ROUTE = "no_route"
    FORBIDDEN = "forbidden"
    NOT_REGISTERED = "not_registered"
    NOT_RELATED = "not_related"
    NO_PROMPT = "no_prompt"
    OVER_LIMIT = "over_limit"


class SwitchhookError(Exception):
    """Base of all errors of this package."""


class Refused(SwitchhookError):
    """The asker may not, or not now; nothing changed. `reason` is for programs, the text for people."""

    def __init__(self, reason: Reason, text: str = "") -> None:
        super().__init__(text or reason.value.replace("_", " "))
        self.reason = reason


class PeerBroke(SwitchhookError):
    """The far end sent something that its protocol does not allow."""


class Unavailable(SwitchhookError):
    """Something we depend on is away, too slow, or full."""


class Bug(SwitchhookError):
    """A rule of our own was broken; please report it."""
