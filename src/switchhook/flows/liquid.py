"""Templates in a node's settings: Shopify Liquid over the variables of a run, without files, clocks or long loops.

Plivo's names (plivo-phlo 6.3): `{{NodeName.variable}}`. A node whose name Liquid cannot spell is also reachable with
every other character replaced by `_`. What is not set renders as nothing. A setting that is one single `{{...}}` keeps
the type of its value, so that numbers stay numbers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from liquid import BoundTemplate, Environment, RenderContext
from liquid.builtin.output import OutputNode
from liquid.exceptions import LiquidError
from liquid.undefined import Undefined

from switchhook.core.errors import SwitchhookError

Value = object


class TemplateBroke(SwitchhookError):
    """A template of the flow cannot be rendered; the node leaves by its failure state."""


class _Sandbox(Environment):
    """No template loader, and a bound on everything a template can make grow."""

    output_stream_limit = 64 * 1024
    loop_iteration_limit = 10_000
    local_namespace_limit = 64 * 1024
    context_depth_limit = 10


_SANDBOX = _Sandbox()


def plain_name(name: str) -> str:
    """Returns a node's name as Liquid can spell it: `Multi-Party Call_1` becomes `Multi_Party_Call_1`."""
    return re.sub(r"[^A-Za-z0-9_]+", "_", name)


def namespace(variables: Mapping[str, Mapping[str, Value]]) -> dict[str, Value]:
    """Returns what templates see: each node's variables under its name and under its plain name."""
    names: dict[str, Value] = {plain_name(name): values for name, values in variables.items()}
    names.update(variables)
    return names


@lru_cache(maxsize=4096)
def _parsed(text: str) -> BoundTemplate:
    try:
        return _SANDBOX.from_string(text)
    except (LiquidError, RecursionError) as error:
        raise TemplateBroke(f"{text!r}: {str(error).splitlines()[0]}") from error


def check(text: str) -> None:
    """Raises `TemplateBroke` for a template that can never be rendered."""
    if is_template(text):
        _parsed(text)


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
    template = _parsed(text)
    names = namespace(variables)
    try:
        if len(template.nodes) == 1 and isinstance(only := template.nodes[0], OutputNode):
            found = only.expression.evaluate(RenderContext(template, globals=names))
            if isinstance(found, bool | int | float | str | list | dict):
                return found
            if found is None or isinstance(found, Undefined):
                return ""
        return template.render(**names)
    except (LiquidError, RecursionError, ArithmeticError, ValueError, TypeError) as error:
        raise TemplateBroke(f"{text!r}: {str(error).splitlines()[0]}") from error
