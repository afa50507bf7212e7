"""MXNet 1.9: gluon.Trainer over mx.optimizer, with mx.lr_scheduler.

``wd`` is coupled, except in AdaGrad, where it is decoupled, and in AdaDelta, where it is free of a
learning rate that AdaDelta does not use. The Trainer decays biases too, unless their ``wd_mult`` is
0. Momentum has the learning rate inside its buffer. NAG's kernel is wrong for ``wd`` ≠ 0, so there
λ goes into the loss. Schedulers count updates from 1: with ``warmup_steps=1`` the smooth ones begin
where others do. Signum's momentum is Lion with β₁ = β₂.
"""

from __future__ import annotations

from dataclasses import replace

from weightdecay.errors import InputError, UnknownNameError
from weightdecay.translation import recipe as r
from weightdecay.translation.dialects import mxnet_schedulers
from weightdecay.translation.dialects.arguments import (
    Arguments,
    Reading,
    known,
    mentions_bias,
    signatures,
)
from weightdecay.translation.dialects.fitting import Fit, Written, number
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
    shown,
)

FRAMEWORK = "MXNet"
_SHARED = (
    "rescale_grad=1.0, param_idx2name=None, wd=0.0, clip_gradient=None, learning_rate=None, "
    "lr_scheduler=None, sym=None, begin_num_update=0, multi_precision=False, param_dict=None"
)
_OWN = _SHARED.replace("learning_rate=None, ", "")

OPTIMIZERS = signatures(
    {
        "SGD": f"momentum=0.0, lazy_update=True, *, {_SHARED}",
        "NAG": f"momentum=0.0, *, {_SHARED}",
        "Adam": "learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8, lazy_update=True, *, "
        f"{_OWN}",
        "RMSProp": "learning_rate=0.001, gamma1=0.9, gamma2=0.9, epsilon=1e-8, centered=False, "
        f"clip_weights=None, *, {_OWN}",
        "AdaGrad": f"eps=1e-7, *, {_SHARED}",
        "AdaDelta": f"rho=0.90, epsilon=1e-5, *, {_SHARED}",
        "Adamax": f"learning_rate=0.002, beta1=0.9, beta2=0.999, *, {_OWN}",
        "Signum": f"learning_rate=0.01, momentum=0.9, wd_lh=0.0, *, {_OWN}",
    }
)
SCHEDULERS = mxnet_schedulers.SCHEDULERS
TRAINER = signatures(
    {"Trainer": "params, optimizer, optimizer_params=None, kvstore='device', "
                "compression_params=None, update_on_kvstore=None"}
)["Trainer"]  # fmt: skip
_BY_NAME = {name.lower(): name for name in OPTIMIZERS}
PENALISED = ("Adam", "RMSProp", "Adamax")
"""Optimizers whose `clip_gradient` bounds the gradient with λw in it."""
SCALED = (
    "rescale_grad multiplies the gradient of a loss that is a sum: where the loss is a mean over "
    "the minibatch already, leave rescale_grad out before you translate"
)
FLOAT32_ONLY = (r.RmsProp, r.Adagrad, r.Adadelta)
"""Rules whose memory is float32 here, so that they take float32 weights only."""


def canonical(name: str) -> str | None:
    """The name in full, where it is one of this dialect's; an error where it is nearly one."""
    name = name.replace("mxnet.", "mx.", 1) if name.startswith("mxnet.") else name
    name = f"mx.{name}" if name.startswith("gluon.") else name
    if name == "mx.gluon.Trainer":
        return name
    for prefix, kind, names in (
        ("mx.optimizer.", "MXNet optimizer", OPTIMIZERS),
        ("mx.lr_scheduler.", "MXNet scheduler", SCHEDULERS),
    ):
        if name.startswith(prefix):
            return prefix + known(kind, name, prefix, names)
    if name.startswith("mx."):
        raise UnknownNameError(
            "part of MXNet", name, ["mx.gluon.Trainer", "mx.optimizer.SGD", "mx.lr_scheduler"]
        )
    return None


def complete(program: Program) -> Program:
    """The program as it can be built: names in full, an optimizer given to a Trainer."""
    statements: list[Statement] = []
    optimizer: str | None = None
    trainer = False
    for statement in program.statements:
        value, target = _full(statement.value), statement.target
        if not isinstance(value, Call):
            raise InputError(f"{shown(value)!r} is not read: write calls.")
        if value.on is not None:
            if not _spares_bias(value):
                raise InputError(
                    f"{shown(value)!r} is not read: of methods, only "
                    'net.collect_params(".*bias").setattr("wd_mult", 0.0) is.'
                )
            value = Call(
                "setattr", value.args, (), Call("net.collect_params", (Constant(".*bias"),))
            )
        elif value.name.startswith("mx.optimizer."):
            target = optimizer = target or "optimizer"
        elif value.name == "mx.gluon.Trainer":
            target, trainer = "trainer", True
            kwargs = tuple(pair for pair in value.kwargs if pair[0] != "params")
            value = Call(value.name, (Call("net.collect_params"), *value.args[1:]), kwargs)
        elif not value.name.startswith("mx.lr_scheduler."):
            raise InputError(f"{shown(value)!r} is not read: write a gluon.Trainer.")
        statements.append(Statement(target, value))
    if optimizer and not trainer:
        made = Call("mx.gluon.Trainer", (Call("net.collect_params"), Name(optimizer)))
        statements.append(Statement("trainer", made))
    return Program(tuple(statements))


def _full(node: Node) -> Node:
    if isinstance(node, Table):
        return Table(tuple((k, _full(v)) for k, v in node.pairs))
    if not isinstance(node, Call) or node.on is not None:
        return node
    args = tuple(_full(arg) for arg in node.args)
    kwargs = tuple((name, _full(value)) for name, value in node.kwargs)
    return Call(canonical(node.name) or node.name, args, kwargs)


def _spares_bias(value: Call) -> bool:
    on = value.on
    return (
        value.name == "setattr"
        and not value.kwargs
        and len(value.args) == 2
        and value.args[0] == Constant("wd_mult")
        and value.args[1] in (Constant(0.0), Constant(0))
        and on is not None
        and on.name.endswith("collect_params")
        and len(on.args) == 1
        and mentions_bias(render(on.args[0]))
    )


def read(program: Program) -> Reading:
    """The recipe of a text.

    Raises
    ------
    InputError
        It is none.
    """
    program = complete(program)
    assigned = program.assigned()
    bias = not any(isinstance(s.value, Call) and s.value.on for s in program.statements)
    trainers = [
        s.value
        for s in program.statements
        if isinstance(s.value, Call) and s.value.name == "mx.gluon.Trainer"
    ]
    if len(trainers) != 1:
        raise InputError(f"the text has {len(trainers)} trainers: give one.")
    trainer = Arguments(trainers[0], TRAINER)
    optimizer = _optimizer(trainer, assigned)
    short = optimizer.name.rpartition(".")[2]
    a = Arguments(optimizer, OPTIMIZERS[short])
    dropped: list[str] = []
    schedule = mxnet_schedulers.read(a, assigned, dropped)
    rule = _rule(short, a)
    wd = a.number("wd", least=0.0)
    kind: r.Kind = {"AdaGrad": "decoupled", "AdaDelta": "independent"}.get(short, "coupled")  # type: ignore[assignment]
    if short == "NAG" and wd and a.number("momentum"):
        dropped.append(f"wd={wd:g}, which NAG's kernel adds to weights that it has changed,")
    if short == "AdaDelta":
        schedule = r.Constant(1.0)  # it uses no other
    if short == "Signum" and a.number("wd_lh", least=0.0):
        if wd:
            raise InputError("the text has both wd and wd_lh: give one.")
        kind, wd = "decoupled", a.number("wd_lh")
    recipe = Recipe(rule, schedule, r.Decay(kind, wd, bias=bias), _clip(short, a))
    notes: tuple[str, ...] = ()
    scale = a.number("rescale_grad", above=0.0)
    if scale != 1 and short == "AdaDelta":
        dropped.append(f"rescale_grad={scale:g}")
    elif scale != 1:
        recipe = r.rescaled(recipe, scale)
        notes = (SCALED,)
    return Reading(r.normal(recipe), (*a.unread(), *dropped), notes)


def _optimizer(trainer: Arguments, assigned: dict[str, Node]) -> Call:
    """The optimizer's own call, whether the Trainer is given it or its name."""
    trainer.node("params")
    node, settings = trainer.node("optimizer"), trainer.node("optimizer_params")
    node = assigned.get(node.name, node) if isinstance(node, Name) else node
    if isinstance(node, Call) and node.name.startswith("mx.optimizer."):
        if settings != Constant(None):
            raise InputError("an optimizer object has its settings already: leave out the dict.")
        return node
    if not isinstance(node, Constant) or not isinstance(node.value, str):
        raise InputError(f"the Trainer's optimizer is {shown(node)!r}: write 'sgd' or its like.")
    if node.value.lower() not in _BY_NAME:
        raise UnknownNameError("MXNet optimizer", node.value, _BY_NAME)
    kwargs = tuple(_pairs(settings))
    return Call(f"mx.optimizer.{_BY_NAME[node.value.lower()]}", (), kwargs)


def _pairs(settings: Node) -> list[tuple[str, Node]]:
    """The settings of a dict, or of MXNet's older tuple of pairs."""
    if settings == Constant(None):
        return []
    if isinstance(settings, Table):
        found = list(settings.pairs)
    elif isinstance(settings, Items) and all(
        isinstance(item, Items) and len(item.items) == 2 for item in settings.items
    ):
        found = [(i.items[0], i.items[1]) for i in settings.items if isinstance(i, Items)]
    else:
        raise InputError(f"optimizer_params is {shown(settings)!r}: write a dict.")
    named = [(k.value, v) for k, v in found if isinstance(k, Constant) and isinstance(k.value, str)]
    if len(named) != len(found):
        raise InputError("a name in optimizer_params is no text: write {'wd': 1e-4}.")
    return named


def _clip(short: str, a: Arguments) -> r.Clip | None:
    limit = a.number("clip_gradient", least=0.0)
    return r.Clip("value", limit, "penalised" if short in PENALISED else "loss") if limit else None


def _rule(short: str, a: Arguments) -> r.Rule:
    if short in ("SGD", "NAG"):
        return r.Sgd(a.number("momentum", least=0.0, below=1.0), short == "NAG", "inside")
    if short == "Adam":
        return r.Adam(_beta(a, "beta1"), _beta(a, "beta2"), a.number("epsilon", least=0.0), "raw")
    if short == "RMSProp":
        centered = a.flag("centered")
        momentum = _beta(a, "gamma2")
        eps = a.number("epsilon", least=0.0)
        rho = _beta(a, "gamma1")
        return r.RmsProp(rho, eps, "inside", centered, momentum if centered else 0.0, "inside")
    if short == "AdaGrad":
        return r.Adagrad(0.0, a.number("eps", least=0.0), "inside")
    if short == "AdaDelta":
        return r.Adadelta(_beta(a, "rho"), a.number("epsilon", least=0.0))
    if short == "Adamax":
        return r.Adamax(_beta(a, "beta1"), _beta(a, "beta2"), 0.0)
    beta = _beta(a, "momentum")
    return r.Lion(beta, beta)


def _beta(a: Arguments, name: str) -> float:
    return a.number(name, least=0.0, below=1.0)


# --- writing ------------------------------------------------------------------------------------


def write(recipe: Recipe) -> Written:
    """A recipe as MXNet code."""
    fit = Fit(FRAMEWORK, recipe)
    _fit(fit)
    fit.recipe = r.normal(fit.recipe)
    in_loss, by_hand = _in_loss(fit.recipe), _clip_by_hand(fit.recipe)
    prelude = [_penalty(fit.recipe.decay, in_loss)] if in_loss or fit.recipe.decay.l1 else []
    prelude += [_clip_code(fit.recipe.clip)] if fit.recipe.clip and by_hand else []
    return Written(
        "\n\n".join(prelude),
        "\n".join(_settings(fit.recipe, in_loss)),
        fit.recipe,
        tuple(fit.conditions),
        tuple(fit.refusals),
        readable=not prelude,
    )


def _in_loss(recipe: Recipe) -> bool:
    """Whether λ goes into the loss, since `wd` would be something else."""
    clip = recipe.clip
    inside = clip is not None and clip.of == "penalised" and _clip_by_hand(recipe)
    return recipe.decay.kind == "coupled" and (inside or _without_wd(recipe.rule))


def _without_wd(rule: r.Rule) -> bool:
    nag = isinstance(rule, r.Sgd) and rule.nesterov
    return nag or isinstance(rule, r.Adagrad | r.Adadelta)


def _clip_by_hand(recipe: Recipe) -> bool:
    """Whether a bound goes into a function, since `clip_gradient` would be another."""
    clip = recipe.clip
    if clip is None or clip.by != "value":
        return clip is not None
    inside = isinstance(recipe.rule, r.Adam | r.RmsProp | r.Adamax)
    return recipe.decay.kind == "coupled" and inside != (clip.of == "penalised")


def _clip_code(clip: r.Clip) -> str:
    limit = number(clip.limit)
    norm = "sum(g.square().sum() for g in {}).sqrt().asscalar()"
    if clip.by == "value":
        lines = ["for g in gradients:", f"    g[:] = g.clip(-{limit}, {limit})"]
    elif clip.by == "norm":
        lines = [
            "for g in gradients:",
            "    norm = g.square().sum().sqrt().asscalar()",
            f"    g *= {limit} / max(norm, {limit})",
        ]
    else:
        lines = [
            f"norm = {norm.format('gradients')}",
            "for g in gradients:",
            f"    g *= {limit} / max(norm, {limit})",
        ]
    return "\n".join([
        "def clip():  # call it between backward() and trainer.step()",
        "    gradients = [p.grad() for p in net.collect_params().values()]",
        *(f"    {line}" for line in lines),
    ])  # fmt: skip


def _fit(fit: Fit) -> None:
    rule = fit.rule
    if isinstance(rule, r.Nadam):
        fit.refuse(
            "MXNet's Nadam multiplies its momentum schedule once for each parameter, not each step"
        )
        fit.set_rule(r.Adam(rule.beta1, rule.beta2, rule.eps))
    elif isinstance(rule, r.Sgd) and rule.dampening:
        fit.refuse("MXNet has no dampening, which leaves the first gradient undamped")
        fit.set_rule(replace(rule, dampening=0.0))
        fit.scale_rate(1 - rule.dampening)
    elif isinstance(rule, r.RmsProp) and rule.momentum and not rule.centered:
        fit.refuse("MXNet's RMSProp has momentum only where it is centered")
        fit.set_rule(replace(rule, centered=True))
    elif isinstance(rule, r.Adagrad) and rule.initial:
        fit.refuse("MXNet's AdaGrad starts its sum at 0")
        fit.set_rule(replace(rule, initial=0.0))
    elif isinstance(rule, r.Lion) and rule.beta1 != rule.beta2:
        fit.refuse("MXNet has no Lion but Signum, whose β₁ and β₂ are one")
        fit.set_rule(r.Lion(rule.beta2, rule.beta2))
    elif isinstance(rule, r.Adamax) and rule.eps:
        fit.set_rule(replace(rule, eps=0.0))
        fit.given("eps", "ε is negligible (MXNet's Adamax has none)")
    fit.place_eps("raw" if isinstance(fit.rule, r.Adam) else "inside")
    fit.no_eps_root()
    fit.no_amsgrad("no")
    fit.place_clip_eps(0.0)
    fit.place_rate("inside")
    _fit_decay(fit)
    mxnet_schedulers.fit_schedule(fit)


def _fit_decay(fit: Fit) -> None:
    if isinstance(fit.rule, r.Adadelta):
        s, kind = fit.recipe.schedule, fit.recipe.decay.kind
        if s != r.Constant(1.0):
            fit.refuse("MXNet's AdaDelta has a learning rate of 1 and no other")
            fit.set_schedule(r.Constant(1.0))
        if kind == "decoupled":  # with a learning rate of 1 it is free of it
            fit.set_decay(kind="independent")
        return
    fit.no_independent()
    fit.recipe = r.normal(fit.recipe)
    decay = fit.recipe.decay
    if not isinstance(fit.rule, r.Adagrad | r.Lion):
        fit.couple()
    if fit.recipe.clip and fit.recipe.clip.of == "loss" and _in_loss(fit.recipe):
        fit.refuse("λ goes into MXNet's loss here, so that the bound is on its gradient too")
        fit.set_clip(of="penalised")
    if isinstance(fit.rule, r.Lion) and decay.kind == "decoupled" and not decay.bias:
        fit.refuse("Signum's wd_lh knows no wd_mult, so the bias would decay too")
        fit.set_decay(bias=True)


def _penalty(decay: r.Decay, in_loss: bool) -> str:
    terms = []
    if in_loss:
        terms.append(f"{number(decay.strength / 2)} * p.data().square().sum()")
    if decay.l1:
        terms.append(f"{number(decay.l1)} * p.data().abs().sum()")
    chosen = "" if decay.bias else ' if not name.endswith("bias")'
    return (
        "def penalty():  # add it to the loss\n"
        f"    parameters = net.collect_params().items()\n"
        f"    return sum({' + '.join(terms)} for name, p in parameters{chosen})"
    )


def _settings(recipe: Recipe, in_loss: bool) -> list[str]:
    rule, decay, s = recipe.rule, recipe.decay, recipe.schedule
    name, settings = _rule_settings(rule)
    if not isinstance(rule, r.Adadelta):
        settings = {"learning_rate": number(s.lr), **settings}
    if not in_loss and decay.kind != "none":
        signum = isinstance(rule, r.Lion) and decay.kind == "decoupled"
        settings["wd_lh" if signum else "wd"] = number(decay.strength)
    if recipe.clip is not None and not _clip_by_hand(recipe):
        settings["clip_gradient"] = number(recipe.clip.limit)
    lines = []
    scheduler = "" if isinstance(rule, r.Adadelta) else mxnet_schedulers.write(s)
    if scheduler:
        lines.append(f"scheduler = mx.lr_scheduler.{scheduler}")
        settings["lr_scheduler"] = "scheduler"
    if not in_loss and decay.kind != "none" and not decay.bias:
        lines.append('net.collect_params(".*bias").setattr("wd_mult", 0.0)')
    inside = ", ".join(f'"{key}": {value}' for key, value in settings.items())
    lines.append(f'trainer = mx.gluon.Trainer(net.collect_params(), "{name}", {{{inside}}})')
    return lines


def _rule_settings(rule: r.Rule) -> tuple[str, dict[str, str]]:
    if isinstance(rule, r.Sgd):
        momentum = {"momentum": number(rule.momentum)} if rule.momentum else {}
        return ("nag" if rule.nesterov else "sgd"), momentum
    if isinstance(rule, r.Adam):
        betas = {"beta1": number(rule.beta1), "beta2": number(rule.beta2)}
        return "adam", {**betas, "epsilon": number(rule.eps)}
    if isinstance(rule, r.RmsProp):
        settings = {"gamma1": number(rule.rho), "epsilon": number(rule.eps)}
        if rule.centered:
            settings |= {"centered": "True", "gamma2": number(rule.momentum)}
        return "rmsprop", settings
    if isinstance(rule, r.Adagrad):
        return "adagrad", {"eps": number(rule.eps)}
    if isinstance(rule, r.Adadelta):
        return "adadelta", {"rho": number(rule.rho), "epsilon": number(rule.eps)}
    if isinstance(rule, r.Adamax):
        return "adamax", {"beta1": number(rule.beta1), "beta2": number(rule.beta2)}
    assert isinstance(rule, r.Lion)
    return "signum", {"momentum": number(rule.beta2)}
