"""Keras 3: keras.optimizers, its schedules and its regularizers.

``weight_decay`` is decoupled in every optimizer, SGD with momentum included; a regularizer in the
layers is coupled, and L2(c) is c‖w‖², so c = λ/2. Momentum has the learning rate inside its buffer.
Adam has ε beside √v before the bias correction; RMSprop and Adagrad have it inside the root.
PiecewiseConstantDecay changes after its boundary, not at it. Read with Keras 3.15.
"""

from __future__ import annotations

import itertools
from dataclasses import replace

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
    Items,
    Name,
    Node,
    Program,
    Statement,
    Table,
    render,
)

FRAMEWORK = "Keras"
_SHARED = (
    "clipnorm=None, clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99, "
    "ema_overwrite_frequency=None, loss_scale_factor=None, gradient_accumulation_steps=None, "
    "name=None"
)
OPTIMIZERS = signatures(
    {
        "SGD": f"learning_rate=0.01, momentum=0.0, nesterov=False, weight_decay=None, {_SHARED}",
        "Adam": "learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, amsgrad=False, "
        f"weight_decay=None, {_SHARED}",
        "AdamW": "learning_rate=0.001, weight_decay=0.004, beta_1=0.9, beta_2=0.999, epsilon=1e-7, "
        f"amsgrad=False, {_SHARED}",
        "Nadam": "learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, weight_decay=None, "
        f"{_SHARED}",
        "RMSprop": "learning_rate=0.001, rho=0.9, momentum=0.0, epsilon=1e-7, centered=False, "
        f"weight_decay=None, {_SHARED}",
        "Adagrad": "learning_rate=0.001, initial_accumulator_value=0.1, epsilon=1e-7, "
        f"weight_decay=None, {_SHARED}",
        "Lion": f"learning_rate=0.001, beta_1=0.9, beta_2=0.99, weight_decay=None, {_SHARED}",
        "Adadelta": f"learning_rate=0.001, rho=0.95, epsilon=1e-7, weight_decay=None, {_SHARED}",
        "Adamax": "learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, "
        f"weight_decay=None, {_SHARED}",
    }
)
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
EXCLUDE = "exclude_from_weight_decay"
REGULARIZERS = signatures({"L1": "l1=0.01", "L2": "l2=0.01", "L1L2": "l1=0.0, l2=0.0"})
_SMALL = {"l1": "L1", "l2": "L2", "l1_l2": "L1L2"}


def canonical(name: str) -> str | None:
    """The name in full, where it is one of this dialect's; an error where it is nearly one."""
    for prefix in ("keras.", "tf.keras.", "tensorflow.keras."):
        if name.startswith(prefix):
            rest = name.removeprefix(prefix)
            kind, _, short = rest.rpartition(".")
            if kind == "optimizers.schedules":
                return f"keras.{kind}.{_known('schedule', short, SCHEDULES)}"
            if kind == "optimizers":
                return f"keras.{kind}.{_known('optimizer', short, OPTIMIZERS)}"
            if kind == "regularizers":
                short = _SMALL.get(short, short)
                return f"keras.{kind}.{_known('regularizer', short, REGULARIZERS)}"
            if kind != "layers":  # which are read for their regularizers, and never made
                known = ["optimizers", "regularizers", "layers"]
                raise UnknownNameError("part of Keras", rest, known)
    return None


def _known(kind: str, short: str, known: object) -> str:
    assert isinstance(known, dict)
    if short not in known:
        raise UnknownNameError(f"Keras {kind}", short, known)
    return short


def complete(program: Program) -> Program:
    """The program as it can be built: names in full, layers reduced to their regularizers."""
    statements = []
    optimizer = ""
    for statement in program.statements:
        value = _full(statement.value)
        target = statement.target
        if isinstance(value, Call) and ".layers." in f".{value.name}":
            pairs = tuple((Constant(k), v) for k, v in value.kwargs if k.endswith("_regularizer"))
            if not pairs:
                raise InputError(f"{render(value)[:60]!r} has no regularizer: leave it out.")
            target, value = "decay", Table(pairs)
        elif isinstance(value, Table):
            target = "decay"
        elif isinstance(value, Call) and value.name.startswith("keras.optimizers."):
            if value.name.count(".") == 2:
                optimizer, target = target or "optimizer", "optimizer"
        elif isinstance(value, Call) and value.name == f"{optimizer}.{EXCLUDE}":
            if not mentions_bias(render(value)):
                raise InputError(
                    f'{EXCLUDE} leaves out something else than the bias: write var_names=["bias"].'
                )
            names = Items((Constant("bias"),))
            value = Call(f"optimizer.{EXCLUDE}", (), (("var_names", names),))
        statements.append(Statement(target, value))
    return Program(tuple(statements))


def _full(node: Node) -> Node:
    if isinstance(node, Call) and node.on is None:
        args = tuple(_full(arg) for arg in node.args)
        kwargs = tuple((name, _full(value)) for name, value in node.kwargs)
        return Call(canonical(node.name) or node.name, args, kwargs)
    if isinstance(node, Table):
        return Table(tuple((k, _full(v)) for k, v in node.pairs))
    return node


def read(program: Program) -> Reading:
    """The recipe of a text.

    Raises
    ------
    InputError
        It is none.
    """
    program = complete(program)
    assigned = program.assigned()
    optimizer: tuple[str, Call] | None = None
    penalty: tuple[float, float, bool] | None = None
    bias = True
    for statement in program.statements:
        value = statement.value
        if isinstance(value, Table):
            if penalty is not None:
                raise InputError("the text has two layers: give one, which stands for all.")
            penalty = _regularized(value, assigned)
        elif isinstance(value, Call) and value.name.startswith(
            ("keras.optimizers.schedules.", "keras.regularizers.")
        ):
            continue
        elif isinstance(value, Call) and value.name.startswith("keras.optimizers."):
            if optimizer is not None:
                raise InputError("the text has two optimizers: give one.")
            optimizer = (statement.target or "", value)
        elif optimizer and isinstance(value, Call) and value.name == f"optimizer.{EXCLUDE}":
            bias = False
        else:
            raise InputError(
                f"{render(value)[:60]!r} is not read: a Keras text is an optimizer, its schedule, "
                "a layer with regularizers and exclude_from_weight_decay."
            )
    if optimizer is None:
        raise InputError("the text has no optimizer: add one, such as keras.optimizers.SGD(0.1).")
    return _reading(optimizer[1], assigned, penalty, bias)


def _reading(
    optimizer: Call,
    assigned: dict[str, Node],
    penalty: tuple[float, float, bool] | None,
    bias: bool,
) -> Reading:
    short = optimizer.name.rpartition(".")[2]
    a = Arguments(optimizer, OPTIMIZERS[short])
    rate = a.node("learning_rate")
    rate = assigned.get(rate.name, rate) if isinstance(rate, Name) else rate
    dropped: list[str] = []
    if isinstance(rate, Call):
        if not rate.name.startswith("keras.optimizers.schedules."):
            raise InputError(f"learning_rate is {render(rate)!r}: write a number or a schedule.")
        bound = Arguments(rate, SCHEDULES[rate.name.rpartition(".")[2]])
        schedule = _schedule(bound)
        dropped += bound.unread()
    else:
        schedule = r.Constant(a.number("learning_rate", above=0.0))
    rule = _rule(short, a)
    wd = a.number("weight_decay", least=0.0)
    decay = r.Decay("decoupled", wd, bias=bias)
    if penalty is not None:
        l1, l2, penalized_bias = penalty
        if wd:
            raise InputError(
                "the text has both a regularizer and weight_decay: a translation of one of them at "
                "a time is measured, so give one."
            )
        decay = r.Decay("coupled", 2 * l2, l1, penalized_bias)
    dropped = [*a.unread(), *dropped]
    return Reading(r.normal(Recipe(rule, schedule, decay)), tuple(dropped))


def _regularized(table: Table, assigned: dict[str, Node]) -> tuple[float, float, bool]:
    """c₁, c₂, and whether the bias has them too."""

    def strengths(name: str) -> tuple[float, float]:
        node = table.get(name)
        node = assigned.get(node.name, node) if isinstance(node, Name) else node
        if node is None or node == Constant(None):
            return 0.0, 0.0
        if isinstance(node, Constant) and node.value in _SMALL:
            node = Call(f"keras.regularizers.{_SMALL[str(node.value)]}")
        if not isinstance(node, Call) or not node.name.startswith("keras.regularizers."):
            raise InputError(f"{name} is {render(node)!r}: write keras.regularizers.L2(…).")
        short = node.name.rpartition(".")[2]
        a = Arguments(node, REGULARIZERS[short])
        l1 = a.number("l1", least=0.0) if "1" in short else 0.0
        return l1, a.number("l2", least=0.0) if "2" in short else 0.0

    for key, _ in table.pairs:
        if key not in (Constant("kernel_regularizer"), Constant("bias_regularizer")):
            raise InputError(f"{render(key)} is not read: kernel_ and bias_regularizer are.")
    kernel, bias = strengths("kernel_regularizer"), strengths("bias_regularizer")
    if bias not in ((0.0, 0.0), kernel):
        raise InputError("the bias has a regularizer unlike the kernel's: give both the same.")
    return (*kernel, bias == kernel)


def _rule(short: str, a: Arguments) -> r.Rule:
    if short == "SGD":
        momentum = a.number("momentum", least=0.0, below=1.0)
        return r.Sgd(momentum, a.flag("nesterov"), "inside")
    if short == "Lion":
        return r.Lion(_beta(a, "beta_1"), _beta(a, "beta_2"))
    eps = a.number("epsilon", least=0.0)
    if short in ("Adam", "AdamW"):
        amsgrad = "raw" if a.flag("amsgrad") else "no"
        return r.Adam(_beta(a, "beta_1"), _beta(a, "beta_2"), eps, "raw", 0.0, amsgrad)  # type: ignore[arg-type]
    if short == "Nadam":
        return r.Nadam(_beta(a, "beta_1"), _beta(a, "beta_2"), eps, 1.0)
    if short == "RMSprop":
        momentum = a.number("momentum", least=0.0, below=1.0)
        return r.RmsProp(_beta(a, "rho"), eps, "inside", a.flag("centered"), momentum, "inside")
    if short == "Adagrad":
        return r.Adagrad(a.number("initial_accumulator_value", least=0.0), eps, "inside")
    if short == "Adadelta":
        return r.Adadelta(_beta(a, "rho"), eps)
    return r.Adamax(_beta(a, "beta_1"), _beta(a, "beta_2"), eps, "outside")


def _beta(a: Arguments, name: str) -> float:
    return a.number(name, least=0.0, below=1.0)


def _schedule(a: Arguments) -> r.Schedule:
    short = a.call.name.rpartition(".")[2]
    if short == "PiecewiseConstantDecay":
        return _piecewise(a)
    lr, steps = a.number("initial_learning_rate", above=0.0), a.number("decay_steps", above=0.0)
    if short == "ExponentialDecay":
        return r.Exponential(lr, a.number("decay_rate", above=0.0), steps, a.flag("staircase"))
    if short == "InverseTimeDecay":
        return r.InverseTime(lr, a.number("decay_rate", least=0.0) / steps)
    whole = a.integer("decay_steps")
    if short == "CosineDecay":
        return r.Cosine(lr, whole, lr * a.number("alpha", least=0.0))
    end = a.number("end_learning_rate", least=0.0)
    return r.Polynomial(lr, whole, end, a.number("power", above=0.0))


def _piecewise(a: Arguments) -> r.Schedule:
    from weightdecay.translation.dialects.torch import whole_numbers

    boundaries = whole_numbers("boundaries", a.node("boundaries"))
    node = a.node("values")
    items = node.items if isinstance(node, Items) else ()
    values = [float(i.value) for i in items if isinstance(i, Constant) and _positive(i.value)]  # type: ignore[arg-type]
    if len(values) != len(boundaries) + 1 or len(values) != len(items):
        raise InputError(
            f"values is {render(node)}: write one learning rate above 0 more than boundaries."
        )
    factors = tuple(after / before for before, after in itertools.pairwise(values))
    # Keras changes after the boundary: in update boundary + 1, counted from 0.
    return r.Piecewise(values[0], tuple(b + 1 for b in boundaries), factors)


def _positive(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


# --- writing ------------------------------------------------------------------------------------


def write(recipe: Recipe) -> Written:
    """A recipe as Keras code."""
    fit = Fit(FRAMEWORK, recipe)
    _fit(fit)
    fit.recipe = r.normal(fit.recipe)
    return Written(
        "",
        "\n".join(_settings(fit.recipe)),
        fit.recipe,
        tuple(fit.conditions),
        tuple(fit.refusals),
    )


def _fit(fit: Fit) -> None:
    rule = fit.rule
    if isinstance(rule, r.Sgd) and rule.dampening:
        fit.refuse("Keras has no dampening, which leaves the first gradient undamped")
        fit.set_rule(replace(rule, dampening=0.0))
        s = fit.recipe.schedule
        fit.set_schedule(replace(s, lr=s.lr * (1 - rule.dampening)))
    if isinstance(rule, r.Nadam) and rule.momentum_decay != 1:
        fit.refuse("Keras's Nadam has a momentum_decay of 1 and no other")
        fit.set_rule(replace(rule, momentum_decay=1.0))
    fit.no_independent()
    fit.place_rate("inside")
    fit.place_eps("outside" if isinstance(rule, r.Adamax) else
                  "raw" if isinstance(rule, r.Adam) else "inside")  # fmt: skip
    fit.no_eps_root()
    fit.no_amsgrad("raw")
    fit.no_floor()
    fit.unshift_cosine()
    fit.hold_cosine(periodic=False)
    if isinstance(fit.recipe.schedule, r.InversePower):
        fit.flat("Keras has no schedule lr / (t + 1)^power")


def _settings(recipe: Recipe) -> list[str]:
    rule, decay = recipe.rule, recipe.decay
    lines = []
    settings: dict[str, object] = {"learning_rate": number(recipe.schedule.lr)}
    schedule = _schedule_code(recipe.schedule)
    if schedule:
        lines.append(f"schedule = keras.optimizers.schedules.{schedule}")
        settings["learning_rate"] = "schedule"
    name = type(rule).__name__
    if isinstance(rule, r.Sgd):
        name = "SGD"
        if rule.momentum:
            settings["momentum"] = number(rule.momentum)
            settings["nesterov"] = "True" if rule.nesterov else None
    elif isinstance(rule, r.Adam | r.Nadam | r.Adamax | r.Lion):
        settings |= {"beta_1": number(rule.beta1), "beta_2": number(rule.beta2)}
        if not isinstance(rule, r.Lion):
            settings["epsilon"] = number(rule.eps)
        if isinstance(rule, r.Adam):
            name = "AdamW" if decay.kind == "decoupled" else "Adam"
            settings["amsgrad"] = "True" if rule.amsgrad == "raw" else None
    elif isinstance(rule, r.RmsProp):
        name = "RMSprop"
        settings["rho"] = number(rule.rho)
        settings["momentum"] = number(rule.momentum) if rule.momentum else None
        settings["epsilon"] = number(rule.eps)
        settings["centered"] = "True" if rule.centered else None
    elif isinstance(rule, r.Adagrad):
        settings["initial_accumulator_value"] = number(rule.initial)
        settings["epsilon"] = number(rule.eps)
    elif isinstance(rule, r.Adadelta):
        settings |= {"rho": number(rule.rho), "epsilon": number(rule.eps)}
    # Plain SGD's decay is weight_decay, unless there is an L1 term, which only the layers take.
    own = decay.kind == "decoupled" or (rule == r.Sgd() and decay.kind == "coupled")
    if own and not decay.l1:
        settings["weight_decay"] = number(decay.strength)
    elif decay.kind == "coupled" or decay.l1:
        lines.append(f"decay = {_regularizers(decay)}  # for every layer: Dense(…, **decay)")
    lines.append(f"optimizer = {call(f'keras.optimizers.{name}', **settings)}")
    if own and not decay.l1 and not decay.bias:
        lines.append('optimizer.exclude_from_weight_decay(var_names=["bias"])')
    return lines


def _regularizers(decay: r.Decay) -> str:
    l2 = decay.strength / 2 if decay.kind == "coupled" else 0.0
    if decay.l1 and l2:
        text = f"keras.regularizers.L1L2(l1={number(decay.l1)}, l2={number(l2)})"
    elif decay.l1:
        text = f"keras.regularizers.L1({number(decay.l1)})"
    else:
        text = f"keras.regularizers.L2({number(l2)})"
    names = ["kernel_regularizer", *(["bias_regularizer"] if decay.bias else [])]
    return "{" + ", ".join(f'"{name}": {text}' for name in names) + "}"


def _schedule_code(s: r.Schedule) -> str:
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
