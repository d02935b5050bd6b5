"""Reads a document: bytes in, elements out, or `NotADocument` (plivo-xml 1.4 to 1.6).

The whole document is read before its first element runs, so that a malformed tail never half-runs. Forgiving where
real clients need it: unknown elements and attributes are left out with a warning, numbers are moved into range. Strict
where XML is: no DTD, no entities, nothing before the declaration, and the root is `Response`.
"""

from __future__ import annotations

from collections.abc import Callable
from xml.etree.ElementTree import Element as Node
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException  # type: ignore[import-untyped]
from defusedxml.ElementTree import fromstring  # type: ignore[import-untyped]

from switchhook.dialects.plivo.links import Link, link_of
from switchhook.dialects.plivo.shapes import sip_headers
from switchhook.dialects.plivo.xml import elements as e
from switchhook.dialects.plivo.xml.attributes import Attributes

MAX_BYTES = 100 * 1024
LONGEST_SPEECH = 3000
MOST_LOOPS = 10_000


class NotADocument(Exception):
    """The answer is no document of ours; the text says why."""


def read(body: bytes, content_type: str = "application/xml") -> e.Document:
    """Returns the elements of `body` in order; raises `NotADocument`."""
    warnings: list[str] = []
    media = content_type.partition(";")[0].strip().lower()
    root = _root(body)
    if media not in ("application/xml", "text/xml"):
        warnings.append(f"Content-Type {media or '(none)'} is not application/xml")
    found = [element for node in root if (element := _element(node, warnings)) is not None]
    return e.Document(tuple(found), tuple(warnings))


def _root(body: bytes) -> Node:
    if len(body) > MAX_BYTES:
        raise NotADocument(f"the document has {len(body)} bytes; {MAX_BYTES} is the limit")
    if not body.strip():
        raise NotADocument("the document is empty")
    try:
        root: Node = fromstring(body, forbid_dtd=True, forbid_entities=True, forbid_external=True)
    except DefusedXmlException:
        raise NotADocument("the document has a DTD or entities") from None
    except (ParseError, ValueError, LookupError) as error:
        raise NotADocument(f"the document is not XML: {error}") from None
    if root.tag != "Response":
        raise NotADocument(f"the root element is {root.tag!r}, not 'Response'")
    return root


def _element(node: Node, warnings: list[str]) -> e.Element | None:
    reader = _READERS.get(node.tag)
    if reader is None:
        warnings.append(f"element {node.tag} is skipped")
        return None
    attributes = Attributes(node.tag, node.attrib, warnings)
    found = reader(node, attributes)
    attributes.tell_unknown()
    return found


def _body(node: Node) -> str:
    return " ".join("".join(node.itertext()).split())


def _own_text(node: Node) -> str:
    return (node.text or "").strip()


def _no_children(node: Node, given: Attributes) -> None:
    for child in node:
        given.warn(f"element {child.tag} inside is skipped")


def _speak(node: Node, given: Attributes) -> e.Speak:
    text = _body(node)
    if len(text) > LONGEST_SPEECH:
        given.warn(f"only the first {LONGEST_SPEECH} characters are spoken")
    return e.Speak(
        text[:LONGEST_SPEECH],
        given.text("voice", "WOMAN"),
        given.text("language", "en-US"),
        given.whole("loop", 1, 0, MOST_LOOPS),
    )


def _play(node: Node, given: Attributes) -> e.Play:
    _no_children(node, given)
    return e.Play(_own_text(node), given.whole("loop", 1, 0, MOST_LOOPS))


def _wait(node: Node, given: Attributes) -> e.Wait:
    _no_children(node, given)
    if given.flag("silence", False) or given.raw("minSilence") or given.text("beep", "false") != "false":
        given.warn("silence and beep are not listened for; it waits its whole length")
    return e.Wait(given.whole("length", 1, 1, e.MOST_S))


def _dial(node: Node, given: Attributes) -> e.Dial:
    music = given.text("dialMusic")
    if music == "real":
        given.warn("dialMusic real is ringback: early audio of the called side is not relayed")
        music = ""
    if given.text("callType", "voice") != "voice":
        given.warn("callType is ignored: calls are voice")
    confirm = link_of(given.raw("confirmSound"))
    key = given.text("confirmKey")
    if key and (len(key) != 1 or key not in "0123456789*#" or confirm is None):
        given.warn("confirmKey must be one key and needs confirmSound; it is ignored")
        key = ""
    return e.Dial(
        targets=_targets(node, given),
        action=given.link("action", "method"),
        redirect=given.flag("redirect", True),
        timeout_s=given.whole("timeout", 0, 1, e.MOST_S) or None,
        time_limit_s=given.whole("timeLimit", e.DIAL_S, 1, e.MOST_S),
        caller_id=_or_none(given.raw("callerId")),
        caller_name=_or_none(given.raw("callerName"), 50),
        hangup_on_star=given.flag("hangupOnStar", False),
        confirm_sound=confirm,
        confirm_key=key,
        confirm_timeout_s=given.whole("confirmTimeout", 120, 1, e.MOST_S),
        dial_music=Link(music) if music else None,
        callback=given.link("callbackUrl", "callbackMethod"),
        digits_match=_sequences(given.text("digitsMatch")),
        digits_match_bleg=_sequences(given.text("digitsMatchBLeg")),
        sip_headers=sip_headers(given.text("sipHeaders")),
    )


def _or_none(value: str | None, most: int = 200) -> str | None:
    if not value:
        return None
    return "" if value.lower() == "none" else value[:most]


def _targets(node: Node, given: Attributes) -> tuple[e.Target, ...]:
    found = [_target(child, at, given) for at, child in enumerate(node, 1) if child.tag in ("Number", "User")]
    for child in node:
        if child.tag not in ("Number", "User"):
            given.warn(f"element {child.tag} inside is skipped")
    if not found and _own_text(node):
        return (e.Target(_own_text(node), 1),)
    return tuple(target for target in found if target is not None)


def _target(node: Node, position: int, dial: Attributes) -> e.Target | None:
    warnings: list[str] = []
    given = Attributes(node.tag, node.attrib, warnings)
    _no_children(node, given)
    user, password = given.text("sipAuthUsername"), given.text("sipAuthPassword")
    digits = given.text("sendDigits")
    if given.flag("sendOnPreanswer", False):
        given.warn("sendOnPreanswer is ignored: digits are sent after the answer")
    if given.text("sendDigitsMode") not in ("", "rfc2833"):
        given.warn("attribute sendDigitsMode is ignored")
    number, name = _or_none(given.raw("callerId")), _or_none(given.raw("callerName"), 50)
    headers = sip_headers(given.text("sipHeaders"))
    given.tell_unknown()
    for warning in warnings:
        dial.warn(warning)
    if not _own_text(node):
        dial.warn(f"{node.tag} without an address is skipped")
        return None
    if any(key not in "0123456789*#wWABCDabcd" for key in digits):
        dial.warn(f"{node.tag}: sendDigits={digits!r} is ignored")
        digits = ""
    credentials = (user, password) if user and node.tag == "User" else None
    return e.Target(_own_text(node), position, digits, headers, credentials, number, name)


def _sequences(text: str) -> tuple[str, ...]:
    """Returns the entries of a `digitsMatch` list, the longest first."""
    found = {part.strip() for part in text.split(",") if part.strip()}
    return tuple(sorted(found, key=lambda part: (-len(part), part)))


def _conference(node: Node, given: Attributes) -> e.Conference | None:
    _no_children(node, given)
    name = _own_text(node)
    given.raw("sendDigits")
    for later in ("transcriptionType", "transcriptionUrl", "transcriptionMethod"):
        if given.text(later):
            given.warn(f"attribute {later} is ignored: there is no recogniser")
    if not name or "/" in name:
        given.warn("its name has a slash, which no path of the API can name" if name else "it has no name")
        return None
    return e.Conference(
        name=name,
        muted=given.flag("muted", False),
        enter_sound=_room_sound(given, "enterSound"),
        exit_sound=_room_sound(given, "exitSound"),
        starts=given.flag("startConferenceOnEnter", True),
        ends=given.flag("endConferenceOnExit", False),
        stay_alone=given.flag("stayAlone", True),
        wait_sound=link_of(given.raw("waitSound")),
        max_members=given.whole("maxMembers", 20, 1, 20),
        record=given.flag("record", False),
        record_format="wav" if given.text("recordFileFormat").lower() == "wav" else "mp3",
        record_when_alone=given.flag("recordWhenAlone", False),
        floor_event=given.flag("floorEvent", False),
        relay_keys=given.flag("relayDTMF", True),
        time_limit_s=given.whole("timeLimit", e.MOST_S, 1, e.MOST_S),
        hangup_on_star=given.flag("hangupOnStar", False),
        action=given.link("action", "method"),
        redirect=given.flag("redirect", True),
        callback=given.link("callbackUrl", "callbackMethod"),
        digits_match=_sequences(given.text("digitsMatch")),
    )


def _room_sound(given: Attributes, name: str) -> Link | e.Beep | None:
    text = given.text(name)
    if text.startswith("beep:"):
        return e.Beep(2 if text == "beep:2" else 1)
    return link_of(text)


def _redirect(node: Node, given: Attributes) -> e.Redirect:
    _no_children(node, given)
    return e.Redirect(link_of(_own_text(node), given.raw("method")))


def _hangup(node: Node, given: Attributes) -> e.Hangup:
    _no_children(node, given)
    reason = given.text("reason").lower()
    if reason not in ("", "rejected", "busy"):
        given.warn(f"reason={reason!r} is neither rejected nor busy")
        reason = ""
    return e.Hangup(reason, given.whole("schedule", 0, 0, e.MOST_S))


_READERS: dict[str, Callable[[Node, Attributes], e.Element | None]] = {
    "Speak": _speak,
    "Play": _play,
    "Wait": _wait,
    "Dial": _dial,
    "Conference": _conference,
    "Redirect": _redirect,
    "Hangup": _hangup,
}
