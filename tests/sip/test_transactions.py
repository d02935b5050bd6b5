"""The four machines on a virtual clock: every timer of RFC 3261 17 and RFC 6026 (each row: `test_transitions`)."""

from __future__ import annotations

import pytest

from switchhook.sip import machines
from switchhook.sip.build import Draft, response
from switchhook.sip.counters import Counters
from switchhook.sip.flow import Flow
from switchhook.sip.message import parse
from switchhook.sip.timers import Timers
from switchhook.sip.tokens import Tokens
from switchhook.sip.transactions import Transactions

UDP = Flow("udp", "10.0.0.2", 5060, "10.0.0.1:5060")
TCP = Flow("tcp", "10.0.0.2", 5060, "10.0.0.1:5060")


class Bench:
    def __init__(self, flow: Flow = UDP) -> None:
        from random import Random

        self.flow = flow
        self.sent: list[tuple[float, bytes]] = []
        self.told: list[int] = []
        self.timers = Timers()
        self.layer = Transactions(
            self.timers,
            lambda wire, flow, call_id: self.sent.append((self.timers.now, wire)),
            Counters(),
            Tokens("w0", Random(1)),
        )

    def client(self, method: str):
        draft = Draft(method, "sip:b@h", "<sip:a@h>;tag=1", "<sip:b@h>", "call", 1)
        return self.layer.request(
            draft, self.flow, lambda t, m: self.told.append(m.status), lambda t, s: self.told.append(-s)
        )

    def server(self, method: str):
        draft = Draft(method, "sip:b@h", "<sip:a@h>;tag=1", "<sip:b@h>", "call", 1)
        request = parse(draft.wire("SIP/2.0/UDP 10.0.0.2:5060;rport;branch=z9hG4bKq"))
        return self.layer.serve(request, request.via, self.flow)

    def answer(self, status: int, to_tag: str = "t") -> None:
        """Lets the far end answer the last request we sent."""
        request = next(parse(wire) for _, wire in reversed(self.sent) if not wire.startswith((b"SIP/2.0", b"ACK")))
        self.layer.response(parse(response(request, status, tag=to_tag)))

    def pass_time(self, seconds: float) -> None:
        end = self.timers.now + seconds
        while (due := self.timers.next_due()) is not None and due <= end:
            self.timers.advance(due)
        self.timers.advance(end)

    @property
    def times(self) -> list[float]:
        return [at for at, _ in self.sent]


def test_timer_a_and_b():
    bench = Bench()
    bench.client("INVITE")
    bench.pass_time(40)
    assert bench.times == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert bench.told == [-408]
    assert bench.timers.now == 40
    assert not bench.layer.clients


def test_timer_b_without_a_on_tcp():
    bench = Bench(TCP)
    bench.client("INVITE")
    bench.pass_time(31.9)
    assert bench.times == [0]
    assert bench.told == []
    bench.pass_time(0.2)
    assert bench.told == [-408]


def test_a_provisional_response_stops_a_and_b():
    bench = Bench()
    bench.client("INVITE")
    bench.pass_time(0.6)
    bench.answer(180)
    bench.pass_time(300)
    assert bench.times == [0, 0.5]
    assert bench.told == [180]
    assert bench.layer.clients


@pytest.mark.parametrize(("flow", "life"), [(UDP, 32.0), (TCP, 0.0)])
def test_timer_d_acknowledges_again_until_it_ends(flow, life):
    bench = Bench(flow)
    bench.client("INVITE")
    bench.answer(486)
    assert bench.sent[-1][1].startswith(b"ACK ")
    assert bench.told == [486]
    if life:
        bench.pass_time(life - 0.1)
        bench.answer(486)
        assert [w[:3] for _, w in bench.sent] == [b"INV", b"ACK", b"ACK"]
        assert bench.told == [486]
        bench.pass_time(0.2)
    else:
        bench.pass_time(0.01)
    assert not bench.layer.clients


def test_timer_m_passes_every_2xx():
    bench = Bench()
    bench.client("INVITE")
    bench.answer(200, "x")
    bench.pass_time(31.9)
    bench.answer(200, "y")
    assert bench.told == [200, 200]
    bench.pass_time(0.2)
    assert not bench.layer.clients


def test_timer_e_f_and_k():
    bench = Bench()
    bench.client("BYE")
    bench.pass_time(40)
    assert bench.times == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert bench.told == [-408]

    bench = Bench()
    bench.client("BYE")
    bench.pass_time(0.6)
    bench.answer(100)
    bench.pass_time(5)
    assert bench.times == [0, 0.5, 1.5, 5.5]  # E goes on at T2 after a provisional response
    bench.answer(200)
    bench.answer(200)
    assert bench.told == [100, 200]
    bench.pass_time(4.9)
    assert bench.layer.clients
    bench.pass_time(0.2)
    assert not bench.layer.clients


def test_timer_g_h_and_i():
    bench = Bench()
    server = bench.server("INVITE")
    server.respond(486, b"final")
    bench.pass_time(40)
    assert bench.times == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert bench.layer.counters.never_acknowledged == 1
    assert not bench.layer.servers

    bench = Bench()
    server = bench.server("INVITE")
    server.respond(486, b"final")
    server.feed("ack")
    bench.pass_time(4.9)
    assert bench.times == [0]
    assert bench.layer.servers
    bench.pass_time(0.2)
    assert not bench.layer.servers


def test_tcp_has_no_g_but_h():
    bench = Bench(TCP)
    bench.server("INVITE").respond(486, b"final")
    bench.pass_time(31)
    assert bench.times == [0]
    assert bench.layer.servers
    bench.pass_time(2)
    assert not bench.layer.servers


def test_timer_l_absorbs_the_invite_and_passes_acks():
    bench = Bench()
    server = bench.server("INVITE")
    acks = []
    server.on_ack = acks.append
    server.respond(200, b"ok")
    server.feed("request")
    server.feed("ack", server.request)
    assert len(bench.sent) == 1
    assert len(acks) == 1
    bench.pass_time(31.9)
    assert bench.layer.servers
    bench.pass_time(0.2)
    assert not bench.layer.servers


def test_timer_j():
    bench = Bench()
    server = bench.server("BYE")
    server.feed("request")
    assert bench.sent == []
    server.respond(200, b"ok")
    server.respond(500, b"second")
    server.feed("request")
    assert [w for _, w in bench.sent] == [b"ok", b"ok"]
    bench.pass_time(31.9)
    assert bench.layer.servers
    bench.pass_time(0.2)
    assert not bench.layer.servers


def test_a_non_invite_sends_no_provisional_response():
    bench = Bench()
    server = bench.server("BYE")
    server.respond(180, b"no")
    assert bench.sent == []


def test_cancel_gives_up_after_64_t1():
    bench = Bench()
    client = bench.client("INVITE")
    bench.answer(180)
    client.cancel("")
    bench.pass_time(31)
    assert bench.told == [180]
    bench.pass_time(2)
    assert bench.told == [180, -408]


def test_a_broken_connection():
    bench = Bench(TCP)
    bench.client("INVITE")
    bench.client("BYE")
    bench.layer.broken(TCP)
    assert bench.told == [-503, -503]
    assert not bench.layer.clients


def test_requests_without_the_magic_cookie():
    bench = Bench()
    draft = Draft("INVITE", "sip:b@h", "<sip:a@h>;tag=1", "<sip:b@h>", "call", 1)
    request = parse(draft.wire("SIP/2.0/UDP 10.0.0.2:5060;branch=1"))
    server = bench.layer.serve(request, request.via, UDP)
    again = parse(draft.wire("SIP/2.0/UDP 10.0.0.2:5060;branch=1"))
    assert bench.layer.seen(again, again.via) is server
    ack = parse(draft.failure_ack("<sip:b@h>;tag=9").wire("SIP/2.0/UDP 10.0.0.2:5060;branch=1"))
    assert bench.layer.seen(ack, ack.via) is server
    other = parse(
        Draft("INVITE", "sip:b@h", "<sip:a@h>;tag=2", "<sip:b@h>", "call", 1).wire("SIP/2.0/UDP 10.0.0.2:5060")
    )
    assert bench.layer.seen(other, other.via) is None


ACTIONS = {
    "send",
    "resend",
    "pass",
    "ack",
    "back_off",
    "settle",
    "no_wait",
    "start_G",
    "timeout",
    "broken",
    "unacknowledged",
}


@pytest.mark.parametrize("name", ["INVITE_CLIENT", "NON_INVITE_CLIENT", "INVITE_SERVER", "NON_INVITE_SERVER"])
def test_tables_are_closed(name):
    table = getattr(machines, name)
    reached = {state for state, _ in table.values()} | {machines.CALLING, machines.TRYING, machines.PROCEEDING}
    for (state, _), (following, actions) in table.items():
        assert state in reached
        assert following == machines.TERMINATED or any(one == following for one, _ in table)
        assert all(action in ACTIONS or action.startswith("wait_") for action in actions)


def test_timers_fire_in_order_of_time_then_of_start():
    timers = Timers()
    fired = []
    timers.start(1.0, lambda: fired.append("b"))
    timers.start(0.5, lambda: fired.append("a"))
    timers.start(1.0, lambda: fired.append("c"))
    timers.start(0.7, lambda: fired.append("never")).cancel()
    timers.start(0.5, lambda: timers.start(0.5, lambda: fired.append("d")))
    assert timers.next_due() == 0.5
    while (due := timers.next_due()) is not None:
        timers.advance(due)
    assert fired == ["a", "b", "c", "d"]
    assert timers.now == 1.0


def test_whoever_ticks_is_woken_when_a_first_timer_starts():
    timers = Timers()
    woken = []
    timers.on_start = lambda: woken.append(timers.now)
    first = timers.start(0.5, lambda: None)
    timers.start(4.0, lambda: None).cancel()
    assert len(woken) == 1
    first.cancel()
    assert timers.next_due() is None
    timers.start(0.5, lambda: None)
    assert len(woken) == 2
