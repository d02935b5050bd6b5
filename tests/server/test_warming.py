"""What a start leaves for later is done soon after it."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec

import pytest

from switchhook.core import values
from switchhook.core.values import dataclass
from switchhook.warming import MODULES, Warming


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.parametrize("module", MODULES)
def test_there_is_what_it_imports(module: str) -> None:
    assert find_spec(module) is not None


@pytest.mark.anyio
async def test_what_was_left_is_done_in_a_thread_and_constructors_on_the_loop() -> None:
    @dataclass(slots=True)
    class Late:
        at: float

    done = asyncio.Event()
    loop = asyncio.get_running_loop()
    warming = Warming(loop, (lambda: loop.call_soon_threadsafe(done.set),))
    await done.wait()
    while values.prepare(0):
        await asyncio.sleep(0)
    assert "__init__" in vars(Late)
    warming.close()


@pytest.mark.anyio
async def test_one_that_is_closed_before_does_nothing() -> None:
    asked: list[bool] = []
    warming = Warming(asyncio.get_running_loop(), (lambda: asked.append(True),))
    warming.close()
    warming._begin()
    await asyncio.get_running_loop().run_in_executor(None, lambda: None)
    assert asked == []
