"""What the parity matrix shows: a summary by backend, and every row that does not agree."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from weightdecay import held
from weightdecay.escaping import to_json
from weightdecay.matrix import Matrix, Row
from weightdecay.report.terminal import Console, Table, Text
from weightdecay.tolerances import FLOAT32_SETTINGS


def as_json(matrix: Matrix) -> str:
    """One JSON object; numbers that are not finite are null."""
    report = {
        "reference": matrix.reference,
        "dtype": matrix.dtype,
        "tolerance": matrix.tolerance,
        "conventions": {
            "max_relative_difference": "largest |x − x₀| over the largest |x₀| of the reference so "
            "far, over the parameters after every step and the numbers recorded after every epoch",
            "step": "0 is the initial state",
            "rounded_settings": "what both sides ran with in place of the experiment's, since the "
            "framework's optimizers hold float32",
        },
        "interpreters": {
            found.backend: {"python": str(found.python), "origin": found.origin}
            for found in matrix.interpreters
        },
        "rows": [_row(row) for row in matrix.rows],
        "no_equivalent": [{**_case(row), "reason": row.error} for row in matrix.refused],
        "missing": matrix.missing,
    }
    return to_json(report, indent=2)


def _case(row: Row) -> dict[str, Any]:
    e = row.case.experiment
    return {
        "backend": row.backend,
        "version": row.version,
        "implementation": row.case.implementation,
        "penalty": e.penalty,
        "optimizer": e.optimizer,
        "decay": e.decay,
        "l1_update": e.l1_update if e.penalty in ("l1", "elasticnet") else None,
        "eps": e.eps if e.optimizer == "adam" else None,
    }


def _row(row: Row) -> dict[str, Any]:
    comparison = row.comparison
    first = comparison.first_divergence if comparison else None
    divergence = None
    if comparison and first:
        divergence = {key: _finite(value) for key, value in asdict(first).items()}
        divergence["growth"] = [_finite(float(x)) for x in comparison.growth[first.step :]]
    return {
        **_case(row),
        "max_relative_difference": _finite(comparison.max_relative_difference)
        if comparison
        else None,
        "agrees": row.agrees,
        "first_divergence": divergence,
        "tolerance": comparison.tolerance if comparison else None,
        "rounded_settings": row.rounded,
        "error": row.error,
    }


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def show(console: Console, matrix: Matrix) -> None:
    """For a person: what ran where, whether it agreed, and where it did not."""
    table = Table()
    for header in ("backend", "version", "implementation"):
        table.add_column(header)
    for header in ("runs", "largest difference", "agree"):
        table.add_column(header, justify="right")
    for (backend, implementation), rows in _grouped(matrix.rows).items():
        differences = [r.comparison.max_relative_difference for r in rows if r.comparison]
        agree = sum(row.agrees for row in rows)
        table.add_row(
            backend,
            next((row.version for row in rows if row.version), "") or "",
            implementation,
            str(len(rows)),
            f"{max(differences):.1e}" if differences else "",
            "all" if agree == len(rows) else f"{agree} of {len(rows)}",
        )
    console.print(
        f"against {matrix.reference}, from scratch, {matrix.dtype}; a run agrees when no "
        "parameter after any step and no recorded number differs by more than "
        f"{matrix.tolerance:g}, relative",
        soft_wrap=True,
    )
    console.print(table)
    for told in dict.fromkeys(filter(None, map(_rounding, matrix.rows))):
        console.print(Text(told), soft_wrap=True)
    for row in matrix.rows:
        if not row.agrees:
            console.print(Text(f"{_name(row)}: {_story(row)}"), soft_wrap=True)
    if matrix.refused:
        count = len(matrix.refused)
        console.print(
            f"{count} native runs have no exact equivalent in their framework and were not tried "
            "(--format json gives the reasons)",
            soft_wrap=True,
        )
    for interpreter in matrix.interpreters:
        console.print(Text(f"{interpreter.backend} ran in {interpreter}"), soft_wrap=True)
    for name, reason in matrix.missing.items():
        console.print(Text(f"{name} is missing: {reason}"), soft_wrap=True)


def _rounding(row: Row) -> str | None:
    """That an optimizer rounds what it was asked to do, and what was done about it."""
    loose = row.comparison is not None and row.comparison.tolerance == FLOAT32_SETTINGS
    if not row.rounded and not loose:
        return None
    names = {"lambd": "λ"}
    ran = ", ".join(f"{names.get(name, name)} = {_plain(x)}" for name, x in row.rounded.items())
    told = f"{row.backend}'s own optimizers hold settings in float32"
    if ran:
        told += f": that run and its reference had {ran}"
    if loose:
        told += f"; it rounds the λ of some inputs, too: {FLOAT32_SETTINGS:g} counts as rounding"
    return told


def _plain(setting: held.Setting) -> str:
    values = setting if isinstance(setting, tuple) else (setting,)
    return " and ".join(repr(value) for value in values)


def _grouped(rows: Sequence[Row]) -> dict[tuple[str, str], list[Row]]:
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.backend, row.case.implementation), []).append(row)
    return groups


def _name(row: Row) -> str:
    parts = _case(row)
    words = [parts[k] for k in ("backend", "implementation", "penalty", "optimizer", "decay")]
    return " ".join(words + [parts["l1_update"]] * (parts["l1_update"] is not None))


def _story(row: Row) -> str:
    if row.comparison is None:
        return row.error or "it did not run"
    first, growth = row.comparison.first_divergence, row.comparison.growth
    assert first is not None
    where = f"{first.tensor}[{', '.join(map(str, first.index))}]"
    return (
        f"parts at step {first.step}, {where}: {first.value!r} against {first.reference!r}, a "
        f"relative difference of {first.relative_difference:.1e} there and of {growth[-1]:.1e} "
        f"after the last step, {len(growth) - 1}"
    )
