"""Fetched sounds as files: how long they are good, what is asked again, and what goes first."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from switchhook.core import requests as r
from switchhook.core.errors import Unavailable
from switchhook.core.sources import Sound
from switchhook.exchange import sound_files
from switchhook.exchange.ports import Reply
from switchhook.exchange.sound_files import FRESH_S, IN_USE_S, SoundFiles
from switchhook.lab.stage import Hook, Line, Stage
from switchhook.lab.virtual_time import in_virtual_time
from tests.stories.common import settings

URL = "http://sounds.test/a.wav"


class Hand:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.at = 1000.0

    def now(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
def files(clock: Hand) -> Iterator[SoundFiles]:
    found = SoundFiles(clock)
    yield found
    found.close()


def keep(files: SoundFiles, url: str, answer: Reply) -> str:
    return asyncio.run(files.take(url, answer))


def reply(body: bytes = b"RIFFaudio", status: int = 200, **headers: str) -> Reply:
    return Reply(status, tuple((name.replace("_", "-"), value) for name, value in headers.items()), body, URL)


def test_a_file_is_good_as_long_as_its_server_says(files: SoundFiles, clock: Hand) -> None:
    for said, good_s in (("", FRESH_S), ("public, max-age=5", 5), ("no-cache", 0)):
        path = keep(files, URL, reply(cache_control=said))
        assert Path(path).read_bytes() == b"RIFFaudio"
        assert files.fresh(URL) == path
        clock.at += good_s + 0.1
        assert files.fresh(URL) == ""


def test_what_has_not_changed_is_not_sent_again(files: SoundFiles, clock: Hand) -> None:
    assert files.conditions(URL) == []
    path = keep(files, URL, reply(etag='"1"', last_modified="Mon"))
    clock.at += 100
    assert files.conditions(URL) == [("If-None-Match", '"1"'), ("If-Modified-Since", "Mon")]
    assert keep(files, URL, reply(b"", 304)) == path
    assert files.fresh(URL) == path


def test_changed_content_is_another_file_and_the_old_one_stays_for_who_hears_it(files: SoundFiles, clock: Hand) -> None:
    old = keep(files, URL, reply())
    new = keep(files, URL, reply(b"ID3new"))
    assert new.endswith(".mp3")
    assert files.fresh(URL) == new
    assert Path(old).exists()
    clock.at += IN_USE_S + 1
    keep(files, "http://sounds.test/b.wav", reply())
    assert not Path(old).exists()


def test_a_server_that_is_gone_leaves_the_old_file(files: SoundFiles, clock: Hand) -> None:
    assert files.keep_old(URL, 10) == ""
    path = keep(files, URL, reply())
    clock.at += 1000
    assert files.keep_old(URL, 10) == path
    assert files.fresh(URL) == path
    with pytest.raises(Unavailable, match="answered 500"):
        keep(files, URL, reply(status=500))


def test_the_longest_unused_goes_first_and_none_that_is_in_use(
    files: SoundFiles, clock: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sound_files, "MOST_BYTES", 20)
    first = keep(files, "http://a", reply(b"RIFF0001"))
    second = keep(files, "http://b", reply(b"RIFF0002"))
    with pytest.raises(Unavailable, match="too many"):
        keep(files, "http://c", reply(b"RIFF0003"))
    clock.at += 30
    assert files.fresh("http://a") == first
    clock.at += IN_USE_S - 10
    third = keep(files, "http://c", reply(b"RIFF0003"))
    assert [Path(path).exists() for path in (first, second, third)] == [True, False, True]


def test_a_large_file_is_written_too(files: SoundFiles) -> None:
    body = b"RIFF" + bytes(sound_files.SMALL_BYTES)
    assert Path(keep(files, URL, reply(body))).read_bytes() == body


# --- in calls -------------------------------------------------------------------------------------------------------


async def talking(stage: Stage) -> Line:
    line = stage.phone("+14155550123").calls("+14155550100")
    at_agent = await stage.phone("1001").rings()
    at_agent.answers()
    await stage.settled()
    return line


def playing(stage: Stage, line: Line) -> str:
    return next(clip for s in stage.media.hears(line.leg) if isinstance(s, Sound) for clip in s.clips)


@in_virtual_time
async def test_a_new_sound_takes_the_new_content_and_one_under_way_goes_on() -> None:
    async with Stage(settings()) as stage:
        said = ["RIFFone"]
        stage.web.on(URL, lambda hook: said[0])
        line = await talking(stage)
        stage.exchange.ask(r.Play(line.leg, (URL,), repeat=0))
        await stage.settled()
        old = playing(stage, line)
        said[0] = "RIFFtwo"
        await stage.passes(FRESH_S + 1)
        stage.exchange.ask(r.MuteMember(stage.exchange.state.legs[line.leg].rooms[0], line.leg, True))
        assert playing(stage, line) == old
        stage.exchange.ask(r.Play(line.leg, (URL,)))
        await stage.settled()
        assert playing(stage, line) != old
        assert len(stage.web.to(URL)) == 2


@in_virtual_time
async def test_a_failure_is_asked_once_more_and_then_the_old_file_is_used() -> None:
    async with Stage(settings()) as stage:
        answers: list[str | tuple[int, str]] = [(503, ""), "RIFFone", (500, ""), (500, "")]

        def answer(hook: Hook) -> str | tuple[int, str]:
            return answers.pop(0)

        stage.web.on(URL, answer)
        line = await talking(stage)
        stage.exchange.ask(r.Play(line.leg, (URL,)))
        await stage.settled()
        first = playing(stage, line)
        await stage.passes(FRESH_S + 1)
        stage.exchange.ask(r.Play(line.leg, (URL,)))
        await stage.settled()
        assert playing(stage, line) == first
        assert answers == []
        assert any("sound not fetched" in str(entry.body.get("text")) for entry in stage.entries)
