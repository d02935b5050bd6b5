"""How long datagrams have waited in a socket, by what the kernel notes with each (Linux: SO_TIMESTAMPNS, SO_RXQ_OVFL).

That is the delay that a telephone sees, however busy the socket is. Two cases need a bound instead, the time since the
socket was last found empty, which is longer than any datagram has waited: a buffer that overflows is a queue that
cannot grow older, though much is lost; and a system that notes no time. In the latter half a second is taken off, since
a busy socket is seldom empty.
"""

from __future__ import annotations

import socket
import struct
import sys

_TIMESTAMPNS, _RXQ_OVFL = 35, 40  # Python has no names for them
_TIMESPEC, _COUNT = struct.Struct("@ll"), struct.Struct("@I")
UNDATED_S = 0.5
STEP_S = 1.0  # more than this beyond that time is the clock that was set
NOTES_SIZE = 128  # bytes, both notes with their heads

Notes = list[tuple[int, int, bytes]]


class Ages:
    """The ages of one socket's datagrams. `begin` when some are left, `note` what came with the oldest of them."""

    def __init__(self, sock: socket.socket) -> None:
        self.dated = sys.platform == "linux"
        self._age_s = 0.0
        self._lost = 0  # datagrams since the socket was opened, as last noted
        self._losing = False
        if not self.dated:
            return
        try:
            sock.setsockopt(socket.SOL_SOCKET, _TIMESTAMPNS, 1)
            sock.setsockopt(socket.SOL_SOCKET, _RXQ_OVFL, 1)
        except OSError:
            self.dated = False

    def begin(self) -> None:
        """Some datagrams are left for the next wake-up, and it is not known yet how old they are."""
        self._age_s, self._losing = 0.0, False

    def note(self, notes: Notes, now: float) -> None:
        """Takes what the kernel noted with the oldest datagram; `now` is the time of day."""
        dated, lost = False, 0
        for level, kind, value in notes:
            if level != socket.SOL_SOCKET:
                continue
            if kind == _TIMESTAMPNS and len(value) >= _TIMESPEC.size:
                seconds, nanoseconds = _TIMESPEC.unpack_from(value)
                dated, self._age_s = True, max(0.0, now - seconds - nanoseconds / 1e9)
            elif kind == _RXQ_OVFL and len(value) >= _COUNT.size:
                lost = _COUNT.unpack_from(value)[0]
        self.dated = dated
        self._losing = lost > self._lost
        self._lost = max(lost, self._lost)

    def oldest_s(self, standing_s: float) -> float:
        """Returns how old the oldest was in the last wake-up; `standing_s` is for how long some have been left."""
        if not self.dated:
            return max(0.0, standing_s - UNDATED_S)
        age_s = min(self._age_s, standing_s + STEP_S)
        return max(age_s, standing_s) if self._losing else age_s
