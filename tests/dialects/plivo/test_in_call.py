"""Play, Speak, DTMF and Record on live calls: who hears what, what is in the file, and what is told of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from switchhook.core.facts import DigitsSent
from switchhook.lab.stage import Line, Stage
from switchhook.lab.virtual_time import in_virtual_time
from tests.dialects.plivo.common import ACCOUNT, APP, CUSTOMER, SIP, World, stage

SONG, OTHER_SONG = "http://files.example.com/song.wav", "http://files.example.com/other.wav"
MINUTE = "tone:440:60000"


def wave_file() -> bytes:
    return b"RIFF" + b"\0" * 40


async def bridged(on: Stage) -> tuple[World, Line, Line]:
    world = World(on)
    for url in (SONG, OTHER_SONG):
        on.web.on(url, wave_file())
    customer, agent = await world.in_dial()
    return world, customer, agent


async def post(world: World, line: Line, action: str, **body: Any) -> Any:
    answer = await world.api("POST", f"Call/{line.leg}/{action}/", body)
    await world.stage.passes(0.01)  # files are fetched
    return answer


def sounds(line: Line) -> list[str]:
    """What a telephone hears that is nobody's voice, files as `file`."""
    return sorted("file" if each.startswith("file:") else each for each in line.hears if ":" in each)


def voices(line: Line) -> set[str]:
    return {each for each in line.hears if ":" not in each}


# --- Play and Speak -------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_a_play_is_mixed_under_the_talk_of_the_leg_it_is_for() -> None:
    async with stage() as on:
        world, customer, agent = await bridged(on)
        answer = await post(world, customer, "Play", urls=SONG)
        assert answer.status_code == 202
        assert answer.json()["message"] == "play started"
        assert set(answer.json()) == {"api_id", "message"}
        assert (voices(customer), sounds(customer)) == ({"1001"}, ["file"])
        assert agent.hears == {CUSTOMER}
        await on.passes(3.1)  # the length of a file on the stage
        assert (customer.hears, agent.hears) == ({"1001"}, {CUSTOMER})


@pytest.mark.parametrize(
    ("legs", "at_customer", "at_agent"), [("aleg", ["file"], []), ("bleg", [], ["file"]), ("both", ["file"], ["file"])]
)
def test_legs_says_who_hears_it(legs: str, at_customer: list[str], at_agent: list[str]) -> None:
    @in_virtual_time
    async def story() -> None:
        async with stage() as on:
            world, customer, agent = await bridged(on)
            await post(world, customer, "Play", urls=SONG, legs=legs)
            assert (sounds(customer), sounds(agent)) == (at_customer, at_agent)
            assert (await world.api("DELETE", f"Call/{customer.leg}/Play/", {})).status_code == 204
            assert (sounds(customer), sounds(agent)) == ([], [])
            assert (voices(customer), voices(agent)) == ({"1001"}, {CUSTOMER})

    story()


@in_virtual_time
async def test_the_b_leg_s_uuid_makes_it_the_a_leg_of_its_own_play() -> None:
    async with stage() as on:
        world, customer, agent = await bridged(on)
        await post(world, agent, "Play", urls=[SONG])
        assert (sounds(customer), sounds(agent)) == ([], ["file"])
        await world.api("DELETE", f"Call/{customer.leg}/Play/")  # not what this call's API began
        assert sounds(agent) == ["file"]


@in_virtual_time
async def test_without_mix_the_other_party_is_not_heard_meanwhile_but_hears() -> None:
    async with stage() as on:
        world, customer, agent = await bridged(on)
        await post(world, customer, "Play", urls=SONG, mix=False)
        assert (voices(customer), sounds(customer)) == (set(), ["file"])
        assert agent.hears == {CUSTOMER}
        await on.passes(3.1)
        assert customer.hears == {"1001"}


@in_virtual_time
async def test_files_are_played_in_order_in_a_loop_until_the_length_is_over() -> None:
    async with stage() as on:
        world, customer, _ = await bridged(on)
        await post(world, customer, "Play", urls=f"{SONG},{OTHER_SONG}", loop="true", length="20")
        assert len(sounds(customer)) == 2
        await on.passes(19.9)
        assert len(sounds(customer)) == 2
        await on.passes(0.2)
        assert customer.hears == {"1001"}


@in_virtual_time
async def test_a_new_sound_takes_the_place_of_the_one_before_and_each_stop_ends_its_own() -> None:
    async with stage() as on:
        world, customer, _ = await bridged(on)
        await post(world, customer, "Play", urls=SONG, loop=True)
        answer = await post(world, customer, "Speak", text="one moment", loop=True)
        assert answer.json()["message"] == "speak started"
        (heard,) = sounds(customer)
        assert heard.startswith("speak:en-US:")
        assert heard.endswith(":one moment")
        await world.api("DELETE", f"Call/{customer.leg}/Play/")
        assert len(sounds(customer)) == 1
        assert (await world.api("DELETE", f"Call/{customer.leg}/Speak/")).status_code == 204
        assert customer.hears == {"1001"}


@in_virtual_time
async def test_the_document_goes_on_beneath_and_a_transfer_ends_the_sound() -> None:
    async with stage() as on:
        world = World(on)
        line = await world.arrives("<Speak loop='0'>menu</Speak>")
        (menu,) = sounds(line)
        await post(world, line, "Speak", text="hello", loop=True)
        assert menu in sounds(line)
        assert len(sounds(line)) == 2
        await world.transfer(line, aleg_url=world.page("/other", "<Wait length='30'/>"))
        assert line.hears == set()


@in_virtual_time
async def test_the_voice_may_come_as_the_length_and_speech_has_a_language() -> None:
    async with stage() as on:
        world, customer, _ = await bridged(on)
        assert (await post(world, customer, "Speak", text="bonjour", length="MAN", language="fr-FR")).status_code == 202
        (heard,) = sounds(customer)
        assert heard.startswith("speak:fr")


@in_virtual_time
async def test_ssml_reaches_the_speech_program_as_far_as_it_knows_it() -> None:
    async with stage() as on:
        world, customer, _ = await bridged(on)
        for text in (
            "<speak>a <emphasis level='strong'>b</emphasis> <w role='x'>c</w></speak>",
            "a <emphasis level='strong'>b</emphasis> <w role='x'>c</w>",
        ):
            asked = {"text": text, "voice": "Polly.Amy", "language": "en-GB", "loop": True}
            assert (await post(world, customer, "Speak", **asked)).status_code == 202
            (heard,) = sounds(customer)
            assert '<emphasis level="strong">b</emphasis>' in heard
            assert "<w" not in heard
            assert any("element w inside is reduced to its text" in warning for warning in world.warnings)
        for plain in ("1 < 2 & 3", "a <b> c"):
            await post(world, customer, "Speak", text=plain, loop=True)
            assert sounds(customer)[0].endswith(f":{plain}")
        answer = await post(world, customer, "Speak", text="<speak> </speak>", voice="Polly.Amy")
        assert (answer.status_code, "invalid" in answer.json()["error"]) == (400, True)


@in_virtual_time
async def test_a_file_that_cannot_be_had_is_a_warning_and_the_talk_goes_on() -> None:
    async with stage() as on:
        world, customer, agent = await bridged(on)
        assert (await post(world, customer, "Play", urls="http://files.example.com/none.wav")).status_code == 202
        await on.passes(0.1)
        assert (customer.hears, agent.hears) == ({"1001"}, {CUSTOMER})
        assert [text for text in world.warnings if text.startswith("Play by API: ")]


@in_virtual_time
async def test_in_asynchronous_mode_the_answer_goes_to_the_callback() -> None:
    async with stage() as on:
        world, customer, _ = await bridged(on)
        answer = await post(world, customer, "Play", urls=SONG, callback_url=f"{APP}/cb")
        assert (answer.status_code, answer.json()["message"]) == (202, "async api spawned")
        assert world.one("/cb")["message"] == "play started"
        assert json.loads(world.one("/cb")["response"])["message"] == "play started"
        assert sounds(customer) == ["file"]


@in_virtual_time
async def test_both_of_a_call_without_a_partner_is_that_call_and_bleg_is_not_found() -> None:
    async with stage() as on:
        world = World(on)
        on.web.on(SONG, wave_file())
        line = await world.arrives("<Wait length='60'/>")
        await world.transfer(line, aleg_url=world.page("/up", "<Speak>up</Speak>", "<Wait length='60'/>"))
        await on.passes(1)
        assert (await post(world, line, "Play", urls=SONG, legs="bleg")).status_code == 404
        assert line.hears == set()
        assert (await post(world, line, "Play", urls=SONG, legs="both")).status_code == 202
        assert sounds(line) == ["file"]


# --- DTMF -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "at_customer", "at_agent"),
    [
        ({"digits": "12#"}, "12#", ""),
        ({"digits": "1w2W*", "leg": "aleg"}, "1w2W*", ""),
        ({"digits": "7", "leg": "bleg"}, "", "7"),
        ({"digits": 42, "legs": "bleg"}, "", "42"),
        ({"digits": "5@250"}, "5", ""),
    ],
)
def test_digits_are_sent_to_the_leg(body: dict[str, Any], at_customer: str, at_agent: str) -> None:
    @in_virtual_time
    async def story() -> None:
        async with stage() as on:
            world, customer, agent = await bridged(on)
            answer = await post(world, customer, "DTMF", **body)
            assert (answer.status_code, answer.json()["message"]) == (202, "digits sent")
            assert on.media.digits_sent(customer.leg) == at_customer
            assert on.media.digits_sent(agent.leg) == at_agent
            assert [each.fact.digits for each in on.facts if isinstance(each.fact, DigitsSent)] == [
                at_customer or at_agent
            ]

    story()


@pytest.mark.parametrize(("digits", "tone_ms"), [("5", 160), ("5@250", 250), ("5@1", 40), ("5@99999", 6000)])
def test_tones_are_as_long_as_asked(digits: str, tone_ms: int) -> None:
    @in_virtual_time
    async def story() -> None:
        async with stage() as on:
            world, customer, _ = await bridged(on)
            sent: list[tuple[str, str, int]] = []
            on.media.send_digits = lambda leg, keys, ms=160: sent.append((leg, keys, ms))  # type: ignore[method-assign]
            await post(world, customer, "DTMF", digits=digits)
            assert sent == [(customer.leg, "5", tone_ms)]

    story()


# --- Record ---------------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_a_recording_has_both_parties_and_its_end_is_told() -> None:
    async with stage() as on:
        world, customer, _ = await bridged(on)
        began = on.now
        answer = await post(world, customer, "Record", time_limit=120, callback_url=f"{APP}/rec")
        body = answer.json()
        assert answer.status_code == 202
        assert set(body) == {"api_id", "message", "recording_id", "url"}
        assert body["message"] == "call recording started"
        assert body["url"].endswith(f"/v1/Account/{ACCOUNT}/Recording/{body['recording_id']}.wav")
        (tape,) = on.media.recordings
        assert (tape.left, tape.right, tape.ears, tape.stereo) == ((customer.leg,), (), (customer.leg,), False)
        assert world.hooks("/rec") == []
        on.web.on(f"{APP}/rec", "")
        await on.passes(9.99)
        assert (await world.api("DELETE", f"Call/{customer.leg}/Record/")).status_code == 204
        await on.passes(0.1)
        sent = world.one("/rec")
        assert json.loads(sent.pop("response")) == sent
        assert sent == {
            "api_id": body["api_id"],
            "record_url": body["url"],
            "call_uuid": customer.leg,
            "recording_id": body["recording_id"],
            "recording_duration": "10",
            "recording_duration_ms": "10000",
            "recording_start_ms": str(round(began * 1000)),
            "recording_end_ms": str(round((began + 10) * 1000)),
        }
        assert not on.media.recordings


@in_virtual_time
async def test_a_recording_that_a_hangup_cuts_is_told_after_the_hangup_and_again_until_it_is_taken() -> None:
    async with stage() as on:
        world, customer, _ = await bridged(on)
        on.web.on(f"{APP}/rec", (503, ""))
        await post(world, customer, "Record", callback_url=f"{APP}/rec", callback_method="GET")
        await on.passes(4.99)
        customer.hangs_up()
        await on.passes(1)
        assert [path for path in world.paths() if path in ("/hangup", "/rec")] == ["/hangup", "/rec"]
        await on.passes(6)
        assert len(world.hooks("/rec")) == 2
        on.web.on(f"{APP}/rec", "")
        await on.passes(400)
        assert [form["recording_duration"] for form in world.hooks("/rec")] == ["5"] * 3


@in_virtual_time
async def test_a_url_that_says_how_often_is_obeyed() -> None:
    async with stage() as on:
        world, customer, _ = await bridged(on)
        on.web.on(f"{APP}/rec", (503, ""))
        await post(world, customer, "Record", callback_url=f"{APP}/rec#rc=1&rp=5xx")
        customer.hangs_up()
        await on.passes(400)
        assert len(world.hooks("/rec")) == 2


@in_virtual_time
async def test_a_recording_goes_on_through_a_transfer_and_takes_the_new_partner() -> None:
    async with stage() as on:
        world, customer, agent = await bridged(on)
        await post(world, customer, "Record", record_channel_type="stereo", file_format="wav")
        (tape,) = on.media.recordings
        assert (tape.left, tape.right, tape.ears, tape.stereo) == ((customer.leg,), (), (customer.leg,), True)
        assert agent.up
        await world.transfer(customer, aleg_url=world.page("/dial", f"<Dial><User>sip:1002@{SIP}</User></Dial>"))
        target = await on.phone("1002").rings()
        target.answers()
        await on.settled()
        (tape,) = on.media.recordings
        assert (tape.left, tape.ears) == ((customer.leg,), (customer.leg,))
        assert customer.hears == {"1002"}
        customer.hangs_up()
        await on.passes(0.1)
        assert not on.media.recordings


@in_virtual_time
async def test_it_ends_after_its_longest_time_which_is_a_minute() -> None:
    async with stage() as on:
        world, customer, _ = await bridged(on)
        await post(world, customer, "Record")
        await post(world, customer, "Record", time_limit="90")
        await on.passes(59.9)
        assert len(on.media.recordings) == 2
        await on.passes(0.2)
        assert len(on.media.recordings) == 1
        await on.passes(30)
        assert not on.media.recordings


@in_virtual_time
async def test_one_of_two_recordings_is_ended_by_its_url() -> None:
    async with stage() as on:
        world, customer, _ = await bridged(on)
        urls = [(await post(world, customer, "Record")).json()["url"] for _ in range(2)]
        assert (await world.api("DELETE", f"Call/{customer.leg}/Record/", {"URL": urls[0]})).status_code == 204
        (left,) = on.media.recordings
        assert left.id in urls[1]
        await on.settled()
        again = await world.api("DELETE", f"Call/{customer.leg}/Record/", {"URL": urls[0]})
        assert again.status_code == 404
        assert (await world.api("DELETE", f"Call/{customer.leg}/Record/")).status_code == 204
        await on.settled()
        assert not on.media.recordings
        assert (await world.api("DELETE", f"Call/{customer.leg}/Record/")).status_code == 204


@in_virtual_time
async def test_a_transcription_is_not_made_and_said_so() -> None:
    async with stage() as on:
        world, customer, _ = await bridged(on)
        asked = {"transcription_type": "auto", "transcription_url": f"{APP}/words"}
        assert (await post(world, customer, "Record", **asked)).status_code == 202
        assert any("no transcription is made: [plivo] recogniser is not set" in text for text in world.warnings)


# --- what is refused ------------------------------------------------------------------------------------------------

GOOD: dict[str, dict[str, Any]] = {
    "Play": {"urls": SONG},
    "Speak": {"text": "hello"},
    "DTMF": {"digits": "1"},
    "Record": {},
}
BAD: dict[str, dict[str, list[Any]]] = {
    "Play": {
        "urls": ["song.wav", "ftp://files.example.com/a.wav", [SONG, "no"], {"a": 1}, True, "http://"],
        "length": [0, -1, "soon", 1.5, True, [], {}, "1e3"],
        "legs": ["cleg", "aleg,bleg", 1, True, {}],
        "loop": ["maybe", 2, {}],
        "mix": ["maybe", -1, {}],
        "callback_url": ["app", {}, True],
    },
    "Speak": {
        "text": [{"a": 1}, True, "x" * 3001],
        "voice": ["a/b", "x" * 65, {}, True],
        "language": ["english please", "e", {}, True],
        "legs": ["none of them"],
        "loop": ["maybe"],
        "mix": ["maybe"],
        "callback_url": ["app"],
    },
    "DTMF": {
        "digits": ["12x", "@100", "1 2", "1@", "1@long", {}, True, "1" * 257],
        "leg": ["both", "cleg", 3, True],
        "callback_url": ["app"],
    },
    "Record": {
        "time_limit": [0, -5, "long", True, {}],
        "file_format": ["ogg", 3, True, {}],
        "record_channel_type": ["quadro", True, {}],
        "transcription_url": ["words", True],
        "callback_url": ["app", "ftp://x", True],
        "callback_method": ["PUT"],
    },
}
NEEDED = {"Play": "urls", "Speak": "text", "DTMF": "digits"}
CASES = [(action, name, value) for action, names in BAD.items() for name, values in names.items() for value in values]


def told_nothing(on: Stage, before: int) -> bool:
    return len(on.facts) == before and not on.media.recordings


@pytest.mark.parametrize("action", list(GOOD))
def test_bad_arguments_are_400_and_change_nothing(action: str) -> None:
    @in_virtual_time
    async def story() -> None:
        async with stage() as on:
            world, customer, _ = await bridged(on)
            before = len(on.facts)
            for name, value in [(name, value) for each, name, value in CASES if each == action]:
                extra = {"callback_url": f"{APP}/rec"} if name == "callback_method" else {}
                answer = await post(world, customer, action, **{**GOOD[action], **extra, name: value})
                assert answer.status_code == 400, (name, value, answer.text)
                assert set(answer.json()) == {"api_id", "error"}
                assert name.partition("_method")[0] in answer.json()["error"], (name, value)
                assert "invalid" in answer.json()["error"]
                assert told_nothing(on, before), (name, value)
            for empty in ("", None, []) if action in NEEDED else ():
                answer = await post(world, customer, action, **{NEEDED[action]: empty})
                assert (answer.status_code, answer.json()["error"]) == (400, f"{NEEDED[action]} parameter is missing")
                assert told_nothing(on, before)

    story()


@pytest.mark.parametrize("action", list(GOOD))
def test_unknown_strange_ringing_and_dead_calls_are_404_and_other_methods_405(action: str) -> None:
    @in_virtual_time
    async def story() -> None:
        async with stage() as on:
            world, customer, _ = await bridged(on)
            asked = {"from": "1", "to": f"sip:1003@{SIP}", "answer_url": f"{APP}/x"}
            ringing = (await world.api("POST", "Call/", asked)).json()["request_uuid"]
            dead, _ = await world.in_dial(to="1002", caller="+14155550177")
            dead.hangs_up()
            await on.passes(1)
            before = len(on.facts)
            methods = ("POST",) if action == "DTMF" else ("POST", "DELETE")
            for method in methods:
                for uuid in (ringing, dead.leg, "00000000-0000-4000-8000-000000000000", "x"):
                    answer = await world.api(method, f"Call/{uuid}/{action}/", GOOD[action])
                    assert answer.status_code == 404, (method, uuid)
                    assert "not found" in answer.json()["error"]
                other = ("MAOTHERACCOUNT000000", "other-token")
                answer = await world.api(
                    method, f"Call/{customer.leg}/{action}", GOOD[action], auth=other, account=other[0]
                )
                assert answer.status_code == 404
            for method in {"GET", "PUT", "PATCH", "DELETE"} - set(methods):
                assert (await world.api(method, f"Call/{customer.leg}/{action}/")).status_code == 405
            assert told_nothing(on, before)
            assert (await world.api("POST", f"call/{customer.leg}/{action.upper()}", GOOD[action])).status_code == 202

    story()


# --- Feedback -------------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_feedback_is_taken_for_a_call_of_the_asker_and_stands_in_its_timeline() -> None:
    async with stage() as on:
        _, customer, _ = await bridged(on)
        url, auth = f"/v1/Call/{customer.leg}/Feedback/", (ACCOUNT, "0123456789abcdef0123456789abcdef01234567")
        body = {"rating": 4, "issues": ["echo"], "notes": "fine"}
        answer = await on.http.post(url, json=body, auth=auth)
        assert answer.status_code == 200
        assert set(answer.json()) == {"api_id", "status", "message"}
        (line,) = [entry for entry in on.entries if entry.kind == "HttpRequest" and "Feedback" in str(entry.body)]
        assert line.call == on.exchange.calls.of(customer.leg)
        assert '"rating": 4.0' in str(line.body["body"])
        for bad in ({}, {"rating": 0}, {"rating": 6}, {"rating": "good"}, {"rating": True}, {"rating": 3, "issues": 7}):
            refused = await on.http.post(url, json=bad, auth=auth)
            assert refused.status_code == 400
            assert set(refused.json()) == {"api_id", "error"}
        assert (await on.http.get(url, auth=auth)).status_code == 405
        assert (await on.http.post(url, json=body)).status_code == 401
        stranger = ("MAOTHERACCOUNT000000", "other-token")
        assert (await on.http.post(url, json=body, auth=stranger)).status_code == 404
        assert (await on.http.post("/v1/Call/nobody/Feedback", json=body, auth=auth)).status_code == 404
