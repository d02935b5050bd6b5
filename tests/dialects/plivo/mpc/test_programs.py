"""ai-agents that come into a Multi-Party Call by WebSocket: participants without a telephone, by symbolic ears."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import quoteattr

import httpx2
import pytest

from switchhook.lab.bots import Bot
from switchhook.lab.phone import Phone
from switchhook.lab.world import MUSIC, World
from tests.dialects.plivo.mpc.common import ALL

BOT = "ws://bot.test/agent"
APP = "http://app.test"
QUIET = 'enterSound="none" exitSound="none"'
STATUS = f'statusCallbackUrl="{APP}/mpc" statusCallbackEvents="{ALL}"'


def program(url: str = BOT, more: str = "", name: str = "desk") -> str:
    """The element that brings the program in."""
    told = f'aiAgentStreamStatusCallbackUrl="{APP}/stream"'
    stream = f"aiAgentStreamServiceUrl={quoteattr(url)} {told}"
    return f'<MultiPartyCall role="ai-agent" {QUIET} {STATUS} {stream} {more}>{name}</MultiPartyCall>'


def human(role: str = "customer", more: str = "", name: str = "desk") -> str:
    return f'<MultiPartyCall role="{role}" {QUIET} {more}>{name}</MultiPartyCall>'


class Desk:
    """A world in which telephones run documents, with one program."""

    def __init__(self, world: World, url: str = BOT) -> None:
        self.world = world
        for path in ("mpc", "stream", "exit"):
            world.web.on(f"{APP}/{path}", "")
        self.bot: Bot = world.bot(url)

    async def runs(self, phone: Phone, *elements: str) -> Phone:
        """A telephone is called by API and runs a document."""
        path = f"{APP}/{phone.name}"
        self.world.web.on(path, f"<Response>{''.join(elements)}</Response>")
        await self.world.plivo.call(phone, path)
        await phone.answer()
        return phone

    async def api(self, method: str, path: str = "", **body: Any) -> httpx2.Response:
        return await self.rest(method, f"MultiPartyCall/name_desk/{path}", **body)

    async def rest(self, method: str, path: str, **body: Any) -> httpx2.Response:
        auth = self.world.plivo.auth
        url = f"/v1/Account/{auth[0]}/{path}"
        return await self.world.http.request(method, url, auth=auth, json=body or None)

    async def member(self) -> dict[str, Any]:
        """Returns the program as the API shows it, also when it has left."""
        objects = (await self.api("GET", "Participant/")).json()["objects"]
        found: dict[str, Any] = next(each for each in objects if each["role"] == "ai-agent")
        return found

    def told(self, path: str = "/mpc") -> list[Mapping[str, str]]:
        return [hook.form for hook in self.world.web.hooks if hook.url.startswith(f"{APP}{path}")]

    def events(self, path: str = "/mpc") -> list[str]:
        return [form.get("EventName") or form["Event"] for form in self.told(path)]

    def left(self) -> Mapping[str, str]:
        """Returns the ParticipantExit of the program."""
        exits = [form for form in self.told() if form["EventName"] == "ParticipantExit"]
        return next(form for form in exits if form["ParticipantRole"] == "ai-agent")

    def warnings(self) -> list[str]:
        return [str(entry.body.get("text")) for entry in self.world.entries if entry.kind == "Warning"]


async def test_a_program_and_a_caller_talk_and_it_is_a_participant_like_others(world: World) -> None:
    desk = Desk(world)
    customer = await desk.runs(await world.phone("customer"), program(f"{BOT}?who=1"), human())
    await customer.hears_only("bot")
    await desk.bot.hears_only("customer")
    talk = await desk.bot.joined()
    member = await desk.member()
    expected = {
        "role": "ai-agent", "call_uuid": talk.forked.leg, "member_address": BOT, "mute": False, "hold": False,
        "coach_mode": False, "start_mpc_on_enter": True, "end_mpc_on_exit": False, "exit_cause": None,
    }  # fmt: skip
    assert {name: member[name] for name in expected} == expected
    joined = [form for form in desk.told() if form["EventName"] == "ParticipantJoin"][-1]
    assert joined["ParticipantRole"] == "ai-agent"
    assert joined["ParticipantCallUUID"] == talk.forked.leg
    assert joined["MemberAddress"] == BOT
    assert desk.events()[:3] == ["MPCInitialized", "MPCStart", "ParticipantJoin"]
    first = desk.told("/stream")[0]
    expected = {
        "Event": "StartStream", "CallUUID": talk.forked.leg, "StreamID": talk.forked.id, "bidirectional": "true",
        "ServiceURL": f"{BOT}?who=1", "contentType": "audio/x-l16;rate=8000",
    }  # fmt: skip
    assert {name: first[name] for name in expected} == expected
    live = (await desk.rest("GET", f"Call/{talk.forked.leg}/?status=live")).json()
    assert live["call_status"] == "in-progress"
    assert live["direction"] == "outbound"
    assert live["to"] == BOT
    calls = {entry.call for entry in world.entries if entry.leg in (talk.forked.leg, "") or entry.kind == "LegCreated"}
    assert len(calls - {""}) == 1  # one story in the timeline


async def test_three_hear_each_other_and_nobody_itself(world: World) -> None:
    desk = Desk(world)
    customer = await desk.runs(await world.phone("customer"), program(), human())
    agent = await desk.runs(await world.phone("agent"), human("agent"))
    await customer.hears_only("bot", "agent")
    await agent.hears_only("bot", "customer")
    await desk.bot.hears_only("customer", "agent")
    desk.bot.talks(False)
    await customer.hears_only("agent")
    await agent.hears_only("customer")


async def test_its_program_hangs_up(world: World) -> None:
    desk = Desk(world)
    on_exit = f'onExitActionUrl="{APP}/exit"'
    customer = await desk.runs(await world.phone("customer"), program(more=on_exit), human())
    agent = await desk.runs(await world.phone("agent"), human("agent"))
    await customer.hears_only("bot", "agent")
    desk.bot.hangs_up()
    await customer.hears_only("agent")
    await agent.hears_only("customer")
    await world.passes(0.2)
    member = await desk.member()
    assert member["exit_cause"] == "Participant Call Hangup"
    assert member["mute"] is None
    assert desk.left()["MemberID"] == member["member_id"]
    assert desk.events("/stream") == ["StartStream", "StopStream"]
    told = desk.told("/exit")[0]
    assert told["ParticipantRole"] == "ai-agent"
    assert told["ParticipantCallUUID"] == member["call_uuid"]
    assert told["ParticipantEndTime"] == member["exit_time"]


async def test_its_connection_breaks_and_who_is_alone_goes_on(world: World) -> None:
    desk = Desk(world)
    customer = await desk.runs(await world.phone("customer"), program(), human(), "<Wait length='9'/>")
    await customer.hears_only("bot")
    desk.bot.drops()
    await world.passes(0.5)
    assert desk.events("/stream") == ["StartStream", "DroppedStream"]
    assert desk.told("/stream")[-1]["Error"] == "connection disconnected with the remote service"
    assert any("connection disconnected" in text for text in desk.warnings())
    end = next(form for form in desk.told() if form["EventName"] == "MPCEnd")
    assert end["MPCTerminationCauseCode"] == "1010"
    assert customer.call_now is not None
    assert not customer.call_now.over


async def test_a_program_that_cannot_be_reached_never_joins(world: World) -> None:
    desk = Desk(world)
    desk.bot.refusals = 3
    customer = await desk.runs(await world.phone("customer"), program(), human())
    await world.passes(3.0)
    await customer.hears_only(MUSIC)
    assert desk.events("/stream") == ["DroppedStream"]
    assert [each["role"] for each in (await desk.api("GET", "Participant/")).json()["objects"]] == ["customer"]
    assert any("503" in text for text in desk.warnings())
    agent = await desk.runs(await world.phone("agent"), human("agent"))
    await customer.hears_only("agent")
    await agent.hears_only("customer")


async def test_it_is_tried_again_and_joins_late(world: World) -> None:
    desk = Desk(world)
    desk.bot.refusals = 2
    customer = await desk.runs(await world.phone("customer"), program(), human())
    await customer.hears_only("bot", within_s=4.0)
    assert desk.events("/stream") == ["StartStream"]


async def test_mute_and_hold(world: World) -> None:
    desk = Desk(world)
    customer = await desk.runs(await world.phone("customer"), program(), human())
    await customer.hears_only("bot")
    which = f"Participant/{(await desk.member())['member_id']}/"
    assert (await desk.api("POST", which, mute=True)).status_code == 202
    await customer.hears_only()
    await desk.bot.hears_only("customer")
    await desk.api("POST", which, mute=False, hold=True)
    await desk.bot.hears_only(MUSIC)
    await customer.hears_only()
    member = await desk.member()
    assert (member["mute"], member["hold"]) == (False, True)
    await desk.api("POST", which, hold=False)
    await customer.hears_only("bot")
    await desk.bot.hears_only("customer")
    wanted = ["ParticipantMute", "ParticipantUnmute", "ParticipantHold", "ParticipantUnhold"]
    assert [name for name in desk.events() if name in wanted] == wanted


@pytest.mark.parametrize("how", ["kick", "hang up", "stop its stream", "end of all"])
async def test_it_is_sent_away(world: World, how: str) -> None:
    desk = Desk(world)
    on_exit = f'onExitActionUrl="{APP}/exit"'
    alone = human(more="stayAlone='true'")
    customer = await desk.runs(await world.phone("customer"), program(more=on_exit), alone)
    await customer.hears_only("bot")
    member = await desk.member()
    call = f"Call/{member['call_uuid']}/"
    mpc = "MultiPartyCall/name_desk/"
    path = {"kick": f"{mpc}Participant/{member['member_id']}/", "hang up": call, "stop its stream": f"{call}Stream/"}
    assert (await desk.rest("DELETE", path.get(how, mpc))).status_code == 204
    await world.passes(0.5)
    assert desk.bot.now is None
    assert desk.events("/stream") == ["StartStream", "StopStream"]
    uuid = desk.told()[0]["MPCUUID"]
    shown = (await desk.rest("GET", f"MultiPartyCall/uuid_{uuid}/Participant/{member['member_id']}/")).json()
    cause = {"kick": "Kicked Out of Multiparty Call", "end of all": "Multiparty Call Ended"}
    assert shown["exit_cause"] == cause.get(how, "Participant Call Hangup")
    assert (await desk.rest("GET", f"{call}?status=live")).status_code == 404
    ended = [entry for entry in world.entries if entry.kind == "LegEnded" and entry.leg == member["call_uuid"]]
    reason = {"kick": "Kicked Out Of Multiparty Call", "end of all": "Multiparty Call Ended"}
    assert [str(entry.body["reason"]).startswith(reason.get(how, "")) for entry in ended] == [True]
    assert len(desk.told("/exit")) == 1
    if how != "end of all":
        await customer.hears_only(MUSIC)


async def test_checkpoints_and_clearing_are_told(world: World) -> None:
    desk = Desk(world)
    customer = await desk.runs(await world.phone("customer"), program(), human())
    await customer.hears_only("bot")
    desk.bot.has_played("greeting")
    desk.bot.has_cleared()
    desk.bot.falls_behind()
    await world.passes(0.2)
    assert desk.events("/stream") == ["StartStream", "PlayedStream", "ClearedAudio", "DegradedStream"]
    assert desk.told("/stream")[1]["Name"] == "greeting"


@pytest.mark.parametrize("relays", [True, False])
async def test_keys(world: World, relays: bool) -> None:
    """Who passes its keys on passes them to the program, too; the program's own go to all who hear it."""
    desk = Desk(world)
    more = f"relayDTMFInputs='{str(relays).lower()}'"
    customer = await desk.runs(await world.phone("customer"), program(), human(more=more))
    await customer.hears_only("bot")
    await customer.press("5")
    await world.passes(0.5)
    assert desk.bot.streams[0].keys == ("5" if relays else "")
    desk.bot.presses("1w2")
    await customer.was_pressed("12")
    await world.passes(0.2)
    pressed = [form for form in desk.told() if form["EventName"] == "ParticipantDigitInput"]
    assert [(form["ParticipantRole"], form["DigitInput"]) for form in pressed] == [
        ("customer", "5"), ("ai-agent", "1"), ("ai-agent", "2"),
    ]  # fmt: skip


async def test_a_muted_program_presses_nothing(world: World) -> None:
    desk = Desk(world)
    customer = await desk.runs(await world.phone("customer"), program(more="mute='true'"), human())
    await desk.bot.hears_only("customer")
    desk.bot.presses("1")
    await world.passes(0.5)
    assert customer.keys == ""


async def test_speak_events(world: World) -> None:
    desk = Desk(world)
    desk.bot.talks(False)
    customer = await desk.runs(await world.phone("customer"), program(), human())
    await desk.bot.hears_only("customer")
    desk.bot.talks()
    await customer.hears_only("bot")
    await world.passes(0.5)
    desk.bot.talks(False)
    await world.passes(1.0)
    spoken = [form["EventName"] for form in desk.told() if form["EventName"].startswith("ParticipantSpeak")
              and form["ParticipantRole"] == "ai-agent"]  # fmt: skip
    assert spoken == ["ParticipantSpeakStart", "ParticipantSpeakStop"]


async def test_programs_among_themselves_are_no_company(world: World) -> None:
    desk = Desk(world)
    other = world.bot("ws://bot.test/other", "other")
    customer = await desk.runs(await world.phone("customer"), program(), program("ws://bot.test/other"), human())
    await customer.hears_only("bot", "other")
    await desk.bot.hears_only("customer", "other")
    await customer.hang_up()
    await world.passes(0.5)
    assert desk.bot.now is None
    assert other.now is None
    end = next(form for form in desk.told() if form["EventName"] == "MPCEnd")
    assert end["MPCTerminationCauseCode"] == "1010"


async def test_it_waits_for_a_caller_whose_call_is_not_the_one_that_brought_it(world: World) -> None:
    desk = Desk(world)
    first = await desk.runs(await world.phone("first"), program())
    await first.ended(within_s=2.0)
    await desk.bot.hears_only(MUSIC)
    customer = await desk.runs(await world.phone("customer"), human())
    await customer.hears_only("bot")
    await desk.bot.hears_only("customer")


async def test_it_ends_the_whole_when_it_was_to(world: World) -> None:
    desk = Desk(world)
    customer = await desk.runs(await world.phone("customer"), program(more="endMpcOnExit='true'"), human())
    agent = await desk.runs(await world.phone("agent"), human("agent"))
    await agent.hears_only("bot", "customer")
    desk.bot.hangs_up()
    await customer.ended(within_s=2.0)
    await agent.ended(within_s=2.0)


async def test_it_is_handed_over_to_a_person_and_watched_meanwhile(world: World) -> None:
    """A warm hand-over: the customer on hold, program and person talk, then the program goes."""
    desk = Desk(world)
    customer = await desk.runs(await world.phone("customer"), program(), human())
    await customer.hears_only("bot")
    members = (await desk.api("GET", "Participant/")).json()["objects"]
    caller = next(each["member_id"] for each in members if each["role"] == "customer")
    await desk.api("POST", f"Participant/{caller}/", hold=True)
    agent = await desk.runs(await world.phone("agent"), human("agent"))
    await agent.hears_only("bot")
    await desk.bot.hears_only("agent")
    await customer.hears_only(MUSIC)
    await desk.api("POST", f"Participant/{caller}/", hold=False)
    await desk.api("DELETE", f"Participant/{(await desk.member())['member_id']}/")
    await customer.hears_only("agent")
    await agent.hears_only("customer")


async def test_a_supervisor_coaches_a_program(world: World) -> None:
    desk = Desk(world)
    customer = await desk.runs(await world.phone("customer"), program(), human())
    supervisor = await desk.runs(await world.phone("supervisor"), human("supervisor"))
    await supervisor.hears_only("bot", "customer")
    await desk.bot.hears_only("customer", "supervisor")
    await customer.hears_only("bot")


async def test_it_cannot_be_transferred_and_has_one_stream(world: World) -> None:
    desk = Desk(world)
    customer = await desk.runs(await world.phone("customer"), program(), human())
    await customer.hears_only("bot")
    call = f"Call/{(await desk.member())['call_uuid']}/"
    answer = await desk.rest("POST", call, legs="aleg", aleg_url=f"{APP}/customer")
    assert answer.status_code == 404
    assert (await desk.rest("POST", f"{call}Stream/", service_url=BOT)).status_code == 409
    answer = await desk.rest("POST", "MultiPartyCall/name_other/Participant/", role="agent",
                             call_uuid=(await desk.member())["call_uuid"])  # fmt: skip
    assert answer.status_code == 404
    await customer.hears_only("bot")


@pytest.mark.parametrize(
    ("attributes", "content_type", "encoding", "rate"),
    [
        ("", "audio/x-l16;rate=8000", "l16", 8_000),
        ("aiAgentStreamContentType='audio/x-mulaw;rate=8000'", "audio/x-mulaw;rate=8000", "mulaw", 8_000),
        ("aiAgentStreamContentType='audio/x-l16;rate=16000'", "audio/x-l16;rate=16000", "l16", 16_000),
        ("aiAgentStreamSamplingRate='16000'", "audio/x-l16;rate=16000", "l16", 16_000),
        ("aiAgentStreamContentType='audio/x-l16' aiAgentStreamSamplingRate='16000'", "audio/x-l16;rate=16000", "l16",
         16_000),
        ("aiAgentStreamContentType='audio/x-l16;rate=8000' aiAgentStreamSamplingRate='16000'", "audio/x-l16;rate=8000",
         "l16", 8_000),
    ],
)  # fmt: skip
async def test_its_format(world: World, attributes: str, content_type: str, encoding: str, rate: int) -> None:
    desk = Desk(world)
    more = f"{attributes} aiAgentStreamExtraHeaders='tier=gold,id=7' aiAgentStreamStatusCallbackMethod='GET'"
    customer = await desk.runs(await world.phone("customer"), program(more=more), human())
    await customer.hears_only("bot")
    forked = desk.bot.streams[0].forked
    assert (forked.encoding, forked.rate, forked.bidirectional, forked.tracks) == (encoding, rate, True, ("inbound",))
    assert dict(forked.opening)["extra_headers"] == '{"tier":"gold","id":"7"}'
    assert dict(forked.opening)["callId"] == forked.leg
    assert any(name == "X-Plivo-Signature-V3" for name, _ in forked.headers)
    await world.passes(0.2)
    assert desk.told("/stream")[0]["contentType"] == content_type
    assert next(hook for hook in world.web.hooks if hook.url.startswith(f"{APP}/stream")).method == "GET"


@pytest.mark.parametrize(
    ("element", "why"),
    [
        (program("http://bot.test/"), "aiAgentStreamServiceUrl is no ws or wss URL"),
        (program("bot.test"), "aiAgentStreamServiceUrl is no ws or wss URL"),
        (program(more="aiAgentStreamContentType='audio/opus'"), "aiAgentStreamContentType is none of"),
        (program(more="aiAgentStreamSamplingRate='44100'"), "aiAgentStreamContentType is none of"),
        (program(more=f"aiAgentStreamExtraHeaders='k={'v' * 600}'"), "aiAgentStreamExtraHeaders is longer"),
        (human(more=f"aiAgentStreamServiceUrl='{BOT}'", name="other"), "means nothing without role ai-agent"),
        (program(name=""), "no name"),
    ],
)
async def test_one_that_cannot_be_is_skipped_with_a_warning(world: World, element: str, why: str) -> None:
    desk = Desk(world)
    customer = await desk.runs(await world.phone("customer"), element, "<Wait length='30'/>")
    await world.passes(1.0)
    assert desk.bot.streams == []
    assert any(why in text for text in desk.warnings())
    assert customer.call_now is not None
    assert not customer.call_now.over


async def test_without_a_service_url_the_ai_agent_is_a_telephone(world: World) -> None:
    desk = Desk(world)
    customer = await desk.runs(await world.phone("customer"), human())
    robot = await desk.runs(await world.phone("robot"), human("AI-Agent"))
    await customer.hears_only("robot")
    await robot.hears_only("customer")
    assert (await desk.member())["member_address"] != BOT


async def test_a_full_call_takes_no_program(world: World) -> None:
    desk = Desk(world)
    await desk.runs(await world.phone("customer"), human(more="maxParticipants='2'"))
    agent = await desk.runs(await world.phone("agent"), human("agent"))
    await agent.hears_only("customer")
    third = await desk.runs(await world.phone("third"), program(), "<Wait length='30'/>")
    await world.passes(0.5)
    assert desk.bot.streams == []
    assert any("the room" in text for text in desk.warnings())
    assert third.call_now is not None
    assert not third.call_now.over


async def test_a_password_in_its_url_goes_to_it_and_into_no_journal(world: World) -> None:
    desk = Desk(world)
    customer = await desk.runs(await world.phone("customer"), program("ws://me:s3cret@bot.test/agent"), human())
    await customer.hears_only("bot")
    assert ("Authorization", "Basic bWU6czNjcmV0") in desk.bot.streams[0].forked.headers
    written = str([(entry.kind, entry.body) for entry in world.entries if entry.kind != "Webhook"])
    assert "bWU6czNjcmV0" not in written
    assert "me:s3cret" not in written
    assert (await desk.member())["member_address"] == BOT
