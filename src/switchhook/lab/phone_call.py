"""One call at a telephone: its line in the SIP agent, its audio, and where it stands."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from switchhook.exchange.ports import Direction, MediaAddress, Session
from switchhook.lab.audio import Audio
from switchhook.lab.manners import HoldStyle
from switchhook.sip.agent import Line
from switchhook.sip.call import Ending

_SENDS = (Direction.SENDRECV, Direction.SENDONLY)

Note = Callable[[str, str], None]


class State(Enum):
    """Where a call stands."""

    CALLING = "calling"  # we called, and nobody has said that it rings
    RINGING = "ringing"  # here, or (our own call) there
    ANSWERED = "answered"
    ENDED = "ended"


class PhoneCall:
    """A call of a telephone. What happens to it goes into the telephone's log by `note`."""

    def __init__(self, audio: Audio, note: Note, *, incoming: bool) -> None:
        self.audio = audio
        self.incoming = incoming
        self.state = State.CALLING
        self.session: Session | None = None
        self.ending: Ending | None = None
        self.holding = False  # we hold the far end
        self.held = False  # the far end holds us
        self.far_end_rang = False
        self.keys = ""  # keys that the far end pressed
        self._line: Line | None = None
        self._note = note

    @property
    def line(self) -> Line:
        """Returns the line of the SIP agent."""
        assert self._line is not None
        return self._line

    @line.setter
    def line(self, line: Line) -> None:
        self._line = line

    @property
    def number(self) -> str:
        """Returns the user part of the far end's address."""
        return self.line.remote_user

    @property
    def over(self) -> bool:
        """Returns whether it has ended."""
        return self.state is State.ENDED

    def header(self, name: str) -> str | None:
        """Returns a header of the INVITE that came in, or None."""
        invite = self.line.invite
        return invite.get(name) if invite is not None else None

    # --- what a person does; the telephone has told the engine the time

    def answer(self) -> None:
        """Picks up; changes nothing when it does not ring here."""
        if self.incoming and self.state is State.RINGING:
            self.line.answer(self.audio.address)

    def hold(self, on: bool, style: HoldStyle) -> None:
        """Offers a hold, or its end."""
        media = self.line.call.media
        if media is None or self.state is not State.ANSWERED:
            return
        self.holding = on
        zero = on and style is HoldStyle.ZERO
        media.address = MediaAddress("0.0.0.0", self.audio.address.port) if zero else self.audio.address
        self.line.hold(style.direction if on else Direction.SENDRECV)

    def press(self, digits: str, *, by_info: bool) -> None:
        """Presses keys: by RFC 4733, or by INFO where that was asked for or is all that the far end takes."""
        if by_info or not self.audio.press(digits):
            for digit in digits.upper():
                self.line.send_digit(digit)

    # --- what the agent says

    def rang(self, early: bool) -> None:
        self.far_end_rang = True
        if self.state is State.CALLING:
            self.state = State.RINGING
            self._note("far end rings", "with early audio" if early else "")

    def rings_here(self) -> None:
        self.state = State.RINGING
        self._note("ringing", self.number)

    def answered(self) -> None:
        self.state = State.ANSWERED
        self._note("answered", "")

    def agreed(self, session: Session) -> None:
        self.session = session
        media = self.line.call.media if self._line is not None else None
        self.audio.connect(session, sends=media is None or media.wish in _SENDS)
        self._note("audio", f"{session.codec.value}, they {session.direction.value}")

    def far_end_holds(self, on: bool) -> None:
        self.held = on
        self._note("held" if on else "taken back", "")

    def key(self, digit: str) -> None:
        self.keys += digit
        self._note("key", digit)

    def ended(self, ending: Ending) -> None:
        self.state = State.ENDED
        self.ending = ending
        self.audio.close()
        status = f" {ending.status}" if ending.status else ""
        self._note("ended", f"{ending.outcome.value}{status}")
