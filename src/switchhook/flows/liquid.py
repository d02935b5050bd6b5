"""Templates in a node's settings: Shopify Liquid over the variables of a run, without files, clocks or long loops.

Plivo's names (plivo-phlo 6.3): `{{NodeName.variable}}`. A node whose name Liquid cannot spell is also reachable with
every other character replaced by `_`. What is not set renders as nothing. A setting that is one single `{{...}}` keeps
the type of its value, so that numbers stay numbers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from switchhook.core.errors import SwitchhookError

Value = object


class TemplateBroke(SwitchhookError):
    """A template of the flow cannot be rendered; the node leaves by its failure state."""


def plain_name(name: str) -> str:
    """Returns a node's name as Liquid can spell it: `Multi-Party Call_1` becomes `Multi_Party_Call_1`."""
    return re.sub(r"[^A-Za-z0-9_]+", "_", name)


def namespace(variables: Mapping[str, Mapping[str, Value]]) -> dict[str, Value]:
    """Returns what templates see: each node's variables under its name and under its plain name."""
    names: dict[str, Value] = {plain_name(name): values for name, values in variables.items()}
    names.update(variables)
    return names


def check(text: str) -> None:
    """Raises `TemplateBroke` for a template that can never be rendered."""
    if is_template(text):
        from switchhook.flows import sandbox  # takes 200 ms: not while the server starts

        sandbox.parsed(text)


def is_template(text: str) -> bool:
    return "{{" in text or "{%" in text


def render(value: Value, variables: Mapping[str, Mapping[str, Value]]) -> Value:
    """Returns a setting with its templates filled in, texts inside lists and objects included."""
    if isinstance(value, str):
        return _render_text(value, variables)
    if isinstance(value, list):
        return [render(item, variables) for item in value]
    if isinstance(value, Mapping):
        return {key: render(item, variables) for key, item in value.items()}
    return value


def _render_text(text: str, variables: Mapping[str, Mapping[str, Value]]) -> Value:
    if not is_template(text):
        return text
    from switchhook.flows import sandbox

    return sandbox.render(text, namespace(variables))
