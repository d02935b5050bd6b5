"""Who was refused, by address, told for a firewall: passwords are guessed, users tried, calls sent by nobody we know.

A line tells the first of an address, then at most one a minute how many there were since. Lines are written by a timer
and never while a request is answered: how long an answer takes may not tell whether a user exists. Kept are
`MAX_HOSTS` addresses, each until a minute has passed without a refusal; those beyond it are told as a number, so a
flood with invented addresses fills neither memory nor log.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

import structlog

from switchhook.core.values import dataclass
from switchhook.sip.headers import readable
from switchhook.sip.timers import Timers

MAX_HOSTS = 200
EVERY_S = 60.0  # between two lines about one address
SWEEP_S = 1.0
MAX_USER = 64  # characters of a stranger's word

_log = structlog.get_logger("switchhook.sip")


class Why(Enum):
    """What was wrong with who was refused."""

    PASSWORD = "wrong password"
    USER = "unknown user"
    NOBODY = "neither telephone nor trunk"


@dataclass(slots=True)
class Refused:
    """What is kept of one address."""

    times: int = 0  # since it was told
    told_at: float | None = None
    why: Why = Why.PASSWORD  # of the last one, as is `user`
    user: str = ""


def write(host: str, refused: Refused) -> None:
    """Writes the line of the log; `host` is empty for all addresses beyond `MAX_HOSTS`."""
    if host:
        # The address first: what stands before a stranger's words can be trusted by whoever reads lines by pattern.
        user = "".join(one if one.isprintable() else " " for one in readable(refused.user)[:MAX_USER])
        _log.warning("a SIP request was refused", host=host, times=refused.times, why=refused.why.value, user=user)
    else:
        _log.warning("SIP requests of more addresses were refused than are named", times=refused.times)


class Guesses:
    """Counts refusals by address, and has them told by `tell`."""

    def __init__(self, timers: Timers, tell: Callable[[str, Refused], None] = write) -> None:
        self._timers = timers
        self._tell = tell
        self._hosts: dict[str, Refused] = {}

    def note(self, host: str, why: Why, user: str) -> None:
        """Counts one refusal; it is told within a second or a minute."""
        hosts = self._hosts
        found = hosts.get(host)
        if found is None:
            if not hosts:
                self._timers.start(SWEEP_S, self._sweep)
            if len(hosts) >= MAX_HOSTS:
                host = ""
            found = hosts.setdefault(host, Refused())
        found.times += 1
        found.why, found.user = why, user

    def _sweep(self) -> None:
        try:
            self._tell_due(self._timers.now)
        finally:
            if self._hosts:
                self._timers.start(SWEEP_S, self._sweep)

    def _tell_due(self, now: float) -> None:
        for host, refused in list(self._hosts.items()):
            if refused.told_at is not None and now - refused.told_at < EVERY_S:
                continue
            if not refused.times:
                del self._hosts[host]
                continue
            refused.told_at = now
            self._tell(host, refused)
            refused.times = 0
