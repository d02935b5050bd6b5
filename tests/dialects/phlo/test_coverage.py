"""The coverage page tells the truth: what the code knows stands on it, and what stands on it is shown by a test."""

from __future__ import annotations

import re
from pathlib import Path

from switchhook.core.errors import Reason
from switchhook.core.model import TransferOutcome
from switchhook.dialects.plivo.phlo import callbacks
from switchhook.dialects.plivo.phlo.callbacks import ending
from switchhook.dialects.plivo.phlo.coverage import ACTION_NAMES, EVENT_NAMES, lines
from switchhook.dialects.plivo.phlo.problems import TEXTS
from switchhook.flows.catalog import KINDS
from switchhook.flows.walk import ENTER

TESTS = Path(__file__).parent


def test_every_line_that_is_not_absent_names_a_test_that_exists() -> None:
    for line in lines():
        assert (line.test == "") == (line.state == "absent"), line
        assert not line.test or (TESTS / line.test).is_file(), line
        assert line.note or line.state == "done", line


def test_no_line_stands_twice() -> None:
    parts = [(line.section, line.part) for line in lines()]
    assert len(parts) == len(set(parts))


def test_every_kind_of_node_can_be_entered() -> None:
    assert set(ENTER) | {"start"} == set(KINDS)


def test_every_event_in_the_code_is_on_the_page() -> None:
    said = set(
        re.findall(
            r'"((?:Member|Transfer|Conference|Room|Voicemail)[A-Z]?[a-z]+|Record)"',
            Path(callbacks.__file__).read_text(),
        )
    )
    assert said == set(EVENT_NAMES)


def test_every_action_on_the_page_is_used_by_a_story() -> None:
    stories = "".join(path.read_text() for path in TESTS.glob("test_*.py") if path.name != "test_coverage.py")
    for action in ACTION_NAMES:
        assert f'"{action}"' in stories


def test_every_reason_and_every_outcome_has_words() -> None:
    assert set(TEXTS) == set(Reason)
    assert {problem.status for problem in TEXTS.values()} == {400, 404}
    told = {outcome: ending(outcome) for outcome in TransferOutcome}
    assert told[TransferOutcome.MERGED] == ("TransferCompleted", "merged")
    assert told[TransferOutcome.COMPLETED] == ("TransferCompleted", "")
    assert told[TransferOutcome.ABORTED] == ("TransferAborted", "")
    assert all(event == "TransferFailed" and cause for event, cause in list(told.values())[3:])
