"""Do not disturb and forwarding are there again after a restart."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from switchhook.core import requests as r
from switchhook.core.model import Diversion
from switchhook.dialects.genesys.dialect import Genesys
from switchhook.exchange.diversions import KIND
from switchhook.exchange.objects import Document, MemoryObjects
from switchhook.lab.stage import Stage
from switchhook.lab.virtual_time import in_virtual_time
from tests.dialects.genesys.office import ACCOUNT, OUTSIDE, SERVICE, settings


def kept(objects: MemoryObjects) -> dict[str, Mapping[str, Any]]:
    return {each.id: each.body for each in objects.all() if each.kind == KIND}


async def written(stage: Stage) -> None:
    """Waits for the threads that write, which know nothing of virtual time."""
    while stage.exchange._tasks:
        await asyncio.wait(list(stage.exchange._tasks))


async def wants(stage: Stage, key: str, wanted: Diversion) -> None:
    stage.exchange.ask(r.Divert(key, wanted))
    await written(stage)


@in_virtual_time
async def test_what_was_set_is_obeyed_and_shown_after_a_restart() -> None:
    objects = MemoryObjects()
    async with Stage(settings()) as stage:
        stage.exchange.diversions.open(objects)
        to = stage.exchange.directory.destination(ACCOUNT, "5002")
        await wants(stage, "1001", Diversion(refuses=True, to=to))
        await wants(stage, "1003", Diversion(refuses=True))
        assert kept(objects) == {
            "1001": {"refuses": True, "to": "5002"},
            "1003": {"refuses": True, "to": None},
        }
    async with Stage(settings()) as stage:
        stage.exchange.diversions.open(objects)
        assert stage.exchange.state.diversions == {"1001": Diversion(True, to), "1003": Diversion(refuses=True)}
        users = Genesys(stage.exchange).roster.users
        assert [(user.refuses, user.forward_to) for user in users.values()] == [(True, "5002"), (False, ""), (True, "")]
        stage.phone(OUTSIDE).calls(SERVICE)
        await stage.phone("1002").rings()
        assert stage.phone("1001").lines == []


@in_virtual_time
async def test_what_was_taken_back_is_not_kept() -> None:
    objects = MemoryObjects()
    async with Stage(settings()) as stage:
        stage.exchange.diversions.open(objects)
        await wants(stage, "1001", Diversion(refuses=True))
        await wants(stage, "1001", Diversion())
        assert kept(objects) == {}


@in_virtual_time
@pytest.mark.parametrize(
    ("document", "left"),
    [
        (Document(KIND, "gone", ACCOUNT, {"refuses": True, "to": None}), {}),
        (Document(KIND, "1001", ACCOUNT, {"refuses": True, "to": "99999"}), {"1001": Diversion(refuses=True)}),
        (Document(KIND, "1001", ACCOUNT, {"refuses": False, "to": "99999"}), {}),
        (Document(KIND, "1001", ACCOUNT, {"refuses": False, "to": "5001"}), {}),
        (Document(KIND, "1001", ACCOUNT, {"refuses": "yes", "to": 5}), {}),
    ],
)
async def test_what_fits_no_longer_is_set_aside(document: Document, left: dict[str, Diversion]) -> None:
    objects = MemoryObjects()
    objects.write([document], [])
    async with Stage(settings()) as stage:
        stage.exchange.declared.open(objects)
        stage.exchange.diversions.open(objects)
        assert stage.exchange.state.diversions == left
