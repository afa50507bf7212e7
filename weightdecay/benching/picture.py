"""Cost against n, inputs and number of λ: three panels, both axes logarithmic."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from weightdecay.benching.result import Bench, Scaling
from weightdecay.pictures import save
from weightdecay.report.bench import circumstances, described

TITLES = {"rows": "examples", "inputs": "inputs", "lambdas": "values of λ"}
SYMBOLS = {"rows": "n", "inputs": "p", "lambdas": "k"}
COLORS = ("#2a6fbb", "#d1495b", "#edae49", "#2e8b57", "#7b4fa3", "#555555", "#00a6a6", "#a0522d")


def draw(bench: Bench, path: Path) -> bool:
    """Write the scaling of a benchmark as a PNG or SVG picture.

    Returns
    -------
    bool
        Whether there was anything to draw: whether a backend was timed at some size.

    Raises
    ------
    InputError
        The file cannot be written.
    """
    if bench.scaling is None or not any(point.cost for point in bench.scaling.points):
        return False
    save(_chart(bench, bench.scaling), path)
    return True


def _chart(bench: Bench, scaling: Scaling) -> Any:
    import altair as alt

    timed = [point for point in scaling.points if point.cost]
    costs = [point.cost.median * 1e3 for point in timed if point.cost]
    low, high = min(costs) / 1.3, max(costs) * 1.3
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)))
    ticks = [m * 10.0**k for k in decades for m in (1, 2, 5) if low <= m * 10.0**k <= high]
    exponents = {(one.axis, one.backend): one.exponent for one in scaling.exponents}
    backends = [row.backend for row in bench.rows]
    panels: list[Any] = []
    for axis in dict.fromkeys(point.axis for point in timed):
        here = [point for point in timed if point.axis == axis]
        values = sorted({point.value for point in here})
        names = {
            backend: f"{backend}: {SYMBOLS[axis]}^{exponents[axis, backend]:.2f}"
            if (axis, backend) in exponents
            else backend
            for backend in backends
            if any(point.backend == backend for point in here)
        }
        colors = [COLORS[backends.index(backend) % len(COLORS)] for backend in names]
        points = [
            {
                "value": point.value,
                "cost": point.cost.median * 1e3,
                "backend": names[point.backend],
            }
            for point in here
            if point.cost
        ]
        base = alt.Chart(alt.InlineData(values=points)).encode(
            x=alt.X(
                "value:Q",
                scale=alt.Scale(type="log", domain=[values[0], values[-1]], nice=False, padding=12),
                axis=alt.Axis(
                    values=values, format=",d", title=f"{TITLES[axis]} ({SYMBOLS[axis]})"
                ),
            ),
            y=alt.Y(
                "cost:Q",
                scale=alt.Scale(type="log", domain=[low, high], nice=False),
                axis=alt.Axis(
                    title="ms of one training" if not panels else None, format=",~g", values=ticks
                ),
            ),
            color=alt.Color(
                "backend:N",
                scale=alt.Scale(domain=list(names.values()), range=colors),
                legend=alt.Legend(title=None, orient="bottom", columns=1, labelLimit=260),
            ),
        )
        panels.append(
            (base.mark_line(strokeWidth=2) + base.mark_point(size=30, filled=True)).properties(
                width=260, height=240
            )
        )
    return (
        alt.hconcat(*panels)
        .resolve_scale(color="independent")
        .properties(
            title=alt.Title(
                "What a training costs as it grows in one direction",
                subtitle=[f"around {described(bench)}", circumstances(bench)],
                subtitleColor="#555",
            ),
            background="white",
        )
        .configure_axis(grid=True, gridColor="#e5e5e5", labelFontSize=11, titleFontSize=12)
        .configure_view(stroke=None)
    )
