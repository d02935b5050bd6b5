"""`core.values.dataclass` makes what the standard decorator makes, only later and without the guard of `frozen`."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from dataclasses import dataclass as standard
from dataclasses import field
from typing import Any, ClassVar

import pytest

from switchhook.core import values

SHAPES: list[dict[str, Any]] = [
    {"frozen": True, "slots": True},
    {"slots": True},
    {"frozen": True},
    {},
    {"frozen": True, "kw_only": True},
    {"slots": True, "eq": False},
]
BOTH = [pytest.param(standard, id="standard"), pytest.param(values.dataclass, id="ours")]
EVERY = pytest.mark.parametrize("make", BOTH)


def stay(make: Any, **how: Any) -> Any:
    @make(**how)
    class Stay:
        room: str
        seat: int | None = None
        notes: list[str] = field(default_factory=list, compare=False)
        secret: str = field(default="", repr=False)
        at: float = field(init=False, default=1.5)

    return Stay


@values.dataclass(frozen=True, slots=True)
class Kept:
    room: str
    seat: int = 3


@EVERY
@pytest.mark.parametrize("how", SHAPES, ids=str)
def test_what_it_makes_takes_arguments_and_compares_as_the_standard_one(make: Any, how: dict[str, Any]) -> None:
    made = stay(make, **how)
    one, same, other = made(room="a", notes=["x"]), made(room="a"), made(room="b", seat=2)
    assert repr(one).endswith("Stay(room='a', seat=None, notes=['x'], at=1.5)")
    assert (one == same) is how.get("eq", True)
    assert one != other
    assert one != ("a", None, "", 1.5)
    assert other.seat == 2
    assert same.notes == []
    assert same.notes is not made(room="a").notes
    with pytest.raises(TypeError, match="room"):
        made()
    with pytest.raises(TypeError, match="at"):
        made(room="a", at=2.0)


@EVERY
@pytest.mark.parametrize("how", SHAPES, ids=str)
def test_the_functions_of_the_standard_library_know_it(make: Any, how: dict[str, Any]) -> None:
    made = stay(make, **how)
    one = made(room="a", seat=1)
    known: bool = dataclasses.is_dataclass(one)
    assert known
    assert [each.name for each in dataclasses.fields(made)] == ["room", "seat", "notes", "secret", "at"]
    assert [each.type for each in dataclasses.fields(made)][:2] == ["str", "int | None"]
    assert dataclasses.asdict(one) == {"room": "a", "seat": 1, "notes": [], "secret": "", "at": 1.5}
    assert dataclasses.replace(one, seat=2) == made(room="a", seat=2) or not how.get("eq", True)
    assert copy.copy(one).seat == 1
    assert list(inspect.signature(made).parameters) == ["room", "seat", "notes", "secret"]
    kinds = {each.kind for each in inspect.signature(made).parameters.values()}
    assert kinds == {inspect.Parameter.KEYWORD_ONLY if how.get("kw_only") else inspect.Parameter.POSITIONAL_OR_KEYWORD}


@EVERY
@pytest.mark.parametrize("how", SHAPES, ids=str)
def test_slots_and_the_hash_are_as_asked(make: Any, how: dict[str, Any]) -> None:
    made = stay(make, **how)
    one = made(room="a")
    assert hasattr(one, "__dict__") is not how.get("slots", False)
    if how.get("frozen"):
        assert hash(one) == hash(made(room="a", notes=["not compared"]))
        assert hash(one) == hash(("a", None, "", 1.5))
    elif how.get("eq", True):
        with pytest.raises(TypeError, match="unhashable"):
            hash(one)
    else:
        assert hash(one) == object.__hash__(one)


@EVERY
def test_a_class_below_adds_its_fields_and_keeps_its_own_methods(make: Any) -> None:
    class PlainLeg:
        name: str
        ended: bool = False

    leg: Any = make(slots=True)(PlainLeg)

    class PlainAgent(leg):  # type: ignore[misc]
        desk: int = 0
        ended: bool = True

        def __eq__(self, other: object) -> bool:
            return isinstance(other, leg) and other.name == self.name

        def __repr__(self) -> str:
            return "agent"

    agent: Any = make(slots=True)(PlainAgent)

    class Chief(agent):  # type: ignore[misc]
        pass

    assert [each.name for each in dataclasses.fields(agent)] == ["name", "ended", "desk"]
    assert agent("a").ended
    assert agent("a") == leg("a")
    assert repr(Chief("a", desk=2)) == "agent"
    assert Chief("a", desk=2).desk == 2
    assert leg("a") != agent("b")


@EVERY
def test_what_is_to_be_done_after_is_done(make: Any) -> None:
    class Square:
        side: int
        area: int = field(init=False)

        def __post_init__(self) -> None:
            self.area = self.side**2

    made = make(Square)
    assert made(3).area == 9
    assert not hasattr(made, "area")


@EVERY
def test_it_stands_in_a_match(make: Any) -> None:
    made = stay(make, slots=True)
    match made("a", 4):
        case made(room, seat):
            assert (room, seat) == ("a", 4)
        case _:
            pytest.fail("it did not match")


@EVERY
def test_what_is_no_field_stays_a_variable_of_the_class(make: Any) -> None:
    class Counted:
        many: ClassVar[int] = 7
        one: int = 1

    made = make(frozen=True)(Counted)
    assert [each.name for each in dataclasses.fields(made)] == ["one"]
    assert made.many == 7


@EVERY
def test_a_default_that_all_would_share_is_refused(make: Any) -> None:
    class Wrong:
        some: list[int] = []

    with pytest.raises(ValueError, match="mutable default"):
        make(Wrong)


def test_one_travels_by_pickle() -> None:
    assert pickle.loads(pickle.dumps(Kept("a"))) == Kept("a")


def test_constructors_that_were_compiled_ahead_work_as_those_made_when_asked_for() -> None:
    while values.prepare(50):
        pass
    made = stay(values.dataclass, slots=True)
    assert not values.prepare(1)
    assert inspect.isfunction(made.__dict__["__init__"])
    assert made("a", 2).seat == 2
    assert not values.prepare(1)
