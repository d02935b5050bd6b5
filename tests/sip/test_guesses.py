"""Who was refused stands in the log with the address: the first at once, then a number a minute, of so many addresses.

What an operator's firewall reads of it is the pattern in `docs/operate.md`.
"""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
import structlog

from switchhook.observe.logs import configure
from switchhook.sip import guesses
from switchhook.sip.flow import Flow
from switchhook.sip.guesses import EVERY_S, MAX_HOSTS, SWEEP_S, Guesses, Refused, Why, write
from switchhook.sip.timers import Timers
from tests.sip.house import SERVER, House, telephone
from tests.sip.link import Wire

PAGE = Path(__file__).parent.parent.parent / "docs" / "operate.md"


class Watch:
    """Guesses on a clock of its own, with what they told."""

    def __init__(self) -> None:
        self.timers = Timers()
        self.told: list[tuple[float, str, int, Why, str]] = []
        self.guesses = Guesses(self.timers, self._tell)

    def _tell(self, host: str, refused: Refused) -> None:
        self.told.append((self.timers.now, host, refused.times, refused.why, refused.user))

    def note(self, host: str, times: int = 1, user: str = "1001") -> None:
        for _ in range(times):
            self.guesses.note(host, Why.PASSWORD, user)

    def wait(self, seconds: float) -> None:
        until = self.timers.now + seconds
        while self.timers.now < until:
            self.timers.advance(min(until, self.timers.now + 0.25))


def test_the_first_is_told_within_a_second_then_one_line_a_minute_with_the_number_since() -> None:
    watch = Watch()
    watch.note("a")
    assert watch.told == []  # never while a request is answered
    watch.wait(SWEEP_S)
    assert [line[1:3] for line in watch.told] == [("a", 1)]
    for _ in range(30):
        watch.note("a", 100)
        watch.wait(10)
    assert [line[1:3] for line in watch.told[1:]] == [("a", 600)] * 5
    times = [line[0] for line in watch.told]
    assert all(later - earlier >= EVERY_S for earlier, later in pairwise(times))
    watch.wait(EVERY_S + 1)
    assert sum(line[2] for line in watch.told) == 3_001


def test_when_nobody_is_refused_any_more_nothing_is_kept_and_no_timer_waits() -> None:
    watch = Watch()
    watch.note("a", 3)
    watch.wait(EVERY_S + 2 * SWEEP_S)
    assert watch.timers.waiting == 0
    assert not watch.guesses._hosts
    watch.note("a")
    watch.wait(SWEEP_S)
    assert [line[2] for line in watch.told] == [3, 1]


def test_a_flood_from_invented_addresses_fills_neither_memory_nor_log() -> None:
    watch = Watch()
    for n in range(10 * MAX_HOSTS):
        watch.note(f"10.0.{n >> 8}.{n & 255}", 2)
    assert len(watch.guesses._hosts) == MAX_HOSTS + 1
    watch.wait(SWEEP_S)
    assert len(watch.told) == MAX_HOSTS + 1
    assert [line[2] for line in watch.told if not line[1]] == [18 * MAX_HOSTS]
    watch.wait(2 * EVERY_S)
    assert len(watch.told) == MAX_HOSTS + 1
    watch.note("10.9.9.9")
    watch.wait(SWEEP_S)
    assert watch.told[-1][1:3] == ("10.9.9.9", 1)


def test_a_line_that_cannot_be_written_ends_nothing() -> None:
    watch = Watch()

    def broken(_host: str, _refused: Refused) -> None:
        raise OSError("no space")

    good, watch.guesses._tell = watch.guesses._tell, broken
    watch.note("a", 5)
    with pytest.raises(OSError, match="no space"):
        watch.wait(SWEEP_S)
    watch.guesses._tell = good
    watch.wait(EVERY_S + SWEEP_S)
    assert [line[1:3] for line in watch.told] == [("a", 5)]


# --- of a whole line --------------------------------------------------------------------------------------------------


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    root, out = logging.getLogger(), io.StringIO()
    before = (root.handlers[:], root.level)
    configure("info", "json", out)
    monkeypatch.setattr(guesses, "_log", structlog.get_logger())  # the old one may keep the stream of a test before
    yield out
    root.handlers[:], root.level = before
    logging.captureWarnings(False)
    structlog.reset_defaults()


def lines(log: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("user", "password", "told"),
    [
        ("1001", "guess", [(1, "wrong password", "1001")]),
        ("nobody", "guess", [(2, "unknown user", "nobody")]),  # asked for a password, and gave one
        ("1001", "red", []),
    ],
)
def test_a_registration_that_is_refused_is_told(
    log: io.StringIO, user: str, password: str, told: list[tuple[int, str, str]]
) -> None:
    wire = Wire()
    House(wire)
    telephone(wire, user, "10.0.1.7", password).agent.register()
    wire.run(3)
    found = lines(log)
    assert [(line["times"], line["why"], line["user"]) for line in found] == told
    assert [line["host"] for line in found] == ["10.0.1.7"] * len(told)


def test_a_call_of_nobody_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire()
    House(wire)
    told: list[tuple[str, Why, str]] = []
    monkeypatch.setattr(Guesses, "note", lambda _, *one: told.append(one))
    scanner = wire.end("10.0.1.8")
    for n, sender in enumerate(("sip:100@10.0.1.8", "sip:nobody@example.org", "sip:1001@example.org")):
        invite = (
            f"INVITE sip:00972599123456@10.0.0.100 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.1.8:5060;branch=z9hG4bK{n}\r\n"
            f"From: <{sender}>;tag=1\r\nTo: <sip:00972599123456@10.0.0.100>\r\nCall-ID: {n}\r\nCSeq: 1 INVITE\r\n"
            "Contact: <sip:100@10.0.1.8>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        )
        scanner.send(invite.encode(), Flow("udp", SERVER, 5060, "10.0.1.8:5060"))
    wire.run(1)
    # Without credentials a telephone of ours is no guesser: every call of it begins so.
    assert told == [("10.0.1.8", Why.NOBODY, "00972599123456"), ("10.0.1.8", Why.USER, "nobody")]


# --- the pattern for a firewall ---------------------------------------------------------------------------------------


def pattern() -> re.Pattern[str]:
    """The one that the operator's page has, as fail2ban reads it: <HOST> is an address."""
    (written,) = re.findall(r"^ *failregex = (.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return re.compile(written.replace("<HOST>", r"(?P<host>[0-9a-fA-F.:]+)"))


@pytest.mark.parametrize("host", ["203.0.113.5", "2001:db8::5"])
@pytest.mark.parametrize(("times", "banned"), [(1, False), (9, False), (10, True), (24_000, True)])
def test_the_pattern_of_the_page_finds_who_guesses_and_no_telephone_that_errs_once(
    log: io.StringIO, host: str, times: int, banned: bool
) -> None:
    write(host, Refused(times, None, Why.PASSWORD, "1001"))
    found = pattern().search(log.getvalue())
    assert (found is not None and found["host"] == host) == banned


def test_what_a_stranger_calls_itself_gets_nobody_else_banned(log: io.StringIO) -> None:
    named = '","host":"198.51.100.9","times":99,"why":"wrong password'
    write("203.0.113.5", Refused(1, None, Why.USER, named))
    write("", Refused(500, None, Why.USER, named))
    write("203.0.113.5", Refused(77, None, Why.USER, f"\x1b[2J\r\n{named}\n{'x' * 500}"))
    first, others, last = log.getvalue().splitlines()
    assert pattern().search(first) is None
    assert pattern().search(others) is None
    found = pattern().search(last)
    assert found is not None
    assert found["host"] == "203.0.113.5"
    assert json.loads(last)["user"].isprintable()
    assert len(last) < 400
