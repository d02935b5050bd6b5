"""The parameters of a request to the runner: query and body merged, the body wins (plivo-phlo 9.6, points 2 and 3).

The body is judged by what it is, not by its Content-Type: what begins like JSON is JSON, everything else a form. A
missing body, an empty one, `{}`, `""` and `null` are all no parameters. Saved examples carry `//` comments.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import parse_qsl

from switchhook.dialects.plivo.arguments import uncommented
from switchhook.dialects.plivo.phlo import problems
from switchhook.dialects.plivo.problems import Problem

MAX_BYTES = 1_000_000


def parameters(body: bytes, query: str) -> dict[str, object]:
    """Returns the parameters by name; raises `Problem` 400 for a body that nobody can read."""
    found: dict[str, object] = dict(parse_qsl(query, keep_blank_values=True))
    found.update(_of_body(body))
    return found


def _of_body(body: bytes) -> Mapping[str, object]:
    try:
        text = body.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise Problem(400, "The request body is not UTF-8 text.") from None
    if not text:
        return {}
    if text[0] in '{["/' or text == "null":
        return _json(text)
    return dict(parse_qsl(text, keep_blank_values=True))


def _json(text: str) -> Mapping[str, object]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        try:
            found = json.loads(uncommented(text))
        except (ValueError, RecursionError):
            raise Problem(400, "The request body is not valid JSON.") from None
    if found is None or found == "" or found == []:
        return {}
    if "\\ud" in text.lower():  # half a pair is no character: nobody could send it on, or keep it
        try:
            json.dumps(found, ensure_ascii=False).encode()
        except (ValueError, RecursionError):
            raise Problem(400, "The request body is not valid JSON.") from None
    if not isinstance(found, Mapping):
        raise Problem(400, "The request body is not a JSON object.")
    return found


def text_of(given: Mapping[str, object], name: str) -> str:
    """Returns a mandatory text; raises `Problem` when it is missing, null, empty, or no text."""
    found = optional_text(given, name)
    if not found:
        raise problems.missing(name)
    return found


def optional_text(given: Mapping[str, object], name: str) -> str:
    """Returns a text or, where it is missing, null or empty, an empty one; raises `Problem` when it is no text."""
    found = given.get(name)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise problems.wrong_type(name)
    return found.strip()


def action_of(given: Mapping[str, object]) -> str:
    """Returns the action in lower case with `_` (Java may spell `warm-transfer`)."""
    return text_of(given, "action").lower().replace("-", "_")
