"""The core on a table: symbolic telephones, a clock that the test turns, and every promise checked after each step.

    rig = Rig()
    customer, agent = rig.talking("customer", "agent")
    rig.ask(StartTransfer(...))
    rig.answers("target")
    assert rig.hears("customer") == {"music"}

News and orders arrive at once here; `tests.promises` lets them travel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from switchhook.core import actions as a
from switchhook.core import events as e
from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core.addresses import Destination, Endpoint
from switchhook.core.errors import Refused
from switchhook.core.ids import Ids, LegId, RoomId
from switchhook.core.model import (
    Alone,
    Clips,
    Dial,
    DialPlan,
    Fallback,
    FallbackKind,
    Kind,
    Leg,
    Member,
    Role,
    Room,
    RoomKind,
    RoomPlan,
    Side,
    Transfer,
    TransferOutcome,
    TransferPlan,
)
from switchhook.core.outcomes import Outcome
from switchhook.core.promises import broken
from switchhook.core.sources import Sound, Voice
from switchhook.core.state import State
from switchhook.core.step import Input, step
from switchhook.core.witness import History, Moment, Telephone, World, copied

MUSIC = "music"
RINGBACK = "ringback"
ACCOUNT = "account"
_SOUNDS = {"builtin:hold": MUSIC, "builtin:ringback": RINGBACK}


class PromiseBroken(AssertionError):
    """One of the twelve promises did not hold."""


def destination(name: str) -> Destination:
    return Destination(name, Endpoint(name), name)


def dial(*names: str, **how: Any) -> DialPlan:
    """Returns a plan that rings these telephones."""
    return DialPlan(targets=tuple(destination(name) for name in names), caller=how.pop("caller", "100"), **how)


def plan(kind: Kind, *names: str, **how: Any) -> TransferPlan:
    """Returns a plan for a transfer to these telephones (default: `target`); `how` goes to the plan or to its dial."""
    of_plan = {key: how.pop(key) for key in tuple(how) if key in TransferPlan.__dataclass_fields__}
    return TransferPlan(kind=kind, dial=dial(*(names or ("target",)), **how), **of_plan)


def fallback(kind: FallbackKind, name: str = "", clips: Clips = ()) -> Fallback:
    return Fallback(kind, destination(name) if name else None, clips)


class Rig:
    """One core, its world and its history."""

    def __init__(self, *, check: bool = True) -> None:
        self.state = State(Ids(1))
        self.world = World()
        self.history = History()
        self.now = 1000.0
        self.facts: list[f.Fact] = []
        self.actions: list[a.Action] = []
        self.lines: dict[str, list[LegId]] = {}  # legs by the name of their telephone, in order
        self._check = check

    # --- in ---------------------------------------------------------------------------------------------------------

    def ask(self, request: r.Request) -> r.Accepted:
        """Asks for something; raises Refused."""
        return self._step(request)

    def tell(self, event: e.Event) -> None:
        """States what happened."""
        self._step(event)

    def _step(self, given: Input) -> r.Accepted:
        before = copied(self.state)
        accepted: r.Accepted | None = None
        refused: Refused | None = None
        facts: tuple[f.Fact, ...] = ()
        actions: tuple[a.Action, ...] = ()
        try:
            done = step(self.state, given, self.now)
            facts, actions, accepted = done.facts, done.actions, done.accepted
        except Refused as error:
            refused = error
        self.facts += facts
        self.actions += actions
        for action in actions:
            self.carry_out(action)
        if self._check:
            self.history.add(facts)
            breaches = broken(
                Moment(given, self.now, before, self.state, facts, actions, accepted, refused, self.world, self.history)
            )
            if breaches:
                raise PromiseBroken(f"after {given}:\n" + "\n".join(breaches))
        if refused is not None:
            raise refused
        assert accepted is not None
        return accepted

    def carry_out(self, action: a.Action) -> None:
        """Takes an order of the core to the world."""
        if isinstance(action, a.Invite):
            self.lines.setdefault(action.destination.address, []).append(action.leg)
        self.world.obey(action)

    # --- telephones -------------------------------------------------------------------------------------------------

    def phone(self, name: str) -> Telephone:
        """Returns the latest line of that telephone."""
        return self.world.telephones[self.lines[name][-1]]

    def leg(self, name: str) -> LegId:
        return self.lines[name][-1]

    def arrives(self, name: str, route: r.Route | None = None, *, program: str = "flow") -> LegId:
        """A telephone calls; without a route a program takes it."""
        leg = LegId(self.state.ids.new())
        self.lines.setdefault(name, []).append(leg)
        self.world.telephones[leg] = Telephone(leg, Side.INBOUND, name, rings=True)
        back = destination(name)
        if route is None:
            route = r.ToProgram(ACCOUNT, program, "ref", back=back, key=name)
        elif isinstance(route, r.ToParties):
            route = replace(route, back=back, key=name)
        arrival = e.Arrival(e.CallerKind.ENDPOINT, name, name, "", "100")
        self.tell(e.LegArrived(leg, arrival, route))
        return leg

    def rings(self, name: str) -> None:
        self.tell(e.LegRang(self.leg(name)))

    def answers(self, name: str) -> LegId:
        """Picks up."""
        phone = self.phone(name)
        assert phone.rings, f"{name} does not ring"
        phone.rings, phone.on_line = False, True
        self.tell(e.LegAnswered(phone.leg))
        return phone.leg

    def rejects(self, name: str, outcome: Outcome = Outcome.BUSY, status: int = 486) -> None:
        phone = self.phone(name)
        assert phone.rings, f"{name} does not ring"
        phone.rings, phone.gone = False, True
        self.tell(e.LegFailed(phone.leg, outcome, status))

    def hangs_up(self, name: str, outcome: Outcome = Outcome.COMPLETED) -> None:
        phone = self.phone(name)
        assert not phone.gone, f"{name} is gone already"
        phone.rings, phone.on_line, phone.gone = False, False, True
        self.tell(e.LegGone(phone.leg, outcome))

    def holds(self, name: str, on: bool = True) -> None:
        self.tell(e.LegHeld(self.leg(name), on))

    def presses(self, name: str, digit: str) -> None:
        self.tell(e.DigitPressed(self.leg(name), digit))

    def sound_ends(self, name: str) -> None:
        """What is played to that telephone alone comes to its end."""
        playing = self.state.legs[self.leg(name)].playing
        assert playing is not None, f"nothing is played to {name}"
        self.tell(e.SoundEnded(self.leg(name), playing.id))

    def passes(self, seconds: float) -> None:
        """Lets time pass; timers fire in order."""
        until = self.now + seconds
        while self.world.timers and min(self.world.timers.values()) <= until:
            name, at = min(self.world.timers.items(), key=lambda item: item[1])
            del self.world.timers[name]
            self.now = at
            self.tell(e.TimerFired(name))
        self.now = until

    # --- set-ups ----------------------------------------------------------------------------------------------------

    def talking(self, customer: str = "customer", agent: str = "agent", *, program: str = "", **how: Any) -> RoomId:
        """A customer calls and is put through to an agent; both talk. Returns their CALL room, led by the customer."""
        route: r.Route = r.ToParties(ACCOUNT, dial(agent, **how))
        if program:
            route = r.ToProgram(ACCOUNT, program, "ref", back=destination(customer), key=customer)
        leg = self.arrives(customer, route)
        if program:
            self.ask(r.Connect(leg, dial(agent, **how)))
        self.answers(agent)
        return self.room_of(agent).id

    def party(self, *names: str, agents: tuple[str, ...] = ("agent",), **how: Any) -> RoomId:
        """A multi-party call: the customers enter, the agents are rung and answer. Returns its room."""
        room_plan = RoomPlan(RoomKind.PARTY, alone=Alone.MUSIC, name=how.pop("name", "node"), program="phlo", **how)
        room: RoomId | None = None
        for name in names or ("customer",):
            room = self.ask(r.EnterRoom(self.arrives(name, program="phlo"), room_plan)).room
        assert room is not None
        for name in agents:
            self.ask(r.AddParty(room, dial(name)))
            self.answers(name)
        return room

    # --- what is true -----------------------------------------------------------------------------------------------

    def found(self, name: str) -> Leg | None:
        return self.state.legs.get(self.leg(name)) if name in self.lines else None

    def room_of(self, name: str) -> Room:
        """Returns the room in which a telephone talks."""
        leg = self.state.legs[self.leg(name)]
        assert leg.focus is not None, f"{name} talks nowhere"
        return self.state.rooms[leg.focus]

    def member(self, room: RoomId, name: str) -> Member:
        return self.state.rooms[room].members[self.leg(name)]

    def hears(self, name: str) -> set[str]:
        """Returns what a telephone is sent: names of telephones, MUSIC, RINGBACK, clips; nothing is silence."""
        phone = self.phone(name)
        heard: set[str] = set()
        for source in phone.hears if phone.on_line else ():
            if isinstance(source, Voice):
                heard.add(self.world.telephones[source.leg].name)
            elif isinstance(source, Sound):
                heard.update(_SOUNDS.get(clip, clip) for clip in source.clips)
        return heard

    def on_line(self, name: str) -> bool:
        return name in self.lines and self.phone(name).on_line

    def is_rung(self, name: str) -> bool:
        return name in self.lines and self.phone(name).rings

    def hear(self, expected: Mapping[str, set[str]]) -> None:
        """Asserts who hears whom."""
        found = {name: self.hears(name) for name in expected}
        assert found == dict(expected)

    @property
    def transfer(self) -> Transfer:
        """The one transfer under way."""
        (found,) = self.state.transfers.values()
        return found

    @property
    def dial(self) -> Dial:
        """The one attempt under way."""
        (found,) = self.state.dials.values()
        return found

    @property
    def outcome(self) -> TransferOutcome | None:
        """The outcome of the latest transfer, None while it runs."""
        if self.state.transfers:
            return None
        ended = [fact for fact in self.facts if isinstance(fact, f.TransferEnded)]
        return ended[-1].outcome if ended else None

    def told(self, kind: type) -> list[Any]:
        """Returns the facts of one kind, in order."""
        return [fact for fact in self.facts if isinstance(fact, kind)]

    def role(self, name: str) -> Role:
        return self.room_of(name).members[self.leg(name)].role

    def nothing_left(self) -> bool:
        state = self.state
        known = state.legs or state.rooms or state.dials or state.transfers or state.named or state.agents
        return not (known or self.world.timers or any(p.on_line or p.rings for p in self.world.telephones.values()))

    def everybody_hangs_up(self) -> None:
        """Ends all calls from the telephones' side, and asserts that nothing is left."""
        for name in [phone.leg for phone in self.world.telephones.values()]:
            phone = self.world.telephones[name]
            if phone.on_line or (phone.rings and phone.side is Side.INBOUND):
                phone.rings, phone.on_line, phone.gone = False, False, True
                self.tell(e.LegGone(phone.leg))
        self.passes(15_000)
        assert self.nothing_left(), self.state
