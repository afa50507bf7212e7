"""Training from scratch: epochs of ``ops.fold(step)``, all runs as columns of one program."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from weightdecay import loss, penalty
from weightdecay.data.dataset import Dataset
from weightdecay.data.minibatches import EpochPlan
from weightdecay.experiment import Experiment
from weightdecay.history import AfterEpoch, Row, Trained
from weightdecay.ops import Array, NumPyArray, Ops, Parameters, Step
from weightdecay.penalty import Strength
from weightdecay.update import OPTIMIZERS, Hyperparameters, Problem, State, make_step


def train(
    ops: Ops,
    experiment: Experiment,
    dataset: Dataset,
    strength: Strength,
    start: Parameters,
    epochs: Iterable[EpochPlan],
    record: bool,
    after_epoch: AfterEpoch,
) -> Trained:
    """Train from `start`, host arrays of shapes (num_inputs, runs) and (runs,)."""
    has_l1 = bool(np.any(strength.l1.w) or np.any(strength.l1.b))
    rule = (experiment.optimizer, experiment.decay, experiment.l1_update)
    loop = ops.fold(make_step(ops, *rule, has_l1))
    problem = _problem(ops, experiment, dataset, strength)
    measure = _measurer(ops, dataset, problem)
    state = _start(ops, experiment, start)
    rows: list[Row] = []
    steps = [start] if record else []
    clock = time.perf_counter()
    for plan in epochs:
        # To see every step, the loop runs over one at a time.
        for part in _single_steps(plan) if record else [plan]:
            state = loop(state, (ops.asarray(part.rows), ops.asarray(part.mean)), problem)
            if record:
                steps.append(_to_host(ops, state.params))
        rows.append(measure(state.params))
        after_epoch(plan, rows[-1])
    return Trained(_to_host(ops, state.params), rows, time.perf_counter() - clock, steps)


def _single_steps(plan: EpochPlan) -> list[EpochPlan]:
    return [EpochPlan(plan.rows[i : i + 1], plan.mean[i : i + 1]) for i in range(len(plan.rows))]


def _problem(ops: Ops, experiment: Experiment, dataset: Dataset, strength: Strength) -> Problem:
    hyper = (experiment.lr, experiment.momentum, *experiment.betas, experiment.eps)
    weight = dataset.weight_train
    return Problem(
        X=ops.asarray(dataset.X_train),
        y=ops.asarray(dataset.y_train[:, None]),
        weight=None if weight is None else ops.asarray(weight[:, None]),
        strength=Strength(*(Parameters(*map(ops.asarray, part)) for part in strength)),
        hyper=Hyperparameters(*(ops.asarray(np.array([value])) for value in hyper)),
    )


def _start(ops: Ops, experiment: Experiment, start: Parameters) -> State:
    _, remember = OPTIMIZERS[experiment.optimizer]
    ones = ops.asarray(np.ones(1))
    memory_w, memory_b = (remember(ops.asarray(np.zeros_like(part)), ones) for part in start)
    return State(Parameters(*map(ops.asarray, start)), (memory_w, memory_b))


def _to_host(ops: Ops, params: Parameters) -> Parameters:
    return Parameters(*(np.array(ops.to_numpy(part)) for part in params))


class Examples(NamedTuple):
    """All examples of one part: X (n, num_inputs), y (n, 1), and c (n, 1) for their mean."""

    X: Array
    y: Array
    c: Array


class Measured(NamedTuple):
    """What a measurement reads: both parts (no validation examples: None) and the penalty."""

    train: Examples
    val: Examples | None
    strength: Strength


def _measurer(ops: Ops, dataset: Dataset, problem: Problem) -> Callable[[Parameters], Row]:
    """A function from the parameters to the `Row` that describes them, on the host."""

    def mean_over(n: int, weight: NumPyArray | None) -> Array:
        return ops.asarray(np.full((n, 1), 1 / n) if weight is None else weight[:, None] / n)

    val = None
    if dataset.num_val:
        val = Examples(
            ops.asarray(dataset.X_val),
            ops.asarray(dataset.y_val[:, None]),
            mean_over(dataset.num_val, dataset.weight_val),
        )
    c_train = mean_over(dataset.num_train, dataset.weight_train)
    data = Measured(Examples(problem.X, problem.y, c_train), val, problem.strength)
    # A measurement is a loop of one step: whatever compiles the training compiles it too.
    loop = ops.fold(make_measurement(ops))
    once = (ops.asarray(np.zeros(1)),)

    def measure(params: Parameters) -> Row:
        nothing = ops.asarray(np.full(params.b.shape, np.nan))
        _, row = loop((params, Row(nothing, nothing, nothing, nothing)), once, data)
        return Row(*(np.array(ops.to_numpy(part), np.float64) for part in row))

    return measure


@functools.cache
def make_measurement(ops: Ops) -> Step:
    """The step that measures: it leaves the parameters as they are and fills in a `Row`."""

    def step(state: tuple[Parameters, Row], x: Any, data: Measured) -> tuple[Parameters, Row]:
        params, row = state
        return params, Row(
            train_loss=loss.value(ops, params, *data.train),
            val_loss=loss.value(ops, params, *data.val) if data.val else row.val_loss,
            weight_norm=ops.sqrt(ops.sum(params.w * params.w, axis=0)),
            penalty=penalty.value(ops, params, data.strength),
        )

    return step
