"""Listening for voice: who asked is told, one listener does not take it from another, and a dead leg is quiet."""

from __future__ import annotations

import pytest

from switchhook.core import actions as a
from switchhook.core import events as e
from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core.errors import Refused
from switchhook.core.ids import LegId
from tests.core.rig import Rig


def notices(rig: Rig) -> list[bool]:
    return [action.on for action in rig.actions if isinstance(action, a.Notice)]


def test_a_leg_that_is_listened_for_is_heard_to_begin_and_to_stop() -> None:
    rig = Rig()
    leg = rig.arrives("customer")
    rig.ask(r.ListenFor(leg, on=True, by="menu"))
    rig.tell(e.VoiceStarted(leg, 300))
    rig.tell(e.VoiceStarted(leg, 300))  # told twice
    assert rig.state.legs[leg].talking
    rig.tell(e.VoiceStopped(leg, 1200))
    assert rig.told(f.VoiceHeard) == [f.VoiceHeard(leg, True, 300), f.VoiceHeard(leg, False, 1200)]
    assert not rig.state.legs[leg].talking


def test_nobody_is_told_of_a_leg_that_nobody_listens_for() -> None:
    rig = Rig()
    leg = rig.arrives("customer")
    rig.tell(e.VoiceStarted(leg))
    rig.tell(e.VoiceStarted(LegId("nobody")))
    assert rig.told(f.VoiceHeard) == []


def test_two_listeners_share_one_ear_and_the_last_one_takes_it_off() -> None:
    rig = Rig()
    leg = rig.arrives("customer")
    for by, on in (("menu", True), ("floor", True), ("menu", True), ("menu", False), ("menu", False)):
        rig.ask(r.ListenFor(leg, on=on, by=by))
    assert notices(rig) == [True]
    rig.tell(e.VoiceStarted(leg))
    rig.ask(r.ListenFor(leg, on=False, by="floor"))
    assert notices(rig) == [True, False]
    assert rig.state.legs[leg].listeners == ()
    assert not rig.state.legs[leg].talking


def test_nobody_can_listen_for_a_leg_that_is_gone() -> None:
    rig = Rig()
    leg = rig.arrives("customer")
    rig.hangs_up("customer")
    with pytest.raises(Refused):
        rig.ask(r.ListenFor(leg, on=True))
