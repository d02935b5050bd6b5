"""A witness of the calls: the truth of the world, kept apart from what the core believes, and the history so far.

The core knows only what it was told. Whether its promises hold (`core.promises`) is judged against the telephones
themselves: who rings, who is really on the line, what each was last sent. News from a telephone and orders to it
travel, and may cross; while something about a telephone is under way the two may differ, and no longer.
"""

from __future__ import annotations

from dataclasses import field

from switchhook.core import actions as a
from switchhook.core import facts as f
from switchhook.core.apply import apply
from switchhook.core.errors import Refused
from switchhook.core.ids import DialId, Ids, LegId, TransferId
from switchhook.core.model import Purpose, Side, Transfer
from switchhook.core.outcomes import Outcome
from switchhook.core.requests import Accepted
from switchhook.core.sources import Sources
from switchhook.core.state import State
from switchhook.core.step import Input
from switchhook.core.values import dataclass


@dataclass(slots=True)
class Telephone:
    """The far end of one leg as it really is."""

    leg: LegId
    side: Side
    name: str
    rings: bool = False  # somebody could pick it up, or, when it calls us, it waits for our answer
    on_line: bool = False
    gone: bool = False
    deserted: bool = False  # it is gone and nobody will ever say so
    hears: Sources = ()  # what it was last sent
    under_way: int = 0  # news from it and orders to it that have not arrived


@dataclass(slots=True)
class World:
    """All telephones, and the clock's promises."""

    telephones: dict[LegId, Telephone] = field(default_factory=dict)
    timers: dict[str, float] = field(default_factory=dict)

    def obey(self, action: a.Action) -> None:
        """Makes an order of the core true, as it arrives."""
        match action:
            case a.Invite(leg, destination):
                self.telephones[leg] = Telephone(leg, Side.OUTBOUND, destination.address, rings=True)
            case a.Answer(leg):
                phone = self.telephones[leg]
                phone.rings, phone.on_line = False, not phone.gone
            case a.End(leg):
                phone = self.telephones[leg]
                phone.rings, phone.on_line, phone.gone = False, False, True
            case a.Hear(changes):
                for leg, sources in changes:
                    self.telephones[leg].hears = sources
            case a.Arm(timer, at):
                self.timers[timer] = at
            case a.Disarm(timer):
                self.timers.pop(timer, None)
            case _:
                pass


def empty_state() -> State:
    """Returns a state that knows nothing."""
    return State(Ids(0))


def copied(state: State) -> State:
    """Returns a copy that later steps leave alone; the values in it are frozen and shared."""
    return State(
        state.ids,
        dict(state.legs),
        dict(state.rooms),
        dict(state.dials),
        dict(state.transfers),
        dict(state.tapes),
        dict(state.named),
        dict(state.agents),
        set(state.registered),
        dict(state.streams),
        dict(state.diversions),
    )


def difference(one: State, other: State) -> str:
    """Returns the name of the first part in which two states differ, or an empty text."""
    for part in ("legs", "rooms", "dials", "transfers", "tapes", "named", "agents", "registered", "diversions"):
        if getattr(one, part) != getattr(other, part):
            return part
    return ""


@dataclass(slots=True)
class Ending:
    """The end of a transfer, with the state at that very fact."""

    fact: f.TransferEnded
    transfer: Transfer
    state: State


@dataclass(slots=True)
class History:
    """What the facts so far add up to: read by the promises, built from facts alone."""

    replayed: State = field(default_factory=empty_state)
    created: set[LegId] = field(default_factory=set)
    connected: set[LegId] = field(default_factory=set)
    over: set[LegId] = field(default_factory=set)
    started: set[TransferId] = field(default_factory=set)
    ended: dict[TransferId, int] = field(default_factory=dict)
    missed: dict[TransferId, Outcome] = field(default_factory=dict)  # why the last target dialled was not reached
    attempts: dict[TransferId, int] = field(default_factory=dict)  # dials for a transfer, less the fallbacks taken
    rung: dict[DialId, list[str]] = field(default_factory=dict)  # the addresses that an attempt rang
    wanted: dict[DialId, list[str]] = field(default_factory=dict)
    disorder: list[str] = field(default_factory=list)  # facts that cannot follow those before them
    endings: list[Ending] = field(default_factory=list)  # of this step

    def add(self, facts: tuple[f.Fact, ...]) -> None:
        """Takes in the facts of one step."""
        self.endings.clear()
        self.disorder.clear()
        for fact in facts:
            self._order(fact)
            self._count(fact)
            apply(self.replayed, fact)

    def _order(self, fact: f.Fact) -> None:
        match fact:
            case f.LegCreated(leg):
                if leg.id in self.created:
                    self.disorder.append(f"leg {leg.id} was created twice")
                self.created.add(leg.id)
            case f.LegConnected(leg_id):
                if leg_id in self.connected:
                    self.disorder.append(f"leg {leg_id} was answered twice")
                self.connected.add(leg_id)
            case f.FocusChanged(leg_id, room):
                if leg_id in self.replayed.legs and self.replayed.legs[leg_id].focus == room:
                    self.disorder.append(f"leg {leg_id} turned to where it talks already")
            case f.HearingChanged(leg_id, sources):
                if leg_id in self.replayed.legs and self.replayed.legs[leg_id].heard == sources:
                    self.disorder.append(f"leg {leg_id} was told again what it hears already")
            case _:
                pass
        named = getattr(fact, "leg", None)
        if isinstance(named, str):
            if named not in self.created and not isinstance(fact, f.Noted):
                self.disorder.append(f"{type(fact).__name__} of a leg that was never created")
            if named in self.over and not isinstance(fact, _AFTER_THE_END):
                self.disorder.append(f"{type(fact).__name__} of a leg that had ended")
        if isinstance(fact, f.LegEnded):
            self.over.add(fact.leg)

    def _count(self, fact: f.Fact) -> None:
        state = self.replayed
        match fact:
            case f.TransferStarted(transfer):
                self.started.add(transfer.id)
                self.attempts[transfer.id] = -1  # one attempt is its own
            case f.TransferDialled(transfer_id, dial):
                self.attempts[transfer_id] += 1
            case f.FallbackTaken(transfer_id):
                self.attempts[transfer_id] -= 1
            case f.TransferEnded(transfer_id):
                self.ended[transfer_id] = self.ended.get(transfer_id, 0) + 1
                if transfer_id in state.transfers:
                    self.endings.append(Ending(fact, state.transfers[transfer_id], copied(state)))
            case f.DialStarted(dial):
                self.rung[dial.id] = []
                self.wanted[dial.id] = [target.address for target in dial.plan.targets]
            case f.DialRang(dial_id, leg, instead):
                if instead is not None:
                    self.wanted[dial_id].insert(len(self.rung[dial_id]), state.legs[leg].called)
                self.rung[dial_id].append(state.legs[leg].called)
            case f.DialEnded(dial_id, room_id, None, outcome):
                attempt, room = state.dials.get(dial_id), state.rooms.get(room_id)
                found = state.transfer_of(room) if room is not None else None
                if found is not None and attempt is not None and attempt.purpose is Purpose.TRANSFER:
                    self.missed[found.id] = outcome
            case _:
                pass


_AFTER_THE_END = (f.MemberLeft, f.DialTried, f.LeadChanged, f.TransferAdvanced, f.FocusChanged, f.Noted)


@dataclass(frozen=True, slots=True)
class Moment:
    """One step as the witness saw it: what went in, what came out, and what is true now."""

    given: Input
    now: float
    before: State
    after: State
    facts: tuple[f.Fact, ...]
    actions: tuple[a.Action, ...]
    accepted: Accepted | None
    refused: Refused | None
    world: World
    history: History
