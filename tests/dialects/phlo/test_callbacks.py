"""Event callbacks: fields, encodings, signature, retries, choice and order (plivo-phlo 8.1)."""

from __future__ import annotations

import asyncio
import json

import pytest
from plivo.utils import signature_v3

from switchhook.lab.stage import Hook
from switchhook.lab.virtual_time import in_virtual_time
from tests.dialects.phlo.common import CUSTOMER, EVENTS_URL, NODE, NUMBER, PHLO, party_flow, phlo_stage
from tests.stories.common import TOKEN


@in_virtual_time
async def test_the_fields_of_a_transfer_event() -> None:
    async with phlo_stage(party_flow()) as cast:
        customer, _ = await cast.talking()
        await cast.act("warm_transfer")
        (await cast.stage.phone("1002").rings()).rejects()
        await cast.stage.settled()
        hook = cast.stage.web.to(EVENTS_URL)[-1]
        assert hook.method == "POST"
        assert hook.headers["content-type"] == "application/x-www-form-urlencoded"
        fields = hook.form
        assert {key: fields[key] for key in ("event", "transfer_type", "trigger_source", "to", "cause")} == {
            "event": "TransferFailed",
            "transfer_type": "warm_transfer",
            "trigger_source": "1001",
            "to": "1002",
            "cause": "busy",
        }
        assert (fields["phlo_id"], fields["node_id"]) == (PHLO, NODE)
        assert (fields["node_name"], fields["node_type"]) == ("Multi-Party Call_1", "multi_party_call")
        runs = cast.stage.dialects["phlo"].walker.runs
        assert fields["phlo_run_id"] in runs
        room = cast.stage.exchange.state.legs[customer.leg].focus
        assert fields["conference_uuid"] == room
        assert fields["timestamp"].endswith("+00:00")


@in_virtual_time
async def test_the_fields_of_a_member_event() -> None:
    async with phlo_stage(party_flow()) as cast:
        customer, agent = await cast.talking()
        joined = [hook.form for hook in cast.stage.web.hooks if hook.form["event"] == "ConferenceEnter"]
        assert [each["call_uuid"] for each in joined] == [customer.leg, agent.leg]
        assert (joined[0]["from"], joined[0]["to"], joined[0]["direction"]) == (CUSTOMER, NUMBER, "inbound")
        assert (joined[0]["member_address"], joined[0]["role"]) == (CUSTOMER, "customer")
        assert (joined[1]["member_address"], joined[1]["direction"]) == ("1001", "outbound")
        assert (joined[1]["from"], joined[1]["to"]) == (NUMBER, "1001")


@in_virtual_time
async def test_the_official_validator_accepts_the_signature() -> None:
    async with phlo_stage(party_flow()) as cast:
        await cast.talking()
        hook = cast.stage.web.hooks[0]
        nonce, signature = hook.headers["x-plivo-signature-v3-nonce"], hook.headers["x-plivo-signature-v3"]
        assert signature_v3.validate_v3_signature("POST", EVENTS_URL, nonce, TOKEN, signature, hook.form)
        tampered = {**hook.form, "role": "owner"}
        assert not signature_v3.validate_v3_signature("POST", EVENTS_URL, nonce, TOKEN, signature, tampered)


@in_virtual_time
async def test_json_where_the_node_asks_for_it() -> None:
    async with phlo_stage(party_flow(event_callback_format="json")) as cast:
        await cast.talking()
        hook = cast.stage.web.hooks[0]
        assert hook.headers["content-type"] == "application/json"
        assert json.loads(hook.body)["event"] == "MemberJoined"
        nonce, signature = hook.headers["x-plivo-signature-v3-nonce"], hook.headers["x-plivo-signature-v3"]
        assert signature_v3.validate_v3_signature("POST", EVENTS_URL, nonce, TOKEN, signature, {})


@pytest.mark.parametrize("chosen", [["MemberLeft", "RoomEnded"], "MemberLeft, RoomEnded"])
def test_only_the_chosen_events(chosen: object) -> None:
    @in_virtual_time
    async def story() -> None:
        async with phlo_stage(party_flow(event_callback_events=chosen)) as cast:
            customer, agent = await cast.talking()
            customer.hangs_up()
            agent.hangs_up()
            await cast.ended()
            assert cast.events == ["MemberLeft", "MemberLeft", "RoomEnded"]

    story()


@pytest.mark.parametrize(("answers", "tries"), [([503, 500, 200], 3), ([500, 500, 500], 3), ([404], 1), ([200], 1)])
def test_two_retries_on_server_errors_only(answers: list[int], tries: int) -> None:
    @in_virtual_time
    async def story() -> None:
        async with phlo_stage(party_flow(to="", event_callback_events="MemberJoined")) as cast:
            statuses = iter(answers)
            cast.stage.web.on(EVENTS_URL, lambda hook: (next(statuses), ""))
            await cast.call_in()
            assert len(cast.stage.web.hooks) == tries
            assert len({hook.body for hook in cast.stage.web.hooks}) == 1
            entry = next(entry for entry in cast.stage.entries if entry.kind == "Webhook")
            assert (entry.body["event"], entry.body["status"]) == ("MemberJoined", answers[tries - 1])
            assert entry.call

    story()


@in_virtual_time
async def test_a_slow_receiver_gets_them_in_order_and_holds_nobody_up() -> None:
    async with phlo_stage(party_flow()) as cast:

        async def slowly(hook: Hook) -> str:
            await asyncio.sleep(3 if hook.form["event"] == "MemberJoined" else 0)
            return "ok"

        cast.stage.web.on(EVENTS_URL, slowly)
        customer, agent = await cast.talking()
        await cast.member(CUSTOMER, "mute")
        assert agent.hears == set()
        assert cast.events == ["MemberJoined"]
        await cast.stage.passes(10)
        expected = ["MemberJoined", "MemberInvited", "MemberRinging", "MemberJoined", "MemberMuted"]
        assert cast.events == expected
        customer.hangs_up()


@in_virtual_time
async def test_a_receiver_that_is_away_ends_nothing() -> None:
    async with phlo_stage(party_flow(event_callback_url="http://nowhere.example.net/")) as cast:
        customer, _ = await cast.talking()
        assert customer.hears == {"1001"}
        assert len(cast.stage.web.hooks) >= 3
