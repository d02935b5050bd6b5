"""More flows through the server: two telephones of one user, calls that go out, holds in a transfer, crossing BYEs."""

from __future__ import annotations

from collections.abc import Callable

from switchhook.core import requests as r
from switchhook.core.model import Kind, TransferPlan
from tests.sip.interleavings.house_flows import (
    DONE,
    MET,
    SETTLED_S,
    TRANSFERRED,
    Ends,
    HouseFlow,
    Play,
    asked,
    completed_by_bye,
    completed_by_request,
    follows,
    hang_up,
    in_private,
    one_end,
    settled,
    transfer,
)
from tests.sip.interleavings.switchboard import Switchboard
from tests.sip.link import Person

# --- calls


def then(*acts: Callable[[Switchboard], None], apart_s: float = 0.0, out: bool = False) -> Play:
    """A call, and when both talk, these acts, one so long after the other."""

    def play(board: Switchboard) -> None:
        (board.call_out if out else board.call)()

        def act() -> None:
            for number, one in enumerate(acts):
                board.at(number * apart_s, lambda one=one: one(board))  # type: ignore[misc]

        board.when(lambda: board.talk(board.customer, board.agent), act)

    return play


def leaves(who: str) -> Callable[[Switchboard], None]:
    return lambda board: hang_up(getattr(board, who))


def holds_as_all_ends(board: Switchboard) -> None:
    """The agent holds; whoever has left does not send the answer again, so that the telephone may wait in vain."""
    board.may_time_out = True
    holds("agent")(board)


def holds(who: str) -> Callable[[Switchboard], None]:
    return lambda board: _each_up(getattr(board, who), lambda line: line.hold())


def resumes(who: str) -> Callable[[Switchboard], None]:
    return lambda board: _each_up(getattr(board, who), lambda line: line.resume())


def offers_nothing(who: str) -> Callable[[Switchboard], None]:
    return lambda board: _each_up(getattr(board, who), lambda line: line.reoffer())


def presses(who: str) -> Callable[[Switchboard], None]:
    return lambda board: _each_up(getattr(board, who), lambda line: line.send_digit("5"))


def _each_up(who: Person, action: Callable[..., None]) -> None:
    for line in who.agent.lines:
        if line.up:
            action(line)


def they_talk(board: Switchboard) -> None:
    settled(board, board.customer, board.agent)


def calls_without_an_offer(board: Switchboard) -> None:
    board.customer.agent.call("sip:1002@10.0.0.100", board.customer.media, offerless=True)
    board.when(lambda: board.talk(board.customer, board.agent), lambda: hang_up(board.customer))


def somebody_answers(board: Switchboard) -> None:
    """One of two telephones wins, and only one of them has a call."""
    board.call()
    others = (board.agent, board.twin)
    board.when(
        lambda: any(board.talk(board.customer, one) for one in others),
        lambda: board.at(
            SETTLED_S, lambda: board.must(sum(board.talk(board.customer, one) for one in others) == 1, "two talk")
        ),
    )


def gives_up(seconds: float) -> Play:
    def play(board: Switchboard) -> None:
        board.call()
        board.at(seconds, lambda: hang_up(board.customer))

    return play


# --- transfers


def transfer_of_a_call_out(kind: Kind, after: Play) -> Play:
    def play(board: Switchboard) -> None:
        board.call_out()
        board.when(lambda: board.talk(board.customer, board.agent), lambda: _start(board, kind, after))

    return play


def _start(board: Switchboard, kind: Kind, after: Play, *, keep_agent: bool = False, ring_s: float = 30.0) -> None:
    agent = board.leg_of(board.agent)
    if agent is not None:
        plan = TransferPlan(kind, board.dial(ring_s=ring_s), keep_agent=keep_agent)
        board.exchange.ask(r.StartTransfer(board.room.id, agent, plan))
        after(board)


def released_on_answer(board: Switchboard) -> None:
    board.call()
    board.when(
        lambda: board.talk(board.customer, board.agent),
        lambda: _start(board, Kind.COLD, follows, keep_agent=True),
    )


def nobody_answers(board: Switchboard) -> None:
    board.call()
    board.when(
        lambda: board.talk(board.customer, board.agent),
        lambda: _start(board, Kind.WARM, comes_back, ring_s=10.0),
    )


def comes_back(board: Switchboard) -> None:
    board.when(
        lambda: bool(board.target.endings) and board.talk(board.customer, board.agent),
        lambda: settled(board, board.customer, board.agent),
    )


def customer_leaves_as_the_target_answers(board: Switchboard) -> None:
    board.when(lambda: bool(board.target.lines), lambda: hang_up(board.customer), delay_s=0.76)


def customer_holds_in_the_consult(board: Switchboard) -> None:
    def hold() -> None:
        holds("customer")(board)
        board.at(0.5, lambda: resumes("customer")(board))
        board.at(0.52, asked(board, r.CompleteTransfer))

    board.when(lambda: in_private(board), hold)
    board.when(lambda: board.talk(board.customer, board.target), lambda: settled(board, board.customer, board.target))


def agent_holds_the_consult(board: Switchboard) -> None:
    def hold() -> None:
        holds_as_all_ends(board)
        holds("target")(board)
        board.at(0.5, lambda: resumes("target")(board))
        board.at(0.51, asked(board, r.CompleteTransfer))

    board.when(lambda: in_private(board), hold)
    board.when(lambda: board.talk(board.customer, board.target), lambda: settled(board, board.customer, board.target))


def both_leave_the_consult(board: Switchboard) -> None:
    def leave() -> None:
        hang_up(board.agent)
        hang_up(board.target)

    board.when(lambda: in_private(board), leave)


def target_leaves_as_it_is_completed(board: Switchboard) -> None:
    def both() -> None:
        hang_up(board.target)
        board.at(0.005, asked(board, r.CompleteTransfer))

    board.when(lambda: in_private(board), both)


def swapped_twice(board: Switchboard) -> None:
    def swap() -> None:
        asked(board, r.SwapTransfer)()
        board.at(0.4, lambda: board.must(board.talk(board.customer, board.agent), "the agent is with the customer"))
        board.at(0.9, lambda: board.must(in_private(board), "the agent is with the target"))
        board.at(0.5, asked(board, r.SwapTransfer))
        board.at(1.0, asked(board, r.CompleteTransfer))

    board.when(lambda: in_private(board), swap)
    board.when(lambda: board.talk(board.customer, board.target), lambda: settled(board, board.customer, board.target))


def of_two(customer: str, outcome: str, *ways: tuple[str, str], target: bool = False) -> Ends:
    """Two telephones of one user end in one of these ways, either of them the one or the other."""
    found = {two for one, other in ways for two in ((one, other), (other, one))}
    if target:
        return frozenset(((customer, "completed", one, two), outcome) for one, two in found)
    return frozenset(((customer, one, "", two), outcome) for one, two in found)


ONE_WINS = (("completed", "answered_elsewhere"), ("completed", "completed"), ("completed", ""))

CALLS = (
    HouseFlow(
        "two telephones ring, both pick up at once", somebody_answers, of_two("completed", "", *ONE_WINS), {}, "agent",
    ),
    HouseFlow(
        "two telephones ring, one picks up later", somebody_answers, of_two("completed", "", *ONE_WINS),
        {"agent": "late"}, "agent",
    ),
    HouseFlow(
        "two telephones ring, one is busy", somebody_answers,
        of_two("completed", "", ("completed", "rejected")), {"twin": "busy"}, "agent",
    ),
    HouseFlow(
        "two telephones ring, the customer gives up as both answer", gives_up(1.025),
        of_two("cancelled", "", *ONE_WINS, ("cancelled", "cancelled"), ("completed", "cancelled")), {}, "agent", MET,
    ),
    HouseFlow("the agent calls out, the agent hangs up", then(leaves("agent"), out=True), DONE),
    HouseFlow("the agent calls out, both hang up", then(leaves("agent"), leaves("customer"), out=True), DONE),
    HouseFlow("hold meets BYE", then(holds_as_all_ends, leaves("customer")), DONE),
    HouseFlow("hold, then BYE before its answer", then(holds_as_all_ends, leaves("agent"), apart_s=0.005), DONE),
    HouseFlow("a digit meets BYE", then(presses("agent"), leaves("customer"), apart_s=0.005), DONE),
    HouseFlow("no offer in the INVITE", calls_without_an_offer, DONE),
    HouseFlow(
        "no offer in a re-INVITE, while the other holds",
        then(offers_nothing("customer"), holds("agent"), resumes("agent"), they_talk, apart_s=0.02), DONE,
    ),
)  # fmt: skip
MORE_TRANSFERS = (
    HouseFlow("cold, of a call out", transfer_of_a_call_out(Kind.COLD, follows), TRANSFERRED),
    HouseFlow("warm, of a call out", transfer_of_a_call_out(Kind.WARM, completed_by_request), TRANSFERRED),
    HouseFlow("two-step, of a call out, BYE", transfer_of_a_call_out(Kind.CONSULT, completed_by_bye), TRANSFERRED),
    HouseFlow("cold, the agent is released on the answer", released_on_answer, TRANSFERRED),
    HouseFlow(
        "cold, the customer leaves as the target answers", transfer(Kind.COLD, customer_leaves_as_the_target_answers),
        one_end("cancelled", "customer_left") | one_end("completed", "customer_left") | TRANSFERRED, apart=MET,
    ),
    HouseFlow("warm, nobody answers", nobody_answers, one_end("cancelled", "no_answer"), {"target": "ring"}),
    HouseFlow("warm, the customer holds", transfer(Kind.WARM, customer_holds_in_the_consult), TRANSFERRED),
    HouseFlow(
        "warm, two hold in the consult", transfer(Kind.WARM, agent_holds_the_consult), TRANSFERRED,
    ),
    HouseFlow(
        "warm, agent and target leave the consult", transfer(Kind.WARM, both_leave_the_consult),
        TRANSFERRED | one_end("completed", "target_left"),
    ),
    HouseFlow(
        "warm, the target leaves as it is completed", transfer(Kind.WARM, target_leaves_as_it_is_completed),
        TRANSFERRED | one_end("completed", "target_left"),
    ),
    HouseFlow("warm, swapped twice", transfer(Kind.WARM, swapped_twice), TRANSFERRED),
    HouseFlow(
        "cold, two telephones of the target ring", transfer(Kind.COLD, lambda board: None),
        of_two("completed", "completed", *ONE_WINS, target=True), {}, "target",
    ),
)  # fmt: skip
