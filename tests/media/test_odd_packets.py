"""What telephones send beside the book, on virtual time: what is heard of it, and what is counted."""

from __future__ import annotations

import struct
from collections.abc import Callable
from itertools import pairwise

import msgspec
import numpy as np
import pytest

from switchhook.media import g711, reception, rtcp, rtp
from switchhook.media.digits import Ear
from switchhook.media.inbound import BUGS
from switchhook.media.reporter import MALFORMED
from switchhook.media.strangers import STRANGERS
from switchhook.media.wires import Odd
from tests.media.virtual import STEP, Stage, small_table, voice, who

TABLE = small_table(4)
LISTENER, ODD, OTHER = 0, 1, 2  # who listens to whom: in a relay 0 to 1, mixed 0 to 1 and 2
UNKNOWN = 10  # place in `counters`
PACKETS = 100

# Makes the n-th packet of the odd telephone from the n-th ordinary one; None is none.
Odds = Callable[[int, rtp.Packet], rtp.Packet | bytes | None]


def changed(packet: rtp.Packet, **fields: object) -> rtp.Packet:
    wanted = {name: getattr(packet, name) for name in rtp.Packet.__slots__}
    return rtp.Packet(**{**wanted, **fields})


@pytest.fixture(params=["relayed", "mixed"])
def stage(request: pytest.FixtureRequest) -> Stage:
    """Three legs that have talked for 0.3 s."""
    made = Stage(TABLE, 3)
    TABLE.counters[:] = 0
    if request.param == "relayed":
        made.hear({LISTENER: [ODD], ODD: [LISTENER]})
    else:
        made.hear({LISTENER: [ODD, OTHER], ODD: [LISTENER, OTHER], OTHER: [LISTENER, ODD]})
    talk(made, 15)
    made.sent.clear()
    return made


def talk(stage: Stage, packets: int, odds: Odds = lambda n, packet: packet) -> None:
    """Lets each telephone send so many packets, the odd one what `odds` makes of its own."""
    for n in range(packets):
        for _ in range(4):
            row, number = stage.number % 4, stage.number // 4
            packet = rtp.Packet(0, False, number & 0xFFFF, 160 * number & 0xFFFFFFFF, 70 + row, voice(row))
            if row == ODD:
                made = odds(n, packet)
                if isinstance(made, rtp.Packet):
                    stage.arrive(row, made)
                elif made is not None:
                    stage.wire.queue.append((row, stage.address(row), made))
            elif row in (LISTENER, OTHER):
                stage.arrive(row, packet)
            stage.phase()


def restate(stage: Stage, row: int, **session: object) -> None:
    stage.version += 1
    stage.take({
        "say": "leg", "row": row, "use": row + 1, "version": stage.version, "remote": list(stage.address(row)),
        "codec": 0, "payload": 0, "digits": 101, "noise": None, "direction": 0, "frame_ms": 20, "mux": False,
        "rtcp_port": 0, "latching": 0, "signalling": "10.0.0.1", **session,
    })  # fmt: skip
    stage.desk.settle()


def packets_of(stage: Stage) -> list[rtp.Packet]:
    return [packet for _, packet in stage.sent[LISTENER]]


def digits(stage: Stage) -> str:
    events = [msgspec.json.decode(each) for each in stage.outbox.unsent()]
    return "".join(str(event["digit"]) for event in events if event["is"] == "digit")


def whole(stage: Stage, *, missing: int = 0) -> None:
    """The listener heard the odd telephone all the time, as one stream on the clock."""
    heard = stage.sent[LISTENER]
    packets = packets_of(stage)
    assert len({packet.ssrc for packet in packets}) == 1
    assert {(b.seq - a.seq) & 0xFFFF for a, b in pairwise(packets)} == {1}
    assert all(0 < (b.ts - a.ts) & 0xFFFFFFFF < 1 << 31 for a, b in pairwise(packets))
    for at, packet in heard:
        assert abs(((packet.ts - packets[0].ts) & 0xFFFFFFFF) - (at - heard[0][0]) * 8000) <= 200
    voices = [who(packet) for packet in packets]
    assert sum(found is not None and ODD in found for found in voices) >= PACKETS - missing - 1


# --- streams that begin anew


@pytest.mark.parametrize("seq", [500, -500, 20_000, 0])
@pytest.mark.parametrize("ts", [0, 8_000_000, -8_000])
def test_numbers_that_jump_in_mid_stream_are_a_new_beginning_for_nobody_but_us(stage: Stage, seq: int, ts: int) -> None:
    def jump(n: int, packet: rtp.Packet) -> rtp.Packet:
        if n < 20:
            return packet
        return changed(packet, seq=packet.seq + seq & 0xFFFF, ts=packet.ts + ts & 0xFFFFFFFF)

    talk(stage, PACKETS, jump)
    packets = packets_of(stage)
    if (seq, ts) == (500, 0) and TABLE.voice_count[LISTENER] == 1:  # so many lost packets, as far as anybody can tell
        assert {(b.seq - a.seq) & 0xFFFF for a, b in pairwise(packets)} == {1, 501}
        assert len(packets) == PACKETS
        return
    whole(stage)
    switched = bool(seq or ts) and TABLE.voice_count[LISTENER] == 1
    assert sum(packet.marker for packet in packets) == switched


@pytest.mark.parametrize("swapped", [False, True])
def test_a_new_ssrc_costs_no_frame_and_a_late_packet_of_the_old_one_at_most_two(stage: Stage, swapped: bool) -> None:
    def renew(n: int, packet: rtp.Packet) -> rtp.Packet:
        old = n < 20 if not swapped else n < 19 or n == 20
        return packet if old else changed(packet, ssrc=999, seq=60_000 + n & 0xFFFF, ts=77 + 160 * n)

    talk(stage, PACKETS, renew)
    whole(stage, missing=2 if swapped else 0)
    assert int(TABLE.heard_ssrc[ODD]) == 999


def test_the_losses_of_the_ssrc_before_are_in_the_record_and_not_in_the_next_report(stage: Stage) -> None:
    def lose(n: int, packet: rtp.Packet) -> rtp.Packet | None:
        if n < 20:
            return packet if n % 4 else None
        return changed(packet, ssrc=999) if n != 25 else None

    talk(stage, PACKETS, lose)
    assert reception.lost(TABLE, ODD) == 6
    block = stage.reporter._block(ODD, stage.now)
    assert (block.ssrc, block.lost) == (999, 1)


# --- payload types


def test_who_changes_the_law_of_g711_without_a_word_is_heard_all_the_time(stage: Stage) -> None:
    def other_law(n: int, packet: rtp.Packet) -> rtp.Packet:
        return changed(packet, payload_type=8, payload=voice(ODD, g711.ALAW)) if n // 10 % 2 else packet

    talk(stage, PACKETS, other_law)
    whole(stage)
    assert {packet.payload_type for packet in packets_of(stage)} == {0}
    assert int(TABLE.counters[UNKNOWN]) == 0


def test_a_payload_type_that_was_not_agreed_is_counted_and_leaves_no_hole(stage: Stage) -> None:
    def opus(n: int, packet: rtp.Packet) -> rtp.Packet:
        return changed(packet, payload_type=111, payload=b"\x78" * 30) if n % 10 == 5 else packet

    talk(stage, PACKETS, opus)
    if TABLE.voice_count[LISTENER] == 1:
        assert {(b.seq - a.seq) & 0xFFFF for a, b in pairwise(packets_of(stage))} == {1}
    assert int(TABLE.counters[UNKNOWN]) == 10
    assert reception.lost(TABLE, ODD) == 0


def test_a_payload_type_that_was_not_agreed_says_nothing_of_the_ssrc(stage: Stage) -> None:
    stage.wire.queue += [
        (ODD, stage.address(ODD), rtp.build(rtp.Packet(111, False, 9 + n, 9, 0xDEAD, bytes(20)))) for n in range(20)
    ]
    talk(stage, PACKETS)
    whole(stage)
    assert int(TABLE.heard_ssrc[ODD]) == 70 + ODD
    assert int(TABLE.counters[UNKNOWN]) == 20
    assert reception.lost(TABLE, ODD) == 0


@pytest.mark.parametrize(("kind", "length"), [(0, 800), (101, 0), (101, 1), (101, 3), (101, 800), (13, 800)])
def test_what_is_too_long_or_too_short_for_what_it_says_it_is_goes_to_nobody(
    stage: Stage, kind: int, length: int
) -> None:
    restate(stage, ODD, noise=13)
    restate(stage, LISTENER, noise=13)
    stage.sent.clear()

    def wrong(n: int, packet: rtp.Packet) -> rtp.Packet:
        return changed(packet, payload_type=kind, payload=bytes(length)) if n % 10 == 5 else packet

    talk(stage, PACKETS, wrong)
    packets = packets_of(stage)
    assert {packet.payload_type for packet in packets} == {0}
    assert {len(packet.payload) for packet in packets} == {160}
    assert {(b.seq - a.seq) & 0xFFFF for a, b in pairwise(packets)} == {1}
    assert int(TABLE.counters[UNKNOWN]) == 10
    assert digits(stage) == ""


def test_an_empty_packet_harms_nobody_while_a_buffer_waits_for_a_quiet_frame(stage: Stage) -> None:
    TABLE.shift[ODD] = 1

    def keepalive(n: int, packet: rtp.Packet) -> rtp.Packet:
        return changed(packet, payload=b"") if n % 20 == 10 else packet

    talk(stage, PACKETS, keepalive)
    assert len({packet.ssrc for packet in packets_of(stage)}) == 1
    assert {(b.seq - a.seq) & 0xFFFF for a, b in pairwise(packets_of(stage))} == {1}


@pytest.mark.parametrize("both", [True, False])
def test_comfort_noise_passes_between_those_who_have_it(both: bool) -> None:
    stage = Stage(TABLE, 3)
    stage.hear({LISTENER: [ODD], ODD: [LISTENER]})
    restate(stage, ODD, noise=13)
    if both:
        restate(stage, LISTENER, noise=13)
    seq = 0

    def silences(n: int, packet: rtp.Packet) -> rtp.Packet | None:
        nonlocal seq
        if n % 50 >= 20 and n % 10:
            return None
        seq += 1
        packet = changed(packet, seq=seq, marker=n % 50 == 0)
        return packet if n % 50 < 20 else changed(packet, payload_type=13, payload=b"\x40")

    talk(stage, PACKETS, silences)
    heard = packets_of(stage)
    first = next(n for n, packet in enumerate(heard) if who(packet) == {ODD})  # before it, noise of our own
    heard = heard[first:]
    assert {(b.seq - a.seq) & 0xFFFF for a, b in pairwise(heard)} == {1}
    noises = [packet for packet in heard if packet.payload_type == 13]
    assert len(noises) == (6 if both else 0)
    assert all(packet.payload == b"\x40" for packet in noises)
    assert [n for n, packet in enumerate(heard) if packet.marker] == [0, 23 if both else 20]
    assert (heard[-1].ts - heard[0].ts) & 0xFFFFFFFF == 160 * (90 if both else 69)  # the clock ran on


@pytest.mark.parametrize("ms", [10, 30, 40, 60])
def test_frames_of_other_lengths_pass_as_they_are_and_are_cut_where_they_are_mixed(stage: Stage, ms: int) -> None:
    payload = g711.encode(np.full(8 * ms, STEP << ODD, np.int16), g711.ULAW).tobytes()
    begun, sent = stage.number, 0
    for _ in range(480):
        row, number = stage.number % 4, stage.number // 4
        if row in (LISTENER, OTHER):
            stage.arrive(row, rtp.Packet(0, False, number, 160 * number, 70 + row, voice(row)))
        while (stage.number - begun) * 5 >= sent * ms:
            stage.arrive(ODD, rtp.Packet(0, False, 9_000 + sent, 5_000_000 + 8 * ms * sent, 70 + ODD, payload))
            sent += 1
        stage.phase()
    packets = packets_of(stage)
    assert {(b.seq - a.seq) & 0xFFFF for a, b in pairwise(packets)} == {1}
    step = 8 * ms if TABLE.voice_count[LISTENER] == 1 else 160
    assert {(b.ts - a.ts) & 0xFFFFFFFF for a, b in pairwise(packets[1:])} == {step}
    assert {len(packet.payload) for packet in packets} == {step}
    heard = [who(packet) for packet in packets[4:]]
    assert all(found is not None and ODD in found for found in heard)


# --- reports and nonsense


def report(about: int) -> bytes:
    block = rtcp.Block(about, 0, 7, 100, 80)
    return rtcp.build(rtcp.Report(70 + ODD, (block,), rtcp.ntp(1e9), 1, 2, 3), "phone")


def test_a_report_on_the_audio_port_is_read_though_nobody_agreed_to_it(stage: Stage) -> None:
    def reports(n: int, packet: rtp.Packet) -> rtp.Packet | bytes:
        if n % 20 == 10:
            stage.arrive(ODD, packet)
            return report(int(TABLE.ssrc[ODD]))
        return packet

    talk(stage, PACKETS, reports)
    whole(stage)
    assert (int(TABLE.remote_lost[ODD]), float(TABLE.remote_jitter[ODD])) == (7, 10.0)
    assert int(TABLE.heard_ssrc[ODD]) == 70 + ODD
    assert int(TABLE.received[ODD]) == 15 + PACKETS  # reports are no audio
    assert stage.reporter._target(ODD) == (stage.address(ODD)[0], stage.address(ODD)[1] + 1)


@pytest.mark.parametrize(
    ("source", "packet", "strange", "malformed"),
    [
        (("10.9.9.9", 7), report(5), 1, 0),
        (("10.9.9.9", 7), b"\x80\xc8\x00\x40xxxx", 1, 0),
        (("10.0.0.1", 4003), b"\x80\xc8\x00\x40xxxx", 0, 1),
        (("10.0.0.1", 4003), b"", 0, 1),
        (("10.0.0.1", 4003), report(5), 0, 0),
    ],
    ids=["a_strangers", "a_strangers_broken_one", "a_broken_one", "an_empty_one", "a_good_one"],
)
def test_reports_of_strangers_and_broken_ones_are_told_apart(
    source: tuple[str, int], packet: bytes, strange: int, malformed: int
) -> None:
    stage = Stage(TABLE, 3)
    TABLE.counters[:] = 0
    stage.inbound._odd(Odd(ODD, True, source, packet), stage.number, stage.now)
    assert (int(TABLE.counters[STRANGERS]), int(TABLE.counters[MALFORMED])) == (strange, malformed)
    assert int(TABLE.strangers[ODD]) == strange


def test_who_shares_the_telephones_address_cannot_draw_its_reports_to_himself() -> None:
    stage = Stage(TABLE, 3)
    talk(stage, 5)
    own = stage.address(ODD)[0], stage.address(ODD)[1] + 1
    for ssrc, port, target in ((0xBAD, 9_999, own), (70 + ODD, 4_444, (own[0], 4_444)), (0xBAD, 9, (own[0], 4_444))):
        packet = rtcp.build(rtcp.Report(ssrc), "somebody")
        stage.inbound._odd(Odd(ODD, True, (own[0], port), packet), stage.number, stage.now)
        assert stage.reporter._target(ODD) == target


def test_packets_of_another_version_are_counted_and_change_nothing(stage: Stage) -> None:
    def versions(n: int, packet: rtp.Packet) -> rtp.Packet:
        for version in (0, 1, 3):
            wrong = bytearray(rtp.build(changed(packet, ssrc=5, seq=n)))
            wrong[0] = wrong[0] & 0x3F | version << 6
            stage.wire.queue.append((ODD, stage.address(ODD), bytes(wrong)))
        return packet

    talk(stage, PACKETS, versions)
    whole(stage)
    assert int(TABLE.counters[MALFORMED]) == 3 * PACKETS
    assert int(TABLE.received[ODD]) == 15 + PACKETS


@pytest.mark.parametrize("by", [1, 2, 3, 5, 10])
def test_reordered_packets_are_passed_as_they_came_and_mixed_in_their_order(stage: Stage, by: int) -> None:
    held: dict[int, rtp.Packet] = {}

    def late(n: int, packet: rtp.Packet) -> rtp.Packet | None:
        if n in held:
            stage.arrive(ODD, held.pop(n))
        if n % 20 == 5 and n + by < PACKETS:
            held[n + by] = packet
            return None
        return packet

    talk(stage, PACKETS, late)
    packets = packets_of(stage)
    if TABLE.voice_count[LISTENER] == 1:
        base = min(packet.seq for packet in packets)
        assert sorted(packet.seq - base for packet in packets) == list(range(PACKETS))
        assert len({(packet.ts - 160 * packet.seq) & 0xFFFFFFFF for packet in packets}) == 1
    else:
        whole(stage, missing=0 if by == 1 else 5)
    assert reception.lost(TABLE, ODD) == 0
    assert int(TABLE.duplicated[ODD]) == 0


def test_a_packet_that_we_fail_over_is_counted_and_told_and_harms_nobody_else(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise IndexError("a bug of ours")

    monkeypatch.setattr(Ear, "packet", fails)
    monkeypatch.setattr(stage.reporter, "receive", fails)
    event = rtp.build(rtp.Packet(101, True, 40, 6_400, 70 + ODD, struct.pack("!BBH", 5, 10, 160)))
    for packet, source in ((event, stage.address(ODD)), (report(5), stage.address(ODD)), (report(5), ("10.9.9.9", 7))):
        stage.wire.queue.append((ODD, source, packet))
        stage.arrive(LISTENER, rtp.Packet(0, False, 40, 6_400, 70 + LISTENER, voice(LISTENER)))
        before = int(TABLE.received[LISTENER])
        stage.inbound.receive(stage.number, stage.now)
        assert int(TABLE.received[LISTENER]) == before + 1
    assert int(TABLE.counters[BUGS]) == 3
    assert capsys.readouterr().err.count("IndexError: a bug of ours") == 3
    TABLE.counters[BUGS] = 10
    stage.wire.queue.append((ODD, stage.address(ODD), report(5)))
    stage.inbound.receive(stage.number, stage.now)
    assert capsys.readouterr().err == ""  # a log that fills is no help


# --- keys


def press(stage: Stage, code: int, *, ts: int, ssrc: int, first: int, kind: int = 101, audio: bool = False) -> None:
    """Sends a key press of 100 ms, with or without the audio beside it."""
    for n in range(8):
        payload = struct.pack("!BBH", code, 0x8A if n > 4 else 10, 160 * min(5, n + 1))
        stage.arrive(ODD, rtp.Packet(kind, n == 0, first + n & 0xFFFF, ts & 0xFFFFFFFF, ssrc, payload))
        if audio:
            talk(stage, 1)
        else:
            stage.phase()


def keys_heard(stage: Stage) -> list[tuple[int, int]]:
    """Returns (code, number of packets) of each event that the listener got, by its timestamp."""
    found: dict[int, tuple[int, int]] = {}
    for packet in packets_of(stage):
        if packet.payload_type == 101:
            found[packet.ts] = packet.payload[0], found.get(packet.ts, (0, 0))[1] + 1
    return list(found.values())


def test_keys_with_the_number_that_we_offered_are_taken_where_another_was_answered(stage: Stage) -> None:
    restate(stage, ODD, digits=96)
    press(stage, 5, ts=160 * stage.number // 4, ssrc=70 + ODD, first=stage.number // 4)
    talk(stage, 30)
    assert digits(stage) == "5"
    assert [code for code, _ in keys_heard(stage)] == [5]
    assert keys_heard(stage)[0][1] >= 7  # pressed anew where it is mixed


def test_without_an_agreement_on_keys_that_number_is_no_key(stage: Stage) -> None:
    restate(stage, ODD, digits=None)
    press(stage, 5, ts=160 * stage.number // 4, ssrc=70 + ODD, first=stage.number // 4)
    assert digits(stage) == ""


def test_keys_with_an_ssrc_of_their_own_are_one_key_each_and_leave_the_audio_alone(stage: Stage) -> None:
    press(stage, 7, ts=160 * stage.number // 4, ssrc=0xD7, first=900, audio=True)
    talk(stage, 30)
    assert digits(stage) == "7"
    assert [code for code, _ in keys_heard(stage)] == [7]
    packets = packets_of(stage)
    assert {(b.seq - a.seq) & 0xFFFF for a, b in pairwise(packets)} == {1}
    assert int(TABLE.heard_ssrc[ODD]) == 70 + ODD
    assert reception.lost(TABLE, ODD) == 0


def test_keys_are_heard_though_the_telephones_clock_began_anew_with_the_same_ssrc(stage: Stage) -> None:
    for code, ts in ((1, 9_000_000), (2, 9_100_000), (3, 100), (4, 90_000)):
        press(stage, code, ts=ts, ssrc=70 + ODD, first=stage.number // 4)
        talk(stage, 60)
    assert digits(stage) == "1234"


def test_a_key_before_the_last_one_is_over_ends_that(stage: Stage) -> None:
    start = stage.number // 4
    for place, code in enumerate((1, 2, 3)):
        for n in range(4):
            payload = struct.pack("!BBH", code, 10, 160 * (n + 1))
            number = start + 4 * place + n
            stage.arrive(ODD, rtp.Packet(101, n == 0, number & 0xFFFF, 640 * place + 160 * start, 70 + ODD, payload))
            stage.phase()
    assert digits(stage) == "12"
    stage.inbound.listen(stage.now + 0.2)  # the end of the last one is lost
    assert digits(stage) == "3"
