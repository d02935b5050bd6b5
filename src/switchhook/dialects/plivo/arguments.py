"""The arguments of a request, however they came: JSON, form, multipart, query (plivo-voice-api 1.2).

The body goes before the query. A wrong Content-Type does no harm when the body is JSON (curl's `-d` says it sends a
form). JSON may carry comments, as public examples of requests do. Nothing at all, `null`, `[]` and `""` are no
arguments; a value of null is absent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any
from urllib.parse import parse_qsl

from switchhook.dialects.plivo.problems import Problem

MAX_BODY = 1_000_000


def arguments(content_type: str, body: bytes, query: str) -> dict[str, Any]:
    """Returns the arguments by name; raises `Problem` 400 for a body that nobody can read."""
    found: dict[str, Any] = dict(parse_qsl(query, keep_blank_values=True))
    found.update(_body(content_type.strip(), body))
    return {name: value for name, value in found.items() if value is not None}


def _body(content_type: str, body: bytes) -> Mapping[str, Any]:
    text = body.strip()
    if not text:
        return {}
    media = content_type.partition(";")[0].strip().lower()
    if media.startswith("multipart/"):
        return _multipart(content_type, body)
    if text[:1] in (b"{", b"[", b'"', b"/") or text == b"null" or media.endswith("json"):
        return _json(text)
    try:
        return dict(parse_qsl(text.decode(), keep_blank_values=True, strict_parsing=True))
    except ValueError:
        raise Problem(400, "the request body is invalid: neither JSON nor a form") from None


def _json(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(_plain(body.decode("utf-8-sig")))
        if b"\\ud" in body.lower():  # half a pair is no character: nobody could send it on, or keep it
            json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise Problem(400, "the request body is invalid JSON") from None
    if found in (None, [], ""):
        return {}
    if not isinstance(found, dict):
        raise Problem(400, "the request body is invalid: a JSON object is expected")
    return found


def _plain(text: str) -> str:
    try:
        json.loads(text)
        return text
    except ValueError:
        return uncommented(text)


def uncommented(text: str) -> str:
    """Returns JSON text without `//`, `/* */` and `#` comments; what stands in strings stays."""
    out: list[str] = []
    at, end = 0, len(text)
    while at < end:
        char = text[at]
        if char == '"':
            stop = _string_end(text, at)
            out.append(text[at:stop])
            at = stop
        elif char == "#" or text.startswith("//", at):
            stop = text.find("\n", at)
            at = end if stop < 0 else stop
        elif text.startswith("/*", at):
            stop = text.find("*/", at + 2)
            at = end if stop < 0 else stop + 2
            out.append(" ")
        else:
            out.append(char)
            at += 1
    return "".join(out)


def _string_end(text: str, start: int) -> int:
    at = start + 1
    while at < len(text) and text[at] != '"':
        at += 2 if text[at] == "\\" else 1
    return min(at + 1, len(text))


def _multipart(content_type: str, body: bytes) -> Mapping[str, Any]:
    parsed = BytesParser(policy=HTTP).parsebytes(
        b"Content-Type: " + content_type.encode("latin-1") + b"\r\n\r\n" + body
    )
    if not parsed.is_multipart():
        raise Problem(400, "the request body is invalid multipart")
    found: dict[str, Any] = {}
    for part in parsed.iter_parts() if hasattr(parsed, "iter_parts") else ():
        name = _field(part)
        if name and part.get_filename() is None:
            payload = part.get_payload(decode=True)
            found[name] = payload.decode(errors="replace") if isinstance(payload, bytes) else ""
    return found


def _field(part: Message) -> str:
    found = part.get_param("name", header="content-disposition")
    return found if isinstance(found, str) else ""
