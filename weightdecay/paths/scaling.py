"""Columns brought to one strength: which are penalised, and in which unit."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from weightdecay.ops import NumPyArray
from weightdecay.paths.examples import Formulation


class Scaling(NamedTuple):
    """λ fⱼ/2 (sⱼwⱼ)² is λ/2 zⱼ² for zⱼ = unitⱼ wⱼ, unitⱼ = sⱼ √fⱼ.

    penalized : the inputs with fⱼ > 0 that vary, as column numbers
    free : the inputs with fⱼ = 0, as column numbers
    unit : array of as many numbers as `penalized`

    A constant column belongs to neither where there is an intercept or where it is standardised:
    its weight is 0.
    """

    penalized: NumPyArray
    free: NumPyArray
    unit: NumPyArray


def scaling(variance: NumPyArray, formulation: Formulation) -> Scaling:
    """From the variance of every input over the rows that are fitted; exactly 0 if constant."""
    f = np.ones(len(variance)) if formulation.factors is None else formulation.factors
    dropped = (variance == 0) & (formulation.intercept or formulation.standardize)
    s = deviations(variance) if formulation.standardize else np.ones(len(variance))
    penalized = np.flatnonzero((f > 0) & ~dropped)
    free = np.flatnonzero((f == 0) & ~dropped)
    return Scaling(penalized, free, (s * np.sqrt(f))[penalized])


def deviations(variance: NumPyArray) -> NumPyArray:
    """Standard deviations, and 1 for a constant column."""
    return np.sqrt(np.where(variance == 0, 1.0, variance))
