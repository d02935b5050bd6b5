"""The operations of this API, each as one or two of the other API's, which decides whether it may be and does it.

`release` is Hangup, `alternate` is SwapCalls, `reconnect` is Hangup of one call and Retrieve of the other. What names
two calls must name two that belong together, in their places: `{id}` is the consult, the parameter the held call.
"""

from __future__ import annotations

from collections.abc import Callable

from switchhook.core.values import dataclass
from switchhook.dialects.genesys.agents import User
from switchhook.dialects.genesys.asked import Asked
from switchhook.dialects.genesys.call_operations import CallOperations
from switchhook.dialects.genesys.calls import Call
from switchhook.dialects.genesys.capabilities import CallState
from switchhook.dialects.genesys.desks import Desks
from switchhook.dialects.genesys.parameters import Parameters
from switchhook.dialects.genesys.status import Code, Failure, invalid
from switchhook.dialects.genesys.workspace import pairs
from switchhook.dialects.genesys.workspace.given import Given
from switchhook.exchange.switch import Exchange


@dataclass(frozen=True, slots=True)
class Wanted:
    """One request about one call."""

    user: User
    call: Call
    given: Given
    cause: str
    repeat: str


class Operations:
    """Carries out what is asked of calls; raises `Failure` or `Refused`, and then nothing has changed."""

    def __init__(self, exchange: Exchange, desks: Desks, calls: CallOperations) -> None:
        self._exchange = exchange
        self._desks = desks
        self._calls = calls

    def run(self, name: str, user: User, conn_id: str, given: Given, cause: str, repeat: str) -> None:
        operation = _OPERATIONS.get(name)
        if operation is None:
            raise Failure(Code.NOT_FOUND, f"Operation '{name}' is not available.")
        if self._exchange.repeats.find(repeat) is None:  # the calls of a repeat may be gone by now
            operation(self, Wanted(user, self.find(user, conn_id), given, cause, repeat))

    def find(self, user: User, conn_id: str) -> Call:
        """Returns a live call of the user by its connection id, or by the one that it had before."""
        live = self._desks.calls(user).live.values()
        for call in live:
            if call.conn_id == conn_id:
                return call
        for call in live:
            if conn_id and call.previous_conn_id == conn_id:
                return call
        raise Failure(Code.NOT_FOUND, f"Call '{conn_id}' is not found.")

    def line_of(self, user: User, conn_id: str) -> tuple[str, str]:
        """Returns the leg and the call in the journal to which a call belongs, or two empty texts."""
        live = self._desks.calls(user).live.values()
        call = next((each for each in live if conn_id in (each.conn_id, each.previous_conn_id) and conn_id), None)
        return (call.leg, call.chain) if call is not None else ("", "")

    def _ask(self, wanted: Wanted, operation: str, **given: object) -> None:
        self._calls.run(_asked(wanted, operation, **given))

    def _other(self, wanted: Wanted, name: str) -> Call:
        """Returns the call that the parameter names: the held one of the two that belong together."""
        conn_id = wanted.given.needed(name)
        for other in self._desks.calls(wanted.user).partners(wanted.call):
            if conn_id in (other.conn_id, other.previous_conn_id):
                return other
        raise invalid(f"Parameter '{name}' does not name the other call.")

    # --- operations with parameters of their own ----------------------------------------------------------------------

    def keys(self, wanted: Wanted) -> None:
        self._ask(wanted, "SendDtmf", digits=wanted.given.needed("dtmfDigits"))

    def attach(self, wanted: Wanted) -> None:
        """Adds every pair; of a repeated key one after the other."""
        for part in pairs.layers(wanted.given.pairs(needed=True)):
            self._ask(wanted, "AttachUserData", userData=part)

    def update(self, wanted: Wanted) -> None:
        self._ask(wanted, "UpdateUserData", userData=pairs.merged(wanted.given.pairs(needed=True)))

    def delete_pair(self, wanted: Wanted) -> None:
        self._ask(wanted, "DeleteUserDataPair", key=wanted.given.needed("key"))

    def drop(self, wanted: Wanted) -> None:
        self._ask(wanted, "RemoveParticipantFromConference", participant=wanted.given.needed("dnToDrop"))

    def alternate(self, wanted: Wanted) -> None:
        held = self._held(wanted)
        self._ask(wanted, "SwapCalls", otherCallUri=f"/calls/{held.id}")

    def reconnect(self, wanted: Wanted) -> None:
        """Releases this call and retrieves the held one, unless that came back by itself."""
        held = self._held(wanted)
        leg = self._exchange.state.legs.get(held.leg)
        if leg is not None and leg.phone_held:
            raise invalid("The telephone itself holds the call.")
        self._ask(wanted, "Hangup")
        if held.state is CallState.HELD:
            self._ask(Wanted(wanted.user, held, wanted.given, wanted.cause, wanted.repeat), "Retrieve")

    def _held(self, wanted: Wanted) -> Call:
        """Returns the other call, which is held; one that still dials is told so, whichever of the two is talked on."""
        held = self._other(wanted, "heldConnId")
        if held.state is not CallState.HELD and CallState.DIALING not in (held.state, wanted.call.state):
            raise invalid("Parameter 'heldConnId' names a call that is not held.")
        return held

    def redirect(self, wanted: Wanted) -> None:
        """Sends a ringing call on; its desktop sees it released."""
        self._calls.redirect(_asked(wanted, "Redirect"), wanted.given.needed("destination").strip())

    def merge(self, wanted: Wanted) -> None:
        """Makes one conference of the two calls, whichever of them was named first."""
        other = self._other(wanted, "otherConnId")
        consult = wanted.call if wanted.call.parent is other else other
        self._ask(Wanted(wanted.user, consult, wanted.given, wanted.cause, wanted.repeat), "CompleteConference")


def _asked(wanted: Wanted, operation: str, **given: object) -> Asked:
    parameters = Parameters(operation, {"operationName": operation, **given})
    return Asked(wanted.user, wanted.call, parameters, wanted.cause, wanted.repeat)


def _plain(operation: str) -> Callable[[Operations, Wanted], None]:
    return lambda self, wanted: self._ask(wanted, operation)


def _dialling(operation: str) -> Callable[[Operations, Wanted], None]:
    return lambda self, wanted: self._ask(wanted, operation, **wanted.given.dialled())


def _switching(operation: str) -> Callable[[Operations, Wanted], None]:
    """How a supervisor takes part; the scope of its watch stays as it is, whatever is given here."""

    def carry_out(self: Operations, wanted: Wanted) -> None:
        wanted.given.one_of("monitoringScope", ("Call", "Agent"))
        self._ask(wanted, operation)

    return carry_out


def _completing(operation: str) -> Callable[[Operations, Wanted], None]:
    def carry_out(self: Operations, wanted: Wanted) -> None:
        if self._other(wanted, "parentConnId") is not wanted.call.parent:
            raise invalid("Parameter 'parentConnId' does not name the call that was there first.")
        self._ask(wanted, operation)

    return carry_out


_OPERATIONS: dict[str, Callable[[Operations, Wanted], None]] = {
    "answer": _plain("Answer"),
    "hold": _plain("Hold"),
    "retrieve": _plain("Retrieve"),
    "release": _plain("Hangup"),
    "clear": _plain("ClearCall"),
    "initiate-transfer": _dialling("InitiateTransfer"),
    "initiate-conference": _dialling("InitiateConference"),
    "complete-transfer": _completing("CompleteTransfer"),
    "complete-conference": _completing("CompleteConference"),
    "single-step-transfer": _dialling("SingleStepTransfer"),
    "single-step-conference": _dialling("SingleStepConference"),
    "alternate": Operations.alternate,
    "reconnect": Operations.reconnect,
    "merge": Operations.merge,
    "redirect": Operations.redirect,
    "delete-from-conference": Operations.drop,
    "send-dtmf": Operations.keys,
    "attach-user-data": Operations.attach,
    "update-user-data": Operations.update,
    "delete-user-data-pair": Operations.delete_pair,
    "start-recording": _plain("StartCallRecording"),
    "stop-recording": _plain("StopCallRecording"),
    "pause-recording": _plain("PauseCallRecording"),
    "resume-recording": _plain("ResumeCallRecording"),
    "switch-to-listen-in": _switching("SwitchToListenIn"),
    "switch-to-coaching": _switching("SwitchToCoach"),
    "switch-to-barge-in": _switching("SwitchToBargeIn"),
}
OPERATIONS = frozenset(_OPERATIONS) | {"complete"}
