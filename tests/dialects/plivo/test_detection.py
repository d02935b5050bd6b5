"""Machine detection: who answered, before the answer URL or beside it."""

from __future__ import annotations

from typing import Any

import pytest

from switchhook.lab.stage import Line, Stage
from switchhook.lab.virtual_time import in_virtual_time, run
from tests.dialects.plivo.common import APP, NUMBER, SIP, World, stage

CALL = {
    "from": NUMBER,
    "to": f"sip:1001@{SIP}",
    "answer_url": f"{APP}/answer",
    "hangup_url": f"{APP}/hangup",
    "machine_detection": "true",
}


async def answered(on: Stage, **more: Any) -> tuple[World, Line]:
    world = World(on)
    world.page("/answer", "<Wait length='60'/>")
    on.web.on(f"{APP}/machine", "")
    made = await world.api("POST", "Call/", {**CALL, **more})
    assert made.status_code == 201, made.text
    line = await on.phone("1001").rings()
    line.answers()
    await on.settled()
    return world, line


async def greets(on: Stage, line: Line, *times: float) -> None:
    """Says something: silence, talk, silence, talk ... for so many seconds each."""
    for index, seconds in enumerate(times):
        line.talks(index % 2 == 1)
        await on.passes(seconds)
    if line.over is None:
        line.talks(False)


@in_virtual_time
async def test_a_person_says_hello_and_the_answer_url_is_told() -> None:
    async with stage() as on:
        world, line = await answered(on)
        assert world.hooks("/answer") == []
        await greets(on, line, 0.3, 0.6)
        await on.passes(0.7)
        assert world.hooks("/answer") == []
        assert line.hears == set()
        await on.passes(0.5)
        sent = world.one("/answer")
        assert (sent["Machine"], sent["Event"], sent["CallStatus"]) == ("false", "StartApp", "in-progress")
        line.hangs_up()
        await on.settled()
        assert world.one("/hangup")["Machine"] == "false"


@pytest.mark.parametrize("mode", ["true", "TRUE", True])
def test_a_machine_talks_on_and_the_answer_url_is_told(mode: object) -> None:
    async def story() -> None:
        async with stage() as on:
            world, line = await answered(on, machine_detection=mode)
            await greets(on, line, 0.3, 2.0)
            assert world.one("/answer")["Machine"] == "true"
            assert line.over is None
            assert on.exchange.state.legs[line.leg].listeners == ()

    run(story())


@in_virtual_time
async def test_a_machine_is_hung_up_without_asking_the_answer_url() -> None:
    async with stage() as on:
        world, line = await answered(on, machine_detection="hangup")
        await greets(on, line, 0.3, 2.0)
        assert line.over is not None
        assert world.hooks("/answer") == []
        sent = world.one("/hangup")
        assert (sent["HangupCauseCode"], sent["HangupCauseName"]) == ("9100", "Machine Detected")
        assert (sent["Machine"], sent["HangupSource"], sent["CallStatus"]) == ("true", "Plivo", "completed")
        assert on.nothing_left()


@in_virtual_time
async def test_a_person_is_not_hung_up() -> None:
    async with stage() as on:
        world, line = await answered(on, machine_detection="hangup")
        await greets(on, line, 0.3, 0.6, 1.0)
        assert line.over is None
        assert world.one("/answer")["Machine"] == "false"


@in_virtual_time
async def test_silence_is_a_machine_and_who_cannot_be_told_a_person() -> None:
    async with stage() as on:
        world, _ = await answered(on)
        await on.passes(4.4)
        assert world.hooks("/answer") == []
        await on.passes(0.2)
        assert world.one("/answer")["Machine"] == "true"
    async with stage() as on:
        world, line = await answered(on, machine_detection_initial_silence=10000, machine_detection_time="3000")
        await on.passes(2.9)
        assert world.hooks("/answer") == []
        await on.passes(0.2)
        assert world.one("/answer")["Machine"] == "false"
        assert line.over is None


@pytest.mark.parametrize(
    ("name", "value", "times", "machine"),
    [
        ("machine_detection_initial_greeting", 3000, (0.3, 2.0, 1.5), "false"),
        ("machine_detection_maximum_speech_length", 1000, (0.3, 1.2, 1.5), "true"),
        ("machine_detection_maximum_words", 2, (0.3, 0.3, 0.6, 0.3, 0.6, 0.3, 1.5), "true"),
        ("machine_detection_initial_silence", 2000, (2.2, 0.3, 1.5), "true"),
    ],
)
def test_thresholds(name: str, value: int, times: tuple[float, ...], machine: str) -> None:
    async def story(more: dict[str, Any]) -> str:
        async with stage() as on:
            world, line = await answered(on, **more)
            await greets(on, line, *times)
            await on.passes(5.0)
            return world.one("/answer")["Machine"]

    assert run(story({name: value})) == machine
    assert run(story({})) != machine  # the threshold made the difference


# --- beside the call ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("times", "machine"), [((0.3, 2.0), "true"), ((0.3, 0.5, 1.0), "false")])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_with_a_url_the_call_goes_on_at_once_and_the_verdict_is_posted(
    times: tuple[float, ...], machine: str, method: str
) -> None:
    async def story() -> None:
        async with stage() as on:
            where = {"machine_detection_url": f"{APP}/machine", "machine_detection_method": method}
            world, line = await answered(on, **where)
            assert "Machine" not in world.one("/answer")
            await greets(on, line, *times)
            await on.settled()
            hook = on.web.to(f"{APP}/machine")
            assert [each.method for each in hook] == [method]
            sent = world.one("/machine")
            expected = {"Event": "MachineDetection", "Machine": machine, "IfMachine": "continue"}
            expected |= {"CallStatus": "in-progress", "Direction": "outbound", "CallUUID": line.leg}
            expected |= {"RequestUUID": line.leg, "ALegUUID": line.leg, "ALegRequestUUID": line.leg}
            assert {name: sent[name] for name in expected} == expected
            assert sent["To"] == f"sip:1001@{SIP}"
            assert line.over is None

    run(story())


@in_virtual_time
async def test_beside_the_call_a_machine_is_hung_up_too_after_it_was_told() -> None:
    async with stage() as on:
        world, line = await answered(on, machine_detection="hangup", machine_detection_url=f"{APP}/machine")
        await greets(on, line, 0.3, 2.0)
        assert line.over is not None
        assert world.told("/machine", "Machine", "IfMachine") == [("true", "hangup")]
        assert world.told("/hangup", "HangupCauseCode", "Machine") == [("9100", "true")]
        assert world.paths() == ["/answer", "/machine", "/hangup"]


# --- what ends it ---------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_who_hangs_up_before_the_verdict_is_asked_nothing() -> None:
    async with stage() as on:
        world, line = await answered(on)
        await on.passes(1.0)
        line.hangs_up()
        await on.passes(10.0)
        assert world.paths() == ["/hangup"]
        assert "Machine" not in world.one("/hangup")
        assert on.nothing_left()


@in_virtual_time
async def test_a_transfer_before_the_verdict_goes_on_with_its_own_document() -> None:
    async with stage() as on:
        world, line = await answered(on)
        url = world.page("/moved", "<Wait length='30'/>")
        assert (await world.transfer(line, legs="aleg", aleg_url=url)).status_code == 202
        await on.passes(10.0)
        assert world.paths() == ["/moved"]
        assert line.over is None
        assert on.exchange.state.legs[line.leg].listeners == ()


@in_virtual_time
async def test_without_detection_nobody_listens() -> None:
    async with stage() as on:
        world, line = await answered(on, machine_detection="false", machine_detection_time=5000)
        assert "Machine" not in world.one("/answer")
        assert on.exchange.state.legs[line.leg].listeners == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("machine_detection", "maybe"),
        ("machine_detection", 1),
        ("machine_detection_time", 1999),
        ("machine_detection_time", 10001),
        ("machine_detection_time", "x"),
        ("machine_detection_url", "ftp://app/x"),
        ("machine_detection_url", "/machine"),
        ("machine_detection_maximum_speech_length", 999),
        ("machine_detection_maximum_speech_length", 6001),
        ("machine_detection_initial_silence", 1999),
        ("machine_detection_initial_silence", 10001),
        ("machine_detection_maximum_words", 1),
        ("machine_detection_maximum_words", 11),
        ("machine_detection_initial_greeting", 999),
        ("machine_detection_initial_greeting", 5001),
        ("machine_detection_initial_greeting", [1500]),
    ],
)
def test_bad_arguments_are_400_and_nobody_is_called(name: str, value: object) -> None:
    async def story() -> None:
        async with stage() as on:
            answer = await World(on).api("POST", "Call/", {**CALL, name: value})
            assert answer.status_code == 400
            assert answer.json()["error"].startswith(f"{name} parameter is invalid")
            assert "LegCreated" not in on.kinds()

    run(story())


@in_virtual_time
async def test_a_bad_method_is_400() -> None:
    async with stage() as on:
        asked = {**CALL, "machine_detection_url": f"{APP}/machine", "machine_detection_method": "PUT"}
        answer = await World(on).api("POST", "Call/", asked)
        assert answer.status_code == 400
        assert answer.json()["error"].startswith("machine_detection_method parameter is invalid")
