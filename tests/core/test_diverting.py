"""Telephones that are not to be disturbed, or send their calls elsewhere, whoever dials them."""

from __future__ import annotations

import pytest

from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core.errors import Reason, Refused
from switchhook.core.model import Diversion, Kind, Order, TransferOutcome
from switchhook.core.outcomes import Outcome
from tests.core.rig import ACCOUNT, MUSIC, Rig, destination, dial, plan


def refuses(rig: Rig, name: str, on: bool = True) -> None:
    rig.ask(r.Divert(destination(name).key, Diversion(refuses=on)))


def forwards(rig: Rig, name: str, to: str) -> None:
    rig.ask(r.Divert(destination(name).key, Diversion(to=destination(to))))


def ended(rig: Rig) -> list[Outcome]:
    return [fact.outcome for fact in rig.told(f.DialEnded)]


def test_a_telephone_that_refuses_is_not_rung_and_told_as_busy() -> None:
    rig = Rig()
    refuses(rig, "agent")
    rig.ask(r.Connect(rig.arrives("customer"), dial("agent")))
    rig.passes(0.1)
    assert not rig.is_rung("agent")
    assert ended(rig) == [Outcome.BUSY]
    assert [fact.sip_status for fact in rig.told(f.LegEnded)][:1] == [486]
    refuses(rig, "agent", on=False)
    rig.ask(r.Connect(rig.arrives("second"), dial("agent")))
    assert rig.is_rung("agent")


def test_the_next_target_is_rung_when_the_first_refuses() -> None:
    rig = Rig()
    refuses(rig, "agent")
    rig.ask(r.Connect(rig.arrives("customer"), dial("agent", "other", order=Order.SEQUENTIAL)))
    rig.passes(0.1)
    rig.answers("other")
    rig.hear({"customer": {"other"}, "other": {"customer"}})


def test_who_dials_and_hangs_up_before_the_refusal_leaves_nothing() -> None:
    rig = Rig()
    refuses(rig, "agent")
    rig.ask(r.Connect(rig.arrives("customer"), dial("agent")))
    rig.hangs_up("customer")
    rig.passes(1)
    assert rig.nothing_left()


def test_a_forwarded_call_rings_elsewhere_along_the_whole_chain() -> None:
    rig = Rig()
    forwards(rig, "agent", "second")
    forwards(rig, "second", "third")
    rig.ask(r.Connect(rig.arrives("customer"), dial("agent")))
    assert not rig.is_rung("agent")
    assert not rig.is_rung("second")
    rig.answers("third")
    rig.hear({"customer": {"third"}, "third": {"customer"}})


def test_forwards_that_go_round_in_a_circle_are_busy() -> None:
    rig = Rig()
    forwards(rig, "agent", "second")
    forwards(rig, "second", "agent")
    rig.ask(r.Connect(rig.arrives("customer"), dial("agent")))
    rig.passes(0.1)
    assert ended(rig) == [Outcome.BUSY]
    with pytest.raises(Refused) as refused:
        forwards(rig, "third", "third")
    assert refused.value.reason is Reason.TARGET_IS_SELF


def test_a_call_that_a_program_makes_respects_it_too() -> None:
    rig = Rig()
    refuses(rig, "agent")
    rig.ask(r.Originate(ACCOUNT, destination("agent"), "100", "program"))
    rig.passes(0.1)
    assert [fact.outcome for fact in rig.told(f.LegEnded)] == [Outcome.BUSY]


def test_a_transfer_to_who_refuses_fails_as_busy_and_the_customer_is_not_lost() -> None:
    rig = Rig()
    room = rig.talking("customer", "agent")
    refuses(rig, "target")
    rig.ask(r.StartTransfer(room, rig.leg("agent"), plan(Kind.CONSULT, "target")))
    assert rig.hears("customer") == {MUSIC}
    rig.passes(0.1)
    assert rig.outcome is TransferOutcome.BUSY
    rig.hear({"customer": {"agent"}, "agent": {"customer"}})


def test_an_insistent_dial_rings_all_the_same() -> None:
    rig = Rig()
    refuses(rig, "agent")
    rig.ask(r.Connect(rig.arrives("customer"), dial("agent", insistent=True)))
    assert rig.is_rung("agent")


def test_setting_the_same_again_is_told_once_and_a_ringing_call_goes_on() -> None:
    rig = Rig()
    rig.ask(r.Connect(rig.arrives("customer"), dial("agent")))
    refuses(rig, "agent")
    refuses(rig, "agent")
    assert len(rig.told(f.DiversionSet)) == 1
    rig.answers("agent")
    rig.hear({"customer": {"agent"}})
