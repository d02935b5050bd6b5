"""Which mishaps really befell the calls: a soak on a network that lost nothing has proven nothing.

What is drawn by chance may miss a short soak, so each must have happened only where that is as good as certain: one in
a hundred in 2,500 datagrams, a failing callback (15 %) or a dying telephone (one scene in twelve) in 250 scenes, a
killed process in three times the longest pause between two.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from switchhook.lab.faults import LinkCount

WAYS = ("sip out", "sip in", "rtp out", "rtp in")
ENOUGH_DATAGRAMS = 2_500
ENOUGH_SCENES = 250


@dataclass
class Injected:
    """What was done to the calls of a soak."""

    links: Mapping[str, LinkCount] = field(default_factory=dict)  # by way, of all telephones together
    kills: int = 0  # of audio processes
    hooks_failed: int = 0
    died: int = 0  # telephones whose plug was pulled


def missed(done: Injected, scenes: int, seconds: float, kill_s: float) -> list[str]:
    """Returns the mishaps that should have happened in so many scenes and seconds and did not, in words."""
    found = []
    for way in WAYS:
        link = done.links.get(way, LinkCount())
        for what, count in (("lost", link.lost), ("doubled", link.duplicated), ("overtaken", link.reordered)):
            if not count and (link.offered >= ENOUGH_DATAGRAMS or scenes >= ENOUGH_SCENES):
                found.append(f"{way}: none of {link.offered} datagrams was {what}")
    if not done.kills and seconds > 3 * kill_s:
        found.append(f"no audio process was killed in {seconds:.0f} s")
    if scenes >= ENOUGH_SCENES:
        found += ["no callback failed"] if not done.hooks_failed else []
        found += ["no telephone died"] if not done.died else []
    return found


def told(link: LinkCount) -> str:
    """Returns what happened on a way, in words."""
    return f"{link.offered} datagrams, {link.lost} lost, {link.duplicated} twice, {link.reordered} overtaken"
