"""Every single fault of every flow, and a spread of pairs of faults; `SWITCHHOOK_INTERLEAVINGS=n` (or -1) plays more.

`python -m tests.sip.interleavings` prints how many there are.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.sip.interleavings.flows import DONE, FLOWS, Flow, call, callee_declines_at, caller_leaves_at
from tests.sip.interleavings.house_flows import PLAIN, TRANSFERS
from tests.sip.interleavings.net import KINDS
from tests.sip.interleavings.search import BUDGET, Playable, search

PAIRS = BUDGET or 80
HOUSE_PAIRS = BUDGET or 6


def played(flow: Playable, pairs: int) -> None:
    length, wrong, _ = flow.run({})
    assert not wrong, "\n".join(wrong)
    found = search(flow, pairs)
    assert not found.wrong, f"{len(found.wrong)} of {found.runs} are wrong, among them:\n{found.wrong[0]}"
    assert found.singles == len(KINDS) * length
    assert found.pairs == found.all_pairs if pairs < 0 else found.pairs >= min(pairs, found.all_pairs) // 2
    print(f"{found.runs} interleavings")


@pytest.mark.slow
@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name)
def test_two_telephones(flow: Flow) -> None:
    played(flow, PAIRS)


@pytest.mark.slow
@pytest.mark.parametrize("flow", PLAIN + TRANSFERS, ids=lambda flow: flow.name)
def test_the_server_in_the_middle(flow: Playable) -> None:
    played(flow, HOUSE_PAIRS)


def test_the_search_plays_every_fault_once() -> None:
    seen: list[dict[int, str]] = []

    class Three:
        name = "three messages"

        def run(self, faults: Mapping[int, str]) -> tuple[int, list[str], object]:
            seen.append(dict(faults))
            return 3, ["wrong"] if faults == {2: "lose", 3: "swap"} else [], None

    found = search(Three(), -1)
    assert len(seen) == len({tuple(one.items()) for one in seen}) == 1 + 3 * 4 + (2 + 1) * 4 * 4
    assert (found.singles, found.pairs, found.all_pairs) == (12, 48, 48)
    assert found.wrong == ["three messages with {2: 'lose', 3: 'swap'}: wrong"]


def test_what_is_wrong_is_found() -> None:
    """A network that loses all BYEs, a call nobody ends, and ends that were not expected."""
    deaf = dict.fromkeys(range(6, 60), "lose")
    assert "0 calls at one end and 1 at the other" in Flow("", caller_leaves_at(3.0)).run(deaf)[1]
    _, wrong, _ = Flow("", callee_declines_at(0.5), DONE, "ring").run({})
    assert any(one.startswith("ended ('rejected', 'rejected')") for one in wrong)
    _, wrong, _ = Flow("", call, DONE, "nothing").run({})
    assert any(one.startswith("ended ('cancelled'") for one in wrong)
