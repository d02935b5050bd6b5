"""Every single fault of every flow, and a spread of pairs of faults; `SWITCHHOOK_INTERLEAVINGS=n` (or -1) plays more.

`python -m tests.sip.interleavings` prints how many there are. The flows are searched by as many processes as there are
cores; each test waits for its own. Where the tests themselves are spread over processes (`make test`), each searches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import pytest

from tests.sip.interleavings.flows import DONE, Flow, call, callee_declines_at, caller_leaves_at
from tests.sip.interleavings.groups import EVERY, FORKED, GROUPS, SERVED, TRANSFERRED, TWO, processes, searched
from tests.sip.interleavings.net import KINDS
from tests.sip.interleavings.search import BUDGET, Found, search

PAIRS = {TWO: 40, FORKED: 20, SERVED: 6, TRANSFERRED: 6}


def budget(name: str) -> int:
    return BUDGET or PAIRS[name.partition(": ")[0]]


Searches = Mapping[str, Callable[[], Found]]


@pytest.fixture(scope="module")
def searches(request: pytest.FixtureRequest) -> Iterator[Searches]:
    """The searches of all flows that this session asks for."""
    wanted = [item.callspec.params["name"] for item in request.session.items if "searches" in _fixtures(item)]
    if hasattr(request.config, "workerinput"):  # one process of several (pytest-xdist)
        yield {name: partial(searched, name, budget(name)) for name in wanted}
        return
    with processes() as pool:
        yield {name: pool.submit(searched, name, budget(name)).result for name in wanted}
        pool.shutdown(cancel_futures=True)


def _fixtures(item: pytest.Item) -> list[str]:
    return getattr(item, "fixturenames", [])


@pytest.mark.slow
@pytest.mark.timeout(7200 if BUDGET else 120)
@pytest.mark.parametrize("name", EVERY)
def test_every_interleaving(name: str, searches: Searches) -> None:
    length, wrong, _ = EVERY[name].run({})
    assert not wrong, "\n".join(wrong)
    found, pairs = searches[name](), budget(name)
    assert not found.wrong, f"{found.wrongs} of {found.runs} are wrong, among them:\n{found.wrong[0]}"
    assert found.singles == len(KINDS) * length
    assert found.pairs == found.all_pairs if pairs < 0 else found.pairs >= min(pairs, found.all_pairs) // 2
    print(f"{found.runs} interleavings")


def test_names_are_of_one_flow_each() -> None:
    assert len(EVERY) == sum(len(flows) for flows in GROUPS.values())


class Three:
    """Three messages, however many faults there are."""

    name = "three messages"

    def __init__(self, wrong: Mapping[int, str]) -> None:
        self.seen: list[dict[int, str]] = []
        self._wrong = wrong

    def run(self, faults: Mapping[int, str]) -> tuple[int, list[str], object]:
        self.seen.append(dict(faults))
        return 3, ["wrong"] if faults == self._wrong else [], None


def test_the_search_plays_every_fault_once() -> None:
    three = Three({2: "lose", 3: "swap"})
    found = search(three, -1)
    assert len(three.seen) == len({tuple(one.items()) for one in three.seen}) == 1 + 3 * 4 + (2 + 1) * 4 * 4
    assert (found.singles, found.pairs, found.all_pairs, found.triples) == (12, 48, 48, 0)
    assert found.wrong == ["three messages with {2: 'lose', 3: 'swap'}: wrong"]


def test_the_search_plays_every_triple_once() -> None:
    three = Three({1: "double", 2: "lose", 3: "ghost"})
    found = search(three, -1, -1)
    assert (found.triples, found.all_triples, found.wrongs) == (64, 64, 1)
    assert len(three.seen) == len({tuple(one.items()) for one in three.seen}) == found.runs


@pytest.mark.parametrize("pairs", [1, 5, 20, 48, 100])
def test_a_budget_is_spread_over_the_flow(pairs: int) -> None:
    three = Three({})
    found = search(three, pairs)
    assert min(pairs, 48) // 2 <= found.pairs <= pairs
    if pairs >= 20:
        assert {max(one) for one in three.seen if len(one) == 2} == {2, 3}
    assert found.triples == 0


def test_what_is_wrong_is_found() -> None:
    """A network that loses all BYEs, a call nobody ends, and ends that were not expected."""
    deaf = dict.fromkeys(range(6, 60), "lose")
    assert "0 calls at one end and 1 at the other" in Flow("", caller_leaves_at(3.0)).run(deaf)[1]
    _, wrong, _ = Flow("", callee_declines_at(0.5), DONE, "ring").run({})
    assert any(one.startswith("ended ('rejected', 'rejected')") for one in wrong)
    _, wrong, _ = Flow("", call, DONE, "nothing").run({})
    assert any(one.startswith("ended ('cancelled'") for one in wrong)
