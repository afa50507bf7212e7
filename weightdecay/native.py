"""What a native implementation is asked, and what it answers.

Native training uses the framework's own autodiff, optimizer and regularizer, in that framework's
idiom, so that it is independent evidence for the core's closed-form gradients and update rules. It
minimises the same objective over the same minibatches from the same initial state.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from weightdecay.data.dataset import Dataset
from weightdecay.data.minibatches import EpochPlan, batches
from weightdecay.errors import NoEquivalentError
from weightdecay.experiment import Experiment
from weightdecay.history import AfterEpoch, Row, Trained
from weightdecay.ops import NumPyArray, Parameters, host


@dataclass(frozen=True, eq=False)
class NativeProblem:
    """One run: one λ, one initial state, explicit minibatches.

    Attributes
    ----------
    experiment : Experiment
        The settings; ``experiment.lambd`` holds one λ.
    l1, l2 : arrays of shape (num_inputs,)
        λ₁ and λ₂ of every weight, float64; what native code reads instead of `lambd`, `l1_ratio`
        and `penalty_factors`.
    l1_bias, l2_bias : float
        The same of the bias, 0 unless it is penalised.
    X_train, y_train, X_val, y_val : arrays of shape (n, num_inputs), (n,), (m, num_inputs), (m,)
        float64 or float32 as loaded; to be converted to `dtype`. m may be 0.
    weight_train, weight_val : arrays of shape (n,), (m,) or None
        Sample weights of mean 1 over the training (validation) examples.
    w, b : array of shape (num_inputs,), and float
        The initial state.
    epochs : iterable of lists of integer arrays
        For every epoch, for every step, the row numbers of its batch B. A step's data term is
        (1/|B|) Σ sᵢ ½ (w·xᵢ + b − yᵢ)² with sᵢ the sample weights (1 without them).
    dtype, device : str
        'float64' or 'float32'; 'cpu' or another that the backend lists.
    record : bool
        Whether `NativeEpoch.steps` is wanted.
    """

    experiment: Experiment
    l1: NumPyArray
    l2: NumPyArray
    l1_bias: float
    l2_bias: float
    X_train: NumPyArray
    y_train: NumPyArray
    X_val: NumPyArray
    y_val: NumPyArray
    weight_train: NumPyArray | None
    weight_val: NumPyArray | None
    w: NumPyArray
    b: float
    epochs: Iterable[list[NumPyArray]]
    dtype: str
    device: str
    record: bool


class NativeEpoch(NamedTuple):
    """After one epoch.

    w (num_inputs,) and b () are NumPy arrays of the run's dtype; the losses are the data term
    alone, (1/n) Σ sᵢ ½ (w·xᵢ + b − yᵢ)², as the framework computes them over all training and all
    validation examples (NaN without any). `steps` holds (w, b) after every step of the epoch when
    recording, and is empty otherwise.
    """

    w: NumPyArray
    b: NumPyArray
    train_loss: float
    val_loss: float
    steps: list[tuple[NumPyArray, NumPyArray]]


class NativeTrainer(Protocol):
    """What a module of ``weightdecay.backends.native`` offers."""

    def refusal(self, problem: NativeProblem) -> str | None:
        """Why the framework has no exact equivalent of this run, in a sentence; None if it has."""

    def train(self, problem: NativeProblem) -> Iterator[NativeEpoch]:
        """Train, giving one `NativeEpoch` after every epoch."""


def train(
    trainer: NativeTrainer,
    dtype: str,
    device: str,
    experiment: Experiment,
    dataset: Dataset,
    strength: tuple[Parameters, Parameters],
    start: Parameters,
    epochs: Iterable[EpochPlan],
    record: bool,
    after_epoch: AfterEpoch,
) -> Trained:
    """Train one run natively; `strength` and `start` as in `scratch.train`, with one column.

    Raises
    ------
    NoEquivalentError
        The framework has no exact equivalent of this run.
    """
    p = dataset.num_inputs
    (l1_w, l1_b), (l2_w, l2_b) = strength
    plans = list(epochs)
    problem = NativeProblem(
        experiment=experiment,
        l1=np.broadcast_to(l1_w[:, 0], p).copy(),
        l2=np.broadcast_to(l2_w[:, 0], p).copy(),
        l1_bias=float(l1_b[0]),
        l2_bias=float(l2_b[0]),
        X_train=dataset.X_train,
        y_train=dataset.y_train,
        X_val=dataset.X_val,
        y_val=dataset.y_val,
        weight_train=dataset.weight_train,
        weight_val=dataset.weight_val,
        w=start.w[:, 0].copy(),
        b=float(start.b[0]),
        epochs=[batches(plan) for plan in plans],
        dtype=dtype,
        device=device,
        record=record,
    )
    reason = trainer.refusal(problem)
    if reason is not None:
        raise NoEquivalentError(reason)
    params = start
    rows: list[Row] = []
    steps = [start] if record else []
    clock = time.perf_counter()
    for plan, epoch in zip(plans, trainer.train(problem), strict=True):
        params = _column(epoch.w, epoch.b)
        steps += [_column(w, b) for w, b in epoch.steps]
        w, b = host(epoch.w), float(epoch.b)
        added = np.sum(problem.l2 * w * w) / 2 + np.sum(problem.l1 * abs(w))
        added += problem.l2_bias * b * b / 2 + problem.l1_bias * abs(b)
        numbers = (epoch.train_loss, epoch.val_loss, np.linalg.norm(w), added)
        rows.append(Row(*(np.array([number], np.float64) for number in numbers)))
        after_epoch(plan, rows[-1])
    return Trained(params, rows, time.perf_counter() - clock, steps)


def _column(w: NumPyArray, b: NumPyArray) -> Parameters:
    return Parameters(np.reshape(w, (-1, 1)), np.reshape(b, 1))
