"""The engine of the templates; imported by `flows.liquid` when the first one is met, since it takes 200 ms."""

from __future__ import annotations

from functools import lru_cache

from liquid import BoundTemplate, Environment, RenderContext
from liquid.builtin.output import OutputNode
from liquid.exceptions import LiquidError
from liquid.undefined import Undefined

from switchhook.flows.liquid import TemplateBroke, Value


class _Sandbox(Environment):
    """No template loader, and a bound on everything a template can make grow."""

    output_stream_limit = 64 * 1024
    loop_iteration_limit = 10_000
    local_namespace_limit = 64 * 1024
    context_depth_limit = 10


_SANDBOX = _Sandbox()


@lru_cache(maxsize=4096)
def parsed(text: str) -> BoundTemplate:
    """Returns a template, parsed once. Raises `TemplateBroke` for what is none."""
    try:
        return _SANDBOX.from_string(text)
    except (LiquidError, RecursionError) as error:
        raise TemplateBroke(f"{text!r}: {str(error).splitlines()[0]}") from error


def render(text: str, names: dict[str, Value]) -> Value:
    """Returns a text with its templates filled in; a single `{{...}}` keeps its type. Raises `TemplateBroke`."""
    template = parsed(text)
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
