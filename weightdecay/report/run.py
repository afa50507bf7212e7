"""What a run shows: one JSON object, or a table, the curves and a sentence.

Every number says its convention: losses are the data term alone, the penalty is never called a
norm, and the distance to the optimum is in units of the objective.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from weightdecay import escaping
from weightdecay.curves import draw_in_terminal
from weightdecay.escaping import to_json
from weightdecay.experiment import Experiment
from weightdecay.report.terminal import Console, Table, Text
from weightdecay.train import FitResult

CONVENTIONS = {
    "train_loss": "(1/n) Σ ½ (w·x + b − y)² over the training examples, after each epoch",
    "val_loss": "the same over the validation examples; null where there are none",
    "weight_norm": "‖w‖₂ after training",
    "penalty": "λ₂/2 ‖w‖² + λ₁ ‖w‖₁ after training, what the objective adds to the training loss",
    "optimum_gap": "objective minus its minimum: exact, or an upper bound where gap_is says so",
    "kkt_residual": "largest violation of the optimality conditions, in units of the gradient",
    "seconds": "wall time of the training epochs alone",
}


def as_json(experiment: Experiment, results: Sequence[FitResult]) -> str:
    """One JSON object for all runs; `results` holds one result for each λ."""
    first = results[0]
    report = {
        "experiment": experiment.to_dict(),
        "backend": first.backend,
        "backend_version": first.backend_version,
        "implementation": first.implementation,
        "dtype": first.dtype,
        "device": first.device,
        "conventions": {"objective": experiment.objective, **CONVENTIONS},
        "runs": [_run(result) for result in results],
    }
    return to_json(report, indent=2)


def _run(result: FitResult) -> dict[str, Any]:
    history, (certificate,) = result.history, result.certificates
    return {
        "lambda": result.experiment.lambd[0],
        "train_loss": _numbers(history.train_loss),
        "val_loss": _numbers(history.val_loss),
        "weight_norm": float(history.weight_norm[-1, 0]),
        "penalty": float(history.penalty[-1, 0]),
        "bias": float(result.params.b[0]),
        "optimum_gap": certificate.optimum_gap,
        "gap_is": certificate.gap_is,
        "kkt_residual": certificate.kkt_residual,
        "seconds": result.seconds,
    }


def _numbers(column: Any) -> list[float | None]:
    return [float(x) if math.isfinite(x) else None for x in column[:, 0]]


def show_runs(console: Console, results: Sequence[FitResult]) -> None:
    """The table, the curves and the sentence, for a person."""
    console.print(_heading(results[0]), soft_wrap=True)
    console.print(_table(results))
    console.print("losses: mean of ½ (w·x + b − y)² after the last epoch, without the penalty\n")
    curves = draw_in_terminal(results, console.width, colors=console.color_system is not None)
    console.print(Text.from_ansi(curves))
    console.print()
    console.print(conclusion(results), soft_wrap=True)


def _heading(result: FitResult) -> str:
    e, data = result.experiment, result.dataset
    inputs = f"{data.num_inputs} input{'s' * (data.num_inputs != 1)}"
    rule = e.optimizer if e.optimizer == "sgd" else f"{e.optimizer} with {e.decay} decay"
    return (
        f"{escaping.name(data.source.source)}: {data.num_train} training and "
        f"{data.num_val} validation examples, {inputs}\n"
        f"minimise {e.objective} by {rule}, lr {e.lr:g}, batch {e.batch_size}, "
        f"{len(result.history.train_loss)} epochs, seed {e.seed}\n"
        f"{result.backend} {result.backend_version}, {result.implementation}, {result.dtype}, "
        f"{result.device}"
    )


def _table(results: Sequence[FitResult]) -> Table:
    sparse = results[0].experiment.penalty in ("l1", "elasticnet")
    table = Table()
    headers = ["λ", "training loss", "validation loss", "‖w‖₂", "½‖w‖²"]
    headers += ["nonzero"] if sparse else []
    for header in [*headers, "above optimum", "seconds"]:
        table.add_column(header, justify="right")
    for result in results:
        history, (certificate,) = result.history, result.certificates
        norm = history.weight_norm[-1, 0]
        bound = "≤ " if certificate.gap_is == "upper bound" else ""
        cells = [
            f"{result.experiment.lambd[0]:g}",
            f"{history.train_loss[-1, 0]:.4g}",
            f"{history.val_loss[-1, 0]:.4g}",
            f"{norm:.4g}",
            f"{norm**2 / 2:.4g}",
        ]
        cells += [str(np.count_nonzero(result.params.w))] if sparse else []
        table.add_row(*cells, f"{bound}{certificate.optimum_gap:.2g}", f"{result.seconds:.2g}")
    return table


class _Final(NamedTuple):
    """What a run ended with."""

    lambd: float
    train: float
    val: float
    norm: float


def conclusion(results: Sequence[FitResult]) -> str:
    """One sentence that says what these losses show."""
    runs = [
        _Final(
            result.experiment.lambd[0],
            *(float(c[-1, 0]) for c in (h.train_loss, h.val_loss, h.weight_norm)),
        )
        for result in results
        for h in [result.history]
    ]
    least, most = min(runs), max(runs)
    best = min(runs, key=lambda run: run.val)
    if least.lambd == most.lambd:
        return (
            f"At λ = {best.lambd:g} the validation loss ended at {_times(best.val, best.train)} "
            "the training loss; run it beside another λ to see what the penalty changes."
        )
    if best.lambd == least.lambd:
        return (
            f"Weight decay does not help here: the smallest, λ = {best.lambd:g}, ends with the "
            f"lowest validation loss, {_times(best.val, most.val)} that of λ = {most.lambd:g}."
        )
    but = "though" if best.train > least.train else "and"
    size = "smaller" if best.norm < least.norm else "larger"
    return (
        f"Weight decay helps here: λ = {best.lambd:g} ends with {_times(best.val, least.val)} the "
        f"validation loss of λ = {least.lambd:g}, {but} with {_times(best.train, least.train)} its "
        f"training loss, and its weights are {size} (‖w‖₂ {best.norm:.3g} against "
        f"{least.norm:.3g})."
    )


def _times(a: float, b: float) -> str:
    return f"{a / b:.3g} times" if b else "far more than"
