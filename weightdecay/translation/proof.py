"""Both sides of a translation on the same random gradients, each in its framework's own process.

The difference of two trajectories is the largest |w − w₀| over the largest |w₀|, over all steps,
with w₀ the source's.
"""

from __future__ import annotations

import functools
import math
import threading
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, TypeAlias

import numpy as np

from weightdecay import answers, patience
from weightdecay.environments import resolve
from weightdecay.fleet import Fleet
from weightdecay.ops import NumPyArray
from weightdecay.tolerances import FLOAT32_SETTINGS
from weightdecay.translation import recipe as r
from weightdecay.translation import reference, staging
from weightdecay.translation.dialects import BACKENDS
from weightdecay.translation.recipe import Recipe
from weightdecay.worker import Worker

STEPS = 100
TOLERANCE = 1e-12
"""Rounding, in float64."""
SPREAD = 4.0
LARGE = 1e12
"""Gradients this large beside a bound leave no trace of what is added to their norm."""
CALL_LIMIT = 120.0

Tensors: TypeAlias = dict[str, NumPyArray]
Trajectory: TypeAlias = dict[str, NumPyArray]
"""Parameters after every step, of shape (steps, …)."""


@dataclass(frozen=True)
class Problem:
    """What both sides are given: initial parameters, and one gradient a step, all normal numbers.

    A weight matrix and a bias; `single`, one row of weights that starts at 0, for scikit-learn,
    whose regressor has one output and starts there. With a `size`, gradients are that large, and up
    to `SPREAD` times more or less.
    """

    seed: int = 0
    steps: int = STEPS
    single: bool = False
    size: float | None = None

    @classmethod
    def of(cls, recipe: Recipe, seed: int, steps: int, single: bool) -> Problem:
        """One on which a recipe shows all that it does.

        Where gradients are clipped, they are within the bound at some steps and beyond it at
        others.
        """
        problem = cls(seed, steps, single)
        if recipe.clip is None:
            return problem
        counts = {name: math.prod(shape) for name, shape in problem.shapes.items()}
        count = {"value": 1, "norm": counts["weight"], "global norm": sum(counts.values())}
        return replace(problem, size=recipe.clip.limit / math.sqrt(count[recipe.clip.by]))

    @functools.cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """By the parameter's name."""
        rows = 1 if self.single else 3
        return {"weight": (rows, 4), "bias": (rows,)}

    @functools.cached_property
    def initial(self) -> Tensors:
        """The parameters before the first step."""
        if self.single:
            return {name: np.zeros(shape) for name, shape in self.shapes.items()}
        rng = np.random.default_rng((self.seed, 0))
        return {name: rng.standard_normal(shape) for name, shape in self.shapes.items()}

    @functools.cached_property
    def gradients(self) -> Tensors:
        """Of shape (steps, …); a problem of fewer steps has the first of these."""
        rng = np.random.default_rng((self.seed, 1))
        draws = [
            {name: rng.standard_normal(shape) for name, shape in self.shapes.items()}
            for _ in range(self.steps)
        ]
        found = {name: np.array([draw[name] for draw in draws]) for name in self.shapes}
        if self.single:  # an example with a given gradient is found by dividing by the bias's
            found["bias"] += np.copysign(1.0, found["bias"])
        if self.size is not None:
            draws_of_sizes = np.random.default_rng((self.seed, 2))
            sizes = self.size * SPREAD ** draws_of_sizes.uniform(-1, 1, self.steps)
            found = {name: (g.T * sizes).T for name, g in found.items()}
        return found


def difference(found: Trajectory, source: Trajectory) -> float:
    """Largest |w − w₀| over the largest |w₀|; infinite where either is not finite."""
    with np.errstate(all="ignore"):
        apart = max(float(np.max(np.abs(found[name] - source[name]))) for name in source)
    scale = max(float(np.max(np.abs(values))) for values in source.values())
    relative = apart / (scale or 1.0)
    return relative if np.isfinite(relative) else float("inf")


def tolerance(*sides: tuple[str, Recipe]) -> float:
    """What counts as rounding between frameworks, each with the recipe that it runs."""
    return FLOAT32_SETTINGS if any(_in_float32(*side) for side in sides) else TOLERANCE


def _in_float32(framework: str, recipe: Recipe) -> bool:
    """Keras and MXNet hold settings in float32.

    Two schedules of optax compute in it, and PyTorch's NAdam keeps its product of momenta in it.
    """
    if framework == "optax":
        s = recipe.schedule
        return isinstance(s, r.Exponential | r.Polynomial | r.Warmup)
    if framework == "torch":
        return isinstance(recipe.rule, r.Nadam)
    return framework in ("keras", "mxnet")


def dtype(framework: str, recipe: Recipe) -> str:
    """That of the parameters: float64, but where MXNet's optimizer takes float32 only."""
    from weightdecay.translation.dialects.mxnet import FLOAT32_ONLY

    only = framework == "mxnet" and isinstance(recipe.rule, FLOAT32_ONLY)
    return "float32" if only else "float64"


@dataclass
class Rehearsals:
    """Runs sides, one worker a framework, which is started when it is first needed.

    Use it as a context, so that no process is left behind. Several threads may use it at once.
    """

    workers: dict[str, Worker] = field(default_factory=dict)
    _runs: dict[tuple[Any, ...], Trajectory] = field(default_factory=dict)
    fleet: Fleet = field(default_factory=Fleet)
    _starting: threading.Lock = field(default_factory=threading.Lock)
    _locks: dict[str, threading.Lock] = field(default_factory=dict)

    def __enter__(self) -> Rehearsals:
        """Give itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close every worker."""
        self.fleet.close()
        self.workers.clear()

    def require(self, *frameworks: str) -> None:
        """Start the workers of some frameworks, together.

        Raises
        ------
        BackendError
            A framework is nowhere, or does not import.
        """
        with self._starting:
            for framework in frameworks:
                if framework in BACKENDS and framework not in self.workers:
                    found = resolve(BACKENDS[framework])
                    self.workers[framework] = self.fleet.start(found)
                    self._locks[framework] = threading.Lock()
        for framework in frameworks:
            if framework in self.workers:
                with self._locks[framework]:
                    self.workers[framework].ready()

    def run(
        self, framework: str, text: str, printed: bool, recipe: Recipe, given: Problem
    ) -> Trajectory:
        """One side: a user's text, or printed code, in its framework.

        `recipe` only says in which dtype it can run.
        """
        key = (framework, text, printed, given)
        if key not in self._runs:
            self._runs[key] = self._run(framework, text, printed, recipe, given)
        return self._runs[key]

    def _run(
        self, framework: str, text: str, printed: bool, recipe: Recipe, given: Problem
    ) -> Trajectory:
        kind = dtype(framework, recipe)
        if framework not in BACKENDS:
            return staging.rehearse(framework, text, printed, kind, given.initial, given.gradients)
        self.require(framework)
        header = {"framework": framework, "text": text, "printed": printed, "dtype": kind}
        arrays = {f"initial_{name}": value for name, value in given.initial.items()}
        arrays |= {f"gradients_{name}": value for name, value in given.gradients.items()}
        worker = self.workers[framework]
        with self._locks[framework]:
            _, found = worker.call("rehearse", header, arrays, patience.limit(CALL_LIMIT))
        shapes = {name: (None, *shape) for name, shape in given.shapes.items()}
        with worker.reading("rehearse"):
            return {name: answers.floats(found, name, shape) for name, shape in shapes.items()}

    @staticmethod
    def reference(recipe: Recipe, given: Problem, from_zero: bool = False) -> Trajectory:
        """The recipe in NumPy, from the problem's parameters or `from_zero`."""
        initial = {n: 0 * w if from_zero else w for n, w in given.initial.items()}
        gradients = [{n: g[t] for n, g in given.gradients.items()} for t in range(given.steps)]
        with np.errstate(all="ignore"):
            found = list(reference.run(recipe, initial, gradients))
        return {name: np.array([params[name] for params in found]) for name in initial}
