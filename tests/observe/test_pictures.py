"""Timeline, ladder and audio chart say what happened, and draw it so that a browser can show it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC
from typing import get_args
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switchhook.core.events import Event
from switchhook.exchange.ports import Entry
from switchhook.observe.audio import Heard, draw_audio
from switchhook.observe.ladder import Ladder, Look, ladder
from switchhook.observe.ladder_mermaid import draw_mermaid
from switchhook.observe.ladder_svg import draw_svg
from switchhook.observe.ladder_text import draw_text
from switchhook.observe.order import in_order
from switchhook.observe.parties import Parties
from switchhook.observe.timeline import timeline
from switchhook.observe.wording import _WORDS, clip
from tests.observe.story import AGENT, CALL, CUSTOMER, FACT_KINDS, START, TARGET, story

SVG = "{http://www.w3.org/2000/svg}"


def words_of(document: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(document).iter(f"{SVG}text")]


# --- names ----------------------------------------------------------------------------------------------------------


def test_parties_are_called_by_role_and_number() -> None:
    parties = Parties.of(story())
    assert parties.name(CUSTOMER) == "customer +4930123"
    assert parties.name(AGENT) == "agent 1001"
    assert parties.name(TARGET) == "target 1003"
    assert parties.name("6f1c1f2e-6c1b-4f52") == "6f1c1f2e"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("builtin:hold", "hold music"),
        ("speak:en-US:WOMAN:Good day: here we are", '"Good day: here we are"'),
        ("https://example.com/a/waltz.mp3?x=1", "waltz.mp3"),
        ("tone:440:200", "440 Hz"),
        ("silence:200", "silence"),
        ("file:/a/b.wav", "b.wav"),
    ],
)
def test_clips_are_called_by_what_they_sound_like(text: str, said: str) -> None:
    assert clip(text) == said


def test_an_invite_of_a_call_that_is_up_is_a_re_invite_but_a_repeated_one_is_not() -> None:
    first = next(e for e in story() if e.leg == AGENT and e.kind == "SipMessage")
    hold = {**first.body, "direction": "in", "first_line": "INVITE sip:w0@127.0.0.1 SIP/2.0", "cseq": "2 INVITE"}
    later = [
        replace(first, at=START + 5),
        Entry(START + 6, "SipMessage", CALL, AGENT, hold),
        Entry(START + 6.1, "PhoneHeld", CALL, AGENT, {"leg": AGENT, "on": True}),
    ]
    labels = [step.label for step in ladder([*story(), *later]).steps]
    assert labels.count("INVITE 1001") == 2
    assert labels.count("re-INVITE") == 1
    assert "pressed hold on the telephone" in labels  # the name stands above the column


# --- timeline -------------------------------------------------------------------------------------------------------


def test_a_cause_that_is_an_event_is_told_in_plain_words() -> None:
    names = {event.__name__ for event in get_args(Event)}
    for name in names:
        told = timeline([Entry(START, "LegConnected", CALL, AGENT, {"leg": AGENT}, name)], zone=UTC)
        assert name not in told
        assert re.search(r"is connected  \[a?[a-z ]+\]$", told, re.MULTILINE), told


def test_an_answer_is_not_told_as_if_it_had_been_asked() -> None:
    asked = {"method": "POST", "path": "/v1/phlo/5b1d", "dialect": "phlo", "status": 201, "body": '{"api_id": "a"}'}
    refused = {**asked, "status": 409, "body": '{"error": "busy"}'}
    told = timeline([Entry(START, "HttpRequest", CALL, "", body) for body in (asked, refused)], zone=UTC)
    assert "POST /v1/phlo/5b1d -> 201\n" in told
    assert 'POST /v1/phlo/5b1d -> 409 {"error": "busy"}\n' in told


def test_a_warning_names_whom_it_is_about() -> None:
    about = Entry(START + 15.5, "Warning", CALL, CUSTOMER, {"text": "9 packets of a stranger were not played"})
    told = timeline([*story(), about], zone=UTC)
    assert "warning, customer +4930123: 9 packets of a stranger were not played" in told


def test_the_timeline_tells_the_transfer_in_plain_words() -> None:
    text = timeline(story(), zone=UTC)
    told = [
        "customer +4930123 calls +14155550100  [INVITE]",
        "customer +4930123 hears hold music",
        "agent 1001 rings",
        'POST /v1/phlo/5b1d/multi_party_call/8d7e/ {"action": "warm_transfer", "to": "1003"} -> 201',
        "warm transfer: agent 1001 hands the customer to 1003  [api-7]",
        "agent and target talk in private, the customer hears music",
        "agent 1001 pressed 5",
        "agent 1001 is gone: completed, by its own telephone (Q.850 16)  [BYE]",
        "the transfer is over: completed with target 1003",
        "customer +4930123 hears target 1003",
        "webhook POST a/b: no answer after 2000 ms",
        "warning: a stranger's packets were dropped",
        "HearingChanged (written by another version)",
    ]
    at = -1
    for line in told:
        found = text.find(line, at + 1)
        assert found > at, line
        at = found
    assert "14:13:28.001    +8.001  warm transfer" in text
    assert "INVITE sip:" not in text
    assert "-> 127.0.0.1:6001 200 OK (BYE)" in timeline(story(), sip=True, zone=UTC)


def test_a_telephone_that_never_answered_was_not_reached() -> None:
    ended: dict[str, object] = {"leg": "b", "outcome": "not_registered", "by": "phone", "sip_status": 480}
    created: dict[str, object] = {"leg": {"id": "b", "address": "1001", "side": "outbound"}}
    lines = [Entry(1.0, "LegCreated", CALL, "b", created), Entry(2.0, "LegEnded", CALL, "b", ended)]
    assert "1001 was not reached: not registered (SIP 480)" in timeline(lines)


def test_the_call_is_named_though_the_request_came_first() -> None:
    asked = Entry(1.0, "HttpRequest", "", "", {"method": "GET", "path": "/x", "status": 200})
    assert timeline([asked, Entry(2.0, "Noted", CALL, "", {"text": "x"})]).startswith(f"call {CALL}, ")


def test_a_notification_says_whose_desktop_was_told() -> None:
    told = {"dialect": "genesys", "name": "StatusChange Consult Released", "channel": "/v2/me/calls"}
    entries = [
        Entry(START, "Notification", CALL, leg, {**told, "user": user})
        for leg, user in ((AGENT, "agent1"), (TARGET, "agent2"))
    ]
    lines = timeline(entries).splitlines()
    labels = [arrow.label for arrow in ladder(entries).steps]
    for user in ("agent1", "agent2"):
        assert sum(f"Consult Released /v2/me/calls to {user}" in line for line in lines) == 1
        assert labels.count(f"StatusChange Consult Released /v2/me/calls to {user}") == 1


def test_a_call_of_which_nothing_is_known_has_a_timeline_too() -> None:
    assert timeline([]) == "nothing happened\n"


def test_a_mishap_of_sip_is_told_of_its_leg() -> None:
    text = "an ACK came late: our answer had been sent again"
    entries = [*story(), Entry(START + 30.0, "SipNote", CALL, AGENT, {"leg": AGENT, "text": text})]
    assert timeline(entries).splitlines()[-1].endswith(f"agent 1001: {text}")
    assert text in [step.label for step in ladder(entries).steps]


def test_every_kind_with_words_is_a_fact_of_the_core_or_a_line_of_the_shell() -> None:
    shell = {"HttpRequest", "HttpReply", "Webhook", "Notification", "SipMessage", "SipNote", "Warning"}
    assert set(_WORDS) - FACT_KINDS == shell


# --- order ------------------------------------------------------------------------------------------------------------


def request(at: float, **more: object) -> Entry:
    body: dict[str, object] = {"method": "POST", "path": "/x", "status": 202, **more}
    return Entry(at, "HttpRequest", CALL, "", body, str(more.pop("cause", "")))


def test_a_request_comes_before_what_it_brought_about() -> None:
    caused = [Entry(9.0, "Noted", CALL, "", {}, "api-8"), Entry(10.0, "Noted", CALL, "", {}, "api-7")]
    lines = [*caused, Entry(10.1, "Noted", CALL, "", {}, "api-7"), request(10.2, api_id="api-7")]
    told = [(line.at, line.kind) for line in in_order(lines, split=True)]
    assert told == [(9.0, "Noted"), (10.0, "HttpRequest"), (10.0, "Noted"), (10.1, "Noted"), (10.2, "HttpReply")]
    assert in_order(lines)[1].body["status"] == 202


def test_a_request_that_says_how_long_it_took_begins_so_much_earlier() -> None:
    assert [line.at for line in in_order([request(10.0, ms=1500)], split=True)] == [8.5, 10.0]


def test_a_request_long_after_an_equal_cause_stays_where_it_is() -> None:
    old = Entry(1.0, "Noted", CALL, "", {}, "Hold by agent1")
    late = Entry(10.0, "HttpRequest", CALL, "", {"status": 200}, "Hold by agent1")
    assert [line.at for line in in_order([old, late])] == [1.0, 10.0]


# --- ladder ---------------------------------------------------------------------------------------------------------


def test_columns_stand_from_the_asker_over_the_caller_to_the_called() -> None:
    assert [column.name for column in ladder(story()).columns] == [
        "API client",
        "customer +4930123",
        "Switchhook",
        "agent 1001",
        "target 1003",
        "Web application",
    ]


def test_arrows_go_the_way_the_messages_went() -> None:
    drawn = ladder(story())
    arrows = [(step.source, step.target, step.label) for step in drawn.steps if step.look is Look.SIP]
    assert arrows[0] == (1, 2, "INVITE +14155550100")
    assert (2, 3, "INVITE 1001") in arrows
    assert (3, 2, "180 Ringing (INVITE)") in arrows
    bad = [step.label for step in drawn.steps if step.bad]
    assert bad == [
        "POST a/b: no answer after 2000 ms",
        "warning: a stranger's packets were dropped",
        "603 Decline (INFO)",
    ]


def test_what_two_legs_hear_from_the_same_moment_stands_in_one_row() -> None:
    together = [[step.label for step in row] for row in ladder(story()).rows() if len(row) > 1]
    assert ["hears agent 1001", "hears customer +4930123"] in together


def test_a_ladder_without_sip_messages_is_drawn_from_the_facts() -> None:
    drawn = ladder(story(with_sip=False))
    arrows = [(step.source, step.target, step.label) for step in drawn.steps if step.look is Look.SIP]
    assert arrows[:3] == [(1, 2, "calls"), (2, 1, "answers"), (2, 3, "is dialled")]
    assert (3, 2, "ends: completed") in arrows
    assert (2, 4, "ends: completed") in arrows


def test_the_text_ladder_keeps_its_lifelines_straight() -> None:
    text = draw_text(ladder(story()), width=24)
    assert "|-- INVITE +1415555.. ->|" in text
    assert "<.. 180 Ringing (INVITE) ..|" in draw_text(ladder(story()))
    assert "[hears hold music]" in text
    assert " warm transfer: agent 1001 hands the customer to 1003 =" in text
    bars = {line.index("|") for line in text.splitlines() if "|" in line}
    assert bars == {23}
    assert all(len(line) <= 11 + 24 * 6 for line in text.splitlines())


def test_the_mermaid_ladder_escapes_what_would_end_a_line() -> None:
    text = draw_mermaid(ladder(story()))
    assert text.startswith("sequenceDiagram\n    participant p0 as API client\n")
    assert "    p1->>p2: +0.000 INVITE +14155550100\n" in text
    assert "    p4--xp2: +20.000 603 Decline (INFO)\n" in text
    assert "    Note over p0,p5: +8.001 warm transfer" in text
    assert "#123;" in text
    assert "{" not in text


def test_the_svg_ladder_is_a_whole_document_with_all_names_and_labels() -> None:
    document = draw_svg(ladder(story()), title="A & B")
    words = words_of(document)
    for word in ("API client", "customer", "+4930123", "Switchhook", "INVITE 1001", "hears hold music", "+8.001"):
        assert word in words
    titles = [element.text for element in ElementTree.fromstring(document).iter(f"{SVG}title")]
    assert titles[0] == "A & B"
    assert any(title and '"warm_transfer"' in title for title in titles)


def test_svg_words_stay_inside_the_picture() -> None:
    root = ElementTree.fromstring(draw_svg(ladder(story())))
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    for element in root.iter(f"{SVG}text"):
        assert 0 <= float(element.attrib["x"]) <= width
        assert 0 <= float(element.attrib["y"]) <= height
    for element in root.iter(f"{SVG}rect"):
        assert float(element.attrib.get("x", 0)) + float(element.attrib["width"]) <= width


@pytest.mark.parametrize("draw", [draw_text, draw_mermaid, draw_svg])
def test_an_empty_ladder_can_be_drawn(draw: Callable[[Ladder], str]) -> None:
    assert "Switchhook" in draw(ladder([]))


hostile = st.text(max_size=12) | st.sampled_from(["<script>", "a;b", "\x00\x1b[31m", "]]>", '"', "\ud800"])
bodies = st.dictionaries(
    st.sampled_from(["leg", "direction", "first_line", "url", "status", "text", "path", "sources", "on", "ms"]),
    hostile | st.integers() | st.none() | st.lists(hostile, max_size=1),
)


@given(kind=st.sampled_from(sorted(_WORDS)), body=bodies, number=hostile)
@settings(max_examples=120, deadline=None)
def test_hostile_lines_never_break_a_picture(kind: str, body: dict[str, object], number: str) -> None:
    entries = story()
    body = {"direction": "in", **body} if kind == "SipMessage" else body
    created = replace(entries[1], body={"leg": {"id": CUSTOMER, "address": number, "side": "inbound"}})
    lines = [entries[0], created, Entry(START + 3, kind, CALL, CUSTOMER, body)]
    drawn = ladder(lines)
    ElementTree.fromstring(draw_svg(drawn).encode("utf-8", "surrogatepass"))
    for text in (draw_text(drawn), draw_mermaid(drawn)):
        assert "\x1b" not in text
        assert "\x00" not in text
    assert "\x1b" not in timeline(lines)


# --- audio chart ----------------------------------------------------------------------------------------------------


def test_the_audio_chart_has_a_row_for_each_listener_and_a_bar_for_each_stretch() -> None:
    heard = [
        Heard("customer", "agent 1001", 0.0, 4.0),
        Heard("customer", "hold music", 4.0, 9.0),
        Heard("agent", "customer", 0.0, 4.0),
        Heard("agent", "target <b>", 3.0, 9.0),
    ]
    document = draw_audio(heard, title="Scene 2")
    root = ElementTree.fromstring(document)
    words = words_of(document)
    assert {"Scene 2", "customer", "agent", "hold music", "target <b>", "9 s"} <= set(words)
    bars = [title.text or "" for title in root.iter(f"{SVG}title") if " heard " in (title.text or "")]
    assert bars[1] == "customer heard hold music from 4.00 s to 9.00 s"
    assert len(bars) == 4


def test_sources_heard_together_stand_below_each_other() -> None:
    apart = ElementTree.fromstring(draw_audio([Heard("a", "x", 0, 1), Heard("a", "y", 1, 2)]))
    mixed = ElementTree.fromstring(draw_audio([Heard("a", "x", 0, 2), Heard("a", "y", 1, 2)]))
    assert float(mixed.attrib["height"]) == float(apart.attrib["height"]) + 22


def test_a_chart_of_nothing_is_still_a_picture() -> None:
    assert words_of(draw_audio([]))[0] == "Who heard whom"
