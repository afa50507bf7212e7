"""What an optimizer does, in words that belong to no framework.

A recipe is a learning-rate schedule η_t (t = 0, 1, …), a rule that makes a step out of gradients,
and a decay. With g the gradient of the loss without its penalty, a step is

    coupled       g ← g + λw + λ₁ sign(w), then the rule
    decoupled     w ← (1 − η_t λ) w, then the rule on g alone
    independent   w ← (1 − κ) w, then the rule on g alone: free of η

λ is that of λ/2 ‖w‖². A gradient may be clipped on its way to the rule. The rules' own equations
stand at their classes, and the schedules in `schedules`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from weightdecay.translation import schedules
from weightdecay.translation.schedules import (
    Constant,
    Cosine,
    Exponential,
    InversePower,
    InverseTime,
    Piecewise,
    Polynomial,
    Schedule,
    Warmup,
    scaled,
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


# --- gradients ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Clip:
    """A bound on the gradient, before the rule sees it.

    By value g ← clip(g, −limit, limit); by norm g ← g min(1, limit/(‖g‖ + eps)), with the norm of
    each parameter's gradient, or of all together.

    Attributes
    ----------
    by : str
    limit : float
    of : str
        Coupled decay adds λw after this to the gradient of the 'loss', or before it where the
        'penalised' loss's is bounded. The subgradient of an L1 penalty is always inside.
    eps : float
    """

    by: Literal["value", "norm", "global norm"]
    limit: float
    of: Literal["loss", "penalised"] = "loss"
    eps: float = 0.0


@dataclass(frozen=True)
class Recipe:
    """A rule, its learning rate, its decay, and perhaps a bound on its gradients."""

    rule: Rule
    schedule: Schedule
    decay: Decay = NO_DECAY
    clip: Clip | None = None

    @property
    def constant(self) -> bool:
        """Whether the learning rate stays what it is."""
        return isinstance(self.schedule, Constant)


def normal(recipe: Recipe) -> Recipe:
    """The same recipe, in the one way in which it is written.

    What has no effect is left out, and plain SGD's decoupled decay is its coupled decay.
    """
    decay, clip = _normal_decay(recipe), recipe.clip
    if clip is not None and decay.kind != "coupled":
        clip = replace(clip, of="loss")
    if clip is not None and clip.by == "value":
        clip = replace(clip, eps=0.0)
    return Recipe(_normal_rule(recipe.rule), schedules.normal(recipe.schedule), decay, clip)


def _normal_rule(rule: Rule) -> Rule:
    if isinstance(rule, Sgd) and rule.momentum == 0:
        return Sgd()
    if isinstance(rule, RmsProp) and rule.momentum == 0:
        rule = replace(rule, rate="outside")
    if isinstance(rule, Adam | RmsProp | Adagrad | Adamax) and rule.eps == 0:
        place = {"eps_at": "corrected" if isinstance(rule, Adam) else "outside"}
        return replace(rule, **place)  # type: ignore[arg-type]
    return rule


def _normal_decay(recipe: Recipe) -> Decay:
    decay = recipe.decay
    if decay.strength == 0 or decay.kind == "none":
        decay = replace(decay, kind="none", strength=0.0)
    plain = _normal_rule(recipe.rule) == Sgd() or isinstance(recipe.rule, Objective)
    if decay.kind == "decoupled" and plain:
        decay = replace(decay, kind="coupled")
    return NO_DECAY if decay.kind == "none" and not decay.l1 else decay


def rescaled(recipe: Recipe, factor: float) -> Recipe:
    """The recipe that does with g what this one does with `factor` g.

    SGD is linear in g: with s the factor, η (s g + λw) = ηs (g + λ/s w), and the shrinkage ηλ is
    kept. The adaptive rules divide g by averages of itself, so that their ε alone is divided, or
    divided twice where it stands beside g².

    Raises
    ------
    ValueError
        Adadelta has two ε, of which one stands beside squared steps.
    """
    rule, decay, clip, schedule = recipe.rule, recipe.decay, recipe.clip, recipe.schedule
    if isinstance(rule, Adadelta):
        raise ValueError("Adadelta with another gradient is no Adadelta.")
    if isinstance(rule, Sgd):
        schedule = scaled(schedule, factor)
    elif isinstance(rule, Adam):
        rule = replace(rule, eps=rule.eps / factor, eps_root=rule.eps_root / factor**2)
    elif isinstance(rule, RmsProp | Adagrad):
        eps = rule.eps / factor ** (2 if rule.eps_at == "inside" else 1)
        rule = replace(rule, eps=eps)
        if isinstance(rule, Adagrad):
            rule = replace(rule, initial=rule.initial / factor**2)
    elif isinstance(rule, Nadam | Adamax):
        rule = replace(rule, eps=rule.eps / factor)
    if decay.kind == "coupled" or (decay.kind == "decoupled" and isinstance(rule, Sgd)):
        decay = replace(decay, strength=decay.strength / factor)
    decay = replace(decay, l1=decay.l1 / factor)
    if clip is not None:
        clip = replace(clip, limit=clip.limit / factor, eps=clip.eps / factor)
    return Recipe(rule, schedule, decay, clip)


__all__ = [
    "NO_DECAY", "Adadelta", "Adagrad", "Adam", "Adamax", "Clip", "Constant", "Cosine", "Decay",
    "Exponential", "InversePower", "InverseTime", "Kind", "Lion", "Nadam", "Objective",
    "Piecewise", "Place", "Polynomial", "Recipe", "RmsProp", "Rule", "Schedule", "Sgd", "Warmup",
    "name", "normal", "rescaled", "scaled",
]  # fmt: skip
