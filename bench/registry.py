"""Every measure of `make bench`, in the order of the table. To add one: a file with `read()`, and a line here."""

from __future__ import annotations

from bench.measure import Measure

MEASURES = (
    Measure(
        "call_cpu_ms", "call_cpu", "ms", 0.4,
        peer="Asterisk 22: 4.0; FreeSWITCH: 14.5; sippy: 2.5; a minimal Python prototype: 0.15",
    ),
    Measure(
        "calls_per_s_core", "call_rate", "calls/s", 2000, more_is_better=True, runs=1,
        peer="Asterisk 22 on both cores: 400; FreeSWITCH: 130; the prototype: 6,500",
    ),
    Measure(
        "warm_transfer_cpu_ms", "warm_transfer", "ms", 2,
        peer="Asterisk 22 through ARI: 16, in 14 requests; FreeSWITCH through ESL: 36",
    ),
    Measure("memory_call_kb", "memory_call", "kB", 60, runs=1, peer="Asterisk 22: 260; FreeSWITCH: 740"),
    Measure("journal_facts_per_s", "journal", "facts/s", 20_000, more_is_better=True),
    Measure("start_ms", "start", "ms", 1000),
    Measure(
        "relay_legs_core", "media_relay", "legs", 2500, more_is_better=True, runs=1,
        peer="Asterisk 22: about 1,100; rtpengine 10.5 in user space: 2,000, late at 3,000",
    ),
    Measure(
        "mixed_legs_core_rooms3", "media_mixed3", "legs", 2000, more_is_better=True, runs=1,
        peer="Asterisk 22: about 520 in rooms of 3",
    ),
    Measure("mixed_legs_core_rooms10", "media_mixed10", "legs", 2000, more_is_better=True, runs=1),
    Measure(
        "audio_back_ms", "media_back", "ms", 100, peer="every peer measured loses the calls; a prototype: 25 to 75"
    ),
    Measure(
        "switch_silence_p99_ms", "media_switch", "ms", 20,
        peer="Asterisk 22: 20, worst 320; FreeSWITCH: 260 to 1,240",
    ),
)  # fmt: skip


def chosen(names: list[str]) -> tuple[Measure, ...]:
    """Returns the measures of these names, all without any; raises SystemExit for a name that there is not."""
    known = {measure.name: measure for measure in MEASURES}
    for name in names:
        if name not in known:
            raise SystemExit(f"no measure {name}; there are {', '.join(known)}")
    return tuple(known[name] for name in names) or MEASURES
