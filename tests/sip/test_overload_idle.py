"""An idle server whose loop stalls once (a suspended laptop, a slow disk) takes the next call all the same."""

from __future__ import annotations

from switchhook.sip.counters import Counters
from switchhook.sip.overload import FLOOR, Admission, Reason


def idle() -> Admission:
    admission = Admission(Counters(), now=0.0, mark="w0")
    for tick in range(1, 100):
        admission.observe(0.0, tick * 0.05)
    return admission


def test_the_first_call_after_a_stall_is_taken() -> None:
    admission = idle()
    admission.observe(0.4, 5.5)
    assert admission.rate is not None
    assert admission.judge(b"I") is None
    assert admission.judge(b"R") is None


def test_a_burst_after_a_stall_is_still_cut() -> None:
    admission = idle()
    admission.observe(0.4, 5.5)
    answers = [admission.judge(b"I") for _ in range(10)]
    assert answers[-1] is Reason.DELAY
    assert answers.count(None) <= FLOOR + 1
