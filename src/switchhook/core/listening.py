"""Listening: whether a leg talks, for whoever asked to know (menus, recordings, machine detection, floor events).

Media measures only legs that somebody listens for. Listeners are named, so that one that has heard enough does not
take it from another. A leg that ends is no longer listened for; its end says that it is silent.
"""

from __future__ import annotations

from switchhook.core import actions as a
from switchhook.core import events as e
from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core.rooms import need_leg
from switchhook.core.work import Work


def listen_for(work: Work, request: r.ListenFor) -> r.Accepted:
    """Begins or ends listening on behalf of one listener."""
    leg = need_leg(work, request.leg)
    if (request.by in leg.listeners) == request.on:
        return r.Accepted(leg=leg.id)
    others = tuple(listener for listener in leg.listeners if listener != request.by)
    listeners = (*others, request.by) if request.on else others
    work.fact(f.ListeningChanged(leg.id, listeners))
    if bool(leg.listeners) != bool(listeners):
        work.act(a.Notice(leg.id, request.on))
    return r.Accepted(leg=leg.id)


def voice(work: Work, event: e.VoiceStarted | e.VoiceStopped) -> None:
    """States that a leg began or stopped to talk; of a leg that nobody listens for it changes nothing."""
    leg = work.state.legs.get(event.leg)
    on = isinstance(event, e.VoiceStarted)
    if leg is not None and leg.listeners and leg.talking != on:
        work.fact(f.VoiceHeard(leg.id, on, event.after_ms))
