"""Every measure of `make bench`, in the order of the table. To add one: a file with `read()`, and a line here.

`also` are the aims of second figures, all of which must be met too. What is taken with 10 and with 1,000 other calls up
must meet the same aim with both. `seconds` is what a run takes on a quiet machine.
"""

from __future__ import annotations

from bench.measure import Aim, Measure

CROWDED = "with_1000_others_ms"

MEASURES = (
    Measure(
        "call_cpu_ms", "call_cpu", "ms", 0.4, seconds=40,
        also=(Aim(CROWDED, 0.4), Aim("grows", 1.1)),
        peer="Asterisk 22: 4.0; FreeSWITCH: 14.5; sippy: 2.5; a minimal Python prototype: 0.15",
    ),
    Measure(
        "calls_per_s_core", "call_rate", "calls/s", 2000, more_is_better=True, seconds=150,
        also=(Aim("p99_ms", 50), Aim("with_1000_others", 2000, True), Aim("with_1000_others_p99_ms", 50)),
        peer="Asterisk 22 on both cores: 400; FreeSWITCH: 130; the prototype: 6,500",
    ),
    Measure(
        "warm_transfer_cpu_ms", "warm_transfer", "ms", 2, seconds=45,
        also=(Aim(CROWDED, 2),),
        peer="Asterisk 22 through ARI: 16, in 14 requests; FreeSWITCH through ESL: 36",
    ),
    Measure("api_to_invite_p99_ms", "api_to_invite", "ms", 5, seconds=60, also=(Aim(CROWDED, 5),)),
    Measure(
        "hold_to_music_p99_ms", "transfer_audio:hold", "ms", 25, seconds=60, also=(Aim(CROWDED, 25),),
        peer="Asterisk 22: 31; FreeSWITCH: 1,030",
    ),
    Measure(
        "complete_to_heard_p99_ms", "transfer_audio:complete", "ms", 25, seconds=60, also=(Aim(CROWDED, 25),),
        peer="Asterisk 22: 21; FreeSWITCH: 81",
    ),
    Measure(
        "switch_silence_p99_ms", "media_switch", "ms", 20, seconds=25,
        also=(Aim("worst_ms", 40), Aim(CROWDED, 20), Aim("with_1000_others_worst_ms", 40)),
        peer="Asterisk 22: 20, worst 320; FreeSWITCH: 260 to 1,240",
    ),
    Measure(
        "relay_legs_core", "media_relay", "legs", 2500, more_is_better=True, seconds=70,
        peer="Asterisk 22: about 1,100; rtpengine 10.5 in user space: 2,000, late at 3,000",
    ),
    Measure(
        "mixed_legs_core_rooms3", "media_mixed3", "legs", 2000, more_is_better=True, seconds=90,
        peer="Asterisk 22: about 520 in rooms of 3",
    ),
    Measure("mixed_legs_core_rooms10", "media_mixed10", "legs", 2000, more_is_better=True, seconds=90),
    Measure(
        "audio_back_ms", "media_back", "ms", 100, seconds=30, also=(Aim(CROWDED, 100),),
        peer="every peer measured loses the calls; a prototype: 25 to 75",
    ),
    Measure("memory_call_kb", "memory_call", "kB", 60, seconds=25, peer="Asterisk 22: 260; FreeSWITCH: 740"),
    Measure(
        "desktop_kb", "desktops", "kB", 30, seconds=110,
        also=(
            Aim("told_p99_ms", 20), Aim("idle_share", 0.05), Aim("socket_kb", 45), Aim("socket_told_p99_ms", 20),
            Aim("socket_idle_share", 0.05),
        ),
    ),
    Measure("journal_facts_per_s", "journal", "facts/s", 20_000, more_is_better=True, seconds=6),
    Measure("start_ms", "start", "ms", 1000, seconds=4),
    Measure(
        "overload_goodput_ratio", "overload", "of best", 0.9, more_is_better=True, seconds=110,
        also=(
            Aim("audio_lost", 0), Aim("audio_gap_ms", 60), Aim("reinvites_failed", 0), Aim("byes_failed", 0),
            Aim("failed_not_refused", 0.01),
        ),
    ),
)  # fmt: skip


def chosen(names: list[str]) -> tuple[Measure, ...]:
    """Returns the measures of these names, all without any; raises SystemExit for a name that there is not."""
    known = {measure.name: measure for measure in MEASURES}
    for name in names:
        if name not in known:
            raise SystemExit(f"no measure {name}; there are {', '.join(known)}")
    return tuple(known[name] for name in names) or MEASURES
