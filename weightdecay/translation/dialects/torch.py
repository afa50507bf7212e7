"""PyTorch: torch.optim and torch.optim.lr_scheduler.

``weight_decay`` is coupled, except in AdamW and where ``decoupled_weight_decay=True``; momentum has
the learning rate outside its buffer; ε stands outside the root. Read with torch 2.13.
"""

from __future__ import annotations

from weightdecay.errors import InputError
from weightdecay.translation import recipe as r
from weightdecay.translation.dialects import torch_groups, torch_schedulers
from weightdecay.translation.dialects.arguments import Arguments, Reading, known, signatures
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
    shown,
    walk,
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
SCHEDULERS = torch_schedulers.SCHEDULERS
CLIPS = signatures(
    {
        "clip_grad_norm_": "parameters, max_norm, norm_type=2.0, error_if_nonfinite=False, "
        "foreach=None",
        "clip_grad_value_": "parameters, clip_value, foreach=None",
    }
)
CLIP_EPS = 1e-6
"""What clip_grad_norm_ adds to the norm."""
_GONE = {
    "AdamW": "transformers had an AdamW until version 5, with eps=1e-6, weight_decay=0.0, ε beside "
    "√v before its bias correction and a decay after the step: torch.optim.AdamW is the nearest, "
    "with its own defaults.",
    "Adafactor": "Adafactor is not translated by this program.",
}


def canonical(name: str) -> str | None:
    """The name in full, where it is one of this dialect's; an error where it is nearly one."""
    scheduler = torch_schedulers.canonical(name)
    if scheduler is not None:
        return scheduler
    for prefix in ("torch.nn.utils.", "nn.utils.", "utils.", ""):
        short = name.removeprefix(prefix)
        if name.startswith(prefix) and short.rstrip("_") in ("clip_grad_norm", "clip_grad_value"):
            return f"torch.nn.utils.{short.rstrip('_')}_"
    for prefix in ("torch.optim.", "optim."):
        if name.startswith(prefix):
            return f"torch.optim.{known('torch optimizer', name, prefix, OPTIMIZERS)}"
    if name.startswith("transformers."):
        short = name.rpartition(".")[2]
        raise InputError(_GONE.get(short) or f"{name[:60]} is not translated by this program.")
    return None


def complete(program: Program) -> Program:
    """The program as it can be built: names in full, parameters where there were none."""
    return Program(tuple(
        Statement(target, made) for target, _, made in _statements(program)
    ))  # fmt: skip


def _statements(program: Program) -> list[tuple[str, Call, Call]]:
    """The target, the call as it stands, and the call as it can be built."""
    within = {
        node.name
        for statement in program.statements
        for node in walk(statement.value)
        if isinstance(node, Name)
    }
    found = []
    for statement in program.statements:
        call = statement.value
        name = canonical(call.name) if isinstance(call, Call) and call.on is None else None
        if name is None or not isinstance(call, Call):
            if isinstance(call, Call) and call.name.endswith("parameters") and statement.target:
                continue  # all of them, under a name
            raise InputError(
                f"{shown(call)!r} is not read: a torch text is an optimizer of torch.optim, "
                "and perhaps a scheduler of torch.optim.lr_scheduler and a clip_grad_norm_."
            )
        if torch_schedulers.is_scheduler(call):
            target = statement.target if statement.target in within else "scheduler"
            made = torch_schedulers.complete(call, Name("optimizer"))
            assert isinstance(made, Call)
            found.append((target or "scheduler", call, made))
        elif name.startswith("torch.nn.utils."):
            found.append(("clip", call, _clipping(name, call)))
        else:
            found.append(("optimizer", call, _optimizer(name, call)))
    return sorted(found, key=lambda statement: statement[0] != "optimizer")  # it comes first


def _optimizer(name: str, call: Call) -> Call:
    first = call.args[0] if call.args else dict(call.kwargs).get("params")
    if isinstance(first, Constant):
        raise InputError(
            f"the first argument of {call.name} is the parameters, not {shown(first)}: write "
            f"lr={shown(first)}."
        )
    args, kwargs = _replaced(call, "params", torch_groups.replaced(first))
    return Call(name, args, kwargs)


def _clipping(name: str, call: Call) -> Call:
    """The bound alone, for a stage that clips its own parameters."""
    short = name.removeprefix("torch.nn.utils.")
    a = Arguments(call, CLIPS[short])
    a.node("parameters")
    limit = Constant(a.number("max_norm" if "norm" in short else "clip_value", above=0.0))
    if short == "clip_grad_norm_" and a.value("norm_type") != 2:
        raise InputError("norm_type other than 2 is not translated by this program.")
    return Call(short, (limit,))


def _replaced(
    found: Call, name: str, value: Node
) -> tuple[tuple[Node, ...], tuple[tuple[str, Node], ...]]:
    """A call's arguments with another first one."""
    kwargs = tuple(pair for pair in found.kwargs if pair[0] != name)
    return (value, *found.args[1:]), kwargs


def read(program: Program) -> Reading:
    """The recipe of a text.

    Raises
    ------
    InputError
        It is none, or groups parameters in a way that no recipe holds.
    """
    statements = _statements(program)
    within = {n.name for _, call, _ in statements for n in walk(call) if isinstance(n, Name)}
    own = {id(s.value): s.target for s in program.statements}
    optimizers = [call for target, call, _ in statements if target == "optimizer"]
    clips = [made for target, _, made in statements if target == "clip"]
    schedulers = [
        (call, made)
        for target, call, made in statements
        if torch_schedulers.is_scheduler(call) and (own[id(call)] or "") not in within
    ]
    if len(optimizers) != 1 or len(schedulers) > 1 or len(clips) > 1:
        raise InputError(
            f"the text has {len(optimizers)} optimizers, {len(schedulers)} schedulers and "
            f"{len(clips)} bounds on gradients: give one optimizer and at most one of the others."
        )
    (optimizer,) = optimizers
    short = optimizer.name.rpartition(".")[2]
    if not optimizer.args and "params" not in dict(optimizer.kwargs):
        optimizer = Call(optimizer.name, (Call("model.parameters"),), optimizer.kwargs)
    arguments = Arguments(optimizer, OPTIMIZERS[short])
    groups = torch_groups.read(arguments)
    schedule: r.Schedule = r.Constant(arguments.number("lr", above=0.0))
    rule, decoupled = _rule(short, arguments)
    if short == "Adagrad" and arguments.number("lr_decay", least=0.0):
        schedule = r.InverseTime(schedule.lr, arguments.number("lr_decay", least=0.0))
    dropped = arguments.unread()
    for stepper, made in schedulers:
        if not isinstance(schedule, r.Constant):
            raise InputError("Adagrad's lr_decay and a scheduler are two schedules: give one.")
        stepped = torch_schedulers.stepped(stepper)
        if stepped != Name(own[id(optimizers[0])] or "optimizer"):
            raise InputError(
                f"the scheduler steps {shown(stepped)!r}: give it the optimizer of this text."
            )
        assigned = {target: made for target, _, made in statements}
        schedule = torch_schedulers.read(made, schedule.lr, dict(assigned), dropped)
    kind: r.Kind = "decoupled" if decoupled else "coupled"
    decay = r.Decay(kind, groups.strength, bias=groups.bias)
    recipe = Recipe(rule, schedule, decay, _clip(clips[0]) if clips else None)
    return Reading(r.normal(recipe), tuple(dropped), groups.notes)


def _clip(made: Call) -> r.Clip:
    (limit,) = made.args
    assert isinstance(limit, Constant)
    assert isinstance(limit.value, float)
    if made.name == "clip_grad_value_":
        return r.Clip("value", limit.value)
    return r.Clip("global norm", limit.value, eps=CLIP_EPS)


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
    raise InputError(f"betas is {shown(node)}: write two numbers, such as betas=(0.9, 0.999).")


def _beta(node: Node) -> float:
    from weightdecay.validate import number as checked

    value = node.value if isinstance(node, Constant) else None
    return checked("betas", value, least=0.0, below=1.0)


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
        readable=not fit.recipe.decay.l1
        and fit.recipe.clip is None
        and (_lr_decay(fit.recipe) or not torch_schedulers.in_code(fit.recipe.schedule)),
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
    fit.recipe = r.normal(fit.recipe)
    _fit_clip(fit)
    torch_schedulers.fit_schedule(fit)


def _fit_clip(fit: Fit) -> None:
    fit.place_clip_eps(CLIP_EPS)
    clip, decay = fit.recipe.clip, fit.recipe.decay
    if clip is not None and clip.of == "loss" and decay.l1:
        fit.refuse("PyTorch's bound takes in the L1 penalty of the loss, and λw comes after it")
        fit.set_clip(of="penalised")


def _lr_decay(recipe: Recipe) -> bool:
    """Whether the schedule is Adagrad's own."""
    return isinstance(recipe.rule, r.Adagrad) and isinstance(recipe.schedule, r.InverseTime)


def _in_loss(recipe: Recipe) -> bool:
    """Whether λ goes into the loss, since the bound is on its gradient too."""
    clip = recipe.clip
    return clip is not None and clip.of == "penalised" and recipe.decay.kind == "coupled"


def _prelude(recipe: Recipe) -> list[str]:
    parts = []
    decay, in_loss = recipe.decay, _in_loss(recipe)
    if not decay.bias and decay.kind != "none" and not in_loss:
        parts.append(
            'weights = [p for name, p in model.named_parameters() if not name.endswith("bias")]\n'
            'biases = [p for name, p in model.named_parameters() if name.endswith("bias")]'
        )
    if decay.l1 or in_loss:
        terms = [f"{number(decay.l1)} * p.abs().sum()"] if decay.l1 else []
        terms += [f"{number(decay.strength / 2)} * p.square().sum()"] if in_loss else []
        chosen = "" if decay.bias else ' if not name.endswith("bias")'
        parts.append(
            "def penalty():  # add it to the loss\n"
            "    return sum(\n"
            f"        {' + '.join(terms)}\n"
            f"        for name, p in model.named_parameters(){chosen}\n"
            "    )"
        )
    if recipe.clip is not None:
        parts.append(_clip_code(recipe.clip))
    return parts


def _clip_code(clip: r.Clip) -> str:
    limit = number(clip.limit)
    value = clip.by == "value"
    called = f"torch.nn.utils.clip_grad_{'value' if value else 'norm'}_"
    line = f"{called}(model.parameters(), {limit})"
    if clip.by == "norm":
        line = f"for p in model.parameters():\n        {called}(p, {limit})"
    return f"def clip():  # call it between backward() and optimizer.step()\n    {line}"


def _settings(recipe: Recipe) -> list[str]:
    rule, decay, s = recipe.rule, recipe.decay, recipe.schedule
    settings: dict[str, object] = {"lr": number(torch_schedulers.base_rate(s))}
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
    if decay.kind != "none" and not _in_loss(recipe):
        settings["weight_decay"] = number(decay.strength)
        if decay.kind == "decoupled" and isinstance(rule, r.Nadam):
            settings["decoupled_weight_decay"] = "True"
        if not decay.bias:
            params = '[{"params": weights}, {"params": biases, "weight_decay": 0.0}]'
    lines = [f"optimizer = {call(f'torch.optim.{name}', params, **settings)}"]
    return lines if _lr_decay(recipe) else lines + torch_schedulers.write(s)
