"""Which runs of a sweep diverged: the same that would make `fit` raise, one by one."""

from __future__ import annotations

import functools
from dataclasses import replace
from itertools import islice

import numpy as np

from weightdecay import penalty
from weightdecay.data.minibatches import EpochPlan
from weightdecay.divergence import EXPLODED, Lost, explain, exploding, largest_decay
from weightdecay.history import Row
from weightdecay.ops import NumPyArray, Parameters, host
from weightdecay.stability import largest_curvature, stable_lr
from weightdecay.sweeping.columns import Columns
from weightdecay.sweeping.job import Job


class Judge:
    """Looks at the history of runs, and remembers which of them are lost and since when.

    Most sweeps lose none, so nothing is computed before a loss looks suspicious.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._strength = penalty.strength(job.experiment, job.dataset.columns)
        self._epoch = np.zeros(job.shape, dtype=np.int64)
        self._weight = job.dataset.weight_train
        y = host(job.dataset.y_train)
        with np.errstate(over="ignore"):
            at_zero = [np.average(y * y, weights=self._of(k)) for k in range(job.num_folds)]
        self._least = EXPLODED * np.array(at_zero) / 2
        self._limit = functools.cache(self._find_limit)
        self._curvature = functools.cache(self._find_curvature)
        self._plan = functools.lru_cache(maxsize=1)(self._find_plan)

    @property
    def diverged(self) -> NumPyArray:
        """Which runs are lost, (L, R, S, K)."""
        lost: NumPyArray = self._epoch > 0
        return lost

    def look(self, columns: Columns, history: Row) -> None:
        """Judge some runs by their history, arrays of shape (epochs, runs)."""
        infinite = ~np.isfinite(history.train_loss + history.penalty)
        with np.errstate(invalid="ignore"):
            large = history.train_loss > self._least[columns.fold]
        for run in np.flatnonzero((infinite | large).any(axis=0)):
            at = tuple(int(axis[run]) for axis in columns)
            for epoch in np.flatnonzero(infinite[:, run] | large[:, run]):
                if infinite[epoch, run] or self._is_lost(
                    at, int(epoch), history.train_loss[epoch, run]
                ):
                    self._epoch[at] = epoch + 1
                    break

    def first(self) -> Lost | None:
        """The first run that was lost, in the order of λ; None where there is none."""
        if not self.diverged.any():
            return None
        i, r, s, k = (int(axis) for axis in np.argwhere(self.diverged)[0])
        epoch = int(self._epoch[i, r, s, k])
        e = replace(self._job.experiment, lr=self._job.lrs[r])
        curvature = largest_curvature(self._job.dataset, self._plan(s, epoch - 1), self._of(k))
        return explain(e, epoch, e.lambd[i], largest_decay(self._strength, i), curvature)

    def _is_lost(self, at: tuple[int, ...], epoch: int, loss: float) -> bool:
        """Whether a finite loss has exploded at a learning rate past the bound."""
        i, r, s, k = at
        if not loss > self._limit(s, k):
            return False
        e, decay = self._job.experiment, largest_decay(self._strength, i)
        for step in range(len(self._plan(s, epoch).rows)):  # the first, as a rule, settles it
            curvature = self._curvature(s, k, epoch, step)
            bound = stable_lr(e.optimizer, e.decay, curvature, decay, e.momentum)
            if bound is not None and self._job.lrs[r] >= bound:
                return True
        return False

    def _find_limit(self, seed: int, fold: int) -> float:
        start = Parameters(self._job.initial[:, [seed]], np.zeros(1))
        return float(exploding(self._job.dataset, start, self._of(fold))[0])

    def _find_curvature(self, seed: int, fold: int, epoch: int, step: int) -> float:
        one = EpochPlan(*(part[step : step + 1] for part in self._plan(seed, epoch)))
        return largest_curvature(self._job.dataset, one, self._of(fold))

    def _find_plan(self, seed: int, epoch: int) -> EpochPlan:
        return next(islice(self._job.plans(seed), epoch, None))

    def _of(self, fold: int) -> NumPyArray | None:
        """The sample weights that a fold trains with."""
        return self._weight if self._job.folds is None else self._job.folds.train[:, fold]
