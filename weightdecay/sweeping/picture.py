"""The picture of a sweep: losses, norms and coefficient paths against λ, through altair."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from weightdecay import escaping
from weightdecay.curves import COLORS, TRAINING, VALIDATION
from weightdecay.pictures import save
from weightdecay.sweeping.axis import exponents
from weightdecay.sweeping.drawing import (
    PLAIN,
    inline,
    largest,
    left_out,
    line,
    marked,
    paths,
    table,
    x_axis,
)
from weightdecay.sweeping.result import SweepResult

WIDTH, HEIGHT, SPACING = 300, 260, 34


def draw_to_file(result: SweepResult, path: Path) -> None:
    """Write three panels as one PNG or SVG picture.

    Means over seeds and folds at the best learning rate of every λ; λ = 0 stands at the left end of
    the logarithmic axis, and the best λ is a dashed line.
    """
    chart = _chart(result)
    save(chart, path)


def _chart(result: SweepResult) -> Any:
    import altair as alt

    sparse = result.experiment.penalty in ("l1", "elasticnet")
    size = _size(result, 2 if sparse else 1)
    norms = alt.vconcat(*size, spacing=12) if sparse else size[0]
    e, profile = result.experiment, result.profile
    at = ""
    if result.best is not None:
        at = f"best λ = {result.best.lambd:g} (dashed), validation loss {result.best.val_loss:.4g}"
        at += f" ± {result.best.spread:.2g}" if _several(result) else ""
        at += f", learning rate {result.best.lr:g}" if len(result.lrs) > 1 else ""
    lost = int(np.isnan(profile.train_loss).sum())
    lines = [
        f"minimising {e.objective} by {e.optimizer}, "
        f"{escaping.name(e.data.source)} data, {e.epochs} epochs",
        "; ".join(filter(None, [at, f"left out: {lost} λ that diverged" if lost else ""])),
    ]
    return (
        alt.hconcat(_losses(result), norms, _paths(result), spacing=SPACING)
        .resolve_scale(color="independent")
        .properties(
            title=alt.Title(
                "What λ does", subtitle=[line for line in lines if line], subtitleColor="#555"
            ),
            background="white",
        )
        .configure_axis(grid=True, gridColor="#e5e5e5", labelFontSize=11, titleFontSize=12)
        .configure_view(stroke=None)
    )


def _several(result: SweepResult) -> bool:
    return len(result.seeds) * result.num_folds > 1


def _marked(result: SweepResult, chart: Any) -> Any:
    """A chart with the best λ as a line."""
    return chart if result.best is None else marked(result.lambdas, result.best.lambd, chart)


def _losses(result: SweepResult) -> Any:
    import altair as alt

    profile = result.profile
    curves = {TRAINING: (profile.train_loss, profile.train_loss_std)}
    if result.validates:
        curves[VALIDATION] = (profile.val_loss, profile.val_loss_std)
    means = [np.where(mean > 0, mean, np.nan) for mean, _ in curves.values()]
    scale = alt.Scale(type="log", nice=False)
    axis = alt.Axis(format="~g", title="½ mean squared error", tickCount=6)
    legend = alt.Legend(title=None, orient="top", symbolType="stroke", symbolOpacity=1)
    colors = alt.Scale(domain=list(curves), range=[COLORS[name] for name in curves])
    color = alt.Color("curve:N", scale=colors, legend=legend)
    lines = alt.Chart(table(result.lambdas, list(curves), means)).mark_line(**line(result.lambdas))
    chart = lines.encode(
        x=x_axis(result.lambdas), y=alt.Y("value:Q", scale=scale, axis=axis), color=color
    )
    if _several(result):
        places = exponents(result.lambdas)
        # Where a spread reaches below 0, its band ends at the bottom of the picture.
        floor = min(float(np.nanmin(mean)) for mean in means) / 2
        band = [
            {"place": float(x), "low": max(m - s, floor), "high": m + s, "curve": name}
            for name, (mean, std) in curves.items()
            for x, m, s in zip(places, mean.tolist(), std.tolist(), strict=True)
            if np.isfinite(m + s) and m > 0
        ]
        bands = alt.Chart(inline(band)).mark_area(opacity=0.2)
        y = alt.Y("low:Q", scale=scale, axis=axis)
        chart = bands.encode(x=x_axis(result.lambdas), y=y, y2="high:Q", color=color) + chart
    spread = " ± standard deviation" if _several(result) else ""
    title = f"Loss after training{spread}"
    return _marked(result, chart).properties(width=WIDTH, height=HEIGHT, title=title)


def _size(result: SweepResult, panels: int) -> list[Any]:
    """‖w‖₂, and with an L1 term the number of nonzero weights."""
    import altair as alt

    profile = result.profile
    drawn = [("‖w‖₂", profile.weight_norm), ("nonzero weights", profile.nonzero)][:panels]
    height = (HEIGHT - 78 * (panels - 1)) / panels
    charts = []
    for name, values in drawn:
        lines = alt.Chart(table(result.lambdas, [name], [values])).mark_line(
            **line(result.lambdas), color=PLAIN, interpolate="linear"
        )
        y = alt.Y("value:Q", axis=alt.Axis(title=name, tickCount=5), scale=alt.Scale(zero=True))
        chart = _marked(result, lines.encode(x=x_axis(result.lambdas), y=y))
        title = "Norm of the weights" if name == "‖w‖₂" else "Weights that are not 0"
        charts.append(chart.properties(width=WIDTH, height=height, title=title))
    return charts


def _paths(result: SweepResult) -> Any:
    import altair as alt

    w = result.profile.w
    shown = largest(w)
    y = alt.Y("value:Q", axis=alt.Axis(title="wⱼ", tickCount=6))
    chart = _marked(result, paths(result.lambdas, w, result.columns, shown, y))
    title = f"Coefficients{left_out(w, shown)}"
    return chart.properties(width=WIDTH, height=HEIGHT, title=title)
