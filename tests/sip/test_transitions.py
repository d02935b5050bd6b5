"""Every transition of the four machines as the figures of RFC 3261 17 and RFC 6026 have it: what is sent, what is told.

Written from the RFCs and not from `sip.machines`; the last test says that neither has a row which the other has not.
"""

from __future__ import annotations

import pytest

from switchhook.sip import machines
from switchhook.sip.build import response
from switchhook.sip.transactions import ServerTransaction
from tests.sip.test_transactions import Bench

LASTS_S = {"A": 0.5, "E": 0.5, "G": 0.5, "I": 5.0, "K": 5.0} | dict.fromkeys("BDFHJLM", 32.0)
GIVE_UP: tuple[Step, ...] = ("B", "F", "H")  # until then it was sent again and again

Step = int | str  # a status, the letter of a timer, or what else can happen
Row = tuple[list[Step], Step, str, list[str], list[int]]  # before, then, state, sent, told

INVITE_CLIENT: list[Row] = [
    ([], "A", "calling", ["INVITE"], []),
    ([], "B", "terminated", [], [-408]),
    ([], 180, "proceeding", [], [180]),
    ([], 200, "accepted", [], [200]),
    ([], 486, "completed", ["ACK"], [486]),
    ([], "error", "terminated", [], [-503]),
    ([100], 180, "proceeding", [], [180]),
    ([180], 200, "accepted", [], [200]),
    ([180], 486, "completed", ["ACK"], [486]),
    ([180, "cancel"], "B", "terminated", [], [-408]),
    ([180], "error", "terminated", [], [-503]),
    ([486], 486, "completed", ["ACK"], []),
    ([486], 200, "accepted", [], [200]),
    ([486], "D", "terminated", [], []),
    ([200], 200, "accepted", [], [200]),
    ([200], "M", "terminated", [], []),
]
NON_INVITE_CLIENT: list[Row] = [
    ([], "E", "trying", ["OPTIONS"], []),
    ([], "F", "terminated", [], [-408]),
    ([], 100, "proceeding", [], [100]),
    ([], 200, "completed", [], [200]),
    ([], 404, "completed", [], [404]),
    ([], "error", "terminated", [], [-503]),
    ([100], "E", "proceeding", ["OPTIONS"], []),
    ([100], "F", "terminated", [], [-408]),
    ([100], 100, "proceeding", [], [100]),
    ([100], 200, "completed", [], [200]),
    ([100], 404, "completed", [], [404]),
    ([100], "error", "terminated", [], [-503]),
    ([404], "K", "terminated", [], []),
]
INVITE_SERVER: list[Row] = [
    ([180], "request", "proceeding", ["180"], []),
    ([], 180, "proceeding", ["180"], []),
    ([180], 200, "accepted", ["200"], []),
    ([180], 486, "completed", ["486"], []),
    ([486], "request", "completed", ["486"], []),
    ([486], "G", "completed", ["486"], []),
    ([486], "ack", "confirmed", [], []),
    ([486], "H", "terminated", [], [-1]),
    ([486, "ack"], "ack", "confirmed", [], []),
    ([486, "ack"], "request", "confirmed", [], []),
    ([486, "ack"], "I", "terminated", [], []),
    ([200], "request", "accepted", [], []),
    ([200], 200, "accepted", ["200"], []),
    ([200], "ack", "accepted", [], [1]),
    ([200], "L", "terminated", [], []),
]
NON_INVITE_SERVER: list[Row] = [
    ([], "request", "trying", [], []),
    ([], 200, "completed", ["200"], []),
    ([], 404, "completed", ["404"], []),
    ([404], "request", "completed", ["404"], []),
    ([404], "J", "terminated", [], []),
]
MACHINES = {
    "INVITE_CLIENT": INVITE_CLIENT,
    "NON_INVITE_CLIENT": NON_INVITE_CLIENT,
    "INVITE_SERVER": INVITE_SERVER,
    "NON_INVITE_SERVER": NON_INVITE_SERVER,
}
IGNORED = [  # what changes nothing in any state where no row has it
    ("INVITE_CLIENT", [200], 486), ("INVITE_CLIENT", [200], 180), ("INVITE_CLIENT", [486], 180),
    ("NON_INVITE_CLIENT", [200], 200), ("NON_INVITE_CLIENT", [404], 100), ("NON_INVITE_CLIENT", [200], 404),
    ("INVITE_SERVER", [486], 200), ("INVITE_SERVER", [200], 486), ("INVITE_SERVER", [200], 180),
    ("NON_INVITE_SERVER", [], 100), ("NON_INVITE_SERVER", [200], 404),
]  # fmt: skip


class Machine:
    """One transaction over UDP. `told` has what its user hears: statuses, 1 for an ACK, -1 for none."""

    def __init__(self, name: str) -> None:
        self.bench = Bench()
        self.told = self.bench.told
        self.method = "INVITE" if name.startswith("INVITE") else "OPTIONS"
        self.server = name.endswith("SERVER")
        self.transaction = (self.bench.server if self.server else self.bench.client)(self.method)
        self.bench.layer.unacknowledged = lambda _call_id: self.told.append(-1)
        if isinstance(self.transaction, ServerTransaction):
            self.transaction.on_ack = lambda _ack: self.told.append(1)

    def take(self, step: Step) -> None:
        transaction = self.transaction
        if step == "error":
            self.bench.layer.broken(self.bench.flow)
        elif step == "cancel":
            transaction.cancel("")
        elif step in LASTS_S:
            state = transaction.state
            self.bench.pass_time(LASTS_S[step] - 0.01)
            assert transaction.state == state, f"{step} is over too soon"
            self.bench.pass_time(0.02)
        elif isinstance(step, str):
            transaction.feed(step, transaction.request)
        elif self.server:
            transaction.respond(step, response(transaction.request, step, tag="t"))
        else:
            self.bench.answer(step)

    def saw(self, before: list[Step], step: Step) -> tuple[str, list[str], list[int]]:
        """Plays `before`, then `step`; returns the state, what the step sent, and what it told."""
        for one in before:
            self.take(one)
        self.told.clear()
        known = len(self.bench.sent)
        self.take(step)
        sent = [wire.split()[wire.startswith(b"SIP/")].decode() for _, wire in self.bench.sent[known:]]
        return self.transaction.state, [] if step in GIVE_UP else sent, self.told


@pytest.mark.parametrize(
    ("name", "row"),
    [(name, row) for name, rows in MACHINES.items() for row in rows],
    ids=lambda value: value if isinstance(value, str) else "-".join(map(str, [*value[0], value[1]])),
)
def test_a_transition(name: str, row: Row) -> None:
    before, step, *expected = row
    machine = Machine(name)
    assert list(machine.saw(before, step)) == expected
    table = machine.bench.layer.servers if machine.server else machine.bench.layer.clients
    assert bool(table) == (expected[0] != "terminated")


@pytest.mark.parametrize(("name", "before", "step"), IGNORED)
def test_what_no_row_has_changes_nothing(name: str, before: list[Step], step: Step) -> None:
    machine = Machine(name)
    for one in before:
        machine.take(one)
    state = machine.transaction.state
    assert Machine(name).saw(before, step) == (state, [], [])


@pytest.mark.parametrize("name", MACHINES)
def test_no_row_is_without_a_transition_here(name: str) -> None:
    played = set()
    for before, step, *_ in MACHINES[name]:
        machine = Machine(name)
        for one in before:
            machine.take(one)
        kind = ("1xx" if step < 200 else "2xx" if step < 300 else "final") if isinstance(step, int) else step
        played.add((machine.transaction.state, kind))
    assert played == set(getattr(machines, name))
