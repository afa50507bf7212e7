"""What the choice of λ means: as a prior, and how delicate it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from weightdecay.errors import InputError
from weightdecay.paths.evidence import Evidence
from weightdecay.tuning.scores import Scores

CLOSE = 0.01
"""A loss within this share of the lowest counts as as good."""


@dataclass(frozen=True)
class Prior:
    """Ridge as the mode of a posterior: λ = σ²/(nτ²).

    Attributes
    ----------
    lambd : float
        The λ that is read.
    noise_std : float
        σ: standard deviation of the noise, from the residuals at this λ and n − `effective`
        degrees of freedom; in the units of the target, the root of the mean over targets.
    weight_std : float
        τ = σ/√(nλ): the standard deviation of the prior N(0, τ²) on every weight (on sⱼwⱼ√fⱼ where
        inputs are standardised or have factors) for which this λ is right. Infinite at λ = 0.
    effective : float
        Effective number of parameters, those without a penalty included.
    evidence_lambd : float
        The λ of the grid with the greatest marginal likelihood: chosen without holding out a row.
    """

    lambd: float
    noise_std: float
    weight_std: float
    effective: float
    evidence_lambd: float


@dataclass(frozen=True)
class Sensitivity:
    """How the held-out loss changes around its lowest.

    Attributes
    ----------
    low, high : float
        The λ around the best whose loss is within 1 % of the lowest.
    low_se, high_se : float
        The λ around the best whose loss is within one standard error of the lowest.
    tenth, tenfold : float
        Loss at a tenth and at ten times the best λ, beside the lowest; NaN outside the grid.
    """

    low: float
    high: float
    low_se: float
    high_se: float
    tenth: float
    tenfold: float


def prior(evidence: Evidence | None, scores: Scores, index: int, n: int) -> Prior:
    """The Bayesian reading of one λ of a ridge path over n rows.

    Raises
    ------
    InputError
        There is an L1 term, whose prior is not Gaussian, or the fit is no closed form.
    """
    if evidence is None:
        raise InputError("the Gaussian prior is the reading of an exact fit with the penalty 'l2'.")
    lambd = float(scores.lambdas[index])
    variance = float(np.mean(evidence.noise_variance[index]))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        weight_std = float(np.sqrt(np.divide(variance, n * lambd)))
    return Prior(
        lambd=lambd,
        noise_std=float(np.sqrt(variance)),
        weight_std=weight_std,
        effective=float(evidence.effective[index]),
        evidence_lambd=float(scores.lambdas[int(np.argmax(evidence.log_evidence))]),
    )


def sensitivity(scores: Scores) -> Sensitivity:
    """From the losses of a grid."""
    mean, lambdas, best = scores.mean, scores.lambdas, scores.best
    lowest = float(mean[best])
    low, high = _around(mean <= lowest * (1 + CLOSE), best)
    low_se, high_se = _around(mean <= lowest + scores.standard_error[best], best)
    return Sensitivity(
        float(lambdas[low]),
        float(lambdas[high]),
        float(lambdas[low_se]),
        float(lambdas[high_se]),
        _beside(scores, lambdas[best] / 10),
        _beside(scores, lambdas[best] * 10),
    )


def _around(within: np.ndarray, at: int) -> tuple[int, int]:
    """Ends of the run of true values around a place."""
    low = high = at
    while low > 0 and within[low - 1]:
        low -= 1
    while high + 1 < len(within) and within[high + 1]:
        high += 1
    return low, high


def _beside(scores: Scores, lambd: float) -> float:
    """The loss at some λ beside the lowest, between the λ of the grid along log λ."""
    positive = scores.lambdas > 0
    places = np.log(scores.lambdas[positive])
    if not len(places) or lambd <= 0:
        return float("nan")
    at = np.log(lambd)
    if not places[0] - 1e-9 <= at <= places[-1] + 1e-9:
        return float("nan")
    return float(np.interp(at, places, scores.mean[positive]) / scores.mean[scores.best])
