"""Reads a document: bytes in, elements out, or `NotADocument` (plivo-xml 1.4 to 1.6).

The whole document is read before its first element runs, so that a malformed tail never half-runs. Forgiving where
real clients need it: unknown elements and attributes are left out with a warning, numbers are moved into range. Strict
where XML is: no DTD, no entities, nothing before the declaration, and the root is `Response`.
"""

from __future__ import annotations

from collections.abc import Callable
from xml.etree.ElementTree import Element as Node
from xml.etree.ElementTree import ParseError

from switchhook.dialects.plivo.links import Link, link_of
from switchhook.dialects.plivo.shapes import sip_headers
from switchhook.dialects.plivo.xml import elements as e
from switchhook.dialects.plivo.xml.attributes import Attributes
from switchhook.dialects.plivo.xml.inputs import get_digits, get_input
from switchhook.dialects.plivo.xml.multi_party_call import multi_party_call
from switchhook.dialects.plivo.xml.nodes import SENT, no_children, or_none, own_text, sequences
from switchhook.dialects.plivo.xml.spoken import play, speak, wait
from switchhook.dialects.plivo.xml.streaming import stream
from switchhook.dialects.plivo.xml.taping import record

MAX_BYTES = 100 * 1024


class NotADocument(Exception):
    """The answer is no document of ours; the text says why."""


def read(body: bytes, content_type: str = "application/xml", *, strict: bool = False) -> e.Document:
    """Returns the elements of `body` in order; raises `NotADocument`, if `strict` also for an unknown element."""
    warnings: list[str] = []
    media = content_type.partition(";")[0].strip().lower()
    root = _root(body)
    if media not in ("application/xml", "text/xml"):
        warnings.append(f"Content-Type {media or '(none)'} is not application/xml")
    unknown = [str(node.tag) for node in root if node.tag not in _READERS]
    if strict and unknown:
        raise NotADocument(f"element {unknown[0]} is unknown")
    found = [element for node in root if (element := _element(node, warnings)) is not None]
    return e.Document(tuple(found), tuple(warnings))


def _root(body: bytes) -> Node:
    if len(body) > MAX_BYTES:
        raise NotADocument(f"the document has {len(body)} bytes; {MAX_BYTES} is the limit")
    if not body.strip():
        raise NotADocument("the document is empty")
    from defusedxml.common import DefusedXmlException  # type: ignore[import-untyped]
    from defusedxml.ElementTree import fromstring  # type: ignore[import-untyped]

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


def _dial(node: Node, given: Attributes) -> e.Dial:
    music = given.raw("dialMusic") or ""
    real = music.lower() == "real"
    if given.text("callType", "voice").lower() != "voice":
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
        caller_id=or_none(given.raw("callerId")),
        caller_name=or_none(given.raw("callerName"), 50),
        hangup_on_star=given.flag("hangupOnStar", False),
        confirm_sound=confirm,
        confirm_key=key,
        confirm_timeout_s=given.whole("confirmTimeout", 120, 1, e.MOST_S),
        dial_music=None if real else link_of(music),
        real_music=real,
        callback=given.link("callbackUrl", "callbackMethod"),
        digits_match=sequences(given.text("digitsMatch")),
        digits_match_bleg=sequences(given.text("digitsMatchBLeg")),
        sip_headers=sip_headers(given.text("sipHeaders")),
    )


def _targets(node: Node, given: Attributes) -> tuple[e.Target, ...]:
    found = [_target(child, at, given) for at, child in enumerate(node, 1) if child.tag in ("Number", "User")]
    for child in node:
        if child.tag not in ("Number", "User"):
            given.warn(f"element {child.tag} inside is skipped")
    if not found and own_text(node):
        return (e.Target(own_text(node), 1),)
    return tuple(target for target in found if target is not None)


def _target(node: Node, position: int, dial: Attributes) -> e.Target | None:
    warnings: list[str] = []
    given = Attributes(node.tag, node.attrib, warnings)
    no_children(node, given)
    user, password = given.text("sipAuthUsername"), given.text("sipAuthPassword")
    digits = given.text("sendDigits")
    early = given.flag("sendOnPreanswer", False)
    if node.tag == "Number" and given.text("sendDigitsMode").lower() not in ("", "rfc2833"):
        given.warn("sendDigitsMode is ignored: keys go out as RFC 4733 events, or as tones where there are none")
    number, name = or_none(given.raw("callerId")), or_none(given.raw("callerName"), 50)
    headers = sip_headers(given.text("sipHeaders"))
    given.tell_unknown()
    for warning in warnings:
        dial.warn(warning)
    if not own_text(node):
        dial.warn(f"{node.tag} without an address is skipped")
        return None
    if not set(digits) <= SENT:
        dial.warn(f"{node.tag}: sendDigits={digits!r} is ignored")
        digits = ""
    credentials = (user, password) if user and node.tag == "User" else None
    return e.Target(own_text(node), position, digits, headers, credentials, number, name, early)


def _conference(node: Node, given: Attributes) -> e.Conference | None:
    no_children(node, given)
    name = own_text(node)
    given.raw("sendDigits")
    given.text("transcriptionType")
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
        transcription=given.link("transcriptionUrl", "transcriptionMethod"),
        floor_event=given.flag("floorEvent", False),
        relay_keys=given.flag("relayDTMF", True),
        time_limit_s=given.whole("timeLimit", e.MOST_S, 1, e.MOST_S),
        hangup_on_star=given.flag("hangupOnStar", False),
        action=given.link("action", "method"),
        redirect=given.flag("redirect", True),
        callback=given.link("callbackUrl", "callbackMethod"),
        digits_match=sequences(given.text("digitsMatch")),
    )


def _room_sound(given: Attributes, name: str) -> Link | e.Beep | None:
    text = given.text(name)
    if text.startswith("beep:"):
        return e.Beep(2 if text == "beep:2" else 1)
    return link_of(text)


def _redirect(node: Node, given: Attributes) -> e.Redirect:
    no_children(node, given)
    return e.Redirect(link_of(own_text(node), given.raw("method")))


def _hangup(node: Node, given: Attributes) -> e.Hangup:
    no_children(node, given)
    reason = given.text("reason").lower()
    if reason not in ("", "rejected", "busy"):
        given.warn(f"reason={reason!r} is neither rejected nor busy")
        reason = ""
    return e.Hangup(reason, given.whole("schedule", 0, 0, e.MOST_S))


def _dtmf(node: Node, given: Attributes) -> e.Dtmf | None:
    no_children(node, given)
    digits = "".join(own_text(node).split())
    waits = not given.flag("async", True)
    if not digits or not set(digits) <= SENT:
        given.warn(f"{digits!r} cannot be sent; it is skipped")
        return None
    return e.Dtmf(digits, waits)


def _message(node: Node, given: Attributes) -> e.Message:
    no_children(node, given)
    if given.text("type", "sms").lower() != "sms":
        given.warn("type is ignored: a message is an SMS")
    return e.Message(
        own_text(node),
        given.text("src"),
        tuple(number for part in given.text("dst").split("<") if (number := part.strip())),
        given.link("callbackUrl", "callbackMethod"),
    )


def _pre_answer(node: Node, given: Attributes) -> e.PreAnswer:
    found: list[e.Element] = []
    for child in node:
        if child.tag not in IN_PRE_ANSWER:
            given.warn(f"element {child.tag} inside is skipped")
        elif (element := _element(child, given.warnings)) is not None:
            found.append(element)
    return e.PreAnswer(tuple(found))


IN_PRE_ANSWER = frozenset({"Speak", "Play", "Wait", "GetDigits", "Redirect", "Message", "DTMF"})

_READERS: dict[str, Callable[[Node, Attributes], e.Element | None]] = {
    "Speak": speak,
    "Play": play,
    "Wait": wait,
    "Record": record,
    "GetDigits": get_digits,
    "GetInput": get_input,
    "PreAnswer": _pre_answer,
    "DTMF": _dtmf,
    "Message": _message,
    "Dial": _dial,
    "Conference": _conference,
    "MultiPartyCall": multi_party_call,
    "Redirect": _redirect,
    "Hangup": _hangup,
    "Stream": stream,
}
