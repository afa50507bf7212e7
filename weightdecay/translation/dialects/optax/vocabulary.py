"""The names of optax and their arguments, as optax 0.2 has them."""

from __future__ import annotations

from weightdecay.errors import InputError
from weightdecay.translation import selection
from weightdecay.translation.dialects.arguments import known, mentions_bias, signatures
from weightdecay.translation.syntax import (
    Call,
    Constant,
    Name,
    Node,
    Program,
    Selection,
    Statement,
    Table,
    shown,
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
        "clip": "max_delta",
        "clip_by_global_norm": "max_norm",
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
        "join_schedules": "schedules, boundaries",
        "warmup_constant_schedule": "init_value, peak_value, warmup_steps",
        "warmup_cosine_decay_schedule": "init_value, peak_value, warmup_steps, decay_steps, "
        "end_value=0.0, exponent=1.0",
        "warmup_exponential_decay_schedule": "init_value, peak_value, warmup_steps, "
        "transition_steps, decay_rate, transition_begin=0, staircase=False, end_value=None",
    }
)
KNOWN = {**OPTIMIZERS, **TRANSFORMS, **SCHEDULES}
MASKS = ("mask", "weight_decay_mask")


def canonical(name: str) -> str | None:
    """The name in full, where it is one of this dialect's; an error where it is nearly one."""
    if not name.startswith("optax."):
        return None
    short = name.rpartition(".")[2]
    if short == "additive_weight_decay":
        short = "add_decayed_weights"  # its name until 2021
    return f"optax.{known('optax function', short, '', ['chain', *KNOWN])}"


def complete(program: Program) -> Program:
    """The program as it can be built: names in full, and every mask that leaves out the bias."""
    statements = []
    for statement in program.statements:
        value = _full(statement.value)
        if not isinstance(value, Call) or not value.name.startswith("optax."):
            raise InputError(f"{shown(value)!r} is not read: an optax text is optax calls.")
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
    if node.name.rpartition(".")[2] == "add_decayed_weights" and len(args) > 1:
        args = (args[0], _mask("mask", args[1]), *args[2:])
    kwargs = [(k, _full(_mask(k, v) if k in MASKS else v)) for k, v in node.kwargs]
    return Call(canonical(node.name) or node.name, args, tuple(kwargs))


def _mask(name: str, mask: Node) -> Node:
    """Ours, where a mask leaves out the bias."""
    if mask == Constant(None):
        return mask
    if not _excludes_bias(mask):
        raise InputError(
            f"{name} is {shown(mask)}: a mask is read where it leaves out the bias, such as "
            'mask={"w": True, "b": False} or mask=not_bias.'
        )
    return Name("not_bias")


def _excludes_bias(mask: Node) -> bool:
    if isinstance(mask, Selection):
        kinds = selection.kinds(mask)
        return kinds is not None and "weights" in kinds and "biases" not in kinds
    if isinstance(mask, Table):
        named = [(k.value, v) for k, v in mask.pairs if isinstance(k, Constant)]
        out = [str(k) for k, v in named if v == Constant(False)]
        kept = [str(k) for k, v in named if v == Constant(True)]
        is_bias = [mentions_bias(k) or k.lower() == "b" for k in out]
        return bool(out) and all(is_bias) and not any(mentions_bias(k) for k in kept)
    return isinstance(mask, Name) and "bias" in mask.name.lower()
