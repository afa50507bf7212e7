"""Linear predictions of inputs far from 0, where w·x + b has no digits left.

    ŷ(x) = ŷ(x₀) + (x − x₀)·w

with an x₀ among the inputs, so that x − x₀ is exact. b = ŷ(x₀) − x₀·w is as large as what it is to
undo: beside 1e15, a float has no more than the eighths.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from weightdecay.data.given import is_sparse
from weightdecay.ops import NumPyArray
from weightdecay.paths.examples import Examples, Formulation
from weightdecay.paths.passes import location
from weightdecay.paths.units import canonical


class Centre(NamedTuple):
    """A place and the prediction there, arrays of shape (num_inputs,) and (num_targets,).

    x is 0 for every input that does not lie far from 0, or has no weight.
    """

    x: NumPyArray
    y: NumPyArray


def centre(
    examples: Examples,
    formulation: Formulation,
    w: NumPyArray,
    dtype: str,
    at_mean: NumPyArray | None = None,
) -> Centre | None:
    """Where a fit predicts from; None where no input that has a weight lies far from 0.

    `w` has shape (num_inputs, num_targets). `at_mean` is the prediction at the mean of the inputs,
    by default the mean of the targets, as it is of every minimiser with a bias.
    """
    if not formulation.intercept:
        return None
    same, units = canonical(examples, formulation, dtype)
    x = np.where(w.any(axis=1), units.shift, 0)
    if not x.any():
        return None
    y = units.target + same.share @ same.Y if at_mean is None else at_mean
    return Centre(x, y - (units.unit * location(same).mean) @ w)


def predict(X: Any, w: NumPyArray, b: Any, found: Centre | None) -> NumPyArray:
    """Xw + b, from a centre where there is one; X may be sparse."""
    if found is None:
        return np.asarray(X @ w + b)
    if not is_sparse(X):
        return np.asarray((X - found.x) @ w + found.y)
    far, near = np.flatnonzero(found.x), np.flatnonzero(found.x == 0)
    off = X[:, far].toarray() - found.x[far]  # which has no zeros to keep
    return np.asarray(X[:, near] @ w[near] + off @ w[far] + found.y)
