"""The media port in the server's loop: states to the pump and the workshop who hears what, and hears from them.

Nothing here waits: `open` takes a port from the pool that the keeper opened at start, everything else is a statement
with a version. What was stated is kept, so that after a pump or a workshop was replaced everything is stated again;
equal versions change nothing there. Events carry numbers and are acknowledged; one that comes twice is dropped. A
leg's row is known by (row, use), since rows go to other legs later.

NumPy is not imported here. A little over 400 lines, because the port's methods and what comes back for each belong
together.
"""

from __future__ import annotations

import asyncio
import random
import secrets
from collections import deque
from collections.abc import Callable, Sequence

from switchhook.core.errors import Unavailable
from switchhook.core.events import (
    DigitPressed,
    MediaBack,
    MediaLost,
    RecordingEnded,
    SoundEnded,
    StreamOver,
    VoiceStarted,
    VoiceStopped,
)
from switchhook.core.ids import LegId, RecordingId, SoundId, StreamId
from switchhook.core.sources import Sound, Sources
from switchhook.exchange.ports import Emit, Forked, MediaAddress, MediaStats, Recording, Session
from switchhook.media.counters import Counters, read
from switchhook.media.guard import Guard
from switchhook.media.held import Holder
from switchhook.media.line import Line
from switchhook.media.link import Message
from switchhook.media.settings import MediaSettings
from switchhook.media.sounds import Cupboard, Play
from switchhook.media.stated import Leg, Taken

OnStats = Callable[[LegId, MediaStats], None]
OnText = Callable[[str], None]
OnCounters = Callable[[Counters], None]

MOST_CLIPS = 64
ACKNOWLEDGED_S, MOST_EVENTS = 1.0, 1_000  # events wait so long, or so many of them, to be acknowledged together


class MediaEngine:
    """The `Media` port over the keeper's processes. Make it with `start`, end it with `stop`."""

    def __init__(
        self, settings: MediaSettings, emit: Emit, on_stats: OnStats | None, on_restart: OnText | None,
        on_warning: OnText | None, on_counters: OnCounters | None, guard: Guard | None,
    ) -> None:  # fmt: skip
        self.settings = settings
        self.counters: Counters | None = None
        self.restarts = 0
        self._emit, self._on_stats, self._on_restart = emit, on_stats, on_restart
        self._on_warning, self._on_counters = on_warning, on_counters
        self._guard = guard or Guard(settings)
        self._guard.on_message = self._kept
        self._ports: list[int] = []
        self._free: list[int] = []
        self._resting: deque[int] = deque()  # rows given back last: used again last
        self._legs: dict[LegId, Leg] = {}
        self._by_row: dict[tuple[int, int], Leg] = {}
        self._closing: dict[tuple[int, int], LegId] = {}
        self._uses = 0
        self._plays: dict[tuple[int, int], tuple[Leg, SoundId]] = {}
        self._free_plays = deque(range(settings.max_plays))  # taken from the left, given back on the right: they rest
        self._cupboard = Cupboard(settings.max_clips, settings.clip_memory_mb * 3276)
        self._taken: dict[RecordingId, Taken] = {}
        self._slots: dict[tuple[int, int], RecordingId] = {}
        self._free_slots = list(range(settings.max_recordings - 1, -1, -1))
        self._holder = Holder(settings.max_forks, lambda m: self._pump.say(m), lambda m: self._shop.say(m))
        self._random = random.Random(secrets.randbits(256))
        self._counted_at = 0.0
        self._last_event = self._acknowledged = 0
        self._acknowledge: asyncio.Handle | None = None

    @classmethod
    async def start(
        cls,
        settings: MediaSettings,
        *,
        emit: Emit,
        on_stats: OnStats | None = None,
        on_restart: OnText | None = None,
        on_warning: OnText | None = None,
        on_counters: OnCounters | None = None,
        guard: Guard | None = None,
    ) -> MediaEngine:
        """Starts the audio processes and returns when ports are open; raises `Unavailable` when there are none.

        `on_restart` hears which process was replaced ("pump", "workshop", "keeper"), `on_warning` sentences for people.
        `guard` is a keeper that was launched ahead.
        """
        engine = cls(settings, emit, on_stats, on_restart, on_warning, on_counters, guard)
        await engine._begin()
        return engine

    async def stop(self) -> None:
        """Ends all audio, leaves recordings whole and no process behind. Recordings still running end by event."""
        for recording in list(self._taken):
            self.stop_recording(recording)
        for leg in list(self._legs):
            self.close(leg)
        end = asyncio.get_running_loop().time() + 1.0
        while (self._closing or self._taken or self._holder.waiting) and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(0.01)
        await self._guard.stop()
        await asyncio.gather(self._pump.stop(), self._shop.stop())
        if self._acknowledge is not None:
            self._acknowledge.cancel()

    @property
    def pids(self) -> dict[str, int]:
        """The keeper's process id; its children are found by the operating system."""
        return {"keeper": self._guard.pid}

    @property
    def ports_taken(self) -> int:
        """Counts the audio ports that are some leg's, those included that are being closed."""
        return len(self._ports) - len(self._free) - len(self._resting)

    @property
    def sounds_playing(self) -> int:
        """Counts the places of the shared table that a sound has taken."""
        return self.settings.max_plays - len(self._free_plays)

    # --- the port -----------------------------------------------------------------------------------------------

    def open(self, leg: LegId) -> MediaAddress:
        found = self._legs.get(leg)
        if found is not None:
            return found.address
        if self._at_its_limit():
            raise Unavailable("the audio is working at its limit")
        if not self._free and not self._resting:
            raise Unavailable("no audio port is free")
        if self._free:
            place = self._random.randrange(len(self._free))
            self._free[place], self._free[-1] = self._free[-1], self._free[place]
            row = self._free.pop()
        else:
            row = self._resting.popleft()
        self._uses += 1
        made = Leg(leg, row, self._uses, MediaAddress(self.settings.address, self._ports[row]))
        self._legs[leg] = self._by_row[row, made.use] = made
        return made.address

    def connect(self, leg: LegId, session: Session) -> None:
        found = self._legs.get(leg)
        if found is None or found.session == session:
            return
        found.session = session
        found.version += 1
        found.stated = True
        self._pump.say(found.statement())

    def hear(self, batch: Sequence[tuple[LegId, Sources]]) -> None:
        lines: list[list[object]] = []
        for leg, sources in batch:
            found = self._legs.get(leg)
            if found is not None:
                found.sources = tuple(sources)
                found.hear_version += 1
                self._ready(found)
                lines.append(self._heard(found))
        if lines:
            self._pump.say({"say": "hear", "batch": lines})

    def prepare(self, clips: Sequence[str]) -> None:
        for clip in clips:
            try:
                _, messages = self._cupboard.want(clip)
            except Unavailable:
                continue  # whoever plays it will be told
            for message in messages:
                self._shop.say(message)

    def record(self, recording: Recording) -> None:
        known = self._taken.get(recording.id)
        if known is not None:
            if not known.stopping and known.recording != recording:
                known.recording = recording
                self._pump.say(known.statement(self._known))
            return
        if not self._free_slots:
            ended = RecordingEnded(recording.id, recording.path, 0, "too many recordings at once")
            asyncio.get_running_loop().call_soon(self._emit, ended)
            return
        self._uses += 1
        taken = Taken(recording, self._free_slots.pop(), self._uses)
        self._taken[recording.id] = taken
        self._slots[taken.slot, taken.use] = recording.id
        self._pump.say(taken.statement(self._known))
        self._shop.say(taken.file())

    def stop_recording(self, recording: RecordingId) -> None:
        taken = self._taken.get(recording)
        if taken is not None and not taken.stopping:
            taken.stopping = True
            self._pump.say({"say": "stop_record", "slot": taken.slot, "use": taken.use})

    def send_digits(self, leg: LegId, digits: str, tone_ms: int = 160) -> None:
        found = self._known(leg)
        if found is None:
            return
        new = []
        for digit in digits:
            found.order += 1
            new.append((digit, tone_ms, found.order))
        found.keys.extend(new)
        if new:
            self._pump.say(found.digits(new))

    def notice(self, leg: LegId, on: bool) -> None:
        found = self._known(leg)
        if found is not None and found.noticed != on:
            found.noticed, found.talking = on, False
            self._pump.say(found.notice())

    def keep_keys(self, leg: LegId, on: bool) -> None:
        found = self._known(leg)
        if found is not None and found.keeps_keys != on:
            found.keeps_keys = on
            self._pump.say(found.kept())

    def fork(self, stream: Forked) -> None:
        leg = self._known(stream.leg)
        if leg is None:
            asyncio.get_running_loop().call_soon(self._emit, StreamOver(stream.id, "the leg has no audio"))
        elif not self._holder.begin(stream, leg):
            asyncio.get_running_loop().call_soon(self._emit, StreamOver(stream.id, "too many streams at once"))
        else:
            self._state_again(leg)

    def end_fork(self, stream: StreamId) -> None:
        self._holder.end(stream)

    def tell_fork(self, stream: StreamId, digit: str) -> None:
        self._holder.digit(stream, digit)

    def _state_again(self, leg: Leg) -> None:
        leg.hear_version += 1
        self._pump.say({"say": "hear", "batch": [self._heard(leg)]})

    def close(self, leg: LegId) -> None:
        found = self._legs.pop(leg, None)
        if found is None:
            return
        self._holder.end_all(leg)
        key = (found.row, found.use)
        del self._by_row[key]
        self._closing[key] = leg
        for sound in list(found.plays):
            self._drop_play(found, sound)
        if found.stated:
            self._pump.say({"say": "end", "row": found.row, "use": found.use})
        else:
            asyncio.get_running_loop().call_soon(self._closed, key, {})

    def _known(self, leg: LegId) -> Leg | None:
        """Returns a leg that the pump knows of: it is stated when it is first needed, mostly with its session."""
        found = self._legs.get(leg)
        if found is not None and not found.stated:
            self._state(found)
        return found

    def _state(self, leg: Leg) -> None:
        leg.stated = True
        self._pump.say(leg.statement())

    def _heard(self, leg: Leg) -> list[object]:
        """Returns what a leg hears, in a statement of who hears what; states whom the pump does not know yet."""
        if not leg.stated:
            self._state(leg)
        return leg.heard(self._known, self._holder.places)

    def _at_its_limit(self) -> bool:
        """True when the pump has just said that it needed most of its time."""
        if self.counters is None or not self.counters.full:
            return False
        return asyncio.get_running_loop().time() - self._counted_at < 2.0

    # --- sounds -------------------------------------------------------------------------------------------------

    def _ready(self, leg: Leg) -> None:
        """Gives every sound that a leg hears its place, and has its clips decoded."""
        wanted: dict[SoundId, Sound] = {}
        for source in leg.sources:
            if isinstance(source, Sound):
                wanted[source.id] = source
        for id, play in leg.plays.items():
            play.heard = id in wanted
        for id, sound in wanted.items():
            if id in leg.plays or id in leg.over:
                continue
            try:
                self._load(leg, sound)
            except Unavailable as error:
                self._sound_over(leg, id, str(error))

    def _load(self, leg: Leg, sound: Sound) -> None:
        if len(sound.clips) > MOST_CLIPS:
            raise Unavailable(f"a sound of more than {MOST_CLIPS} clips")
        found = []
        for spec in sound.clips:
            clip, messages = self._cupboard.want(spec)
            clip.users += 1  # at once, so that the next clip does not push this one out
            found.append(clip)
            for message in messages:
                self._shop.say(message)
        if not self._free_plays:
            self._evict()
        if not self._free_plays:
            raise Unavailable("too many sounds at once")
        self._uses += 1
        play = Play(self._free_plays.popleft(), self._uses, tuple(found), sound.repeat, heard=True)
        leg.plays[sound.id] = play
        self._plays[play.place, play.use] = (leg, sound.id)
        self._pump.say(play.statement)

    def _evict(self) -> None:
        """Gives up the place of a sound that its leg does not hear now; it would begin anew."""
        for leg in self._legs.values():
            for sound, play in leg.plays.items():
                if not play.heard:
                    self._drop_play(leg, sound)
                    return

    def _drop_play(self, leg: Leg, sound: SoundId) -> None:
        play = leg.plays.pop(sound)
        self._plays.pop((play.place, play.use), None)
        self._free_plays.append(play.place)
        for clip in play.clips:
            clip.users -= 1

    def _sound_over(self, leg: Leg, sound: SoundId, error: str) -> None:
        """Reports the end of a sound, once, after the present call has returned."""
        if sound not in leg.over:
            leg.over.add(sound)
            asyncio.get_running_loop().call_soon(self._emit, SoundEnded(leg.id, sound, error))

    # --- the processes ------------------------------------------------------------------------------------------

    async def _begin(self) -> None:
        self._ports = await self._guard.start()
        if not self._ports:
            await self._guard.stop()
            low, high = self.settings.ports
            raise Unavailable(f"no audio port from {low} to {high} can be opened on {self.settings.bind_address}")
        self._free = list(range(len(self._ports)))
        self._pump = Line(self._guard.pump_path, self._state_all, self._from_pump)
        self._shop = Line(self._guard.shop_path, self._want_all, self._from_shop)
        self._pump.start()
        self._shop.start()
        while not (self._pump.up and self._shop.up):
            await asyncio.sleep(0.001)

    def _kept(self, message: Message) -> None:
        """Hears from the keeper: what it could not do, and which process it replaced."""
        if message["say"] == "warning" and self._on_warning is not None:
            self._on_warning(message["text"])
        if message["say"] == "restarted":
            self.restarts += 1
            if message["who"] == "keeper":
                self._last_event = self._acknowledged = 0  # a new table, so events are numbered anew
            if self._on_restart is not None:
                self._on_restart(message["who"])

    def _state_all(self) -> None:
        say = self._pump.say
        say({"say": "state"})
        stated = [leg for leg in self._legs.values() if leg.stated]
        for leg in stated:
            say(leg.statement())
            for play in leg.plays.values():
                say(play.statement)
        places = self._holder.places
        say({"say": "hear", "batch": [leg.heard(self._known, places) for leg in stated if leg.hear_version]})
        for fork in self._holder.for_pump():
            say(fork)
        for taken in self._taken.values():
            say(taken.statement(self._known))
            if taken.stopping:
                say({"say": "stop_record", "slot": taken.slot, "use": taken.use})
        for leg in stated:
            if leg.noticed:
                say(leg.notice())
            if leg.keeps_keys:
                say(leg.kept())
            for key in leg.keys:
                say(leg.digits([key]))
        for row, use in self._closing:
            say({"say": "end", "row": row, "use": use})
        say({"say": "state_end"})

    def _want_all(self) -> None:
        for message in self._cupboard.all_wanted():
            self._shop.say(message)
        for taken in self._taken.values():
            self._shop.say(taken.file())
        for fork in self._holder.for_shop():
            self._shop.say(fork)

    def _from_pump(self, m: Message) -> None:
        if m["say"] == "event":
            if m["number"] > self._last_event:
                self._last_event = m["number"]
                self._event(m)
            if self._last_event - self._acknowledged >= MOST_EVENTS:
                self._send_acknowledgement()
            elif self._acknowledge is None:
                loop = asyncio.get_running_loop()
                self._acknowledge = loop.call_later(ACKNOWLEDGED_S, self._send_acknowledgement)
        elif m["say"] == "counters":
            self._count(m)
        elif m["say"] == "warning" and self._on_warning is not None:
            self._on_warning(m["text"])

    def _send_acknowledgement(self) -> None:
        if self._acknowledge is not None:
            self._acknowledge.cancel()
            self._acknowledge = None
        self._acknowledged = self._last_event
        self._pump.say({"say": "ack", "number": self._last_event})

    def _event(self, m: Message) -> None:
        kind = m["is"]
        if kind == "play_ended":
            self._play_ended(m)
            return
        key = (m["row"], m["use"])
        if kind == "stats":
            self._closed(key, m["stats"])
            return
        leg = self._by_row.get(key)
        if leg is None:
            return
        if kind == "digit":
            self._emit(DigitPressed(leg.id, m["digit"], m["ms"]))
        elif kind == "media_lost":
            self._emit(MediaLost(leg.id))
        elif kind == "media_back":
            self._emit(MediaBack(leg.id))
        elif kind == "voice":
            if leg.noticed and leg.talking != m["on"]:
                leg.talking = m["on"]
                self._emit((VoiceStarted if m["on"] else VoiceStopped)(leg.id, m["ms"]))
        elif kind == "pressed":
            while leg.keys and leg.keys[0][2] <= m["order"]:
                leg.keys.popleft()

    def _play_ended(self, m: Message) -> None:
        found = self._plays.get((m["play"], m["use"]))
        if found is None:
            return
        leg, sound = found
        error = ""
        if "clip" in m:
            clip = self._cupboard.at(m["clip"])
            error = (clip.error if clip is not None else "") or "the sound cannot be loaded"
        self._drop_play(leg, sound)
        self._sound_over(leg, sound, error)
        # The play's row will be somebody else's: the leg must not hear it any more.
        leg.hear_version += 1
        self._pump.say({"say": "hear", "batch": [self._heard(leg)]})

    def _closed(self, key: tuple[int, int], stats: dict[str, object]) -> None:
        leg = self._closing.pop(key, None)
        if leg is None:
            return
        self._resting.append(key[0])
        while len(self._resting) > 32 or (self._resting and len(self._resting) > len(self._ports) // 4):
            self._free.append(self._resting.popleft())
        if self._on_stats is not None:
            self._on_stats(leg, MediaStats(**stats))  # type: ignore[arg-type]

    def _count(self, m: Message) -> None:
        self.counters = read(m, self.counters)
        self._counted_at = asyncio.get_running_loop().time()
        if self._on_counters is not None:
            self._on_counters(self.counters)

    def _from_shop(self, m: Message) -> None:
        if m["say"] == "warning":
            if self._on_warning is not None:
                self._on_warning(m["text"])
            return
        if m["say"] == "recorded":
            self._recorded(m)
            return
        if m["say"] == "fork":
            event = self._holder.told(m)
            if event is not None:
                self._emit(event)
            return
        clip = self._cupboard.at(m["clip"])
        if clip is None:
            return
        clip.done = m["say"] == "loaded"
        clip.frames = m.get("frames", 0)
        clip.error = m.get("error", "")

    def _recorded(self, m: Message) -> None:
        id = self._slots.pop((m["slot"], m["use"]), None)
        taken = self._taken.pop(id, None) if id is not None else None
        if taken is None:
            return
        self._pump.say({"say": "stop_record", "slot": taken.slot, "use": taken.use})
        self._free_slots.insert(0, taken.slot)
        self._emit(RecordingEnded(taken.recording.id, taken.recording.path, m["frames"] * 20, m["error"]))
