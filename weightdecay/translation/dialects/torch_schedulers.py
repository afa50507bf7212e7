"""torch.optim.lr_scheduler, and the warm-ups of transformers as what they are made of.

A scheduler multiplies the learning rate of its optimizer. LinearLR takes no factor of 0, so a
warm-up from 0 begins at 1e-16, which rounds to it.
"""

from __future__ import annotations

from weightdecay.errors import InputError
from weightdecay.translation import recipe as r
from weightdecay.translation.dialects.arguments import (
    Arguments,
    known,
    signatures,
    whole_numbers,
)
from weightdecay.translation.dialects.fitting import Fit, number
from weightdecay.translation.syntax import Call, Constant, Items, Name, Node, shown

SCHEDULERS = signatures(
    {
        "ExponentialLR": "optimizer, gamma, last_epoch=-1",
        "StepLR": "optimizer, step_size, gamma=0.1, last_epoch=-1",
        "MultiStepLR": "optimizer, milestones, gamma=0.1, last_epoch=-1",
        "CosineAnnealingLR": "optimizer, T_max, eta_min=0.0, last_epoch=-1",
        "PolynomialLR": "optimizer, total_iters=5, power=1.0, last_epoch=-1",
        "LinearLR": f"optimizer, start_factor={1 / 3!r}, end_factor=1.0, total_iters=5, "
        "last_epoch=-1",
        "ConstantLR": f"optimizer, factor={1 / 3!r}, total_iters=5, last_epoch=-1",
        "SequentialLR": "optimizer, schedulers, milestones, last_epoch=-1",
    }
)
WARMUPS = signatures(
    {
        "get_scheduler": "name, optimizer, num_warmup_steps=0, num_training_steps=None",
        "get_constant_schedule_with_warmup": "optimizer, num_warmup_steps, last_epoch=-1",
        "get_linear_schedule_with_warmup": "optimizer, num_warmup_steps, num_training_steps, "
        "last_epoch=-1",
        "get_cosine_schedule_with_warmup": "optimizer, num_warmup_steps, num_training_steps, "
        "num_cycles=0.5, last_epoch=-1",
    }
)
"""Of transformers."""
MODULE = "torch.optim.lr_scheduler."
ZERO = 1e-16
"""A factor that rounds to 0 beside 1."""


def canonical(name: str) -> str | None:
    """The name in full, where it is a scheduler's."""
    for prefix in (MODULE, "optim.lr_scheduler.", "lr_scheduler."):
        if name.startswith(prefix):
            return f"{MODULE}{known('torch scheduler', name, prefix, SCHEDULERS)}"
    short = name.rpartition(".")[2]
    if short in SCHEDULERS and name == short:
        return f"{MODULE}{short}"
    if short.startswith("get_") and "schedule" in short:
        prefix = name.removesuffix(short)
        if prefix in ("", "transformers.", "transformers.optimization."):
            return f"transformers.{known('schedule of transformers', short, '', WARMUPS)}"
    return None


def is_scheduler(node: Node) -> bool:
    """Whether a node makes a scheduler."""
    return isinstance(node, Call) and node.on is None and canonical(node.name) is not None


def stepped(call: Call) -> Node:
    """The optimizer that a scheduler is given."""
    short = (canonical(call.name) or "").rpartition(".")[2]
    return Arguments(call, {**SCHEDULERS, **WARMUPS}[short]).node("optimizer")


def complete(node: Node, optimizer: Node) -> Node:
    """A scheduler as torch builds it, for an optimizer of ours."""
    if isinstance(node, Items):
        return Items(tuple(complete(item, optimizer) for item in node.items), node.kind)
    if not isinstance(node, Call) or not is_scheduler(node):
        return node
    name = canonical(node.name) or ""
    if name.startswith("transformers."):
        return _warmup(Call(name, node.args, node.kwargs), optimizer)
    Arguments(node, SCHEDULERS[name.removeprefix(MODULE)]).node("optimizer")
    args = tuple(complete(arg, optimizer) for arg in node.args[1:])
    kwargs = tuple((k, complete(v, optimizer)) for k, v in node.kwargs if k != "optimizer")
    return Call(name, (optimizer, *args), kwargs)


def _made(short: str, optimizer: Node, *args: float) -> Call:
    return Call(f"{MODULE}{short}", (optimizer, *(Constant(arg) for arg in args)))


def _warmup(node: Call, optimizer: Node) -> Call:
    """What transformers writes as a function of t, as torch's own schedulers."""
    short = node.name.removeprefix("transformers.")
    a = Arguments(node, WARMUPS[short])
    if short == "get_scheduler":
        kind = {"constant_with_warmup": "constant"}.get(a.value("name"), a.value("name"))
        if kind not in ("linear", "cosine", "constant"):
            raise InputError(f"the schedule {kind!r} of transformers is not translated by this "
                             "program: linear, cosine and constant_with_warmup are.")  # fmt: skip
        counts = [(n, a.node(n)) for n in ("num_warmup_steps", "num_training_steps")]
        given = tuple(pair for pair in counts if pair[1] != Constant(None) and (
            kind != "constant" or pair[0] == "num_warmup_steps"
        ))  # fmt: skip
        name = f"transformers.get_{kind}_schedule_with_warmup"
        return _warmup(Call(name, (optimizer,), given), optimizer)
    a.node("optimizer")
    steps = a.integer("num_warmup_steps", 0)
    then: Call | None = None
    if short != "get_constant_schedule_with_warmup":
        left = a.integer("num_training_steps") - steps
        if left < 1:
            raise InputError("num_training_steps must be above num_warmup_steps.")
        then = _made("LinearLR", optimizer, 1.0, 0.0, left)
        if short == "get_cosine_schedule_with_warmup":
            if a.number("num_cycles") != 0.5:
                raise InputError("num_cycles other than 0.5 is not translated by this program.")
            then = _made("CosineAnnealingLR", optimizer, left)
    if a.unread():
        raise InputError(f"{a.unread()[0]} is not translated by this program: leave it out.")
    if not steps:
        return then or _made("LinearLR", optimizer, 1.0, 1.0, 1)
    rise = _made("LinearLR", optimizer, ZERO, 1.0, steps)
    if then is None:
        return rise
    parts, milestones = Items((rise, then)), Items((Constant(steps),))
    return Call(f"{MODULE}SequentialLR", (optimizer, parts, milestones))


# --- reading ------------------------------------------------------------------------------------


def read(node: Call, lr: float, assigned: dict[str, Node], dropped: list[str]) -> r.Schedule:
    """The schedule of a completed scheduler."""
    a = Arguments(node, SCHEDULERS[node.name.removeprefix(MODULE)])
    a.node("optimizer")
    found = _schedule(a, lr, assigned, dropped)
    dropped += a.unread()
    return found


def _schedule(a: Arguments, lr: float, assigned: dict[str, Node], dropped: list[str]) -> r.Schedule:
    short = a.call.name.removeprefix(MODULE)
    if short == "SequentialLR":
        return _sequence(a, lr, assigned, dropped)
    if short == "ExponentialLR":
        return r.Exponential(lr, a.number("gamma", above=0.0))
    if short == "StepLR":
        return r.Exponential(lr, a.number("gamma", above=0.0), a.integer("step_size"), True)
    if short == "MultiStepLR":
        milestones = whole_numbers("milestones", a.node("milestones"))
        gamma = a.number("gamma", above=0.0)
        counted = sorted(set(milestones))
        return r.Piecewise(lr, tuple(counted), tuple(gamma ** milestones.count(b) for b in counted))
    if short == "CosineAnnealingLR":
        return r.Cosine(lr, a.integer("T_max"), a.number("eta_min", least=0.0), periodic=True)
    if short == "PolynomialLR":
        return r.Polynomial(lr, a.integer("total_iters"), 0.0, a.number("power", above=0.0))
    if short == "ConstantLR":
        factor = a.number("factor", above=0.0, most=1.0)
        return r.Piecewise(lr * factor, (a.integer("total_iters"),), (1 / factor,))
    start, end = a.number("start_factor", above=0.0, most=1.0), a.number("end_factor", least=0.0)
    return r.Polynomial(lr * start, a.integer("total_iters"), lr * end)


def _sequence(a: Arguments, lr: float, assigned: dict[str, Node], dropped: list[str]) -> r.Schedule:
    given = a.node("schedulers")
    given = assigned.get(given.name, given) if isinstance(given, Name) else given
    items = given.items if isinstance(given, Items) else ()
    parts = [assigned.get(i.name, i) if isinstance(i, Name) else i for i in items]
    milestones = whole_numbers("milestones", a.node("milestones"))
    calls = [part for part in parts if isinstance(part, Call) and is_scheduler(part)]
    if len(calls) == 2 == len(parts) and len(milestones) == 1:
        first, then = (read(call, lr, assigned, dropped) for call in calls)
        (steps,) = milestones
        rises = isinstance(first, r.Polynomial) and first.power == 1 and first.steps == steps
        if isinstance(first, r.Polynomial) and rises and first.end == then.at(0):
            return r.Warmup(first.lr, steps, then)
    raise InputError(
        f"{shown(a.call)!r} is not translated by this program: a SequentialLR is, of a "
        "LinearLR up to 1 in as many total_iters as the milestone, and one scheduler after it."
    )


# --- writing ------------------------------------------------------------------------------------


def fit_schedule(fit: Fit) -> None:
    """Bend a schedule to what the schedulers do."""
    fit.no_floor()
    fit.unshift_cosine()
    fit.hold_cosine(periodic=True)
    s = fit.schedule
    if isinstance(s, r.Exponential) and not (s.staircase and float(s.every).is_integer()):
        if s.staircase:
            fit.refuse("StepLR steps after whole numbers of updates only")
            fit.set_schedule(r.Exponential(s.lr, s.factor, max(1.0, round(s.every)), True))
        else:
            fit.set_schedule(r.Exponential(s.lr, s.factor ** (1 / s.every)))
    elif isinstance(s, r.Piecewise) and len(set(s.factors)) > 1:
        mean = 1.0
        for factor in s.factors:
            mean *= max(factor, 1e-30) ** (1 / len(s.factors))
        fit.refuse("MultiStepLR has one factor for all of its milestones")
        fit.set_schedule(r.Piecewise(s.lr, s.boundaries, (mean,) * len(s.factors)))
    elif isinstance(s, r.Polynomial) and s.power != 1 and s.end:
        fit.refuse("PolynomialLR ends at 0")
        fit.set_schedule(r.Polynomial(s.lr, s.steps, 0.0, s.power))
    _fit_warmup(fit)


def _fit_warmup(fit: Fit) -> None:
    s = fit.recipe.schedule
    if isinstance(s, r.Polynomial) and not s.lr and s.end:
        fit.recipe = r.Recipe(
            fit.rule, r.Polynomial(ZERO * s.end, s.steps, s.end), fit.recipe.decay, fit.recipe.clip
        )
    if not isinstance(s, r.Warmup):
        return
    top = s.then.at(0)
    if s.start > top or base_rate(s.then) != top:
        fit.no_warmup("LinearLR's warm-up ends at the optimizer's own learning rate, and rises")
    elif not s.start:
        warm = r.Warmup(ZERO * top, s.steps, s.then)
        fit.recipe = r.Recipe(fit.rule, warm, fit.recipe.decay, fit.recipe.clip)


def base_rate(s: r.Schedule) -> float:
    """What the factors of a scheduler are of."""
    if isinstance(s, r.Warmup):
        return base_rate(s.then)
    return max(s.lr, s.end) if isinstance(s, r.Polynomial) and s.end else s.lr


def in_code(s: r.Schedule) -> bool:
    """Whether a schedule is written as a function, for lack of a scheduler of its form."""
    s = s.then if isinstance(s, r.Warmup) else s
    return isinstance(s, r.InverseTime | r.InversePower)


def write(s: r.Schedule) -> list[str]:
    """The statements that make a scheduler."""
    if isinstance(s, r.Warmup):
        base = base_rate(s)
        start = number(s.start / base)
        return [
            f"warmup = {MODULE}LinearLR(optimizer, start_factor={start}, total_iters={s.steps})",
            f"after = {MODULE}{_call(s.then)}",
            f"scheduler = {MODULE}SequentialLR(optimizer, [warmup, after], milestones=[{s.steps}])",
        ]
    if isinstance(s, r.Constant):
        return []
    return [f"scheduler = {MODULE}{_call(s)}"]


def _call(s: r.Schedule) -> str:
    if isinstance(s, r.Exponential):
        if s.staircase:
            return f"StepLR(optimizer, step_size={int(s.every)}, gamma={number(s.factor)})"
        return f"ExponentialLR(optimizer, gamma={number(s.factor)})"
    if isinstance(s, r.Piecewise):
        gamma = number(s.factors[0])
        return f"MultiStepLR(optimizer, milestones={list(s.boundaries)}, gamma={gamma})"
    if isinstance(s, r.Cosine):
        return f"CosineAnnealingLR(optimizer, T_max={s.steps}, eta_min={number(s.end)})"
    if isinstance(s, r.InverseTime):
        return f"LambdaLR(optimizer, lambda t: 1 / (1 + {number(s.slope)} * t))"
    if isinstance(s, r.InversePower):
        return f"LambdaLR(optimizer, lambda t: 1 / (t + 1) ** {number(s.power)})"
    assert isinstance(s, r.Polynomial)
    if not s.end:
        return f"PolynomialLR(optimizer, total_iters={s.steps}, power={number(s.power)})"
    base = base_rate(s)
    start, end = number(s.lr / base), number(s.end / base)
    return f"LinearLR(optimizer, start_factor={start}, end_factor={end}, total_iters={s.steps})"
