"""The pure edges: G.711, RTP and RTCP headers, the link's frames, WAV, resampling, clip words."""

from __future__ import annotations

import contextlib
import io
import struct
import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switchhook.core.errors import PeerBroke, Unavailable
from switchhook.media import clips, decode, g711, rtcp, rtp, tones, wav
from switchhook.media.link import Unframer, frame
from switchhook.media.resample import Resampler
from tests.media.phones import amplitude

u16, u32 = st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF)

# --- G.711, against the definitions written out sample by sample


def slow_ulaw(sample: int) -> int:
    """ITU-T G.711 table 2: 14-bit magnitudes with a bias of 33, eight segments of sixteen steps."""
    sign = 0x80 if sample < 0 else 0
    magnitude = min(abs(sample), 32_635) + 132
    segment = 7
    while segment and not magnitude & 0x80 << segment:
        segment -= 1
    return ~(sign | segment << 4 | magnitude >> segment + 3 & 15) & 0xFF


def slow_alaw(sample: int) -> int:
    """ITU-T G.711 table 1: 13-bit values, even bits inverted; a negative value is its complement."""
    value = sample >> 3
    sign = 0x80 if value >= 0 else 0
    if value < 0:
        value = -value - 1
    limits = (0x1F, 0x3F, 0x7F, 0xFF, 0x1FF, 0x3FF, 0x7FF, 0xFFF)
    segment = next(n for n, limit in enumerate(limits) if value <= limit)
    step = value >> 1 if segment < 2 else value >> segment
    return (sign | segment << 4 | step & 15) ^ 0x55


@pytest.mark.parametrize(("law", "slow"), [(g711.ULAW, slow_ulaw), (g711.ALAW, slow_alaw)])
def test_every_sample_gets_the_code_of_the_standard(law: int, slow: object) -> None:
    table = g711.encoding()[law]
    for sample in range(-32_768, 32_768, 3):
        assert table[sample & 0xFFFF] == slow(sample), sample  # type: ignore[operator]
    assert table[0x8000] == slow(-32_768)  # type: ignore[operator]
    assert table[0x7FFF] == slow(32_767)  # type: ignore[operator]


@pytest.mark.parametrize("law", [g711.ULAW, g711.ALAW])
def test_all_pairs_of_codes_are_decoded_as_each_code_alone(law: int) -> None:
    pairs = np.arange(65_536, dtype=np.uint16).view(np.uint8).reshape(256, 512)
    alone = g711.decoding()[law][pairs]
    assert (g711.decode(pairs, law) == alone).all()
    assert (g711.decode(pairs[:, 3:103], law) == alone[:, 3:103]).all()
    assert (g711.decode(pairs[:, 3:104], law) == alone[:, 3:104]).all()
    laws = np.arange(256) % 2
    mixed = np.where(laws[:, None] == law, alone, g711.decoding()[1 - law][pairs])
    assert (g711.decode(pairs, laws[:, None]) == mixed).all()


@pytest.mark.parametrize("law", [g711.ULAW, g711.ALAW])
def test_every_code_comes_back_and_no_sample_has_a_nearer_one(law: int) -> None:
    values = g711.decoding()[law].astype(int)
    codes = g711.encoding()[law]
    for code in range(256):
        again = int(codes[values[code] & 0xFFFF])
        assert values[again] == values[code]
    samples = np.arange(-32_768, 32_768)
    error = np.abs(values[codes[samples & 0xFFFF]] - samples)
    step = np.maximum(np.abs(samples) / 16, 16)
    inside = np.abs(samples) < 32_000
    assert (error[inside] <= step[inside]).all()
    assert values[g711.SILENCE[law]] in (0, 8)


def test_known_codes() -> None:
    assert [int(g711.decoding()[0, c]) for c in (0x00, 0x7F, 0x80, 0xFF)] == [-32_124, 0, 32_124, 0]
    assert [int(g711.decoding()[1, c]) for c in (0x2A, 0xAA, 0xD5, 0x55)] == [-32_256, 32_256, 8, -8]


# --- RTP


@given(st.integers(0, 127), st.booleans(), u16, u32, u32, st.binary(max_size=200))
def test_a_packet_comes_back_as_it_was(kind: int, marker: bool, seq: int, ts: int, ssrc: int, payload: bytes) -> None:
    packet = rtp.Packet(kind, marker, seq, ts, ssrc, payload)
    assert rtp.parse(rtp.build(packet)) == packet
    rows = np.frombuffer(rtp.build(packet)[:12] * 2, np.uint8).reshape(2, 12)
    header = rtp.columns(rows)[1]
    assert (header["second"], header["seq"], header["ts"], header["ssrc"]) == (kind | marker << 7, seq, ts, ssrc)
    one = np.array
    made = rtp.headers(one([kind]), one([marker]), one([seq]), one([ts]), one([ssrc], np.uint32))
    assert made.tobytes() == rtp.build(packet)[:12]


@given(st.binary(max_size=80))
def test_no_bytes_make_the_parsers_fail(received: bytes) -> None:
    rtp.parse(received)
    rtcp.parse(received)
    rtp.looks_like_rtcp(received)


@given(u32, u32)
def test_distances_cross_the_wrap(start: int, step: int) -> None:
    step = step % 0x80000000
    later = np.array([(start + step) & 0xFFFFFFFF])
    assert rtp.apart32(later, np.array([start]))[0] == step
    small = step % 0x8000
    assert rtp.apart16(np.array([start + small & 0xFFFF]), np.array([start & 0xFFFF]))[0] == small


# --- RTCP

blocks = st.builds(
    rtcp.Block, u32, st.integers(0, 255), st.integers(-0x800000, 0x7FFFFF), u32, u32, u32, st.integers(0, 0xFFFFFFFF)
)


@given(
    u32, st.lists(blocks, max_size=3), st.none() | st.integers(0, 2**64 - 1), u32, st.text(max_size=60), st.booleans()
)
def test_reports_come_back(ssrc: int, found: list[rtcp.Block], ntp: int | None, ts: int, name: str, bye: bool) -> None:
    report = rtcp.Report(ssrc, tuple(found), ntp, *((ts, 5, 800) if ntp is not None else ()))
    packet = rtcp.build(report, name, bye=bye)
    assert len(packet) % 4 == 0
    assert rtp.looks_like_rtcp(packet)
    back = rtcp.parse(packet)
    assert back is not None
    assert back.reports == [report]
    assert back.gone == ([ssrc] if bye else [])
    if len(name.encode()) <= 255 and name:
        assert back.names == {ssrc: name}


def test_ntp_time_is_counted_from_1900() -> None:
    assert rtcp.ntp(0.5) == (2_208_988_800 << 32) + (1 << 31)
    assert rtcp.middle(0x0001_2345_6789_0000) == 0x2345_6789


# --- the link


@given(
    st.lists(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=9), max_size=3)), st.integers(1, 9)
)
def test_messages_survive_any_cutting(messages: list[dict[str, object]], size: int) -> None:
    stream = b"".join(frame(message) for message in messages)
    unframer, found = Unframer(), []
    for start in range(0, len(stream), size):
        found += unframer.feed(stream[start : start + size])
    assert found == messages


@pytest.mark.parametrize("bad", [b"\xff\xff\xff\xff", b"\0\0\0\x01x", b"\0\0\0\x02[]", b"\0\0\x07\xd0" + b"[" * 2000])
def test_a_broken_link_says_so(bad: bytes) -> None:
    with pytest.raises(PeerBroke):
        Unframer().feed(bad)


# --- files and sounds


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 44_100, 48_000])
def test_resampling_keeps_a_pitch_and_kills_what_would_alias(rate: int) -> None:
    time = np.arange(rate) / rate
    wave_ = (np.sin(2 * np.pi * 1_000 * time) * 10_000).astype(np.float32)
    if rate > 11_025:
        wave_ += (np.sin(2 * np.pi * 5_000 * time) * 10_000).astype(np.float32)
    resampler, found = Resampler(rate), []
    for start in range(0, len(wave_), 1_357):
        found.append(resampler.feed(wave_[start : start + 1_357]))
    found.append(resampler.finish())
    heard = np.concatenate(found).astype(float)
    assert abs(len(heard) - 8_000) <= 1
    middle = heard[500:-500]
    assert amplitude(middle, 1_000) == pytest.approx(10_000, rel=0.01)
    assert amplitude(middle, 3_000) < 5
    assert np.corrcoef(middle, np.sin(2 * np.pi * 1_000 * np.arange(500, 500 + len(middle)) / 8000))[0, 1] > 0.999


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=12), st.sampled_from([11_025, 16_000, 44_100]))
def test_how_the_blocks_are_cut_does_not_matter(sizes: list[int], rate: int) -> None:
    noise = np.random.default_rng(1).normal(0, 3_000, sum(sizes)).astype(np.float32)
    whole = Resampler(rate)
    expected = np.concatenate((whole.feed(noise), whole.finish()))
    pieces, start, found = Resampler(rate), 0, []
    for size in sizes:
        found.append(pieces.feed(noise[start : start + size]))
        start += size
    found.append(pieces.finish())
    assert np.abs(np.concatenate(found).astype(int) - expected).max(initial=0) <= 1


def written(rate: int, width: int, channels: int, samples: np.ndarray) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(width)
        out.setframerate(rate)
        spread = np.repeat(samples, channels)
        if width == 1:
            out.writeframes(((spread >> 8) + 128).astype(np.uint8).tobytes())
        elif width == 2:
            out.writeframes(spread.astype("<i2").tobytes())
        else:
            wide = (spread.astype(np.int64) << 8 * (width - 2)).astype("<i4").view(np.uint8).reshape(-1, 4)
            out.writeframes(wide[:, :width].tobytes())
    return file.getvalue()


@pytest.mark.parametrize(("rate", "width", "channels"), [(8_000, 1, 1), (16_000, 2, 2), (44_100, 3, 1), (8_000, 4, 2)])
def test_wav_files_of_many_kinds_are_read(tmp_path: Path, rate: int, width: int, channels: int) -> None:
    tone = (np.sin(2 * np.pi * 700 * np.arange(rate) / rate) * 12_000).astype(np.int16)
    path = tmp_path / "tone.wav"
    path.write_bytes(written(rate, width, channels, tone))
    heard = np.concatenate(list(decode.decode(f"file:{path}", ""))).astype(float)
    assert abs(len(heard) - 8_000) <= 1
    assert amplitude(heard[800:7_200], 700) == pytest.approx(12_000, rel=0.02)


def test_wav_of_g711_and_of_float_are_read() -> None:
    tone = (np.sin(2 * np.pi * 700 * np.arange(8_000) / 8_000) * 12_000).astype(np.int16)
    for kind, bits, raw in (
        (wav.ULAW, 8, g711.encode(tone, g711.ULAW).tobytes()),
        (wav.ALAW, 8, g711.encode(tone, g711.ALAW).tobytes()),
        (wav.FLOAT, 32, (tone / 32_767).astype("<f4").tobytes()),
    ):
        head = struct.pack("<HHIIHH", kind, 1, 8_000, 8_000 * bits // 8, bits // 8, bits)
        file = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0" + head + b"LIST\x03\0\0\0abc\0data\xff\xff\xff\xff" + raw
        opened = io.BytesIO(file)
        found, length = wav.read_format(opened)
        heard = np.concatenate(list(wav.blocks(opened, found, length)))
        assert np.abs(heard - tone).max() < 600
        assert len(heard) == 8_000


@given(st.binary(max_size=120))
def test_what_is_not_a_wav_file_is_read_or_refused(found: bytes) -> None:
    for received in (found, b"RIFF\0\0\0\0WAVE" + found, b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0" + found):
        file = io.BytesIO(received)
        with contextlib.suppress(Unavailable):
            kind, length = wav.read_format(file)
            list(wav.blocks(file, kind, length))


def test_the_header_we_write_is_read_by_others() -> None:
    audio = struct.pack("<4h", 1, -1, 2, -2)
    with wave.open(io.BytesIO(wav.header(2, len(audio)) + audio)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getnframes()) == (2, 8_000, 2)
        assert file.readframes(2) == audio


@pytest.mark.parametrize(
    ("word", "meaning"),
    [
        ("builtin:hold", clips.Builtin("hold")),
        ("silence:250", clips.Silence(250)),
        ("tone:440:1000", clips.Tone(440.0, 1000)),
        ("speak:en-GB:MAN:It is 10:30.", clips.Speech("en-GB", "MAN", "It is 10:30.")),
        ("file:/a:b.wav", clips.File("/a:b.wav")),
    ],
)
def test_the_words_for_clips(word: str, meaning: clips.Clip) -> None:
    assert clips.parse(word) == meaning


@pytest.mark.parametrize(
    "word",
    ["", "builtin:jazz", "tone:x:1", "tone:5:1", "tone:440", "silence:-1", "speak:en:MAN: ", "http://a/b", "file:"],
)
def test_words_that_nobody_can_play(word: str) -> None:
    with pytest.raises(Unavailable):
        clips.parse(word)


def test_the_music_loops_without_a_click_at_speech_level_and_is_no_single_pitch() -> None:
    music = tones.hold().astype(float)
    assert len(music) == clips.BUILTIN_MS["hold"] * 8
    assert len(music) % 160 == 0
    assert abs(music[0] - music[-1]) <= np.abs(np.diff(music)).max()
    assert 1_500 < music.std() < 5_000
    for start in range(0, len(music) - 1_600, 1_600):
        window = music[start : start + 1_600]
        levels = sorted((amplitude(window, hz) for hz in range(150, 3_400, 20)), reverse=True)
        assert amplitude(window, 425) < 0.6 * levels[0]
        assert window.std() > 300


def test_builtin_lengths_are_as_said() -> None:
    for name, ms in clips.BUILTIN_MS.items():
        assert len(tones.make(name)) == ms * 8


def test_speech_is_spoken_by_a_program(tmp_path: Path) -> None:
    program = tmp_path / "speaker"
    sound = tmp_path / "said.wav"
    sound.write_bytes(written(22_050, 2, 1, (np.sin(np.arange(22_050) / 5) * 9_000).astype(np.int16)))
    program.write_text(f'#!/bin/sh\ncat > {tmp_path}/text\necho "$@" > {tmp_path}/asked\ncat {sound}\n')
    program.chmod(0o755)
    heard = np.concatenate(list(decode.decode("speak:de-DE:WOMAN:Guten Tag: 5", str(program))))
    assert abs(len(heard) - 8_000) <= 1
    assert (tmp_path / "text").read_text() == "Guten Tag: 5"
    assert "de-de+f3" in (tmp_path / "asked").read_text()


def test_a_language_that_nobody_speaks_is_spoken_in_the_nearest(tmp_path: Path) -> None:
    program, sound = tmp_path / "speaker", tmp_path / "said.wav"
    sound.write_bytes(written(8_000, 2, 1, (np.sin(np.arange(8_000) / 5) * 9_000).astype(np.int16)))
    program.write_text(f'#!/bin/sh\ncat > /dev/null\ncase "$2" in en*) cat {sound};; *) exit 1;; esac\n')
    program.chmod(0o755)
    assert len(np.concatenate(list(decode.decode("speak:xx-YY:WOMAN:Hello", str(program))))) == 8_000
