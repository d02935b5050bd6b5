"""Dial: who rings, who hears what meanwhile, what is told, and what runs afterwards."""

from __future__ import annotations

import pytest

from switchhook.core.outcomes import Outcome
from switchhook.lab.stage import RINGBACK
from switchhook.lab.virtual_time import in_virtual_time, run
from tests.dialects.plivo.common import APP, CUSTOMER, SIP, World, stage

ACTION = f'action="{APP}/after"'
CALLBACK = f'callbackUrl="{APP}/cb"'
STORY = ("DialAction", "DialBLegUUID")


@in_virtual_time
async def test_the_caller_is_answered_with_the_called_side_and_everything_is_told_in_order() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/after", "<Speak>Bye</Speak>")
        attributes = f'{ACTION} {CALLBACK} sipHeaders="Tier=gold" callerName="Desk"'
        line = await world.arrives(f"<Dial {attributes}><User sipHeaders='Seat=3'>sip:1001@{SIP}</User></Dial>")
        at_agent = await on.phone("1001").rings()
        assert line.rang
        assert not line.up
        assert at_agent.invitation is not None
        assert at_agent.invitation.headers == (("X-PH-Tier", "gold"), ("X-PH-Seat", "3"))
        assert (at_agent.invitation.caller, at_agent.invitation.caller_name) == (CUSTOMER, "Desk")
        at_agent.answers()
        await on.settled()
        assert line.hears == {"1001"}
        assert at_agent.hears == {CUSTOMER}
        await on.passes(61)
        at_agent.hangs_up()
        await on.settled()
        b = at_agent.leg
        assert world.told("/cb", *STORY) == [("answer", b), ("connected", b), ("hangup", b)]
        answer, connected, hangup = world.hooks("/cb")
        expected = {
            "CallUUID": line.leg,
            "DialALegUUID": line.leg,
            "DialBLegUUID": b,
            "DialBLegFrom": "14155550123",
            "DialBLegTo": f"sip:1001@{SIP}",
            "DialBLegPosition": "1",
            "DialBLegBillRate": "0",
            "DialBLegStatus": "answer",
            "Event": "DialAnswer",
            "From": "14155550123",
            "To": "14155550100",
        }
        assert {name: answer[name] for name in expected} == expected
        assert (connected["Event"], connected["DialBLegStatus"]) == ("DialConnected", "connected")
        expected = {
            "Event": "DialHangup",
            "DialBLegStatus": "hangup",
            "DialBLegDuration": "62",
            "DialBLegBillDuration": "120",
            "DialBLegHangupCause": "NORMAL_CLEARING",
            "DialBLegHangupCauseName": "Normal Hangup",
            "DialBLegHangupCauseCode": "4000",
            "DialBLegHangupSource": "Callee",
        }
        assert {name: hangup[name] for name in expected} == expected
        after = world.one("/after")
        expected = {
            "DialStatus": "completed",
            "DialRingStatus": "true",
            "DialHangupCause": "NORMAL_CLEARING",
            "DialALegUUID": line.leg,
            "DialBLegUUID": b,
            "Event": "Redirect",
            "CallStatus": "in-progress",
        }
        assert {name: after[name] for name in expected} == expected
        assert line.hears == {"speak:en-US:WOMAN:Bye"}
        assert world.paths().index("/after") > max(i for i, path in enumerate(world.paths()) if path == "/cb")


@pytest.mark.parametrize(
    ("refusal", "status", "cause", "rang"),
    [
        ((Outcome.BUSY, 486), "busy", "USER_BUSY", "false"),
        ((Outcome.BUSY, 600), "busy", "USER_BUSY", "false"),
        ((Outcome.REJECTED, 603), "failed", "CALL_REJECTED", "false"),
        ((Outcome.TIMED_OUT, 408), "timeout", "RECOVERY_ON_TIMER_EXPIRE", "false"),
        ((Outcome.NOT_FOUND, 404), "failed", "UNALLOCATED_NUMBER", "false"),
        (None, "no-answer", "NO_ANSWER", "true"),
    ],
)
def test_what_the_action_says_of_a_target_that_is_not_reached(
    refusal: tuple[Outcome, int] | None, status: str, cause: str, rang: str
) -> None:
    async def story() -> None:
        async with stage() as on:
            world = World(on)
            world.page("/after", "<Hangup/>")
            on.phone("1001", refuses=refusal)
            line = await world.arrives(f"<Dial {ACTION} {CALLBACK} timeout='9'><User>sip:1001@{SIP}</User></Dial>")
            await on.passes(10)
            after = world.one("/after")
            names = ("DialStatus", "DialHangupCause", "DialRingStatus", "DialBLegUUID")
            assert tuple(after[name] for name in names) == (status, cause, rang, "")
            assert world.hooks("/cb") == []
            assert not line.up
            assert line.over is not None

    run(story())


@in_virtual_time
async def test_without_action_or_redirect_the_next_element_runs() -> None:
    async with stage() as on:
        world = World(on)
        on.web.on(f"{APP}/after", "OK")
        on.phone("1001", refuses=(Outcome.BUSY, 486))
        dial = "<Dial {}><User>sip:1001@" + SIP + "</User></Dial>"
        line = await world.arrives(
            dial.format(""),
            dial.format(f'{ACTION} redirect="false"'),
            "<Speak>Nobody is here</Speak>",
            "<Wait length='9'/>",
        )
        await on.passes(0.5)
        assert line.hears == {"speak:en-US:WOMAN:Nobody is here"}
        assert world.one("/after")["DialStatus"] == "busy"


@in_virtual_time
async def test_a_redirecting_action_replaces_what_follows_and_must_be_a_document() -> None:
    async with stage() as on:
        world = World(on)
        on.web.on(f"{APP}/after", "Dial status reported")
        line, at_agent = await world.in_dial(ACTION, "<Speak>never</Speak>")
        at_agent.hangs_up()
        await on.settled()
        assert line.over is not None
        end = world.one("/hangup")
        assert (end["HangupCauseCode"], end["HangupCauseName"]) == ("8012", "Invalid Action XML")


@pytest.mark.parametrize(
    ("attributes", "code"),
    [
        ('action="ftp://a/b"', "7022"),
        (f'action="{APP}/after" method="PUT"', "7032"),
        (f'action="{APP}/nowhere"', "7012"),
        ('action="/nowhere"', "7012"),
    ],
)
def test_a_redirecting_action_that_cannot_be_asked_ends_the_call(attributes: str, code: str) -> None:
    async def story() -> None:
        async with stage() as on:
            world = World(on)
            _, at_agent = await world.in_dial(attributes)
            at_agent.hangs_up()
            await on.passes(60)
            assert world.one("/hangup")["HangupCauseCode"] == code

    run(story())


@in_virtual_time
async def test_a_notifying_action_that_cannot_be_told_is_a_warning() -> None:
    async with stage() as on:
        world = World(on)
        line, at_agent = await world.in_dial('action="ftp://a/b" redirect="false"', "<Speak>on</Speak>")
        at_agent.hangs_up()
        await on.settled()
        assert line.hears == {"speak:en-US:WOMAN:on"}
        assert any("ftp://a/b" in text for text in world.warnings)


@in_virtual_time
async def test_a_relative_action_is_resolved_against_its_document() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/after", "<Speak>found</Speak>")
        line, at_agent = await world.in_dial('action="/after"')
        at_agent.hangs_up()
        await on.settled()
        assert line.hears == {"speak:en-US:WOMAN:found"}


@in_virtual_time
async def test_the_first_of_several_wins_and_nothing_is_told_of_the_losers() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/after", "<Hangup/>")
        targets = f"<Number>+14155550188</Number><User>sip:1002@{SIP}</User>"
        on.phone("+14155550188")
        line = await world.arrives(f"<Dial {ACTION} {CALLBACK} callerId='+1 (415) 555-0100'>{targets}</Dial>")
        first, second = await on.phone("+14155550188").rings(), await on.phone("1002").rings()
        assert first.invitation is not None
        assert first.invitation.caller == "+14155550100"
        second.answers()
        await on.settled()
        assert first.over is Outcome.ANSWERED_ELSEWHERE
        assert line.hears == {"1002"}
        assert world.told("/cb", "DialAction", "DialBLegPosition") == [("answer", "2"), ("connected", "2")]
        line.hangs_up()
        await on.settled()
        assert world.told("/cb", "DialAction")[-1] == ("hangup",)
        assert world.one("/after")["DialBLegUUID"] == second.leg
        assert on.nothing_left()


@in_virtual_time
async def test_the_best_outcome_of_several_speaks() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/after", "<Hangup/>")
        on.phone("1001", refuses=(Outcome.NOT_FOUND, 404))
        on.phone("1002", refuses=(Outcome.BUSY, 486))
        users = "".join(f"<User>sip:{name}@{SIP}</User>" for name in ("1001", "1002", "1003"))
        await world.arrives(f"<Dial {ACTION} timeout='5'>{users}</Dial>")
        await on.passes(6)
        assert world.one("/after")["DialStatus"] == "busy"


@in_virtual_time
async def test_targets_that_nobody_could_dial_are_left_out_or_fail_the_dial() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/after", "<Speak>failed</Speak>")
        bad = "<User>sip:x@elsewhere.example</User><Number>abc</Number>"
        line, at_agent = await world.arrives(f"<Dial {CALLBACK}>{bad}<User>sip:1001@{SIP}</User></Dial>"), None
        at_agent = await on.phone("1001").rings()
        at_agent.answers()
        await on.settled()
        assert world.told("/cb", "DialBLegPosition")[0] == ("3",)
        line.hangs_up()
        await on.settled()
        line = await world.arrives(f"<Dial {ACTION}>{bad}</Dial>", caller="+14155550124")
        assert world.hooks("/after")[-1]["DialStatus"] == "failed"
        assert line.hears == {"speak:en-US:WOMAN:failed"}


@in_virtual_time
async def test_a_bare_number_inside_dial_is_dialled() -> None:
    async with stage() as on:
        world = World(on)
        on.phone("+14155550188")
        line = await world.arrives("<Dial> +1 415-555-0188 </Dial>")
        (await on.phone("+14155550188").rings()).answers()
        await on.settled()
        assert line.hears == {"+14155550188"}


@pytest.mark.parametrize(
    ("attribute", "expected"),
    [
        ("", CUSTOMER),
        ("callerId='+1 (415) 555-0100'", "+14155550100"),
        ("callerId='14155550100'", "+14155550100"),
        (f"callerId='sip:desk@{SIP}'", "desk"),
    ],
)
def test_the_number_that_is_shown_to_a_trunk(attribute: str, expected: str) -> None:
    async def story() -> None:
        async with stage() as on:
            on.phone("+14155550188")
            await World(on).arrives(f"<Dial {attribute}><Number>+14155550188</Number></Dial>")
            line = await on.phone("+14155550188").rings()
            assert line.invitation is not None
            assert line.invitation.caller == expected

    run(story())


@pytest.mark.parametrize("redirect", ["true", "false"])
def test_a_caller_who_gives_up_cancels_everything_and_the_action_is_told(redirect: str) -> None:
    async def story() -> None:
        async with stage() as on:
            world = World(on)
            world.page("/after", f"<Redirect>{APP}/stale</Redirect>")
            line = await world.arrives(
                f"<Dial {ACTION} {CALLBACK} redirect='{redirect}'><User>sip:1001@{SIP}</User></Dial>"
            )
            at_agent = await on.phone("1001").rings()
            line.hangs_up()
            await on.passes(5)
            assert at_agent.over is Outcome.CANCELLED
            after = world.one("/after")
            assert (after["DialStatus"], after["DialHangupCause"], after["CallStatus"]) == (
                "cancel",
                "ORIGINATOR_CANCEL",
                "completed",
            )
            assert world.hooks("/cb") == []
            assert world.hooks("/stale") == []
            end = world.one("/hangup")
            assert (end["HangupCauseCode"], end["HangupSource"], end["CallStatus"]) == ("1000", "Caller", "completed")
            assert world.paths().index("/hangup") < world.paths().index("/after")
            assert on.nothing_left()

    run(story())


@in_virtual_time
async def test_a_caller_who_hangs_up_ends_the_other_and_hangup_goes_before_the_call_s_own() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/after", "<Speak>never</Speak>")
        line, at_agent = await world.in_dial(f"{ACTION} {CALLBACK}")
        line.hangs_up()
        await on.settled()
        assert at_agent.over is Outcome.COMPLETED
        assert world.paths()[-3:] == ["/cb", "/hangup", "/after"]
        assert world.hooks("/cb")[-1]["DialBLegHangupSource"] == "Caller"
        assert world.one("/after")["DialStatus"] == "completed"
        assert world.one("/hangup")["HangupSource"] == "Caller"


@in_virtual_time
async def test_star_hangs_up_the_other_and_the_caller_goes_on() -> None:
    async with stage() as on:
        world = World(on)
        line, at_agent = await world.in_dial(f'hangupOnStar="true" {CALLBACK}', "<Speak>on</Speak>")
        line.presses("*")
        await on.settled()
        assert at_agent.over is not None
        assert line.hears == {"speak:en-US:WOMAN:on"}
        assert world.hooks("/cb")[-1]["DialBLegHangupSource"] == "Answer XML"


@in_virtual_time
async def test_star_is_an_ordinary_key_without_the_attribute() -> None:
    async with stage() as on:
        line, at_agent = await World(on).in_dial()
        line.presses("*")
        await on.settled()
        assert at_agent.over is None


@in_virtual_time
async def test_the_time_limit_ends_the_other_and_the_caller_goes_on() -> None:
    async with stage() as on:
        world = World(on)
        line, at_agent = await world.in_dial(f'timeLimit="30" {CALLBACK}', "<Speak>on</Speak>")
        await on.passes(29)
        assert at_agent.over is None
        await on.passes(1.01)
        assert at_agent.over is Outcome.TIME_LIMIT
        assert line.hears == {"speak:en-US:WOMAN:on"}
        assert world.hooks("/cb")[-1]["DialBLegHangupCauseCode"] == "6000"


@in_virtual_time
async def test_key_sequences_of_both_sides_are_told() -> None:
    async with stage() as on:
        world = World(on)
        line, at_agent = await world.in_dial(f'{CALLBACK} digitsMatch="12,123" digitsMatchBLeg="#9"')
        line.presses("123")
        at_agent.presses("#9")
        await on.passes(3)
        line.presses("1")
        await on.passes(3)  # a pause begins anew
        line.presses("2")
        await on.settled()
        told = world.told("/cb", "DialAction", "DialDigitsMatch", "DialDigitsPressedBy", "Event")
        assert told[2:] == [
            ("digits", "12", "ALeg", "DialDigitsMatch"),
            ("digits", "#9", "BLeg", "DialDigitsMatch"),
        ]


@in_virtual_time
async def test_keys_are_sent_to_whoever_answers() -> None:
    async with stage() as on:
        world = World(on)
        await world.arrives(f"<Dial><User sendDigits='1w2'>sip:1001@{SIP}</User></Dial>")
        (await on.phone("1001").rings()).answers()
        await on.settled()
        sent = [stamped.fact for stamped in on.facts if type(stamped.fact).__name__ == "DigitsSent"]
        assert [fact.digits for fact in sent] == ["1w2"]  # type: ignore[union-attr]


# --- confirm --------------------------------------------------------------------------------------------------------

CONFIRM = f'confirmSound="{APP}/confirm" confirmKey="1" confirmTimeout="10"'


@in_virtual_time
async def test_whoever_answers_hears_the_sound_alone_and_is_in_with_the_right_key() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/confirm", "<Speak>A call for you</Speak>", "<Wait length='1'/>")
        world.page("/after", "<Hangup/>")
        line = await world.arrives(
            "<Speak>Hold</Speak>", f"<Dial {CONFIRM} {CALLBACK} {ACTION}><User>sip:1001@{SIP}</User></Dial>"
        )
        at_agent = await on.phone("1001").rings()
        await on.settled()
        at_agent.answers()
        await on.settled()
        assert at_agent.hears == {"speak:en-US:WOMAN:A call for you", "silence:1000"}
        assert line.hears == {RINGBACK}
        assert world.told("/cb", "DialAction") == [("answer",)]
        at_agent.presses("5")
        await on.settled()
        assert line.hears == {RINGBACK}
        at_agent.presses("1")
        await on.settled()
        assert line.hears == {"1001"}
        assert at_agent.hears == {CUSTOMER}
        assert world.told("/cb", "DialAction") == [("answer",), ("connected",)]
        assert world.one("/confirm")["Event"] == "DialRemoteSounds"


@in_virtual_time
async def test_keys_before_the_talk_match_no_sequence() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/confirm", "<Speak>Press one</Speak>")
        dial = f"<Dial {CONFIRM} {CALLBACK} digitsMatch='1' digitsMatchBLeg='1'><User>sip:1001@{SIP}</User></Dial>"
        line = await world.arrives("<Speak>Hi</Speak>", dial)
        at_agent = await on.phone("1001").rings()
        await on.passes(1)
        line.presses("1")
        at_agent.answers()
        await on.settled()
        at_agent.presses("1")
        await on.settled()
        assert world.told("/cb", "DialAction") == [("answer",), ("connected",)]
        at_agent.presses("1")
        await on.settled()
        assert world.told("/cb", "DialAction", "DialDigitsPressedBy")[2:] == [("digits", "BLeg")]


@in_virtual_time
async def test_whoever_does_not_press_the_key_counts_as_not_answered() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/confirm", "<Speak>Press one</Speak>")
        world.page("/after", "<Hangup/>")
        await world.arrives(f"<Dial {CONFIRM} {CALLBACK} {ACTION}><User>sip:1001@{SIP}</User></Dial>")
        at_agent = await on.phone("1001").rings()
        at_agent.answers()
        await on.passes(11)
        assert at_agent.over is not None
        after = world.one("/after")
        assert (after["DialStatus"], after["DialBLegUUID"]) == ("no-answer", "")
        hangup = world.hooks("/cb")[-1]
        assert (hangup["DialBLegHangupCauseCode"], hangup["DialBLegHangupCauseName"]) == (
            "9110",
            "Confirm Key Challenge Failed",
        )


@in_virtual_time
async def test_without_a_key_the_sound_alone_confirms() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/confirm", "<Wait length='2'/>")
        line = await world.arrives(f'<Dial confirmSound="{APP}/confirm"><User>sip:1001@{SIP}</User></Dial>')
        at_agent = await on.phone("1001").rings()
        at_agent.answers()
        await on.passes(1)
        assert not line.up
        await on.passes(2)
        assert line.hears == {"1001"}


@in_virtual_time
async def test_with_confirmation_the_first_right_key_wins() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/confirm", "<Speak>Press one</Speak>")
        users = f"<User>sip:1001@{SIP}</User><User>sip:1002@{SIP}</User>"
        line = await world.arrives(f"<Dial {CONFIRM}>{users}</Dial>")
        first, second = await on.phone("1001").rings(), await on.phone("1002").rings()
        first.answers()
        second.answers()
        await on.settled()
        second.presses("1")
        await on.settled()
        assert line.hears == {"1002"}
        assert first.over is Outcome.ANSWERED_ELSEWHERE


@in_virtual_time
async def test_dial_music_is_heard_while_it_rings() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/music", "<Speak>Please wait</Speak>", f"<Redirect>{APP}/never</Redirect>")
        line = await world.arrives(
            "<Speak>Hi</Speak>", f'<Dial dialMusic="{APP}/music"><User>sip:1001@{SIP}</User></Dial>'
        )
        at_agent = await on.phone("1001").rings()
        await on.settled()
        assert line.hears == {"speak:en-US:WOMAN:Please wait"}
        at_agent.answers()
        await on.settled()
        assert line.hears == {"1001"}


@in_virtual_time
async def test_a_caller_who_is_not_answered_hears_the_dial_music_too() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/music", "<Speak>Please wait</Speak>")
        line = await world.arrives(f'<Dial dialMusic="{APP}/music"><User>sip:1001@{SIP}</User></Dial>')
        assert line.early
        assert not line.up
        assert line.hears == {"speak:en-US:WOMAN:Please wait"}
        at_agent = await on.phone("1001").rings()
        assert not line.rang  # its telephone would play its own ringing over the music
        assert world.told("/music", "CallStatus") == [("ringing",)]
        at_agent.answers()
        await on.settled()
        assert line.up
        assert line.hears == {"1001"}
        assert at_agent.hears == {CUSTOMER}


@in_virtual_time
async def test_a_relative_sound_belongs_to_its_own_document() -> None:
    async with stage() as on:
        world = World(on)
        on.web.on(f"{APP}/sounds/list", "<Response><Play>music.wav</Play></Response>")
        on.web.on(f"{APP}/sounds/music.wav", "RIFF")
        await world.arrives(
            "<Speak>Hi</Speak>", f'<Dial dialMusic="{APP}/sounds/list"><User>sip:1001@{SIP}</User></Dial>'
        )
        await on.passes(2)
        assert len(on.web.to(f"{APP}/sounds/music.wav")) == 1
        on.exchange.sounds.close()


@in_virtual_time
async def test_sounds_that_cannot_be_had_do_not_stop_the_dial() -> None:
    async with stage() as on:
        world = World(on)
        line = await world.arrives(
            f'<Dial dialMusic="{APP}/no" confirmSound="ftp://x"><User>sip:1001@{SIP}</User></Dial>'
        )
        await on.passes(1)
        (await on.phone("1001").rings()).answers()
        await on.settled()
        assert line.hears == {"1001"}


@in_virtual_time
async def test_hanging_up_the_other_by_api_ends_the_dial() -> None:
    async with stage() as on:
        world = World(on)
        line, at_agent = await world.in_dial(CALLBACK, "<Speak>on</Speak>")
        answer = await world.api("DELETE", f"Call/{at_agent.leg}/")
        await on.settled()
        assert answer.status_code == 204
        assert at_agent.over is Outcome.COMPLETED
        assert line.hears == {"speak:en-US:WOMAN:on"}
        assert world.hooks("/cb")[-1]["DialBLegHangupSource"] == "API Request"


@in_virtual_time
async def test_hanging_up_the_caller_by_api_ends_both() -> None:
    async with stage() as on:
        world = World(on)
        line, at_agent = await world.in_dial()
        await world.api("DELETE", f"Call/{line.leg}/")
        await on.settled()
        assert line.over is not None
        assert at_agent.over is not None
        end = world.one("/hangup")
        assert (end["HangupCauseCode"], end["HangupSource"]) == ("4000", "API Request")


@pytest.mark.parametrize(
    ("dial", "number", "expected"),
    [
        ("", "", (CUSTOMER, "Ann")),
        ("callerName='Desk'", "", (CUSTOMER, "Desk")),
        ("callerId='none'", "", ("anonymous", "")),  # who hides the number does not give the name away
        ("callerId='none' callerName='Desk'", "", ("anonymous", "Desk")),
        ("callerId='+14155550100'", "callerId='+14155550101' callerName='Sales'", ("+14155550101", "Sales")),
        ("callerId='+14155550100' callerName='Desk'", "callerId='none'", ("anonymous", "Desk")),
    ],
)
def test_a_number_may_say_itself_who_calls(dial: str, number: str, expected: tuple[str, str]) -> None:
    async def story() -> None:
        async with stage() as on:
            world = World(on)
            on.phone("+14155550188")
            world.page("/answer", f"<Dial {dial}><User>1001</User><Number {number}>+14155550188</Number></Dial>")
            on.phone(CUSTOMER).calls("+14155550100", display="Ann")
            line = await on.phone("+14155550188").rings()
            assert line.invitation is not None
            assert (line.invitation.caller, line.invitation.caller_name) == expected
            beside = await on.phone("1001").rings()
            assert beside.invitation is not None
            assert "Sales" not in (beside.invitation.caller, beside.invitation.caller_name)

    run(story())


@in_virtual_time
async def test_a_trunk_shows_its_own_number_though_a_telephone_is_rung_first() -> None:
    trunk = {"name": "carrier", "uri": "sip:127.0.0.1:5070", "prefixes": ["+"], "caller_id": "+14155550999"}
    async with stage(trunk=[trunk]) as on:
        world = World(on)
        on.phone("+14155550188")
        world.page("/answer", "<Dial><User>1001</User><Number>+14155550188</Number></Dial>")
        on.phone("2001").calls("+14155550188")
        outside, inside = await on.phone("+14155550188").rings(), await on.phone("1001").rings()
        assert outside.invitation is not None
        assert inside.invitation is not None
        assert (outside.invitation.caller, inside.invitation.caller) == ("+14155550999", "2001")


@in_virtual_time
async def test_whoever_hangs_up_before_the_key_counts_as_not_answered() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/confirm", "<Speak>Press one</Speak>")
        world.page("/after", "<Hangup/>")
        await world.arrives(f"<Dial {CONFIRM} {ACTION}><User>sip:1001@{SIP}</User></Dial>")
        at_agent = await on.phone("1001").rings()
        at_agent.answers()
        await on.settled()
        at_agent.hangs_up()
        await on.settled()
        after = world.one("/after")
        assert (after["DialStatus"], after["DialHangupCause"], after["DialBLegUUID"]) == ("no-answer", "NO_ANSWER", "")


@in_virtual_time
async def test_408_is_a_network_without_result_even_after_ringing() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/after", "<Hangup/>")
        await world.arrives(f"<Dial {ACTION}><User>sip:1001@{SIP}</User></Dial>")
        (await on.phone("1001").rings()).rejects(Outcome.NO_ANSWER, 408)
        await on.settled()
        after = world.one("/after")
        assert (after["DialStatus"], after["DialHangupCause"]) == ("timeout", "RECOVERY_ON_TIMER_EXPIRE")
