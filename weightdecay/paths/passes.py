"""Passes over the rows, some at a time: nothing here copies a table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from weightdecay.ops import NumPyArray, host
from weightdecay.paths.examples import Examples

BLOCK = 2**20
"""Numbers of a dense X, or of what is computed of it, that are looked at together."""

NEARLY = 1e-6
"""Deviation beside the mean below which a column is looked at again: is it constant?"""


class Location(NamedTuple):
    """Where the inputs lie: mean and variance of each, with the shares of the rows.

    The variance of a column that is constant over the rows that count is exactly 0.
    """

    mean: NumPyArray
    variance: NumPyArray


class Centred(NamedTuple):
    """Some rows of X less a mean for each column; a sparse X keeps them beside it."""

    X: Any
    mean: NumPyArray | None

    def times(self, W: NumPyArray) -> NumPyArray:
        """X W, by the inputs alone that have a weight where these are few."""
        active = np.flatnonzero(W.any(axis=1))
        few = 2 * len(active) <= len(W)
        found = self.X[:, active] @ W[active] if few else self.X @ W
        return host(found if self.mean is None else found - self.mean @ W)

    def correlate(self, V: NumPyArray) -> NumPyArray:
        """Xᵀ V."""
        found = self.X.T @ V
        return host(found if self.mean is None else found - np.outer(self.mean, V.sum(axis=0)))

    def columns(self, chosen: NumPyArray | slice) -> NumPyArray:
        """Some columns, written out."""
        if self.mean is None:
            return host(self.X[:, chosen])
        return host(self.X[:, chosen].toarray() - self.mean[chosen])


def centred(examples: Examples, mean: NumPyArray, rows: slice) -> Centred:
    """Some rows, float64."""
    X = examples.X[rows]
    if examples.is_sparse:
        return Centred(X, mean)
    return Centred(np.subtract(X, mean, dtype=np.float64), None)


def blocks(examples: Examples, columns: int = 1) -> Iterator[slice]:
    """Rows that are worked on together, for as many columns of residuals; all of a sparse X."""
    n, p = examples.X.shape
    step = n if examples.is_sparse else max(BLOCK // max(p, columns), 1)
    for start in range(0, n, step):
        yield slice(start, start + step)


def location(examples: Examples) -> Location:
    """Mean and variance of every input."""
    X, c = examples.X, examples.share
    if examples.is_sparse:
        return _sparse_location(X, c)
    mean = sum((c[rows] @ X[rows] for rows in blocks(examples)), np.zeros(X.shape[1]))
    variance, rest = np.zeros(X.shape[1]), np.zeros(X.shape[1])
    for rows in blocks(examples):
        off = np.subtract(X[rows], mean, dtype=np.float64)
        rest += c[rows] @ off  # what rounding left of the mean
        variance += c[rows] @ np.square(off, out=off)
    return Location(mean, _exact_zeros(X, c, mean, np.maximum(variance - rest**2, 0)))


def _sparse_location(X: Any, c: NumPyArray) -> Location:
    """The same from what is stored: Σ c (x − x̄)² over it, and x̄² for each of the zeros."""
    mean = host(c @ X)
    counted = np.repeat(c, np.diff(X.indptr))
    off = X.data.astype(np.float64) - mean[X.indices]
    p = X.shape[1]
    variance = np.bincount(X.indices, counted * off**2, p)
    zeros = np.maximum(1 - np.bincount(X.indices, counted, p), 0)
    return Location(mean, _exact_zeros(X, c, mean, variance + zeros * mean**2))


def _exact_zeros(X: Any, c: NumPyArray, mean: NumPyArray, variance: NumPyArray) -> NumPyArray:
    counts = c > 0
    nearly = np.flatnonzero(variance <= (NEARLY * mean) ** 2)
    for j in nearly[_holds_any(X[:, nearly])]:
        column = X[:, [j]]
        column = (column if isinstance(column, np.ndarray) else column.toarray())[counts]
        low, high = float(column.min()), float(column.max())
        variance[j] = 0 if low == high else max(variance[j], np.finfo(float).tiny)
    return variance


def _holds_any(X: Any) -> NumPyArray:
    """Which columns have a value that is not 0."""
    if isinstance(X, np.ndarray):
        return np.asarray(X.any(axis=0))
    return np.bincount(X.indices[X.data != 0], minlength=X.shape[1]) > 0
