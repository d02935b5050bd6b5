"""What may be asked of a call: each operation asks the core once, and the effect is told by what becomes true.

Allowed is what the call's capabilities list, with the exceptions that real desktops need (genesys 2): Hangup and Reject
decline a ringing call, Retrieve works while no other call is talked on, and whatever only the other profile lists.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from switchhook.core import requests as r
from switchhook.core.ids import LegId, RoomId, TransferId
from switchhook.core.model import LegState, Phase
from switchhook.core.outcomes import Outcome
from switchhook.dialects.genesys.agents import User
from switchhook.dialects.genesys.calls import Call
from switchhook.dialects.genesys.capabilities import CallState, capabilities
from switchhook.dialects.genesys.desks import Desks
from switchhook.dialects.genesys.parameters import Parameters
from switchhook.dialects.genesys.plans import Plans
from switchhook.dialects.genesys.status import Code, Failure, invalid, missing
from switchhook.exchange.switch import Exchange


@dataclass(frozen=True, slots=True)
class Asked:
    """One operation on one call."""

    user: User
    call: Call
    parameters: Parameters
    cause: str
    repeat: str  # the key by which a repeat of it is known

    @property
    def room(self) -> RoomId:
        if self.call.room is None:
            raise invalid("The call has no other party yet.")
        return self.call.room


class CallOperations:
    """Carries out operations on calls; raises `Failure` or `Refused`, and then nothing has changed."""

    def __init__(self, exchange: Exchange, desks: Desks, plans: Plans) -> None:
        self._exchange = exchange
        self._desks = desks
        self._plans = plans

    def run(self, asked: Asked) -> None:
        name = asked.parameters.operation
        operation = _OPERATIONS.get(name)
        if operation is None:
            raise Failure(Code.FORBIDDEN, f"Operation '{name}' is not available.")
        if not asked.user.may("api-voice"):
            raise Failure(Code.NO_PERMISSION, "Feature 'api-voice' is required.")
        if self._exchange.repeats.find(asked.repeat) is not None:
            return
        if not self._allowed(asked.user, asked.call, name):
            raise invalid(f"Operation '{name}' is not possible while the call is {asked.call.state.value}.")
        operation(self, asked)

    def _allowed(self, user: User, call: Call, name: str) -> bool:
        calls = self._desks.calls(user)
        if name in call.capabilities:
            return True
        if name in ("Hangup", "Reject"):
            return call.state is CallState.RINGING
        if name == "Retrieve":
            others = (other for other in calls.live.values() if other is not call)
            return call.state is CallState.HELD and all(other.state is not CallState.ESTABLISHED for other in others)
        return name in capabilities(replace(calls.view(call), profile="2016"))

    def _ask(self, asked: Asked, request: r.Request) -> r.Accepted:
        return self._exchange.ask(request, cause=asked.cause)

    def _keep(self, asked: Asked, transfer: TransferId | None, phases: tuple[Phase, ...]) -> None:
        """Lets an equal request get the same answer while the transfer waits for its target."""
        transfers = self._exchange.state.transfers

        def unresolved() -> bool:
            found = transfers.get(transfer) if transfer is not None else None
            return found is not None and found.phase in phases

        self._exchange.repeats.keep(asked.repeat, True, unresolved)

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
        plan = self._plans.consult(asked.user, target)
        accepted = self._ask(asked, r.StartTransfer(asked.room, asked.call.leg, plan, data))
        self._keep(asked, accepted.transfer, (Phase.RINGING, Phase.FOLLOWING))
        self._note_location(asked, accepted.leg, location)

    def _complete(self, asked: Asked) -> None:
        original = self._original(asked)
        if original.room is None:
            raise invalid("There is no transfer to complete.")
        room = self._exchange.state.rooms.get(original.room)
        transfer = room.transfer if room is not None else None
        if transfer is None:
            raise invalid("There is no transfer to complete.")
        self._ask(asked, r.CompleteTransfer(transfer))
        self._keep(asked, transfer, (Phase.FOLLOWING,))

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
        plan = self._plans.single_step(asked.user, target, customer)
        accepted = self._ask(asked, r.StartTransfer(asked.room, asked.call.leg, plan, data))
        self._keep(asked, accepted.transfer, (Phase.RINGING, Phase.FOLLOWING))
        self._note_location(asked, accepted.leg, location)

    def _note_location(self, asked: Asked, leg: LegId | None, location: str) -> None:
        """The location of the corresponding T-Server request is kept for the record, and not used otherwise."""
        if location and leg is not None:
            self._ask(asked, r.Note(leg, f"location {location}"))

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
    "SendDtmf": CallOperations._send_dtmf,
    "SwapCalls": CallOperations._swap,
    "InitiateTransfer": CallOperations._initiate,
    "CompleteTransfer": CallOperations._complete,
    "SingleStepTransfer": CallOperations._single_step,
    "AttachUserData": CallOperations._attach,
    "UpdateUserData": CallOperations._update,
    "DeleteUserDataPair": CallOperations._delete_pair,
    "DeleteUserData": CallOperations._delete,
}
OPERATIONS = frozenset(_OPERATIONS)
