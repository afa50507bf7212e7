"""Ridge regression as a Gaussian model, for every λ, from one decomposition.

With noise N(0, σ²) and the prior N(0, τ²) on every scaled weight, the weights of least J are those
of greatest posterior density at λ = σ²/(nτ²), since nJ/σ² is Σ r²/(2σ²) + Σ z²/(2τ²) for J's
½ and mean (MacKay, 1992; Bishop, 2006, section 3.5).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from weightdecay.ops import NumPyArray
from weightdecay.paths.ridge import Decomposed
from weightdecay.paths.spectrum import shrinkage


@dataclass(frozen=True, eq=False)
class Evidence:
    """What the data say of the model at every λ.

    Attributes
    ----------
    effective : array of shape (L,)
        Effective number of parameters, Σ e/(e + λ) and the free ones (Hastie et al., 2009,
        section 3.4.1).
    noise_variance : array of shape (L, num_targets)
        σ², estimated as the residual sum of squares over (n − effective).
    log_evidence : array of shape (L,)
        Logarithm of the marginal likelihood of the targets, at its best σ² for each λ, summed over
        targets; the free parameters are projected off (restricted likelihood). −∞ at λ = 0.
    """

    effective: NumPyArray
    noise_variance: NumPyArray
    log_evidence: NumPyArray


def evidence(found: Decomposed, lambdas: NumPyArray, n: int) -> Evidence:
    """For a path over n rows of positive weight."""
    spectrum, num_free = found.spectrum, len(found.free.start)
    e, shrunk = spectrum.e, shrinkage(spectrum.e, lambdas)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        effective = np.sum(e[:, None] * shrunk, axis=0)
        log_determinant = np.sum(np.log1p(e[:, None] / lambdas), axis=0)
        if spectrum.of_free:  # the free directions are among those of the dual
            effective -= num_free * spectrum.of_free / (spectrum.of_free + lambdas)
            log_determinant -= num_free * np.log1p(spectrum.of_free / lambdas)
        # tᵀ(I + AAᵀ/λ)⁻¹t, and the residual sum of squares
        quadratic = found.total - shrunk.T @ spectrum.square
        residual = quadratic - lambdas[:, None] * ((shrunk**2).T @ spectrum.square)
        effective += num_free
        left = n - num_free
        log_evidence = -0.5 * (
            left * (np.log(2 * np.pi * n * quadratic / left) + 1) + log_determinant[:, None]
        ).sum(axis=1)
        noise = n * residual / (n - effective)[:, None]
    log_evidence = np.where(np.isfinite(log_evidence), log_evidence, -np.inf)
    return Evidence(effective, noise, log_evidence)
