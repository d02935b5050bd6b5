"""The server as a process: its configuration as TOML, and what is said when it does not start."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import pytest

from switchhook.core.errors import Unavailable
from switchhook.lab.served import Served, on_loopback, written
from switchhook.settings import load


def test_what_is_written_is_read_again() -> None:
    text = written([
        ("store", {"url": 'sqlite:///a "strange" \\ path/é.db'}),
        ("trunk[]", {"name": "one", "match": ["127.0.0.1"]}),
        ("trunk[]", {"name": "two", "prefixes": ["+1", "+44"], "max": 3, "on": True}),
    ])  # fmt: skip
    assert tomllib.loads(text) == {
        "store": {"url": 'sqlite:///a "strange" \\ path/é.db'},
        "trunk": [
            {"name": "one", "match": ["127.0.0.1"]},
            {"name": "two", "prefixes": ["+1", "+44"], "max": 3, "on": True},
        ],
    }


def test_the_tables_of_a_server_on_loopback_are_a_configuration(tmp_path: Path) -> None:
    tables = on_loopback(
        tmp_path / "x.db", domain="x.local", ports=(20_000, 20_998), max_legs=40, media={"rtp_timeout_s": 0}
    )
    file = tmp_path / "x.toml"
    file.write_text(written(tables), encoding="utf-8")
    settings = load(file)
    assert settings.sip.domain == "x.local"
    assert settings.media.ports == (20_000, 20_998)
    assert settings.media.max_legs == 40
    assert settings.media.rtp_timeout_s == 0
    assert settings.http_listen.is_loopback


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    served = Served(tmp_path, "", program=("-c", "raise SystemExit('no such wish')"))
    with pytest.raises(Unavailable, match="no such wish"):
        served.start()
    served.stop()  # is over already, and that is no error


def test_a_server_whose_start_is_interrupted_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_seconds: float) -> None:
        raise KeyboardInterrupt

    served = Served(tmp_path, "", program=("-c", "import time; time.sleep(60)"))
    monkeypatch.setattr("switchhook.lab.served.time.sleep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        served.start()
    assert served.process is not None
    assert served.process.returncode == -9


def test_a_server_that_is_never_ready_is_ended(tmp_path: Path) -> None:
    served = Served(tmp_path, "", program=("-c", "import time; time.sleep(60)"))
    with pytest.raises(Unavailable, match="not ready within"):
        served.start(within_s=0.1)
    assert served.process is not None
    assert served.process.returncode == -9
    assert sys.executable in served.process.args  # type: ignore[operator]
