"""Transfers through the server that do not go straight.

Nobody comes, and the agent is rung again or the customer waits; the target has to accept; the agent comes back while it
rings; agent and target go on alone.
"""

from __future__ import annotations

from dataclasses import replace

from switchhook.core import requests as r
from switchhook.core.model import Fallback, FallbackKind, Kind, TransferPlan
from tests.sip.interleavings.house_crossings import presses
from tests.sip.interleavings.house_flows import (
    TRANSFERRED,
    HouseFlow,
    Play,
    asked,
    ends,
    follows,
    hang_up,
    in_private,
    one_end,
    settled,
    transfer,
)
from tests.sip.interleavings.switchboard import Switchboard


def failing(kind: Kind, fallback: FallbackKind, then: Play, *, ring_s: float = 30.0) -> Play:
    """A transfer whose target is not reached, and what is done with the customer then."""

    def play(board: Switchboard) -> None:
        board.call()

        def start() -> None:
            agent = board.leg_of(board.agent)
            if agent is not None:
                plan = TransferPlan(kind, board.dial(ring_s=ring_s), (Fallback(fallback),))
                board.exchange.ask(r.StartTransfer(board.room.id, agent, plan))
                then(board)

        board.when(lambda: board.talk(board.customer, board.agent), start)

    return play


def rung_again(board: Switchboard) -> None:
    board.when(
        lambda: len(board.agent.lines) > 1 and board.talk(board.customer, board.agent),
        lambda: settled(board, board.customer, board.agent),
    )
    board.at(50.0, lambda: board.must(len(board.agent.lines) == 2, "the agent was rung again, once"))


def completed_in_vain(board: Switchboard) -> None:
    board.when(lambda: bool(board.target.lines), asked(board, r.CompleteTransfer), delay_s=0.1)
    rung_again(board)


def waits(board: Switchboard) -> None:
    board.at(SETTLED_ALONE_S, lambda: board.must(board.hears(board.customer), "the customer is up and hears nobody"))


def aborted_while_it_follows(board: Switchboard) -> None:
    board.when(lambda: bool(board.agent.endings), asked(board, r.AbortTransfer), delay_s=0.1)
    waits(board)


def joined_while_ringing(board: Switchboard) -> None:
    board.when(lambda: bool(board.target.lines), asked(board, r.JoinTransfer), delay_s=0.1)
    everybody = (board.customer, board.agent, board.target)

    def all_talk() -> bool:
        return all(board.hears(one, *(other for other in everybody if other is not one)) for one in everybody)

    board.at(SETTLED_ALONE_S, lambda: board.must(all_talk(), "all three talk"))


def customer_leaves_the_consult(board: Switchboard) -> None:
    board.when(lambda: in_private(board), lambda: hang_up(board.customer))
    board.when(
        lambda: bool(board.customer.endings) and board.talk(board.agent, board.target),
        lambda: settled(board, board.agent, board.target),
    )


def accepted(board: Switchboard) -> None:
    """The target presses a key before it is put through."""
    board.call()

    def start() -> None:
        agent = board.leg_of(board.agent)
        if agent is not None:
            plan = TransferPlan(Kind.COLD, replace(board.dial(), accept_digit="5"))
            board.exchange.ask(r.StartTransfer(board.room.id, agent, plan))
            board.when(lambda: any(line.up for line in board.target.agent.lines), lambda: presses("target")(board))
            follows(board)

    board.when(lambda: board.talk(board.customer, board.agent), start)


SETTLED_ALONE_S = 25.0
BUSY = {"target": "busy"}
RETURNED = frozenset({ends("completed", "completed,completed", "rejected", "returned")})
RETURNED_LATE = frozenset({ends("completed", "completed,completed", "cancelled", "returned")})

FALLBACKS = (
    HouseFlow(
        "cold, the target is busy, the agent is rung again",
        failing(Kind.COLD, FallbackKind.RECALL, rung_again), RETURNED, BUSY,
    ),
    HouseFlow(
        "warm, completed while it rings, nobody answers, the agent is rung again",
        failing(Kind.WARM, FallbackKind.RECALL, completed_in_vain, ring_s=10.0), RETURNED_LATE, {"target": "ring"},
    ),
    HouseFlow(
        "cold, the target is busy, the customer waits",
        failing(Kind.COLD, FallbackKind.PARK, waits), one_end("rejected", "busy"), BUSY,
    ),
    HouseFlow(
        "cold, aborted when the agent has gone", transfer(Kind.COLD, aborted_while_it_follows),
        one_end("cancelled", "aborted"), {"target": "ring"},
    ),
    HouseFlow(
        "warm, the agent joins while it rings", transfer(Kind.WARM, joined_while_ringing),
        one_end("completed", "merged"),
    ),
    HouseFlow(
        "two-step, the customer leaves the consult", transfer(Kind.CONSULT, customer_leaves_the_consult),
        one_end("completed", "customer_left"),
    ),
    HouseFlow("cold, the target has to accept", accepted, TRANSFERRED),
)  # fmt: skip
