"""The table at the end of a soak."""

from __future__ import annotations

from switchhook.lab.soak.audit import MEMORY, NOTHING_LEFT, SAME_AGAIN
from switchhook.lab.soak.run import Verdict


def table(verdict: Verdict) -> str:
    """Returns what was played, what came of it, and what was left."""
    journal, gaps, changes = verdict.journal, sorted(verdict.gaps_s), sorted(verdict.changes_s)
    rows = [
        ("seed", str(verdict.seed)),
        ("played", f"{verdict.seconds:.0f} s, {sum(verdict.played.values())} scenes of {len(verdict.played)} kinds"),
        ("legs", f"{journal.began['LegCreated']}, each ended once"),
        ("transfers", f"{journal.began['TransferStarted']}: {_outcomes(verdict, 'TransferEnded')}"),
        ("legs ended", _outcomes(verdict, "LegEnded")),
        ("audio processes killed", str(verdict.kills)),
        ("webhooks failed", str(verdict.hooks_failed)),
        ("phases", f"{len(changes)}; until heard: median {_ms(changes, 0.5)}, p99 {_ms(changes, 0.99)}"),
        ("holes over 60 ms", f"{len(gaps)}, p99 {_ms(gaps, 0.99)}, worst {_ms(gaps, 1.0)}"),
        ("not judged", f"{verdict.unjudged} holes while the laboratory itself was late ({verdict.late} times)"),
        ("memory", " -> ".join(f"{each.get(MEMORY, 0) / 1e6:.1f} MB" for each in _three(verdict))),
        *((name, " -> ".join(f"{each.get(name, 0):g}" for each in _three(verdict))) for name in SAME_AGAIN),
        ("left over", f"{sum(verdict.after.get(name, 0) for name in NOTHING_LEFT):g} of {len(NOTHING_LEFT)} figures"),
        ("violations", str(len(verdict.violations))),
        ("wrong", "; ".join(verdict.wrong) or "nothing"),
    ]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"  {name:<{width}}  {text}" for name, text in rows)


def _three(verdict: Verdict) -> tuple[dict[str, float], ...]:
    """Before the first call, after the warm-up, at the end."""
    return verdict.before, verdict.warm or verdict.before, verdict.after


def _outcomes(verdict: Verdict, kind: str) -> str:
    found = {name.partition(" ")[2]: n for name, n in verdict.journal.outcomes.most_common() if name.startswith(kind)}
    return ", ".join(f"{n} {name}" for name, n in found.items()) or "none"


def _ms(values: list[float], share: float) -> str:
    return f"{values[min(len(values) - 1, int(len(values) * share))] * 1000:.0f} ms" if values else "-"
