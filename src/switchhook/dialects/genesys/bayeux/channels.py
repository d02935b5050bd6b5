"""Channel names, and the globs of subscriptions: `/a/*` is one segment, `/a/**` any depth (Bayeux 1.0, 2.2)."""

from __future__ import annotations

import re

_SEGMENT = r"[A-Za-z0-9\-_!~()$@. ]+"
_CHANNEL = re.compile(rf"(?:/{_SEGMENT})+")
_PATTERN = re.compile(rf"(?:/{_SEGMENT})*(?:/\*\*?|/{_SEGMENT})")


def is_channel(name: object) -> bool:
    """True for the name of one channel, without a glob."""
    return isinstance(name, str) and _CHANNEL.fullmatch(name) is not None


def is_pattern(name: object) -> bool:
    """True for a channel or a glob; a star stands only at the end."""
    return isinstance(name, str) and _PATTERN.fullmatch(name) is not None


def matches(pattern: str, channel: str) -> bool:
    """Says whether a subscription to `pattern` wants what is sent on `channel`; globs never reach `/meta`."""
    if pattern == channel:
        return True
    if pattern.endswith("/**"):
        return channel.startswith(pattern[:-2]) and not channel.startswith("/meta/")
    if pattern.endswith("/*"):
        head = pattern[:-1]
        return channel.startswith(head) and "/" not in channel[len(head) :] and not channel.startswith("/meta/")
    return False
