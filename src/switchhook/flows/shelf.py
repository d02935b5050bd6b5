"""The flows of a configuration, read from their files. One that cannot run is left out with a warning."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

from switchhook.flows.graph import BadFlow, Flow, read
from switchhook.settings import Settings

Warn = Callable[[str, str], None]  # file, text


class Shelf:
    """The flows that can be run, by id."""

    def __init__(self) -> None:
        self._flows: dict[str, Flow] = {}

    def put(self, flow: Flow) -> None:
        """Adds a flow, or replaces the one of the same id: saving makes it live at once."""
        self._flows[flow.phlo_id] = flow

    def get(self, phlo_id: str) -> Flow | None:
        return self._flows.get(phlo_id)

    def __iter__(self) -> Iterator[Flow]:
        return iter(tuple(self._flows.values()))

    def load(self, settings: Settings, warn: Warn) -> None:
        """Reads every `[[flow]]` file; problems go to `warn`, one line each."""
        for entry in settings.flows:
            path = Path(entry.file)
            try:
                created_on = path.stat().st_mtime
                flow = read(json.loads(path.read_bytes()), account=entry.account, created_on=created_on)
            except (OSError, ValueError, RecursionError, BadFlow) as error:
                warn(entry.file, f"flow left out: {error}")
                continue
            for note in flow.notes:
                warn(entry.file, note)
            self.put(flow)
