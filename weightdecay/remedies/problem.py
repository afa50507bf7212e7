"""The rows that all remedies share, and the loss that judges them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from weightdecay.data.dataset import Dataset, from_arrays
from weightdecay.errors import InputError
from weightdecay.ops import NumPyArray, Ops, host
from weightdecay.paths.examples import Examples, Split
from weightdecay.registry import load

Fits = tuple[NumPyArray, NumPyArray]
"""w (num_inputs, S) and b (S,): one column for each of S strengths."""


@dataclass(frozen=True, eq=False)
class Problem:
    """What every remedy gets.

    Attributes
    ----------
    train, val : Examples
        In standard deviations of the inputs, as measured on all training rows with their weights,
        so that weights and strengths compare. The target is as it came. `val` is for the last
        look alone: no choice sees it.
    splits : tuple of Split
        Which training rows each fold trains with and holds out.
    seed : int
        Of everything that a remedy draws.
    epochs : int
        The most that early stopping may train.
    copies : int
        How often the rows are repeated with new noise.
    backend, dtype, device : str
        What trains and decomposes.
    """

    train: Examples
    val: Examples
    splits: tuple[Split, ...]
    seed: int
    epochs: int
    copies: int
    backend: str
    dtype: str
    device: str

    @cached_property
    def ops(self) -> Ops:
        """The backend's tensor operations."""
        return load(self.backend, self.dtype, self.device)


def standardised(dataset: Dataset) -> tuple[Examples, Examples]:
    """The training and the validation part, scaled by the moments of the training part.

    Raises
    ------
    InputError
        There is no validation part.
    """
    d = dataset
    if not d.num_val:
        raise InputError(
            "the data has no validation part, on which remedies are compared: pass X_val and "
            "y_val, or a validation fraction."
        )
    scaled = from_arrays(
        host(d.X_train),
        host(d.y_train),
        host(d.X_val),
        host(d.y_val),
        sample_weight=d.weight_train,
        standardize="inputs",
        columns=d.columns,
    )
    return (
        Examples(scaled.X_train, scaled.y_train[:, None], scaled.weight_train, d.columns),
        Examples(scaled.X_val, scaled.y_val[:, None], d.weight_val, d.columns),
    )


def require_weight(examples: Examples, splits: tuple[Split, ...]) -> None:
    """Raise InputError for a fold without a row of positive weight on either side."""
    for k, split in enumerate(splits):
        if not all(examples.share[rows].any() for rows in split):
            raise InputError(
                f"fold {k + 1} leaves no row of positive weight to train with or to hold out: "
                "every fold needs some of both."
            )


def loss(examples: Examples, w: NumPyArray, b: NumPyArray) -> NumPyArray:
    """½ mean squared error of w (num_inputs, S) and b (S,) with sample weights, shape (S,)."""
    r = examples.X @ w + b - examples.Y
    found: NumPyArray = examples.share @ (r * r) / 2
    return found


def cross_validated(problem: Problem, fit: Callable[[NumPyArray], Fits]) -> NumPyArray:
    """The loss on the held-out rows of every fold, (S, K), of what `fit` makes of the others.

    `fit` takes row numbers.
    """
    held_out = [problem.train.take(split.held_out) for split in problem.splits]
    fits = [fit(split.train) for split in problem.splits]
    return np.stack([loss(rows, *fitted) for rows, fitted in zip(held_out, fits, strict=True)], 1)


def centred(examples: Examples) -> tuple[NumPyArray, NumPyArray, NumPyArray, float]:
    """X − x̄, y − ȳ, x̄ and ȳ, with sample weights in the means."""
    c, y = examples.share, examples.Y[:, 0]
    x_mean, y_mean = c @ examples.X, float(c @ y)
    return examples.X - x_mean, y - y_mean, x_mean, y_mean
