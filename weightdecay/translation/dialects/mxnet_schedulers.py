"""mx.lr_scheduler, read and written.

Updates are counted from 1, so that the smooth schedulers begin with ``warmup_steps=1`` where others
do, and a warm-up of W updates is one of W − 1 from the second learning rate of its line.
"""

from __future__ import annotations

from weightdecay.errors import InputError
from weightdecay.translation import recipe as r
from weightdecay.translation.dialects.arguments import Arguments, signatures, whole_numbers
from weightdecay.translation.dialects.fitting import Fit, number
from weightdecay.translation.syntax import Call, Constant, Name, Node, shown

_WARMUP = "warmup_steps=0, warmup_begin_lr=0, warmup_mode='linear'"
SCHEDULERS = signatures(
    {
        "FactorScheduler": f"step, factor=1, stop_factor_lr=1e-8, base_lr=0.01, {_WARMUP}",
        "MultiFactorScheduler": f"step, factor=1, base_lr=0.01, {_WARMUP}",
        "PolyScheduler": f"max_update, base_lr=0.01, pwr=2, final_lr=0, {_WARMUP}",
        "CosineScheduler": f"max_update, base_lr=0.01, final_lr=0, {_WARMUP}",
    }
)

# --- reading ------------------------------------------------------------------------------------


def read(a: Arguments, assigned: dict[str, Node], dropped: list[str]) -> r.Schedule:
    """The schedule of an optimizer's arguments."""
    node = a.node("lr_scheduler")
    node = assigned.get(node.name, node) if isinstance(node, Name) else node
    own = a.value("learning_rate")
    if node == Constant(None):
        return r.Constant(0.01 if own is None else a.number("learning_rate", above=0.0))
    lr = 0.01 if own is None else a.number("learning_rate", least=0.0)  # a line may begin at 0
    if not isinstance(node, Call) or not node.name.startswith("mx.lr_scheduler."):
        raise InputError(f"lr_scheduler is {shown(node)!r}: write an mx.lr_scheduler.")
    short = node.name.rpartition(".")[2]
    b = Arguments(node, SCHEDULERS[short])
    base = b.number("base_lr", least=0.0)
    warmup = b.integer("warmup_steps", 0)
    if warmup and short in ("FactorScheduler", "MultiFactorScheduler"):
        raise InputError(
            f"warmup_steps of {short}, whose steps count it too, is not translated by this "
            "program: leave it out."
        )
    if warmup and b.value("warmup_mode") != "linear":
        raise InputError("warmup_mode other than 'linear' is not translated by this program.")
    # The optimizer's own learning rate takes the place of base_lr, which the smooth schedulers have
    # kept a copy of by then.
    stepped = base if own is None else lr
    found = _schedule(short, b, stepped, base, warmup)
    dropped += [f"{name} of {short}" for name in b.unread() if not name.startswith("warmup")]
    return found


def _schedule(short: str, b: Arguments, stepped: float, base: float, warmup: int) -> r.Schedule:
    if short == "FactorScheduler":
        floor = b.number("stop_factor_lr", least=0.0)
        factor = b.number("factor", above=0.0, most=1.0)
        return r.Exponential(stepped, factor, b.integer("step"), True, floor)
    if short == "MultiFactorScheduler":
        steps = whole_numbers("step", b.node("step"))
        factor = b.number("factor", above=0.0, most=1.0)
        return r.Piecewise(stepped, tuple(steps), (factor,) * len(steps))
    most, end = b.integer("max_update"), b.number("final_lr", least=0.0)
    if most <= max(warmup, 1):
        raise InputError(f"max_update is {most}: it must be above {max(warmup, 1)}.")
    begin = b.number("warmup_begin_lr") if warmup else 0.0
    if begin > base:
        raise InputError("warmup_begin_lr is above base_lr: MXNet's warm-up rises.")
    first = begin + (base - begin) / max(warmup, 1)  # of the first update, which is counted as 1
    if short == "CosineScheduler":
        then: r.Schedule = r.Cosine(base, most - warmup, end, shift=0 if warmup else 1)
        return r.Warmup(first, warmup - 1, then) if warmup else then
    power = b.number("pwr", above=0.0)
    if warmup:
        return r.Warmup(first, warmup - 1, r.Polynomial(base, most - warmup, end, power))
    first = end + (base - end) * (1 - 1 / most) ** power  # what the first update has
    return r.Polynomial(first, most - 1, end, power)


# --- writing ------------------------------------------------------------------------------------


def fit_schedule(fit: Fit) -> None:
    """Bend a schedule to what the schedulers do."""
    fit.hold_cosine(periodic=False)
    s = fit.schedule
    if isinstance(s, r.Exponential):
        whole = float(s.every).is_integer()
        if s.factor > 1 or (s.staircase and not whole):
            fit.flat("MXNet's FactorScheduler only lowers, after whole numbers of updates")
        elif not s.staircase:
            factor = s.factor ** (1 / s.every)
            fit.set_schedule(r.Exponential(s.lr, factor, floor=s.floor))
    elif isinstance(s, r.Piecewise) and (len(set(s.factors)) > 1 or max(s.factors) > 1):
        fit.flat("MXNet's MultiFactorScheduler has one factor, of at most 1, for all of its steps")
    elif isinstance(s, r.InverseTime | r.InversePower):
        fit.flat("MXNet has no schedule of that form")
    s = fit.recipe.schedule
    if isinstance(s, r.Warmup):
        if not isinstance(s.then, r.Cosine | r.Polynomial):
            fit.no_warmup("MXNet's warm-up is counted in with the steps of its other schedulers")
        elif s.start > s.then.lr:
            fit.no_warmup("MXNet's warm-up only rises")


def write(s: r.Schedule) -> str:
    """The call of a scheduler without its module; nothing where the rate is constant."""
    steps, begin = 1, ""
    if isinstance(s, r.Warmup):
        # The first update, counted as 1, has `start`, and the one after the warm-up the top.
        steps = s.steps + 1
        first = (s.start * steps - s.then.lr) / s.steps
        begin, s = f", warmup_begin_lr={number(first)}", s.then
    base = f"base_lr={number(s.lr)}"
    if isinstance(s, r.Exponential):
        factor = f"{int(s.every)}, {number(s.factor)}"
        return f"FactorScheduler({factor}, stop_factor_lr={number(s.floor)}, {base})"
    if isinstance(s, r.Piecewise):
        return f"MultiFactorScheduler({list(s.boundaries)}, {number(s.factors[0])}, {base})"
    if isinstance(s, r.Cosine) and s.shift:
        return f"CosineScheduler({s.steps}, {base}, final_lr={number(s.end)})"
    if isinstance(s, r.Cosine):
        end = f"final_lr={number(s.end)}, warmup_steps={steps}{begin}"
        return f"CosineScheduler({s.steps + steps}, {base}, {end})"
    if isinstance(s, r.Polynomial):
        end = f"pwr={number(s.power)}, final_lr={number(s.end)}, warmup_steps={steps}{begin}"
        return f"PolyScheduler({s.steps + steps}, {base}, {end})"
    return ""
