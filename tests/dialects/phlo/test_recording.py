"""The Record Audio option of the call nodes: when a recording begins, whom it takes, when it ends, and who is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from switchhook.core import events as e
from switchhook.core import facts as f
from switchhook.exchange.ports import Recording
from switchhook.lab.virtual_time import in_virtual_time
from tests.dialects.phlo.common import (
    AUTH,
    CUSTOMER,
    EVENTS_URL,
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
)
from tests.stories.common import ACCOUNT

OTHER = "+14155550177"
RECORD_FIELDS = {
    "record_url",
    "recording_id",
    "recording_duration",
    "recording_duration_ms",
    "recording_start_ms",
    "recording_end_ms",
}


def forward_flow(*more: dict[str, object], **model: object) -> dict[str, object]:
    given = {"from": NUMBER, "to": "1001", "event_callback_url": EVENTS_URL, "record": True, **model}
    lines = (("n-start.call", "n-fwd"), *((("n-fwd.completed", str(more[0]["id"])),) if more else ()))
    return flow(START, node("n-fwd", "Forward", "call_forward", **given), *more, lines=lines)


def ring_flow(**model: object) -> dict[str, object]:
    given = {"from": NUMBER, "to": "1001", "event_callback_url": EVENTS_URL, "record": "TRUE", **model}
    forward = node("n-fwd", "Forward", "call_forward", **{"from": NUMBER, "to": CUSTOMER})
    ring = node("n-ring", "Ring_Agent", "initiate_call", **given)
    return flow(START, ring, forward, lines=(("n-start.http", "n-ring"), ("n-ring.answered", "n-fwd")))


def tapes(cast: Cast) -> tuple[Recording, ...]:
    return cast.stage.media.recordings


def records(cast: Cast) -> list[dict[str, str]]:
    """The fields of all Record events so far."""
    return [hook.form for hook in cast.stage.web.to(EVENTS_URL) if hook.form["event"] == "Record"]


async def run(cast: Cast, **parameters: object) -> str:
    cast.stage.phone(CUSTOMER)  # there before it is called
    reply = await cast.stage.http.post(R, json=parameters, auth=AUTH)
    assert reply.status_code == 201
    await cast.stage.settled()
    return str(reply.json()["api_id"])


async def recording_ids(cast: Cast, run_id: str) -> list[str]:
    reply = await cast.stage.http.get(f"/v1/phlo/{PHLO}/runs/{run_id}", auth=AUTH)
    found: list[str] = reply.json()["recording_ids"]
    return found


# --- multi-party call -----------------------------------------------------------------------------------------------


@in_virtual_time
async def test_a_room_is_recorded_from_its_second_member_to_its_end() -> None:
    async with phlo_stage(party_flow(record=True)) as cast:
        customer = await cast.call_in()
        await cast.stage.passes(3)
        assert not tapes(cast)
        agent = await cast.picks_up("1001")
        (tape,) = tapes(cast)
        assert (tape.left, tape.right) == ((customer.leg,), (agent.leg,))
        assert Path(tape.path).parts[-2:] == (ACCOUNT, f"{tape.id}.wav")
        await cast.act("call", to="1002")
        third = await cast.picks_up("1002")
        (tape,) = tapes(cast)
        assert (tape.left, tape.right) == ((customer.leg,), (agent.leg, third.leg))
        agent.hangs_up()
        third.hangs_up()
        await cast.stage.settled()
        (tape,) = tapes(cast)
        assert (tape.left, tape.right) == ((customer.leg,), ())
        assert not records(cast)
        customer.hangs_up()
        await cast.ended()
        assert not tapes(cast)
        assert [fields["recording_id"] for fields in records(cast)] == [tape.id]
        assert cast.stage.dialects["phlo"].walker.holds_nothing()


@in_virtual_time
async def test_the_private_talk_of_a_warm_transfer_is_on_no_tape() -> None:
    async with phlo_stage(party_flow(record=1)) as cast:
        customer, agent = await cast.talking()
        await cast.act("warm_transfer")
        target = await cast.picks_up("1002")
        assert agent.hears == {"1002"}
        (tape,) = tapes(cast)
        assert (tape.left, tape.right) == ((customer.leg,), ())
        await cast.member("1001", "resume_call")
        (tape,) = tapes(cast)
        assert (tape.left, tape.right) == ((customer.leg,), (agent.leg, target.leg))
        await cast.member(CUSTOMER, "hold")
        (tape,) = tapes(cast)
        assert tape.left == ()
        customer.hangs_up()


@in_virtual_time
async def test_the_fields_of_the_record_event_of_a_room() -> None:
    asked = {"record": "{{Start.http.params.wanted}}", "from": CUSTOMER, "caller_role": "customer"}
    async with phlo_stage(party_flow(**asked)) as cast:
        run_id = await run(cast, wanted="yes please")
        walker = cast.stage.dialects["phlo"].walker
        customer = await cast.picks_up(CUSTOMER)
        agent = await cast.picks_up("1001")
        (tape,) = tapes(cast)
        assert await recording_ids(cast, run_id) == [tape.id]
        began = cast.stage.now
        shown = next(iter(walker.runs[run_id].branches)).variables["Multi-Party Call_1"]
        url = f"{cast.stage.settings.public_url}/v1/Account/{ACCOUNT}/Recording/{tape.id}.wav"
        assert (shown["record_url"], shown["recording_id"]) == (url, tape.id)
        assert "recording_duration" not in shown
        await cast.stage.passes(12.48)
        agent.hangs_up()
        customer.hangs_up()
        await cast.stage.passes(1)
        (fields,) = records(cast)
        assert set(fields) >= RECORD_FIELDS
        assert fields["record_url"] == url
        assert (fields["recording_duration"], fields["recording_duration_ms"]) == ("12", "12480.00000")
        start_ms, end_ms = float(fields["recording_start_ms"]), float(fields["recording_end_ms"])
        assert start_ms == pytest.approx(began * 1000, abs=1)
        assert end_ms - start_ms == pytest.approx(12_480, abs=0.01)
        assert (fields["phlo_id"], fields["phlo_run_id"], fields["node_id"]) == (PHLO, run_id, NODE)
        assert (fields["node_name"], fields["node_type"]) == ("Multi-Party Call_1", "multi_party_call")
        assert (fields["call_uuid"], fields["from"], fields["to"]) == (customer.leg, CUSTOMER, CUSTOMER)
        assert fields["direction"] == "outbound"
        assert fields["conference_uuid"]
        assert fields["timestamp"].endswith("+00:00")
        assert (shown["recording_duration"], shown["recording_duration_ms"]) == (12, "12480.00000")
        assert await recording_ids(cast, run_id) == [tape.id]
        assert cast.events[-2:] == ["RoomEnded", "Record"]


@in_virtual_time
async def test_two_runs_at_once_have_a_tape_each() -> None:
    async with phlo_stage(party_flow(record=True)) as cast:
        first, agent = await cast.talking()
        await cast.stage.passes(1)
        second = await cast.call_in(OTHER)
        other = await cast.picks_up("1001")
        one, two = tapes(cast)
        assert ((one.left, one.right), (two.left, two.right)) == (
            ((first.leg,), (agent.leg,)),
            ((second.leg,), (other.leg,)),
        )
        assert one.path != two.path
        second.hangs_up()
        other.hangs_up()
        await cast.stage.passes(1)
        assert [tape.id for tape in tapes(cast)] == [one.id]
        first.hangs_up()
        agent.hangs_up()
        await cast.ended()
        assert [fields["recording_id"] for fields in records(cast)] == [two.id, one.id]
        assert {fields["call_uuid"] for fields in records(cast)} == {first.leg, second.leg}


@pytest.mark.parametrize("record", [False, 0, "", "0", "false", "FALSE", None, "{{Start.http.params.nothing}}"])
def test_nothing_is_recorded_when_the_option_says_no(record: object) -> None:
    @in_virtual_time
    async def story() -> None:
        async with phlo_stage(party_flow(record=record)) as cast:
            customer, agent = await cast.talking()
            assert not tapes(cast)
            customer.hangs_up()
            agent.hangs_up()
            await cast.ended()
            assert not records(cast)

    story()


@in_virtual_time
async def test_record_is_one_of_the_events_that_are_chosen() -> None:
    async with phlo_stage(party_flow(record=True, event_callback_events="Record")) as cast:
        customer, agent = await cast.talking()
        customer.hangs_up()
        agent.hangs_up()
        await cast.ended()
        assert cast.events == ["Record"]
    async with phlo_stage(party_flow(record=True, event_callback_events="RoomEnded")) as cast:
        customer, agent = await cast.talking()
        assert tapes(cast)
        customer.hangs_up()
        agent.hangs_up()
        await cast.ended()
        assert cast.events == ["RoomEnded"]


# --- call forward ---------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_a_forwarded_call_is_recorded_while_both_talk() -> None:
    ring = node("n-ring", "Second", "call_forward", **{"from": NUMBER, "to": "1002"})
    async with phlo_stage(forward_flow(ring)) as cast:
        customer = await cast.call_in()
        agent = await cast.stage.phone("1001").rings()
        assert not tapes(cast)
        agent.answers()
        await cast.stage.settled()
        (tape,) = tapes(cast)
        assert (tape.left, tape.right) == ((customer.leg,), (agent.leg,))
        await cast.stage.passes(4)
        agent.hangs_up()
        await cast.picks_up("1002")
        assert not tapes(cast)
        (fields,) = records(cast)
        assert (fields["recording_id"], fields["recording_duration"]) == (tape.id, "4")
        assert (fields["node_id"], fields["node_type"]) == ("n-fwd", "call_forward")
        assert (fields["uuid"], fields["call_uuid"], fields["to"]) == (agent.leg, agent.leg, "1001")
        assert fields["leg"] == "BLeg"
        assert fields["end_time"]
        run_id = fields["phlo_run_id"]
        branch = next(iter(cast.stage.dialects["phlo"].walker.runs[run_id].branches))
        assert branch.variables["Forward"]["recording_duration"] == 4
        assert "recording_id" not in branch.variables["Second"]
        customer.hangs_up()
        await cast.ended()
        assert len(records(cast)) == 1
        assert await recording_ids(cast, run_id) == [tape.id]


@in_virtual_time
async def test_a_screened_call_is_recorded_from_the_acceptance_on() -> None:
    async with phlo_stage(forward_flow(screening_prompt="A call for you.", screening_key="1")) as cast:
        customer = await cast.call_in()
        agent = await cast.picks_up("1001")
        assert not tapes(cast)
        agent.presses("1")
        await cast.stage.settled()
        (tape,) = tapes(cast)
        assert (tape.left, tape.right) == ((customer.leg,), (agent.leg,))
        customer.hangs_up()
        await cast.ended()


@in_virtual_time
async def test_a_forward_that_nobody_answers_is_not_recorded() -> None:
    async with phlo_stage(forward_flow()) as cast:
        await cast.call_in()
        (await cast.stage.phone("1001").rings()).rejects()
        await cast.ended()
        assert not records(cast)
        assert not any(isinstance(stamped.fact, f.RecordingStarted) for stamped in cast.stage.facts)


# --- initiate call --------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_an_initiated_call_is_recorded_from_its_answer_with_whom_it_hears() -> None:
    async with phlo_stage(ring_flow()) as cast:
        run_id = await run(cast)
        agent = await cast.stage.phone("1001").rings()
        assert not tapes(cast)
        agent.answers()
        await cast.stage.settled()
        (tape,) = tapes(cast)
        assert (tape.left, tape.right, tape.stereo) == ((agent.leg,), (), True)
        customer = await cast.picks_up(CUSTOMER)
        (tape,) = tapes(cast)
        assert (tape.left, tape.right) == ((agent.leg,), (customer.leg,))
        await cast.stage.passes(2)
        agent.hangs_up()
        await cast.ended()
        (fields,) = records(cast)
        assert (fields["node_id"], fields["uuid"], fields["direction"]) == ("n-ring", agent.leg, "outbound")
        assert (fields["from"], fields["to"], fields["leg"]) == (NUMBER, "1001", "ALeg")
        assert fields["recording_id"] == tape.id
        assert await recording_ids(cast, run_id) == [tape.id]


@in_virtual_time
async def test_of_many_numbers_each_that_answers_has_its_own_tape_and_variables() -> None:
    async with phlo_stage(ring_flow(to="1001,1002,1003")) as cast:
        run_id = await run(cast)
        first, second = await cast.picks_up("1001"), await cast.picks_up("1002")
        (await cast.stage.phone("1003").rings()).rejects()
        await cast.stage.settled()
        one, two = tapes(cast)
        assert (one.left, two.left) == ((first.leg,), (second.leg,))
        branches = cast.stage.dialects["phlo"].walker.runs[run_id].branches
        shown = {branch.variables["Ring_Agent"]["recording_id"] for branch in branches}
        assert shown == {one.id, two.id}
        first.hangs_up()
        second.hangs_up()
        await cast.ended()
        assert {fields["recording_id"]: fields["to"] for fields in records(cast)} == {one.id: "1001", two.id: "1002"}
        assert await recording_ids(cast, run_id) == [one.id, two.id]


@in_virtual_time
async def test_the_event_as_json() -> None:
    async with phlo_stage(ring_flow(event_callback_format="json")) as cast:
        await run(cast)
        (await cast.picks_up("1001")).hangs_up()
        await cast.ended()
        (hook,) = cast.stage.web.to(EVENTS_URL)
        assert set(json.loads(hook.body)) >= RECORD_FIELDS | {"event", "phlo_id", "call_uuid"}


# --- what goes wrong ------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_a_file_that_cannot_be_written_is_a_warning_and_the_call_goes_on() -> None:
    async with phlo_stage(party_flow(record=True)) as cast:
        customer, agent = await cast.talking()
        (tape,) = tapes(cast)
        cast.stage.exchange.tell(e.RecordingEnded(tape.id, tape.path, 0, "Permission denied"))
        await cast.stage.settled()
        assert (customer.hears, agent.hears) == ({"1001"}, {CUSTOMER})
        warning = next(entry for entry in cast.stage.entries if entry.kind == "Warning")
        assert "Permission denied" in str(warning.body["text"])
        assert warning.call == cast.stage.exchange.state.legs[customer.leg].call
        run_id = cast.event("MemberJoined")["phlo_run_id"]
        assert await recording_ids(cast, run_id) == []
        agent.hangs_up()
        customer.hangs_up()
        await cast.ended()
        assert not records(cast)
        assert cast.stage.dialects["phlo"].walker.holds_nothing()


@in_virtual_time
async def test_a_disk_that_fills_up_keeps_what_was_written_and_says_so() -> None:
    async with phlo_stage(party_flow(record=True)) as cast:
        await cast.talking()
        (tape,) = tapes(cast)
        cast.stage.exchange.tell(e.RecordingEnded(tape.id, tape.path, 5_000, "No space left on device"))
        await cast.stage.settled()
        (fields,) = records(cast)
        assert (fields["recording_id"], fields["recording_duration"]) == (tape.id, "5")
        assert any("No space left" in str(entry.body.get("text")) for entry in cast.stage.entries)


@in_virtual_time
async def test_the_server_stops_when_the_files_are_finished() -> None:
    async with phlo_stage(party_flow(record=True)) as cast:
        await cast.talking()
        assert await cast.stage.exchange.drain(5)
        assert not cast.stage.exchange.state.tapes
        await cast.stage.exchange.settle(5)
        assert len(records(cast)) == 1
