"""What is said in a finished recording, written down by the configured recogniser and told (plivo-voice-api 7.6).

It is the program behind `[plivo] recogniser`, which also hears GetInput; here it gets the whole file, and minutes for
its answer. Whoever asked for a transcription is told in every case: where there is no recogniser, or it fails, `error`
says so, and a warning in the timeline. Rejected: to listen while it is recorded, for nobody waits for the words, and
a paused or stopped recording would have to be cut in the same places.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from switchhook.core.errors import Unavailable
from switchhook.dialects.plivo.actions.delivery import deliver
from switchhook.dialects.plivo.fields import FREE
from switchhook.dialects.plivo.links import Link
from switchhook.dialects.plivo.outgoing import Webhook
from switchhook.exchange.recognising import Wanted, recogniser_of
from switchhook.exchange.recordings import Recorded

if TYPE_CHECKING:
    from switchhook.dialects.plivo.dialect import Plivo

TIME_S = 300.0  # for the answer, once all of it is sent
LONGEST_S = 3600  # an hour is 58 MB of samples
AT_A_TIME = 2  # the rest waits: calls need the machine more
NOT_SET = "transcription is not available"
TOO_LONG = f"a recording of more than {LONGEST_S} s is not transcribed"
FAILED = "the recording could not be transcribed"  # why, is the operator's matter


class Transcripts:
    """Has finished recordings written down."""

    def __init__(self, dialect: Plivo) -> None:
        settings = dialect.exchange.settings.plivo
        self._dialect = dialect
        self.recogniser = recogniser_of(settings.recogniser, max(TIME_S, settings.recogniser_timeout_s))
        self._turn = asyncio.Semaphore(AT_A_TIME)

    async def close(self) -> None:
        """Lets go of the recogniser."""
        if self.recogniser is not None:
            await self.recogniser.close()

    def tell(self, link: Link | None, recorded: Recorded, webhook: Callable[[Link, dict[str, str]], Webhook]) -> None:
        """Tells `link` what is said in a recording, or why nobody knows; returns at once."""
        if link is not None:
            task = self._tell(link, recorded, webhook)
            self._dialect.exchange.spawn(task, name=f"transcription {recorded.id}")

    async def _tell(self, link: Link, recorded: Recorded, webhook: Callable[[Link, dict[str, str]], Webhook]) -> None:
        words, told = "", ""
        try:
            words = await self._words(recorded)
        except Unavailable as error:
            problem = str(error)
            told = problem if problem in (NOT_SET, TOO_LONG) else FAILED
            call = recorded.leg or self._dialect.exchange.calls.of(recorded.id)
            text = f"recording {recorded.id} is not transcribed: {problem}"
            self._dialect.exchange.write("Warning", {"dialect": "plivo", "text": text}, call=call)
        deliver(self._dialect, webhook(link, {
            "transcription": words,
            "transcription_charge": FREE,
            "transcription_rate": FREE,
            "duration": str(round(recorded.duration_ms / 1000)),
            "recording_id": recorded.id,
            "error": told,
        }))  # fmt: skip

    async def _words(self, recorded: Recorded) -> str:
        if self.recogniser is None:
            raise Unavailable(NOT_SET)
        if recorded.duration_ms > LONGEST_S * 1000:
            raise Unavailable(TOO_LONG)
        async with self._turn:
            samples = self._dialect.exchange.recordings.samples(recorded)
            return (await self.recogniser.recognise(samples, Wanted())).text
