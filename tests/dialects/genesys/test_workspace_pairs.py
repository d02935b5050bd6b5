"""User data as lists of pairs: what is written can be read, and wrong pairs are refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switchhook.dialects.genesys.status import Failure
from switchhook.dialects.genesys.workspace.pairs import DEEPEST, layers, merged, read, written
from switchhook.lab.virtual_time import in_virtual_time
from tests.dialects.genesys.worker import talking

keys = st.text(min_size=1, max_size=4)
leaves = st.text(max_size=5) | st.integers(-(2**40), 2**40)
values = st.recursive(leaves, lambda inner: st.dictionaries(keys, inner, max_size=3), max_leaves=6)
stored = st.dictionaries(keys, values | st.tuples(values, values), max_size=4)


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(stored)
def test_what_is_written_is_read_again(data: dict[str, object]) -> None:
    assert merged(read(written(data))) == data


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), leaves), max_size=8))
def test_layers_hold_every_pair_once_and_in_order(pairs: list[tuple[str, object]]) -> None:
    found = layers(list(pairs))
    for key in "abc":
        assert [part[key] for part in found if key in part] == [value for each, value in pairs if each == key]


def test_what_the_other_api_stores_as_something_else_is_shown_as_its_json() -> None:
    shown = written({"flag": True, "half": 0.5, "list": [1, "a"], "none": None})
    assert [each["value"] for each in shown] == ["true", "0.5", '[1,"a"]', "null"]
    assert {each["type"] for each in shown} == {"str"}


def test_types_may_be_left_out_and_numbers_may_be_texts() -> None:
    assert read([{"key": "a", "value": "x"}, {"key": "b", "value": 5}]) == [("a", "x"), ("b", 5)]
    assert read([{"key": "c", "type": "int", "value": "12"}]) == [("c", 12)]
    assert read([{"key": "d", "value": [{"key": "e", "value": "f"}]}]) == [("d", {"e": "f"})]
    assert read(None) == []


def deep(levels: int) -> list[dict[str, object]]:
    found: list[dict[str, object]] = [{"key": "a", "type": "str", "value": "x"}]
    for _ in range(levels):
        found = [{"key": "a", "type": "kvlist", "value": found}]
    return found


def test_lists_in_lists_have_an_end() -> None:
    assert read(deep(DEEPEST - 1))
    with pytest.raises(Failure):
        read(deep(DEEPEST))


@pytest.mark.parametrize(
    "wrong",
    [
        {"a": 1},
        "a",
        ["a"],
        [{}],
        [{"key": "", "value": "x"}],
        [{"key": 5, "value": "x"}],
        [{"key": "a"}],
        [{"key": "a", "value": None}],
        [{"key": "a", "type": "float", "value": 1.5}],
        [{"key": "a", "type": [], "value": "x"}],
        [{"key": "a", "type": "str", "value": 5}],
        [{"key": "a", "type": "int", "value": "five"}],
        [{"key": "a", "type": "int", "value": True}],
        [{"key": "a", "type": "kvlist", "value": "x"}],
        [{"key": "a", "type": "kvlist", "value": [{"key": "b"}]}],
    ],
)
def test_anything_else_is_refused(wrong: object) -> None:
    with pytest.raises(Failure):
        read(wrong)


@in_virtual_time
async def test_user_data_of_a_call() -> None:
    async with talking() as office:
        desk, call = office.desk, office.call
        one, two = ({"key": "k", "type": "str", "value": each} for each in "12")
        [told] = await desk.does(call, "attach-user-data", userData=[one])
        assert (told["notificationType"], told["call"]["userData"]) == ("AttachedDataChanged", [one])
        assert (await desk.does(call, "attach-user-data", userData=[two]))[-1]["call"]["userData"] == [one, two]
        assert (await desk.does(call, "attach-user-data", userData=[one, two]))[-1]["call"]["userData"] == [
            *(one, two, one, two)
        ]
        other = {"key": "n", "type": "int", "value": 5}
        assert (await desk.does(call, "update-user-data", userData=[two, other]))[-1]["call"]["userData"] == [
            two,
            other,
        ]
        assert (await desk.does(call, "delete-user-data-pair", key="k"))[-1]["call"]["userData"] == [other]
        for operation in ("attach-user-data", "update-user-data", "delete-user-data-pair"):
            assert await desk.fails(call, operation) == 400
        assert await desk.fails(call, "attach-user-data", userData=[one, {"key": "x"}]) == 400
        consult, _, asked = await office.consults()
        await desk.does(consult, "complete-transfer", parentConnId=call["id"])
        assert (await office.other.told())[-1]["call"]["userData"] == [other]
        assert asked["userData"] in ([], [other])
