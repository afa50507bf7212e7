"""Every tolerance that the tests use, and the measure it applies to."""

from __future__ import annotations

from typing import Any

import numpy as np

from weightdecay.tolerances import PARITY  # backends against NumPy, gradients against autodiff

__all__ = [
    "AUDIT_ATLAS",
    "AUDIT_LAMBDA",
    "AUDIT_RESIDUAL",
    "BOOK",
    "CARRIED",
    "CERTIFICATE",
    "EXPONENT",
    "KEPT",
    "L1",
    "PARITY",
    "RIDGE",
    "ROUNDED_SETTINGS",
    "TRANSLATION",
    "relative_difference",
]

RIDGE = 1e-8
"""Trained to convergence, or in closed form, against scikit-learn's Ridge."""

L1 = 1e-6
"""Trained to convergence against scikit-learn's Lasso and ElasticNet."""

BOOK = 1e-8
"""Residual of the effective settings of the book's programs."""

ROUNDED_SETTINGS = 1e-6
"""Settings that an optimizer holds in float32."""

AUDIT_RESIDUAL = 1e-12
"""Residual of an accepted hypothesis, as a fraction of what the decay did, in float64."""

AUDIT_ATLAS = {"float64": 1e-6, "float32": 1e-4}
"""The same for the frameworks' optimizers, some of which compute in float32, by the dtype of the
parameters."""

AUDIT_LAMBDA = 1e-6
"""Effective λ where a quadratic settles, relative."""

KEPT = 0.03
"""Share of a decay that rounding leaves, in some thousand weights drawn at random, absolute."""

CARRIED = 0.25
"""The same beside random gradients, whose own rounding blurs it."""

TRANSLATION = {"float64": 1e-12, "rounded": 1e-6, "float32": 1e-6}
"""Code in its framework against its equations, by what computes the settings or the state."""

EXPONENT = 1e-9
"""Exponents fitted to a power law, absolute."""

CERTIFICATE = 1e-9
"""Optimality residual and gap, relative to the scale of the gradient and of the objective."""


def relative_difference(x: Any, reference: Any) -> float:
    """max |x − reference| / max |reference|, and the plain maximum where the reference is 0."""
    x, reference = np.asarray(x, np.float64), np.asarray(reference, np.float64)
    assert x.shape == reference.shape, (x.shape, reference.shape)
    if not reference.size:
        return 0.0
    scale = float(np.max(np.abs(reference)))
    return float(np.max(np.abs(x - reference))) / (scale or 1.0)
