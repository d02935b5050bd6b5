"""The table of what a transfer does to a running element (plivo-xml 3.4), each row with aleg, bleg and both.

`/new` and `/newb` are the transfer's documents; `/after` is the old document's action, which must never be followed.
"""

from __future__ import annotations

import pytest

from switchhook.core.outcomes import Outcome
from switchhook.lab.stage import MUSIC, Line
from switchhook.lab.virtual_time import in_virtual_time, run
from tests.dialects.plivo.common import APP, CUSTOMER, NUMBER, SIP, World, document, settings, stage

ALEG = {"legs": "aleg", "aleg_url": f"{APP}/new"}
BLEG = {"legs": "bleg", "bleg_url": f"{APP}/newb"}
BOTH = {"legs": "both", "aleg_url": f"{APP}/new", "bleg_url": f"{APP}/newb"}
ACTION = f'action="{APP}/after"'
CALLBACK = f'callbackUrl="{APP}/cb"'
NEW = {"speak:en-US:WOMAN:new document"}
NEW_B = {"speak:en-US:WOMAN:new b document"}


def prepared(world: World) -> None:
    world.page("/new", "<Speak>new document</Speak>", "<Wait length='600'/>")
    world.page("/newb", "<Speak>new b document</Speak>", "<Wait length='600'/>")
    world.page("/after", f"<Redirect>{APP}/stale</Redirect>")


# --- elements of one leg --------------------------------------------------------------------------------------------

ALONE = [
    "<Speak loop='0'>old</Speak>",
    f"<Play loop='0'>{APP}/old.wav</Play>",
    "<Wait length='300'/>",
]


@pytest.mark.parametrize("body", [ALEG, BOTH], ids=["aleg", "both"])
@pytest.mark.parametrize("element", ALONE)
def test_speak_play_and_wait_stop_at_once(element: str, body: dict[str, str]) -> None:
    async def story() -> None:
        async with stage() as on:
            world = World(on)
            prepared(world)
            on.web.on(f"{APP}/old.wav", "RIFF")
            line = await world.arrives(element, "<Speak>sibling</Speak>")
            assert (await world.transfer(line, **body)).status_code == 202
            if line.up:
                assert line.hears == NEW
            told = world.one("/new")
            assert (told["CallUUID"], told["Event"], told["Direction"]) == (line.leg, "Redirect", "inbound")
            assert world.hooks("/newb") == []
            await on.passes(400)
            assert line.over is None
            line.hangs_up()
            await on.settled()
            assert len(world.hooks("/hangup")) == 1
            on.exchange.sounds.close()

    run(story())


@pytest.mark.parametrize("element", ALONE)
def test_there_is_no_bleg_without_a_dial(element: str) -> None:
    async def story() -> None:
        async with stage() as on:
            world = World(on)
            prepared(world)
            on.web.on(f"{APP}/old.wav", "RIFF")
            line = await world.arrives("<Speak>first</Speak>", element)
            await on.passes(2)
            before = line.hears
            answer = await world.transfer(line, **BLEG)
            assert answer.status_code == 404
            assert "not found" in answer.json()["error"]
            assert "bleg" in answer.json()["error"]
            assert line.hears == before
            assert world.hooks("/newb") == []
            on.exchange.sounds.close()

    run(story())


@in_virtual_time
async def test_a_transfer_that_is_not_answered_yet_says_ringing_and_may_reject() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/new", "<Hangup reason='busy'/>")
        line = await world.arrives("<Wait length='60'/>")
        await world.transfer(line, **ALEG)
        assert world.one("/new")["CallStatus"] == "ringing"
        assert line.status == 486


# --- Dial that rings ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("redirect", ["true", "false"])
@pytest.mark.parametrize("body", [ALEG, BOTH], ids=["aleg", "both"])
def test_a_ringing_dial_is_cancelled(body: dict[str, str], redirect: str) -> None:
    async def story() -> None:
        async with stage() as on:
            world = World(on)
            prepared(world)
            attributes = f"{ACTION} {CALLBACK} redirect='{redirect}'"
            line = await world.arrives(
                "<Speak>Hi</Speak>", f"<Dial {attributes}><User>sip:1001@{SIP}</User></Dial>", "<Speak>sibling</Speak>"
            )
            at_agent = await on.phone("1001").rings()
            await on.passes(1)
            await world.transfer(line, **body)
            assert at_agent.over is Outcome.CANCELLED
            assert line.hears == NEW
            assert world.hooks("/cb") == []
            assert world.hooks("/newb") == []
            assert world.told("/after", "DialStatus") == ([] if redirect == "true" else [("cancel",)])
            await on.passes(30)
            assert world.hooks("/stale") == []
            assert line.over is None

    run(story())


@in_virtual_time
async def test_a_ringing_dial_has_no_bleg() -> None:
    async with stage() as on:
        world = World(on)
        prepared(world)
        line = await world.arrives(f"<Dial {ACTION}><User>sip:1001@{SIP}</User></Dial>")
        at_agent = await on.phone("1001").rings()
        answer = await world.transfer(line, **BLEG)
        assert answer.status_code == 404
        assert at_agent.over is None
        assert (await world.transfer(at_agent, **ALEG)).status_code == 404  # a leg that only rings runs nothing
        at_agent.answers()
        await on.settled()
        assert line.hears == {"1001"}


# --- Dial that is bridged -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("redirect", ["true", "false"])
def test_a_bridged_dial_loses_its_b_with_aleg(redirect: str) -> None:
    async def story() -> None:
        async with stage() as on:
            world = World(on)
            prepared(world)
            attributes = f"{ACTION} {CALLBACK} redirect='{redirect}'"
            line, at_agent = await world.in_dial(attributes, "<Speak>sibling</Speak>")
            await world.transfer(line, **ALEG)
            assert at_agent.over is Outcome.COMPLETED
            assert line.hears == NEW
            hangup = world.hooks("/cb")[-1]
            names = ("DialAction", "DialBLegUUID", "DialBLegHangupCauseCode", "DialBLegHangupSource")
            assert tuple(hangup[name] for name in names) == ("hangup", at_agent.leg, "4000", "Plivo")
            assert world.told("/cb", "DialAction") == [("answer",), ("connected",), ("hangup",)]
            assert world.told("/after", "DialStatus") == ([] if redirect == "true" else [("completed",)])
            await on.passes(30)
            assert world.hooks("/stale") == []
            assert line.over is None

    run(story())


@in_virtual_time
async def test_a_bridged_dial_ends_completed_with_bleg_and_a_goes_on() -> None:
    async with stage() as on:
        world = World(on)
        prepared(world)
        world.page("/after", "<Speak>after</Speak>")
        line, at_agent = await world.in_dial(f"{ACTION} {CALLBACK}")
        await world.transfer(line, **BLEG)
        assert at_agent.hears == NEW_B
        after = world.one("/after")
        assert (after["DialStatus"], after["DialBLegUUID"]) == ("completed", at_agent.leg)
        assert line.hears == {"speak:en-US:WOMAN:after"}
        assert world.told("/cb", "DialAction") == [("answer",), ("connected",)]
        told = world.one("/newb")
        expected = {
            "CallUUID": at_agent.leg,
            "ALegUUID": line.leg,
            "From": "14155550123",
            "To": f"sip:1001@{SIP}",
            "Direction": "outbound",
            "CallStatus": "in-progress",
            "Event": "Redirect",
        }
        assert {name: told[name] for name in expected} == expected
        await on.passes(30)
        assert line.over is not None  # its document is over
        assert at_agent.over is None  # B lives on its own
        assert world.told("/cb", "DialAction") == [("answer",), ("connected",)]
        at_agent.hangs_up()
        await on.settled()
        assert len(world.hooks("/hangup")) == 1  # a B leg has no hangup URL of its own
        assert on.nothing_left()


@in_virtual_time
async def test_with_bleg_and_nothing_more_to_run_a_ends_with_4010() -> None:
    async with stage() as on:
        world = World(on)
        prepared(world)
        line, at_agent = await world.in_dial()
        await world.transfer(line, **BLEG)
        assert line.over is not None
        assert at_agent.hears == NEW_B
        assert world.one("/hangup")["HangupCauseCode"] == "4010"


@pytest.mark.parametrize("redirect", ["true", "false"])
def test_both_legs_of_a_bridged_dial_go_their_own_ways(redirect: str) -> None:
    async def story() -> None:
        async with stage() as on:
            world = World(on)
            prepared(world)
            line, at_agent = await world.in_dial(f"{ACTION} {CALLBACK} redirect='{redirect}'", "<Speak>sibling</Speak>")
            await world.transfer(line, **BOTH)
            assert line.hears == NEW
            assert at_agent.hears == NEW_B
            assert world.told("/cb", "DialAction") == [("answer",), ("connected",)]
            assert world.told("/after", "DialStatus") == ([] if redirect == "true" else [("completed",)])
            await on.passes(30)
            assert (line.over, at_agent.over) == (None, None)
            line.hangs_up()
            await on.settled()
            assert at_agent.over is None
            assert world.hooks("/stale") == []
            assert world.told("/cb", "DialAction") == [("answer",), ("connected",)]

    run(story())


@in_virtual_time
async def test_the_uuid_of_b_names_b_as_aleg_and_a_as_bleg() -> None:
    async with stage() as on:
        world = World(on)
        prepared(world)
        line, at_agent = await world.in_dial(CALLBACK, "<Speak>sibling</Speak>")
        await world.transfer(at_agent, **ALEG)
        assert at_agent.hears == NEW
        assert world.one("/new")["CallUUID"] == at_agent.leg
        assert line.hears == {"speak:en-US:WOMAN:sibling"}
        assert world.told("/cb", "DialAction") == [("answer",), ("connected",)]


@in_virtual_time
async def test_the_uuid_of_b_with_bleg_takes_a_and_drops_b() -> None:
    async with stage() as on:
        world = World(on)
        prepared(world)
        line, at_agent = await world.in_dial(f"{CALLBACK} {ACTION}")
        await world.transfer(at_agent, **BLEG)
        assert line.hears == NEW_B
        assert at_agent.over is Outcome.COMPLETED
        assert world.told("/cb", "DialAction")[-1] == ("hangup",)
        assert world.hooks("/after") == []


# --- Conference -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [ALEG, BOTH], ids=["aleg", "both"])
@pytest.mark.parametrize("ends", ["true", "false"])
def test_a_conference_loses_its_member(body: dict[str, str], ends: str) -> None:
    async def story() -> None:
        async with stage() as on:
            world = World(on)
            prepared(world)
            attributes = f'{ACTION} redirect="false" callbackUrl="{APP}/conf" endConferenceOnExit="{ends}"'
            line = await world.arrives(f"<Conference {attributes}>room</Conference>")
            other = await world.arrives("<Conference>room</Conference>", "<Speak>left</Speak>", caller="+14155550124")
            assert line.hears == {"+14155550124"}
            await world.transfer(line, **body)
            assert line.hears == NEW
            assert world.told("/conf", "ConferenceAction") == [("enter",), ("exit",)]
            assert world.hooks("/after") == []
            assert other.hears == ({"speak:en-US:WOMAN:left"} if ends == "true" else set())
            assert other.over is None

    run(story())


@in_virtual_time
async def test_a_conference_has_no_bleg() -> None:
    async with stage() as on:
        world = World(on)
        line = await world.arrives("<Conference>room</Conference>")
        await world.arrives("<Conference>room</Conference>", caller="+14155550124")
        assert (await world.transfer(line, **BLEG)).status_code == 404
        assert line.hears == {"+14155550124"}


# --- waiting for a document -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [ALEG, BOTH], ids=["aleg", "both"])
def test_a_fetch_under_way_is_cancelled_and_its_answer_ignored(body: dict[str, str]) -> None:
    async def story() -> None:
        async with stage() as on:
            world = World(on)
            prepared(world)
            on.web.on(f"{APP}/slow", later(3, f"<Redirect>{APP}/stale</Redirect>"))
            line = await world.arrives("<Speak>Hi</Speak>", f"<Redirect>{APP}/slow</Redirect>")
            await on.passes(2)
            assert len(world.hooks("/slow")) == 1
            await world.transfer(line, **body)
            assert line.hears == NEW
            await on.passes(30)
            assert world.hooks("/stale") == []
            assert line.over is None

    run(story())


def later(seconds: float, *elements: str):  # type: ignore[no-untyped-def]
    import asyncio

    async def answer(_hook: object) -> str:
        await asyncio.sleep(seconds)
        return document(*elements)

    return lambda hook: answer(hook)


@in_virtual_time
async def test_an_action_under_way_is_cancelled() -> None:
    async with stage() as on:
        world = World(on)
        prepared(world)
        on.web.on(f"{APP}/after", later(3, f"<Redirect>{APP}/stale</Redirect>"))
        line, at_agent = await world.in_dial(ACTION)
        at_agent.hangs_up()
        await on.passes(1)
        assert len(world.hooks("/after")) == 1
        await world.transfer(line, **ALEG)
        await on.passes(30)
        assert world.hooks("/stale") == []
        assert len(world.hooks("/new")) == 1
        assert line.over is None


@in_virtual_time
async def test_the_second_of_two_transfers_wins() -> None:
    async with stage() as on:
        world = World(on)
        prepared(world)
        on.web.on(f"{APP}/first", later(3, f"<Redirect>{APP}/stale</Redirect>"))
        line, _ = await world.in_dial()
        await world.transfer(line, aleg_url=f"{APP}/first")
        await on.passes(1)
        await world.transfer(line, **ALEG)
        await on.passes(30)
        assert line.over is None
        assert world.hooks("/stale") == []


@in_virtual_time
async def test_a_leg_that_hangs_up_while_the_document_is_fetched_runs_nothing() -> None:
    async with stage() as on:
        world = World(on)
        on.web.on(f"{APP}/new", later(3, f"<Redirect>{APP}/stale</Redirect>"))
        line, _ = await world.in_dial()
        await world.transfer(line, **ALEG)
        line.hangs_up()
        await on.passes(30)
        assert world.hooks("/stale") == []
        assert world.one("/hangup")["HangupCauseCode"] == "4000"
        assert on.nothing_left()


# --- what a transfer leaves alone -----------------------------------------------------------------------------------


@in_virtual_time
async def test_a_scheduled_hangup_survives_a_transfer() -> None:
    async with stage() as on:
        world = World(on)
        prepared(world)
        line = await world.arrives("<Hangup schedule='60'/>", "<Speak loop='0'>old</Speak>")
        await world.transfer(line, **ALEG)
        await on.passes(58)
        assert line.over is None
        await on.passes(3)
        end = world.one("/hangup")
        assert (end["HangupCauseCode"], end["HangupCauseName"]) == ("6000", "Scheduled Hangup")


@in_virtual_time
async def test_the_71st_transfer_ends_the_call_as_a_loop() -> None:
    async with stage(plivo={"max_transfers": 3}) as on:
        world = World(on)
        prepared(world)
        line = await world.arrives("<Speak loop='0'>old</Speak>")
        for count in range(4):
            answer = await world.transfer(line, legs="aleg", aleg_url=f"{APP}/new?n={count}")
            assert answer.status_code == 202
            assert (line.over is None) == (count < 3)
        end = world.one("/hangup")
        assert (end["HangupCauseCode"], end["HangupCauseName"]) == ("2060", "Loop Detected")


def test_the_limit_of_transfers_is_70_by_default() -> None:
    assert settings().plivo.max_transfers == 70


@pytest.mark.parametrize(
    ("answer", "code"), [((500, ""), "7013"), ("no document", "8013"), ("", "8013"), ("<html/>", "8013")]
)
def test_a_transfer_document_that_fails_ends_only_its_leg_without_a_fallback(answer: object, code: str) -> None:
    async def story() -> None:
        async with stage() as on:
            world = World(on)
            prepared(world)
            on.web.on(f"{APP}/new", answer)  # type: ignore[arg-type]
            world.page("/fallback", "<Speak>never</Speak>")
            line, at_agent = await world.in_dial()
            await world.transfer(line, **BOTH)
            await on.passes(60)
            assert line.over is not None
            assert world.hooks("/fallback") == []
            assert world.one("/hangup")["HangupCauseCode"] == code
            assert at_agent.over is None

    run(story())


@in_virtual_time
async def test_a_call_that_runs_no_document_can_be_transferred_too() -> None:
    """An agent's own call, put through without a program, is a live call of the account (architecture 6)."""
    more = {"number": [{"number": NUMBER, "account": "MASWITCHHOOK00000000", "forward": "1001"}]}
    async with stage(**more) as on:
        world = World(on)
        prepared(world)
        line: Line = on.phone(CUSTOMER).calls(NUMBER)
        at_agent = await on.phone("1001").rings()
        ringing = await world.transfer(line, **ALEG)
        assert ringing.status_code == 404
        at_agent.answers()
        await on.settled()
        await world.transfer(line, **ALEG)
        assert line.hears == NEW
        assert at_agent.over is Outcome.COMPLETED
        line.hangs_up()
        await on.settled()
        assert on.nothing_left()


# --- who is left behind, parked -------------------------------------------------------------------------------------


@in_virtual_time
async def test_whom_a_transfer_leaves_behind_is_parked_where_that_is_configured() -> None:
    async with stage(plivo={"transfer_keep_other_leg": True}) as on:
        world = World(on)
        prepared(world)
        line = await world.arrives(f"<Dial {ACTION} {CALLBACK}><User>sip:1001@{SIP}</User></Dial>")
        agent = await on.phone("1001").rings()
        agent.answers()
        await on.settled()
        assert (line.hears, agent.hears) == ({"1001"}, {CUSTOMER})
        await world.transfer(line, **ALEG)
        assert (line.hears, agent.hears) == (NEW, {MUSIC})
        await on.passes(60)
        assert agent.hears == {MUSIC}
        assert "DialHangup" not in [event for (event,) in world.told("/cb", "Event")]
        assert world.hooks("/after") == []
        room = "<Conference>together</Conference>"
        on.web.on(f"{APP}/new", document(room))
        for each in (line, agent):
            assert (await world.transfer(each, **ALEG)).status_code == 202
        assert (line.hears, agent.hears) == ({"1001"}, {CUSTOMER})
        assert world.hooks("/new")[-1]["CallUUID"] == agent.leg
        line.hangs_up()
        agent.hangs_up()
        await on.passes(5)
        assert on.nothing_left()


@in_virtual_time
async def test_who_is_parked_can_hang_up_and_outlives_the_other() -> None:
    async with stage(plivo={"transfer_keep_other_leg": True}) as on:
        world = World(on)
        prepared(world)
        line = await world.arrives(f"<Dial><User>sip:1001@{SIP}</User></Dial>")
        agent = await on.phone("1001").rings()
        agent.answers()
        await on.settled()
        await world.transfer(line, **ALEG)
        line.hangs_up()
        await on.settled()
        assert agent.hears == {MUSIC}
        assert (await world.api("DELETE", f"Call/{agent.leg}/")).status_code == 204
        await on.passes(5)
        assert agent.over is Outcome.COMPLETED
        assert on.nothing_left()
