"""What a translation shows: code to paste, and comments that say how far it was proved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from weightdecay.escaping import to_json
from weightdecay.translation.schedules import Warmup
from weightdecay.translation.table import Row
from weightdecay.translation.translating import Translation

CONVENTIONS = {
    "recipe": "λ is that of λ/2 ‖w‖², λ₁ that of λ₁ ‖w‖₁",
    "difference": "largest |w − w₀| over the largest |w₀|, over all parameters and steps, with w₀ "
    "the source's, on the same random gradients; between two estimators, of their coefficients",
    "exact_difference": "the same where the conditions are made true",
}


def as_json(found: Translation) -> str:
    """One JSON object."""
    report = {"conventions": CONVENTIONS, **_plain(found)}
    return to_json(report, indent=2)


def _plain(found: Translation) -> dict[str, Any]:
    plain = asdict(found)
    recipe = found.recipe
    plain["recipe"] |= {"rule": _named(recipe.rule), "schedule": _named(recipe.schedule)}
    return _finite(plain)  # type: ignore[no-any-return]


def _named(part: Any) -> dict[str, Any]:
    """A rule or a schedule with what it is called, and so the schedule after a warm-up."""
    inner = {"then": _named(part.then)} if isinstance(part, Warmup) else {}
    return {"name": type(part).__name__, **asdict(part), **inner}


def _finite(value: Any) -> Any:
    """JSON has no infinity: NAdam's, and that of a difference, are written out."""
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return (
        str(value) if isinstance(value, float) and value in (float("inf"), -float("inf")) else value
    )


def as_text(found: Translation) -> str:
    """Python: the code, and what was found in comments above and below it."""
    above = found.equation.splitlines()
    below = [*_verdict(found), *(f"note: {note}" for note in found.notes)]
    return "\n".join([*_comments(above), found.code, *_comments(below)])


def _comments(lines: Sequence[str]) -> list[str]:
    return [f"# {line}" for line in lines]


def _verdict(found: Translation) -> list[str]:
    where = f"in {found.steps} steps" if "gradients" in found.method else "of the coefficients"
    measured = f"the largest difference {where} is {found.difference or 0.0:.1e}"
    how = f"({found.method})"
    if found.verdict == "exact":
        return [f"exact to rounding: {measured}, below {found.tolerance:g}", how]
    if found.verdict == "conditional":
        lines = ["exact, if", *(f"  {condition}" for condition in found.conditions)]
        exact = f"; where the conditions hold, {found.exact_difference:.1e}, below"
        return [*lines, f"{measured}{exact} {found.tolerance:g}", how]
    if found.verdict == "refused":
        lines = ["not the same, this is the nearest:", *(f"  {why}" for why in found.reasons)]
        if found.difference is None:
            return [*lines, "no difference was measured"]
        if found.difference > found.tolerance:
            return [*lines, f"{measured}, above {found.tolerance:g}", how]
        return [*lines, f"{measured}: the trial does not reach what differs", how]
    lines = [f"not proved: {found.missing}"]
    lines += [f"if {condition}" for condition in found.conditions]
    return [*lines, *(f"not the same: {why}" for why in found.reasons)]


def rows_as_json(rows: Sequence[Row]) -> str:
    """One JSON object for the whole table."""
    plain = [
        {
            "source": row.source,
            "from": row.source_framework,
            "to": row.target_framework,
            "holds": row.holds,
            "error": row.error,
            **(_short(row.translation) if row.translation else {}),
        }
        for row in rows
    ]
    report = {"conventions": CONVENTIONS, "rows": plain}
    return to_json(_finite(report), indent=2)


def _short(found: Translation) -> dict[str, Any]:
    kept = ("code", "verdict", "conditions", "reasons", "difference", "exact_difference",
            "tolerance")  # fmt: skip
    return {name: getattr(found, name) for name in kept}


def rows_as_text(rows: Sequence[Row]) -> str:
    """Counts by pair of frameworks, and every row that does not hold."""
    names = list(dict.fromkeys(row.source_framework for row in rows))
    counts = Counter(
        (row.source_framework, row.target_framework, row.translation.verdict)
        for row in rows
        if row.translation is not None
    )
    lines = ["exact / exact given a condition / refused, from (down) to (across)", ""]
    lines.append(" " * 8 + "".join(f"{to:>14}" for to in names))
    for name in names:
        cells = [
            "/".join(
                str(counts[name, to, verdict]) for verdict in ("exact", "conditional", "refused")
            )
            for to in names
        ]
        lines.append(f"{name:<8}" + "".join(f"{cell:>14}" for cell in cells))
    lines.append("")
    for row in rows:
        if not row.holds:
            source = row.source.replace("\n", "; ")
            lines.append(f"{source} to {row.target_framework}: {row.error or _measured(row)}")
    held = sum(row.holds for row in rows)
    lines.append(
        f"{held} of {len(rows)} translations hold: what is said to be exact measures below its "
        "tolerance, and what is refused above"
    )
    return "\n".join(lines)


def _measured(row: Row) -> str:
    found = row.translation
    assert found is not None
    return f"{found.verdict}, and measured {found.difference:.1e} against {found.tolerance:g}"
