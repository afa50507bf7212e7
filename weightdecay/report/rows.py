"""Which λ of a grid a table shows."""

from __future__ import annotations

import numpy as np

ROWS = 12
"""λ that a table shows, spread evenly over the grid."""


def shown(count: int, *kept: int | None) -> list[int]:
    """Places in a grid of so many λ, those that must be there among them."""
    spread = {round(x) for x in np.linspace(0, count - 1, min(count, ROWS)).tolist()}
    return sorted(spread | {place for place in kept if place is not None})
