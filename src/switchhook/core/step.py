"""The one door into the core: `step(state, input, now)` decides, `apply` records.

Each kind of request and event has one function, found by its class (`core.table`). A function reads the state, writes
facts and asks for actions through a `Work`; it may refuse only before its first fact, so a refusal changes nothing.
"""

from __future__ import annotations

from switchhook.core.actions import Action
from switchhook.core.errors import Bug, Refused
from switchhook.core.events import Event
from switchhook.core.facts import Fact
from switchhook.core.requests import Accepted, Request
from switchhook.core.state import State
from switchhook.core.table import FUNCTIONS
from switchhook.core.values import dataclass
from switchhook.core.work import Work

Input = Request | Event

_ACCEPTED = Accepted()  # with nothing to tell


@dataclass(frozen=True, slots=True)
class Done:
    """What came of one input: facts in order, actions in order, and the answer to a request."""

    facts: tuple[Fact, ...]
    actions: tuple[Action, ...]
    accepted: Accepted


def step(state: State, given: Input, now: float) -> Done:
    """Carries out one request or event at `now` (seconds); raises `Refused` for a request that is not allowed."""
    work = Work(state, now)
    try:
        accepted = FUNCTIONS[type(given)](work, given) or _ACCEPTED
    except Refused as refused:
        if work.facts:
            raise Bug(f"{type(given).__name__} was refused after it had changed something: {refused}") from refused
        raise
    work.finish()
    return Done(tuple(work.facts), tuple(work.actions), accepted)
