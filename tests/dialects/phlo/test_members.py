"""`call`, hold, mute, hangup and voicemail drop on live members, and every precondition (plivo-phlo 4.1 to 4.5)."""

from __future__ import annotations

import pytest

from switchhook.core.outcomes import Outcome
from switchhook.lab.stage import MUSIC
from switchhook.lab.virtual_time import in_virtual_time
from tests.dialects.phlo.common import AUTH, CUSTOMER, NUMBER, N, party_flow, phlo_stage

OTHER = "+14155550177"


@in_virtual_time
async def test_call_adds_a_member_and_nobody_notices_the_ringing() -> None:
    async with phlo_stage(party_flow()) as cast:
        u2, u1 = await cast.talking()
        reply = await cast.act("call")
        assert reply.status_code == 201
        u3 = await cast.stage.phone("1002").rings()
        assert (u1.hears, u2.hears) == ({CUSTOMER}, {"1001"})
        u3.answers()
        await cast.stage.settled()
        assert (u1.hears, u2.hears, u3.hears) == ({CUSTOMER, "1002"}, {"1001", "1002"}, {"1001", CUSTOMER})
        assert u3.invitation is not None
        assert u3.invitation.caller == NUMBER
        assert cast.events[-3:] == ["MemberInvited", "MemberRinging", "MemberJoined"]
        assert cast.event("MemberJoined")["member_address"] == "1002"
        assert cast.event("ConferenceEnter")["call_uuid"] == u3.leg


@pytest.mark.parametrize(
    ("outcome", "status", "cause"),
    [
        (Outcome.BUSY, 600, "busy"),
        (Outcome.REJECTED, 603, "rejected"),
        (Outcome.NO_ANSWER, 480, "no_answer"),
        (Outcome.NOT_REGISTERED, 480, "unreachable"),
    ],
)
def test_call_that_does_not_reach_changes_nothing(outcome: Outcome, status: int, cause: str) -> None:
    @in_virtual_time
    async def story() -> None:
        async with phlo_stage(party_flow()) as cast:
            u2, u1 = await cast.talking()
            await cast.act("call")
            (await cast.stage.phone("1002").rings()).rejects(outcome, status)
            await cast.stage.settled()
            assert (u1.hears, u2.hears) == ({CUSTOMER}, {"1001"})
            assert cast.event("MemberFailed")["cause"] == cause

    story()


@in_virtual_time
async def test_dial_music_is_heard_only_by_one_who_is_alone() -> None:
    async with phlo_stage(party_flow(to="", customer_hold_music="builtin:busy")) as cast:
        u2 = await cast.call_in()
        assert u2.hears == {"builtin:busy"}
        await cast.act("call", trigger=CUSTOMER)
        await cast.stage.phone("1002").rings()
        assert u2.hears == {"builtin:busy"}


@in_virtual_time
async def test_a_held_member_hears_music_and_the_others_go_on() -> None:
    async with phlo_stage(party_flow(customer_hold_music="builtin:busy")) as cast:
        u2, u1 = await cast.talking()
        await cast.act("call")
        u3 = await cast.picks_up("1002")
        assert (await cast.member(CUSTOMER, "hold")).status_code == 201
        assert (u1.hears, u2.hears, u3.hears) == ({"1002"}, {"builtin:busy"}, {"1001"})
        before = len(cast.events)
        assert (await cast.member(CUSTOMER, "hold")).status_code == 201
        assert len(cast.events) == before
        await cast.member("1002", "hangup")
        assert u1.hears == set()
        assert (await cast.member(CUSTOMER, "unhold")).status_code == 201
        assert (u1.hears, u2.hears) == ({CUSTOMER}, {"1001"})
        before = len(cast.events)
        assert (await cast.member(CUSTOMER, "unhold")).status_code == 201
        assert len(cast.events) == before
        assert [name for name in cast.events if "held" in name.lower()] == ["MemberHeld", "MemberUnheld"]


@pytest.mark.parametrize(
    ("audience", "held", "other"),
    [("held", {MUSIC}, set()), ("others", set(), {MUSIC}), ("both", {MUSIC}, {MUSIC})],
)
@pytest.mark.parametrize("where", ["node", "server"])
def test_who_hears_the_hold_music(audience: str, held: set[str], other: set[str], where: str) -> None:
    @in_virtual_time
    async def story() -> None:
        model = {"hold_audience": audience} if where == "node" else {}
        section = {} if where == "node" else {"phlo": {"hold_audience": audience}}
        async with phlo_stage(party_flow(**model), **section) as cast:
            u2, u1 = await cast.talking()
            await cast.member(CUSTOMER, "hold")
            assert (u2.hears, u1.hears) == (held, other)
            await cast.member(CUSTOMER, "unhold")
            assert (u2.hears, u1.hears) == ({"1001"}, {CUSTOMER})

    story()


@in_virtual_time
async def test_mute_and_unmute() -> None:
    async with phlo_stage(party_flow()) as cast:
        u2, u1 = await cast.talking()
        for _ in range(2):
            assert (await cast.member("1001", "mute")).status_code == 201
            assert (u1.hears, u2.hears) == ({CUSTOMER}, set())
        for _ in range(2):
            assert (await cast.member("1001", "unmute")).status_code == 201
            assert u2.hears == {"1001"}
        assert [name for name in cast.events if "uted" in name] == ["MemberMuted", "MemberUnmuted"]


@in_virtual_time
async def test_hangup_and_a_second_hangup() -> None:
    async with phlo_stage(party_flow()) as cast:
        u2, u1 = await cast.talking()
        assert (await cast.member("1001", "hangup")).status_code == 201
        assert u1.over is Outcome.COMPLETED
        assert u2.hears == {MUSIC}
        assert (await cast.member("1001", "hangup")).status_code == 404
        assert (await cast.member(CUSTOMER, "hangup")).status_code == 201
        await cast.ended()
        assert cast.events[-2:] == ["MemberLeft", "RoomEnded"]


@in_virtual_time
async def test_hangup_of_somebody_who_still_rings() -> None:
    async with phlo_stage(party_flow()) as cast:
        await cast.talking()
        await cast.act("call")
        u3 = await cast.stage.phone("1002").rings()
        assert (await cast.member("1002", "hangup")).status_code == 201
        assert u3.over is not None
        assert cast.event("MemberFailed")["cause"] == "rejected"


@pytest.mark.parametrize("word", ["remove", "leave", "kick", "DELETE"])
def test_synonyms_of_hangup(word: str) -> None:
    @in_virtual_time
    async def story() -> None:
        async with phlo_stage(party_flow()) as cast:
            _, u1 = await cast.talking()
            if word == "DELETE":
                reply = await cast.stage.http.delete(f"{N}/members/1001/", auth=AUTH)
            else:
                reply = await cast.member("1001", word)
            await cast.stage.settled()
            assert reply.status_code == 200
            assert {key: reply.json()[key] for key in ("id", "error")} == {"id": "1001", "error": ""}
            assert u1.over is Outcome.COMPLETED

    story()


@in_virtual_time
async def test_a_dropped_voicemail_is_heard_by_one_alone_who_is_then_hung_up() -> None:
    async with phlo_stage(party_flow(voicemail_drop_prompt="Please call us back.")) as cast:
        u2, u1 = await cast.talking()
        assert (await cast.member(CUSTOMER, "voicemail_drop")).status_code == 201
        assert (u1.hears, u2.hears) == ({MUSIC}, {"speak:en-US:WOMAN:Please call us back."})
        assert (await cast.act("call", to="1002")).status_code == 201
        u3 = await cast.picks_up("1002")
        assert (u1.hears, u3.hears) == ({"1002"}, {"1001"})
        await cast.stage.passes(60)
        assert u2.over is not None
        assert cast.events.count("VoicemailDropped") == 1
        assert cast.event("VoicemailDropped")["member_address"] == CUSTOMER


@in_virtual_time
async def test_an_anonymous_member_is_reached_by_its_call_uuid() -> None:
    async with phlo_stage(party_flow()) as cast:
        u2 = await cast.call_in("anonymous")
        await cast.picks_up("1001")
        assert (await cast.member(u2.leg, "hold")).status_code == 201
        assert u2.hears == {MUSIC}


@in_virtual_time
async def test_with_equal_addresses_the_newest_room_is_meant_and_the_call_uuid_tells_them_apart() -> None:
    async with phlo_stage(party_flow(to="")) as cast:
        first, second = await cast.call_in(), await cast.call_in()
        await cast.member(CUSTOMER, "hangup")
        assert (first.over, second.over) == (None, Outcome.COMPLETED)
        third = await cast.call_in()
        await cast.member(first.leg, "hangup")
        assert (first.over, third.over) == (Outcome.COMPLETED, None)


# --- preconditions --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["call", "warm_transfer", "cold_transfer"])
@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"to": "1001"}, "to"),
        ({"to": "sip:1001@phone.plivo.com"}, "to"),
        ({"to": CUSTOMER}, "to"),
        ({"to": "1 415 555 0123"}, "to"),
        ({"role": "owner"}, "role"),
        ({"to": ""}, "to is a mandatory param."),
        ({"to": None}, "to is a mandatory param."),
        ({"trigger_source": ""}, "trigger_source is a mandatory param."),
        ({"trigger_source": None}, "trigger_source is a mandatory param."),
        ({"to": 1002}, "Invalid value provided for to. to expects a/an string."),
        ({"to": "nobody"}, "Invalid value provided for to."),
    ],
)
def test_bad_values_are_refused(action: str, change: dict[str, object], text: str) -> None:
    @in_virtual_time
    async def story() -> None:
        async with phlo_stage(party_flow()) as cast:
            u2, u1 = await cast.talking()
            given = {"action": action, "to": "1002", "trigger_source": "1001", "role": "agent", **change}
            reply = await cast.stage.http.post(N, json=given, auth=AUTH)
            assert reply.status_code == 400
            assert text in reply.json()["error"]
            assert reply.json()["api_id"]
            await cast.stage.settled()
            assert (u1.hears, u2.hears) == ({CUSTOMER}, {"1001"})

    story()


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({}, "action is a mandatory param."),
        ({"action": ""}, "action is a mandatory param."),
        ({"action": None}, "action is a mandatory param."),
        ({"action": 5}, "Invalid value provided for action. action expects a/an string."),
        ({"action": "dance"}, "Invalid value provided for action."),
        ({"action": "hold"}, "trigger_source is a mandatory param."),
    ],
)
def test_bad_actions_are_refused(given: dict[str, object], text: str) -> None:
    @in_virtual_time
    async def story() -> None:
        async with phlo_stage(party_flow()) as cast:
            await cast.talking()
            reply = await cast.stage.http.post(N, json=given, auth=AUTH)
            assert (reply.status_code, reply.json()["error"]) == (400, text)

    story()


@in_virtual_time
async def test_member_actions_refused() -> None:
    async with phlo_stage(party_flow()) as cast:
        await cast.talking()
        for action in ("call", "warm_transfer", "cold_transfer", "dance", ""):
            assert (await cast.member("1001", action)).status_code == 400
        for action in ("abort_transfer", "resume_call"):
            assert (await cast.member("1001", action)).status_code == 400
        assert (await cast.member(CUSTOMER, "voicemail_drop")).status_code == 400
        for action in ("hold", "hangup", "abort_transfer"):
            assert (await cast.member("+14155550999", action)).status_code == 404


@in_virtual_time
async def test_a_member_action_without_a_member_goes_to_the_trigger_source() -> None:
    async with phlo_stage(party_flow()) as cast:
        u2, _ = await cast.talking()
        given = {"action": "hold", "trigger_source": CUSTOMER}
        assert (await cast.stage.http.post(N, json=given, auth=AUTH)).status_code == 201
        await cast.stage.settled()
        assert u2.hears == {MUSIC}


@pytest.mark.parametrize("action", ["warm_transfer", "cold_transfer"])
def test_transfers_refused(action: str) -> None:
    @in_virtual_time
    async def story() -> None:
        async with phlo_stage(party_flow(to="")) as cast:
            assert (await cast.act(action)).status_code == 404
            await cast.call_in()
            alone = await cast.act(action, trigger=CUSTOMER)
            assert alone.status_code == 400
            stranger = await cast.act(action, trigger="1003")
            assert (stranger.status_code, stranger.json()["error"]) == (
                400,
                "Invalid value provided for trigger_source.",
            )
            await cast.act("call", to="1001", trigger=CUSTOMER)
            u1 = await cast.picks_up("1001")
            await cast.member("1001", "hold")
            assert (await cast.act(action)).status_code == 400
            assert u1.over is None
            assert cast.stage.phone("1002").lines == []

    story()


@in_virtual_time
async def test_transfers_can_be_switched_off() -> None:
    async with phlo_stage(party_flow(transfers_enabled=False)) as cast:
        await cast.talking()
        assert (await cast.act("warm_transfer")).status_code == 400
        assert (await cast.act("call")).status_code == 201


@in_virtual_time
async def test_a_full_room_takes_nobody_more() -> None:
    async with phlo_stage(party_flow(max_participants=2)) as cast:
        await cast.talking()
        assert (await cast.act("call")).status_code == 400


@in_virtual_time
async def test_call_reads_trigger_source_as_caller_id_when_it_is_nobody_here() -> None:
    async with phlo_stage(party_flow(**{"from": ""})) as cast:
        await cast.talking()
        assert (await cast.act("call", trigger="+1 (415) 555-0188")).status_code == 201
        u3 = await cast.stage.phone("1002").rings()
        assert u3.invitation is not None
        assert u3.invitation.caller == "+14155550188"


@in_virtual_time
async def test_two_live_runs_and_an_action_hits_only_the_room_of_its_trigger_source() -> None:
    async with phlo_stage(party_flow(to="")) as cast:
        cast.stage.phone(OTHER)
        one, two = await cast.call_in(CUSTOMER), await cast.call_in(OTHER)
        await cast.act("call", to="1001", trigger=CUSTOMER)
        first = await cast.picks_up("1001")
        await cast.act("call", to="1002", trigger=OTHER)
        second = await cast.picks_up("1002")
        assert (one.hears, first.hears, two.hears, second.hears) == ({"1001"}, {CUSTOMER}, {"1002"}, {OTHER})
        assert (await cast.act("call", to="1003", trigger="+14155550188")).status_code == 400
        await cast.act("warm_transfer", to="1003", trigger="1002")
        target = await cast.picks_up("1003")
        assert (one.hears, first.hears) == ({"1001"}, {CUSTOMER})
        assert (two.hears, second.hears, target.hears) == ({MUSIC}, {"1003"}, {"1002"})
        await cast.member("1002", "abort_transfer")
        await cast.act("cold_transfer", to="1004", trigger="1001")
        await cast.picks_up("1004")
        assert (one.hears, two.hears, first.over) == ({"1004"}, {"1002"}, Outcome.COMPLETED)


@in_virtual_time
async def test_an_exact_repeat_of_call_dials_once() -> None:
    async with phlo_stage(party_flow()) as cast:
        await cast.talking()
        first, again = await cast.act("call"), await cast.act("call")
        assert first.json() == again.json()
        other = await cast.stage.http.post(
            N + "/",
            json={"action": "call", "to": "1002", "trigger_source": "1001", "role": "agent"},
            headers={"X-Request-Id": "2"},
            auth=AUTH,
        )
        assert other.status_code == 400
        await cast.stage.settled()
        assert len(cast.stage.phone("1002").lines) == 1
        (await cast.stage.phone("1002").rings()).rejects()
        await cast.stage.settled()
        assert (await cast.act("call")).json()["api_id"] != first.json()["api_id"]
        assert len(cast.stage.phone("1002").lines) == 2
