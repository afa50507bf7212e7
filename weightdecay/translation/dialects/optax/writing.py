"""From a recipe to an optax program."""

from __future__ import annotations

import math
from dataclasses import replace

from weightdecay.translation import recipe as r
from weightdecay.translation.dialects.fitting import Fit, Written, call, number
from weightdecay.translation.dialects.optax import schedules
from weightdecay.translation.dialects.optax.vocabulary import FRAMEWORK
from weightdecay.translation.recipe import Recipe

NOT_BIAS = (
    "def not_bias(params):\n"
    "    return jax.tree_util.tree_map_with_path(\n"
    '        lambda path, _: "bias" not in jax.tree_util.keystr(path), params\n'
    "    )"
)


def write(recipe: Recipe) -> Written:
    """A recipe as optax code."""
    fit = Fit(FRAMEWORK, recipe)
    _fit(fit)
    fit.recipe = r.normal(fit.recipe)
    decay = fit.recipe.decay
    prelude = [] if decay.bias or decay.kind == "none" else [NOT_BIAS]
    if decay.l1:
        prelude.append(_penalty(decay))
    return Written(
        "\n\n".join(prelude),
        _settings(fit.recipe),
        fit.recipe,
        tuple(fit.conditions),
        tuple(fit.refusals),
        readable=not decay.l1 and not isinstance(fit.schedule, r.InverseTime | r.InversePower),
    )


def _fit(fit: Fit) -> None:
    rule = fit.rule
    fit.place_eps("inside" if isinstance(rule, r.Adagrad | r.Adamax) else
                  rule.eps_at if isinstance(rule, r.RmsProp) else "corrected")  # fmt: skip
    fit.no_amsgrad("corrected")
    if isinstance(rule, r.Nadam) and not math.isinf(rule.momentum_decay):
        fit.refuse("optax's nadam has a constant momentum, and this one's grows with its schedule")
        fit.set_rule(replace(rule, momentum_decay=math.inf))
    if fit.recipe.decay.kind == "decoupled" and isinstance(fit.rule, r.Sgd | r.RmsProp):
        fit.place_rate("outside")  # where the decay and the step share the learning rate
    fit.place_clip_eps(0.0)
    clip = fit.recipe.clip
    if clip is not None and clip.by == "norm":
        fit.refuse("optax clips by the norm of all parameters together, not by each one's")
        fit.set_clip(by="global norm")
    fit.hold_cosine(periodic=False)
    s = fit.schedule
    if isinstance(s, r.Cosine):
        fit.unshift_cosine()


def _penalty(decay: r.Decay) -> str:
    term = f"{number(decay.l1)} * sum(jnp.abs(leaf).sum() for leaf in leaves)"
    if decay.bias:
        return (
            "def penalty(params):  # add it to the loss\n"
            "    leaves = jax.tree.leaves(params)\n"
            f"    return {term}"
        )
    return (
        "def penalty(params):  # add it to the loss\n"
        "    named = jax.tree_util.tree_leaves_with_path(params)\n"
        '    leaves = [leaf for path, leaf in named if "bias" not in jax.tree_util.keystr(path)]\n'
        f"    return {term}"
    )


def _settings(recipe: Recipe) -> str:
    schedule = schedules.write(recipe.schedule)
    rate = "schedule" if schedule else number(recipe.schedule.lr)
    lines = [f"schedule = {schedule}"] if schedule else []
    return "\n".join([*lines, f"optimizer = {_optimizer(recipe, rate)}"])


def _optimizer(recipe: Recipe, rate: str) -> str:
    """The optimizer's own name where it has one, else its chain."""
    rule, decay = recipe.rule, recipe.decay
    mask = None if decay.bias else "not_bias"

    def decayed(strength: float) -> str:
        return call("optax.add_decayed_weights", number(strength), mask=mask)

    coupled = [decayed(decay.strength)] if decay.kind == "coupled" else []
    independent = [decayed(-decay.strength)] if decay.kind == "independent" else []
    clip = recipe.clip
    bound = [] if clip is None else [
        call(f"optax.{'clip' if clip.by == 'value' else 'clip_by_global_norm'}", number(clip.limit))
    ]  # fmt: skip
    penalised = clip is not None and clip.of == "penalised"
    first = [*coupled, *bound] if penalised else [*bound, *coupled]
    own = _named(recipe, rate, mask)
    if own is not None:
        links = [*first, own, *independent]
    else:
        direction, after = _links(rule)
        decoupled = [decayed(decay.strength)] if decay.kind == "decoupled" else []
        scaled = call("optax.scale_by_learning_rate", rate)
        links = [*first, *direction, *decoupled, scaled, *after, *independent]
    return links[0] if len(links) == 1 else f"optax.chain({', '.join(links)})"


def _named(recipe: Recipe, rate: str, mask: str | None) -> str | None:
    """One call, where optax has one."""
    rule, decoupled = recipe.rule, recipe.decay.kind == "decoupled"
    decay = {"weight_decay": number(recipe.decay.strength), "mask": mask} if decoupled else {}
    if isinstance(rule, r.Sgd) and not decoupled and not rule.dampening and rule.rate == "outside":
        momentum = number(rule.momentum) if rule.momentum else None
        nesterov = "True" if rule.nesterov else None
        return call("optax.sgd", rate, momentum=momentum, nesterov=nesterov)
    if isinstance(rule, r.RmsProp) and not decoupled:
        if rule.momentum and rule.rate == "outside":
            return None
        momentum = number(rule.momentum) if rule.momentum else None
        centered = "True" if rule.centered else None
        return call("optax.rmsprop", rate, **_rms_settings(rule),
                    centered=centered, momentum=momentum)  # fmt: skip
    if isinstance(rule, r.Adagrad) and not decoupled:
        return call("optax.adagrad", rate, **_adagrad_settings(rule))
    if isinstance(rule, r.Adam) and rule.amsgrad == "corrected":
        return None if decoupled else call("optax.amsgrad", rate, **_adam_settings(rule))
    if isinstance(rule, r.Adam | r.Nadam):
        name = ("n" if isinstance(rule, r.Nadam) else "") + "adam" + ("w" if decoupled else "")
        return call(f"optax.{name}", rate, **_adam_settings(rule), **decay)
    if isinstance(rule, r.Lion):
        none = {} if decoupled else {"weight_decay": "0.0"}
        betas = {"b1": number(rule.beta1), "b2": number(rule.beta2)}
        return call("optax.lion", rate, **betas, **decay, **none)
    if isinstance(rule, r.Adadelta) and not decoupled:
        return call("optax.adadelta", rate, rho=number(rule.rho), eps=number(rule.eps))
    if isinstance(rule, r.Adamax):
        name = "adamaxw" if decoupled else "adamax"
        betas = {"b1": number(rule.beta1), "b2": number(rule.beta2)}
        return call(f"optax.{name}", rate, **betas, eps=number(rule.eps), **decay)
    return None


def _links(rule: r.Rule) -> tuple[list[str], list[str]]:
    """The direction, and what comes after the learning rate."""
    before: list[str] = []
    if isinstance(rule, r.Sgd) and rule.dampening:
        factors = f"{{1: {number(1 - rule.dampening)}}}"
        damping = call("optax.piecewise_constant_schedule", "1.0", factors)
        before.append(call("optax.scale_by_schedule", damping))
    elif isinstance(rule, r.RmsProp):
        name = "scale_by_stddev" if rule.centered else "scale_by_rms"
        before.append(call(f"optax.{name}", **_rms_settings(rule)))
    elif isinstance(rule, r.Adagrad):
        before.append(call("optax.scale_by_rss", **_adagrad_settings(rule)))
    elif isinstance(rule, r.Adam):
        before.append(call("optax.scale_by_amsgrad", **_adam_settings(rule)))
    elif isinstance(rule, r.Adadelta):
        before.append(call("optax.scale_by_adadelta", rho=number(rule.rho), eps=number(rule.eps)))
    if not isinstance(rule, r.Sgd | r.RmsProp) or not rule.momentum:
        return before, []
    nesterov = "True" if isinstance(rule, r.Sgd) and rule.nesterov else None
    trace = call("optax.trace", number(rule.momentum), nesterov=nesterov)
    return (before, [trace]) if rule.rate == "inside" else ([*before, trace], [])


def _adam_settings(rule: r.Adam | r.Nadam) -> dict[str, str]:
    settings = {"b1": number(rule.beta1), "b2": number(rule.beta2), "eps": number(rule.eps)}
    if isinstance(rule, r.Adam) and rule.eps_root:
        settings["eps_root"] = number(rule.eps_root)
    return settings


def _rms_settings(rule: r.RmsProp) -> dict[str, str]:
    inside = {} if rule.eps_at == "inside" else {"eps_in_sqrt": "False"}
    return {"decay": number(rule.rho), "eps": number(rule.eps), **inside}


def _adagrad_settings(rule: r.Adagrad) -> dict[str, str]:
    return {"initial_accumulator_value": number(rule.initial), "eps": number(rule.eps)}
