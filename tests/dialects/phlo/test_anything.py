"""Anything may happen at any moment: generated stories of telephones and requests on a live multi-party call.

Whatever was asked gets one of the statuses that every SDK understands, every transfer is said to be over exactly once,
and when the last telephone is down nothing is left, neither in the switch nor in the memory of the flows.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from switchhook.core.outcomes import Outcome
from switchhook.lab.stage import Line
from switchhook.lab.virtual_time import in_virtual_time
from tests.dialects.phlo.common import CUSTOMER, NODE, NUMBER, Cast, node, party_flow, phlo_stage

PEOPLE = (CUSTOMER, "1001", "1002", "1003")
MEMBER = ("hold", "unhold", "mute", "unmute", "hangup", "abort_transfer", "resume_call", "voicemail_drop")
STATUSES = {200, 201, 400, 404}

OPENINGS: dict[str, tuple[tuple[object, ...], ...]] = {
    "the customer waits": (),
    "they talk": (("act", "call", CUSTOMER, "1001"), ("answers", "1001")),
    "the target rings": (
        ("act", "call", CUSTOMER, "1001"),
        ("answers", "1001"),
        ("act", "warm_transfer", "1001", "1002"),
        ("passes", 0.2),
    ),
    "they consult": (
        ("act", "call", CUSTOMER, "1001"),
        ("answers", "1001"),
        ("act", "warm_transfer", "1001", "1002"),
        ("answers", "1002"),
        ("passes", 31.0),
        ("presses", "1002"),
    ),
    "the agent has gone": (
        ("act", "call", CUSTOMER, "1001"),
        ("answers", "1001"),
        ("act", "cold_transfer", "1001", "1002"),
        ("passes", 0.2),
    ),
}

person = st.sampled_from(PEOPLE)
agent = st.sampled_from(("1001", "1001", "1002", CUSTOMER))
target = st.sampled_from(("1002", "1002", "1003", "1001", CUSTOMER))
happening = st.one_of(
    st.tuples(st.just("act"), st.sampled_from(("call", "warm_transfer", "cold_transfer")), agent, target),
    st.tuples(st.just("member"), st.sampled_from(MEMBER), person),
    st.tuples(st.sampled_from(("answers", "rejects", "hangs up", "holds", "presses")), person),
    st.tuples(st.just("passes"), st.sampled_from((0.0, 0.2, 5.0, 31.0))),
    st.tuples(st.just("calls in"), st.just(CUSTOMER)),
)
model = st.fixed_dictionaries(
    {
        "to": st.sampled_from(("1001", "1001,1003", "")),
        "cold_release": st.sampled_from(("immediate", "on_answer")),
        "fallback": st.sampled_from(("", "recall", "next:1003", "voicemail:1003", "announce:Bye.", "park")),
        "brief": st.sampled_from(("", "A call.")),
        "accept_digit": st.sampled_from(("", "1")),
        "hold_audience": st.sampled_from(("held", "others", "both")),
    }
)


def live(cast: Cast, name: str) -> list[Line]:
    return [line for line in cast.stage.phone(name).lines if line.over is None]


async def happens(cast: Cast, what: tuple[object, ...]) -> None:
    match what:
        case ("act", str(action), str(trigger), str(to)):
            assert (await cast.act(action, to=to, trigger=trigger)).status_code in STATUSES
        case ("member", str(action), str(name)):
            assert (await cast.member(name, action)).status_code in STATUSES
        case ("answers", str(name)):
            for line in live(cast, name):
                if not line.up and line.invitation is not None:
                    line.answers()
        case ("rejects", str(name)):
            for line in live(cast, name):
                if not line.up and line.invitation is not None:
                    line.rejects(Outcome.REJECTED, 603)
        case ("hangs up", str(name)):
            for line in live(cast, name)[:1]:
                if line.up or line.invitation is None:
                    line.hangs_up()
        case ("holds", str(name)):
            for line in live(cast, name):
                if line.up:
                    line.holds()
        case ("presses", str(name)):
            for line in live(cast, name):
                if line.up:
                    line.presses("1")
        case ("passes", float(seconds)):
            await cast.stage.passes(seconds)
        case ("calls in", str(name)):
            if len(live(cast, name)) < 2:
                cast.stage.phone(name).calls(NUMBER)
    await cast.stage.settled()


async def everybody_leaves(cast: Cast) -> None:
    """Puts down every telephone until none rings or talks any more; a recall or a next target may ring again."""
    for _ in range(20):
        lines = [line for name in (*PEOPLE, "1004") for line in live(cast, name)]
        if not lines:
            break
        for line in lines:
            if line.over is not None:
                continue
            if line.up or line.invitation is None:
                line.hangs_up()
            else:
                line.rejects(Outcome.BUSY, 486)
        await cast.stage.passes(1)
    await cast.stage.passes(60)


@pytest.mark.slow
@given(model, st.booleans(), st.sampled_from(sorted(OPENINGS)), st.lists(happening, min_size=1, max_size=25))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_anything(
    given_model: dict[str, object], failed_line: bool, opening: str, story: list[tuple[object, ...]]
) -> None:
    @in_virtual_time
    async def play() -> None:
        forward = node("n-fwd", "Overflow", "call_forward", **{"from": NUMBER, "to": "1004"})
        lines = ((f"{NODE}.failed", "n-fwd"),) if failed_line else ()
        more = (forward,) if failed_line else ()
        definition = party_flow(*more, lines=lines, voicemail_drop_prompt="Bye.", **given_model)
        async with phlo_stage(definition) as cast:
            await cast.call_in()
            for what in (*OPENINGS[opening], *story):
                await happens(cast, what)
            await everybody_leaves(cast)
            assert cast.stage.nothing_left(), cast.stage.exchange.state
            starts = cast.events.count("TransferStarted")
            ends = sum(cast.events.count(f"Transfer{how}") for how in ("Completed", "Failed", "Aborted"))
            assert starts == ends
            joined, left = cast.events.count("MemberJoined"), cast.events.count("MemberLeft")
            assert joined == left
            walker = cast.stage.dialects["phlo"].walker
            assert all(run.ended_at is not None for run in walker.runs.values())
            assert not any(call.shown for run in walker.runs.values() for call in run.calls.values())
            assert walker.holds_nothing()

    play()
