"""Optimizers whose decay goes by a name that says nothing, by none, or beside another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tests.tricky import BETA, Tricky
from weightdecay.ops import NumPyArray


class Ball:
    """Heavy ball without a decay; what a subclass does to the weights comes after the step."""

    def __init__(self, params: list[NumPyArray], lr: float = 0.1, strength: float = 0.0) -> None:
        self.params, self.lr, self.strength, self.steps = params, lr, strength, 0
        self.memory = [np.zeros_like(w) for w in params]

    def step(self, gradients: Sequence[NumPyArray]) -> None:
        self.steps += 1
        for w, m, g in zip(self.params, self.memory, gradients, strict=True):
            m[...] = BETA * m + g
            w -= self.lr * m
            self.treat(w)

    def treat(self, w: NumPyArray) -> None:
        """Nothing."""


class Unnamed(Ball):
    def __init__(self, params: list[NumPyArray], lr: float = 0.1, strength: float = 0.01) -> None:
        super().__init__(params, lr, strength)

    def treat(self, w: NumPyArray) -> None:
        w *= 1 - self.lr * self.strength


class UnnamedAndOff(Ball):
    def treat(self, w: NumPyArray) -> None:
        w *= 1 - self.lr * self.strength


class UnnamedAndLate(Unnamed):
    def treat(self, w: NumPyArray) -> None:
        if self.steps > 100:
            super().treat(w)


class Fixed(Ball):
    def __init__(self, params: list[NumPyArray], lr: float = 0.1) -> None:
        super().__init__(params, lr, 0.01)

    def treat(self, w: NumPyArray) -> None:
        w *= 1 - self.lr * self.strength


class Clipping(Fixed):
    """A projection of the weights is no decay."""

    def treat(self, w: NumPyArray) -> None:
        np.clip(w, -1 / 20, 1 / 20, out=w)


class Normalising(Fixed):
    def treat(self, w: NumPyArray) -> None:
        w /= np.linalg.norm(w)


class Plain(Ball):
    """`strength` scales nothing but the noise of every step."""

    def treat(self, w: NumPyArray) -> None:
        w += self.strength * np.random.default_rng(self.steps).standard_normal(w.shape)


class Beside(Tricky):
    """Decoupled by its name, and coupled by `shrinkage`."""

    def __init__(
        self,
        params: list[NumPyArray],
        lr: float = 0.1,
        weight_decay: float = 0.0,
        shrinkage: float = 0.01,
    ) -> None:
        super().__init__(params, lr, weight_decay)
        self.shrinkage = shrinkage

    def update(self, i: int, w: NumPyArray, g: NumPyArray) -> None:
        w *= 1 - self.lr * self.weight_decay
        w -= self.lr * self.direction(i, g + self.shrinkage * w)


class BesideANamedOne(Tricky):
    def __init__(
        self,
        params: list[NumPyArray],
        lr: float = 0.1,
        weight_decay: float = 0.0,
        l2: float = 0.01,
    ) -> None:
        super().__init__(params, lr, weight_decay)
        self.l2 = l2

    def update(self, i: int, w: NumPyArray, g: NumPyArray) -> None:
        w *= 1 - self.lr * self.weight_decay
        w -= self.lr * self.direction(i, g + self.l2 * w)


class FixedRate(Tricky):
    """Decoupled, at the rate of 1/1024, which nobody can set."""

    def __init__(self, params: list[NumPyArray], weight_decay: float = 0.0) -> None:
        super().__init__(params, 1 / 1024, weight_decay)

    def update(self, i: int, w: NumPyArray, g: NumPyArray) -> None:
        w *= 1 - self.lr * self.weight_decay
        w -= self.lr * self.direction(i, g)
