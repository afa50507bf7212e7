"""Seeing a divergence in the epoch where it happens, and saying what would have worked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from weightdecay.data.dataset import Dataset
from weightdecay.data.minibatches import EpochPlan
from weightdecay.errors import DivergenceError
from weightdecay.experiment import Experiment
from weightdecay.history import Row
from weightdecay.ops import NumPyArray, Parameters
from weightdecay.penalty import Strength
from weightdecay.stability import largest_curvature, safe_lr, stable_lr

EXPLODED = 1e3
"""A training loss this many times its start, at a rate past the stability bound, has diverged."""


@dataclass(frozen=True)
class Lost:
    """One run that diverged, and why.

    Attributes
    ----------
    epoch : int
        From 1.
    lambd, lr : float
    optimizer : str
    bound : float or None
        Learning rates below it are stable on this data; None where the rule has no such bound.
    suggested_lr : float or None
        A rate that would work, where the bound is what was passed.
    """

    epoch: int
    lambd: float
    lr: float
    optimizer: str
    bound: float | None
    suggested_lr: float | None

    @property
    def advice(self) -> str:
        """Why, and what would work."""
        if self.suggested_lr is None:
            return (
                "the learning rate is not past a stability bound, so the numbers themselves are "
                "too large for the dtype; standardise the data."
            )
        return (
            f"the learning rate {self.lr:g} is past the stability bound {self.bound:.3g} of "
            f"{self.optimizer} on this data; {self.suggested_lr:g} would work."
        )

    def error(self, what: str = "training diverged") -> DivergenceError:
        """The error that says so."""
        return DivergenceError(
            f"{what} in epoch {self.epoch} at λ = {self.lambd:g}: {self.advice}",
            epoch=self.epoch,
            lambd=self.lambd,
            bound=self.bound,
            suggested_lr=self.suggested_lr,
        )


def explain(
    experiment: Experiment, epoch: int, lambd: float, decay: float, curvature: float
) -> Lost:
    """Say of a run that was lost whether its learning rate was past the bound.

    `decay` is the largest λ₂ of a parameter, `curvature` that of `largest_curvature`.
    """
    e = experiment
    bound = stable_lr(e.optimizer, e.decay, curvature, decay, e.momentum)
    past = bound is not None and e.lr >= bound
    rate = safe_lr(bound, e.optimizer, e.momentum) if bound is not None and past else None
    return Lost(epoch, lambd, e.lr, e.optimizer, bound, rate)


def exploding(dataset: Dataset, start: Parameters, weight: NumPyArray | None = None) -> NumPyArray:
    """The training loss past which a run from `start` has exploded, shape (runs,).

    The scale that growth is measured in is the loss at `start` or at zero, whichever is larger;
    `weight` are sample weights, (n,).
    """
    X, y = dataset.X_train, dataset.y_train[:, None]
    with np.errstate(over="ignore", invalid="ignore"):
        r = X @ start.w.astype(X.dtype) + start.b - y
        mean = np.average(np.hstack([r * r, y * y]), axis=0, weights=weight) / 2
        limit: NumPyArray = EXPLODED * np.maximum(mean[:-1], mean[-1])
    return limit


def largest_decay(strength: Strength, run: int) -> float:
    """The largest λ₂ of a parameter of a run."""
    return max(float(np.max(strength.l2.w[:, run])), float(strength.l2.b[run]))


class Watch:
    """Looks at every epoch of one training; raises DivergenceError for the first run that is lost.

    A loss that is no finite number is lost. A finite one is, when it has grown by `EXPLODED` and
    the learning rate is past the stability bound: otherwise it may be a transient.
    """

    def __init__(
        self, experiment: Experiment, dataset: Dataset, strength: Strength, start: Parameters
    ) -> None:
        """Remember the scale that growth is measured in."""
        self._experiment, self._dataset, self._strength = experiment, dataset, strength
        self._epoch = 0
        self._limit = exploding(dataset, start, dataset.weight_train)

    def after_epoch(self, plan: EpochPlan, row: Row) -> None:
        """Look at the epoch that just ended."""
        self._epoch += 1
        objective = row.train_loss + row.penalty
        for run in map(
            int, np.flatnonzero(~np.isfinite(objective) | (row.train_loss > self._limit))
        ):
            lost = explain(
                self._experiment,
                self._epoch,
                self._experiment.lambd[run],
                largest_decay(self._strength, run),
                largest_curvature(self._dataset, plan, self._dataset.weight_train),
            )
            if lost.suggested_lr is not None or not np.isfinite(objective[run]):
                raise lost.error()
