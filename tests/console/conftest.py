from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.console.browser import Room, furnished


@pytest.fixture(scope="module")
def room() -> Iterator[Room]:
    with furnished() as made:
        yield made
