"""Independent random streams from one seed, so that changing one draw leaves the others alone."""

from __future__ import annotations

import numpy as np

_STREAMS = ("data", "split", "initial", "minibatches", "folds", "noise", "subsets")


def generator(seed: int, stream: str) -> np.random.Generator:
    """NumPy's default generator for one of the streams of an experiment's seed."""
    sequence = np.random.SeedSequence(seed, spawn_key=(_STREAMS.index(stream),))
    return np.random.default_rng(sequence)
