"""The bench's own logic: when a row is met, what the table says, and what results.json has."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from bench.__main__ import _count
from bench.call_rate import Bench
from bench.live import Noticed, Tap
from bench.measure import Aim, Measure, Reading, Result, take, told
from bench.overload import Flood
from bench.registry import MEASURES, chosen
from bench.sipp import Load
from bench.stalls import Stalls, Stood
from bench.table import HEAD, keep, row
from bench.teams import Team, Transfer
from bench.transfer_audio import Heard

LESS = Measure("delay_ms", "none", "ms", 5, also=(Aim("worst_ms", 40), Aim("share", 0.9, True)), peer="Other: 7")
MORE = Measure("legs", "none", "legs", 2500, more_is_better=True)
ENTRY = ["measure", "value", "unit", "aim", "met", "runs", "how"]


def reading(value: float, worst: float = 30, share: float = 0.95, **more: object) -> Reading:
    return Reading(value, "as told", second={"worst_ms": worst, "share": share}, **more)  # type: ignore[arg-type]


def test_the_median_counts_and_all_runs_are_told() -> None:
    result = Result(LESS, [reading(9), reading(4), reading(3)])
    assert result.value == 4
    assert result.spread == (3, 9)
    assert result.met
    assert result.json()["runs"] == [9, 4, 3]


@pytest.mark.parametrize(
    ("readings", "met"),
    [
        ([reading(5)], True),  # the aim itself is enough
        ([reading(5.01)], False),
        ([reading(4, worst=40.1)], False),  # a second figure missed its aim
        ([reading(4, share=0.89)], False),
        ([reading(4, worst=90), reading(4), reading(4)], True),  # its median counts
        ([reading(4, worst=90), reading(4, worst=41), reading(4)], False),
        ([Reading(4, second={"worst_ms": 1})], False),  # a figure that is missing is not met
        ([reading(4, holds=False), reading(4), reading(4)], False),  # what must hold, must in every run
    ],
)
def test_a_row_is_met_only_if_every_figure_is(readings: list[Reading], met: bool) -> None:
    assert Result(LESS, readings).met is met


def test_more_may_be_better() -> None:
    assert Result(MORE, [Reading(2500)]).met
    assert not Result(MORE, [Reading(2499)]).met


def test_the_floor_is_compared_in_each_run() -> None:
    result = Result(LESS, [reading(4, floor=2, floor_is="an echo"), reading(9, floor=3, floor_is="an echo")])
    assert result.ratio == 2.5
    assert "2.5 times the floor (an echo)" in result.how()
    other = Result(MORE, [Reading(2500, floor=20, against=50, floor_is="CPU of a forwarder")])
    assert other.ratio == 2.5


def test_how_has_the_second_figures_with_their_aims_and_what_did_not_hold() -> None:
    text = Result(LESS, [reading(4), reading(4, holds=False, why="3 calls failed")]).how()
    assert "as told" in text
    assert "worst_ms 30 (aim ≤ 40)" in text
    assert "share 0.95 (aim ≥ 0.9)" in text
    assert "NOT MET: 3 calls failed" in text


def test_a_row_of_the_table() -> None:
    line = row(Result(LESS, [reading(4.123, floor=2), reading(3), reading(5)]))
    assert line.startswith("delay_ms ")
    assert line.endswith("Other: 7")
    assert "4.12" in line
    assert "3 .. 5" in line
    assert "≤ 5" in line
    assert line[HEAD.index("met") :].startswith("yes")
    assert "2.06" in line


def test_a_row_says_what_does_not_meet_its_aim() -> None:
    fine, missed = Result(LESS, [reading(5)]), Result(LESS, [reading(4, worst=41, holds=False, why="3 calls failed")])
    assert fine.missed() == []
    assert "\n" not in row(fine)
    assert missed.missed() == ["worst_ms 41 (aim ≤ 40)", "3 calls failed"]
    assert row(missed).splitlines()[1].strip() == "not met: worst_ms 41 (aim ≤ 40); 3 calls failed"
    assert Result(LESS, [Reading(6)]).missed() == ["delay_ms 6 (aim ≤ 5)", "worst_ms is missing", "share is missing"]


def test_results_keep_what_was_not_taken_now_and_forget_what_there_is_no_more(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    gone = Measure("gone", "none", "ms", 1)
    keep(file, [Result(MORE, [Reading(2000)]), Result(gone, [Reading(1)])], [LESS, MORE, gone])
    keep(file, [Result(LESS, [reading(4)])], [LESS, MORE])
    found = json.loads(file.read_text(encoding="utf-8"))
    assert [entry["measure"] for entry in found] == ["delay_ms", "legs"]
    assert [list(entry) for entry in found] == [ENTRY, ENTRY]
    assert [entry["met"] for entry in found] == [True, False]
    assert found[0]["value"] == 4


def test_results_that_cannot_be_read_are_written_anew(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    file.write_text("[{", encoding="utf-8")
    keep(file, [Result(MORE, [Reading(2000)])], [MORE])
    assert len(json.loads(file.read_text(encoding="utf-8"))) == 1


def test_a_reading_survives_the_way_from_its_process() -> None:
    one = reading(4, floor=2, why="ü", holds=False)
    assert Reading(**json.loads(told(one))) == one


@pytest.mark.slow
def test_a_measure_that_fails_says_why() -> None:
    with pytest.raises(SystemExit, match="no_such_module"):
        take(Measure("broken", "no_such_module", "ms", 1, seconds=1))


def test_an_interrupted_measure_is_ended_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = list[subprocess.Popen[str]]()

    class Interrupted(subprocess.Popen[str]):
        def communicate(self, input: str | None = None, timeout: float | None = None) -> tuple[str, str]:
            if not begun:
                begun.append(self)
                assert os.getpgid(self.pid) == self.pid  # a session of its own: Ctrl-C does not reach it beside us
                raise KeyboardInterrupt
            return super().communicate(input, timeout)

    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        take(Measure("any", "start", "ms", 1))
    assert begun[0].returncode in (1, -15)  # it was asked to end, and did


@pytest.mark.parametrize("text", ["0", "-1", "abc", "1.5", ""])
def test_a_number_of_runs_is_a_number(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="1 or more"):
        _count(text)


@pytest.mark.slow
def test_every_measure_has_its_function() -> None:
    for measure in MEASURES:
        module, _, function = measure.module.partition(":")
        assert callable(getattr(import_module(f"bench.{module}"), function or "read")), measure.name


def test_the_aims_are_those_that_were_set() -> None:
    assert all(measure.runs >= 3 for measure in MEASURES)
    assert {measure.name: measure.aim for measure in MEASURES} == {
        "call_cpu_ms": 0.4,
        "calls_per_s_core": 2000,
        "warm_transfer_cpu_ms": 2,
        "api_to_invite_p99_ms": 5,
        "hold_to_music_p99_ms": 25,
        "complete_to_heard_p99_ms": 25,
        "switch_silence_p99_ms": 20,
        "relay_legs_core": 2500,
        "mixed_legs_core_rooms3": 2000,
        "mixed_legs_core_rooms10": 2000,
        "audio_back_ms": 100,
        "memory_call_kb": 60,
        "desktop_kb": 30,
        "journal_facts_per_s": 20_000,
        "start_ms": 1000,
        "overload_goodput_ratio": 0.9,
    }


def test_measures_are_chosen_by_name() -> None:
    assert [each.name for each in chosen(["start_ms", "relay_legs_core"])] == ["start_ms", "relay_legs_core"]
    assert chosen([]) == MEASURES
    with pytest.raises(SystemExit, match="no measure starts_ms"):
        chosen(["starts_ms"])


def test_a_load_is_judged_while_calls_are_offered() -> None:
    rows = tuple(
        {"StartTime": "day\tclock\t100.25", "CurrentTime": f"day\tclock\t{100.25 + at}", "SuccessfulCall(C)": str(made)}
        for at, made in ((0, 0), (1, 10), (2, 20), (3, 120), (4, 220), (5.2, 340), (6, 900))  # the last is too late
    )
    load = Load(900, 900, 0, 0, 6.0, 10.0, 0.0, offered_s=5.0, rows=rows)
    assert load.per_second("SuccessfulCall(C)") == pytest.approx(100)
    assert load.refused == 0


SECOND_NS = 1_000_000_000
AGENT, TARGET, CUSTOMER = 7, 9, 5  # codes


def packets(leg: int, first_ns: int, frames: list[list[int]]) -> list[tuple[int, int, list[int]]]:
    return [(leg, first_ns + number * 20_000_000, codes) for number, codes in enumerate(frames)]


def test_what_was_heard_is_told_by_its_codes() -> None:
    noise, music = [0xFE, 0x7D, 0xFF, 0x7E], [0x90, 0x2A, 0xB3, 0x15]
    heard_by_customer = [[AGENT] * 4] * 2 + [noise] + [music] * 3 + [[AGENT] * 4, [TARGET] * 4]
    heard_by_target = [[AGENT] * 4] * 3 + [[CUSTOMER] * 4]
    all_of_them = [
        *packets(3, SECOND_NS, heard_by_customer),
        *packets(5, SECOND_NS, heard_by_target),
        *packets(-1, SECOND_NS, [music]),  # of no leg
    ][::-1]
    kept = {
        "leg": np.array([leg for leg, _, _ in all_of_them]),
        "at": np.array([at for _, at, _ in all_of_them], np.int64),
        "codes": np.array([codes for _, _, codes in all_of_them], np.uint8),
        "second": np.zeros(len(all_of_them), np.uint8),
    }
    heard, codes = Heard(kept), [0, 0, 0, CUSTOMER, AGENT, TARGET]
    asked, completing = SECOND_NS + 15_000_000, SECOND_NS + 55_000_000
    transfer = Transfer(Team(1), 1, 2, asked, 0, completing, 1.0)
    assert heard.music_ms(transfer) == pytest.approx(45)  # the noise is no music
    assert heard.voices_ms(transfer, codes) == pytest.approx((85, 5))
    assert heard.music_ms(replace(transfer, asked_ns=2 * SECOND_NS)) == float("inf")
    assert heard.voices_ms(replace(transfer, completing_ns=2 * SECOND_NS), codes) == (float("inf"), float("inf"))


def test_a_request_without_its_200_has_failed() -> None:
    tap = Tap()
    for way, first, cseq in (
        ("out", "INVITE sip:a SIP/2.0", "1 INVITE"),
        ("in", "SIP/2.0 180 Ringing", "1 INVITE"),
        ("in", "SIP/2.0 200 OK", "1 INVITE"),
        ("out", "INVITE sip:a SIP/2.0", "2 INVITE"),
        ("out", "INVITE sip:a SIP/2.0", "2 INVITE"),  # sent again
        ("in", "SIP/2.0 491 Request Pending", "2 INVITE"),
        ("out", "BYE sip:a SIP/2.0", "3 BYE"),
        ("in", "SIP/2.0 200 OK", "3 BYE"),
    ):
        tap(0.0, "", way, f"{first}\r\nCSeq: {cseq}\r\n\r\n".encode(), "")
    assert tap.failed("INVITE") == 1
    assert tap.failed("BYE") == 0


def test_a_stall_that_made_a_packet_late_spoils_a_run() -> None:
    assert not Stood(0, 0.0, 0.0, 500.0).spoils
    assert not Stood(3, 75.0, 25.0, 0.0).spoils
    assert "cannot be told" in str(Stood(0, 0.0, 0.0, 0.0, seen=False))  # where no watcher is urgent
    stood = Stood(2, 400.0, 370.0, 380.0)
    assert stood.spoils
    assert "stalled 2 times, 400 ms in all, 370 at most" in str(stood)


@pytest.mark.slow
def test_the_watchers_of_all_cores_answer_and_end() -> None:
    with Stalls() as stalls:
        stood = stalls.since()
    assert stood.times >= 0
    assert stood.longest_ms <= stood.ms
    assert all(each.returncode == 0 for each in stalls._watchers)


def test_a_flood_in_which_the_load_sent_late_is_spoilt() -> None:
    def flood(stalled_ms: float, late_ms: float) -> Flood:
        noticed = Noticed(0, [20.0] * 4, 1, 1, 0, 1, 0, 0, [0.1, 1.0, 2.0, late_ms])
        return Flood(Load(1, 1, 0, 0, 1.0, 1.0, 0.0), noticed, 0.1, 1.0, Stood(1, stalled_ms, stalled_ms, 0.0))

    assert not flood(29.0, 29.0).spoilt
    assert "voices were 245 ms late" in flood(29.0, 245.0).spoilt
    assert "the machine itself stalled" in flood(370.0, 245.0).spoilt


class Steps(Bench):
    """A ladder whose steps go well up to a rate."""

    def __init__(self, most: int) -> None:
        self.most, self.taken = most, list[tuple[int, int]]()

    def step(self, rate: int, seconds: int) -> Load | None:
        self.taken.append((rate, seconds))
        return Load(1, 1, 0, 0, 1.0, 1.0, 0.0) if rate <= self.most else None


@pytest.mark.parametrize(("most", "reached"), [(99, 0), (100, 100), (149, 146), (340, 338), (500, 495)])
def test_a_rate_is_found_to_a_tenth(most: int, reached: int) -> None:
    steps = Steps(most)
    assert steps.climbed() == reached
    assert all(steps.taken.count(each) == (1 if each[0] <= most else 2) for each in steps.taken)
