"""Speak: SSML as far as the speech program reads it, and whose voice speaks (plivo-xml 2.1)."""

from __future__ import annotations

import shutil

import pytest
from plivo import plivoxml

from switchhook.dialects.plivo.run.clips import clip_of
from switchhook.dialects.plivo.run.voices import voice_of
from switchhook.dialects.plivo.xml import elements as e
from switchhook.dialects.plivo.xml.reading import read
from switchhook.lab.virtual_time import in_virtual_time
from switchhook.media import clips
from switchhook.media.decode import decode, speak
from tests.dialects.plivo.common import World, stage

needs_speech = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")


def spoken(text: str) -> e.Speak:
    found = read(f"<Response>{text}</Response>".encode()).elements[0]
    assert isinstance(found, e.Speak)
    return found


def warnings(text: str) -> tuple[str, ...]:
    return read(f"<Response>{text}</Response>".encode()).warnings


@pytest.mark.parametrize(
    ("inside", "markup"),
    [
        ("plain", ""),
        ("a <break time='1s' strength='weak'/> b", '<speak>a <break strength="weak" time="1s"></break> b</speak>'),
        ("<emphasis level='strong'>a</emphasis>", '<speak><emphasis level="strong">a</emphasis></speak>'),
        ("<lang xml:lang='fr-FR'>oui</lang>", '<speak><voice xml:lang="fr-FR">oui</voice></speak>'),
        ("<p>a</p><s>b</s>", "<speak><p>a</p><s>b</s></speak>"),
        ("<sub alias='world'>w</sub>", '<speak><sub alias="world">w</sub></speak>'),
        ("<say-as interpret-as='digits'>12</say-as>", '<speak><say-as interpret-as="telephone">12</say-as></speak>'),
        ("<prosody rate='slow'>a &amp; b</prosody>", '<speak><prosody rate="slow">a &amp; b</prosody></speak>'),
        ("<s>one <w role='x'>read</w> two</s>", "<speak><s>one  read  two</s></speak>"),
        ("<s a='1'>&lt;break/></s>", "<speak><s>&lt;break/&gt;</s></speak>"),
        ("<lang>a</lang>", "<speak>a</speak>"),
    ],
)
def test_what_reaches_the_speech_program(inside: str, markup: str) -> None:
    assert spoken(f"<Speak>{inside}</Speak>").markup == markup


def test_what_it_does_not_know_is_its_text_with_a_warning() -> None:
    text = "<Speak>a <phoneme alphabet='ipa' ph='x'>pecan</phoneme><audio src='http://a'/> <w>b</w></Speak>"
    assert spoken(text).text == "a pecan b"
    assert spoken(text).markup == ""
    assert sorted(warnings(text)) == [
        "Speak: element audio inside is reduced to its text",
        "Speak: element phoneme inside is reduced to its text",
        "Speak: element w inside is reduced to its text",
    ]
    assert warnings("<Speak>a<cont>b</cont></Speak>") == ()
    assert warnings("<Speak><s a='1'>b</s></Speak>") == ("Speak: attribute a of s is ignored",)


def test_only_three_thousand_letters_are_spoken() -> None:
    found = spoken(f"<Speak><s>{'a' * 3001}</s></Speak>")
    assert (len(found.text), found.markup) == (3000, "")
    assert len(warnings(f"<Speak>{'a' * 3001}</Speak>")) == 1


@pytest.mark.parametrize(
    ("voice", "language", "found"),
    [
        ("WOMAN", "de-DE", ("de-DE", "WOMAN")),
        ("man", "de-DE", ("de-DE", "MAN")),
        ("Polly.Matthew", "", ("en-US", "MAN")),
        ("Polly.Vitória", "", ("pt-BR", "WOMAN")),
        ("polly.lupe-Standard", "", ("es-US", "WOMAN")),
        ("Polly.Hans-Neural", "de-DE", ("de-DE", "MAN")),
        ("Polly.Geraint", "", ("en-GB", "MAN")),
        ("Polly.Nobody", "", ("en-US", "WOMAN")),
        ("Polly.Amy", "fr-FR", ("fr-FR", "WOMAN")),
        ("Robot", "sv-SE", ("sv-SE", "WOMAN")),
    ],
)
def test_whose_voice(voice: str, language: str, found: tuple[str, str]) -> None:
    assert voice_of(voice, language) == found


def test_clips() -> None:
    assert clip_of(spoken("<Speak voice='Polly.Celine'>oui</Speak>"), "") == "speak:fr-FR:WOMAN:oui"
    assert clip_of(spoken("<Speak><s>a</s></Speak>"), "") == "speak:en-US:WOMAN:<speak><s>a</s></speak>"
    # Text that only looks like markup stays text.
    assert clip_of(spoken("<Speak>&lt;speak>a</Speak>"), "") == "speak:en-US:WOMAN: <speak>a"


@needs_speech
def test_the_speech_program_reads_it() -> None:
    def bytes_of(text: str) -> int:
        found = clips.parse(clip_of(spoken(f"<Speak>{text}</Speak>"), ""))
        assert isinstance(found, clips.Speech)
        return len(speak(found, "espeak-ng"))

    plain = bytes_of("one two")
    assert bytes_of("one<break time='2s'/> two") > plain + 60_000  # 2 s of 22 kHz
    assert bytes_of("<prosody rate='x-slow'>one two</prosody>") > plain * 1.2
    assert bytes_of("<sub alias='a very long explanation'>one</sub> two") > plain * 1.5
    assert abs(bytes_of("<s>one <w>two</w></s>") - plain) < plain / 2


@needs_speech
def test_of_what_is_nested_too_deeply_the_text_is_spoken() -> None:
    deep = f"<Speak>a{'<s>' * 5_000}b{'</s>' * 5_000}</Speak>"
    assert (spoken(deep).text, spoken(deep).markup) == ("ab", "")
    assert warnings(deep) == ("Speak: the elements inside are nested too deeply; only their text is spoken",)


def test_text_that_looks_like_markup_is_spoken_as_it_is() -> None:
    plain = sum(len(block) for block in decode(clip_of(spoken("<Speak>a</Speak>"), ""), "espeak-ng"))
    looks = clip_of(spoken("<Speak>&lt;speak>a&lt;/speak></Speak>"), "")
    assert sum(len(block) for block in decode(looks, "espeak-ng")) > plain


@in_virtual_time
async def test_as_the_official_sdk_writes_it() -> None:
    async with stage() as on:
        world = World(on)
        element = plivoxml.SpeakElement("hi", voice="Polly.Salli", language="en-US")
        element.add_break(strength="strong", time="250ms")
        element.add_emphasis("one", level="strong")
        element.add_lang("oui", xmllang="fr-FR")
        element.add_p("p")
        element.add_prosody("x", volume="loud", rate="slow", pitch="high")
        element.add_s("s")
        element.add_say_as("1", interpret_as="digits", format="")
        element.add_sub("WWW", alias="world")
        response = plivoxml.ResponseElement()
        response.add(element)
        on.web.on("http://app.example.com/answer", response.to_string())
        line = on.phone("+14155550123").calls("+14155550100")
        await on.settled()
        assert line.hears == {
            'speak:en-US:WOMAN:<speak>hi<break strength="strong" time="250ms"></break><emphasis level="strong">one'
            '</emphasis><voice xml:lang="fr-FR">oui</voice><p>p</p><prosody rate="slow" pitch="high" volume="loud">x'
            '</prosody><s>s</s><say-as interpret-as="telephone">1</say-as><sub alias="world">WWW</sub></speak>'
        }
        assert not world.warnings
