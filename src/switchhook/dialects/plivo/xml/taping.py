"""Reads Record (plivo-xml 2.4)."""

from __future__ import annotations

from xml.etree.ElementTree import Element as Node

from switchhook.dialects.plivo.xml import elements as e
from switchhook.dialects.plivo.xml.attributes import Attributes
from switchhook.dialects.plivo.xml.nodes import finish_keys, no_children


def record(node: Node, given: Attributes) -> e.Record:
    no_children(node, given)
    return e.Record(
        action=given.link("action", "method"),
        redirect=given.flag("redirect", True),
        file_format=_one_of(given, "fileFormat", ("mp3", "wav")),
        max_s=given.whole("maxLength", 60, 1, e.MOST_S),
        silence_s=given.whole("timeout", 15, 1, e.MOST_S),
        finish_on=finish_keys(given),
        beep=given.flag("playBeep", True),
        session=given.flag("recordSession", False),
        on_dial=given.flag("startOnDialAnswer", False),
        mono=_one_of(given, "recordChannelType", ("stereo", "mono")) == "mono",
        callback=given.link("callbackUrl", "callbackMethod"),
        transcription=given.link("transcriptionUrl", "transcriptionMethod"),
        transcription_type=_one_of(given, "transcriptionType", ("auto", "hybrid", "manual")),
        transcription_report=_one_of(given, "transcriptionReportType", ("compact", "full")),
    )


def _one_of(given: Attributes, name: str, words: tuple[str, ...]) -> str:
    """Returns one of the words; the first is what is meant when none is given."""
    found = given.text(name, words[0]).lower()
    if found in words:
        return found
    given.warn(f"{name}={found!r} is none of {', '.join(words)}")
    return words[0]
