"""keras.optimizers.schedules; PiecewiseConstantDecay changes after its boundary, not at it."""

from __future__ import annotations

import itertools

from weightdecay.errors import InputError
from weightdecay.translation import recipe as r
from weightdecay.translation.dialects.arguments import Arguments, signatures, whole_numbers
from weightdecay.translation.dialects.fitting import number
from weightdecay.translation.syntax import Constant, Items, shown

SCHEDULES = signatures(
    {
        "ExponentialDecay": "initial_learning_rate, decay_steps, decay_rate, staircase=False, "
        "name='ExponentialDecay'",
        "PiecewiseConstantDecay": "boundaries, values, name='PiecewiseConstant'",
        "CosineDecay": "initial_learning_rate, decay_steps, alpha=0.0, name='CosineDecay', "
        "warmup_target=None, warmup_steps=0",
        "PolynomialDecay": "initial_learning_rate, decay_steps, end_learning_rate=0.0001, "
        "power=1.0, cycle=False, name='PolynomialDecay'",
        "InverseTimeDecay": "initial_learning_rate, decay_steps, decay_rate, staircase=False, "
        "name='InverseTimeDecay'",
    }
)


def read(a: Arguments) -> r.Schedule:
    """The schedule of a call."""
    short = a.call.name.rpartition(".")[2]
    if short == "PiecewiseConstantDecay":
        return _piecewise(a)
    warms = short == "CosineDecay" and a.value("warmup_target") is not None
    bound = {"least" if warms or short == "PolynomialDecay" else "above": 0.0}
    lr, steps = a.number("initial_learning_rate", **bound), a.number("decay_steps", above=0.0)
    if short == "ExponentialDecay":
        return r.Exponential(lr, a.number("decay_rate", above=0.0), steps, a.flag("staircase"))
    if short == "InverseTimeDecay":
        return r.InverseTime(lr, a.number("decay_rate", least=0.0) / steps)
    whole = a.integer("decay_steps")
    if short == "CosineDecay":
        return _cosine(a, lr, whole)
    if a.flag("cycle"):
        raise InputError("cycle=True begins again: that is not translated by this program.")
    end = a.number("end_learning_rate", least=0.0)
    return r.Polynomial(lr, whole, end, a.number("power", above=0.0))


def _cosine(a: Arguments, lr: float, steps: int) -> r.Schedule:
    alpha = a.number("alpha", least=0.0)
    warmup = a.integer("warmup_steps", 0)
    if a.value("warmup_target") is None:
        return r.Cosine(lr, steps, lr * alpha)  # whatever warmup_steps says
    top = a.number("warmup_target", above=0.0)
    return r.Warmup(lr, warmup, r.Cosine(top, steps, top * alpha))


def _piecewise(a: Arguments) -> r.Schedule:
    boundaries = whole_numbers("boundaries", a.node("boundaries"))
    node = a.node("values")
    items = node.items if isinstance(node, Items) else ()
    values = [float(i.value) for i in items if isinstance(i, Constant) and _positive(i.value)]  # type: ignore[arg-type]
    if len(values) != len(boundaries) + 1 or len(values) != len(items):
        raise InputError(
            f"values is {shown(node)}: write one learning rate above 0 more than boundaries."
        )
    factors = tuple(after / before for before, after in itertools.pairwise(values))
    # Keras changes after the boundary: in update boundary + 1, counted from 0.
    return r.Piecewise(values[0], tuple(b + 1 for b in boundaries), factors)


def _positive(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def write(s: r.Schedule) -> str:
    """The call of a schedule without its module; nothing where the rate is constant."""
    if isinstance(s, r.Exponential):
        stairs = ", staircase=True" if s.staircase else ""
        every = int(s.every) if float(s.every).is_integer() else number(s.every)
        return f"ExponentialDecay({number(s.lr)}, {every}, {number(s.factor)}{stairs})"
    if isinstance(s, r.Piecewise):
        values, boundaries = [s.lr], []
        for boundary, factor in zip(s.boundaries, s.factors, strict=True):
            values.append(values[-1] * factor)
            boundaries.append(boundary - 1)
        return f"PiecewiseConstantDecay({boundaries}, {[float(v) for v in values]})"
    if isinstance(s, r.Warmup) and isinstance(s.then, r.Cosine):
        top, alpha = number(s.then.lr), number(s.then.end / s.then.lr)
        return (
            f"CosineDecay({number(s.start)}, {s.then.steps}, alpha={alpha}, "
            f"warmup_target={top}, warmup_steps={s.steps})"
        )
    if isinstance(s, r.Cosine):
        return f"CosineDecay({number(s.lr)}, {s.steps}, alpha={number(s.end / s.lr)})"
    if isinstance(s, r.Polynomial):
        return (
            f"PolynomialDecay({number(s.lr)}, {s.steps}, end_learning_rate={number(s.end)}, "
            f"power={number(s.power)})"
        )
    if isinstance(s, r.InverseTime):
        return f"InverseTimeDecay({number(s.lr)}, 1, {number(s.slope)})"
    return ""
