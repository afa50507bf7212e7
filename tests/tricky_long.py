"""Optimizers whose decay shows itself late, in few steps, or at some sizes and rates only.

Each is a heavy ball as in `tests.tricky`, written as people write them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tests.tricky import Tricky
from weightdecay.ops import NumPyArray


class Sometimes(Tricky):
    """Decoupled, in the steps for which `now` holds."""

    def update(self, i: int, w: NumPyArray, g: NumPyArray) -> None:
        if self.now(w, g):
            w *= 1 - self.lr * self.weight_decay
        w -= self.lr * self.direction(i, g)

    def now(self, w: NumPyArray, g: NumPyArray) -> bool:
        raise AssertionError


class AfterAWarmUp(Sometimes):
    def now(self, w: NumPyArray, g: NumPyArray) -> bool:
        return self.steps > 10


class AfterAThousand(Sometimes):
    def now(self, w: NumPyArray, g: NumPyArray) -> bool:
        return self.steps > 1000


class EveryTenth(Sometimes):
    def now(self, w: NumPyArray, g: NumPyArray) -> bool:
        return self.steps % 10 == 0


class AllButEveryTenth(Sometimes):
    def now(self, w: NumPyArray, g: NumPyArray) -> bool:
        return self.steps % 10 != 0


class UntilTheSeventh(Sometimes):
    def now(self, w: NumPyArray, g: NumPyArray) -> bool:
        return self.steps <= 7


class AboveANorm(Sometimes):
    def now(self, w: NumPyArray, g: NumPyArray) -> bool:
        return bool(np.linalg.norm(w) > 20)


class NotForSmallWeights(Sometimes):
    def now(self, w: NumPyArray, g: NumPyArray) -> bool:
        return bool(np.linalg.norm(w) > 1)


class AtSmallRates(Sometimes):
    def now(self, w: NumPyArray, g: NumPyArray) -> bool:
        return self.lr < 1 / 100


class NotAtSmallRates(Sometimes):
    def now(self, w: NumPyArray, g: NumPyArray) -> bool:
        return self.lr > 1 / 100


class BiasesLater(Sometimes):
    def now(self, w: NumPyArray, g: NumPyArray) -> bool:
        return w.ndim > 1 or self.steps > 10


class NotAlongTheGradient(Sometimes):
    """Decays where gradient and weights are not nearly at right angles: in most steps."""

    def now(self, w: NumPyArray, g: NumPyArray) -> bool:
        cosine = np.sum(w * g) / np.linalg.norm(w) / np.linalg.norm(g)
        return w.ndim == 1 or bool(abs(cosine) > 1 / 50)


class Averaging(Tricky):
    """Decoupled; every fifth step goes half-way back to the last such place."""

    def update(self, i: int, w: NumPyArray, g: NumPyArray) -> None:
        slow = vars(self).setdefault(f"slow{i}", w.copy())
        w *= 1 - self.lr * self.weight_decay
        w -= self.lr * self.direction(i, g)
        if self.steps % 5 == 0:
            slow += (w - slow) / 2
            w[...] = slow


class CoupledUntilTheSeventh(Tricky):
    def update(self, i: int, w: NumPyArray, g: NumPyArray) -> None:
        decay = self.weight_decay if self.steps <= 7 else 0.0
        w -= self.lr * self.direction(i, g + decay * w)


class Gathering(Tricky):
    """Coupled; adds up the gradients of four calls."""

    calls, mean, each = 4, False, False

    def step(self, gradients: Sequence[NumPyArray]) -> None:
        self.steps += 1
        if self.steps % self.calls == 1:
            self.sums = [np.zeros_like(g) for g in gradients]
        for total, w, g in zip(self.sums, self.params, gradients, strict=True):
            total += g + self.weight_decay * w if self.each else g
        if self.steps % self.calls == 0:
            for i, (w, total) in enumerate(zip(self.params, self.sums, strict=True)):
                self.update(i, w, total / self.calls if self.mean else total)

    def update(self, i: int, w: NumPyArray, g: NumPyArray) -> None:
        w -= self.lr * self.direction(i, g if self.each else g + self.weight_decay * w)


class GatheringTheMean(Gathering):
    mean = True


class GatheringTheDecay(Gathering):
    each = True


class GatheringDecoupled(Gathering):
    def update(self, i: int, w: NumPyArray, g: NumPyArray) -> None:
        w *= 1 - self.lr * self.weight_decay
        w -= self.lr * self.direction(i, g)


class OnASchedule(Tricky):
    """Decoupled, at the rates of a cosine of its own."""

    def update(self, i: int, w: NumPyArray, g: NumPyArray) -> None:
        rate = self.lr * (1 + np.cos(np.pi * (self.steps - 1) / 100)) / 2
        w *= 1 - rate * self.weight_decay
        w -= rate * self.direction(i, g)


class Ramping(Tricky):
    """A decay that grows as the momentum does, at a rate that does not."""

    def update(self, i: int, w: NumPyArray, g: NumPyArray) -> None:
        w *= 1 - self.lr * self.weight_decay * (1 - 0.9**self.steps)
        w -= self.lr * self.direction(i, g)


class Independent(Tricky):
    """λη/η₀."""

    def update(self, i: int, w: NumPyArray, g: NumPyArray) -> None:
        w *= 1 - self.weight_decay * self.lr / self.first_lr
        w -= self.lr * self.direction(i, g)


class TwiceInTurn(Tricky):
    def update(self, i: int, w: NumPyArray, g: NumPyArray) -> None:
        w *= 1 - self.lr * self.weight_decay
        w -= self.lr * self.direction(i, g + self.weight_decay * w)


class TwiceAtOnce(Tricky):
    def update(self, i: int, w: NumPyArray, g: NumPyArray) -> None:
        fed = g + self.weight_decay * w
        w *= 1 - self.lr * self.weight_decay
        w -= self.lr * self.direction(i, fed)


class Cautious(Tricky):
    """Decays where that goes the gradient's way: nowhere at the end of a descent."""

    def update(self, i: int, w: NumPyArray, g: NumPyArray) -> None:
        w -= self.lr * (self.weight_decay * w * (g * w > 0) + g)


class Faint(Tricky):
    def update(self, i: int, w: NumPyArray, g: NumPyArray) -> None:
        w *= 1 - 1e-6 * self.lr * self.weight_decay
        w -= self.lr * self.direction(i, g)


class HalfPrecise(Tricky):
    """Holds its factor in float16."""

    def update(self, i: int, w: NumPyArray, g: NumPyArray) -> None:
        w *= float(np.float16(1 - self.lr * self.weight_decay))
        w -= self.lr * self.direction(i, g)


class RoundedAtRandom(Tricky):
    def update(self, i: int, w: NumPyArray, g: NumPyArray) -> None:
        rng = vars(self).setdefault("rng", np.random.default_rng(0))
        w *= 1 - self.lr * self.weight_decay
        w -= self.lr * self.direction(i, g)
        w[...] = np.floor(1024 * w + rng.random(w.shape)) / 1024


class WithMomentum(Tricky):
    """Decoupled by ηλ/(1 − β)."""

    def __init__(
        self,
        params: list[NumPyArray],
        lr: float = 0.1,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr, weight_decay)
        self.momentum = momentum

    def update(self, i: int, w: NumPyArray, g: NumPyArray) -> None:
        self.memory[i] = self.momentum * self.memory[i] + g
        w *= 1 - self.lr * self.weight_decay / (1 - self.momentum)
        w -= self.lr * self.memory[i]


class WithMomentumAndNoName(WithMomentum):
    """Coupled by a factor that grows from step to step, once there is a momentum."""

    def update(self, i: int, w: NumPyArray, g: NumPyArray) -> None:
        self.memory[i] = self.momentum * self.memory[i] + g
        decay = self.weight_decay * (1 + self.momentum * self.steps)
        w -= self.lr * (self.memory[i] + decay * w)
