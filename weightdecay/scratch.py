"""Training from scratch: epochs of ``ops.fold(step)``, all runs as columns of one program."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from weightdecay import loss, penalty
from weightdecay.data.dataset import Dataset
from weightdecay.data.minibatches import EpochPlan
from weightdecay.experiment import Experiment
from weightdecay.history import AfterEpoch, Row, Trained
from weightdecay.ops import Array, NumPyArray, Ops, Parameters, Step, Verbs
from weightdecay.penalty import Strength
from weightdecay.update import OPTIMIZERS, Hyperparameters, Problem, State, make_step

TOGETHER = 64
"""Epochs that one call of the loop runs at most; in between, nothing waits for the host."""
WORK = 1 << 26
"""Examples × inputs × runs of such a call, about a tenth of a second."""


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


class Reading(NamedTuple):
    """What the loop reads: the training, and the examples of both parts for the look at it."""

    problem: Problem
    train: Examples
    val: Examples | None


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


def place_folds(ops: Ops, placed: Placed, weight: NumPyArray, held_out: NumPyArray) -> Placed:
    """The training part once more, for runs that each leave other examples out.

    `weight` and `held_out` are (n, runs): the sample weights, of mean 1 in every column, that a
    run trains with, and those that it is validated with.
    """
    X, y, _ = placed.train
    n = len(weight)
    return Placed(
        Examples(X, y, ops.asarray(weight / n)),
        ops.asarray(weight),
        Examples(X, y, ops.asarray(held_out / n)),
    )


def _columns(weight: NumPyArray | None) -> NumPyArray | None:
    return None if weight is None else weight[:, None]


def _mean(n: int, weight: NumPyArray | None) -> NumPyArray:
    return np.full((n, 1), 1 / n) if weight is None else weight / n


@dataclass(frozen=True, eq=False)
class Program:
    """A training with all its constants on the backend, to be run from any number of starts."""

    ops: Ops
    step: Step
    data: Reading
    memory: tuple[Any, Any]
    work: int

    def train(
        self,
        start: Parameters,
        epochs: Iterable[EpochPlan],
        record: bool,
        after_epoch: AfterEpoch,
    ) -> Trained:
        """Train from `start`; the arguments are those of the function `train`."""
        ops = self.ops
        loop = ops.fold(self.step, look_and_keep if record else look)
        state = State(Parameters(*map(ops.asarray, start)), self.memory)
        rows: list[Row] = []
        steps = [start] if record else []
        clock = time.perf_counter()
        for plans in _parts(epochs, self.work):
            state, seen = loop(state, _stacked(ops, plans, record), self.data)
            if record:
                kept, seen = seen
                steps += map(Parameters, *(list(np.array(ops.to_numpy(part))) for part in kept))
            table = [None if part is None else np.array(ops.to_numpy(part)) for part in seen]
            last = len(plans[0].rows) - 1 if record else 0
            for e, plan in enumerate(plans):
                at = e * (last + 1) + last  # a recording looks at every step
                rows.append(_row(table, at, len(start.b)))
                after_epoch(plan, rows[-1])
        return Trained(_to_host(ops, state.params), rows, time.perf_counter() - clock, steps)


def prepare(
    ops: Ops,
    experiment: Experiment,
    placed: Placed,
    strength: Strength,
    lr: NumPyArray,
    runs: int,
) -> Program:
    """Place everything of a training of `runs` runs but its start; the rest is as in `train`."""
    has_l1 = bool(np.any(strength.l1.w) or np.any(strength.l1.b))
    decays_bias = bool(np.any(strength.l1.b) or np.any(strength.l2.b))
    rule = (experiment.optimizer, experiment.decay, experiment.l1_update)
    problem = _problem(ops, experiment, placed, strength, lr)
    n, p = placed.train.X.shape
    return Program(
        ops=ops,
        step=_train_step(*rule, has_l1, decays_bias),
        data=Reading(problem, placed.train, placed.val),
        memory=_memory(ops, experiment, p, runs),
        work=n * p * runs,
    )


@functools.cache
def _train_step(*rule: Any) -> Step:
    step = make_step(*rule)
    return lambda ops, state, x, data: step(ops, state, x, data.problem)


def _parts(epochs: Iterable[EpochPlan], work: int) -> Iterator[list[EpochPlan]]:
    """The epochs, as many at a time as one call of the loop may run: alike in shape."""
    most = max(1, min(TOGETHER, WORK // work))
    part: list[EpochPlan] = []
    for plan in epochs:
        if part and (len(part) == most or plan.rows.shape != part[0].rows.shape):
            yield part
            part = []
        part.append(plan)
    if part:
        yield part


def _stacked(ops: Ops, plans: list[EpochPlan], record: bool) -> tuple[Array, Array]:
    """Row numbers and means of some epochs; to see every step, each is made an epoch of its own."""
    rows, mean = (np.stack(part) for part in zip(*plans, strict=True))
    if record:
        rows, mean = (part.reshape(-1, 1, *part.shape[2:]) for part in (rows, mean))
    return ops.asarray(rows), ops.asarray(mean)


def _row(table: list[NumPyArray | None], at: int, runs: int) -> Row:
    unknown = np.full(runs, np.nan)
    return Row(*(unknown if part is None else part[at].astype(np.float64) for part in table))


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
        Told of every epoch, in order, at the latest when `TOGETHER` more of them are over.
    """
    program = prepare(ops, experiment, placed, strength, lr, len(start.b))
    return program.train(start, epochs, record, after_epoch)


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


def _memory(ops: Ops, experiment: Experiment, num_inputs: int, runs: int) -> tuple[Any, Any]:
    """What the optimizer remembers of w and of b before the first step."""
    _, remember = OPTIMIZERS[experiment.optimizer]
    ones = ops.asarray(np.ones(1))
    of_w, of_b = (remember(ops.asarray(np.zeros(s)), ones) for s in ((num_inputs, runs), (runs,)))
    return of_w, of_b


def _to_host(ops: Ops, params: Parameters) -> Parameters:
    return Parameters(*(np.array(ops.to_numpy(part)) for part in params))


def look(ops: Verbs, state: State, data: Reading) -> Row:
    """The losses and norms after an epoch; None for the validation loss of no examples."""
    params, strength = state.params, data.problem.strength
    return Row(
        train_loss=loss.value(ops, params, *data.train),
        val_loss=loss.value(ops, params, *data.val) if data.val else None,
        weight_norm=ops.sqrt(ops.sum(params.w * params.w, axis=0)),
        penalty=penalty.value(ops, params, strength),
    )


def look_and_keep(ops: Verbs, state: State, data: Reading) -> tuple[Parameters, Row]:
    """The parameters as well."""
    return state.params, look(ops, state, data)
