"""More data: the validation loss on a part of the training rows, without a remedy and with L2."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from weightdecay.data.streams import generator
from weightdecay.ops import NumPyArray
from weightdecay.paths.examples import Split
from weightdecay.remedies.least_squares import least_squares
from weightdecay.remedies.penalties import l2
from weightdecay.remedies.problem import Problem, loss

QUARTERS = (0.25, 0.5, 0.75, 1.0)
DRAWS = 10
LEAST = 4
"""Rows with which a fit is worth drawing."""
LABELS = {"none": "no remedy", "l2": "L2"}


@dataclass(frozen=True, eq=False)
class LearningCurve:
    """Validation losses of fits to random parts of the training rows.

    Attributes
    ----------
    rows : array of int, shape (F,)
        How many of them, ascending; the last is all.
    loss : mapping of name to array of shape (F, draws)
        Of 'none' and 'l2', whose λ is chosen anew by cross-validation within each part. With all
        rows every draw is the same.
    """

    rows: NumPyArray
    loss: dict[str, NumPyArray]

    def mean(self, name: str) -> NumPyArray:
        """The mean over draws, (F,)."""
        found: NumPyArray = self.loss[name].mean(axis=1)
        return found

    def std(self, name: str) -> NumPyArray:
        """Standard deviation over draws, dividing by their number less one, (F,)."""
        found: NumPyArray = self.loss[name].std(axis=1, ddof=1)
        return found

    def cost_of_half(self, name: str) -> float | None:
        """The mean loss with half of the rows over that with all; None where it cannot be told."""
        at = np.flatnonzero(self.rows == _rows(int(self.rows[-1]), 0.5))
        mean = self.mean(name)
        return float(mean[at[0]] / mean[-1]) if at.size and mean[-1] > 0 else None


def learning_curve(problem: Problem) -> LearningCurve:
    """The parts of a draw are nested: each takes the first rows of one random order."""
    counting = np.flatnonzero(problem.train.share)  # rows of weight 0 are none
    n = len(counting)
    counts = np.unique([max(_rows(n, part), min(LEAST, n)) for part in QUARTERS])
    draw = generator(problem.seed, "subsets")
    orders = [draw.permutation(counting) for _ in range(DRAWS)]
    losses = {name: np.empty((len(counts), DRAWS)) for name in LABELS}
    for i, count in enumerate(counts.tolist()):
        for d, order in enumerate(orders if count < n else orders[:1]):
            some = part(problem, order[:count]) if count < n else problem
            losses["none"][i, d:] = loss(some.val, *least_squares(some.train))
            losses["l2"][i, d:] = l2(some).val_loss
    return LearningCurve(counts, losses)


def part(problem: Problem, rows: NumPyArray) -> Problem:
    """The same problem with some of the training rows, in random order, cut into as many folds."""
    numbers = np.arange(len(rows))
    folds = np.array_split(numbers, min(max(len(problem.splits), 2), len(rows)))
    splits = tuple(Split(np.setdiff1d(numbers, fold), fold) for fold in folds)
    return replace(problem, train=problem.train.take(rows), splits=splits)


def _rows(n: int, part: float) -> int:
    return round(part * n)
