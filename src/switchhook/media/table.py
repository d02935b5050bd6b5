"""The shared table: all state that must outlive the pump, as arrays in anonymous memory inherited by fork.

One row per leg (plus one row at the end that is nobody: silence, used as padding), per sound being played, per decoded
clip, per recording. One writer per column: the pump writes legs, sounds and the recordings' `written`; the workshop
writes clips, samples and the recordings' `taken`. A leg row's `version` is `WRITING` while its statement is being
copied in; if the pump dies then, control states the row again and it is taken as new.

Memory is not touched before it is used, so generous sizes cost nothing.
"""

from __future__ import annotations

import mmap
import os
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from switchhook.media.settings import MediaSettings

Array = NDArray[Any]
WRITING = -1
_VOID = -64  # in a slot of the jitter ring: of no tick
MAX_VOICES, MAX_SOUNDS, MAX_CLIPS_OF_SOUND = 128, 4, 64
HALF, SLOTS, FRAME = 80, 16, 160  # the jitter ring has slots of 20 ms, 320 ms in all, each of two halves
RECORDING_FRAMES = 640  # 12.8 s of a stalled disk
EVENT_SLOTS, EVENT_BYTES = 8192, 512

OFF, NOISE, SOUND, RELAY, MIX = range(5)  # what a listener's stream is made of
LOADING, READY, FAILED = 1, 2, 3  # of a clip; 0 is nothing
PLAYING, ENDED, BROKEN = 1, 2, 3  # of a sound; 0 is nothing
RECORDING, STOPPING = 1, 2  # of a recording; 0 is nothing

_LEG: dict[str, tuple[str, int]] = {
    "phase": ("u1", 1), "ring_phase": ("u1", 1), "voices": ("i4", MAX_VOICES), "sounds": ("i4", MAX_SOUNDS),
}  # fmt: skip
# What is read and written together lies together, a row in a few cache lines, so that a batch of packets is one gather
# and one scatter, and a leg begins with one copy of each. The fields are columns like all others, too (`table.seq`).
_FACTS = {
    # who the leg is
    "use": "i8", "version": "i8", "heard_version": "i8", "connected_at": "f8", "sdp_ip": "u4", "signalling_ip": "u4",
    "sdp_port": "u2", "rtcp_port": "u2", "digits_pt": "i2", "noise_pt": "i2", "connected": "u1", "direction": "u1",
    "frame_ms": "u1", "mux": "u1", "latching": "u1", "lost": "u1", "mode": "u1", "keeps_keys": "u1",
    "key_ts": "i8", "key_ssrc": "u4",  # the key reported last
    "pressed": "i8",  # the order of keys of ours carried out last
    "press_ts": "i8", "press_order": "i8", "press_code": "u1",  # the key of ours that is down; no timestamp: none
    # what it hears
    "voice_count": "i4", "sound_count": "i4",
    # what arrives from it
    "latched_ip": "u4", "latched_port": "u2", "waits_since": "f8", "first_ext": "i8", "late": "i8", "strangers": "i8",
    "stranger_votes": "i8", "stranger_ip": "u4", "stranger_port": "u2",
    "lost_before": "i8", "report_expected": "i8", "report_received": "i8", "remote_lost": "i8", "remote_jitter": "f8",
    "round_trip": "f8",
}  # fmt: skip
_ARRIVALS = {  # what arrives from the leg
    "last_ext": "i8", "window": "u8", "received": "i8", "duplicated": "i8", "arrival": "f8", "transit": "f8",
    "jitter": "f8", "heard_ssrc": "u4", "has_ssrc": "u1", "payload": "u1", "codec": "u1", "ring_on": "u1",
}  # fmt: skip
_STREAMS = {  # the stream that it hears
    "ts": "i8", "at": "f8", "clock": "f8", "source_ts": "i8", "ts_offset": "i8", "sent": "i8", "octets": "i8",
    "ssrc": "u4", "source": "i4", "source_ssrc": "u4", "length": "i4", "seq_offset": "i4", "seq": "u2",
    "source_seq": "u2", "source_first": "u2", "mark": "u1", "sends": "u1", "hush": "u1",
}  # fmt: skip
_RINGS = {  # its jitter ring
    "ring_ts": "i8", "ring_half": "i8", "depth": "i4", "least_slack": "i4", "late_lately": "i4",
    "tight": "i4", "shift": "i4", "ring_ready": "u1", "young": "u1",
}  # fmt: skip
_VOICES = {  # whether it talks, where somebody listens for that
    "voice_frames": "i8", "noise_level": "f8", "loud_run": "i4", "quiet_run": "i4", "noticed": "u1", "talking": "u1",
}  # fmt: skip
_GROUPS = {"facts": _FACTS, "arrivals": _ARRIVALS, "streams": _STREAMS, "rings": _RINGS, "speech": _VOICES}
_PLAY: dict[str, tuple[str, int]] = {
    "play_use": ("i8", 1), "play_state": ("u1", 1), "play_count": ("i4", 1), "play_clips": ("i4", MAX_CLIPS_OF_SOUND),
    "play_repeat": ("i4", 1), "play_turn": ("i4", 1), "play_index": ("i4", 1), "play_frame": ("i8", 1),
}  # fmt: skip
_CLIP: dict[str, tuple[str, int]] = {
    "clip_state": ("u1", 1), "clip_start": ("i8", 1), "clip_ready": ("i8", 1), "clip_frames": ("i8", 1),
}  # fmt: skip
_RECORDING: dict[str, tuple[str, int]] = {
    "rec_state": ("u1", 1), "rec_use": ("i8", 1), "rec_written": ("i8", 1), "rec_taken": ("i8", 1),
    "rec_dropped": ("i8", 1), "rec_limit": ("i8", 1),
    "rec_tick": ("i8", 1), "rec_gap": ("i4", RECORDING_FRAMES),
}  # fmt: skip
FORK_FRAMES, FORK_BACK = 64, 16  # frames on their way to a program (1.28 s), and on their way back
_FORK: dict[str, tuple[str, int]] = {
    # written by the pump
    "fork_use": ("i8", 1), "fork_row": ("i4", 1), "fork_row_use": ("i8", 1), "fork_both": ("u1", 1),
    "fork_is_leg": ("u1", 1),
    "fork_tick": ("i8", FORK_FRAMES), "fork_got": ("i8", 1),
    # written by the workshop
    "fork_put": ("i8", 1), "fork_void": ("i8", 1),
}  # fmt: skip


_RANDOM = struct.Struct("!IIH")


def _record(fields: dict[str, str]) -> Any:
    return np.dtype(list(fields.items()), align=True)


def _begun() -> dict[str, Any]:
    """Returns the records of a leg that has just begun, as plain bytes."""
    made = {name: np.zeros(1, _record(fields)) for name, fields in _GROUPS.items()}
    made["facts"]["version"] = made["facts"]["heard_version"] = WRITING
    made["facts"]["mode"] = NOISE
    made["facts"]["key_ts"] = made["facts"]["pressed"] = made["facts"]["press_ts"] = -1
    made["facts"]["round_trip"] = np.nan
    made["rings"]["depth"] = 1
    made["rings"]["least_slack"] = 1_000
    made["streams"]["source"] = -1
    made["streams"]["mark"] = 1
    return {name: record.view(f"V{record.dtype.itemsize}")[0] for name, record in made.items()}


class Records:
    """Rows of several columns that are read and written together; as plain bytes, twenty times faster than by field."""

    __slots__ = ("_fields", "_rows")

    def __init__(self, rows: Array) -> None:
        self._fields = rows.dtype
        self._rows = rows.view(f"V{rows.dtype.itemsize}")

    def take(self, rows: Array) -> Array:
        """Returns copies of these rows, with fields by name."""
        found: Array = self._rows.take(rows).view(self._fields)
        return found

    def put(self, rows: Array, known: Array) -> None:
        """Writes these rows back, all fields at once."""
        self._rows[rows] = known.view(self._rows.dtype)


class Frames:
    """Rows of samples that are written at once; as plain bytes, twice as fast as by sample."""

    __slots__ = ("_rows",)

    def __init__(self, frames: Array) -> None:
        self._rows = _whole(frames)

    def put(self, rows: Array, frames: Array) -> None:
        """Writes these rows; `frames` lie one behind the other."""
        self._rows[rows] = _whole(frames)


def _whole(frames: Array) -> Array:
    """Returns frames of samples as one value of plain bytes each."""
    return frames.view(f"V{frames.shape[-1] * frames.itemsize}").reshape(-1)


class Table:
    """The columns by name (`table.seq[rows]`), the jitter rings, the clips' samples, the recordings' rings."""

    def __init__(self, settings: MediaSettings) -> None:
        self.settings = settings
        self.legs = settings.max_legs
        self.nobody = settings.max_legs
        rows = settings.max_legs + 1
        arena_frames = settings.clip_memory_mb * 1024 * 1024 // (2 * FRAME)
        wanted: dict[str, tuple[Any, tuple[int, ...]]] = {}
        for columns, count in (
            (_LEG, rows), (_PLAY, settings.max_plays), (_CLIP, settings.max_clips),
            (_RECORDING, settings.max_recordings), (_FORK, settings.max_forks),
        ):  # fmt: skip
            for name, (kind, width) in columns.items():
                wanted[name] = (kind, (count,) if width == 1 else (count, width))
        wanted |= {
            **{name: (_record(fields), (rows,)) for name, fields in _GROUPS.items()},
            "ring": ("i2", (SLOTS, rows, FRAME)),
            "ring_stamp": ("i8", (SLOTS, rows)),
            "arena": ("i2", (arena_frames, FRAME)),
            "rec_ring": ("i2", (settings.max_recordings, RECORDING_FRAMES, 2, FRAME)),
            "fork_up": ("i2", (settings.max_forks, FORK_FRAMES, 2, FRAME)),
            "fork_down": ("i2", (settings.max_forks, FORK_BACK, FRAME)),
            "event_bytes": ("u1", (EVENT_SLOTS, EVENT_BYTES)),
            "event_lengths": ("i4", (EVENT_SLOTS,)),
            "event_numbers": ("i8", (2,)),  # the last one written, the last one acknowledged
            "clock_zero": ("f8", (1,)),
            "counters": ("i8", (16,)),
        }
        offsets: dict[str, int] = {}
        size = 0
        for name, (kind, shape) in wanted.items():
            offsets[name] = size
            size += -(-int(np.prod(shape)) * np.dtype(kind).itemsize // 64) * 64 + 64
        flags = mmap.MAP_SHARED | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0)
        self._memory = mmap.mmap(-1, size, flags=flags)
        self._columns: dict[str, Array] = {
            name: np.ndarray(shape, kind, self._memory, offsets[name]) for name, (kind, shape) in wanted.items()
        }
        for group, fields in _GROUPS.items():
            for name in fields:
                self._columns[name] = self._columns[group][name]
        self._begun = _begun()
        self._groups = {name: self._columns[name].view(f"V{new.dtype.itemsize}") for name, new in self._begun.items()}
        self.arrival_rows = Records(self._columns["arrivals"])
        self.stream_rows = Records(self._columns["streams"])
        self.ring_rows = Records(self._columns["rings"])
        self._columns["ring_halves"] = self._columns["ring"].reshape(SLOTS, rows, 2, HALF)
        self._columns["ring_stamps"] = self._columns["ring_stamp"].reshape(-1)  # slot after slot
        self.ring_frames = Frames(self._columns["ring"])  # likewise
        for name, column in self._columns.items():
            setattr(self, name, column)
        self.clear()

    def __getattr__(self, name: str) -> Array:  # for the type checker: every column is an attribute set above
        raise AttributeError(name)

    def clear(self) -> None:
        """Forgets every leg, sound and recording; clips stay."""
        for name in (*_LEG, *_GROUPS, *_PLAY, *_RECORDING, *_FORK):
            self._columns[name][...] = 0
        self.version[:] = WRITING
        self.source[:] = -1
        self._columns["ring_stamp"][...] = _VOID

    def begin_leg(self, row: int, use: int, now: float) -> None:
        """Makes a row new: own random SSRC, sequence number and timestamp for the whole life of the leg."""
        for name, rows in self._groups.items():
            rows[row] = self._begun[name]
        ssrc, ts, seq = _RANDOM.unpack(os.urandom(_RANDOM.size))
        self.ssrc[row] = ssrc
        self.seq[row] = seq & 0x7FFF
        self.ts[row] = ts & 0x7FFFFFFF
        self.at[row] = now
        self.clock[row] = (ts & 0x7FFFFFFF) - now * 8000
        self.phase[row] = self.ring_phase[row] = row % 4
        self.use[row] = use

    def begin_ring(self, row: int) -> None:
        """Empties a row's jitter ring and takes it into use; the first packet that comes is its beginning."""
        self._groups["rings"][row] = self._begun["rings"]
        self.ring_stamp[:, row] = _VOID
        self.ring_on[row] = 1

    def end_leg(self, row: int) -> None:
        """Makes a row nobody's."""
        self.use[row] = 0
        self.sends[row] = self.connected[row] = self.ring_on[row] = 0
        self.mode[row] = OFF
        self.version[row] = self.heard_version[row] = WRITING
