"""The minibatch plan: which rows make up which step. NumPy draws it, or the user brings it.

An epoch's plan is a rectangle, so that a compiled loop can run over it: the short last batch is
filled up with rows of weight 0. `mean` holds 1/|B| for the rows of a batch B, so that the weighted
sum over the rectangle's row is the mean over the batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from weightdecay.data.streams import generator
from weightdecay.errors import InputError
from weightdecay.ops import NumPyArray


class EpochPlan(NamedTuple):
    """Row numbers (steps, batch), and their weights in the batch mean (steps, batch, 1)."""

    rows: NumPyArray
    mean: NumPyArray


def batches(plan: EpochPlan) -> list[NumPyArray]:
    """The row numbers of every step, without those that fill up the rectangle."""
    return [rows[mean[:, 0] > 0] for rows, mean in zip(*plan, strict=True)]


def require_batch(n: int, batch_size: int | Literal["full"]) -> int:
    """The size of a batch of the n training examples; raises InputError if there are too few."""
    if batch_size == "full":
        return n
    if batch_size > n:
        raise InputError(
            f"batch_size is {batch_size} and there are {n} training examples: choose at most {n}, "
            "or 'full'."
        )
    return batch_size


def draw(
    n: int, batch_size: int | Literal["full"], epochs: int, seed: int, shuffle: bool = True
) -> Iterator[EpochPlan]:
    """One plan an epoch, reshuffled each time; the last batch of an epoch may be shorter.

    Without `shuffle`, every epoch takes the rows in their order.

    Raises
    ------
    InputError
        The batch is larger than the n training examples; raised when the first epoch is drawn.
    """
    size = require_batch(n, batch_size)
    rng = generator(seed, "minibatches")
    steps = -(-n // size)
    weight = np.full(steps * size, 1 / size)
    weight[n:] = 0
    if n % size:
        weight[(steps - 1) * size : n] = 1 / (n % size)
    mean = weight.reshape(steps, size, 1)
    rows = np.zeros(steps * size, dtype=np.intp)
    for _ in range(epochs):
        # A full batch needs no shuffling: its mean does not depend on the order.
        rows[:n] = np.arange(n) if size == n or not shuffle else rng.permutation(n)
        yield EpochPlan(rows.reshape(steps, size).copy(), mean)


def replay(plan: Iterable[Iterable[npt.ArrayLike]], n: int) -> list[EpochPlan]:
    """Someone's own plan: for every epoch, for every step, the row numbers of its batch.

    Raises
    ------
    InputError
        An empty plan, epoch or batch, or a row number outside 0 … n − 1.
    """
    epochs = [_rectangle([np.atleast_1d(batch) for batch in epoch], n) for epoch in plan]
    if not epochs:
        raise InputError("the minibatch plan has no epochs: it must hold at least one.")
    return epochs


def _rectangle(batches: Sequence[NumPyArray], n: int) -> EpochPlan:
    if not batches:
        raise InputError("the minibatch plan has an epoch without steps.")
    for batch in batches:
        whole = batch.ndim == 1 and batch.dtype.kind in "iu" and batch.size
        if not whole or batch.min() < 0 or batch.max() >= n:
            raise InputError(
                f"the minibatch plan has a batch {batch.tolist()!r}: it must be a list of row "
                f"numbers from 0 to {n - 1}."
            )
    size = max(len(batch) for batch in batches)
    rows = np.zeros((len(batches), size), dtype=np.intp)
    mean = np.zeros((len(batches), size, 1))
    for step, batch in enumerate(batches):
        rows[step, : len(batch)] = batch
        mean[step, : len(batch)] = 1 / len(batch)
    return EpochPlan(rows, mean)
