"""Opens the journal of a configuration for commands that only read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from switchhook.core.errors import Unavailable
from switchhook.settings import Settings
from switchhook.stores.database import connect
from switchhook.stores.reading import Reader


@contextmanager
def reading(settings: Settings) -> Iterator[Reader]:
    """Yields a reader; raises Unavailable when there is no journal yet, rather than make an empty one."""
    file = Path(settings.store.url.removeprefix("sqlite:///"))
    if not file.exists():
        raise Unavailable(f"there is no journal at {file}; has the server run with this configuration?")
    engine = connect(settings.store.url)
    try:
        yield Reader(engine)
    finally:
        engine.dispose()
