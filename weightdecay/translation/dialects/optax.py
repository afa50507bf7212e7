"""optax: its optimizers, `chain` and the transformations that these are made of.

Every optimizer is a chain, so it is read as one: a decay before the direction is coupled, one
between the direction and the learning rate decoupled, and one after the learning rate free of it,
with a negative number, for what is added there is added to the weights. Momentum has the learning
rate outside its buffer where `trace` stands before it, and inside where it stands after. Read with
optax 0.2.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from weightdecay.errors import InputError, UnknownNameError
from weightdecay.translation import recipe as r
from weightdecay.translation.dialects.arguments import (
    Arguments,
    Reading,
    mentions_bias,
    signatures,
)
from weightdecay.translation.dialects.fitting import Fit, Written, call, number
from weightdecay.translation.recipe import Recipe
from weightdecay.translation.syntax import (
    Call,
    Constant,
    Name,
    Node,
    Program,
    Statement,
    Table,
    render,
)

FRAMEWORK = "optax"
_ADAM = "b1=0.9, b2=0.999, eps=1e-8, eps_root=0.0, mu_dtype=None"
_ADAMW = f"learning_rate, {_ADAM}, weight_decay=1e-4, mask=None"

OPTIMIZERS = signatures(
    {
        "sgd": "learning_rate, momentum=None, nesterov=False, accumulator_dtype=None",
        "adam": f"learning_rate, {_ADAM}, *, nesterov=False",
        "adamw": f"{_ADAMW}, *, nesterov=False",
        "nadam": f"learning_rate, {_ADAM}, *, nesterov=True",
        "nadamw": f"{_ADAMW}, *, nesterov=True",
        "amsgrad": f"learning_rate, {_ADAM}, bias_correction_mu=True, bias_correction_nu=True",
        "rmsprop": "learning_rate, decay=0.9, eps=1e-8, initial_scale=0.0, eps_in_sqrt=True, "
        "centered=False, momentum=None, nesterov=False, bias_correction=False",
        "adagrad": "learning_rate, initial_accumulator_value=0.1, eps=1e-7",
        "lion": "learning_rate, b1=0.9, b2=0.99, mu_dtype=None, weight_decay=1e-3, mask=None",
        "adadelta": "learning_rate=None, rho=0.9, eps=1e-6, weight_decay=0.0, "
        "weight_decay_mask=None",
        "adamax": "learning_rate, b1=0.9, b2=0.999, eps=1e-8",
        "adamaxw": "learning_rate, b1=0.9, b2=0.999, eps=1e-8, weight_decay=1e-4, mask=None",
    }
)
TRANSFORMS = signatures(
    {
        "add_decayed_weights": "weight_decay=0.0, mask=None",
        "trace": "decay, nesterov=False, accumulator_dtype=None",
        "scale_by_adam": f"{_ADAM}, *, nesterov=False",
        "scale_by_amsgrad": f"{_ADAM}, bias_correction_mu=True, bias_correction_nu=True",
        "scale_by_rms": "decay=0.9, eps=1e-8, initial_scale=0.0, eps_in_sqrt=True, "
        "bias_correction=False",
        "scale_by_stddev": "decay=0.9, eps=1e-8, initial_scale=0.0, eps_in_sqrt=True, "
        "bias_correction=False",
        "scale_by_rss": "initial_accumulator_value=0.1, eps=1e-7",
        "scale_by_lion": "b1=0.9, b2=0.99, mu_dtype=None, *, mode='hard', smooth_beta=1.0",
        "scale_by_adadelta": "rho=0.9, eps=1e-6",
        "scale_by_adamax": "b1=0.9, b2=0.999, eps=1e-8",
        "scale_by_learning_rate": "learning_rate=None, *, flip_sign=True",
        "scale_by_schedule": "step_size_fn",
        "scale": "step_size",
        "identity": "",
    }
)
SCHEDULES = signatures(
    {
        "constant_schedule": "value",
        "exponential_decay": "init_value, transition_steps, decay_rate, transition_begin=0, "
        "staircase=False, end_value=None",
        "cosine_decay_schedule": "init_value, decay_steps, alpha=0.0, exponent=1.0",
        "polynomial_schedule": "init_value, end_value, power, transition_steps, transition_begin=0",
        "linear_schedule": "init_value, end_value, transition_steps, transition_begin=0",
        "piecewise_constant_schedule": "init_value, boundaries_and_scales=None",
    }
)
KNOWN = {**OPTIMIZERS, **TRANSFORMS, **SCHEDULES}
MASKS = ("mask", "weight_decay_mask")


def canonical(name: str) -> str | None:
    """The name in full, where it is one of this dialect's; an error where it is nearly one."""
    if not name.startswith("optax."):
        return None
    short = name.rpartition(".")[2]
    if short != "chain" and short not in KNOWN:
        raise UnknownNameError("optax function", short, ["chain", *KNOWN])
    return f"optax.{short}"


def complete(program: Program) -> Program:
    """The program as it can be built: names in full, and every mask that leaves out the bias."""
    statements = []
    for statement in program.statements:
        value = _full(statement.value)
        if not isinstance(value, Call) or not value.name.startswith("optax."):
            raise InputError(f"{render(value)[:60]!r} is not read: an optax text is optax calls.")
        schedule = value.name.removeprefix("optax.") in SCHEDULES
        target = statement.target or ("schedule" if schedule else "optimizer")
        statements.append(Statement(target, value))
    # The optimizer is the last one, which may name those before it.
    *before, last = statements
    return Program((*before, Statement("optimizer", last.value)))


def _full(node: Node) -> Node:
    if not isinstance(node, Call) or node.on is not None:
        return node
    args = tuple(_full(arg) for arg in node.args)
    kwargs = []
    for name, value in node.kwargs:
        if name in MASKS and value != Constant(None):
            if not _excludes_bias(value):
                raise InputError(
                    f"{name} is {render(value)}: a mask is read where it leaves out the bias, "
                    'such as mask={"w": True, "b": False} or mask=not_bias.'
                )
            value = Name("not_bias")
        kwargs.append((name, _full(value)))
    return Call(canonical(node.name) or node.name, args, tuple(kwargs))


def _excludes_bias(mask: Node) -> bool:
    if isinstance(mask, Table):
        named = [(k.value, v) for k, v in mask.pairs if isinstance(k, Constant)]
        out = [str(k) for k, v in named if v == Constant(False)]
        kept = [str(k) for k, v in named if v == Constant(True)]
        is_bias = [mentions_bias(k) or k.lower() == "b" for k in out]
        return bool(out) and all(is_bias) and not any(mentions_bias(k) for k in kept)
    return isinstance(mask, Name) and "bias" in mask.name.lower()


# --- reading: from a chain of links to a recipe ---------------------------------------------------


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

NOT_BIAS = (
    "def not_bias(params):\n"
    "    return jax.tree_util.tree_map_with_path(\n"
    '        lambda path, _: "bias" not in jax.tree_util.keystr(path), params\n'
    "    )"
)


def write(recipe: Recipe) -> Written:
    """A recipe as optax code."""
    fit = Fit(FRAMEWORK, recipe)
    _fit(fit)
    fit.recipe = r.normal(fit.recipe)
    decay = fit.recipe.decay
    prelude = [] if decay.bias or decay.kind == "none" else [NOT_BIAS]
    if decay.l1:
        prelude.append(_penalty(decay))
    return Written(
        "\n\n".join(prelude),
        _settings(fit.recipe),
        fit.recipe,
        tuple(fit.conditions),
        tuple(fit.refusals),
        readable=not decay.l1,
    )


def _fit(fit: Fit) -> None:
    rule = fit.rule
    fit.place_eps("inside" if isinstance(rule, r.Adagrad | r.Adamax) else
                  rule.eps_at if isinstance(rule, r.RmsProp) else "corrected")  # fmt: skip
    fit.no_amsgrad("corrected")
    if isinstance(rule, r.Nadam) and not math.isinf(rule.momentum_decay):
        fit.refuse("optax's nadam has a constant momentum, and this one's grows with its schedule")
        fit.set_rule(replace(rule, momentum_decay=math.inf))
    if fit.recipe.decay.kind == "decoupled" and isinstance(fit.rule, r.Sgd | r.RmsProp):
        fit.place_rate("outside")  # where the decay and the step share the learning rate
    fit.hold_cosine(periodic=False)
    s = fit.recipe.schedule
    if isinstance(s, r.Cosine):
        fit.unshift_cosine()
    if isinstance(s, r.InverseTime | r.InversePower):
        fit.flat("optax has no schedule of that form among its own")


def _penalty(decay: r.Decay) -> str:
    term = f"{number(decay.l1)} * sum(jnp.abs(leaf).sum() for leaf in leaves)"
    if decay.bias:
        return (
            "def penalty(params):  # add it to the loss\n"
            "    leaves = jax.tree.leaves(params)\n"
            f"    return {term}"
        )
    return (
        "def penalty(params):  # add it to the loss\n"
        "    named = jax.tree_util.tree_leaves_with_path(params)\n"
        '    leaves = [leaf for path, leaf in named if "bias" not in jax.tree_util.keystr(path)]\n'
        f"    return {term}"
    )


def _settings(recipe: Recipe) -> str:
    schedule = _schedule_code(recipe.schedule)
    rate = "schedule" if schedule else number(recipe.schedule.lr)
    lines = [f"schedule = optax.{schedule}"] if schedule else []
    return "\n".join([*lines, f"optimizer = {_optimizer(recipe, rate)}"])


def _optimizer(recipe: Recipe, rate: str) -> str:
    """The optimizer's own name where it has one, else its chain."""
    rule, decay = recipe.rule, recipe.decay
    mask = None if decay.bias else "not_bias"

    def decayed(strength: float) -> str:
        return call("optax.add_decayed_weights", number(strength), mask=mask)

    coupled = [decayed(decay.strength)] if decay.kind == "coupled" else []
    independent = [decayed(-decay.strength)] if decay.kind == "independent" else []
    own = _named(recipe, rate, mask)
    if own is not None:
        links = [*coupled, own, *independent]
    else:
        direction, after = _links(rule)
        decoupled = [decayed(decay.strength)] if decay.kind == "decoupled" else []
        scaled = call("optax.scale_by_learning_rate", rate)
        links = [*coupled, *direction, *decoupled, scaled, *after, *independent]
    return links[0] if len(links) == 1 else f"optax.chain({', '.join(links)})"


def _named(recipe: Recipe, rate: str, mask: str | None) -> str | None:
    """One call, where optax has one."""
    rule, decoupled = recipe.rule, recipe.decay.kind == "decoupled"
    decay = {"weight_decay": number(recipe.decay.strength), "mask": mask} if decoupled else {}
    if isinstance(rule, r.Sgd) and not decoupled and not rule.dampening and rule.rate == "outside":
        momentum = number(rule.momentum) if rule.momentum else None
        nesterov = "True" if rule.nesterov else None
        return call("optax.sgd", rate, momentum=momentum, nesterov=nesterov)
    if isinstance(rule, r.RmsProp) and not decoupled:
        if rule.momentum and rule.rate == "outside":
            return None
        momentum = number(rule.momentum) if rule.momentum else None
        centered = "True" if rule.centered else None
        return call("optax.rmsprop", rate, **_rms_settings(rule),
                    centered=centered, momentum=momentum)  # fmt: skip
    if isinstance(rule, r.Adagrad) and not decoupled:
        return call("optax.adagrad", rate, **_adagrad_settings(rule))
    if isinstance(rule, r.Adam) and rule.amsgrad == "corrected":
        return None if decoupled else call("optax.amsgrad", rate, **_adam_settings(rule))
    if isinstance(rule, r.Adam | r.Nadam):
        name = ("n" if isinstance(rule, r.Nadam) else "") + "adam" + ("w" if decoupled else "")
        return call(f"optax.{name}", rate, **_adam_settings(rule), **decay)
    if isinstance(rule, r.Lion):
        none = {} if decoupled else {"weight_decay": "0.0"}
        betas = {"b1": number(rule.beta1), "b2": number(rule.beta2)}
        return call("optax.lion", rate, **betas, **decay, **none)
    if isinstance(rule, r.Adadelta) and not decoupled:
        return call("optax.adadelta", rate, rho=number(rule.rho), eps=number(rule.eps))
    if isinstance(rule, r.Adamax):
        name = "adamaxw" if decoupled else "adamax"
        betas = {"b1": number(rule.beta1), "b2": number(rule.beta2)}
        return call(f"optax.{name}", rate, **betas, eps=number(rule.eps), **decay)
    return None


def _links(rule: r.Rule) -> tuple[list[str], list[str]]:
    """The direction, and what comes after the learning rate."""
    before: list[str] = []
    if isinstance(rule, r.Sgd) and rule.dampening:
        factors = f"{{1: {number(1 - rule.dampening)}}}"
        damping = call("optax.piecewise_constant_schedule", "1.0", factors)
        before.append(call("optax.scale_by_schedule", damping))
    elif isinstance(rule, r.RmsProp):
        name = "scale_by_stddev" if rule.centered else "scale_by_rms"
        before.append(call(f"optax.{name}", **_rms_settings(rule)))
    elif isinstance(rule, r.Adagrad):
        before.append(call("optax.scale_by_rss", **_adagrad_settings(rule)))
    elif isinstance(rule, r.Adam):
        before.append(call("optax.scale_by_amsgrad", **_adam_settings(rule)))
    elif isinstance(rule, r.Adadelta):
        before.append(call("optax.scale_by_adadelta", rho=number(rule.rho), eps=number(rule.eps)))
    if not isinstance(rule, r.Sgd | r.RmsProp) or not rule.momentum:
        return before, []
    nesterov = "True" if isinstance(rule, r.Sgd) and rule.nesterov else None
    trace = call("optax.trace", number(rule.momentum), nesterov=nesterov)
    return (before, [trace]) if rule.rate == "inside" else ([*before, trace], [])


def _adam_settings(rule: r.Adam | r.Nadam) -> dict[str, str]:
    settings = {"b1": number(rule.beta1), "b2": number(rule.beta2), "eps": number(rule.eps)}
    if isinstance(rule, r.Adam) and rule.eps_root:
        settings["eps_root"] = number(rule.eps_root)
    return settings


def _rms_settings(rule: r.RmsProp) -> dict[str, str]:
    inside = {} if rule.eps_at == "inside" else {"eps_in_sqrt": "False"}
    return {"decay": number(rule.rho), "eps": number(rule.eps), **inside}


def _adagrad_settings(rule: r.Adagrad) -> dict[str, str]:
    return {"initial_accumulator_value": number(rule.initial), "eps": number(rule.eps)}


def _schedule_code(s: r.Schedule) -> str:
    if isinstance(s, r.Exponential):
        every = int(s.every) if float(s.every).is_integer() else number(s.every)
        stairs = "True" if s.staircase else None
        floor = number(s.floor) if s.floor else None
        return call("exponential_decay", number(s.lr), str(every), number(s.factor),
                    staircase=stairs, end_value=floor)  # fmt: skip
    if isinstance(s, r.Cosine):
        return f"cosine_decay_schedule({number(s.lr)}, {s.steps}, alpha={number(s.end / s.lr)})"
    if isinstance(s, r.Polynomial):
        return (
            f"polynomial_schedule({number(s.lr)}, {number(s.end)}, power={number(s.power)}, "
            f"transition_steps={s.steps})"
        )
    if isinstance(s, r.Piecewise):
        pairs = zip(s.boundaries, s.factors, strict=True)
        scales = "{" + ", ".join(f"{b}: {number(f)}" for b, f in pairs) + "}"
        return f"piecewise_constant_schedule({number(s.lr)}, {scales})"
    return ""
