"""Whatever a caller does while it is asked, recorded or listened to, nothing of that outlives its element.

Generated stories as in `test_any_order`, over the elements that listen: menus, words, recordings in the foreground and
beside the document, early audio, waiting for silence. Checked at the end: no recording runs, nobody is listened to, no
key is hidden, no file is waited for; each file is told once, each Record has at most one action.
"""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from switchhook.exchange.recognising import Recognised
from switchhook.lab.stage import Line, Stage
from switchhook.lab.virtual_time import run
from tests.dialects.plivo.common import APP, NUMBER, SIP, World, document, stage
from tests.dialects.plivo.test_get_input import Ear

MENU = (
    f'<GetDigits action="{APP}/menu" retries="2" numDigits="2" log="false" playBeep="true">'
    "<Speak>one</Speak></GetDigits>"
)
WORDS = (
    f'<GetInput action="{APP}/words" inputType="dtmf speech" retries="2" executionTimeout="6">'
    "<Speak>say</Speak></GetInput>"
)
RECORD = f'<Record action="{APP}/done" callbackUrl="{APP}/file" timeout="3" maxLength="10"/>'
SESSION = f'<Record recordSession="true" redirect="false" callbackUrl="{APP}/file" maxLength="30"/>'
ON_DIAL = f'<Record startOnDialAnswer="true" callbackUrl="{APP}/file"/>'
DIAL = f'<Dial dialMusic="real" timeout="4"><User sendDigits="1" sendOnPreanswer="true">sip:1001@{SIP}</User></Dial>'
QUIET = '<Wait length="5" silence="true" minSilence="1000"/>'
PAGES = {
    "/menu": MENU + RECORD,
    "/words": WORDS + QUIET,
    "/record": RECORD + MENU,
    "/session": SESSION + MENU + SESSION + QUIET,
    "/dialled": ON_DIAL + DIAL + WORDS,
    "/early": f"<PreAnswer><Speak loop='0'>hi</Speak>{MENU}</PreAnswer>{QUIET}{RECORD}",
    "/menu in early audio": f"<PreAnswer>{MENU}<Wait length='40'/></PreAnswer><DTMF async='false'>12</DTMF>{WORDS}",
    "/done": "<Speak>thanks</Speak>" + QUIET,
}
PATHS = sorted(PAGES)

STEPS = st.one_of(
    st.tuples(st.just("calls"), st.sampled_from(PATHS)),
    st.tuples(st.sampled_from(["talks", "stops", "answers", "hangs up", "1", "#", "9", "12#", "*"]), st.integers(0, 3)),
    st.tuples(st.just("aleg"), st.integers(0, 3), st.sampled_from(PATHS)),
    st.tuples(st.just("waits"), st.sampled_from([0.1, 0.4, 1.0, 3.0, 7.0, 31.0])),
)


async def step(on: Stage, world: World, what: tuple[object, ...], count: int) -> None:
    """Carries out one step; one that makes no sense at the moment is passed over."""
    if what[0] == "calls":
        on.web.on(f"{APP}/answer", document(PAGES[str(what[1])]))
        on.phone(f"+1415555{count:04d}").calls(NUMBER)
    elif what[0] == "waits":
        await on.passes(float(str(what[1])))
    else:
        lines = [line for line in on.signalling.lines.values() if line.over is None]
        if lines:
            await of_line(world, lines[int(str(what[1])) % len(lines)], what)
    await on.settled()


async def of_line(world: World, line: Line, what: tuple[object, ...]) -> None:
    rings = line.invitation is not None and not line.up
    match what[0]:
        case "talks" | "stops":
            line.talks(what[0] == "talks")
        case "answers":
            if rings:
                line.answers()
        case "hangs up":
            if not rings:
                line.hangs_up()
        case "aleg":
            await world.api("POST", f"Call/{line.leg}/", {"aleg_url": f"{APP}{what[2]}"})
        case keys:
            line.presses(str(keys))


def judge(on: Stage) -> None:
    plivo = on.dialects["plivo"]
    assert on.media.recordings == ()
    assert plivo.tapes.empty
    assert not on.exchange._veiled
    assert on.nothing_left()
    assert plivo.sessions == {}
    hooks = [(hook.path, hook.form) for hook in on.web.hooks]
    for path in ("/file", "/done"):
        told = Counter(form["RecordingID"] for at, form in hooks if at == path and "RecordingID" in form)
        assert all(count == 1 for count in told.values()), path
    ends = Counter(form["CallUUID"] for path, form in hooks if path == "/hangup")
    assert all(count == 1 for count in ends.values())


@pytest.mark.slow
@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(STEPS, min_size=1, max_size=20), delay_s=st.sampled_from([0.0, 0.2]))
def test_nothing_outlives_its_element(steps: list[tuple[object, ...]], delay_s: float) -> None:
    async def story() -> None:
        async with stage() as on:
            world = World(on)
            world.page("/file")
            for path, text in PAGES.items():
                on.web.on(f"{APP}{path}", document(text))
            on.web.delay_s = delay_s
            on.dialects["plivo"].recogniser = Ear(*[Recognised("yes", 0.5), Recognised("")] * 50)
            for count, what in enumerate([("calls", PATHS[len(steps) % len(PATHS)]), *steps]):
                await step(on, world, what, count)
            for line in list(on.signalling.lines.values()):
                if line.over is None and (line.invitation is None or line.up):
                    line.hangs_up()
            await on.passes(10)
            judge(on)

    run(story())
