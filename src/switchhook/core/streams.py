"""Audio streams: a leg's audio forked to a program over a WebSocket, and that program's voice to the leg.

A stream belongs to one leg and lives as long as it, whatever rooms the leg passes through: a transfer does not end it
unless its dialect says so (`Take` with `end_streams`). What a bidirectional stream plays is a source of its leg
(`sources.Stream`) like any other, so that who hears whom stays one function. One stream a leg at a time.

A program may also be a leg's far end, in place of a telephone (`addresses.Program`). It is dialled like one: to be
connected is its answer, and the end of its connection is that of its leg. It needs no rules of its own in rooms then,
nor for who hears whom: media takes what it says for what the leg says, and sends it what the leg hears.
"""

from __future__ import annotations

from switchhook.core import actions as a
from switchhook.core import events as e
from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core.errors import Reason, Refused
from switchhook.core.ids import LegId, StreamId
from switchhook.core.legs import answered, leg_over
from switchhook.core.model import AudioStream, By, LegState, StreamEnd
from switchhook.core.outcomes import Outcome
from switchhook.core.rooms import need_leg, press, press_for_hearers
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
    if found.plan.is_leg and why is not StreamEnd.CALL:
        _hung_up(work, found, why, error)


def _hung_up(work: Work, stream: AudioStream, why: StreamEnd, error: str) -> None:
    """A program that is a leg's far end is gone, and so is the leg."""
    by = By.PHONE if why in (StreamEnd.PEER, StreamEnd.LOST) else By.API if why is StreamEnd.ASKED else By.SERVER
    outcome = Outcome.TIME_LIMIT if why is StreamEnd.TIMEOUT else Outcome.COMPLETED
    leg = work.state.legs.get(stream.leg)
    if leg is not None and leg.state is not LegState.UP:
        outcome = Outcome.REJECTED if why is StreamEnd.PEER else Outcome.FAILED
    leg_over(work, stream.leg, outcome, by, reason=error)


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
        if found.plan.is_leg:  # nothing more than a word where it is a connection made again
            answered(work, e.LegAnswered(found.leg))


def told(work: Work, event: e.StreamTold) -> None:
    """The far end or the connection had something to say."""
    found = work.state.streams.get(event.stream)
    if found is not None:
        work.fact(f.StreamNoted(found.leg, event.stream, event.what, event.text))


def keys(work: Work, event: e.StreamPressed) -> None:
    """The far program presses keys towards the telephone; as a leg of its own, towards all who hear it."""
    found = work.state.streams.get(event.stream)
    leg = work.state.legs.get(found.leg) if found is not None else None
    if leg is None or leg.state is not LegState.UP:
        return
    if not leg.is_program:
        press(work, leg, event.digits)
        return
    for digit in event.digits.replace("w", "").replace("W", ""):
        work.fact(f.DigitHeard(leg.id, digit))
    room = work.state.rooms.get(leg.focus) if leg.focus is not None else None
    if room is not None and leg.id in room.members:
        press_for_hearers(work, room, room.members[leg.id], event.digits)


def over(work: Work, event: e.StreamOver) -> None:
    """The connection is gone: closed by the far end, or lost after all tries."""
    end(work, event.stream, StreamEnd.LOST if event.error else StreamEnd.PEER, event.error)


def key_pressed(work: Work, leg: LegId, digit: str) -> None:
    """Tells the far ends of a leg's streams of a key."""
    for stream in work.state.legs[leg].streams:
        work.act(a.TellStream(stream, digit))
