"""The telephone in the terminal, with a test at the keyboard, in virtual time; and once for real."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from switchhook.commands.phone import command, voice_of
from switchhook.lab.manners import BUSY_ALWAYS, PICKS_UP, Manners
from switchhook.lab.network import Network
from switchhook.lab.phones import Phones
from switchhook.lab.terminal import Terminal, Wish
from switchhook.lab.tones import read_wav
from switchhook.lab.virtual_time import in_virtual_time


async def typed(*lines: str) -> AsyncIterator[str]:
    for line in lines:
        yield line


async def session(manners: Manners, wish: Wish, *lines: str, quits_at_end: bool = False) -> tuple[int, list[str]]:
    """Runs a terminal that can call `bob`, and returns its exit code and what it said."""
    said: list[str] = []
    async with Phones(network=Network()) as phones:
        ann = await phones.open("ann")
        bob = await phones.open("bob", manners=manners)
        wish = Wish(wish.call and bob.uri, wish.for_s, wish.register)
        terminal = Terminal(
            ann, said.append, typed(*[line.replace("BOB", bob.uri) for line in lines]), quits_at_end=quits_at_end
        )
        code = await terminal.run(wish)
        if bob.calls:
            await bob.ended()
        said.append(f"bob got {bob.keys}")
    return code, said


@in_virtual_time
async def test_a_call_without_a_person() -> None:
    code, said = await session(PICKS_UP, Wish("bob", 2.0))
    assert code == 0
    assert said[1:] == ["far end rings", "answered", "hears: bob", "ended: completed", "bob got "]


@in_virtual_time
async def test_a_call_that_fails_is_exit_code_1() -> None:
    code, said = await session(BUSY_ALWAYS, Wish("bob", 2.0))
    assert code == 1
    assert "ended: busy 486" in said


@in_virtual_time
async def test_a_person_at_the_keyboard() -> None:
    code, said = await session(
        PICKS_UP,
        Wish(),
        "call BOB",
        "wait 1",
        "digits 12#",
        "wait 1",
        "hold",
        "wait 1",
        "resume",
        "wait 1",
        "hangup",
        "quit",
    )
    assert code == 0
    assert "bob got 12#" in said
    assert said.index("hears: bob") < said.index("holding") < said.index("hears: silence") < said.index("resumed")
    assert said[-2] == "ended: completed"


@in_virtual_time
async def test_mistakes_at_the_keyboard_are_told() -> None:
    _, said = await session(
        PICKS_UP, Wish(), "dance", "digits 1", "reject abc", "wait long", "call", "call 1002", "help", quits_at_end=True
    )
    assert said[0] == "there is no command 'dance'; help lists them"
    assert said[1].startswith("error: ann has no call that is up")
    assert said[2:5] == [
        "error: reject takes a SIP status from 300 to 699",
        "error: wait takes a number of seconds",
        "error: call whom?",
    ]
    assert "IP address" in said[5]
    assert "digits 12#" in said[6]


@in_virtual_time
async def test_a_registration_that_nobody_answers_is_exit_code_1() -> None:
    code, said = await session(PICKS_UP, Wish(register=True))
    assert code == 1
    assert said[-2] == "error: ann: nobody answered the registration"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--play", "tone:9"], "a tone is tone:HZ"),
        (["--play", "nowhere.wav"], "No such file"),
        (["--record", "/nowhere/x.wav"], "no such folder"),
        (["--server", "a b"], "is not HOST or HOST:PORT"),
        (["--codec", "OPUS"], "is not one of"),
        (["--for", "-1"], "not in the range"),
    ],
)
def test_wrong_usage_is_exit_code_2(options: list[str], text: str) -> None:
    result = CliRunner().invoke(command, options)
    assert result.exit_code == 2
    assert text in result.output


@pytest.mark.slow
def test_two_processes_call_each_other(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    program = [sys.executable, "-m", "switchhook.cli", "phone"]
    bob = subprocess.Popen(
        [*program, "--user", "bob", "--answer", "auto", "--play", "tone:1040"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    try:
        assert bob.stdout is not None
        uri = bob.stdout.readline().rpartition(" ")[2].strip()
        ann = subprocess.run(
            [*program, "--call", uri, "--for", "1.2", "--codec", "PCMA", "--record", str(tmp_path / "heard.wav")],
            input="digits 5\n", capture_output=True, text=True, timeout=30, env=environment, check=False,
        )  # fmt: skip
        assert ann.returncode == 0, ann.stdout + ann.stderr
        assert "hears: tone 1040 Hz" in ann.stdout
        assert abs(read_wav(tmp_path / "heard.wav").astype(int)).max() > 2000
        bob.send_signal(signal.SIGTERM)
        assert bob.wait(10) == 0
        assert "hears: tone 670 Hz" in bob.stdout.read()
    finally:
        bob.kill()
        bob.wait()
        if bob.stdout is not None:
            bob.stdout.close()


def test_the_pieces_of_a_story_need_no_sleep() -> None:
    """A terminal that is told to stop leaves at once, even with nobody calling."""

    @in_virtual_time
    async def story() -> float:
        loop = asyncio.get_running_loop()
        async with Phones(network=Network(), rtp=False) as phones:
            terminal = Terminal(await phones.open("ann"), lambda text: None, typed())
            loop.call_later(1.0, terminal.stop)
            began = loop.time()
            assert await terminal.run(Wish()) == 0
            return loop.time() - began

    assert story() < 2


def test_telephones_of_different_processes_have_different_voices() -> None:
    assert len({voice_of(str(user)) for user in range(1001, 1021)}) == 20
    assert voice_of("") in {670 + 132 * i for i in range(20)}
    assert voice_of("ann") != voice_of("bob")
