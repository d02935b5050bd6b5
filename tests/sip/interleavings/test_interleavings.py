"""Every single fault of every flow, and a spread of pairs of faults; `SWITCHHOOK_INTERLEAVINGS=n` (or -1) plays more.

`python -m tests.sip.interleavings` prints how many there are. The flows are searched by as many processes as there are
cores; each test waits for its own. Where the tests themselves are spread over processes (`make test`), each searches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial

import pytest

from switchhook.core import facts as f
from switchhook.core.outcomes import Outcome
from switchhook.exchange.ports import Entry
from switchhook.exchange.switch import Stamped
from switchhook.sip.flow import Flow as Path
from tests.sip.interleavings import played
from tests.sip.interleavings.flows import DONE, Flow, call, callee_declines_at, caller_leaves_at
from tests.sip.interleavings.groups import EVERY, GROUPS, PAIRS, group_of, processes, searched
from tests.sip.interleavings.house_flows import HouseFlow
from tests.sip.interleavings.net import KINDS, Net
from tests.sip.interleavings.search import BUDGET, Found, search
from tests.sip.interleavings.switchboard import AGENT, CUSTOMER, SERVER, TARGET, Journal, Switchboard


def budget(name: str) -> int:
    return BUDGET or PAIRS[group_of(name)]


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
    if not BUDGET:
        assert (found.runs, found.all_runs) == played.read()[name], "python -m tests.sip.interleavings --tested"
    print(f"{found.runs} interleavings")


def test_names_are_of_one_flow_each() -> None:
    assert len(EVERY) == sum(len(flows) for flows in GROUPS.values())


def test_the_document_says_how_many_are_played() -> None:
    counts = played.read()
    assert list(counts) == list(EVERY)
    page = played.PROOFS.read_text(encoding="utf-8")
    assert played.told(page, counts) == page, "python -m tests.sip.interleavings --tested"
    more = {name: (tested + 1, all_pairs) for name, (tested, all_pairs) in counts.items()}
    changed = [
        line for line, was in zip(played.told(page, more).split("\n"), page.split("\n"), strict=True) if line != was
    ]
    assert len(changed) == len(GROUPS) + 1  # a row for each, and the sum


@pytest.mark.parametrize(
    ("kind", "arrived"),
    [
        (None, ["1 0.01", "2 0.01", "3 0.01"]),
        ("lose", ["1 0.01", "3 0.01"]),
        ("double", ["1 0.01", "2 0.01", "3 0.01", "2 0.02"]),
        ("swap", ["1 0.01", "3 0.01", "2 0.01"]),
        ("ghost", ["1 0.01", "2 0.01", "3 0.01", "2 4.51"]),
    ],
)
def test_a_fault_is_done_to_the_message_it_names(kind: str | None, arrived: list[str]) -> None:
    """The second of three, with one between them that goes the other way; and one behind which no other comes."""
    assert _arrivals(kind, "12-3") == arrived
    alone = [one for one in arrived if not one.startswith("3")]
    assert _arrivals(kind, "12-") == (["1 0.01", "2 3.00"] if kind == "swap" else alone)


def _arrivals(kind: str | None, messages: str) -> list[str]:
    """Sends these at once to one end, "-" the other way, with a fault of the second; returns what came, and when."""
    net = Net({2: kind} if kind else {})
    one, other = net.end("10.0.0.1"), net.end("10.0.0.2")
    start, arrived = net.now, list[str]()
    other.on_message = lambda wire, _: arrived.append(f"{wire.decode()} {net.now - start:.2f}")
    for message in messages:
        source, host = (other, one.host) if message == "-" else (one, other.host)
        net.carry(source, message.encode(), Path("udp", host, 5060, f"{source.host}:5060"))
    net.run(10.0)
    return arrived


def _messages(name: str) -> set[tuple[str, str, str]]:
    """What is sent in a flow without faults: source, destination, and the method or the status with its method."""
    flow = EVERY[name]
    assert isinstance(flow, HouseFlow)
    board = Switchboard({}, flow.manners, flow.twin_of)
    flow.play(board)
    board.at(60.0, board.everybody_hangs_up)
    board.net.run(200.0)
    assert board.net.sent == len(board.net.log)  # each is numbered, and so has its faults
    found = set()
    for _, source, to, wire in board.net.log:
        start = wire.split(b"\r\n")[0].decode().split(" ")
        method = next(line for line in wire.decode().split("\r\n") if line.startswith("CSeq:")).split()[-1]
        found.add((source, to, f"{start[1]} {method}" if start[0] == "SIP/2.0" else start[0]))
    return found


@pytest.mark.parametrize("name", ["cold", "warm, completed by request", "two-step, completed"])
def test_a_transfer_has_every_message_with_every_telephone(name: str) -> None:
    """So each of them is lost, doubled and overtaken: the third telephone's, provisional answers and ACKs as well."""
    seen = _messages(f"transfer: {name}")
    called = {"INVITE", "ACK"}, {"100 INVITE", "180 INVITE", "200 INVITE"}
    for phone, (to, back) in {AGENT: called, TARGET: called, CUSTOMER: called[::-1]}.items():
        assert {(SERVER, phone, one) for one in to} | {(phone, SERVER, one) for one in back} <= seen
        byes = (
            {(SERVER, phone, "BYE"), (phone, SERVER, "200 BYE")},
            {(phone, SERVER, "BYE"), (SERVER, phone, "200 BYE")},
        )
        assert any(bye <= seen for bye in byes)


def test_a_call_given_up_has_its_cancels_and_their_answers() -> None:
    cancelled = _messages("server: the customer gives up after 180")
    for one, other in ((CUSTOMER, SERVER), (SERVER, AGENT)):
        assert {
            (one, other, "CANCEL"),
            (other, one, "200 CANCEL"),
            (other, one, "487 INVITE"),
            (one, other, "ACK"),
        } <= cancelled


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


def test_two_stories_and_a_journal_that_does_not_fit_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server writes that a call it ended had failed, once; and once it does not write it."""
    flow = EVERY["server: call, the agent hangs up"]
    assert not flow.run({})[1]
    append = Journal.append

    def forgets(journal: Journal, entry: Entry) -> None:
        if entry.kind != "LegEnded":
            append(journal, entry)

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "append", forgets)
        assert "LegCreated" in flow.run({})[1][0]
    heard = Switchboard._true

    def lies(board: Switchboard, stamped: Stamped) -> None:
        if isinstance(stamped.fact, f.LegEnded):
            stamped = replace(stamped, fact=replace(stamped.fact, outcome=Outcome.FAILED))
        heard(board, stamped)

    monkeypatch.setattr(Switchboard, "_true", lies)
    assert flow.run({})[1][:2] == [
        "+4930123 says completed, the journal failed",
        "1002 says completed, the journal failed",
    ]
