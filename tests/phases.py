"""How `make test` spreads the tests over two worker processes (pytest-xdist), and which of them want how much quiet.

Three phases, each of which begins when the one before is over in both workers:

1. Whatever computes on virtual time, and what waits in real time for an event and does not mind when it comes.
   Both workers are busy.
2. `REAL`: real audio and real SIP timers. Both workers take part, one test each at a time. Such a test sleeps nearly
   always, so two of them leave the machine to themselves; a neighbour that computes would be heard in the audio.
3. `ALONE`: one test at a time, nothing beside it.

In phases 1 and 2 each worker takes a file, and the next when it is done, and a worker that finds none left helps the
other with the rest of its own. So what is made once for a file is made once, but for the last file of a phase.

`pytest` without `-n` knows nothing of this: it runs all tests one after the other in the order of their files.
Rejected: `--dist loadgroup` (real audio would be played beside what computes), a run of pytest for each phase (several
results), marks in the test files (whoever gives out the tests sees their names only).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

# What a test's id begins with -> what in it would suffer. Files are begun in this order, the longest first.
REAL = {
    "tests/wire/test_sipp": "SIPp: counts what is sent again by timers of 0.5 s",
    "tests/console/test_desk_real.py": "a call with real audio, steered from a browser",
    "tests/lab/test_phone_real.py": "telephones over real audio",
    "tests/lab/test_soak.py": "a short soak of the real server: what everybody hears is judged all the while",
    "tests/lab/test_terminal.py::test_two_processes": "two telephones in processes of their own",
    "tests/lab/test_world_real.py": "stories over real audio",
    "tests/media/test_bleed.py": "real audio while all ports are scanned",
    "tests/media/test_engine.py": "the audio processes: gaps and levels are measured",
    "tests/media/test_exam.py": "the audio processes: when a sound ends, how long a recording is",
    "tests/media/test_faults.py": "the audio processes are killed: gaps are measured",
    "tests/media/test_fork_legs.py": "audio streams: what each leg says and hears",
    "tests/media/test_forks.py": "audio streams: frames are counted by the clock",
    "tests/media/test_kills.py": "the audio processes are killed: gaps are measured",
    "tests/media/test_recording.py": "recordings of real audio: their length and what is where",
    "tests/media/test_rest.py": "the audio processes",
    "tests/media/test_stalls.py": "the audio processes: a stalled disk must not be heard",
    "tests/media/test_voice_engine.py": "the audio processes: when somebody begins and stops to talk",
    "tests/media/test_wires.py": "the audio processes",
    "tests/sdks/test_pipecat.py": "a voice agent hears and answers real audio",
    "tests/server/test_made.py": "a call with real audio",
    "tests/server/test_recordings.py": "recordings of real calls",
    "tests/server/test_serve.py": "calls on the real server, a killed audio process among them",
    "tests/server/test_strangers.py": "a call with real audio",
    "tests/stories/test_ai_agents.py": "stories over real audio",
    "tests/stories/test_documents_by_ear.py::test_early_audio_and_keys": "a story over real audio",
    "tests/stories/test_documents_by_ear.py::test_real_dial_music": "a story over real audio",
    "tests/stories/test_in_call_actions.py::test_a_key_in_a_conference": "a story over real audio",
    "tests/stories/test_in_call_actions.py::test_a_recording_by_api": "a story over real audio",
    "tests/stories/test_in_call_actions.py::test_over_real": "stories over real audio",
    "tests/stories/test_machine_detection.py::test_over_real": "stories over real audio",
    "tests/stories/test_multi_party_calls.py::test_over_real": "stories over real audio",
    "tests/stories/test_speech_input.py::": "stories over real audio, with a recogniser that reads it as it comes",
    "tests/stories/test_voice_agent.py": "a story over real audio",
}
ALONE = {
    "tests/wire/test_baresip": "fourteen baresips at once: every packet that reached one is judged",
    "tests/wire/test_tshark": "every packet of the same telephones is judged, also of their lateness",
}

EARLY = (  # long files of the first phase, so that none is left for its end
    "tests/server/test_floods.py",
    "tests/sip/interleavings/",
    "tests/sdks/",
    "tests/console/",
)

AHEAD, FEW_LEFT = 16, 200  # tests that a worker is given in advance; near the end of a phase the two that it must have


def phase_of(test: str) -> int:
    """Returns 0, 1 or 2: the phase in which a test of this id is run."""
    return 2 if test.startswith(tuple(ALONE)) else 1 if test.startswith(tuple(REAL)) else 0


def _place(test: str) -> int:
    order = (*EARLY, *REAL, *ALONE)
    return next((n for n, start in enumerate(order) if test.startswith(start)), len(order))


class Share:
    """The tests of a phase that nobody was given yet. Each taker has a file of its own as long as there is one."""

    def __init__(self, tests: Iterable[tuple[int, str]]) -> None:
        in_order = sorted(tests, key=lambda test: _place(test[1]))
        files = groupby(in_order, key=lambda test: test[1].partition("::")[0])
        self._files = deque(deque(number for number, _ in those) for _, those in files)
        self._taken: dict[Any, deque[int]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._files)) + sum(map(len, self._taken.values()))

    def take(self, taker: Any) -> int:
        """Returns the next test of the taker's file, else of a new one, else the last one of another's."""
        own = self._taken.setdefault(taker, deque())
        if not own and self._files:
            own = self._taken[taker] = self._files.popleft()
        return own.popleft() if own else max(self._taken.values(), key=len).pop()

    def give_back(self, test: int) -> None:
        """Takes back what a worker was given that has died."""
        self._files.append(deque([test]))


class Phases:
    """What pytest-xdist asks of a scheduler (`xdist.scheduler.Scheduling`).

    A worker begins a test only when it knows the next one, and its last only when it is told to shut down. So what it
    holds while it waits for the end of a phase is the first test of the next one.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._collections: dict[Any, Sequence[str]] = {}
        self._pending: dict[Any, list[int]] = {}
        self._tests: Sequence[str] = ()
        self._phases: list[int] = []  # of each test
        self._shares: list[Share] = []
        self._now = 0

    # --- what xdist asks ----------------------------------------------------------------------------------------

    @property
    def nodes(self) -> list[Any]:
        return list(self._pending)

    @property
    def collection_is_completed(self) -> bool:
        return len(self._collections) >= self._workers

    @property
    def tests_finished(self) -> bool:
        given = self.collection_is_completed and not any(self._shares)
        return given and not self._is_held_back() and all(len(pending) < 2 for pending in self._pending.values())

    @property
    def has_pending(self) -> bool:
        return any(self._shares) or any(self._pending.values())

    def add_node(self, node: Any) -> None:
        self._pending[node] = []

    def add_node_collection(self, node: Any, collection: Sequence[str]) -> None:
        self._collections[node] = collection

    def schedule(self) -> None:
        """Begins when all workers have said what they found; goes on when one has taken the place of a dead one."""
        if not self._shares:
            first, *others = self._collections.values()
            for found in others:
                different = [pair for pair in zip(first, found, strict=False) if pair[0] != pair[1]]
                if different or len(found) != len(first):
                    raise RuntimeError(f"the workers found different tests, or in another order: {different[:1]}")
            self._tests, self._phases = first, [phase_of(test) for test in first]
            for phase in range(3):
                self._shares.append(Share((n, t) for n, t in enumerate(first) if self._phases[n] == phase))
        self._give_out()

    def mark_test_complete(self, node: Any, item_index: int, duration: float = 0) -> None:
        self._pending[node].remove(item_index)
        self._give_out()

    def mark_test_pending(self, item: str) -> None:
        raise NotImplementedError  # a test that is run again: nobody asks for it

    def remove_pending_tests_from_node(self, node: Any, indices: Sequence[int]) -> None:
        raise NotImplementedError  # stolen tests: this scheduler steals none

    def remove_node(self, node: Any) -> str | None:
        """Forgets a worker that is done (and returns None) or dead (and returns the test that it died in)."""
        pending = self._pending.pop(node)
        died_in = self._tests[pending.pop(0)] if pending else None
        for test in pending:
            self._shares[self._phases[test]].give_back(test)
        self._give_out()
        return died_in

    # --- who gets what ------------------------------------------------------------------------------------------

    def _is_held_back(self) -> bool:
        """Whether a worker holds a test of a phase that has not begun."""
        return any(self._phases[test] > self._now for pending in self._pending.values() for test in pending)

    def _is_over(self) -> bool:
        """Whether nothing is left of the running phase."""
        held = any(self._phases[test] <= self._now for pending in self._pending.values() for test in pending)
        return not self._shares[self._now] and not held

    def _give_out(self) -> None:
        if not self._shares:
            return
        while self._now < 2 and self._is_over() and (self._is_held_back() or any(self._shares[self._now + 1 :])):
            self._now += 1
        staying = next((node for node in self._pending if not node.shutting_down), None)
        for node in self.nodes:
            if not node.shutting_down:
                self._fill(node, alone=node is staying)

    def _fill(self, node: Any, *, alone: bool) -> None:
        """Gives a worker what it needs; `alone` says whether it is the one that runs the last phase."""
        share, pending, new = self._shares[self._now], self._pending[node], list[int]()
        if self._now == 2 and not alone:  # so from the start: there are none but tests that want to be alone
            node.shutdown()
            return
        while share and len(pending) + len(new) < (AHEAD if len(share) > FEW_LEFT else 2):
            new.append(share.take(node))
        done = False
        if not share and not any(self._phases[test] > self._now for test in pending):
            later = next((n for n in range(self._now + 1, 3) if self._shares[n]), None)
            if later is not None and (later < 2 or alone):
                new.append(self._shares[later].take(node))
            else:
                done = not alone or self._is_held_back()  # there is nothing to come, or another has it
        if new:
            pending += new
            node.send_runtest_some(new)
        if done:
            node.shutdown()  # it runs what it has, and leaves the machine to the other
