"""scikit-learn: SGDRegressor as a training rule; Ridge, Lasso and ElasticNet as objectives.

    Ridge         ‖Xw − y‖² + alpha ‖w‖²                           λ = alpha/n
    Lasso         ‖Xw − y‖²/(2n) + alpha ‖w‖₁                      λ₁ = alpha
    ElasticNet    … + alpha·l1_ratio ‖w‖₁ + alpha (1 − l1_ratio)/2 ‖w‖²
    SGDRegressor  w ← (1 − η·alpha) w − ηg, one example at a time  λ = alpha

The intercept never decays. Read with scikit-learn 1.7.
"""

from __future__ import annotations

from weightdecay.errors import InputError, UnknownNameError
from weightdecay.translation import recipe as r
from weightdecay.translation.dialects.arguments import Arguments, Reading, signatures
from weightdecay.translation.dialects.fitting import Fit, Written, call, number
from weightdecay.translation.recipe import Recipe
from weightdecay.translation.syntax import Call, Program, Statement, shown

FRAMEWORK = "scikit-learn"
SHRINKS = "SGDRegressor's factor 1 − η·alpha stops at 0"
ESTIMATORS = signatures(
    {
        "Ridge": "alpha=1.0, *, fit_intercept=True, copy_X=True, max_iter=None, tol=1e-4, "
        "solver='auto', positive=False, random_state=None",
        "Lasso": "alpha=1.0, *, fit_intercept=True, precompute=False, copy_X=True, max_iter=1000, "
        "tol=1e-4, warm_start=False, positive=False, random_state=None, selection='cyclic'",
        "ElasticNet": "alpha=1.0, *, l1_ratio=0.5, fit_intercept=True, precompute=False, "
        "max_iter=1000, copy_X=True, tol=1e-4, warm_start=False, positive=False, "
        "random_state=None, selection='cyclic'",
        "SGDRegressor": "loss='squared_error', *, penalty='l2', alpha=1e-4, l1_ratio=0.15, "
        "fit_intercept=True, max_iter=1000, tol=1e-3, shuffle=True, verbose=0, epsilon=0.1, "
        "random_state=None, learning_rate='invscaling', eta0=0.01, power_t=0.25, "
        "early_stopping=False, validation_fraction=0.1, n_iter_no_change=5, warm_start=False, "
        "average=False",
    }
)
_SOLVING = (
    "copy_X", "max_iter", "tol", "solver", "random_state", "precompute", "warm_start", "selection",
    "shuffle", "verbose", "early_stopping", "validation_fraction", "n_iter_no_change",
)  # fmt: skip
"""Arguments that choose how long and how the same problem is solved."""


def canonical(name: str) -> str | None:
    """The name in full, where it is one of this dialect's; an error where it is nearly one."""
    prefixes = ("sklearn.linear_model.", "linear_model.")
    for prefix in prefixes:
        if name.startswith(prefix) and name.removeprefix(prefix) not in ESTIMATORS:
            raise UnknownNameError("estimator", name.removeprefix(prefix), ESTIMATORS)
    short = name.rpartition(".")[2]
    if short in ESTIMATORS and name in (short, *(f"{p}{short}" for p in prefixes)):
        return f"sklearn.linear_model.{short}"
    return None


def complete(program: Program) -> Program:
    """The program as it can be built: one estimator, its name in full."""
    found = [s.value for s in program.statements]
    if len(found) == 1 and isinstance(found[0], Call) and found[0].on is None:
        name = canonical(found[0].name)
        if name is not None:
            made = Call(name, found[0].args, found[0].kwargs)
            return Program((Statement("estimator", made),))
    raise InputError(f"{shown(found[0])!r} is not read: write one estimator.")


def read(program: Program, n: int | None = None) -> Reading:
    """The recipe of an estimator; Ridge's λ needs the number of examples.

    Raises
    ------
    InputError
        It is none, or `n` is missing.
    """
    estimator = complete(program).statements[0].value
    assert isinstance(estimator, Call)
    short = estimator.name.rpartition(".")[2]
    a = Arguments(estimator, ESTIMATORS[short])
    for name in _SOLVING:
        if name in ESTIMATORS[short].defaults:
            a.node(name)
    alpha = a.number("alpha", least=0.0)
    if short == "SGDRegressor":
        return _sgd(a, alpha)
    if short == "Ridge":
        if n is None:
            raise InputError(
                "Ridge's alpha is λ times the number of examples: give that number with --n "
                "(translate(..., n=100) in Python)."
            )
        decay = r.Decay("coupled", alpha / n, bias=False)
    elif short == "Lasso":
        decay = r.Decay(l1=alpha, bias=False)
    else:
        ratio = a.number("l1_ratio", least=0.0, most=1.0)
        decay = r.Decay("coupled", alpha * (1 - ratio), alpha * ratio, bias=False)
    # η is no part of an objective: this one is small enough for standardized inputs.
    recipe = Recipe(r.Objective(), r.Constant(0.01), decay)
    return Reading(r.normal(recipe), tuple(a.unread()))


def _sgd(a: Arguments, alpha: float) -> Reading:
    dropped = []
    if a.value("loss") != "squared_error":
        raise InputError(f"loss is {a.value('loss')!r}: λ is translated for 'squared_error'.")
    penalty = a.value("penalty")
    l1 = {"l1": alpha, "elasticnet": alpha * a.number("l1_ratio", least=0.0, most=1.0)}
    if penalty in l1:
        dropped.append(f"penalty={penalty!r}, whose L1 part SGDRegressor truncates at 0")
    elif penalty not in ("l2", None):
        raise UnknownNameError("penalty", penalty, ["l1", "l2", "elasticnet"])
    strength = 0.0 if penalty is None else alpha - l1.get(penalty, 0.0)
    eta0, rate = a.number("eta0", above=0.0), a.value("learning_rate")
    schedule: r.Schedule = r.Constant(eta0)
    if rate == "invscaling":
        schedule = r.InversePower(eta0, a.number("power_t"))
    elif rate != "constant":
        raise InputError(
            f"learning_rate is {rate!r}, which follows the training: 'constant' and 'invscaling' "
            "are translated."
        )
    if eta0 * strength > 1:
        dropped.append(f"alpha={alpha:g}, where {SHRINKS}")
    decay = r.Decay("coupled", strength, l1.get(penalty, 0.0), bias=False)
    recipe = Recipe(r.Sgd(), schedule, decay)
    return Reading(r.normal(recipe), (*a.unread(), *dropped))


# --- writing ------------------------------------------------------------------------------------


def write(recipe: Recipe, n: int | None = None) -> Written:
    """A recipe as an estimator: an objective as one, a training rule as SGDRegressor.

    Raises
    ------
    InputError
        Ridge needs `n`.
    """
    fit = Fit(FRAMEWORK, recipe)
    if isinstance(recipe.rule, r.Objective):
        text = _objective(recipe.decay, n)
    else:
        _fit(fit)
        text = _regressor(fit.recipe)
    return Written("", f"estimator = sklearn.linear_model.{text}", fit.recipe,
                   tuple(fit.conditions), tuple(fit.refusals))  # fmt: skip


def _objective(decay: r.Decay, n: int | None) -> str:
    l1, l2 = decay.l1, decay.strength
    if not l1:
        if n is None:
            raise InputError("Ridge's alpha is λ times the number of examples: give that with --n.")
        return f"Ridge(alpha={number(l2 * n)})"
    if not l2:
        return f"Lasso(alpha={number(l1)})"
    return f"ElasticNet(alpha={number(l1 + l2)}, l1_ratio={number(l1 / (l1 + l2))})"


def _fit(fit: Fit) -> None:
    rule = fit.rule
    fit.no_independent()
    fit.no_clip("SGDRegressor clips no gradient")
    fit.no_warmup("SGDRegressor has no warm-up")
    if rule != r.Sgd():
        fit.refuse(f"scikit-learn's SGDRegressor is plain SGD, and this is {r.name(rule)}")
        if isinstance(rule, r.Sgd):
            fit.scale_rate(1 / (1 - rule.momentum))
        fit.set_rule(r.Sgd())
        fit.recipe = r.normal(fit.recipe)
    decay = fit.recipe.decay
    if decay.kind != "none" and decay.bias:
        fit.refuse("scikit-learn's intercept never decays")
        fit.set_decay(bias=False)
    if decay.strength * max(fit.schedule.lr, fit.recipe.schedule.at(0)) > 1:
        fit.refuse(SHRINKS)
    if decay.l1:
        fit.refuse("SGDRegressor truncates its L1 steps at 0")
    if not isinstance(fit.recipe.schedule, r.Constant | r.InversePower):
        fit.flat("SGDRegressor has no schedule of that form")


def _regressor(recipe: Recipe) -> str:
    decay, s = recipe.decay, recipe.schedule
    settings: dict[str, object] = {"penalty": "None", "alpha": number(decay.strength)}
    if decay.l1:
        total = decay.strength + decay.l1
        settings = {
            "penalty": '"elasticnet"',
            "alpha": number(total),
            "l1_ratio": number(decay.l1 / total),
        }
    elif decay.kind != "none":
        settings["penalty"] = '"l2"'
    settings["learning_rate"] = '"constant"' if isinstance(s, r.Constant) else '"invscaling"'
    settings["eta0"] = number(s.lr)
    settings["power_t"] = number(s.power) if isinstance(s, r.InversePower) else None
    return call("SGDRegressor", **settings)
