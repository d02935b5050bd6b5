from __future__ import annotations

import asyncio
import itertools

import pytest

from switchhook.core.errors import Unavailable
from switchhook.lab.faults import BAD_WIFI, PERFECT, Faults, Link
from switchhook.lab.network import Address, Network
from switchhook.lab.virtual_time import START, in_virtual_time, run

A, B = "10.0.0.1", "10.0.0.2"
Log = list[tuple[float, bytes]]


async def traffic(seed: int, faults: Faults, count: int = 400, stranger: bool = False) -> Log:
    """Sends numbered datagrams from A to B, one per 10 ms, and returns what arrived when."""
    network = Network(seed=seed, faults=faults)
    loop = asyncio.get_running_loop()
    log: Log = []
    network.bind(B, 5060, lambda payload, source: log.append((round(loop.time() - START, 9), payload)))
    a = network.bind(A, 5060, lambda payload, source: None)
    c = network.bind("10.0.0.3", 5060, lambda payload, source: None)
    for i in range(count):
        a.send(b"%d" % i, (B, 5060))
        if stranger:
            c.send(b"stranger", (A, 5060))
        await asyncio.sleep(0.01)
    await asyncio.sleep(1)
    return log


def test_the_same_seed_gives_the_same_run_and_another_does_not() -> None:
    first, second, other = (run(traffic(seed, BAD_WIFI)) for seed in (7, 7, 8))
    assert first == second
    assert first != other


def test_traffic_on_another_link_changes_nothing_on_this_one() -> None:
    assert run(traffic(7, BAD_WIFI)) == run(traffic(7, BAD_WIFI, stranger=True))


def test_loss_is_about_what_was_asked_for() -> None:
    arrived = len(run(traffic(3, Faults(loss=0.3), count=2000)))
    assert 1300 <= arrived <= 1500


def test_jitter_alone_keeps_the_order() -> None:
    log = run(traffic(5, Faults(delay_ms=10, jitter_ms=50)))
    assert [payload for _, payload in log] == [b"%d" % i for i in range(400)]
    gaps = {round(after[0] - before[0], 4) for before, after in itertools.pairwise(log)}
    assert len(gaps) > 50


def test_reordering_and_duplicates() -> None:
    log = [int(payload) for _, payload in run(traffic(5, Faults(reorder=0.1, reorder_ms=25, duplicate=0.1)))]
    assert sorted(set(log)) == list(range(400))
    assert log != sorted(log)
    assert 420 <= len(log) <= 460


@in_virtual_time
async def test_datagrams_of_one_moment_arrive_as_they_were_sent() -> None:
    network = Network(faults=PERFECT)
    got: list[int] = []
    network.bind(B, 1, lambda payload, source: got.append(int(payload)))
    a = network.bind(A, 1, lambda payload, source: None)
    for i in range(200):
        a.send(b"%d" % i, (B, 1))
    await asyncio.sleep(0.001)
    assert got == list(range(200))


@in_virtual_time
async def test_a_partition_cuts_and_heals() -> None:
    network = Network(seed=1)
    got: list[tuple[bytes, Address]] = []
    network.bind(B, 5060, lambda payload, source: got.append((payload, source)))
    a = network.bind(A, 5060, lambda payload, source: None)
    a.send(b"one", (B, 5060))
    await asyncio.sleep(1)
    network.partition(A, B)
    a.send(b"two", (B, 5060))
    await asyncio.sleep(1)
    network.heal(A, B)
    a.send(b"three", (B, 5060))
    await asyncio.sleep(1)
    assert got == [(b"one", (A, 5060)), (b"three", (A, 5060))]
    assert network.link((A, 5060), (B, 5060)).count.lost == 1


@in_virtual_time
async def test_faults_between_two_hosts_leave_others_alone() -> None:
    network = Network(seed=1)
    got: list[bytes] = []
    network.bind(B, 1, lambda payload, source: got.append(payload))
    a = network.bind(A, 1, lambda payload, source: None)
    c = network.bind("10.0.0.3", 1, lambda payload, source: None)
    network.faults(Faults(loss=1.0), A, B)
    a.send(b"a", (B, 1))
    c.send(b"c", (B, 1))
    await asyncio.sleep(1)
    assert got == [b"c"]


@in_virtual_time
async def test_addresses_are_taken_freed_and_missed() -> None:
    network = Network()
    a = network.bind(A, 0, lambda payload, source: None)
    b = network.bind(A, 0, lambda payload, source: None)
    assert a.address != b.address
    with pytest.raises(Unavailable, match="in use"):
        network.bind(*a.address, lambda payload, source: None)
    a.close()
    a.close()
    network.bind(*a.address, lambda payload, source: None)
    b.send(b"x", (B, 9))
    await asyncio.sleep(1)
    assert network.unreachable == 1


def test_a_link_draws_the_same_whatever_the_faults() -> None:
    calm = Link(Faults(jitter_ms=10), 1, "a>b")
    lossy = Link(Faults(jitter_ms=10, loss=0.5), 1, "a>b")
    arrivals = [(calm.carry(float(i)), lossy.carry(float(i))) for i in range(100)]
    assert all(lost == () or lost == kept for kept, lost in arrivals)
    assert any(lost == () for _, lost in arrivals)


@pytest.mark.parametrize("wrong", [{"loss": 1.5}, {"duplicate": -0.1}, {"delay_ms": -1}])
def test_impossible_faults_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        Faults(**wrong)  # type: ignore[arg-type]
