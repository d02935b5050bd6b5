"""Audio streams of a leg: who hears the program, what ends a stream and what does not."""

from __future__ import annotations

import pytest

from switchhook.core import actions as a
from switchhook.core import events as e
from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core.errors import Refused
from switchhook.core.ids import LegId, StreamId
from switchhook.core.model import Kind, StreamEnd, StreamPlan
from switchhook.core.sources import Stream, Voice
from tests.core.rig import Rig, plan

BOTH = StreamPlan("ws://program", bidirectional=True)


def talking(rig: Rig) -> tuple[LegId, LegId]:
    rig.talking("customer", "agent")
    return rig.leg("customer"), rig.leg("agent")


def streamed(rig: Rig, name: str = "customer", plan: StreamPlan = BOTH) -> StreamId:
    stream = rig.ask(r.StartStream(rig.leg(name), plan)).stream
    assert stream is not None
    return stream


def hears_program(rig: Rig, name: str) -> bool:
    return any(isinstance(source, Stream) for source in rig.state.legs[rig.leg(name)].heard)


def ends(rig: Rig) -> list[StreamEnd]:
    return [fact.end for fact in rig.told(f.StreamEnded)]


def test_the_program_is_heard_by_the_streams_own_leg_with_all_else_and_by_nobody_else() -> None:
    rig = Rig()
    customer, agent = talking(rig)
    stream = streamed(rig)
    assert rig.state.legs[customer].heard == (Voice(agent), Stream(stream))
    assert rig.state.legs[agent].heard == (Voice(customer),)
    rig.ask(r.PlayOver(customer, ("tone:400:100",), mixed=False))
    assert rig.state.legs[customer].heard[-1] == Stream(stream)
    rig.ask(r.StopStream(stream))
    assert not hears_program(rig, "customer")
    assert a.CloseStream(stream) in rig.actions
    assert ends(rig) == [StreamEnd.ASKED]


def test_a_stream_of_one_way_is_heard_by_nobody() -> None:
    rig = Rig()
    rig.talking("customer", "agent")
    streamed(rig, plan=StreamPlan("ws://program"))
    assert not hears_program(rig, "customer")


def test_a_leg_has_one_stream_and_only_while_it_is_up() -> None:
    rig = Rig()
    rig.talking("customer", "agent")
    stream = streamed(rig)
    with pytest.raises(Refused):
        streamed(rig)
    rig.hangs_up("customer")
    assert ends(rig) == [StreamEnd.CALL]
    assert rig.state.streams == {}
    with pytest.raises(Refused):
        rig.ask(r.StopStream(stream))
    with pytest.raises(Refused):
        rig.ask(r.StartStream(rig.arrives("caller"), BOTH))


def test_a_transfer_ends_no_stream_of_a_leg_that_lives_on() -> None:
    rig = Rig()
    customer, agent = talking(rig)
    stream = streamed(rig)
    room = rig.state.legs[customer].focus
    assert room is not None
    rig.ask(r.StartTransfer(room, agent, plan(Kind.WARM)))
    rig.answers("target")
    rig.hangs_up("agent")
    assert rig.state.legs[customer].streams == (stream,)
    assert Voice(rig.leg("target")) in rig.state.legs[customer].heard
    assert hears_program(rig, "customer")


@pytest.mark.parametrize("end_streams", [True, False])
def test_a_program_that_takes_a_leg_says_whether_its_stream_goes_on(end_streams: bool) -> None:
    rig = Rig()
    customer, _ = talking(rig)
    streamed(rig)
    rig.ask(r.Take((customer,), "program", end_streams=end_streams))
    assert ends(rig) == ([StreamEnd.TAKEN] if end_streams else [])


def test_what_the_program_and_the_connection_say_is_told() -> None:
    rig = Rig()
    rig.talking("customer", "agent")
    stream = streamed(rig)
    rig.tell(e.StreamConnected(stream))
    assert rig.state.streams[stream].connected
    rig.tell(e.StreamTold(stream, "played", "greeting"))
    rig.tell(e.StreamPressed(stream, "12"))
    rig.tell(e.DigitPressed(rig.leg("customer"), "5"))
    assert a.SendDigits(rig.leg("customer"), "12") in rig.actions
    assert a.TellStream(stream, "5") in rig.actions
    assert rig.told(f.StreamNoted) == [f.StreamNoted(rig.leg("customer"), stream, "played", "greeting")]
    rig.tell(e.StreamOver(stream, "broken"))
    rig.tell(e.StreamOver(stream, "broken"))
    assert ends(rig) == [StreamEnd.LOST]


def test_the_end_of_its_time_and_a_program_that_leaves_are_told_apart() -> None:
    rig = Rig()
    rig.talking("customer", "agent")
    first = streamed(rig)
    rig.tell(e.TimerFired(f"stream:{first}"))
    second = streamed(rig)
    rig.tell(e.StreamOver(second))
    for nothing in (e.StreamConnected(first), e.StreamTold(first, "played"), e.StreamPressed(first, "1")):
        rig.tell(nothing)
    rig.tell(e.TimerFired("stream:nothing"))
    assert ends(rig) == [StreamEnd.TIMEOUT, StreamEnd.PEER]
    assert not rig.state.legs[LegId(rig.leg("customer"))].stream_heard
