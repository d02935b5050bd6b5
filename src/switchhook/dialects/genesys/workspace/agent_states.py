"""What is asked of the agent and of the telephone: session, agent state, do not disturb, a new call (genesys 8.1)."""

from __future__ import annotations

from collections.abc import Callable

from switchhook.core.values import dataclass
from switchhook.dialects.genesys.agents import User
from switchhook.dialects.genesys.device_operations import DeviceOperations
from switchhook.dialects.genesys.ids import device_id
from switchhook.dialects.genesys.parameters import Parameters
from switchhook.dialects.genesys.status import invalid, missing
from switchhook.dialects.genesys.user_operations import UserOperations
from switchhook.dialects.genesys.workspace.given import Given
from switchhook.dialects.genesys.workspace.messages import Messages

WORK_MODES = ("AfterCallWork", "AuxWork", "LegalGuard", "NoCallDisconnect", "WalkAway")
MONITORING = {"Mute": "ListenIn", "Coach": "Coach", "Connect": "BargeIn"}
NEXT_CALLS = {"OneCall": "NextCall", "AllCalls": "AllCalls"}
SCOPES = ("Call", "Agent")
TOLD = ("AfterCallWork", "AuxWork")  # which of them are agent states of the other API


@dataclass(frozen=True, slots=True)
class Turn:
    """One request about an agent."""

    user: User
    given: Given
    cause: str
    repeat: str


class AgentStates:
    """Carries out what is asked of agents; raises `Failure` or `Refused`, and then nothing has changed."""

    def __init__(self, users: UserOperations, devices: DeviceOperations, messages: Messages) -> None:
        self._users = users
        self._devices = devices
        self._messages = messages

    def activate(self, user: User, given: Given) -> None:
        """Logs the agent in at its own telephone; tells its desktops of the calls that are there already."""
        agent_id, place = given.needed("agentId"), given.text("dn") or given.text("placeName")
        if agent_id not in (user.agent.employee_id or user.name, user.name, user.number):
            raise invalid("Parameter 'agentId' is not the id of this agent.")
        if not place:
            raise missing("dn")
        if place != user.number:
            raise invalid("Neither 'dn' nor 'placeName' is that of this agent's telephone.")
        mode = given.one_of("agentWorkMode", ("AutoIn", "ManualIn"))
        completes = given.flag("autoCompleteCall", True)
        channels = given.data.get("channels", ["voice"])
        self._start(user, channels)
        if mode == "AutoIn":
            self._become(user, "Ready")
        self._messages.keep_released(user, on=not completes)
        self._messages.tell_recovered(user)

    def _start(self, user: User, channels: object) -> None:
        operation = "StartContactCenterSession"
        self._users.on_user(user, Parameters(operation, {"operationName": operation, "channels": channels}))

    def end(self, user: User) -> None:
        """Logs the agent out; calls go on."""
        self._users.end(user)
        self._messages.keep_released(user, on=False)

    def _become(self, user: User, operation: str) -> None:
        self._users.on_channel(user, Parameters(operation, {"operationName": operation}))

    # --- operations -------------------------------------------------------------------------------------------------

    def make_call(self, turn: Turn) -> None:
        parameters = Parameters("Dial", {"operationName": "Dial", **turn.given.dialled()})
        self._users.on_device(turn.user, parameters, turn.cause, turn.repeat)

    def ready(self, turn: Turn) -> None:
        self._become(turn.user, "Ready")

    def not_ready(self, turn: Turn) -> None:
        mode = turn.given.one_of("agentWorkMode", WORK_MODES)
        turn.given.text("reasonCode")
        self._become(turn.user, mode if mode in TOLD else "NotReady")

    def login(self, turn: Turn) -> None:
        self._start(turn.user, ["voice"])

    def logout(self, turn: Turn) -> None:
        self._users.end(turn.user)

    def dnd_on(self, turn: Turn) -> None:
        self._ask(turn, "DoNotDisturbOn")

    def dnd_off(self, turn: Turn) -> None:
        self._ask(turn, "DoNotDisturbOff")

    def set_forward(self, turn: Turn) -> None:
        self._ask(turn, "ForwardCallsOn", destination=turn.given.needed("forwardTo"))

    def cancel_forward(self, turn: Turn) -> None:
        self._ask(turn, "ForwardCallsOff")

    def start_monitoring(self, turn: Turn) -> None:
        """Watches the agent at a number; without a mode it only listens, without a type it watches all calls."""
        given = turn.given
        number = given.needed("phoneNumberToMonitor")
        mode = given.one_of("monitoringMode", tuple(MONITORING)) or "Mute"
        calls = given.one_of("monitoringNextCallType", tuple(NEXT_CALLS)) or "AllCalls"
        scope = given.one_of("monitoringScope", SCOPES) or "Call"
        given.text("location")
        self._ask(
            turn,
            MONITORING[mode],
            targetDeviceUri=device_id(number),
            supervisorMonitoringMode=NEXT_CALLS[calls],
            supervisorMonitoringScope=scope,
        )

    def stop_monitoring(self, turn: Turn) -> None:
        number, watch = turn.given.text("phoneNumber"), turn.user.watch
        if number and watch is not None and watch.target.number != number:
            raise invalid("Parameter 'phoneNumber' is not the number that is monitored.")
        self._ask(turn, "CancelSupervisorMonitoring")

    def _ask(self, turn: Turn, operation: str, **given: object) -> None:
        self._devices.run(turn.user, Parameters(operation, {"operationName": operation, **given}), turn.cause)

    def send_user_event(self, turn: Turn) -> None:
        self._messages.tell_user_event(turn.user, turn.given.pairs(needed=True), turn.given.text("callUuid"))


OPERATIONS: dict[str, Callable[[AgentStates, Turn], None]] = {
    "make-call": AgentStates.make_call,
    "ready": AgentStates.ready,
    "not-ready": AgentStates.not_ready,
    "login": AgentStates.login,
    "logout": AgentStates.logout,
    "dnd-on": AgentStates.dnd_on,
    "dnd-off": AgentStates.dnd_off,
    "set-forward": AgentStates.set_forward,
    "cancel-forward": AgentStates.cancel_forward,
    "start-monitoring": AgentStates.start_monitoring,
    "stop-monitoring": AgentStates.stop_monitoring,
    "send-user-event": AgentStates.send_user_event,
}
