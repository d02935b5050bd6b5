"""What an element is while it runs, and what it may ask of its session.

Everything here is driven by facts and never waits: a step is started, is told what happens to its leg, and says `done`
or asks for the next document. So each webhook is queued at the moment of the fact that it tells of, and a transfer that
takes the leg away can end any step at any moment by one plain call.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from switchhook.core import facts as f
from switchhook.core.ids import LegId

if TYPE_CHECKING:
    from switchhook.dialects.plivo.run.session import Session


class Origin(Enum):
    """Why a document is fetched; the value is the last digit of the codes for what can go wrong with it."""

    ANSWER = 1
    ACTION = 2
    TRANSFER = 3
    REDIRECT = 4

    @property
    def unreachable(self) -> int:
        return 7010 + self.value

    @property
    def bad_url(self) -> int:
        return 7020 + self.value

    @property
    def bad_method(self) -> int:
        return 7030 + self.value

    @property
    def bad_document(self) -> int:
        return 8010 + self.value


class Step:
    """An element that runs. The defaults are those of an element that is told nothing and owes nobody anything."""

    types_ahead = False  # keys pressed meanwhile may be meant for a question that follows

    def __init__(self, session: Session) -> None:
        self.session = session

    def start(self) -> None:
        """Begins; may say `session.done()` at once."""
        raise NotImplementedError

    def on_dial(self, fact: f.DialStarted) -> None:
        """The attempt that this leg asked for has begun."""

    def on_sound(self, fact: f.SoundFinished) -> None:
        """The leg's own sound is over."""

    def on_digit(self, fact: f.DigitHeard) -> None:
        """The leg's telephone pressed a key."""

    def on_voice(self, fact: f.VoiceHeard) -> None:
        """The leg's telephone began or stopped to talk; told while somebody listens for it."""

    def on_joined(self, fact: f.MemberJoined) -> None:
        """The leg came into a room."""

    def on_left(self, fact: f.MemberLeft) -> None:
        """The leg went out of a room."""

    def on_freed(self, fact: f.LegFreed) -> None:
        """The leg's room let it go."""

    def present(self) -> tuple[LegId, ...]:
        """Returns the legs that this element has put together with its own."""
        return ()

    def cancel(self) -> None:
        """Its time is over while the leg stays: stop, and say nothing more."""

    def on_taken(self) -> None:
        """A transfer has taken the leg away: send the closing callbacks, and never go on (plivo-xml 3.4)."""

    def on_over(self) -> None:
        """The leg is over; told before the hangup webhook."""

    def last_words(self) -> None:
        """The leg is over; told after the hangup webhook."""
