"""The guide's own update on given gradients, in NumPy: w ← w − lr (g + lambd w), b ← b − lr g."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from weightdecay.ops import NumPyArray


class Rehearsal:
    """See `weightdecay.translation.staging.Stage`."""

    methods = ()

    def __init__(self, initial: Mapping[str, NumPyArray], dtype: str) -> None:
        self.names: dict[str, Any] = {
            "WeightDecay": _settings,
            "WeightDecayScratch": _settings,
            "num_inputs": initial["weight"].size,
        }
        self.known = {"num_inputs": self.names["num_inputs"]}
        self._params = {name: np.array(value) for name, value in initial.items()}

    def begin(self, made: Mapping[str, Any]) -> None:
        """Take λ and the learning rate."""
        self._lambd, self._lr = made["model"]

    def step(self, gradients: Mapping[str, NumPyArray]) -> None:
        """One step."""
        w, b = self._params["weight"], self._params["bias"]
        self._params = {
            "weight": w - self._lr * (gradients["weight"] + self._lambd * w),
            "bias": b - self._lr * gradients["bias"],
        }

    def read(self) -> dict[str, NumPyArray]:
        """The parameters."""
        return dict(self._params)


def _settings(*args: Any, **kwargs: Any) -> tuple[float, float]:
    """λ and lr, however the class is called: (num_inputs, lambd, lr) or (wd, lr)."""
    named = {**kwargs}
    names = ("wd", "lr") if "wd" in named or len(args) == 2 else ("num_inputs", "lambd", "lr")
    named |= dict(zip(names, args, strict=False))
    return named["wd"] if "wd" in named else named["lambd"], named["lr"]
