"""Audio streams: a leg's audio forked to a program over a WebSocket, and that program's voice to the leg.

A stream belongs to one leg and lives as long as it, whatever rooms the leg passes through: a transfer does not end it
unless its dialect says so (`Take` with `end_streams`). What a bidirectional stream plays is a source of its leg
(`sources.Stream`) like any other, so that who hears whom stays one function. One stream a leg at a time.
"""

from __future__ import annotations

from switchhook.core import actions as a
from switchhook.core import events as e
from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core.errors import Reason, Refused
from switchhook.core.ids import LegId, StreamId
from switchhook.core.model import AudioStream, LegState, StreamEnd
from switchhook.core.rooms import need_leg
from switchhook.core.work import Work


def start_stream(work: Work, request: r.StartStream) -> r.Accepted:
    """Begins a stream of a leg that is up; the far end is connected to afterwards."""
    leg = need_leg(work, request.leg)
    if leg.state is not LegState.UP:
        raise Refused(Reason.NOT_ANSWERED, "the leg has not been answered")
    if leg.streams:
        raise Refused(Reason.ALREADY_THERE, "a stream of this leg is running")
    stream = AudioStream(StreamId(work.state.ids.new()), leg.id, request.plan)
    work.fact(f.StreamStarted(leg.id, stream))
    work.act(a.OpenStream(stream))
    if request.plan.timeout_s is not None:
        work.act(a.Arm(f"stream:{stream.id}", work.now + request.plan.timeout_s))
    return r.Accepted(leg=leg.id, stream=stream.id)


def stop_stream(work: Work, request: r.StopStream) -> r.Accepted:
    if request.stream not in work.state.streams:
        raise Refused(Reason.WRONG_STATE, "no such stream is running")
    end(work, request.stream, StreamEnd.ASKED)
    return r.Accepted(stream=request.stream)


def end(work: Work, stream: StreamId, why: StreamEnd, error: str = "") -> None:
    """Ends a stream from our side; one that is over changes nothing."""
    found = work.state.streams.get(stream)
    if found is None:
        return
    if found.plan.timeout_s is not None:
        work.act(a.Disarm(f"stream:{stream}"))
    work.fact(f.StreamEnded(found.leg, stream, why, error))
    work.act(a.CloseStream(stream))


def end_all(work: Work, leg: LegId, why: StreamEnd) -> None:
    """Ends every stream of a leg."""
    found = work.state.legs.get(leg)
    for stream in found.streams if found is not None else ():
        end(work, stream, why)


def time_over(work: Work, stream: StreamId) -> None:
    end(work, stream, StreamEnd.TIMEOUT)


def opened(work: Work, event: e.StreamConnected) -> None:
    found = work.state.streams.get(event.stream)
    if found is not None:
        work.fact(f.StreamOpened(found.leg, event.stream))


def told(work: Work, event: e.StreamTold) -> None:
    """The far end or the connection had something to say."""
    found = work.state.streams.get(event.stream)
    if found is not None:
        work.fact(f.StreamNoted(found.leg, event.stream, event.what, event.text))


def keys(work: Work, event: e.StreamPressed) -> None:
    """The far program presses keys towards the telephone."""
    found = work.state.streams.get(event.stream)
    leg = work.state.legs.get(found.leg) if found is not None else None
    if leg is not None and leg.state is LegState.UP:
        work.fact(f.DigitsSent(leg.id, event.digits))
        work.act(a.SendDigits(leg.id, event.digits))


def over(work: Work, event: e.StreamOver) -> None:
    """The connection is gone: closed by the far end, or lost after all tries."""
    end(work, event.stream, StreamEnd.LOST if event.error else StreamEnd.PEER, event.error)


def key_pressed(work: Work, leg: LegId, digit: str) -> None:
    """Tells the far ends of a leg's streams of a key."""
    for stream in work.state.legs[leg].streams:
        work.act(a.TellStream(stream, digit))
