"""`weightdecay` as a contestant: the loop alone, with its losses, and `fit` as anyone calls it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from problem import Floats, Training

from weightdecay import fit, load, penalty, scratch
from weightdecay.data import minibatches
from weightdecay.data.dataset import Dataset
from weightdecay.data.minibatches import EpochPlan
from weightdecay.experiment import Experiment
from weightdecay.ops import Ops, Parameters, Verbs
from weightdecay.penalty import Strength
from weightdecay.train import initial_state
from weightdecay.update import State

DTYPE = "float32"


@dataclass(frozen=True, eq=False)
class Placed:
    """One training of one λ, its examples on the backend and its minibatches drawn."""

    ops: Ops
    experiment: Experiment
    examples: scratch.Placed
    strength: Strength
    start: Parameters
    plans: list[EpochPlan]


def place(backend: str, experiment: Experiment, dataset: Dataset) -> Placed:
    """Bring everything to the backend that `weightdecay.fit` brings there before it trains."""
    ops = load(backend, DTYPE)
    plans = minibatches.draw(
        dataset.num_train,
        experiment.batch_size,
        experiment.epochs,
        experiment.seed,
        experiment.shuffle,
    )
    return Placed(
        ops,
        experiment,
        scratch.place(ops, dataset),
        penalty.strength(experiment, dataset.columns),
        initial_state(experiment, dataset, None),
        list(plans),
    )


def loop(placed: Placed) -> Training:
    """All steps in one call of the loop that a fit runs; its state and steps are placed."""
    ops, experiment = placed.ops, placed.experiment
    lr = np.array([experiment.lr])
    program = scratch.prepare(ops, experiment, placed.examples, placed.strength, lr, 1)
    compiled = ops.fold(program.step, _see_nothing)
    # One epoch that holds all steps.
    xs = (np.concatenate(part)[None] for part in zip(*placed.plans, strict=True))
    steps = tuple(map(ops.asarray, xs))
    start = program.begin(placed.start)

    def run() -> tuple[Floats, float]:
        state, _ = compiled(start, steps, program.data)
        w, b = program.end(state)
        return w[:, 0], b[0]

    return run


def with_losses(placed: Placed) -> Training:
    """`weightdecay.scratch.train`: the losses and the norm after every epoch as well."""
    lr = np.array([placed.experiment.lr])
    given = (placed.ops, placed.experiment, placed.examples, placed.strength, lr, placed.start)

    def run() -> tuple[Floats, float]:
        w, b = scratch.train(*given, placed.plans, False, _tell_nobody).params
        return w[:, 0], b[0]

    return run


def fitted(backend: str, experiment: Experiment, data: Any = None) -> Training:
    """`weightdecay.fit`: draws or takes the data, checks them, draws the minibatches, trains."""

    def run() -> tuple[Floats, float]:
        w, b = fit(experiment, data, backend=backend, dtype=DTYPE).params
        return w[:, 0], b[0]

    return run


def one_lambda(experiment: Experiment, lambd: float) -> Experiment:
    """The same experiment with one λ."""
    return replace(experiment, lambd=(lambd,))


def _see_nothing(ops: Verbs, state: State, data: Any) -> tuple[()]:
    return ()


def _tell_nobody(plan: EpochPlan, row: Any) -> None:
    pass
