"""Legs: how one telephone's line begins, rings, is answered and ends.

`leg_over` is the one place where a leg ends, whoever ended it. It tells, in this order: the leg ended; the transfer in
which it had a part goes on by its table; the rooms it was in are judged; the attempt that rang it has failed.
"""

from __future__ import annotations

from switchhook.core import actions as a
from switchhook.core import events as e
from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core.addresses import Destination, Program
from switchhook.core.diverting import diverted
from switchhook.core.errors import Reason, Refused
from switchhook.core.ids import DialId, LegId, SoundId, StreamId
from switchhook.core.model import MAX_LEG_S, AudioStream, By, Leg, LegState, Side, StreamEnd, Waiting
from switchhook.core.outcomes import Outcome
from switchhook.core.rooms import depart, need_leg, press, relay_key
from switchhook.core.sources import Sound
from switchhook.core.work import Work

EARLY_S = 1.0  # a timer may fire this much before its time (they are gathered)
UNANSWERED_S = 180.0  # the longest an inbound call rings whatever its program does (RFC 3261 13.3.1.1 asks for a bound)


# --- beginning ------------------------------------------------------------------------------------------------------


def arrived(work: Work, event: e.LegArrived) -> None:
    """A telephone calls: its route decides who takes the call."""
    from switchhook.core.dials import connect

    if event.leg in work.state.legs:
        return
    route = event.route
    arrival = event.arrival
    account = route.account if isinstance(route, (r.ToProgram, r.ToParties, r.ToNobody)) else ""
    known = route if isinstance(route, (r.ToProgram, r.ToParties)) else None
    program = route.program if isinstance(route, r.ToProgram) else ""
    work.fact(
        f.LegCreated(
            Leg(
                id=event.leg,
                call=event.leg,
                account=account,
                side=Side.INBOUND,
                state=LegState.DIALLING,
                address=arrival.from_user,
                key=known.key if known else arrival.from_user,
                caller=arrival.from_user,
                caller_name=arrival.from_display,
                called=arrival.to_user,
                created_at=work.now,
                destination=known.back if known else None,
                endpoint=known.endpoint if known else "",
                arrival=arrival,
                program=program,
                program_ref=route.ref if isinstance(route, r.ToProgram) else "",
            )
        )
    )
    work.act(a.Arm(f"ring:{event.leg}", work.now + UNANSWERED_S))
    if isinstance(route, r.ToParties) and route.plan.targets:
        connect(work, r.Connect(event.leg, route.plan))
    elif not isinstance(route, r.ToProgram):
        outcome = route.outcome if isinstance(route, r.ToNobody) else Outcome.NOT_FOUND
        status, reason = (route.status, route.reason) if isinstance(route, r.ToNobody) else (0, "")
        hang_up(work, event.leg, outcome, By.SERVER, status=status, reason=reason)


def create(
    work: Work,
    destination: Destination,
    *,
    account: str,
    caller: str,
    caller_name: str = "",
    call: str = "",
    parent: LegId | None = None,
    program: str = "",
    dial: DialId | None = None,
    ring_s: float,
    limit_s: float = MAX_LEG_S,
    headers: tuple[tuple[str, str], ...] = (),
    answer_after: int | None = None,
    credentials: tuple[str, str] | None = None,
    hops_left: int = 70,
    leg: LegId | None = None,
    early_audio: bool = False,
    insistent: bool = False,
) -> LegId:
    """Sends one telephone an INVITE; it rings for `ring_s` at the longest.

    Unless `insistent`, calls to it are sent on or refused as its diversion says; a refused one is told as busy.
    """
    leg = leg or LegId(work.state.ids.new())
    asked, refused = destination.address, False
    if work.state.diversions and not insistent:
        destination, refused = diverted(work.state, destination)
    work.fact(
        f.LegCreated(
            Leg(
                id=leg,
                call=call or leg,
                account=account,
                side=Side.OUTBOUND,
                state=LegState.DIALLING,
                address=destination.address,
                key=destination.key,
                caller=caller,
                caller_name=caller_name,
                called=asked,
                created_at=work.now,
                destination=destination,
                endpoint=destination.endpoint,
                program=program,
                parent=parent,
                dial=dial,
                limit_s=limit_s,
                early_audio=early_audio,
                refused=refused,
            )
        )
    )
    if refused:  # by the next timer, so that whoever dials has finished its step before it hears of it
        work.act(a.Arm(f"ring:{leg}", work.now))
        return leg
    if isinstance(destination.target, Program):
        begin_stream(work, leg, destination.target)
    work.act(a.Invite(leg, destination, caller, caller_name, headers, answer_after, credentials, hops_left))
    work.act(a.Arm(f"ring:{leg}", work.now + ring_s))
    return leg


def originate(work: Work, request: r.Originate) -> r.Accepted:
    leg = create(
        work,
        request.destination,
        account=request.account,
        caller=request.caller,
        caller_name=request.caller_name,
        program=request.program,
        ring_s=request.ring_s,
        limit_s=request.limit_s,
        headers=request.headers,
        answer_after=request.answer_after,
        early_audio=request.early_audio,
        parent=request.parent,
    )
    return r.Accepted(leg=leg)


# --- ringing and answering ------------------------------------------------------------------------------------------


def rang(work: Work, event: e.LegRang) -> None:
    leg = work.state.legs.get(event.leg)
    if leg is None or leg.side is not Side.OUTBOUND or leg.state not in (LegState.DIALLING, LegState.RINGING):
        return
    dial = work.state.dials.get(leg.dial) if leg.dial is not None else None
    heard = leg.early_audio or (dial is not None and (dial.plan.waiting is Waiting.REAL or dial.plan.early_audio))
    if leg.state is LegState.DIALLING or (heard and event.early and not leg.early):
        work.fact(f.LegRinging(leg.id, event.early))
        if dial is not None and dial.lead is not None:
            open_ears = event.early and dial.plan.waiting is Waiting.REAL
            (open_early if open_ears else show_ringing)(work, dial.lead)


def show_ringing(work: Work, leg: LegId) -> None:
    """Sends 180 to an inbound leg that has not heard it yet."""
    found = work.state.legs.get(leg)
    if found is not None and found.side is Side.INBOUND and found.state is LegState.DIALLING:
        work.fact(f.LegRinging(leg))
        work.act(a.Ring(leg))


def open_early(work: Work, leg: LegId) -> None:
    """Lets an inbound leg that is not answered yet hear us already."""
    found = work.state.legs.get(leg)
    if found is None or found.side is not Side.INBOUND or found.state in (LegState.UP, LegState.OVER) or found.early:
        return
    work.fact(f.LegRinging(leg, early=True))
    work.act(a.Progress(leg))


def tell_ringing(work: Work, request: r.TellRinging) -> None:
    need_leg(work, request.leg)
    (open_early if request.early else show_ringing)(work, request.leg)


def answer(work: Work, leg: LegId) -> None:
    """Answers an inbound leg; one that is up stays as it is."""
    found = work.state.legs.get(leg)
    if found is None or found.side is not Side.INBOUND or found.state in (LegState.UP, LegState.OVER):
        return
    work.act(a.Answer(leg))
    up(work, leg)


def answer_leg(work: Work, request: r.AnswerLeg) -> r.Accepted:
    leg = need_leg(work, request.leg)
    if leg.side is Side.OUTBOUND and leg.state is not LegState.UP:
        raise Refused(Reason.WRONG_STATE, "an outbound leg is answered by its telephone")
    answer(work, request.leg)
    return r.Accepted(leg=request.leg)


def up(work: Work, leg: LegId) -> None:
    """States that a leg is up, and bounds its life."""
    found = work.state.legs[leg]
    work.act(a.Disarm(f"ring:{leg}"))
    if found.side is Side.OUTBOUND:
        work.act(a.Disarm(f"press:{leg}"))
    work.fact(f.LegConnected(leg, work.now))
    work.act(a.Arm(f"limit:{leg}", work.now + found.limit_s if found.ends_at is None else found.ends_at))


def answered(work: Work, event: e.LegAnswered) -> None:
    """The telephone answered. An answer of a leg that is over is ended again at once (it crossed our CANCEL)."""
    from switchhook.core.dials import won_by

    leg = work.state.legs.get(event.leg)
    if leg is None:
        work.act(a.End(event.leg, Outcome.CANCELLED))
        return
    if leg.side is Side.INBOUND or leg.state in (LegState.UP, LegState.OVER):
        return
    up(work, leg.id)
    if leg.dial is not None:
        won_by(work, leg.dial, leg.id)


def press_answer(work: Work, request: r.PressAnswerKey) -> r.Accepted:
    leg = need_leg(work, request.leg)
    if leg.side is not Side.OUTBOUND or leg.state not in (LegState.RINGING, LegState.DIALLING) or leg.refused:
        raise Refused(Reason.WRONG_STATE, "only a ringing telephone can be asked to answer")
    work.fact(f.AnswerAsked(leg.id))
    work.act(a.PressAnswer(leg.id))
    work.act(a.Arm(f"press:{leg.id}", work.now + request.wait_s))
    return r.Accepted(leg=leg.id)


# --- ending ---------------------------------------------------------------------------------------------------------


def failed(work: Work, event: e.LegFailed) -> None:
    leg_over(work, event.leg, event.outcome, By.PHONE, event.sip_status, event.q850, event.reason)


def gone(work: Work, event: e.LegGone) -> None:
    leg = work.state.legs.get(event.leg)
    outcome = event.outcome
    if leg is not None and leg.state is not LegState.UP and outcome is Outcome.COMPLETED:
        outcome = Outcome.CANCELLED
    leg_over(work, event.leg, outcome, By.PHONE, q850=event.q850, reason=event.reason)


def hang_up(work: Work, leg: LegId, outcome: Outcome, by: By, *, status: int = 0, reason: str = "") -> None:
    """Ends a leg from our side, in any state."""
    found = work.state.legs.get(leg)
    if found is None or found.state is LegState.OVER:
        return
    if found.state is not LegState.UP and outcome is Outcome.COMPLETED:
        outcome = Outcome.CANCELLED if found.side is Side.OUTBOUND else Outcome.NO_ANSWER
    if not found.refused and not found.is_program:
        work.act(a.End(leg, outcome, status))
    leg_over(work, leg, outcome, by, sip_status=status, reason=reason)


def hang_up_asked(work: Work, request: r.HangUp) -> r.Accepted:
    leg = need_leg(work, request.leg)
    outcome = request.outcome
    if leg.state is not LegState.UP and outcome is Outcome.COMPLETED:
        outcome = Outcome.CANCELLED if leg.side is Side.OUTBOUND else Outcome.REJECTED
    hang_up(work, request.leg, outcome, request.by, status=request.status, reason=request.reason)
    return r.Accepted(leg=request.leg)


def _timers_of(leg: Leg) -> list[str]:
    """The timers that may run for a leg."""
    if leg.state is LegState.UP:
        return ["limit"] if leg.rooms or leg.side is Side.INBOUND else ["limit", "accept"]
    timers = ["ring"] if leg.side is Side.INBOUND else ["ring", "press"]
    return timers if leg.ends_at is None else [*timers, "limit"]


def leg_over(
    work: Work,
    leg_id: LegId,
    outcome: Outcome,
    by: By,
    sip_status: int = 0,
    q850: int | None = None,
    reason: str = "",
) -> None:
    """Ends a leg in the state and draws every consequence; a leg that is over already changes nothing."""
    from switchhook.core.dials import leg_failed
    from switchhook.core.transfers import party_left

    leg = work.state.legs.get(leg_id)
    if leg is None or leg.state is LegState.OVER:
        return
    if leg.playing is not None:
        work.fact(f.SoundFinished(leg_id, leg.playing.id, stopped=True))
    end_overlay(work, leg_id)
    if leg.streams:
        end_streams(work, leg_id)
    work.fact(f.LegEnded(leg_id, outcome, by, sip_status, q850, reason))
    for timer in _timers_of(leg):
        work.act(a.Disarm(f"{timer}:{leg_id}"))
    for tape in leg.tapes:
        if all(work.state.legs.get(other) is None for other in work.state.tapes[tape].left if other != leg_id):
            work.act(a.StopRecord(tape))
    party_left(work, leg)
    for room in leg.rooms:
        depart(work, room, leg_id)
    if leg.dial is not None:
        leg_failed(work, leg.dial, leg_id, outcome, sip_status)


def begin_stream(work: Work, leg: LegId, program: Program) -> None:
    """The stream at whose far end the leg's program is; connecting it is what an INVITE is to a telephone."""
    work.fact(f.StreamStarted(leg, AudioStream(StreamId(work.state.ids.new()), leg, program.plan)))


def end_streams(work: Work, leg: LegId) -> None:
    """The leg is over, and so are its audio streams."""
    from switchhook.core.streams import end_all

    end_all(work, leg, StreamEnd.CALL)


# --- sounds, keys, limits -------------------------------------------------------------------------------------------


def play(work: Work, request: r.Play) -> r.Accepted:
    leg = need_leg(work, request.leg)
    if leg.side is Side.OUTBOUND and leg.state is not LegState.UP:
        raise Refused(Reason.NOT_ANSWERED, "the leg has not been answered")
    need_taken(leg)
    hang_up_after = request.hang_up_after or leg.hang_up_after_sound
    (open_early if request.early else answer)(work, request.leg)
    return r.Accepted(leg=leg.id, sound=start_sound(work, leg.id, request.clips, request.repeat, hang_up_after))


def need_taken(leg: Leg) -> None:
    """Refuses a leg that is still being asked whether it takes the call."""
    if leg.dial is not None:
        raise Refused(Reason.WRONG_STATE, "the leg has not taken the call yet")


def start_sound(
    work: Work, leg: LegId, clips: tuple[str, ...], repeat: int = 1, hang_up_after: bool = False
) -> SoundId:
    """Plays to one leg alone, from the start; replaces what it was playing."""
    stop_sound(work, leg)
    sound = Sound(SoundId(work.state.ids.new()), clips, repeat)
    work.fact(f.SoundStarted(leg, sound, hang_up_after))
    return sound.id


def stop_sound(work: Work, leg: LegId) -> None:
    found = work.state.legs.get(leg)
    if found is not None and found.playing is not None:
        work.fact(f.SoundFinished(leg, found.playing.id, stopped=True))


def stop_sound_asked(work: Work, request: r.StopSound) -> None:
    leg = need_leg(work, request.leg)
    need_taken(leg)
    if leg.playing is not None:
        stop_sound(work, request.leg)
        _after_sound(work, leg)


def sound_ended(work: Work, event: e.SoundEnded) -> None:
    leg = work.state.legs.get(event.leg)
    if leg is not None and leg.overlay is not None and leg.overlay.id == event.sound:
        work.fact(f.OverlayFinished(leg.id, event.sound, error=event.error))
        work.act(a.Disarm(f"over:{leg.id}"))
        return
    if leg is None or leg.playing is None or leg.playing.id != event.sound:
        return
    work.fact(f.SoundFinished(event.leg, event.sound, error=event.error))
    _after_sound(work, leg)


def play_over(work: Work, request: r.PlayOver) -> r.Accepted:
    leg = need_leg(work, request.leg)
    if leg.state is not LegState.UP:
        raise Refused(Reason.NOT_ANSWERED, "the leg has not been answered")
    need_taken(leg)
    if not request.clips:
        raise Refused(Reason.NO_PROMPT, "there is nothing to play")
    stop_over(work, request)
    sound = Sound(SoundId(work.state.ids.new()), request.clips, request.repeat)
    work.fact(f.OverlayStarted(leg.id, sound, request.mixed))
    if request.max_s is not None:
        work.act(a.Arm(f"over:{leg.id}", work.now + request.max_s))
    return r.Accepted(leg=leg.id, sound=sound.id)


def stop_over(work: Work, request: r.PlayOver | r.StopOver) -> None:
    need_leg(work, request.leg)
    end_overlay(work, request.leg)


def end_overlay(work: Work, leg_id: LegId) -> None:
    """Ends the sound laid over what a leg hears; none there, or its time over long ago, changes nothing."""
    leg = work.state.legs.get(leg_id)
    if leg is not None and leg.overlay is not None:
        work.fact(f.OverlayFinished(leg_id, leg.overlay.id, stopped=True))
        work.act(a.Disarm(f"over:{leg_id}"))


def _after_sound(work: Work, leg: Leg) -> None:
    """Whatever waited for the end of the sound goes on, also when the sound was stopped."""
    from switchhook.core.dials import brief_ended
    from switchhook.core.transfers import announced

    if leg.hang_up_after_sound:
        hang_up(work, leg.id, Outcome.COMPLETED, By.SERVER, reason="end of sound")
        return
    if leg.dial is not None:
        brief_ended(work, leg.dial, leg.id)
    for room in leg.rooms:
        announced(work, room)


def send_keys(work: Work, request: r.SendKeys) -> None:
    leg = need_leg(work, request.leg)
    if leg.state is not LegState.UP and not leg.early:
        raise Refused(Reason.NOT_ANSWERED, "the leg has not been answered")
    press(work, leg, request.digits, request.tone_ms)


def set_limit(work: Work, request: r.SetLimit) -> None:
    need_leg(work, request.leg)
    at = work.now + request.after_s
    work.fact(f.LimitSet(request.leg, at))
    work.act(a.Arm(f"limit:{request.leg}", at))


def note(work: Work, request: r.Note) -> None:
    work.fact(f.Noted(request.leg, request.text))


def digit(work: Work, event: e.DigitPressed) -> None:
    from switchhook.core.dials import key_pressed

    leg = work.state.legs.get(event.leg)
    if leg is None or (leg.state is not LegState.UP and not (leg.early and leg.side is Side.INBOUND)):
        return
    work.fact(f.DigitHeard(event.leg, event.digit, event.duration_ms))
    if leg.streams:
        from switchhook.core.streams import key_pressed as tell_streams

        tell_streams(work, leg.id, event.digit)
    if leg.dial is not None:
        key_pressed(work, leg.dial, leg.id, event.digit)
    elif leg.focus is not None:
        relay_key(work, leg.focus, leg.id, event.digit)


def phone_held(work: Work, event: e.LegHeld) -> None:
    leg = work.state.legs.get(event.leg)
    if leg is not None and leg.state is LegState.UP and leg.phone_held != event.on:
        work.fact(f.PhoneHeld(event.leg, event.on))


def media_lost(work: Work, event: e.MediaLost) -> None:
    """No audio from a telephone: said, and ended when `end_on_media_loss` (the exchange asks for that by HangUp)."""
    if event.leg in work.state.legs:
        work.fact(f.MediaSilent(event.leg, lost=True))


def media_back(work: Work, event: e.MediaBack) -> None:
    if event.leg in work.state.legs:
        work.fact(f.MediaSilent(event.leg, lost=False))


# --- timers ---------------------------------------------------------------------------------------------------------


def ring_time_over(work: Work, leg: LegId) -> None:
    found = work.state.legs.get(leg)
    if found is not None and found.state in (LegState.DIALLING, LegState.RINGING):
        if found.refused:
            hang_up(work, leg, Outcome.BUSY, By.SERVER, status=486, reason="not to be disturbed")
        else:
            hang_up(work, leg, Outcome.NO_ANSWER, By.SERVER, reason="ring time over")


def limit_over(work: Work, leg: LegId) -> None:
    """The longest time is over; a timer that was moved to later and fires all the same changes nothing."""
    found = work.state.legs.get(leg)
    if found is None or (found.ends_at is not None and found.ends_at > work.now + EARLY_S):
        return
    hang_up(work, leg, Outcome.TIME_LIMIT, By.SERVER, reason="longest time over")


def not_pressed(work: Work, leg: LegId) -> None:
    found = work.state.legs.get(leg)
    if found is not None and found.state in (LegState.DIALLING, LegState.RINGING):
        work.fact(f.AnswerNotPressed(leg))
