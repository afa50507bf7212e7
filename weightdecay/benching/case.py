"""One problem with everything that goes to the workers, and NumPy's answer to it.

NumPy draws data, initial state and minibatches once, here; they travel as arrays, so that workers
with different versions of NumPy see the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from weightdecay.benching import sizes
from weightdecay.benching.sizes import Size
from weightdecay.data import minibatches
from weightdecay.data.load import load_data
from weightdecay.experiment import Experiment
from weightdecay.ops import NumPyArray, Parameters
from weightdecay.parity import compare
from weightdecay.remote import EXAMPLES
from weightdecay.tolerances import PARITY
from weightdecay.train import fit, initial_state


@dataclass(frozen=True, eq=False)
class Case:
    """What every backend is given, and what it must find.

    Attributes
    ----------
    size, experiment
        What is trained.
    implementation, dtype, device : str
        How.
    arrays : dict
        The examples, in `dtype`; the initial state w, b; the row numbers of all minibatches, of
        shape (epochs, steps, batch), and their weights, the same in every epoch.
    reference : Parameters
        Where NumPy's own training, from scratch and in this process, ends.
    """

    size: Size
    experiment: Experiment
    implementation: str
    dtype: str
    device: str
    arrays: dict[str, NumPyArray]
    reference: Parameters

    def header(self, backend: str) -> dict[str, Any]:
        """What a worker is told beside the arrays."""
        return {
            "experiment": self.experiment.to_dict(),
            "backend": backend,
            "implementation": self.implementation,
            "dtype": self.dtype,
            "device": self.device,
        }

    def difference(self, found: dict[str, NumPyArray]) -> float:
        """The largest difference of any parameter, relative to the largest one of NumPy's."""
        ours = {"parameters": _stacked(Parameters(found["w"], found["b"]))}
        return compare(ours, {"parameters": _stacked(self.reference)}).max_relative_difference

    @property
    def tolerance(self) -> float:
        """The largest such difference that counts as agreement."""
        return PARITY[self.dtype]


def make(size: Size, implementation: str, dtype: str, device: str) -> Case:
    """Draw a problem, and let NumPy solve it.

    Raises
    ------
    DivergenceError
        NumPy's training diverged.
    """
    e = sizes.experiment(size)
    drawn = load_data(e.data, e.seed)
    cast = {name: getattr(drawn, name).astype(dtype, copy=False) for name in EXAMPLES}
    dataset = replace(drawn, **cast)
    plans = list(minibatches.draw(size.rows, e.batch_size, e.epochs, e.seed, e.shuffle))
    start = initial_state(e, dataset, None)
    arrays = {**cast, "w": start.w, "b": start.b}
    arrays |= {"rows": np.stack([plan.rows for plan in plans]), "mean": plans[0].mean}
    reference = fit(e, dataset, backend="numpy", dtype=dtype).params
    return Case(size, e, implementation, dtype, device, arrays, reference)


def _stacked(params: Parameters) -> NumPyArray:
    """The weights over the biases, as the one step of a trajectory; one scale for both."""
    return np.vstack([params.w, params.b])[None]
