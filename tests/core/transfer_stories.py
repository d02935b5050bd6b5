"""Every row of the transfer tables as a short story, for every kind of transfer that has the row.

Shared by `test_transfer_stories` (each must pass) and by `tests/promises/test_gate` (without a row, one must fail).
A story is a function of a fresh `Rig` and a kind; its name is its sentence. Sources: plivo-phlo reference 4.5 (warm,
cold), genesys reference 3 and 9 (consult, single step). The file is long because it has a story for every row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core.ids import RoomId
from switchhook.core.model import FallbackKind, Kind, Phase, TransferOutcome
from switchhook.core.outcomes import Outcome
from tests.core.rig import MUSIC, RINGBACK, Rig, fallback, plan

Play = Callable[[Rig, Kind], None]

WARM, CONSULT, COLD = Kind.WARM, Kind.CONSULT, Kind.COLD
TALKS = (WARM, CONSULT)
EVERY = (WARM, CONSULT, COLD)
SILENCE: set[str] = set()
SORRY = "speak:en-US::nobody came"


@dataclass(frozen=True)
class Story:
    """One story for one kind of transfer."""

    name: str
    kind: Kind
    play: Play

    def __str__(self) -> str:
        return f"{self.kind.value}: {self.name}"


STORIES: list[Story] = []


def story(*kinds: Kind) -> Callable[[Play], Play]:
    """Adds a story for each of these kinds."""

    def add(play: Play) -> Play:
        STORIES.extend(Story(play.__name__.replace("_", " "), kind, play) for kind in kinds)
        return play

    return add


# --- how stories begin ----------------------------------------------------------------------------------------------


def _asked(rig: Rig, room: RoomId, kind: Kind, *names: str, **how: Any) -> None:
    rig.ask(r.StartTransfer(room, rig.leg("agent"), plan(kind, *names, **how)))


def ringing(rig: Rig, kind: Kind, *names: str, **how: Any) -> RoomId:
    """Customer and agent talk; the agent starts a transfer; the target rings and the agent waits."""
    room = rig.talking()
    if kind is COLD:
        how["keep_agent"] = True
    _asked(rig, room, kind, *names, **how)
    assert rig.transfer.phase is Phase.RINGING
    return room


def consulting(rig: Rig, kind: Kind, **how: Any) -> RoomId:
    room = ringing(rig, kind, **how)
    rig.answers("target")
    assert rig.transfer.phase is Phase.CONSULTING
    return room


def joining(rig: Rig, kind: Kind) -> RoomId:
    room = ringing(rig, kind)
    rig.ask(r.JoinTransfer(rig.transfer.id))
    assert rig.transfer.phase is Phase.JOINING
    return room


def following(rig: Rig, kind: Kind, **how: Any) -> RoomId:
    """The target rings and the agent is gone."""
    if kind is COLD:
        room = rig.talking()
        _asked(rig, room, kind, **how)
    else:
        room = ringing(rig, kind, **how)
        rig.ask(r.CompleteTransfer(rig.transfer.id))
    assert rig.transfer.phase is Phase.FOLLOWING
    assert not rig.on_line("agent")
    rig.hear({"customer": {MUSIC}})
    return room


def recalling(rig: Rig, kind: Kind, *more: FallbackKind) -> RoomId:
    """The target was busy; the agent's telephone rings again."""
    room = following(rig, kind, fallbacks=tuple(fallback(k) for k in (FallbackKind.RECALL, *more)))
    rig.rejects("target")
    assert rig.transfer.phase is Phase.RECALLING
    assert rig.is_rung("agent")
    rig.hear({"customer": {MUSIC}})
    return room


def announcing(rig: Rig, kind: Kind) -> RoomId:
    room = following(rig, kind, fallbacks=(fallback(FallbackKind.ANNOUNCE, clips=(SORRY,)),))
    rig.rejects("target")
    assert rig.transfer.phase is Phase.ANNOUNCING
    rig.hear({"customer": {SORRY}})
    return room


# --- the target rings, the agent waits ------------------------------------------------------------------------------


@story(*TALKS)
def the_target_answers_and_talks_to_the_agent_in_private(rig: Rig, kind: Kind) -> None:
    ringing(rig, kind)
    rig.hear({"customer": {MUSIC}, "agent": {RINGBACK}})
    rig.answers("target")
    rig.hear({"customer": {MUSIC}, "agent": {"target"}, "target": {"agent"}})
    rig.everybody_hangs_up()


@story(COLD)
def a_kept_agent_is_released_when_the_target_answers(rig: Rig, kind: Kind) -> None:
    ringing(rig, kind)
    rig.hear({"customer": {MUSIC}, "agent": {RINGBACK}})
    rig.answers("target")
    rig.hear({"customer": {"target"}, "target": {"customer"}})
    assert not rig.on_line("agent")
    assert rig.outcome is TransferOutcome.COMPLETED
    rig.everybody_hangs_up()


@story(*EVERY)
def the_target_is_busy_and_the_agent_talks_to_the_customer_again(rig: Rig, kind: Kind) -> None:
    ringing(rig, kind)
    rig.rejects("target")
    assert rig.outcome is TransferOutcome.BUSY
    rig.hear({"customer": {"agent"}, "agent": {"customer"}})
    assert not rig.told(f.FallbackTaken)
    rig.everybody_hangs_up()


@story(*EVERY)
def each_way_of_not_being_reached_has_its_word(rig: Rig, kind: Kind) -> None:
    room = rig.talking()
    words = {
        Outcome.BUSY: TransferOutcome.BUSY,
        Outcome.REJECTED: TransferOutcome.REJECTED,
        Outcome.FORBIDDEN: TransferOutcome.REJECTED,
        Outcome.NO_ANSWER: TransferOutcome.NO_ANSWER,
        Outcome.NOT_FOUND: TransferOutcome.UNREACHABLE,
        Outcome.NOT_REGISTERED: TransferOutcome.UNREACHABLE,
        Outcome.FAILED: TransferOutcome.UNREACHABLE,
    }
    for outcome, word in words.items():
        _asked(rig, room, kind, keep_agent=True)
        rig.rejects("target", outcome, 0)
        assert rig.outcome is word
    _asked(rig, room, kind, keep_agent=True, ring_s=12.0)
    rig.passes(11.9)
    assert rig.is_rung("target")
    rig.passes(0.2)
    assert rig.outcome is TransferOutcome.NO_ANSWER
    rig.hear({"customer": {"agent"}, "agent": {"customer"}})


@story(CONSULT)
def a_failed_consult_leaves_the_customer_held_until_retrieved(rig: Rig, kind: Kind) -> None:
    room = ringing(rig, kind, rejoin=False)
    rig.rejects("target")
    assert rig.outcome is TransferOutcome.BUSY
    rig.hear({"customer": {MUSIC}, "agent": SILENCE})
    rig.ask(r.TurnTo(rig.leg("agent"), room))
    rig.hear({"customer": {"agent"}, "agent": {"customer"}})


@story(*EVERY)
def an_abort_while_the_target_rings_stops_its_ringing(rig: Rig, kind: Kind) -> None:
    ringing(rig, kind)
    rig.ask(r.AbortTransfer(rig.transfer.id))
    assert rig.outcome is TransferOutcome.ABORTED
    assert not rig.is_rung("target")
    rig.hear({"customer": {"agent"}, "agent": {"customer"}})


@story(*EVERY)
def the_agent_completes_before_the_answer(rig: Rig, kind: Kind) -> None:
    ringing(rig, kind)
    rig.ask(r.CompleteTransfer(rig.transfer.id))
    rig.hear({"customer": {MUSIC}})
    assert not rig.on_line("agent")
    assert rig.is_rung("target")
    rig.answers("target")
    assert rig.outcome is TransferOutcome.COMPLETED
    rig.hear({"customer": {"target"}, "target": {"customer"}})
    rig.everybody_hangs_up()


@story(*EVERY)
def the_agent_hangs_up_while_the_target_rings(rig: Rig, kind: Kind) -> None:
    ringing(rig, kind)
    rig.hangs_up("agent")
    assert rig.transfer.phase is Phase.FOLLOWING
    rig.hear({"customer": {MUSIC}})
    rig.answers("target")
    assert rig.outcome is TransferOutcome.COMPLETED
    rig.hear({"customer": {"target"}, "target": {"customer"}})


@story(WARM)
def the_agent_resumes_and_the_target_joins_both(rig: Rig, kind: Kind) -> None:
    ringing(rig, kind)
    rig.ask(r.JoinTransfer(rig.transfer.id))
    rig.hear({"customer": {"agent"}, "agent": {"customer"}})
    assert rig.is_rung("target")
    rig.answers("target")
    assert rig.outcome is TransferOutcome.MERGED
    rig.hear(
        {"customer": {"agent", "target"}, "agent": {"customer", "target"}, "target": {"customer", "agent"}},
    )
    rig.hangs_up("agent")
    rig.hear({"customer": {"target"}, "target": {"customer"}})
    rig.everybody_hangs_up()


@story(CONSULT)
def the_agent_swaps_to_the_customer_while_the_target_rings(rig: Rig, kind: Kind) -> None:
    ringing(rig, kind)
    rig.ask(r.SwapTransfer(rig.transfer.id))
    rig.hear({"customer": {"agent"}, "agent": {"customer"}})
    rig.answers("target")
    rig.hear({"customer": {"agent"}, "agent": {"customer"}, "target": {MUSIC}})
    rig.ask(r.SwapTransfer(rig.transfer.id))
    rig.hear({"customer": {MUSIC}, "agent": {"target"}, "target": {"agent"}})


@story(WARM, COLD)
def the_customer_leaves_while_the_target_rings(rig: Rig, kind: Kind) -> None:
    room = rig.party()
    _asked(rig, room, kind, keep_agent=True)
    rig.hangs_up("customer")
    assert rig.outcome is TransferOutcome.CUSTOMER_LEFT
    assert not rig.is_rung("target")
    rig.hear({"agent": {MUSIC}})  # alone in a multi-party call
    rig.everybody_hangs_up()


@story(CONSULT)
def the_customer_leaves_and_the_ringing_consult_goes_on(rig: Rig, kind: Kind) -> None:
    ringing(rig, kind)
    rig.hangs_up("customer")
    assert rig.outcome is TransferOutcome.CUSTOMER_LEFT
    assert rig.is_rung("target")
    rig.hear({"agent": {RINGBACK}})
    rig.answers("target")
    rig.hear({"agent": {"target"}, "target": {"agent"}})
    rig.hangs_up("agent")
    assert not rig.on_line("target")
    assert rig.nothing_left()


@story(*EVERY)
def the_agent_releases_the_customer_while_the_target_rings(rig: Rig, kind: Kind) -> None:
    room = ringing(rig, kind)
    rig.ask(r.ReleaseCall(rig.leg("agent"), room))
    assert rig.outcome is TransferOutcome.CUSTOMER_RELEASED
    assert not rig.on_line("customer")
    rig.answers("target")
    rig.hear({"agent": {"target"}, "target": {"agent"}})
    rig.everybody_hangs_up()


# --- agent and target talk in private -------------------------------------------------------------------------------


@story(*TALKS)
def the_agent_completes(rig: Rig, kind: Kind) -> None:
    consulting(rig, kind)
    rig.ask(r.CompleteTransfer(rig.transfer.id))
    assert rig.outcome is TransferOutcome.COMPLETED
    assert not rig.on_line("agent")
    rig.hear({"customer": {"target"}, "target": {"customer"}})
    rig.everybody_hangs_up()


@story(*TALKS)
def the_agent_hangs_up_in_the_consult(rig: Rig, kind: Kind) -> None:
    consulting(rig, kind)
    rig.hangs_up("agent")
    assert rig.outcome is TransferOutcome.COMPLETED
    rig.hear({"customer": {"target"}, "target": {"customer"}})


@story(*TALKS)
def the_agent_merges_all_three(rig: Rig, kind: Kind) -> None:
    consulting(rig, kind)
    rig.ask(r.JoinTransfer(rig.transfer.id))
    assert rig.outcome is TransferOutcome.MERGED
    rig.hear({"customer": {"agent", "target"}, "agent": {"customer", "target"}, "target": {"customer", "agent"}})
    rig.hangs_up("agent")
    rig.hear({"customer": {"target"}, "target": {"customer"}})


@story(*TALKS)
def an_abort_in_the_consult_hangs_up_the_target(rig: Rig, kind: Kind) -> None:
    consulting(rig, kind)
    rig.ask(r.AbortTransfer(rig.transfer.id))
    assert rig.outcome is TransferOutcome.ABORTED
    assert not rig.on_line("target")
    rig.hear({"customer": {"agent"}, "agent": {"customer"}})


@story(*TALKS)
def the_target_leaves_the_consult(rig: Rig, kind: Kind) -> None:
    consulting(rig, kind)
    rig.hangs_up("target")
    assert rig.outcome is TransferOutcome.TARGET_LEFT
    rig.hear({"customer": {"agent"}, "agent": {"customer"}})


@story(*TALKS)
def the_agent_swaps_between_target_and_customer(rig: Rig, kind: Kind) -> None:
    consulting(rig, kind)
    rig.ask(r.SwapTransfer(rig.transfer.id))
    rig.hear({"customer": {"agent"}, "agent": {"customer"}, "target": {MUSIC}})
    rig.ask(r.SwapTransfer(rig.transfer.id))
    rig.hear({"customer": {MUSIC}, "agent": {"target"}, "target": {"agent"}})
    rig.ask(r.SwapTransfer(rig.transfer.id))
    rig.ask(r.CompleteTransfer(rig.transfer.id))  # allowed while the consult is the held one
    rig.hear({"customer": {"target"}, "target": {"customer"}})


@story(WARM)
def the_customer_leaves_the_consult_and_both_agents_stay_in_its_room(rig: Rig, kind: Kind) -> None:
    room = consulting(rig, kind)
    rig.hangs_up("customer")
    assert rig.outcome is TransferOutcome.CUSTOMER_LEFT
    rig.hear({"agent": {"target"}, "target": {"agent"}})
    assert rig.room_of("agent").id == room == rig.room_of("target").id
    rig.everybody_hangs_up()


@story(CONSULT)
def the_customer_leaves_and_the_consult_goes_on(rig: Rig, kind: Kind) -> None:
    room = consulting(rig, kind)
    rig.hangs_up("customer")
    assert rig.outcome is TransferOutcome.CUSTOMER_LEFT
    rig.hear({"agent": {"target"}, "target": {"agent"}})
    assert room not in rig.state.rooms
    rig.everybody_hangs_up()


@story(CONSULT)
def the_customer_leaves_while_the_agent_has_swapped_to_it(rig: Rig, kind: Kind) -> None:
    consulting(rig, kind)
    rig.ask(r.SwapTransfer(rig.transfer.id))
    rig.hangs_up("customer")
    rig.hear({"agent": {"target"}, "target": {"agent"}})


@story(*TALKS)
def the_agent_releases_the_customer_in_the_consult(rig: Rig, kind: Kind) -> None:
    room = consulting(rig, kind)
    rig.ask(r.ReleaseCall(rig.leg("agent"), room))
    assert rig.outcome is TransferOutcome.CUSTOMER_RELEASED
    assert not rig.on_line("customer")
    rig.hear({"agent": {"target"}, "target": {"agent"}})
    rig.everybody_hangs_up()


# --- the agent went back to the customer ----------------------------------------------------------------------------


@story(WARM)
def the_target_is_not_reached_after_the_agent_resumed(rig: Rig, kind: Kind) -> None:
    joining(rig, kind)
    rig.rejects("target")
    assert rig.outcome is TransferOutcome.BUSY
    rig.hear({"customer": {"agent"}, "agent": {"customer"}})


@story(WARM)
def an_abort_after_the_agent_resumed(rig: Rig, kind: Kind) -> None:
    joining(rig, kind)
    rig.ask(r.AbortTransfer(rig.transfer.id))
    assert rig.outcome is TransferOutcome.ABORTED
    assert not rig.is_rung("target")
    rig.hear({"customer": {"agent"}, "agent": {"customer"}})


@story(WARM)
def the_agent_leaves_after_having_resumed(rig: Rig, kind: Kind) -> None:
    joining(rig, kind)
    rig.hangs_up("agent")
    assert rig.transfer.phase is Phase.FOLLOWING
    rig.hear({"customer": {MUSIC}})
    rig.answers("target")
    assert rig.outcome is TransferOutcome.COMPLETED
    rig.hear({"customer": {"target"}, "target": {"customer"}})


@story(WARM)
def the_customer_leaves_after_the_agent_resumed(rig: Rig, kind: Kind) -> None:
    joining(rig, kind)
    rig.hangs_up("customer")
    assert rig.outcome is TransferOutcome.CUSTOMER_LEFT
    assert not rig.is_rung("target")
    rig.everybody_hangs_up()


@story(WARM)
def the_agent_releases_the_customer_after_having_resumed(rig: Rig, kind: Kind) -> None:
    room = joining(rig, kind)
    rig.ask(r.ReleaseCall(rig.leg("agent"), room))
    assert rig.outcome is TransferOutcome.CUSTOMER_RELEASED
    assert not rig.on_line("customer")
    assert not rig.is_rung("target")


# --- the agent is gone ----------------------------------------------------------------------------------------------


@story(*EVERY)
def the_target_answers_the_waiting_customer(rig: Rig, kind: Kind) -> None:
    following(rig, kind)
    rig.answers("target")
    assert rig.outcome is TransferOutcome.COMPLETED
    rig.hear({"customer": {"target"}, "target": {"customer"}})
    rig.everybody_hangs_up()


@story(*EVERY)
def nobody_comes_and_the_customer_is_let_go(rig: Rig, kind: Kind) -> None:
    following(rig, kind)
    rig.rejects("target")
    assert rig.outcome is TransferOutcome.BUSY
    (taken,) = rig.told(f.FallbackTaken)
    assert taken.fallback.kind is FallbackKind.RELEASE
    assert not rig.on_line("customer")
    assert rig.nothing_left()


@story(*EVERY)
def nobody_comes_and_the_customers_program_goes_on(rig: Rig, kind: Kind) -> None:
    room = rig.talking(program="plivo")
    _asked(rig, room, kind)
    if kind is not COLD:
        rig.hangs_up("agent")
    rig.rejects("target", Outcome.NO_ANSWER, 480)
    assert rig.outcome is TransferOutcome.NO_ANSWER
    (freed,) = rig.told(f.LegFreed)
    assert (freed.leg, freed.program, freed.outcome) == (rig.leg("customer"), "plivo", Outcome.NO_ANSWER)
    assert rig.on_line("customer")


@story(*EVERY)
def the_customer_leaves_while_it_waits(rig: Rig, kind: Kind) -> None:
    following(rig, kind)
    rig.hangs_up("customer")
    assert rig.outcome is TransferOutcome.CUSTOMER_LEFT
    assert not rig.is_rung("target")
    assert rig.nothing_left()


@story(*EVERY)
def an_abort_after_the_agent_left_keeps_the_customer_waiting(rig: Rig, kind: Kind) -> None:
    room = following(rig, kind)
    rig.ask(r.AbortTransfer(rig.transfer.id))
    assert rig.outcome is TransferOutcome.ABORTED
    assert not rig.is_rung("target")
    rig.hear({"customer": {MUSIC}})
    assert room in rig.state.rooms
    rig.everybody_hangs_up()


# --- fallbacks ------------------------------------------------------------------------------------------------------


@story(*EVERY)
def a_recall_brings_the_agent_back(rig: Rig, kind: Kind) -> None:
    recalling(rig, kind)
    rig.answers("agent")
    assert rig.outcome is TransferOutcome.RETURNED
    rig.hear({"customer": {"agent"}, "agent": {"customer"}})
    rig.everybody_hangs_up()


@story(*EVERY)
def a_recall_that_fails_takes_the_next_fallback(rig: Rig, kind: Kind) -> None:
    recalling(rig, kind, FallbackKind.PARK)
    rig.rejects("agent", Outcome.NO_ANSWER, 480)
    assert rig.outcome is TransferOutcome.BUSY  # why the target was not reached
    rig.hear({"customer": {MUSIC}})
    assert rig.on_line("customer")


@story(*EVERY)
def the_customer_leaves_during_a_recall(rig: Rig, kind: Kind) -> None:
    recalling(rig, kind)
    rig.hangs_up("customer")
    assert rig.outcome is TransferOutcome.CUSTOMER_LEFT
    assert not rig.is_rung("agent")
    assert rig.nothing_left()


@story(*EVERY)
def an_abort_during_a_recall(rig: Rig, kind: Kind) -> None:
    recalling(rig, kind)
    rig.ask(r.AbortTransfer(rig.transfer.id))
    assert rig.outcome is TransferOutcome.ABORTED
    assert not rig.is_rung("agent")
    rig.hear({"customer": {MUSIC}})


@story(*EVERY)
def a_recall_that_is_cancelled_takes_the_next_fallback(rig: Rig, kind: Kind) -> None:
    recalling(rig, kind)
    rig.ask(r.CancelDial(rig.dial.id))
    assert rig.outcome is TransferOutcome.BUSY
    assert rig.nothing_left()


@story(*EVERY)
def the_next_target_takes_the_customer(rig: Rig, kind: Kind) -> None:
    following(rig, kind, fallbacks=(fallback(FallbackKind.NEXT, "second"),), send_digits="99")
    rig.rejects("target")
    assert rig.is_rung("second")
    rig.hear({"customer": {MUSIC}})
    rig.answers("second")
    assert rig.outcome is TransferOutcome.COMPLETED
    assert not rig.told(f.DigitsSent)  # they were meant for the first target's machine
    rig.hear({"customer": {"second"}, "second": {"customer"}})


@story(*EVERY)
def next_targets_are_tried_one_after_the_other(rig: Rig, kind: Kind) -> None:
    following(
        rig,
        kind,
        fallbacks=(fallback(FallbackKind.NEXT, "second"), fallback(FallbackKind.NEXT, "third")),
    )
    rig.rejects("target")
    rig.rejects("second", Outcome.NO_ANSWER, 480)
    assert rig.is_rung("third")
    rig.rejects("third", Outcome.REJECTED, 603)
    assert rig.outcome is TransferOutcome.REJECTED
    assert rig.nothing_left()


@story(*EVERY)
def a_voicemail_takes_the_customer_without_brief_or_digit(rig: Rig, kind: Kind) -> None:
    following(rig, kind, fallbacks=(fallback(FallbackKind.VOICEMAIL, "mailbox"),), brief=("tone:440:500",))
    rig.rejects("target")
    rig.answers("mailbox")
    assert rig.outcome is TransferOutcome.COMPLETED
    rig.hear({"customer": {"mailbox"}, "mailbox": {"customer"}})


@story(*EVERY)
def the_customer_is_told_and_then_let_go(rig: Rig, kind: Kind) -> None:
    announcing(rig, kind)
    rig.sound_ends("customer")
    assert rig.outcome is TransferOutcome.BUSY
    assert not rig.on_line("customer")
    assert rig.nothing_left()


@story(*EVERY)
def the_customer_leaves_while_it_is_told(rig: Rig, kind: Kind) -> None:
    announcing(rig, kind)
    rig.hangs_up("customer")
    assert rig.outcome is TransferOutcome.CUSTOMER_LEFT
    assert rig.nothing_left()


@story(*EVERY)
def an_abort_while_the_customer_is_told(rig: Rig, kind: Kind) -> None:
    announcing(rig, kind)
    rig.ask(r.AbortTransfer(rig.transfer.id))
    assert rig.outcome is TransferOutcome.ABORTED
    rig.hear({"customer": {MUSIC}})


@story(*EVERY)
def an_announcement_that_is_stopped_counts_as_heard(rig: Rig, kind: Kind) -> None:
    announcing(rig, kind)
    rig.ask(r.StopSound(rig.leg("customer")))
    assert rig.nothing_left()


@story(*EVERY)
def a_parked_customer_hears_music_until_somebody_is_added(rig: Rig, kind: Kind) -> None:
    room = following(rig, kind, fallbacks=(fallback(FallbackKind.PARK),))
    rig.rejects("target")
    assert rig.outcome is TransferOutcome.BUSY
    rig.hear({"customer": {MUSIC}})
    rig.passes(3600)
    rig.hear({"customer": {MUSIC}})
    rig.ask(r.AddParty(room, plan(kind, "helper").dial))
    rig.answers("helper")
    rig.hear({"customer": {"helper"}, "helper": {"customer"}})
    rig.everybody_hangs_up()
