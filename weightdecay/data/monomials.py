"""Polynomial features, and how fast their number grows."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import combinations_with_replacement

import numpy as np

from weightdecay import bounds, memory
from weightdecay.errors import InputError
from weightdecay.ops import NumPyArray
from weightdecay.validate import integer

MAX_FEATURES = 100_000
"""More columns than this are refused: the expansion would not fit in memory."""


def count_monomials(degree: int, variables: int) -> int:
    """Number of monomials of degree d in k variables: C(k − 1 + d, k − 1).

    x₁² x₂ is one of the monomials of degree 3. Raises InputError for a negative degree or no
    variable.
    """
    d, k = integer("degree", degree, 0), integer("variables", variables, 1)
    return math.comb(k - 1 + d, k - 1)


def monomial_features(
    X: NumPyArray, degree: int, columns: Sequence[str]
) -> tuple[NumPyArray, tuple[str, ...]]:
    """All monomials of degree 1 to `degree` in the columns of X, and their names.

    Shape (rows, Σ count_monomials(d, num_inputs) for d = 1 … degree). The constant is left to the
    bias. Raises InputError where there would be more than `MAX_FEATURES`.
    """
    k = X.shape[1]
    # C(k + d, d) of degree 0 to d; with a bound on d, no number on the way is beyond reason.
    degree = integer("degree", degree, 0, bounds.DEGREE)
    total = math.comb(k + degree, degree) - 1
    if total > MAX_FEATURES:
        raise InputError(
            f"degree {degree} in {k} inputs makes {_many(total)} features: choose a lower degree "
            f"or drop inputs, at most {MAX_FEATURES:,} are built."
        )
    memory.require(
        f"{len(X):,} rows of {total:,} features", len(X) * total, "choose a lower degree"
    )
    factors = [f for d in range(1, degree + 1) for f in combinations_with_replacement(range(k), d)]
    features = np.empty((len(X), total), dtype=X.dtype)
    for j, factor in enumerate(factors):
        np.prod(X[:, factor], axis=1, out=features[:, j])
    return features, tuple(_name(factor, columns) for factor in factors)


def _many(count: int) -> str:
    return f"{count:,}" if count < 1e15 else "more than 10^15"


def _name(factor: tuple[int, ...], columns: Sequence[str]) -> str:
    powers = Counter(factor)
    return "*".join(columns[i] if e == 1 else f"{columns[i]}^{e}" for i, e in powers.items())


def scaled_powers(x: NumPyArray, degree: int) -> NumPyArray:
    """The columns xⁱ/i! for i = 1 … degree, shape (len(x), degree)."""
    i = np.arange(1, degree + 1)
    return np.cumprod(x[:, None] / i, axis=1)
