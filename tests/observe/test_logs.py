"""Log lines are one JSON object each, whoever writes them."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from switchhook.observe.logs import configure, log


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    yield
    root.handlers[:], root.level = before[0], before[1]
    logging.captureWarnings(False)
    structlog.reset_defaults()


def test_our_lines_and_those_of_libraries_are_json() -> None:
    out = io.StringIO()
    configure("info", "json", out)
    log("sip").info("registered", username="1001", odd=object())
    log("sip").debug("too small to see")
    logging.getLogger("uvicorn.error").warning("started %s", "now")
    logging.getLogger("sqlalchemy.engine").info("SELECT 1")
    try:
        raise ValueError("broken")
    except ValueError:
        logging.getLogger("asyncio").exception("failed")

    ours, theirs, failed = [json.loads(line) for line in out.getvalue().splitlines()]

    assert (ours["event"], ours["part"], ours["level"], ours["username"]) == ("registered", "sip", "info", "1001")
    assert ours["timestamp"].endswith("Z")
    assert (theirs["event"], theirs["part"], theirs["level"]) == ("started now", "uvicorn.error", "warning")
    assert "ValueError: broken" in failed["exception"]


def test_text_is_for_people() -> None:
    out = io.StringIO()
    configure("debug", "text", out)
    log("media").debug("leg opened", leg="abc")
    assert "leg opened" in out.getvalue()
    assert "leg=abc" in out.getvalue()
    assert "\x1b" not in out.getvalue()


def test_auto_is_json_where_no_terminal_is() -> None:
    out = io.StringIO()
    configure("warning", "auto", out)
    log("x").info("not seen")
    log("x").warning("seen")
    assert json.loads(out.getvalue())["event"] == "seen"


def test_a_line_that_json_cannot_hold_is_written_all_the_same() -> None:
    out = io.StringIO()
    configure("info", "json", out)
    log("x").info("odd", text="\ud800")
    assert json.loads(out.getvalue())["event"] == "unwritable line"


@pytest.mark.parametrize("form", ["json", "text"])
def test_passwords_in_urls_are_never_logged(form: str) -> None:
    out = io.StringIO()
    configure("info", form, out)
    log("web").warning("refused", url="http://app:secret@10.0.0.1/answer")
    logging.getLogger("uvicorn.error").warning("asked http://app:secret@10.0.0.1/answer")
    assert out.getvalue().count("http://app:***@10.0.0.1/answer") == 2
    assert "secret" not in out.getvalue()
