"""The official packages, Python's and Node's, drive Multi-Party Calls on a live server, also by their documents."""

from __future__ import annotations

from typing import Any

import pytest
from plivo import plivoxml
from plivo.exceptions import ResourceNotFoundError, ValidationError

from switchhook.core.model import LegState
from switchhook.lab.stage import MUSIC, Line
from tests.dialects.plivo.common import NUMBER, SIP
from tests.sdks.test_plivo_actions import TONES, node
from tests.sdks.test_plivo_calls import CUSTOMER, Live, on_a_live_server

pytestmark = pytest.mark.slow

AGENT = f"sip:1001@{SIP}"


async def comes(on: Live, caller: str = CUSTOMER, **attributes: Any) -> Line:
    """A caller comes in by a document that the package writes."""
    how: dict[str, Any] = {"role": "Customer", "enter_sound": "none", "exit_sound": "none", **attributes}
    on.app.page("/answer", plivoxml.MultiPartyCallElement("desk", **how))
    line = on.stage.phone(caller).calls(NUMBER)
    await on.until(lambda: line.up)
    return line


async def agent(on: Live, name: str = "1001") -> Line:
    phone = on.stage.phone(name)
    await on.until(lambda: phone.lines and phone.line.found is not None and phone.line.found.state is LegState.RINGING)
    phone.line.answers()
    await on.until(lambda: phone.line.hears)
    return phone.line


@on_a_live_server
async def test_python_hands_a_customer_over(on: Live) -> None:
    for name in ("1001", "1002", "1003"):
        on.stage.phone(name, answers_after_s=None)
    mpc = on.client.multi_party_calls
    status = f"{on.app.base}/status"
    customer = await comes(on, status_callback_url=status)
    added = await on.sdk(
        lambda: mpc.add_participant(
            "Agent", friendly_name="desk", from_=NUMBER, to_=AGENT, call_status_callback_url=f"{on.app.base}/call",
            enter_sound="none", exit_sound="none", caller_name="Desk", record=False,
        )
    )  # fmt: skip
    assert added.message == "add participant action initiated"
    assert added.calls[0]["to"] == AGENT
    at_agent = await agent(on)
    assert added.request_uuid == at_agent.leg
    await on.until(lambda: customer.hears == {"1001"})
    found = await on.sdk(lambda: mpc.get(friendly_name="desk"))
    assert (found.status, found.friendly_name, found.recording) == ("Active", "desk", "not-recording")
    uuid = found.mpc_uuid
    answer = await on.sdk(lambda: mpc.update_participant("1", friendly_name="desk", hold=True))
    assert answer.hold == "MPC: desk hold/unhold member(s) succeeded"
    assert customer.hears == {MUSIC}
    both = f"sip:1002@{SIP}<sip:1003@{SIP}"
    await on.sdk(
        lambda: mpc.add_participant(
            "agent", uuid=uuid, from_=NUMBER, to_=both, ring_timeout="30<40", delay_dial="0<1", enter_sound="none",
            exit_sound="none",
        )
    )  # fmt: skip
    target = await agent(on, "1002")
    assert (at_agent.hears, target.hears) == ({"1002"}, {"1001"})
    await on.sdk(lambda: mpc.update_participant(1, uuid=uuid, hold=False))
    assert await on.sdk(lambda: mpc.kick_participant(2, uuid=uuid)) is None
    await on.until(lambda: customer.hears == {"1002"})
    people = await on.sdk(lambda: mpc.list_participants(uuid=uuid))
    assert [(each.member_id, each.exit_cause) for each in people] == [
        ("1", None),
        ("2", "Kicked Out of Multiparty Call"),
        ("3", None),
    ]
    one = await on.sdk(lambda: mpc.get_participant("2", uuid=uuid))
    assert (one.role, one.call_uuid, one.mute) == ("agent", at_agent.leg, None)
    assert await on.sdk(lambda: mpc.stop(uuid=uuid)) is None
    await on.until(lambda: customer.over is not None)
    ended = await on.sdk(lambda: mpc.list(status="Ended", termination_cause_code=3000))
    assert [each.mpc_uuid for each in ended.objects] == [uuid]
    with pytest.raises(ResourceNotFoundError, match="not found"):
        await on.sdk(lambda: mpc.get(friendly_name="desk"))
    with pytest.raises(ValidationError):
        await on.sdk(lambda: mpc.add_participant("agent", uuid=uuid, from_=NUMBER, to_=AGENT, call_uuid="x"))
    await on.until(lambda: len(on.app.to("/call")) == 3)
    assert [fields["Event"] for fields in on.app.to("/call")] == ["Ring", "StartApp", "Hangup"]
    assert on.app.to("/call")[2]["HangupCauseCode"] == "4030"
    await on.until(lambda: on.app.to("/status") and on.app.to("/status")[-1]["EventName"] == "MPCEnd")
    assert on.app.to("/status")[0]["EventName"] == "MPCInitialized"
    assert [int(fields["SequenceNumber"]) for fields in on.app.to("/status")] == sorted(
        int(fields["SequenceNumber"]) for fields in on.app.to("/status")
    )


@on_a_live_server
async def test_python_starts_records_and_plays(on: Live) -> None:
    mpc = on.client.multi_party_calls
    customer = await comes(on, start_mpc_on_enter=False)
    second = await comes(on, "+14155550124", start_mpc_on_enter=False)
    assert (customer.hears, second.hears) == ({MUSIC}, {MUSIC})
    await on.sdk(lambda: mpc.start(friendly_name="desk"))  # sends {"status": ["active"]}
    assert customer.hears == {"+14155550124"}
    how = {"file_format": "wav", "recording_callback_url": f"{on.app.base}/rec"}
    begun = await on.sdk(lambda: mpc.start_recording(friendly_name="desk", **how))
    assert begun.message == "MPC: desk record started"
    assert begun.recording_id in begun.recording_url
    await on.sdk(lambda: mpc.pause_recording(friendly_name="desk"))
    await on.sdk(lambda: mpc.resume_recording(friendly_name="desk"))
    await on.sdk(lambda: mpc.stop_recording(friendly_name="desk"))
    await on.until(lambda: len(on.app.to("/rec")) == 4)
    assert on.app.to("/rec")[0]["EventName"] == "MPCRecordingInitiated"
    own = await on.sdk(lambda: mpc.start_participant_recording("1", friendly_name="desk"))
    assert own.message == "MPC: desk record started"
    await on.sdk(lambda: mpc.pause_participant_recording("1", friendly_name="desk"))
    await on.sdk(lambda: mpc.resume_participant_recording("1", friendly_name="desk"))
    await on.sdk(lambda: mpc.stop_participant_recording("1", friendly_name="desk"))
    played = await on.sdk(lambda: mpc.start_play_audio("all", friendly_name="desk", url=TONES))
    assert (played.message, played.mpcMemberId, played.mpcName) == ("play queued into MPC", ["1", "2"], "desk")
    await on.sdk(lambda: mpc.stop_play_audio("all", friendly_name="desk"))
    listed = await on.sdk(lambda: mpc.list(friendly_name="desk", creation_time__gt="2020-01-01 00:00", limit=1))
    assert (listed.meta["count"], listed.objects[0].status) == (1, "Active")
    third = on.stage.phone("+14155550125")
    on.app.page("/answer", plivoxml.WaitElement(length=60))
    line = third.calls(NUMBER)
    await on.until(lambda: line.found is not None and on.app.to("/answer"))
    line_up = await on.sdk(lambda: mpc.add_participant("customer", friendly_name="desk", call_uuid=line.leg))
    assert line_up.calls[0]["call_uuid"] == line.leg
    await on.until(lambda: CUSTOMER in line.hears)


@on_a_live_server
async def test_node_hands_a_customer_over(on: Live) -> None:
    for name in ("1001", "1002"):
        on.stage.phone(name, answers_after_s=None)
    customer = await comes(on)
    here = {"friendlyName": "desk"}
    quiet = {"enterSound": "none", "exitSound": "none", "from": NUMBER}
    async with node() as js:
        added = await js.ok("multiPartyCalls.addParticipant", "Agent", {**here, **quiet, "to": AGENT})
        assert added["message"] == "add participant action initiated"
        at_agent = await agent(on)
        await on.until(lambda: customer.hears == {"1001"})
        found = await js.ok("multiPartyCalls.get", dict(here))
        assert (found["status"], found["friendlyName"]) == ("Active", "desk")
        answer = await js.ok("multiPartyCalls.updateParticipant", "1", {**here, "hold": True})
        assert answer["hold"] == "MPC: desk hold/unhold member(s) succeeded"
        assert customer.hears == {MUSIC}
        await js.ok("multiPartyCalls.addParticipant", "Agent", {**here, **quiet, "to": f"sip:1002@{SIP}"})
        await agent(on, "1002")
        await js.ok("multiPartyCalls.updateParticipant", "1", {**here, "hold": False, "mute": False})
        await js.ok("multiPartyCalls.kickParticipant", "2", dict(here))
        await on.until(lambda: at_agent.over is not None)
        assert customer.hears == {"1002"}
        one = await js.ok("multiPartyCalls.getParticipant", "2", dict(here))
        assert one["exitCause"] == "Kicked Out of Multiparty Call"
        people = await js.ok("multiPartyCalls.listParticipants", dict(here))
        assert len([each for each in people if "memberId" in each] or people["objects"]) == 3
        begun = await js.ok("multiPartyCalls.startRecording", {**here, "fileFormat": "wav"})
        assert begun["message"] == "MPC: desk record started"
        for operation in ("pauseRecording", "resumeRecording", "stopRecording"):
            await js.ok(f"multiPartyCalls.{operation}", dict(here))
        begun = await js.ok("multiPartyCalls.startParticipantRecording", "1", dict(here))
        for operation in ("pauseParticipantRecording", "resumeParticipantRecording", "stopParticipantRecording"):
            await js.ok(f"multiPartyCalls.{operation}", "1", dict(here))
        played = await js.ok("multiPartyCalls.startPlayAudio", "1", TONES, dict(here))
        assert played["mpcMemberId"] == ["1"]
        await js.ok("multiPartyCalls.stopPlayAudio", "1", dict(here))
        await js.ok("multiPartyCalls.start", {**here, "status": "active"})
        listed = await js.ok("multiPartyCalls.list", {"status": "active"})
        assert "desk" in str(listed)
        await js.ok("multiPartyCalls.stop", dict(here))
        await on.until(lambda: customer.over is not None)
        assert "not found" in (await js("multiPartyCalls.get", dict(here)))["error"]
