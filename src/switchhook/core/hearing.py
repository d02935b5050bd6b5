"""Who hears whom: one function from the state of the calls to what a leg must hear. Media applies the difference.

Nobody "remembers to unhold". A leg hears, in this order of precedence:

1. its own sound (a prompt, a brief): nothing else meanwhile;
2. held, in the room it talks in: the hold music of its role;
3. the room has not started: the wait sound;
4. the others who are present, mixed. Present is who is up, talks in this room, is not held and has not put us on hold
   by its telephone. A present member who is muted, or is playing its own sound, is silence, not absence;
5. nobody is present, but others are members and have turned away (consult, desktop hold, telephone hold): music, also
   while somebody is being dialled: who is on hold is not the one who waits for that;
6. nobody is present, but somebody is being dialled into the room: ringback, or music, as that dial wants;
7. others are members but all of them are held: silence (plivo-phlo 4.4);
8. alone: music or silence, as the room wants.

A supervisor who only listens or whispers is nobody's company: whoever has no other goes on hearing what it would hear
without it, and the whisper. A sound laid over (`Leg.overlay`) is heard with all of this, or in its place.

The program of a bidirectional audio stream is heard by the stream's own leg, with all else that it hears; nobody else
hears it.

A leg that talks in no room hears silence: who put the others on hold hears nothing (promise 2).
"""

from __future__ import annotations

from switchhook.core.ids import SoundId
from switchhook.core.model import Alone, Clips, Dial, HoldAudience, Leg, LegState, Member, Role, Room, Waiting
from switchhook.core.sources import Sound, Source, Sources, Stream, Voice
from switchhook.core.state import State

HOLD_MUSIC: Clips = ("builtin:hold",)
RINGBACK: Clips = ("builtin:ringback",)


def hearing(state: State, leg: Leg) -> Sources:
    """Returns what `leg` must hear now; sounds carry the id under which the listener keeps its place."""
    if leg.state is not LegState.UP and not leg.early:
        return ()
    heard = _beneath(state, leg)
    if leg.overlay is not None:
        heard = (*heard, leg.overlay) if leg.overlay_mixed else (leg.overlay,)
    return (*heard, Stream(leg.streams[0])) if leg.stream_heard else heard


def _beneath(state: State, leg: Leg) -> Sources:
    """What a leg hears but for the sound laid over it."""
    if leg.playing is not None:
        return (leg.playing,)
    room = state.rooms.get(leg.focus) if leg.focus is not None else None
    if room is None or leg.id not in room.members or leg.phone_held:
        return ()
    member = room.members[leg.id]
    if not room.started:
        return _sound(leg, room.plan.wait_sound or music(room, member.role))
    others = [other for other in room.members.values() if other is not member]
    audience = room.plan.hold_audience
    if member.held:
        return () if audience is HoldAudience.OTHERS else _sound(leg, music(room, member.role))
    if audience is not HoldAudience.HELD and any(other.held for other in others):
        return _sound(leg, music(room, member.role))
    present = [other for other in others if _present(state, room, other)]
    voices = () if member.deaf else _voices(state, member, present)
    if present and (member.role is Role.SUPERVISOR or [other for other in present if other.is_company]):
        return voices
    return (*_nobody(state, leg, room, member, [other for other in others if other.is_company]), *voices)


def heard_in(state: State, room: Room) -> list[Member]:
    """Returns the members whose voices are heard in a room now, in the order in which they came."""
    return [m for m in room.members.values() if _present(state, room, m) and _speaks(state, m)]


def _voices(state: State, listener: Member, present: list[Member]) -> tuple[Source, ...]:
    return tuple([Voice(m.leg) for m in present if _speaks(state, m) and (not m.whispers or m.reaches(listener))])


def _speaks(state: State, member: Member) -> bool:
    return not member.muted and state.legs[member.leg].playing is None


def _present(state: State, room: Room, member: Member) -> bool:
    leg = state.legs.get(member.leg)
    return (
        leg is not None and leg.state is LegState.UP and leg.focus == room.id and not member.held and not leg.phone_held
    )


def _nobody(state: State, leg: Leg, room: Room, member: Member, others: list[Member]) -> Sources:
    away = [other for other in others if not other.held]
    if away and _turned_away(state, room, away):
        return _sound(leg, music(room, member.role))
    for dial in (state.dials[each] for each in room.dials):
        if dial.plan.role is not Role.SUPERVISOR:  # nobody notices that one is rung
            return _waiting(state, leg, room, member, dial)
    if others and not away:
        return ()
    if others or room.plan.alone is not Alone.SILENCE:
        return _sound(leg, music(room, member.role))
    return ()


def _turned_away(state: State, room: Room, away: list[Member]) -> bool:
    return any(m.leg in state.legs and state.legs[m.leg].state is LegState.UP for m in away)


def _waiting(state: State, leg: Leg, room: Room, member: Member, dial: Dial) -> Sources:
    match dial.plan.waiting:
        case Waiting.RINGBACK:
            return _sound(leg, RINGBACK)
        case Waiting.CLIPS:
            return _sound(leg, dial.plan.waiting_clips or RINGBACK)
        case Waiting.MUSIC:
            return _sound(leg, music(room, member.role))
        case Waiting.REAL:
            return real(state, dial)[:1] or _sound(leg, RINGBACK)
        case Waiting.SILENCE:
            return ()


def real(state: State, dial: Dial) -> tuple[Voice, ...]:
    """Returns the early audio of those who are rung, in the order in which they were."""
    rung = (state.legs.get(leg) for leg in dial.legs)
    return tuple(Voice(leg.id) for leg in rung if leg is not None and leg.state is LegState.RINGING and leg.early)


def music(room: Room, role: Role) -> Clips:
    """Returns the hold music of a role in a room."""
    own = room.plan.agent_music if role is Role.AGENT else room.plan.customer_music
    return own or HOLD_MUSIC


def _sound(leg: Leg, clips: Clips) -> Sources:
    """An endless sound. It goes on where it was if the leg hears it already; else it begins (a new hold, a new id)."""
    for source in leg.heard:
        if isinstance(source, Sound) and source.clips == clips and source.repeat == 0:
            return (source,)
    return (Sound(SoundId(""), clips, repeat=0),)
