"""What tuning shows: one JSON object, or a table, the choice and what it means."""

from __future__ import annotations

from typing import Any

import numpy as np

from weightdecay import escaping
from weightdecay.data.table import Loaded
from weightdecay.errors import InputError
from weightdecay.escaping import to_json
from weightdecay.ops import NumPyArray
from weightdecay.report import rows
from weightdecay.report.insights import compared, objective, sentences
from weightdecay.report.terminal import Console, Table
from weightdecay.tuning.comparing import Comparison
from weightdecay.tuning.result import TuneResult

CONVENTIONS = {
    "loss": "½ mean squared error, mean of ½ (w·x + b − y)² over the held-out rows of a fold, with "
    "sample weights and without the penalty; the mean over folds, each counting the same whatever "
    "it holds out (a row of weight 2 is two rows of one fold, in leave-one-out two folds)",
    "standard_error": "standard deviation over folds (dividing by K − 1) over √K, as if folds were "
    "independent; null for one fold",
    "weights": "at the chosen λ, fitted to all rows, in the units of the inputs as given",
    "nonzero": "weights that are not exactly 0, of the fit to all rows",
    "per_std": "weight times the standard deviation of its input; none: least squares without a "
    "penalty (of least norm where inputs outnumber rows); l2, l1, elasticnet: at their own λ",
    "prior": "λ = σ²/(nτ²): noise N(0, σ²), σ from the residuals over n − effective parameters, "
    "and weights N(0, τ²), of standardised inputs if they are; evidence_lambda has the greatest "
    "marginal likelihood; of the exact fit with L2",
    "sensitivity": "within_1_percent and within_standard_error: the range of λ around the best "
    "with such a loss; tenth and tenfold: loss at a tenth and at ten times the best λ, over the "
    "lowest",
    "gap": "duality gap of the fit at the chosen λ, an upper bound of how far J is above its "
    "least, recomputed from the data; gap_scale is J at w = 0",
    "ridge_alpha": "alpha of scikit-learn's Ridge for the same penalty: λ n, with sample weights λ "
    "times their sum",
    "seconds": "wall time of the search for λ, without reading the file and without the comparison",
}


def as_json(table: Loaded, result: TuneResult, comparison: Comparison | None) -> str:
    """One JSON object."""
    scores = result.scores
    report = {
        "source": table.source,
        "target": table.roles.target,
        "num_rows": result.examples.num_examples,
        "inputs": list(table.inputs),
        "degree": table.degree,
        "penalty": result.penalty,
        "l1_ratio": result.formulation.l1_ratio,
        "standardize": result.formulation.standardize,
        "cv": result.split,
        "rule": result.rule,
        "solver": result.solver,
        "epochs": result.epochs,
        "backend": result.backend,
        "backend_version": result.backend_version,
        "dtype": result.dtype,
        "device": result.device,
        "conventions": {"objective": objective(result), **CONVENTIONS},
        "lambdas": result.lambdas.tolist(),
        "loss": _numbers(scores.mean),
        "standard_error": _numbers(scores.standard_error),
        "nonzero": nonzero(result).tolist(),
        "extended": result.extended,
        "best": _place(result, scores.best),
        "one_standard_error": _place(result, scores.one_standard_error),
        "chosen": _place(result, result.index),
        "edge": scores.edge,
        "ridge_alpha": ridge_alpha(result),
        "weights": dict(zip(result.columns, result.w[:, 0].tolist(), strict=True)),
        "bias": float(result.b[0]),
        "gap": _number(result.optimality.gap[result.index, 0]),
        "gap_scale": _number(result.optimality.scale[result.index, 0]),
        "comparison": comparison and _comparison(result, comparison),
        "prior": _prior(result, comparison),
        "sensitivity": _sensitivity(result),
        "notes": list(table.notes),
        "warnings": list(result.warnings),
        "seconds": result.seconds,
    }
    return to_json(report)


def _place(result: TuneResult, i: int) -> dict[str, float | None]:
    return {
        "lambda": float(result.lambdas[i]),
        "loss": _number(result.scores.mean[i]),
        "standard_error": _number(result.scores.standard_error[i]),
    }


def _comparison(result: TuneResult, comparison: Comparison) -> dict[str, Any]:
    pair = comparison.pair
    return {
        "lambda": {name: fit.lambd for name, fit in comparison.fits.items()},
        "loss": {name: _number(fit.loss) for name, fit in comparison.fits.items()},
        "cv": {name: fit.split for name, fit in comparison.fits.items()},
        "per_std": {
            name: dict(zip(result.columns, values.tolist(), strict=True))
            for name, values in comparison.coefficients.items()
        },
        "most_correlated": pair
        and {
            "inputs": [result.columns[pair.first], result.columns[pair.second]],
            "correlation": pair.correlation,
        },
    }


def _prior(result: TuneResult, comparison: Comparison | None) -> dict[str, float | None] | None:
    gaussian = with_prior(result, comparison)
    if gaussian is None:
        return None
    prior = gaussian.prior
    return {
        "lambda": prior.lambd,
        "noise_std": _number(prior.noise_std),
        "weight_std": _number(prior.weight_std),
        "effective": _number(prior.effective),
        "evidence_lambda": prior.evidence_lambd,
    }


def _sensitivity(result: TuneResult) -> dict[str, Any]:
    found = result.sensitivity
    return {
        "within_1_percent": [found.low, found.high],
        "within_standard_error": [found.low_se, found.high_se],
        "tenth": _number(found.tenth),
        "tenfold": _number(found.tenfold),
    }


def with_prior(result: TuneResult, comparison: Comparison | None) -> TuneResult | None:
    """The fit that has a Gaussian prior: the chosen one, or the L2 one beside it."""
    for fit in (result, *([] if comparison is None else [comparison.fits["l2"]])):
        try:
            fit.prior  # noqa: B018
        except InputError:
            continue
        return fit
    return None


def nonzero(result: TuneResult) -> NumPyArray:
    """Weights that are not 0 for every λ, shape (L,)."""
    counts: NumPyArray = np.count_nonzero(result.path.w[:, :, 0], axis=0)
    return counts


def ridge_alpha(result: TuneResult) -> float | None:
    """λ as scikit-learn's Ridge has it."""
    if result.penalty != "l2":
        return None
    weight = result.examples.weight
    return result.lambd * float(result.examples.num_examples if weight is None else weight.sum())


def show(
    console: Console, table: Loaded, result: TuneResult, comparison: Comparison | None
) -> None:
    """The heading, the table, the choice and what it means, for a person."""

    def say(words: str) -> None:
        console.print(words, soft_wrap=True)

    say(_heading(table, result))
    console.print(_table(result))
    several = len(result.scores.fold_weight) > 1
    say(
        "loss: mean over folds of ½ (w·x + b − y)² on the held-out rows, without the penalty"
        + "; ± its standard error" * several
    )
    console.print()
    say(conclusion(table, result))
    if comparison is not None:
        console.print()
        compared(console, table.roles.target, result, comparison)
    for sentence in sentences(result, with_prior(result, comparison)):
        console.print()
        say(sentence)


def _heading(table: Loaded, result: TuneResult) -> str:
    n, p = result.examples.num_examples, result.examples.num_inputs
    of = f" (degree {table.degree})" if table.degree > 1 else ""
    epochs = "" if result.epochs is None else ", by SGD that is stopped early"
    return (
        f"{escaping.name(table.source)}: {escaping.name(table.roles.target)} from {p:,} "
        f"input{'s' * (p != 1)}{of}, {n:,} rows, {result.split}\n"
        f"minimise {objective(result)}{epochs}\n"
        f"{result.backend} {result.backend_version}, {result.dtype}, {result.device}, "
        f"{result.seconds:.2g} s for {len(result.lambdas)} λ"
    )


def _table(result: TuneResult) -> Table:
    scores = result.scores
    best, one = scores.best, scores.one_standard_error
    several, sparse = len(scores.fold_weight) > 1, result.formulation.l1_ratio > 0
    found = Table()
    for header in ["λ", "held-out loss"] + ["±"] * several + ["nonzero"] * sparse + [""]:
        found.add_column(header, justify="right" if header else "left")
    counts = nonzero(result)
    for i in rows.shown(len(result.lambdas), best, one if several else best):
        marks = ["best"] * (i == best) + ["one standard error"] * (i == one and several)
        cells = [f"{result.lambdas[i]:.4g}", f"{scores.mean[i]:.5g}"]
        cells += [f"{scores.standard_error[i]:.2g}"] * several + [f"{counts[i]}"] * sparse
        found.add_row(*cells, f"← {', '.join(marks)}" if marks else "")
    return found


def conclusion(table: Loaded, result: TuneResult) -> str:
    """What to take."""
    at, scores = result.index, result.scores
    error = scores.standard_error[at]
    spread = f" ± {error:.2g}" if np.isfinite(error) else ""
    why = "the lowest"
    if result.rule == "one-se":
        lowest = scores.mean[scores.best]
        why = f"within one standard error of the lowest, {lowest:.5g}"
    words = f"Take λ = {result.lambd:.6g}: its held-out loss is {result.loss:.5g}{spread}, {why}"
    if result.epochs is not None:
        return f"{words}, after {result.epochs} epoch{'s' * (result.epochs != 1)}."
    scaled = " on standardised inputs" if result.formulation.standardize else ""
    alpha = ridge_alpha(result)
    if result.formulation.factors is not None:
        return f"{words}."
    if alpha is not None:
        name = f"Ridge(alpha={alpha:.6g}), alpha = λ n"
    elif result.penalty == "l1":
        name = f"Lasso(alpha={result.lambd:.6g})"
    else:
        ratio = result.formulation.l1_ratio
        name = f"ElasticNet(alpha={result.lambd:.6g}, l1_ratio={ratio:g})"
    return f"{words}. In scikit-learn{scaled} it is {name}."


def _numbers(values: NumPyArray) -> list[float | None]:
    return [_number(x) for x in values.ravel().tolist()]


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
