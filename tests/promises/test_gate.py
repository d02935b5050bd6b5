"""The gate: every row of the transfer tables is needed.

Each row of `transfers.TABLE` (78, one per kind, phase and trigger) and of `FALLBACKS` (6) is taken away in turn, and
then some promise or some story of `tests.core.transfer_stories` must fail. With all rows present none does. Only the
stories that use a row are played without it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from switchhook.core import transfers
from switchhook.core.transfers import FALLBACKS, TABLE
from tests.core.rig import Rig
from tests.core.transfer_stories import STORIES, Story

ROWS = 78


class _Noting(dict[Any, Any]):
    """A table that remembers which of its rows were asked for."""

    def __init__(self, rows: dict[Any, Any]) -> None:
        super().__init__(rows)
        self.used: set[Any] = set()

    def get(self, key: Any, default: Any = None) -> Any:
        self.used.add(key)
        return super().get(key, default)


@pytest.fixture(scope="module")
def users() -> dict[Any, list[Story]]:
    """Which stories ask for which row; all of them hold while every row is there."""
    found: dict[Any, list[Story]] = {}
    patch = pytest.MonkeyPatch()
    with patch.context() as patched:
        for story in STORIES:
            tables = {name: _Noting(getattr(transfers, name)) for name in ("TABLE", "FALLBACKS")}
            for name, table in tables.items():
                patched.setattr(transfers, name, table)
            story.play(Rig(), story.kind)
            for key in tables["TABLE"].used | tables["FALLBACKS"].used:
                found.setdefault(key, []).append(story)
            patched.undo()
    return found


def _keys() -> Iterator[Any]:
    yield from TABLE
    yield from FALLBACKS


def _name(key: Any) -> str:
    parts = key if isinstance(key, tuple) else (key,)
    return "-".join(part.value.replace(" ", "_") for part in parts)


@pytest.mark.parametrize("key", list(_keys()), ids=_name)
def test_without_the_row_something_fails(
    key: Any, users: dict[Any, list[Story]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TABLE", "FALLBACKS"):
        rows = getattr(transfers, name)
        monkeypatch.setattr(transfers, name, {k: row for k, row in rows.items() if k != key})
    assert any(_fails(story) for story in users.get(key, [])), "no promise and no story needs this row"


def _fails(story: Story) -> bool:
    try:
        story.play(Rig(), story.kind)
    except Exception:  # a broken promise, a refusal, an assertion of the story, or a rule of the core itself
        return True
    return False


def test_the_number_of_rows_is_the_documented_one() -> None:
    assert (len(TABLE), len(FALLBACKS)) == (ROWS, 6)
