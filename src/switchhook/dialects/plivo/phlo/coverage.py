"""What of the PHLO reference is built, the source of the coverage page: `done`, `partly` (the note says), `absent`.

Each line that is not absent names the test file that shows it.
"""

from __future__ import annotations

from switchhook.dialects.plivo.coverage import ABSENT, DONE, PARTLY, Line
from switchhook.flows.catalog import KINDS

ROUTES, NODES, STATES, SETTINGS = "PHLO: routes", "PHLO: nodes", "PHLO: output states", "PHLO: node settings"
ACTIONS, EVENTS, REST = "PHLO: node and member actions", "PHLO: event callbacks", "PHLO: other"
_NODE = "/v1/phlo/{phlo_id}/multi_party_call/{node_id}"
_LEFT_OUT = "a flow that has one is left out, with a warning that names the node"
_NOT_BUILT = (
    "ivr_menu",
    "get_input",
    "prompt",
    "voicemail",
    "hangup",
    "conference_bridge",
    "http_request",
    "counter",
    "branch",
    "send_message",
)
ACTION_NAMES = (
    "call",
    "warm_transfer",
    "cold_transfer",
    "abort_transfer",
    "resume_call",
    "voicemail_drop",
    "hangup",
    "hold",
    "unhold",
    "mute",
    "unmute",
    "remove",
    "leave",
    "kick",
)
EVENT_NAMES = (
    "MemberInvited",
    "MemberRinging",
    "MemberJoined",
    "ConferenceEnter",
    "MemberLeft",
    "ConferenceExit",
    "MemberFailed",
    "MemberHeld",
    "MemberUnheld",
    "MemberMuted",
    "MemberUnmuted",
    "TransferStarted",
    "TransferConsult",
    "TransferCompleted",
    "TransferFailed",
    "TransferAborted",
    "VoicemailDropped",
    "RoomEnded",
    "Record",
)
_PARTLY = {
    "record_format": "WAV files whatever it says; another word is noted when the flow is loaded",
    "initiate_call: event_callback_events": "the event is Record",
    "call_forward: event_callback_events": "the event is Record",
}
_OTHER_TESTS = {
    "record": "test_recording.py",
    "Record": "test_recording.py",
    "record_format": "../../flows/test_graph.py",
}


def lines() -> tuple[Line, ...]:
    """Returns every row of the page, in the order of the reference."""
    return (*_routes(), *_actions(), *_nodes(), *_events(), *_rest())


def _routes() -> tuple[Line, ...]:
    test = "test_runner.py"
    return (
        Line(ROUTES, "POST /v1/account/{auth_id}/phlo/{phlo_id}", DONE, test=test),
        Line(ROUTES, "GET /v1/phlo/{phlo_id}", DONE, test=test),
        Line(ROUTES, "GET /v1/phlo/{phlo_id}/{node_type}/{node_id}", DONE, test=test),
        Line(ROUTES, "GET /v1/phlo/{phlo_id}/runs/{run_id}", PARTLY, "the latest 10,000 runs since the start", test),
        Line(ROUTES, f"POST {_NODE}", DONE, test=test),
        Line(ROUTES, f"POST {_NODE}/members/{{member_address}}", DONE, test=test),
        Line(ROUTES, f"DELETE {_NODE}/members/{{member_address}}", DONE, test="test_members.py"),
        Line(ROUTES, "POST .../conference_bridge/{node_id}/members/{member_address}", ABSENT, "404: no such node runs"),
        Line(ROUTES, "429 on a rate limit", ABSENT, "there is no rate limit"),
    )


def _actions() -> tuple[Line, ...]:
    return tuple(Line(ACTIONS, name, DONE, test="test_members.py") for name in ACTION_NAMES)


def _nodes() -> tuple[Line, ...]:
    test = "test_flows.py"
    found = [Line(NODES, name, DONE, test=test) for name in KINDS]
    found += [Line(NODES, name, ABSENT, _LEFT_OUT) for name in _NOT_BUILT]
    for kind in KINDS.values():
        for output in sorted(kind.outputs):
            never = output in kind.never
            note = "the line from it is never taken" if never else ""
            found.append(Line(STATES, f"{kind.name}: {output}", ABSENT if never else DONE, note, "" if never else test))
        found += [_setting(kind.name, name) for name in sorted(kind.settings)]
    found.append(Line(SETTINGS, "initiate_call: machine detection", ABSENT, "noted when the flow is loaded"))
    return tuple(found)


def _setting(kind: str, name: str) -> Line:
    part, test = f"{kind}: {name}", _OTHER_TESTS.get(name, "../../flows/test_nodes.py")
    note = _PARTLY.get(part) or _PARTLY.get(name, "")
    return Line(SETTINGS, part, PARTLY if note else DONE, note, test)


def _events() -> tuple[Line, ...]:
    return (
        *(Line(EVENTS, name, DONE, test=_OTHER_TESTS.get(name, "test_callbacks.py")) for name in EVENT_NAMES),
        Line(EVENTS, "Redirect", ABSENT, "no call of a flow is redirected"),
    )


def _rest() -> tuple[Line, ...]:
    return (
        Line(REST, "variables to_iso2, from_iso2, to_country, from_country", ABSENT, "render as nothing"),
        Line(
            REST,
            "variables record_url, recording_id, recording_duration, recording_duration_ms, recording_start_ms, "
            "recording_end_ms",
            PARTLY,
            "URL and id at once; length and times when the file is finished, a moment after the call",
            "test_recording.py",
        ),
        Line(
            REST,
            "GET /v1/Account/{auth_id}/Recording/{recording_id}.wav (record_url)",
            DONE,
            test="../plivo/test_recordings.py",
        ),
        Line(REST, "variables bill_duration, bill_rate, bill_amount", PARTLY, "always 0", "../../flows/test_runs.py"),
        Line(REST, "definitions in YAML", ABSENT, "JSON only"),
    )
