"""PyTorch: torch.optim and torch.optim.lr_scheduler.

``weight_decay`` is coupled, except in AdamW and where ``decoupled_weight_decay=True``; momentum has
the learning rate outside its buffer; ε stands outside the root. Read with torch 2.13.
"""

from __future__ import annotations

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

FRAMEWORK = "PyTorch"

OPTIMIZERS = signatures(
    {
        "SGD": "params, lr=1e-3, momentum=0, dampening=0, weight_decay=0, nesterov=False, *, "
        "maximize=False, foreach=None, differentiable=False, fused=None",
        "Adam": "params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, amsgrad=False, *, "
        "foreach=None, maximize=False, capturable=False, differentiable=False, fused=None, "
        "decoupled_weight_decay=False",
        "AdamW": "params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2, "
        "amsgrad=False, *, maximize=False, foreach=None, capturable=False, differentiable=False, "
        "fused=None",
        "NAdam": "params, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, "
        "momentum_decay=4e-3, decoupled_weight_decay=False, *, foreach=None, maximize=False, "
        "capturable=False, differentiable=False",
        "RMSprop": "params, lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0, momentum=0, "
        "centered=False, capturable=False, foreach=None, maximize=False, differentiable=False",
        "Adagrad": "params, lr=1e-2, lr_decay=0, weight_decay=0, initial_accumulator_value=0, "
        "eps=1e-10, foreach=None, *, maximize=False, differentiable=False, fused=None",
        "Adadelta": "params, lr=1.0, rho=0.9, eps=1e-6, weight_decay=0, foreach=None, *, "
        "capturable=False, maximize=False, differentiable=False",
        "Adamax": "params, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, foreach=None, "
        "*, maximize=False, differentiable=False, capturable=False",
    }
)
SCHEDULERS = signatures(
    {
        "ExponentialLR": "optimizer, gamma, last_epoch=-1",
        "StepLR": "optimizer, step_size, gamma=0.1, last_epoch=-1",
        "MultiStepLR": "optimizer, milestones, gamma=0.1, last_epoch=-1",
        "CosineAnnealingLR": "optimizer, T_max, eta_min=0.0, last_epoch=-1",
        "PolynomialLR": "optimizer, total_iters=5, power=1.0, last_epoch=-1",
        "LinearLR": f"optimizer, start_factor={1 / 3!r}, end_factor=1.0, total_iters=5, "
        "last_epoch=-1",
    }
)


def canonical(name: str) -> str | None:
    """The name in full, where it is one of this dialect's; an error where it is nearly one."""
    for prefix in ("torch.optim.lr_scheduler.", "optim.lr_scheduler.", "lr_scheduler."):
        if name.startswith(prefix):
            return f"torch.optim.lr_scheduler.{_known('scheduler', name, prefix, SCHEDULERS)}"
    for prefix in ("torch.optim.", "optim."):
        if name.startswith(prefix):
            return f"torch.optim.{_known('optimizer', name, prefix, OPTIMIZERS)}"
    return None


def _known(kind: str, name: str, prefix: str, known: object) -> str:
    short = name.removeprefix(prefix)
    assert isinstance(known, dict)
    if short not in known:
        raise UnknownNameError(f"torch {kind}", short, known)
    return short


def complete(program: Program) -> Program:
    """The program as it can be built: names in full, parameters where there were none."""
    return Program(tuple(_complete(statement) for statement in program.statements))


def _complete(statement: Statement) -> Statement:
    found = statement.value
    name = canonical(found.name) if isinstance(found, Call) and found.on is None else None
    if name is None or not isinstance(found, Call):
        raise InputError(
            f"{render(found)[:60]!r} is not read: a torch text is an optimizer of torch.optim, and "
            "perhaps a scheduler of torch.optim.lr_scheduler."
        )
    if ".lr_scheduler." in name:
        a = Arguments(found, SCHEDULERS[name.rpartition(".")[2]])
        a.node("optimizer")
        args, kwargs = _replaced(found, "optimizer", Name("optimizer"))
        return Statement("scheduler", Call(name, args, kwargs))
    first = found.args[0] if found.args else dict(found.kwargs).get("params")
    if isinstance(first, Constant):
        raise InputError(
            f"the first argument of {found.name} is the parameters, not {render(first)}: write "
            f"lr={render(first)}."
        )
    args, kwargs = _replaced(found, "params", _parameters(first))
    return Statement("optimizer", Call(name, args, kwargs))


def _replaced(
    found: Call, name: str, value: Node
) -> tuple[tuple[Node, ...], tuple[tuple[str, Node], ...]]:
    """A call's arguments with another first one."""
    kwargs = tuple(pair for pair in found.kwargs if pair[0] != name)
    return (value, *found.args[1:]), kwargs


def _parameters(given: Node | None) -> Node:
    """What is updated: everything, or the weights and the biases in groups of their own."""
    if not isinstance(given, Items) or not any(isinstance(i, Table) for i in given.items):
        return Call("model.parameters")
    if len(given.items) > 2:
        raise InputError("there are more than two parameter groups: give one for the weights and "
                         "one for the biases.")  # fmt: skip
    texts = [_params_of(group) for group in given.items]
    names = ["biases" if mentions_bias(text) else "weights" for text in texts]
    if names in (["weights", "weights"], ["biases", "biases"]):
        names = ["weights", "biases"]
    if len(names) == 1:
        names = ["model.parameters"]
    groups = []
    for group, name in zip(given.items, names, strict=True):
        params = Call(name) if "." in name else Name(name)
        assert isinstance(group, Table)
        groups.append(
            Table(tuple((k, params if k == Constant("params") else v) for k, v in group.pairs))
        )
    return Items(tuple(groups))


def _params_of(group: Node) -> str:
    params = group.get("params") if isinstance(group, Table) else None
    if params is None:
        raise InputError(
            "a parameter group is a dict with 'params': write "
            '[{"params": weights}, {"params": biases, "weight_decay": 0}].'
        )
    return render(params)


def read(program: Program) -> Reading:
    """The recipe of a text.

    Raises
    ------
    InputError
        It is none, or groups parameters in a way that no recipe holds.
    """
    # The names of the groups are read where they stand, before they are replaced.
    calls = [s.value for s in program.statements if isinstance(s.value, Call)]
    schedulers = [c for c in calls if ".lr_scheduler." in (canonical(c.name) or "")]
    optimizers = [c for c in calls if c not in schedulers]
    complete(program)
    if len(optimizers) != 1 or len(schedulers) > 1:
        raise InputError(
            f"the text has {len(optimizers)} optimizers and {len(schedulers)} schedulers: give one "
            "optimizer and at most one scheduler."
        )
    (optimizer,) = optimizers
    short = optimizer.name.rpartition(".")[2]
    if not optimizer.args and "params" not in dict(optimizer.kwargs):
        optimizer = Call(optimizer.name, (Call("model.parameters"),), optimizer.kwargs)
    arguments = Arguments(optimizer, OPTIMIZERS[short])
    wd, bias = _groups(arguments)
    schedule: r.Schedule = r.Constant(arguments.number("lr", above=0.0))
    rule, decoupled = _rule(short, arguments)
    if short == "Adagrad" and arguments.number("lr_decay", least=0.0):
        schedule = r.InverseTime(schedule.lr, arguments.number("lr_decay", least=0.0))
    dropped = arguments.unread()
    if schedulers:
        if not isinstance(schedule, r.Constant):
            raise InputError("Adagrad's lr_decay and a scheduler are two schedules: give one.")
        bound = Arguments(schedulers[0], SCHEDULERS[schedulers[0].name.rpartition(".")[2]])
        names = [s.target for s in program.statements if s.value is optimizers[0]]
        stepped = bound.node("optimizer")
        if stepped != Name(names[0] or "optimizer"):
            raise InputError(
                f"the scheduler steps {render(stepped)!r}: give it the optimizer of this text."
            )
        schedule = _schedule(bound, schedule.lr)
        dropped += bound.unread()
    kind: r.Kind = "decoupled" if decoupled else "coupled"
    recipe = Recipe(rule, schedule, r.Decay(kind, wd, bias=bias))
    return Reading(r.normal(recipe), tuple(dropped))


def _groups(arguments: Arguments) -> tuple[float, bool]:
    """λ, and whether the bias decays."""
    default = arguments.number("weight_decay", least=0.0)
    params = arguments.node("params")
    if not isinstance(params, Items) or not any(isinstance(i, Table) for i in params.items):
        return default, True
    decays: list[tuple[float, str]] = []
    for group in params.items:
        assert isinstance(group, Table)
        own = group.get("weight_decay")
        for key, _ in group.pairs:
            if key not in (Constant("params"), Constant("weight_decay")):
                raise InputError(
                    f"a parameter group has a {render(key)} of its own: only weight_decay is "
                    "translated by group."
                )
        if own is not None and (
            not isinstance(own, Constant)
            or isinstance(own.value, bool | str | None)
            or own.value < 0
        ):
            raise InputError(f"weight_decay of a group is {render(own)}: write a number ≥ 0.")
        strength = default if own is None else float(own.value)  # type: ignore[arg-type]
        decays.append((strength, _params_of(group)))
    strengths = {strength for strength, _ in decays}
    if len(strengths) == 1:
        return strengths.pop(), True
    bare = [name for strength, name in decays if strength == 0]
    if len(strengths) == 2 and 0 in strengths and all(mentions_bias(name) for name in bare):
        return max(strengths), False
    raise InputError(
        "the groups differ in weight_decay in a way that is not translated: give 0 to one group, "
        "whose params name bias or norm, and the same to all others."
    )


def _rule(short: str, a: Arguments) -> tuple[r.Rule, bool]:
    if short == "SGD":
        momentum = a.number("momentum", least=0.0, below=1.0)
        dampening = a.number("dampening", least=0.0, most=1.0)
        nesterov = a.flag("nesterov")
        return r.Sgd(momentum, nesterov, "outside", dampening), False
    if short in ("Adam", "AdamW"):
        decoupled = short == "AdamW" or a.flag("decoupled_weight_decay")
        amsgrad = "raw" if a.flag("amsgrad") else "no"
        eps = a.number("eps", least=0.0)
        return r.Adam(*_betas(a), eps, "corrected", 0.0, amsgrad), decoupled  # type: ignore[arg-type]
    if short == "NAdam":
        rule = r.Nadam(*_betas(a), a.number("eps", least=0.0), a.number("momentum_decay", least=0))
        return rule, a.flag("decoupled_weight_decay")
    if short == "RMSprop":
        return r.RmsProp(
            a.number("alpha", least=0.0, below=1.0),
            a.number("eps", least=0.0),
            "outside",
            a.flag("centered"),
            a.number("momentum", least=0.0, below=1.0),
            "outside",
        ), False
    if short == "Adagrad":
        initial = a.number("initial_accumulator_value", least=0.0)
        return r.Adagrad(initial, a.number("eps", least=0.0), "outside"), False
    if short == "Adadelta":
        return r.Adadelta(a.number("rho", least=0.0, below=1.0), a.number("eps", least=0.0)), False
    return r.Adamax(*_betas(a), a.number("eps", least=0.0), "inside"), False


def _betas(a: Arguments) -> tuple[float, float]:
    node = a.node("betas")
    if isinstance(node, Items) and len(node.items) == 2:
        first, second = (_beta(item) for item in node.items)
        return first, second
    raise InputError(f"betas is {render(node)}: write two numbers, such as betas=(0.9, 0.999).")


def _beta(node: Node) -> float:
    from weightdecay.validate import number as checked

    value = node.value if isinstance(node, Constant) else None
    return checked("betas", value, least=0.0, below=1.0)


def _schedule(a: Arguments, lr: float) -> r.Schedule:
    short = a.call.name.rpartition(".")[2]
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
    start, end = a.number("start_factor", above=0.0, most=1.0), a.number("end_factor", least=0.0)
    return r.Polynomial(lr * start, a.integer("total_iters"), lr * end)


def whole_numbers(name: str, node: Node) -> list[int]:
    """A list of update counts."""
    items = node.items if isinstance(node, Items) else ()
    values = [item.value for item in items if isinstance(item, Constant)]
    if (
        not values
        or len(values) != len(items)
        or not all(type(v) is int and v >= 0 for v in values)
    ):
        raise InputError(f"{name} is {render(node)}: write a list of update counts, [30, 60].")
    return [int(v) for v in values]  # type: ignore[arg-type]


# --- writing ------------------------------------------------------------------------------------


def write(recipe: Recipe) -> Written:
    """A recipe as torch code."""
    fit = Fit(FRAMEWORK, recipe)
    _fit(fit)
    fit.recipe = r.normal(fit.recipe)
    return Written(
        "\n\n".join(_prelude(fit.recipe)),
        "\n".join(_settings(fit.recipe)),
        fit.recipe,
        tuple(fit.conditions),
        tuple(fit.refusals),
        readable=not fit.recipe.decay.l1,
    )


def _fit(fit: Fit) -> None:
    rule = fit.rule
    if isinstance(rule, r.Lion):
        fit.refuse("PyTorch has no Lion, and no other rule that steps by a sign of averages")
        fit.set_rule(r.Adam(rule.beta1, rule.beta2))
    if isinstance(rule, r.Nadam) and rule.momentum_decay == float("inf"):
        fit.set_rule(r.Nadam(rule.beta1, rule.beta2, rule.eps, 1e6))  # 0.96 to that power is 0
    fit.no_independent()
    fit.place_rate("outside")
    fit.place_eps("inside" if isinstance(rule, r.Adamax) else
                  "corrected" if isinstance(fit.rule, r.Adam) else "outside")  # fmt: skip
    fit.no_eps_root()
    fit.no_amsgrad("raw")
    if isinstance(fit.rule, r.Sgd | r.RmsProp | r.Adagrad | r.Adadelta | r.Adamax):
        fit.recipe = r.normal(fit.recipe)
        fit.couple()
    _fit_schedule(fit)


def _fit_schedule(fit: Fit) -> None:
    fit.no_floor()
    fit.unshift_cosine()
    fit.hold_cosine(periodic=True)
    s = fit.recipe.schedule
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
    elif isinstance(s, r.InverseTime) and not isinstance(fit.rule, r.Adagrad):
        fit.flat("PyTorch has no inverse-time schedule but Adagrad's lr_decay")
    elif isinstance(s, r.InversePower):
        fit.flat("PyTorch has no schedule lr / (t + 1)^power")


def _prelude(recipe: Recipe) -> list[str]:
    parts = []
    decay = recipe.decay
    if not decay.bias and decay.kind != "none":
        parts.append(
            'weights = [p for name, p in model.named_parameters() if not name.endswith("bias")]\n'
            'biases = [p for name, p in model.named_parameters() if name.endswith("bias")]'
        )
    if decay.l1:
        chosen = "" if decay.bias else ' if not name.endswith("bias")'
        parts.append(
            "def penalty():  # add it to the loss\n"
            f"    return {number(decay.l1)} * sum(\n"
            f"        p.abs().sum() for name, p in model.named_parameters(){chosen}\n"
            "    )"
        )
    return parts


def _settings(recipe: Recipe) -> list[str]:
    rule, decay, s = recipe.rule, recipe.decay, recipe.schedule
    settings: dict[str, object] = {"lr": number(_base_rate(s))}
    name = type(rule).__name__
    if isinstance(rule, r.Sgd):
        name = "SGD"
        if rule.momentum:
            settings["momentum"] = number(rule.momentum)
            settings["dampening"] = number(rule.dampening) if rule.dampening else None
            settings["nesterov"] = "True" if rule.nesterov else None
    elif isinstance(rule, r.Adam | r.Nadam | r.Adamax):
        settings["betas"] = f"({number(rule.beta1)}, {number(rule.beta2)})"
        settings["eps"] = number(rule.eps)
        if isinstance(rule, r.Adam):
            name = "AdamW" if decay.kind == "decoupled" else "Adam"
            settings["amsgrad"] = "True" if rule.amsgrad == "raw" else None
        elif isinstance(rule, r.Nadam):
            name = "NAdam"
            settings["momentum_decay"] = number(rule.momentum_decay)
    elif isinstance(rule, r.RmsProp):
        name = "RMSprop"
        settings |= {"alpha": number(rule.rho), "eps": number(rule.eps)}
        settings["centered"] = "True" if rule.centered else None
        settings["momentum"] = number(rule.momentum) if rule.momentum else None
    elif isinstance(rule, r.Adagrad):
        settings["lr_decay"] = number(s.slope) if isinstance(s, r.InverseTime) else None
        settings["initial_accumulator_value"] = number(rule.initial) if rule.initial else None
        settings["eps"] = number(rule.eps)
    elif isinstance(rule, r.Adadelta):
        settings |= {"rho": number(rule.rho), "eps": number(rule.eps)}
    params = "model.parameters()"
    if decay.kind != "none":
        settings["weight_decay"] = number(decay.strength)
        if decay.kind == "decoupled" and isinstance(rule, r.Nadam):
            settings["decoupled_weight_decay"] = "True"
        if not decay.bias:
            params = '[{"params": weights}, {"params": biases, "weight_decay": 0.0}]'
    lines = [f"optimizer = {call(f'torch.optim.{name}', params, **settings)}"]
    scheduler = _scheduler(s)
    if scheduler and not isinstance(s, r.InverseTime):
        lines.append(f"scheduler = torch.optim.lr_scheduler.{scheduler}")
    return lines


def _base_rate(s: r.Schedule) -> float:
    """What the factors of a scheduler are of."""
    return max(s.lr, s.end) if isinstance(s, r.Polynomial) and s.end else s.lr


def _scheduler(s: r.Schedule) -> str:
    if isinstance(s, r.Exponential):
        if s.staircase:
            return f"StepLR(optimizer, step_size={int(s.every)}, gamma={number(s.factor)})"
        return f"ExponentialLR(optimizer, gamma={number(s.factor)})"
    if isinstance(s, r.Piecewise):
        gamma = number(s.factors[0])
        return f"MultiStepLR(optimizer, milestones={list(s.boundaries)}, gamma={gamma})"
    if isinstance(s, r.Cosine):
        return f"CosineAnnealingLR(optimizer, T_max={s.steps}, eta_min={number(s.end)})"
    if isinstance(s, r.Polynomial) and not s.end:
        return f"PolynomialLR(optimizer, total_iters={s.steps}, power={number(s.power)})"
    if isinstance(s, r.Polynomial):
        base = _base_rate(s)
        start, end = number(s.lr / base), number(s.end / base)
        return f"LinearLR(optimizer, start_factor={start}, end_factor={end}, total_iters={s.steps})"
    return ""
