"""How a telephone behaves when it is called, and what it can do. Plain values that a test may change at any time."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from switchhook.exchange.ports import Codec, Direction


class HoldStyle(Enum):
    """How a telephone says hold in its SDP; all three are seen in the wild."""

    SENDONLY = "sendonly"
    INACTIVE = "inactive"
    ZERO = "0.0.0.0"  # the connection address of RFC 2543

    @property
    def direction(self) -> Direction:
        return Direction.SENDRECV if self is HoldStyle.ZERO else Direction(self.value)


@dataclass(slots=True)
class Manners:
    """The manners of one telephone. The defaults are those of a desk telephone with somebody near it."""

    answers_after_s: float | None = None  # seconds it rings before it answers by itself; None: somebody must
    rejects_with: int | None = None  # SIP status that every call gets
    rings: bool = True  # sends 180 when called
    early_audio: bool = False  # sends 183 and speaks before it answers
    obeys_talk: bool = True  # answers on `NOTIFY` with `Event: talk`
    obeys_answer_after: bool = True  # answers by itself on `Call-Info: ...;answer-after=`
    lines: int = 1  # calls at a time; one more gets 486
    sends_audio: bool = True
    offerless: bool = False  # calls without SDP in its INVITE
    codecs: tuple[Codec, ...] = (Codec.PCMU, Codec.PCMA)
    hold_style: HoldStyle = HoldStyle.SENDONLY


NEVER_ANSWERS = Manners()
PICKS_UP = Manners(answers_after_s=0.0)
BUSY_ALWAYS = Manners(rejects_with=486)
