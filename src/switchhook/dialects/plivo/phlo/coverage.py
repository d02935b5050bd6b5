"""What of the PHLO reference is built, the source of the coverage page: `done`, `partly` (the note says), `absent`."""

from __future__ import annotations

from dataclasses import dataclass

from switchhook.flows.catalog import KINDS


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the page."""

    part: str
    state: str
    note: str = ""


ROUTES = (
    Line("R1 POST /v1/account/{auth_id}/phlo/{phlo_id}", "done"),
    Line("R2 GET /v1/phlo/{phlo_id}", "done"),
    Line("R3 GET /v1/phlo/{phlo_id}/{node_type}/{node_id}", "done"),
    Line("R4 GET /v1/phlo/{phlo_id}/runs/{run_id}", "partly", "the latest 10,000 runs since the start"),
    Line("R5 POST /v1/phlo/{phlo_id}/multi_party_call/{node_id}", "done"),
    Line("R6 POST /v1/phlo/{phlo_id}/multi_party_call/{node_id}/members/{address}", "done"),
    Line("R7 POST /v1/phlo/{phlo_id}/conference_bridge/{node_id}/members/{address}", "absent", "404: no node of it"),
    Line("R8 DELETE /v1/phlo/{phlo_id}/multi_party_call/{node_id}/members/{address}", "done"),
    Line("429 on a rate limit", "absent", "there is no rate limit"),
)

NODES = (
    Line("start", "partly", "states call and http; a message never comes"),
    Line("initiate_call", "partly", "no machine detection (voicemail), no recording"),
    Line("call_forward", "partly", "no recording"),
    Line("multi_party_call", "partly", "no recording"),
    *(
        Line(name, "absent", "a flow with it is left out, with a warning")
        for name in (
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
    ),
)

SETTINGS = (
    *(Line(f"{kind.name}: {setting}", "done") for kind in KINDS.values() for setting in sorted(kind.settings)),
    Line("call variables to_iso2, from_iso2, to_country, from_country", "absent"),
    Line("record, record_format", "absent"),
)

EVENTS = (
    *(
        Line(name, "done")
        for name in (
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
        )
    ),
    Line("Record", "absent"),
    Line("Redirect", "absent", "no call of a flow is redirected"),
)
