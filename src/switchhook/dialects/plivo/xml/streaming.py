"""Reads Stream (plivo-xml 2.15, 4.1)."""

from __future__ import annotations

from xml.etree.ElementTree import Element as Node

from switchhook.dialects.plivo.streaming.wishes import (
    CONTENT_TYPES,
    DEFAULT_TYPE,
    LONGEST_EXTRA,
    LONGEST_S,
    LONGEST_URL,
    TRACKS,
    Wishes,
    content_type,
)
from switchhook.dialects.plivo.xml import elements as e
from switchhook.dialects.plivo.xml.attributes import Attributes
from switchhook.dialects.plivo.xml.nodes import all_text, no_children
from switchhook.exchange.forks import is_stream_url


def stream(node: Node, given: Attributes) -> e.Stream:
    """Returns the element; one that cannot be is kept, so that its place in the document is, and does nothing."""
    no_children(node, given)
    url = all_text(node)
    both_ways = given.flag("bidirectional", False)
    track = given.text("audioTrack", "inbound").lower()
    kind = content_type(given.text("contentType", DEFAULT_TYPE))
    extra = given.text("extraHeaders")
    given.flag("noiseCancellation", False)
    given.whole("noiseCancellationLevel", 85, 60, 100)
    wishes = Wishes(
        url=url,
        bidirectional=both_ways,
        track=track,
        timeout_s=given.whole("streamTimeout", LONGEST_S, 1, LONGEST_S),
        content_type=kind,
        extra=extra,
        callback=given.link("statusCallbackUrl", "statusCallbackMethod"),
        keep_alive=given.flag("keepCallAlive", False),
        retries=given.whole("maxRetries", 2, 0, 10),
    )
    reason = wrong(wishes)
    if reason:
        given.warn(f"{reason}; it is skipped")
    return e.Stream(None if reason else wishes)


def wrong(wishes: Wishes, prefix: str = "") -> str:
    """Returns why a stream cannot be, or nothing; `prefix` begins the names of its attributes, if its URL is one."""
    if not is_stream_url(wishes.url) or len(wishes.url) > LONGEST_URL:
        where = f"{prefix}ServiceUrl" if prefix else "its body"
        return f"{where} is no ws or wss URL of at most {LONGEST_URL} characters"
    if wishes.track not in TRACKS:
        return f"audioTrack={wishes.track!r} is none of {', '.join(TRACKS)}"
    if wishes.bidirectional and wishes.track != "inbound":
        return "only audioTrack inbound goes with bidirectional"
    if not wishes.content_type:
        return f"{_named(prefix, 'contentType')} is none of {', '.join(CONTENT_TYPES)}"
    if len(wishes.extra.encode()) > LONGEST_EXTRA:
        return f"{_named(prefix, 'extraHeaders')} is longer than {LONGEST_EXTRA} bytes"
    return ""


def _named(prefix: str, name: str) -> str:
    return f"{prefix}{name[0].upper()}{name[1:]}" if prefix else name
