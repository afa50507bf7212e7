"""The parity matrix: every backend × implementation × penalty × update rule, against NumPy.

Each backend runs in a process of its own; the reference is NumPy's from-scratch run in this one,
on the same data, initial state and batches. What happens to one process is told in its rows, and
the others go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, product
from typing import Any

import numpy as np

from weightdecay import held, patience, remote
from weightdecay.data.dataset import Dataset
from weightdecay.data.load import load_data
from weightdecay.data.sources import Synthetic
from weightdecay.environments import Interpreter, resolve
from weightdecay.errors import (
    BackendNotInstalledError,
    NoEquivalentError,
    WeightDecayError,
)
from weightdecay.experiment import Experiment
from weightdecay.fleet import Fleet, Start, start_worker
from weightdecay.parity import Comparison, compare
from weightdecay.registry import BUILT_IN, find
from weightdecay.tolerances import FLOAT32_SETTINGS
from weightdecay.train import FitResult, fit
from weightdecay.worker import Worker, WorkerCallError, WorkerError

DYADIC = Experiment(
    data=Synthetic(num_train=22, num_val=10, num_inputs=50),
    lr=1 / 128,
    momentum=7 / 8,
    betas=(7 / 8, 1 - 2**-10),
    eps=2**-27,
    epochs=6,
)
"""A short last batch, and settings that float32 holds exactly; see `weightdecay.held`."""

DYADIC_LAMBDA = {"none": 0.0, "l2": 3.0, "l1": 1 / 64, "elasticnet": 1 / 16}
CALL_LIMIT = 120.0
"""Seconds after which a run counts as hung."""
MAX_RESTARTS = 2
"""A backend that loses more processes than this is given up."""


@dataclass(frozen=True)
class Case:
    """One run of the matrix, the same for every backend."""

    experiment: Experiment
    implementation: str


@dataclass(frozen=True, eq=False)
class Row:
    """What one backend made of one case.

    `comparison` is None, and `error` says why, where the run did not come to its end. `rounded`
    holds the settings that both sides ran with in place of the case's; see `weightdecay.held`.
    """

    backend: str
    version: str | None
    case: Case
    comparison: Comparison | None
    error: str | None
    rounded: dict[str, held.Setting]

    @property
    def agrees(self) -> bool:
        """Whether it ran and agreed."""
        return self.comparison is not None and self.comparison.agrees


@dataclass(frozen=True, eq=False)
class Matrix:
    """All rows, what has no equivalent, and the backends that could not be had."""

    reference: str
    dtype: str
    tolerance: float
    interpreters: tuple[Interpreter, ...]
    rows: tuple[Row, ...]
    refused: tuple[Row, ...]
    missing: dict[str, str]

    @property
    def agrees(self) -> bool:
        """Whether there was something to run, all of it ran, and all of it agreed."""
        return bool(self.rows) and all(row.agrees for row in self.rows)


def cases(experiment: Experiment | None = None) -> Iterator[Case]:
    """The cases of an experiment, or of every penalty and update rule.

    Without an experiment: every penalty with the optimizers, the two decays where there is an L2
    term to decay, and the two L1 updates where there is an L1 term. Adam runs a second time with
    ε = 0 natively, since not every framework puts ε where Kingma & Ba do.
    """
    if experiment is not None:
        yield Case(experiment, "scratch")
        yield Case(experiment, "native")
        return
    for penalty, optimizer in product(DYADIC_LAMBDA, ("sgd", "momentum", "nesterov", "adam")):
        decays = ("coupled", "decoupled") if penalty in ("l2", "elasticnet") else ("coupled",)
        updates = ("proximal", "subgradient") if penalty in ("l1", "elasticnet") else ("proximal",)
        for decay, l1_update in product(decays, updates):
            settings: dict[str, Any] = {
                "penalty": penalty,
                "lambd": DYADIC_LAMBDA[penalty],
                "optimizer": optimizer,
                "decay": decay,
                "l1_update": l1_update,
            }
            case = replace(DYADIC, **settings)
            yield Case(case, "scratch")
            yield Case(case, "native")
            if optimizer == "adam":
                yield Case(replace(case, eps=0.0), "native")


def rounds(case: Case, backend: str, dtype: str) -> bool:
    """Whether what runs the case rounds its settings more than its parameters."""
    narrow = find(backend).settings == "float32" and dtype == "float64"
    return case.implementation == "native" and narrow


def find_backends(names: Sequence[str]) -> tuple[list[Interpreter], dict[str, str]]:
    """The interpreters that run some backends, and why the others cannot be had."""
    found, missing = [], {}
    for name in names:
        try:
            found.append(resolve(name))
        except BackendNotInstalledError as error:
            missing[name] = str(error)
    return found, missing


def run(
    names: Sequence[str] | None = None,
    *,
    dtype: str = "float64",
    experiment: Experiment | None = None,
    tolerance: float,
    start: Start = start_worker,
    on_start: Callable[[int], None] = lambda total: None,
    on_row: Callable[[], None] = lambda: None,
    call_limit: float | None = None,
) -> Matrix:
    """Run every case on every backend, each in its own process, and compare with NumPy.

    Parameters
    ----------
    names : sequence of str, optional
        Backends; by default every built-in one that can be found.
    dtype, experiment, tolerance
        What to run, and what counts as agreement.
    start : callable
        Starts the worker of an interpreter.
    on_start, on_row : callable
        Told the number of runs, and of every run that is over.
    call_limit : float, optional
        Seconds after which a run counts as hung; by default the current patience's, or 120 for the
        cases that are known to be short.
    """
    interpreters, missing = find_backends(list(names or BUILT_IN))
    todo = list(cases(experiment))
    data = load_data(todo[0].experiment.data, todo[0].experiment.seed)
    on_start(len(todo) * len(interpreters))
    references: dict[Experiment, FitResult] = {}
    for case, found in product(todo, interpreters):
        narrow = rounds(case, found.backend, dtype)
        ran = held.in_float32(case.experiment) if narrow else case.experiment
        if ran not in references:
            references[ran] = fit(ran, data, backend="numpy", dtype=dtype, record=True)
    if call_limit is None and experiment is None:
        call_limit = patience.limit(CALL_LIMIT)

    def rows_of(lane: _Lane) -> Iterator[Row | None]:
        try:
            for case in todo:
                yield lane.row(case, data, references, dtype, tolerance)
                on_row()
        finally:
            lane.close()

    with Fleet(start) as fleet:
        lanes = [_Lane(interpreter, fleet.start, call_limit) for interpreter in interpreters]
        rows = chain(*fleet.side_by_side([rows_of(lane) for lane in lanes]))
        results = [row for row in rows if row is not None]
    return Matrix(
        f"numpy {np.__version__}",
        dtype,
        tolerance,
        tuple(interpreters),
        tuple(row for row in results if not isinstance(row, _Refused)),
        tuple(row for row in results if isinstance(row, _Refused)),
        missing,
    )


class _Refused(Row):
    """A case of which the framework has no exact equivalent."""


class _Lane:
    """One backend's worker, started anew when it is lost."""

    def __init__(
        self,
        interpreter: Interpreter,
        start: Start,
        call_limit: float | None,
    ) -> None:
        self._interpreter, self._start, self._limit = interpreter, start, call_limit
        self._worker: Worker | None = None
        self._lost = 0
        self._last_words = ""
        self._version: str | None = None

    def row(
        self,
        case: Case,
        data: Dataset,
        references: Mapping[Experiment, FitResult],
        dtype: str,
        tolerance: float,
    ) -> Row | None:
        """Run one case; None where a backend has no native implementation at all."""
        name = self._interpreter.backend
        if case.implementation == "native" and find(name).native is None:
            return None
        ran, rounded = case.experiment, {}
        if rounds(case, name, dtype):
            ran, rounded = held.in_float32(ran), held.rounded(ran)
            if not held.is_held(ran, data.columns):
                tolerance = max(tolerance, FLOAT32_SETTINGS)
        try:
            worker = self._ready()
            found = remote.fit(
                worker,
                ran,
                data,
                dtype=dtype,
                implementation=case.implementation,
                record=True,
                timeout=self._limit,
            )
        except NoEquivalentError as error:
            return _Refused(name, self._version, case, None, str(error), rounded)
        except WeightDecayError as error:
            if isinstance(error, WorkerError) and not isinstance(error, WorkerCallError):
                self._lose(str(error))
            return Row(name, self._version, case, None, str(error), rounded)
        ours, reference = _everything(found), _everything(references[ran])
        comparison = compare(ours, reference, tolerance=tolerance)
        return Row(name, self._version, case, comparison, None, rounded)

    def _ready(self) -> Worker:
        if self._lost > MAX_RESTARTS:
            raise WorkerError(f"given up after {self._lost} lost processes; {self._last_words}")
        if self._worker is None:
            self._worker = self._start(self._interpreter)
        self._version = self._worker.ready().backend_version
        return self._worker

    def _lose(self, last_words: str) -> None:
        if self._worker is not None:
            self._lost += 1
            self._last_words = last_words
        self.close()

    def close(self) -> None:
        """Leave no process behind."""
        if self._worker is not None:
            self._worker.close()
            self._worker = None


def _everything(result: FitResult) -> dict[str, np.ndarray]:
    """Parameters after every step, and the recorded numbers from one epoch's end to the next."""
    assert result.trajectory is not None
    epochs = len(result.history.train_loss)
    steps = (len(result.trajectory.w) - 1) // epochs
    held = [*[steps] * epochs, 1]
    recorded = {
        name: np.repeat(np.vstack([np.zeros_like(values[:1]), values]), held, axis=0)
        for name, values in vars(result.history).items()
    }
    return {**result.trajectory._asdict(), **recorded}
