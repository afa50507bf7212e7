"""What a benchmark ends with: every measurement, and what is read from them."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from weightdecay.benching.sizes import Size
from weightdecay.environments import Interpreter
from weightdecay.experiment import Experiment


@dataclass(frozen=True)
class Measurement:
    """So many repetitions in a row, under one reading of the clock.

    `seconds` are those of one repetition; `cores` is the processor time of the process over the
    time on the clock, so the number of processors that were kept busy.
    """

    seconds: float
    times: int
    cores: float


@dataclass(frozen=True)
class Summary:
    """The median of some measurements, its spread and the least of them.

    `spread` is the median absolute deviation: half of the measurements lie closer to the median.
    """

    median: float
    spread: float
    least: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Summary | None:
        """Of at least one value; None of none."""
        if not values:
            return None
        median = statistics.median(values)
        spread = statistics.median(abs(value - median) for value in values)
        return cls(median, spread, min(values))


@dataclass(frozen=True)
class First:
    """Seconds, once: binding the backend, placing the data, the first training (compilation)."""

    bind: float
    place: float
    train: float


@dataclass(frozen=True)
class Row:
    """What one backend did.

    Attributes
    ----------
    backend, interpreter
        Which, and where.
    version, python, numpy : str or None
        Of the framework, of the interpreter and of the NumPy beside it.
    error : str or None
        Why it has no times, or not all of them.
    difference : float or None
        The largest difference of any final parameter from NumPy's, over NumPy's largest.
    agrees : bool
        Whether that is rounding; without it nothing is timed.
    imports, starts : sequences of float
        Seconds that the framework's import takes in a process of its own; seconds from spawning a
        worker to its readiness.
    first : First or None
        The first call.
    train, loop : sequences of Measurement
        The steady state: whole trainings, and the loop over all steps alone (none natively).
    process : dict
        `processors` that the worker may use, and the `threads` that it had in the end.
    """

    backend: str
    interpreter: Interpreter
    version: str | None = None
    python: str | None = None
    numpy: str | None = None
    error: str | None = None
    difference: float | None = None
    agrees: bool = False
    imports: tuple[float, ...] = ()
    starts: tuple[float, ...] = ()
    first: First | None = None
    train: tuple[Measurement, ...] = ()
    loop: tuple[Measurement, ...] = ()
    process: dict[str, Any] = field(default_factory=dict)

    @property
    def steady(self) -> Summary | None:
        """Seconds of one training."""
        return Summary.of([m.seconds for m in self.train])

    @property
    def alone(self) -> Summary | None:
        """Seconds of the loop alone."""
        return Summary.of([m.seconds for m in self.loop])


@dataclass(frozen=True)
class Point:
    """The cost of one training on one backend, with one thing varied."""

    axis: str
    value: int
    backend: str
    measurements: tuple[Measurement, ...] = ()
    error: str | None = None

    @property
    def cost(self) -> Summary | None:
        """Seconds of one training."""
        return Summary.of([m.seconds for m in self.measurements])


@dataclass(frozen=True)
class Exponent:
    """Cost ∝ value^exponent, by least squares in logarithms over the points with `values`."""

    axis: str
    backend: str
    exponent: float
    values: tuple[int, ...]


@dataclass(frozen=True)
class Scaling:
    """Cost against n, inputs and number of λ."""

    points: tuple[Point, ...]
    exponents: tuple[Exponent, ...]


@dataclass(frozen=True)
class Bench:
    """All of it.

    `busy` is how many processors other programs kept busy before and after, the larger of the two,
    where the system keeps count; `missing` says why backends that nobody asked for by name are not
    among the rows.
    """

    size: Size
    experiment: Experiment
    implementation: str
    dtype: str
    device: str
    threads: int
    pinned: bool
    rounds: int
    tolerance: float
    machine: dict[str, Any]
    busy: float | None
    date: str
    rows: tuple[Row, ...]
    missing: dict[str, str]
    scaling: Scaling | None = None

    @property
    def succeeded(self) -> bool:
        """Whether there was something to time, all of it agreed, and all of it was timed."""
        points = self.scaling.points if self.scaling else ()
        errors = [row.error for row in self.rows] + [point.error for point in points]
        return bool(errors) and not any(errors)

    @property
    def disturbed(self) -> bool:
        """Whether other programs kept half a processor or more busy."""
        return self.busy is not None and self.busy >= 0.5

    @property
    def fastest(self) -> float | None:
        """The least median of one training, in seconds."""
        return min((row.steady.median for row in self.rows if row.steady), default=None)
