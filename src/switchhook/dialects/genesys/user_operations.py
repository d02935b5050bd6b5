"""What may be asked of a user and of a device: sessions, agent states, Dial (genesys 1.7 and 2)."""

from __future__ import annotations

from dataclasses import replace

from switchhook.core import requests as r
from switchhook.core.errors import Reason, Refused
from switchhook.core.ids import RoomId
from switchhook.core.model import LegState
from switchhook.dialects.genesys.agents import NOT_READY, OFFLINE, Activity, User, activities
from switchhook.dialects.genesys.desks import Desks
from switchhook.dialects.genesys.parameters import Parameters
from switchhook.dialects.genesys.plans import PROGRAM, Plans
from switchhook.dialects.genesys.shapes import Body
from switchhook.dialects.genesys.status import Code, Failure, invalid, missing
from switchhook.dialects.genesys.supervising import Supervising
from switchhook.exchange.switch import Exchange


def need_voice(user: User) -> None:
    """Refuses a user who was not granted voice operations."""
    if not user.may("api-voice"):
        raise Failure(Code.NO_PERMISSION, "Feature 'api-voice' is required.")


class UserOperations:
    """Carries out operations on users, channels and devices."""

    def __init__(self, exchange: Exchange, desks: Desks, plans: Plans, supervising: Supervising) -> None:
        self._exchange = exchange
        self._desks = desks
        self._plans = plans
        self._supervising = supervising
        self._activities = activities(exchange.settings.agent_states)

    def on_user(self, user: User, parameters: Parameters) -> Body:
        """Carries out an operation on `/me`; returns the members of its reply besides the status code."""
        if parameters.operation == "StartContactCenterSession":
            return self._start(user, parameters)
        if parameters.operation == "EndContactCenterSession":
            self.end(user)
            return {}
        return self.on_channel(user, parameters)

    def on_channel(self, user: User, parameters: Parameters) -> Body:
        """Carries out an agent-state operation."""
        activity = self._activities.get(parameters.operation)
        if activity is None:
            raise Failure(Code.FORBIDDEN, f"Operation '{parameters.operation}' is not available.")
        need_voice(user)
        self._become(user, activity)
        return {}

    def _start(self, user: User, parameters: Parameters) -> Body:
        channels = parameters.given.get("channels")
        if channels is None:
            raise missing("channels")
        if not isinstance(channels, list) or not channels or not all(isinstance(each, str) for each in channels):
            raise invalid("Parameter 'channels' is not a list of channels.")
        device = parameters.text("devicePath").rpartition("/")[2]
        if device and device != user.device:
            raise Failure(Code.NOT_FOUND, "Parameter 'devicePath' is not the address of a device of this user.")
        others = [each for each in channels if each != "voice"]
        if "voice" not in channels:
            raise Failure(Code.FAILED, f"Channel '{others[0]}' is not available.")
        for name in ("place", "loginCode", "queue"):
            parameters.text(name)  # of a switch that has them: checked, and not used otherwise
        need_voice(user)
        if any(other.in_session for other in self._desks.sharing(user)):
            raise Failure(Code.IN_USE, f"Device '{user.number}' is in use by another user.")
        user.in_session = True
        self._become(user, NOT_READY if user.activity is OFFLINE else user.activity)
        if not others:
            return {}
        failed = [
            {"statusCode": int(Code.FAILED), "statusMessage": f"Channel '{each}' is not available.", "channel": each}
            for each in others
        ]
        return {"statusCode": int(Code.PARTLY), "failed": failed, "succeeded": [{"statusCode": 0, "channel": "voice"}]}

    def end(self, user: User) -> None:
        """Logs the user out; calls go on."""
        user.in_session = False
        self._supervising.end(user)
        self._become(user, OFFLINE)

    def _become(self, user: User, activity: Activity) -> None:
        user.activity = activity
        self._desks.tell_device(user)
        self._desks.tell_channels(user)

    # --- devices ----------------------------------------------------------------------------------------------------

    def on_device(self, user: User, parameters: Parameters, cause: str, repeat: str) -> None:
        """Carries out an operation on a device's calls: Dial."""
        if parameters.operation != "Dial":
            raise Failure(Code.FORBIDDEN, f"Operation '{parameters.operation}' is not available.")
        need_voice(user)
        if self._exchange.repeats.find(repeat) is not None:
            return
        room = self._dial(user, parameters, cause)
        rooms = self._exchange.state.rooms

        def unresolved() -> bool:
            return room is not None and room in rooms and bool(rooms[room].dials)

        self._exchange.repeats.keep(repeat, True, unresolved)

    def _dial(self, user: User, parameters: Parameters, cause: str) -> RoomId | None:
        number, data, location = parameters.dialled()
        own = self._plans.own(user)
        target = self._plans.destination(user, number)
        if target.key == own.key:
            raise Refused(Reason.TARGET_IS_SELF, "the destination is the device itself")
        plan = self._plans.dial(user, target, shown=parameters.text("outboundCallerId"), data=data)
        up = next((leg for leg in self._desks.legs(user) if leg.state is LegState.UP), None)
        if up is not None and not up.rooms:
            raise invalid("The telephone is in a call of a program.")
        if up is not None:
            accepted = self._exchange.ask(r.PlaceSecondCall(up.id, plan, data), cause=cause)
        else:
            first = replace(self._plans.own_telephone(user, number), targets=(own,))
            place = r.PlaceCall(user.account, first, plan, data, program=PROGRAM)
            accepted = self._exchange.ask(place, cause=cause)
        if location and accepted.leg is not None:
            self._exchange.ask(r.Note(accepted.leg, f"location {location}"), cause=cause)
        return accepted.room
