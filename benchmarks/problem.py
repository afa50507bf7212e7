"""The problem that every contestant trains: arrays on the host, minibatches drawn beforehand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from weightdecay.data import minibatches
from weightdecay.data.load import load_data
from weightdecay.experiment import Experiment
from weightdecay.train import initial_state

Floats = npt.NDArray[np.float32]
Training: TypeAlias = Callable[[], tuple[npt.NDArray[np.float32], float]]
"""A whole training from the initial state; it returns w (num_inputs,) and b, on the host."""


@dataclass(frozen=True, eq=False)
class Problem:
    """One training by minibatch SGD, λ/2 ‖w‖² and a mean of ½ squared errors; the bias is free.

    Attributes
    ----------
    X, y, X_val, y_val : arrays of shape (n, num_inputs), (n,), (m, num_inputs), (m,)
        The examples, float32.
    rows : array of shape (epochs, steps, batch)
        The row numbers of every minibatch.
    lambd, lr : float
        λ and the learning rate.
    w, b : array of shape (num_inputs,), and float
        The initial state.
    """

    X: Floats
    y: Floats
    X_val: Floats
    y_val: Floats
    rows: npt.NDArray[np.int64]
    lambd: float
    lr: float
    w: Floats
    b: float


def guides_experiment() -> Experiment:
    """20 examples, 200 inputs, minibatches of 5, 10 epochs, learning rate 0.01, λ = 3."""
    return Experiment(lambd=(3.0,))


def as_problem(experiment: Experiment) -> Problem:
    """What `weightdecay.fit` trains for an experiment with one λ, as plain float32 arrays."""
    dataset = load_data(experiment.data, experiment.seed)
    start = initial_state(experiment, dataset, None)
    plans = minibatches.draw(
        dataset.num_train,
        experiment.batch_size,
        experiment.epochs,
        experiment.seed,
        experiment.shuffle,
    )
    parts = (dataset.X_train, dataset.y_train, dataset.X_val, dataset.y_val)
    (lambd,) = experiment.lambd
    return Problem(
        *(part.astype(np.float32) for part in parts),
        rows=np.stack([plan.rows for plan in plans]).astype(np.int64),
        lambd=lambd,
        lr=experiment.lr,
        w=start.w[:, 0].astype(np.float32),
        b=float(start.b[0]),
    )
