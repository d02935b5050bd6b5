"""The official packages do every operation that the coverage page claims, in programs that know nothing of us.

One process per language does a list of operations on a furnished house: behind `switchhook proxy` without any change to
the program, and over plain HTTP with the lines that docs/vendor-sdks.md names, taken from that page. What was done is
read from the server's journal and compared with the coverage page, so no line of it can be claimed without a run.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette

from switchhook.dialects.plivo import Plivo
from switchhook.dialects.plivo.coverage import ABSENT, lines
from switchhook.dialects.plivo.rest import RESOURCES
from switchhook.http import HttpServer, application, bind
from switchhook.stores.database import connect
from switchhook.stores.reading import Reader
from switchhook.stores.records import Complete, LegRecord, Recorder
from tests.dialects.plivo.common import ACCOUNT, APP, TOKEN, document, settings
from tests.dialects.plivo.house import ACCOUNTS, FOR_RENT, House
from tests.sdks.everything import NODE, NOT_IN_ANY_PACKAGE, PYTHON, Operation
from tests.sdks.live import LiveStage
from tests.sdks.nodejs import HERE as NODE_PROGRAMS
from tests.sdks.nodejs import node_modules

pytestmark = pytest.mark.slow

PYTHON_PROGRAMS = Path(__file__).parent / "python"
GUIDE = Path(__file__).parents[2] / "docs" / "vendor-sdks.md"
PAST = "0b7b4242-0000-4000-8000-000000000001"


class RealStage(LiveStage):
    """A live stage that can be furnished: everything that happens at once has happened a moment later."""

    async def settled(self) -> None:
        await asyncio.sleep(0.005)


@asynccontextmanager
async def furnished(folder: Path) -> AsyncIterator[tuple[House, str]]:
    """Gives a house on a live server, with a past call in its store, and the server's address."""
    sock = bind("127.0.0.1", 0)
    base = f"http://127.0.0.1:{sock.getsockname()[1]}"
    tree = settings(account=ACCOUNTS, inventory=FOR_RENT, media={"recordings": str(folder)}, http={"public_url": base})
    stage = RealStage(tree)
    stage.open()
    stage.facts = []
    dialect = Plivo(stage.exchange)
    await dialect.start()
    stage.dialects = {"plivo": dialect}
    served = application(dialect.routes())
    server = HttpServer(served, stage.settings, sock)
    await server.start()
    engine = connect(f"sqlite:///{folder / 'journal.db'}")
    with engine.begin() as connection:
        Recorder().write(connection, Complete([past(stage.exchange.clock.now())], set(), {}, []))
    stage.exchange.records = Reader(engine)
    transport = httpx2.ASGITransport(app=Starlette(routes=dialect.routes()))
    async with httpx2.AsyncClient(transport=transport, base_url=base) as stage.http:
        house = House(stage)
        try:
            await house.furnish()
            stage.web.on(f"{APP}/again", document("<Conference>again</Conference>"))
            lone = await house.world.arrives("<Wait length='600'/>", caller="+14155550190")
            house.names |= {"lone": lone.leg, "past": PAST}
            house.names["yesterday"] = f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d %H:%M:%S}"
            yield house, base
        finally:
            await server.stop()
            await dialect.stop()
            await stage.exchange.settle(1.0)
            stage.timers.stop()
            engine.dispose()


def past(now: float) -> LegRecord:
    return LegRecord(
        PAST, account=ACCOUNT, direction="inbound", caller="+14155550123", called="+14155550100", started_at=now - 100,
        answered_at=now - 90, ended_at=now - 60, outcome="completed", ended_by="phone",
    )  # fmt: skip


# --- a program ------------------------------------------------------------------------------------------------------


def filled(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: filled(each, names) for name, each in value.items()}
    if isinstance(value, list):
        return [filled(each, names) for each in value]
    if isinstance(value, str):
        return re.sub(r"\{(\w+)\}", lambda found: names[found[1]], value)
    return value


async def done_by(house: House, operations: list[Operation], command: list[str], told: dict[str, str]) -> list[str]:
    """Has a program do operations one after the other; returns what went wrong."""
    process = await asyncio.create_subprocess_exec(
        *command,
        env={**os.environ, "NO_PROXY": "", "no_proxy": "", **told},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    wrong = []
    try:
        for call, given, named in operations:
            asked = {"call": call, "with": given, "and": named}
            process.stdin.write(json.dumps(filled(asked, house.names)).encode() + b"\n")
            line = b""
            while not line.startswith(b"> "):
                line = await asyncio.wait_for(process.stdout.readline(), 30)
                assert line, (call, (await process.stderr.read()).decode())
            said = json.loads(line[2:])
            if "ok" not in said:
                wrong.append(f"{call}: {said}")
            await house.on.settled()
    finally:
        process.stdin.close()
        await process.wait()
    return wrong


def guide(language: str, base: str) -> str:
    """Returns the lines that the guide names for a language, for this server."""
    found = re.search(rf"```{language}\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert found is not None
    return found[1].replace("http://127.0.0.1:8080", base)


def python_program(folder: Path, base: str) -> tuple[list[str], dict[str, str]]:
    return [sys.executable, str(PYTHON_PROGRAMS / "drive.py"), ACCOUNT, TOKEN], {}


def python_with_two_lines(folder: Path, base: str) -> tuple[list[str], dict[str, str]]:
    (folder / "sitecustomize.py").write_text(
        "import warnings\nwith warnings.catch_warnings():\n    warnings.simplefilter('ignore')\n"
        + "".join(f"    {line}\n" for line in guide("python", base).splitlines())
    )
    return python_program(folder, base)[0], {"PYTHONPATH": str(folder)}


def node_program(folder: Path, base: str) -> tuple[list[str], dict[str, str]]:
    return ["node", str(NODE_PROGRAMS / "drive.js"), ACCOUNT, TOKEN], {"NODE_PATH": str(node_modules())}


def node_with_two_lines(folder: Path, base: str) -> tuple[list[str], dict[str, str]]:
    (folder / "lines.js").write_text(guide("js", base))
    command, told = node_program(folder, base)
    return [command[0], "--require", str(folder / "lines.js"), *command[1:]], told


def behind_proxy(command: list[str], folder: Path, base: str) -> list[str]:
    options = ("--listen", "127.0.0.1:0", "--to", base, "--ca", str(folder / "ca.pem"))
    return [sys.executable, "-m", "switchhook", "proxy", *options, "--", *command]


# --- what was done --------------------------------------------------------------------------------------------------


def claimed() -> set[str]:
    """Returns the operations that the coverage page says are served."""
    return {line.part for line in lines() if line.section == "REST: operations" and line.state != ABSENT}


def operation(method: str, path: str, status: str) -> str:
    """Returns how an operation is folded, whether it stands on the page or in the journal."""
    rest = path.strip("/")
    for pattern, methods in RESOURCES:
        if method in methods and pattern.match(rest):
            return f"{method} {re.sub(r'[(][?]P<[^)]*[)]', '{}', pattern.pattern).rstrip('$').lower()}{status}"
    raise AssertionError(f"{method} {path} is not served")


def of_page(part: str) -> str:
    method, _, path = part.partition(" ")
    path, _, query = path.removeprefix("/v1/Account/{auth_id}/").partition("?")
    return operation(method, re.sub(r"\{\w+\}", "x", path), query.removeprefix("status="))


def done(house: House, since: int) -> set[str]:
    """Returns the operations that were done, as the journal has them."""
    found = set()
    for entry in house.on.entries[since:]:
        body: Any = entry.body
        if entry.kind == "HttpRequest" and body["status"] < 300:
            status = re.search(r'"status": "(live|queued)"', str(body["body"]))
            path = re.sub(rf"^/v1/Account/{ACCOUNT}", "", body["path"])
            found.add(operation(body["method"], path, status[1] if status and body["method"] == "GET" else ""))
    return found


async def drive(folder: Path, operations: list[Operation], program: Any, proxied: bool) -> None:
    async with furnished(folder) as (house, base):
        since = len(house.on.entries)
        command, told = program(folder, base)
        if proxied:
            command = behind_proxy(command, folder, base)
        wrong = await done_by(house, operations, command, told)
        assert wrong == []
        by_package = done(house, since)
    raw = {of_page(part) for part in NOT_IN_ANY_PACKAGE}
    wanted = {of_page(part): part for part in claimed()}
    missing = [part for name, part in wanted.items() if name not in by_package | raw]
    assert missing == [], "claimed on the coverage page, and not driven"
    assert not raw & by_package, "a package has what is said to be in none"


@pytest.mark.parametrize(
    ("operations", "program", "proxied"),
    [
        pytest.param(PYTHON, python_program, True, id="python behind the proxy"),
        pytest.param(PYTHON, python_with_two_lines, False, id="python with two lines"),
        pytest.param(NODE, node_program, True, id="node behind the proxy"),
        pytest.param(NODE, node_with_two_lines, False, id="node with two lines"),
    ],
)
def test_everything_that_is_claimed(tmp_path: Path, operations: list[Operation], program: Any, proxied: bool) -> None:
    asyncio.run(drive(tmp_path, operations, program, proxied))


def test_what_no_package_has(tmp_path: Path) -> None:
    async def story() -> None:
        async with furnished(tmp_path) as (house, _):
            since = len(house.on.entries)
            for method, path, given in reversed(list(NOT_IN_ANY_PACKAGE.values())):
                answer = await house.ask(method, path, given)
                assert answer.status_code in (202, 204), answer.text
            assert done(house, since) == {of_page(part) for part in NOT_IN_ANY_PACKAGE}

    asyncio.run(story())
