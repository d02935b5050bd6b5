"""The scheduler of `make test`: each test once, the phases one after the other, also when a worker dies."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.phases import ALONE, EARLY, REAL, Phases, phase_of

ROOT = Path(__file__).parent.parent
AUDIO = re.compile(r"\breal_world\b|\bRealWorld\(|tests\.media\.studio import|\bMediaEngine\b|\bPerformance\b|\bSipp\b")
NO_TESTS = {  # that name what real audio needs, and play none
    "tests/media/studio.py", "tests/media/conftest.py", "tests/media/test_acknowledging.py", "tests/test_phases.py",
}  # fmt: skip


@pytest.mark.parametrize("start", [*EARLY, *REAL, *ALONE])
def test_what_is_listed_is_there(start: str) -> None:
    file, _, test = start.partition("::")
    files = [ROOT / file] if file.endswith((".py", "/")) else list(ROOT.glob(f"{file}*.py"))
    assert files
    assert all(path.exists() for path in files)
    assert not test or re.search(rf"def {test}", files[0].read_text(encoding="utf-8"))


def test_all_files_with_real_audio_are_listed() -> None:
    listed = tuple(start.partition("::")[0] for start in (*REAL, *ALONE))
    found = [path for path in sorted(ROOT.glob("tests/**/test_*.py")) if AUDIO.search(path.read_text(encoding="utf-8"))]
    names = {str(path.relative_to(ROOT)) for path in found} - NO_TESTS
    assert len(names) > 20
    missing = [name for name in sorted(names) if not name.startswith(listed)]
    assert missing == [], "they play real audio: give them a line in `REAL` or `ALONE` of tests/phases.py"


class Worker:
    """A worker as xdist has them: it begins a test when it knows the next one, or that there is none."""

    def __init__(self, name: str, ran: list[tuple[str, str]]) -> None:
        self.name, self._ran = name, ran
        self.shutting_down = False
        self.queue: list[int] = []

    def __repr__(self) -> str:
        return self.name

    def send_runtest_some(self, indices: Sequence[int]) -> None:
        assert not self.shutting_down
        self.queue += indices

    def shutdown(self) -> None:
        self.shutting_down = True

    @property
    def next(self) -> int | None:
        return self.queue[0] if len(self.queue) > 1 or (self.queue and self.shutting_down) else None


class Session:
    """xdist's part: lets workers run a test in turn, forgets those that are done, replaces those that die."""

    def __init__(self, tests: list[str], workers: int = 2) -> None:
        self.tests, self.ran, self.made = tests, list[tuple[str, str]](), 0
        self.beside: list[set[str]] = []  # what was in the workers' hands at the same time
        self.phases = Phases(workers)
        self.workers = [self._made() for _ in range(workers)]
        for worker in self.workers:
            self.phases.add_node_collection(worker, tests)
        assert self.phases.collection_is_completed
        self.phases.schedule()

    def _made(self) -> Worker:
        worker = Worker(f"gw{self.made}", self.ran)
        self.made += 1
        self.phases.add_node(worker)
        return worker

    def run(self, dies_in: str = "") -> list[str]:
        """Runs all tests; returns those that a worker died in."""
        died: list[str] = []
        for _ in range(10 * len(self.tests) + 100):
            if self.phases.tests_finished:
                for worker in self.workers:
                    worker.shutdown()
            if not self.workers:
                break
            busy = [worker for worker in self.workers if worker.next is not None]
            self.beside.append({self.tests[worker.queue[0]] for worker in busy})
            for worker in busy:
                test = self.tests[worker.queue[0]]
                if test == dies_in and not died:
                    died.append(str(self.phases.remove_node(worker)))
                    self.workers.remove(worker)
                    self.workers.append(self._made())
                    self.phases.add_node_collection(self.workers[-1], self.tests)
                    self.phases.schedule()
                    continue
                number = worker.queue.pop(0)
                self.ran.append((worker.name, test))
                self.phases.mark_test_complete(worker, number)
            for worker in [worker for worker in self.workers if worker.shutting_down and not worker.queue]:
                self.workers.remove(worker)
                assert self.phases.remove_node(worker) is None
        assert not self.workers
        assert not self.phases.has_pending
        return died

    def names(self) -> list[str]:
        return [test for _, test in self.ran]


def some(plain: int, real: int, alone: int) -> list[str]:
    return [
        *(f"tests/media/test_engine.py::test_{n}" for n in range(real)),
        *(f"tests/sip/test_{n // 7}.py::test_{n}" for n in range(plain)),
        *(f"tests/wire/test_tshark_loss.py::test_{n}" for n in range(alone)),
    ]


MIXES = [
    (700, 40, 9),
    (1, 1, 1),
    (0, 1, 0),
    (0, 0, 1),
    (0, 0, 9),
    (3, 0, 2),
    (1, 0, 0),
    (2, 2, 0),
    (0, 5, 5),
    (50, 1, 1),
    (9, 1, 0),
]


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("mix", MIXES)
def test_each_test_runs_once_and_the_phases_do_not_mix(mix: tuple[int, int, int], workers: int) -> None:
    session = Session(some(*mix), workers)
    assert session.run() == []
    assert sorted(session.names()) == sorted(session.tests)
    assert [phase_of(test) for test in session.names()] == sorted(map(phase_of, session.tests))
    for tests in session.beside:
        assert len({phase_of(test) for test in tests}) <= 1
        assert len(tests) == 1 or not any(phase_of(test) == 2 for test in tests)


def test_both_work_and_a_file_stays_with_one_of_them_until_nothing_else_is_left() -> None:
    session = Session(some(700, 0, 0))
    session.run()
    by_file: dict[str, set[str]] = {}
    for worker, test in session.ran:
        by_file.setdefault(test.partition("::")[0], set()).add(worker)
    assert [worker for worker, _ in session.ran].count("gw0") == pytest.approx(350, abs=20)
    assert sum(len(workers) > 1 for workers in by_file.values()) <= 1


@pytest.mark.parametrize("where", [0, 5, 8, 60, 100, 749, 758])
def test_a_worker_that_dies_is_replaced_and_only_its_test_is_lost(where: int) -> None:
    tests = some(700, 50, 9)
    session = Session(tests)
    assert session.run(dies_in=tests[where]) == [tests[where]]
    assert sorted(session.names()) == sorted({*tests} - {tests[where]})


def test_workers_that_found_different_tests_do_not_begin() -> None:
    phases, workers = Phases(2), [Worker("gw0", []), Worker("gw1", [])]
    for worker, found in zip(workers, (["a::1", "a::2"], ["a::2", "a::1"]), strict=True):
        phases.add_node(worker)
        phases.add_node_collection(worker, found)
    with pytest.raises(RuntimeError, match="different tests"):
        phases.schedule()
