"""The picture of a comparison: losses of every remedy, and learning curves, through altair."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from weightdecay import escaping
from weightdecay.pictures import save
from weightdecay.remedies.comparing import Remedies
from weightdecay.remedies.concluding import named
from weightdecay.remedies.curve import LABELS

WIDTH, HEIGHT, ROW, SPACING = 380, 260, 34, 40
VALIDATION, HELD_OUT = "validation", "held out by folds, ± standard error"
COLORS = {VALIDATION: "#d1495b", HELD_OUT: "#8a8f98"}
CURVE_COLORS = {"none": "#2f6f62", "l2": "#2a6fbb"}
FIGURES = "format(datum.value, '.4~g')"
MOST_LINEAR = 8.0
"""Losses that differ by more than this factor stand on a logarithmic axis."""


def draw_to_file(result: Remedies, path: Path) -> None:
    """Write both panels as one PNG or SVG picture."""
    import altair as alt

    one_line = f"best by cross-validation: {named(result.best)}"
    chart = (
        alt.hconcat(_losses(result), _curves(result), spacing=SPACING)
        .resolve_scale(color="independent")
        .properties(
            title=alt.Title(
                "What helps against overfitting",
                subtitle=[
                    f"{escaping.name(result.source.source)} data: "
                    f"{result.num_train} training rows, {result.num_val} validation rows, "
                    f"{result.num_inputs} inputs",
                    one_line,
                ],
                subtitleColor="#555",
                offset=14,
            ),
            background="white",
        )
        .configure_axis(grid=True, gridColor="#e5e5e5", labelFontSize=11, titleFontSize=12)
        .configure_view(stroke=None)
    )
    save(chart, path)


def _losses(result: Remedies) -> Any:
    """A dot for the validation loss and a range for the held-out one, the lowest on top."""
    import altair as alt

    ranked = sorted(result.remedies, key=lambda remedy: remedy.val_loss)
    order = [named(remedy) for remedy in ranked]
    middles = [x for r in ranked for x in (r.val_loss, r.cv_loss)]
    scale, floor = _scale(middles)
    rows = [
        {
            "remedy": named(r),
            "low": max(r.cv_loss - r.cv_standard_error, floor),
            "middle": max(r.cv_loss, floor),
            "high": r.cv_loss + r.cv_standard_error,
            "validation": max(r.val_loss, floor),
        }
        for r in ranked
        if np.isfinite([r.cv_loss, r.cv_standard_error, r.val_loss]).all()
    ]
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        y=alt.Y(
            "remedy:N",
            sort=order,
            axis=alt.Axis(title=None, labelLimit=240, ticks=False, labelPadding=8),
        )
    )
    colors = alt.Scale(domain=list(COLORS), range=list(COLORS.values()))
    legend = alt.Legend(title=None, orient="top", labelLimit=300, symbolOpacity=1)
    axis = alt.Axis(title="½ mean squared error", labelExpr=FIGURES, tickCount=6)

    def color(name: str) -> Any:
        return alt.Color("curve:N", scale=colors, legend=legend)

    def marked(mark: Any, name: str, field: str, **more: Any) -> Any:
        x = alt.X(f"{field}:Q", scale=scale, axis=axis)
        return mark.transform_calculate(curve=f"'{name}'").encode(x=x, color=color(name), **more)

    ranges = marked(base.mark_rule(strokeWidth=3), HELD_OUT, "low", x2="high:Q")
    middle = marked(base.mark_tick(thickness=3, height=14, opacity=1), HELD_OUT, "middle")
    dots = marked(base.mark_point(size=90, filled=True, opacity=1), VALIDATION, "validation")
    return (ranges + middle + dots).properties(
        width=WIDTH, height=max(ROW * len(ranked), HEIGHT), title="Loss of each remedy"
    )


def _curves(result: Remedies) -> Any:
    """Validation losses by the number of training rows, with the spread over draws."""
    import altair as alt

    curve = result.curve
    means = {name: curve.mean(name) for name in LABELS}
    scale, floor = _scale([x for mean in means.values() for x in mean.tolist()])
    values = [
        {
            "rows": rows,
            "curve": LABELS[name],
            "value": max(mean, floor),
            "low": max(mean - std, floor),
            "high": mean + std,
            "part": rows < int(curve.rows[-1]),
        }
        for name in LABELS
        for rows, mean, std in zip(
            curve.rows.tolist(), means[name].tolist(), curve.std(name).tolist(), strict=True
        )
        if np.isfinite(mean + std)
    ]
    across = alt.Axis(title="training rows", values=curve.rows.tolist(), format="d")
    colors = alt.Scale(domain=list(LABELS.values()), range=[CURVE_COLORS[name] for name in LABELS])
    legend = alt.Legend(title=None, orient="top", symbolOpacity=1)
    axis = alt.Axis(title="validation loss", labelExpr=FIGURES, tickCount=6)
    base = alt.Chart(alt.InlineData(values=values)).encode(
        x=alt.X("rows:Q", scale=alt.Scale(zero=False), axis=across),
        color=alt.Color("curve:N", legend=legend, scale=colors),
    )
    # All rows can be drawn in one way only, so that the spread ends before them.
    band = base.transform_filter("datum.part").mark_area(opacity=0.18)
    band = band.encode(y=alt.Y("low:Q", scale=scale, axis=axis), y2="high:Q")
    lines = base.mark_line(strokeWidth=2, point={"filled": True, "size": 50})
    lines = lines.encode(y=alt.Y("value:Q", scale=scale, axis=axis))
    draws = curve.loss["none"].shape[1]
    return (band + lines).properties(
        width=WIDTH * 0.8,
        height=max(ROW * len(result.remedies), HEIGHT),
        title=f"More data: mean of {draws} draws ± standard deviation",
    )


def _scale(values: Sequence[float]) -> tuple[Any, float]:
    """A linear or a logarithmic axis, and where what reaches below it is cut off."""
    import altair as alt

    finite = [x for x in values if np.isfinite(x) and x > 0]
    if not finite or max(finite) / min(finite) <= MOST_LINEAR:
        return alt.Scale(zero=False), 0.0
    return alt.Scale(type="log"), min(finite) / 2
