"""The loss curves: in the terminal through plotille, in a PNG or SVG file through altair."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from weightdecay import escaping
from weightdecay.ops import NumPyArray
from weightdecay.pictures import save
from weightdecay.train import FitResult

PANEL_WIDTH, PANEL_HEIGHT = 34, 12
TICK_WIDTH = 6
TRAINING, VALIDATION = "training", "validation"
COLORS = {TRAINING: "#2a6fbb", VALIDATION: "#d1495b"}
TERMINAL_COLORS = {TRAINING: "blue", VALIDATION: "red"}


def draw_in_terminal(results: Sequence[FitResult], width: int, colors: bool) -> str:
    """One panel a result, side by side while they fit, on one logarithmic loss axis."""
    low, high = _decades(results)
    across = max((width - TICK_WIDTH) // (PANEL_WIDTH + 2), 1)
    rows = [results[i : i + across] for i in range(0, len(results), across)]
    return "\n\n".join(_draw_row(row, low, high, colors) for row in rows)


def _draw_row(results: Sequence[FitResult], low: int, high: int, colors: bool) -> str:
    panels = [_panel(result, low, high, colors) for result in results]
    # The decade whose line a row of characters holds; far-reaching axes label every other one.
    every = -(-(high - low) // PANEL_HEIGHT)
    ticks = {
        round((high - k) / (high - low) * (PANEL_HEIGHT - 1)): f"1e{k:+03d}"
        for k in range(low, high + 1, every)
    }
    titles = (f"λ = {_lambda(result):g}".ljust(PANEL_WIDTH) for result in results)
    lines = [" " * TICK_WIDTH + "  ".join(titles)]
    for i, cells in enumerate(zip(*panels, strict=True)):
        lines.append(ticks.get(i, "").ljust(TICK_WIDTH) + "  ".join(cells))
    last = (str(len(result.history.train_loss)) for result in results)
    axes = (" 1" + "epoch".center(PANEL_WIDTH - 2 - len(end)) + end for end in last)
    lines.append(" " * TICK_WIDTH + "  ".join(axes))
    return "\n".join(line.rstrip() for line in lines)


def _panel(result: FitResult, low: int, high: int, colors: bool) -> list[str]:
    """The curves in braille dots, with an axis on the left and below."""
    from plotille import Canvas

    epochs = len(result.history.train_loss)
    # Half a row above the highest decade and below the lowest, so that labels stand on their line.
    row = (high - low) / (PANEL_HEIGHT - 1)
    bottom, top = low - row / 2, high + row / 2
    right = max(epochs, 2)
    canvas = Canvas(PANEL_WIDTH - 1, PANEL_HEIGHT, 1, bottom, right, top)
    for name, loss in _curves(result).items():
        color = TERMINAL_COLORS[name] if colors else None
        level = np.log10(np.maximum(loss, 10.0**low))
        points = [*zip(range(1, epochs + 1), level, strict=True)]
        for a, b in zip(points, points[1:] or points, strict=False):
            canvas.line(*a, *b, color=color)
        # Each name beside the end of its curve, on the side where the other one rarely is.
        side = -1.5 if name == TRAINING else 1.5
        y = min(max(level[-1] + side * row, low), high)
        x = 1 + (right - 1) * (1 - (len(name) + 0.5) / (PANEL_WIDTH - 1))
        canvas.text(x, y, name, color=color)
    lines = canvas.plot().splitlines()
    return [f"│{line}" for line in lines] + ["└" + "─" * (PANEL_WIDTH - 1)]


def _lambda(result: FitResult) -> float:
    return result.experiment.lambd[0]


def _curves(result: FitResult) -> dict[str, NumPyArray]:
    """The losses of the only run of `result` that can stand on a logarithmic axis."""
    history = result.history
    curves = {TRAINING: history.train_loss[:, 0], VALIDATION: history.val_loss[:, 0]}
    return {name: loss for name, loss in curves.items() if np.isfinite(loss).all()}


def _decades(results: Sequence[FitResult]) -> tuple[int, int]:
    """Exponents of the powers of ten around every loss that is drawn."""
    losses = np.concatenate([loss for result in results for loss in _curves(result).values()])
    positive = losses[losses > 0]
    if not positive.size:
        return -1, 0
    low, high = math.floor(np.log10(positive.min())), math.ceil(np.log10(positive.max()))
    return low, max(high, low + 1)


def draw_to_file(results: Sequence[FitResult], path: Path) -> None:
    """Write the curves of every result as a panel of one PNG or SVG picture."""
    save(_chart(results), path)


def _chart(results: Sequence[FitResult]) -> Any:
    import altair as alt

    first, last = _decades(results)
    decades = [10.0**exponent for exponent in range(first, last + 1)]
    low, high = decades[0], decades[-1]
    panels = []
    for result in results:
        curves = _curves(result)
        points = [
            {"epoch": epoch, "loss": max(float(loss), low), "curve": name}
            for name, curve in curves.items()
            for epoch, loss in enumerate(curve, start=1)
        ]
        base = alt.Chart(alt.InlineData(values=points)).encode(
            x=alt.X("epoch:Q", axis=alt.Axis(tickMinStep=1, format="d")),
            y=alt.Y(
                "loss:Q",
                scale=alt.Scale(type="log", domain=[low, high]),
                axis=alt.Axis(values=decades, format=".0e", title="½ mean squared error"),
            ),
            color=alt.Color(
                "curve:N",
                scale=alt.Scale(domain=list(COLORS), range=list(COLORS.values())),
                legend=alt.Legend(title=None, orient="top"),
            ),
        )
        title = f"λ = {_lambda(result):g}"
        panels.append(
            (base.mark_line(strokeWidth=2) + base.mark_point(size=18, filled=True)).properties(
                width=280, height=220, title=title
            )
        )
    experiment = results[0].experiment
    return (
        alt.hconcat(*panels)
        .properties(
            title=alt.Title(
                "Loss after each epoch",
                subtitle=f"minimising {experiment.objective}, "
                f"{escaping.name(experiment.data.source)} data, {experiment.optimizer}",
                subtitleColor="#555",
            ),
            background="white",
        )
        .configure_axis(grid=True, gridColor="#e5e5e5", labelFontSize=11, titleFontSize=12)
        .configure_view(stroke=None)
    )
