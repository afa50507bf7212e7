"""From an optax program to a recipe."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from weightdecay.errors import InputError
from weightdecay.translation import recipe as r
from weightdecay.translation.dialects.arguments import (
    Arguments,
    Reading,
)
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
    Table,
    render,
)


@dataclass
class _Chain:
    """What the links so far have said."""

    rule: r.Rule | None = None
    momentum: tuple[float, bool, r.Place] | None = None
    schedule: r.Schedule | None = None
    decay: r.Decay = r.NO_DECAY
    dampening: float = 0.0

    def direction(self, rule: r.Rule) -> None:
        if self.rule is not None or self.momentum is not None or self.schedule is not None:
            raise InputError(
                "the chain has a second direction, or one after its learning rate: one "
                "preconditioner, before the learning rate, is translated."
            )
        self.rule = rule

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
        return r.normal(Recipe(rule, self.schedule, self.decay))


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
        raise InputError(f"{render(node)!r} is no link of an optax chain.")
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
    chain.learning_rate(_rate(a.node("learning_rate"), assigned, dropped))
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
        chain.learning_rate(_rate(a.node("learning_rate"), assigned, dropped))
        if not a.flag("flip_sign"):
            raise InputError("flip_sign=False climbs: leave it out.")
    elif short == "scale":
        rate = -a.number("step_size")
        if rate <= 0:
            raise InputError("scale takes minus the learning rate: write optax.scale(-0.1).")
        chain.learning_rate(r.Constant(rate))
    elif short == "scale_by_schedule":
        s = _rate(a.node("step_size_fn"), assigned, dropped)
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


def _rate(node: Node, assigned: dict[str, Node], dropped: list[str]) -> r.Schedule:
    node = assigned.get(node.name, node) if isinstance(node, Name) else node
    if isinstance(node, Constant):
        from weightdecay.validate import number as checked

        return r.Constant(checked("learning_rate", node.value, above=0.0))
    if not isinstance(node, Call) or node.name.removeprefix("optax.") not in SCHEDULES:
        raise InputError(f"learning_rate is {render(node)!r}: write a number or an optax schedule.")
    short = node.name.removeprefix("optax.")
    a = Arguments(node, SCHEDULES[short])
    found = _schedules[short](a)
    dropped += a.unread()
    return found


def _exponential(a: Arguments) -> r.Schedule:
    floor = 0.0 if a.value("end_value") is None else a.number("end_value", least=0.0)
    lr, factor = a.number("init_value", above=0.0), a.number("decay_rate", above=0.0)
    if floor and factor > 1:
        raise InputError("end_value as an upper bound is not translated: leave it out.")
    every = a.number("transition_steps", above=0.0)
    return r.Exponential(lr, factor, every, a.flag("staircase"), floor)


def _cosine(a: Arguments) -> r.Schedule:
    lr = a.number("init_value", above=0.0)
    return r.Cosine(lr, a.integer("decay_steps"), lr * a.number("alpha", least=0.0))


def _polynomial(a: Arguments) -> r.Schedule:
    lr, end = a.number("init_value", least=0.0), a.number("end_value", least=0.0)
    power = a.number("power", above=0.0) if "polynomial" in a.call.name else 1.0
    return r.Polynomial(lr, a.integer("transition_steps"), end, power)


def _piecewise(a: Arguments) -> r.Schedule:
    lr, node = a.number("init_value", above=0.0), a.node("boundaries_and_scales")
    if node == Constant(None):
        return r.Constant(lr)
    pairs = [] if not isinstance(node, Table) else [
        (k.value, v.value) for k, v in node.pairs
        if isinstance(k, Constant) and isinstance(v, Constant)
        and type(k.value) is int and isinstance(v.value, int | float) and v.value >= 0
    ]  # fmt: skip
    if not isinstance(node, Table) or len(pairs) != len(node.pairs):
        raise InputError(
            f"boundaries_and_scales is {render(node)}: write counts and factors, {{30: 0.1}}."
        )
    ordered = sorted((int(b), float(f)) for b, f in pairs)
    return r.Piecewise(lr, tuple(b for b, _ in ordered), tuple(f for _, f in ordered))


_schedules: dict[str, Callable[[Arguments], r.Schedule]] = {
    "constant_schedule": lambda a: r.Constant(a.number("value", above=0.0)),
    "exponential_decay": _exponential,
    "cosine_decay_schedule": _cosine,
    "polynomial_schedule": _polynomial,
    "linear_schedule": _polynomial,
    "piecewise_constant_schedule": _piecewise,
}

# --- writing ------------------------------------------------------------------------------------
