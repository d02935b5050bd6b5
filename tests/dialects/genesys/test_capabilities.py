"""Every set of the table in genesys 4.1 that 4.3 keeps, and the rules that no sample shows."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from switchhook.dialects.genesys.call_operations import OPERATIONS
from switchhook.dialects.genesys.capabilities import CallState, CallView, Recorder, Supervision, capabilities

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
    "2 ringing, 8.5.202": (replace(RINGING, clear_offered=True), U | {"Answer", "ClearCall"}),
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
    "9 established, 8.5.202": (replace(ESTABLISHED, clear_offered=True), ROW_5 | {"ClearCall"}),
    "11 barged in": (
        replace(ESTABLISHED, others=2, supervises=Supervision.BARGE_IN),
        ROW_5 | {"SwitchToListenIn", "RemoveParticipantFromConference"},
    ),
    "12 listening in": (
        replace(ESTABLISHED, others=2, supervises=Supervision.LISTEN_IN),
        ROW_5 | {"SwitchToBargeIn", "RemoveParticipantFromConference"},
    ),
    "coaching": (
        replace(ESTABLISHED, others=2, supervises=Supervision.COACH),
        ROW_5 | {"SwitchToListenIn", "SwitchToBargeIn", "RemoveParticipantFromConference"},
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
    "16 held after InitiateConference, 2014": (
        replace(HELD, related=True, consult_answered=True, profile="2014"),
        ROW_13,
    ),
    "17 released": (CallView(CallState.RELEASED, related=True), set()),
    "paused": (replace(ESTABLISHED, recorder=Recorder.PAUSED), ROW_5 | {"ResumeCallRecording", "StopCallRecording"}),
    "mute offered": (replace(ESTABLISHED, mute_offered=True), ROW_5 | {"MuteCall"}),
    "conference of the owner": (
        replace(ESTABLISHED, others=2, owner=True),
        ROW_5 | {"RemoveParticipantFromConference"},
    ),
    "conference of another": (replace(ESTABLISHED, others=2), ROW_5),
    "conference of the owner, held": (
        replace(HELD, others=2, owner=True),
        ROW_13 | {"RemoveParticipantFromConference"},
    ),
    "conference that has shrunk to two": (replace(ESTABLISHED, owner=True), ROW_5),
    "no room yet, a program talks": (replace(ESTABLISHED, alone=True), U | {"Hangup"}),
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


# --- the rules of 4.3, over every view there can be -------------------------------------------------------------------

BOTH = (False, True)
EVERY_VIEW = [
    CallView(
        state,
        consult=consult,
        related=related,
        consult_answered=related and answered,
        others=others,
        owner=owner,
        mute_offered=mute,
        muted=muted,
        recorder=recorder,
        clear_offered=clear,
        profile=profile,
    )
    for state, consult, related, answered, others, owner, mute, muted, recorder, clear, profile in product(
        CallState, BOTH, BOTH, BOTH, (1, 2), BOTH, BOTH, BOTH, (None, *Recorder), BOTH, ("2014", "2016")
    )
]
RECORDING = {f"{verb}CallRecording" for verb in ("Start", "Stop", "Pause", "Resume")}
ANYWHERE = {
    CallState.RINGING: U | {"Answer", "ClearCall"},
    CallState.DIALING: U | {"SendDtmf", "Hangup", "SwapCalls", "CompleteTransfer", "CompleteConference"},
    CallState.ESTABLISHED: ROW_5
    | {"SwapCalls", "CompleteTransfer", "CompleteConference", "RemoveParticipantFromConference"}
    | {"MuteCall", "UnmuteCall", "ClearCall"}
    | RECORDING,
    CallState.HELD: ROW_13 | {"SwapCalls", "CompleteTransfer", "CompleteConference", "RemoveParticipantFromConference"},
    CallState.RELEASED: set(),
}


def test_the_rules_hold_for_every_view() -> None:
    for view in EVERY_VIEW:
        listed = capabilities(view)
        offered = set(listed)
        assert len(listed) == len(offered), view
        assert offered <= ANYWHERE[view.state], view
        assert offered <= OPERATIONS, view
        if view.state in (CallState.RINGING, CallState.RELEASED):
            continue
        older = view.profile == "2014" and view.state is CallState.HELD and not view.consult
        both = view.related and not older
        up = view.state in (CallState.ESTABLISHED, CallState.HELD)
        assert "Hangup" in offered, view
        assert ("SendDtmf" in offered) == (view.state is not CallState.HELD), view
        assert ("SwapCalls" in offered) == ("CompleteTransfer" in offered) == both, view
        assert ("CompleteConference" in offered) == (both and view.consult_answered), view
        assert (offered & S == S) == (up and not view.consult), view
        assert bool(offered & S) == (up and not view.consult), view
        assert ("Hold" in offered) == (view.state is CallState.ESTABLISHED and not (view.consult and view.related)), (
            view
        )
        assert ("Retrieve" in offered) == (view.state is CallState.HELD and (not view.related or older)), view
        removes = up and view.owner and view.others >= 2
        assert ("RemoveParticipantFromConference" in offered) == removes, view
        shown = view.mute_offered and view.state is CallState.ESTABLISHED
        assert offered & {"MuteCall", "UnmuteCall"} == (
            {"UnmuteCall" if view.muted else "MuteCall"} if shown else set()
        )
        assert bool(offered & RECORDING) == (view.recorder is not None and view.state is CallState.ESTABLISHED), view
        assert ("ClearCall" in offered) == (view.clear_offered and view.state is CallState.ESTABLISHED), view
