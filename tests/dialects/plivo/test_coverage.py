"""The coverage page says what the code does: nothing that is served or read is missing, and nothing is invented."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest

from switchhook.dialects.plivo.coverage import ABSENT, DONE, PARTLY, Line, lines
from switchhook.dialects.plivo.rest import RESOURCES
from switchhook.dialects.plivo.shapes import make_call, transfer_call
from switchhook.dialects.plivo.xml import reading
from switchhook.dialects.plivo.xml.attributes import Attributes

HERE = Path(__file__).parent


def of(section: str) -> dict[str, Line]:
    return {line.part: line for line in lines() if line.section == section}


def test_states_notes_and_tests() -> None:
    seen = set()
    for line in lines():
        assert line.state in (DONE, PARTLY, ABSENT)
        assert (line.section, line.part) not in seen, line
        seen.add((line.section, line.part))
        assert (line.state == ABSENT) != bool(line.test), line
        assert line.state != PARTLY or line.note, line
        if line.test:
            assert (HERE / line.test).is_file(), line


def test_every_operation_that_is_served_is_on_the_page() -> None:
    served = {
        (method, re.sub(r"\(\?P<\w+>\[\^/\]\+\)", "{}", pattern.pattern.rstrip("$")).lower())
        for pattern, methods in RESOURCES
        for method in methods
    }
    listed = set()
    for line in lines():
        if line.section == "REST: operations" and line.state != ABSENT:
            method, _, path = line.part.partition(" ")
            path = path.partition("?")[0].removeprefix("/v1/Account/{auth_id}/").strip("/").lower()
            listed.add((method, re.sub(r"\{\w+\}", "{}", path)))
    assert listed == served


class Asked(dict[str, object]):
    """Arguments that remember what was asked of them."""

    def __init__(self, given: dict[str, object]) -> None:
        super().__init__(given)
        self.names: set[str] = set()

    def get(self, name: str, default: object = None) -> object:  # type: ignore[override]
        self.names.add(name)
        return super().get(name, default)


def test_every_argument_that_is_read_is_on_the_page() -> None:
    made = Asked({"from": "1", "to": "2", "answer_url": "http://a", "ring_url": "http://a", "hangup_url": "http://a"})
    made["fallback_url"] = made["machine_detection_url"] = "http://a"
    make_call(made, 1)
    page = of("REST: arguments of POST Call/")
    assert {name for name, line in page.items() if line.state != ABSENT} - {"callback_url", "callback_method"} == (
        made.names
    )
    moved = Asked({"legs": "both", "aleg_url": "http://a", "bleg_url": "http://a"})
    transfer_call(moved)
    assert moved.names == set(of("REST: arguments of POST Call/{call_uuid}/")) - {"callback_url, callback_method"}


@pytest.mark.parametrize(
    "name",
    ["Speak", "Play", "Wait", "Dial", "Conference", "Redirect", "Hangup", "Stream", "MultiPartyCall",
     "Record", "GetDigits", "GetInput", "PreAnswer", "DTMF", "Message"],
)  # fmt: skip
def test_every_attribute_that_is_read_is_on_the_page(name: str) -> None:
    asked = attributes_of(name, f"<{name}>x</{name}>")
    page = of(f"XML: {name}")
    built = {part for part, line in page.items() if line.state != ABSENT and "inside" not in part} - {"body", "SSML"}
    assert {folded(part) for part in built} <= asked
    assert asked - {folded(part) for part in page} <= {"senddigits"}  # written by SDKs, without a meaning


@pytest.mark.parametrize("name", ["Number", "User"])
def test_every_attribute_of_a_target_is_on_the_page(name: str) -> None:
    page = of(f"XML: Dial: {name}")
    for part, line in page.items():
        if part != "body":
            value = {"sendOnPreanswer": "true", "sendDigitsMode": "rfc2833"}.get(part, "1")
            found = reading.read(f"<Response><Dial><{name} {part}='{value}'>1</{name}></Dial></Response>".encode())
            assert bool(found.warnings) == (line.state == ABSENT), part


def attributes_of(name: str, text: str) -> set[str]:
    """Returns the folded names of all attributes that the reader of an element asks for."""
    given = Attributes(name, {}, [])
    reading._READERS[name](fromstring(text), given)
    return given._known


def folded(name: str) -> str:
    return name.replace("_", "").lower()
