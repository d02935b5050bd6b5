"""What of Genesys Web Services is built: the source of the coverage page.

One line per operation, resource, query parameter and channel: `done`, `partly` (the note says what is missing) or
`absent`. Each line that is not absent names the test file that shows it; a test compares the list with the code.
"""

from __future__ import annotations

from switchhook.core.values import dataclass

DONE, PARTLY, ABSENT = "done", "partly", "absent"


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the page."""

    section: str
    part: str
    state: str
    note: str = ""
    test: str = ""


CALLS = "Call operations (POST /me/calls/{id})"
USER = "User and device operations"
RESOURCES = "Resources (GET)"
COMMON = "Common rules"
BAYEUX = "CometD at /notifications"
WORKSPACE = "Workspace API v3: call operations (POST /workspace/v3/voice/calls/{id}/...)"
WORKSPACE_REST = "Workspace API v3: everything else"
FORBIDDEN = "answers code 3"
OURS = "the reference is silent: names and values that fit into a header; a PHLO flow is not told"


def lines() -> tuple[Line, ...]:
    """Returns every row of the page, in the order of the reference."""
    return (*_calls(), *_user(), *_resources(), *_common(), *_bayeux(), *_workspace(), *_workspace_rest())


def _done(section: str, test: str, *parts: str) -> tuple[Line, ...]:
    return tuple(Line(section, part, DONE, test=test) for part in parts)


def _offered(option: str, test: str, *parts: str) -> tuple[Line, ...]:
    """Operations that the reference leaves to the configuration."""
    return tuple(Line(CALLS, part, DONE, f"offered with `[genesys] {option}`", test) for part in parts)


def _absent(section: str, note: str, *parts: str) -> tuple[Line, ...]:
    return tuple(Line(section, part, ABSENT, note) for part in parts)


def _calls() -> tuple[Line, ...]:
    return (
        Line(CALLS, "Dial (POST /me/devices/{id}/calls)", DONE, test="test_operations.py"),
        *_done(CALLS, "test_operations.py", "Answer", "Hangup", "Reject", "Hold", "Retrieve"),
        *_done(CALLS, "test_two_step.py", "InitiateTransfer", "CompleteTransfer", "SwapCalls"),
        *_done(CALLS, "test_one_step.py", "SingleStepTransfer"),
        *_done(CALLS, "test_keys_and_data.py", "SendDtmf", "AttachUserData", "UpdateUserData"),
        *_done(CALLS, "test_keys_and_data.py", "DeleteUserDataPair", "DeleteUserData"),
        *_offered("mute", "test_keys_and_data.py", "MuteCall", "UnmuteCall"),
        *_done(CALLS, "test_conferences.py", "InitiateConference", "CompleteConference", "SingleStepConference"),
        *_done(CALLS, "test_conferences.py", "RemoveParticipantFromConference"),
        *_offered("clear_call", "test_conferences.py", "ClearCall"),
        *_absent(CALLS, "answers code 2: no call here is a preview of another", "Accept", "Decline"),
        *_offered("recorder", "test_call_recordings.py", "StartCallRecording", "StopCallRecording"),
        *_offered("recorder", "test_call_recordings.py", "PauseCallRecording", "ResumeCallRecording"),
        *_done(CALLS, "test_supervising.py", "MuteMonitoredUser", "UnmuteMonitoredUser"),
        *_done(CALLS, "test_supervising.py", "SwitchToListenIn", "SwitchToCoach", "SwitchToBargeIn"),
    )


def _user() -> tuple[Line, ...]:
    test = "test_operations.py"
    return (
        Line(USER, "StartContactCenterSession", PARTLY, "channel voice; others answer code 7", test),
        *_done(USER, test, "EndContactCenterSession", "Ready", "NotReady", "AfterCallWork", "AuxWork", "Offline"),
        *_done(USER, "test_people.py", "custom agent states"),
        *_done(USER, "test_diversions.py", "DoNotDisturbOn, DoNotDisturbOff", "ForwardCallsOn, ForwardCallsOff"),
        *_done(USER, "test_supervising.py", "ListenIn, Coach, BargeIn", "CancelSupervisorMonitoring"),
        *_done(USER, "test_dispositions.py", "SetCallDisposition"),
        Line(USER, "StopCallRecording", DONE, "offered with `[genesys] recorder`", "test_call_recordings.py"),
    )


def _resources() -> tuple[Line, ...]:
    test = "test_resources.py"
    return (
        *_done(RESOURCES, test, "/me", "/me/devices", "/me/devices/{id}", "/me/calls", "/me/calls/{id}"),
        *_done(RESOURCES, test, "/me/channels", "/me/features", "/me/settings", "/settings/agent-states"),
        *_done(RESOURCES, test, "/services", "/diagnostics/version"),
        *_done(RESOURCES, test, "fields, subresources"),
        *_done(RESOURCES, "test_people.py", "/users, /users/{id}, /devices/{id} of colleagues", "/me/skills"),
        *_done(RESOURCES, "test_people.py", "/features/{id}, /services/{id}, /settings/agent-states/{id}"),
        *_absent(RESOURCES, "code 6: the reference puts it out of scope", "/contacts"),
        *_absent(RESOURCES, "code 6", "interactions, chats of other media"),
    )


def _common() -> tuple[Line, ...]:
    return (
        *_done(COMMON, "test_access.py", "Basic authentication", "JSESSIONID", "CSRF token", "CORS"),
        *_done(COMMON, "test_capabilities.py", "capabilities, profiles 2014 and 2016"),
        *_done(COMMON, "test_samples.py", "messages of InitiateTransfer, samples 1 and 2"),
        *_done(COMMON, "test_samples.py", "what the other desktops see of a transfer and of a conference"),
        *_done(COMMON, "test_user_data_travels.py", "user data through transfers and conferences"),
        Line(COMMON, "user data in Plivo webhooks and X-PH headers", DONE, OURS, "test_user_data_travels.py"),
        Line(COMMON, "status codes", PARTLY, "0 to 7, 10, 19 and 20 are used", "test_operations.py"),
    )


def _bayeux() -> tuple[Line, ...]:
    test = "test_bayeux.py"
    return (
        *_done(BAYEUX, test, "handshake", "connect", "subscribe, unsubscribe, globs", "disconnect", "ack extension"),
        *_done(BAYEUX, "test_bayeux_sessions.py", "several sessions, expiry, overflow"),
        *_done(BAYEUX, "test_polling.py", "long-polling", "callback-polling"),
        *_done(BAYEUX, "test_bayeux_sockets.py", "websocket"),
        *_done(BAYEUX, "test_bayeux_promises.py", "reconnect without loss"),
        *_done(BAYEUX, "test_bayeux_starts.py", "start-up orders of the known clients"),
        Line(BAYEUX, "/v2/me/calls", DONE, test="test_samples.py"),
        Line(BAYEUX, "/v2/me/devices", DONE, test="test_operations.py"),
        *_absent(BAYEUX, "the subscription is accepted, nothing is sent", "/v2/users, channels of other media"),
    )


def _workspace() -> tuple[Line, ...]:
    test = "test_workspace_calls.py"
    return (
        Line(WORKSPACE, "answer", DONE, test="test_workspace_session.py"),
        *_done(WORKSPACE, test, "hold", "retrieve", "release", "clear", "send-dtmf"),
        *_done(WORKSPACE, "test_workspace_session.py", "complete"),
        *_done(WORKSPACE, test, "initiate-transfer", "initiate-conference"),
        *_done(WORKSPACE, test, "single-step-transfer", "single-step-conference"),
        *_done(WORKSPACE, test, "complete-transfer", "complete-conference", "delete-from-conference"),
        *_done(WORKSPACE, test, "alternate", "reconnect"),
        Line(WORKSPACE, "merge", DONE, "our choice: a conference of the two calls", test),
        *_done(WORKSPACE, "test_workspace_pairs.py", "attach-user-data", "update-user-data", "delete-user-data-pair"),
        *_done(WORKSPACE, test, "start-recording", "pause-recording", "resume-recording", "stop-recording"),
        *_done(WORKSPACE, "test_workspace_devices.py", "switch-to-listen-in", "switch-to-coaching"),
        *_done(WORKSPACE, "test_workspace_devices.py", "switch-to-barge-in"),
        *_done(WORKSPACE, "test_redirect.py", "redirect"),
    )


def _workspace_rest() -> tuple[Line, ...]:
    test, where = "test_workspace_session.py", WORKSPACE_REST
    return (
        Line(where, "initialize-workspace", PARTLY, "with a bearer token; authorization codes are refused", test),
        Line(where, "POST /auth/v3/oauth/token", PARTLY, "grant_type password, any client", test),
        *_done(where, test, "x-api-key", "activate-channels", "current-session", "configuration", "logout"),
        *_done(where, test, "voice/make-call", "voice/calls", "voice/login", "voice/logout"),
        *_done(where, test, "voice/ready", "voice/not-ready"),
        Line(where, "voice/send-user-event", DONE, "our choice: to the agent's own desktops", test),
        *_done(where, "test_workspace_devices.py", "voice/dnd-on", "voice/dnd-off"),
        *_done(where, "test_workspace_devices.py", "voice/set-forward", "voice/cancel-forward"),
        *_done(where, "test_workspace_devices.py", "voice/start-monitoring", "voice/stop-monitoring"),
        *_absent(where, "answers 404", "targets, users, reporting, media"),
        *_done(where, test, "channel /workspace/v3/initialization", "CallRecovered, Completed, EventError"),
        *_done(where, "test_workspace_calls.py", "channel /workspace/v3/voice", "previousConnId, parentConnId"),
        *_absent(where, "the subscription is accepted, nothing is sent", "/workspace/v3/media, media/chat"),
    )
