"""Every set of the table in genesys 4.1 that 4.3 keeps, and the rules that no sample shows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from switchhook.dialects.genesys.capabilities import CallState, CallView, Recorder, capabilities

U = {"AttachUserData", "UpdateUserData", "DeleteUserData", "DeleteUserDataPair"}
S = {"SingleStepTransfer", "SingleStepConference", "InitiateTransfer", "InitiateConference"}
ROW_5 = U | S | {"Hold", "Hangup", "SendDtmf"}
ROW_13 = U | S | {"Retrieve", "Hangup"}

RINGING = CallView(CallState.RINGING)
DIALING = CallView(CallState.DIALING)
ESTABLISHED = CallView(CallState.ESTABLISHED)
HELD = CallView(CallState.HELD)

ROWS = {
    "1 ringing": (RINGING, U | {"Answer"}),
    "3 dialing": (DIALING, U | {"SendDtmf", "Hangup"}),
    "4 consult dialing": (
        replace(DIALING, consult=True, related=True),
        U | {"SendDtmf", "Hangup", "SwapCalls", "CompleteTransfer"},
    ),
    "4 consult dialing, 2014": (
        replace(DIALING, consult=True, related=True, profile="2014"),
        U | {"SendDtmf", "Hangup", "SwapCalls", "CompleteTransfer"},
    ),
    "5 established": (ESTABLISHED, ROW_5),
    "6 recorder stopped": (replace(ESTABLISHED, recorder=Recorder.STOPPED), ROW_5 | {"StartCallRecording"}),
    "7 recording": (
        replace(ESTABLISHED, recorder=Recorder.RECORDING),
        ROW_5 | {"PauseCallRecording", "StopCallRecording"},
    ),
    "8 muted": (
        replace(ESTABLISHED, others=2, mute_offered=True, muted=True, recorder=Recorder.STOPPED),
        ROW_5 | {"UnmuteCall", "StartCallRecording"},
    ),
    "10 swapped back": (
        replace(ESTABLISHED, related=True, consult_answered=True),
        ROW_5 | {"SwapCalls", "CompleteTransfer", "CompleteConference"},
    ),
    "13 held": (HELD, ROW_13),
    "14 held after InitiateTransfer, 2014": (replace(HELD, related=True, profile="2014"), ROW_13),
    "15 held after InitiateTransfer": (
        replace(HELD, related=True),
        U | S | {"Hangup", "SwapCalls", "CompleteTransfer"},
    ),
    "17 released": (CallView(CallState.RELEASED, related=True), set()),
    "paused": (replace(ESTABLISHED, recorder=Recorder.PAUSED), ROW_5 | {"ResumeCallRecording", "StopCallRecording"}),
    "mute offered": (replace(ESTABLISHED, mute_offered=True), ROW_5 | {"MuteCall"}),
    "conference of the owner": (
        replace(ESTABLISHED, others=2, owner=True),
        ROW_5 | {"RemoveParticipantFromConference"},
    ),
    "held, consult answered": (
        replace(HELD, related=True, consult_answered=True),
        U | S | {"Hangup", "SwapCalls", "CompleteTransfer", "CompleteConference"},
    ),
    "consult established": (
        replace(ESTABLISHED, consult=True, related=True, consult_answered=True),
        U | {"Hangup", "SendDtmf", "SwapCalls", "CompleteTransfer", "CompleteConference"},
    ),
    "consult held": (
        replace(HELD, consult=True, related=True, consult_answered=True),
        U | {"Hangup", "SwapCalls", "CompleteTransfer", "CompleteConference"},
    ),
    "consult alone, established": (replace(ESTABLISHED, consult=True), U | {"Hangup", "SendDtmf", "Hold"}),
    "consult alone, held": (replace(HELD, consult=True), U | {"Hangup", "Retrieve"}),
}


@pytest.mark.parametrize("name", ROWS)
def test_a_call_offers_exactly_the_set_of_its_row(name: str) -> None:
    view, expected = ROWS[name]
    offered = capabilities(view)
    assert len(offered) == len(set(offered))
    assert set(offered) == expected


@pytest.mark.parametrize("state", list(CallState))
@pytest.mark.parametrize("profile", ["2014", "2016"])
def test_user_data_may_be_changed_until_the_call_is_released(state: CallState, profile: str) -> None:
    offered = set(capabilities(CallView(state, profile=profile)))
    assert (offered >= U) == (state is not CallState.RELEASED)
