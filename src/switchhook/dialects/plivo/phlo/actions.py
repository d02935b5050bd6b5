"""Node actions (R5) and member actions (R6): each is checked, then asked of the core (plivo-phlo 4.1, 4.2, 4.5).

What the core decides is not repeated here: it refuses a second transfer, an agent on hold, a target who is there
already. Checked here is what only the request can tell: its words, and whom it means.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from switchhook.core import requests as r
from switchhook.core.errors import Reason, Refused
from switchhook.core.ids import LegId, RoomId
from switchhook.core.model import By, Kind, Phase, Purpose, Role
from switchhook.core.outcomes import Outcome
from switchhook.core.values import dataclass
from switchhook.dialects.plivo.phlo import problems
from switchhook.dialects.plivo.phlo.parameters import optional_text, text_of
from switchhook.dialects.plivo.phlo.places import Place, Places
from switchhook.dialects.plivo.phlo.plans import Plans
from switchhook.dialects.plivo.problems import Problem
from switchhook.exchange.switch import Exchange
from switchhook.flows.graph import Flow, Node
from switchhook.flows.parties import Parties

NODE_ACTIONS = frozenset({"call", "warm_transfer", "cold_transfer"})
REMOVALS = frozenset({"remove", "leave", "kick"})
ROLES = {"": Role.AGENT, "agent": Role.AGENT, "supervisor": Role.AGENT, "customer": Role.CUSTOMER}


@dataclass(frozen=True, slots=True)
class Acted:
    """What came of an action: whose call it concerned, and whether what it began is still unresolved."""

    leg: LegId | None
    unresolved: Callable[[], bool] | None = None


class Actions:
    """Carries out the actions of one exchange; raises `Problem` or `Refused`, and then nothing has changed."""

    def __init__(self, exchange: Exchange, parties: Parties) -> None:
        self._exchange = exchange
        self._places = Places(exchange, parties)
        self._plans = Plans(exchange)
        self._members: Mapping[str, Callable[[Place, str], None]] = {
            "hangup": self._hang_up,
            **dict.fromkeys(REMOVALS, self._hang_up),
            "hold": lambda place, cause: self._hold(place, cause, True),
            "unhold": lambda place, cause: self._hold(place, cause, False),
            "mute": lambda place, cause: self._mute(place, cause, True),
            "unmute": lambda place, cause: self._mute(place, cause, False),
            "abort_transfer": self._abort,
            "resume_call": self._resume,
            "voicemail_drop": self._drop_voicemail,
        }

    def is_member_action(self, action: str) -> bool:
        return action in self._members

    # --- node actions -----------------------------------------------------------------------------------------------

    def on_node(self, flow: Flow, node: Node, action: str, given: Mapping[str, object], cause: str) -> Acted:
        """Dials somebody into the room, or starts a transfer in it."""
        if action not in NODE_ACTIONS:
            raise problems.invalid("action")
        to, trigger = text_of(given, "to"), text_of(given, "trigger_source")
        role = ROLES.get(optional_text(given, "role").lower())
        if role is None:
            raise problems.invalid("role")
        place = self._places.of_trigger(flow, node, trigger, alone_will_do=action == "call")
        if self._exchange.directory.key(to) == self._exchange.directory.key(trigger):
            raise Refused(Reason.TARGET_IS_SELF)
        if action == "call":
            return self._call(place, to, role, trigger, cause)
        return self._transfer(place, Kind.WARM if action == "warm_transfer" else Kind.COLD, to, role, trigger, cause)

    def _call(self, place: Place, to: str, role: Role, trigger: str, cause: str) -> Acted:
        plan = self._plans.dial(place.party, to, role, trigger, place.leg.id if place.leg else None)
        self._not_called_already(place, plan.targets[0].key)
        accepted = self._exchange.ask(r.AddParty(place.room.id, plan), cause=cause)
        dials = self._exchange.state.dials
        return Acted(accepted.leg, lambda: accepted.dial in dials)

    def _transfer(self, place: Place, kind: Kind, to: str, role: Role, trigger: str, cause: str) -> Acted:
        if place.leg is None:
            raise problems.invalid("trigger_source")
        if not place.party.options.transfers:
            raise Problem(400, "Transfers are not enabled on this node.")
        if place.transfer is not None:
            raise Refused(Reason.TRANSFER_RUNNING)
        dial = self._plans.dial(place.party, to, role, trigger, place.leg.id)
        self._not_called_already(place, dial.targets[0].key)
        plan = self._plans.transfer(kind, place.party, dial)
        accepted = self._exchange.ask(r.StartTransfer(place.room.id, place.leg.id, plan), cause=cause)
        transfers = self._exchange.state.transfers
        return Acted(place.leg.id, lambda: accepted.transfer in transfers)

    def _not_called_already(self, place: Place, key: str) -> None:
        if self._places.is_called(place, key):
            raise Problem(400, "Invalid value provided for to. The user is being called already.")

    # --- member actions ---------------------------------------------------------------------------------------------

    def on_member(self, flow: Flow, node: Node, action: str, address: str, cause: str) -> Acted:
        """Does something to the member with that address."""
        act = self._members.get(action)
        if act is None:
            raise problems.invalid("action")
        place = self._places.of_member(flow, node, address)
        if place.leg is None and action != "abort_transfer":
            raise problems.no_member()
        act(place, cause)
        return Acted(place.seat.leg if place.seat is not None else None)

    def _hang_up(self, place: Place, cause: str) -> None:
        assert place.leg is not None
        if not place.rings:
            self._exchange.ask(r.HangUp(place.leg.id, By.API), cause=cause)
            return
        dial = self._exchange.state.dials.get(place.leg.dial) if place.leg.dial is not None else None
        if dial is not None and dial.purpose is Purpose.TRANSFER:
            self._exchange.ask(r.CancelDial(dial.id), cause=cause)
        else:
            self._exchange.ask(r.HangUp(place.leg.id, By.API, Outcome.REJECTED), cause=cause)

    def _hold(self, place: Place, cause: str, on: bool) -> None:
        leg = self._member(place)
        self._exchange.ask(r.HoldMember(place.talks_in, leg, on), cause=cause)

    def _mute(self, place: Place, cause: str, on: bool) -> None:
        """Mutes where the member talks; an agent who waits for a target is muted wherever it talks next.

        So an agent who is heard again in the private talk is heard by the customer too.
        """
        leg = self._member(place)
        everywhere = self._waits(place, leg) or (not on and self._muted(place.talks_in, leg))
        self._exchange.ask(r.MuteMember(place.talks_in, leg, on), cause=cause)
        if everywhere and place.talks_in != place.room.id and leg in place.room.members:
            self._exchange.ask(r.MuteMember(place.room.id, leg, on), cause=cause)

    def _waits(self, place: Place, leg: LegId) -> bool:
        transfer = place.transfer
        return transfer is not None and transfer.agent == leg and transfer.phase is Phase.RINGING

    def _muted(self, room: RoomId, leg: LegId) -> bool:
        return self._exchange.state.rooms[room].members[leg].muted

    def _abort(self, place: Place, cause: str) -> None:
        """The one who started it may, by address: also when released, and while being rung again."""
        if place.transfer is None:
            raise Refused(Reason.NO_TRANSFER)
        agent = place.party.seats.get(place.transfer.agent)
        if place.seat is None or agent is None or place.seat.key != agent.key:
            raise Refused(Reason.WRONG_STATE)
        self._exchange.ask(r.AbortTransfer(place.transfer.id), cause=cause)

    def _resume(self, place: Place, cause: str) -> None:
        leg = self._member(place)
        if place.transfer is None:
            raise Refused(Reason.NO_TRANSFER)
        if leg not in (place.transfer.agent, place.transfer.target):
            raise Refused(Reason.WRONG_STATE)
        self._exchange.ask(r.JoinTransfer(place.transfer.id), cause=cause)

    def _drop_voicemail(self, place: Place, cause: str) -> None:
        leg = self._member(place)
        clips = place.party.options.voicemail
        if not clips:
            raise Refused(Reason.NO_PROMPT)
        self._exchange.ask(r.DropVoicemail(place.talks_in, leg, clips), cause=cause)

    def _member(self, place: Place) -> LegId:
        if place.leg is None or not place.joined:
            raise Refused(Reason.NOT_ANSWERED)
        return place.leg.id
