"""Draws the tables and states of the core to docs/diagrams: Markdown with Mermaid, and SVG.

    python scripts/diagrams.py            writes the files
    python scripts/diagrams.py --check    exits 1 if a file is not current

Nothing here is written by hand: transfers and fallbacks are read from `core.transfers`; the states of legs and dials,
and who hears whom, are found by asking the core itself (`step`). The SVG is a ladder: each state is a column, each
row of the table an arrow from its state to the next. One file, so that the script runs from any folder.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

from switchhook.core import events as e  # noqa: E402
from switchhook.core import facts as f  # noqa: E402
from switchhook.core import requests as r  # noqa: E402
from switchhook.core.addresses import Destination, Endpoint  # noqa: E402
from switchhook.core.errors import Refused  # noqa: E402
from switchhook.core.ids import Ids, LegId  # noqa: E402
from switchhook.core.model import DialPlan, Kind, LegState, Side, TransferPlan  # noqa: E402
from switchhook.core.outcomes import Outcome  # noqa: E402
from switchhook.core.sources import Voice  # noqa: E402
from switchhook.core.state import State  # noqa: E402
from switchhook.core.step import Done, step  # noqa: E402
from switchhook.core.transfers import FALLBACKS, TABLE  # noqa: E402

OUT = ROOT / "docs" / "diagrams"
OVER = "over"


@dataclass(frozen=True)
class Arrow:
    """One row: from a state, because of something, to a state; what comes of it, and what is done."""

    source: str
    why: str
    to: str
    result: str = ""
    steps: str = ""

    @property
    def outcome(self) -> str:
        return self.result.replace("_", " ")


@dataclass(frozen=True)
class Diagram:
    """One picture and its text."""

    name: str
    title: str
    text: str
    arrows: tuple[Arrow, ...]
    tables: tuple[tuple[str, tuple[str, ...], tuple[tuple[str, ...], ...]], ...] = ()  # title, heads, rows

    @property
    def states(self) -> list[str]:
        """The states in order of appearance, the end last."""
        found: dict[str, None] = {}
        for arrow in self.arrows:
            found[arrow.source] = None
        for arrow in self.arrows:
            found[arrow.to] = None
        return [state for state in found if state != OVER] + ([OVER] if OVER in found else [])


# --- what is drawn: transfers and fallbacks -------------------------------------------------------------------------


def _words(steps: Iterable[Callable[..., object]]) -> str:
    return ", ".join(step.__name__.replace("_", " ").strip() for step in steps)


_KIND_TEXT = {
    Kind.WARM: "One request: the target is rung, agent and target talk in private, then the customer is handed over.",
    Kind.CONSULT: "Two steps, as a desktop does it: a consult is started, and completed, cancelled or swapped.",
    Kind.COLD: "The agent is released at once (the transfer starts in *following*), or, with `keep_agent`, when the "
    "target has answered (it starts in *ringing*).",
}


def transfer(kind: Kind) -> Diagram:
    arrows = tuple(
        Arrow(
            phase.value,
            trigger.value,
            row.to.value if row.to is not None else OVER,
            (row.outcome.value if row.outcome is not None else "why it was not reached") if row.to is None else "",
            _words(row.steps),
        )
        for (of, phase, trigger), row in TABLE.items()
        if of is kind
    )
    heard = ("Who hears whom", ("moment", "customer hears", "agent hears", "target hears"), hearing_of(kind))
    return Diagram(f"transfer-{kind.value}", f"Transfer: {kind.value}", _KIND_TEXT[kind], arrows, (heard,))


def fallbacks() -> Diagram:
    arrows = tuple(
        Arrow(
            "following",
            kind.value,
            row.to.value if row.to is not None else OVER,
            "why it was not reached" if row.to is None else "",
            _words(row.steps),
        )
        for kind, row in FALLBACKS.items()
    )
    text = (
        "What is done with the customer when the target was not reached and the agent is gone. The plan lists them in "
        "order; when all have failed, *release* is the last resort."
    )
    return Diagram("fallbacks", "Fallbacks", text, arrows)


# --- asking the core ------------------------------------------------------------------------------------------------


_SOUNDS = {"builtin:hold": "music", "builtin:ringback": "ringback"}


class Table:
    """A core with symbolic telephones, by name."""

    def __init__(self) -> None:
        self.state = State(Ids(0))
        self.legs: dict[str, LegId] = {}
        self.done: Done | None = None

    def step(self, given: Any) -> Done:
        self.done = step(self.state, given, 0.0)
        for fact in self.done.facts:
            if isinstance(fact, f.LegCreated):
                self.legs[fact.leg.address] = fact.leg.id
        return self.done

    def arrives(self, name: str, route: r.Route) -> LegId:
        arrival = e.Arrival(e.CallerKind.TRUNK, "trunk", name, "", "100")
        self.step(e.LegArrived(LegId(self.state.ids.new()), arrival, route))
        return self.legs[name]

    def answers(self, name: str) -> None:
        self.step(e.LegAnswered(self.legs[name]))

    def hears(self, name: str) -> str:
        leg = self.state.legs.get(self.legs.get(name, LegId("")))
        if leg is None:
            return "gone" if name in self.legs else "–"
        if leg.state is not LegState.UP:
            return "ringing"
        names = {found: known for known, found in self.legs.items()}
        words = [
            names[source.leg]
            if isinstance(source, Voice)
            else source.clips[0].removeprefix("builtin:").replace("hold", "music")
            for source in leg.heard
        ]
        return " + ".join(words) or "silence"

    @property
    def transfer(self) -> Any:
        return next(iter(self.state.transfers.values()))


def _plan(*names: str, **how: Any) -> DialPlan:
    return DialPlan(targets=tuple(Destination(name, Endpoint(name), name) for name in names), caller="100", **how)


def hearing_of(kind: Kind) -> tuple[tuple[str, ...], ...]:
    """Plays the usual ways of a transfer and notes what each party hears."""
    rows: list[tuple[str, ...]] = []

    def begin(**how: Any) -> Table:
        table = Table()
        table.arrives("customer", r.ToParties("account", _plan("agent")))
        table.answers("agent")
        room = next(iter(table.state.rooms))
        plan = TransferPlan(kind, _plan("target"), **how)
        if not rows:
            note(table, "before")
        table.step(r.StartTransfer(room, table.legs["agent"], plan))
        return table

    def note(table: Table, moment: str) -> None:
        row = (moment, *(table.hears(name) for name in ("customer", "agent", "target")))
        if row not in rows:
            rows.append(row)

    def then(table: Table, moment: str, given: Any) -> None:
        table.step(given)
        note(table, moment)

    table = begin(keep_agent=True, rejoin=kind is not Kind.CONSULT)
    note(table, "the target rings, the agent waits")
    if kind is Kind.COLD:
        then(table, "the target answered", e.LegAnswered(table.legs["target"]))
        table = begin()
        note(table, "the target rings, the agent is gone")
        then(table, "the target answered the waiting customer", e.LegAnswered(table.legs["target"]))
    else:
        then(table, "agent and target talk in private", e.LegAnswered(table.legs["target"]))
        then(table, "the agent has swapped to the customer", r.SwapTransfer(table.transfer.id))
        then(table, "merged", r.JoinTransfer(table.transfer.id))
        then(table, "the agent left after the merge", e.LegGone(table.legs["agent"]))
        table = begin()
        table.answers("target")
        then(table, "completed", r.CompleteTransfer(table.transfer.id))
        table = begin()
        then(table, "the agent is gone, the target still rings", r.CompleteTransfer(table.transfer.id))
    if kind is Kind.WARM:
        table = begin()
        then(table, "the agent resumed while the target rings", r.JoinTransfer(table.transfer.id))
    table = begin(keep_agent=True, rejoin=kind is not Kind.CONSULT)
    then(table, "the target was not reached", e.LegFailed(table.legs["target"], Outcome.BUSY, 486))
    return tuple(rows)


# --- what is drawn: legs and dials ----------------------------------------------------------------------------------


def legs() -> tuple[Diagram, ...]:
    """Tries every event on a leg in every state, and notes what state it is in then."""
    return tuple(_legs_of(side) for side in Side)


def _leg_in(side: Side, state: LegState) -> tuple[Table, LegId]:
    table = Table()
    if side is Side.INBOUND:
        leg = table.arrives("phone", r.ToProgram("account", "program", "ref"))
        if state is LegState.RINGING:
            table.step(r.TellRinging(leg))
        elif state is LegState.UP:
            table.step(r.AnswerLeg(leg))
        return table, leg
    table.step(r.Originate("account", _plan("phone").targets[0], "100", "program"))
    leg = table.legs["phone"]
    if state is LegState.RINGING:
        table.step(e.LegRang(leg))
    elif state is LegState.UP:
        table.answers("phone")
    return table, leg


def _legs_of(side: Side) -> Diagram:
    tried: dict[str, Callable[[LegId], Any]] = {
        "the telephone rings": e.LegRang,
        "we say that it rings": r.TellRinging,
        "the telephone answers": e.LegAnswered,
        "we answer": r.AnswerLeg,
        "the INVITE fails": lambda leg: e.LegFailed(leg, Outcome.BUSY, 486),
        "the telephone hangs up": e.LegGone,
        "we hang up": r.HangUp,
        "the ring time is over": lambda leg: e.TimerFired(f"ring:{leg}"),
        "the longest time is over": lambda leg: e.TimerFired(f"limit:{leg}"),
    }
    if side is Side.INBOUND:
        del tried["the INVITE fails"]
    arrows = []
    for state in (LegState.DIALLING, LegState.RINGING, LegState.UP):
        for why, make in tried.items():
            if why == "the longest time is over" and state is not LegState.UP:
                continue  # that timer runs from the answer on
            if why == "the INVITE fails" and state is LegState.UP:
                continue  # it has ended already, with the answer
            table, leg = _leg_in(side, state)
            try:
                done = table.step(make(leg))
            except Refused:
                continue
            after = table.state.legs.get(leg)
            to = after.state.value if after is not None else OVER
            if to != state.value:
                ended = next((fact for fact in done.facts if isinstance(fact, f.LegEnded)), None)
                arrows.append(Arrow(state.value, why, to, ended.outcome.value if ended is not None else ""))
    text = {
        Side.OUTBOUND: "A leg that we called. Every event was tried in every state; what is not drawn changes nothing.",
        Side.INBOUND: "A leg that called us. Every event was tried in every state; what is not drawn changes nothing.",
    }
    return Diagram(f"leg-{side.value}", f"Leg: {side.value}", text[side], tuple(arrows))


def dials() -> Diagram:
    """Tries what can happen to an attempt with one target, without and with a brief and a digit."""
    arrows: list[Arrow] = []
    plain: dict[str, Any] = {}
    asking: dict[str, Any] = {"brief": ("speak:en-US::hello",), "accept_digit": "1"}
    tried: tuple[tuple[str, dict[str, Any], Callable[[Table], Any]], ...] = (
        ("answered", plain, lambda t: e.LegAnswered(t.legs["target"])),
        ("answered, with a brief or a digit", asking, lambda t: e.LegAnswered(t.legs["target"])),
        ("not reached", plain, lambda t: e.LegFailed(t.legs["target"], Outcome.BUSY, 486)),
        ("ring time over", plain, lambda t: e.TimerFired(f"ring:{t.legs['target']}")),
        ("cancelled", plain, lambda t: r.CancelDial(next(iter(t.state.dials)))),
        ("the caller hangs up", plain, lambda t: e.LegGone(t.legs["caller"])),
    )
    asked: tuple[tuple[str, dict[str, Any], Callable[[Table], Any]], ...] = (
        ("brief heard, no digit wanted", {"brief": ("speak:en-US::hello",)}, _sound_ended),
        ("the digit is pressed", asking, lambda t: e.DigitPressed(t.legs["target"], "1")),
        ("another digit", asking, lambda t: e.DigitPressed(t.legs["target"], "2")),
        ("no digit in time", asking, lambda t: e.TimerFired(f"accept:{t.legs['target']}")),
        ("hangs up", asking, lambda t: e.LegGone(t.legs["target"])),
        ("cancelled", asking, lambda t: r.CancelDial(next(iter(t.state.dials)))),
    )
    for state, tries in (("ringing", tried), ("accepting", asked)):
        for why, how, make in tries:
            table = Table()
            table.arrives("caller", r.ToParties("account", _plan("target", **how)))
            if state == "accepting":
                table.answers("target")
            done = table.step(make(table))
            to, result = _dial_after(table, done)
            arrows.append(Arrow(state, why, to, result))
    text = (
        "An attempt to bring somebody into a room; here with one target. With several at once the first to win ends "
        "the others (completed elsewhere); one after the other, the next is rung when one was not reached."
    )
    return Diagram("dial", "Dial", text, tuple(arrows))


def _sound_ended(table: Table) -> e.SoundEnded:
    leg = table.state.legs[table.legs["target"]]
    assert leg.playing is not None
    return e.SoundEnded(leg.id, leg.playing.id)


def _dial_after(table: Table, done: Done) -> tuple[str, str]:
    for fact in done.facts:
        if isinstance(fact, f.DialEnded):
            return ("won", "") if fact.leg is not None else (OVER, fact.outcome.value)
    (dial,) = table.state.dials.values()
    return ("accepting" if dial.accepting else "ringing"), ""


# --- Markdown ---------------------------------------------------------------------------------------------------------


def markdown(diagram: Diagram) -> str:
    lines = [
        f"# {diagram.title}",
        "",
        "<!-- Made by scripts/diagrams.py from the core; do not edit. -->",
        "",
        diagram.text,
        "",
        f"![{diagram.title}]({diagram.name}.svg)",
        "",
        "```mermaid",
        "stateDiagram-v2",
    ]
    first = diagram.states[0]
    lines.append(f"    [*] --> {first}")
    for arrow in diagram.arrows:
        to = "[*]" if arrow.to == OVER else arrow.to
        result = f" ({arrow.outcome})" if arrow.outcome else ""
        lines.append(f"    {arrow.source} --> {to}: {arrow.why}{result}")
    lines += ["```", ""]
    heads = ("in", "when", "goes to", "outcome") + (("steps",) if any(a.steps for a in diagram.arrows) else ())
    rows = tuple((a.source, a.why, a.to, a.outcome, a.steps)[: len(heads)] for a in diagram.arrows)
    for title, names, body in (("Rows", heads, rows), *diagram.tables):
        lines += [f"## {title}", "", _row(names), _row(["---"] * len(names)), *map(_row, body), ""]
    return "\n".join(lines)


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def index(diagrams: Iterable[Diagram]) -> str:
    lines = [
        "# Diagrams",
        "",
        "<!-- Made by scripts/diagrams.py from the core; do not edit. -->",
        "",
        "Drawn from the tables of the core by `python scripts/diagrams.py`; a test keeps them current.",
        "",
    ]
    lines += [f"- [{diagram.title}]({diagram.name}.md)" for diagram in diagrams]
    return "\n".join([*lines, ""])


# --- SVG --------------------------------------------------------------------------------------------------------------

_COLUMN, _ROW, _TOP, _LEFT, _END = 226, 42, 96, 110, 210
_STYLE = (
    "text{font:13px 'Helvetica Neue',Arial,sans-serif;fill:#1d2733}"
    ".t{font-size:19px;font-weight:600}.h{font-weight:600;text-anchor:middle}"
    ".w{text-anchor:middle;paint-order:stroke;stroke:#fff;stroke-width:4px}"
    ".s{font-size:10.5px;fill:#6b7785;text-anchor:middle;paint-order:stroke;stroke:#fff;stroke-width:4px}"
    ".o{font-weight:600}"
    ".life{stroke:#c4ccd6;stroke-dasharray:3 4}.a{stroke:#2b6cb0;stroke-width:1.6;fill:none}"
    ".e{stroke:#4a5568}.good{fill:#22774a}.bad{fill:#a3412b}"
)
_GOOD = {"completed", "merged", "returned"}


def svg(diagram: Diagram) -> str:
    states = diagram.states
    at = {state: _LEFT + n * _COLUMN for n, state in enumerate(states)}
    width = _LEFT + (len(states) - 1) * _COLUMN + _END
    height = _TOP + _ROW * len(diagram.arrows) + 30
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">',
        f"<title>{escape(diagram.title)}</title><style>{_STYLE}</style>",
        '<defs><marker id="m" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="#2b6cb0"/></marker></defs>',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text class="t" x="20" y="30">{escape(diagram.title)}</text>',
    ]
    for state, x in at.items():
        fill = "#e8ecf1" if state == OVER else "#e3effb"
        out += [
            f'<line class="life" x1="{x}" y1="74" x2="{x}" y2="{height - 16}"/>',
            f'<rect x="{x - 62}" y="46" width="124" height="28" rx="{14 if state == OVER else 6}" fill="{fill}"/>',
            f'<text class="h" x="{x}" y="65">{escape(state)}</text>',
        ]
    for n, arrow in enumerate(diagram.arrows):
        y = _TOP + n * _ROW + 18
        if n and diagram.arrows[n - 1].source != arrow.source:
            out.append(f'<line x1="20" y1="{y - 26}" x2="{width - 20}" y2="{y - 26}" stroke="#eef1f5"/>')
        out += _arrow(arrow, at[arrow.source], at[arrow.to], y)
    return "\n".join([*out, "</svg>", ""])


def _arrow(arrow: Arrow, x1: int, x2: int, y: int) -> list[str]:
    out = [f'<circle cx="{x1}" cy="{y}" r="3.5" fill="#2b6cb0"/>']
    if x1 == x2:
        path = f"M{x1} {y - 4}h30q8 0 8 6t-8 6h-26"
        middle = x1 + 46
        out.append(f'<path class="a" d="{path}" marker-end="url(#m)"/>')
        out.append(f'<text class="w" style="text-anchor:start" x="{middle}" y="{y}">{escape(arrow.why)}</text>')
        if arrow.steps:
            out.append(
                f'<text class="s" style="text-anchor:start" x="{middle}" y="{y + 13}">{escape(arrow.steps)}</text>'
            )
        return out
    sign = 1 if x2 > x1 else -1
    out.append(f'<line class="a" x1="{x1}" y1="{y}" x2="{x2 - 3 * sign}" y2="{y}" marker-end="url(#m)"/>')
    middle = x1 + sign * (_COLUMN // 2)
    out.append(f'<text class="w" x="{middle}" y="{y - 7}">{escape(arrow.why)}</text>')
    if arrow.steps:
        out.append(f'<text class="s" x="{middle}" y="{y + 13}">{escape(arrow.steps)}</text>')
    if arrow.result:
        tone = "good" if arrow.result in _GOOD else "bad"
        out.append(f'<text class="o {tone}" x="{x2 + 12}" y="{y + 4}">{escape(arrow.outcome)}</text>')
    return out


# --- all of them ----------------------------------------------------------------------------------------------------


def render() -> dict[str, str]:
    """Returns every file's name and text."""
    diagrams = (*(transfer(kind) for kind in Kind), fallbacks(), *legs(), dials())
    files = {"README.md": index(diagrams)}
    for diagram in diagrams:
        files[f"{diagram.name}.md"] = markdown(diagram)
        files[f"{diagram.name}.svg"] = svg(diagram)
    return files


def stale() -> list[str]:
    """Returns the files of docs/diagrams that differ from what the core says, are missing, or are left over."""
    wanted = render()
    found = {path.name: path.read_text(encoding="utf-8") for path in OUT.iterdir()} if OUT.is_dir() else {}
    return sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))


def main() -> int:
    if "--check" in sys.argv[1:]:
        for name in stale():
            print(f"docs/diagrams/{name} is not current: run python scripts/diagrams.py")
        return bool(stale())
    OUT.mkdir(parents=True, exist_ok=True)
    for name, text in render().items():
        (OUT / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
