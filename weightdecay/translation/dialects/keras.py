"""Keras 3: keras.optimizers, its schedules and its regularizers.

``weight_decay`` is decoupled in every optimizer, SGD with momentum included; a regularizer in the
layers is coupled, and L2(c) is c‖w‖², so c = λ/2. Momentum has the learning rate inside its buffer.
Adam has ε beside √v before the bias correction; RMSprop and Adagrad have it inside the root.
Read with Keras 3.15.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from weightdecay.errors import InputError, UnknownNameError
from weightdecay.translation import recipe as r
from weightdecay.translation.dialects import keras_legacy as legacy
from weightdecay.translation.dialects import keras_schedules
from weightdecay.translation.dialects.arguments import (
    Arguments,
    Reading,
    Signature,
    known,
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
    shown,
)

FRAMEWORK = "Keras"
SCHEDULES = keras_schedules.SCHEDULES
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
EXCLUDE = "exclude_from_weight_decay"
REGULARIZERS = signatures({"L1": "l1=0.01", "L2": "l2=0.01", "L1L2": "l1=0.0, l2=0.0"})
_SMALL = {"l1": "L1", "l2": "L2", "l1_l2": "L1L2"}


def canonical(name: str) -> str | None:
    """The name in full, where it is one of this dialect's; an error where it is nearly one."""
    added = legacy.addons(name)
    if added is not None:
        known("optimizer of TensorFlow Addons", added, legacy.ADDONS, legacy.ADDONS_OPTIMIZERS)
        return added
    for old in ("tf.optimizers.", "tensorflow.optimizers."):
        name = f"keras.optimizers.{name.removeprefix(old)}" if name.startswith(old) else name
    for prefix in ("keras.", "tf.keras.", "tensorflow.keras."):
        if name.startswith(prefix):
            rest = name.removeprefix(prefix)
            kind, _, short = rest.rpartition(".")
            if kind in ("optimizers.legacy", "optimizers.experimental"):
                kind = "optimizers"
            if kind == "optimizers.schedules":
                return f"keras.{kind}.{known('Keras schedule', short, '', SCHEDULES)}"
            if kind == "optimizers":
                return f"keras.{kind}.{known('Keras optimizer', short, '', OPTIMIZERS)}"
            if kind == "regularizers":
                short = _SMALL.get(short, short)
                return f"keras.{kind}.{known('Keras regularizer', short, '', REGULARIZERS)}"
            if kind != "layers":  # which are read for their regularizers, and never made
                raise UnknownNameError(
                    "part of Keras", rest, ["optimizers", "regularizers", "layers"]
                )
    return None


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
                raise InputError(f"{shown(value)!r} has no regularizer: leave it out.")
            target, value = "decay", Table(pairs)
        elif isinstance(value, Table):
            target = "decay"
        elif isinstance(value, Call) and _is_optimizer(value, with_schedules=True):
            if _is_optimizer(value):
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


def _is_optimizer(call: Call, with_schedules: bool = False) -> bool:
    kind, _, _ = call.name.rpartition(".")
    return kind in ("keras.optimizers", "tfa.optimizers") or (
        with_schedules and kind == "keras.optimizers.schedules"
    )


def _full(node: Node) -> Node:
    if isinstance(node, Call) and node.on is None:
        args = tuple(_full(arg) for arg in node.args)
        kwargs = tuple((name, _full(value)) for name, value in node.kwargs)
        found = Call(canonical(node.name) or node.name, args, kwargs)
        if not _is_optimizer(found):
            return found
        signature = _signature(found)
        return legacy.modern(found, signature.positional[0], signature.defaults["learning_rate"])
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
    old, told = legacy.is_old(program), legacy.notes(program)
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
        elif isinstance(value, Call) and _is_optimizer(value):
            if optimizer is not None:
                raise InputError("the text has two optimizers: give one.")
            optimizer = (statement.target or "", value)
        elif optimizer and isinstance(value, Call) and value.name == f"optimizer.{EXCLUDE}":
            bias = False
        else:
            raise InputError(
                f"{shown(value)!r} is not read: a Keras text is an optimizer, its schedule, "
                "a layer with regularizers and exclude_from_weight_decay."
            )
    if optimizer is None:
        raise InputError("the text has no optimizer: add one, such as keras.optimizers.SGD(0.1).")
    found = _reading(optimizer[1], assigned, penalty, bias)
    if not old:
        return found
    rule = legacy.rule(found.recipe.rule)
    runs = rule == found.recipe.rule and not optimizer[1].name.startswith(legacy.ADDONS)
    recipe = r.normal(replace(found.recipe, rule=rule))
    return replace(found, recipe=recipe, notes=tuple(told), runs=runs)


def _signature(optimizer: Call) -> Signature:
    short = optimizer.name.rpartition(".")[2]
    added = optimizer.name.startswith(legacy.ADDONS)
    return (legacy.ADDONS_OPTIMIZERS if added else OPTIMIZERS)[short]


def _reading(
    optimizer: Call,
    assigned: dict[str, Node],
    penalty: tuple[float, float, bool] | None,
    bias: bool,
) -> Reading:
    short = optimizer.name.rpartition(".")[2]
    a = Arguments(optimizer, _signature(optimizer))
    rate = a.node("learning_rate")
    rate = assigned.get(rate.name, rate) if isinstance(rate, Name) else rate
    dropped: list[str] = []
    if isinstance(rate, Call):
        if not rate.name.startswith("keras.optimizers.schedules."):
            raise InputError(f"learning_rate is {shown(rate)!r}: write a number or a schedule.")
        bound = Arguments(rate, SCHEDULES[rate.name.rpartition(".")[2]])
        schedule = keras_schedules.read(bound)
        dropped += bound.unread()
    else:
        schedule = r.Constant(a.number("learning_rate", above=0.0))
    rule = _rule(short, a)
    wd = a.number("weight_decay", least=0.0)
    decay = r.Decay("decoupled", wd, bias=bias)
    if optimizer.name.startswith(legacy.ADDONS):
        spared = a.node("exclude_from_weight_decay")
        if spared != Constant(None) and not mentions_bias(render(spared)):
            raise InputError('exclude_from_weight_decay leaves out another: write ["bias"].')
        decay = r.Decay("independent", wd, bias=bias and spared == Constant(None))
    if penalty is not None:
        l1, l2, penalized_bias = penalty
        if wd:
            raise InputError(
                "the text has both a regularizer and weight_decay: a translation of one of them at "
                "a time is measured, so give one."
            )
        decay = r.Decay("coupled", 2 * l2, l1, penalized_bias)
    clip = _clip(a, penalty is not None)
    dropped = [*a.unread(), *dropped]
    return Reading(r.normal(Recipe(rule, schedule, decay, clip)), tuple(dropped))


_CLIPS: dict[str, Literal["value", "norm", "global norm"]] = {
    "clipvalue": "value", "clipnorm": "norm", "global_clipnorm": "global norm",
}  # fmt: skip


def _clip(a: Arguments, penalised: bool) -> r.Clip | None:
    """The bound on the gradients, which a regularizer is part of and weight_decay is not."""
    found = {name: a.number(name, least=0.0) for name in _CLIPS}
    given = {name: limit for name, limit in found.items() if limit}
    if len(given) > 1:
        raise InputError(f"{' and '.join(given)} are given: Keras takes one of them.")
    for name, limit in given.items():
        return r.Clip(_CLIPS[name], limit, "penalised" if penalised else "loss")
    return None


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
            raise InputError(f"{name} is {shown(node)!r}: write keras.regularizers.L2(…).")
        short = node.name.rpartition(".")[2]
        a = Arguments(node, REGULARIZERS[short])
        l1 = a.number("l1", least=0.0) if "1" in short else 0.0
        return l1, a.number("l2", least=0.0) if "2" in short else 0.0

    for key, _ in table.pairs:
        if key not in (Constant("kernel_regularizer"), Constant("bias_regularizer")):
            raise InputError(f"{shown(key)} is not read: kernel_ and bias_regularizer are.")
    kernel, bias = strengths("kernel_regularizer"), strengths("bias_regularizer")
    if bias not in ((0.0, 0.0), kernel):
        raise InputError("the bias has a regularizer unlike the kernel's: give both the same.")
    return (*kernel, bias == kernel)


def _rule(short: str, a: Arguments) -> r.Rule:
    if short in ("SGD", "SGDW"):
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
        fit.scale_rate(1 - rule.dampening)
    if isinstance(rule, r.Nadam) and rule.momentum_decay != 1:
        fit.refuse("Keras's Nadam has a momentum_decay of 1 and no other")
        fit.set_rule(replace(rule, momentum_decay=1.0))
    fit.no_independent()
    fit.place_rate("inside")
    fit.place_eps("outside" if isinstance(rule, r.Adamax) else
                  "raw" if isinstance(rule, r.Adam) else "inside")  # fmt: skip
    fit.no_eps_root()
    fit.no_amsgrad("raw")
    fit.place_clip_eps(0.0)
    fit.recipe = r.normal(fit.recipe)
    clip, decay = fit.recipe.clip, fit.recipe.decay
    if clip and clip.of == "loss" and decay.kind == "coupled" and not _own(fit.recipe):
        fit.refuse("Keras clips the gradient with that of a regularizer in it, not without")
        fit.set_clip(of="penalised")
    fit.no_floor()
    fit.unshift_cosine()
    fit.hold_cosine(periodic=False)
    if isinstance(fit.schedule, r.InversePower):
        fit.flat("Keras has no schedule lr / (t + 1)^power")
    if not isinstance(fit.schedule, r.Cosine):
        fit.no_warmup("of Keras's own schedules CosineDecay alone has a warm-up")


def _own(recipe: Recipe) -> bool:
    """Whether the decay is `weight_decay`, and not a regularizer.

    Plain SGD's is, unless there is an L1 term, which only the layers take, or a bound on the
    gradient with λw in it.
    """
    decay, clip = recipe.decay, recipe.clip
    plain = recipe.rule == r.Sgd() and decay.kind == "coupled"
    inside = clip is not None and clip.of == "penalised"
    return (decay.kind == "decoupled" or (plain and not inside)) and not decay.l1


def _settings(recipe: Recipe) -> list[str]:
    rule, decay = recipe.rule, recipe.decay
    lines = []
    settings: dict[str, object] = {"learning_rate": number(recipe.schedule.lr)}
    schedule = keras_schedules.write(recipe.schedule)
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
    own = _own(recipe)
    if own:
        settings["weight_decay"] = number(decay.strength)
    elif decay.kind == "coupled" or decay.l1:
        lines.append(f"decay = {_regularizers(decay)}  # for every layer: Dense(…, **decay)")
    for argument, by in _CLIPS.items():
        if recipe.clip is not None and recipe.clip.by == by:
            settings[argument] = number(recipe.clip.limit)
    lines.append(f"optimizer = {call(f'keras.optimizers.{name}', **settings)}")
    if own and not decay.bias:
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
