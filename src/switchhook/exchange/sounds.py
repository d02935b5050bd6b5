"""Sounds from the web: fetched once, kept as files, and named to media by their path.

Media takes only what it can open without waiting on a network. A leg whose sound is still being fetched hears
silence until it is there; a sound that cannot be fetched ends at once with an error (`SoundEnded`).

Music for people who wait is different: nobody waits in silence. While it is being fetched, or when it cannot be
fetched or played, the built-in music is heard instead, with a warning; it is tried again some seconds later.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from switchhook.core.errors import Unavailable
from switchhook.core.events import SoundEnded
from switchhook.core.hearing import HOLD_MUSIC, RINGBACK
from switchhook.core.ids import LegId, SoundId
from switchhook.core.sources import Sound, Source, Sources
from switchhook.exchange.ports import Reply
from switchhook.exchange.sender import TooLong
from switchhook.exchange.sound_files import SoundFiles

if TYPE_CHECKING:
    from switchhook.exchange.switch import Exchange

MAX_BYTES = 10 * 1024 * 1024  # plivo-xml 2.2
CONNECT_S = 2.0
READ_S = 120.0
AGAIN_S = 10.0  # what could not be fetched or played is not tried again before
KNOWN = 10_000  # sounds under way whose files are remembered
_BUILTIN = "builtin:hold"


class Sounds:
    """A cache of fetched sounds by URL."""

    def __init__(self, exchange: Exchange, hold_music: str = _BUILTIN) -> None:
        self._exchange = exchange
        self._files = SoundFiles(exchange.clock)
        self._begun: OrderedDict[SoundId, dict[str, str]] = OrderedDict()  # the files of sounds under way, by URL
        self._broken: dict[str, tuple[float, str]] = {}  # until when, and why
        self._fetching: set[str] = set()
        self._served: dict[str, str] = {}  # just fetched, for those who waited for it
        self._waiting: dict[str, set[LegId]] = {}
        self._hold = _clip(hold_music)
        self._at_hand = {RINGBACK, HOLD_MUSIC} if self._hold == _BUILTIN else {RINGBACK}  # media plays it as it is

    def stock(self) -> None:
        """Fetches and decodes what people who wait hear; the first of them would have silence for 100 ms or more."""
        self._exchange.media.prepare((*HOLD_MUSIC, *RINGBACK))
        if self._hold != _BUILTIN:
            self.prepare((self._hold,))

    def prepare(self, clips: Iterable[str]) -> None:
        """Fetches and decodes sounds ahead of their use."""
        plain = []
        for clip in (self._hold if clip == _BUILTIN else clip for clip in clips):
            if _is_url(clip):
                self._fetch(clip)
            else:
                plain.append(clip)
        if plain:
            self._exchange.media.prepare(plain)

    def fetched(self, changes: Sequence[tuple[LegId, Sources]]) -> list[tuple[LegId, Sources]]:
        """Returns the same statements in words that media understands; begins to fetch what is missing."""
        return [(leg, self._worded(leg, sources)) for leg, sources in changes]

    def failed(self, event: SoundEnded) -> None:
        """Takes the place of music that media could not play; what a program plays is the program's matter."""
        leg = self._exchange.state.legs.get(event.leg)
        if leg is None or not event.error:
            return
        for source in leg.heard:
            if isinstance(source, Sound) and source.id == event.sound and self._is_music(event.leg, source):
                own = self._own_music(source)
                until = self._exchange.clock.now() + AGAIN_S
                self._broken.update({clip: (until, event.error) for clip in own.clips if clip != _BUILTIN})
                self._exchange.write("Warning", {"text": f"music not played: {event.error}"}, leg=event.leg)
                self._exchange.media.hear(self.fetched([(event.leg, leg.heard)]))
                return

    def _worded(self, leg: LegId, sources: Sources) -> Sources:
        worded: list[Source] = []
        for source in sources:
            if not isinstance(source, Sound) or (source.clips in self._at_hand and not self._broken):
                worded.append(source)
            elif self._is_music(leg, source):
                worded.append(self._named(self._playable(leg, self._own_music(source))))
            elif self._ready(leg, source):
                worded.append(self._named(source))
        return tuple(worded)

    def _is_music(self, leg: LegId, source: Sound) -> bool:
        """Endless, and nobody waits for its end."""
        found = self._exchange.state.legs.get(leg)
        own = (found.playing, found.overlay) if found is not None else ()
        return source.repeat == 0 and source.id not in [sound.id for sound in own if sound is not None]

    def _playable(self, leg: LegId, music: Sound) -> Sound:
        missing = False
        for clip in music.clips:
            if self._why_broken(clip):
                missing = True
            elif _is_url(clip) and not self._found(music.id, clip):
                missing = True
                self._waiting.setdefault(clip, set()).add(leg)
                self._fetch(clip)
        return replace(music, id=SoundId(f"{music.id}~"), clips=(_BUILTIN,)) if missing else music

    def _why_broken(self, clip: str) -> str:
        until, why = self._broken.get(clip, (0.0, ""))
        if why and until <= self._exchange.clock.now():
            del self._broken[clip]
            return ""
        return why

    def _ready(self, leg: LegId, source: Sound) -> bool:
        ready = True
        for clip in source.clips:
            if _is_url(clip) and not self._found(source.id, clip):
                ready = False
                if why := self._why_broken(clip):
                    self._exchange.soon(SoundEnded(leg, source.id, why))
                    return False
                self._waiting.setdefault(clip, set()).add(leg)
                self._fetch(clip)
        return ready

    def _own_music(self, source: Sound) -> Sound:
        """Puts the configured hold music in the place of the built-in one."""
        if _BUILTIN in source.clips and self._hold != _BUILTIN:
            return replace(source, clips=tuple(self._hold if clip == _BUILTIN else clip for clip in source.clips))
        return source

    def _named(self, source: Sound) -> Sound:
        files = self._begun.get(source.id)
        if not files:
            return source
        return replace(source, clips=tuple(f"file:{files[clip]}" if clip in files else clip for clip in source.clips))

    def _found(self, sound: SoundId, url: str) -> str:
        """Returns the file of a URL in a sound: the one it began with, or the one that is good now."""
        files = self._begun.setdefault(sound, {})
        self._begun.move_to_end(sound)
        if len(self._begun) > KNOWN:
            self._begun.popitem(last=False)
        if url not in files and (path := self._served.get(url) or self._files.fresh(url)):
            files[url] = path
        return files.get(url, "")

    def _fetch(self, url: str) -> None:
        if not self._files.fresh(url) and not self._why_broken(url) and url not in self._fetching:
            self._fetching.add(url)
            self._exchange.spawn(self._load(url), name=f"fetch {url}")

    async def _load(self, url: str) -> None:
        try:
            self._served[url] = await self._files.take(url, await self._ask(url))
        except Unavailable as error:
            self._exchange.write("Warning", {"text": f"sound not fetched: {error}"})
            if old := self._files.keep_old(url, AGAIN_S):
                self._served[url] = old
            else:
                self._broken[url] = (self._exchange.clock.now() + AGAIN_S, str(error))
        finally:
            self._fetching.discard(url)
        # Who waited for it gets it, also where it is good for this one time only.
        waiting = self._waiting.pop(url, set())
        for leg in waiting:
            found = self._exchange.state.legs.get(leg)
            if found is not None:
                self._exchange.media.hear(self.fetched([(leg, found.heard)]))
        self._served.pop(url, None)

    async def _ask(self, url: str) -> Reply:
        """Asks for a sound, once more if that fails; raises `Unavailable`."""
        for last in (False, True):
            try:
                async with asyncio.timeout(READ_S):
                    reply = await self._exchange.sender.send(
                        "GET", url, headers=self._files.conditions(url),
                        connect_s=CONNECT_S, read_s=READ_S, max_bytes=MAX_BYTES,
                    )  # fmt: skip
            except TooLong:
                raise
            except (Unavailable, TimeoutError) as error:
                if last:
                    raise Unavailable(str(error) or f"{url} was not there within {READ_S:g} s") from error
                continue
            if last or reply.status < 400:
                return reply
        raise AssertionError("the last try returns or raises")

    def close(self) -> None:
        """Deletes the fetched files."""
        self._files.close()


def _is_url(clip: str) -> bool:
    return clip.startswith(("http://", "https://"))


def _clip(setting: str) -> str:
    """Turns the `hold_music` setting into a clip: a bare path becomes a file."""
    return setting if setting.startswith(("builtin:", "file:", "http://", "https://")) else f"file:{setting}"
