"""The kinds of node a flow may be made of here, their output states, and other spellings of both (plivo-phlo 6 to 8).

A kind that is not in `KINDS` is not built: a flow that has such a node is refused alone. Output states are compared
after `handle_name`, so `No Answer`, `no-answer` and `NO_ANSWER` are one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field

from switchhook.core.values import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of node: its type word, its output states, and the settings that are read."""

    name: str
    outputs: frozenset[str]
    settings: frozenset[str] = frozenset()
    spellings: Mapping[str, str] = field(default_factory=dict)  # panel wording of an output state -> machine name
    called: Mapping[str, str] = field(default_factory=dict)  # other key of a setting -> the one that is read
    never: frozenset[str] = frozenset()  # output states that nothing leads out of here yet

    def output(self, written: str) -> str | None:
        """Returns the machine name of an output state however it is written, or None if the kind has no such state."""
        name = handle_name(written)
        name = self.spellings.get(name, name)
        return name if name in self.outputs else None


_CALL_SPELLINGS = {"busy_rejected": "busy", "busy_or_rejected": "busy", "rejected": "busy", "noanswer": "no_answer"}
_TOLD = frozenset({"event_callback_url", "event_callback_events", "event_callback_format"})
_RECORDED = frozenset({"record", "record_format"})

START = Kind(
    "start",
    frozenset({"call", "message", "http"}),
    frozenset({"payload_format"}),
    {"incoming_call": "call", "incoming_message": "message", "api_request": "http"},
    {"payload": "payload_format", "params": "payload_format"},
    never=frozenset({"message"}),
)
INITIATE_CALL = Kind(
    "initiate_call",
    frozenset({"answered", "no_answer", "busy", "failed", "voicemail"}),
    frozenset({"from", "to", "ring_timeout"}) | _RECORDED | _TOLD,
    _CALL_SPELLINGS,
    never=frozenset({"voicemail"}),
)
CALL_FORWARD = Kind(
    "call_forward",
    frozenset({"completed", "no_answer", "busy", "failed"}),
    frozenset({"from", "to", "ring_timeout", "dial_mode", "extension_digits", "screening_prompt", "screening_key"})
    | _RECORDED
    | _TOLD,
    _CALL_SPELLINGS,
    {"mode": "dial_mode", "send_digits": "extension_digits", "confirm_key": "screening_key"},
)
MULTI_PARTY_CALL = Kind(
    "multi_party_call",
    frozenset({"completed", "failed"}),
    frozenset(
        {
            "from",
            "to",
            "dialing",
            "customer_hold_music",
            "agent_hold_music",
            "caller_role",
            "callee_role",
            "transfers_enabled",
            "ring_timeout",
            "cold_release",
            "hold_audience",
            "voicemail_drop_prompt",
            "max_duration",
            "max_participants",
            "fallback",
            "brief",
            "accept_digit",
        }
    )
    | _RECORDED
    | _TOLD,
)

_BETWEEN_WORDS = re.compile(r"[^a-z0-9]+")
KINDS = {kind.name: kind for kind in (START, INITIATE_CALL, CALL_FORWARD, MULTI_PARTY_CALL)}
ALIASES = {
    "multiparty_call": "multi_party_call",
    "conference": "conference_bridge",
    "play_audio": "prompt",
    "record_audio": "voicemail",
}


def type_name(written: str) -> str:
    """Returns the one word for a node type, aliases resolved."""
    name = handle_name(written)
    return ALIASES.get(name, name)


def handle_name(written: str) -> str:
    """Returns an output state in lower case with `_` between its words."""
    return _BETWEEN_WORDS.sub("_", written.strip().lower()).strip("_")
