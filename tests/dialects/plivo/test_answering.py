"""The first document of a call: who is asked, what it is told, and what its first element does before the answer."""

from __future__ import annotations

import pytest

from switchhook.core.errors import Unavailable
from switchhook.core.outcomes import Outcome
from switchhook.dialects.plivo.shapes import make_call
from switchhook.lab.virtual_time import in_virtual_time, run
from tests.dialects.plivo.common import ACCOUNT, APP, CUSTOMER, NUMBER, SIP, World, document, stage


@in_virtual_time
async def test_an_inbound_call_tells_the_application_who_calls() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/answer", "<Wait/>")
        headers = (("x-ph-Tier", "gold"), ("Diversion", "<sip:14155550999@carrier.example>;reason=busy"))
        on.phone(CUSTOMER).calls(NUMBER, display="Ann", headers=headers)
        await on.settled()
        told = world.one("/answer")
        expected = {
            "From": "14155550123",
            "To": "14155550100",
            "CallerName": "Ann",
            "CallStatus": "ringing",
            "Direction": "inbound",
            "Event": "StartApp",
            "BillRate": "0",
            "ParentAuthID": ACCOUNT,
            "STIRVerification": "Not Applicable",
            "STIRAttestation": "Not Applicable",
            "X-PH-Tier": "gold",
            "ForwardedFrom": "14155550999",
        }
        assert {name: told[name] for name in expected} == expected
        assert not {"RequestUUID", "ALegUUID", "ALegRequestUUID"} & set(told)
        assert told["SessionStart"].startswith("2027-01-15 08:00:00.0")
        hook = on.web.hooks[0]
        assert hook.method == "POST"
        names = [pair.split("=")[0] for pair in hook.body.decode().split("&")]
        assert names == sorted(names)
        assert hook.headers["user-agent"] == "Switchhook"


@in_virtual_time
async def test_a_telephone_of_ours_that_calls_an_application_is_inbound_and_a_sip_party() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/answer", "<Wait/>")
        on.phone("2001").calls("+14155550199")
        await on.settled()
        told = world.one("/answer")
        assert (told["From"], told["To"], told["Direction"]) == (f"sip:2001@{SIP}", "14155550199", "inbound")


@pytest.mark.parametrize(
    ("element", "answers"),
    [
        ("<Speak>Hello</Speak>", True),
        (f"<Play>{APP}/a.wav</Play>", True),
        ("<Conference>room</Conference>", True),
        ("<Wait length='5'/>", False),
        (f"<Dial><User>sip:1001@{SIP}</User></Dial>", False),
        (f"<Redirect>{APP}/more</Redirect>", False),
    ],
)
def test_which_first_elements_answer(element: str, answers: bool) -> None:
    async def story() -> None:
        async with stage() as on:
            world = World(on)
            world.page("/more", "<Wait length='5'/>")
            on.web.on(f"{APP}/a.wav", "RIFF")
            line = await world.arrives(element)
            assert line.up is answers
            assert line.over is None
            on.exchange.sounds.close()

    run(story())


@pytest.mark.parametrize(
    ("element", "status", "cause"),
    [
        ("<Hangup/>", 603, ("CALL_REJECTED", "3020", "Rejected", "Answer XML")),
        ('<Hangup reason="rejected"/>', 603, ("CALL_REJECTED", "3020", "Rejected", "Answer XML")),
        ('<Hangup reason="busy"/>', 486, ("USER_BUSY", "3010", "Busy Line", "Answer XML")),
        ('<Hangup reason="busy" schedule="5"/>', 486, ("USER_BUSY", "3010", "Busy Line", "Answer XML")),
        ("", 0, ("NORMAL_CLEARING", "4010", "End Of XML Instructions", "Answer XML")),
    ],
)
def test_a_call_can_be_refused_without_an_answer(element: str, status: int, cause: tuple[str, ...]) -> None:
    async def story() -> None:
        async with stage() as on:
            world = World(on)
            line = await world.arrives(element)
            assert not line.up
            assert line.over is not None
            assert line.status == status
            end = world.one("/hangup")
            names = ("HangupCause", "HangupCauseCode", "HangupCauseName", "HangupSource")
            assert tuple(end[name] for name in names) == cause
            assert end["CallStatus"] == "completed"
            assert on.nothing_left()

    run(story())


@in_virtual_time
async def test_wait_delays_the_answer_and_redirect_can_still_reject() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/no", "<Hangup reason='busy'/>")
        line = await world.arrives("<Wait length='3'/>", f"<Redirect>{APP}/no</Redirect>")
        assert line.rang
        await on.passes(2.5)
        assert line.over is None
        await on.passes(1)
        assert not line.up
        assert (line.over, line.status) == (Outcome.BUSY, 486)
        assert world.one("/no")["Event"] == "Redirect"


@in_virtual_time
async def test_a_caller_who_waits_for_its_application_hears_ringing() -> None:
    async with stage() as on:
        world = World(on)
        on.web.delay_s = 3.0
        line = await world.arrives("<Hangup reason='busy'/>")
        await on.passes(0.4)
        assert not line.rang  # who is refused at once hears no ringing before
        await on.passes(0.2)
        assert line.rang
        await on.passes(3)
        assert (line.over, line.status) == (Outcome.BUSY, 486)


@in_virtual_time
async def test_status_is_in_progress_after_the_answer() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/more", "<Wait length='9'/>")
        await world.arrives("<Speak>Hi</Speak>", f"<Redirect method='GET'>{APP}/more?x=1</Redirect>")
        await on.passes(10)
        told = world.one("/more")
        assert (told["CallStatus"], told["Event"], told["x"]) == ("in-progress", "Redirect", "1")
        assert on.web.to(f"{APP}/more")[0].method == "GET"


@pytest.mark.parametrize(
    ("answer", "code", "name"),
    [
        ((500, "oops"), "7011", "Error Reaching Answer URL"),
        ((404, document("<Wait/>")), "7011", "Error Reaching Answer URL"),
        (Unavailable("no route"), "7011", "Error Reaching Answer URL"),
        ("", "8011", "Invalid Answer XML"),
        ('{"json": true}', "8011", "Invalid Answer XML"),
        ("<html/>", "8011", "Invalid Answer XML"),
        (" \n<?xml version='1.0'?><Response/>", "8011", "Invalid Answer XML"),
        ("<Response><Play>http://a/?x=1&y=2</Play></Response>", "8011", "Invalid Answer XML"),
    ],
)
def test_an_answer_url_that_fails_is_replaced_by_the_fallback_or_ends_the_call(
    answer: object, code: str, name: str
) -> None:
    async def story() -> None:
        async with stage() as on:
            world = World(on)
            on.web.on(f"{APP}/answer", answer)  # type: ignore[arg-type]
            world.page("/fallback", "<Speak>Sorry</Speak>")
            line = on.phone(CUSTOMER).calls(NUMBER)
            await on.passes(0.1)
            assert line.hears == {"speak:en-US:WOMAN:Sorry"}
            first = world.hooks("/answer")[0]
            assert world.one("/fallback") == first

            on.web.on(f"{APP}/fallback", answer)  # type: ignore[arg-type]
            line = on.phone("+14155550124").calls(NUMBER)
            await on.passes(60)
            assert line.over is not None
            end = next(form for form in world.hooks("/hangup") if form["From"] == "14155550124")
            assert (end["HangupCauseCode"], end["HangupCauseName"], end["HangupSource"]) == (code, name, "Error")

    run(story())


@in_virtual_time
async def test_a_ringing_caller_waits_15_seconds_for_the_first_document_at_the_longest() -> None:
    async with stage(application=[{"app_id": "app1", "account": ACCOUNT, "answer_url": f"{APP}/answer"}]) as on:
        on.web.on(f"{APP}/answer", document("<Speak>late</Speak>"))
        on.web.delay_s = 20
        line = on.phone(CUSTOMER).calls(NUMBER)
        await on.passes(14)
        assert line.over is None
        await on.passes(2)
        assert line.over is not None
        await on.passes(60)  # without a hangup URL the answer URL is told
        assert [form["Event"] for form in World(on).hooks("/answer")] == ["StartApp", "Hangup"]


@in_virtual_time
async def test_a_call_by_api_rings_then_asks_the_answer_url_then_tells_the_end() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/start", "<Speak>Hello</Speak>", "<Wait length='60'/>")
        phone = on.phone("+14155550177")
        answer = await world.api(
            "POST",
            "Call/",
            {
                "from": "+14155550100",
                "to": "+14155550177",
                "answer_url": f"{APP}/start",
                "ring_url": f"{APP}/ring",
                "hangup_url": f"{APP}/hangup",
                "sip_headers": "Tier=gold,PH-x=1",
                "caller_name": "Shop",
                "send_digits": "1w2",
            },
        )
        assert answer.status_code == 201
        uuid = answer.json()["request_uuid"]
        assert answer.json()["message"] == "call fired"
        line = await phone.rings()
        await on.settled()
        assert line.invitation is not None
        assert (line.invitation.caller, line.invitation.caller_name) == ("+14155550100", "Shop")
        assert line.invitation.headers == (("X-PH-Tier", "gold"),)
        ring = world.one("/ring")
        assert (ring["Event"], ring["CallStatus"], ring["CallUUID"], ring["X-PH-Tier"]) == (
            "Ring",
            "ringing",
            uuid,
            "gold",
        )
        assert world.hooks("/start") == []
        line.answers()
        await on.settled()
        start = world.one("/start")
        assert (start["Event"], start["CallStatus"], start["Direction"]) == ("StartApp", "in-progress", "outbound")
        assert {start[name] for name in ("CallUUID", "RequestUUID", "ALegUUID", "ALegRequestUUID")} == {uuid}
        assert (start["From"], start["To"], start["CallerName"]) == ("14155550100", "14155550177", "Shop")
        assert line.hears == {"speak:en-US:WOMAN:Hello"}
        assert "DigitsSent" in on.kinds()
        await on.passes(10)
        line.hangs_up()
        await on.settled()
        end = world.one("/hangup")
        expected = {
            "Event": "Hangup",
            "CallStatus": "completed",
            "HangupCause": "NORMAL_CLEARING",
            "HangupCauseCode": "4000",
            "HangupCauseName": "Normal Hangup",
            "HangupSource": "Callee",
            "Duration": "11",
            "BillDuration": "60",
            "TotalCost": "0.00000",
            "AnswerTime": "2027-01-15 08:00:00",
            "EndTime": "2027-01-15 08:00:10",
        }
        assert {name: end[name] for name in expected} == expected
        assert on.nothing_left()


@pytest.mark.parametrize(
    ("refusal", "status", "word", "code"),
    [
        ((Outcome.BUSY, 486), "busy", "USER_BUSY", "3010"),
        ((Outcome.REJECTED, 603), "failed", "CALL_REJECTED", "3110"),
        ((Outcome.NOT_FOUND, 404), "failed", "UNALLOCATED_NUMBER", "3050"),
        ((Outcome.TIMED_OUT, 408), "timeout", "RECOVERY_ON_TIMER_EXPIRE", "3070"),
    ],
)
def test_a_call_by_api_that_nobody_takes_tells_only_its_end(
    refusal: tuple[Outcome, int], status: str, word: str, code: str
) -> None:
    async def story() -> None:
        async with stage() as on:
            world = World(on)
            on.phone("+14155550177", refuses=refusal)
            asked = {"from": "1", "to": "+14155550177", "answer_url": f"{APP}/start", "hangup_url": f"{APP}/hangup"}
            await world.api("POST", "Call/", asked)
            await on.passes(5)
            end = world.one("/hangup")
            assert (end["CallStatus"], end["HangupCause"], end["HangupCauseCode"]) == (status, word, code)
            assert (end["AnswerTime"], end["Duration"]) == ("", "0")
            assert world.hooks("/start") == []

    run(story())


@in_virtual_time
async def test_a_call_by_api_has_a_fallback_too() -> None:
    async with stage() as on:
        world = World(on)
        on.web.on(f"{APP}/start", (500, ""))
        world.page("/other", "<Speak>instead</Speak>")
        asked = {
            "from": "1 (415) 555-0100",
            "to": "+14155550177",
            "answer_url": f"{APP}/start",
            "fallback_url": f"{APP}/other",
            "fallback_method": "GET",
            "ring_url": f"{APP}/ring",
            "ring_method": "GET",
        }
        phone = on.phone("+14155550177")
        await world.api("POST", "Call/", asked)
        line = await phone.rings()
        assert line.invitation is not None
        assert line.invitation.caller == "+14155550100"
        line.answers()
        await on.settled()
        assert line.hears == {"speak:en-US:WOMAN:instead"}
        assert [on.web.to(f"{APP}/{path}")[0].method for path in ("start", "other", "ring")] == ["POST", "GET", "GET"]
        assert world.one("/other")["Event"] == "StartApp"


@in_virtual_time
async def test_times_of_a_call_by_api() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/start", "<Wait length='3600'/>")
        for name in ("+14155550171", "+14155550172", "+14155550173"):
            on.phone(name)
        asked = {"from": "1", "answer_url": f"{APP}/start", "hangup_url": f"{APP}/hangup"}
        await world.api("POST", "Call/", {**asked, "to": "+14155550171", "ring_timeout": 7})
        await world.api("POST", "Call/", {**asked, "to": "+14155550172", "hangup_on_ring": "3"})
        await world.api("POST", "Call/", {**asked, "to": "+14155550173", "time_limit": 5})
        for name in ("+14155550171", "+14155550172"):
            await on.phone(name).rings()
        (await on.phone("+14155550173").rings()).answers()
        await on.passes(10)
        ends = {form["To"]: (form["HangupCauseCode"], form["CallStatus"]) for form in world.hooks("/hangup")}
        assert ends == {
            "14155550171": ("6010", "no-answer"),
            "14155550172": ("6000", "cancel"),
            "14155550173": ("6000", "completed"),
        }
        assert on.nothing_left()


@in_virtual_time
async def test_a_telephone_that_is_not_registered_is_2020() -> None:
    async with stage() as on:
        world = World(on)
        del on.phones["1003"]
        asked = {"from": "1", "to": f"sip:1003@{SIP}", "answer_url": f"{APP}/start", "hangup_url": f"{APP}/hangup"}
        await world.api("POST", "Call/", asked)
        await on.settled()
        end = world.one("/hangup")
        assert (end["HangupCauseCode"], end["HangupCause"]) == ("2020", "USER_NOT_REGISTERED")
        assert end["To"] == f"sip:1003@{SIP}"


@pytest.mark.parametrize(
    ("ringing", "early", "digits", "before"),
    [
        ((True,), True, "1w2", 1),
        ((False, True), True, "1w2@300", 1),
        ((False,), True, "1w2", 0),
        ((True,), False, "1w2", 0),
        ((True,), "false", "12@1", 0),
    ],
)
def test_digits_are_sent_on_early_audio_if_wanted_and_always_once(
    ringing: tuple[bool, ...], early: object, digits: str, before: int
) -> None:
    async def story() -> None:
        async with stage() as on:
            world = World(on)
            asked = {"from": NUMBER, "to": "+14155550177", "answer_url": world.page("/start", "<Wait length='9'/>")}
            asked |= {"ring_url": f"{APP}/ring", "send_digits": digits, "send_on_preanswer": early}
            phone = on.phone("+14155550177", rings_after_s=None)
            await world.api("POST", "Call/", asked)
            line = await phone.rings()

            def sent() -> int:
                return on.kinds().count("DigitsSent")

            for with_audio in ringing:
                line.rings(with_audio)
                await on.settled()
            assert sent() == before
            assert len(world.hooks("/ring")) == 1
            line.answers()
            await on.settled()
            assert sent() == 1
            assert on.media.digits_sent(line.leg) == digits.partition("@")[0]

    run(story())


@pytest.mark.parametrize(
    ("digits", "tone"), [("12", None), ("12@300", 300), ("12@1", 40), ("12@99999", 6000), ("12@9999999999999", 6000)]
)
def test_the_length_of_a_tone_is_read_within_bounds(digits: str, tone: int | None) -> None:
    asked = {"from": NUMBER, "to": "1", "answer_url": f"{APP}/start", "send_digits": digits}
    wanted = make_call(asked, 60)
    assert (wanted.send_digits, wanted.tone_ms) == ("12", tone)


@in_virtual_time
async def test_webhooks_say_how_a_caller_was_vouched_for_and_the_to_of_a_telephone() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/answer", "<Wait length='9'/>")
        on.phone(CUSTOMER).calls(NUMBER).hangs_up()
        on.phone("2001").calls("+14155550123").hangs_up()
        asked = {"from": NUMBER, "answer_url": f"{APP}/answer", "hangup_url": f"{APP}/hangup"}
        for to in (f"sip:1001@{SIP}", "+14155550171"):
            on.phone(to).rings_after_s = None
            await world.api("POST", "Call/", {**asked, "to": to})
        await on.settled()
        assert (await world.api("DELETE", "Call/")).status_code == 204
        await on.settled()
        names = ("SIPAuthType", "SIPAuthUser", "SIPSourceIP", "SIP-H-To")
        assert sorted(world.told("/hangup", *names)) == [
            ("", "", "", ""),
            ("", "", "", f"<sip:1001@{SIP}>"),
            ("credentials", "2001", "127.0.0.1", ""),
            ("ip", "", "127.0.0.1", ""),
        ]
