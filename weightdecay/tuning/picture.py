"""The picture of tuning: held-out loss and coefficient paths against λ, through altair."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from weightdecay import escaping
from weightdecay.curves import COLORS, VALIDATION
from weightdecay.data.table import Loaded
from weightdecay.ops import NumPyArray
from weightdecay.pictures import save
from weightdecay.sweeping.axis import exponents
from weightdecay.sweeping.drawing import (
    inline,
    largest,
    left_out,
    line,
    marked,
    paths,
    table,
    x_axis,
)
from weightdecay.tuning.comparing import Comparison, std_of
from weightdecay.tuning.result import TuneResult

WIDTH, HEIGHT, SPACING = 300, 260, 34
NAMES = {"l2": "L2", "l1": "L1", "elasticnet": "elastic net"}
ONE_ERROR = (2, 3)
"""Dots for the λ of one standard error, dashes for the best."""
HIGHEST = 3.0
"""Losses further above the lowest than this times those of the largest λ are not drawn."""


def draw_to_file(
    loaded: Loaded, result: TuneResult, comparison: Comparison | None, path: Path
) -> None:
    """Write one PNG or SVG picture.

    Panels: the held-out loss; then coefficients per standard deviation of their input for each
    penalty, all on one vertical axis, with the best λ as dashes and the one of one standard error
    as dots.
    """
    chart = _chart(loaded, result, comparison)
    save(chart, path)


def _chart(loaded: Loaded, result: TuneResult, comparison: Comparison | None) -> Any:
    import altair as alt

    fits = {result.penalty: result} if comparison is None else dict(comparison.fits)
    std = std_of(result.examples) if comparison is None else comparison.std
    curves = {name: fit.path.w[:, :, 0] * std[:, None] for name, fit in fits.items()}
    shown = largest(np.hstack(list(curves.values())))
    span = _span([w[shown] for w in curves.values()])
    panels = [_paths(fits[name], name, w, shown, span) for name, w in curves.items()]
    best = result.lambdas[result.scores.best]
    lines = [
        f"{escaping.name(loaded.roles.target)} of {escaping.name(loaded.source)}, "
        f"{result.examples.num_examples:,} rows, {result.split}",
        f"best λ = {best:.4g} (dashed), largest λ within one standard error "
        f"{result.lambdas[result.scores.one_standard_error]:.4g} (dotted)",
    ]
    return (
        alt.hconcat(_losses(result), *panels, spacing=SPACING)
        .resolve_scale(color="shared")
        .properties(
            title=alt.Title("The choice of λ", subtitle=lines, subtitleColor="#555"),
            background="white",
        )
        .configure_axis(grid=True, gridColor="#e5e5e5", labelFontSize=11, titleFontSize=12)
        .configure_view(stroke=None)
    )


def _span(curves: list[NumPyArray]) -> list[float]:
    """The vertical axis that all coefficients share."""
    finite = np.concatenate([w[np.isfinite(w)] for w in curves] + [np.zeros(1)])
    low, high = float(finite.min()), float(finite.max())
    margin = 0.05 * (high - low) or 1.0
    return [low - margin, high + margin]


def _both(result: TuneResult, chart: Any) -> Any:
    """A chart with the best λ, and the one of one standard error where it is another."""
    scores, lambdas = result.scores, result.lambdas.tolist()
    chart = marked(lambdas, lambdas[scores.best], chart)
    if scores.one_standard_error == scores.best:
        return chart
    return marked(lambdas, lambdas[scores.one_standard_error], chart, ONE_ERROR)


def _losses(result: TuneResult) -> Any:
    import altair as alt

    lambdas, scores = result.lambdas.tolist(), result.scores
    mean, error = scores.mean, np.nan_to_num(scores.standard_error)
    lowest, last = float(mean[scores.best]), float(mean[-1])
    # Losses far above the others would press the part that matters flat.
    reach = last - lowest if np.isfinite(last) else 0.0
    top = lowest + HIGHEST * max(reach, 2 * float(error[scores.best]), 0.1 * lowest)
    usual = np.where(mean <= top, mean, np.nan)
    rows = [
        {"place": float(x), "low": m - e, "high": min(m + e, top)}
        for x, m, e in zip(exponents(lambdas), usual.tolist(), error.tolist(), strict=True)
        if np.isfinite(m + e)
    ]
    scale = alt.Scale(zero=False, nice=False)
    y = alt.Y("low:Q", scale=scale, axis=alt.Axis(format=".5~g", title="½ mean squared error"))
    color = COLORS[VALIDATION]
    bands = alt.Chart(inline(rows)).mark_area(opacity=0.2, color=color)
    curve = alt.Chart(table(lambdas, ["held out"], [usual])).mark_line(**line(lambdas), color=color)
    chart = bands.encode(x=x_axis(lambdas), y=y, y2="high:Q") + curve.encode(
        x=x_axis(lambdas), y=alt.Y("value:Q", scale=scale)
    )
    title = "Held-out loss"
    if len(scores.fold_weight) > 1:
        title += " ± standard error"
    if np.isnan(usual).any():
        title += ", where it is not far higher"
    return _both(result, chart).properties(width=WIDTH, height=HEIGHT, title=title)


def _paths(fit: TuneResult, name: str, w: NumPyArray, shown: NumPyArray, span: list[float]) -> Any:
    import altair as alt

    y = alt.Y(
        "value:Q",
        scale=alt.Scale(domain=span, nice=False),
        axis=alt.Axis(title="coefficient per standard deviation", tickCount=6),
    )
    chart = _both(fit, paths(fit.lambdas.tolist(), w, fit.columns, shown, y))
    title = f"Coefficients under {NAMES[name]}{left_out(w, shown)}"
    return chart.properties(width=WIDTH, height=HEIGHT, title=title)
