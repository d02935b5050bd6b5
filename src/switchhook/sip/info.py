"""Key presses by INFO: application/dtmf-relay (Signal=, Duration=) and application/dtmf (the bare digit)."""

from __future__ import annotations

from switchhook.sip.headers import whole_number
from switchhook.sip.message import Message

ACCEPT_INFO = "Accept: application/dtmf-relay, application/dtmf\r\n"

_NAMES = {"10": "*", "11": "#", "12": "A", "13": "B", "14": "C", "15": "D", "star": "*", "pound": "#"}


def readable_info(info: Message) -> bool:
    """True for the two kinds we know, and for an INFO without a body."""
    return not info.body or info.content_type in ("application/dtmf-relay", "application/dtmf")


def digit_of(info: Message) -> tuple[str, int]:
    """Returns the key (0-9, *, #, A-D; empty when there is none) and how long it was pressed in ms (0: not said)."""
    text = info.body.decode("ascii", "replace")
    digit, duration_ms = "", 0
    if info.content_type == "application/dtmf":
        digit = text.strip()
    else:
        for line in text.splitlines():
            key, _, value = line.partition("=")
            if key.strip().lower() == "signal":
                digit = value.strip()
            elif key.strip().lower() == "duration":
                duration_ms = whole_number(value, 60_000) or 0
    digit = _NAMES.get(digit.lower(), digit).upper()
    return (digit, duration_ms) if len(digit) == 1 and digit in "0123456789*#ABCD" else ("", 0)
