"""What may be asked of a call: each operation asks the core once, and the effect is told by what becomes true.

Allowed is what the call's capabilities list, with the exceptions that real desktops need (genesys 2): Hangup and Reject
decline a ringing call, Retrieve works while no other call is talked on, and whatever only the other profile lists.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from switchhook.core import requests as r
from switchhook.core.ids import TransferId
from switchhook.core.model import LegState, Phase
from switchhook.core.outcomes import Outcome
from switchhook.dialects.genesys.agents import User
from switchhook.dialects.genesys.asked import Asked, Line
from switchhook.dialects.genesys.calls import Call
from switchhook.dialects.genesys.capabilities import CallState, capabilities
from switchhook.dialects.genesys.conferences import Conferences
from switchhook.dialects.genesys.desks import Desks
from switchhook.dialects.genesys.plans import Plans
from switchhook.dialects.genesys.status import Code, Failure, invalid, missing
from switchhook.dialects.genesys.supervising import MUTES, SWITCHES, Supervising
from switchhook.exchange.switch import Exchange

PREVIEWS = ("Accept", "Decline")  # of preview calls, of which there are none: no call ever offers them


def redirectable(call: Call) -> bool:
    """True for a call that rings and could ring elsewhere: others are in it, and wait for no one person."""
    return call.state is CallState.RINGING and call.room is not None and call.supervises is None


class CallOperations:
    """Carries out operations on calls; raises `Failure` or `Refused`, and then nothing has changed."""

    def __init__(self, exchange: Exchange, desks: Desks, plans: Plans, supervising: Supervising) -> None:
        self._exchange = exchange
        self._desks = desks
        self._plans = plans
        self._supervising = supervising
        self._line = Line(exchange)
        self._conferences = Conferences(self._line, desks, plans)

    def run(self, asked: Asked) -> None:
        name = asked.parameters.operation
        operation = _OPERATIONS.get(name)
        if operation is None and name not in PREVIEWS:
            raise Failure(Code.FORBIDDEN, f"Operation '{name}' is not available.")
        if not asked.user.may("api-voice"):
            raise Failure(Code.NO_PERMISSION, "Feature 'api-voice' is required.")
        if self._exchange.repeats.find(asked.repeat) is not None:
            return
        if operation is None or not self._allowed(asked.user, asked.call, name):
            raise invalid(f"Operation '{name}' is not possible while the call is {asked.call.state.value}.")
        operation(self, asked)

    def redirect(self, asked: Asked, number: str) -> None:
        """Sends a call that rings on to another number; an operation of the Workspace API alone."""
        if not asked.user.may("api-voice"):
            raise Failure(Code.NO_PERMISSION, "Feature 'api-voice' is required.")
        if not redirectable(asked.call):
            raise invalid(f"A call that is {asked.call.state.value} cannot be sent on.")
        target = self._plans.destination(asked.user, number)
        accepted = self._ask(asked, r.Redirect(asked.call.leg, target))
        self._line.keep_dial(asked, accepted.dial)

    def _allowed(self, user: User, call: Call, name: str) -> bool:
        calls = self._desks.calls(user)
        if name in call.capabilities:
            return True
        if name in SWITCHES or name in MUTES:  # SwitchToCoach and (Un)MuteMonitoredUser stand in no set (genesys 4.1)
            return call.supervises is not None and call.state is CallState.ESTABLISHED
        if name in ("Hangup", "Reject"):
            return call.state is CallState.RINGING
        if name == "Retrieve":
            others = (other for other in calls.live.values() if other is not call)
            return call.state is CallState.HELD and all(other.state is not CallState.ESTABLISHED for other in others)
        return name in capabilities(replace(calls.view(call), profile="2016"))

    def _ask(self, asked: Asked, request: r.Request) -> r.Accepted:
        return self._line.ask(asked, request)

    # --- one call ---------------------------------------------------------------------------------------------------

    def _answer(self, asked: Asked) -> None:
        wait_s = self._exchange.settings.genesys.answer_s
        self._ask(asked, r.PressAnswerKey(asked.call.leg, wait_s=wait_s))

    def _hang_up(self, asked: Asked) -> None:
        call = asked.call
        leg = self._exchange.state.legs.get(call.leg)
        if call.state is CallState.RINGING:
            self._ask(asked, r.HangUp(call.leg, outcome=Outcome.REJECTED))
        elif call.room is None or leg is None or call.room not in leg.rooms:
            self._ask(asked, r.HangUp(call.leg))
        else:
            self._ask(asked, r.ReleaseCall(call.leg, call.room))

    def _switch(self, asked: Asked) -> None:
        self._supervising.switch(asked)

    def _mute_monitored(self, asked: Asked) -> None:
        self._supervising.mute(asked)

    def _hold(self, asked: Asked) -> None:
        self._ask(asked, r.TurnTo(asked.call.leg, None))

    def _retrieve(self, asked: Asked) -> None:
        leg, room = asked.call.leg, asked.room
        found = self._exchange.state.legs.get(leg)
        if found is not None and found.phone_held:
            raise invalid("The telephone itself holds the call.")
        member = self._exchange.state.rooms[room].members.get(leg)
        if member is not None and member.held:
            self._ask(asked, r.HoldMember(room, leg, on=False))
        self._ask(asked, r.TurnTo(leg, room))

    def _mute(self, asked: Asked) -> None:
        on = asked.parameters.operation == "MuteCall"
        self._ask(asked, r.MuteMember(asked.room, asked.call.leg, on=on))

    def _send_dtmf(self, asked: Asked) -> None:
        digits = asked.parameters.digits()
        state = self._exchange.state
        others = [state.legs[leg] for leg in state.rooms[asked.room].members if leg != asked.call.leg]
        listening = [leg for leg in others if leg.state is LegState.UP]
        if not listening:
            raise invalid("Nobody has answered yet.")
        for leg in listening:
            self._ask(asked, r.SendKeys(leg.id, digits))
        self._desks.tell_dtmf(asked.user, asked.call, self._exchange.clock.now())

    # --- two calls --------------------------------------------------------------------------------------------------

    def _swap(self, asked: Asked) -> None:
        other_id = asked.parameters.call("otherCallUri")
        if other_id is None:
            raise missing("otherCallUri")
        call = asked.call
        other = next((each for each in self._desks.calls(asked.user).partners(call) if each.id == other_id), None)
        if other is None:
            raise invalid("Parameter 'otherCallUri' is not the other call.")
        leg = self._exchange.state.legs[call.leg]
        self._ask(asked, r.TurnTo(call.leg, other.room if leg.focus == call.room else call.room))

    def _initiate(self, asked: Asked) -> None:
        number, data, location = asked.parameters.dialled()
        target = self._plans.destination(asked.user, number)
        shown = asked.parameters.text("outboundCallerId")
        plan = self._plans.consult(asked.user, target, {**self._data(asked), **data}, shown=shown)
        accepted = self._ask(asked, r.StartTransfer(asked.room, asked.call.leg, plan, data))
        self._line.keep_transfer(asked, accepted.transfer, (Phase.RINGING, Phase.FOLLOWING))
        self._line.note_location(asked, accepted.leg, location)

    def _related(self, asked: Asked) -> tuple[Call, TransferId]:
        """Returns the original call of the two, and what joins it to its consult."""
        original = self._original(asked)
        room = self._exchange.state.rooms.get(original.room) if original.room is not None else None
        if room is None or room.transfer is None:
            raise invalid("There is no transfer to complete.")
        return original, room.transfer

    def _complete(self, asked: Asked) -> None:
        _, transfer = self._related(asked)
        self._ask(asked, r.CompleteTransfer(transfer))
        self._line.keep_transfer(asked, transfer, (Phase.FOLLOWING,))

    def _original(self, asked: Asked) -> Call:
        """Finds the held call of the two, whichever of them was addressed."""
        call = asked.call
        named = asked.parameters.call("consultCallUri")
        partners = self._desks.calls(asked.user).partners(call)
        if not partners:
            raise invalid("The call has no consult call.")
        if call.parent is not None:
            if named is not None:
                raise invalid("Parameter 'consultCallUri' names no consult of this call.")
            return call.parent
        if named is None and len(partners) > 1:
            raise missing("consultCallUri")
        if named is not None and all(each.id != named for each in partners):
            raise invalid("Parameter 'consultCallUri' names no consult of this call.")
        return call

    def _single_step(self, asked: Asked) -> None:
        number, data, location = asked.parameters.dialled()
        target = self._plans.destination(asked.user, number)
        members = self._exchange.state.rooms[asked.room].members
        customer = next((leg for leg in members if leg != asked.call.leg), None)
        plan = self._plans.single_step(asked.user, target, customer, {**self._data(asked), **data})
        accepted = self._ask(asked, r.StartTransfer(asked.room, asked.call.leg, plan, data))
        self._line.keep_transfer(asked, accepted.transfer, (Phase.RINGING, Phase.FOLLOWING))
        self._line.note_location(asked, accepted.leg, location)

    # --- conferences ------------------------------------------------------------------------------------------------

    def _complete_conference(self, asked: Asked) -> None:
        self._conferences.complete(asked, *self._related(asked))

    def _add_party(self, asked: Asked) -> None:
        self._conferences.add(asked)

    def _remove_party(self, asked: Asked) -> None:
        self._conferences.remove(asked)

    def _clear(self, asked: Asked) -> None:
        """Ends the call for everybody in it, those with a program too; a party in another call has that one still."""
        state, room = self._exchange.state, asked.call.room
        if asked.call.state is CallState.RINGING or room is None or room not in state.rooms:
            self._hang_up(asked)
            return
        for leg in [state.legs[leg] for leg in state.rooms[room].members]:
            if leg.program and leg.rooms == (room,):
                self._ask(asked, r.HangUp(leg.id))
        if room in state.rooms:
            self._ask(asked, r.EndRoom(room))

    # --- recordings -------------------------------------------------------------------------------------------------

    def _record(self, asked: Asked) -> None:
        if not asked.user.may("api-voice-recording"):
            raise Failure(Code.NO_PERMISSION, "Feature 'api-voice-recording' is required.")
        taping, name = self._desks.taping, asked.parameters.operation
        if name == "StartCallRecording":
            taping.start(asked.user.account, asked.room, asked.cause)
        elif name == "StopCallRecording":
            taping.stop(asked.room, asked.cause)
        else:
            taping.pause(asked.room, asked.cause, on=name == "PauseCallRecording")

    # --- user data --------------------------------------------------------------------------------------------------

    def _set_data(self, asked: Asked, data: Mapping[str, object]) -> None:
        if asked.call.room is None:
            self._desks.note_data(asked.user, asked.call, data, self._exchange.clock.now())
        else:
            self._ask(asked, r.SetData(asked.room, data))

    def _data(self, asked: Asked) -> Mapping[str, object]:
        room = asked.call.room
        return self._exchange.state.rooms[room].data if room is not None else asked.call.data

    def _attach(self, asked: Asked) -> None:
        """Adds pairs; a key that is there already gets one more value (a tuple holds them)."""
        data = dict(self._data(asked))
        for key, value in asked.parameters.user_data(needed=True).items():
            earlier = data.get(key, ())
            data[key] = (*(earlier if isinstance(earlier, tuple) else (earlier,)), value) if key in data else value
        self._set_data(asked, data)

    def _update(self, asked: Asked) -> None:
        self._set_data(asked, {**self._data(asked), **asked.parameters.user_data(needed=True)})

    def _delete_pair(self, asked: Asked) -> None:
        key = asked.parameters.key()
        self._set_data(asked, {name: value for name, value in self._data(asked).items() if name != key})

    def _delete(self, asked: Asked) -> None:
        self._set_data(asked, {})


_OPERATIONS: dict[str, Callable[[CallOperations, Asked], None]] = {
    "Answer": CallOperations._answer,
    "Hangup": CallOperations._hang_up,
    "Reject": CallOperations._hang_up,
    "Hold": CallOperations._hold,
    "Retrieve": CallOperations._retrieve,
    "MuteCall": CallOperations._mute,
    "UnmuteCall": CallOperations._mute,
    **dict.fromkeys(SWITCHES, CallOperations._switch),
    **dict.fromkeys(MUTES, CallOperations._mute_monitored),
    "SendDtmf": CallOperations._send_dtmf,
    "SwapCalls": CallOperations._swap,
    "InitiateTransfer": CallOperations._initiate,
    "CompleteTransfer": CallOperations._complete,
    "SingleStepTransfer": CallOperations._single_step,
    "InitiateConference": CallOperations._initiate,
    "CompleteConference": CallOperations._complete_conference,
    "SingleStepConference": CallOperations._add_party,
    "RemoveParticipantFromConference": CallOperations._remove_party,
    "ClearCall": CallOperations._clear,
    "StartCallRecording": CallOperations._record,
    "StopCallRecording": CallOperations._record,
    "PauseCallRecording": CallOperations._record,
    "ResumeCallRecording": CallOperations._record,
    "AttachUserData": CallOperations._attach,
    "UpdateUserData": CallOperations._update,
    "DeleteUserDataPair": CallOperations._delete_pair,
    "DeleteUserData": CallOperations._delete,
}
OPERATIONS = frozenset(_OPERATIONS)
