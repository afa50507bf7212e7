"""Optimizers that no audit has seen, each with a trick of its own, written with NumPy.

All take a list of arrays that they update in place, a learning rate and a weight decay.
"""

from __future__ import annotations

import abc
from collections.abc import Sequence

import numpy as np

from weightdecay.ops import NumPyArray

BETA = 0.9


class Tricky(abc.ABC):
    """Heavy ball; what a subclass does with the decay is its trick."""

    def __init__(
        self, params: list[NumPyArray], lr: float = 0.1, weight_decay: float = 0.0
    ) -> None:
        self.params, self.lr, self.weight_decay = params, lr, weight_decay
        self.first_lr = lr
        self.memory = [np.zeros_like(w) for w in params]
        self.steps = 0

    def step(self, gradients: Sequence[NumPyArray]) -> None:
        self.steps += 1
        for i, (w, g) in enumerate(zip(self.params, gradients, strict=True)):
            self.update(i, w, g)

    @abc.abstractmethod
    def update(self, i: int, w: NumPyArray, g: NumPyArray) -> None: ...

    def direction(self, i: int, g: NumPyArray) -> NumPyArray:
        self.memory[i] = BETA * self.memory[i] + g
        return self.memory[i]


class AfterTheStep(Tricky):
    def update(self, i: int, w: NumPyArray, g: NumPyArray) -> None:
        w -= self.lr * self.direction(i, g)
        w *= 1 - self.lr * self.weight_decay


class OfTheOldWeights(Tricky):
    """The step is as long as the weights, so that it matters which weights decay."""

    def update(self, i: int, w: NumPyArray, g: NumPyArray) -> None:
        d = self.direction(i, g)
        old = w.copy()
        w -= self.lr * np.linalg.norm(w) * unit(d)
        w -= self.lr * self.weight_decay * old


class BeforeAStepThatReads(Tricky):
    """As long as the weights again, but those that have decayed."""

    def update(self, i: int, w: NumPyArray, g: NumPyArray) -> None:
        d = self.direction(i, g)
        w *= 1 - self.lr * self.weight_decay
        w -= self.lr * np.linalg.norm(w) * unit(d)


class InsideTheClip(Tricky):
    def update(self, i: int, w: NumPyArray, g: NumPyArray) -> None:
        w -= self.lr * self.direction(i, clipped(g + self.weight_decay * w))


class OutsideTheClip(Tricky):
    def update(self, i: int, w: NumPyArray, g: NumPyArray) -> None:
        w -= self.lr * self.direction(i, clipped(g) + self.weight_decay * w)


class HalfMissing(Tricky):
    """The gradient of λ‖w‖²."""

    def update(self, i: int, w: NumPyArray, g: NumPyArray) -> None:
        w -= self.lr * self.direction(i, g + 2 * self.weight_decay * w)


class OddFactor(Tricky):
    def update(self, i: int, w: NumPyArray, g: NumPyArray) -> None:
        w -= self.lr * self.direction(i, g + 0.37 * self.weight_decay * w)


class EveryOtherStep(Tricky):
    def update(self, i: int, w: NumPyArray, g: NumPyArray) -> None:
        if self.steps % 2:
            w *= 1 - self.lr * self.weight_decay
        w -= self.lr * self.direction(i, g)


class ForgetsTheLast(Tricky):
    def update(self, i: int, w: NumPyArray, g: NumPyArray) -> None:
        last = i == len(self.params) - 1
        w -= self.lr * self.direction(i, g if last else g + self.weight_decay * w)


class SparesTheBias(Tricky):
    def update(self, i: int, w: NumPyArray, g: NumPyArray) -> None:
        if w.ndim > 1:
            w *= 1 - self.lr * self.weight_decay
        w -= self.lr * self.direction(i, g)


class FreeOfTheRate(Tricky):
    def update(self, i: int, w: NumPyArray, g: NumPyArray) -> None:
        w *= 1 - self.weight_decay
        w -= self.lr * self.direction(i, g)


class DeafToTheSchedule(Tricky):
    def update(self, i: int, w: NumPyArray, g: NumPyArray) -> None:
        w *= 1 - self.first_lr * self.weight_decay
        w -= self.lr * self.direction(i, g)


class Divides(Tricky):
    def update(self, i: int, w: NumPyArray, g: NumPyArray) -> None:
        w -= self.lr * self.direction(i, g)
        w /= 1 + self.lr * self.weight_decay


class InsideTheTrustRatio(Tricky):
    def update(self, i: int, w: NumPyArray, g: NumPyArray) -> None:
        r = self.direction(i, g) + self.weight_decay * w
        w -= self.lr * (np.linalg.norm(w) * unit(r) if w.any() else r)


class OfTheNorm(Tricky):
    """λ‖w‖w: no weight decay, though the weights shrink."""

    def update(self, i: int, w: NumPyArray, g: NumPyArray) -> None:
        w *= 1 - self.lr * self.weight_decay * np.linalg.norm(w)
        w -= self.lr * self.direction(i, g)


class OfTheAverage(Tricky):
    """Decays the mean of the last two weights."""

    def update(self, i: int, w: NumPyArray, g: NumPyArray) -> None:
        old = getattr(self, f"old{i}", w.copy())
        setattr(self, f"old{i}", w.copy())
        w -= self.lr * self.weight_decay * (w + old) / 2
        w -= self.lr * self.direction(i, g)


class SquaresLambda(Tricky):
    def update(self, i: int, w: NumPyArray, g: NumPyArray) -> None:
        w *= 1 - self.lr * self.weight_decay**2
        w -= self.lr * self.direction(i, g)


class WrongSign(Tricky):
    def update(self, i: int, w: NumPyArray, g: NumPyArray) -> None:
        w -= self.lr * self.direction(i, g - self.weight_decay * w)


class PlainDescent(Tricky):
    def update(self, i: int, w: NumPyArray, g: NumPyArray) -> None:
        w -= self.lr * (g + self.weight_decay * w)


class Ignores(Tricky):
    def update(self, i: int, w: NumPyArray, g: NumPyArray) -> None:
        w -= self.lr * self.direction(i, g)


class TheSign(Tricky):
    """Lion's step, coupled: only a factor that is tried can be found."""

    def update(self, i: int, w: NumPyArray, g: NumPyArray) -> None:
        g = g + self.weight_decay * w
        w -= self.lr * np.sign(0.9 * self.memory[i] + 0.1 * g)
        self.memory[i] = 0.99 * self.memory[i] + 0.01 * g


def clipped(g: NumPyArray) -> NumPyArray:
    """To a norm of 1."""
    return g / max(1.0, float(np.linalg.norm(g)))


def unit(d: NumPyArray) -> NumPyArray:
    """Of length 1, or 0 where there is no direction."""
    return d / (float(np.linalg.norm(d)) or 1.0)
