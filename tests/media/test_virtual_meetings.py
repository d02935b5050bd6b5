"""Two things at once, each pair by its name: a key and a switch, a hold and a talker, a report and another telephone.

What a walk over all of them (`test_virtual_pairs`) finds and what it cannot reach: doubled packets, long keys, holds.
"""

from __future__ import annotations

import struct
from itertools import pairwise

import msgspec
import pytest

from switchhook.media import rtcp, rtp
from tests.media.virtual import Stage, small_table, voice

TABLE = small_table(4)
A, B, C = 0, 1, 2


class Call:
    """Telephones that speak every 20 ms, numbered and stamped by the clock of the stage."""

    def __init__(self, hears: dict[int, list[int]]) -> None:
        self.stage = Stage(TABLE, 3)
        self.stage.hear(hears)
        self.seq = [100, 200, 300]
        self.speak(20)
        self.stage.sent.clear()

    @property
    def ts(self) -> int:
        return 40 * self.stage.number

    def speak(self, frames: int, rows: tuple[int, ...] = (A, B, C)) -> None:
        for _ in range(frames):
            for row in rows:
                self.send(row, rtp.PCMU, self.ts, voice(row))
            self.wait(1)

    def wait(self, frames: int) -> None:
        for _ in range(4 * frames):
            self.stage.phase()
            self.stage.inbound.listen(self.stage.now)

    def send(self, row: int, kind: int, ts: int, payload: bytes, *, times: int = 1, ssrc: int = 0) -> None:
        self.seq[row] += 1
        for _ in range(times):
            self.stage.arrive(row, rtp.Packet(kind, False, self.seq[row], ts & 0xFFFFFFFF, ssrc or 70 + row, payload))

    def key(self, row: int, ts: int, duration: int, *, end: bool = False, times: int = 1) -> None:
        self.send(row, 101, ts, struct.pack("!BBH", 5, 0x8A if end else 10, duration), times=times)

    def down(self, row: int, begun: int, frames: range, *, beside: bool = False) -> None:
        """Holds a key, from its frame to its frame, perhaps with audio beside it."""
        for n in frames:
            self.key(row, begun, 160 * (n + 1))
            if beside:
                self.send(row, rtp.PCMU, self.ts, voice(row))
            self.wait(1)

    def up(self, row: int, begun: int, frames: int) -> None:
        for _ in range(3):
            self.key(row, begun, 160 * frames, end=True)
            self.wait(1)

    def heard(self, row: int) -> list[tuple[float, rtp.Packet]]:
        return self.stage.sent.get(row, [])

    def keys(self, row: int) -> list[tuple[int, int]]:
        """Returns each key that a listener got: its longest duration, and how many packets had the end bit."""
        found: dict[int, tuple[int, int]] = {}
        for _, packet in self.heard(row):
            if packet.payload_type == 101:
                _, flags, duration = struct.unpack("!BBH", packet.payload)
                longest, ends = found.get(packet.ts, (0, 0))
                found[packet.ts] = max(longest, duration), ends + (flags >> 7)
        return list(found.values())

    def whole(self, row: int, slack: int = 320) -> None:
        """One stream without a hole; what is no key is on the clock, and never inside a key."""
        heard = self.heard(row)
        assert {(b.seq - a.seq) & 0xFFFF for (_, a), (_, b) in pairwise(heard)} == {1}
        begun, first = heard[0]
        for at, packet in heard:
            off = (packet.ts - first.ts & 0xFFFFFFFF) - (at - begun) * 8_000
            assert packet.payload_type == 101 or abs(off) <= slack, off

    def digits(self) -> str:
        found = [msgspec.json.decode(each) for each in self.stage.outbox.unsent()]
        return "".join(each["digit"] for each in found if each["is"] == "digit")


PAIR: dict[int, list[int]] = {A: [B], B: [A], C: []}
ROOM = {A: [B, C], B: [A, C], C: [A, B]}


@pytest.fixture
def call() -> Call:
    return Call(PAIR)


# --- a key and who hears it


def test_a_key_that_is_down_when_its_telephone_is_switched_to_is_pressed_behind_it_in_time(call: Call) -> None:
    begun = call.ts
    call.down(B, begun, range(75))
    call.stage.hear({C: [B]})
    call.down(B, begun, range(75, 95))
    call.up(B, begun, 95)
    call.speak(400, (A, B))
    call.whole(C)
    call.whole(A)
    assert (call.keys(A), len(call.keys(C))) == ([(95 * 160, 3)], 1)
    assert call.digits() == "5"


def test_the_end_packets_of_a_key_that_completes_a_transfer_are_no_key_for_who_is_switched_to(call: Call) -> None:
    begun = call.ts
    call.down(B, begun, range(10))
    call.key(B, begun, 1_600, end=True)
    call.wait(1)
    assert call.digits() == "5"
    call.stage.hear({C: [B], A: []})
    call.up(B, begun, 10)
    call.speak(50)
    assert (call.keys(A), call.keys(C)) == ([(1_600, 3)], [])
    call.whole(C)
    call.whole(A)


@pytest.mark.parametrize("how", ["room", "recorded"])
def test_a_key_during_which_its_listener_begins_to_be_mixed_is_ended_at_once_and_not_pressed_twice(
    call: Call, how: str
) -> None:
    begun = call.ts
    call.down(B, begun, range(5))
    if how == "room":
        call.stage.hear(ROOM)
    else:
        record = {"say": "record", "slot": 0, "use": 9, "left": [[A, 1]], "right": [], "ears": [[A, 1]]}
        call.stage.take({**record, "limit": 0, "paused": False, "channels": 2})
        call.stage.desk.settle()
    call.down(B, begun, range(5, 10))
    call.up(B, begun, 10)
    call.speak(50)
    assert call.keys(A) == [(800, 3)]
    call.whole(A)


def test_a_key_during_which_its_listener_leaves_a_room_is_heard_once(call: Call) -> None:
    call = Call(ROOM)
    begun = call.ts
    call.down(B, begun, range(5))
    call.stage.hear({A: [B]})
    call.down(B, begun, range(5, 10))
    call.up(B, begun, 10)
    call.speak(50)
    assert [ends for _, ends in call.keys(A)] == [3]
    call.whole(A)


def test_who_hangs_up_with_a_key_down_leaves_none_that_never_ends(call: Call) -> None:
    call.down(B, call.ts, range(5))
    call.stage.take({"say": "end", "row": B, "use": 2})
    call.stage.desk.settle()
    call.wait(10)
    assert call.keys(A) == [(800, 3)]
    call.whole(A)


def test_keys_that_are_kept_from_now_on_end_the_one_that_is_down_and_stay_kept_when_the_pump_is_killed(
    call: Call,
) -> None:
    begun = call.ts
    call.down(B, begun, range(5))
    call.stage.take({"say": "keep_keys", "row": B, "use": 2, "on": True})
    call.up(B, begun, 5)
    call.stage.kill()
    call.speak(20)
    begun = call.ts
    call.down(B, begun, range(5))
    call.up(B, begun, 5)
    call.speak(20)
    assert call.keys(A) == [(800, 3)]
    assert call.digits() == "55"


@pytest.mark.parametrize("hears", [PAIR, ROOM], ids=["relayed", "mixed"])
def test_a_pump_killed_between_the_end_packets_of_a_key_reports_it_once(hears: dict[int, list[int]]) -> None:
    call = Call(hears)
    begun = call.ts
    call.down(B, begun, range(5))
    call.key(B, begun, 800, end=True)
    call.wait(1)
    assert call.digits() == "5"
    call.stage.outbox.acknowledged(1 << 20)
    call.stage.kill()
    call.up(B, begun, 5)
    call.speak(20)
    assert call.digits() == ""


@pytest.mark.slow
@pytest.mark.parametrize("frames", [150, 460], ids=["3_s", "9_s"])
@pytest.mark.parametrize("beside", [False, True])
def test_a_long_key_is_one_key_for_who_it_is_relayed_to(call: Call, frames: int, beside: bool) -> None:
    begun, segment = call.ts, 0
    for n in range(frames):
        duration = 160 * (n + 1) - segment
        if duration > 0xFFFF:
            call.key(B, begun + segment, 0xFFFF)
            segment, duration = segment + 0xFFFF, duration - 0xFFFF
        call.key(B, begun + segment, duration)
        if beside:
            call.send(B, rtp.PCMU, call.ts, voice(B))
        call.wait(1)
    call.up(B, begun + segment, frames - segment // 160)
    call.speak(20)
    stamps = sorted({packet.ts for _, packet in call.heard(A) if packet.payload_type == 101})
    assert [b - a for a, b in pairwise(stamps)] == ([0xFFFF] if frames > 410 else [])
    assert call.digits() == "5"
    call.whole(A)


def test_a_key_of_ours_waits_for_one_that_is_relayed(call: Call) -> None:
    begun = call.ts
    call.down(B, begun, range(5))
    call.stage.outbound.press(A, "7", 160)
    call.down(B, begun, range(5, 10))
    call.up(B, begun, 10)
    call.speak(30)
    assert call.keys(A) == [(1_600, 3), (1_280, 3)]
    call.whole(A)


def test_a_key_that_began_as_tones_goes_on_as_tones_when_the_telephone_learns_of_events(call: Call) -> None:
    call.stage.outbound.press(A, "1", 100)
    call.speak(12)
    call.stage.leg(A, digits=None)
    call.stage.outbound.press(A, "7", 400)
    call.speak(10)
    call.stage.leg(A)
    call.speak(30)
    assert call.keys(A) == [(800, 3)]
    call.whole(A)


@pytest.mark.parametrize("killed_after", [1, 4, 9, 10, 12])
@pytest.mark.parametrize("hears", [PAIR, ROOM], ids=["relayed", "mixed"])
def test_a_key_of_ours_that_a_killed_pump_had_down_or_over_is_one_key(
    hears: dict[int, list[int]], killed_after: int
) -> None:
    call = Call(hears)
    order = {"say": "digits", "row": A, "use": 1, "tone_ms": 200}
    call.stage.take({**order, "keys": [["5", 0], ["6", 1]]})
    call.speak(killed_after)
    told = [msgspec.json.decode(each) for each in call.stage.outbox.unsent()]
    over = [event["order"] for event in told if event["is"] == "pressed"]
    call.stage.kill()
    call.speak(2)
    call.stage.take({**order, "keys": [["5", 0], ["6", 1]]})  # control has not heard yet which are over
    call.speak(50)
    codes = {packet.ts: packet.payload[0] for _, packet in call.heard(A) if packet.payload_type == 101}
    assert list(codes.values()) == [5, 6]
    cut = {1: 160, 4: 640, 9: 1_440, 10: 1_600, 12: 1_600}[killed_after]  # let go when the pump died
    (duration, ends), second = call.keys(A)
    assert (abs(duration - cut) <= 160, ends, second) == (True, 3, (1_600, 3))
    call.whole(A)
    assert over == ([0] if killed_after >= 10 else [])


# --- what is not passed on, twice


@pytest.mark.parametrize("kind", [111, 101])
def test_what_is_not_passed_on_leaves_neither_hole_nor_double_though_it_comes_twice(call: Call, kind: int) -> None:
    call.stage.leg(A, digits=None)
    for _ in range(10):
        call.speak(2, (B,))
        call.send(B, kind, call.ts, bytes((5, 10, 0, 160)), times=2)
        call.wait(1)
    call.whole(A)


# --- a hold and a talker


@pytest.mark.parametrize("frames", [5, 50, 95])
def test_what_was_said_while_a_telephone_wanted_nothing_is_no_loss(call: Call, frames: int) -> None:
    call.speak(5)
    call.stage.leg(A, direction=1)
    call.speak(frames)
    call.stage.leg(A, direction=0)
    call.speak(20)
    call.whole(A)


# --- a report and another telephone


def reported(stage: Stage, ssrc: int, source: tuple[str, int], second: float) -> None:
    theirs = rtcp.build(rtcp.Report(ssrc, (), rtcp.ntp(second), 0, 0, 0), "phone")
    stage.reporter.receive(B, theirs, source, stage.now)


def test_reports_follow_the_telephone_to_its_new_address(call: Call) -> None:
    host, port = call.stage.address(B)
    reported(call.stage, 70 + B, (host, 9_999), 1.0)
    assert call.stage.reporter._target(B) == (host, 9_999)
    call.stage.leg(B, remote=["10.0.0.2", port])
    assert call.stage.reporter._target(B) == ("10.0.0.2", port + 1)


def test_a_new_stream_is_not_told_that_the_report_of_the_one_before_was_its_own(call: Call) -> None:
    reported(call.stage, 70 + B, call.stage.address(B), 1.5)
    assert call.stage.reporter._block(B, call.stage.now).last_sr != 0
    call.send(B, rtp.PCMU, 5, voice(B), ssrc=999)
    call.wait(1)
    block = call.stage.reporter._block(B, call.stage.now)
    assert (block.ssrc, block.last_sr, block.delay) == (999, 0, 0)
    reported(call.stage, 999, call.stage.address(B), 2.5)
    assert call.stage.reporter._block(B, call.stage.now).last_sr != 0
