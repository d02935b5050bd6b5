"""The server in the middle: calls through it, and every kind of transfer, as flows for the search.

What a person does waits until they can hear that it is time, so that a lost message makes a flow longer, not another
one. Twenty seconds after the last act, when everything lost has been sent again, those who should talk must talk.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from switchhook.core import requests as r
from switchhook.core.errors import Refused
from switchhook.core.model import Kind, TransferPlan
from switchhook.core.outcomes import Outcome
from tests.sip.interleavings.switchboard import Apart, Switchboard
from tests.sip.link import Person

Play = Callable[[Switchboard], None]
Ends = frozenset[tuple[tuple[str, ...], str]]  # of customer, agent, target and the twin if any; and of the transfer

LAST_S = 60.0
OVER_S = 70.0
SETTLED_S = 20.0


@dataclass(frozen=True)
class HouseFlow:
    """A flow through the server. `manners` are the telephones' (`tests.sip.link.Person`)."""

    name: str
    play: Play
    ends: Ends
    manners: Mapping[str, str] = field(default_factory=dict)
    twin_of: str = ""
    apart: Apart = frozenset()

    def run(self, faults: Mapping[int, str]) -> tuple[int, list[str], object]:
        board = Switchboard(faults, self.manners, self.twin_of)
        self.play(board)
        board.at(LAST_S, board.everybody_hangs_up)
        board.at(OVER_S, board.look_for_quarrel)
        board.at(OVER_S + 70.0, board.unregister)
        board.net.run(400.0)
        wrong = board.trouble + board.look_for_two_stories(self.apart) + board.journal.doubts() + board.left_over()
        end = (board.ends, board.outcomes)
        if end not in self.ends:
            wrong.append(f"ended {end}")
        if wrong:
            wrong += [f"{who.name}: {who.events}" for who in board.everybody]
            wrong.append(" ".join(type(fact).__name__ for fact in board.facts))
            wrong.append(board.net.ladder())
        return board.net.sent, wrong, end


def ends(customer: str, agent: str, target: str = "", transfer: str = "") -> tuple[tuple[str, ...], str]:
    return (customer, agent, target), transfer


# --- plain calls


def leaves(who: str) -> Play:
    def play(board: Switchboard) -> None:
        board.call()
        board.when(lambda: board.talk(board.customer, board.agent), lambda: hang_up(getattr(board, who)))

    return play


def hang_up(who: Person) -> None:
    for line in who.agent.lines:
        line.hang_up()


def both_leave(board: Switchboard) -> None:
    board.call()

    def leave() -> None:
        hang_up(board.customer)
        hang_up(board.agent)

    board.when(lambda: board.talk(board.customer, board.agent), leave)


def gives_up_at(seconds: float) -> Play:
    def play(board: Switchboard) -> None:
        board.call()
        board.at(seconds, lambda: hang_up(board.customer))

    return play


def unanswered(board: Switchboard) -> None:
    board.call()


def holds(who: str) -> Play:
    def play(board: Switchboard) -> None:
        board.call()
        holder = getattr(board, who)
        both = (board.customer, board.agent)

        def hold() -> None:
            holder.agent.lines[0].hold()
            board.at(0.5, resume)

        def resume() -> None:
            holder.agent.lines[0].resume()
            board.at(SETTLED_S, lambda: board.must(board.talk(*both), "both talk again"))

        board.when(lambda: board.talk(*both), hold)

    return play


def holds_until_it_is_heard(board: Switchboard) -> None:
    """The agent takes the customer back only when the customer has heard that it was put on hold."""
    board.call()
    both = (board.customer, board.agent)
    resumed: list[float] = []

    def hold() -> None:
        board.agent.agent.lines[0].hold()
        board.when(lambda: board.hears(board.customer), resume)

    def resume() -> None:
        resumed.append(board.net.now)
        board.agent.agent.lines[0].resume()
        board.at(SETTLED_S, lambda: board.must(board.talk(*both), "both talk again"))

    board.when(lambda: board.talk(*both), hold)
    board.at(LAST_S - 10.0, lambda: board.must(bool(resumed), "the hold was heard"))


def both_hold(board: Switchboard) -> None:
    board.call()

    def hold() -> None:
        board.customer.agent.lines[0].hold()
        board.agent.agent.lines[0].hold()
        board.at(1.0, resume)

    def resume() -> None:
        board.customer.agent.lines[0].resume()
        board.agent.agent.lines[0].resume()
        board.at(SETTLED_S, lambda: board.must(board.talk(board.customer, board.agent), "both talk again"))

    board.when(lambda: board.talk(board.customer, board.agent), hold)


# --- transfers


def transfer(kind: Kind, then: Play) -> Play:
    def play(board: Switchboard) -> None:
        board.call()

        def start() -> None:
            agent = board.leg_of(board.agent)
            if agent is not None:
                plan = TransferPlan(kind, board.dial())
                board.exchange.ask(r.StartTransfer(board.room.id, agent, plan))
                then(board)

        board.when(lambda: board.talk(board.customer, board.agent), start)

    return play


def asked(board: Switchboard, request: type) -> Callable[[], None]:
    def ask() -> None:
        now = board.transfer
        if now is not None:
            try:
                board.exchange.ask(request(now.id))
            except Refused as refused:
                board.trouble.append(f"{request.__name__} was refused: {refused}")

    return ask


def settled(board: Switchboard, one: Person, other: Person) -> None:
    """When everything lost has been sent again, these two talk, and nobody else has a call."""

    def look() -> None:
        board.must(board.talk(one, other), f"{one.name} and {other.name} talk")
        for who in board.everybody:
            board.must(who in (one, other) or not who.agent.lines, f"{who.name} has no call any more")

    board.at(SETTLED_S, look)


def in_private(board: Switchboard) -> bool:
    """Agent and target hear each other, and the customer neither of them."""
    return board.talk(board.agent, board.target) and board.hears(board.customer)


def completed_by_request(board: Switchboard) -> None:
    board.when(lambda: in_private(board), asked(board, r.CompleteTransfer))
    board.when(lambda: board.talk(board.customer, board.target), lambda: settled(board, board.customer, board.target))


def completed_by_bye(board: Switchboard) -> None:
    board.when(lambda: in_private(board), lambda: hang_up(board.agent))
    board.when(lambda: board.talk(board.customer, board.target), lambda: settled(board, board.customer, board.target))


def completed_while_ringing(board: Switchboard) -> None:
    board.when(lambda: bool(board.target.lines), asked(board, r.CompleteTransfer), delay_s=0.1)
    board.when(lambda: board.talk(board.customer, board.target), lambda: settled(board, board.customer, board.target))


def aborted_while_ringing(board: Switchboard) -> None:
    board.when(lambda: bool(board.target.lines), asked(board, r.AbortTransfer), delay_s=0.1)
    board.when(lambda: board.talk(board.customer, board.agent), lambda: settled(board, board.customer, board.agent))


def aborted_as_the_target_answers(board: Switchboard) -> None:
    board.when(lambda: bool(board.target.lines), asked(board, r.AbortTransfer), delay_s=0.76)
    board.when(lambda: board.talk(board.customer, board.agent), lambda: settled(board, board.customer, board.agent))


def aborted_in_consult(board: Switchboard) -> None:
    board.when(lambda: in_private(board), asked(board, r.AbortTransfer))
    board.when(
        lambda: bool(board.target.endings) and board.talk(board.customer, board.agent),
        lambda: settled(board, board.customer, board.agent),
    )


def target_leaves_the_consult(board: Switchboard) -> None:
    board.when(lambda: in_private(board), lambda: hang_up(board.target))
    board.when(
        lambda: bool(board.target.endings) and board.talk(board.customer, board.agent),
        lambda: settled(board, board.customer, board.agent),
    )


def customer_leaves_while_it_rings(board: Switchboard) -> None:
    board.when(lambda: bool(board.target.lines), lambda: hang_up(board.customer), delay_s=0.1)


def customer_and_agent_leave_in_consult(board: Switchboard) -> None:
    def leave() -> None:
        hang_up(board.customer)
        hang_up(board.agent)

    board.when(lambda: in_private(board), leave)


def nobody_is_there(board: Switchboard) -> None:
    board.when(lambda: bool(board.target.endings), lambda: None)
    board.when(
        lambda: bool(board.target.endings) and board.talk(board.customer, board.agent),
        lambda: settled(board, board.customer, board.agent),
    )


def merged(board: Switchboard) -> None:
    board.when(lambda: in_private(board), asked(board, r.JoinTransfer))
    everybody = (board.customer, board.agent, board.target)
    board.at(
        SETTLED_S + 5.0,
        lambda: board.must(
            all(board.hears(one, *(other for other in everybody if other is not one)) for one in everybody),
            "all three talk",
        ),
    )


def follows(board: Switchboard) -> None:
    board.when(lambda: board.talk(board.customer, board.target), lambda: settled(board, board.customer, board.target))


def re_registers(board: Switchboard) -> None:
    """Both telephones refresh, one leaves and comes back."""
    board.agent.agent.register(3600)
    board.at(2.0, board.agent.agent.unregister)
    board.at(10.0, lambda: board.agent.agent.register(3600))
    board.at(30.0, lambda: board.must(set(board.exchange.state.registered) == {"1002", "1003"}, "both are registered"))


def found_when_registered_again(board: Switchboard) -> None:
    board.agent.agent.register(3600)
    board.at(0.02, board.call)
    board.when(lambda: board.talk(board.customer, board.agent), lambda: hang_up(board.customer))


DONE = frozenset({ends("completed", "completed")})
GIVEN_UP = frozenset({ends("cancelled", "cancelled")})
CROSSED = GIVEN_UP | {ends("cancelled", "completed"), ends("cancelled", "")}
TRANSFERRED = frozenset({ends("completed", "completed", "completed", "completed")})
RINGS = {"agent": "ring"}
# A CANCEL and a 200 met on the way: who gave up never had a call, who answered had one. And a customer who is let go
# because the target was busy is told so in the Reason of a BYE, which ends a call that was answered.
MET: Apart = frozenset({(Outcome.CANCELLED, Outcome.COMPLETED), (Outcome.COMPLETED, Outcome.CANCELLED)})
TOLD_WHY: Apart = frozenset({(Outcome.COMPLETED, Outcome.BUSY)})


def one_end(target: str, outcome: str) -> Ends:
    return frozenset({ends("completed", "completed", target, outcome)})


PLAIN = (
    HouseFlow("call, the customer hangs up", leaves("customer"), DONE),
    HouseFlow("call, the agent hangs up", leaves("agent"), DONE),
    HouseFlow("call, both hang up", both_leave, DONE),
    HouseFlow("the customer gives up at once", gives_up_at(0.0), CROSSED, RINGS),
    HouseFlow("the customer gives up while the server rings", gives_up_at(0.015), CROSSED, RINGS),
    HouseFlow("the customer gives up after 180", gives_up_at(0.5), GIVEN_UP, RINGS),
    HouseFlow("the customer gives up as the agent answers", gives_up_at(1.025), CROSSED, apart=MET),
    HouseFlow("the customer gives up as the server answers", gives_up_at(1.035), CROSSED, apart=MET),
    HouseFlow("the agent is busy", unanswered, frozenset({ends("busy", "rejected")}), {"agent": "busy"}),
    HouseFlow("nobody answers", unanswered, frozenset({ends("no_answer", "cancelled")}), RINGS),
    HouseFlow("the agent holds and resumes", holds("agent"), DONE),
    HouseFlow("the agent holds, and resumes when it was heard", holds_until_it_is_heard, DONE),
    HouseFlow("the customer holds and resumes", holds("customer"), DONE),
    HouseFlow("both hold and resume", both_hold, DONE),
    HouseFlow("telephones register again", re_registers, frozenset({ends("", "")})),
    HouseFlow("a call while the telephone registers again", found_when_registered_again, DONE),
)
TRANSFERS = (
    HouseFlow("warm, completed by request", transfer(Kind.WARM, completed_by_request), TRANSFERRED),
    HouseFlow("warm, completed by the agent's BYE", transfer(Kind.WARM, completed_by_bye), TRANSFERRED),
    HouseFlow("warm, completed while it rings", transfer(Kind.WARM, completed_while_ringing), TRANSFERRED),
    HouseFlow("two-step, completed", transfer(Kind.CONSULT, completed_by_request), TRANSFERRED),
    HouseFlow("cold", transfer(Kind.COLD, follows), TRANSFERRED),
    HouseFlow(
        "cold, nobody is there", transfer(Kind.COLD, lambda board: None),
        one_end("rejected", "busy"), {"target": "busy"}, apart=TOLD_WHY,
    ),
    HouseFlow(
        "warm, aborted while it rings", transfer(Kind.WARM, aborted_while_ringing),
        one_end("cancelled", "aborted"), {"target": "ring"},
    ),
    HouseFlow(
        "warm, aborted as the target answers", transfer(Kind.WARM, aborted_as_the_target_answers),
        one_end("completed", "aborted") | one_end("cancelled", "aborted"), apart=MET,
    ),
    HouseFlow("warm, aborted in the consult", transfer(Kind.WARM, aborted_in_consult), one_end("completed", "aborted")),
    HouseFlow(
        "warm, the target leaves the consult", transfer(Kind.WARM, target_leaves_the_consult),
        one_end("completed", "target_left"),
    ),
    HouseFlow(
        "warm, the target is busy", transfer(Kind.WARM, nobody_is_there), one_end("rejected", "busy"),
        {"target": "busy"},
    ),
    HouseFlow(
        "warm, the customer leaves while it rings", transfer(Kind.WARM, customer_leaves_while_it_rings),
        one_end("cancelled", "customer_left"), {"target": "ring"},
    ),
    HouseFlow(
        "warm, customer and agent leave the consult", transfer(Kind.WARM, customer_and_agent_leave_in_consult),
        one_end("completed", "customer_left") | one_end("completed", "completed"),
    ),
    HouseFlow("warm, merged", transfer(Kind.WARM, merged), one_end("completed", "merged")),
)  # fmt: skip
