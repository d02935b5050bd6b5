"""The table at the end of a soak."""

from __future__ import annotations

from collections import Counter

from switchhook.lab.soak.audit import NOTHING_LEFT, SAME_AGAIN
from switchhook.lab.soak.injected import told
from switchhook.lab.soak.processes import MOST_GROWTH_KB, Seen
from switchhook.lab.soak.run import Verdict


def table(verdict: Verdict) -> str:
    """Returns what was played, what came of it, and what was left."""
    journal, gaps, changes = verdict.journal, sorted(verdict.gaps_s), sorted(verdict.changes_s)
    rows = [
        ("seed", str(verdict.seed)),
        ("played", f"{verdict.seconds:.0f} s, {sum(verdict.played.values())} scenes of {len(verdict.played)} kinds"),
        ("legs", f"{journal.began['LegCreated']}: {_outcomes(verdict, 'LegEnded')}"),
        ("transfers", f"{journal.began['TransferStarted']}: {_outcomes(verdict, 'TransferEnded')}"),
        *_kinds(verdict),
        ("audio processes killed", str(verdict.injected.kills)),
        ("webhooks failed", str(verdict.injected.hooks_failed)),
        ("telephones that died", str(verdict.injected.died)),
        *((way, told(one)) for way, one in sorted(verdict.injected.links.items())),
        ("phases", f"{len(changes)}; until heard: median {_ms(changes, 0.5)}, p99 {_ms(changes, 0.99)}"),
        ("holes over 60 ms", f"{len(gaps)}, p99 {_ms(gaps, 0.99)}, worst {_ms(gaps, 1.0)}"),
        ("not judged", f"{verdict.unjudged} holes while the laboratory itself was late ({verdict.late} times)"),
        ("journal", f"{verdict.steps} steps rebuilt; rows: {_counted(verdict.rows)}"),
        ("memory with calls up", f"{verdict.most_memory / 1e6:.1f} MB at most (control, files included)"),
        *_memory(verdict),
        *((name, f"{verdict.before.get(name, 0):g} -> {verdict.after.get(name, 0):g}") for name in SAME_AGAIN),
        ("left over", f"{sum(verdict.after.get(name, 0) for name in NOTHING_LEFT):g} of {len(NOTHING_LEFT)} figures"),
        ("violations", str(len(verdict.violations))),
        ("wrong", "; ".join(verdict.wrong) or "nothing"),
        ("verdict", "good" if verdict.good else "NOT GOOD"),
    ]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"  {name:<{width}}  {text}" for name, text in rows)


def _memory(verdict: Verdict) -> list[tuple[str, str]]:
    """Each process before the first call, at rest after the warm-up, and at rest after all."""
    if not verdict.rested:
        return []
    return [
        (
            f"memory, {name}",
            f"{_mb(verdict.cold, name)} -> {_mb(verdict.warm, name)} -> {_mb(verdict.rested, name)} at rest "
            f"(may grow {MOST_GROWTH_KB[name] / 1e3:g} MB), file descriptors {_fds(verdict.warm, name)} -> "
            f"{_fds(verdict.rested, name)}",
        )
        for name in verdict.rested
    ]


def _mb(seen: dict[str, Seen], name: str) -> str:
    return f"{seen[name].memory_kb / 1e3:.1f} MB" if name in seen else "-"


def _fds(seen: dict[str, Seen], name: str) -> str:
    return str(seen[name].descriptors) if name in seen else "-"


def _kinds(verdict: Verdict) -> list[tuple[str, str]]:
    by_kind: dict[str, Counter[str]] = {}
    for (kind, outcome), count in verdict.transfers.items():
        by_kind.setdefault(kind, Counter())[outcome] += count
    return [(f"  {kind}", f"{found.total()}: {_counted(dict(found.most_common()))}") for kind, found in by_kind.items()]


def _outcomes(verdict: Verdict, kind: str) -> str:
    return _counted(
        {name.partition(" ")[2]: n for name, n in verdict.journal.outcomes.most_common() if name.startswith(kind)}
    )


def _counted(found: dict[str, int]) -> str:
    return ", ".join(f"{n} {name}" for name, n in found.items()) or "none"


def _ms(values: list[float], share: float) -> str:
    return f"{values[min(len(values) - 1, int(len(values) * share))] * 1000:.0f} ms" if values else "-"
