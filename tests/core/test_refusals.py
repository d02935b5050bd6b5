"""Every kind of request, in every state of a call: accepted, or refused and nothing whatever changed."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import get_args

import pytest

from switchhook.core import requests as r
from switchhook.core.errors import Refused
from switchhook.core.model import FallbackKind, Kind, Role, Seat, StreamPlan
from switchhook.core.witness import difference
from tests.core import transfer_stories as stories
from tests.core.rig import Rig, dial
from tests.promises.asks import KINDS, Asks

Scene = Callable[[Rig], object]
ALWAYS = {"PlaceParty", "Note", "Originate", "PlaceCall"}  # nothing in the state speaks against these


def _ringing_caller(rig: Rig) -> None:
    leg = rig.arrives("caller")
    rig.ask(r.Connect(leg, dial("callee")))


def _asked(rig: Rig) -> None:
    leg = rig.arrives("caller")
    rig.ask(r.Connect(leg, dial("callee", brief=("tone:1:1",), accept_digit="1")))
    rig.answers("callee")


def _two_calls(rig: Rig) -> None:
    rig.talking()
    rig.ask(r.PlaceSecondCall(rig.leg("agent"), dial("other")))
    rig.answers("other")


def _taped(rig: Rig) -> None:
    rig.party("ann", "bob")
    rig.ask(r.StartRecording((rig.leg("ann"),), (rig.leg("bob"),), "file"))
    rig.ask(r.Play(rig.leg("bob"), ("tone:1:1",)))
    rig.ask(r.StartStream(rig.leg("ann"), StreamPlan("ws://program")))


def _watched(rig: Rig) -> None:
    """A supervisor listens to an agent, who has a second call."""
    room = rig.talking()
    rung = dial("boss", role=Role.SUPERVISOR, seat=Seat(muted=True))
    rig.ask(r.AddParty(room, rung))
    rig.answers("boss")
    rig.ask(r.PlaceSecondCall(rig.leg("agent"), dial("other")))
    rig.answers("other")


SCENES: dict[str, Scene] = {
    "nothing": lambda rig: None,
    "a call that nobody answered": lambda rig: rig.arrives("caller"),
    "a caller for whom it rings": _ringing_caller,
    "a callee who is asked": _asked,
    "a call": lambda rig: rig.talking(),
    "two calls": _two_calls,
    "a watched call": _watched,
    "a party": _taped,
    **{
        f"{kind.value} {phase.__name__}": lambda rig, kind=kind, phase=phase: phase(rig, kind)  # type: ignore[misc]
        for phase, kinds in {
            stories.ringing: stories.EVERY,
            stories.consulting: stories.TALKS,
            stories.joining: (Kind.WARM,),
            stories.following: (Kind.COLD,),
            stories.announcing: (Kind.COLD,),
        }.items()
        for kind in kinds
    },
    "recalling": lambda rig: stories.recalling(rig, Kind.CONSULT, FallbackKind.PARK),
}


def _try_everything(scene: str) -> dict[str, set[bool]]:
    """Asks each kind of request in several ways; returns for each which answers came. A refusal must change nothing."""
    began = Rig()
    SCENES[scene](began)
    answers: dict[str, set[bool]] = {}
    for kind in range(KINDS):
        for number in (0, 977, 123_457, 98_765_431, 2**39 + 11):
            rig = copy.deepcopy(began)
            request = Asks(rig.state, number).one(kind)
            before = copy.deepcopy((rig.state, rig.world))
            accepted = True
            try:
                rig.ask(request)  # promise 8, among the others, is checked here
            except Refused:
                accepted = False
                assert difference(before[0], rig.state) == "", request
                assert before[1] == rig.world, request
            answers.setdefault(type(request).__name__, set()).add(accepted)
    return answers


@pytest.fixture(scope="module")
def answers() -> dict[str, dict[str, set[bool]]]:
    return {scene: _try_everything(scene) for scene in SCENES}


@pytest.mark.slow
@pytest.mark.parametrize("kind", sorted(each.__name__ for each in get_args(r.Request)))
def test_each_kind_of_request_is_accepted_somewhere_and_refused_unchanged_elsewhere(
    kind: str, answers: dict[str, dict[str, set[bool]]]
) -> None:
    found = set().union(*(by_kind[kind] for by_kind in answers.values()))
    assert True in found
    assert (False in found) is (kind not in ALWAYS)
