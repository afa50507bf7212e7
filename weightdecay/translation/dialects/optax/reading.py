"""From an optax program to a recipe."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from weightdecay.errors import InputError
from weightdecay.translation import recipe as r
from weightdecay.translation.dialects.arguments import (
    Arguments,
    Reading,
)
from weightdecay.translation.dialects.optax.schedules import rate
from weightdecay.translation.dialects.optax.vocabulary import (
    KNOWN,
    OPTIMIZERS,
    SCHEDULES,
    complete,
)
from weightdecay.translation.recipe import Recipe
from weightdecay.translation.syntax import (
    Call,
    Constant,
    Name,
    Node,
    Program,
    shown,
)


@dataclass
class _Chain:
    """What the links so far have said."""

    rule: r.Rule | None = None
    momentum: tuple[float, bool, r.Place] | None = None
    schedule: r.Schedule | None = None
    decay: r.Decay = r.NO_DECAY
    dampening: float = 0.0
    bound: r.Clip | None = None

    def direction(self, rule: r.Rule) -> None:
        if self.rule is not None or self.momentum is not None or self.schedule is not None:
            raise InputError(
                "the chain has a second direction, or one after its learning rate: one "
                "preconditioner, before the learning rate, is translated."
            )
        self.rule = rule

    def clip(self, clip: r.Clip) -> None:
        if self.rule is not None or self.momentum is not None or self.schedule is not None:
            raise InputError(
                "the chain clips its steps, after the direction: gradients, before it, are clipped "
                "in what is translated by this program."
            )
        if self.bound is not None:
            raise InputError("the chain clips twice: one bound is translated by this program.")
        # Behind the decay, the bound is on the gradient with λw in it.
        within = self.decay.kind != "none"
        self.bound = replace(clip, of="penalised" if within else "loss")

    def trace(self, beta: float, nesterov: bool) -> None:
        if self.momentum is not None or self.decay.kind in ("decoupled", "independent"):
            raise InputError("the chain traces its decay, or traces twice: that is not translated.")
        self.momentum = (beta, nesterov, "outside" if self.schedule is None else "inside")

    def learning_rate(self, schedule: r.Schedule) -> None:
        if self.schedule is not None:
            raise InputError("the chain has two learning rates: give one.")
        self.schedule = schedule

    def weight_decay(self, strength: float, bias: bool) -> None:
        if strength == 0:
            return
        if self.decay.kind != "none":
            raise InputError("the chain decays twice: give one add_decayed_weights.")
        kind: r.Kind = "coupled" if self.rule is None and self.momentum is None else "decoupled"
        if self.schedule is not None:
            kind, strength = "independent", -strength
        if strength < 0:
            raise InputError(
                f"add_decayed_weights({-strength:g}) after the learning rate makes the weights "
                "grow: put it before, or write a negative number there."
                if kind == "independent"
                else "weight_decay is negative: it must be at least 0."
            )
        self.decay = r.Decay(kind, strength, bias=bias)

    def recipe(self) -> Recipe:
        if self.schedule is None:
            raise InputError("the chain has no learning rate: add optax.scale_by_learning_rate.")
        rule = self.rule or r.Sgd()
        if self.momentum is not None:
            beta, nesterov, place = self.momentum
            if isinstance(rule, r.Sgd):
                rule = r.Sgd(beta, nesterov, place, self.dampening)
            elif isinstance(rule, r.RmsProp) and not nesterov:
                rule = replace(rule, momentum=beta, rate=place)
            else:
                raise InputError(
                    f"{r.name(rule)} with a trace after it is not translated: leave one out."
                )
        return r.normal(Recipe(rule, self.schedule, self.decay, self.bound))


def read(program: Program) -> Reading:
    """The recipe of a text.

    Raises
    ------
    InputError
        It is none, or a chain that no recipe describes.
    """
    program = complete(program)
    chain, dropped = _Chain(), list[str]()
    _read(program.statements[-1].value, chain, program.assigned(), dropped)
    return Reading(chain.recipe(), tuple(dropped))


def _read(node: Node, chain: _Chain, assigned: dict[str, Node], dropped: list[str]) -> None:
    if isinstance(node, Name) and node.name in assigned and node.name != "optimizer":
        node = assigned[node.name]
    if not isinstance(node, Call) or not node.name.startswith("optax."):
        raise InputError(f"{shown(node)!r} is no link of an optax chain.")
    short = node.name.removeprefix("optax.")
    if short == "chain":
        for link in node.args:
            _read(link, chain, assigned, dropped)
        return
    if short in SCHEDULES:
        raise InputError(f"{short} is a schedule: pass it as learning_rate.")
    a = Arguments(node, KNOWN[short])
    if short in OPTIMIZERS:
        _alias(short, a, chain, assigned, dropped)
    else:
        _link(short, a, chain, assigned, dropped)
    dropped += a.unread()


def _alias(
    short: str, a: Arguments, chain: _Chain, assigned: dict[str, Node], dropped: list[str]
) -> None:
    """An optimizer, as the chain that optax makes of it."""
    decays = "weight_decay" in OPTIMIZERS[short].defaults
    if decays and short == "adadelta":
        _decay(a, chain, "weight_decay_mask")
    trace: tuple[float, bool] | None = None
    if short == "sgd":
        if a.value("momentum") is not None:
            chain.trace(_beta(a, "momentum"), a.flag("nesterov"))
    elif short == "rmsprop":
        chain.direction(_rms(a, a.flag("centered")))
        if a.value("momentum") is not None:
            trace = _beta(a, "momentum"), a.flag("nesterov")
    else:
        chain.direction(_direction(short, a))
    if decays and short != "adadelta":
        _decay(a, chain, "mask")
    chain.learning_rate(rate(a.node("learning_rate"), assigned, dropped))
    if trace is not None:
        chain.trace(*trace)


def _link(
    short: str, a: Arguments, chain: _Chain, assigned: dict[str, Node], dropped: list[str]
) -> None:
    if short == "add_decayed_weights":
        _decay(a, chain, "mask")
    elif short == "trace":
        chain.trace(_beta(a, "decay"), a.flag("nesterov"))
    elif short == "scale_by_learning_rate":
        chain.learning_rate(rate(a.node("learning_rate"), assigned, dropped))
        if not a.flag("flip_sign"):
            raise InputError("flip_sign=False climbs: leave it out.")
    elif short == "clip":
        chain.clip(r.Clip("value", a.number("max_delta", above=0.0)))
    elif short == "clip_by_global_norm":
        chain.clip(r.Clip("global norm", a.number("max_norm", above=0.0)))
    elif short == "scale":
        lr = -a.number("step_size")
        if lr <= 0:
            raise InputError("scale takes minus the learning rate: write optax.scale(-0.1).")
        chain.learning_rate(r.Constant(lr))
    elif short == "scale_by_schedule":
        s = rate(a.node("step_size_fn"), assigned, dropped)
        before = chain.rule is None and chain.momentum is None and chain.schedule is None
        if not (before and isinstance(s, r.Piecewise) and s.lr == 1 and s.boundaries == (1,)):
            raise InputError("scale_by_schedule is not read: use scale_by_learning_rate.")
        chain.dampening = 1 - s.factors[0]
    elif short in ("scale_by_rms", "scale_by_stddev"):
        chain.direction(_rms(a, short == "scale_by_stddev"))
    elif short != "identity":
        chain.direction(_direction(short.removeprefix("scale_by_"), a))


def _decay(a: Arguments, chain: _Chain, mask: str) -> None:
    bias = a.node(mask) == Constant(None)
    strength = a.number("weight_decay")
    if strength < 0 and chain.schedule is None:
        raise InputError(f"weight_decay is {strength:g}: it must be at least 0.")
    chain.weight_decay(strength, bias)


def _direction(short: str, a: Arguments) -> r.Rule:
    if short in ("adagrad", "rss"):
        initial = a.number("initial_accumulator_value", least=0.0)
        return r.Adagrad(initial, a.number("eps", least=0.0), "inside")
    if short == "adadelta":
        return r.Adadelta(_beta(a, "rho"), a.number("eps", least=0.0))
    betas = _beta(a, "b1"), _beta(a, "b2")
    if short == "lion":
        return r.Lion(*betas)
    eps = a.number("eps", least=0.0)
    if short in ("adamax", "adamaxw"):
        return r.Adamax(*betas, eps, "inside")
    eps_root = a.number("eps_root", least=0.0)
    if short == "amsgrad":
        return r.Adam(*betas, eps, "corrected", eps_root, "corrected")
    if a.flag("nesterov"):
        if eps_root:
            raise InputError("eps_root with Nesterov's momentum is not translated: leave it out.")
        return r.Nadam(*betas, eps, math.inf)
    return r.Adam(*betas, eps, "corrected", eps_root)


def _rms(a: Arguments, centered: bool) -> r.RmsProp:
    place: r.Place = "inside" if a.flag("eps_in_sqrt") else "outside"
    return r.RmsProp(_beta(a, "decay"), a.number("eps", least=0.0), place, centered)


def _beta(a: Arguments, name: str) -> float:
    return a.number(name, least=0.0, below=1.0)
