"""All flows, by name; and the search of many of them on all cores, one flow at a time in each process."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from tests.sip.interleavings.flows import FLOWS
from tests.sip.interleavings.forks import FORKS
from tests.sip.interleavings.house_crossings import CALLS, MORE_TRANSFERS
from tests.sip.interleavings.house_fallbacks import FALLBACKS
from tests.sip.interleavings.house_flows import PLAIN, TRANSFERS
from tests.sip.interleavings.search import Found, Playable, search

TWO, FORKED, SERVED, TRANSFERRED = "two telephones", "forked", "server", "transfer"

GROUPS: dict[str, tuple[Playable, ...]] = {
    TWO: FLOWS,
    FORKED: FORKS,
    SERVED: (*PLAIN, *CALLS),
    TRANSFERRED: (*TRANSFERS, *MORE_TRANSFERS, *FALLBACKS),
}
PAIRS = {TWO: 40, FORKED: 20, SERVED: 6, TRANSFERRED: 6}  # for each flow, in `make test`
EVERY: dict[str, Playable] = {f"{group}: {flow.name}": flow for group, flows in GROUPS.items() for flow in flows}


def group_of(name: str) -> str:
    return name.partition(": ")[0]


def tested(name: str) -> Found:
    """Searches a flow as `make test` does."""
    return searched(name, PAIRS[group_of(name)])


def searched(name: str, pairs: int, triples: int = 0) -> Found:
    """Searches the flow of that name in `EVERY`."""
    return search(EVERY[name], pairs, triples)


def niced(nice: int) -> None:
    os.nice(nice)


def processes(count: int = 0, nice: int = 0) -> ProcessPoolExecutor:
    """Returns a pool for `searched`, with as many processes as there are cores unless told otherwise."""
    return ProcessPoolExecutor(
        count or os.cpu_count() or 1, mp_context=get_context("spawn"), initializer=niced, initargs=(nice,)
    )


def of_groups(groups: Iterable[str]) -> list[str]:
    """Returns the names of the flows of these groups."""
    return [name for name in EVERY if group_of(name) in set(groups)]
