"""A conference that a desktop made: whoever leaves it, the others talk on (genesys 2 and 9)."""

from __future__ import annotations

import pytest

from switchhook.core import requests as r
from switchhook.core.errors import Reason, Refused
from switchhook.core.model import Kind, TransferOutcome
from tests.core.rig import RINGBACK, Rig, dial, plan

PARTIES = ("customer", "agent", "target")


def _merged(rig: Rig) -> None:
    rig.ask(r.StartTransfer(rig.talking(), rig.leg("agent"), plan(Kind.CONSULT)))
    rig.answers("target")
    rig.ask(r.JoinTransfer(rig.transfer.id))
    assert rig.outcome is TransferOutcome.MERGED


def _added(rig: Rig) -> None:
    rig.ask(r.AddParty(rig.talking(), dial("target"), conference=True))
    rig.answers("target")


@pytest.mark.parametrize("made", [_merged, _added])
@pytest.mark.parametrize("leaving", PARTIES)
def test_whoever_leaves_the_other_two_talk_on(made: object, leaving: str) -> None:
    rig = Rig()
    assert callable(made)
    made(rig)
    rig.hear({name: set(PARTIES) - {name} for name in PARTIES})
    rig.hangs_up(leaving)
    one, other = (name for name in PARTIES if name != leaving)
    rig.hear({one: {other}, other: {one}})
    rig.hangs_up(one)
    assert not rig.on_line(other)


def test_a_party_that_only_rings_makes_no_conference_yet() -> None:
    rig = Rig()
    rig.ask(r.AddParty(rig.talking(), dial("target"), conference=True))
    rig.hear({"customer": {"agent"}, "agent": {"customer"}})
    rig.hangs_up("customer")
    assert not rig.on_line("agent")
    assert not rig.is_rung("target")


def test_a_consult_is_no_conference_before_the_target_has_answered() -> None:
    rig = Rig()
    rig.ask(r.StartTransfer(rig.talking(), rig.leg("agent"), plan(Kind.CONSULT)))
    with pytest.raises(Refused) as error:
        rig.ask(r.JoinTransfer(rig.transfer.id))
    assert error.value.reason is Reason.WRONG_STATE
    rig.hear({"agent": {RINGBACK}})
