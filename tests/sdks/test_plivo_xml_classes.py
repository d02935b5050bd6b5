"""Every element, attribute and child that the XML classes of the official packages offer is read, and runs.

The packages say themselves what they offer: PyPI `plivo` by its signatures, npm `plivo` by its lists. What has no
value here fails, so a new version of a package shows what is new in it. Warnings are for what the coverage page says is
absent.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from plivo import plivoxml

from switchhook.dialects.plivo.coverage import ABSENT, PARTLY, lines
from switchhook.dialects.plivo.xml.reading import read
from switchhook.lab.virtual_time import run
from tests.dialects.plivo.common import APP, SIP, World, stage
from tests.sdks.nodejs import HERE, node_modules

pytestmark = pytest.mark.slow

URL = f"{APP}/page"
ATTRIBUTES: dict[str, Any] = {
    # by element and name
    "Dial.timeout": 5, "Record.timeout": 2, "GetDigits.timeout": 2, "Speak.voice": "Polly.Salli",
    "w.role": "amazon:VB", "MultiPartyCall.role": "agent", "emphasis.level": "strong", "Play.loop": 2,
    "Stream.contentType": "audio/x-mulaw;rate=8000", "MultiPartyCall.record": "true", "Message.type": "sms",
    "Speak.language": "en-US", "Hangup.reason": "busy", "MultiPartyCall.enterSound": "beep:2",
    "MultiPartyCall.exitSound": "none",
    # by name
    "action": URL, "method": "POST", "redirect": "false", "callbackUrl": URL, "callbackMethod": "GET", "muted": "true",
    "beep": "true", "startConferenceOnEnter": "true", "endConferenceOnExit": "true", "waitSound": URL,
    "enterSound": "beep:1", "exitSound": "beep:2", "timeLimit": 3600, "hangupOnStar": "true", "maxMembers": 5,
    "record": "true", "recordWhenAlone": "true", "recordFileFormat": "wav", "digitsMatch": "12,34", "stayAlone": "true",
    "floorEvent": "true", "transcriptionType": "auto", "transcriptionUrl": URL, "transcriptionMethod": "GET",
    "relayDTMF": "false", "sendDigits": "1w2", "sendOnPreanswer": "true", "sendDigitsMode": "rfc2833",
    "callerId": "14155550100", "callerName": "Shop", "sipHeaders": "Tier=gold", "confirmSound": URL, "confirmKey": "5",
    "confirmTimeout": 10, "dialMusic": "real", "digitsMatchBLeg": "56", "digitTimeout": 3, "finishOnKey": "#",
    "numDigits": 4, "retries": 2, "invalidDigitsSound": f"{APP}/no.mp3", "validDigits": "1234", "playBeep": "true",
    "log": "false", "inputType": "dtmf speech", "executionTimeout": 10, "digitEndTimeout": 5, "speechEndTimeout": 5,
    "speechModel": "phone_call", "hints": "yes,no", "language": "en-US", "interimSpeechResultsCallback": URL,
    "interimSpeechResultsCallbackMethod": "GET", "profanityFilter": "true", "schedule": 30, "src": "1415",
    "dst": "1416",
    "loop": 1, "maxLength": 20, "recordSession": "false", "startOnDialAnswer": "false", "fileFormat": "wav",
    "recordChannelType": "mono", "transcriptionReportType": "full", "voice": "WOMAN", "strength": "weak",
    "time": "200ms", "xml:lang": "en-GB", "alphabet": "ipa", "ph": "a", "pitch": "high", "rate": "slow",
    "volume": "loud", "interpret-as": "digits", "format": "dmy", "alias": "world", "length": 5, "silence": "true",
    "minSilence": 500, "min_silence": 600, "digits": None, "async": "false", "maxDuration": 600, "maxParticipants": 5,
    "recordMinMemberCount": 2, "waitMusicUrl": URL, "waitMusicMethod": "POST", "waitTime": 30,
    "agentHoldMusicUrl": URL, "agentHoldMusicMethod": "POST", "customerHoldMusicUrl": URL,
    "customerHoldMusicMethod": "POST", "recordParticipantTrack": "false", "recordingCallbackUrl": URL,
    "recordingCallbackMethod": "GET", "statusCallbackEvents": "mpc-state-changes,participant-speak-events",
    "statusCallbackUrl": URL, "statusCallbackMethod": "GET", "coachMode": "false", "mute": "true", "hold": "false",
    "startMpcOnEnter": "true", "endMpcOnExit": "true", "enterSoundMethod": "POST", "exitSoundMethod": "POST",
    "onExitActionUrl": URL, "onExitActionMethod": "GET", "relayDTMFInputs": "true", "startRecordingAudio": URL,
    "startRecordingAudioMethod": "POST", "stopRecordingAudio": URL, "stopRecordingAudioMethod": "POST",
    "transcript": "false", "bidirectional": "true", "audioTrack": "inbound", "streamTimeout": 60,
    "extraHeaders": "a=b", "keepCallAlive": "true",
}  # fmt: skip
BODIES = {
    "Speak": "hello", "Play": f"{APP}/a.mp3", "Message": "hi", "Redirect": f"{APP}/more", "Conference": "room",
    "DTMF": "12", "MultiPartyCall": "desk", "Stream": "wss://bot.test/agent", "Number": "+14155550199",
    "User": f"sip:1001@{SIP}", "emphasis": "one", "lang": "two", "p": "three", "phoneme": "four", "prosody": "five",
    "s": "six", "say-as": "7", "sub": "eight", "w": "nine",
}  # fmt: skip


# --- npm ------------------------------------------------------------------------------------------------------------


@cache
def by_node() -> dict[str, Any]:
    folder = Path(node_modules())
    values = folder.parent / f"values-{os.getpid()}.json"
    values.write_text(json.dumps({"attributes": ATTRIBUTES, "bodies": BODIES}))
    try:
        made = subprocess.run(
            ["node", str(HERE / "elements.js"), str(values)],
            env={**os.environ, "NODE_PATH": str(folder)}, capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
    finally:
        values.unlink()
    found: dict[str, Any] = json.loads(made.stdout)
    return found


# --- PyPI -----------------------------------------------------------------------------------------------------------

CLASSES = {name: each for name, each in vars(plivoxml).items() if inspect.isclass(each) and hasattr(each, "_name")}
ODD = {"async_": "async", "xmllang": "xml:lang", "relay_dtmf": "relayDTMF", "relay_dtmf_inputs": "relayDTMFInputs",
       "digits_match_b_leg": "digitsMatchBLeg", "interpret_as": "interpret-as"}  # fmt: skip
AS_THEY_ARE = {  # values that the package itself checks the type of
    "true": True, "false": False,
}  # fmt: skip


def attribute(parameter: str) -> str:
    first, *rest = parameter.split("_")
    return ODD.get(parameter, first + "".join(word.capitalize() for word in rest))


def tag_of(cls: Any) -> str:
    return str(cls._name)


def made(cls: Any, depth: int = 0) -> Any:
    """Returns an element with every attribute and child that its class offers."""
    tag, given = tag_of(cls), {}
    for parameter in list(inspect.signature(cls.__init__).parameters)[1:]:
        if parameter == "content":
            given[parameter] = BODIES.get(tag)
            continue
        name = attribute(parameter)
        value = ATTRIBUTES.get(f"{tag}.{name}", ATTRIBUTES.get(name, "nothing"))
        assert value != "nothing", f"{tag}.{name} is new: it needs a value here"
        given[parameter] = AS_THEY_ARE.get(value, value) if isinstance(value, str) else value
    element = cls(**given)
    if depth < 2:
        for adder in (name for name in vars(cls) if name.startswith("add_")):
            wanted = adder.removeprefix("add_").replace("_", "")
            child = next(each for each in CLASSES.values() if folded(each) == wanted)
            if child is not cls:
                element.add(made(child, depth + 1))
    return element


def folded(cls: Any) -> str:
    return cls.__name__.removesuffix("Element").lower()


def by_python() -> dict[str, str]:
    found = {}
    for cls in CLASSES.values():
        if tag_of(cls) in plivoxml.ResponseElement._nestable:
            response = plivoxml.ResponseElement()
            response.add(made(cls))
            found[tag_of(cls)] = response.to_string()
    return found


# --- judged ---------------------------------------------------------------------------------------------------------

NOTED = {  # what the page says is not built, or only partly, and what packages write without a meaning
    "cont", "beep", "sendDigits", "min_silence", "transcriptionReportType",
}  # fmt: skip


def known(warning: str) -> bool:
    """True for a warning about something that the coverage page does not call done, or that has no meaning."""
    if warning.endswith("is reduced to its text") or re.fullmatch(
        r"Stream: element [a-z-]+ inside is skipped", warning
    ):
        return True  # of SSML what the engine has; the npm package lets SSML into Stream
    page = {line.part for line in lines() if line.section.startswith("XML") and line.state in (ABSENT, PARTLY)}
    names = {name for part in page for name in re.findall(r"[A-Za-z]+", part)} | NOTED
    return any(re.search(rf"\b{re.escape(name)}\b", warning) for name in names)


def test_every_element_of_both_packages_is_made() -> None:
    node, python = by_node(), by_python()
    assert node["missing"] == [], "new in the npm package"
    assert set(python) == set(plivoxml.ResponseElement._nestable)
    assert set(node["documents"]) == set(python)


@pytest.mark.parametrize("name", sorted(plivoxml.ResponseElement._nestable))
@pytest.mark.parametrize("package", ["npm", "PyPI"])
def test_an_element_with_everything_is_read(package: str, name: str) -> None:
    text = by_node()["documents"][name] if package == "npm" else by_python()[name]
    found = read(text.encode())
    assert [type(each).__name__.lower() for each in found.elements] == [name.lower()], text
    assert [each for each in found.warnings if not known(each)] == [], text


@pytest.mark.parametrize("name", sorted(plivoxml.ResponseElement._nestable))
@pytest.mark.parametrize("package", ["npm", "PyPI"])
def test_an_element_with_everything_runs(package: str, name: str) -> None:
    text = by_node()["documents"][name] if package == "npm" else by_python()[name]

    async def story() -> None:
        async with stage() as on:
            world = World(on)
            for path in ("page", "more"):
                world.page(f"/{path}", "<Wait/>")
            on.web.on(f"{APP}/answer", text)
            on.phone("1001", answers_after_s=1.0)
            line = on.phone("+14155550123").calls("+14155550100")
            await on.settled()
            assert world.one("/answer")["Event"] == "StartApp"
            await asyncio.sleep(900)
            line.hangs_up()
            await on.settled()
            told = world.one("/hangup")
            assert told["HangupCauseCode"][0] not in "78", told

    run(story())
