"""What a measure is: a name, an aim, and a file here whose `read()` takes it once, in its own process."""

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
class Measure:
    """One row of the table. `module` has `read() -> Reading`; `peer` says what others need on such a machine."""

    name: str
    module: str
    unit: str
    aim: float
    more_is_better: bool = False
    runs: int = 3
    peer: str = ""

    def meets(self, value: float) -> bool:
        return value >= self.aim if self.more_is_better else value <= self.aim


@dataclass(frozen=True)
class Reading:
    """One run of a measure. `second` are further figures that must hold too, `floor` a figure of the bare machine."""

    value: float
    how: str = ""
    floor: float = 0.0  # in the unit of the value; 0: there is none
    floor_is: str = ""
    holds: bool = True  # False: a second figure missed its aim
    second: dict[str, float] = field(default_factory=dict)


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
    def met(self) -> bool:
        held = sum(reading.holds for reading in self.readings) * 2 > len(self.readings)
        return held and self.measure.meets(self.value)

    @property
    def ratio(self) -> float:
        """Returns how many times the floor the value is, 0 without a floor; below 1 where more is better."""
        ratios = [reading.value / reading.floor for reading in self.readings if reading.floor]
        return median(ratios) if ratios else 0.0

    def json(self) -> dict[str, object]:
        middle = sorted(self.readings, key=lambda reading: abs(reading.value - self.value))[0]
        names = middle.second.keys()
        second = {name: round(median(reading.second.get(name, 0.0) for reading in self.readings), 4) for name in names}
        how = middle.how
        if self.ratio:
            how += f"; {self.ratio:.3g} times the floor ({middle.floor_is})"
        if second:
            how += "; " + ", ".join(f"{name} {value:.4g}" for name, value in second.items())
        return {
            "measure": self.measure.name,
            "value": round(self.value, 4),
            "unit": self.measure.unit,
            "aim": self.measure.aim,
            "met": self.met,
            "runs": [round(reading.value, 4) for reading in self.readings],
            "how": how,
        }


def take(measure: Measure) -> Reading:
    """Takes a measure once in a new process; raises SystemExit with what it said when it fails."""
    command = [sys.executable, "-m", "bench.once", measure.module]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=170)
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        raise SystemExit(f"{measure.name}: {(done.stderr or done.stdout).strip()[-1500:]}")
    return Reading(**json.loads(lines[-1]))


def told(reading: Reading) -> str:
    """Returns a reading as the one line that `take` reads."""
    return json.dumps(asdict(reading))


@contextmanager
def workshop() -> Iterator[Path]:
    """Gives a folder that is gone afterwards."""
    with TemporaryDirectory(prefix="switchhook-bench-") as folder:
        yield Path(folder)
