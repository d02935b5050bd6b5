"""Agent users: who they are, the telephone on their desk, and what they say they are doing (genesys 1.6)."""

from __future__ import annotations

from dataclasses import field

from switchhook.core.model import Diversion, Leg
from switchhook.core.values import dataclass
from switchhook.dialects.genesys.ids import device_id, state_id, user_id
from switchhook.dialects.genesys.watching import Watch
from switchhook.settings import Agent, AgentState


@dataclass(frozen=True, slots=True)
class Activity:
    """An agent state: the operation that sets it, and how it is shown."""

    operation: str
    display: str
    state: str  # on a device
    id: str
    work_mode: str = ""
    setting: str = ""  # its state in the settings, where that differs
    reason: str = ""  # code of a custom state

    def shown(self) -> dict[str, str]:
        """Returns `userState` of a device or a channel."""
        body = {"id": self.id, "displayName": self.display, "state": self.state}
        if self.reason:
            body["reason"] = body["reasonCode"] = self.reason
        return {**body, "workMode": self.work_mode} if self.work_mode else body


READY = Activity("Ready", "Ready", "Ready", "9430250E-0A1B-421F-B372-F29E69366DED")
NOT_READY = Activity("NotReady", "Not Ready", "NotReady", "900D55CC-2BB0-431F-8BF9-D3525B383BE6")
AFTER_CALL_WORK = Activity(
    "AfterCallWork", "AfterCallWork", "NotReady", "D3663509-3D82-4DD3-A82E-2EA8EFA02AEF", "AfterCallWork"
)
AUX_WORK = Activity("AuxWork", "AuxWork", "NotReady", "2B36138D-C564-4562-A8CB-3C32D564F296", "AuxWork")
OFFLINE = Activity("Offline", "Offline", "LoggedOut", "0F7F5003-EF26-4D13-A6Ef-D0C7EC819BEB", setting="Logout")

ACTIVITIES = {each.operation: each for each in (READY, NOT_READY, AFTER_CALL_WORK, AUX_WORK, OFFLINE)}


def activities(custom: tuple[AgentState, ...]) -> dict[str, Activity]:
    """Returns every agent state by its operation: the built-in ones, then the contact centre's own."""
    found = dict(ACTIVITIES)
    for each in custom:
        shown = each.display or each.operation
        key = state_id(each.operation)
        found[each.operation] = Activity(each.operation, shown, each.state, key, each.work_mode, reason=each.reason)
    return found


@dataclass(eq=False, slots=True)
class User:
    """One agent user and the device that its session uses."""

    agent: Agent
    account: str
    key: str  # of its telephone, for comparing
    activity: Activity = OFFLINE
    in_session: bool = False
    refuses: bool = False  # do not disturb
    forward_to: str = ""
    watch: Watch | None = None  # as a supervisor
    id: str = field(init=False)
    device: str = field(init=False)

    def __post_init__(self) -> None:
        self.id = user_id(self.agent.username)
        self.device = device_id(self.agent.number)

    @property
    def name(self) -> str:
        return self.agent.username

    @property
    def number(self) -> str:
        return self.agent.number

    def owns(self, leg: Leg) -> bool:
        """True for a leg to or from the telephone on this desk."""
        if self.agent.endpoint:
            return leg.endpoint == self.agent.endpoint
        return leg.key == self.key

    def divert(self, wanted: Diversion) -> None:
        """Notes what becomes of the calls of its telephone."""
        self.refuses, self.forward_to = wanted.refuses, wanted.to.address if wanted.to is not None else ""

    @property
    def supervises(self) -> bool:
        """True for a user who may look at others."""
        return self.may("api-supervisor-monitoring") or self.may("api-supervisor-agent-control")

    def may(self, feature: str) -> bool:
        return feature in self.agent.features


class Roster:
    """All agent users, found by name and by telephone."""

    def __init__(self, users: tuple[User, ...]) -> None:
        self.users = {user.name: user for user in users}
        self._by_endpoint: dict[str, list[User]] = {}
        self._by_key: dict[str, list[User]] = {}
        for user in users:
            if user.agent.endpoint:
                self._by_endpoint.setdefault(user.agent.endpoint, []).append(user)
            else:
                self._by_key.setdefault(user.key, []).append(user)

    def at(self, endpoint: str, key: str) -> list[User]:
        """Returns the users whose telephone this is."""
        found = self._by_endpoint.get(endpoint) if endpoint else None
        return found or self._by_key.get(key, [])

    def of(self, leg: Leg) -> list[User]:
        return self.at(leg.endpoint, leg.key)
