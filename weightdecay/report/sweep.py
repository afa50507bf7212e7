"""What a sweep shows: one JSON object, or a table, a plot and warnings."""

from __future__ import annotations

from typing import Any

import numpy as np

from weightdecay import escaping
from weightdecay.escaping import to_json
from weightdecay.ops import NumPyArray
from weightdecay.report import rows
from weightdecay.report.terminal import Console, Table, Text
from weightdecay.sweeping.result import SweepResult
from weightdecay.sweeping.terminal import draw

CONVENTIONS = {
    "train_loss": "(1/n) Σ ½ (w·x + b − y)² over the training examples after the last epoch; with "
    "folds, over the rows that a fold trains with",
    "val_loss": "the same over the validation examples; with folds, over the held-out rows",
    "val_loss_std": "standard deviation over seeds and folds, dividing by their number",
    "weight_norm": "‖w‖₂ after training",
    "nonzero": "weights that are not exactly 0",
    "per λ": "means over seeds and folds at the best learning rate of each λ (lr); null where "
    "every learning rate has a run that diverged",
    "runs": "every run, equally long lists; fold is null without folds",
    "seconds": "wall time of the training",
}


def as_json(result: SweepResult) -> str:
    """One JSON object."""
    profile, best = result.profile, result.best
    report = {
        "experiment": result.experiment.to_dict(),
        "backend": result.backend,
        "backend_version": result.backend_version,
        "dtype": result.dtype,
        "device": result.device,
        "conventions": {"objective": result.experiment.objective, **CONVENTIONS},
        "lambdas": list(result.lambdas),
        "lrs": list(result.lrs),
        "seeds": list(result.seeds),
        "folds": result.num_folds if result.num_folds > 1 else None,
        "lr": _numbers(profile.lr),
        "train_loss": _numbers(profile.train_loss),
        "val_loss": _numbers(profile.val_loss),
        "val_loss_std": _numbers(profile.val_loss_std),
        "weight_norm": _numbers(profile.weight_norm),
        "nonzero": _numbers(profile.nonzero),
        "best": best
        and {
            "lambda": best.lambd,
            "lr": best.lr,
            "val_loss": best.val_loss,
            "val_loss_std": best.spread,
        },
        "at_edge": result.at_edge,
        "lr_at_edge": result.lr_at_edge,
        "diverged": int(result.diverged.sum()),
        "runs": _runs(result),
        "seconds": result.seconds,
    }
    return to_json(report)


def _runs(result: SweepResult) -> dict[str, list[Any]]:
    i, r, s, k = (axis.ravel() for axis in np.indices(result.diverged.shape))
    folds = k.tolist() if result.num_folds > 1 else [None] * len(k)
    return {
        "lambda": [result.lambdas[at] for at in i],
        "lr": [result.lrs[at] for at in r],
        "seed": [result.seeds[at] for at in s],
        "fold": folds,
        "train_loss": _numbers(result.train_loss),
        "val_loss": _numbers(result.val_loss),
        "weight_norm": _numbers(result.weight_norm),
        "nonzero": result.nonzero.ravel().tolist(),
        "diverged": result.diverged.ravel().tolist(),
    }


def _numbers(values: NumPyArray) -> list[float | None]:
    return [x if np.isfinite(x) else None for x in values.ravel().tolist()]


def warnings(result: SweepResult) -> list[str]:
    """What a person should know before taking the best λ."""
    found = []
    lost, best = int(result.diverged.sum()), result.best
    if lost and result.lost is not None:
        which = result.lost
        found.append(
            f"{lost} of {result.diverged.size} runs diverged, the first in epoch {which.epoch} at "
            f"λ = {which.lambd:g}: {which.advice}"
        )
    if best is not None and result.at_edge:
        low = best.lambd == result.lambdas[0]
        found.append(_at_edge(f"λ = {best.lambd:g}", low, "--lambdas"))
    if best is not None and result.lr_at_edge:
        found.append(_at_edge(f"learning rate {best.lr:g}", best.lr == result.lrs[0], "--lr"))
    return found


def _at_edge(what: str, low: bool, option: str) -> str:
    end, beyond, way = ("smallest", "below", "down") if low else ("largest", "above", "up")
    return (
        f"the best {what} is the {end} of the grid, so a better one may lie {beyond}: extend "
        f"{option} {way}wards."
    )


def show(console: Console, result: SweepResult) -> None:
    """The heading, the table and the plot, for a person."""
    console.print(_heading(result), soft_wrap=True)
    console.print(_table(result))
    console.print(_notes(result), soft_wrap=True)
    console.print()
    curves = draw(result, console.width, colors=console.color_system is not None)
    console.print(Text.from_ansi(curves))
    console.print()
    console.print(conclusion(result), soft_wrap=True)


def _heading(result: SweepResult) -> str:
    e, runs = result.experiment, result.diverged.size
    rule = e.optimizer if e.optimizer == "sgd" else f"{e.optimizer} with {e.decay} decay"
    return (
        f"{escaping.name(e.data.source)}: {runs} run{'s' * (runs != 1)} = {result.extent}\n"
        f"minimise {e.objective} by {rule}, batch {e.batch_size}, {e.epochs} epochs\n"
        f"{result.backend} {result.backend_version}, {result.dtype}, {result.device}, "
        f"{result.seconds:.2g} s"
    )


def _table(result: SweepResult) -> Table:
    profile, best = result.profile, result.best
    sparse = result.experiment.penalty in ("l1", "elasticnet")
    several = len(result.seeds) * result.num_folds > 1
    headers = ["λ"] + ["lr"] * (len(result.lrs) > 1)
    headers += ["training loss", "validation loss"] + ["±"] * several + ["‖w‖₂"]
    headers += ["nonzero"] * sparse
    table = Table()
    for header in [*headers, ""]:
        table.add_column(header, justify="right" if header else "left")
    chosen = None if best is None else result.lambdas.index(best.lambd)
    for i in rows.shown(len(result.lambdas), chosen):
        cells = [f"{result.lambdas[i]:.4g}"]
        if np.isnan(profile.train_loss[i]):
            table.add_row(*cells, *[""] * (len(headers) - 1), "diverged")
            continue
        cells += [f"{profile.lr[i]:.4g}"] * (len(result.lrs) > 1)
        cells += [f"{profile.train_loss[i]:.4g}", f"{profile.val_loss[i]:.4g}"]
        cells += [f"{profile.val_loss_std[i]:.2g}"] * several
        cells += [f"{profile.weight_norm[i]:.4g}"] + [f"{profile.nonzero[i]:.4g}"] * sparse
        table.add_row(*cells, "← best" if i == chosen else "")
    return table


def _notes(result: SweepResult) -> str:
    notes = "losses: mean of ½ (w·x + b − y)² after the last epoch, without the penalty"
    over = ["seeds"] * (len(result.seeds) > 1) + ["folds"] * (result.num_folds > 1)
    if over:
        notes += f"; means over {' and '.join(over)}, ± their standard deviation"
    if result.num_folds > 1:
        notes += "; validation on the fold that is left out"
    return notes


def conclusion(result: SweepResult) -> str:
    """One sentence that says which λ to take."""
    best = result.best
    if best is None:
        return "There is nothing to validate on, so no λ is the best."
    rate = f" at learning rate {best.lr:g}" if len(result.lrs) > 1 else ""
    several = len(result.seeds) * result.num_folds > 1
    spread = f" ± {best.spread:.2g}" if several else ""
    sentence = f"The best λ is {best.lambd:.6g}{rate}, with validation loss {best.val_loss:.4g}"
    first = result.profile.val_loss[0]
    if best.lambd > result.lambdas[0] and np.isfinite(first) and first > 0:
        ratio = best.val_loss / first
        return f"{sentence}{spread}, {ratio:.3g} times that of λ = {result.lambdas[0]:g}."
    return f"{sentence}{spread}."
