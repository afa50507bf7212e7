"""`translate`: from a text to code for another framework, and the proof that it is the same."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np

from weightdecay import bounds
from weightdecay.errors import BackendError, MissingExtraError, WeightDecayError
from weightdecay.translation import dialects, equations, negligible, notes, proof
from weightdecay.translation import recipe as r
from weightdecay.translation.dialects.arguments import MEANINGS, Reading
from weightdecay.translation.dialects.fitting import Condition, Written
from weightdecay.translation.proof import Problem, Rehearsals, Trajectory
from weightdecay.translation.recipe import Recipe
from weightdecay.translation.syntax import parse, settled
from weightdecay.validate import integer

Verdict: TypeAlias = Literal["exact", "conditional", "refused", "unproven"]
NOT_FINITE = "the source's own steps leave the finite numbers, so that nothing can be compared"


class ProofError(WeightDecayError):
    """A translation that should be exact is not, by measurement: a fault of this program."""

    exit_code = 1


@dataclass(frozen=True)
class Translation:
    """What to write, and what was measured.

    Attributes
    ----------
    source, source_framework, target_framework : str
    recipe : Recipe
        What the source does, in the words of `weightdecay.translation.recipe`.
    equation : str
        The same as equations.
    code : str
        What to write; the nearest setting where the translation is refused.
    verdict : str
        'exact', 'conditional' (exact given `conditions`), 'refused' (for `reasons`), or 'unproven'
        (a framework is missing, as `missing` says).
    conditions, reasons, notes : tuple of str
    difference : float or None
        Largest |w − w₀| over the largest |w₀| in `steps` steps on the same random gradients, w₀ the
        source's, with the settings as they are given.
    exact_difference : float or None
        The same where the conditions are made true: with ε = 0, or in fewer steps.
    tolerance : float
        What counts as rounding for these frameworks.
    steps, seed : int
    method : str
        What was run.
    missing : str or None
    """

    source: str
    source_framework: str
    target_framework: str
    recipe: Recipe
    equation: str
    code: str
    verdict: Verdict
    conditions: tuple[str, ...]
    reasons: tuple[str, ...]
    notes: tuple[str, ...]
    difference: float | None
    exact_difference: float | None
    tolerance: float
    steps: int
    seed: int
    method: str
    missing: str | None = None


def translate(
    source: str,
    to: str,
    *,
    n: int | None = None,
    exclude_bias: bool = False,
    seed: int = 0,
    steps: int = proof.STEPS,
    rehearsals: Rehearsals | None = None,
) -> Translation:
    """Translate optimizer settings, and run both sides.

    Parameters
    ----------
    source : str
        Settings as they are written in torch, Keras, optax, MXNet, scikit-learn or the guide. Read,
        never evaluated.
    to : str
        'torch', 'keras', 'optax', 'mxnet', 'sklearn' or 'book'.
    n : int, optional
        The number of training examples, at most 10¹⁵, which Ridge's alpha is a multiple of.
    exclude_bias : bool
        Leave the bias out of the decay, on both sides.
    seed, steps : int
        Of the random gradients that both are given.
    rehearsals : Rehearsals, optional
        Workers to use again; by default each call starts its own.

    Raises
    ------
    InputError
        The text cannot be read, or `n` is missing.
    ProofError
        A translation that should be exact is not.
    """
    n = None if n is None else integer("n", n, 1, bounds.EXAMPLES)
    seed = integer("seed", seed, 0, bounds.SEED32)
    program = settled(parse(source))
    origin = dialects.recognise(program)
    reading = dialects.read(origin, program, n)
    recipe = reading.recipe
    text, printed = source, False
    if exclude_bias and recipe.decay.bias and recipe.decay != r.NO_DECAY:
        recipe = r.normal(replace(recipe, decay=replace(recipe.decay, bias=False)))
        written = dialects.write(origin, recipe, n)
        text, printed = written.code, True
    written = dialects.write(to, recipe, n)
    dropped = (_dropped(what, origin) for what in reading.dropped)
    reasons = (*dropped, *written.refusals, *negligible.unheld(recipe))
    claim = _Claim(
        source, text, printed, origin, to, recipe, reading, written, reasons, n, seed, steps,
    )  # fmt: skip
    if rehearsals is not None:
        return _proved(claim, rehearsals)
    with Rehearsals() as own:
        return _proved(claim, own)


def _dropped(what: str, origin: str) -> str:
    framework = dialects.dialect(origin).FRAMEWORK
    if ", wh" in what:  # it stands in the code, and does something else there
        return f"{what.rstrip(',')}: what {framework} does there is not translated by this program"
    meaning = MEANINGS.get(what.partition("=")[0])
    told = f" ({meaning})" if meaning else ""
    return f"{what} of {framework} is not translated by this program, and is left out{told}"


@dataclass(frozen=True)
class _Claim:
    """A translation before its proof."""

    source: str
    text: str
    printed: bool
    origin: str
    to: str
    recipe: Recipe
    reading: Reading
    written: Written
    reasons: tuple[str, ...]
    n: int | None
    seed: int
    steps: int

    def translation(self, verdict: Verdict, difference: float | None, **others: Any) -> Translation:
        """The answer, with what is left unsaid filled in."""
        return Translation(
            **{
                "source": self.source,
                "source_framework": self.origin,
                "target_framework": self.to,
                "recipe": self.recipe,
                "equation": equations.describe(self.recipe),
                "code": self.written.code,
                "verdict": verdict,
                "conditions": (),
                "reasons": (),
                "notes": self.notes,
                "difference": difference,
                "exact_difference": None,
                "tolerance": self.tolerance,
                "steps": self.steps,
                "seed": self.seed,
                "method": _method(self),
                **others,
            }
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """What was understood, and what the code does not say."""
        settings = self.written.settings
        return self.reading.notes + notes.of(self.origin, self.to, self.recipe, settings)

    @property
    def tolerance(self) -> float:
        """What counts as rounding."""
        return proof.tolerance((self.origin, self.recipe), (self.to, self.written.recipe))


def _method(claim: _Claim) -> str:
    target = "the code in its framework"
    if isinstance(claim.recipe.rule, r.Objective):
        if claim.reading.dropped:
            return "the estimator as it is and as it is translated, fitted to the same random data"
        if claim.to == "sklearn":
            return "both estimators fitted to the same random data"
        source = "the objective's penalised gradient by plain SGD in NumPy"
    elif not claim.reading.runs:
        source = "the source's equations in NumPy, as its framework of today does not run it"
    else:
        return "both on the same random gradients of size 1, each in its own framework"
    return f"{source}, and {target}, on the same random gradients"


def _proved(claim: _Claim, rehearsals: Rehearsals) -> Translation:
    try:
        rehearsals.require(*([claim.origin] if claim.reading.runs else []), claim.to)
        return _measured(claim, rehearsals)
    except (BackendError, MissingExtraError) as error:
        conditions = tuple(c.text for c in claim.written.conditions)
        return claim.translation(
            "unproven", None, conditions=conditions, reasons=claim.reasons, missing=str(error)
        )


def _measured(claim: _Claim, rehearsals: Rehearsals) -> Translation:
    if isinstance(claim.recipe.rule, r.Objective):
        return _of_objective(claim, rehearsals)
    single = "sklearn" in (claim.origin, claim.to)
    given = Problem.of(claim.recipe, claim.seed, claim.steps, single)
    source = _source(claim, rehearsals, claim.recipe, given)
    if not all(np.isfinite(values).all() for values in source.values()):
        return claim.translation("refused", None, reasons=(*claim.reasons, NOT_FINITE))
    target = rehearsals.run(claim.to, claim.written.code, True, claim.written.recipe, given)
    found = _judged(claim, rehearsals, given, target, source)
    if found.verdict == "refused":
        return found
    unseen = notes.unseen(claim.recipe, given, claim.tolerance)
    return replace(found, notes=(*found.notes, *unseen))


def _source(claim: _Claim, rehearsals: Rehearsals, recipe: Recipe, given: Problem) -> Trajectory:
    """The source's own steps, its settings as they stand or those of another recipe."""
    if not claim.reading.runs:
        return rehearsals.reference(recipe, given)
    text, printed = claim.text, claim.printed
    if recipe != claim.recipe:
        text, printed = dialects.write(claim.origin, recipe, claim.n).code, True
    return rehearsals.run(claim.origin, text, printed, recipe, given)


def _judged(
    claim: _Claim, rehearsals: Rehearsals, given: Problem, target: Trajectory, source: Trajectory
) -> Translation:
    apart = proof.difference(target, source)
    if claim.reasons:  # whatever was measured: a trial does not reach every setting
        return claim.translation("refused", apart, reasons=claim.reasons)
    conditions = claim.written.conditions
    if not conditions and apart <= claim.tolerance:
        return claim.translation("exact", apart)
    large = _not_negligible(claim, given, target, source)
    if large:
        return claim.translation("refused", apart, reasons=large)
    exact = _made_true(claim, rehearsals, given, rounded=False)
    texts = [c.text for c in conditions]
    if exact > claim.tolerance:
        exact = _made_true(claim, rehearsals, given, rounded=True)
        texts.append(
            "the settings are numbers that float32 holds, to which they are rounded by "
            f"{_float32_side(claim)}"
        )
    if exact > claim.tolerance or (claim.tolerance == proof.TOLERANCE and not conditions):
        raise _contradicted(claim, exact)
    return claim.translation("conditional", apart, conditions=tuple(texts), exact_difference=exact)


def _not_negligible(
    claim: _Claim, given: Problem, target: Trajectory, source: Trajectory
) -> tuple[str, ...]:
    """The conditions that call something negligible that is not: beside the steps, or measured."""
    conditions = claim.written.conditions
    small = [c for c in conditions if c.kind in ("eps", "large gradients")]
    if not small:
        return ()

    def told(condition: Condition, makes: str) -> str:
        return condition.text.replace(" is negligible", f" is not negligible: it makes {makes}")

    changes = negligible.changes(claim.recipe, claim.written.recipe, given)
    large = tuple(
        told(c, f"{changes[c.kind]:.1e} of the steps")
        for c in small
        if changes[c.kind] > negligible.NEGLIGIBLE
    )
    within = min(c.horizon or claim.steps for c in conditions)
    first = [{name: w[:within] for name, w in side.items()} for side in (target, source)]
    apart = proof.difference(*first) if within else 0.0
    if not large and apart > negligible.NEGLIGIBLE:
        return tuple(told(c, f"{apart:.1e} of the weights") for c in small)
    return large


def _made_true(claim: _Claim, rehearsals: Rehearsals, given: Problem, rounded: bool) -> float:
    """The difference where every condition holds."""
    recipe, steps = claim.recipe, claim.steps
    for condition in claim.written.conditions:
        recipe = _without(recipe, condition)
        steps = min(steps, condition.horizon or steps)
    if rounded:
        recipe = in_float32(recipe)
    if given.size and any(c.kind == "large gradients" for c in claim.written.conditions):
        given = replace(given, size=given.size * proof.LARGE)
    code = dialects.write(claim.to, recipe, claim.n)
    first = replace(given, steps=steps)
    source = _source(claim, rehearsals, recipe, first)
    return proof.difference(rehearsals.run(claim.to, code.code, True, code.recipe, first), source)


def _without(recipe: Recipe, condition: Condition) -> Recipe:
    """The recipe for which a condition holds."""
    rule = recipe.rule
    if condition.kind != "eps" or isinstance(rule, r.Sgd | r.Lion | r.Objective):
        return recipe
    if isinstance(rule, r.Adam):
        rule = replace(rule, eps_root=0.0)
    return r.normal(replace(recipe, rule=replace(rule, eps=0.0)))


def in_float32(recipe: Recipe) -> Recipe:
    """The recipe with every number rounded to one that float32 holds."""

    def rounded(part: Any) -> Any:
        changes: dict[str, Any] = {}
        for name, value in vars(part).items():
            if hasattr(value, "__dataclass_fields__"):
                changes[name] = rounded(value)
            elif isinstance(value, float):
                changes[name] = float(np.float32(value))
            elif isinstance(value, tuple):
                changes[name] = tuple(
                    float(np.float32(v)) if isinstance(v, float) else v for v in value
                )
        return replace(part, **changes)

    found: Recipe = rounded(recipe)
    return found


def _float32_side(claim: _Claim) -> str:
    sides = [name for name in (claim.origin, claim.to) if name in ("keras", "mxnet")]
    return " and ".join(dialects.dialect(name).FRAMEWORK for name in dict.fromkeys(sides))


def _of_objective(claim: _Claim, rehearsals: Rehearsals) -> Translation:
    """An estimator's objective against a training rule, or against another estimator."""
    from weightdecay.translation import estimators

    if claim.reading.dropped:  # which no recipe holds: the estimator itself shows what they do
        nearest = dialects.write("sklearn", claim.recipe, claim.n).settings
        apart = estimators.difference(claim.text, nearest, claim.seed)
        return claim.translation("refused", apart, reasons=claim.reasons)
    if claim.to == "sklearn":
        apart = estimators.difference(claim.text, claim.written.settings, claim.seed)
        return _plain(claim, apart)
    given = Problem(claim.seed, claim.steps)
    source = rehearsals.reference(claim.recipe, given)
    target = rehearsals.run(claim.to, claim.written.code, True, claim.written.recipe, given)
    found = _plain(claim, proof.difference(target, source))
    checked = estimators.optimality(claim.text, claim.recipe, claim.n, claim.seed)
    return replace(found, notes=(*found.notes, checked))


def _plain(claim: _Claim, apart: float) -> Translation:
    if claim.reasons:
        return claim.translation("refused", apart, reasons=claim.reasons)
    if apart <= claim.tolerance:
        return claim.translation("exact", apart)
    raise _contradicted(claim, apart)


def _contradicted(claim: _Claim, apart: float) -> ProofError:
    return ProofError(
        f"this translation should be exact and is not: the largest difference is {apart:.1e}, "
        f"above {claim.tolerance:g}. Do not use it, and report it with this text: "
        f"{claim.source!r} to {claim.to}."
    )
