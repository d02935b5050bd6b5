"""Which wire runs: the one asked for if it can be had, else the next best, and why."""

from __future__ import annotations

import select
import sys

from switchhook.core.errors import Unavailable
from switchhook.media import uring
from switchhook.media.wire_batch import BatchWire
from switchhook.media.wire_poll import PollWire
from switchhook.media.wire_ring import RingWire
from switchhook.media.wires import Ports, Wire

KINDS = ("auto", "io_uring", "epoll", "poll")


def why_no_ring(kind: str) -> str:
    """Returns why io_uring will not run for this kind of wire; empty if it will. Tries it, in this process."""
    if kind not in ("auto", "io_uring"):
        return f"not asked for: wire = {kind}"
    if sys.platform != "linux":
        return "io_uring is Linux only"
    try:
        uring.Ring(8, 16).close()
    except Unavailable as error:
        return str(error)
    return ""


def open_wire(ports: list[Ports], kind: str) -> tuple[Wire, str]:
    """Returns the wire and, where it is not the best there is, why. "auto" is io_uring, epoll, poll, in this order."""
    reason = why_no_ring(kind)
    if not reason:
        try:
            return RingWire(ports), ""
        except (Unavailable, OSError, ValueError) as error:
            reason = str(error)
    if kind == "epoll" and not hasattr(select, "epoll"):
        reason = "there is no epoll on this system"
    if kind == "poll":
        return PollWire(ports, "poll"), reason
    try:
        return BatchWire(ports), reason
    except Unavailable as error:
        return PollWire(ports), f"{reason}; a system call per packet: {error}"
