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
from weightdecay.update import OPTIMIZERS, READS, Form, Hyperparameters, Problem, State, make_step

TOGETHER = 64
"""Epochs that one call of the loop runs at most; in between, nothing waits for the host."""
FEW = 1 << 24
"""Bytes of examples up to which a copy of them in homogeneous coordinates is made."""
WORK = 1 << 26
"""Examples × inputs × runs of such a call, about a tenth of a second."""


class Examples(NamedTuple):
    """All examples of one part: X (n, num_inputs), y (n, 1) and c, the weights of their mean.

    c holds 1/n or the sample weight over n, (n, 1) or (n, runs). In homogeneous coordinates X is
    [X 1 y], and y is ().
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

    @property
    def homogeneous(self) -> bool:
        """Whether bias and target are inputs like the others."""
        return isinstance(self.train.y, tuple)


class Reading(NamedTuple):
    """What the loop reads: the training, and what the look at it needs beside.

    `c` holds the weights of the mean over the training examples. `is_weight` is 1 for weights and 0
    for what else `w` holds, (num_inputs, 1) or (1, 1).
    """

    problem: Problem
    c: Array
    val: Examples | None
    is_weight: Array


class Look(NamedTuple):
    """A `Row` on the backend; `val_loss` is None where there are no validation examples."""

    train_loss: Array
    val_loss: Array | None
    weight_norm: Array
    penalty: Array


def place(ops: Ops, dataset: Dataset) -> Placed:
    """Bring the examples of a dataset to the backend.

    Where they are few, a step is so short that the number of its operations counts: they are
    placed in homogeneous coordinates, which need half as many. Of many, no copy is made.
    """
    homogeneous = dataset.X_train.nbytes + dataset.X_val.nbytes <= FEW

    def examples(X: NumPyArray, y: NumPyArray, weight: NumPyArray | None) -> Examples:
        c = ops.asarray(_mean(len(y), _columns(weight)))
        if homogeneous:
            return Examples(ops.asarray(np.column_stack([X, np.ones_like(y), y])), (), c)
        return Examples(ops.asarray(X), ops.asarray(y[:, None]), c)

    d = dataset
    weight = _columns(d.weight_train)
    return Placed(
        examples(d.X_train, d.y_train, d.weight_train),
        None if weight is None else ops.asarray(weight),
        examples(d.X_val, d.y_val, d.weight_val) if d.num_val else None,
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
    homogeneous: bool
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
        state = self.begin(start)
        rows: list[Row] = []
        steps = [start] if record else []
        clock = time.perf_counter()
        for plans in _parts(epochs, self.work):
            state, seen = loop(state, _stacked(ops, plans, record), self.data)
            if record:
                kept, seen = seen
                steps += self._each(kept)
            table = [None if part is None else np.array(ops.to_numpy(part)) for part in seen]
            last = len(plans[0].rows) - 1 if record else 0
            for e, plan in enumerate(plans):
                at = e * (last + 1) + last  # a recording looks at every step
                rows.append(_row(table, at, len(start.b)))
                after_epoch(plan, rows[-1])
        params = self.end(state)
        return Trained(params, rows, time.perf_counter() - clock, steps)

    def begin(self, start: Parameters) -> State:
        """Place the state before the first step."""
        w, b = start
        if self.homogeneous:
            joined = np.concatenate([w, b[None], np.full((1, len(b)), -1.0)])
            return State(Parameters(self.ops.asarray(joined), ()), self.memory)
        return State(Parameters(*map(self.ops.asarray, start)), self.memory)

    def end(self, state: State) -> Parameters:
        """Bring the parameters to the host: w (num_inputs, runs) and b (runs,)."""
        return self._apart(state.params)

    def _apart(self, params: Parameters) -> Parameters:
        w = np.array(self.ops.to_numpy(params.w))
        if self.homogeneous:
            return Parameters(w[..., :-2, :], w[..., -2, :])
        return Parameters(w, np.array(self.ops.to_numpy(params.b)))

    def _each(self, kept: Parameters) -> Iterator[Parameters]:
        return map(Parameters, *self._apart(kept))


def prepare(
    ops: Ops,
    experiment: Experiment,
    placed: Placed,
    strength: Strength,
    lr: NumPyArray,
    runs: int,
) -> Program:
    """Place everything of a training of `runs` runs but its start; the rest is as in `train`."""
    if np.all(lr == lr[0]):  # one rate costs less than as many as there are runs
        lr = lr[:1]
    form = Form(
        decays_bias=bool(np.any(strength.l1.b) or np.any(strength.l2.b)),
        homogeneous=placed.homogeneous,
        one_rate=len(lr) == 1 and (placed.weight is None or placed.weight.shape[1] == 1),
    )
    n, p = placed.train.X.shape
    is_weight = np.ones((1, 1))
    if form.homogeneous:
        strength = Strength(*(_joined(part, p, runs) for part in strength))
        is_weight = np.concatenate([np.ones((p - 2, 1)), np.zeros((2, 1))])
        lr = np.concatenate([np.broadcast_to(lr, (p - 1, len(lr))), np.zeros((1, len(lr)))])
    problem = _problem(ops, experiment, placed, strength, lr)
    if form.homogeneous and form.one_rate and experiment.optimizer == "sgd":
        X_eta = ops.to_numpy(placed.train.X) * lr.T
        problem = problem._replace(X_eta=ops.asarray(X_eta))
    shapes = ((p, runs), None if form.homogeneous else (runs,))
    return Program(
        ops=ops,
        step=_train_step(experiment.optimizer, experiment.decay, experiment.l1_update, form),
        data=Reading(problem, placed.train.c, placed.val, ops.asarray(is_weight)),
        memory=_memory(ops, experiment, *shapes),
        homogeneous=form.homogeneous,
        work=n * p * runs,
    )


def _joined(strength: Parameters, p: int, runs: int) -> Parameters:
    """Strengths of inputs, bias and target, (p, runs)."""
    w, b = np.broadcast_to(strength.w, (p - 2, runs)), np.broadcast_to(strength.b, (1, runs))
    return Parameters(np.concatenate([w, b, np.zeros((1, runs))]), ())


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
    e = experiment
    settings = {"momentum": e.momentum, "beta1": e.betas[0], "beta2": e.betas[1], "eps": e.eps}
    read = {name: ops.asarray(np.array([settings[name]])) for name in READS[e.optimizer]}
    if not (np.any(strength.l1.w) or np.any(strength.l1.b)):
        strength = strength._replace(l1=Parameters((), ()))
    return Problem(
        X=placed.train.X,
        y=placed.train.y,
        weight=placed.weight,
        strength=Strength(*(_placed(ops, part) for part in strength)),
        hyper=Hyperparameters(ops.asarray(lr), **read),
    )


def _placed(ops: Ops, params: Parameters) -> Parameters:
    return Parameters(*(x if isinstance(x, tuple) else ops.asarray(x) for x in params))


def _memory(
    ops: Ops, experiment: Experiment, of_w: tuple[int, int], of_b: tuple[int] | None
) -> tuple[Any, Any]:
    """What the optimizer remembers of w and of b, of these shapes, before the first step."""
    _, remember = OPTIMIZERS[experiment.optimizer]
    ones = ops.asarray(np.ones(1))

    def zeros(shape: tuple[int, ...]) -> Any:
        return remember(ops.asarray(np.zeros(shape)), ones)

    return zeros(of_w), () if of_b is None else zeros(of_b)


def look(ops: Verbs, state: State, data: Reading) -> Look:
    """The losses and norms after an epoch; None for the validation loss of no examples."""
    params, (X, y, *_) = state.params, data.problem
    return Look(
        train_loss=loss.value(ops, params, X, y, data.c),
        val_loss=loss.value(ops, params, *data.val) if data.val else None,
        weight_norm=ops.sqrt(ops.sum(data.is_weight * params.w * params.w, axis=0)),
        penalty=penalty.value(ops, params, data.problem.strength),
    )


def look_and_keep(ops: Verbs, state: State, data: Reading) -> tuple[Parameters, Look]:
    """The parameters as well."""
    return state.params, look(ops, state, data)
