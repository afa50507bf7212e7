"""What a choice of λ means, in words and in one table: inputs, prior and sensitivity."""

from __future__ import annotations

import numpy as np

from weightdecay import escaping
from weightdecay.report.rows import ROWS
from weightdecay.report.terminal import Console, Table
from weightdecay.tuning.comparing import Comparison
from weightdecay.tuning.result import TuneResult

NAMES = {"l2": "L2", "l1": "L1", "elasticnet": "elastic net"}


def objective(result: TuneResult) -> str:
    """What is minimised, in symbols."""
    f = result.formulation
    w = "sw" if f.standardize else "w"
    terms = {
        "l2": f"λ/2 ‖{w}‖²",
        "l1": f"λ ‖{w}‖₁",
        "elasticnet": f"λ ({f.l1_ratio:g} ‖{w}‖₁ + {1 - f.l1_ratio:g}/2 ‖{w}‖²)",
    }
    mean = "(1/n) Σ" if result.examples.weight is None else "Σ cᵢ"
    said = f"{mean} ½ (w·x + b − y)² + {terms[result.penalty]}"
    said += ", s the inputs' standard deviations" if f.standardize else ""
    said += ", c the rows' weights (Σ c = 1)" if result.examples.weight is not None else ""
    return said + (", λ times each input's factor" if f.factors is not None else "")


def compared(console: Console, target: str, result: TuneResult, comparison: Comparison) -> None:
    """The coefficients side by side, and what they show."""
    found = comparison.coefficients
    order = comparison.by_size(result.penalty)[:ROWS]
    more = len(result.columns) - len(order)
    table = Table()
    table.add_column("input")
    least = result.examples.num_inputs >= result.examples.num_examples
    table.add_column("least norm" if least else "no penalty", justify="right")
    for name, fit in comparison.fits.items():
        table.add_column(f"{NAMES[name]}, λ = {fit.lambd:.3g}", justify="right")
    for j in order:
        table.add_row(result.columns[j], *(_coefficient(values[j]) for values in found.values()))
    if more:
        table.add_row(f"and {more} more", *[""] * len(found))
    counts = [f"{np.count_nonzero(values)}" for values in found.values()]
    losses = [f"{fit.loss:.4g}" for fit in comparison.fits.values()]
    table.add_section()
    table.add_row("not 0", *counts)
    table.add_row("held-out loss", "", *losses)
    said = f"What one standard deviation of each input adds to {escaping.name(target)}"
    console.print(f"{said}, the largest first:", soft_wrap=True)
    console.print(table)
    for sentence in _shows(result, comparison):
        console.print(sentence, soft_wrap=True)


def _coefficient(value: float) -> str:
    return "0" if value == 0 else f"{value:.3g}"


def _shows(result: TuneResult, comparison: Comparison) -> list[str]:
    """L2 spreads, L1 selects: in the figures of this table."""
    found, pair = comparison.coefficients, comparison.pair
    names = [escaping.name(column) for column in result.columns]
    counted = found["none"] != 0
    said = []
    if counted.any():
        shrunk = np.linalg.norm(found["l2"]) / np.linalg.norm(found["none"])
        zero = np.count_nonzero(counted & (found["l1"] == 0))
        said.append(
            f"L2 shrinks all of them together (‖·‖₂ is {shrunk:.2g} times that without a penalty) "
            f"and sets none to 0; L1 sets {zero} of {np.count_nonzero(counted)} to 0."
        )
    if pair is not None:
        i, j = pair.first, pair.second
        each = {
            name: f"{_coefficient(values[i])} and {_coefficient(values[j])}"
            for name, values in found.items()
        }
        kept = [k for k in (i, j) if found["l1"][k] != 0]
        only = f", which keeps {names[kept[0]]} alone" if len(kept) == 1 else ""
        said.append(
            f"{names[i]} and {names[j]} have the correlation {pair.correlation:.2f}, so the data "
            f"hardly tell them apart: without a penalty they get {each['none']}, under L2 "
            f"{each['l2']}, under L1 {each['l1']}{only}."
        )
    elif np.count_nonzero(counted) > 1:
        largest = int(np.argmax(np.abs(found["none"])))
        said.append(
            f"No two inputs are strongly correlated; {names[largest]} weighs most without a "
            f"penalty, {_coefficient(found['none'][largest])}, under L2 "
            f"{_coefficient(found['l2'][largest])} and under L1 "
            f"{_coefficient(found['l1'][largest])}."
        )
    other = {fit.split for fit in comparison.fits.values()} - {result.split}
    if other:
        said.append(f"The λ of L1 comes from {other.pop()}.")
    return said


def sentences(result: TuneResult, gaussian: TuneResult | None) -> list[str]:
    """The prior that λ amounts to, and how delicate the choice is."""
    said = [] if gaussian is None else [_prior(gaussian, gaussian is result)]
    return [*said, _sensitivity(result)] if len(result.lambdas) > 1 else said


def _prior(result: TuneResult, is_chosen: bool) -> str:
    prior = result.prior
    which = "" if is_chosen else f" (the L2 fit, λ = {prior.lambd:.3g})"
    of = " of a standardised input" if result.formulation.standardize else ""
    p = result.examples.num_inputs + result.formulation.intercept
    if np.isfinite(prior.weight_std):
        reading = (
            f"As a prior{which}: λ = σ²/(nτ²). The residuals say the noise is σ = "
            f"{prior.noise_std:.3g}, so this λ expects a weight{of} to be N(0, τ²) with τ = "
            f"{prior.weight_std:.3g}; of {p} parameters it leaves {prior.effective:.3g} free."
        )
    else:
        reading = f"As a prior{which}: λ = 0 is a flat one, on which every weight is as likely."
    if len(result.lambdas) == 1:
        return reading
    return (
        f"{reading} The marginal likelihood, for which no row is held out, prefers λ = "
        f"{prior.evidence_lambd:.3g}."
    )


def _sensitivity(result: TuneResult) -> str:
    found = result.sensitivity
    said = f"How delicate: every λ from {found.low:.3g} to {found.high:.3g} loses less than 1 %"
    if len(result.scores.fold_weight) > 1:
        said += f", from {found.low_se:.3g} to {found.high_se:.3g} less than one standard error"
    beside = [
        f"{words} costs {_percent(ratio - 1)}"
        for words, ratio in (("a tenth of it", found.tenth), ("ten times it", found.tenfold))
        if np.isfinite(ratio)
    ]
    return f"{said}; {', '.join(beside)}." if beside else f"{said}."


def _percent(share: float) -> str:
    """Two digits, and all of those before the point."""
    return f"{100 * share:,.0f} %" if share >= 0.995 else f"{100 * share:.2g} %"
