"""Overload: what is refused early, what never is, how much is carried meanwhile, and what cannot be piled up."""

from __future__ import annotations

import asyncio

import pytest

from switchhook.core.events import LegAnswered, LegArrived, LegGone
from switchhook.exchange.ports import Direction
from switchhook.sip.connection import Dropped
from switchhook.sip.counters import Counters
from switchhook.sip.digest import MAX_USED, Authenticator
from switchhook.sip.engine import MAX_REFUSED, STORM
from switchhook.sip.flow import Flow
from switchhook.sip.lateness import PULSE_S, REST_S, Lateness
from switchhook.sip.overload import Admission, Reason
from switchhook.sip.sockets import MAX_OF_ONE_HOST, MAX_UNFINISHED, Sockets
from switchhook.sip.timers import T1
from switchhook.sip.valve import PERIOD_S, QUIET_S, STOPPED
from tests.sip.house import House
from tests.sip.link import Person, Wire

SERVER = "10.0.0.100"


@pytest.fixture
def wire():
    return Wire()


@pytest.fixture
def house(wire):
    return House(wire, on=None)


def carrier(wire: Wire, **more) -> Person:
    return Person(wire, "carrier", "10.0.0.50", SERVER, **more)


def behind(house: House, seconds: float = 0.3) -> None:
    """The server falls behind for three periods, and everything that the floor allows has been taken."""
    for period, share in enumerate((0, 0, 1, 2, 3), 1):
        house.line.admission.observe(seconds * share / 3, house.wire.now + period * PERIOD_S)
    while house.line.admission.judge(b"I") is None:
        pass


def request(method: str, number: int, *, host: str = "10.9.9.9", extra: str = "", to_tag: str = "") -> bytes:
    tag = f";tag={to_tag}" if to_tag else ""
    return (
        f"{method} sip:1001@example.org SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP {host}:5060;rport;branch=z9hG4bK-{method}-{number}\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:nobody@{host}>;tag=f{number}\r\nTo: <sip:1001@example.org>{tag}\r\n"
        f"Call-ID: flood-{number}\r\nCSeq: 1 {method}\r\nContact: <sip:nobody@{host}>\r\n"
        f"{extra}Content-Length: 0\r\n\r\n"
    ).encode()


def flow(host: str = "10.9.9.9", port: int = 5060) -> Flow:
    return Flow("udp", host, port, f"{SERVER}:5060")


# --- what is refused, and what is not


def test_a_new_call_is_refused_early_with_retry_after_and_without_a_transaction(wire, house):
    person = carrier(wire)
    behind(house)
    person.call("1001")
    wire.run(1.0)
    assert not house.told(LegArrived)
    (refusal,) = wire.seen("SIP/2.0 503")
    assert b"\r\nRetry-After: " in refusal
    assert house.line.engine.transactions.live() == 0
    assert house.line.counters.stray_ack == 0  # its ACK was dropped unread
    assert house.line.counters.refused_early == 1
    assert house.line.admission.refused[Reason.DELAY] == 1


def test_the_same_request_gets_the_same_answer_again(wire, house):
    behind(house)
    invite = request("INVITE", 1)
    house.line.receive(invite, flow())
    house.line.receive(invite, flow())
    first, second = wire.seen("SIP/2.0 503")
    assert first == second  # RFC 3261 8.2.7: the tag too


def test_later_than_telephones_send_again_the_refusal_is_silence_over_udp_and_calls_go_on(wire, house):
    person = carrier(wire)
    line = person.call("1001")
    wire.run(0.2)
    house.line.answer(house.arrived.leg)
    wire.run(0.5)
    behind(house, 3 * T1)
    house.line.receive(request("INVITE", 1), flow())
    assert not wire.seen("SIP/2.0 503")
    assert house.line.counters.refused_early == 1
    line.hold(Direction.SENDONLY)
    wire.run(1.0)
    assert wire.seen("SIP/2.0 200")[-1].count(b"a=recvonly") == 1
    assert not house.line.admission.silent(Flow("tcp", "10.9.9.9", 5060, f"{SERVER}:5060"))
    house.line.admission.observe(T1, wire.now + 1.0)
    while house.line.admission.judge(b"I") is None:
        pass
    house.line.receive(request("INVITE", 1), flow())
    assert len(wire.seen("SIP/2.0 503")) == 1  # its copy, when the delay is shorter


def test_the_silence_is_short(wire, house):
    admission = house.line.admission
    behind(house, 3 * T1)
    since = wire.now + 5 * PERIOD_S
    for period in range(1, 30):
        admission.observe(3 * T1, since + period * PERIOD_S)
        assert admission.silent(flow()) is (period < 19)
    admission.observe(T1 / 2, since + 3.0)
    admission.observe(3 * T1, since + 3.1)
    assert admission.silent(flow())


def test_what_belongs_to_a_live_call_is_served_however_late_we_are(wire, house):
    person = carrier(wire)
    line = person.call("1001")
    wire.run(0.2)
    leg = house.arrived.leg
    house.line.answer(leg)
    wire.run(0.5)
    assert house.told(LegAnswered)
    behind(house, 5.0)
    line.hold(Direction.SENDONLY)
    wire.run(1.0)
    assert wire.seen("SIP/2.0 200")[-1].count(b"a=recvonly") == 1
    line.hang_up()
    wire.run(1.0)
    assert [event.leg for event in house.told(LegGone)] == [leg]
    assert not wire.seen("SIP/2.0 503")


def test_a_call_that_was_taken_is_not_refused_when_its_invite_comes_again(wire, house):
    invite = request("INVITE", 1, host="10.0.0.50")
    house.line.receive(invite, flow("10.0.0.50"))
    behind(house)
    house.line.receive(invite, flow("10.0.0.50"))
    assert len(house.told(LegArrived)) == 1
    assert [wire_.split(b" ")[1] for wire_ in wire.seen("SIP/2.0")] == [b"100", b"100"]


def test_options_go_first_and_registrations_last(wire, house):
    behind(house, 0.15)
    house.line.receive(request("OPTIONS", 1), flow())
    house.line.receive(request("REGISTER", 2), flow())
    assert [wire_[8:11] for wire_ in wire.seen("SIP/2.0")] == [b"503", b"401"]


def test_a_flood_of_registrations_is_squeezed_and_calls_are_not(wire, house):
    admission = house.line.admission
    for period in range(1, 20):
        for _ in range(100):
            admission.judge(b"R")
        admission.observe(0.1 + period * 0.005, wire.now + period * PERIOD_S)
    assert any(admission.judge(b"R") is Reason.DELAY for _ in range(1000))
    assert admission.rate is None


@pytest.mark.parametrize("reason", [Reason.AUDIO, Reason.JOURNAL])
def test_another_limit_refuses_calls_alone(reason):
    admission = Admission(Counters(), clock=lambda: 0.0, mark="m", busy=lambda: reason)
    assert admission.judge(b"I") is reason
    assert admission.judge(b"R") is None
    assert admission.judge(b"O") is None


# --- limits and their words


def limited(wire: Wire, most: int) -> House:
    house = House(wire)
    house.line.settings = type(house.line.settings)(
        **{name: getattr(house.line.settings, name) for name in house.line.settings.__slots__} | {"max_legs": most}
    )
    return house


def test_no_more_legs_than_allowed_and_half_of_them_unanswered(wire):
    house = limited(wire, 40)
    for number in range(30):
        house.line.receive(request("INVITE", number, host="10.0.0.50"), flow("10.0.0.50"))
    assert house.line.live_legs == 20
    assert house.line.admission.refused[Reason.HALF_OPEN] == 10
    for event in house.told(LegArrived):
        house.line.answer(event.leg)
    for number in range(30, 60):
        house.line.receive(request("INVITE", number, host="10.0.0.50"), flow("10.0.0.50"))
    assert house.line.live_legs == 40
    assert house.line.admission.refused[Reason.LEGS] == 10


def test_an_overload_is_told_when_it_begins_and_when_it_is_over():
    told: list[tuple[Reason, bool, str]] = []
    admission = Admission(Counters(), clock=lambda: 0.0, mark="m", changed=lambda *each: told.append(each))
    admission.observe(0.2, PERIOD_S)
    assert admission.rate is None  # one stall is no overload
    now = 2 * PERIOD_S
    admission.observe(0.3, now)
    refused = 0
    for number in range(50):
        refused += admission.refusal(request("INVITE", number), flow(), _nothing()) is not None
    assert refused
    assert admission.overloaded
    assert [(reason, on) for reason, on, _ in told] == [(Reason.DELAY, True)]
    while now < 3 * QUIET_S:
        now += PERIOD_S
        admission.observe(0.0, now)
    assert [(reason, on) for reason, on, _ in told] == [(Reason.DELAY, True), (Reason.DELAY, False)]
    assert f"{refused} were refused" in told[-1][2]
    assert not admission.overloaded


def _nothing():
    from random import Random

    from switchhook.sip.timers import Timers
    from switchhook.sip.tokens import Tokens
    from switchhook.sip.transactions import Transactions

    return Transactions(Timers(), lambda *_: None, Counters(), Tokens("w", Random(1)))


# --- when it is no overload (how much is carried: test_valve)


def test_one_stall_of_an_idle_server_closes_nothing():
    """A suspended laptop, a slow disk: the next calls are taken all the same."""
    admission = Admission(Counters(), clock=lambda: 0.0, mark="m")
    for beat in range(1, 100):
        admission.observe(0.4 if beat == 50 else 0.0, beat * 0.05)
        assert admission.rate is None


def test_an_idle_server_that_falls_behind_lets_a_few_calls_in():
    admission = Admission(Counters(), clock=lambda: 0.0, mark="m")
    for beat in (1, 2, 3):
        admission.observe(0.2 * beat, beat * PERIOD_S)
    answers = [admission.judge(b"I") for _ in range(10)]
    assert answers[:3] == [None] * 3
    assert answers[-1] is Reason.DELAY


def test_only_lateness_by_own_work_and_standing_queues_count():
    async def story(share: float, standing: float) -> list[float]:
        loop, seen, clock = asyncio.get_running_loop(), [], iter(range(100))
        now = [0.0]

        class Stalled:
            """A loop whose timers come 0.2 s late."""

            def time(self) -> float:
                return now[0]

            def call_at(self, at: float, call):
                now[0] = at + 0.2
                if len(seen) < 3:
                    loop.call_soon(call)
                return loop.call_soon(lambda: None)

        Lateness(
            Stalled(), lambda: next(clock), lambda delay, _: seen.append(round(delay, 3)), lambda: standing,
            worked=lambda: now[0] * share,
        )  # fmt: skip
        while len(seen) < 3:
            await asyncio.sleep(0)
        return seen

    assert asyncio.run(story(0.9, 0.0)) == [0.2] * 3
    assert asyncio.run(story(0.1, 0.0)) == [0.0] * 3
    assert asyncio.run(story(0.1, 0.3)) == [0.3] * 3


def test_a_loop_without_work_is_looked_at_less_often_until_there_is_some():
    loop = asyncio.new_event_loop()
    now, worked, standing, seen, due = [0.0], [0.0], [0.0], [], []

    class Steps:
        """A loop whose timers are on time, one at a time."""

        def time(self) -> float:
            return now[0]

        def call_at(self, at: float, call):
            due[:] = [(at, call)]
            return loop.call_soon(lambda: None)

    Lateness(
        Steps(), lambda: now[0], lambda delay, at: seen.append((round(at, 3), delay)), lambda: standing[0],
        worked=lambda: worked[0],
    )  # fmt: skip

    def beats(count: int, share: float) -> list[float]:
        """Lets so many looks pass, in which the loop works for that share of the time; returns the pauses before."""
        begin = now[0]
        for _ in range(count):
            (at, call), before = due.pop(), now[0]
            now[0] = at
            worked[0] += (at - before) * share
            call()
        ends = [at for at, _ in seen[-count:]]
        return [round(end - start, 3) for start, end in zip([begin, *ends], ends, strict=False)]

    assert beats(3, 0.02) == [PULSE_S, REST_S, REST_S]
    assert beats(3, 0.3) == [REST_S, PULSE_S, PULSE_S]
    assert beats(2, 0.02) == [PULSE_S, REST_S]
    standing[0] = 0.2
    assert beats(2, 0.02) == [REST_S, PULSE_S]
    assert seen[-1][1] == 0.2
    assert REST_S < STOPPED * PERIOD_S  # a longer pause would be taken for a stop
    loop.close()


# --- what cannot be piled up


def test_refused_requests_are_kept_only_up_to_a_bound(wire, house):
    layer = house.line.engine.transactions
    for number in range(3 * MAX_REFUSED):
        house.line.receive(request("INVITE", number), flow())
    assert layer.refused == len(layer.servers) == MAX_REFUSED
    assert len(layer.merges) <= MAX_REFUSED
    assert len(wire.seen("SIP/2.0 403")) == 3 * MAX_REFUSED
    assert house.line.counters.stateless == 2 * MAX_REFUSED
    house.line.tick()
    wire.tickers.clear()
    house.line.engine.tick(wire.now + 40)
    assert layer.refused == 0
    assert not layer.servers
    assert not layer.merges


def test_a_long_request_is_refused_and_not_kept(wire, house):
    house.line.receive(request("OPTIONS", 1, extra=f"X-Long: {'x' * 30_000}\r\n"), flow())
    assert wire.seen("SIP/2.0 200")
    assert house.clean()


def test_a_storm_and_a_late_ack_stand_in_the_timeline_of_their_leg(wire):
    house = House(wire)
    notes: list[tuple[str, str]] = []
    house.line.engine.note = lambda leg, text: notes.append((leg, text))
    invite = request("INVITE", 1, host="10.0.0.50")
    for _ in range(2 * STORM):
        house.line.receive(invite, flow("10.0.0.50"))
    assert {leg for leg, _ in notes} == {house.arrived.leg}
    assert "INVITE came again" in notes[0][1]
    assert "INVITE again and again" in notes[1][1]
    house.line.receive(request("ACK", 1, host="10.0.0.50", to_tag="gone"), flow("10.0.0.50"))
    assert len(notes) == 3


def test_counts_of_used_nonces_are_bounded_and_none_can_be_used_twice():
    digest = Authenticator("example.org", b"s" * 16)
    nonces = [digest.nonce(1000.0 + n / 1000) for n in range(MAX_USED + 10)]
    now = 1030.0
    assert all(digest._fresh(each, now) and digest._count(each, "1", "auth") for each in nonces)
    assert len(digest._used) <= MAX_USED
    for each in nonces[:: MAX_USED // 50]:
        assert not (digest._fresh(each, now) and digest._count(each, "1", "auth"))


def test_connections_of_one_host_are_bounded_and_silent_ones_are_closed():
    async def story() -> None:
        sockets = Sockets(first_s=0.1)
        await sockets.open([("tcp", "127.0.0.1", 0)])
        port = sockets.addresses[0][2]
        opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(20)]
        for reader, _ in opened:
            assert await asyncio.wait_for(reader.read(), 5) == b""  # nothing whole came, so it was closed
        assert sockets.connections == 0
        assert sockets.dropped[Dropped.SILENT] == len(opened)
        for _, writer in opened:
            writer.close()
        sockets.close()

    asyncio.run(story())


@pytest.mark.slow
def test_no_more_than_so_many_connections_of_one_host():
    async def story() -> None:
        sockets = Sockets()
        await sockets.open([("tcp", "127.0.0.1", 0)])
        port = sockets.addresses[0][2]
        opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(MAX_OF_ONE_HOST + 20)]
        async with asyncio.timeout(5):
            while sockets.refused_connections < 20:
                await asyncio.sleep(0.01)
        assert sockets.connections == MAX_OF_ONE_HOST
        for _, writer in opened:
            writer.close()
        sockets.close()

    asyncio.run(story())


def test_no_more_than_so_many_connections_are_made_at_once():
    async def story() -> None:
        sockets, broken = Sockets(), []
        sockets.on_broken = broken.append
        sockets._most = 2
        flows = [Flow("tcp", "127.0.0.1", port, "127.0.0.1:5060") for port in (1, 2, 3)]
        for flow in flows:
            sockets.send(b"x", flow)
            sockets.send(b"y", flow)
        assert len(sockets._tasks) == 2
        await asyncio.sleep(0)
        assert broken[:2] == [flows[2]] * 2
        assert sockets.refused_connections == 2
        await asyncio.gather(*sockets._tasks)
        sockets.close()

    asyncio.run(story())


def test_who_does_not_read_is_left_before_much_has_piled_up():
    async def story() -> None:
        sockets, flows = Sockets(), asyncio.Queue[Flow]()
        sockets.on_message = lambda _wire, flow: flows.put_nowait(flow)
        await sockets.open([("tcp", "127.0.0.1", 0)])
        _, writer = await asyncio.open_connection("127.0.0.1", sockets.addresses[0][2], limit=1)
        writer.write(b"OPTIONS sip:x SIP/2.0\r\nContent-Length: 0\r\n\r\n")
        flow = await asyncio.wait_for(flows.get(), 5)
        for _ in range(64 * 1024 * 1024 // 60_000):  # more than any system keeps for a reader who sleeps
            sockets.send(b"x" * 60_000, flow)
        assert sockets.dropped[Dropped.SLOW] == 1
        async with asyncio.timeout(5):
            while sockets.connections:
                await asyncio.sleep(0)
        writer.close()
        sockets.close()

    asyncio.run(story())


@pytest.mark.slow
def test_unfinished_messages_of_all_connections_together_are_bounded():
    async def story() -> None:
        sockets = Sockets()
        await sockets.open([("tcp", "127.0.0.1", 0)])
        port = sockets.addresses[0][2]
        piece = b"INVITE sip:x SIP/2.0\r\nX: " + b"x" * 60_000
        opened = []
        for _ in range(MAX_UNFINISHED // len(piece) + 20):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(piece)
            await writer.drain()
            opened.append(writer)
        async with asyncio.timeout(5):
            while sockets.connections == len(opened):
                await asyncio.sleep(0.01)
        assert sockets._unfinished <= MAX_UNFINISHED
        assert sockets.dropped[Dropped.UNFINISHED]
        for writer in opened:
            writer.close()
        async with asyncio.timeout(5):
            while sockets.connections:
                await asyncio.sleep(0.01)
        assert sockets._unfinished == 0
        sockets.close()

    asyncio.run(story())
