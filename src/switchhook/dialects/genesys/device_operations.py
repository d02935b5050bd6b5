"""What may be asked of a device: do not disturb, forwarding, monitoring another device (genesys 1.7).

The switch obeys do not disturb and forwarding for whoever dials the telephone; here they are only asked for.
"""

from __future__ import annotations

from switchhook.core import requests as r
from switchhook.core.addresses import Destination
from switchhook.core.model import Diversion
from switchhook.dialects.genesys.agents import User
from switchhook.dialects.genesys.capabilities import Recorder
from switchhook.dialects.genesys.desks import Desks
from switchhook.dialects.genesys.parameters import Parameters
from switchhook.dialects.genesys.plans import Plans
from switchhook.dialects.genesys.status import Code, Failure, invalid, missing
from switchhook.dialects.genesys.supervising import STARTS, Supervising
from switchhook.exchange.switch import Exchange

NONE = Diversion()


class DeviceOperations:
    """Carries out operations on a user's own device; raises `Failure` or `Refused`, and then nothing has changed."""

    def __init__(self, exchange: Exchange, desks: Desks, plans: Plans, supervising: Supervising) -> None:
        self._exchange = exchange
        self._desks = desks
        self._plans = plans
        self._supervising = supervising

    def run(self, user: User, parameters: Parameters, cause: str) -> None:
        name = parameters.operation
        if name in STARTS:
            self._supervising.start(user, parameters, cause)
        elif name == "CancelSupervisorMonitoring":
            self._supervising.cancel(user)
        elif name in ("DoNotDisturbOn", "DoNotDisturbOff"):
            self.disturb(user, refuses=name == "DoNotDisturbOn", cause=cause)
        elif name == "ForwardCallsOn":
            self.forward(user, parameters.given.get("destination"), cause)
        elif name == "ForwardCallsOff":
            self.forward(user, None, cause, on=False)
        elif name == "StopCallRecording":
            self._stop_recording(user, cause)
        else:
            raise Failure(Code.FORBIDDEN, f"Operation '{name}' is not available.")

    def disturb(self, user: User, *, refuses: bool, cause: str) -> None:
        """Sets do not disturb; repeating changes nothing."""
        _need_voice(user)
        self._divert(user, Diversion(refuses, self._present(user).to), cause)

    def forward(self, user: User, destination: object, cause: str, *, on: bool = True) -> None:
        """Sends the device's calls to a number (`on`), or rings the telephone again; repeating changes nothing."""
        _need_voice(user)
        target = self._target(user, destination) if on else None
        self._divert(user, Diversion(self._present(user).refuses, target), cause)

    def _target(self, user: User, destination: object) -> Destination:
        """Reads `destination`: a plain string, unlike that of a Dial; its object form is understood too."""
        if isinstance(destination, dict):
            destination = destination.get("phoneNumber")
        if destination is None or destination == "":
            raise missing("destination")
        if not isinstance(destination, str) or not destination.strip():
            raise invalid("Parameter 'destination' is not a number.")
        return self._plans.destination(user, destination.strip())

    def _stop_recording(self, user: User, cause: str) -> None:
        """Ends the recording of whatever call of the device is being recorded."""
        need_recording(user)
        taped = {
            call.room: None
            for call in self._desks.calls(user).live.values()
            if call.room is not None and call.recorder is not Recorder.STOPPED
        }
        if not taped:
            raise invalid("No call of the device is being recorded.")
        for room in taped:
            self._desks.taping.stop(room, cause)

    def _present(self, user: User) -> Diversion:
        return self._exchange.state.diversions.get(user.key, NONE)

    def _divert(self, user: User, wanted: Diversion, cause: str) -> None:
        self._exchange.ask(r.Divert(user.key, wanted), cause=cause)


def need_recording(user: User) -> None:
    """Refuses a user who was not granted the operations of recordings."""
    _need_voice(user)
    if not user.may("api-voice-recording"):
        raise Failure(Code.NO_PERMISSION, "Feature 'api-voice-recording' is required.")


def _need_voice(user: User) -> None:
    if not user.may("api-voice"):
        raise Failure(Code.NO_PERMISSION, "Feature 'api-voice' is required.")
