"""Parts of pictures against λ that sweeps and tuning share, through altair."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from weightdecay.escaping import name, to_json
from weightdecay.ops import NumPyArray
from weightdecay.sweeping.axis import exponents, ticks

MOST_PATHS = 50
NAMED_PATHS = 10
"""As many paths have colours and names of their own; more are told apart by nothing."""
PLAIN = "#2f6f62"
BEST = "#555"


def x_axis(lambdas: Sequence[float]) -> Any:
    """λ, logarithmic, with 0 at the left end where the grid has it."""
    import altair as alt

    labels, places = ticks(lambdas), exponents(lambdas)
    low, high = float(places[0]), float(places[-1])
    words = " : ".join(f"abs(datum.value - {at!r}) < 1e-6 ? '{label}'" for at, label in labels)
    zero = ", 0 at the left end" if 0 in lambdas and len(lambdas) > 1 else ""
    return alt.X(
        "place:Q",
        scale=alt.Scale(domain=[low, high] if low < high else [low - 1, high + 1], nice=False),
        axis=alt.Axis(
            values=[at for at, _ in labels],
            labelExpr=f"{words} : ''",
            labelOverlap=True,
            title=f"λ (logarithmic{zero})",
        ),
    )


def inline(rows: Sequence[dict[str, float | str | None]]) -> Any:
    """The rows of a chart, as one text: altair copies what a chart holds many times over."""
    import altair as alt

    # The renderer reads the text again, so that what is hostile in it must not be there at all.
    harmless = [
        {key: name(value) if isinstance(value, str) else value for key, value in row.items()}
        for row in rows
    ]
    words = to_json(harmless)
    return alt.InlineData(values=words, format=alt.JsonDataFormat(type="json"))


def table(lambdas: Sequence[float], names: Sequence[str], curves: Sequence[NumPyArray]) -> Any:
    """One row a λ and curve, without a value where it is not finite, so that its line breaks."""
    places = exponents(lambdas).tolist()
    return inline(
        [
            {"place": x, "value": y if np.isfinite(y) else None, "curve": called}
            for called, curve in zip(names, curves, strict=True)
            for x, y in zip(places, curve.tolist(), strict=True)
        ]
    )


def marked(lambdas: Sequence[float], lambd: float, chart: Any, dash: Sequence[int] = (5, 4)) -> Any:
    """A chart with one λ of the grid as a dashed line."""
    import altair as alt

    place = exponents(lambdas)[list(lambdas).index(lambd)]
    rule = alt.Chart(inline([{"place": float(place)}])).mark_rule(color=BEST, strokeDash=list(dash))
    return rule.encode(x=x_axis(lambdas)) + chart


def line(lambdas: Sequence[float]) -> dict[str, Any]:
    """The style of a line; a single λ would be an invisible one."""
    return {"strokeWidth": 2, "point": len(lambdas) == 1}


def largest(w: NumPyArray) -> NumPyArray:
    """The rows of w (num_inputs, L) that are drawn, in their order."""
    size = np.max(np.where(np.isfinite(w), np.abs(w), 0), axis=1)
    return np.sort(np.argsort(-size, kind="stable")[:MOST_PATHS])


def paths(
    lambdas: Sequence[float],
    w: NumPyArray,
    columns: Sequence[str],
    shown: NumPyArray,
    y: Any,
) -> Any:
    """The rows `shown` of w (num_inputs, L) against λ, with names where they are few."""
    import altair as alt

    names = [name(columns[i]) for i in shown]
    named = len(shown) <= NAMED_PATHS
    style = {"strokeWidth": 1.8} if named else {"strokeWidth": 1, "opacity": 0.55, "color": PLAIN}
    lines = alt.Chart(table(lambdas, names, list(w[shown]))).mark_line(**(line(lambdas) | style))
    encoding: dict[str, Any] = {"detail": "curve:N"}
    if named:
        legend = alt.Legend(title=None, orient="right", symbolType="stroke")
        scale = alt.Scale(domain=names, scheme="tableau10")
        encoding = {"color": alt.Color("curve:N", sort=names, legend=legend, scale=scale)}
    return lines.encode(x=x_axis(lambdas), y=y, **encoding)


def left_out(w: NumPyArray, shown: NumPyArray) -> str:
    """What a title says where not all paths are drawn."""
    more = len(w) - len(shown)
    return f": the {len(shown)} largest, {more} left out" if more else ""
