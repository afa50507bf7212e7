"""What an audit shows: one optimizer's decay, and the atlas of all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weightdecay.auditing.atlas import plain
from weightdecay.auditing.result import AuditReport
from weightdecay.auditing.survey import Atlas, Audited
from weightdecay.escaping import to_json
from weightdecay.report.terminal import Console, Table, Text

CONVENTIONS = {
    "objective": "λ/2 ‖w‖²: its gradient is λw",
    "residual": "largest |w − w₀| between the optimizer and the hypothesis, over trials that it "
    "was not fitted on, as a fraction of what the decay did there",
    "factor": "c: the decay is c·λ, times the learning rate where times_learning_rate",
    "effective_lambda": "effective λ / λ at the stationary point of a quadratic",
}
MEANINGS = {
    "none": "nothing decays",
    "unrecognised": "decays, by no setting that was recognised",
    "coupled": "the decay is added to the gradient, and passes through all that the optimizer "
    "does with a gradient",
    "decoupled": "the weights shrink beside the optimizer's own step, by a multiple of the "
    "learning rate",
    "decoupled-lr-free": "the weights shrink beside the optimizer's own step, whatever the "
    "learning rate",
    "trust-ratio": "the decay is added to the direction that the trust ratio then scales",
    "proximal": "the weights are divided by 1 + ηλ",
    "other": "no weight decay that is known here: no hypothesis reproduces it, or one that is no "
    "plain weight decay; what was measured says more",
}
NO_RATE = "whatever rate the factory has fixed: it has no setting for one"


def as_json(report: AuditReport) -> str:
    """One JSON object."""
    return _json({"conventions": CONVENTIONS, **report.to_dict()})


def _json(value: Any) -> str:
    return to_json(value, indent=2)


def show(console: Console, report: AuditReport) -> None:
    """For a person: the verdict, the equation, the measurements, the rivals."""
    called = ", ".join(f"{name}={value!r}" for name, value in report.settings.items())
    _line(console, f"{report.factory}({called})   {report.version}")
    _line(console, "")
    for headline in report.headlines:
        _line(console, f"  {headline}")
    _line(console, f"  {report.verdict}: {_meaning(report)}")
    if report.coincides_with:
        _line(console, f"  for these settings the same as {' and '.join(report.coincides_with)}")
    _line(console, f"  {report.equation}\n")
    rows = _measured(report)
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        _line(console, f"{name:<{width}}  {value}")
    if report.rivals:
        _line(console, "")
        console.print(_rivals(report))
    _line(console, f"not probed: {'; '.join(report.not_probed)}")


def _meaning(report: AuditReport) -> str:
    decoupled = report.verdict in ("decoupled", "proximal")
    if decoupled and report.times_learning_rate is None:
        return f"the weights shrink beside the optimizer's own step, {NO_RATE}"
    if decoupled and "η_t" in report.equation:
        return f"{MEANINGS[report.verdict]}, which follows a schedule that the factory has fixed"
    return MEANINGS[report.verdict]


def _line(console: Console, text: str) -> None:
    console.print(Text(text), soft_wrap=True)


def _measured(report: AuditReport) -> list[tuple[str, str]]:
    rows = [("setting", str(report.knob or "none"))]
    if report.factor is not None:
        rows.append(("factor", f"{report.factor:.9g}"))
    for name in (
        "times_learning_rate",
        "follows_schedule",
        "order",
        "inside_momentum",
        "inside_clipping",
        "bias_decayed",
    ):
        value = getattr(report, name)
        if value is not None:
            rows.append((name.replace("_", " "), _word(value)))
    spared = [name for name, decays in report.decayed.items() if not decays]
    if spared and any(report.decayed.values()):
        rows.append(("does not decay", ", ".join(spared)))
    if report.residual is not None:
        rows.append(("residual", f"{report.residual:.1e} of what the decay does"))
    effective = report.effective_lambda
    known = "" if effective is None else f"{effective:.6g} λ, "
    rows.append(("effective λ", f"{known}{report.effective_lambda_reason}"))
    return rows + list(report.facts.items())


def _word(value: object) -> str:
    return (
        {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
    )


def _rivals(report: AuditReport) -> Table:
    table = Table()
    table.add_column("hypothesis")
    table.add_column("best factor", justify="right")
    table.add_column("residual", justify="right")
    table.add_column("reproduces it", justify="right")
    for rival in report.rivals:
        table.add_row(
            rival.name,
            f"{rival.factor:.4g} {rival.law}",
            f"{rival.residual:.1e}",
            "yes" if rival.accepted else "no",
        )
    return table


def atlas_json(atlas: Atlas) -> str:
    """One JSON object: every entry without its rivals."""
    return _json(
        {
            "conventions": CONVENTIONS,
            "versions": atlas.versions,
            "entries": [_entry(row) for row in atlas.rows],
            "missing": atlas.missing,
        }
    )


def _entry(row: Audited) -> dict[str, Any]:
    entry = {"backend": row.backend, **row.entry._asdict()}
    if row.report is None:
        return {**entry, "error": row.error}
    return {**entry, **plain(row.report.to_dict())}


WIDEST = 300
"""Characters: a table too wide for a terminal is for a file or a pager, and is not cut."""
COLUMNS = ("optimizer", "setting", "verdict", "c", "× η", "order", "bias", "clipped", "effective λ")


def show_atlas(console: Console, atlas: Atlas) -> None:
    """For a person: a row an entry."""
    table = Table()
    for column in (*COLUMNS, "residual"):
        table.add_column(column)
    for row in atlas.rows:
        table.add_row(*map(Text, _cells(row)))
    options = console.options.update(width=WIDEST)
    console.print(table, width=console.measure(table, options=options).maximum, crop=False)
    for row in atlas.rows:
        if row.error:
            _line(console, f"{row.entry.factory}: {row.error}")
    for interpreter in atlas.interpreters:
        _line(console, f"{interpreter.backend} ran in {interpreter}")
    for name, reason in atlas.missing.items():
        _line(console, f"{name} is missing: {reason}")


def _cells(row: Audited) -> list[str]:
    entry, report = row.entry, row.report
    called = ", ".join(f"{name}={value!r}" for name, value in entry.settings.items())
    first = [f"{entry.factory}({called})", entry.knob]
    if report is None:
        return [*first, "cannot be driven", "", "", "", "", "", "", ""]
    return [
        *first,
        report.verdict,
        "" if report.factor is None else f"{report.factor:.6g}",
        _cell(report.times_learning_rate),
        report.order or "",
        _cell(report.bias_decayed),
        {True: "yes", False: "no", None: ""}[report.inside_clipping],
        "" if report.effective_lambda is None else f"{report.effective_lambda:.4g} λ",
        "" if report.residual is None else f"{report.residual:.1e}",
    ]


def _cell(value: bool | None) -> str:
    return {True: "yes", False: "no", None: ""}[value]


def atlas_markdown(atlas: Atlas) -> str:
    """The page that the documentation ships."""
    versions = ", ".join(atlas.versions.values())
    lines = [
        "# What `weight_decay` does, optimizer by optimizer",
        "",
        f"Measured with {versions}, by `weightdecay audit --all --out docs`; every row is a few "
        "trajectories with random gradients, and no row was written by hand.",
        "",
        *(f"- **{verdict}**: {meaning}." for verdict, meaning in MEANINGS.items()),
        "",
        "*c* is the factor before λ (where λ stands for λ/2 ‖w‖²), *× η* says whether the learning "
        "rate multiplies it, *order* when the weights shrink (`before` stands for both where the "
        "step does not read the weights), *bias* whether a bias decays by default, *clipped* "
        "whether the optimizer's own clipping clips the decay as well, and *effective λ* which λ's "
        "optimum it settles on, on a quadratic, where it settles on one at all. The residual of "
        "every verdict but `other` is rounding: the JSON beside this page has it.",
        "",
    ]
    for backend in atlas.versions:
        lines += [f"## {TITLES.get(backend, backend)}", "", _markdown_row(COLUMNS)]
        lines.append(_markdown_row(["---"] * len(COLUMNS)))
        lines += [
            _markdown_row(_marked(_cells(row)[: len(COLUMNS)]))
            for row in atlas.rows
            if row.backend == backend
        ]
        lines.append("")
    return "\n".join(lines)


TITLES: Mapping[str, str] = {
    "torch": "PyTorch",
    "tensorflow": "Keras on TensorFlow",
    "jax": "optax on JAX",
    "mxnet": "MXNet",
}


def _markdown_row(cells: Any) -> str:
    return f"| {' | '.join(cells)} |"


def _marked(cells: list[str]) -> list[str]:
    name, knob, *rest = cells
    return [f"`{name.removesuffix('()')}`", f"`{knob}`", *rest]
