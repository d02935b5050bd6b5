"""What the pump counts, as it comes once a second."""

from __future__ import annotations

from switchhook.core.values import dataclass
from switchhook.media.link import Message

PHASE_US = 5_000
FULL, MANY = 0.8, 200  # share of the time beyond which it is too much, once there are many legs


@dataclass(frozen=True, slots=True)
class Counters:
    """Counted since the pump was first started; times in microseconds."""

    wire: str
    legs: int
    received: int
    sent: int
    strangers: int
    malformed: int
    reports: int
    phases: int
    late_phases: int
    skipped_phases: int
    work_us: int
    most_work_us: int  # of one phase, in the last second
    events_dropped: int
    bugs: int = 0  # packets that we failed over
    unknown: int = 0  # of a payload type or a length that was not agreed, and keys faster than anybody presses them
    lost: int = 0  # of what telephones sent to us: of the legs that have ended and of those that are up
    late: int = 0  # too late for their jitter buffer
    duplicated: int = 0
    jitter_ms: float = 0.0  # the largest of all telephones that send
    wire_note: str = ""  # why it is not the best wire there is
    load: float = 0.0  # share of the time that the pump worked, in the last second

    @property
    def full(self) -> bool:
        """True when new legs should be refused; a few legs on a machine busy with other things are not enough."""
        return self.load > FULL and self.legs >= MANY


def read(message: Message, before: Counters | None) -> Counters:
    """Returns the counters of a message; `before` is the last one, or None."""
    v = message["values"]
    load = 0.0
    if before is not None and v[5] > before.phases:
        load = round((v[8] - before.work_us) / ((v[5] - before.phases) * PHASE_US), 4)
    lost, late, duplicated = (ended + live for ended, live in zip(v[11:14], message["missed"], strict=True))
    return Counters(
        wire=message["wire"], legs=message["legs"], received=v[0], sent=v[1], strangers=v[2], malformed=v[3],
        reports=v[4], phases=v[5], late_phases=v[6], skipped_phases=v[9], work_us=v[8], most_work_us=v[7],
        events_dropped=v[15], bugs=v[14], unknown=v[10], lost=lost, late=late, duplicated=duplicated,
        jitter_ms=round(message["jitter_ms"], 3), wire_note=message.get("wire_note", ""), load=load,
    )  # fmt: skip
