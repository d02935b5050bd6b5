"""Facts survive the way to JSON and back, and lines of other versions are read as far as they go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from enum import Enum
from types import UnionType
from typing import Union, get_args, get_origin, get_type_hints

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switchhook.core import facts
from switchhook.core.events import Arrival, CallerKind
from switchhook.core.ids import DialId, LegId, RoomId, SoundId
from switchhook.core.model import By, Dial, DialPlan, Leg, LegState, Purpose, Side
from switchhook.core.outcomes import Outcome
from switchhook.core.sources import Sound, Voice
from switchhook.stores.encoding import SECRETS, Encoding, Unreadable, facts_of

FACTS = facts_of(facts.Fact)
encoding = Encoding(FACTS)

# `Mapping[str, object]` values: whatever JSON can hold.
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2).map(tuple) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)
SIMPLE: dict[object, st.SearchStrategy[object]] = {
    str: st.text(max_size=6),
    int: st.integers(0, 99999),
    float: st.floats(0, 2e9),
    bool: st.booleans(),
    type(None): st.none(),
    object: json_values,
}


def values(hint: object) -> st.SearchStrategy[object]:
    """Any value of a type hint, as the facts use them."""
    hint = getattr(hint, "__supertype__", hint)
    origin, args = get_origin(hint), get_args(hint)
    if hint in SIMPLE:
        return SIMPLE[hint]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(hint)
    if isinstance(hint, type) and is_dataclass(hint):
        hints = get_type_hints(hint)
        known = {each.name: values(hints[each.name]) for each in fields(hint) if each.name not in SECRETS}
        return st.builds(hint, **known)
    if origin is tuple and args[-1] is ...:
        return st.lists(values(args[0]), max_size=2).map(tuple)
    if origin is tuple:
        return st.tuples(*map(values, args))
    if origin is Mapping:
        return st.dictionaries(values(args[0]), values(args[1]), max_size=2)  # type: ignore[arg-type]
    assert origin in (Union, UnionType), hint
    return st.one_of(*map(values, args))


def same(one: object, other: object) -> bool:
    return one == other and type(one) is type(other)


@given(fact=st.sampled_from(FACTS).flatmap(values))
@settings(max_examples=120, deadline=None)
def test_every_fact_comes_back_as_it_was(fact: object) -> None:
    kind, body = encoding.write(fact)
    assert kind == type(fact).__name__
    assert same(encoding.read(kind, msgspec.json.decode(msgspec.json.encode(body))), fact)


def test_users_data_that_looks_like_a_class_stays_data() -> None:
    fact = facts.DataChanged(RoomId("r"), {"type": "Voice", "deep": {"type": "Sound", "leg": "x"}})
    kind, body = encoding.write(fact)
    assert encoding.read(kind, msgspec.json.decode(msgspec.json.encode(body))) == fact


def test_passwords_of_a_dial_are_left_out() -> None:
    plan = DialPlan((), "+4930", credentials=(("user", "hidden"),))
    _, body = encoding.write(facts.DialStarted(Dial(DialId("d"), RoomId("r"), plan, Purpose.JOIN)))
    assert "hidden" not in str(body)
    assert encoding.read("DialStarted", body).dial.plan.credentials == ()


def test_a_union_of_dataclasses_carries_the_class_name() -> None:
    heard = facts.HearingChanged(LegId("a"), (Voice(LegId("b")), Sound(SoundId("s"), ("builtin:hold",), 0)))
    kind, body = encoding.write(heard)
    assert kind == "HearingChanged"
    assert body["sources"] == [
        {"leg": "b", "type": "Voice"},
        {"id": "s", "clips": ["builtin:hold"], "repeat": 0, "type": "Sound"},
    ]


def test_unknown_keys_are_passed_over_and_missing_ones_take_their_default() -> None:
    body = {"leg": "a", "outcome": "busy", "by": "phone", "invented_later": {"x": 1}}
    assert encoding.read("LegEnded", body) == facts.LegEnded(LegId("a"), Outcome.BUSY, By.PHONE)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("Never", {}),
        ("LegEnded", {"leg": "a"}),
        ("LegEnded", {"leg": "a", "outcome": "melted", "by": "phone"}),
        ("LegCreated", {"leg": 7}),
        ("HearingChanged", {"leg": "a", "sources": [{"type": "Smell"}]}),
    ],
)
def test_what_cannot_be_read_says_so_in_one_kind_of_error(kind: str, body: dict[str, object]) -> None:
    with pytest.raises(Unreadable):
        encoding.read(kind, body)


def test_a_whole_leg_comes_back() -> None:
    arrival = Arrival(CallerKind.TRUNK, "carrier", "+4930", "", "1001", headers=(("X-PH-A", "1"),))
    leg = Leg(
        LegId("a"), "a", "MA", Side.INBOUND, LegState.RINGING, "+4930", "4930", "+4930", "1001", 5.0, arrival=arrival
    )
    fact = facts.LegCreated(replace(leg, heard=(Voice(LegId("b")),)))
    kind, body = encoding.write(fact)
    assert encoding.read(kind, msgspec.json.decode(msgspec.json.encode(body))) == fact


class Colour(Enum):
    RED = 1


@dataclass(frozen=True)
class Inner:
    colour: Colour


@dataclass(frozen=True)
class Outer:
    pair: tuple[int, Inner]
    inner: Inner | None = None
    by_name: Mapping[str, Inner] = field(default_factory=dict)
    free: object = None


def test_pairs_mappings_and_free_values_of_dataclasses() -> None:
    small = Encoding([Outer])
    outer = Outer((1, Inner(Colour.RED)), None, {"a": Inner(Colour.RED)}, Inner(Colour.RED))
    kind, body = small.write(outer)
    assert small.read(kind, msgspec.json.decode(msgspec.json.encode(body))) == outer


def test_two_classes_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="two classes are called Voice"):
        Encoding([Voice, dataclass(type("Voice", (), {}))])
