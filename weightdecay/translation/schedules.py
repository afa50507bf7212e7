"""Learning rates η_t, t = 0, 1, …, in words that belong to no framework."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, TypeAlias


@dataclass(frozen=True)
class Constant:
    """η_t = lr."""

    lr: float

    def at(self, t: int) -> float:
        """η_t."""
        return self.lr


@dataclass(frozen=True)
class Exponential:
    """η_t = max(lr · factor^(t/every), floor), with ⌊t/every⌋ where it is a staircase."""

    lr: float
    factor: float
    every: float = 1.0
    staircase: bool = False
    floor: float = 0.0

    def at(self, t: int) -> float:
        """η_t."""
        exponent = t / self.every
        if self.staircase:
            exponent = math.floor(exponent)
        return max(self.lr * math.pow(self.factor, exponent), min(self.floor, self.lr))


@dataclass(frozen=True)
class Piecewise:
    """η_t = lr times every factor whose boundary is at most t."""

    lr: float
    boundaries: tuple[int, ...]
    factors: tuple[float, ...]

    def at(self, t: int) -> float:
        """η_t."""
        pairs = zip(self.boundaries, self.factors, strict=True)
        return self.lr * math.prod(factor for boundary, factor in pairs if t >= boundary)


@dataclass(frozen=True)
class Cosine:
    """η_t = end + (lr − end) (1 + cos(π t'/steps))/2, with t' = t + shift, and then held.

    Where it is periodic it is not held: it rises again.
    """

    lr: float
    steps: int
    end: float = 0.0
    periodic: bool = False
    shift: int = 0

    def at(self, t: int) -> float:
        """η_t."""
        t += self.shift
        t = t if self.periodic else min(t, self.steps)
        return self.end + (self.lr - self.end) * (1 + math.cos(math.pi * t / self.steps)) / 2


@dataclass(frozen=True)
class Polynomial:
    """η_t = end + (lr − end) (1 − t/steps)^power, and then end."""

    lr: float
    steps: int
    end: float = 0.0
    power: float = 1.0

    def at(self, t: int) -> float:
        """η_t."""
        left = 1 - min(t, self.steps) / self.steps
        return self.end + (self.lr - self.end) * math.pow(left, self.power)


@dataclass(frozen=True)
class InverseTime:
    """η_t = lr / (1 + slope t)."""

    lr: float
    slope: float

    def at(self, t: int) -> float:
        """η_t."""
        return self.lr / (1 + self.slope * t)


@dataclass(frozen=True)
class InversePower:
    """η_t = lr / (t + 1)^power."""

    lr: float
    power: float

    def at(self, t: int) -> float:
        """η_t."""
        return self.lr / math.pow(t + 1, self.power)


@dataclass(frozen=True)
class Warmup:
    """η_t in a straight line from `start` to the beginning of `then`, and `then` at t − steps."""

    start: float
    steps: int
    then: Schedule

    @property
    def lr(self) -> float:
        """The learning rate at the top."""
        return self.then.lr

    def at(self, t: int) -> float:
        """η_t."""
        if t >= self.steps:
            return self.then.at(t - self.steps)
        return self.start + (self.then.at(0) - self.start) * t / self.steps


Schedule: TypeAlias = (
    Constant | Exponential | Piecewise | Cosine | Polynomial | InverseTime | InversePower | Warmup
)


def scaled(schedule: Schedule, factor: float) -> Schedule:
    """`factor` η_t."""
    if isinstance(schedule, Warmup):
        return Warmup(schedule.start * factor, schedule.steps, scaled(schedule.then, factor))
    names = [name for name in ("lr", "end", "floor") if hasattr(schedule, name)]
    changes: dict[str, Any] = {name: getattr(schedule, name) * factor for name in names}
    return replace(schedule, **changes)


def normal(schedule: Schedule) -> Schedule:
    """The same schedule, in the one way in which it is written."""
    if isinstance(schedule, Warmup):
        then = normal(schedule.then)
        if not schedule.steps:
            return then
        if isinstance(then, Constant):
            return normal(Polynomial(schedule.start, schedule.steps, then.lr))
        return replace(schedule, then=then)
    if isinstance(schedule, Exponential):
        if schedule.factor == 1:
            return Constant(schedule.lr)
        floor = schedule.floor if schedule.factor < 1 else 0.0  # a rate that grows reaches none
        stairs = schedule.staircase and schedule.every != 1
        return replace(schedule, staircase=stairs, floor=floor)
    if isinstance(schedule, Piecewise):
        later = [
            (b, f) for b, f in zip(schedule.boundaries, schedule.factors, strict=True) if b > 0
        ]
        lr = schedule.at(0)
        if all(factor == 1 for _, factor in later):
            return Constant(lr)
        return Piecewise(lr, tuple(b for b, _ in later), tuple(f for _, f in later))
    if isinstance(schedule, Cosine | Polynomial) and schedule.lr == schedule.end:
        return Constant(schedule.lr)
    if isinstance(schedule, InverseTime) and schedule.slope == 0:
        return Constant(schedule.lr)
    if isinstance(schedule, InversePower) and schedule.power == 0:
        return Constant(schedule.lr)
    return schedule
