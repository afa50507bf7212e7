"""The verdict: a hypothesis that reproduces a random trial it was not fitted on, to rounding.

κ is fitted on the first steps of one trial. The hypothesis is then followed through another, with
other weights, gradients, learning rate, λ and a learning-rate schedule, and through one at the
user's own settings. Its residual is the largest |w − w₀| over both, divided by what the decay did,
the largest difference between the optimizer and its twin: 1 explains nothing, 1e-15 everything.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from weightdecay.auditing.hypotheses import HYPOTHESES, LAWS, Decayed, Hypothesis, Strength
from weightdecay.auditing.subject import Subject, largest_difference, run
from weightdecay.auditing.trials import Tensors, Trial
from weightdecay.ops import NumPyArray

FIT_STEPS = 3
FACTORS = (1.0, 2.0, 0.5, -1.0)
"""Tried before any other: where the step is a sign, no slope leads to them. At −1 weights grow."""
ITERATIONS = 8
ROUNDINGS = 64
"""Units in the last place that a trial may gather."""
NEGLIGIBLE = 1e-7
"""Relative to the weights: a parameter that differs less from its twin's does not decay."""


@dataclass(frozen=True)
class Judged:
    """A hypothesis with the factor that suits it best.

    Attributes
    ----------
    hypothesis : Hypothesis
        What was tried.
    law : str
        What the factor multiplies, a key of `LAWS`.
    factor : float
        c.
    residual : float
        On trials that c was not fitted on, relative to what the decay did.
    accepted : bool
        Whether that is rounding.
    """

    hypothesis: Hypothesis
    law: str
    factor: float
    residual: float
    accepted: bool


@dataclass(frozen=True, eq=False)
class Observed:
    """What the optimizer itself does in a trial, and the largest effect of its decay."""

    trial: Trial
    path: list[Tensors]
    effect: float
    rounding: float
    """What the rounding of the weights may add to a residual."""


def observe(subject: Subject, trial: Trial) -> Observed:
    """Run the optimizer and its twin."""
    path = run(subject.optimizer(trial), trial)
    effect = largest_difference(path, run(subject.twin(trial), trial))
    largest = max(float(np.max(np.abs(x))) for tensors in path for x in tensors)
    unit = float(np.finfo(subject.dtype).eps) * largest * ROUNDINGS
    return Observed(trial, path, effect, unit / effect if effect else 0.0)


def which_decay(subject: Subject, trial: Trial) -> Decayed:
    """Which parameters part from those of the twin."""
    pairs = zip(
        zip(*run(subject.optimizer(trial), trial), strict=True),
        zip(*run(subject.twin(trial), trial), strict=True),
        strict=True,
    )
    return tuple(
        largest_difference([list(ours)], [list(twins)])
        > NEGLIGIBLE * max(float(np.max(np.abs(x))) for x in twins)
        for ours, twins in pairs
    )


def judge(
    subject: Subject,
    fitted_on: Trial,
    tried_on: list[Observed],
    decayed: Decayed,
    tolerance: float,
) -> list[Judged]:
    """Every hypothesis, in order of preference."""
    start = fitted_on.first(FIT_STEPS)
    seen = observe(subject, start)
    return [
        _judge(hypothesis, subject, seen, tried_on, decayed, tolerance) for hypothesis in HYPOTHESES
    ]


def _judge(
    hypothesis: Hypothesis,
    subject: Subject,
    seen: Observed,
    tried_on: list[Observed],
    decayed: Decayed,
    tolerance: float,
) -> Judged:
    kappa, fits = _fit(hypothesis, subject, seen, decayed, tolerance)
    allowed = tolerance + max(observed.rounding for observed in tried_on)
    best: Judged | None = None
    for law in hypothesis.laws:
        factor = _rounded(kappa / LAWS[law](subject, seen.trial, 0), tolerance)
        residual = 0.0
        for observed in tried_on:
            residual = max(residual, _residual(hypothesis, subject, observed, decayed, law, factor))
            if best is not None and residual >= best.residual:
                break
        if best is None or residual < best.residual:
            best = Judged(hypothesis, law, factor, residual, residual <= allowed)
        if best.accepted or not fits:
            break
    assert best is not None
    return best


def _residual(
    hypothesis: Hypothesis,
    subject: Subject,
    observed: Observed,
    decayed: Decayed,
    law: str,
    factor: float,
) -> float:
    def kappa(step: int) -> float:
        return factor * LAWS[law](subject, observed.trial, step)

    if not observed.effect:
        return math.inf
    path = _follow(hypothesis, subject, observed.trial, kappa, decayed)
    return largest_difference(path, observed.path) / observed.effect


def _follow(
    hypothesis: Hypothesis, subject: Subject, trial: Trial, kappa: Strength, decayed: Decayed
) -> list[Tensors]:
    with np.errstate(all="ignore"):
        return hypothesis.follow(subject, trial, kappa, decayed)


def _fit(
    hypothesis: Hypothesis, subject: Subject, seen: Observed, decayed: Decayed, tolerance: float
) -> tuple[float, bool]:
    """κ, constant over the trial, and whether it fits to rounding.

    A plain factor where one suits, else by least squares.
    """

    def misses(kappa: float) -> NumPyArray:
        path = _follow(hypothesis, subject, seen.trial, lambda step: kappa, decayed)
        return np.concatenate(
            [
                (x - y).ravel()
                for p, q in zip(path, seen.path, strict=True)
                for x, y in zip(p, q, strict=True)
            ]
        )

    if not seen.effect:
        return 0.0, False
    enough = (tolerance + seen.rounding) * seen.effect
    if hypothesis.laws[0] != "λ":  # the first step shows κ, but for what the step reads of w
        return _gauss_newton(misses, _lost_at_first(subject, seen, decayed), enough)
    tried: dict[float, float] = {}
    for factor in FACTORS:
        kappa = factor * LAWS["λ"](subject, seen.trial, 0)
        tried[kappa] = _size(misses(kappa))
        if tried[kappa] <= enough:
            return kappa, True
    return _gauss_newton(misses, min(tried, key=lambda kappa: tried[kappa]), enough)


def _lost_at_first(subject: Subject, seen: Observed, decayed: Decayed) -> float:
    """The share of the weights that the first step takes, beyond what the twin's takes."""
    first = seen.trial.first(1)
    (without,) = run(subject.twin(first), first)
    parts = [
        (x - y, p.value)
        for x, y, p, d in zip(seen.path[0], without, first.start, decayed, strict=True)
        if d
    ]
    taken = -sum(float(np.sum(moved * w)) for moved, w in parts)
    share = taken / sum(float(np.sum(w * w)) for _, w in parts)
    return share if math.isfinite(share) else 0.0


def _gauss_newton(
    misses: Callable[[float], NumPyArray], kappa: float, enough: float
) -> tuple[float, bool]:
    """The κ of the least squares near `kappa`, and whether it misses by no more than `enough`."""
    best, least = kappa, math.inf
    for _ in range(ITERATIONS):
        here = misses(kappa)
        size, before = _size(here), least
        if size < least:
            best, least = kappa, size
        if least <= enough or size > before / 2:  # a κ that fits is neared much faster
            break
        nearby = 1e-4 * kappa or 1e-4
        slope = (misses(kappa + nearby) - here) / nearby
        steepness = float(slope @ slope)
        if not math.isfinite(steepness) or steepness == 0:
            break
        kappa -= float(slope @ here) / steepness
    return best, least <= enough


def _size(misses: NumPyArray) -> float:
    largest = float(np.max(np.abs(misses)))
    return largest if math.isfinite(largest) else math.inf


def _rounded(factor: float, tolerance: float) -> float:
    """A factor that is a plain fraction but for rounding is that fraction."""
    plain = Fraction(factor).limit_denominator(64) if math.isfinite(factor) else Fraction(0)
    near = abs(float(plain) - factor) <= 100 * tolerance * abs(factor)
    return float(plain) if near else factor
