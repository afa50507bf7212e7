"""Cost against n, inputs and number of λ: which sizes, and the exponents they show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from weightdecay.benching.result import Exponent, Point
from weightdecay.benching.sizes import Size

AXES = ("rows", "inputs", "lambdas")
FACTOR, POINTS = 4, 5
UPPER = 3
"""Points that an exponent is fitted to, from the largest: overheads flatten the others."""
MOST_STEPS = 1 << 12
MOST_NUMBERS = 1 << 25
MOST_WORK = 1 << 32
"""Numbers of the data, times epochs and λ."""


def sizes(size: Size, axis: str) -> list[Size]:
    """Sizes that differ in one thing, by powers of 4: the five largest within bounds of time.

    None of them is more than 256 times what was chosen. Minibatches keep their size.
    """
    varied = []
    for k in range(1 - POINTS, POINTS):
        value = getattr(size, axis) * FACTOR**k
        if value < 1 or value != int(value):
            continue
        other = replace(size, name=f"{axis} {int(value)}", **{axis: int(value)})
        if axis == "rows" and size.batch_size != "full" and other.rows < size.batch:
            continue
        if k <= 0 or _is_cheap(other, size):
            varied.append(other)
    return varied[-POINTS:]


def _is_cheap(size: Size, chosen: Size) -> bool:
    """Whether a larger size is within the bounds, or at least no worse than what was chosen."""
    numbers = size.rows * size.inputs
    return (
        size.steps <= max(MOST_STEPS, chosen.steps)
        and numbers <= max(MOST_NUMBERS, chosen.rows * chosen.inputs)
        and numbers * size.epochs * size.lambdas <= MOST_WORK
    )


def exponents(points: Sequence[Point]) -> tuple[Exponent, ...]:
    """One for each axis and backend that has two points or more."""
    groups: dict[tuple[str, str], list[tuple[int, float]]] = {}
    for point in points:
        if point.cost is not None and point.error is None:
            group = groups.setdefault((point.axis, point.backend), [])
            group.append((point.value, point.cost.median))
    return tuple(
        fit(axis, backend, sorted(group))
        for (axis, backend), group in groups.items()
        if len(group) > 1
    )


def fit(axis: str, backend: str, costs: Sequence[tuple[int, float]]) -> Exponent:
    """The slope of log cost on log value, by least squares over the upper points."""
    values, seconds = zip(*costs[-UPPER:], strict=True)
    slope, _ = np.polyfit(np.log(values), np.log(seconds), 1)
    return Exponent(axis, backend, float(slope), values)
