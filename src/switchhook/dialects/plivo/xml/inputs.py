"""Reads GetDigits and GetInput: keys and speech that are asked for (plivo-xml 2.5, 2.6)."""

from __future__ import annotations

from xml.etree.ElementTree import Element as Node

from switchhook.dialects.plivo.xml import elements as e
from switchhook.dialects.plivo.xml.attributes import Attributes
from switchhook.dialects.plivo.xml.nodes import KEYS, finish_keys
from switchhook.dialects.plivo.xml.spoken import prompts

MOST_DIGITS = 99
MOST_SPOKEN_DIGITS = 32
MOST_HINTS, LONGEST_HINT, LONGEST_HINTS = 500, 100, 10_000
DEFAULT_FINISH = "#"
MODELS = ("default", "command_and_search", "phone_call")
DIGIT_END_S, SPEECH_END_S = 2, 1  # what `auto` is


def get_digits(node: Node, given: Attributes) -> e.GetDigits:
    valid = given.text("validDigits", KEYS)
    if not set(valid) <= set(KEYS):
        given.warn(f"validDigits={valid!r} has more than keys")
    return e.GetDigits(
        prompts=prompts(node, given),
        action=given.link("action", "method"),
        redirect=given.flag("redirect", True),
        timeout_s=given.whole("timeout", 5, 1, 3600),
        digit_timeout_s=given.whole("digitTimeout", 2, 1, 3600),
        most=given.whole("numDigits", MOST_DIGITS, 1, MOST_DIGITS),
        finish_on=DEFAULT_FINISH if (keys := finish_keys(given)) is None else keys,
        tries=given.whole("retries", 1, 1, 100),
        beep=given.flag("playBeep", False),
        valid="".join(key for key in valid if key in KEYS) or KEYS,
        invalid_sound=given.text("invalidDigitsSound"),
        log=given.flag("log", True),
    )


def get_input(node: Node, given: Attributes) -> e.GetInput:
    words = given.text("inputType").lower().replace(",", " ").split()
    if not words or set(words) - {"dtmf", "speech"}:
        given.warn(f"inputType={' '.join(words)!r} is none of dtmf, speech, dtmf speech")
    model = given.text("speechModel", "default")
    if model not in MODELS:
        given.warn(f"speechModel={model!r} is none of {', '.join(MODELS)}")
    return e.GetInput(
        prompts=prompts(node, given),
        action=given.link("action", "method"),
        redirect=given.flag("redirect", True),
        dtmf="dtmf" in words or "speech" not in words,
        speech="speech" in words,
        execution_s=given.whole("executionTimeout", 15, 5, 60),
        digit_end_s=_end(given, "digitEndTimeout", DIGIT_END_S),
        speech_end_s=_end(given, "speechEndTimeout", SPEECH_END_S),
        start_s=given.whole("startInputTimeout", 0, 1, 60) or None,
        tries=given.whole("retries", 1, 1, 100),
        finish_on=DEFAULT_FINISH if (keys := finish_keys(given)) is None else keys,
        most=given.whole("numDigits", MOST_SPOKEN_DIGITS, 1, MOST_SPOKEN_DIGITS),
        model=model if model in MODELS else "default",
        hints=_hints(given),
        language=given.text("language", "en-US"),
        interim=given.link("interimSpeechResultsCallback", "interimSpeechResultsCallbackMethod"),
        profanity_filter=given.flag("profanityFilter", False),
        log=given.flag("log", True),
    )


def _end(given: Attributes, name: str, auto: int) -> int:
    return auto if given.text(name, "auto").lower() == "auto" else given.whole(name, auto, 2, 10)


def _hints(given: Attributes) -> tuple[str, ...]:
    text = given.text("hints")
    found = [hint[:LONGEST_HINT] for part in text[:LONGEST_HINTS].split(",") if (hint := part.strip())]
    if len(found) > MOST_HINTS or len(text) > LONGEST_HINTS:
        given.warn(f"hints are cut at {MOST_HINTS} phrases and {LONGEST_HINTS} letters")
    return tuple(found[:MOST_HINTS])
