"""Whether what was found in six steps still holds in many, and for other sizes and rates.

A decay may begin after a warm-up, come every tenth step, above a norm, or end. So an accepted
hypothesis is followed further: one step at a time from the optimizer's own weights, so that no
rounding gathers. A step that it misses by a noticeable part of what the decay does is one that it
does not explain. Steps that are missed whatever the gradients hang on their number; few that hang
on the gradients are told beside the verdict. Where nothing was found to decay, the optimizer and
its twin are compared in the same way, for longer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from weightdecay.auditing.hypotheses import LAWS, Decayed, Twins
from weightdecay.auditing.rates import FIRST
from weightdecay.auditing.subject import Subject, largest_difference, read
from weightdecay.auditing.trials import STEPS, Tensors, Trial, draw
from weightdecay.auditing.verdict import Fitted, Judged, observe, rounding
from weightdecay.probe import Parameter

NOTICED = 1e-2
"""Share of what the decay does in a step: a smaller miss is no other decay."""
SHARP = 1e-6
"""The same, for a hypothesis that has not been accepted."""
FEW, MANY = 1 / 4, 1 / 2
"""Shares of the steps that may be missed where they hang on the gradients: of many, of six."""
PATIENCE = 100
"""Where fewer steps can be afforded, one parameter is followed in place of all."""
TIMES = 12
"""Where nothing decays, the look is so many times as long."""
DRAWS, ENOUGH = 3, 48
"""Of gradients, and steps of each, for a hypothesis that has not been accepted."""
SIZES = (2.0**-6, 2.0**6)
"""Of the weights, beside 1."""
RATES = (2.0**-6, 8.0)
"""Times the learning rate, beside 1."""


@dataclass(frozen=True)
class Look:
    """How far an accepted hypothesis holds.

    Attributes
    ----------
    said : str
        Where it was followed, in words.
    fails : str or None
        Where it does not hold; None where it does.
    but_for : str or None
        Steps that it does not explain, few and not the same whatever the gradients.
    """

    said: str
    fails: str | None = None
    but_for: str | None = None


class Missed(NamedTuple):
    """The steps that a hypothesis misses, from 0, and its largest miss in the others."""

    steps: list[int]
    least: float


def hold(
    subject: Subject,
    found: Judged,
    seen: Fitted,
    trial: Trial,
    decayed: Decayed,
    seed: int,
    scale: float,
) -> Look:
    """Follow a hypothesis further than it was judged on `seen`.

    Weights and gradients of `trial` are times `scale`.
    """
    if subject.probe.look < PATIENCE:
        subject, decayed, trial = seen.subject, seen.decayed, trial.only(seen.subject.shapes)
    effect = seen.observed.effect / len(seen.observed.path)
    steps = subject.probe.look
    if found.law.endswith("first steps"):
        steps = min(steps, FIRST)
    noticed = NOTICED * effect

    def missed(seed: int) -> list[int]:
        return follow(subject, found, _anew(subject, trial, steps, seed, scale), decayed, noticed)[
            0
        ]

    here, few, where = missed(seed), None, [f"{steps} steps"]
    if here:
        there, word = missed(seed + 1), f"step {here[0] + 1}"
        if hang_on_number([here, there], FEW * steps):
            return Look(f"the steps before {word}", f"it holds until {word}, and not in that one")
        few = f"in {len(here)} of {steps} steps the decay is another, first in {word}"
    if scale == 1:  # other weights or rates would be clipped
        for what, least, elsewhere in _elsewhere(subject, trial):
            try:
                there = follow(subject, found, elsewhere, decayed, least * noticed).steps
            except Exception:  # a framework may refuse in any way it likes
                continue
            if len(there) > (MANY * len(elsewhere.gradients) if few else 0):
                return Look(", ".join(where), f"it does not hold {what}")
            where.append(what)
    return Look(", ".join(where), but_for=few)


def mostly(
    subject: Subject,
    judged: list[Judged],
    seen: Fitted,
    other: Trial,
    trial: Trial,
    decayed: Decayed,
    seed: int,
    scale: float,
) -> list[Judged]:
    """The hypotheses that reproduce all steps but few, which hang on the gradients.

    They have been judged, and fitted on `seen`; `other` tells their laws apart.
    """
    effect = seen.observed.effect / len(seen.observed.path)

    def missed(one: Judged, trial: Trial, steps: int) -> list[Missed]:
        draws = (_anew(subject, trial, steps, seed + i, scale) for i in range(DRAWS))
        return [follow(subject, one, draw, decayed, SHARP * effect) for draw in draws]

    found = []
    for one in judged:
        if not one.fits or one.hypothesis.verdict == "other":
            continue
        kappa = one.factor * LAWS[one.law](subject, seen.observed.trial, 0)
        for law in one.hypothesis.laws if subject.knobs.lr is not None else ("λ",):
            factor = kappa / LAWS[law](subject, seen.observed.trial, 0)
            here = replace(one, law=law, factor=factor, accepted=True)
            few = len(other.gradients) - 1
            if hang_on_number([m.steps for m in missed(here, other, few + 1)], few):
                continue
            steps = min(subject.probe.look, ENOUGH)
            looks = missed(here, trial, steps)
            if not hang_on_number([m.steps for m in looks], FEW * steps):
                found.append(replace(here, residual=max(m.least for m in looks) / effect))
                break
    return found


def hang_on_number(missed: list[list[int]], many: float) -> bool:
    """Whether missed steps are too many, or the same whatever the gradients."""
    first = missed[0]
    same = bool(first) and all(steps == first for steps in missed)
    return same or max(map(len, missed)) > many


def _anew(subject: Subject, trial: Trial, steps: int, seed: int, scale: float) -> Trial:
    """The same start and settings, with so many other gradients."""
    gradients = draw(seed, subject.shapes, steps=steps, scale=scale).gradients
    return replace(trial, gradients=gradients)


def follow(
    subject: Subject, found: Judged, trial: Trial, decayed: Decayed, noticed: float
) -> Missed:
    """Every step from the optimizer's own weights: those missed by more than `noticed`."""
    ours, twins = subject.optimizer(trial), Twins(subject, trial)
    missed, least = [], 0.0
    first = _largest([p.value for p in trial.start])
    for twins.step, gradients in enumerate(trial.gradients):
        w = read(ours)
        if largest_difference([w], [read(twins.twin)]):
            twins.twin.write(w)
        kappa = found.factor * LAWS[found.law](subject, trial, twins.step)
        with np.errstate(all="ignore"):
            found.hypothesis.take(twins, gradients, kappa, decayed)
        ours.step(gradients)
        new = read(ours)
        size = _largest(new)
        if not np.isfinite(size):
            break
        miss = largest_difference([new], [read(twins.twin)])
        if miss > noticed * min(1.0, size / first) + rounding(subject, new):
            missed.append(twins.step)
        else:
            least = max(least, miss)
    return Missed(missed, least)


def _elsewhere(subject: Subject, trial: Trial) -> Iterator[tuple[str, float, Trial]]:
    """Trials of weights of other sizes, and at other rates, with the share of the effect there."""
    for size in SIZES:
        start = tuple(Parameter(p.name, size * p.value) for p in trial.start)
        what = f"for weights {size:g} times as large"
        yield what, min(size, 1.0), replace(trial, start=start)
    if subject.knobs.lr is not None:
        for times in RATES:
            lr = times * trial.lr
            yield f"at a learning rate of {lr:g}", min(times, 1.0), replace(trial, lr=lr)


def first_difference(subject: Subject, trial: Trial, seed: int) -> str | None:
    """Where a setting that changes nothing in a few steps makes a difference after all."""
    long = replace(trial, gradients=draw(seed, subject.shapes, steps=longest(subject)).gradients)
    ours, twin = subject.optimizer(long), subject.twin(long)
    for step, gradients in enumerate(long.gradients):
        w = read(ours)
        ours.step(gradients)
        twin.step(gradients)
        new, there = read(ours), read(twin)
        if not np.isfinite(_largest(there)):
            break
        if largest_difference([new], [there]) > rounding(subject, there):
            taken = sum(float(np.sum((y - x) * z)) for x, y, z in zip(new, there, w, strict=True))
            share = taken / sum(float(np.sum(z * z)) for z in w)
            return f"from step {step + 1} on: the weights lose {share:.3g} of their size in it"
    few = replace(long, gradients=long.gradients[:STEPS])
    for what, _, elsewhere in _elsewhere(subject, few):
        if observe(subject, elsewhere).effect:
            return what
    return None


def longest(subject: Subject) -> int:
    """The steps in which nothing may happen before nothing is said to decay."""
    return TIMES * subject.probe.look


def how_far(subject: Subject, trial: Trial) -> str:
    """Where `first_difference` looked."""
    said = [
        f"{longest(subject):,} steps",
        f"weights {SIZES[0]:g}, 1 and {SIZES[1]:g} times as large",
    ]
    if subject.knobs.lr is not None:
        rates = sorted(times * trial.lr for times in (*RATES, 1.0))
        said.append(f"η = {', '.join(f'{lr:g}' for lr in rates)}")
    return "; ".join(said)


def _largest(tensors: Tensors) -> float:
    return max(float(np.max(np.abs(x))) for x in tensors)
