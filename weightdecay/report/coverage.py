"""Which parameters decay: a table of a model's parameters, and where it is not the usual."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from weightdecay.escaping import to_json
from weightdecay.models.judging import is_rounded
from weightdecay.report.terminal import Console, Table, Text

if TYPE_CHECKING:
    from weightdecay.models.covering import Coverage, CoveredParameter

CONVENTIONS = {
    "shrink": "κ = 1 − w′/w of one step with a zero data gradient, without what the optimizer's "
    "memory adds to it; a mean over the elements where uniform is false",
    "kept": "the share of shrink that one such step makes in dtype, from the present values; 0 "
    "where it is lost to rounding; null where no decay is meant or nobody can say",
    "carried": "where kept is not about 1: the share that steps with random gradients as large as "
    "the weights leave",
    "decay": "κ/η, η being the learning rate of that step: the λ of decoupled decay; null where η "
    "is not known or κ is not one number",
    "setting": "the λ that the framework states for the parameter; null where it states none",
    "expected": "by the usual convention: weights decay; biases, norms and embeddings do not",
}


def as_json(coverage: Coverage) -> str:
    """One JSON object."""
    report = {"conventions": CONVENTIONS, **coverage.to_dict()}
    return to_json(report, indent=2)


def as_text(coverage: Coverage, width: int = 120) -> str:
    """Plain text, of a width that does not depend on the terminal."""
    stream = io.StringIO()
    show(Console(file=stream, width=width, color_system=None), coverage)
    return stream.getvalue().rstrip("\n")


def show(console: Console, coverage: Coverage) -> None:
    """For a person: a row a parameter, then the problems."""
    settings = any(_differs(row) for row in coverage.rows)
    rounded = any(is_rounded(row) for row in coverage.rows)
    table = Table()
    table.add_column("parameter", overflow="fold")
    for header in ("layer", "shape"):
        table.add_column(header)
    for header in ("shrinks a step", "λ measured", *["λ set"] * settings):
        table.add_column(header, justify="right")
    if rounded:
        table.add_column("of it, rounded")
    table.add_column("usual")
    table.add_column("")
    for row in coverage.rows:
        table.add_row(
            Text(row.name),
            Text(row.kind),
            "×".join(map(str, row.shape)) or "1",
            _shrink(row),
            _decay(row),
            *[f"{row.setting:.3g}" if row.setting is not None else ""] * settings,
            *[_kept(row)] * rounded,
            f"{row.expected} ({row.reason})",
            "" if row.agrees and (row.held or row.frozen) else "←",
        )
    console.print(table)
    for sentence in coverage.problems or ("every parameter is as is usual.",):
        console.print(Text(sentence), soft_wrap=True)
    for sentence in coverage.remarks:
        console.print(Text(f"note: {sentence}"), soft_wrap=True)


def _shrink(row: CoveredParameter) -> str:
    if row.shrink is None:
        return "not held"
    if not (row.decays or row.lost):
        return "0"
    return f"{row.shrink:.3g}" if row.uniform else f"≈ {row.shrink:.2g}"


def _decay(row: CoveredParameter) -> str:
    if row.shrink is None:
        return ""
    if not (row.decays or row.lost):
        return "0"
    if row.decay is None:
        return "not one number" if not row.uniform else "?"
    return f"{row.decay:.3g}"


def _kept(row: CoveredParameter) -> str:
    if row.lost:
        return f"lost in {row.dtype}"
    return f"{row.kept:.0%} in {row.dtype}" if row.kept is not None else ""


def _differs(row: CoveredParameter) -> bool:
    """Whether the framework states another λ than was measured."""
    if row.setting is None:
        return False
    return row.decay is None or abs(row.decay - row.setting) > 1e-4 * max(row.setting, row.decay)
