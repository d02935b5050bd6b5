"""Documents made with the XML classes of the official packages, PyPI `plivo` and npm `plivo`, mean what they say."""

from __future__ import annotations

import json
import os
import subprocess
from functools import cache
from typing import Any

import pytest
from plivo import plivoxml

from switchhook.dialects.plivo.links import Link
from switchhook.dialects.plivo.xml import elements as e
from switchhook.dialects.plivo.xml.reading import read
from tests.sdks.nodejs import HERE, node_modules

pytestmark = pytest.mark.slow
APP = "http://app.example.com"


@cache
def by_node() -> dict[str, str]:
    """Returns a document per element, as npm `plivo` writes it."""
    made = subprocess.run(
        ["node", str(HERE / "documents.js")],
        env={**os.environ, "NODE_PATH": str(node_modules())}, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    found: dict[str, str] = json.loads(made.stdout)
    return found


WANTED: dict[str, e.Element] = {
    "Speak": e.Speak(
        "hionex1WWW", "Polly.Salli", "en-US", 2,
        '<speak>hi<break strength="strong" time="250ms"></break><emphasis level="strong">one</emphasis>'
        '<prosody rate="slow" pitch="high" volume="loud">x</prosody>'
        '<say-as interpret-as="telephone">1</say-as><sub alias="world">WWW</sub></speak>',
    ),
    "Play": e.Play(f"{APP}/a.mp3", 3),
    "Wait": e.Wait(9, 1500),
    "Record": e.Record(
        action=Link(f"{APP}/done", "GET"), file_format="wav", max_s=30, silence_s=5, finish_on="*", beep=False,
        callback=Link(f"{APP}/file"),
    ),
    "GetDigits": e.GetDigits(
        prompts=(e.Speak("press", "MAN"), e.Play(f"{APP}/b.wav")), action=Link(f"{APP}/got"), timeout_s=10,
        digit_timeout_s=3, most=4, finish_on="*", tries=2, valid="1234567890", invalid_sound=f"{APP}/no.mp3",
    ),
    "GetInput": e.GetInput(
        prompts=(e.Speak("speak"),), action=Link(f"{APP}/got"), dtmf=True, speech=True, execution_s=20, digit_end_s=5,
        speech_end_s=3, most=4, hints=("a", "b"), interim=Link(f"{APP}/interim"),
    ),
    "Dial": e.Dial(
        (
            e.Target("+14155550199", 1, "1w2", on_preanswer=True),
            e.Target("sip:1001@switchhook.local", 2, "3", (("X-PH-a", "1"),)),
        ),
        timeout_s=20, caller_name="Desk", real_music=True,
    ),
    "PreAnswer": e.PreAnswer((e.Speak("hello"), e.Wait(2))),
    "DTMF": e.Dtmf("98", True),
    "Message": e.Message("hi", "1", ("2", "3"), Link(f"{APP}/report")),
    "Redirect": e.Redirect(Link(f"{APP}/more", "GET")),
    "Hangup": e.Hangup("busy", 60),
    "Conference": e.Conference("room"),
}  # fmt: skip


@pytest.mark.parametrize("name", WANTED)
def test_as_the_node_package_writes_it(name: str) -> None:
    found = read(by_node()[name].encode())
    assert found.elements == (WANTED[name],)
    assert found.warnings == ()


def _python() -> dict[str, Any]:
    speak = plivoxml.SpeakElement("hi", voice="Polly.Salli", language="en-US", loop=2)
    speak.add_break(strength="strong", time="250ms").add_emphasis("one", level="strong")
    speak.add_prosody("x", volume="loud", rate="slow", pitch="high").add_say_as("1", interpret_as="digits")
    speak.add_sub("WWW", alias="world")
    dial = plivoxml.DialElement(dial_music="real", timeout=20, caller_name="Desk")
    dial.add(plivoxml.NumberElement("+14155550199", send_digits="1w2", send_on_preanswer=True))
    dial.add(
        plivoxml.UserElement("sip:1001@switchhook.local", send_digits="3", send_on_preanswer=False, sip_headers="a=1")
    )
    return {
        "Speak": speak,
        "Play": plivoxml.PlayElement(f"{APP}/a.mp3", loop=3),
        "Wait": plivoxml.WaitElement(length=9, silence=True, min_silence=1500),
        "Record": plivoxml.RecordElement(
            action=f"{APP}/done", method="GET", file_format="wav", redirect=True, timeout=5, max_length=30,
            play_beep=False, finish_on_key="*", callback_url=f"{APP}/file",
        ),
        "GetDigits": plivoxml.GetDigitsElement(
            action=f"{APP}/got", timeout=10, digit_timeout=3, finish_on_key="*", num_digits=4, retries=2,
            valid_digits="1234567890", invalid_digits_sound=f"{APP}/no.mp3",
        ).add_speak("press", voice="MAN").add_play(f"{APP}/b.wav"),
        "GetInput": plivoxml.GetInputElement(
            action=f"{APP}/got", input_type="dtmf speech", execution_timeout=20, digit_end_timeout=5,
            speech_end_timeout=3, num_digits=4, hints="a,b", interim_speech_results_callback=f"{APP}/interim",
        ).add_speak("speak"),
        "Dial": dial,
        "PreAnswer": plivoxml.PreAnswerElement().add_speak("hello").add_wait(length=2),
        "DTMF": plivoxml.DTMFElement("98", async_=False),
        "Message": plivoxml.MessageElement("hi", src="1", dst="2<3", type="sms", callback_url=f"{APP}/report"),
        "Redirect": plivoxml.RedirectElement(f"{APP}/more", method="GET"),
        "Hangup": plivoxml.HangupElement(reason="busy", schedule=60),
        "Conference": plivoxml.ConferenceElement("room", start_conference_on_enter=True, record=False),
    }  # fmt: skip


@pytest.mark.parametrize("name", WANTED)
def test_as_the_python_package_writes_it(name: str) -> None:
    response = plivoxml.ResponseElement()
    response.add(_python()[name])
    found = read(response.to_string().encode())
    assert found.elements == (WANTED[name],)
    assert found.warnings == ()
