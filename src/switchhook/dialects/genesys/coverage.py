"""What of Genesys Web Services is built: the source of the coverage page.

One line per operation, resource, query parameter and channel: `done`, `partly` (the note says what is missing) or
`absent`. Each line that is not absent names the test file that shows it; a test compares the list with the code.
"""

from __future__ import annotations

from dataclasses import dataclass

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
FORBIDDEN = "answers code 3"
OURS = "the reference is silent: names and values that fit into a header; a PHLO flow is not told"


def lines() -> tuple[Line, ...]:
    """Returns every row of the page, in the order of the reference."""
    return (*_calls(), *_user(), *_resources(), *_common(), *_bayeux())


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
        *_absent(CALLS, "answers code 3: no call here is a preview of another", "Accept", "Decline"),
        *_offered("recorder", "test_call_recordings.py", "StartCallRecording", "StopCallRecording"),
        *_offered("recorder", "test_call_recordings.py", "PauseCallRecording", "ResumeCallRecording"),
        *_absent(CALLS, FORBIDDEN, "MuteMonitoredUser", "UnmuteMonitoredUser"),
        *_absent(CALLS, FORBIDDEN, "SwitchToListenIn", "SwitchToCoach", "SwitchToBargeIn"),
    )


def _user() -> tuple[Line, ...]:
    test = "test_operations.py"
    return (
        Line(USER, "StartContactCenterSession", PARTLY, "channel voice; others answer code 7", test),
        *_done(USER, test, "EndContactCenterSession", "Ready", "NotReady", "AfterCallWork", "AuxWork", "Offline"),
        *_absent(USER, FORBIDDEN, "custom agent states", "DoNotDisturbOn, DoNotDisturbOff"),
        *_absent(USER, FORBIDDEN, "ForwardCallsOn, ForwardCallsOff", "ListenIn, Coach, BargeIn"),
        *_absent(USER, FORBIDDEN, "CancelSupervisorMonitoring"),
        *_done(USER, "test_dispositions.py", "SetCallDisposition"),
    )


def _resources() -> tuple[Line, ...]:
    test = "test_resources.py"
    return (
        *_done(RESOURCES, test, "/me", "/me/devices", "/me/devices/{id}", "/me/calls", "/me/calls/{id}"),
        *_done(RESOURCES, test, "/me/channels", "/me/features", "/me/settings", "/settings/agent-states"),
        *_done(RESOURCES, test, "/services", "/diagnostics/version"),
        *_done(RESOURCES, test, "fields, subresources"),
        *_absent(RESOURCES, "code 6", "/contacts", "/users", "skills, interactions, chats of other media"),
    )


def _common() -> tuple[Line, ...]:
    return (
        *_done(COMMON, "test_access.py", "Basic authentication", "JSESSIONID", "CSRF token", "CORS"),
        *_done(COMMON, "test_capabilities.py", "capabilities, profiles 2014 and 2016"),
        *_done(COMMON, "test_samples.py", "messages of InitiateTransfer, samples 1 and 2"),
        *_done(COMMON, "test_user_data_travels.py", "user data through transfers and conferences"),
        Line(COMMON, "user data in Plivo webhooks and X-PH headers", DONE, OURS, "test_user_data_travels.py"),
        Line(COMMON, "status codes", PARTLY, "0 to 7, 10 and 20 are used", "test_operations.py"),
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
