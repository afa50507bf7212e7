"""Where the decay may enter: each hypothesis drives the twin as if it had the decay.

A hypothesis takes the strength κ_t of the decay in every step and gives a trajectory of its own,
from the twin's steps alone. With the twin's step w → T(w, g):

    coupled              w ← T(w, g + κw)                the optimizer is fed the decay
    decoupled, before    w ← T((1 − κ)w, g)              Loshchilov & Hutter, arXiv 1711.05101
    decoupled, during    w ← T(w, g) − κw                the old weights decay
    decoupled, after     w ← (1 − κ) T(w, g)
    proximal, before     w ← T(w/(1 + κ), g)
    proximal, after      w ← T(w, g)/(1 + κ)
    trust-ratio          w ← w − ‖T(w, g) − w‖ v/‖v‖,  v = κw − T(0, g)        arXiv 1904.00962
    trust-ratio, sum     the same with ‖κw‖ + ‖T(0, g)‖ in place of ‖v‖        arXiv 1708.03888
    L1                   w ← T(w, g + κ sign(w))         no weight decay, but a regularizer
    coupled, decoupled   w ← T((1 − ηκ)w, g + κw)        both at once, by one setting

A step that ends in a trust ratio is −φ(‖w‖) r/‖r‖, and the plain −r at w = 0: so the twin at
weights 0 shows r, and the twin at w the length that the ratio gives it.

κ_t is c·λ times a `Law`: 1, the learning rate of the step, the first learning rate, or that of a
schedule which the factory has fixed (`weightdecay.auditing.rates`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from weightdecay.auditing.rates import first_rates, steady_rates
from weightdecay.auditing.subject import Subject, read
from weightdecay.auditing.trials import Tensors, Trial
from weightdecay.probe import Stepper

Strength: TypeAlias = Callable[[int], float]
"""κ of every step."""
Decayed: TypeAlias = tuple[bool, ...]
"""Which parameters decay."""
Law: TypeAlias = Callable[[Subject, Trial, int], float]

LAWS: dict[str, Law] = {
    "λ": lambda subject, trial, step: subject.held(trial.lambd),
    "ηλ": lambda subject, trial, step: subject.held(trial.rate(step)) * subject.held(trial.lambd),
    "η₀λ": lambda subject, trial, step: subject.held(trial.lr) * subject.held(trial.lambd),
    "ηλ/η₀": lambda subject, trial, step: (
        subject.held(trial.rate(step)) / subject.held(trial.lr) * subject.held(trial.lambd)
    ),
    "η_tλ": lambda subject, trial, step: (
        steady_rates(subject, trial)[step] * subject.held(trial.lambd)
    ),
    "η_tλ, of first steps": lambda subject, trial, step: (
        first_rates(subject, trial)[step] * subject.held(trial.lambd)
    ),
}
"""What κ/c may be: free of the learning rate, following it, following the first one, following
its schedule but not its size, or a schedule of the optimizer's own, as its twin's steps show it."""


@dataclass(eq=False)
class Twins:
    """The twin at work on a trial, and a second one where a hypothesis asks for it.

    Attributes
    ----------
    subject, trial : Subject, Trial
        What is driven, and with which settings.
    step : int
        The number of the step to be taken, from 0.
    """

    subject: Subject
    trial: Trial
    step: int = 0

    @functools.cached_property
    def twin(self) -> Stepper:
        """The optimizer without decay."""
        return self.subject.twin(self.trial)

    @functools.cached_property
    def second(self) -> Stepper:
        """Beside the first, with a memory of its own."""
        return self.subject.twin(self.trial, other=True)

    def rate(self) -> float:
        """The learning rate of the step."""
        return self.subject.held(self.trial.rate(self.step))


Take: TypeAlias = Callable[[Twins, Tensors, float, Decayed], None]
"""One step with these gradients and this κ."""


@dataclass(frozen=True)
class Hypothesis:
    """A name for people, the verdict it leads to, its laws in order of preference, and the drive.

    `order` says when the weights shrink, where the verdict leaves that open.
    """

    name: str
    verdict: str
    order: str | None
    laws: tuple[str, ...]
    take: Take

    @property
    def scheduled(self) -> bool:
        """Whether κ follows a schedule that the optimizer has of its own."""
        return self.laws[0].startswith("η_t")

    def follow(self, subject: Subject, trial: Trial, kappa: Strength, on: Decayed) -> list[Tensors]:
        """The trajectory of a trial."""
        twins, path = Twins(subject, trial), []
        for twins.step, gradients in enumerate(trial.gradients):
            self.take(twins, gradients, kappa(twins.step), on)
            path.append(read(twins.twin))
        return path


def _added(gradients: Tensors, w: Tensors, kappa: float, on: Decayed) -> Tensors:
    return [g + kappa * x if d else g for g, x, d in zip(gradients, w, on, strict=True)]


def _coupled(twins: Twins, gradients: Tensors, kappa: float, on: Decayed) -> None:
    twins.twin.step(_added(gradients, read(twins.twin), kappa, on))


def _l1(twins: Twins, gradients: Tensors, kappa: float, on: Decayed) -> None:
    signs = [np.sign(x) for x in read(twins.twin)]
    twins.twin.step(_added(gradients, signs, kappa, on))


def _shrunk(w: Tensors, factor: float, on: Decayed) -> Tensors:
    return [factor * x if d else x for x, d in zip(w, on, strict=True)]


def _before(shrink: Callable[[float], float]) -> Take:
    def take(twins: Twins, gradients: Tensors, kappa: float, on: Decayed) -> None:
        twins.twin.write(_shrunk(read(twins.twin), shrink(kappa), on))
        twins.twin.step(gradients)

    return take


def _after(shrink: Callable[[float], float]) -> Take:
    def take(twins: Twins, gradients: Tensors, kappa: float, on: Decayed) -> None:
        twins.twin.step(gradients)
        twins.twin.write(_shrunk(read(twins.twin), shrink(kappa), on))

    return take


def _during(twins: Twins, gradients: Tensors, kappa: float, on: Decayed) -> None:
    old = read(twins.twin)
    twins.twin.step(gradients)
    lost = _shrunk(old, kappa, on)
    new = [x - y if d else x for x, y, d in zip(read(twins.twin), lost, on, strict=True)]
    twins.twin.write(new)


def _twice(twins: Twins, gradients: Tensors, kappa: float, on: Decayed) -> None:
    fed = _added(gradients, read(twins.twin), kappa, on)
    twins.twin.write(_shrunk(read(twins.twin), 1 - twins.rate() * kappa, on))
    twins.twin.step(fed)


def _twice_in_turn(twins: Twins, gradients: Tensors, kappa: float, on: Decayed) -> None:
    twins.twin.write(_shrunk(read(twins.twin), 1 - twins.rate() * kappa, on))
    _coupled(twins, gradients, kappa, on)


def _trust_ratio(summed: bool) -> Take:
    def moved(w: np.ndarray, step: np.ndarray, r: np.ndarray, kappa: float) -> np.ndarray:
        v = r + kappa * w
        norms = np.linalg.norm(r) + kappa * np.linalg.norm(w) if summed else np.linalg.norm(v)
        return np.asarray(w - np.linalg.norm(step) * v / norms)

    def take(twins: Twins, gradients: Tensors, kappa: float, on: Decayed) -> None:
        old = read(twins.twin)
        twins.twin.step(gradients)
        twins.second.write([np.zeros_like(x) for x in old])
        twins.second.step(gradients)
        new, r = read(twins.twin), [-x for x in read(twins.second)]
        with np.errstate(invalid="ignore", divide="ignore"):
            new = [
                moved(w, x - w, v, kappa) if d else x
                for w, x, v, d in zip(old, new, r, on, strict=True)
            ]
        twins.twin.write(new)

    return take


def _less(kappa: float) -> float:
    return 1 - kappa


def _divided(kappa: float) -> float:
    return 1 / (1 + kappa)


_RATES = ("ηλ", "η₀λ", "λ")

HYPOTHESES = (
    Hypothesis("coupled", "coupled", None, ("λ", "ηλ"), _coupled),
    Hypothesis("decoupled, before", "decoupled", "before", _RATES, _before(_less)),
    Hypothesis("decoupled, during", "decoupled", "during", _RATES, _during),
    Hypothesis("decoupled, after", "decoupled", "after", _RATES, _after(_less)),
    Hypothesis("proximal, before", "proximal", "before", _RATES, _before(_divided)),
    Hypothesis("proximal, after", "proximal", "after", _RATES, _after(_divided)),
    Hypothesis("trust-ratio", "trust-ratio", None, ("ηλ",), _trust_ratio(summed=False)),
    Hypothesis(
        "trust-ratio, sum of norms", "trust-ratio", None, ("ηλ",), _trust_ratio(summed=True)
    ),
    Hypothesis("L1", "other", None, ("λ", "ηλ"), _l1),
)
"""In order of preference, where several reproduce the optimizer."""

TWICE = (
    Hypothesis("coupled and decoupled", "other", None, ("λ",), _twice),
    Hypothesis("decoupled, then coupled", "other", None, ("λ",), _twice_in_turn),
)
"""Two decays at once, of the same λ."""

_BESIDE = [h for h in HYPOTHESES if h.verdict in ("decoupled", "proximal")]

EXACTLY = tuple(replace(h, laws=(*h.laws, "ηλ/η₀")) for h in _BESIDE)
"""Tried with a factor of 1, where weights that are rounded at random show no other, and with a law
that takes the schedule of the learning rate but not its size."""

FURTHER = (
    *TWICE,
    *(
        replace(hypothesis, laws=(law,))
        for law in ("η_tλ", "η_tλ, of first steps")
        for hypothesis in _BESIDE
    ),
)
"""Tried where none of the above reproduces it."""
