"""What a measure is: a name, aims, and a file here whose `read()` takes it once, in its own process.

A row of the table is met when every figure in it meets its aim: the median of the runs, the median of each second
figure that has an aim of its own, and whatever else must hold in every run (nothing lost, all calls good).
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Aim:
    """What a figure must reach: at most `limit`, or at least."""

    name: str
    limit: float
    more_is_better: bool = False

    def meets(self, value: float) -> bool:
        return value >= self.limit if self.more_is_better else value <= self.limit

    def __str__(self) -> str:
        return f"{'≥' if self.more_is_better else '≤'} {self.limit:,g}"


@dataclass(frozen=True)
class Measure:
    """One row of the table. `module` has `read() -> Reading`, or the function after a colon, and takes `seconds`;
    `also` are the aims of second figures, `peer` says what others need on such a machine."""

    name: str
    module: str
    unit: str
    aim: float
    more_is_better: bool = False
    runs: int = 3
    seconds: float = 30.0
    also: tuple[Aim, ...] = ()
    peer: str = ""

    @property
    def wanted(self) -> Aim:
        return Aim(self.name, self.aim, self.more_is_better)


@dataclass(frozen=True)
class Reading:
    """One run of a measure. `second` are further figures, `floor` a figure of the bare machine taken in this run."""

    value: float
    how: str = ""
    floor: float = 0.0  # 0: there is none
    floor_is: str = ""
    against: float = 0.0  # what is compared with the floor, when it is not the value
    holds: bool = True  # False: something that must be so was not, `why` says what
    why: str = ""
    second: dict[str, float] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        """Returns how many times the floor this is; 0 without a floor."""
        return (self.against or self.value) / self.floor if self.floor else 0.0


@dataclass(frozen=True)
class Result:
    """All runs of a measure: the median, how far the runs lie apart, and what was said of it."""

    measure: Measure
    readings: list[Reading]

    @property
    def value(self) -> float:
        return median(reading.value for reading in self.readings)

    @property
    def spread(self) -> tuple[float, float]:
        values = [reading.value for reading in self.readings]
        return min(values), max(values)

    @property
    def second(self) -> dict[str, float]:
        """Returns the median of each second figure."""
        names = dict.fromkeys(name for reading in self.readings for name in reading.second)
        return {
            name: median(reading.second[name] for reading in self.readings if name in reading.second) for name in names
        }

    @property
    def met(self) -> bool:
        """True only if every figure of the row meets its aim; a figure that is missing does not."""
        return not self.missed()

    def missed(self) -> list[str]:
        """Returns each figure that does not meet its aim, with it, and what did not hold; empty when the row is met."""
        figures = {**self.second, self.measure.name: self.value}
        missed = [
            f"{aim.name} {figures[aim.name]:.4g} (aim {aim})" if aim.name in figures else f"{aim.name} is missing"
            for aim in (self.measure.wanted, *self.measure.also)
            if aim.name not in figures or not aim.meets(figures[aim.name])
        ]
        return missed + self._broken()

    def _broken(self) -> list[str]:
        """Returns what must be so in every run and was not."""
        return list(
            dict.fromkeys(reading.why or "a run did not hold" for reading in self.readings if not reading.holds)
        )

    @property
    def ratio(self) -> float:
        """Returns how many times the floor the value is, 0 without a floor; below 1 where more is better."""
        ratios = [reading.ratio for reading in self.readings if reading.floor]
        return median(ratios) if ratios else 0.0

    def how(self) -> str:
        """Returns what was done, the ratio to the floor, all second figures with their aims, and what did not hold."""
        middle = min(self.readings, key=lambda reading: abs(reading.value - self.value))
        parts = [middle.how] if middle.how else []
        if self.ratio:
            parts.append(f"{self.ratio:.3g} times the floor ({middle.floor_is})")
        second, aims = self.second, {aim.name: aim for aim in self.measure.also}
        marks = {name: f" (aim {aim})" for name, aim in aims.items()}
        shown = [f"{name} {value:.4g}{marks.get(name, '')}" for name, value in second.items()]
        parts += [", ".join(shown)] if shown else []
        parts += [f"NOT MET: {why}" for why in self._broken()]
        return "; ".join(parts)

    def json(self) -> dict[str, object]:
        """Returns the entry of results.json."""
        return {
            "measure": self.measure.name,
            "value": round(self.value, 4),
            "unit": self.measure.unit,
            "aim": self.measure.aim,
            "met": self.met,
            "runs": [round(reading.value, 4) for reading in self.readings],
            "how": self.how(),
        }


def take(measure: Measure) -> Reading:
    """Takes a measure once in a new process; raises SystemExit with what it said when it fails or takes too long."""
    command = [sys.executable, "-m", "bench.once", measure.module]
    # In a session of its own, so that Ctrl-C reaches us alone and it is asked to end once, in order.
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        out, err = process.communicate(timeout=90 + 4 * measure.seconds)
    except subprocess.TimeoutExpired as late:
        _end(process)
        raise SystemExit(f"not done within {late.timeout:.0f} s") from None
    except BaseException:
        _end(process)
        raise
    lines = out.strip().splitlines()
    if process.returncode or not lines:
        said = (err or out).strip() or f"ended with {process.returncode} and said nothing"
        raise SystemExit(said.splitlines()[-1] if "Traceback" in said else said[-1500:])
    return Reading(**json.loads(lines[-1]))


def _end(process: subprocess.Popen[str]) -> None:
    """Ends a run so that it takes its server and its load with it."""
    process.terminate()
    try:
        process.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


def told(reading: Reading) -> str:
    """Returns a reading as the one line that `take` reads."""
    return json.dumps(asdict(reading))


@contextmanager
def workshop() -> Iterator[Path]:
    """Gives a folder that is gone afterwards."""
    with TemporaryDirectory(prefix="switchhook-bench-") as folder:
        yield Path(folder)
