"""The commands: what they print, and which exit code tells what."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import click
import pytest
from click.testing import CliRunner, Result

import switchhook
from switchhook.cli import main
from switchhook.settings import Settings
from switchhook.settings.embedded import next_steps
from switchhook.settings.reference import example
from switchhook.stores.database import connect
from switchhook.stores.journal import SqlJournal
from switchhook.stores.records import Recorder
from tests.observe.story import CUSTOMER, story


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    for name in ("SWITCHHOOK_CONFIG", "SWITCHHOOK_HTTP__LISTEN"):
        monkeypatch.delenv(name, raising=False)
    return lambda *args: CliRunner().invoke(main, list(args))


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    engine = connect(f"sqlite:///{tmp_path / 'switchhook.db'}")
    journal = SqlJournal(engine, projection=Recorder())
    for entry in story():
        journal.append(entry)
    asyncio.run(journal.flush())
    journal.close()
    engine.dispose()
    return tmp_path


def only_line(result: Result) -> str:
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1, result.stderr
    return result.stderr.strip()


def test_version_and_help_tell_of_the_commands_that_exist(run) -> None:  # type: ignore[no-untyped-def]
    assert run("--version").output == f"switchhook, version {switchhook.__version__}\n"
    shown = run("--help").output
    assert "check     " in shown
    assert "Validate a configuration and show what it declares." in shown
    assert run("frobnicate").exit_code == 2
    assert "there is no command 'frobnicate'; there are check, " in run("frobnicate").stderr


@pytest.mark.slow
def test_every_module_of_commands_is_a_command_with_a_short_help() -> None:
    context = click.Context(main)
    assert isinstance(main, click.Group)
    names = main.list_commands(context)
    assert {"check", "ladder", "timeline"} <= set(names)
    for name in names:
        assert isinstance(main.get_command(context, name), click.Command)
        assert main._short_help(name), name  # type: ignore[attr-defined]


@pytest.mark.slow
def test_what_a_start_without_a_file_tells_to_try_can_be_tried() -> None:
    told = [line.split() for line in next_steps(Settings.embedded(environ={})).splitlines()]
    for words in (line for line in told if line[:1] == ["switchhook"]):
        command = main.get_command(click.Context(main), words[1])
        assert command is not None, words
        known = {name for parameter in command.params for name in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known, words


@pytest.mark.slow
def test_help_imports_no_server() -> None:
    code = (
        "import sys; sys.argv = ['switchhook', '--help']\n"
        "from switchhook.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'sqlalchemy', 'starlette', 'numpy', 'uvicorn'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=60)


def test_check_shows_what_a_configuration_declares(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "switchhook.toml").write_text(run("check", "--example").output)
    result = run("check", "--config", "switchhook.toml")
    assert result.exit_code == 0
    for said in (
        "switchhook.toml is fine.",
        "HTTP    http://127.0.0.1:8080 (listens on 127.0.0.1:8080)",
        "Endpoints (2)",
        "carrier  sip:127.0.0.1:5070  127.0.0.1     +",
        "+14155550100  forward 1001",
        "1001          agent agent1",
        "1002          its telephone",
    ):
        assert said in result.output, said
    assert "change-me" not in result.output


def test_check_without_a_file_describes_the_demo_configuration(run) -> None:  # type: ignore[no-untyped-def]
    result = run("check", "--set", "http.listen=127.0.0.1:8081")
    assert result.exit_code == 0
    assert "The built-in demo configuration is fine." in result.output
    assert "http://127.0.0.1:8081" in result.output


def test_check_lists_all_keys(run) -> None:  # type: ignore[no-untyped-def]
    assert "| `repeat_window_s` | `10` |" in run("check", "--keys").output


def test_problems_are_one_line_each_and_exit_2(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "bad.toml").write_text("[http]\nlisen = 1\n[sip]\nring_s = 'x'\n")
    result = run("check", "-c", "bad.toml")
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [
        "switchhook: bad.toml:2: [http] lisen is not a known key; did you mean listen?",
        "switchhook: bad.toml:4: [sip] ring_s must be a number, not x",
    ]
    missing = run("check", "-c", "none.toml")
    assert missing.exit_code == 2
    assert only_line(missing) == "switchhook: none.toml: cannot be read: No such file or directory"
    flag = run("check", "--set", "http.listen")
    assert flag.exit_code == 2
    assert only_line(flag) == "switchhook: --set http.listen: must look like http.listen=127.0.0.1:8081"
    wrong = run("check", "--set", "http.lisen=1")
    assert "--set http.lisen: [http] lisen is not a known key" in only_line(wrong)


def test_the_file_can_be_named_by_the_environment(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "mine.toml").write_text(example())
    monkeypatch.setenv("SWITCHHOOK_CONFIG", "mine.toml")
    assert "mine.toml is fine." in run("check").output


def test_timeline_finds_a_call_by_any_id(run, journal: Path) -> None:  # type: ignore[no-untyped-def]
    for wanted in ("last", "call-1", CUSTOMER[:6], "transfer-1", "api-7"):
        result = run("timeline", wanted)
        assert result.exit_code == 0, result.output
        assert "warm transfer: agent 1001 hands the customer to 1003" in result.output
    assert "INVITE 1001" not in run("timeline", "last").output
    assert "INVITE 1001" in run("timeline", "last", "--sip").output


def test_ladder_in_its_three_forms(run, journal: Path) -> None:  # type: ignore[no-untyped-def]
    assert "|--- INVITE +14155550100 -->|" in run("ladder", "last").output
    assert run("ladder", "last", "--format", "mermaid").output.startswith("sequenceDiagram")
    assert run("ladder", "last", "--output", "call.svg").output == ""
    assert ElementTree.parse(journal / "call.svg").getroot().tag.endswith("svg")
    unwritable = run("ladder", "last", "--output", "no/such/folder.svg")
    assert unwritable.exit_code == 2
    assert only_line(unwritable) == "switchhook: no/such/folder.svg cannot be written: No such file or directory"


def test_what_cannot_be_found_is_told_in_one_line(run, journal: Path) -> None:  # type: ignore[no-untyped-def]
    result = run("timeline", "nothing")
    assert result.exit_code == 1
    assert only_line(result) == "switchhook: no call has an id like 'nothing'"


def test_no_journal_is_made_by_looking_for_one(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    result = run("ladder", "last")
    assert result.exit_code == 2
    assert "there is no journal at" in only_line(result)
    assert not (tmp_path / "switchhook.db").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--scene", "9"], "there is no scene 9; there are 1, 2, 3, 4, 5a, 5b, 6"),
        (["--report", "/dev/null/report"], "--report /dev/null/report cannot be written: Not a directory"),
    ],
)
def test_a_demo_that_could_show_nothing_is_refused(arguments: list[str], said: str) -> None:
    done = CliRunner().invoke(main, ["demo", *arguments])
    assert done.exit_code == 2
    assert said in " ".join(done.output.split())


def test_a_demo_says_where_its_report_is() -> None:
    from switchhook.commands.demo import what_next

    assert "open elsewhere/index.html " in what_next(Path("elsewhere"))
