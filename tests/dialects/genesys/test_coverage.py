"""The coverage page says what the code does."""

from __future__ import annotations

from pathlib import Path

from switchhook.dialects.genesys.call_operations import OPERATIONS
from switchhook.dialects.genesys.coverage import ABSENT, CALLS, DONE, PARTLY, lines

HERE = Path(__file__).parent


def test_states_notes_and_tests() -> None:
    seen = set()
    for line in lines():
        assert line.state in (DONE, PARTLY, ABSENT)
        assert (line.section, line.part) not in seen, line
        seen.add((line.section, line.part))
        assert (line.state == ABSENT) != bool(line.test), line
        assert line.state == DONE or line.note, line
        if line.test:
            assert (HERE / line.test).is_file(), line


def test_every_operation_that_is_served_is_on_the_page_and_no_other() -> None:
    listed = {line.part for line in lines() if line.section == CALLS and line.state != ABSENT}
    assert {part for part in listed if not part.startswith("Dial ")} == set(OPERATIONS)


def test_the_named_tests_speak_of_their_operations() -> None:
    for line in lines():
        if line.section == CALLS and line.test:
            text = (HERE / line.test).read_text(encoding="utf-8")
            assert line.part.split(" ")[0] in text, line
