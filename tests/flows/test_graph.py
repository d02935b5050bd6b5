"""Reading definitions: both shapes of settings, every spelling of a state, what is refused and what is noted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switchhook.flows.catalog import KINDS, handle_name, type_name
from switchhook.flows.graph import BadFlow, Flow, read, settings_of
from switchhook.flows.shelf import Shelf
from tests.stories.common import ACCOUNT
from tests.stories.common import settings as configured


def node(node_id: str, kind: str, **more: Any) -> dict[str, Any]:
    return {"id": node_id, "name": more.pop("name", f"Name_{node_id}"), "type": kind, "config": {"model": more}}


def definition(*nodes: dict[str, Any], lines: tuple[tuple[str, str], ...] = (), **head: Any) -> dict[str, Any]:
    return {
        "phlo": {"phlo_id": "p-1", "name": "A flow", **head},
        "nodes": [node("s", "start"), *nodes],
        "connections": [{"source": source, "target": target} for source, target in lines],
    }


def loaded(*nodes: dict[str, Any], lines: tuple[tuple[str, str], ...] = (), **head: Any) -> Flow:
    return read(definition(*nodes, lines=lines, **head), account=ACCOUNT, created_on=0.0)


def test_the_published_shape() -> None:
    flow = read(json.loads(PUBLISHED), account=ACCOUNT, created_on=1.5)
    assert (flow.phlo_id, flow.name, flow.account, flow.created_on) == ("p-top", "click to call", ACCOUNT, 1.5)
    assert (flow.runs, flow.deployed, flow.start) == (True, True, "n-start")
    dial = flow.after("n-start", "http")
    assert dial is not None
    assert (dial.name, dial.type, dial.settings["to"]) == (
        "Ring_Agent",
        "initiate_call",
        "{{Start.http.params.agent}}",
    )
    bridge = flow.after("n-dial", "answered")
    assert bridge is not None
    assert bridge.id == "n-fwd"
    assert flow.after("n-fwd", "completed") is None
    assert flow.notes == ()


PUBLISHED = """{
  "phlo_id": "p-top",
  "phlo": {"name": "click to call", "phlo_type": "voice", "state": "ACTIVE", "enabled": true, "group": "public"},
  "nodes": [
    {"id": "n-start", "name": "Start", "type": "start", "component": "start", "top": 40, "left": 60,
     "config": {"model": {"name": "Start", "payload_format": {"agent": "", "customer": ""}}}},
    {"id": "n-dial", "name": "Ring_Agent", "type": "initiate_call", "component": "initiate_call",
     "config": {"model": {"name": "Ring_Agent", "from": "+14155550100", "to": "{{Start.http.params.agent}}"}}},
    {"id": "n-fwd", "name": "Bridge_Customer", "type": "call_forward",
     "config": {"model": [
        {"data": {"from": "+14155550100"}, "type": "string", "inputType": "text", "label": "From", "validation": {}},
        {"data": {"to": "{{Start.http.params.customer}}"}, "type": "string", "inputType": "text", "label": "To"},
        {"data": [{"data": {"ring_timeout": 20}, "inputType": "number", "label": "Ring"}], "inputType": "settings"}]}}
  ],
  "connections": [
    {"source": "n-start.http", "target": "n-dial.Input", "data": {"id": "c1", "type": "output"}},
    {"source": "n-dial.answered", "target": "n-fwd.Input", "data": {"id": "c2", "type": "output"}}
  ],
  "notes": [], "global_meta": {}
}"""


def test_the_editors_shape_of_settings_is_flattened_with_its_groups() -> None:
    bridge = read(json.loads(PUBLISHED), account=ACCOUNT, created_on=0.0).nodes["n-fwd"]
    assert bridge.settings == {"from": "+14155550100", "to": "{{Start.http.params.customer}}", "ring_timeout": 20}
    inner = {"basic": [{"data": {"to": "1"}}], "more": {"data": {"from": "2"}}, "x": 3}
    assert settings_of([{"data": inner, "inputType": "settings"}]) == {"to": "1", "from": "2", "x": 3}


names = st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=8)
values = st.one_of(st.text(max_size=8), st.integers(), st.booleans(), st.none())


@given(st.dictionaries(names, values, max_size=6), st.randoms())
@settings(max_examples=50, deadline=None)
def test_both_shapes_say_the_same(model: dict[str, object], random: Any) -> None:
    entries: list[dict[str, object]] = [{"data": {key: value}, "label": key} for key, value in model.items()]
    if entries and random.random() < 0.5:
        cut = random.randrange(len(entries))
        entries = [*entries[:cut], {"data": entries[cut:], "inputType": "settings"}]
    assert settings_of(entries) == settings_of(model) == model


@given(st.sampled_from([(kind, state) for kind in KINDS.values() for state in sorted(kind.outputs)]), st.data())
@settings(max_examples=60, deadline=None)
def test_states_are_found_however_they_are_spelt(pair: Any, data: st.DataObject) -> None:
    kind, state = pair
    joint = data.draw(st.sampled_from(["_", " ", "-", "  "]))
    cased = "".join(letter.upper() if data.draw(st.booleans()) else letter for letter in state)
    assert kind.output(f" {cased.replace('_', joint)} ") == state


def test_panel_wordings_of_states() -> None:
    assert KINDS["start"].output("Incoming Call") == "call"
    assert KINDS["start"].output("API Request") == "http"
    assert KINDS["call_forward"].output("Busy/Rejected") == "busy"
    assert KINDS["call_forward"].output("answered") is None
    assert type_name("Multiparty Call") == "multi_party_call"
    assert type_name("conference") == "conference_bridge"
    assert handle_name(" No  Answer ") == "no_answer"


@pytest.mark.parametrize(
    ("given_definition", "text"),
    [
        ([], "not a JSON object"),
        ({"nodes": []}, "no phlo_id"),
        ({"phlo_id": "p", "nodes": []}, "there are no nodes"),
        ({"phlo_id": "p", "nodes": ["x"]}, "node 1 is not a JSON object"),
        ({"phlo_id": "p", "nodes": [{"type": "start"}]}, "node 1 has no id"),
        ({"phlo_id": "p", "nodes": [node("a", "call_forward")]}, "no Start node"),
        ({"phlo_id": "p", "nodes": [node("a", "start"), node("b", "start")]}, "2 Start nodes"),
        ({"phlo_id": "p", "nodes": [node("a", "start"), node("a", "start")]}, "two nodes have the id a"),
        (definition(node("m", "ivr_menu", name="Main_Menu")), "'Main_Menu' is of type 'ivr_menu', which is not built"),
        (definition(node("m", "play_audio")), "'play_audio', which is not built"),
        (definition(node("m", "call_forward", to="{{ x")), "setting 'to'"),
    ],
)
def test_what_cannot_run_is_refused(given_definition: Any, text: str) -> None:
    with pytest.raises(BadFlow, match=text.replace("(", r"\(")):
        read(given_definition, account=ACCOUNT, created_on=0.0)


@pytest.mark.parametrize(
    ("nodes", "lines", "text"),
    [
        ((node("a", "initiate_call"),), (), "no line leads to node 'Name_a'"),
        ((node("a", "initiate_call"),), (("s.call", "a.Input"), ("a.maybe", "a.Input")), "no output state 'maybe'"),
        ((node("a", "initiate_call"),), (("s.call", "a.Input"), ("s.Incoming Call", "a.Input")), "a second line"),
        ((node("a", "initiate_call"),), (("s.call", "a.Input"), ("a.busy", "z.Input")), "not there"),
        ((node("a", "initiate_call"),), (("s.call", "a.Input"), ("a.busy", "s.Input")), "into Start"),
        ((node("a", "initiate_call", name="Name s"),), (("s.call", "a"),), "same name"),
        ((node("a", "initiate_call", name="Name_s"),), (("s.call", "a"),), "same name"),
        ((node("a", "initiate_call"),), (("s.call", "a"), ("a.voicemail", "a")), "never taken by this server"),
        ((node("a", "initiate_call", loop=2),), (("s.call", "a"),), "nothing reads the setting 'loop'"),
        ((node("a", "initiate_call", record_format="mp3"),), (("s.call", "a"),), "recordings are WAV files"),
    ],
)
def test_what_looks_wrong_is_noted_and_runs(nodes: Any, lines: Any, text: str) -> None:
    flow = loaded(*nodes, lines=lines)
    assert any(text in note for note in flow.notes)
    assert flow.runs


def test_unset_settings_of_things_not_built_are_not_worth_a_note() -> None:
    flow = loaded(node("a", "initiate_call", record=False, voicemail_detection=""), lines=(("s.call", "a"),))
    assert flow.notes == ()


@pytest.mark.parametrize(
    ("head", "runs", "deployed"),
    [
        ({}, True, True),
        ({"state": "active", "enabled": "true"}, True, True),
        ({"state": "PAUSED"}, False, True),
        ({"state": "DRAFT"}, False, False),
        ({"enabled": False}, False, True),
        ({"enabled": "false"}, False, True),
    ],
)
def test_states_of_a_flow(head: dict[str, object], runs: bool, deployed: bool) -> None:
    flow = loaded(**head)
    assert (flow.runs, flow.deployed) == (runs, deployed)


@given(st.recursive(values, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3)))
@settings(max_examples=80, deadline=None)
def test_any_json_is_read_or_refused(garbage: Any) -> None:
    for given_definition in (garbage, {"phlo_id": "p", "nodes": garbage}, {**definition(), "connections": garbage}):
        try:
            flow = read(given_definition, account=ACCOUNT, created_on=0.0)
        except BadFlow:
            continue
        assert flow.nodes[flow.start].type == "start"


def test_a_bad_flow_is_left_out_alone(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(json.dumps(definition()))
    broken = definition(node("m", "ivr_menu", name="Main_Menu"), phlo_id="p-2")
    bad.write_text(json.dumps(broken))
    flows = [{"file": str(file), "account": ACCOUNT} for file in (bad, good)]
    shelf, warnings = Shelf(), []
    shelf.load(configured(flow=flows), lambda file, text: warnings.append((Path(file).name, text)))
    assert [flow.phlo_id for flow in shelf] == ["p-1"]
    assert len(warnings) == 1
    name, text = warnings[0]
    assert name == "bad.json"
    assert "Main_Menu" in text
    assert "ivr_menu" in text
