"""The audio process is killed twice, and the baresips hear on: the same streams, as tshark sees them.

Two talk (relayed), three confer (mixed), one waits (music). The next process takes over the sockets and the state of
the one before, so each stream keeps its SSRC, numbers and clock; what a kill may cost is a packet here and there.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from itertools import pairwise

import pytest

from switchhook.lab.soak.processes import look
from switchhook.lab.tones import FRAME_S, RATE
from tests.wire.capture import unable
from tests.wire.office import COLD, MERGED, PLAIN, Office, Player, line_of, node_path, user
from tests.wire.performance import PATIENCE_S, Performance, supported, talk, trio, undisturbed
from tests.wire.rig import until
from tests.wire.telephone import BARESIP, MODULES
from tests.wire.test_tshark_streams import stays_on_the_clock, unread

pytestmark = [
    pytest.mark.wire,
    pytest.mark.slow,
    pytest.mark.timeout(PATIENCE_S),
    pytest.mark.skipif(not BARESIP or MODULES is None, reason="baresip is not installed (Debian's baresip-core)"),
]

KILLS = 2
BACK_S = 0.1  # the longest gap that a listener hears
SOON_S = 0.05  # a signal takes effect
CLOCK_S = 0.12  # what comes late after a kill keeps its timestamp
KILLED_AT: list[float] = []  # in each performance


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Performance:
    if why := unable():
        pytest.skip(why)
    return undisturbed(lambda: tmp_path_factory.mktemp("killed"), {PLAIN: _killed})


async def _killed(office: Office, cast: dict[str, Player]) -> None:
    waiting, never, _ = trio(cast, COLD)
    await waiting.calls(line_of(COLD))
    await never.sees("CALL_INCOMING")
    caller, callee = cast[user(PLAIN, "customer")], cast[user(PLAIN, "agent")]
    await caller.calls(callee.user)
    await callee.picks_up()
    customer, agent, target = await supported(office, cast, MERGED)
    asked = {"action": "call", "to": target.user, "role": "agent", "trigger_source": agent.user}
    assert await office.post(node_path(MERGED), asked) == 201
    await target.picks_up()
    await talk()
    for _ in range(KILLS):
        await _kill(office)
        await talk()
    for phone in (waiting, caller, agent, target, customer):
        await phone.hangs_up()


async def _kill(office: Office) -> None:
    before = _pump(office)
    KILLED_AT.append(time.time())
    os.kill(before, signal.SIGKILL)
    await asyncio.to_thread(until, lambda: _pump(office) not in (0, before), 5.0, "another audio process")


def _pump(office: Office) -> int:
    found = look(office.pid, office.database).get("pump")
    return 0 if found is None else found.pid


HEARERS = ("2201", "2401", "2402", "2601", "2602", "2603")


def _most_lost(killed: Performance) -> int:
    """Returns what the kills may cost a stream: a packet each, and what an audio process that was late had at hand."""
    kills = [at for at in KILLED_AT if killed.rtp[0].at <= at <= killed.rtp[-1].at]
    assert len(kills) == KILLS
    return sum(1 + int(killed.excuse_s(at, at) / FRAME_S) for at in kills)


def _lost(killed: Performance, name: str) -> int:
    return sum((after.seq - before.seq & 0xFFFF) - 1 for before, after in pairwise(killed.heard[name]))


@pytest.mark.parametrize("name", HEARERS)
def test_the_stream_goes_on_over_two_kills(killed: Performance, name: str) -> None:
    packets = killed.heard[name]
    assert len({packet.ssrc for packet in packets}) == 1
    assert _lost(killed, name) <= _most_lost(killed), "a kill costs one packet at most"
    for before, after in pairwise(packets):
        late = killed.excuse_s(before.at, after.at)
        killed_then = any(before.at - SOON_S - late <= at <= after.at for at in KILLED_AT)
        assert after.seq - before.seq & 0xFFFF == 1 or killed_then, "a packet is lost where nothing was killed"
        assert after.at - before.at <= BACK_S + late, f"{1000 * (after.at - before.at):.0f} ms"
        assert 0 < after.timestamp - before.timestamp & 0xFFFFFFFF < RATE
    stays_on_the_clock(killed, [packet for packet in packets if packet.payload_type == 0], CLOCK_S)


def test_tshark_misses_no_packet_but_those_that_the_kills_cost(killed: Performance) -> None:
    mine = {killed.heard[name][0].ssrc: name for name in HEARERS}
    judged = {mine[stream.ssrc]: stream for stream in killed.streams if stream.ssrc in mine}
    assert sorted(judged) == sorted(HEARERS)
    assert {name: stream.lost for name, stream in judged.items()} == {name: _lost(killed, name) for name in HEARERS}
    assert not [name for name, stream in judged.items() if stream.problem and not stream.lost]


@pytest.mark.parametrize("name", HEARERS)
def test_the_figures_outlive_the_process(killed: Performance, name: str) -> None:
    (entry,) = killed.kind("MediaStats", name)
    assert abs(len(killed.heard[name]) - int(str(entry.body["sent"]))) <= _most_lost(killed)
    assert 0 <= unread(killed, name) <= 3 + _most_lost(killed), "what came behind its BYE, and what the kills cost"
