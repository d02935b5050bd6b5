"""The parts of audio streams that need no process: frames, encodings, the queue of what is to be played."""

from __future__ import annotations

import json
from base64 import b64encode

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switchhook.media import fork_frames as frames
from switchhook.media import forks, g711
from switchhook.media.fork_audio import MOST_S, Downward, Playout, Upward
from switchhook.media.forking import Fork, Gauge, Lost
from switchhook.media.settings import MediaSettings
from switchhook.media.table import FORK_BACK, Table
from tests.media.phones import amplitude

STREAM = "s-1"
leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8))
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner))
EVENTS = ("playAudio", "checkpoint", "clearAudio", "sendDTMF", "stop", "media", "")
NAMES = ("event", "media", "name", "dtmf", "streamId", "contentType", "sampleRate", "payload")


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(NAMES), values, max_size=6), st.sampled_from(EVENTS), values)
def test_whatever_a_program_sends_is_a_command_or_nothing(given: dict[str, object], event: str, media: object) -> None:
    found = frames.read(json.dumps({**given, "event": event, "media": media}), STREAM)
    assert found is None or isinstance(found, frames.Command)


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=40) | st.text(max_size=40))
def test_what_is_no_json_is_nothing(text: bytes | str) -> None:
    frames.read(text, STREAM)


def test_json_that_is_too_deep_is_nothing() -> None:
    assert frames.read("[" * 50_000 + "]" * 50_000, STREAM) is None


def play(**media: object) -> frames.Command | None:
    given = {"contentType": "audio/x-l16", "sampleRate": 8000, "payload": b64encode(b"abcd").decode(), **media}
    return frames.read(json.dumps({"event": "playAudio", "media": given}), STREAM)


@pytest.mark.parametrize(
    ("media", "wanted"),
    [
        ({}, frames.Play(b"abcd", False, 8000)),
        ({"sampleRate": "16000"}, frames.Play(b"abcd", False, 16_000)),
        ({"contentType": "audio/x-mulaw;rate=8000"}, frames.Play(b"abcd", True, 8000)),
        ({"sampleRate": 7999}, None),
        ({"sampleRate": "fast"}, None),
        ({"sampleRate": None}, None),
        ({"contentType": "audio/opus"}, None),
        ({"payload": "%%%"}, None),
        ({"payload": 5}, None),
    ],
)
def test_audio_is_read_in_the_forms_that_clients_write(media: dict[str, object], wanted: frames.Play | None) -> None:
    assert play(**media) == wanted


def test_commands_of_another_stream_are_nobodys() -> None:
    assert frames.read('{"event":"clearAudio","streamId":"other"}', STREAM) is None
    assert frames.read('{"event":"clearAudio"}', STREAM) == frames.Clear()
    assert frames.read('{"event":"sendDTMF","dtmf":"1w#"}', STREAM) == frames.Press("1w#")
    assert frames.read('{"event":"sendDTMF","dtmf":"1x"}', STREAM) is None


def test_frames_are_numbered_by_connection_and_chunks_by_track() -> None:
    made = frames.Frames(STREAM, call="c", account="a", tracks=("inbound", "outbound"), mulaw=True, rate=8000, extra="")
    told = [json.loads(text) for text in (
        made.start(), made.media("inbound", 100, b"x"), made.media("outbound", 100, b"y"),
        made.media("inbound", 120, b""), made.dtmf("5", 130), made.played("m"), made.cleared(), made.stop(),
    )]  # fmt: skip
    assert [each["sequenceNumber"] for each in told] == list(range(1, 9))
    assert [each["media"]["chunk"] for each in told if each["event"] == "media"] == [1, 1, 2]
    assert told[0]["extra_headers"] == "{}"
    assert told[1]["media"]["timestamp"] == "100"
    assert all(each["streamId"] == STREAM for each in told[1:])


@pytest.mark.parametrize(("mulaw", "rate", "size"), [(True, 8000, 160), (False, 8000, 320), (False, 16_000, 640)])
def test_every_frame_goes_out_whole(mulaw: bool, rate: int, size: int) -> None:
    wave = (np.sin(2 * np.pi * 700 * np.arange(16_000) / 8000) * 8000).astype(np.int16).reshape(-1, 160)
    encoder = Upward(mulaw=mulaw, rate=rate)
    sent = [encoder.encode(frame) for frame in wave]
    assert {len(each) for each in sent} == {size}
    raw = b"".join(sent)
    heard = g711.decode(np.frombuffer(raw, np.uint8), g711.ULAW) if mulaw else np.frombuffer(raw, "<i2")
    assert amplitude(heard[2000:6000].astype(float), 700 * 8000 / rate) == pytest.approx(8000, rel=0.02)


@pytest.mark.parametrize("rate", [8000, 16_000, 24_000, 44_100])
def test_any_rate_comes_down_to_ours_without_seams(rate: int) -> None:
    wave = (np.sin(2 * np.pi * 700 * np.arange(rate) / rate) * 8000).astype("<i2").tobytes()
    decoder = Downward()
    pieces = [decoder.decode(wave[at : at + 998], mulaw=False, rate=rate) for at in range(0, len(wave), 998)]
    heard = np.concatenate(pieces).astype(float)
    assert abs(len(heard) - 8000) < 80
    assert amplitude(heard[1000:7000], 700) == pytest.approx(8000, rel=0.02)
    assert len(decoder.decode(b"\0", mulaw=False, rate=8000)) == 0


def test_a_queue_gives_whole_frames_and_marks_where_they_lie() -> None:
    queue = Playout()
    queue.mark("first")
    queue.add(np.ones(200, np.int16))
    queue.mark("middle")
    queue.add(np.full(10, 2, np.int16))
    queue.mark("last")
    frame, before, inside = queue.next()
    assert (before, inside) == (["first"], [])
    assert frame is not None
    assert frame.tolist() == [1] * 160
    frame, before, inside = queue.next()
    assert (before, inside) == ([], ["middle", "last"])
    assert frame is not None
    assert frame.tolist() == [1] * 40 + [2] * 10 + [0] * 110
    assert queue.next() == (None, [], [])
    assert queue.level == 0.0


def test_a_full_queue_takes_no_more_and_a_cleared_one_everything() -> None:
    queue = Playout()
    assert queue.add(np.zeros(MOST_S * 8000, np.int16))
    assert not queue.add(np.zeros(1, np.int16))
    queue.mark("never")
    queue.clear()
    assert queue.next() == (None, [], [])
    assert queue.add(np.zeros(8000, np.int16))


def test_a_gauge_tells_each_level_on_the_way_up_once() -> None:
    gauge = Gauge()
    levels = (0.1, 0.3, 0.5, 0.6, 0.95, 0.95, 0.2, 0.4)
    assert [gauge.rises(level) for level in levels] == [False, True, False, True, True, False, False, True]


def test_the_ring_back_gives_each_frame_once_and_passes_over_what_was_cleared() -> None:
    table = Table(MediaSettings(max_legs=2, max_forks=2, clip_memory_mb=1))
    forks.begin(table, 1, 7, 0, 1, False)
    slots = np.array([1])
    for n in range(1, 5):
        table.fork_down[1, int(table.fork_put[1]) % FORK_BACK] = n
        table.fork_put[1] += 1
    assert forks.take(table, slots)[0, 0] == 1
    table.fork_void[1] = 3
    assert forks.take(table, slots)[0, 0] == 4
    assert forks.take(table, slots)[0, 0] == 0
    forks.begin(table, 1, 8, 0, 1, False)
    assert forks.running(table).tolist() == [1]
    assert forks.take(table, slots)[0, 0] == 0


def test_a_program_that_does_not_read_is_told_of_and_then_lost() -> None:
    told: list[str] = []
    table = Table(MediaSettings(max_legs=2, max_forks=2, clip_memory_mb=1))
    message = {"slot": 0, "use": 1, "tracks": ("inbound",), "retries": 0, "bidirectional": False}
    fork = Fork(table, message, lambda m: told.append(m["is"]))
    for _ in range(40 * 50):
        fork._put("frame")
    assert told == ["degraded"] * 3
    with pytest.raises(Lost):
        fork._put("frame")
