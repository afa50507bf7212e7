"""The verdict: a hypothesis that reproduces a random trial it was not fitted on, to rounding.

κ is fitted on the first steps of one trial. The hypothesis is then followed through another, with
other weights, gradients, learning rate, λ and a learning-rate schedule, and through one at the
user's own settings, and down a quadratic. Its residual is the largest |w − w₀| over all, divided by
what the decay did, the largest difference between the optimizer and its twin: 1 explains nothing,
1e-15 everything. A hypothesis that does not even fit is followed through the first steps only, to
have its residual.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from weightdecay.auditing.hypotheses import (
    EXACTLY,
    FURTHER,
    HYPOTHESES,
    LAWS,
    Decayed,
    Hypothesis,
    Strength,
)
from weightdecay.auditing.subject import Subject, largest_difference, read, run
from weightdecay.auditing.trials import Quadratic, Tensors, Trial
from weightdecay.ops import NumPyArray

FIT_STEPS = 3
FACTORS = (1.0, 2.0, 0.5, -1.0)
"""Tried before any other: where the step is a sign, no slope leads to them. At −1 weights grow."""
ITERATIONS = 8
ROUNDINGS = 64
"""Units in the last place that a trial may gather."""


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
    fits : bool
        Whether it reproduces what c was fitted on.
    damping : int
        The power of (1 − β) that κ has beside it, once a momentum β is switched on.
    """

    hypothesis: Hypothesis
    law: str
    factor: float
    residual: float
    accepted: bool
    fits: bool
    damping: int = 0


@dataclass(frozen=True, eq=False)
class Observed:
    """What the optimizer itself does in a trial, and its twin."""

    trial: Trial
    path: list[Tensors]
    without: list[Tensors]
    rounding: float
    """What the rounding of the weights may add to a residual."""

    @functools.cached_property
    def effect(self) -> float:
        """The largest difference that the decay makes."""
        return largest_difference(self.path, self.without)

    @functools.cached_property
    def beginning(self) -> Observed:
        """The first steps of it."""
        path, without = self.path[:FIT_STEPS], self.without[:FIT_STEPS]
        return Observed(self.trial.first(FIT_STEPS), path, without, self.rounding)


@dataclass(frozen=True, eq=False)
class Fitted:
    """What κ is fitted on: few parameters, few steps."""

    subject: Subject
    decayed: Decayed
    observed: Observed


def observe(subject: Subject, trial: Trial) -> Observed:
    """Run the optimizer and its twin."""
    path = run(subject.optimizer(trial), trial)
    without = run(subject.twin(trial), trial)
    effect = largest_difference(path, without)
    unit = rounding(subject, [x for tensors in path for x in tensors])
    return Observed(trial, path, without, unit / effect if effect else 0.0)


def rounding(subject: Subject, tensors: Tensors) -> float:
    """What a trial with values of this size may gather."""
    largest = max(float(np.max(np.abs(x))) for x in tensors)
    return ROUNDINGS * float(np.finfo(subject.dtype).eps) * largest


def observe_descent(subject: Subject, trial: Trial, valley: Quadratic) -> Observed:
    """Run down a quadratic in place of the trial's gradients, which then are those it met.

    Random gradients cancel; here they agree, as they do in training, and an optimizer that learns
    its own step size from them does so.
    """
    stepper, met = subject.optimizer(trial), []
    for _ in trial.gradients:
        met.append(valley.gradient(read(stepper)))
        stepper.step(met[-1])
    return observe(subject, replace(trial, gradients=tuple(met)))


def which_decay(subject: Subject, trial: Trial) -> Decayed:
    """Which parameters part from those of the twin."""
    pairs = zip(
        zip(*run(subject.optimizer(trial), trial), strict=True),
        zip(*run(subject.twin(trial), trial), strict=True),
        strict=True,
    )
    return tuple(
        largest_difference([list(ours)], [list(twins)]) > rounding(subject, list(twins))
        for ours, twins in pairs
    )


def narrowed(subject: Subject, trial: Trial, decayed: Decayed) -> Fitted:
    """One parameter in place of all, where it decays by itself: it shows κ in less time.

    Otherwise all: an optimizer may look at how many there are, and a step that is a sign may need
    more of them to change at all.
    """
    if subject.probe.compiles:  # which takes longer than stepping all
        few = observe(subject, trial.first(FIT_STEPS))
        return Fitted(subject, decayed, few if few.effect else observe(subject, trial))
    name = next(name for name, d in zip(subject.shapes, decayed, strict=True) if d)
    alone = replace(subject, shapes={name: subject.shapes[name]})
    seen = observe(alone, trial.only([name]).first(FIT_STEPS))
    if seen.effect > rounding(alone, [x for (x,) in seen.without]):
        return Fitted(alone, (True,), seen)
    return Fitted(subject, decayed, observe(subject, trial))


def judge(
    subject: Subject,
    seen: Fitted,
    tried_on: list[Observed],
    decayed: Decayed,
    tolerance: float,
    among: Sequence[Hypothesis] = HYPOTHESES,
) -> list[Judged]:
    """Every hypothesis, in order of preference."""
    return [_judge(hypothesis, subject, seen, tried_on, decayed, tolerance) for hypothesis in among]


def judge_further(
    subject: Subject,
    seen: Fitted,
    tried_on: list[Observed],
    decayed: Decayed,
    tolerance: float,
) -> list[Judged]:
    """What is left when no plain hypothesis reproduces it: one that does, or none."""
    for hypothesis in EXACTLY:
        judged = _judge(hypothesis, subject, seen, tried_on, decayed, tolerance, at_one=True)
        if judged.accepted:
            return [judged]
    for hypothesis in FURTHER:
        judged = _judge(hypothesis, subject, seen, tried_on, decayed, tolerance)
        if judged.accepted and (judged.factor in FACTORS or not hypothesis.scheduled):
            return [judged]
    return []


def _judge(
    hypothesis: Hypothesis,
    subject: Subject,
    seen: Fitted,
    tried_on: list[Observed],
    decayed: Decayed,
    tolerance: float,
    at_one: bool = False,
) -> Judged:
    """With the κ that fits, or, where `at_one`, with a factor of 1."""
    kappa, fits = 1.0, True
    if not at_one:
        kappa, fits = _fit(hypothesis, seen.subject, seen.observed, seen.decayed, tolerance)
    has_rate = subject.knobs.lr is not None or hypothesis.scheduled
    best: Judged | None = None
    for law in hypothesis.laws if has_rate else ("λ",):
        plain = at_one or hypothesis.scheduled
        unit = 1.0 if plain else LAWS[law](subject, seen.observed.trial, 0)
        factor = _rounded(kappa / unit, tolerance)
        least, within = 0.0, fits
        for observed in tried_on if fits else [tried_on[0].beginning]:
            missed = _residual(hypothesis, subject, observed, decayed, law, factor)
            within = within and missed <= tolerance + observed.rounding
            least = max(least, missed)
            if best is not None and least >= best.residual:
                break
        if best is None or least < best.residual:
            best = Judged(hypothesis, law, factor, least, within, fits)
        if best.accepted or not fits:
            break
    assert best is not None
    return best


def residual(found: Judged, subject: Subject, observed: Observed, decayed: Decayed) -> float:
    """Of a trial that it was not judged on."""
    return _residual(found.hypothesis, subject, observed, decayed, found.law, found.factor)


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
    """κ, constant over the trial, and whether it fits to rounding; c, where κ follows a schedule.

    A plain factor where one suits, else by least squares.
    """

    def strength(kappa: float) -> Strength:
        if not hypothesis.scheduled:
            return lambda step: kappa
        return lambda step: kappa * LAWS[hypothesis.laws[0]](subject, seen.trial, step)

    def misses(kappa: float) -> NumPyArray:
        path = _follow(hypothesis, subject, seen.trial, strength(kappa), decayed)
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
    if hypothesis.scheduled:
        return _gauss_newton(misses, 1.0, enough)
    if hypothesis.laws[0] != "λ":  # the first step shows κ, but for what the step reads of w
        return _gauss_newton(misses, _lost_at_first(seen, decayed), enough)
    tried: dict[float, float] = {}
    for factor in FACTORS:
        kappa = factor * LAWS["λ"](subject, seen.trial, 0)
        tried[kappa] = _size(misses(kappa))
        if tried[kappa] <= enough:
            return kappa, True
    return _gauss_newton(misses, min(tried, key=lambda kappa: tried[kappa]), enough)


def _lost_at_first(seen: Observed, decayed: Decayed) -> float:
    """The share of the weights that the first step takes, beyond what the twin's takes."""
    first = zip(seen.path[0], seen.without[0], seen.trial.start, decayed, strict=True)
    parts = [(x - y, p.value) for x, y, p, d in first if d]
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
