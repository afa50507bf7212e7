"""The guide's own λ: the Weight Decay chapter of Dive into Deep Learning.

``WeightDecayScratch(num_inputs, lambd, lr)`` trains ½ (w·x + b − y)² + lambd/2 ‖w‖² with plain SGD,
the bias free. ``WeightDecay(wd, lr)`` is the chapter's concise class, whose four versions are meant
to be the same; `weightdecay book` measures what they are.
"""

from __future__ import annotations

from weightdecay.errors import InputError
from weightdecay.translation import recipe as r
from weightdecay.translation.dialects.arguments import Arguments, Reading, signature
from weightdecay.translation.dialects.fitting import Fit, Written, number
from weightdecay.translation.recipe import Recipe
from weightdecay.translation.syntax import Call, Program, Statement, shown

FRAMEWORK = "the guide"
SCRATCH = signature("num_inputs, lambd, lr, sigma=0.01")
CONCISE = signature("wd, lr")


def canonical(name: str) -> str | None:
    """The class's name, where it is one of this dialect's."""
    short = name.rpartition(".")[2]
    known = ("WeightDecay", "WeightDecayScratch")
    return short if short in known and name in (short, f"d2l.{short}") else None


def complete(program: Program) -> Program:
    """The program as it is run: one model."""
    found = [s.value for s in program.statements]
    if len(found) == 1 and isinstance(found[0], Call) and found[0].on is None:
        name = canonical(found[0].name)
        if name is not None:
            made = Call(name, found[0].args, found[0].kwargs)
            return Program((Statement("model", made),))
    raise InputError(f"{shown(found[0])!r} is not read: write WeightDecay(lambd=3, lr=0.01).")


def read(program: Program) -> Reading:
    """The recipe of a model.

    Raises
    ------
    InputError
        It is none.
    """
    model = complete(program).statements[0].value
    assert isinstance(model, Call)
    named = {name for name, _ in model.kwargs}
    concise = "wd" in named or (model.name == "WeightDecay" and len(model.args) == 2)
    a = Arguments(model, CONCISE if concise else SCRATCH)
    lambd = a.number("wd" if concise else "lambd", least=0.0)
    decay = r.Decay("coupled", lambd, bias=False)
    return Reading(r.normal(Recipe(r.Sgd(), r.Constant(a.number("lr", above=0.0)), decay)))


def write(recipe: Recipe) -> Written:
    """A recipe as the guide's class."""
    fit = Fit(FRAMEWORK, recipe)
    rule = fit.rule
    fit.no_independent()
    fit.no_clip("the guide clips no gradient")
    fit.no_warmup("the guide's learning rate is constant")
    if rule != r.Sgd():
        fit.refuse(f"the guide trains with plain SGD, and this is {r.name(rule)}")
        if isinstance(rule, r.Sgd):
            fit.scale_rate(1 / (1 - rule.momentum))
        fit.set_rule(r.Sgd())
        fit.recipe = r.normal(fit.recipe)
    if not fit.recipe.constant:
        fit.flat("the guide's learning rate is constant")
    if fit.recipe.decay.l1:
        fit.refuse("the guide has no L1 penalty")
        fit.set_decay(l1=0.0)
    if fit.recipe.decay.kind != "none" and fit.recipe.decay.bias:
        fit.refuse("the guide's bias never decays")
        fit.set_decay(bias=False)
    fit.recipe = r.normal(fit.recipe)
    lambd, lr = number(fit.recipe.decay.strength), number(fit.recipe.schedule.lr)
    text = f"model = WeightDecayScratch(num_inputs, lambd={lambd}, lr={lr})"
    return Written("", text, fit.recipe, tuple(fit.conditions), tuple(fit.refusals))
