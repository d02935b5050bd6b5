"""What control states about one leg or one recording: what is wanted, and the messages made of it. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field

from switchhook.core.ids import LegId, SoundId, StreamId
from switchhook.core.sources import Sources, Stream, Voice
from switchhook.core.values import dataclass
from switchhook.exchange.ports import Codec, Direction, Forked, Latching, MediaAddress, Recording, Session
from switchhook.media.link import Message
from switchhook.media.sounds import Play

_CODEC = {Codec.PCMU: 0, Codec.PCMA: 1}
_DIRECTION = {Direction.SENDRECV: 0, Direction.SENDONLY: 1, Direction.RECVONLY: 2, Direction.INACTIVE: 3}
_LATCHING = {Latching.STRICT: 0, Latching.SIGNALLING: 1, Latching.ANY: 2}
MOST_SOUNDS = 4
FRAME_MS = 20

Key = tuple[str, int, int]  # digit, tone_ms, order


@dataclass(slots=True)
class Leg:
    """One open leg; (row, use) names it to the pump."""

    id: LegId
    row: int
    use: int
    address: MediaAddress
    version: int = 1
    stated: bool = False  # the pump was told of it
    session: Session | None = None
    hear_version: int = 0
    sources: Sources = ()
    plays: dict[SoundId, Play] = field(default_factory=dict)
    over: set[SoundId] = field(default_factory=set)
    keys: deque[Key] = field(default_factory=deque)  # not yet pressed, as far as we know
    order: int = 0
    noticed: bool = False  # somebody wants to know when it talks
    keeps_keys: bool = False  # its keys are passed to nobody
    talking: bool = False  # as last told

    def statement(self) -> Message:
        """Says that the leg is, where its telephone is and what it speaks."""
        message: Message = {"say": "leg", "row": self.row, "use": self.use, "version": self.version, "remote": None}
        session = self.session
        if session is not None:
            message |= {
                "remote": [session.remote_host, session.remote_port], "codec": _CODEC[session.codec],
                "payload": session.payload, "digits": session.digits_payload, "noise": session.noise_payload,
                "direction": _DIRECTION[session.direction], "frame_ms": session.frame_ms, "mux": session.rtcp_mux,
                "rtcp_port": session.remote_rtcp_port or 0, "latching": _LATCHING[session.latching],
                "signalling": session.signalling_host,
            }  # fmt: skip
        return message

    def heard(self, find: Callable[[LegId], Leg | None], places: Mapping[StreamId, int]) -> list[object]:
        """Returns this leg's line in a `hear` batch; voices of legs and programs that are gone are left out."""
        voices: list[list[int]] = []
        plays: list[int] = []
        for source in self.sources:
            if isinstance(source, Voice):
                other = find(source.leg)
                if other is not None and [other.row, other.use] not in voices:
                    voices.append([other.row, other.use])
            elif isinstance(source, Stream):
                if source.stream in places:
                    plays.insert(0, places[source.stream])
            elif source.id in self.plays:
                plays.append(self.plays[source.id].place)
        return [self.row, self.use, self.hear_version, voices, plays[:MOST_SOUNDS]]

    def notice(self) -> Message:
        """Says whether it is to be told when the leg talks."""
        return {"say": "notice", "row": self.row, "use": self.use, "on": self.noticed}

    def kept(self) -> Message:
        """Says whether its keys go with its voice."""
        return {"say": "keep_keys", "row": self.row, "use": self.use, "on": self.keeps_keys}

    def digits(self, keys: Sequence[Key]) -> Message:
        """Says which keys to press, with the length of the first for all."""
        return {
            "say": "digits", "row": self.row, "use": self.use, "tone_ms": keys[0][1],
            "keys": [[digit, order] for digit, _, order in keys],
        }  # fmt: skip


@dataclass(slots=True)
class Taken:
    """One recording that runs or is being finished."""

    recording: Recording
    slot: int
    use: int
    stopping: bool = False
    begun: bool = False

    @property
    def channels(self) -> int:
        return 2 if self.recording.right or self.recording.stereo else 1

    def statement(self, find: Callable[[LegId], Leg | None]) -> Message:
        """Says to the pump whose voices go into the ring, and whose ears."""

        def rows(legs: tuple[LegId, ...]) -> list[list[int]]:
            return [[found.row, found.use] for leg in legs if (found := find(leg)) is not None]

        limit = -(-self.recording.max_ms // FRAME_MS) if self.recording.max_ms is not None else 0
        return {
            "say": "record", "slot": self.slot, "use": self.use, "left": rows(self.recording.left),
            "right": rows(self.recording.right), "limit": limit, "paused": self.recording.paused,
            "ears": rows(self.recording.ears), "channels": self.channels,
        }  # fmt: skip

    def file(self) -> Message:
        """Says to the workshop where the ring goes; the second time, that the file is to be continued."""
        resume, self.begun = self.begun, True
        return {
            "say": "record", "slot": self.slot, "use": self.use, "path": self.recording.path,
            "channels": self.channels, "resume": resume,
        }  # fmt: skip


@dataclass(slots=True)
class Held:
    """One audio stream to a program that runs or is being closed."""

    forked: Forked
    slot: int
    use: int
    row: int
    row_use: int
    closing: bool = False

    def statement(self) -> Message:
        """Says to the pump whose audio goes into the ring."""
        return {
            "say": "fork", "slot": self.slot, "use": self.use, "row": self.row, "row_use": self.row_use,
            "both": "outbound" in self.forked.tracks, "is_leg": self.forked.is_leg,
        }  # fmt: skip

    def connection(self) -> Message:
        """Says to the workshop where the ring's audio goes."""
        forked = self.forked
        return {
            "say": "fork", "slot": self.slot, "use": self.use, "stream": forked.id, "url": forked.url,
            "address": forked.address, "opening": forked.opening, "tracks": forked.tracks, "rate": forked.rate,
            "encoding": forked.encoding, "bidirectional": forked.bidirectional, "headers": forked.headers,
            "retries": forked.retries, "says_stop": forked.says_stop, "verify": forked.verify,
        }  # fmt: skip

    def end(self) -> Message:
        return {"say": "end_fork", "slot": self.slot, "use": self.use}
