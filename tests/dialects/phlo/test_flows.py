"""How a call walks a flow: entered by a call, by a request and by a callback; forwarding, dialling, ways out."""

from __future__ import annotations

from typing import Any

import pytest

from switchhook.core.outcomes import Outcome
from switchhook.core.sources import Sound
from switchhook.lab.stage import MUSIC, RINGBACK, Line
from switchhook.lab.virtual_time import in_virtual_time
from tests.dialects.phlo.common import (
    AUTH,
    CUSTOMER,
    NODE,
    NUMBER,
    PHLO,
    START,
    Cast,
    R,
    flow,
    node,
    party_flow,
    phlo_stage,
    put,
)

OTHER = "+14155550177"


def forward_flow(start: str = "call", **model: object) -> dict[str, object]:
    forward = node("n-fwd", "Forward", "call_forward", **{"from": "{{Start.call.from}}", "to": "1001", **model})
    return flow(START, forward, lines=((f"n-start.{start}", "n-fwd"),))


async def run(cast: Cast, **parameters: object) -> dict[str, object]:
    reply = await cast.stage.http.post(R + "/", json=parameters, auth=AUTH)
    assert reply.status_code == 201
    await cast.stage.settled()
    body: dict[str, object] = reply.json()
    return body


async def run_status(cast: Cast, run_id: object) -> dict[str, object]:
    reply = await cast.stage.http.get(f"/v1/phlo/{PHLO}/runs/{run_id}", auth=AUTH)
    assert reply.status_code == 200
    body: dict[str, object] = reply.json()
    return body


# --- the multi-party call -------------------------------------------------------------------------------------------


@in_virtual_time
async def test_a_customer_dials_in_and_waits_with_music_for_the_agent() -> None:
    async with phlo_stage(party_flow()) as cast:
        u2 = await cast.call_in()
        assert u2.up
        assert u2.hears == {MUSIC}
        u1 = await cast.picks_up("1001")
        assert (u2.hears, u1.hears) == ({"1001"}, {CUSTOMER})
        assert cast.event("MemberJoined")["role"] == "agent"
        assert cast.events == ["MemberJoined", "MemberInvited", "MemberRinging", "MemberJoined"]


@in_virtual_time
async def test_an_agent_dials_the_customer_in() -> None:
    definition = party_flow(dialing="agent_dials_customer", to=OTHER, agent_hold_music="builtin:beep")
    async with phlo_stage(definition) as cast:
        cast.stage.phone(OTHER)
        agent = cast.stage.phone("1001").calls(NUMBER)
        await cast.stage.settled()
        assert agent.hears == {"builtin:beep"}
        customer = await cast.picks_up(OTHER)
        assert (agent.hears, customer.hears) == ({OTHER}, {"1001"})
        assert cast.event("MemberJoined")["role"] == "customer"
        reply = await cast.act("warm_transfer", to="1002", trigger="1001")
        assert reply.status_code == 201
        await cast.stage.settled()
        assert customer.hears == {MUSIC}


@in_virtual_time
async def test_an_agent_without_a_number_to_dial_waits_for_a_call_action() -> None:
    async with phlo_stage(party_flow(dialing="agent_dials_customer", to="")) as cast:
        cast.stage.phone(OTHER)
        agent = cast.stage.phone("1001").calls(NUMBER)
        await cast.stage.settled()
        assert (await cast.act("call", to=OTHER, trigger="1001", role="customer")).status_code == 201
        customer = await cast.picks_up(OTHER)
        assert (agent.hears, customer.hears) == ({OTHER}, {"1001"})
        assert cast.event("MemberJoined")["role"] == "customer"


@in_virtual_time
async def test_a_request_straight_into_the_room_dials_from_and_then_to() -> None:
    definition = party_flow(**{"from": "{{Start.http.params.agent}}", "to": "{{Start.http.params.customer}}"})
    async with phlo_stage(definition) as cast:
        cast.stage.phone(OTHER)
        body = await run(cast, agent="1001", customer=OTHER)
        assert cast.stage.phone(OTHER).lines == []
        first = await cast.picks_up("1001")
        assert first.hears == {MUSIC}
        second = await cast.picks_up(OTHER)
        assert (first.hears, second.hears) == ({OTHER}, {"1001"})
        status = await run_status(cast, body["api_id"])
        assert status["call_uuids"] == [first.leg, second.leg]
        assert (status["status"], status["current_node_id"], status["ended_on"]) == ("running", NODE, "")
        first.hangs_up()
        second.hangs_up()
        await cast.ended()
        assert (await run_status(cast, body["api_id"]))["status"] == "completed"


@in_virtual_time
async def test_a_request_whose_first_participant_is_not_reached_leaves_by_failed() -> None:
    other = node("n-dial", "Dial_Other", "initiate_call", **{"from": NUMBER, "to": "1003"})
    definition = party_flow(other, lines=((f"{NODE}.failed", "n-dial"),), **{"from": "1001", "to": "1002"})
    async with phlo_stage(definition) as cast:
        await run(cast)
        (await cast.stage.phone("1001").rings()).rejects()
        ringing = await cast.stage.phone("1003").rings()
        assert ringing.over is None
        assert cast.stage.phone("1002").lines == []


@in_virtual_time
async def test_every_answered_to_joins() -> None:
    async with phlo_stage(party_flow(to="1001, 1002,1003")) as cast:
        u2 = await cast.call_in()
        one, two = await cast.picks_up("1001"), await cast.picks_up("1002")
        (await cast.stage.phone("1003").rings()).rejects()
        await cast.stage.settled()
        assert (u2.hears, one.hears, two.hears) == ({"1001", "1002"}, {CUSTOMER, "1002"}, {CUSTOMER, "1001"})


@in_virtual_time
async def test_nobody_reached_without_a_failed_line_leaves_the_caller_with_music() -> None:
    async with phlo_stage(party_flow(to="1001,1002")) as cast:
        u2 = await cast.call_in()
        (await cast.stage.phone("1001").rings()).rejects()
        (await cast.stage.phone("1002").rings()).rejects()
        await cast.stage.settled()
        assert u2.hears == {MUSIC}
        assert cast.events.count("MemberFailed") == 2
        await cast.act("call", to="1003", trigger=CUSTOMER)
        u1 = await cast.picks_up("1003")
        assert u1.hears == {CUSTOMER}


@pytest.mark.parametrize("to", ["1001,1002", "nobody"])
def test_nobody_reached_with_a_failed_line_takes_the_caller_along_it(to: str) -> None:
    @in_virtual_time
    async def story() -> None:
        forward = node("n-fwd", "Overflow", "call_forward", **{"from": NUMBER, "to": "1004"})
        async with phlo_stage(party_flow(forward, lines=((f"{NODE}.failed", "n-fwd"),), to=to)) as cast:
            u2 = await cast.call_in()
            for name in ("1001", "1002") if to != "nobody" else ():
                (await cast.stage.phone(name).rings()).rejects()
                await cast.stage.settled()
            u4 = await cast.picks_up("1004")
            assert (u2.hears, u4.hears) == ({"1004"}, {CUSTOMER})
            u2.hangs_up()
            await cast.ended()

    story()


@in_virtual_time
async def test_a_failed_line_back_into_the_same_node_opens_a_new_room() -> None:
    async with phlo_stage(party_flow(lines=((f"{NODE}.failed", NODE),))) as cast:
        u2 = await cast.call_in()
        (await cast.stage.phone("1001").rings()).rejects()
        u1 = await cast.picks_up("1001")
        assert (u2.hears, u1.hears) == ({"1001"}, {CUSTOMER})
        rooms = {hook.form["conference_uuid"] for hook in cast.stage.web.hooks}
        assert len(rooms) == 2
        assert (await cast.member("1001", "hold")).status_code == 201
        u2.hangs_up()
        u1.hangs_up()
        await cast.ended()


@in_virtual_time
async def test_the_caller_leaves_while_to_rings() -> None:
    async with phlo_stage(party_flow()) as cast:
        u2 = await cast.call_in()
        u1 = await cast.stage.phone("1001").rings()
        u2.hangs_up()
        await cast.ended()
        assert u1.over is Outcome.CANCELLED


# --- Call Forward ---------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_a_call_is_forwarded_and_hung_up_at_the_end_of_the_flow() -> None:
    async with phlo_stage(forward_flow()) as cast:
        caller = await cast.call_in()
        assert not caller.up
        at_agent = await cast.stage.phone("1001").rings()
        assert caller.rang
        at_agent.answers()
        await cast.stage.settled()
        assert (caller.hears, at_agent.hears) == ({"1001"}, {CUSTOMER})
        assert at_agent.invitation is not None
        assert at_agent.invitation.caller == CUSTOMER
        at_agent.hangs_up()
        await cast.ended()
        assert caller.over is Outcome.COMPLETED


@in_virtual_time
async def test_after_a_completed_forward_the_flow_goes_on_with_the_caller() -> None:
    definition = flow(
        START,
        node("n-one", "First_Forward", "call_forward", **{"from": NUMBER, "to": "1001"}),
        node("n-two", "Second_Forward", "call_forward", **{"from": NUMBER, "to": "1002"}),
        lines=(("n-start.Incoming Call", "n-one"), ("n-one.completed", "n-two")),
    )
    async with phlo_stage(definition) as cast:
        caller = await cast.call_in()
        (await cast.picks_up("1001")).hangs_up()
        second = await cast.stage.phone("1002").rings()
        assert caller.hears == {RINGBACK}
        second.answers()
        await cast.stage.settled()
        assert caller.hears == {"1002"}
        caller.hangs_up()
        await cast.ended()
        assert second.over is Outcome.COMPLETED


@in_virtual_time
async def test_sequential_targets_get_their_full_time_each() -> None:
    async with phlo_stage(forward_flow(to="1001,1002", ring_timeout=10)) as cast:
        caller = await cast.call_in()
        first = await cast.stage.phone("1001").rings()
        assert cast.stage.phone("1002").lines == []
        second = await cast.stage.phone("1002").rings(within_s=11)
        assert first.over is Outcome.NO_ANSWER
        await cast.stage.passes(9)
        second.answers()
        await cast.stage.settled()
        assert caller.hears == {"1002"}


@in_virtual_time
async def test_parallel_targets_ring_together_and_the_first_answer_wins() -> None:
    async with phlo_stage(forward_flow(to="1001,1002,1003", dial_mode="parallel")) as cast:
        caller = await cast.call_in()
        lines = [await cast.stage.phone(name).rings() for name in ("1001", "1002", "1003")]
        lines[1].answers()
        await cast.stage.settled()
        assert [line.over for line in lines] == [Outcome.ANSWERED_ELSEWHERE, None, Outcome.ANSWERED_ELSEWHERE]
        assert caller.hears == {"1002"}


@in_virtual_time
async def test_screening_asks_the_callee_and_a_wrong_key_is_no_consent() -> None:
    async with phlo_stage(forward_flow(screening_prompt="Press 5 to accept.", screening_key="5")) as cast:
        caller = await cast.call_in()
        at_agent = await cast.picks_up("1001")
        assert not caller.up
        assert at_agent.hears == {"speak:en-US:WOMAN:Press 5 to accept."}
        at_agent.presses("1")
        await cast.stage.settled()
        assert not caller.up
        at_agent.presses("5")
        await cast.stage.settled()
        assert (caller.hears, at_agent.hears) == ({"1001"}, {CUSTOMER})


@in_virtual_time
async def test_screening_that_is_not_confirmed_counts_as_a_rejection() -> None:
    definition = forward_flow(screening_prompt="Press 1 to accept.")
    put_on = node("n-two", "Second_Forward", "call_forward", **{"from": NUMBER, "to": "1002"})
    definition["nodes"].append(put_on)  # type: ignore[attr-defined]
    definition["connections"].append({"source": "n-fwd.Busy/Rejected", "target": "n-two.Input"})  # type: ignore[attr-defined]
    async with phlo_stage(definition) as cast:
        await cast.call_in()
        at_agent = await cast.picks_up("1001")
        await cast.stage.passes(121)
        assert at_agent.over is Outcome.REJECTED
        assert len(cast.stage.phone("1002").lines) == 1


@in_virtual_time
async def test_extension_digits_are_pressed_after_the_answer() -> None:
    async with phlo_stage(forward_flow(extension_digits="ww42")) as cast:
        await cast.call_in()
        at_agent = await cast.picks_up("1001")
        assert cast.stage.media.digits_sent(at_agent.leg) == "ww42"


@pytest.mark.parametrize(
    ("refused", "state"),
    [
        ((Outcome.BUSY, 486), "busy"),
        ((Outcome.REJECTED, 603), "busy"),
        ((Outcome.FORBIDDEN, 403), "busy"),
        ((Outcome.NO_ANSWER, 480), "no_answer"),
        ((Outcome.NOT_FOUND, 404), "failed"),
    ],
)
@pytest.mark.parametrize("kind", ["call_forward", "initiate_call"])
def test_the_way_out_of_a_call_that_was_not_reached(kind: str, refused: tuple[Outcome, int], state: str) -> None:
    @in_virtual_time
    async def story() -> None:
        definition = flow(
            START,
            node("n-dial", "Dial_Agent", kind, **{"from": NUMBER, "to": "1001"}),
            *(node(f"n-{each}", f"Way_{each}", "call_forward", to="1002", **{"from": each}) for each in STATES),
            lines=(("n-start.call", "n-dial"), *((f"n-dial.{each}", f"n-{each}") for each in STATES)),
        )
        async with phlo_stage(definition) as cast:
            cast.stage.phone("1001").refuses = refused
            await cast.call_in()
            found = await cast.stage.phone("1002").rings()
            assert found.invitation is not None
            assert found.invitation.caller == state

    story()


STATES = ("busy", "no_answer", "failed")


@in_virtual_time
async def test_a_ring_timeout_without_a_no_answer_line_leaves_by_failed() -> None:
    definition = flow(
        START,
        node("n-dial", "Dial_Agent", "call_forward", **{"from": NUMBER, "to": "1001", "ring_timeout": "5"}),
        node("n-more", "Way_failed", "call_forward", **{"from": NUMBER, "to": "1002"}),
        lines=(("n-start.call", "n-dial"), ("n-dial.failed", "n-more")),
    )
    async with phlo_stage(definition) as cast:
        await cast.call_in()
        await cast.stage.phone("1001").rings()
        await cast.stage.phone("1002").rings(within_s=6)


@in_virtual_time
async def test_the_caller_gives_up_while_the_target_rings() -> None:
    async with phlo_stage(forward_flow()) as cast:
        caller = await cast.call_in()
        at_agent = await cast.stage.phone("1001").rings()
        caller.hangs_up()
        await cast.ended()
        assert at_agent.over is Outcome.CANCELLED


# --- Initiate Call --------------------------------------------------------------------------------------------------


CLICK_TO_CALL = flow(
    node("n-start", "Start", "start", payload_format={"agent": "1001", "customer": ""}),
    node("n-dial", "Ring_Agent", "initiate_call", **{"from": NUMBER, "to": "{{Start.http.params.agent}}"}),
    node("n-fwd", "Bridge", "call_forward", **{"from": "{{Ring_Agent.to}}", "to": "{{Start.http.params.customer}}"}),
    lines=(("n-start.http", "n-dial"), ("n-dial.answered", "n-fwd")),
)


@in_virtual_time
async def test_click_to_call() -> None:
    async with phlo_stage(CLICK_TO_CALL) as cast:
        cast.stage.phone(OTHER)
        body = await run(cast, customer=OTHER)
        assert body["phlo_run_id"] == body["api_id"]
        agent = await cast.picks_up("1001")
        assert agent.hears == {RINGBACK}
        customer = await cast.picks_up(OTHER)
        assert (agent.hears, customer.hears) == ({OTHER}, {"1001"})
        assert customer.invitation is not None
        assert customer.invitation.caller == "1001"
        customer.hangs_up()
        await cast.ended()
        assert agent.over is Outcome.COMPLETED


@in_virtual_time
async def test_many_numbers_are_branches_of_their_own() -> None:
    async with phlo_stage(CLICK_TO_CALL) as cast:
        cast.stage.phone(OTHER)
        body = await run(cast, agent=["1001", "1002", "1003"], customer=OTHER)
        one, two = await cast.picks_up("1001"), await cast.picks_up("1002")
        (await cast.stage.phone("1003").rings()).rejects()
        first, second = await cast.picks_up(OTHER), await cast.picks_up(OTHER)
        assert [line.invitation.caller for line in (first, second) if line.invitation] == ["1001", "1002"]
        one.hangs_up()
        await cast.stage.settled()
        assert first.over is Outcome.COMPLETED
        assert two.hears == {OTHER}
        assert (await run_status(cast, body["api_id"]))["ended_on"] == ""
        second.hangs_up()
        await cast.ended()
        assert (await run_status(cast, body["api_id"]))["status"] == "failed"


ESCALATION = flow(
    START,
    node("n-one", "Ring_First", "initiate_call", **{"from": NUMBER, "to": "1001"}),
    node("n-two", "Ring_Second", "initiate_call", **{"from": NUMBER, "to": "1002,1003"}),
    node("n-yes", "Bridge_New", "call_forward", **{"from": NUMBER, "to": "1004"}),
    node("n-no", "Bridge_Old", "call_forward", **{"from": NUMBER, "to": OTHER}),
    lines=(
        ("n-start.http", "n-one"),
        ("n-one.answered", "n-two"),
        ("n-two.answered", "n-yes"),
        ("n-two.busy", "n-no"),
        ("n-two.failed", "n-no"),
    ),
)


@in_virtual_time
async def test_a_first_call_waits_in_silence_and_ends_when_a_second_is_answered() -> None:
    async with phlo_stage(ESCALATION) as cast:
        await run(cast)
        first = await cast.picks_up("1001")
        assert first.hears == set()
        second = await cast.picks_up("1003")
        assert first.over is Outcome.COMPLETED
        fourth = await cast.picks_up("1004")
        assert (second.hears, fourth.hears) == ({"1004"}, {"1003"})


@in_virtual_time
async def test_a_first_call_is_current_again_when_nobody_answers() -> None:
    async with phlo_stage(ESCALATION) as cast:
        cast.stage.phone(OTHER)
        await run(cast)
        first = await cast.picks_up("1001")
        (await cast.stage.phone("1002").rings()).rejects()
        await cast.stage.settled()
        assert cast.stage.phone(OTHER).lines == []
        (await cast.stage.phone("1003").rings()).rejects()
        other = await cast.picks_up(OTHER)
        assert (first.hears, other.hears) == ({OTHER}, {"1001"})


@in_virtual_time
async def test_the_waiting_call_leaves() -> None:
    async with phlo_stage(ESCALATION) as cast:
        body = await run(cast)
        first = await cast.picks_up("1001")
        ringing = [await cast.stage.phone(name).rings() for name in ("1002", "1003")]
        first.hangs_up()
        await cast.ended()
        assert [line.over for line in ringing] == [Outcome.CANCELLED, Outcome.CANCELLED]
        assert (await run_status(cast, body["api_id"]))["ended_on"] != ""


@in_virtual_time
async def test_a_loop_of_calls_that_fail_at_once_is_stopped() -> None:
    definition = flow(
        START,
        node("n-dial", "Ring_Nobody", "initiate_call", **{"from": NUMBER, "to": "nobody"}),
        lines=(("n-start.http", "n-dial"), ("n-dial.failed", "n-dial")),
    )
    async with phlo_stage(definition) as cast:
        body = await run(cast)
        assert "1000" in str(body["message"])
        status = await run_status(cast, body["api_id"])
        assert status["status"] == "failed"
        assert any("1000 nodes" in str(entry.body) for entry in cast.stage.entries if entry.kind == "Warning")


@in_virtual_time
async def test_a_loop_of_telephones_that_are_gone_is_stopped_too() -> None:
    definition = flow(
        START,
        node("n-dial", "Ring_Nobody", "initiate_call", **{"from": NUMBER, "to": "+14155559999"}),
        lines=(("n-start.http", "n-dial"), ("n-dial.failed", "n-dial")),
    )
    async with phlo_stage(definition) as cast:
        body = await run(cast)
        await cast.stage.passes(1)
        assert (await run_status(cast, body["api_id"]))["status"] == "failed"
        assert cast.stage.nothing_left()


# --- entering a flow ------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_headers_of_an_inbound_call_are_variables() -> None:
    definition = forward_flow(**{"from": "{{Start.call.tier}}{{Start.http.params.Tier}}{{Start.http.params.to}}"})
    async with phlo_stage(definition) as cast:
        cast.stage.phone(CUSTOMER).calls(NUMBER, headers=(("X-PH-Tier", "7"), ("Diversion", "x")))
        at_agent = await cast.stage.phone("1001").rings()
        assert at_agent.invitation is not None
        assert at_agent.invitation.caller == f"77{NUMBER}"


@pytest.mark.parametrize("head", [{"state": "PAUSED"}, {"enabled": False}, {"state": "DRAFT"}])
def test_a_flow_that_is_not_enabled_takes_no_calls(head: dict[str, object]) -> None:
    @in_virtual_time
    async def story() -> None:
        definition = forward_flow()
        definition["phlo"].update(head)  # type: ignore[attr-defined]
        async with phlo_stage(definition) as cast:
            caller = await cast.call_in()
            assert (caller.over, caller.up) == (Outcome.NOT_FOUND, False)
            reply = await cast.stage.http.post(R, json={}, auth=AUTH)
            assert reply.status_code == (404 if head.get("state") == "DRAFT" else 403)

    story()


@in_virtual_time
async def test_an_inbound_call_without_a_line_is_refused() -> None:
    async with phlo_stage(flow(START, lines=())) as cast:
        caller = await cast.call_in()
        assert caller.over is not None
        assert not caller.up
        await cast.ended()


@in_virtual_time
async def test_a_callback_with_a_live_call_uuid_takes_that_call_into_the_flow() -> None:
    definition = forward_flow(to="1002")
    async with phlo_stage(definition, number=[{"number": NUMBER, "account": AUTH[0], "forward": "1001"}]) as cast:
        caller = await cast.call_in()
        agent = await cast.picks_up("1001")
        assert caller.hears == {"1001"}
        await run(cast, CallUUID=caller.leg, From=CUSTOMER, To=NUMBER)
        assert agent.over is not None
        target = await cast.picks_up("1002")
        assert (caller.hears, target.hears) == ({"1002"}, {CUSTOMER})
        assert target.invitation is not None
        assert target.invitation.caller == CUSTOMER


@pytest.mark.parametrize("document", ["", "<Wait length='5'/>", "<Speak>Hello</Speak>", "<Conference>c</Conference>"])
def test_a_call_taken_out_of_a_document_leaves_that_document_behind(document: str) -> None:
    """Also one whose document is still being asked for: what comes then is not run."""

    @in_virtual_time
    async def story() -> None:
        url = "http://app.example.net/answer"
        tree: dict[str, Any] = {
            "application": [{"app_id": "1", "account": AUTH[0], "answer_url": url}],
            "number": [{"number": NUMBER, "account": AUTH[0], "application": "1"}],
        }
        async with phlo_stage(forward_flow(to="1002"), ("plivo", "phlo"), **tree) as cast:
            web = cast.stage.web
            web.on(url, f"<Response>{document}</Response>" if document else "no document at all")
            web.delay_s = 0.0 if document else 2.0
            caller = await cast.call_in()
            await run(cast, CallUUID=caller.leg, From=CUSTOMER, To=NUMBER)
            target = await cast.picks_up("1002")
            await cast.stage.passes(8)
            assert (caller.hears, target.hears) == ({"1002"}, {CUSTOMER})
            caller.hangs_up()
            await cast.stage.passes(5)
            assert web.to(url)[-1].form["Event"] == "Hangup"

    story()


@in_virtual_time
async def test_a_callback_with_an_unknown_call_uuid_starts_at_call_with_its_fields() -> None:
    dial = node("n-dial", "Call_Back", "initiate_call", **{"from": "{{Start.call.to}}", "to": "{{Start.call.from}}"})
    async with phlo_stage(flow(START, dial, lines=(("n-start.call", "n-dial"),))) as cast:
        cast.stage.phone(OTHER)
        await run(cast, CallUUID="7f0c", From=OTHER, To=NUMBER)
        back = await cast.stage.phone(OTHER).rings()
        assert back.invitation is not None
        assert back.invitation.caller == NUMBER


@in_virtual_time
async def test_a_callback_about_the_end_of_a_call_starts_nothing() -> None:
    dial = node("n-dial", "Call_Back", "initiate_call", **{"from": "{{Start.call.to}}", "to": "{{Start.call.from}}"})
    async with phlo_stage(flow(START, dial, lines=(("n-start.call", "n-dial"),))) as cast:
        answer = await run(cast, CallUUID="7f0c", From="1001", To=NUMBER, Event="Hangup")
        assert "output state call_hangup" in str(answer["message"])
        assert cast.stage.phone("1001").lines == []


@in_virtual_time
async def test_a_template_that_breaks_leaves_by_failed() -> None:
    definition = flow(
        START,
        node("n-dial", "Ring_Agent", "initiate_call", **{"from": "{{ 1 | divided_by: 0 }}", "to": "1001"}),
        node("n-more", "Ring_Other", "initiate_call", **{"from": NUMBER, "to": "1002"}),
        lines=(("n-start.http", "n-dial"), ("n-dial.failed", "n-more")),
    )
    async with phlo_stage(definition) as cast:
        await run(cast)
        await cast.stage.phone("1002").rings()
        assert cast.stage.phone("1001").lines == []


@in_virtual_time
async def test_static_payload_is_the_default_and_snake_case_is_found() -> None:
    definition = flow(
        node("n-start", "Start", "start", payload_format={"phoneMeNumber": "1001", "callerId": NUMBER}),
        node(
            "n-dial",
            "Ring_Agent",
            "initiate_call",
            **{"from": "{{Start.http.params.callerId}}", "to": "{{Start.http.params.phoneMeNumber}}"},
        ),
        lines=(("n-start.http", "n-dial"),),
    )
    async with phlo_stage(definition) as cast:
        await run(cast)
        assert (await cast.stage.phone("1001").rings()).over is None
        await run(cast, phone_me_number="1002")
        found = await cast.stage.phone("1002").rings()
        assert found.invitation is not None
        assert found.invitation.caller == NUMBER


@in_virtual_time
async def test_saving_a_flow_makes_it_live_at_once() -> None:
    async with phlo_stage(forward_flow()) as cast:
        put(cast.stage, forward_flow(to="1003"))
        await cast.call_in()
        await cast.stage.phone("1003").rings()
        assert cast.stage.phone("1001").lines == []


@in_virtual_time
async def test_a_repeated_run_request_dials_once_until_it_is_answered() -> None:
    async with phlo_stage(CLICK_TO_CALL) as cast:
        cast.stage.phone(OTHER)
        first, again = await run(cast, customer=OTHER), await run(cast, customer=OTHER)
        assert first == again
        agent = await cast.picks_up("1001")
        assert len(cast.stage.phone("1001").lines) == 1
        (await cast.picks_up(OTHER)).hangs_up()
        await cast.stage.settled()
        assert agent.over is not None
        assert (await run(cast, customer=OTHER))["api_id"] != first["api_id"]


# --- sounds and telephones ------------------------------------------------------------------------------------------


def music_of(line: Line) -> str:
    """The id of the one sound a telephone hears: the same id goes on where it was, a new one begins."""
    found = line.found
    assert found is not None
    (sound,) = found.heard
    assert isinstance(sound, Sound)
    return sound.id


@in_virtual_time
async def test_the_music_goes_on_through_a_transfer_and_begins_anew_at_the_next_hold() -> None:
    async with phlo_stage(party_flow()) as cast:
        customer, agent = await cast.talking()
        await cast.act("warm_transfer")
        ringing = music_of(customer)
        target = await cast.picks_up("1002")
        assert music_of(customer) == ringing
        target.hangs_up()
        await cast.stage.settled()
        await cast.act("warm_transfer", to="1003")
        again = music_of(customer)
        assert again != ringing
        agent.hangs_up()
        await cast.stage.settled()
        assert music_of(customer) == again
        await cast.picks_up("1003")
        await cast.member(CUSTOMER, "hold")
        assert music_of(customer) not in (ringing, again)


@in_virtual_time
async def test_music_is_fetched_when_the_flow_is_loaded_and_only_once() -> None:
    url = "http://app.example.net/hold.wav"
    async with phlo_stage(party_flow(customer_hold_music=url, agent_hold_music={"type": "play", "url": url})) as cast:
        cast.stage.web.on(url, "RIFF")
        await cast.stage.settled()
        assert len(cast.stage.web.to(url)) == 1
        await cast.talking()
        await cast.member(CUSTOMER, "hold")
        await cast.member(CUSTOMER, "unhold")
        await cast.act("warm_transfer")
        assert len(cast.stage.web.to(url)) == 1


@in_virtual_time
async def test_an_endpoint_that_is_bound_to_a_flow_enters_it_whatever_it_dials() -> None:
    telephones = [
        {"username": "1001", "password": "x", "account": AUTH[0], "application": PHLO},
        {"username": "1002", "password": "x", "account": AUTH[0]},
    ]
    async with phlo_stage(forward_flow(to="1002"), endpoint=telephones) as cast:
        caller = cast.stage.phone("1001").calls("*55")
        at_agent = await cast.picks_up("1002")
        assert (caller.hears, at_agent.hears) == ({"1002"}, {"1001"})


@in_virtual_time
async def test_the_trunks_number_is_shown_where_the_node_names_none() -> None:
    trunk = {"name": "carrier", "uri": "sip:127.0.0.1:5070", "match": ["127.0.0.1"], "prefixes": ["+"]}
    async with phlo_stage(forward_flow(**{"from": "", "to": OTHER}), trunk=[{**trunk, "caller_id": NUMBER}]) as cast:
        cast.stage.phone(OTHER)
        await cast.call_in()
        called = await cast.stage.phone(OTHER).rings()
        assert called.invitation is not None
        assert called.invitation.caller == NUMBER


# --- the server stops -----------------------------------------------------------------------------------------------


@in_virtual_time
async def test_nobody_new_is_dialled_while_the_server_stops() -> None:
    definition = flow(
        START,
        node("n-one", "First_Forward", "call_forward", **{"from": NUMBER, "to": "1001"}),
        node("n-two", "Second_Forward", "call_forward", **{"from": NUMBER, "to": "1002"}),
        lines=(
            ("n-start.call", "n-one"),
            ("n-one.completed", "n-two"),
            ("n-one.failed", "n-two"),
            ("n-two.failed", "n-one"),
        ),
    )
    async with phlo_stage(definition) as cast:
        talking = await cast.call_in()
        await cast.picks_up("1001")
        ringing = await cast.call_in(OTHER)
        await cast.stage.phone("1001").rings()
        assert await cast.stage.exchange.drain(5)
        assert talking.over is not None
        assert ringing.over is not None
        assert cast.stage.phone("1002").lines == []
        assert cast.stage.nothing_left()
        reply = await cast.stage.http.post(R, json={}, auth=AUTH)
        assert (reply.status_code, reply.json()["error"]) == (500, "The server is stopping.")
