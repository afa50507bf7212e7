"""optax's schedules, read and written."""

from __future__ import annotations

from collections.abc import Callable

from weightdecay.errors import InputError
from weightdecay.translation import recipe as r
from weightdecay.translation.dialects.arguments import Arguments, whole_numbers
from weightdecay.translation.dialects.fitting import call, number
from weightdecay.translation.dialects.optax.vocabulary import SCHEDULES
from weightdecay.translation.syntax import Call, Constant, Items, Name, Node, Table, shown

# --- reading ------------------------------------------------------------------------------------


def rate(node: Node, assigned: dict[str, Node], dropped: list[str]) -> r.Schedule:
    """The schedule of a learning rate, which may be a number."""
    node = assigned.get(node.name, node) if isinstance(node, Name) else node
    if isinstance(node, Constant):
        from weightdecay.validate import number as checked

        return r.Constant(checked("learning_rate", node.value, above=0.0))
    if not isinstance(node, Call) or node.name.removeprefix("optax.") not in SCHEDULES:
        raise InputError(f"learning_rate is {shown(node)!r}: write a number or an optax schedule.")
    short = node.name.removeprefix("optax.")
    a = Arguments(node, SCHEDULES[short])
    if short == "join_schedules":
        return _joined(a, assigned, dropped)
    found = _schedules[short](a)
    dropped += a.unread()
    return found


def _joined(a: Arguments, assigned: dict[str, Node], dropped: list[str]) -> r.Schedule:
    given = a.node("schedules")
    items = given.items if isinstance(given, Items) else ()
    boundaries = whole_numbers("boundaries", a.node("boundaries"))
    if len(items) == 2 and len(boundaries) == 1:
        first, then = (rate(item, assigned, dropped) for item in items)
        (steps,) = boundaries
        if (
            isinstance(first, r.Polynomial)
            and (first.power, first.steps, first.end) == (1, steps, then.at(0))
            and first.end
        ):
            return r.Warmup(first.lr, steps, then)
    raise InputError(
        f"{shown(a.call)!r} is not translated by this program: join_schedules is, of a "
        "linear_schedule that ends at the boundary where the other begins."
    )


def _warmup(a: Arguments, then: r.Schedule) -> r.Schedule:
    return r.Warmup(a.number("init_value", least=0.0), a.integer("warmup_steps", 0), then)


def _warmup_cosine(a: Arguments) -> r.Schedule:
    peak, whole = a.number("peak_value", above=0.0), a.integer("decay_steps")
    steps = whole - a.integer("warmup_steps", 0)
    if steps < 1:
        raise InputError("decay_steps counts the warm-up too: it must be above warmup_steps.")
    return _warmup(a, r.Cosine(peak, steps, a.number("end_value", least=0.0)))


def _warmup_exponential(a: Arguments) -> r.Schedule:
    return _warmup(a, _exponential(a, "peak_value"))


def _exponential(a: Arguments, first: str = "init_value") -> r.Schedule:
    floor = 0.0 if a.value("end_value") is None else a.number("end_value", least=0.0)
    lr, factor = a.number(first, above=0.0), a.number("decay_rate", above=0.0)
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
            f"boundaries_and_scales is {shown(node)}: write counts and factors, {{30: 0.1}}."
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
    "warmup_constant_schedule": lambda a: _warmup(a, r.Constant(a.number("peak_value", above=0.0))),
    "warmup_cosine_decay_schedule": _warmup_cosine,
    "warmup_exponential_decay_schedule": _warmup_exponential,
}

# --- writing ------------------------------------------------------------------------------------


def write(s: r.Schedule) -> str:
    """A schedule; nothing where the rate is constant."""
    if isinstance(s, r.InverseTime):
        return f"lambda t: {number(s.lr)} / (1 + {number(s.slope)} * t)"
    if isinstance(s, r.InversePower):
        return f"lambda t: {number(s.lr)} / (t + 1) ** {number(s.power)}"
    called = _call(s)
    return f"optax.{called}" if called else ""


def _call(s: r.Schedule) -> str:
    if isinstance(s, r.Warmup):
        if isinstance(s.then, r.Cosine):
            return (
                f"warmup_cosine_decay_schedule({number(s.start)}, {number(s.then.lr)}, {s.steps}, "
                f"{s.steps + s.then.steps}, end_value={number(s.then.end)})"
            )
        top = number(s.then.at(0))
        rise = f"optax.linear_schedule({number(s.start)}, {top}, {s.steps})"
        return f"join_schedules([{rise}, {write(s.then)}], [{s.steps}])"
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
