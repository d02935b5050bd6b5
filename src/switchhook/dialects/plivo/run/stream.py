"""Stream: forks the call's audio to a program, beside the document or in place of it (plivo-xml 4.1, 4.6).

With `keepCallAlive` the element lasts as long as the stream. When the program hangs up and nothing follows, the call
is kept for a moment (`[plivo] stream_grace_s`), so that a program that closes its stream and then transfers the call
finds it alive.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from switchhook.core.errors import Refused
from switchhook.core.ids import StreamId
from switchhook.dialects.plivo.run.step import Step
from switchhook.dialects.plivo.xml import elements as e

if TYPE_CHECKING:
    from switchhook.dialects.plivo.run.session import Session


class StreamStep(Step):
    def __init__(self, session: Session, element: e.Stream, last: bool) -> None:
        super().__init__(session)
        self._element = element
        self._last = last
        self._stream: StreamId | None = None
        self._then: Callable[[], None] | None = None  # a transfer that waits for the program to hang up

    @property
    def lasts(self) -> bool:
        """True while the element keeps the call for its program."""
        wishes = self._element.wishes
        return self._stream is not None and wishes is not None and wishes.keep_alive

    def say_goodbye(self, within_s: float, then: Callable[[], None]) -> None:
        """Gives the program some time to hang up; then, or when it has, a transfer goes on in place of the document."""
        self._then = then
        self.session.transfer_pending = True
        self.session.alarm("goodbye", within_s, then)

    def start(self) -> None:
        session, wishes = self.session, self._element.wishes
        if wishes is None:
            session.done()
            return
        wishes = wishes.against(session.base)
        session.answer()
        leg = session.leg
        try:
            self._stream = session.dialect.streams.begin(leg, wishes, "XML") if leg is not None else None
        except Refused as refused:
            session.warn(f"Stream is ignored: {refused}")
        if self._stream is None or not wishes.keep_alive:
            session.done()

    def on_stream_over(self, stream: StreamId) -> None:
        """A stream of the leg has ended; if it is this element's, the document goes on."""
        if stream != self._stream:
            return
        self._stream = None
        if self._then is not None:
            self._then()
            return
        if self._last:
            self.session.pause(self.session.dialect.exchange.settings.plivo.stream_grace_s)
        else:
            self.session.done()
