"""The pytest plugin: fixtures that give a test a telephone exchange and telephones with ears.

`world`           a switch with telephones in virtual time (`switchhook.lab.world`)
`real_world`      the same words over real SIP, RTP and HTTP on loopback (`switchhook.lab.world_real`)
`world_settings`  what both are configured with; override it: None, a mapping of sections, a TOML file, or `Settings`
`@pytest.mark.world(settings=..., seed=..., faults=..., limit_s=...)`   the same for one test; wins over the fixture

An `async def` test that uses one of the two needs no other plugin: it runs in the loop of its world, in virtual time
for `world`. When it fails, the report tells the calls' timeline, their ladders, and what every telephone heard.

pytest loads this file in every project of whoever has Switchhook installed. So it imports nothing but pytest until a
fixture is asked for, and touches no test that does not use one.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from switchhook.lab.world import World
    from switchhook.lab.world_base import AnyWorld
    from switchhook.lab.world_real import RealWorld

T = TypeVar("T")

FIXTURES = ("world", "real_world")
_OPTIONS = frozenset({"settings", "seed", "faults", "limit_s"})
_LONGEST_LADDERS = 3


class Runner:
    """Runs the parts of one test (fixture, test, end) in one loop."""

    def __init__(self, runner: asyncio.Runner, limit_s: float | None) -> None:
        self._runner = runner
        self._limit_s = limit_s

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Returns the result; raises `TimeRanOut` after the test's limit of (virtual) seconds."""
        return self._runner.run(self._within(work))

    async def _within(self, work: Coroutine[Any, Any, T]) -> T:
        deadline = asyncio.timeout(self._limit_s)
        try:
            async with deadline:
                return await work
        except TimeoutError as error:
            if deadline.expired():
                from switchhook.lab.virtual_time import TimeRanOut

                raise TimeRanOut(f"the test took more than {self._limit_s:g} s") from error
            raise


_RUNNER = pytest.StashKey[Runner]()


def pytest_configure(config: pytest.Config) -> None:
    line = "world(settings=None, seed=1, faults=LAN, limit_s=7200): the switchhook world (or real_world) of this test"
    config.addinivalue_line("markers", line)


@pytest.fixture
def world_settings() -> Any:
    """What the worlds are configured with; None is the house of the lab's own. Override it in your conftest.py."""
    return None


@pytest.fixture
def world(request: pytest.FixtureRequest, world_settings: Any) -> Iterator[World]:
    """A whole switch in virtual time, with telephones, a fake network and clients of its HTTP APIs."""
    from switchhook.lab.virtual_time import LIMIT_S, VirtualLoop
    from switchhook.lab.world import World

    options = _options(request.node, world_settings)
    limit_s = options.pop("limit_s", LIMIT_S)
    with asyncio.Runner(loop_factory=VirtualLoop) as loop:
        runner = request.node.stash[_RUNNER] = Runner(loop, limit_s)
        yield from _opened(runner, World(**options))


@pytest.fixture
def real_world(request: pytest.FixtureRequest, world_settings: Any) -> Iterator[RealWorld]:
    """The same over real sockets: the server of this process, its audio processes, telephones that speak tones."""
    from switchhook.lab.world_real import RealWorld

    options = _options(request.node, world_settings)
    limit_s = options.pop("limit_s", 60.0)
    with asyncio.Runner() as loop:
        runner = request.node.stash[_RUNNER] = Runner(loop, limit_s)
        yield from _opened(runner, RealWorld(**options))


def _opened(runner: Runner, made: Any) -> Iterator[Any]:
    world = runner.run(made.__aenter__())
    world.run = runner.run
    try:
        yield world
    finally:
        runner.run(world.close())


def _options(node: pytest.Item, world_settings: Any) -> dict[str, Any]:
    mark = node.get_closest_marker("world")
    given = dict(mark.kwargs) if mark is not None else {}
    unknown = given.keys() - _OPTIONS
    if unknown or (mark is not None and mark.args):
        pytest.fail(f"@pytest.mark.world takes {', '.join(sorted(_OPTIONS))}, not {unknown or mark}", pytrace=False)
    return {"settings": world_settings, **given}


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Runs `async def` tests that use a world in its loop; leaves all others alone."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj) or _world_of(pyfuncitem) is None:
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    pyfuncitem.stash[_RUNNER].run(pyfuncitem.obj(**arguments))
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Adds the story of the calls to the report of a failed test."""
    report = yield
    world = _world_of(item)
    if world is not None and report.when == "call" and report.failed:
        report.sections += list(_story(world))
    return report


def _world_of(item: pytest.Item) -> AnyWorld | None:
    arguments = getattr(item, "funcargs", None) or {}
    return next((arguments[name] for name in FIXTURES if name in arguments and _RUNNER in item.stash), None)


def _story(world: AnyWorld) -> Iterator[tuple[str, str]]:
    """Never raises: a report that cannot be made must not hide the failure that it is about."""
    try:
        yield "switchhook: what happened", world.timeline()
        for call in world.calls[-_LONGEST_LADDERS:]:
            yield f"switchhook: the ladder of call {call}", world.ladder(call)
        yield "switchhook: what the telephones heard (seconds since they were opened)", world.heard()
        for error in world.web.errors:
            yield "switchhook: the web application raised", error
    except Exception as error:
        yield "switchhook: the story could not be told", repr(error)
