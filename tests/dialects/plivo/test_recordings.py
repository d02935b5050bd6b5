"""GET /v1/Account/{auth_id}/Recording/{recording_id}.wav: for its account, whole or in parts, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette

from switchhook.dialects.plivo import Plivo
from switchhook.dialects.plivo.phlo import Phlo
from switchhook.exchange.clock import SystemClock
from switchhook.exchange.ports import Entry
from switchhook.exchange.switch import Exchange
from switchhook.lab.stage import Stage, StageJournal, StageWeb
from switchhook.lab.virtual_time import in_virtual_time
from switchhook.stores.encoding import fact_encoding
from tests.dialects.plivo.common import ACCOUNT, OTHER, OTHER_TOKEN, SUB, SUB_TOKEN, TOKEN, settings

ID = "6f1c1f2e-6c1b-4f52-9c55-9d3b1c0f7a10"
SUBS = "6f1c1f2e-6c1b-4f52-9c55-9d3b1c0f7a11"
OURS = (ACCOUNT, TOKEN)
SOUND = b"RIFF" + bytes(range(256)) * 8


@dataclass
class Archive:
    """The routes of all Plivo dialects on an exchange without calls, in real time: files are read by threads."""

    http: httpx2.AsyncClient
    entries: list[Entry]


@asynccontextmanager
async def archive(folder: Path) -> AsyncIterator[Archive]:
    """One recording of the account, one of its sub-account, and what is nobody's business."""
    for account, recording in ((ACCOUNT, ID), (SUB, SUBS)):
        file = folder / account / f"{recording}.wav"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(SOUND)
    (folder / ACCOUNT / "notes.wav").write_bytes(b"private")
    (folder / "secret.wav").write_bytes(b"private")
    journal = StageJournal()
    exchange = Exchange(
        settings(media={"recordings": str(folder)}),
        clock=SystemClock(),
        journal=journal,
        sender=StageWeb(lambda: 0.0),
        encode=fact_encoding().write,
        seed=7,
    )
    app = Starlette(routes=[*Plivo(exchange).routes(), *Phlo(exchange).routes()])
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://switch") as http:
        yield Archive(http, journal.entries)


def story(test: Callable[[Archive], Coroutine[Any, Any, None]]) -> Callable[[Path], None]:
    async def told(folder: Path) -> None:
        async with archive(folder) as stage:
            await test(stage)

    return lambda folder: asyncio.run(told(folder))


def url(account: str = ACCOUNT, recording: str = ID) -> str:
    return f"/v1/Account/{account}/Recording/{recording}.wav"


def test_the_owner_gets_the_file(tmp_path: Path) -> None:
    @story
    async def told(stage: Archive) -> None:
        for path in (url(), url() + "/", url().replace("Account", "account")):
            reply = await stage.http.get(path, auth=OURS)
            assert reply.status_code == 200
            assert reply.headers["content-type"] == "audio/wav"
            assert reply.content == SOUND
        reply = await stage.http.head(url(), auth=OURS)
        assert (reply.status_code, reply.headers["content-length"]) == (200, str(len(SOUND)))
        assert (await stage.http.get(url(SUB, SUBS), auth=OURS)).content == SOUND
        assert (await stage.http.get(url(SUB, SUBS), auth=(SUB, SUB_TOKEN))).content == SOUND
        line = next(entry for entry in stage.entries if entry.kind == "HttpRequest")
        assert (line.body["path"], line.body["status"]) == (url(), 200)

    told(tmp_path)


def test_a_part_of_the_file(tmp_path: Path) -> None:
    @story
    async def told(stage: Archive) -> None:
        reply = await stage.http.get(url(), auth=OURS, headers={"Range": "bytes=4-9"})
        assert reply.status_code == 206
        assert reply.headers["content-range"] == f"bytes 4-9/{len(SOUND)}"
        assert reply.content == SOUND[4:10]
        reply = await stage.http.get(url(), auth=OURS, headers={"Range": f"bytes={len(SOUND)}-"})
        assert reply.status_code == 416

    told(tmp_path)


@pytest.mark.parametrize("auth", [None, (ACCOUNT, "wrong"), (OTHER, OTHER_TOKEN), (SUB, SUB_TOKEN), ("", "")])
def test_nobody_else_gets_it(auth: tuple[str, str] | None, tmp_path: Path) -> None:
    @story
    async def told(stage: Archive) -> None:
        reply = await stage.http.get(url(), auth=auth)
        assert reply.status_code == 401
        assert reply.headers["www-authenticate"].startswith("Basic")
        assert set(reply.json()) == {"api_id", "error"}

    told(tmp_path)


@pytest.mark.parametrize(
    "path",
    [
        url(recording=SUBS),  # another account's
        url(recording="6f1c1f2e-6c1b-4f52-9c55-9d3b1c0f7a12"),
        url(recording="notes"),
        url(recording="..%2Fsecret"),
        url(recording="..%2F" + ACCOUNT + "%2F" + ID),
        url(recording="%2e%2e"),
        url(recording=ID + "%00"),
        url(recording=ID + "%0A"),
        url().replace(".wav", ".mp3"),
        url().replace(".wav", ""),
    ],
)
def test_what_is_no_recording_of_the_account_is_not_found(path: str, tmp_path: Path) -> None:
    @story
    async def told(stage: Archive) -> None:
        reply = await stage.http.get(path, auth=OURS)
        assert reply.status_code == 404
        assert set(reply.json()) == {"api_id", "error"}
        assert "not found" in reply.json()["error"]

    told(tmp_path)


def test_a_wrong_method_is_answered_in_the_same_shape(tmp_path: Path) -> None:
    @story
    async def told(stage: Archive) -> None:
        reply = await stage.http.delete(url(), auth=OURS)
        assert (reply.status_code, set(reply.json())) == (405, {"api_id", "error"})
        assert (tmp_path / ACCOUNT / f"{ID}.wav").exists()

    told(tmp_path)


def test_a_recording_that_still_runs_is_not_there_yet(tmp_path: Path) -> None:
    @in_virtual_time
    async def told() -> None:
        async with Stage(settings(media={"recordings": str(tmp_path)}), dialects=("plivo",)) as stage:
            caller = stage.phone("1001").calls("1002")
            (await stage.phone("1002").rings()).answers()
            await stage.settled()
            running = stage.exchange.recordings.start(ACCOUNT, follow=caller.leg)
            assert running is not None
            running.path.parent.mkdir()
            running.path.write_bytes(SOUND)
            reply = await stage.http.get(url(recording=running.id), auth=OURS)
            assert (reply.status_code, set(reply.json())) == (404, {"api_id", "error"})
            line = next(entry for entry in stage.entries if entry.kind == "HttpRequest")
            assert line.call == stage.exchange.calls.of(caller.leg)
            caller.hangs_up()
            await stage.passes(1)

    told()
