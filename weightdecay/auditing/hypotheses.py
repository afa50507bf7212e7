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

A step that ends in a trust ratio is −φ(‖w‖) r/‖r‖, and the plain −r at w = 0: so the twin at
weights 0 shows r, and the twin at w the length that the ratio gives it.

κ_t is c·λ times a `Law`: 1, the learning rate of the step, or the first learning rate.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from weightdecay.auditing.subject import Subject, read
from weightdecay.auditing.trials import Tensors, Trial

Strength: TypeAlias = Callable[[int], float]
"""κ of every step."""
Decayed: TypeAlias = tuple[bool, ...]
"""Which parameters decay."""
Law: TypeAlias = Callable[[Subject, Trial, int], float]

LAWS: dict[str, Law] = {
    "λ": lambda subject, trial, step: subject.held(trial.lambd),
    "ηλ": lambda subject, trial, step: subject.held(trial.rate(step)) * subject.held(trial.lambd),
    "η₀λ": lambda subject, trial, step: subject.held(trial.lr) * subject.held(trial.lambd),
}
"""What κ/c may be: free of the learning rate, following it, or following the first one."""


@dataclass(frozen=True)
class Hypothesis:
    """A name for people, the verdict it leads to, its laws in order of preference, and the drive.

    `order` says when the weights shrink, where the verdict leaves that open.
    """

    name: str
    verdict: str
    order: str | None
    laws: tuple[str, ...]
    follow: Callable[[Subject, Trial, Strength, Decayed], list[Tensors]]


def _coupled(subject: Subject, trial: Trial, kappa: Strength, on: Decayed) -> list[Tensors]:
    twin, path = subject.twin(trial), []
    for t, gradients in enumerate(trial.gradients):
        w = read(twin)
        twin.step([g + kappa(t) * x if d else g for g, x, d in zip(gradients, w, on, strict=True)])
        path.append(read(twin))
    return path


def _l1(subject: Subject, trial: Trial, kappa: Strength, on: Decayed) -> list[Tensors]:
    twin, path = subject.twin(trial), []
    for t, gradients in enumerate(trial.gradients):
        signs = [np.sign(x) for x in read(twin)]
        twin.step(
            [g + kappa(t) * s if d else g for g, s, d in zip(gradients, signs, on, strict=True)]
        )
        path.append(read(twin))
    return path


def _shrunk(w: Tensors, factor: float, on: Decayed) -> Tensors:
    return [factor * x if d else x for x, d in zip(w, on, strict=True)]


def _before(shrink: Callable[[float], float]) -> Callable[..., list[Tensors]]:
    def follow(subject: Subject, trial: Trial, kappa: Strength, on: Decayed) -> list[Tensors]:
        twin, path = subject.twin(trial), []
        for t, gradients in enumerate(trial.gradients):
            twin.write(_shrunk(read(twin), shrink(kappa(t)), on))
            twin.step(gradients)
            path.append(read(twin))
        return path

    return follow


def _after(shrink: Callable[[float], float]) -> Callable[..., list[Tensors]]:
    def follow(subject: Subject, trial: Trial, kappa: Strength, on: Decayed) -> list[Tensors]:
        twin, path = subject.twin(trial), []
        for t, gradients in enumerate(trial.gradients):
            twin.step(gradients)
            twin.write(_shrunk(read(twin), shrink(kappa(t)), on))
            path.append(read(twin))
        return path

    return follow


def _during(subject: Subject, trial: Trial, kappa: Strength, on: Decayed) -> list[Tensors]:
    twin, path = subject.twin(trial), []
    for t, gradients in enumerate(trial.gradients):
        old = read(twin)
        twin.step(gradients)
        lost = _shrunk(old, kappa(t), on)
        twin.write([x - y if d else x for x, y, d in zip(read(twin), lost, on, strict=True)])
        path.append(read(twin))
    return path


def _trust_ratio(summed: bool) -> Callable[..., list[Tensors]]:
    def moved(w: np.ndarray, step: np.ndarray, r: np.ndarray, kappa: float) -> np.ndarray:
        v = r + kappa * w
        norms = np.linalg.norm(r) + kappa * np.linalg.norm(w) if summed else np.linalg.norm(v)
        return np.asarray(w - np.linalg.norm(step) * v / norms)

    def follow(subject: Subject, trial: Trial, kappa: Strength, on: Decayed) -> list[Tensors]:
        twin, at_zero, path = subject.twin(trial), subject.twin(trial, other=True), []
        nothing = [np.zeros_like(parameter.value) for parameter in trial.start]
        for t, gradients in enumerate(trial.gradients):
            old = read(twin)
            twin.step(gradients)
            at_zero.write(nothing)
            at_zero.step(gradients)
            new, r = read(twin), [-x for x in read(at_zero)]
            with np.errstate(invalid="ignore", divide="ignore"):
                new = [
                    moved(w, x - w, v, kappa(t)) if d else x
                    for w, x, v, d in zip(old, new, r, on, strict=True)
                ]
            twin.write(new)
            path.append(read(twin))
        return path

    return follow


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
