"""Rows made ready for `descent`: free parameters projected off, inputs brought to one strength."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from weightdecay.errors import InputError
from weightdecay.ops import NumPyArray
from weightdecay.paths import free as freeing
from weightdecay.paths import ridge
from weightdecay.paths import rows as placing
from weightdecay.paths.descent import Products
from weightdecay.paths.examples import Examples, Formulation
from weightdecay.paths.free import Free
from weightdecay.paths.passes import location
from weightdecay.paths.rows import Rows
from weightdecay.paths.scaling import Scaling, scaling
from weightdecay.registry import load

MOST_PRODUCTS = 2000
"""Inputs up to which AᵀA is formed whole even where the rows are fewer."""

MOST_SPARSE = 10_000
"""Inputs of a sparse X up to which it is: 800 MB."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """Some rows, ready for every λ.

    Attributes
    ----------
    examples : Examples
    rows : array of int, or None
        Which rows of them are fitted; None: all.
    products : Products
        Of the penalised inputs, in the unit of v, without the free parameters.
    scaling : Scaling
    unit : array with one number for each penalised input
        v/w: fⱼ sⱼ.
    free : Free
    x_mean, y_mean : arrays of shape (num_inputs,) and (num_targets,)
    """

    examples: Examples
    rows: NumPyArray | None
    products: Products
    scaling: Scaling
    unit: NumPyArray
    free: Free
    x_mean: NumPyArray
    y_mean: NumPyArray


def factors_of(formulation: Formulation, scales: Scaling) -> NumPyArray:
    """Factors of the penalised inputs."""
    if formulation.factors is None:
        return np.ones(len(scales.penalized))
    return formulation.factors[scales.penalized]


def forms_products(examples: Examples) -> bool:
    """Whether AᵀA is formed whole."""
    n, p = examples.X.shape
    if examples.is_sparse and p > MOST_SPARSE:
        raise InputError(
            f"X is sparse and has {p:,} columns: a path with L1 takes at most {MOST_SPARSE:,}, so "
            "choose columns first."
        )
    return examples.is_sparse or p <= max(n, MOST_PRODUCTS)


def prepare(examples: Examples, formulation: Formulation) -> Prepared:
    """From moments of the rows where these are formed and keep the digits, else from the rows."""
    if forms_products(examples):
        rows = placing.place(examples, formulation.intercept, load("numpy"))
        variance = location(examples).variance
        found = from_moments(rows, rows.moments(), variance, formulation)
        if found is not None:
            return found
    A, t, scales, free, x_mean, y_mean = ridge.scaled_rows(examples, formulation)
    root = np.sqrt(factors_of(formulation, scales))
    A /= root
    products = Products(
        A.T @ A if forms_products(examples) else None, A, A.T @ t, np.sum(t**2, axis=0)
    )
    return Prepared(examples, None, products, scales, scales.unit * root, free, x_mean, y_mean)


def from_moments(
    rows: Rows,
    H: NumPyArray,
    variance: NumPyArray,
    formulation: Formulation,
    chosen: NumPyArray | None = None,
) -> Prepared | None:
    """From H of the chosen rows; None where free columns are too dependent for it."""
    p = rows.examples.num_inputs
    mass = H[p, p]
    scales = scaling(variance, formulation)
    found = freeing.by_moments(H, scales.penalized, scales.free, p, formulation.intercept)
    if found is None:
        return None
    free, S, m, square = found
    unit = scales.unit * np.sqrt(factors_of(formulation, scales))
    products = Products(
        S / (unit[:, None] * unit) / mass,
        None,
        m / unit[:, None] / mass,
        square / mass,
    )
    return Prepared(rows.examples, chosen, products, scales, unit, free, rows.x_mean, rows.y_mean)
