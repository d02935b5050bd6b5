"""Telephones that do not want their calls: sent on to somebody else, or refused as busy.

A diversion belongs to the telephone, not to whoever set it, and is obeyed where a leg to it is created: a desk phone's
call, a Plivo Dial, a transfer's target and a flow's party respect it alike. Forwarding goes before refusing, as in a
switch whose telephone is forwarded and not to be disturbed. A chain of forwards is followed; one that leads back to a
telephone that it came from gets busy (RFC 3398 has no better word for it, and ringing somebody who said "elsewhere"
would be wrong).
"""

from __future__ import annotations

from collections.abc import Collection

from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core.addresses import Destination
from switchhook.core.errors import Reason, Refused
from switchhook.core.model import Diversion
from switchhook.core.state import State
from switchhook.core.work import Work

NONE = Diversion()


def divert(work: Work, request: r.Divert) -> r.Accepted:
    """Sets what becomes of calls to a telephone."""
    if request.diversion.to is not None and request.diversion.to.key == request.key:
        raise Refused(Reason.TARGET_IS_SELF, "a telephone cannot forward to itself")
    if work.state.diversions.get(request.key, NONE) != request.diversion:
        work.fact(f.DiversionSet(request.key, request.diversion))
    return r.Accepted()


def diverted(state: State, destination: Destination) -> tuple[Destination, bool]:
    """Returns who is rung for `destination`, and True where nobody is, since it refuses calls."""
    passed: set[str] = set()
    while (found := state.diversions.get(destination.key)) is not None:
        if found.to is None:
            return destination, found.refuses
        passed.add(destination.key)
        if found.to.key in passed:
            return destination, True
        destination = found.to
    return destination, False


def reachable(state: State) -> Collection[str]:
    """Returns the user names of telephones to which calls get somewhere: registered, or sent on or refused here."""
    return state.registered | state.diversions.keys() if state.diversions else state.registered
