"""Whatever happens in whatever order, what is told of Multi-Party Calls stays true: generated stories.

After each step the book of this dialect and the rooms of the core agree on who is in, muted, held and coaching. At the
end: each call told MPCInitialized first, MPCEnd once and last; each member ParticipantJoin before anything else of it
and ParticipantExit once and last; sequence numbers rise; each request told how it came out once; nothing is left.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from switchhook.core import events as e
from switchhook.core.model import RoomKind
from switchhook.core.outcomes import Outcome
from switchhook.lab.stage import Line, Stage
from switchhook.lab.virtual_time import run
from tests.dialects.plivo.common import APP, NUMBER, World, document, stage
from tests.dialects.plivo.mpc.common import ALL, STATUS

NAMES = ("one", "two")
BOT = "ws://bot.example.com/agent"
TOLD = f'statusCallbackUrl="{STATUS}" statusCallbackMethod="POST" statusCallbackEvents="{ALL}"'
SEATS = (
    "role='customer'",
    "role='agent'",
    "role='supervisor'",
    "role='supervisor' coachMode='false'",
    "role='agent' endMpcOnExit='true'",
    "role='customer' startMpcOnEnter='false' stayAlone='true'",
    f"role='customer' onExitActionUrl='{APP}/exit' hold='true'",
    f"role='agent' enterSound='{APP}/sound' waitMusicUrl='{APP}/sound' record='true'",
    f"role='ai-agent' aiAgentStreamServiceUrl='{BOT}' relayDTMFInputs='true'",
    f"role='ai-agent' aiAgentStreamServiceUrl='{BOT}' endMpcOnExit='true' onExitActionUrl='{APP}/exit'",
)
ARGUMENTS: tuple[dict[str, object], ...] = (
    {"role": "agent"},
    {"role": "agent", "to": "1001<1002", "delay_dial": "0<5"},
    {"role": "customer", "stay_alone": True, "create_mpc_with_single_participant": False},
    {"role": "supervisor", "mute": True, "confirm_key": "1"},
    {"role": "agent", "enter_sound": f"{APP}/sound", "dial_music": f"{APP}/sound", "end_mpc_on_exit": True},
    {"role": "agent", "on_exit_action_url": f"{APP}/exit", "record": True, "ring_timeout": 8},
)
AT = st.integers(0, 7)
PHONES = ("1001", "1002", "1003")
WHO = ("1", "2", "3", "all")
STEPS = st.one_of(
    st.tuples(st.just("comes"), st.sampled_from(NAMES), st.sampled_from(SEATS), st.booleans()),
    st.tuples(st.just("adds"), st.sampled_from(NAMES), st.sampled_from(ARGUMENTS), st.sampled_from(PHONES)),
    st.tuples(st.just("pulls"), st.sampled_from(NAMES), AT, st.sampled_from(ARGUMENTS)),
    st.tuples(st.sampled_from(["answers", "rejects", "hangs up", "presses", "talks", "deletes", "moves"]), AT),
    st.tuples(
        st.sampled_from(["mute", "hold", "coach_mode"]), st.sampled_from(NAMES), st.sampled_from(WHO), st.booleans()
    ),
    st.tuples(st.just("kicks"), st.sampled_from(NAMES), st.sampled_from(["1", "2", "all"])),
    st.tuples(st.sampled_from(["starts", "ends", "records", "stops"]), st.sampled_from(NAMES)),
    st.tuples(st.just("waits"), st.sampled_from([0.3, 3.0, 12.0])),
    st.tuples(st.just("program"), AT, st.sampled_from(["connects", "closes", "breaks", "presses", "plays"])),
)  # fmt: skip


BEGUN: tuple[tuple[object, ...], ...] = (  # somebody talks already
    ("comes", "one", SEATS[0], True),
    ("adds", "one", ARGUMENTS[0], "1003"),
    ("waits", 0.3),
    ("answers", 1),
    ("comes", "two", SEATS[5], False),
    ("comes", "one", SEATS[8], True),
    ("program", 0, "connects"),
    ("comes", "two", SEATS[9], False),
)


class Anything:
    """Carries out generated steps; one that makes no sense at the moment is refused, and changes nothing."""

    def __init__(self, on: Stage) -> None:
        self.on, self.world, self.count = on, World(on), 0
        for path in ("/mpc", "/rec"):
            on.web.on(f"{APP}{path}", "")
        on.web.on(f"{APP}/exit", document("<Speak>bye</Speak>"))
        on.web.on(f"{APP}/away", document("<Wait length='5'/>"))
        on.web.on(f"{APP}/sound", document("<Speak>sound</Speak>"))

    @property
    def lines(self) -> list[Line]:
        return [line for line in self.on.signalling.lines.values() if line.over is None]

    async def step(self, step: tuple[object, ...]) -> None:
        what, rest = str(step[0]), step[1:]
        match what:
            case "comes":
                name, seat, more = rest
                after = "<Wait length='4'/>" if more else ""
                self.on.web.on(
                    f"{APP}/answer", document(f"<MultiPartyCall {seat} {TOLD}>{name}</MultiPartyCall>", after)
                )
                self.count += 1
                self.on.phone(f"+1415555{self.count:04d}").calls(NUMBER)
            case "adds":
                name, arguments, to = rest
                assert isinstance(arguments, dict)
                await self.ask("POST", f"{name}/Participant/", {"from": "1000", "to": to, **self.told, **arguments})
            case "pulls":
                name, at, arguments = rest
                assert isinstance(arguments, dict)
                if self.lines:
                    line = self.lines[int(str(at)) % len(self.lines)]
                    given = {key: value for key, value in arguments.items() if key != "to"}
                    await self.ask("POST", f"{name}/Participant/", {"call_uuid": line.leg, **self.told, **given})
            case "mute" | "hold" | "coach_mode":
                await self.ask("POST", f"{rest[0]}/Participant/{rest[1]}/", {what: rest[2]})
            case "kicks":
                await self.ask("DELETE", f"{rest[0]}/Participant/{rest[1]}/")
            case "starts":
                await self.ask("POST", f"{rest[0]}/", {"status": "active"})
            case "ends":
                await self.ask("DELETE", f"{rest[0]}/")
            case "records":
                await self.ask("POST", f"{rest[0]}/Record/", {"recording_callback_url": f"{APP}/rec"})
            case "stops":
                await self.ask("DELETE", f"{rest[0]}/Record/")
            case "waits":
                await self.on.passes(float(str(rest[0])))
            case "program":
                self.of_program(int(str(rest[0])), str(rest[1]))
            case _:
                await self.of_line(what, int(str(rest[0])))
        await self.on.settled()
        self.agrees()

    @property
    def told(self) -> dict[str, object]:
        return {"status_callback_url": STATUS, "status_callback_method": "POST", "status_callback_events": ALL}

    async def ask(self, method: str, path: str, body: dict[str, object] | None = None) -> None:
        self.count += 1
        found = await self.world.api(
            method, f"MultiPartyCall/name_{path}", body, headers={"X-Request-Id": str(self.count)}
        )
        assert found.status_code in (201, 202, 204, 400, 404, 409), found.text
        assert "internal error" not in found.text, found.text

    def of_program(self, at: int, what: str) -> None:
        """One of the programs at the end of a WebSocket, or on the way there, does something."""
        forks = list(self.on.media.forks)
        if not forks:
            return
        stream = forks[at % len(forks)]
        connected = self.on.exchange.state.streams[stream].connected
        match what:
            case "connects":
                self.on.exchange.tell(e.StreamConnected(stream))
            case "closes" | "breaks":
                self.on.exchange.tell(e.StreamOver(stream, "gone" if what == "breaks" else ""))
            case "presses" if connected:
                self.on.exchange.tell(e.StreamPressed(stream, "1w#"))
            case "plays" if connected:
                self.on.exchange.tell(e.StreamTold(stream, "played", "greeting"))

    async def of_line(self, what: str, at: int) -> None:
        if not self.lines:
            return
        line = self.lines[at % len(self.lines)]
        rings = line.invitation is not None and not line.up
        if what == "answers" and rings:
            line.answers()
        elif what == "rejects" and rings:
            line.rejects(Outcome.BUSY)
        elif what == "hangs up" and not rings:
            line.hangs_up()
        elif what == "presses" and line.up:
            line.presses("1")
        elif what == "talks" and line.up:
            line.talks()
        elif what == "deletes":
            await self.world.api("DELETE", f"Call/{line.leg}/")
        elif what == "moves" and line.up:
            await self.world.api("POST", f"Call/{line.leg}/", {"aleg_url": f"{APP}/away"})

    def agrees(self) -> None:
        book = self.on.dialects["plivo"].mpc
        rooms = {room.id: room for room in self.on.exchange.state.rooms.values() if room.plan.kind is RoomKind.PARTY}
        live = {party.room: party for party in book.every() if party.ended_at is None and party.room is not None}
        assert {room for room in rooms if rooms[room].members} <= set(live)
        for room, party in live.items():
            members = rooms[room].members
            assert [each.leg for each in party.inside] == list(members)
            assert (party.started_at is not None) == rooms[room].started
            for each in party.inside:
                member = members[each.leg]
                assert (each.mute, each.hold, each.coach) == (member.muted, member.held, member.whispers)

    def judge(self) -> None:
        assert self.on.nothing_left()
        plivo = self.on.dialects["plivo"]
        assert plivo.sessions == plivo.endings == {}
        assert plivo.mpc.empty
        by_party: dict[str, list[dict[str, str]]] = {}
        for form in self.world.hooks("/mpc"):
            by_party.setdefault(form["MPCUUID"], []).append(form)
        for told in by_party.values():
            names = [form["EventName"] for form in told]
            assert names.count("MPCEnd") == 1
            assert names[-1] == "MPCEnd" or set(names[names.index("MPCEnd") :]) <= {
                "MPCEnd",
                "AddParticipantByAPIActionCompleted",
            }
            assert names.count("MPCInitialized") == 1
            numbers = [int(form["SequenceNumber"]) for form in told]
            assert numbers == sorted(set(numbers))
            members: dict[str, list[str]] = {}
            requests: dict[str, list[str]] = {}
            for form in told:
                if form["EventName"].startswith("Participant"):
                    members.setdefault(form["MemberID"], []).append(form["EventName"])
                elif form["RequestUUID"]:
                    word = form["EventName"].removeprefix("AddParticipantByAPIAction")
                    requests.setdefault(form["RequestUUID"], []).append(word)
            for events in members.values():
                assert (events[0], events[-1]) == ("ParticipantJoin", "ParticipantExit"), events
                assert events.count("ParticipantJoin") == events.count("ParticipantExit") == 1
            for events in requests.values():
                assert sorted(events) == ["Completed", "Initiated"] * (len(events) // 2) or events[-1] == "Completed"


@pytest.mark.slow
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(STEPS, min_size=8, max_size=25), delay_s=st.sampled_from([0.0, 0.2]))
def test_what_is_told_is_true(steps: list[tuple[object, ...]], delay_s: float) -> None:
    async def story() -> None:
        async with stage() as on:
            story = Anything(on)
            for step in BEGUN:
                await story.step(step)
            on.web.delay_s = delay_s
            for step in steps:
                await story.step(step)
            while story.lines:
                line = story.lines[0]
                if line.invitation is not None and not line.up:
                    line.rejects(Outcome.BUSY)
                else:
                    line.hangs_up()
                await on.settled()
            while on.media.forks:
                story.of_program(0, "closes")
                await on.settled()
            await on.passes(60)
            story.judge()

    run(story())
