"""tshark looks for breaks in what each baresip received, and compares the reports of both ends with the packets.

The promise: whatever is switched behind it, a telephone receives one stream, of one SSRC, whose sequence numbers rise
by one and whose timestamps follow the clock (RFC 3550 5.1); a marker says where a new sound begins. RTCP says of the
streams what tshark counted (6.4), in both directions.
"""

from __future__ import annotations

from itertools import groupby, pairwise

import pytest

from switchhook.lab.tones import FRAME_S, RATE
from tests.wire.capture import Rtcp, Rtp
from tests.wire.performance import PATIENCE_S, Performance
from tests.wire.test_baresip_transfers import STORIES, each_telephone

pytestmark = [pytest.mark.wire, pytest.mark.slow, pytest.mark.timeout(PATIENCE_S)]

FRAME, EVENT = 160, 101
SENDER, RECEIVER, NAMES, GOODBYE = 200, 201, 202, 203  # kinds of RTCP packets
NTP_1970 = 2_208_988_800
CLOCK_S = 0.06  # a frame, a phase of the server, and what the system adds
SOON_S = 0.25  # from a fact to its first packet, on a busy machine: what is heard meanwhile is judged by ear
REPORTED_S = 9.0  # a call so long has had a report each way


def _lasted(packets: list[Rtp]) -> float:
    return packets[-1].at - packets[0].at


# --- streams


def test_tshark_finds_one_stream_per_direction_and_nothing_wrong_with_any(performance: Performance) -> None:
    expected = {packets[0].ssrc: len(packets) for packets in performance.lossless.values()}
    expected |= {performance.said[name][0].ssrc: len(performance.said[name]) for name in performance.lossless}
    streams = [stream for stream in performance.streams if stream.ssrc in expected]
    assert {stream.ssrc: stream.packets for stream in streams} == expected
    assert len(streams) == len(expected) == 2 * len(STORIES)
    assert [stream for stream in streams if stream.lost or stream.problem] == []


@each_telephone
def test_one_ssrc_and_each_sequence_number_once(performance: Performance, name: str) -> None:
    packets = performance.heard[name]
    assert len({packet.ssrc for packet in packets}) == 1
    steps = {(after.seq - before.seq) & 0xFFFF for before, after in pairwise(packets)}
    assert steps == {1}


@each_telephone
def test_timestamps_follow_the_clock_over_every_switch(performance: Performance, name: str) -> None:
    audio = [packet for packet in performance.heard[name] if packet.payload_type != EVENT]
    for before, after in pairwise(audio):
        step = after.timestamp - before.timestamp & 0xFFFFFFFF
        assert 0 < step < 1 << 31, f"{step} at {after.at - audio[0].at:.3f} s"
        assert step % FRAME == 0, f"{step} at {after.at - audio[0].at:.3f} s"
    stays_on_the_clock(performance, audio, CLOCK_S)


def stays_on_the_clock(performance: Performance, audio: list[Rtp], within_s: float) -> None:
    """Each timestamp must be off the time of its packet by no more than that, seen from the first.

    The stream's clock is taken over at each marker: how late the telephones were since then is no fault of the server.
    """
    first, switch = audio[0], audio[0]
    for packet in audio:
        switch = packet if packet.marker else switch
        off = (packet.at - first.at) - (packet.timestamp - first.timestamp & 0xFFFFFFFF) / RATE
        late = performance.excuse_s(switch.at, packet.at) + performance.excuse_s(first.at, first.at)
        assert abs(off) <= within_s + late, f"{1000 * off:.0f} ms off at {packet.at - first.at:.3f} s"


@each_telephone
def test_a_marker_at_every_switch_and_nowhere_else(performance: Performance, name: str) -> None:
    packets = performance.heard[name]
    changes = [entry.at for entry in performance.kind("HearingChanged", name)]
    starts = {run[0].at for run in _events(packets)} | {packets[0].at}
    markers = [packet.at for packet in packets if packet.marker]
    for marker in markers:
        late = performance.excuse_s(marker, marker)
        near = [change for change in changes if change - 0.01 <= marker <= change + SOON_S + late]
        assert near or marker in starts, f"a marker at {marker - packets[0].at:.3f} s without a reason"
    for change in changes:
        if len([packet for packet in packets if change <= packet.at <= change + 0.5]) < 10:
            continue  # nothing was sent to it any more, or while it holds
        late = performance.excuse_s(change, change)
        found = [marker for marker in markers if change <= marker <= change + SOON_S + late]
        assert found, f"no marker at the switch at {change - packets[0].at:.3f} s"


def test_digits_are_whole_events(performance: Performance) -> None:
    for name in ("2103", "2401", "2402"):
        for event in _events(performance.heard[name]):
            assert [packet.marker for packet in event] == [True] + [False] * (len(event) - 1)
            durations = [int.from_bytes(packet.payload[2:4], "big") for packet in event]
            assert durations == sorted(durations)
            assert durations[-1] >= FRAME
            ends = [bool(packet.payload[1] & 0x80) for packet in event]
            assert ends == sorted(ends)
            assert sum(ends) == 3


def _events(packets: list[Rtp]) -> list[list[Rtp]]:
    events = [packet for packet in packets if packet.payload_type == EVENT]
    return [list(run) for _, run in groupby(events, key=lambda packet: packet.timestamp)]


# --- reports


def _reports(performance: Performance, ssrc: int) -> list[Rtcp]:
    return [report for report in performance.rtcp if report.ssrc == ssrc]


def test_both_ends_reported_in_every_call_that_lasted(performance: Performance) -> None:
    long = [name for name, packets in performance.lossless.items() if _lasted(packets) >= REPORTED_S]
    assert len(long) >= 4, "the calls were long enough to tell"
    for name in long:
        ours = _reports(performance, performance.heard[name][0].ssrc)
        theirs = _reports(performance, performance.said[name][0].ssrc)
        assert [report for report in ours if report.packets is not None and report.about is not None], name
        assert [report for report in theirs if report.packets is not None and report.about is not None], name
        assert [report for report in ours if report.last_sr], f"{name}: their sender report was answered"
        assert [report for report in theirs if report.last_sr], f"{name}: our sender report was answered"


@each_telephone
def test_sender_reports_say_what_was_sent_to_it(performance: Performance, name: str) -> None:
    sent = performance.heard[name]
    reports = [report for report in _reports(performance, sent[0].ssrc) if report.packets is not None]
    assert reports, "each call ends with one"
    for report in reports:
        before = [packet for packet in sent if packet.at <= report.at]
        assert (report.packets, report.octets) == (len(before), sum(len(packet.payload) for packet in before))
        clock = report.ntp[0] - NTP_1970 + report.ntp[1] / 2**32
        late = performance.excuse_s(report.at, report.at)
        assert abs(clock - report.at) < 0.05 + late, "the time of day"
        audio = [packet for packet in before if packet.payload_type != EVENT]
        off_s = CLOCK_S + performance.excuse_s(audio[-1].at, report.at)  # a key, a hold may lie between them
        moment = audio[-1].timestamp + (report.at - audio[-1].at) * RATE
        assert abs(_signed(report.timestamp - round(moment))) <= off_s * RATE, "that moment on the stream's clock"


@each_telephone
def test_each_report_names_us_and_the_last_says_goodbye(performance: Performance, name: str) -> None:
    """RFC 3550 6.1: a report stands first, a CNAME is in each datagram, and who leaves says so behind all it sent."""
    sent = performance.heard[name]
    ours = [compound for compound in performance.compounds if compound.ssrc == sent[0].ssrc]
    *others, last = ours
    assert {compound.kinds for compound in others} <= {(SENDER, NAMES), (RECEIVER, NAMES)}
    assert last.kinds == (SENDER, NAMES, GOODBYE)
    assert last.ssrcs[-1] == sent[0].ssrc
    assert last.at >= sent[-1].at
    assert {compound.name for compound in ours} == {"switchhook"}
    assert all(compound.whole for compound in ours)


@each_telephone
def test_its_own_sender_reports_say_what_it_sent(performance: Performance, name: str) -> None:
    sent = performance.said[name]
    for report in _reports(performance, sent[0].ssrc):
        if report.packets is not None:
            before = len([packet for packet in sent if packet.at <= report.at])
            assert abs(report.packets - before) <= 1 + performance.excuse_s(report.at, report.at) / FRAME_S


@each_telephone
def test_our_blocks_say_what_came_from_it(performance: Performance, name: str) -> None:
    reports = _reports(performance, performance.heard[name][0].ssrc)
    _blocks_agree(performance, reports, performance.said[name], _reports(performance, performance.said[name][0].ssrc))


@each_telephone
def test_its_blocks_say_what_came_from_us(performance: Performance, name: str) -> None:
    reports = _reports(performance, performance.said[name][0].ssrc)
    _blocks_agree(performance, reports, performance.heard[name], _reports(performance, performance.heard[name][0].ssrc))


def _blocks_agree(performance: Performance, reports: list[Rtcp], stream: list[Rtp], senders: list[Rtcp]) -> None:
    """The receiver's blocks about a stream must fit its packets and the sender's reports."""
    for report in (report for report in reports if report.about is not None):
        assert report.about == stream[0].ssrc
        assert (report.fraction, report.lost) == (0, 0), "loopback loses nothing"
        late = performance.excuse_s(report.at, report.at)
        behind = min(abs(_near(report.highest - packet.seq)) for packet in _around(stream, report.at, 0.04 + late))
        assert behind == 0, "the highest number is that of a packet that came just then"
        most = _most_jitter(stream) + (0.006 + performance.excuse_s(stream[0].at, report.at)) * RATE
        assert report.jitter <= most, "what the wire did and the server's phases add"
        if not report.last_sr:
            continue
        asked = [sr for sr in senders if sr.packets is not None and _middle(sr) == report.last_sr]
        assert len(asked) == 1, "it names a report of ours"
        late += performance.excuse_s(asked[0].at, asked[0].at)
        assert abs((report.at - asked[0].at) - report.delay / 65_536) < 0.1 + late, "and when it came"


def _around(stream: list[Rtp], at: float, within_s: float) -> list[Rtp]:
    """Returns the packets just before a moment; at least the last one."""
    before = [packet for packet in stream if packet.at <= at]
    return [packet for packet in before if packet.at >= at - within_s] or before[-1:]


def _most_jitter(stream: list[Rtp]) -> float:
    """Returns the largest jitter that the packets' own times make, in timestamp units (RFC 3550 A.8)."""
    jitter, most = 0.0, 0.0
    for before, after in pairwise(packet for packet in stream if packet.payload_type != EVENT):
        transit = (after.at - before.at) * RATE - _signed(after.timestamp - before.timestamp)
        jitter += (abs(transit) - jitter) / 16
        most = max(most, jitter)
    return most


def _middle(report: Rtcp) -> int:
    return (report.ntp[0] & 0xFFFF) << 16 | report.ntp[1] >> 16


def _signed(difference: int) -> int:
    return (difference + (1 << 31) & 0xFFFFFFFF) - (1 << 31)


def _near(difference: int) -> int:
    return (difference + (1 << 15) & 0xFFFF) - (1 << 15)


@each_telephone
def test_the_journal_keeps_the_same_figures(performance: Performance, name: str) -> None:
    (entry,) = performance.kind("MediaStats", name)
    assert entry.body["sent"] == len(performance.heard[name])
    assert 0 <= unread(performance, name) <= 3, "what came behind its BYE"
    assert (entry.body["lost"], entry.body["duplicated"], entry.body["remote_lost"]) == (0, 0, 0)


def unread(performance: Performance, name: str) -> int:
    """Returns how many packets of a telephone the server did not count, but those that came before its answer was read.

    Its answer is read when it is a fact, and the audio process knows a moment later, at the latest when it begins to
    send: what came in between may count.
    """
    (entry,), (connected,) = performance.kind("MediaStats", name), performance.kind("LegConnected", name)
    known_at = connected.at + performance.excuse_s(connected.at, connected.at)
    read_by = max(known_at, performance.heard[name][0].at) + CLOCK_S
    left = len(performance.said[name]) - int(str(entry.body["received"]))
    early = len([packet for packet in performance.said[name] if packet.at <= read_by])
    return max(0, left - early) if left >= 0 else left
