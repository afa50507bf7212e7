"""What the dialects share in writing: bending a recipe to what a framework has.

Every bend is written down, as a condition under which nothing changes or as a refusal; the recipe
that comes out is then written as it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from weightdecay.translation import recipe as r
from weightdecay.translation.recipe import Recipe

ConditionKind: TypeAlias = Literal["constant rate", "eps", "horizon", "large gradients"]


@dataclass(frozen=True)
class Condition:
    """What must hold for a translation to be exact; `horizon` counts updates where one is set."""

    kind: ConditionKind
    text: str
    horizon: int | None = None


@dataclass(frozen=True)
class Written:
    """A recipe as a framework's code.

    Attributes
    ----------
    prelude : str
        Functions and lists that the settings name; not read back.
    settings : str
        The optimizer, which reads back as `recipe`.
    recipe : Recipe
        What the code does: the recipe that was asked for, bent to what the framework has.
    conditions : tuple of Condition
    refusals : tuple of str
        Why it is not the same; empty where it is.
    readable : bool
        Whether the settings alone say all: a penalty in the loss stands in the prelude.
    """

    prelude: str
    settings: str
    recipe: Recipe
    conditions: tuple[Condition, ...]
    refusals: tuple[str, ...]
    readable: bool = True

    @property
    def code(self) -> str:
        """All of it."""
        return f"{self.prelude}\n\n{self.settings}" if self.prelude else self.settings


@dataclass
class Fit:
    """A recipe on its way into a framework."""

    framework: str
    recipe: Recipe
    conditions: list[Condition] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)

    def given(self, kind: ConditionKind, text: str, horizon: int | None = None) -> None:
        """Note a condition."""
        self.conditions.append(Condition(kind, text, horizon))

    def refuse(self, why: str) -> None:
        """Note why it cannot be the same."""
        self.refusals.append(why)

    @property
    def rule(self) -> r.Rule:
        """The rule as it stands."""
        return self.recipe.rule

    def set_rule(self, rule: r.Rule) -> None:
        """Put another rule in its place."""
        self.recipe = replace(self.recipe, rule=rule)

    @property
    def schedule(self) -> r.Schedule:
        """The schedule as it stands, or the one after a warm-up."""
        s = self.recipe.schedule
        return s.then if isinstance(s, r.Warmup) else s

    @property
    def warmup(self) -> int:
        """The updates before it."""
        s = self.recipe.schedule
        return s.steps if isinstance(s, r.Warmup) else 0

    def set_schedule(self, schedule: r.Schedule) -> None:
        """Put another schedule in its place."""
        s = self.recipe.schedule
        whole = replace(s, then=schedule) if isinstance(s, r.Warmup) else schedule
        self.recipe = replace(self.recipe, schedule=whole)

    def no_warmup(self, why: str) -> None:
        """Refuse a warm-up; the nearest begins at the top."""
        if self.warmup:
            self.refuse(why)
            self.recipe = replace(self.recipe, schedule=self.schedule)

    def scale_rate(self, factor: float) -> None:
        """Multiply the learning rate, as where a buffer is left out."""
        s = r.scaled(self.recipe.schedule, factor)
        s = r.Constant(float(f"{s.lr:.12g}")) if isinstance(s, r.Constant) else s
        self.recipe = replace(self.recipe, schedule=s)

    def set_decay(self, **changes: object) -> None:
        """Change the decay."""
        decay = replace(self.recipe.decay, **changes)  # type: ignore[arg-type]
        self.recipe = replace(self.recipe, decay=decay)

    def place_rate(self, place: r.Place) -> None:
        """The learning rate outside or inside the momentum buffer."""
        rule = self.rule
        if not isinstance(rule, r.Sgd | r.RmsProp) or not rule.momentum or rule.rate == place:
            return
        self.set_rule(replace(rule, rate=place))
        here = {"outside": "to the whole buffer", "inside": "to each gradient, in the buffer"}
        if self.recipe.constant:
            self.given(
                "constant rate",
                f"the learning rate stays constant ({self.framework} applies it {here[place]})",
            )
        else:
            self.refuse(
                f"{self.framework} applies the learning rate {here[place]}, and it changes from "
                "step to step"
            )

    def place_eps(self, place: str) -> None:
        """ε where the framework has it.

        From outside a root to inside it is squared: √(0 + ε²) = 0 + ε. From inside to outside it is
        not rooted, for there it would count where v is large.
        """
        rule = self.rule
        if not isinstance(rule, r.Adam | r.RmsProp | r.Adagrad | r.Adamax):
            return
        if not rule.eps or rule.eps_at == place:
            return
        rooted = isinstance(rule, r.RmsProp | r.Adagrad) and place == "inside"
        eps = float(f"{rule.eps**2:.12g}") if rooted else rule.eps
        self.set_rule(replace(rule, eps_at=place, eps=eps))  # type: ignore[arg-type]
        where = {
            ("Adam", "corrected"): "beside the bias-corrected √v̂",
            ("Adam", "raw"): "beside √v, before the bias correction",
            ("Adamax", "inside"): "inside the maximum",
            ("Adamax", "outside"): "outside the maximum",
        }.get((type(rule).__name__, place), f"{place} the root")
        self.given("eps", f"ε is negligible ({self.framework} has it {where})")

    def no_eps_root(self) -> None:
        """No second ε, inside Adam's root."""
        if isinstance(self.rule, r.Adam) and self.rule.eps_root:
            self.set_rule(replace(self.rule, eps_root=0.0))
            self.given("eps", f"eps_root is negligible ({self.framework} has none)")

    def no_independent(self) -> None:
        """A decay free of η becomes one with it, at the learning rate of the beginning."""
        decay = self.recipe.decay
        lr = self.schedule.lr or self.schedule.at(1)  # a straight line may begin at 0
        if decay.kind != "independent":
            return
        self.set_decay(kind="decoupled", strength=decay.strength / lr)
        if self.recipe.constant:
            self.given(
                "constant rate",
                f"the learning rate stays constant ({self.framework} multiplies the decay by it)",
            )
        else:
            self.refuse(
                f"{self.framework} multiplies its decay by the learning rate, which changes, and "
                f"{decay.strength:g} is free of it"
            )
        self.recipe = r.normal(self.recipe)

    def couple(self) -> None:
        """Decoupled decay where there is only coupled decay: refused, with the nearest λ."""
        decay = self.recipe.decay
        if decay.kind != "decoupled":
            return
        name = r.name(self.rule)
        self.refuse(f"{self.framework}'s {name} has no decoupled decay, only λw in the gradient")
        nearest = decay.strength
        if isinstance(self.rule, r.Sgd):  # whose buffer repeats λw 1/(1 − β) times
            nearest = float(f"{nearest * (1 - self.rule.momentum):.12g}")
        self.set_decay(kind="coupled", strength=nearest)

    def no_clip(self, why: str) -> None:
        """Leave the gradients unbounded."""
        if self.recipe.clip is not None:
            self.refuse(why)
            self.recipe = replace(self.recipe, clip=None)

    def set_clip(self, **changes: object) -> None:
        """Change the bound."""
        assert self.recipe.clip is not None
        clip = replace(self.recipe.clip, **changes)  # type: ignore[arg-type]
        self.recipe = replace(self.recipe, clip=clip)

    def place_clip_eps(self, eps: float) -> None:
        """What a framework adds to the norm that it divides by."""
        clip = self.recipe.clip
        if clip is None or clip.by == "value" or clip.eps == eps:
            return
        self.set_clip(eps=eps)
        who = f"{self.framework} adds {eps:g}" if eps else f"{self.framework} adds nothing"
        added = f", and the source {clip.eps:g}" if clip.eps else ""
        self.given(
            "large gradients",
            f"what is added to the norm of the gradient is negligible ({who}{added})",
        )

    def no_amsgrad(self, place: str) -> None:
        """AMSGrad as the framework has it, or not at all."""
        rule = self.rule
        if not isinstance(rule, r.Adam) or rule.amsgrad in ("no", place):
            return
        of = {"raw": "before", "corrected": "after"}
        if place == "no":
            self.refuse(f"{self.framework} has no AMSGrad")
        else:
            self.refuse(
                f"{self.framework}'s AMSGrad takes the maximum {of[place]} the bias correction, "
                f"not {of[rule.amsgrad]} it"
            )
        self.set_rule(replace(rule, amsgrad=place))  # type: ignore[arg-type]

    def no_floor(self) -> None:
        """An exponential decay without a lower bound."""
        schedule = self.schedule
        if not isinstance(schedule, r.Exponential) or not schedule.floor:
            return
        bare = replace(schedule, floor=0.0)
        if bare.factor < 1:
            # The first t at which the bare rate is below its floor.
            periods = (math.log(schedule.floor) - math.log(schedule.lr)) / math.log(schedule.factor)
            horizon = self.warmup + math.ceil(max(periods, 0.0)) * math.ceil(schedule.every)
            self.given(
                "horizon",
                f"no more than {horizon} updates: then the source holds the learning rate at "
                f"{schedule.floor:g}, and {self.framework} has no such bound",
                horizon,
            )
        self.set_schedule(bare)

    def hold_cosine(self, periodic: bool) -> None:
        """A cosine that is held at its end, or rises again."""
        schedule = self.schedule
        if not isinstance(schedule, r.Cosine) or schedule.periodic == periodic:
            return
        after = "rises again" if periodic else "stays at its end"
        count = self.warmup + schedule.steps - schedule.shift + 1
        self.given(
            "horizon",
            f"no more than {count} updates: then {self.framework}'s cosine {after}",
            count,
        )
        self.set_schedule(replace(schedule, periodic=periodic))

    def flat(self, why: str) -> None:
        """Refuse a schedule; the nearest is its first learning rate, its last where that is 0."""
        self.refuse(why)
        s = self.schedule
        self.set_schedule(r.Constant(s.lr or getattr(s, "end", 0.0)))

    def unshift_cosine(self) -> None:
        """Refuse a cosine that begins one update late; the nearest begins on time."""
        schedule = self.schedule
        if isinstance(schedule, r.Cosine) and schedule.shift:
            self.refuse(
                f"{self.framework}'s cosine begins with the full learning rate, and this one is "
                f"{schedule.shift} update ahead of that"
            )
            self.set_schedule(replace(schedule, shift=0))


def number(value: float) -> str:
    """A float as Python writes it."""
    return repr(float(value))


def call(name: str, *args: str, **kwargs: object) -> str:
    """A call as text; None leaves a keyword out."""
    shown = [*args]
    for key, value in kwargs.items():
        if value is None:
            continue
        text = value if isinstance(value, str) else repr(value)
        shown.append(f"{key}={text}")
    return f"{name}({', '.join(shown)})"
