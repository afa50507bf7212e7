"""What an optimizer does, in words that belong to no framework.

A recipe is a learning-rate schedule η_t (t = 0, 1, …), a rule that makes a step out of gradients,
and a decay. With g the gradient of the loss without its penalty, a step is

    coupled       g ← g + λw + λ₁ sign(w), then the rule
    decoupled     w ← (1 − η_t λ) w, then the rule on g alone
    independent   w ← (1 − κ) w, then the rule on g alone: free of η

λ is that of λ/2 ‖w‖². The rules' own equations stand at their classes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

# --- learning rates ---------------------------------------------------------------------------


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


Schedule: TypeAlias = (
    Constant | Exponential | Piecewise | Cosine | Polynomial | InverseTime | InversePower
)

# --- rules --------------------------------------------------------------------------------------

Place: TypeAlias = Literal["outside", "inside"]


@dataclass(frozen=True)
class Sgd:
    """Plain, with momentum, with Nesterov's momentum.

    The learning rate stands outside the buffer, m ← βm + (1 − dampening) g, w ← w − η_t m, or
    inside it, m ← βm + η_t g, w ← w − m. Nesterov's step is g + βm in place of m (or η_t g + βm).
    Dampening leaves the first gradient as it is.
    """

    momentum: float = 0.0
    nesterov: bool = False
    rate: Place = "outside"
    dampening: float = 0.0


@dataclass(frozen=True)
class Adam:
    """m̂ / (√(v̂ + eps_root) + ε), m̂ and v̂ the bias-corrected averages of g and g².

    `eps_at` is 'corrected' for this, and 'raw' for ε̂ of Kingma & Ba's section 2, which stands
    beside √v before its bias correction. `amsgrad` takes the largest v so far, 'raw' or
    'corrected'.
    """

    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    eps_at: Literal["corrected", "raw"] = "corrected"
    eps_root: float = 0.0
    amsgrad: Literal["no", "raw", "corrected"] = "no"


@dataclass(frozen=True)
class Nadam:
    """Adam with Nesterov's momentum.

    μ_t = β₁ (1 − 0.96^(t·momentum_decay)/2) for t = 1, 2, … is that momentum. An infinite
    `momentum_decay` is μ_t = β₁.
    """

    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    momentum_decay: float = 4e-3


@dataclass(frozen=True)
class RmsProp:
    """g / (√v + ε) with ε outside the root, g / √(v + ε) inside; v the average of g².

    Centred, v − ḡ² takes the place of v, ḡ being the average of g. With momentum as `Sgd`.
    """

    rho: float = 0.99
    eps: float = 1e-8
    eps_at: Place = "outside"
    centered: bool = False
    momentum: float = 0.0
    rate: Place = "outside"


@dataclass(frozen=True)
class Adagrad:
    """g / (√s + ε), or g / √(s + ε), with s the sum of all g² and its initial value."""

    initial: float = 0.0
    eps: float = 1e-10
    eps_at: Place = "outside"


@dataclass(frozen=True)
class Lion:
    """sign(β₁m + (1 − β₁)g), and then m ← β₂m + (1 − β₂)g."""

    beta1: float = 0.9
    beta2: float = 0.99


@dataclass(frozen=True)
class Adadelta:
    """√(Δ + ε) / √(v + ε) · g, with v and Δ the averages of g² and of the squared steps."""

    rho: float = 0.9
    eps: float = 1e-6


@dataclass(frozen=True)
class Adamax:
    """m̂ / u with u ← max(β₂u, |g| + ε), or m̂ / (u + ε) with ε outside the maximum."""

    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    eps_at: Place = "inside"


@dataclass(frozen=True)
class Objective:
    """No rule: the penalised least squares of an estimator, whatever minimises it."""


Rule: TypeAlias = Sgd | Adam | Nadam | RmsProp | Adagrad | Lion | Adadelta | Adamax | Objective


def name(rule: Rule) -> str:
    """What a rule is called."""
    if isinstance(rule, Sgd) and rule.momentum:
        return "SGD with Nesterov's momentum" if rule.nesterov else "SGD with momentum"
    if isinstance(rule, Adam) and rule.amsgrad != "no":
        return "AMSGrad"
    names: dict[type, str] = {Sgd: "SGD", Nadam: "NAdam", RmsProp: "RMSprop"}
    return names.get(type(rule), type(rule).__name__)


# --- decay --------------------------------------------------------------------------------------

Kind: TypeAlias = Literal["none", "coupled", "decoupled", "independent"]


@dataclass(frozen=True)
class Decay:
    """What shrinks the weights.

    Attributes
    ----------
    kind : str
        See the module.
    strength : float
        λ, or κ where it is free of η.
    l1 : float
        λ₁ of λ₁ ‖w‖₁, by its subgradient; always coupled.
    bias : bool
        Whether the bias decays too.
    """

    kind: Kind = "none"
    strength: float = 0.0
    l1: float = 0.0
    bias: bool = True


NO_DECAY = Decay()


@dataclass(frozen=True)
class Recipe:
    """A rule, its learning rate and its decay."""

    rule: Rule
    schedule: Schedule
    decay: Decay = NO_DECAY

    @property
    def constant(self) -> bool:
        """Whether the learning rate stays what it is."""
        return isinstance(self.schedule, Constant)


def normal(recipe: Recipe) -> Recipe:
    """The same recipe, in the one way in which it is written.

    What has no effect is left out, and plain SGD's decoupled decay is its coupled decay.
    """
    return Recipe(
        _normal_rule(recipe.rule), _normal_schedule(recipe.schedule), _normal_decay(recipe)
    )


def _normal_rule(rule: Rule) -> Rule:
    if isinstance(rule, Sgd) and rule.momentum == 0:
        return Sgd()
    if isinstance(rule, RmsProp) and rule.momentum == 0:
        rule = replace(rule, rate="outside")
    if isinstance(rule, Adam | RmsProp | Adagrad | Adamax) and rule.eps == 0:
        place = {"eps_at": "corrected" if isinstance(rule, Adam) else "outside"}
        return replace(rule, **place)  # type: ignore[arg-type]
    return rule


def _normal_schedule(schedule: Schedule) -> Schedule:
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


def _normal_decay(recipe: Recipe) -> Decay:
    decay = recipe.decay
    if decay.strength == 0 or decay.kind == "none":
        decay = replace(decay, kind="none", strength=0.0)
    plain = _normal_rule(recipe.rule) == Sgd() or isinstance(recipe.rule, Objective)
    if decay.kind == "decoupled" and plain:
        decay = replace(decay, kind="coupled")
    return NO_DECAY if decay.kind == "none" and not decay.l1 else decay
