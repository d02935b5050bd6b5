"""How a supervisor watches: what is kept of each monitoring, and how it is shown on devices (genesys 1.6 and 1.7)."""

from __future__ import annotations

from dataclasses import field
from enum import Enum
from typing import TYPE_CHECKING

from switchhook.core.ids import DialId, LegId, RoomId
from switchhook.core.model import Member, Role, Seat
from switchhook.core.values import dataclass
from switchhook.dialects.genesys.capabilities import Supervision

if TYPE_CHECKING:
    from switchhook.dialects.genesys.agents import User


class Scope(Enum):
    CALL = "Call"  # a call, with whoever is in it, until it ends
    AGENT = "Agent"  # an agent, wherever it talks, as long as it is in the call


class Mode(Enum):
    ALL = "AllCalls"  # until it is cancelled
    NEXT = "NextCall"  # the present call, or the next one, and no other


@dataclass(eq=False, slots=True)
class Watch:
    """One supervisor's monitoring of one agent's telephone."""

    supervisor: User
    target: User
    state: Supervision
    scope: Scope
    mode: Mode
    dial: DialId | None = None  # its own telephone is being rung
    leg: LegId | None = None  # its own telephone, in the call
    of: LegId | None = None  # the agent's
    coached: bool = False  # it has coached in this call, and may not again (genesys 2, SwitchToListenIn)
    held: bool = False  # its own desktop has put the call on hold
    done: set[RoomId] = field(default_factory=set)  # rooms it was in, or was asked into: nobody is rung twice for one

    def shown(self, target_uri: str) -> dict[str, str]:
        """Returns `supervisorMonitoringState` of the supervisor's device."""
        return {
            "state": self.state.value,
            "mode": self.mode.value,
            "scope": self.scope.value,
            "targetDeviceUri": target_uri,
        }


def seat(state: Supervision, agent: LegId) -> Seat:
    """Returns how a supervisor sits in a room: who listens is muted, who coaches is heard by the agent alone."""
    if state is Supervision.LISTEN_IN:
        return Seat(muted=True)
    return Seat(whispers=True, coached=agent) if state is Supervision.COACH else Seat()


def supervision(member: Member) -> Supervision | None:
    """Returns how a member supervises, or None for one who does not."""
    if member.role is not Role.SUPERVISOR:
        return None
    if member.muted:
        return Supervision.LISTEN_IN
    return Supervision.COACH if member.whispers else Supervision.BARGE_IN
