"""Which runs are the columns of a program, and how many of them fit into memory together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from weightdecay.ops import NumPyArray
from weightdecay.sweeping.job import Job

OF_ROWS = 4
"""Arrays of (rows, runs) that live at once: a product, its residuals, their squares, weighted."""
OF_FOLDS = 4
"""More of them with folds: the sample weights of both parts, and their weights of the mean."""
OF_INPUTS = 8
"""Arrays of (num_inputs, runs): weights, gradient, the optimizer's memory, what a step makes."""


class Columns(NamedTuple):
    """The place of every run on the axes: which λ, learning rate, seed and fold, as numbers."""

    lambd: NumPyArray
    lr: NumPyArray
    seed: NumPyArray
    fold: NumPyArray

    def at(self, chosen: NumPyArray | slice) -> Columns:
        """Some of them."""
        return Columns(*(part[chosen] for part in self))


def rounds(job: Job) -> list[Columns]:
    """What is trained one round after the other, in the same columns.

    Where every seed has minibatches of its own, a round is a seed: one step takes one batch.
    Otherwise there is one round, with the seeds as columns.
    """
    num_lambdas, num_lrs, num_seeds, num_folds = job.shape
    groups = [range(num_seeds)] if job.one_plan else [range(s, s + 1) for s in range(num_seeds)]
    found = []
    for group in groups:
        axes = (range(num_lambdas), range(num_lrs), group, range(num_folds))
        found.append(Columns(*(axis.ravel() for axis in np.meshgrid(*axes, indexing="ij"))))
    return found


def chunks(job: Job, count: int, itemsize: int) -> Iterator[tuple[slice, NumPyArray]]:
    """The columns that are trained together, as many as the memory holds, at least one.

    Every chunk is as wide as the others, so that one program serves all: where `count` does not
    divide, the last column is repeated. Gives the columns of a chunk, and which to train for them.
    """
    width = min(count, max(1, job.max_memory // (itemsize * _per_column(job))))
    number = -(-count // width)
    width = -(-count // number)  # as little repetition as there can be
    for start in range(0, count, width):
        yield (
            slice(start, min(start + width, count)),
            np.minimum(np.arange(start, start + width), count - 1),
        )


def _per_column(job: Job) -> int:
    """Numbers that one more run keeps in memory while it trains."""
    data = job.dataset
    if job.folds is None:
        rows = OF_ROWS * max(data.num_train, data.num_val)
    else:
        rows = (OF_ROWS + OF_FOLDS) * data.num_train
    return rows + OF_INPUTS * data.num_inputs
