"""Supervisors: ListenIn, Coach and BargeIn, followed through the calls of the agent (genesys 1.7 and 2).

The supervisor's own telephone is rung into the agent's call and answers by itself. While it rings, and while it only
listens or whispers, nobody notices: it is no company, it is shown to no other party, and it keeps no call alive. With
scope Agent it goes where the agent talks, into a consult and back, and leaves when the agent does; with scope Call it
stays with the customer's call until that is over, whoever the agent is by then. Everything follows from the facts:
after each that concerns a watch, what is wanted is compared with what is so.
"""

from __future__ import annotations

from typing import TypeVar

from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core.errors import Refused
from switchhook.core.ids import LegId
from switchhook.core.model import DialPlan, Leg, LegState, Role, Room, Waiting
from switchhook.core.state import State
from switchhook.dialects.genesys.agents import User
from switchhook.dialects.genesys.asked import Asked
from switchhook.dialects.genesys.capabilities import Supervision
from switchhook.dialects.genesys.desks import Desks
from switchhook.dialects.genesys.parameters import Parameters
from switchhook.dialects.genesys.plans import Plans
from switchhook.dialects.genesys.status import Code, Failure, invalid, missing
from switchhook.dialects.genesys.watching import Mode, Scope, Watch, seat
from switchhook.exchange.switch import Exchange, Stamped

T = TypeVar("T")
FEATURE = "api-supervisor-monitoring"
STARTS = {each.value: each for each in Supervision}
SWITCHES = {f"SwitchTo{each.value}": each for each in Supervision}
MUTES = {"MuteMonitoredUser": True, "UnmuteMonitoredUser": False}
CONCERNING = frozenset(
    {
        *(f.LegCreated, f.LegConnected, f.LegEnded, f.LegFreed, f.DialEnded),
        *(f.MemberJoined, f.MemberLeft, f.FocusChanged, f.RoomClosed),
    }
)


def need_supervisor(user: User) -> None:
    """Refuses a user who was not granted the operations of supervisors."""
    for feature in ("api-voice", FEATURE):
        if not user.may(feature):
            raise Failure(Code.NO_PERMISSION, f"Feature '{feature}' is required.")


class Supervising:
    """The watches of all supervisors, one each at the most."""

    def __init__(self, exchange: Exchange, desks: Desks, plans: Plans, users: dict[str, User]) -> None:
        self._exchange = exchange
        self._state: State = exchange.state
        self._desks = desks
        self._plans = plans
        self._devices = {user.device: user for user in users.values()}
        self._watches: dict[str, Watch] = {}  # by the supervisor's name
        desks.is_watched = self._is_watched

    def _is_watched(self, leg: LegId) -> bool:
        return any(watch.of == leg and watch.leg is not None for watch in self._watches.values())

    # --- asked of a device ------------------------------------------------------------------------------------------

    def start(self, user: User, parameters: Parameters, cause: str) -> None:
        """Begins to watch another user's device."""
        need_supervisor(user)
        target = self._target(user, parameters)
        scope = _choice(parameters, "supervisorMonitoringScope", {each.value: each for each in Scope}, Scope.CALL)
        mode = _choice(parameters, "supervisorMonitoringMode", {each.value: each for each in Mode}, Mode.ALL)
        if user.name in self._watches:
            raise invalid("The device is monitoring already; cancel that first.")
        self._plans.own(user)
        watch = Watch(user, target, STARTS[parameters.operation], scope, mode)
        self._watches[user.name] = watch
        user.watch = watch
        self._desks.tell_device(user)
        self._look(watch)

    def _target(self, user: User, parameters: Parameters) -> User:
        uri, number = parameters.text("targetDeviceUri"), parameters.text("phoneNumber")
        if not uri and not number:
            raise missing("targetDeviceUri")
        numbered = (each for each in self._devices.values() if each.number == number)
        target = self._devices.get(uri.rstrip("/").rpartition("/")[2]) if uri else next(numbered, None)
        if target is None or target.account != user.account:
            raise Failure(Code.NOT_FOUND, "Parameter 'targetDeviceUri' is not the address of a device.")
        if target is user:
            raise invalid("A device cannot monitor itself.")
        return target

    def cancel(self, user: User) -> None:
        """Ends a watch; the supervisor's telephone leaves the call."""
        need_supervisor(user)
        if user.name not in self._watches:
            raise invalid("The device is not monitoring.")
        self.end(user)

    def end(self, user: User) -> None:
        """Ends a watch, if there is one."""
        watch = self._watches.pop(user.name, None)
        if watch is None:
            return
        user.watch = None
        self._let_go(watch)
        self._desks.tell_device(user)

    def _let_go(self, watch: Watch) -> None:
        leg, dial, watch.leg, watch.dial = watch.leg, watch.dial, None, None
        self._unmute(watch)
        cause = f"monitoring by {watch.supervisor.name} is over"
        if dial is not None and dial in self._state.dials:
            self._exchange.ask(r.CancelDial(dial), cause=cause)
        elif leg is not None and self._up(leg) is not None:
            self._exchange.ask(r.HangUp(leg), cause=cause)

    def _unmute(self, watch: Watch) -> None:
        """Nobody stays muted by a supervisor who is gone."""
        for room, leg in [key for key, by in self._desks.silenced.items() if by == watch.supervisor.name]:
            del self._desks.silenced[room, leg]
            found = self._state.rooms.get(room)
            if found is not None and leg in found.members:
                self._exchange.ask(r.MuteMember(room, leg, on=False), cause="the supervisor has left")

    # --- asked of a call --------------------------------------------------------------------------------------------

    def switch(self, asked: Asked) -> None:
        """Changes how a supervisor takes part in the call."""
        watch = self._of(asked)
        wanted = SWITCHES[asked.parameters.operation]
        if wanted is Supervision.COACH and watch.state is not Supervision.COACH and watch.coached:
            raise invalid("Who has coached a call and listens cannot coach it again.")
        sits = seat(wanted, watch.of) if watch.of is not None else seat(Supervision.LISTEN_IN, watch.leg or LegId(""))
        for room in [each for each in self._rooms(watch) if sits.coached is None or sits.coached in each.members]:
            if not sits.muted:  # first to whom it will talk, then that it talks: nobody hears a word meant for another
                self._exchange.ask(r.SetWhisper(room.id, _leg(watch), sits.whispers, sits.coached), cause=asked.cause)
            self._exchange.ask(r.MuteMember(room.id, _leg(watch), sits.muted), cause=asked.cause)
        watch.state = wanted
        watch.coached = watch.coached or wanted is Supervision.COACH
        self._desks.tell_device(watch.supervisor)

    def mute(self, asked: Asked) -> None:
        """Lets the watched agent not be heard by the others, or be heard again."""
        watch, on = self._of(asked), MUTES[asked.parameters.operation]
        if watch.of is None or watch.of not in self._state.rooms[asked.room].members:
            raise invalid("The monitored user is not in the call.")
        key = (asked.room, watch.of)
        if on:
            self._desks.silenced[key] = asked.user.name
        elif self._desks.silenced.pop(key, None) is None:
            raise invalid("The monitored user is not muted.")
        self._exchange.ask(r.MuteMember(*key, on=on), cause=asked.cause)

    def _of(self, asked: Asked) -> Watch:
        need_supervisor(asked.user)
        watch = self._watches.get(asked.user.name)
        if watch is None or watch.leg is None or watch.leg != asked.call.leg:
            raise invalid("The call is not monitored by this device.")
        return watch

    # --- following --------------------------------------------------------------------------------------------------

    def heard(self, stamped: Stamped) -> None:
        """Takes a fact; a listener of the exchange."""
        if not self._watches:
            return
        fact = stamped.fact
        for watch in list(self._watches.values()):
            if isinstance(fact, f.DialEnded) and fact.dial == watch.dial:
                watch.dial, watch.leg = None, fact.leg
                if fact.leg is None and watch.mode is Mode.NEXT:
                    self.end(watch.supervisor)
            elif isinstance(fact, f.FocusChanged) and fact.leg == watch.leg:
                watch.held = fact.room is None  # whose room has closed is not told so: only who turned away by itself
            elif isinstance(fact, f.LegEnded) and fact.leg == watch.leg:
                self._unmute(watch)
                watch.leg, watch.of, watch.coached, watch.held = None, None, False, False
                if watch.mode is Mode.NEXT:
                    self.end(watch.supervisor)
        for watch in list(self._watches.values()):
            self._look(watch)

    def _look(self, watch: Watch) -> None:
        """Compares what is wanted with what is so, and asks for the difference."""
        try:
            if watch.leg is not None:
                self._follow(watch)
            elif watch.dial is None:
                self._enter(watch)
            else:
                self._give_way(watch)
        except Refused as refused:
            text = f"{watch.supervisor.name} cannot monitor {watch.target.name}: {refused}"
            self._exchange.write("Warning", {"text": text}, cause="monitoring")

    def _enter(self, watch: Watch) -> None:
        """Rings the supervisor's telephone into the call on which the agent talks."""
        if self._desks.legs(watch.supervisor):
            return  # it talks itself; whenever that is over this is looked at again
        for leg in self._desks.legs(watch.target):
            room = self._state.rooms.get(leg.focus) if leg.focus is not None else None
            if room is not None and room.main is not None and room.main in self._state.rooms:
                room = self._state.rooms[room.main]
            if leg.state is LegState.UP and room is not None and room.id not in watch.done and self._talk(room):
                watch.done.add(room.id)
                self._ring(watch, room, leg)
                return

    def _give_way(self, watch: Watch) -> None:
        """A supervisor whose telephone rings for a call of its own is rung for this one when that is over."""
        dial = self._state.dials.get(watch.dial) if watch.dial is not None else None
        if dial is not None and any(leg.id not in dial.legs for leg in self._desks.legs(watch.supervisor)):
            watch.dial = None
            watch.done.discard(dial.room)
            self._exchange.ask(r.CancelDial(dial.id), cause=f"{watch.supervisor.name} has a call of its own")

    def _talk(self, room: Room) -> bool:
        return sum(self._up(leg) is not None and member.is_company for leg, member in room.members.items()) > 1

    def _ring(self, watch: Watch, room: Room, agent: Leg) -> None:
        watch.of = agent.id
        watch.coached = watch.state is Supervision.COACH
        plan = DialPlan(
            targets=(self._plans.own(watch.supervisor),),
            caller=watch.target.number,
            role=Role.SUPERVISOR,
            ring_s=self._exchange.settings.genesys.own_ring_s,
            answer_after=0,
            waiting=Waiting.SILENCE,
            seat=seat(watch.state, agent.id),
            insistent=True,
        )
        accepted = self._exchange.ask(r.AddParty(room.id, plan), cause=f"monitoring by {watch.supervisor.name}")
        watch.dial = accepted.dial

    def _follow(self, watch: Watch) -> None:
        """Keeps the supervisor where the agent talks (scope Agent), or with the customer's call (scope Call)."""
        leg = self._up(_leg(watch))
        agent = self._up(watch.of) if watch.of is not None else None
        rooms = self._rooms(watch)
        if leg is None or not rooms:
            return
        there = [room for room in rooms if agent is not None and agent.id in room.members]
        cause = f"monitoring by {watch.supervisor.name}"
        if watch.scope is Scope.CALL or (agent is not None and agent.focus is None and there):
            if leg.focus is None and not watch.held:
                self._exchange.ask(r.TurnTo(leg.id, rooms[0].id), cause=cause)
            if not there:
                self._watch_next(watch, rooms[0], cause)
            return
        if agent is None or not there:
            self._exchange.ask(r.HangUp(leg.id), cause=cause)
            return
        room = self._state.rooms.get(agent.focus) if agent.focus is not None else None
        if room is None or leg.focus == room.id or watch.held:
            return
        if room.id in leg.rooms:
            self._exchange.ask(r.TurnTo(leg.id, room.id), cause=cause)
        elif room.main in leg.rooms and self._talk(room):
            watch.done.add(room.id)
            self._exchange.ask(r.Accompany(leg.id, room.id), cause=cause)

    def _watch_next(self, watch: Watch, room: Room, cause: str) -> None:
        """The agent has left the call that is watched: whoever is its agent now is watched and coached."""
        agents = (
            leg for leg, member in room.members.items() if member.role is Role.AGENT and self._up(leg) is not None
        )
        self._unmute(watch)
        watch.of = next(agents, watch.of)
        if watch.state is Supervision.COACH:
            coached = watch.of if watch.of in room.members else None
            self._exchange.ask(r.SetWhisper(room.id, _leg(watch), on=True, coached=coached), cause=cause)
        self._desks.look_again(room.id)

    def _rooms(self, watch: Watch) -> list[Room]:
        leg = self._up(_leg(watch))
        return [self._state.rooms[room] for room in leg.rooms if room in self._state.rooms] if leg is not None else []

    def _up(self, leg: LegId) -> Leg | None:
        found = self._state.legs.get(leg)
        return found if found is not None and found.state is LegState.UP else None


def _leg(watch: Watch) -> LegId:
    return watch.leg if watch.leg is not None else LegId("")


def _choice(parameters: Parameters, name: str, choices: dict[str, T], default: T) -> T:
    given = parameters.text(name)
    if not given:
        return default
    if given not in choices:
        raise Failure(Code.OUT_OF_RANGE, f"Parameter '{name}' is one of {', '.join(choices)}.")
    return choices[given]
