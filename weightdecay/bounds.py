"""The most there may be of whatever can be counted, each with its reason.

A count beyond these is a slip of the pen, or a program that would not end; what fits neither into
memory is refused by `weightdecay.memory`, with the size it would have.
"""

from __future__ import annotations

COUNT = 1_000_000_000
"""Rows, inputs and whatever has no bound of its own: their indices still fit into 32 bits."""

SEED = 2**64
"""The largest seed: any sum of 64 bits. NumPy's generators take all of it."""

SEED32 = 2**32 - 1
"""The largest seed that NumPy's older generator takes, which cuts scikit-learn's folds, and that
every framework takes."""

BYTES = 2**62
"""Of memory: more than any machine has."""

EPOCHS = 10_000_000
"""A single step takes some microseconds, so that more epochs take days on the smallest data."""

DEGREE = 1_000
"""Of monomials: higher powers of 2 are infinite in float64."""

FACTORIAL = 170
"""Of polynomial data, whose inputs are xⁱ/i!: 170! is the last factorial that float64 holds."""

GRID = 100_000
"""Values of λ or of a learning rate."""

SEEDS = 100_000
"""Seeds of a sweep, each of which is trained apart from the others."""

REPEATS = 10_000
"""How often rows are cut into folds: the standard error of a mean of more is below a hundredth."""

COPIES = 1_000_000
"""Copies of the rows with noise: ridge to three digits from far fewer."""

ROUNDS = 100_000
"""Measurements of a benchmark."""

THREADS = 1_024
"""Threads of a backend: beyond the processors of any one machine it waits for itself."""

EXAMPLES = 10**15
"""Examples that a penalty is a multiple of."""
