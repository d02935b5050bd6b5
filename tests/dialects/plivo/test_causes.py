"""Every outcome and every refusal has its words in this dialect."""

from __future__ import annotations

import pytest

from switchhook.core.errors import Reason, Refused
from switchhook.core.facts import LegEnded
from switchhook.core.ids import LegId
from switchhook.core.model import By, Side
from switchhook.core.outcomes import Outcome
from switchhook.dialects.plivo import causes
from switchhook.dialects.plivo.problems import PROBLEMS, of_refusal
from switchhook.dialects.plivo.run.step import Origin

LEG = LegId("a")


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_is_mapped(outcome: Outcome) -> None:
    for side in Side:
        for answered in (True, False):
            for by in By:
                cause = causes.cause_of(LegEnded(LEG, outcome, by), side, answered=answered)
                assert cause.name == causes.NAMES[cause.code]
                assert cause.word
                assert cause.source
            assert causes.call_status(outcome, side, answered=answered)
    assert causes.best([outcome]) is outcome
    assert causes.DIAL_STATUS[outcome] in {"completed", "busy", "failed", "cancel", "timeout", "no-answer"}
    assert outcome in causes.WORDS


@pytest.mark.parametrize("reason", Reason)
def test_every_refusal_is_mapped(reason: Reason) -> None:
    assert reason in PROBLEMS
    assert of_refusal(Refused(reason)).status in (400, 403, 404, 409)


@pytest.mark.parametrize("origin", Origin)
def test_every_document_has_codes_for_what_can_go_wrong(origin: Origin) -> None:
    assert {origin.unreachable, origin.bad_document} <= set(causes.NAMES)
    if origin is not Origin.ANSWER:
        assert {origin.bad_url, origin.bad_method} <= set(causes.NAMES)


@pytest.mark.parametrize(
    ("fact", "side", "answered", "expected"),
    [
        (LegEnded(LEG, Outcome.COMPLETED, By.PHONE), Side.INBOUND, True, ("NORMAL_CLEARING", 4000, "Caller")),
        (LegEnded(LEG, Outcome.COMPLETED, By.PHONE), Side.OUTBOUND, True, ("NORMAL_CLEARING", 4000, "Callee")),
        (LegEnded(LEG, Outcome.COMPLETED, By.PEER), Side.INBOUND, True, ("NORMAL_CLEARING", 4000, "Callee")),
        (LegEnded(LEG, Outcome.COMPLETED, By.PEER), Side.OUTBOUND, True, ("NORMAL_CLEARING", 4000, "Caller")),
        (LegEnded(LEG, Outcome.BUSY, By.PHONE, 600), Side.OUTBOUND, False, ("USER_BUSY", 3100, "Callee")),
        (LegEnded(LEG, Outcome.REJECTED, By.PHONE, 603), Side.OUTBOUND, False, ("CALL_REJECTED", 3110, "Callee")),
        (
            LegEnded(LEG, Outcome.NOT_FOUND, By.PHONE, 484),
            Side.OUTBOUND,
            False,
            ("INVALID_NUMBER_FORMAT", 2000, "Carrier"),
        ),
        (
            LegEnded(LEG, Outcome.NOT_FOUND, By.PHONE, 604),
            Side.OUTBOUND,
            False,
            ("UNALLOCATED_NUMBER", 3120, "Carrier"),
        ),
        (LegEnded(LEG, Outcome.REJECTED, By.PHONE, 607), Side.OUTBOUND, False, ("CALL_REJECTED", 3130, "Callee")),
        (
            LegEnded(LEG, Outcome.FAILED, By.PHONE, 500),
            Side.OUTBOUND,
            False,
            ("NORMAL_TEMPORARY_FAILURE", 3080, "Carrier"),
        ),
        (LegEnded(LEG, Outcome.NO_ANSWER, By.PHONE, 480), Side.OUTBOUND, False, ("NO_ANSWER", 3000, "Callee")),
        (LegEnded(LEG, Outcome.NO_ANSWER, By.SERVER), Side.OUTBOUND, False, ("NO_ANSWER", 6010, "Plivo")),
        (LegEnded(LEG, Outcome.ANSWERED_ELSEWHERE, By.SERVER), Side.OUTBOUND, False, ("LOSE_RACE", 9000, "Plivo")),
        (LegEnded(LEG, Outcome.REJECTED, By.SERVER), Side.OUTBOUND, True, ("NO_ANSWER", 9110, "Plivo")),
        (LegEnded(LEG, Outcome.MEDIA_LOST, By.SERVER), Side.INBOUND, True, ("MEDIA_TIMEOUT", 6020, "Plivo")),
    ],
)
def test_causes(fact: LegEnded, side: Side, answered: bool, expected: tuple[str, int, str]) -> None:
    cause = causes.cause_of(fact, side, answered=answered)
    assert (cause.word, cause.code, cause.source) == expected


def test_the_best_outcome_of_several() -> None:
    order = [Outcome.BUSY, Outcome.NO_ANSWER, Outcome.TIMED_OUT, Outcome.NOT_FOUND]
    for at, outcome in enumerate(order):
        assert causes.best(order[at:][::-1]) is outcome
    assert causes.best([]) is Outcome.FAILED
