"""Whatever happens in whatever order, what is told stays true: generated stories over all that a caller can do.

Checked at the end of each: every call told its end exactly once; every B of a Dial told `answer` once before anything
else of it, and `hangup` once at most and last; every member of a conference `exit` after `enter`; nothing is left.
"""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from switchhook.core.outcomes import Outcome
from switchhook.lab.stage import Line, Stage
from switchhook.lab.virtual_time import run
from tests.dialects.plivo.common import APP, NUMBER, SIP, World, document, stage

PHONES = ("1001", "1002", "1003")
PAGES = {
    "/dial": f'<Dial callbackUrl="{APP}/cb" action="{APP}/after" timeout="8" hangupOnStar="true">'
    f"<User>sip:1001@{SIP}</User><User>sip:1002@{SIP}</User></Dial>",
    "/dial2": f'<Dial callbackUrl="{APP}/cb" action="{APP}/told" redirect="false"><User>sip:1003@{SIP}</User></Dial>'
    "<Speak>nobody took the call</Speak>",
    "/room": f'<Conference callbackUrl="{APP}/conf" hangupOnStar="true">room</Conference><Speak>you left</Speak>',
    "/lead": f'<Conference callbackUrl="{APP}/conf" endConferenceOnExit="true">room</Conference>',
    "/talk": "<Speak loop='0'>talk</Speak>",
    "/bye": "<Hangup/>",
    "/after": "<Speak>after the call</Speak>",
    "/on": f"<Wait length='1'/><Redirect>{APP}/room</Redirect>",
}
STARTS = ("/dial", "/dial2", "/room", "/lead", "/talk", "/on")

STEPS = st.one_of(
    st.tuples(st.just("calls"), st.sampled_from(STARTS)),
    st.tuples(st.just("rings out"), st.sampled_from(STARTS)),
    st.tuples(st.sampled_from(["answers", "rejects", "hangs up", "star", "deletes"]), st.integers(0, 7)),
    st.tuples(
        st.sampled_from(["aleg", "bleg", "both"]), st.integers(0, 7), st.sampled_from(sorted(PAGES)), st.booleans()
    ),
    st.tuples(st.just("waits"), st.sampled_from([0.3, 2.0, 9.0])),
)


class Any:
    """Carries out generated steps; one that makes no sense at the moment is passed over."""

    def __init__(self, on: Stage) -> None:
        self.on, self.world, self.count = on, World(on), 0
        for path, text in PAGES.items():
            on.web.on(f"{APP}{path}", document(text))
        on.web.on(f"{APP}/told", "")

    @property
    def lines(self) -> list[Line]:
        return [line for line in self.on.signalling.lines.values() if line.over is None]

    def pick(self, at: int) -> Line | None:
        return self.lines[at % len(self.lines)] if self.lines else None

    async def step(self, step: tuple[object, ...]) -> None:
        what = step[0]
        if what == "calls":
            self.on.web.on(f"{APP}/answer", document(PAGES[str(step[1])]))
            self.count += 1
            self.on.phone(f"+1415555{self.count:04d}").calls(NUMBER)
        elif what == "rings out":
            body = {
                "from": "1",
                "to": f"sip:1003@{SIP}",
                "answer_url": f"{APP}{step[1]}",
                "hangup_url": f"{APP}/hangup",
            }
            await self.world.api("POST", "Call/", body, headers={"X-Request-Id": str(self.on.now)})
        elif what == "waits":
            await self.on.passes(float(str(step[1])))
            return
        else:
            line = self.pick(int(str(step[1])))
            if line is not None:
                await self.of_line(line, step)
        await self.on.settled()

    async def of_line(self, line: Line, step: tuple[object, ...]) -> None:
        what = step[0]
        outbound_rings = line.invitation is not None and not line.up
        if what == "answers" and outbound_rings:
            line.answers()
        elif what == "rejects" and outbound_rings:
            line.rejects(Outcome.BUSY)
        elif what == "hangs up" and not outbound_rings:
            line.hangs_up()
        elif what == "star" and line.up:
            line.presses("*")
        elif what == "deletes":
            assert (await self.world.api("DELETE", f"Call/{line.leg}/")).status_code == 204
        elif what in ("aleg", "bleg", "both"):
            url = f"{APP}{step[2]}"
            body = {"legs": what, "aleg_url": url, "bleg_url": url}
            answer = await self.world.api("POST", f"Call/{line.leg}/", body, headers={"X-Request-Id": str(self.on.now)})
            assert answer.status_code in (202, 404)
            if step[3]:  # another one overtakes it while its document is fetched
                await self.world.api("POST", f"Call/{line.leg}/", {"aleg_url": f"{APP}/room"})

    def judge(self) -> None:
        hooks = [(hook.path, hook.form) for hook in self.on.web.hooks]
        ends = Counter(form["CallUUID"] for path, form in hooks if path == "/hangup")
        started = {form["CallUUID"] for _, form in hooks if form.get("Event") == "StartApp"}
        assert all(count == 1 for count in ends.values())
        assert started <= set(ends)
        branches: dict[tuple[str, str], list[str]] = {}
        members: dict[tuple[str, str], list[str]] = {}
        for path, form in hooks:
            if path == "/cb":
                branches.setdefault((form["CallUUID"], form["DialBLegUUID"]), []).append(form["DialAction"])
            elif path == "/conf":
                key = (form["CallUUID"], form["ConferenceMemberID"])
                members.setdefault(key, []).append(form["ConferenceAction"])
        for told in branches.values():
            assert told in (
                ["answer"],
                ["answer", "connected"],
                ["answer", "hangup"],
                ["answer", "connected", "hangup"],
            )
        for told in members.values():
            assert told == ["enter", "exit"]
        assert self.on.nothing_left()
        plivo = self.on.dialects["plivo"]
        assert plivo.watch.empty
        assert plivo.sessions == {}
        assert plivo.endings == {}


@pytest.mark.slow
@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(STEPS, min_size=1, max_size=25), delay_s=st.sampled_from([0.0, 0.2]))
def test_what_is_told_is_true(steps: list[tuple[object, ...]], delay_s: float) -> None:
    async def story() -> None:
        async with stage() as on:
            story = Any(on)
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
            await on.passes(60)
            story.judge()

    run(story())
