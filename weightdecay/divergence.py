"""Seeing a divergence in the epoch where it happens, and saying what would have worked."""

from __future__ import annotations

import numpy as np

from weightdecay.data.dataset import Dataset
from weightdecay.data.minibatches import EpochPlan
from weightdecay.errors import DivergenceError
from weightdecay.experiment import Experiment
from weightdecay.history import Row
from weightdecay.ops import Parameters
from weightdecay.penalty import Strength
from weightdecay.stability import largest_curvature, safe_lr, stable_lr

EXPLODED = 1e3
"""A training loss this many times its start, at a rate past the stability bound, has diverged."""


class Watch:
    """Looks at every epoch of one training; raises DivergenceError for the first run that is lost.

    A loss that is no finite number is lost. A finite one is, when it has grown by `EXPLODED` and
    the learning rate is past the stability bound: otherwise it may be a transient.
    """

    def __init__(
        self, experiment: Experiment, dataset: Dataset, strength: Strength, start: Parameters
    ) -> None:
        """Remember the loss at `start` and at zero, the scale that growth is measured in."""
        self._experiment, self._dataset, self._strength = experiment, dataset, strength
        self._epoch = 0
        X, y, weight = dataset.X_train, dataset.y_train[:, None], dataset.weight_train
        with np.errstate(over="ignore", invalid="ignore"):
            r = X @ start.w.astype(X.dtype) + start.b - y
            squares = np.hstack([r * r, y * y])
            mean = np.average(squares, axis=0, weights=weight) / 2
            self._limit = EXPLODED * np.maximum(mean[:-1], mean[-1])

    def after_epoch(self, plan: EpochPlan, row: Row) -> None:
        """Look at the epoch that just ended."""
        self._epoch += 1
        objective = row.train_loss + row.penalty
        for run in np.flatnonzero(~np.isfinite(objective) | (row.train_loss > self._limit)):
            self._judge(plan, int(run), bool(np.isfinite(objective[run])))

    def _judge(self, plan: EpochPlan, run: int, finite: bool) -> None:
        e = self._experiment
        bound = self._bound(plan, run)
        past = bound is not None and e.lr >= bound
        if finite and not past:
            return
        rate = safe_lr(bound, e.optimizer, e.momentum) if bound is not None and past else None
        advice = (
            f"the learning rate {e.lr:g} is past the stability bound {bound:.3g} of {e.optimizer} "
            f"on this data; {rate:g} would work."
            if past
            else "the learning rate is not past a stability bound, so the numbers themselves are "
            "too large for the dtype; standardise the data."
        )
        raise DivergenceError(
            f"training diverged in epoch {self._epoch} at λ = {e.lambd[run]:g}: {advice}",
            epoch=self._epoch,
            lambd=e.lambd[run],
            bound=bound,
            suggested_lr=rate,
        )

    def _bound(self, plan: EpochPlan, run: int) -> float | None:
        e, l2 = self._experiment, self._strength.l2
        curvature = largest_curvature(self._dataset, plan, self._dataset.weight_train)
        decay = max(float(np.max(l2.w[:, run])), float(l2.b[run]))
        return stable_lr(e.optimizer, e.decay, curvature, decay, e.momentum)
