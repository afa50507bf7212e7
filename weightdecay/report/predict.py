"""What a prediction shows: one JSON object, or the first rows as a table."""

from __future__ import annotations

import numpy as np

from weightdecay import escaping
from weightdecay.escaping import to_json
from weightdecay.report.terminal import Console, Table
from weightdecay.tuning.model import Model
from weightdecay.tuning.predicting import Predictions

ROWS = 10
"""Rows that the table shows."""

CONVENTIONS = {
    "predictions": "w·x + b, one for each row, in the units of the target; null where a row lacks "
    "an input",
    "loss": "(1/n) Σ ½ (prediction − target)² over the rows whose target is a finite number, "
    "unweighted",
    "r2": "1 − Σ (prediction − target)² / Σ (target − its mean)² over the same rows; null where "
    "all targets are equal",
    "cv_loss": "½ mean squared error on held-out rows when λ was chosen, with the sample weights",
}


def as_json(model: Model, predictions: Predictions) -> str:
    """One JSON object."""
    score = predictions.score
    report = {
        "source": predictions.source,
        "target": predictions.target,
        "conventions": CONVENTIONS,
        "model": {
            "penalty": model.penalty,
            "lambda": model.lambd,
            "num_examples": model.num_examples,
            "cv_loss": model.loss,
            "cv_standard_error": model.standard_error,
        },
        "predictions": [None if np.isnan(x) else x for x in predictions.values.tolist()],
        "score": score and {"rows": score.num_rows, "loss": score.loss, "r2": score.r2},
        "notes": list(predictions.notes),
    }
    return to_json(report)


def show(console: Console, model: Model, predictions: Predictions) -> None:
    """The heading, the first rows and how far off they are, for a person."""
    values, truth = predictions.values, predictions.truth
    n = len(values)
    console.print(
        f"{escaping.name(predictions.target)} of {n} row{'s' * (n != 1)} of "
        f"{escaping.name(predictions.source)}, by "
        f"{model.penalty} with λ = {model.lambd:.6g}, fitted to {model.num_examples} rows",
        soft_wrap=True,
    )
    table = Table()
    known = truth is not None and bool(np.isfinite(truth).any())
    for header in ["row", "prediction"] + [escaping.name(predictions.target), "off by"] * known:
        table.add_column(header, justify="right")
    for i in range(min(n, ROWS)):
        there = not np.isnan(values[i])
        cells = [str(i + 1), f"{values[i]:.6g}" if there else ""]
        if truth is not None and np.isfinite(truth[i]):
            cells += [f"{truth[i]:.6g}", f"{values[i] - truth[i]:+.3g}" if there else ""]
        table.add_row(*cells)
    console.print(table)
    if n > ROWS:
        console.print(f"and {n - ROWS} rows more: see --out, or --format csv.")
    if predictions.score is not None:
        console.print(scored(predictions), soft_wrap=True)
        spread = "" if model.standard_error is None else f" ± {model.standard_error:.2g}"
        said = f"On the rows held out when λ was chosen, it was {model.loss:.4g}{spread}."
        console.print(said, soft_wrap=True)


def scored(predictions: Predictions) -> str:
    """One sentence on how far off the predictions are."""
    score = predictions.score
    if score is None:
        return "No target is known."
    fit = "no R², for they are all equal" if score.r2 is None else f"R² {score.r2:.4g}"
    return (
        f"½ mean squared error {score.loss:.4g}, {fit}, over {score.num_rows} row"
        f"{'s' * (score.num_rows != 1)} whose {escaping.name(predictions.target)} is known."
    )
