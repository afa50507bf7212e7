"""Training from scratch: epochs of ``ops.fold(step)``, all runs as columns of one program."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from weightdecay import loss, penalty
from weightdecay.data.dataset import Dataset
from weightdecay.data.minibatches import EpochPlan
from weightdecay.experiment import Experiment
from weightdecay.history import AfterEpoch, Row, Trained
from weightdecay.ops import Array, NumPyArray, Ops, Parameters, Verbs
from weightdecay.penalty import Strength
from weightdecay.update import OPTIMIZERS, Hyperparameters, Problem, State, make_step

PATIENCE = 0.1
"""Seconds of work between two looks at the results: nothing waits for the host in between."""
AHEAD = 64
"""Epochs that may be under way at most, however fast they are."""


class Examples(NamedTuple):
    """All examples of one part: X (n, num_inputs), y (n, 1) and c, the weights of their mean.

    c holds 1/n or the sample weight over n, (n, 1) or (n, runs).
    """

    X: Array
    y: Array
    c: Array


class Placed(NamedTuple):
    """The examples on a backend, to be placed once for any number of trainings.

    `weight` holds the sample weights of the training examples, (n, 1) or (n, runs), or is None;
    `val` is None where there are no validation examples.
    """

    train: Examples
    weight: Array | None
    val: Examples | None


class Measured(NamedTuple):
    """What a measurement reads: the examples of both parts and the penalty."""

    train: Examples
    val: Examples | None
    strength: Strength


def place(ops: Ops, dataset: Dataset) -> Placed:
    """Bring the examples of a dataset to the backend."""
    n, m = dataset.num_train, dataset.num_val
    X, y = ops.asarray(dataset.X_train), ops.asarray(dataset.y_train[:, None])
    weight = _columns(dataset.weight_train)
    val = None
    if m:
        c = _mean(m, _columns(dataset.weight_val))
        val = Examples(*map(ops.asarray, (dataset.X_val, dataset.y_val[:, None], c)))
    return Placed(
        Examples(X, y, ops.asarray(_mean(n, weight))),
        None if weight is None else ops.asarray(weight),
        val,
    )


def place_folds(ops: Ops, dataset: Dataset, weight: NumPyArray, held_out: NumPyArray) -> Placed:
    """Bring the training part to the backend, for runs that each leave other examples out.

    `weight` and `held_out` are (n, runs): the sample weights, of mean 1 in every column, that a
    run trains with, and those that it is validated with.
    """
    n = dataset.num_train
    X, y = ops.asarray(dataset.X_train), ops.asarray(dataset.y_train[:, None])
    return Placed(
        Examples(X, y, ops.asarray(weight / n)),
        ops.asarray(weight),
        Examples(X, y, ops.asarray(held_out / n)),
    )


def _columns(weight: NumPyArray | None) -> NumPyArray | None:
    return None if weight is None else weight[:, None]


def _mean(n: int, weight: NumPyArray | None) -> NumPyArray:
    return np.full((n, 1), 1 / n) if weight is None else weight / n


def train(
    ops: Ops,
    experiment: Experiment,
    placed: Placed,
    strength: Strength,
    lr: NumPyArray,
    start: Parameters,
    epochs: Iterable[EpochPlan],
    record: bool,
    after_epoch: AfterEpoch,
) -> Trained:
    """Train from `start` by the rule of an experiment; λ and the learning rate come beside it.

    Parameters
    ----------
    ops, experiment, placed
        The backend; the optimizer, decay and L1 update with their settings; the examples.
    strength : Strength
        λ₁ and λ₂, host arrays.
    lr : array of shape (runs,) or (1,)
        The learning rates.
    start : Parameters
        Host arrays of shapes (num_inputs, runs) and (runs,).
    epochs : iterable of EpochPlan
        The minibatches.
    record : bool
        Whether to keep the parameters after every step.
    after_epoch : callable
        Told of every epoch, in order, at the latest when `AHEAD` more of them are over.
    """
    has_l1 = bool(np.any(strength.l1.w) or np.any(strength.l1.b))
    rule = (experiment.optimizer, experiment.decay, experiment.l1_update)
    loop, measure = ops.fold(make_step(*rule, has_l1)), ops.fold(measurement)
    problem = _problem(ops, experiment, placed, strength, lr)
    measured = Measured(placed.train, placed.val, problem.strength)
    once = (ops.asarray(np.zeros(1)),)
    unknown = ops.asarray(np.full(start.b.shape, np.nan))
    state = _start(ops, experiment, start)
    rows: list[Row] = []
    steps = [start] if record else []
    pending: list[tuple[EpochPlan, Row]] = []
    clock = looked = time.perf_counter()
    ahead = 1

    def look() -> None:
        """Await what is under way, and tell of it."""
        for plan, row in pending:
            rows.append(Row(*(np.array(ops.to_numpy(part), np.float64) for part in row)))
            after_epoch(plan, rows[-1])
        pending.clear()

    host_mean = mean = None
    for plan in epochs:
        # To see every step, the loop runs over one at a time.
        for part in _single_steps(plan) if record else [plan]:
            if part.mean is not host_mean:  # the same in every epoch, as a rule
                host_mean, mean = part.mean, ops.asarray(part.mean)
            state = loop(state, (ops.asarray(part.rows), mean), problem)
            if record:
                steps.append(_to_host(ops, state.params))
        # A measurement is a loop of one step: whatever compiles the training compiles it too.
        nothing = Row(unknown, unknown, unknown, unknown)
        pending.append((plan, measure((state.params, nothing), once, measured)[1]))
        if len(pending) >= ahead:
            done = len(pending)
            look()
            now = time.perf_counter()
            ahead = max(1, min(AHEAD, int(done * PATIENCE / (now - looked))))
            looked = now
    look()
    return Trained(_to_host(ops, state.params), rows, time.perf_counter() - clock, steps)


def _single_steps(plan: EpochPlan) -> list[EpochPlan]:
    return [EpochPlan(plan.rows[i : i + 1], plan.mean[i : i + 1]) for i in range(len(plan.rows))]


def _problem(
    ops: Ops, experiment: Experiment, placed: Placed, strength: Strength, lr: NumPyArray
) -> Problem:
    shared = (experiment.momentum, *experiment.betas, experiment.eps)
    return Problem(
        X=placed.train.X,
        y=placed.train.y,
        weight=placed.weight,
        strength=Strength(*(Parameters(*map(ops.asarray, part)) for part in strength)),
        hyper=Hyperparameters(ops.asarray(lr), *(ops.asarray(np.array([h])) for h in shared)),
    )


def _start(ops: Ops, experiment: Experiment, start: Parameters) -> State:
    _, remember = OPTIMIZERS[experiment.optimizer]
    ones = ops.asarray(np.ones(1))
    memory_w, memory_b = (remember(ops.asarray(np.zeros_like(part)), ones) for part in start)
    return State(Parameters(*map(ops.asarray, start)), (memory_w, memory_b))


def _to_host(ops: Ops, params: Parameters) -> Parameters:
    return Parameters(*(np.array(ops.to_numpy(part)) for part in params))


def measurement(
    ops: Verbs, state: tuple[Parameters, Row], x: Any, data: Measured
) -> tuple[Parameters, Row]:
    """The step that measures: it leaves the parameters as they are and fills in a `Row`."""
    params, row = state
    return params, Row(
        train_loss=loss.value(ops, params, *data.train),
        val_loss=loss.value(ops, params, *data.val) if data.val else row.val_loss,
        weight_norm=ops.sqrt(ops.sum(params.w * params.w, axis=0)),
        penalty=penalty.value(ops, params, data.strength),
    )
