"""λ on a logarithmic axis, on which 0 has a place of its own at the left end."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from weightdecay.ops import NumPyArray

GAP = 0.1
"""How far 0 stands left of the smallest positive λ, as a share of the axis; at least GAP_LEAST."""
GAP_LEAST = 0.3


def exponents(lambdas: Sequence[float]) -> NumPyArray:
    """log₁₀ λ, and for λ = 0 a little less than the least of the others."""
    positive = [math.log10(lambd) for lambd in lambdas if lambd > 0]
    if not positive:
        return np.zeros(len(lambdas))
    zero = min(positive) - max(GAP_LEAST, GAP * (max(positive) - min(positive)))
    return np.array([math.log10(lambd) if lambd > 0 else zero for lambd in lambdas])


def ticks(lambdas: Sequence[float]) -> list[tuple[float, str]]:
    """Where on the axis what is written: 0 if it is there, and eight powers of ten or the ends."""
    places = exponents(lambdas).tolist()
    labels = [(places[lambdas.index(0)], "0")] if 0 in lambdas else []
    positive = [place for place, lambd in zip(places, lambdas, strict=True) if lambd > 0]
    if positive:
        first, last = math.ceil(min(positive) - 1e-9), math.floor(max(positive) + 1e-9)
        every = -(-(last - first + 1) // 8)
        decades = list(range(first, last + 1, max(every, 1)))
        if len(decades) > 1:
            labels += [(float(k), f"1e{k:+03d}") for k in decades]
        else:
            labels += [(end, f"{10**end:.3g}") for end in sorted({positive[0], positive[-1]})]
    return labels
