"""Training and validation loss against λ, in the terminal, through plotille."""

from __future__ import annotations

from typing import Any

import numpy as np

from weightdecay.curves import TERMINAL_COLORS, TRAINING, VALIDATION
from weightdecay.ops import NumPyArray
from weightdecay.sweeping.axis import exponents, ticks
from weightdecay.sweeping.result import SweepResult

WIDTH, HEIGHT = 66, 13
TICK_WIDTH = 8
EVERY = 3
"""Every so many rows, the loss at that height."""
LEAST = 0.1
"""Orders of magnitude that the axis spans at least, so that rounding does not look like a path."""


def draw(result: SweepResult, width: int, colors: bool) -> str:
    """The curves of `result.profile` in braille dots, both axes logarithmic."""
    from plotille import Canvas

    profile = result.profile
    curves = {TRAINING: profile.train_loss, VALIDATION: profile.val_loss}
    curves = {name: np.log10(np.where(loss > 0, loss, np.nan)) for name, loss in curves.items()}
    low, high = _span(curves)
    places = exponents(result.lambdas)
    left, right = float(places[0]), float(max(places[-1], places[0] + 1e-6))
    across = max(min(WIDTH, width - TICK_WIDTH - 4), 20)
    row = (high - low) / (HEIGHT - 1)
    # Half a row above and below, so that labels stand on their line.
    canvas = Canvas(across, HEIGHT, left, low - row / 2, right, high + row / 2)
    for name, level in curves.items():
        color = TERMINAL_COLORS[name] if colors else None
        points = list(zip(places, level, strict=True))
        for a, b in zip(points, points[1:] or points, strict=False):
            if np.isfinite([*a, *b]).all():
                canvas.line(*a, *b, color=color)
        shown = [point for point in points if np.isfinite(point[1])]
        if shown:
            _name(canvas, name, shown[0], low, high, row, color)
    lines = [
        (f"{10 ** (high - i * row):.3g}" if i % EVERY == 0 else "").rjust(TICK_WIDTH) + f" │{line}"
        for i, line in enumerate(canvas.plot().splitlines())
    ]
    lines.append(" " * TICK_WIDTH + " └" + "─" * across)
    lines.append(" " * TICK_WIDTH + "  " + _scale(result, across, left, right))
    return "\n".join(line.rstrip() for line in lines)


def _name(
    canvas: Any,
    name: str,
    end: tuple[float, float],
    low: float,
    high: float,
    row: float,
    color: str | None,
) -> None:
    """The name of a curve beside its left end, away from where the other one is."""
    x, y = end
    below = name == TRAINING
    if not low <= y + (-1.5 if below else 1.5) * row <= high:
        below = not below
    canvas.text(x, y + (-1.5 if below else 1.5) * row, name, color=color)


def _scale(result: SweepResult, across: int, left: float, right: float) -> str:
    """What is written below the axis."""
    line = [" "] * across
    free = 0
    for place, label in ticks(result.lambdas):
        column = round((place - left) / (right - left) * (across - 1))
        start = min(max(column - len(label) // 2, 0), across - len(label))
        if start >= free:
            line[start : start + len(label)] = label
            free = start + len(label) + 1
    return "".join(line).rstrip() + "  λ"


def _span(curves: dict[str, NumPyArray]) -> tuple[float, float]:
    """Exponents of the least and of the largest loss that is drawn."""
    levels = np.concatenate(list(curves.values()))
    levels = levels[np.isfinite(levels)]
    if not levels.size:
        return -1.0, 0.0
    return float(levels.min()), max(float(levels.max()), float(levels.min()) + LEAST)
