"""What a desktop may do with a call: one pure function of a small view of it (genesys 4.1 and 4.3).

`capabilities` is the client's only guide; every desktop draws its buttons from it. The table of sets seen on real
servers contradicts itself in one place, so there are two profiles: `2016`, in which the held original of a consult can
be swapped and completed, and `2014`, in which it still shows Retrieve. Order means nothing.
"""

from __future__ import annotations

from enum import Enum
from typing import Protocol

from switchhook.core.values import dataclass


class CallState(Enum):
    DIALING = "Dialing"
    RINGING = "Ringing"
    ESTABLISHED = "Established"
    HELD = "Held"
    RELEASED = "Released"


class Recorder(Enum):
    """`recordingState` of a call where a recorder is configured."""

    STOPPED = "Stopped"
    RECORDING = "Recording"
    PAUSED = "Paused"


class Supervision(Enum):
    """How a supervisor's device takes part in the call of an agent."""

    LISTEN_IN = "ListenIn"
    COACH = "Coach"
    BARGE_IN = "BargeIn"


@dataclass(frozen=True, slots=True)
class CallView:
    """As much of a call as decides what may be done with it."""

    state: CallState
    consult: bool = False  # its callType is Consult
    related: bool = False  # its parent or its consult is alive on this device
    consult_answered: bool = False  # of the two related calls, the consult has been answered
    alone: bool = False  # no room holds it: a program talks to the telephone, or rings it
    others: int = 1  # parties besides this device
    owner: bool = False  # this device made the conference
    mute_offered: bool = False
    muted: bool = False
    recorder: Recorder | None = None
    supervises: Supervision | None = None  # this device watches another's call
    clear_offered: bool = False
    profile: str = "2016"


class DeviceView(Protocol):
    """As much of a device as decides what may be done with it."""

    @property
    def refuses(self) -> bool: ...

    @property
    def forward_to(self) -> str: ...

    @property
    def watch(self) -> object | None: ...

    def may(self, feature: str) -> bool: ...


USER_DATA = ("AttachUserData", "UpdateUserData", "DeleteUserData", "DeleteUserDataPair")
STEPS = ("SingleStepTransfer", "SingleStepConference", "InitiateTransfer", "InitiateConference")


def capabilities(call: CallView) -> tuple[str, ...]:
    """Returns the names of the operations that the call offers now."""
    state = call.state
    if state is CallState.RELEASED:
        return ()
    if state is CallState.RINGING:
        return (*USER_DATA, "Answer", *_clear(call))
    if state is CallState.DIALING:
        return (*USER_DATA, "SendDtmf", "Hangup", *_related(call))
    names = [*USER_DATA, "Hangup"]
    if call.alone:  # nobody is there who could be held, heard or transferred
        return tuple(names)
    established = state is CallState.ESTABLISHED
    if not call.consult:
        names += STEPS
    if established:
        names.append("SendDtmf")
    if established and not (call.consult and call.related):
        names.append("Hold")
    related = _related(call)
    if not established and not related and not (call.consult and call.related):
        names.append("Retrieve")
    names += related
    if call.supervises is not None and established:
        names += _SUPERVISION[call.supervises]
    if (call.owner or (call.supervises is not None and established)) and call.others >= 2:
        names.append("RemoveParticipantFromConference")
    return (*names, *_mute(call), *_recorder(call), *(_clear(call) if established else ()))


def device_capabilities(device: DeviceView) -> list[str]:
    """Returns the names of the operations that a device offers now."""
    if not device.may("api-voice"):
        return []
    names = ["ForwardCallsOff" if device.forward_to else "ForwardCallsOn"]
    names.append("DoNotDisturbOff" if device.refuses else "DoNotDisturbOn")
    if device.may("api-supervisor-monitoring"):
        watches = device.watch is not None
        names += ["CancelSupervisorMonitoring"] if watches else [each.value for each in Supervision]
    return names


def _clear(call: CallView) -> tuple[str, ...]:
    return ("ClearCall",) if call.clear_offered else ()


def _related(call: CallView) -> tuple[str, ...]:
    """The operations on two calls at once, where both are there."""
    if not call.related:
        return ()
    if call.profile == "2014" and call.state is CallState.HELD and not call.consult:
        return ()
    if call.consult_answered:
        return ("SwapCalls", "CompleteTransfer", "CompleteConference")
    return ("SwapCalls", "CompleteTransfer")


def _mute(call: CallView) -> tuple[str, ...]:
    if not call.mute_offered or call.state is not CallState.ESTABLISHED:
        return ()
    return ("UnmuteCall",) if call.muted else ("MuteCall",)


_SUPERVISION = {
    Supervision.LISTEN_IN: ("SwitchToBargeIn",),
    Supervision.COACH: ("SwitchToListenIn", "SwitchToBargeIn"),
    Supervision.BARGE_IN: ("SwitchToListenIn",),
}

_RECORDER = {
    Recorder.STOPPED: ("StartCallRecording",),
    Recorder.RECORDING: ("PauseCallRecording", "StopCallRecording"),
    Recorder.PAUSED: ("ResumeCallRecording", "StopCallRecording"),
}


def _recorder(call: CallView) -> tuple[str, ...]:
    if call.recorder is None or call.state is not CallState.ESTABLISHED:
        return ()
    return _RECORDER[call.recorder]
