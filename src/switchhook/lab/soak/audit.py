"""What the journal says at the end: everything that began has ended, once; and what `/metrics` says is left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from switchhook.exchange.ports import Entry

# (what begins, where its id stands in the body), (what ends, where its id stands)
PAIRS = (
    (("LegCreated", "leg"), ("LegEnded", "leg")),
    (("RoomOpened", "room"), ("RoomClosed", "room")),
    (("DialStarted", "dial"), ("DialEnded", "dial")),
    (("TransferStarted", "transfer"), ("TransferEnded", "transfer")),
    (("RecordingStarted", "tape"), ("RecordingFinished", "recording")),
)
_STARTS = {start: key for (start, key), _ in PAIRS}
_ENDS = {end: key for _, (end, key) in PAIRS}
# Figures of /metrics that must be zero when the last call is over.
NOTHING_LEFT = (
    "switchhook_legs_live", "switchhook_calls_live", "switchhook_rooms_live", "switchhook_dials_live",
    "switchhook_transfers_live", "switchhook_recordings_live", "switchhook_agents_live", "switchhook_names_live",
    "switchhook_timers_armed", "switchhook_sip_legs", "switchhook_sip_dialogs", "switchhook_sip_client_transactions",
    "switchhook_sip_server_transactions", "switchhook_audio_legs", "switchhook_audio_ports_taken",
    "switchhook_audio_sounds_playing", "switchhook_journal_waiting",
    "switchhook_journal_dropped", 'switchhook_sip_messages_by_reason_total{reason="bugs"}',
)  # fmt: skip
# These stay for up to 64 s after the last message, as RFC 3261 17 wants it.
REMEMBERED = frozenset(
    {
        "switchhook_sip_dialogs", "switchhook_sip_client_transactions", "switchhook_sip_server_transactions",
        "switchhook_sip_timers",
    }
)  # fmt: skip
# Figures that must be back where they were before the first call, and by how much they may be off: a task that has
# not quite ended, a connection of a reader of the database (three descriptors) and one of our own HTTP, the SIP timer
# that looks once a second for registrations that are over (those of telephones that died).
SAME_AGAIN = {"switchhook_tasks": 1.0, "process_open_fds": 4.0, "switchhook_sip_timers": 1.0}
# Tables of the database, and of what each has a row; those that are not named must be empty. "entry" is the journal.
RECORDS = {"leg": "LegCreated", "transfer": "TransferStarted", "recording": "RecordingFinished"}
MEMORY = "process_resident_memory_bytes"


@dataclass
class Audit:
    """Counts what began and how it ended, line by line; at the end everything has exactly one end."""

    began: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    _begun: dict[str, dict[str, str]] = field(default_factory=lambda: {start: {} for start in _STARTS})
    _ended: dict[str, Counter[str]] = field(default_factory=lambda: {end: Counter() for end in _ENDS})

    def take(self, entry: Entry) -> None:
        """Takes the next line."""
        if entry.kind in _STARTS:
            thing = entry.body[_STARTS[entry.kind]]
            name = str(thing["id"]) if isinstance(thing, dict) else str(thing)
            self._begun[entry.kind][name] = entry.call
            self.began[entry.kind] += 1
        elif entry.kind in _ENDS:
            self._ended[entry.kind][str(entry.body[_ENDS[entry.kind]])] += 1
            self.ended[entry.kind] += 1
            if entry.kind in ("TransferEnded", "LegEnded"):
                self.outcomes[f"{entry.kind} {entry.body['outcome']}"] += 1

    def faults(self) -> list[tuple[str, str]]:
        """Returns call and words for everything that has not exactly one beginning and one end."""
        found = []
        for (start, _), (end, _) in PAIRS:
            begun, ended = self._begun[start], self._ended[end]
            for name, call in begun.items():
                if ended[name] != 1:
                    found.append((call, f"{start} {name} has {ended[name]} {end}"))
            for name in ended.keys() - begun.keys():
                found.append(("", f"{end} {name} of nothing that began"))
        return found


def left_over(
    figures: Mapping[str, float], before: Mapping[str, float], but: frozenset[str] = frozenset()
) -> list[str]:
    """Returns what is still there, in words; empty when all is as before the first call. `but` is not looked at."""
    names = [name for name in NOTHING_LEFT if name not in but]
    found = [f"{name} is not told" for name in (*NOTHING_LEFT, *SAME_AGAIN) if name not in figures]
    found += [f"{name} is {figures[name]:g}, not 0" for name in names if figures.get(name, 0)]
    for name, margin in SAME_AGAIN.items():
        if name not in but and figures.get(name, 0) > before.get(name, 0) + margin:
            found.append(f"{name} is {figures[name]:g}, was {before[name]:g}")
    return found


def wrong_rows(rows: Mapping[str, int], journal: Audit) -> list[str]:
    """Returns what the tables have too many or too few rows of, in words."""
    counted = journal.began + journal.ended
    found = []
    for table, count in rows.items():
        kind = RECORDS.get(table, "")
        if kind and count != counted[kind]:
            found.append(f"{count} rows of {table}, and {counted[kind]} {kind} in the journal")
        elif not kind and table != "entry" and count:
            found.append(f"{count} rows of {table}, which should have none")
    return found


def read_figures(page: str) -> dict[str, float]:
    """Reads the text of `/metrics`."""
    pairs = (line.rpartition(" ") for line in page.splitlines() if line and not line.startswith("#"))
    return {name: float(value) for name, _, value in pairs}
