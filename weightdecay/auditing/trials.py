"""The random weights and gradients on which an optimizer and its twin are compared.

The values of a probe are sums of few powers of two, so that a framework that holds its settings in
float32 holds them exactly, and strong enough that each hypothesis leaves a mark: at η = 1/8 and
λ = 1/2 a decoupled step takes a sixteenth of the weights.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from weightdecay.ops import NumPyArray
from weightdecay.probe import Parameter

Tensors: TypeAlias = list[NumPyArray]

LR, LAMBDA = 1 / 8, 1 / 2
SHAPES: dict[str, tuple[int, ...]] = {
    "hidden.weight": (5, 4),
    "hidden.bias": (4,),
    "norm.scale": (4,),
    "head.weight": (4, 3),
}
"""Weights, a bias, a gain that is no bias, and a last parameter."""
MATRICES: dict[str, tuple[int, ...]] = {
    name: shape for name, shape in SHAPES.items() if len(shape) == 2
}
BIAS = "hidden.bias"
SCHEDULE = (1.0, 1.0, 0.5, 2.0, 0.25, 1.0)
"""Learning rates of a trial with a schedule, as multiples of the first."""
STEPS = len(SCHEDULE)


@dataclass(frozen=True, eq=False)
class Trial:
    """Start, gradients and settings; `lrs` is None while the learning rate is constant."""

    start: tuple[Parameter, ...]
    gradients: tuple[Tensors, ...]
    lr: float
    lambd: float
    lrs: tuple[float, ...] | None = None

    def first(self, steps: int) -> Trial:
        """Its first steps."""
        return replace(self, gradients=self.gradients[:steps])

    def only(self, names: Collection[str]) -> Trial:
        """Some of its parameters."""
        kept = [i for i, parameter in enumerate(self.start) if parameter.name in names]
        return replace(
            self,
            start=tuple(self.start[i] for i in kept),
            gradients=tuple([gradients[i] for i in kept] for gradients in self.gradients),
        )

    def rate(self, step: int) -> float:
        """The learning rate of a step."""
        return self.lr if self.lrs is None else self.lrs[step]


def draw(
    seed: int,
    shapes: dict[str, tuple[int, ...]],
    *,
    lr: float = LR,
    lambd: float = LAMBDA,
    steps: int = STEPS,
    scale: float = 1.0,
    schedule: bool = False,
) -> Trial:
    """A trial; weights and gradients are standard normal, times `scale`."""
    rng = np.random.default_rng(seed)

    def normal(shape: tuple[int, ...]) -> NumPyArray:
        return scale * rng.standard_normal(shape)

    start = tuple(Parameter(name, normal(shape)) for name, shape in shapes.items())
    gradients = tuple([normal(shape) for shape in shapes.values()] for _ in range(steps))
    lrs = tuple(lr * factor for factor in SCHEDULE[:steps]) if schedule else None
    return Trial(start, gradients, lr, lambd, lrs)


CURVATURES = (1.0, 2.0)
"""Where every heavy ball up to β = 0.9 converges at η = 1/8, within a few hundred steps."""


@dataclass(frozen=True, eq=False)
class Quadratic:
    """½ (w − w*)ᵀ A (w − w*) with a diagonal A, for every parameter."""

    curvature: Tensors
    target: Tensors

    def gradient(self, w: Tensors) -> Tensors:
        """A(w − w*)."""
        return [a * (x - t) for a, x, t in zip(self.curvature, w, self.target, strict=True)]


def quadratic(seed: int, shapes: dict[str, tuple[int, ...]], scale: float = 1.0) -> Quadratic:
    """A quadratic whose minimum has no entry near 0."""
    rng = np.random.default_rng(seed)
    curvature = [rng.uniform(*CURVATURES, size=shape) for shape in shapes.values()]
    signs = [rng.choice([-scale, scale], size=a.shape) for a in curvature]
    return Quadratic(curvature, [sign * rng.uniform(0.5, 2.0, sign.shape) for sign in signs])
