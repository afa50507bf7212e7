"""What a comparison of remedies shows: one JSON object, or tables and conclusions."""

from __future__ import annotations

from typing import Any

import numpy as np

from weightdecay import escaping
from weightdecay.escaping import to_json
from weightdecay.remedies.comparing import Remedies
from weightdecay.remedies.concluding import conclusion
from weightdecay.remedies.curve import LABELS
from weightdecay.remedies.remedy import Remedy
from weightdecay.report.terminal import Console, Table

CONVENTIONS = {
    "losses": "½ mean squared error, mean of ½ (w·x + b − y)² with sample weights, without any "
    "penalty, in squared units of the target as it is given to training",
    "inputs": "standardised once, by the moments of the training part; weights are those of "
    "standardised inputs",
    "objective": "(1/n) Σ ½ (w·x + b − y)² + λ/2 ‖w‖² (l2), + λ ‖w‖₁ (l1), "
    "+ λ (½ ‖w‖₁ + ¼ ‖w‖²) (elasticnet)",
    "strength": "chosen by the lowest cross-validated loss within the training part; λ of l2, l1 "
    "and elasticnet, epochs of early, inputs of features, standard deviation ν of noise in "
    "standard deviations of the inputs",
    "cv_loss": "mean over folds of the loss on the held-out rows, at the chosen strength; the "
    "same folds chose it, so it is a little too low",
    "cv_standard_error": "standard deviation over folds (dividing by K − 1) over √K",
    "val_loss": "over the validation part, which no choice has seen; fitted to all training rows",
    "weight_norm": "‖w‖₂",
    "nonzero": "weights that are not exactly 0",
    "ridge": "what noise is on average: ridge with λ = ν²; apart is ‖w − w of ridge‖₂ / ‖w of "
    "ridge‖₂",
    "tied": "mean difference from the best over folds within one standard error of 0",
    "curve": "validation losses of fits to parts of the training rows: mean over random draws, "
    "and standard deviation dividing by their number less one",
    "seconds": "wall time of the comparison",
}


def as_json(result: Remedies) -> str:
    """One JSON object."""
    report = {
        "data": result.source.source,
        "seed": result.seed,
        "num_train": result.num_train,
        "num_val": result.num_val,
        "num_inputs": result.num_inputs,
        "folds": result.num_folds,
        "epochs": result.epochs,
        "copies": result.copies,
        "backend": result.backend,
        "backend_version": result.backend_version,
        "dtype": result.dtype,
        "device": result.device,
        "conventions": CONVENTIONS,
        "remedies": {remedy.name: _remedy(remedy) for remedy in result.remedies},
        "best": result.best.name,
        "tied": [remedy.name for remedy in result.tied],
        "lowest_val_loss": result.lowest.name,
        "curve": {
            "rows": result.curve.rows.tolist(),
            **{
                name: {
                    "val_loss": _numbers(result.curve.mean(name)),
                    "val_loss_std": _numbers(result.curve.std(name)),
                    "cost_of_half": result.curve.cost_of_half(name),
                }
                for name in LABELS
            },
        },
        "conclusion": conclusion(result),
        "seconds": result.seconds,
    }
    return to_json(report)


def _remedy(remedy: Remedy) -> dict[str, Any]:
    ridge = remedy.ridge
    numbers = {
        "cv_loss": remedy.cv_loss,
        "cv_standard_error": remedy.cv_standard_error,
        "train_loss": remedy.train_loss,
        "val_loss": remedy.val_loss,
        "weight_norm": remedy.weight_norm,
    }
    return {
        "strength": remedy.strength,
        "strength_is": remedy.symbol or None,
        **{name: x if np.isfinite(x) else None for name, x in numbers.items()},
        "nonzero": remedy.nonzero,
        "fold_loss": _numbers(remedy.fold_loss),
        "ridge": ridge
        and {"lambda": ridge.lambd, "val_loss": ridge.val_loss, "apart": ridge.apart},
    }


def _numbers(values: np.ndarray) -> list[float | None]:
    return [x if np.isfinite(x) else None for x in values.tolist()]


def show(console: Console, result: Remedies) -> None:
    """The heading, both tables and the conclusions, for a person."""
    console.print(_heading(result), soft_wrap=True)
    console.print(_table(result))
    console.print(_notes(result), soft_wrap=True)
    console.print()
    console.print("more data: validation loss by the number of training rows")
    console.print(_curve(result))
    for sentence in conclusion(result):
        console.print(sentence, soft_wrap=True)


def _heading(result: Remedies) -> str:
    return (
        f"{escaping.name(result.source.source)}: {result.num_train} training rows, "
        f"{result.num_val} validation rows, {result.num_inputs} inputs, {result.num_folds} folds\n"
        f"{result.backend} {result.backend_version}, {result.dtype}, {result.device}, "
        f"{result.seconds:.2g} s"
    )


def _table(result: Remedies) -> Table:
    table = _empty()
    table.add_column("", no_wrap=True)
    for header in ("remedy", "strength"):
        table.add_column(header, no_wrap=True)
    for header in ("training", "held out", "±", "validation", "‖w‖₂", "w≠0"):
        table.add_column(header, justify="right", no_wrap=True)
    for remedy in sorted(result.remedies, key=lambda remedy: remedy.val_loss):
        table.add_row(
            "→" if remedy is result.best else "≈" if remedy in result.tied else "",
            remedy.label,
            remedy.setting.replace(" = ", " "),
            _short(remedy.train_loss),
            _short(remedy.cv_loss),
            f"{remedy.cv_standard_error:.2g}",
            _short(remedy.val_loss),
            _short(remedy.weight_norm, "3g"),
            str(remedy.nonzero),
        )
    return table


def _short(value: float, digits: str = "4g") -> str:
    """At most 8 characters."""
    text = f"{value:.{digits}}"
    return text if len(text) <= 8 else f"{value:.2e}"


def _empty() -> Table:
    """Columns a space or two apart, so that all fit into 80 characters."""
    return Table(collapse_padding=False, padding=0)


def _notes(result: Remedies) -> str:
    least = ", of least norm," if result.num_inputs >= result.num_train else ""
    return (
        "losses: mean of ½ (w·x + b − y)², without the penalty; weights of standardised inputs\n"
        "held out: by folds of the training rows, mean ± standard error; it chose the strengths\n"
        "validation: rows that no choice has seen, fitted to all training rows\n"
        f"no remedy: least squares{least} on all inputs\n"
        "→: the lowest held-out loss; ≈: the folds cannot tell it from that"
    )


def _curve(result: Remedies) -> Table:
    table = Table()
    table.add_column("rows", justify="right")
    for label in LABELS.values():
        table.add_column(label, justify="right")
        table.add_column("±", justify="right")
    columns = [
        column for name in LABELS for column in (result.curve.mean(name), result.curve.std(name))
    ]
    for i, rows in enumerate(result.curve.rows.tolist()):
        part = rows < result.curve.rows[-1]
        cells = [f"{column[i]:.4g}" for column in columns]
        cells = [c if part or j % 2 == 0 else "" for j, c in enumerate(cells)]
        table.add_row(str(rows), *cells)
    return table
