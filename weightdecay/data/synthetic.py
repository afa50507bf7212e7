"""The generators: examples of which the truth is known."""

from __future__ import annotations

import numpy as np

from weightdecay import memory
from weightdecay.data.dataset import Dataset
from weightdecay.data.monomials import scaled_powers
from weightdecay.data.sources import Polynomial, Synthetic
from weightdecay.data.streams import generator


def draw_linear(source: Synthetic, seed: int) -> Dataset:
    """Examples of y = bias + Σ weight · xᵢ + ε, x ~ N(0, 1), ε ~ N(0, noise_std²)."""
    n = source.num_train + source.num_val
    _require_memory(n, source.num_inputs)
    rng = generator(seed, "data")
    X = rng.standard_normal((n, source.num_inputs))
    noise = source.noise_std * rng.standard_normal(n)
    y = source.bias + source.weight * X.sum(axis=1) + noise
    m = source.num_train
    return Dataset(X[:m], y[:m], X[m:], y[m:], source=source)


def draw_polynomial(source: Polynomial, seed: int) -> Dataset:
    """Examples of y = Σ cᵢ xⁱ/i! + ε, x ~ N(0, 1); the inputs are xⁱ/i! for i = 1 … degree."""
    n = source.num_train + source.num_val
    _require_memory(n, source.degree)
    rng = generator(seed, "data")
    x = rng.standard_normal(n)
    noise = source.noise_std * rng.standard_normal(n)
    c = np.asarray(source.coefficients)
    y = c[0] + scaled_powers(x, len(c) - 1) @ c[1:] + noise
    X = scaled_powers(x, source.degree)
    m = source.num_train
    names = tuple("x" if i == 1 else f"x^{i}/{i}!" for i in range(1, source.degree + 1))
    return Dataset(X[:m], y[:m], X[m:], y[m:], source=source, columns=names)


def _require_memory(rows: int, inputs: int) -> None:
    memory.require(
        f"{rows:,} examples of {inputs:,} inputs", rows * inputs, "draw fewer examples or inputs"
    )
