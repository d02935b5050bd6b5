"""A flow as a graph of nodes, read from a definition in the shape that Plivo's tools write (plivo-phlo 8.2).

`read` refuses what can never run: no Start, an id twice, a node of a kind that is not built, a template that is no
Liquid. What runs but looks wrong (a line from a state that the node has not, a node nobody reaches, two nodes of one
name, a setting that nothing reads) comes back as notes for the operator.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field

from switchhook.core.errors import SwitchhookError
from switchhook.core.values import dataclass
from switchhook.flows import liquid
from switchhook.flows.catalog import KINDS, Kind, handle_name, type_name

Line = tuple[str, str]  # node id, output state


class BadFlow(SwitchhookError):
    """The definition cannot be run; the text says why, and where."""


@dataclass(frozen=True, slots=True)
class Node:
    """One building block: its kind, its name in templates, and its settings, templates unrendered."""

    id: str
    name: str
    kind: Kind
    settings: Mapping[str, object]

    @property
    def type(self) -> str:
        return self.kind.name


@dataclass(frozen=True, slots=True)
class Flow:
    """A whole graph that can be run."""

    phlo_id: str
    name: str
    account: str
    state: str  # DRAFT, ACTIVE or PAUSED
    enabled: bool
    created_on: float
    nodes: Mapping[str, Node]
    start: str
    lines: Mapping[Line, str]
    notes: tuple[str, ...] = field(default=())

    @property
    def deployed(self) -> bool:
        """False for a draft, which for callers does not exist."""
        return self.state != "DRAFT"

    @property
    def runs(self) -> bool:
        """True when calls and requests may start it."""
        return self.state == "ACTIVE" and self.enabled

    def after(self, node: str, output: str) -> Node | None:
        """Returns the node that a line from this output state leads to, or None without a line."""
        found = self.lines.get((node, output))
        return self.nodes[found] if found is not None else None

    def node(self, node_id: str, kind: str) -> Node | None:
        """Returns a node by its id if it is of that kind."""
        found = self.nodes.get(node_id)
        return found if found is not None and found.type == kind else None


# --- reading --------------------------------------------------------------------------------------------------------


def read(definition: object, *, account: str, created_on: float) -> Flow:
    """Returns the flow of a definition (parsed JSON); raises `BadFlow` for one that cannot be run."""
    if not isinstance(definition, Mapping):
        raise BadFlow("the definition is not a JSON object")
    phlo = definition.get("phlo")
    head: Mapping[str, object] = phlo if isinstance(phlo, Mapping) else {}
    phlo_id = definition.get("phlo_id") or head.get("phlo_id")
    if not isinstance(phlo_id, str):
        raise BadFlow("there is no phlo_id at the top or inside phlo")
    notes: list[str] = []
    nodes = _nodes(definition.get("nodes"), notes)
    start = _start(nodes)
    lines = _lines(definition.get("connections"), nodes, notes)
    notes.extend(_unreached(nodes, start, lines))
    return Flow(
        phlo_id=phlo_id,
        name=_text(head.get("name") or definition.get("name")),
        account=account,
        state=_text(head.get("state") or definition.get("state") or "ACTIVE").upper(),
        enabled=_yes(head.get("enabled", definition.get("enabled", True))),
        created_on=created_on,
        nodes=nodes,
        start=start,
        lines=lines,
        notes=tuple(notes),
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


def _yes(value: object) -> bool:
    return value.strip().lower() not in ("", "false", "no", "0") if isinstance(value, str) else bool(value)


def _nodes(given: object, notes: list[str]) -> dict[str, Node]:
    if not isinstance(given, list) or not given:
        raise BadFlow("there are no nodes")
    nodes: dict[str, Node] = {}
    names: dict[str, str] = {}
    for position, entry in enumerate(given, 1):
        if not isinstance(entry, Mapping):
            raise BadFlow(f"node {position} is not a JSON object")
        node = _node(entry, position, notes)
        if node.id in nodes:
            raise BadFlow(f"two nodes have the id {node.id}")
        plain = liquid.plain_name(node.name)
        if plain in names:
            notes.append(f"nodes {names[plain]} and {node.id} have the same name {node.name!r}")
        names[plain] = node.id
        nodes[node.id] = node
    return nodes


def _node(entry: Mapping[str, object], position: int, notes: list[str]) -> Node:
    node_id = entry.get("id")
    if not isinstance(node_id, str) or not node_id:
        raise BadFlow(f"node {position} has no id")
    config = entry.get("config")
    model = settings_of(config.get("model") if isinstance(config, Mapping) else None)
    name = _text(entry.get("name") or model.get("name"))
    written = _text(entry.get("type") or entry.get("component"))
    kind = KINDS.get(type_name(written))
    if kind is None:
        raise BadFlow(f"node {name or node_id!r} is of type {written!r}, which is not built")
    if not name:
        notes.append(f"node {node_id} has no name")
    settings = {kind.called.get(key, key): value for key, value in model.items() if key != "name"}
    for key, value in settings.items():
        if key not in kind.settings and value not in ("", None, False, [], {}):
            notes.append(f"node {name or node_id!r}: nothing reads the setting {key!r} of a {kind.name} node")
        if key == "record_format" and _text(value).strip().lower() not in ("", "wav"):
            notes.append(f"node {name or node_id!r}: recordings are WAV files; record_format {value!r} is not made")
        for text in _texts(value):
            try:
                liquid.check(text)
            except liquid.TemplateBroke as error:
                raise BadFlow(f"node {name or node_id!r}, setting {key!r}: {error}") from error
    return Node(node_id, name or node_id, kind, settings)


def settings_of(model: object) -> dict[str, object]:
    """Returns a node's settings from either shape of `config.model`: flat, or a list of the editor's fields."""
    if isinstance(model, Mapping):
        if "data" in model and ("inputType" in model or "label" in model):
            return _field(model)
        return {str(key): value for key, value in model.items()}
    found: dict[str, object] = {}
    for entry in model if isinstance(model, list) else ():
        if isinstance(entry, Mapping):
            found.update(_field(entry))
    return found


def _field(entry: Mapping[str, object]) -> dict[str, object]:
    """One entry of the editor; an entry of input type `settings` is a group of others."""
    found: dict[str, object] = {}
    inner = entry.get("data")
    if isinstance(inner, list):
        found.update(settings_of(inner))
    elif isinstance(inner, Mapping):
        if handle_name(_text(entry.get("inputType"))) == "settings":
            for key, value in inner.items():
                if isinstance(value, list) and all(isinstance(one, Mapping) and "data" in one for one in value):
                    found.update(settings_of(value))
                elif isinstance(value, Mapping) and "data" in value:
                    found.update(_field(value))
                else:
                    found[str(key)] = value
        else:
            found.update({str(key): value for key, value in inner.items()})
    return found


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)


def _start(nodes: Mapping[str, Node]) -> str:
    found = [node.id for node in nodes.values() if node.type == "start"]
    if len(found) != 1:
        raise BadFlow("there is no Start node" if not found else f"there are {len(found)} Start nodes")
    return found[0]


def _lines(given: object, nodes: Mapping[str, Node], notes: list[str]) -> dict[Line, str]:
    lines: dict[Line, str] = {}
    for entry in given if isinstance(given, list) else ():
        source = _text(entry.get("source")) if isinstance(entry, Mapping) else ""
        target = _text(entry.get("target")) if isinstance(entry, Mapping) else ""
        node_id, _, written = source.rpartition(".")
        target_id = target if target in nodes else target.rpartition(".")[0]
        if node_id not in nodes or target_id not in nodes:
            notes.append(f"the line {source!r} to {target!r} leads from or to a node that is not there")
            continue
        if nodes[target_id].type == "start":
            notes.append(f"the line {source!r} to {target!r} leads into Start, which has no input")
            continue
        output = nodes[node_id].kind.output(written)
        if output is None:
            name = nodes[node_id].name
            notes.append(f"node {name!r} has no output state {written!r}; the line from it is never taken")
        elif (node_id, output) in lines:
            notes.append(f"node {nodes[node_id].name!r}: a second line from {output!r} is never taken")
        else:
            lines[(node_id, output)] = target_id
            if output in nodes[node_id].kind.never:
                notes.append(f"node {nodes[node_id].name!r}: the line from {output!r} is never taken by this server")
    return lines


def _unreached(nodes: Mapping[str, Node], start: str, lines: Mapping[Line, str]) -> Iterator[str]:
    nexts: dict[str, list[str]] = {}
    for (source, _), target in lines.items():
        nexts.setdefault(source, []).append(target)
    seen, todo = {start}, [start]
    while todo:
        for target in nexts.get(todo.pop(), ()):
            if target not in seen:
                seen.add(target)
                todo.append(target)
    for node in nodes.values():
        if node.id not in seen:
            yield f"no line leads to node {node.name!r}"
