"""Every scene that the soak plays; one that stands here twice is played twice as often."""

from __future__ import annotations

from switchhook.lab.soak import scenes as s
from switchhook.lab.soak.fallbacks import FALLBACKS

STORIES: tuple[s.Story, ...] = (*s.STORIES, *FALLBACKS)
