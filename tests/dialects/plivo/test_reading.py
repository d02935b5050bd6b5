"""Documents are read whole or not at all, strictly as XML and forgivingly as Plivo (plivo-xml 1.4 to 1.6, 6)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plivo import plivoxml

from switchhook.dialects.plivo.links import Link
from switchhook.dialects.plivo.xml import elements as e
from switchhook.dialects.plivo.xml.reading import MAX_BYTES, NotADocument, read


def one(text: str) -> e.Element:
    found = read(f"<Response>{text}</Response>".encode())
    assert len(found.elements) == 1
    return found.elements[0]


def warnings(text: str) -> tuple[str, ...]:
    return read(f"<Response>{text}</Response>".encode()).warnings


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"  \n",
        b"OK",
        b'{"a": 1}',
        b"<html></html>",
        b"<response/>",
        b"<Response>",
        b"<Response/><Response/>",
        b'\n<?xml version="1.0"?><Response/>',
        b"<Response><Play>http://a/?x=1&y=2</Play></Response>",
        b"<!DOCTYPE r><Response/>",
        b'<!DOCTYPE r [<!ENTITY a "b">]><Response>&a;</Response>',
        b'<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/passwd">]><Response>&a;</Response>',
        b'<?xml version="1.0" encoding="klingon"?><Response/>',
        b"<Response>\xff</Response>",
        b"<Response><Speak>a</Speak><Dial></Response>",
        b"<Response>" + b" " * MAX_BYTES + b"</Response>",
    ],
)
def test_what_is_no_document(body: bytes) -> None:
    with pytest.raises(NotADocument):
        read(body)


@pytest.mark.parametrize(
    "body",
    [
        b"<Response/>",
        b'<?xml version="1.0" encoding="UTF-8"?>\n<Response></Response>',
        b"\xef\xbb\xbf<Response/>",
        b"\n <Response/>",
        b"<!-- a --><?target x?><Response><!-- b --></Response>",
        b"<Response>" + b" " * (MAX_BYTES - 21) + b"</Response>",
    ],
)
def test_empty_documents(body: bytes) -> None:
    assert read(body) == e.Document(())


@pytest.mark.parametrize("media", ["text/html; charset=utf-8", "", "application/json"])
def test_another_content_type_is_only_a_warning(media: str) -> None:
    found = read(b"<Response><Wait/></Response>", media)
    assert found.elements == (e.Wait(1),)
    assert "Content-Type" in found.warnings[0]
    assert read(b"<Response/>", "text/xml;charset=utf-8").warnings == ()


def test_unknown_elements_and_attributes_are_left_out_with_a_warning() -> None:
    found = read(b"<Response><Say>hi</Say><Play volume='9'>http://a/b<Loud/></Play></Response>")
    assert found.elements == (e.Play("http://a/b"),)
    assert found.warnings == (
        "element Say is skipped",
        "Play: element Loud inside is skipped",
        "Play: attribute volume is ignored",
    )


def test_text_is_trimmed_and_cdata_is_text() -> None:
    assert one("<Play>\n   http://a/b\n </Play>") == e.Play("http://a/b")
    assert one("<Speak><![CDATA[1 < 2]]> and <!-- x -->3</Speak>") == e.Speak("1 < 2 and 3")
    assert one("<Speak>a <w role='x'>b</w> c</Speak>") == e.Speak("a b c")


@pytest.mark.parametrize(
    ("text", "element"),
    [
        ("<Speak voice='MAN' language='de-DE' loop='0'>x</Speak>", e.Speak("x", "MAN", "de-DE", 0)),
        ("<Play loop='3'>http://a</Play>", e.Play("http://a", 3)),
        ("<Wait length='7'/>", e.Wait(7)),
        ("<Wait Length=' 7 '/>", e.Wait(7)),
        ("<Wait length='0'/>", e.Wait(1)),
        ("<Wait length='soon'/>", e.Wait(1)),
        ("<Wait length='none'/>", e.Wait(1)),
        ("<Redirect method='get'> http://a </Redirect>", e.Redirect(Link("http://a", "GET"))),
        ("<Redirect/>", e.Redirect(None)),
        ("<Hangup reason='BUSY' schedule='9'/>", e.Hangup("busy", 9)),
        ("<Hangup reason='tired'/>", e.Hangup("", 0)),
    ],
)
def test_elements(text: str, element: e.Element) -> None:
    assert one(text) == element


def test_every_attribute_of_dial() -> None:
    text = """<Dial action="http://a/act" method="GET" redirect="False" timeout="20" timeLimit="99999"
        callerId="none" callerName="Desk" hangupOnStar="TRUE" confirmSound="http://a/s" confirmKey="*"
        confirmTimeout="5" dialMusic="http://a/m" callbackUrl="http://a/cb" callbackMethod="get" digitsMatch="1, 123,12"
        digitsMatchBLeg="#" sipHeaders="a=1,Plivo-x=2,b c=3">
        <Number sendDigits="1w" sipHeaders="n=1">+1 415 555 0100</Number> <Oops/>
        <User sipAuthUsername="u" sipAuthPassword="p" sendOnPreAnswer="false">sip:x@y</User></Dial>"""
    assert one(text) == e.Dial(
        targets=(
            e.Target("+1 415 555 0100", 1, "1w", (("X-PH-n", "1"),)),
            e.Target("sip:x@y", 3, "", (), ("u", "p")),
        ),
        action=Link("http://a/act", "GET"),
        redirect=False,
        timeout_s=20,
        time_limit_s=86_400,
        caller_id="",
        caller_name="Desk",
        hangup_on_star=True,
        confirm_sound=Link("http://a/s"),
        confirm_key="*",
        confirm_timeout_s=5,
        dial_music=Link("http://a/m"),
        callback=Link("http://a/cb", "GET"),
        digits_match=("123", "12", "1"),
        digits_match_bleg=("#",),
        sip_headers=(("X-PH-a", "1"),),
    )


def test_a_confirm_key_needs_a_sound() -> None:
    found = one("<Dial confirmKey='1'><Number>1</Number></Dial>")
    assert isinstance(found, e.Dial)
    assert found.confirm_key == ""
    assert "confirmKey" in warnings("<Dial confirmKey='1'><Number>1</Number></Dial>")[0]


def test_every_attribute_of_conference() -> None:
    text = """<Conference muted="true" enterSound="beep:2" exitSound="http://a/x" startConferenceOnEnter="false"
        endConferenceOnExit="true" stayAlone="false" waitSound="http://a/w" maxMembers="200" timeLimit="60"
        hangupOnStar="true" action="http://a/act" method="GET" redirect="false" callbackUrl="http://a/cb"
        callbackMethod="GET" digitsMatch="1" relayDTMF="true" record="false"> My Room </Conference>"""
    assert one(text) == e.Conference(
        name="My Room",
        muted=True,
        enter_sound=e.Beep(2),
        exit_sound=Link("http://a/x"),
        starts=False,
        ends=True,
        stay_alone=False,
        wait_sound=Link("http://a/w"),
        max_members=20,
        time_limit_s=60,
        hangup_on_star=True,
        action=Link("http://a/act", "GET"),
        redirect=False,
        callback=Link("http://a/cb", "GET"),
        digits_match=("1",),
    )


@pytest.mark.parametrize(
    "text",
    [
        "<Wait length='2' silence='true' min_silence='2000'/>",
        "<Wait beep='loud'/>",
        "<Wait length='9' beep='true' minSilence='100'/>",
        "<Dial callType='whatsapp'><Number>1</Number></Dial>",
        "<Dial><Number sendDigitsMode='inband'>1</Number></Dial>",
        "<GetInput inputType='smell'/>",
        "<GetDigits finishOnKey='x'/>",
        "<GetDigits validDigits='12x'/>",
        "<Record fileFormat='ogg'/>",
        "<DTMF>1-2</DTMF>",
        "<PreAnswer><Dial/></PreAnswer>",
        "<Conference>a/b</Conference>",
        "<Conference/>",
        "<Dial><Number/></Dial>",
        "<Dial><Number sendDigits='x'>1</Number></Dial>",
        "<Wait length='99999999'/>",
        "<Dial redirect='maybe'><Number>1</Number></Dial>",
    ],
)
def test_what_is_not_done_as_written_is_told(text: str) -> None:
    assert warnings(text) != ()


@pytest.mark.parametrize("text", ["<Speak legs='aleg'>x</Speak>", "<Conference beep='true'>r</Conference>"])
def test_what_sdks_add_by_habit_is_not(text: str) -> None:
    assert warnings(text) == ()


def test_documents_of_the_official_sdk() -> None:
    response = plivoxml.ResponseElement()
    response.add(plivoxml.SpeakElement("Hello", voice="WOMAN", language="en-US", loop=1))
    response.add(plivoxml.PlayElement("http://a/b.mp3", loop=2))
    response.add(plivoxml.WaitElement(length=3))
    dial = plivoxml.DialElement(action="http://a/act", timeout=9, caller_id="1", confirm_sound="http://a/c")
    dial.add(plivoxml.NumberElement("15550001111", send_digits="1"))
    dial.add(plivoxml.UserElement("sip:1001@phone.plivo.com"))
    response.add(dial)
    response.add(plivoxml.ConferenceElement("room", start_conference_on_enter=False, wait_sound="http://a/w"))
    response.add(plivoxml.RedirectElement("http://a/r", method="GET"))
    response.add(plivoxml.HangupElement(schedule=5))
    found = read(response.to_string().encode())
    assert found.warnings == ()
    assert [type(element).__name__ for element in found.elements] == [
        "Speak",
        "Play",
        "Wait",
        "Dial",
        "Conference",
        "Redirect",
        "Hangup",
    ]
    dialled = found.elements[3]
    assert isinstance(dialled, e.Dial)
    assert [target.address for target in dialled.targets] == ["15550001111", "sip:1001@phone.plivo.com"]


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200))
def test_bytes_are_a_document_or_are_not(body: bytes) -> None:
    for each in (body, b"<Response>" + body + b"</Response>"):
        try:
            found = read(each)
        except NotADocument:
            continue
        assert isinstance(found, e.Document)


NAMES = st.sampled_from(["Speak", "Play", "Wait", "Dial", "Number", "User", "Conference", "Redirect", "Hangup", "X"])
ATTRIBUTES = st.sampled_from(
    ["loop", "length", "timeout", "action", "method", "redirect", "confirmKey", "schedule", "maxMembers", "enterSound"]
)
VALUES = st.one_of(st.sampled_from(["", "none", "true", "-1", "0", "5", "1e9", "9" * 30, "beep:1", "http://a"]))


@st.composite
def nodes(draw: st.DrawFn, depth: int = 2) -> str:
    name = draw(NAMES)
    given_ = "".join(f' {k}="{v}"' for k, v in draw(st.dictionaries(ATTRIBUTES, VALUES, max_size=4)).items())
    inside = "".join(draw(st.lists(nodes(depth - 1), max_size=3))) if depth else draw(VALUES)
    return f"<{name}{given_}>{inside}</{name}>"


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.lists(nodes(), max_size=5))
def test_well_formed_documents_are_always_read_within_limits(found: list[str]) -> None:
    document = read(f"<Response>{''.join(found)}</Response>".encode())
    for element in document.elements:
        match element:
            case e.Wait():
                assert 1 <= element.length_s <= e.MOST_S
            case e.Dial():
                assert element.timeout_s is None or 1 <= element.timeout_s <= e.MOST_S
                assert len(element.confirm_key) <= 1
            case e.Conference():
                assert element.name
                assert 1 <= element.max_members <= 20
            case e.Hangup():
                assert 0 <= element.schedule_s <= e.MOST_S
